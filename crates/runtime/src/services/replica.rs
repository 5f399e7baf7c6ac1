//! Starting and stopping replicas.
//!
//! A replica's container has a name that says which one it is, so that whoever is asked twice for the same one, before
//! and after Berth was killed, finds it. Its network, its limits and its labels are made here; what it runs is its
//! image's, or the start command.

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::time::Duration;

use berth_model::{Cpus, DeploymentId, Environment, InstanceId, MountPath, ProjectId, ReplicaId};
use bollard::errors::Error as DockerError;
use bollard::models::{ContainerCreateBody, ContainerStateStatusEnum, EndpointSettings, NetworkingConfig};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, StartContainerOptions, StopContainerOptions,
};

use super::shell::shell;
use crate::error::{in_container, is_status, while_doing};
use crate::labels::{DEPLOYMENT, ENVIRONMENT, GENERATION, INSTANCE, PORT, REPLICA, SERVICE};
use crate::sandbox::{Confines, Purpose, mount, no_healthcheck, tcp};
use crate::{Engine, EnvVar, Kind, Labels, ReplicaContainer, RuntimeError, VolumeName};

/// A replica to start.
#[derive(Clone, Debug)]
pub struct ReplicaSpec {
    /// Which one.
    pub id: ReplicaId,
    /// Where its deployment belongs.
    pub environment: Environment,
    /// A higher one is a container of its own beside the one before.
    pub generation: i64,
    /// The image's id.
    pub image: String,
    /// Run by the image's shell; `None` is what the image itself starts.
    pub start_command: Option<String>,
    /// Set on top of the image's environment.
    pub env: Vec<EnvVar>,
    /// Where it listens.
    pub port: NonZeroU16,
    /// Bytes of memory; there is no swap beyond it.
    pub memory: u64,
    /// Processors.
    pub cpus: Cpus,
    /// Processes and threads.
    pub pids: u32,
    /// Volumes of [`Engine::ensure_service_volume`], and where they appear.
    pub volumes: Vec<(VolumeName, MountPath)>,
}

/// A container of a service that is to be made: a replica's or a command's.
pub(super) struct Wanted<'a> {
    pub(super) name: String,
    pub(super) labels: HashMap<String, String>,
    pub(super) id: Place<'a>,
    pub(super) image: &'a str,
    /// `None` is what the image itself starts.
    pub(super) command: Option<Vec<String>>,
    pub(super) env: &'a [EnvVar],
    pub(super) port: Option<NonZeroU16>,
    pub(super) memory: u64,
    pub(super) cpus: Cpus,
    pub(super) pids: u32,
    pub(super) volumes: &'a [(VolumeName, MountPath)],
    /// Not started again once it ran.
    pub(super) runs_once: bool,
}

/// What the container of a replica is called, and no other container: a step of a Dockerfile may carry any label that its
/// author likes, but nobody who has no say in Docker chooses a name.
pub(super) fn replica_name(instance: &InstanceId, replica: &ReplicaId, generation: i64) -> String {
    let ReplicaId { deployment, service, number, .. } = replica;
    format!("berth-{instance}-{deployment}-{service}-{number}-g{generation}")
}

/// Where a container stands among its siblings.
pub(super) struct Place<'a> {
    pub(super) project: ProjectId,
    pub(super) deployment: DeploymentId,
    /// What it calls itself. It begins with a digit, which no service's name does: a container resolves its own name to
    /// itself, and would not find the sibling of that name.
    pub(super) hostname: String,
    /// The name that siblings reach it by.
    pub(super) alias: Option<&'a str>,
}

impl Engine {
    /// Makes and starts a replica. One that exists already, running or ended, is taken over: started if it does not run.
    ///
    /// # Errors
    /// [`RuntimeError::ServicesOpen`], [`RuntimeError::ImageGone`], [`RuntimeError::CannotStart`], or what Docker said.
    pub async fn start_replica(&self, spec: &ReplicaSpec) -> Result<ReplicaContainer, RuntimeError> {
        let ReplicaId { project, deployment, service, number } = &spec.id;
        let instance = &self.config().instance;
        let wanted = Wanted {
            name: replica_name(instance, &spec.id, spec.generation),
            labels: self.replica_labels(spec),
            id: Place {
                project: *project,
                deployment: *deployment,
                hostname: format!("{number}-{service}"),
                alias: Some(service.as_str()),
            },
            image: &spec.image,
            command: spec.start_command.as_deref().map(shell),
            env: &spec.env,
            port: Some(spec.port),
            memory: spec.memory,
            cpus: spec.cpus,
            pids: spec.pids,
            volumes: &spec.volumes,
            runs_once: false,
        };
        let container = self.start_or_take_over(&wanted).await?;
        self.look_at_replica(&container).await
    }

