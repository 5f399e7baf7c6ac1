//! The one place that decides what a container may do.
//!
//! A container here runs code that strangers wrote, as root inside, on a machine that others share. So: no capability
//! but those that unpacking packages as root needs; no new privileges; no swap; bounded memory, processors, processes
//! and files; our closed network; no host path; nothing written to the daemon's own logs; and a first process of ours,
//! whatever the image says about entry point, user or health check.

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
    ResourcesUlimits,
};
use bollard::query_parameters::{CreateContainerOptions, StartContainerOptions};

use crate::error::{is_status, while_doing};
use crate::{Container, Engine, Labels, RuntimeError, VolumeMount};

/// What root needs to unpack packages: to give files away, to work on files of other users, and to become one.
/// Not MKNOD (device nodes), NET_RAW, SETFCAP, KILL or anything with SYS in its name.
const CAPABILITIES: [&str; 5] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];

/// Open files of one process. A daemon cannot give more than it has itself, and then starts nothing: this is less than
/// distributions give it, and more than bundlers open.
const OPEN_FILES: i64 = 16_384;

/// Bytes that one file may have, in a sandbox and in a step of a Dockerfile. Docker copies what a file is long, not what
/// it takes: one that is empty for a terabyte would fill the disk when it becomes part of an image.
pub const LARGEST_FILE: u64 = 4 << 30;

/// Under memory pressure on the host, builds die before anything else does.
const OOM_SCORE: i64 = 500;

/// A container to be made.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// The image, which must be on this machine.
    pub image: String,
    /// Whose it is.
    pub labels: Labels,
    /// Caches that outlive it.
    pub volumes: Vec<VolumeMount>,
    /// The directory that commands start in; made if it does not exist.
    pub workdir: Option<String>,
}

impl Engine {
    /// Makes and starts a container that does nothing until [`Container::exec`] runs something in it. It has no
    /// environment but its image's, so that an image made of it holds no secret.
    ///
    /// # Errors
    /// [`RuntimeError::NetworkOpen`] if the network is not closed, [`RuntimeError::MissingImage`], or what Docker said.
    pub async fn create(&self, sandbox: &Sandbox) -> Result<Container, RuntimeError> {
        self.require_network().await?;
        self.start_sandbox(sandbox).await
    }

    /// Makes a container that is never started: for taking files out of an image that may hold no program at all.
    ///
    /// # Errors
    /// [`RuntimeError::MissingImage`], or what Docker said.
    pub async fn create_stopped(&self, sandbox: &Sandbox) -> Result<Container, RuntimeError> {
        let (engine, sandbox) = (self.clone(), sandbox.clone());
        // In a task of its own: a caller who gives up while the daemon is at it still leaves a `Container` to drop.
        let made = tokio::spawn(async move { engine.make_container(&sandbox).await }).await;
        made.unwrap_or(Err(RuntimeError::Gone))
    }

    async fn make_container(&self, sandbox: &Sandbox) -> Result<Container, RuntimeError> {
        let body = self.container_body(sandbox).await?;
        let options = None::<CreateContainerOptions>;
        let made = self.docker().await?.create_container(options, body).await.map_err(|error| {
            if is_status(&error, 404) {
                let reason = error.to_string();
                RuntimeError::MissingImage { image: sandbox.image.clone(), reason }
            } else {
                while_doing("create a container")(error)
            }
        })?;
        berth_model::step!("container made");
        Ok(Container::new(self.clone(), made.id))
    }

    /// [`Engine::create`] without asking about the network: the probe of the network itself starts here.
    pub(crate) async fn start_sandbox(&self, sandbox: &Sandbox) -> Result<Container, RuntimeError> {
        let container = self.create_stopped(sandbox).await?;
        let started = self.docker().await?.start_container(container.id(), None::<StartContainerOptions>).await;
        match started {
            Ok(()) => {
                berth_model::step!("container started");
                Ok(container)
            }
            Err(error) => {
                container.stop_and_remove().await?;
                Err(while_doing("start a container")(error))
            }
        }
    }

    async fn container_body(&self, sandbox: &Sandbox) -> Result<ContainerCreateBody, RuntimeError> {
        let words = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect());
        Ok(ContainerCreateBody {
            image: Some(sandbox.image.clone()),
            labels: Some(self.write_labels(&sandbox.labels)),
            entrypoint: words(&["sleep"]),
            cmd: words(&["infinity"]),
            user: Some("0:0".to_owned()),
            working_dir: sandbox.workdir.clone(),
            healthcheck: Some(HealthConfig { test: words(&["NONE"]), ..HealthConfig::default() }),
            host_config: Some(self.host_config(&sandbox.volumes).await?),
            ..ContainerCreateBody::default()
        })
    }

    /// What every container of Berth may do, without exception.
    async fn host_config(&self, volumes: &[VolumeMount]) -> Result<HostConfig, RuntimeError> {
        let limits = self.config().limits;
        let memory = i64::try_from(limits.memory).unwrap_or(i64::MAX);
        Ok(HostConfig {
            privileged: Some(false),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(CAPABILITIES.map(str::to_owned).to_vec()),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            // reaps what builds leave behind, and lets signals work
            init: Some(true),
            memory: Some(memory),
            memory_swap: Some(memory),
            nano_cpus: Some(self.nano_cpus().await?),
            pids_limit: Some(i64::from(limits.pids)),
            ulimits: Some(vec![ulimit("nofile", OPEN_FILES), ulimit("fsize", LARGEST_FILE.cast_signed())]),
            oom_score_adj: Some(OOM_SCORE),
            network_mode: Some(self.network().name().to_owned()),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            mounts: Some(volumes.iter().map(mount).collect()),
            ..HostConfig::default()
        })
    }

    /// The processor limit in billionths of a core: never more than the daemon has, for it would refuse.
    pub(crate) async fn nano_cpus(&self) -> Result<i64, RuntimeError> {
        let cpus = self.config().limits.cpus.clamp(0.01, f64::from(self.info().await?.cpus));
        #[allow(clippy::cast_possible_truncation, reason = "clamped to a small positive number above")]
        Ok((cpus * 1e9) as i64)
    }
}

fn ulimit(name: &str, limit: i64) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(limit), hard: Some(limit) }
}

/// A volume by name; the type admits no path on the host.
fn mount(volume: &VolumeMount) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.volume.as_str().to_owned()),
        target: Some(volume.path.clone()),
        volume_options: Some(MountVolumeOptions {
            labels: Some(volume.volume.labels.clone()),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}
