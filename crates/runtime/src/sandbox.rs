//! The one place that decides what a container may do.
//!
//! A container here runs code that strangers wrote, often as root inside, on a machine that others share. So: no
//! capability but those that its purpose needs; no new privileges; no swap; bounded memory, processors, processes and
//! open files; a closed network; no host path; and a bounded log, or none.
//!
//! A build's container also has a first process of ours, whatever the image says about entry point, user or health
//! check. A replica's is the application.

use std::collections::HashMap;
use std::num::NonZeroU16;

use berth_model::ShortId;
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
    PortBinding, PortMap, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{CreateContainerOptions, StartContainerOptions};

use crate::error::{is_answer, is_status, while_doing};
use crate::{Container, Engine, Labels, RuntimeError, VolumeMount, VolumeName};

/// What root needs to unpack packages: to give files away, to work on files of other users, and to become one.
/// Not MKNOD (device nodes), NET_RAW, SETFCAP, KILL or anything with SYS in its name.
const OF_BUILDS: [&str; 5] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];

/// What servers do as root before they stop being it: take a low port, give their files away, become another user and
/// end processes of that user.
const OF_SERVICES: [&str; 9] =
    ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETPCAP", "SETUID"];

/// Open files of one process. A daemon cannot give more than it has itself, and then starts nothing: this is less than
/// distributions give it, and more than bundlers open.
const OPEN_FILES: i64 = 16_384;

/// Bytes that one file may have, in a sandbox and in a step of a Dockerfile. Docker copies what a file is long, not what
/// it takes: one that is empty for a terabyte would fill the disk when it becomes part of an image.
pub const LARGEST_FILE: u64 = 4 << 30;

/// Under memory pressure on the host, builds die before anything else does.
const OOM_SCORE_OF_BUILDS: i64 = 500;
/// Then services, and only then Berth and the host's own.
const OOM_SCORE_OF_SERVICES: i64 = 200;

/// What the daemon keeps of a replica's output until Berth has read it: Berth keeps the log itself.
const LOG_OF_SERVICES: [(&str, &str); 2] = [("max-size", "10m"), ("max-file", "3")];
/// Where a replica's port is published. Nobody but this machine reaches it.
const PUBLISHED_ON: &str = "127.0.0.1";

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

/// What one container may use, and what it is for.
pub(crate) struct Confines<'a> {
    pub(crate) memory: u64,
    pub(crate) cpus: f64,
    pub(crate) pids: u32,
    pub(crate) network: &'a str,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) purpose: Purpose,
}

/// What a container is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Commands of a build, one by one.
    Build,
    /// A service's own process, or a command beside it.
    Service {
        /// Where it listens, if somebody outside its network is to reach it.
        port: Option<NonZeroU16>,
    },
}

impl Engine {
    /// Makes and starts a container that does nothing until [`Container::exec`] runs something in it. It has no
    /// environment but its image's, so that an image made of it holds no secret.
    ///
    /// # Errors
    /// [`RuntimeError::NetworkOpen`] if the network is not closed, [`RuntimeError::MissingImage`], or what Docker said.
    pub async fn create(&self, sandbox: &Sandbox) -> Result<Container, RuntimeError> {
        self.require_network().await?;
        self.start_sandbox(sandbox, self.network().name()).await
    }

    /// Makes a container that is never started: for taking files out of an image that may hold no program at all.
    ///
    /// # Errors
    /// [`RuntimeError::MissingImage`], or what Docker said.
    pub async fn create_stopped(&self, sandbox: &Sandbox) -> Result<Container, RuntimeError> {
        self.make_sandbox(sandbox, self.network().name()).await
    }

    async fn make_sandbox(&self, sandbox: &Sandbox, network: &str) -> Result<Container, RuntimeError> {
        let (engine, sandbox, network) = (self.clone(), sandbox.clone(), network.to_owned());
        // In a task of its own: a caller who gives up while the daemon is at it still leaves a `Container` to drop.
        let made = tokio::spawn(async move { engine.make_container(&sandbox, &network).await }).await;
        made.unwrap_or(Err(RuntimeError::Gone))
    }

