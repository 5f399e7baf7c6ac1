//! What stands in Docker about replicas, and where they are reached.
//!
//! A replica is reached at its own address in its deployment's network, wherever that network's bridge is on this
//! machine. The published port leads there too, through a process of Docker's that costs half the throughput and accepts
//! connections for a replica that does not listen yet; it is for a daemon in a machine of its own (Docker Desktop). Where
//! Berth itself is in a container, its address is the one in the network that Berth shares with it (`network::doors`).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;

use berth_model::{DeploymentId, Environment, ProjectId, ReplicaEnd, ReplicaId, ServiceName, Timestamp};
use bollard::models::{ContainerInspectResponse, ContainerState, ContainerStateStatusEnum, NetworkSettings};
use bollard::query_parameters::InspectContainerOptions;
use futures_util::{StreamExt, TryStreamExt};

use super::replica::replica_name;
use super::time::timestamp;
use crate::error::in_container;
use crate::labels::{DEPLOYMENT, ENVIRONMENT, GENERATION, INSTANCE, KIND, PORT, PROJECT, REPLICA, SERVICE};
use crate::network::{ServiceNetwork, bridge_is_here};
use crate::sandbox::tcp;
use crate::{Engine, Kind, RuntimeError};

/// So many containers are asked about at once.
const AT_ONCE: usize = 8;

/// A replica as it is in Docker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaContainer {
    /// Which replica.
    pub id: ReplicaId,
    /// Where its deployment belongs.
    pub environment: Environment,
    /// Of several containers of one replica the one with the highest is the newest.
    pub generation: i64,
    /// The daemon's id of it, 64 hex digits.
    pub container: String,
    /// Whether its process runs.
    pub is_running: bool,
    /// When it was started the last time; the beginning of time if never.
    pub started_at: Timestamp,
    /// How its process ended, if it ran and does not.
    pub end: Option<ReplicaEnd>,
    /// Its limit of memory, in bytes.
    pub memory: u64,
    /// Where it is reached; nowhere unless it runs.
    pub endpoints: Vec<SocketAddr>,
}