    /// The daemon's id of a container that runs, or ran and was not to be started again.
    pub(super) async fn start_or_take_over(&self, wanted: &Wanted<'_>) -> Result<String, RuntimeError> {
        let started = match self.start_wanted(wanted).await {
            Err(RuntimeError::Gone) => {
                // Somebody removed the network that it was made in: what is left of it cannot be started any more.
                self.remove_container(&wanted.name).await?;
                self.start_wanted(wanted).await
            }
            started => started,
        };
        if started.is_err() {
            // It may have been made for this one.
            self.leave_if_last(wanted.id.deployment).await;
        }
        started
    }

    /// Removes a deployment's network if nothing is left there; a network that stays is the sweep's.
    async fn leave_if_last(&self, deployment: DeploymentId) {
        if let Err(error) = self.leave_service_network(deployment).await {
            tracing::debug!(%deployment, %error, "the network of a deployment stays for now");
        }
    }

    /// Starts a replica that ended.
    ///
    /// # Errors
    /// [`RuntimeError::Gone`] if the container or its network is not there any more (make a new one with
    /// [`Engine::start_replica`]), else as that.
    pub async fn start_again(&self, container: &str) -> Result<ReplicaContainer, RuntimeError> {
        let replica = self.look_at_replica(container).await?;
        let (_, staying) = self.service_network(replica.id.project, replica.id.deployment).await?;
        self.let_in(container, replica.id.project, replica.id.deployment).await?;
        self.start_container(container).await?;
        drop(staying);
        self.look_at_replica(container).await
    }

    /// Tells a replica to end (the image's own signal, SIGTERM where it names none), kills it after `grace`, and removes
    /// it once what it printed has been read: with its network, if it was the last there. Gone already is fine.
    ///
    /// # Errors
    /// [`RuntimeError::NotRemoved`], or what Docker said.
    pub async fn stop_replica(&self, container: &str, grace: Duration) -> Result<(), RuntimeError> {
        let (engine, container) = (self.clone(), container.to_owned());
        // In a task of its own: a caller who gives up does not leave it half stopped.
        let stopped = tokio::spawn(async move { engine.stop_and_leave(&container, grace).await }).await;
        stopped.unwrap_or(Err(RuntimeError::Gone))
    }

    async fn stop_and_leave(&self, container: &str, grace: Duration) -> Result<(), RuntimeError> {
        let Some(deployment) = self.deployment_of(container).await? else { return Ok(()) };
        self.stop_container(container, grace).await?;
        self.readers().have_read(container).await;
        self.remove_container(container).await?;
        self.leave_if_last(deployment).await;
        Ok(())
    }

    /// Tells a container's process to end, and kills it after `grace`. Ended or gone already is fine.
    pub(super) async fn stop_container(&self, container: &str, grace: Duration) -> Result<(), RuntimeError> {
        let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
        let options = StopContainerOptions { t: Some(i32::try_from(seconds).unwrap_or(i32::MAX)), signal: None };
        match self.docker_for_files().await?.stop_container(container, Some(options)).await {
            Ok(()) => {
                berth_model::step!("replica stopped");
                Ok(())
            }
            Err(error) if is_status(&error, 404) => Ok(()),
            Err(error) => Err(while_doing("stop a replica")(error)),
        }
    }

