//! Giving disk back: what can be had again goes when it runs short.
//!
//! 1. images that Berth pulled for Dockerfiles;
//! 2. images of installed packages;
//! 3. toolchains;
//! 4. images that Berth pulled to begin those with;
//! 5. volumes with caches.
//!
//! First all that nobody used for a day, then what somebody did; within each kind what was used least recently. What a
//! build that still runs may need stays, and so does what was on the machine before Berth, or what somebody else uses.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::Duration;

use berth_model::Timestamp;
use bollard::query_parameters::RemoveVolumeOptions;

use crate::error::{is_status, while_doing};
use crate::labels::KIND;
use crate::{DiskSpace, Engine, Kind, RuntimeError};

/// What was used within this time is likely to be used again.
const RECENT: Duration = Duration::from_secs(24 * 3_600);
/// Files that must still fit on the disk: a build's packages are some ten thousand.
const ENOUGH_INODES: u64 = 50_000;

/// Kinds of what can be had again, in the order in which they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    OfDockerfiles,
    Dependencies,
    Toolchain,
    Base,
    Cache,
}

/// Something that can be had again.
#[derive(Debug)]
struct Holding {
    rank: Rank,
    last: Timestamp,
    name: String,
}

impl Engine {
    /// Removes what can be had again until `wanted` bytes are free where Docker writes, and room for files. Nothing goes
    /// while there is room, or where Docker's disk cannot be seen. Returns the names of what went.
    ///
    /// # Errors
    /// What Docker said; a thing that cannot be removed is no error and stays.
    pub async fn make_room(&self, wanted: u64) -> Result<Vec<String>, RuntimeError> {
        let mut gone = Vec::new();
        if !self.is_short_of(wanted).await? {
            return Ok(gone);
        }
        let now = self.config().clock.now();
        let mut holdings = self.holdings().await?;
        holdings.sort_by_key(|holding| (now.since(holding.last) < RECENT, holding.rank, holding.last));
        for holding in holdings {
            if !self.is_short_of(wanted).await? {
                break;
            }
            if self.give_up(&holding).await? {
                tracing::info!("{} made room on Docker's disk; it was used last at {}", holding.name, holding.last);
                gone.push(holding.name);
            }
        }
        Ok(gone)
    }

    /// Removes images of dependencies, the least recently used first, until at most `keep` are left. Returns how many
    /// went.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn prune_dependency_images(&self, keep: usize) -> Result<usize, RuntimeError> {
        let mut images = self.holdings().await?;
        images.retain(|holding| holding.rank == Rank::Dependencies);
        images.sort_by_key(|holding| Reverse(holding.last));
        let mut removed = 0;
        for image in images.iter().skip(keep) {
            removed += usize::from(self.give_up(image).await?);
        }
        Ok(removed)
    }

    async fn is_short_of(&self, wanted: u64) -> Result<bool, RuntimeError> {
        let space = self.disk_space().await?;
        Ok(space
            .is_some_and(|DiskSpace { free_bytes, free_inodes }| free_bytes < wanted || free_inodes < ENOUGH_INODES))
    }

    /// All that can be had again. What is gone is forgotten on the way.
    async fn holdings(&self) -> Result<Vec<Holding>, RuntimeError> {
        let images = self.images(&[]).await?;
        let volumes = self.volumes(&[(KIND, Kind::Cache.as_str())]).await?;
        let mut turn = self.uses().turn().await;
        let mut holdings = Vec::new();
        for image in images {
            let rank = match image.labels.get(KIND).map(String::as_str) {
                Some(kind) if kind == Kind::Dependencies.as_str() => Rank::Dependencies,
                Some(kind) if kind == Kind::Toolchain.as_str() => Rank::Toolchain,
                // Of a build that runs, or the sweep's.
                _ => continue,
            };
            for name in image.repo_tags.into_iter().filter(|tag| !tag.contains("<none>")) {
                // Made before uses were noted, it is as old as it is.
                let made = Timestamp(image.created.saturating_mul(1_000_000));
                holdings.push(Holding { rank, last: turn.last(&name).max(made), name });
            }
        }
        for volume in volumes {
            holdings.push(Holding { rank: Rank::Cache, last: turn.last(&volume.name), name: volume.name });
        }
        let names: HashSet<String> = holdings.iter().map(|holding| holding.name.clone()).collect();
        turn.only(&names).await;
        let all_pulled = turn.all_pulled();
        drop(turn);
        for (name, pulled) in all_pulled {
            // Under its name there may be another by now, which somebody else brought.
            let is_it = self.inspect_id(&name).await?.as_ref() == Some(&pulled.id);
            let mut turn = self.uses().turn().await;
            if is_it {
                let rank = if pulled.is_base { Rank::Base } else { Rank::OfDockerfiles };
                holdings.push(Holding { rank, last: turn.last(&name), name });
            } else {
                turn.not_ours(&name, &pulled.id).await;
            }
        }
        Ok(holdings)
    }

    /// Removes one of them, unless a build may need it; whether it is gone.
    async fn give_up(&self, holding: &Holding) -> Result<bool, RuntimeError> {
        let mut turn = self.uses().turn_of(&holding.name).await;
        let last = turn.last(&holding.name).max(holding.last);
        if turn.now.since(last) < self.config().limits.time {
            return Ok(false);
        }
        // Whoever begins to use it now waits, and then makes it anew.
        let leaving = turn.let_go(&holding.name);
        let is_gone = match holding.rank {
            Rank::Cache => self.remove_idle_volume(&holding.name).await,
            _ => self.remove_image(&holding.name).await,
        };
        let is_gone = match is_gone {
            Err(error @ RuntimeError::Refused { .. }) => {
                tracing::warn!("{} stays, though room is needed: {error}", holding.name);
                false
            }
            is_gone => is_gone?,
        };
        if is_gone {
            leaving.has_left().await;
        }
        Ok(is_gone)
    }

    /// Removes a volume that no container uses; `false` if one does. The caller has let it go.
    pub(crate) async fn remove_idle_volume(&self, name: &str) -> Result<bool, RuntimeError> {
        let docker = self.docker_for_files().await?;
        match docker.remove_volume(name, Some(RemoveVolumeOptions { force: false })).await {
            Ok(()) => Ok(true),
            Err(error) if is_status(&error, 404) => Ok(true),
            Err(error) if is_status(&error, 409) => Ok(false),
            Err(error) => Err(while_doing("remove a volume")(error)),
        }
    }
}
