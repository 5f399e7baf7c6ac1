//! A guard for the disk that all builds share: where Docker cannot limit what one container writes, the one that
//! grew is stopped before the others have no room left.

use std::time::Duration;

use berth_model::{BuildLimits, Failure};
use berth_runtime::{Container, Engine};

use crate::failure::{self, Short};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Inodes below which builds are stopped; a package manager needs some ten thousand.
const FEW_INODES: u64 = 50_000;
/// A container that wrote less than this is not what filled the disk.
const GREW: u64 = 256 << 20;
/// How many of its own inodes make a build the one that grew.
const MANY_INODES: u64 = 200_000;

/// Returns when the disk is nearly full and has lost much since: for the builder's containers, which cannot be measured.
pub(super) async fn shrank(engine: &Engine, limits: &BuildLimits) -> Failure {
    let mut free_at_first = None;
    loop {
        let space = engine.disk_space().await;
        if let Ok(Some(space)) = space {
            let at_first = *free_at_first.get_or_insert(space);
            let inodes = at_first.free_inodes.saturating_sub(space.free_inodes);
            let bytes = at_first.free_bytes.saturating_sub(space.free_bytes);
            if space.free_inodes < FEW_INODES && inodes > MANY_INODES.min(at_first.free_inodes / 2) {
                return failure::no_space(Short::Inodes { left: space.free_inodes, floor: FEW_INODES });
            }
            let floor = limits.free_space_floor;
            if space.free_bytes < floor && bytes > GREW {
                return failure::no_space(Short::Space { left: space.free_bytes, floor, written: bytes });
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Returns when the disk is nearly full and this container is a reason for it; never otherwise.
pub(super) async fn ran_low(engine: &Engine, container: &Container, limits: &BuildLimits) -> Failure {
    let mut inodes_at_first = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        // A remote daemon's disk cannot be seen, and a daemon that does not answer ends the command anyway.
        let Ok(Some(space)) = engine.disk_space().await else { continue };
        let at_first = *inodes_at_first.get_or_insert(space.free_inodes);
        if space.free_inodes < FEW_INODES && at_first.saturating_sub(space.free_inodes) > MANY_INODES.min(at_first / 2)
        {
            return failure::no_space(Short::Inodes { left: space.free_inodes, floor: FEW_INODES });
        }
        let floor = limits.free_space_floor;
        if space.free_bytes < floor
            && let Ok(written) = container.written_bytes().await
            && written > GREW
        {
            return failure::no_space(Short::Space { left: space.free_bytes, floor, written });
        }
    }
}