    /// The deployment that a container of ours belongs to; `None` if it is gone, or not ours.
    pub(super) async fn deployment_of(&self, container: &str) -> Result<Option<DeploymentId>, RuntimeError> {
        let found = self.docker().await?.inspect_container(container, None::<InspectContainerOptions>).await;
        let labels = match found.map_err(in_container("describe a replica")) {
            Ok(found) => found.config.and_then(|config| config.labels).unwrap_or_default(),
            Err(RuntimeError::Gone) => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_ours = labels.get(INSTANCE).is_some_and(|instance| instance == self.config().instance.as_str());
        let deployment = labels.get(DEPLOYMENT).and_then(|deployment| deployment.parse().ok());
        Ok(deployment.filter(|_| is_ours).map(DeploymentId))
    }

    fn replica_labels(&self, spec: &ReplicaSpec) -> HashMap<String, String> {
        let mut labels = self.write_labels(&Labels { project: Some(spec.id.project), ..Labels::shared(Kind::Replica) });
        labels.extend([
            (DEPLOYMENT.to_owned(), spec.id.deployment.to_string()),
            (SERVICE.to_owned(), spec.id.service.to_string()),
            (REPLICA.to_owned(), spec.id.number.to_string()),
            (ENVIRONMENT.to_owned(), spec.environment.as_str().to_owned()),
            (GENERATION.to_owned(), spec.generation.to_string()),
            (PORT.to_owned(), spec.port.to_string()),
        ]);
        labels
    }

    /// Makes a container and starts it, or starts what is there under its name; returns the daemon's id.
    pub(super) async fn start_wanted(&self, wanted: &Wanted<'_>) -> Result<String, RuntimeError> {
        let (network, _staying) = self.service_network(wanted.id.project, wanted.id.deployment).await?;
        let docker = self.docker().await?;
        let body = self.service_body(wanted, &network.name).await?;
        let options = CreateContainerOptions { name: Some(wanted.name.clone()), ..CreateContainerOptions::default() };
        let (container, is_new, has_run) = match docker.create_container(Some(options), body).await {
            Ok(made) => {
                berth_model::step!("service container made");
                (made.id, true, false)
            }
            Err(error) if is_status(&error, 409) => {
                let (container, has_run) = self.known_as(&wanted.name).await?;
                (container, false, has_run)
            }
            Err(error) if is_status(&error, 404) && error.to_string().contains("image") => {
                return Err(RuntimeError::ImageGone { image: wanted.image.to_owned() });
            }
            Err(error) if is_status(&error, 404) => return Err(RuntimeError::Gone),
            Err(error) => return Err(while_doing("make a service's container")(error)),
        };
        if has_run && wanted.runs_once {
            return Ok(container);
        }
        let started = async {
            // Nobody connects to what has no port.
            if wanted.port.is_some() {
                self.let_in(&container, wanted.id.project, wanted.id.deployment).await?;
            }
            self.start_container(&container).await
        };
        match started.await {
            Ok(()) => Ok(container),
            Err(error) => {
                // What never ran has nothing to tell.
                if is_new {
                    self.remove_container(&container).await?;
                }
                Err(error)
            }
        }
    }

    /// Starts a container that does not run.
    pub(super) async fn start_container(&self, container: &str) -> Result<(), RuntimeError> {
        match self.docker().await?.start_container(container, None::<StartContainerOptions>).await {
            Ok(()) => {
                berth_model::step!("service container started");
                Ok(())
            }
            // The container, or the network that it was made in.
            Err(error) if is_status(&error, 404) => Err(RuntimeError::Gone),
            // What the image or the command names is not there.
            Err(DockerError::DockerResponseServerError { status_code, message })
                if status_code == 400 || message.contains("unable to find user") =>
            {
                Err(RuntimeError::CannotStart { reason: message })
            }
            Err(error) => Err(while_doing("start a service's container")(error)),
        }
    }

    /// The id of the container that has a name, and whether it was ever started; an error if somebody else gave it.
    async fn known_as(&self, name: &str) -> Result<(String, bool), RuntimeError> {
        let found = self.docker().await?.inspect_container(name, None::<InspectContainerOptions>).await;
        let found = found.map_err(in_container("describe a replica"))?;
        let has_run = found.state.and_then(|state| state.status) != Some(ContainerStateStatusEnum::CREATED);
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        let is_ours = labels.get(INSTANCE).is_some_and(|instance| instance == self.config().instance.as_str());
        match found.id {
            Some(id) if is_ours => Ok((id, has_run)),
            _ => Err(RuntimeError::Refused {
                doing: "make a service's container",
                reason: format!("there is a container {name} that Berth did not make; remove it with `docker rm`"),
            }),
        }
    }

    async fn service_body(&self, wanted: &Wanted<'_>, network: &str) -> Result<ContainerCreateBody, RuntimeError> {
        let confines = Confines {
            memory: wanted.memory,
            cpus: wanted.cpus.cores(),
            pids: wanted.pids,
            network,
            mounts: wanted.volumes.iter().map(|(volume, path)| mount(volume, path.as_str())).collect(),
            purpose: Purpose::Service { port: wanted.port },
        };
        let endpoint = EndpointSettings {
            aliases: wanted.id.alias.map(|alias| vec![alias.to_owned()]),
            ..EndpointSettings::default()
        };
        Ok(ContainerCreateBody {
            image: Some(wanted.image.to_owned()),
            labels: Some(wanted.labels.clone()),
            hostname: Some(wanted.id.hostname.clone()),
            // With an entry point of ours the image's own arguments do not count.
            entrypoint: wanted.command.clone(),
            env: Some(wanted.env.iter().map(|variable| format!("{}={}", variable.key, variable.value)).collect()),
            exposed_ports: wanted.port.map(|port| vec![tcp(port)]),
            healthcheck: Some(no_healthcheck()),
            host_config: Some(self.host_config(confines).await?),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
            }),
            ..ContainerCreateBody::default()
        })
    }
}
