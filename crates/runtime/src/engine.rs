//! The connection to the daemon, made when it is first needed, and what is known about the daemon.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use berth_model::{BuildLimits, Clock, InstanceId, ShortId};
use bollard::query_parameters::InspectContainerOptions;
use bollard::{API_DEFAULT_VERSION, Docker};
use ipnet::Ipv4Net;
use tokio::sync::OnceCell;

use crate::error::while_doing;
use crate::network::{Doors, Network};
use crate::services::{Looks, Readers, Sizes};
use crate::uses::Uses;
use crate::{Labels, RuntimeError};

/// How long an ordinary request may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Docker puts this file into every container.
const IN_A_CONTAINER: &str = "/.dockerenv";
/// How long one that moves files may take (committing an image, unpacking a tar).
const FILES_WITHIN: Duration = Duration::from_secs(15 * 60);

/// What the engine is told when it is made.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Whose containers these are.
    pub instance: InstanceId,
    /// Where the daemon listens (`DOCKER_HOST`): `unix://…` or `tcp://…`; `None` is the usual local socket.
    pub host: Option<String>,
    /// Whether builds may reach this machine and its private networks (`BERTH_EGRESS`).
    pub egress: Egress,
    /// Networks that closed builds may reach all the same (`BERTH_EGRESS_ALLOW`).
    pub egress_allow: Vec<Ipv4Net>,
    /// What one container may use.
    pub limits: SandboxLimits,
    /// The file that says what was used when, and what was pulled; `None` keeps that in memory.
    pub notes: Option<PathBuf>,
    /// What time it is.
    pub clock: Clock,
}

impl EngineConfig {
    /// The local daemon, a closed network and the default limits.
    #[must_use]
    pub fn new(instance: InstanceId) -> Self {
        Self {
            instance,
            host: None,
            egress: Egress::Closed,
            egress_allow: Vec::new(),
            limits: SandboxLimits::from(&BuildLimits::default()),
            notes: None,
            clock: Clock::System,
        }
    }
}

/// Whether builds may reach private networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Egress {
    /// Public addresses and the configured name servers only; no build starts where that cannot be enforced.
    #[default]
    Closed,
    /// Anything that the host can reach.
    Open,
}

/// What one container may use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SandboxLimits {
    /// Bytes of memory; there is no swap beyond it.
    pub memory: u64,
    /// Cores.
    pub cpus: f64,
    /// Processes and threads.
    pub pids: u32,
    /// Wall time of one build.
    pub time: Duration,
}

impl From<&BuildLimits> for SandboxLimits {
    fn from(limits: &BuildLimits) -> Self {
        Self { memory: limits.memory, cpus: limits.cpus, pids: limits.pids, time: limits.timeout }
    }
}

/// What the daemon says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// The daemon's version: `20.10.24`.
    pub version: String,
    /// The API version that is spoken: `1.41`.
    pub api_version: String,
    /// The storage driver: `overlay2`.
    pub driver: String,
    /// Where the daemon keeps images and volumes, as a path on *its* machine.
    pub root_dir: String,
    /// The cores that the daemon has.
    pub cpus: u32,
}

/// Free space on the file system that images and containers are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes that an unprivileged process could still write.
    pub free_bytes: u64,
    /// Files that could still be made; file systems without a fixed number report a very large one.
    pub free_inodes: u64,
}

/// One Docker daemon as one instance of Berth sees it.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({})", self.0.config.instance)
    }
}

struct Inner {
    config: EngineConfig,
    /// Random, new with each process.
    process: String,
    link: OnceCell<Link>,
    network: Network,
    uses: Uses,
    volume_sizes: Sizes,
    readers: Readers,
    looks: Looks,
    /// The container that Berth itself runs in, if that has networks of its own.
    own_container: OnceCell<Option<String>>,
    doors: Doors,
    /// What this process did not get rid of yet.
    orphans: Mutex<Orphans>,
}

/// What is to be removed, until it was.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    /// Ids of containers.
    pub(crate) containers: HashSet<String>,
    /// Marks of image builds that did not end by themselves: their steps have no names that we know.
    pub(crate) marks: HashSet<String>,
}

/// A connection whose API version has been agreed on.
struct Link {
    docker: Docker,
    info: EngineInfo,
}

impl Engine {
    /// An engine that connects when it is first asked for something.
    #[must_use]
    pub fn connect(config: EngineConfig) -> Self {
        Self(Arc::new(Inner {
            network: Network::new(&config),
            process: ShortId::random().0,
            link: OnceCell::new(),
            uses: Uses::new(config.clock.clone(), config.notes.clone()),
            volume_sizes: Sizes::default(),
            readers: Readers::default(),
            looks: Looks::default(),
            own_container: OnceCell::new(),
            doors: Doors::default(),
            orphans: Mutex::default(),
            config,
        }))
    }

