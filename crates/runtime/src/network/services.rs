//! The networks of services: one bridge for each deployment, on which its services reach each other by name.
//!
//! A deployment's own, so that the version before never asks a replica of the next one that is not healthy yet, and
//! previews do not answer each other's names. One is made when the first container of a deployment is, and goes with the
//! last. All of an instance's have names that begin alike, so that one set of the packet filter's rules closes them all,
//! also one that is made while nobody looks at the filter.
//!
//! As with builds the rules are read again before each container, and tried from a container after anything has changed.
//! What differs: where there is no image to try them in, the rules alone are trusted. A service that crashed at night
//! does not wait for somebody to pull an image.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use berth_model::{DeploymentId, InstanceId, ProjectId};
use bollard::Docker;
use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptions};
use ipnet::Ipv4Net;
use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard};

use super::probe::Verdict;
use super::rules::{Rules, Side, Snapshot};
use super::{ELSEWHERE, Proven, bridge_is_here, bridge_options, gateway, not_here, subnets};
use crate::error::{is_status, while_doing};
use crate::labels::{self, DEPLOYMENT, INSTANCE, PROJECT};
use crate::{Egress, Engine, RuntimeError};

/// How often another subnet is tried where somebody else took the one that was free.
const TRIES: usize = 8;
/// With so many networks on the machine, Docker's own ranges are left to others.
const LEFT_TO_DOCKER: usize = 16;

/// What is known about the networks of services.
#[derive(Default)]
pub(super) struct ServiceNetworks {
    /// Held for reading while a container is made and started, for writing while a network is removed.
    in_use: RwLock<()>,
    /// One network is made at a time.
    making: Mutex<()>,
    /// What the filter looked like when it was found tight.
    proven: Mutex<Option<Proven>>,
}

impl ServiceNetworks {
    /// A turn to make one.
    pub(super) async fn making(&self) -> MutexGuard<'_, ()> {
        self.making.lock().await
    }
}

/// A deployment's network.
#[derive(Clone, Debug)]
pub(crate) struct ServiceNetwork {
    pub(crate) name: String,
    pub(crate) bridge: String,
}

impl ServiceNetwork {
    pub(crate) fn of(instance: &InstanceId, deployment: DeploymentId) -> Self {
        Self {
            name: format!("berth-{instance}-d{deployment}"),
            bridge: format!("{}{}", bridge_prefix(instance), base36(deployment.0)),
        }
    }
}

/// Ten of the fifteen characters that the name of an interface may have.
fn bridge_prefix(instance: &InstanceId) -> String {
    format!("bs{}", instance.as_str().chars().take(8).collect::<String>())
}