    async fn make_container(&self, sandbox: &Sandbox, network: &str) -> Result<Container, RuntimeError> {
        let body = self.container_body(sandbox, network).await?;
        // Named by us: where Docker goes away before its answer is here, what it may have made is removed by that name.
        let name = format!("berth-build-{}-{}", self.config().instance, ShortId::random());
        let options = CreateContainerOptions { name: Some(name.clone()), ..CreateContainerOptions::default() };
        let made = self.docker().await?.create_container(Some(options), body).await.map_err(|error| {
            if !is_answer(&error) {
                drop(Container::new(self.clone(), name));
            }
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
    pub(crate) async fn start_sandbox(&self, sandbox: &Sandbox, network: &str) -> Result<Container, RuntimeError> {
        let container = self.make_sandbox(sandbox, network).await?;
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

    async fn container_body(&self, sandbox: &Sandbox, network: &str) -> Result<ContainerCreateBody, RuntimeError> {
        let words = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect());
        let limits = self.config().limits;
        let confines = Confines {
            memory: limits.memory,
            cpus: limits.cpus,
            pids: limits.pids,
            network,
            mounts: sandbox.volumes.iter().map(|volume| mount(&volume.volume, &volume.path)).collect(),
            purpose: Purpose::Build,
        };
        Ok(ContainerCreateBody {
            image: Some(sandbox.image.clone()),
            labels: Some(self.write_labels(&sandbox.labels)),
            entrypoint: words(&["sleep"]),
            cmd: words(&["infinity"]),
            user: Some("0:0".to_owned()),
            working_dir: sandbox.workdir.clone(),
            healthcheck: Some(no_healthcheck()),
            host_config: Some(self.host_config(confines).await?),
            ..ContainerCreateBody::default()
        })
    }

    /// What every container of Berth may do, without exception.
    pub(crate) async fn host_config(&self, confines: Confines<'_>) -> Result<HostConfig, RuntimeError> {
        let memory = i64::try_from(confines.memory).unwrap_or(i64::MAX);
        let own = Own::of(confines.purpose);
        Ok(HostConfig {
            privileged: Some(false),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(own.capabilities),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            // reaps what is left behind, and lets signals work
            init: Some(true),
            // Berth alone decides what is started again, and when.
            restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
            memory: Some(memory),
            memory_swap: Some(memory),
            nano_cpus: Some(self.nano_cpus(confines.cpus).await?),
            pids_limit: Some(i64::from(confines.pids)),
            ulimits: Some(own.ulimits),
            oom_score_adj: Some(own.oom_score),
            network_mode: Some(confines.network.to_owned()),
            port_bindings: own.published,
            log_config: Some(own.log),
            mounts: Some(confines.mounts),
            ..HostConfig::default()
        })
    }

    /// The processor limit in billionths of a core: never more than the daemon has, for it would refuse.
    pub(crate) async fn nano_cpus(&self, cpus: f64) -> Result<i64, RuntimeError> {
        let cpus = cpus.clamp(0.01, f64::from(self.info().await?.cpus));
        #[allow(clippy::cast_possible_truncation, reason = "clamped to a small positive number above")]
        Ok((cpus * 1e9) as i64)
    }
}

/// What containers of one purpose have that others do not.
struct Own {
    capabilities: Vec<String>,
    ulimits: Vec<ResourcesUlimits>,
    oom_score: i64,
    published: Option<PortMap>,
    log: HostConfigLogConfig,
}

impl Own {
    fn of(purpose: Purpose) -> Self {
        let capabilities = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let open_files = ulimit("nofile", OPEN_FILES);
        match purpose {
            Purpose::Build => Self {
                capabilities: capabilities(&OF_BUILDS),
                ulimits: vec![open_files, ulimit("fsize", LARGEST_FILE.cast_signed())],
                oom_score: OOM_SCORE_OF_BUILDS,
                published: None,
                log: HostConfigLogConfig { typ: Some("none".to_owned()), config: None },
            },
            // Its files become no image, so that one may be as long as a database's: no limit to that.
            Purpose::Service { port } => Self {
                capabilities: capabilities(&OF_SERVICES),
                ulimits: vec![open_files, ulimit("core", 0)],
                oom_score: OOM_SCORE_OF_SERVICES,
                published: port.map(|port| HashMap::from([(tcp(port), Some(vec![on_this_machine()]))])),
                log: HostConfigLogConfig {
                    typ: Some("local".to_owned()),
                    config: Some(LOG_OF_SERVICES.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
                },
            },
        }
    }
}

/// A port as Docker writes it.
pub(crate) fn tcp(port: NonZeroU16) -> String {
    format!("{port}/tcp")
}

/// A port of this machine that the daemon chooses.
fn on_this_machine() -> PortBinding {
    PortBinding { host_ip: Some(PUBLISHED_ON.to_owned()), host_port: None }
}

/// Docker's own checks would run beside Berth's.
pub(crate) fn no_healthcheck() -> HealthConfig {
    HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }
}

fn ulimit(name: &str, limit: i64) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(limit), hard: Some(limit) }
}

/// A volume by name; the type admits no path on the host.
pub(crate) fn mount(volume: &VolumeName, path: &str) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.as_str().to_owned()),
        target: Some(path.to_owned()),
        volume_options: Some(MountVolumeOptions {
            labels: Some(volume.labels.clone()),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}
