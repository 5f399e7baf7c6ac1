//! The way from Berth to replicas where Berth runs in a container of its own, without the host's network: there it sees no
//! bridge and reaches no published port, so it joins a network with them.
//!
//! That is a *door*: a second network of each deployment, with Berth's container and the replicas in it, and not the one
//! that services talk on.
//!
//! - Services answer to their names there. Who shares that network would resolve their names too, and a service called
//!   `postgres` would be taken for Berth's own database whenever that is away. Nothing answers to a service's name in a
//!   door.
//! - A door is internal, so it never becomes the way out of whoever joins it: joining another network can move a
//!   container's default route and its published ports there.
//!
//! What it adds is that replicas have a way to Berth's container. So Berth refuses every connection that comes through a
//! door ([`Doors::let_in`]): a service gets to Berth as everybody does, by its public address.
//!
//! A door is opened before a replica starts, and for those that run already when they are found; it goes with its
//! deployment's network.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use berth_model::{DeploymentId, ProjectId};
use bollard::models::{NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest};
use bollard::query_parameters::{InspectContainerOptions, ListNetworksOptions};
use ipnet::Ipv4Net;
use tokio::net::TcpStream;

use crate::error::{in_container, is_status, while_doing};
use crate::labels;
use crate::{Engine, RuntimeError};

/// How the names of doors end.
const DOOR: &str = "-door";
/// What the kernel says is mounted where, for this process.
const MOUNTS: &str = "/proc/self/mountinfo";

/// The networks that services have a way to Berth by. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Doors(Arc<RwLock<HashMap<String, Door>>>);

#[derive(Clone, Copy, Debug)]
struct Door {
    subnet: Ipv4Net,
    /// By this process; one before may have been another container.
    is_joined: bool,
}

impl Doors {
    /// Whether a service made this connection, through a door: it is to be refused.
    #[must_use]
    pub fn let_in(&self, connection: &TcpStream, peer: IpAddr) -> bool {
        !self.is_empty() && self.leads_through(connection.local_addr().ok(), peer)
    }

    fn leads_through(&self, own: Option<SocketAddr>, peer: IpAddr) -> bool {
        let doors = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_inside = |address: IpAddr| match address.to_canonical() {
            IpAddr::V4(address) => doors.values().any(|door| door.subnet.contains(&address)),
            IpAddr::V6(_) => false,
        };
        // What a peer says its address is may be that of another network that it is in; ours is not its to choose.
        own.is_some_and(|own| is_inside(own.ip())) || is_inside(peer)
    }

    /// As where Berth has the host's network.
    fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn add(&self, name: &str, subnet: Ipv4Net) {
        let mut doors = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_joined = doors.get(name).is_some_and(|door| door.is_joined && door.subnet == subnet);
        doors.insert(name.to_owned(), Door { subnet, is_joined });
    }

    fn joined(&self, name: &str) {
        if let Some(door) = self.0.write().unwrap_or_else(PoisonError::into_inner).get_mut(name) {
            door.is_joined = true;
        }
    }

