//! Whether Docker answers and the disks have room, for `/health/ready` and before each build.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use berth_api::{BuildNetwork, DiskSpace, HealthChecks, Machine};
use berth_model::words::Bytes;
use berth_runtime::{Engine, NetworkState};
use tokio::sync::Mutex;

use crate::metrics::process;

/// How long an answer about Docker holds, so that monitoring does not burden it.
const DOCKER_ANSWER_HOLDS: Duration = Duration::from_secs(2);

/// For Docker to say how the network of builds stands: it may have to be made first.
const DOCKER_PATIENCE: Duration = Duration::from_secs(5);

/// The file systems that Berth writes to.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    directories: Vec<(&'static str, PathBuf)>,
    floor: u64,
}

impl Disk {
    /// `directories` by the variables that name them; `floor` in bytes, or a twentieth of a small file system.
    pub(crate) fn new(directories: Vec<(&'static str, PathBuf)>, floor: u64) -> Self {
        Self { directories, floor }
    }

    /// What is to be free before caches are left alone: what was just freed is not to run short at once.
    pub(crate) fn wanted(&self) -> u64 {
        self.floor.saturating_mul(2)
    }

    /// `Err` says where room is missing, in words. A disk that hangs holds up only who asks, no thread that serves.
    pub(crate) async fn room(&self) -> Result<(), String> {
        let disk = self.clone();
        let look = tokio::task::spawn_blocking(move || disk.look());
        look.await.unwrap_or_else(|_| Err("the disk could not be looked at".to_owned()))
    }

    /// How each disk stands; one that cannot be read is left out.
    async fn spaces(&self) -> Vec<DiskSpace> {
        let disk = self.clone();
        tokio::task::spawn_blocking(move || disk.measure()).await.unwrap_or_default()
    }

    fn measure(&self) -> Vec<DiskSpace> {
        let space = |(variable, directory): &(&'static str, PathBuf)| {
            let stat = rustix::fs::statvfs(directory).ok()?;
            let total = stat.f_blocks.saturating_mul(stat.f_frsize);
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            Some(DiskSpace { variable, free, total, floor: self.floor.min(total / 20) })
        };
        self.directories.iter().filter_map(space).collect()
    }

    fn look(&self) -> Result<(), String> {
        for (variable, directory) in &self.directories {
            let stat =
                rustix::fs::statvfs(directory).map_err(|_| format!("the directory of {variable} cannot be read"))?;
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let floor = self.floor.min(stat.f_blocks.saturating_mul(stat.f_frsize) / 20);
            if free < floor {
                return Err(format!("{} are free for {variable}, {} are needed", Bytes(free), Bytes(floor)));
            }
            // File systems that make inodes as they go say 0 of 0.
            if stat.f_files > 0 && stat.f_favail < 1_000 {
                return Err(format!("{} more files fit on the disk of {variable}, 1,000 are needed", stat.f_favail));
            }
        }
        Ok(())
    }
}

/// What Docker said last.
struct Answer {
    given: Instant,
    answer: Result<(), String>,
}

/// The checks that the API asks.
pub(crate) fn checks(engine: Engine, disk: Disk) -> HealthChecks {
    let (looking, around) = (engine.clone(), disk.clone());
    let machine = move || look_around(looking.clone(), around.clone());
    let last: Arc<Mutex<Option<Answer>>> = Arc::default();
    let docker = move || {
        let (engine, last) = (engine.clone(), last.clone());
        async move {
            let mut last = last.lock().await;
            if let Some(Answer { given, answer }) = &*last
                && given.elapsed() < DOCKER_ANSWER_HOLDS
            {
                return answer.clone();
            }
            let answer = engine.ping().await.map(drop).map_err(|error| error.to_string());
            *last = Some(Answer { given: Instant::now(), answer: answer.clone() });
            answer
        }
    };
    let disk = move || {
        let disk = disk.clone();
        async move { disk.room().await }
    };
    HealthChecks::new(docker, disk).looking_at(machine)
}

/// The machine as it is now. Docker has a few seconds to say its part.
async fn look_around(engine: Engine, disk: Disk) -> Machine {
    let docker = async {
        let info = engine.ping().await.ok()?;
        let network = tokio::time::timeout(DOCKER_PATIENCE, engine.prepare_network()).await.ok()?.ok();
        Some((info.version, network))
    };
    let (docker, disks) = tokio::join!(docker, disk.spaces());
    let (docker_version, network) = docker.map_or((None, None), |(version, network)| (Some(version), network));
    Machine { docker_version, network: network.map(build_network), disks, memory: process::resident_bytes() }
}

fn build_network(state: NetworkState) -> Result<BuildNetwork, String> {
    match state {
        NetworkState::Closed => Ok(BuildNetwork::Closed),
        NetworkState::Unproven { .. } => Ok(BuildNetwork::Unproven),
        NetworkState::Open => Ok(BuildNetwork::Open),
        NetworkState::Unenforced { why } => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn room_is_what_the_floor_asks_for() {
        let here = tempfile::tempdir().unwrap();
        let disk = |floor| Disk::new(vec![("BERTH_DATA_DIR", here.path().to_owned())], floor);
        assert_eq!(disk(1).room().await, Ok(()));
        let nowhere = Disk::new(vec![("BERTH_DATA_DIR", here.path().join("missing"))], 1);
        let spaces = disk(1).spaces().await;
        assert!(spaces.len() == 1 && spaces[0].floor == 1 && spaces[0].free <= spaces[0].total, "{spaces:?}");
        assert!(nowhere.spaces().await.is_empty());
        assert!(nowhere.room().await.unwrap_err().contains("BERTH_DATA_DIR"));
    }
}