impl Engine {
    /// All replicas of this instance, running or ended.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn replicas(&self) -> Result<Vec<ReplicaContainer>, RuntimeError> {
        self.replicas_with(&[]).await
    }

    /// Where a replica is reached now: the one place that knows. Nowhere if it does not run.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn endpoints(&self, replica: &ReplicaId) -> Result<Vec<SocketAddr>, RuntimeError> {
        let (deployment, number) = (replica.deployment.to_string(), replica.number.to_string());
        let also = [(DEPLOYMENT, deployment.as_str()), (SERVICE, replica.service.as_str()), (REPLICA, number.as_str())];
        let running = self.replicas_with(&also).await?.into_iter().filter(|found| found.is_running);
        Ok(running.max_by_key(|found| found.generation).map(|found| found.endpoints).unwrap_or_default())
    }

    async fn replicas_with(&self, also: &[(&str, &str)]) -> Result<Vec<ReplicaContainer>, RuntimeError> {
        let listed = self.containers(&[&[(KIND, Kind::Replica.as_str())], also].concat()).await?;
        let found = futures_util::stream::iter(listed.into_iter().filter_map(|container| container.id))
            .map(|id| async move {
                match self.find_replica(&id).await {
                    // Removed since it was listed.
                    Err(RuntimeError::Gone) => Ok(None),
                    found => found.map(Some),
                }
            })
            .buffer_unordered(AT_ONCE);
        let mut replicas: Vec<_> = found.try_filter_map(|found| async { Ok(found) }).try_collect().await?;
        replicas.sort_by(|one, other| (&one.id, one.generation).cmp(&(&other.id, other.generation)));
        Ok(replicas)
    }

    /// One replica that another process may have started, which Berth has a way to from now on.
    async fn find_replica(&self, container: &str) -> Result<ReplicaContainer, RuntimeError> {
        let found = self.look_at_replica(container).await?;
        let ReplicaId { project, deployment, .. } = found.id;
        let has_a_way = !found.endpoints.is_empty() && self.has_joined(deployment);
        if !found.is_running || has_a_way || self.own_container().await?.is_none() {
            return Ok(found);
        }
        match self.let_in(container, project, deployment).await {
            Ok(()) => self.look_at_replica(container).await,
            Err(RuntimeError::Gone) => {
                // What was made for it goes with it.
                self.leave_service_network(deployment).await?;
                Err(RuntimeError::Gone)
            }
            Err(error @ RuntimeError::Unreachable { .. }) => Err(error),
            Err(error) => {
                // The others are told of all the same; that this one cannot be reached is seen when it is asked.
                tracing::warn!(container, "Berth has no way to a replica: {error}");
                Ok(found)
            }
        }
    }

    /// One replica, by the daemon's id or its name.
    pub(super) async fn look_at_replica(&self, container: &str) -> Result<ReplicaContainer, RuntimeError> {
        let found = self.docker().await?.inspect_container(container, None::<InspectContainerOptions>).await;
        let found = found.map_err(in_container("describe a replica"))?;
        let is_in_a_container = self.own_container().await?.is_some();
        self.read_replica(&found, is_in_a_container).ok_or(RuntimeError::Gone)
    }

    /// How a container's process ended; `None` if it runs, or never ran.
    pub(super) async fn look_at_end(&self, container: &str) -> Result<Option<ReplicaEnd>, RuntimeError> {
        let found = self.docker().await?.inspect_container(container, None::<InspectContainerOptions>).await;
        let found = found.map_err(in_container("describe a container"))?;
        Ok(found.state.as_ref().and_then(|state| end_of(state, memory_of(&found))))
    }

    /// `None` for what is no replica of this instance, whatever its labels say.
    fn read_replica(&self, found: &ContainerInspectResponse, is_in_a_container: bool) -> Option<ReplicaContainer> {
        let labels = found.config.as_ref()?.labels.as_ref()?;
        let is_ours = labels.get(INSTANCE).is_some_and(|instance| instance == self.config().instance.as_str());
        if !is_ours || labels.get(KIND).is_none_or(|kind| kind != Kind::Replica.as_str()) {
            return None;
        }
        let (id, generation) = (replica_of(labels)?, labels.get(GENERATION)?.parse().ok()?);
        let name = found.name.as_deref().unwrap_or_default().trim_start_matches('/');
        if name != replica_name(&self.config().instance, &id, generation) {
            return None;
        }
        let state = found.state.as_ref()?;
        let memory = memory_of(found);
        let is_running = is_running(state);
        let endpoints = found.network_settings.as_ref().filter(|_| is_running);
        let endpoints =
            endpoints.map(|settings| self.read_endpoints(settings, id.deployment, labels, is_in_a_container));
        Some(ReplicaContainer {
            environment: Environment::parse(labels.get(ENVIRONMENT)?)?,
            generation,
            container: found.id.clone()?,
            is_running,
            started_at: timestamp(state.started_at.as_deref()),
            end: end_of(state, memory),
            memory,
            endpoints: endpoints.unwrap_or_default(),
            id,
        })
    }

    fn read_endpoints(
        &self,
        settings: &NetworkSettings,
        deployment: DeploymentId,
        labels: &HashMap<String, String>,
        is_in_a_container: bool,
    ) -> Vec<SocketAddr> {
        let Some(port) = labels.get(PORT).and_then(|port| port.parse::<NonZeroU16>().ok()) else { return Vec::new() };
        let network = ServiceNetwork::of(&self.config().instance, deployment);
        let shared = if is_in_a_container {
            Some(self.door_of(deployment))
        } else {
            (!self.is_remote() && bridge_is_here(&network.bridge)).then_some(network.name)
        };
        if let Some(shared) = shared {
            let own = settings.networks.as_ref().and_then(|networks| networks.get(&shared)?.ip_address.as_ref());
            let own = own.and_then(|address| address.parse::<IpAddr>().ok());
            return own.map(|address| SocketAddr::new(address, port.get())).into_iter().collect();
        }
        let published = settings.ports.as_ref().and_then(|ports| ports.get(&tcp(port))?.as_ref());
        let published = published.into_iter().flatten().filter_map(|binding| binding.host_port.as_ref()?.parse().ok());
        published.map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)).take(1).collect()
    }
}

/// Which replica a container is, by its labels: to be believed of one that has its name, too ([`replica_name`]).
pub(super) fn replica_of(labels: &HashMap<String, String>) -> Option<ReplicaId> {
    Some(ReplicaId {
        project: ProjectId(labels.get(PROJECT)?.parse().ok()?),
        deployment: DeploymentId(labels.get(DEPLOYMENT)?.parse().ok()?),
        service: ServiceName::parse(labels.get(SERVICE)?).ok()?,
        number: labels.get(REPLICA)?.parse().ok()?,
    })
}

/// The limit of memory that a container has.
fn memory_of(found: &ContainerInspectResponse) -> u64 {
    let limit = found.host_config.as_ref().and_then(|config| config.memory);
    limit.and_then(|memory| u64::try_from(memory).ok()).unwrap_or(0)
}

fn is_running(state: &ContainerState) -> bool {
    state.running.unwrap_or(false)
}

/// How its process ended; `None` if it runs, or never ran.
fn end_of(state: &ContainerState, memory: u64) -> Option<ReplicaEnd> {
    use ContainerStateStatusEnum::{DEAD, EXITED};
    if is_running(state) || !matches!(state.status, Some(EXITED | DEAD)) {
        return None;
    }
    let exit_code = state.exit_code.unwrap_or(-1);
    // A child that was killed for it while its parent went on did not end it.
    let ran_out = state.oom_killed.unwrap_or(false) && exit_code != 0;
    Some(ReplicaEnd { exit_code, out_of_memory: ran_out.then_some(memory) })
}