    fn forget(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

impl Engine {
    /// The name of a deployment's door.
    pub(crate) fn door_of(&self, deployment: DeploymentId) -> String {
        format!("berth-{}-d{deployment}{DOOR}", self.config().instance)
    }

    /// The daemon's id of the container that Berth itself runs in, where that has networks of its own; found out once.
    pub(crate) async fn own_container(&self) -> Result<Option<&str>, RuntimeError> {
        self.own_container_cell().get_or_try_init(|| self.find_own_container()).await.map(Option::as_deref)
    }

    async fn find_own_container(&self) -> Result<Option<String>, RuntimeError> {
        let Some(id) = id_in_mounts(&tokio::fs::read_to_string(MOUNTS).await.unwrap_or_default()) else {
            return Ok(None);
        };
        let found = self.docker().await?.inspect_container(&id, None::<InspectContainerOptions>).await;
        let found = match found.map_err(in_container("describe Berth's own container")) {
            Ok(found) => found,
            // Of another daemon than the one that Berth uses.
            Err(RuntimeError::Gone) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mode = found.host_config.and_then(|config| config.network_mode).unwrap_or_default();
        let joins = !matches!(mode.as_str(), "host" | "none") && !mode.starts_with("container:");
        Ok(joins.then_some(id))
    }

    /// What connections are refused by.
    #[must_use]
    pub fn doors(&self) -> Doors {
        self.doors_known().clone()
    }

    /// Finds the doors that an earlier process of this container opened. To be called before anybody is listened to.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn find_doors(&self) -> Result<(), RuntimeError> {
        if self.own_container().await?.is_none() {
            return Ok(());
        }
        let filters = Some(labels::filter(&self.config().instance, &[]));
        let listed = self.docker().await?.list_networks(Some(ListNetworksOptions { filters })).await;
        for network in listed.map_err(while_doing("list networks"))? {
            let name = network.name.unwrap_or_default();
            let subnet = network.ipam.and_then(|ipam| subnet_in(ipam.config));
            if let Some(subnet) = subnet.filter(|_| name.ends_with(DOOR)) {
                self.doors_known().add(&name, subnet);
            }
        }
        Ok(())
    }

    /// Has Berth and a container of a deployment in one network, where Berth needs that to reach it.
    pub(crate) async fn let_in(
        &self,
        container: &str,
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<(), RuntimeError> {
        let Some(own) = self.own_container().await? else { return Ok(()) };
        let name = self.door_of(deployment);
        let subnet = self.ensure_door(&name, project, deployment).await?;
        // Before there is a way.
        self.doors_known().add(&name, subnet);
        self.join(&name, own).await?;
        self.doors_known().joined(&name);
        berth_model::step!("door joined");
        self.join(&name, container).await
    }

    /// Whether this process has joined a deployment's door.
    pub(crate) fn has_joined(&self, deployment: DeploymentId) -> bool {
        let doors = self.doors_known().0.read().unwrap_or_else(PoisonError::into_inner);
        doors.get(&self.door_of(deployment)).is_some_and(|door| door.is_joined)
    }

    async fn ensure_door(
        &self,
        name: &str,
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<Ipv4Net, RuntimeError> {
        let request =
            NetworkCreateRequest { name: name.to_owned(), internal: Some(true), ..NetworkCreateRequest::default() };
        let found = self.ensure_network_of(project, deployment, request).await?;
        subnet_in(found.ipam.and_then(|ipam| ipam.config)).ok_or_else(|| RuntimeError::Refused {
            doing: "make a service's network",
            reason: format!("{name} has no IPv4 subnet; remove it with `docker network rm {name}`"),
        })
    }

    async fn join(&self, network: &str, container: &str) -> Result<(), RuntimeError> {
        let request = NetworkConnectRequest { container: container.to_owned(), endpoint_config: None };
        match self.docker().await?.connect_network(network, request).await {
            Ok(()) => Ok(()),
            // It is in there.
            Err(error) if is_status(&error, 403) && error.to_string().contains("already exists in network") => Ok(()),
            Err(error) if is_status(&error, 404) => Err(RuntimeError::Gone),
            Err(error) => Err(while_doing("join a service's network")(error)),
        }
    }

    /// Has Berth leave a network that is about to be removed, if it is in there.
    pub(super) async fn leave_door(&self, name: &str) -> Result<(), RuntimeError> {
        if !name.ends_with(DOOR) {
            return Ok(());
        }
        if let Some(own) = self.own_container().await? {
            let request = NetworkDisconnectRequest { container: own.to_owned(), force: None };
            match self.docker().await?.disconnect_network(name, request).await {
                Ok(()) => {
                    berth_model::step!("door left");
                }
                // Whoever is not in there cannot leave. If it is, the removal says so.
                Err(error) => tracing::debug!(network = name, %error, "a door was not left"),
            }
        }
        Ok(())
    }

    /// Forgets a door that is gone: its subnet may be somebody else's next.
    pub(super) fn forget_door(&self, name: &str) {
        self.doors_known().forget(name);
    }
}

fn subnet_in(configs: Option<Vec<bollard::models::IpamConfig>>) -> Option<Ipv4Net> {
    configs?.iter().find_map(|config| config.subnet.as_ref()?.parse().ok())
}

/// The id of the container that this process runs in: Docker mounts three files of its own there, from a directory that
/// is called by it.
fn id_in_mounts(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let (from, at) = (fields.next()?, fields.next()?);
        if !["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"].contains(&at) {
            return None;
        }
        let id = from.split_once("/containers/")?.1.split('/').next()?;
        let is_id = id.len() == 64 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_id.then(|| id.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_finds_out_which_it_is() {
        let id = "4f".repeat(32);
        let inside = format!(
            "612 611 0:52 / / rw,relatime - overlay overlay rw\n\
             640 612 8:1 /var/lib/docker/containers/{id}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/sda1 rw\n"
        );
        assert_eq!(id_in_mounts(&inside), Some(id.clone()));
        // A host sees the same directory, mounted for others; and a volume may be called anything.
        let host = format!("70 1 0:40 / /var/lib/docker/containers/{id}/mounts/shm rw - tmpfs shm rw\n");
        assert_eq!(id_in_mounts(&host), None);
        assert_eq!(id_in_mounts("640 612 8:1 /containers/short/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"), None);
        assert_eq!(id_in_mounts(""), None);
    }

    #[test]
    fn what_comes_through_a_door_is_known_by_either_end() {
        let doors = Doors::default();
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (own, service) = (at("172.20.0.2:8080"), at("172.20.0.3:40000"));
        assert!(!doors.leads_through(Some(own), service.ip()), "there is none");
        doors.add("d1-door", "172.20.0.0/24".parse().unwrap());
        assert!(doors.leads_through(Some(own), service.ip()));
        assert!(doors.leads_through(Some(own), at("10.0.0.9:1").ip()), "whatever it calls itself");
        assert!(doors.leads_through(None, at("[::ffff:172.20.0.3]:1").ip()));
        assert!(!doors.leads_through(Some(at("172.17.0.2:8080")), at("172.17.0.1:1").ip()), "a visitor");
        doors.forget("d1-door");
        assert!(doors.is_empty() && !doors.leads_through(Some(own), service.ip()));
    }
}