/// The last five digits: sixty million deployments later a name comes again.
fn base36(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    while digits.len() < 5 {
        digits.push(char::from_digit((rest % 36) as u32, 36).unwrap_or('0'));
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    digits.iter().rev().collect()
}

impl Engine {
    /// A deployment's network, closed. It stays for as long as the guard is held; after that for as long as it has a
    /// container.
    pub(crate) async fn service_network(
        &self,
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<(ServiceNetwork, RwLockReadGuard<'_, ()>), RuntimeError> {
        let staying = self.network().services.in_use.read().await;
        let network = ServiceNetwork::of(&self.config().instance, deployment);
        let gateway = self.ensure_service_network(&network, project, deployment).await?;
        self.require_services_closed(&network, gateway).await?;
        Ok((network, staying))
    }

    /// Removes a deployment's network if none of its containers is left, running or ended.
    pub(crate) async fn leave_service_network(&self, deployment: DeploymentId) -> Result<(), RuntimeError> {
        let _alone = self.network().services.in_use.write().await;
        if self.deployments_with_containers().await?.contains(&deployment.to_string()) {
            return Ok(());
        }
        let door = self.remove_service_network(&self.door_of(deployment)).await;
        self.remove_service_network(&ServiceNetwork::of(&self.config().instance, deployment).name).await.and(door)
    }

    /// Removes the networks of deployments that have no container: a process that was killed left them.
    pub(crate) async fn remove_idle_service_networks(&self) -> Result<(), RuntimeError> {
        let _alone = self.network().services.in_use.write().await;
        let in_use = self.deployments_with_containers().await?;
        let mut outcome = Ok(());
        for (name, deployment) in self.service_networks(&[]).await? {
            if !in_use.contains(&deployment) {
                outcome = self.remove_service_network(&name).await.and(outcome);
            }
        }
        outcome
    }

    /// Removes the networks that carry these labels; their containers are gone.
    pub(crate) async fn remove_service_networks(&self, also: &[(&str, &str)]) -> Result<(), RuntimeError> {
        let _alone = self.network().services.in_use.write().await;
        let mut outcome = Ok(());
        for (name, _) in self.service_networks(also).await? {
            outcome = self.remove_service_network(&name).await.and(outcome);
        }
        outcome
    }

    /// Of what replicas and commands are there, by their labels. A container that Berth did not name is none of them,
    /// whatever a Dockerfile says.
    async fn deployments_with_containers(&self) -> Result<HashSet<String>, RuntimeError> {
        let ours = format!("/berth-{}-", self.config().instance);
        let named = self
            .containers(&[])
            .await?
            .into_iter()
            .filter(|container| container.names.iter().flatten().any(|name| name.starts_with(&ours)));
        Ok(named.filter_map(|container| container.labels?.remove(DEPLOYMENT)).collect())
    }

    /// The networks of services that carry these labels, by name, and each one's deployment.
    async fn service_networks(&self, also: &[(&str, &str)]) -> Result<Vec<(String, String)>, RuntimeError> {
        let filters = Some(labels::filter(&self.config().instance, also));
        let listed = self.docker().await?.list_networks(Some(ListNetworksOptions { filters })).await;
        let listed = listed.map_err(while_doing("list networks"))?.into_iter();
        Ok(listed.filter_map(|network| Some((network.name?, network.labels?.remove(DEPLOYMENT)?))).collect())
    }

    /// Takes the rules for all networks of services away.
    pub(crate) async fn remove_service_rules(&self) {
        let instance = &self.config().instance;
        *self.network().services.proven.lock().await = None;
        if let Err(why) = Rules::remove(instance, Side::Services, &wildcard(instance)).await {
            tracing::debug!(why, "no packet filter rules of services removed");
        }
    }

    async fn remove_service_network(&self, name: &str) -> Result<(), RuntimeError> {
        self.leave_door(name).await?;
        match self.docker().await?.remove_network(name).await {
            Ok(()) => {
                berth_model::step!("service network removed");
            }
            Err(error) if is_status(&error, 404) => {}
            Err(error) => return Err(while_doing("remove a service's network")(error)),
        }
        self.forget_door(name);
        Ok(())
    }

    /// The network's gateway, an address of the host; the network is made if it does not exist.
    async fn ensure_service_network(
        &self,
        network: &ServiceNetwork,
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<Ipv4Addr, RuntimeError> {
        let request = NetworkCreateRequest {
            name: network.name.clone(),
            options: Some(bridge_options(&network.bridge, true)),
            ..NetworkCreateRequest::default()
        };
        let found = self.ensure_network_of(project, deployment, request).await?;
        gateway(&found).ok_or_else(|| RuntimeError::Refused {
            doing: "make a service's network",
            reason: format!("{0} has no IPv4 gateway; remove it with `docker network rm {0}`", network.name),
        })
    }

    /// A bridge network of a deployment, made as this says if it does not exist.
    pub(super) async fn ensure_network_of(
        &self,
        project: ProjectId,
        deployment: DeploymentId,
        request: NetworkCreateRequest,
    ) -> Result<NetworkInspect, RuntimeError> {
        let docker = self.docker().await?;
        let _one_at_a_time = self.network().services.making().await;
        let name = request.name.clone();
        let found = match docker.inspect_network(&name, None::<InspectNetworkOptions>).await {
            Err(error) if is_status(&error, 404) => {
                let request = NetworkCreateRequest {
                    driver: Some("bridge".to_owned()),
                    enable_ipv6: Some(false),
                    labels: Some(HashMap::from([
                        (INSTANCE.to_owned(), self.config().instance.to_string()),
                        (PROJECT.to_owned(), project.to_string()),
                        (DEPLOYMENT.to_owned(), deployment.to_string()),
                    ])),
                    ..request
                };
                self.make_service_network(docker, request).await?;
                docker.inspect_network(&name, None::<InspectNetworkOptions>).await
            }
            found => found,
        };
        found.map_err(while_doing("describe a service's network"))
    }

    /// Docker chooses a subnet of its own ranges, which hold some thirty networks, while there are few; beyond that Berth
    /// chooses one, so that builds and whoever else uses Docker on this machine find some left.
    async fn make_service_network(&self, docker: &Docker, request: NetworkCreateRequest) -> Result<(), RuntimeError> {
        let refused = while_doing("make a service's network");
        let listed = docker.list_networks(None::<ListNetworksOptions>).await.map_err(while_doing("list networks"))?;
        let mut attempts: Vec<Option<usize>> = (0..TRIES).map(Some).collect();
        if listed.len() < LEFT_TO_DOCKER {
            attempts.insert(0, None);
        }
        let mut outcome = Err(RuntimeError::Refused {
            doing: "make a service's network",
            reason: "neither Docker nor Berth has a subnet left".to_owned(),
        });
        for attempt in attempts {
            let ipam = match attempt {
                None => None,
                Some(attempt) => match self.free_subnet(docker, &request.name, attempt).await? {
                    Some(subnet) => Some(ipam(subnet)),
                    None => break,
                },
            };
            match docker.create_network(NetworkCreateRequest { ipam, ..request.clone() }).await {
                Ok(_) => {
                    berth_model::step!("service network made");
                    return Ok(());
                }
                // None left, or somebody else was quicker.
                Err(error) if subnets::is_taken(&error.to_string()) => outcome = Err(refused(error)),
                Err(error) => return Err(refused(error)),
            }
        }
        outcome
    }

    /// A subnet that no network of Docker's and no route of the host has, and nothing that services may reach. Networks
    /// of different names begin to look at different places, and so do attempts.
    async fn free_subnet(&self, docker: &Docker, name: &str, attempt: usize) -> Result<Option<Ipv4Net>, RuntimeError> {
        let listed = docker.list_networks(None::<ListNetworksOptions>).await.map_err(while_doing("list networks"))?;
        let configs = listed.into_iter().filter_map(|network| network.ipam?.config).flatten();
        let mut taken: Vec<Ipv4Net> = configs.filter_map(|config| config.subnet?.parse().ok()).collect();
        taken.extend(subnets::routes(&tokio::fs::read_to_string("/proc/net/route").await.unwrap_or_default()));
        taken.extend(&self.config().egress_allow);
        taken.extend(super::rules::name_servers().await.into_iter().map(Ipv4Net::from));
        let place = name.bytes().fold(attempt, |place, byte| place.wrapping_mul(31).wrapping_add(byte.into()));
        Ok(subnets::free(&taken, place))
    }

    /// Passes if a container may be started in this network now.
    async fn require_services_closed(&self, network: &ServiceNetwork, gateway: Ipv4Addr) -> Result<(), RuntimeError> {
        let config = self.config();
        let bridges = wildcard(&config.instance);
        let mut proven = self.network().services.proven.lock().await;
        if config.egress == Egress::Open {
            if !self.is_remote() {
                // Left by a process that was configured otherwise.
                let _ = Rules::remove(&config.instance, Side::Services, &bridges).await;
            }
            return Ok(());
        }
        let open = |why: String| Err(RuntimeError::ServicesOpen { why });
        if self.is_remote() {
            return open(ELSEWHERE.to_owned());
        }
        if !bridge_is_here(&network.bridge) {
            return open(not_here(&network.bridge));
        }
        let rules = Rules::new(config, Side::Services, &bridges).await;
        if let Some(known) = proven.as_ref()
            && known.rules == rules
            && Snapshot::read(&rules).await.as_ref() == Ok(&known.snapshot)
        {
            return Ok(());
        }
        *proven = None;
        let snapshot = match rules.install().await {
            Ok(snapshot) => snapshot,
            Err(why) => return open(why),
        };
        let mut untried = "no image on this machine to try it with".to_owned();
        for image in self.network().images().iter().rev().chain(&self.local_images_to_probe_with().await?) {
            match self.probe(&network.name, image, gateway).await? {
                Verdict::Unreachable => {
                    tracing::info!(network = network.name, "services cannot reach this machine: rules set and probed");
                    *proven = Some(Proven { rules, snapshot });
                    return Ok(());
                }
                Verdict::Reachable(why) => return open(why),
                Verdict::CannotTell(why) => untried = format!("it could not be tried in {image}: {why}"),
            }
        }
        tracing::warn!(untried, "services start behind rules that are in force and could not be tried");
        Ok(())
    }
}

/// The bridges of all services of an instance, as the packet filter writes it.
fn wildcard(instance: &InstanceId) -> String {
    format!("{}+", bridge_prefix(instance))
}

fn ipam(subnet: Ipv4Net) -> Ipam {
    // Said, for the daemon does not tell of one that it chose itself in a subnet of ours.
    let gateway = subnet.hosts().next().map(|gateway| gateway.to_string());
    let config = IpamConfig { subnet: Some(subnet.to_string()), gateway, ..IpamConfig::default() };
    Ipam { config: Some(vec![config]), ..Ipam::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_bridges_fit_and_begin_alike() {
        let instance = InstanceId::parse("0123456789ab").unwrap();
        let bridge = |deployment| ServiceNetwork::of(&instance, DeploymentId(deployment)).bridge;
        assert_eq!([bridge(1), bridge(36), bridge(60_466_175)], ["bs012345671", "bs0123456710", "bs01234567zzzzz"]);
        assert_eq!(bridge(i64::MAX).len(), 15);
        assert_eq!(wildcard(&instance), "bs01234567+");
    }
}
