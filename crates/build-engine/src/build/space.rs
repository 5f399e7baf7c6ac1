//! A guard for the disk that all builds share: where Docker cannot limit what one container writes, the one that
//! grew is stopped before the others have no room left.
//!
//! A build is blamed for what it wrote itself, to its container and to its caches, never for what the machine lost
//! meanwhile. Only when next to nothing is left, and nobody was found out, does every build end.

use std::time::Duration;

use berth_model::{BuildId, BuildLimits, Failure};
use berth_runtime::{Amount, Container, DiskSpace, Engine, Written};

use crate::failure::{self, Short};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Inodes below which builds are stopped; a package manager needs some ten thousand.
const FEW_INODES: u64 = 50_000;
/// Who wrote less than this is not what filled the disk.
const GREW: u64 = 256 << 20;
/// How many of its own inodes make a build the one that grew.
const MANY_INODES: u64 = 200_000;
/// At this part of a floor it no longer matters who it was.
const LAST: u64 = 4;

/// Returns when the disk is nearly full and a step of this Dockerfile is a reason for it, or when next to nothing is left.
pub(super) async fn shrank(engine: &Engine, build: BuildId, limits: &BuildLimits) -> Failure {
    loop {
        if let Some(space) = short(engine, limits).await {
            let written = engine.written_by_steps(build).await.unwrap_or_default();
            if let Some(failure) = blamed(space, written, limits) {
                return failure;
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Returns when the disk is nearly full and this container is a reason for it, or when next to nothing is left. Its
/// caches are emptied then: nothing else would give back what is in them.
pub(super) async fn ran_low(engine: &Engine, container: &Container, limits: &BuildLimits) -> Failure {
    // What earlier builds left in its caches, as far as this one has not written yet.
    let mut caches_at_first = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(space) = short(engine, limits).await else { continue };
        let Written { layer, volumes } = container.written().await.unwrap_or_default();
        let cached = volumes.since(*caches_at_first.get_or_insert(volumes));
        if let Some(failure) = blamed(space, layer.and(cached), limits) {
            container.empty_volumes_at_its_end().await;
            return failure;
        }
    }
}

/// What is free, once that is so little that it matters who writes. A remote daemon's disk cannot be seen, and a daemon
/// that does not answer ends the command anyway.
async fn short(engine: &Engine, limits: &BuildLimits) -> Option<DiskSpace> {
    let space = engine.disk_space().await.ok()??;
    let is_short = space.free_bytes < limits.free_space_floor.saturating_mul(2) || space.free_inodes < 2 * FEW_INODES;
    is_short.then_some(space)
}

fn blamed(space: DiskSpace, written: Amount, limits: &BuildLimits) -> Option<Failure> {
    let DiskSpace { free_bytes, free_inodes } = space;
    let floor = limits.free_space_floor;
    let is_full = |free: u64, floor: u64, wrote: u64, much: u64| free < floor && wrote > much || free < floor / LAST;
    if is_full(free_inodes, FEW_INODES, written.files, MANY_INODES) {
        return Some(failure::no_space(Short::Inodes { left: free_inodes, floor: FEW_INODES, written: written.files }));
    }
    is_full(free_bytes, floor, written.bytes, GREW)
        .then(|| failure::no_space(Short::Space { left: free_bytes, floor, written: written.bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wrote_is_blamed_and_nobody_else_until_nothing_is_left() {
        let limits = BuildLimits { free_space_floor: 1 << 30, ..BuildLimits::default() };
        let says = |free_bytes: u64, free_inodes: u64, bytes: u64, files: u64| {
            blamed(DiskSpace { free_bytes, free_inodes }, Amount { bytes, files }, &limits).map(|failure| failure.title)
        };
        let (plenty, many) = (u64::MAX, 10 * FEW_INODES);
        assert_eq!(says(plenty, many, 1 << 40, 1 << 40), None, "there is room for it");
        assert_eq!(says(900 << 20, many, GREW, MANY_INODES), None, "somebody else filled it");
        assert!(says(900 << 20, many, GREW + 1, 0).unwrap().contains("has 900 MiB left"));
        assert!(says(255 << 20, many, 0, 0).unwrap().contains("has 255 MiB left"), "nobody was found out");
        assert_eq!(says(plenty, FEW_INODES - 1, 1 << 40, MANY_INODES), None, "somebody else made the files");
        assert!(says(plenty, FEW_INODES - 1, 0, MANY_INODES + 1).unwrap().contains("more files"));
        assert!(says(plenty, FEW_INODES / LAST - 1, 0, 0).unwrap().contains("more files"));
    }
}