    /// Asks the daemon whether it is there; answers within five seconds either way.
    ///
    /// # Errors
    /// [`RuntimeError::Unreachable`].
    pub async fn ping(&self) -> Result<EngineInfo, RuntimeError> {
        let asked = async {
            let link = self.link().await?;
            link.docker.ping().await.map_err(while_doing("answer a ping"))?;
            Ok(link.info.clone())
        };
        tokio::time::timeout(Duration::from_secs(5), asked)
            .await
            .unwrap_or_else(|_| Err(RuntimeError::Unreachable { reason: "no answer within 5 seconds".to_owned() }))
    }

    /// Free space where the daemon writes; `None` if that is not on this machine.
    ///
    /// # Errors
    /// [`RuntimeError::Unreachable`] if the daemon has never answered.
    pub async fn disk_space(&self) -> Result<Option<DiskSpace>, RuntimeError> {
        if self.is_remote() {
            return Ok(None);
        }
        let root = Path::new(&self.link().await?.info.root_dir);
        // A container does not see the daemon's directory, but its own root is a layer in it.
        let root = if !root.exists() && Path::new(IN_A_CONTAINER).exists() { Path::new("/") } else { root };
        Ok(rustix::fs::statvfs(root).ok().map(|stat| DiskSpace {
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            // btrfs and others that make inodes as they go say 0 of 0
            free_inodes: if stat.f_files == 0 { u64::MAX } else { stat.f_favail },
        }))
    }

    /// What the engine was told when it was made.
    #[must_use]
    pub fn config(&self) -> &EngineConfig {
        &self.0.config
    }

    pub(crate) async fn docker(&self) -> Result<&Docker, RuntimeError> {
        Ok(&self.link().await?.docker)
    }

    /// A client that waits long enough for requests that move files.
    pub(crate) async fn docker_for_files(&self) -> Result<Docker, RuntimeError> {
        Ok(self.docker().await?.clone().with_timeout(FILES_WITHIN))
    }

    pub(crate) async fn info(&self) -> Result<&EngineInfo, RuntimeError> {
        Ok(&self.link().await?.info)
    }

    pub(crate) fn network(&self) -> &Network {
        &self.0.network
    }

    pub(crate) fn uses(&self) -> &Uses {
        &self.0.uses
    }

    pub(crate) fn volume_sizes(&self) -> &Sizes {
        &self.0.volume_sizes
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.0.readers
    }

    pub(crate) fn looks(&self) -> &Looks {
        &self.0.looks
    }

    pub(crate) fn own_container_cell(&self) -> &OnceCell<Option<String>> {
        &self.0.own_container
    }

    pub(crate) fn doors_known(&self) -> &Doors {
        &self.0.doors
    }

    pub(crate) fn process(&self) -> &str {
        &self.0.process
    }

    pub(crate) fn orphans(&self) -> std::sync::MutexGuard<'_, Orphans> {
        self.0.orphans.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn write_labels(&self, labels: &Labels) -> std::collections::HashMap<String, String> {
        labels.write(&self.0.config.instance, &self.0.process)
    }

    pub(crate) fn is_remote(&self) -> bool {
        self.0.config.host.as_deref().is_some_and(|host| !host.starts_with("unix://"))
    }

    /// Whether the container exists and its first process runs.
    pub(crate) async fn is_running(&self, container: &str) -> Result<bool, RuntimeError> {
        let inspected = self.docker().await?.inspect_container(container, None::<InspectContainerOptions>).await;
        let state = inspected.map_err(crate::error::in_container("describe a container"))?.state;
        Ok(state.and_then(|state| state.running).unwrap_or(false))
    }

    async fn link(&self) -> Result<&Link, RuntimeError> {
        self.0.link.get_or_try_init(|| self.open_link()).await
    }

    async fn open_link(&self) -> Result<Link, RuntimeError> {
        let unreachable = while_doing("connect");
        let seconds = ANSWER_WITHIN.as_secs();
        let docker = match self.0.config.host.as_deref() {
            None => Docker::connect_with_unix("/var/run/docker.sock", seconds, API_DEFAULT_VERSION),
            Some(host) => Docker::connect_with_host(host),
        }
        .map_err(&unreachable)?
        .with_timeout(ANSWER_WITHIN)
        .negotiate_version()
        .await
        .map_err(&unreachable)?;
        let said = docker.info().await.map_err(while_doing("describe itself"))?;
        let api = docker.client_version();
        let info = EngineInfo {
            version: said.server_version.unwrap_or_default(),
            api_version: format!("{}.{}", api.major_version, api.minor_version),
            driver: said.driver.unwrap_or_default(),
            root_dir: said.docker_root_dir.unwrap_or_default(),
            cpus: said.ncpu.and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or(1).max(1),
        };
        tracing::debug!(version = info.version, api = info.api_version, driver = info.driver, "connected to Docker");
        Ok(Link { docker, info })
    }
}
