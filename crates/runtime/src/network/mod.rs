//! The network of builds: one bridge for each instance, from which this machine and its private networks cannot be
//! reached. Those of services are in `services`, and Berth's own way to them from a container is in `doors`.
//!
//! 1. The network exists, with a bridge name of ours, no IPv6 and no traffic between its containers.
//! 2. The packet filter's rules are in place (`rules`), first in their chains.
//! 3. A container has tried to reach the host, and could not (`probe`).
//!
//! All three are done once per process and after anything has changed; before each container only the filter is read
//! again, which takes a few milliseconds. Rules for IPv6 are not set: containers here have no such address, and the
//! probe looks.

mod doors;
mod probe;
mod rules;
mod services;
mod subnets;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use berth_model::InstanceId;
use bollard::models::{NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::InspectNetworkOptions;
pub use doors::Doors;
use probe::Verdict;
use rules::{Rules, Side, Snapshot};
pub(crate) use services::ServiceNetwork;
use services::ServiceNetworks;

use crate::error::{is_status, while_doing};
use crate::labels::INSTANCE;
use crate::{Egress, Engine, EngineConfig, RuntimeError};

/// What most builds begin with, and so what the network is tried in where nothing else is at hand.
const USUAL_IMAGE: &str = "node:22-slim";

/// Whether builds can reach private networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkState {
    /// They cannot: the rules are in force and a container has tried.
    Closed,
    /// The rules are in force, but no container could try yet. The first build tries again, and does not start if it
    /// cannot.
    Unproven {
        /// What was in the way: no image on this machine, at first.
        why: String,
    },
    /// They can, and the operator wants it so.
    Open,
    /// They could, and nobody wanted that: no build starts.
    Unenforced {
        /// What is in the way, for the operator.
        why: String,
    },
}

/// The names of the network, and what was found out about it.
pub(crate) struct Network {
    name: String,
    bridge: String,
    /// What the filter looked like when the probe found it tight.
    proven: tokio::sync::Mutex<Option<Proven>>,
    /// Base images that were asked for, newest last: the probe runs in one of them.
    images: Mutex<Vec<String>>,
    /// Those of services.
    services: ServiceNetworks,
}

struct Proven {
    rules: Rules,
    snapshot: Snapshot,
}

impl Network {
    pub(crate) fn new(config: &EngineConfig) -> Self {
        Self {
            name: format!("berth-build-{}", config.instance),
            bridge: bridge_name(&config.instance),
            proven: tokio::sync::Mutex::default(),
            images: Mutex::default(),
            services: ServiceNetworks::default(),
        }
    }

    /// The network's name in Docker.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What is asked of Docker's bridge driver: a name of ours, and nothing between containers.
    fn options(&self) -> HashMap<String, String> {
        bridge_options(&self.bridge, false)
    }

    /// Notes an image that is on this machine.
    pub(crate) fn remember_image(&self, image: &str) {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        images.retain(|known| known != image);
        images.push(image.to_owned());
    }

    fn images(&self) -> Vec<String> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is asked of Docker's bridge driver. `among`: whether its containers may talk with each other.
fn bridge_options(bridge: &str, among: bool) -> HashMap<String, String> {
    let option = |name: &str, value: &str| (format!("com.docker.network.bridge.{name}"), value.to_owned());
    HashMap::from([option("name", bridge), option("enable_icc", if among { "true" } else { "false" })])
}

/// Names of interfaces have at most 15 characters; an instance id has 12.
fn bridge_name(instance: &InstanceId) -> String {
    format!("bt-{instance}")
}

impl Engine {
    /// Makes the build network, closes it and proves that it is closed; quick if nothing has changed since the last
    /// time. To be called at start; every container asks again.
    ///
    /// # Errors
    /// [`RuntimeError::Unreachable`], or what Docker said. Rules that cannot be set are a [`NetworkState`].
    pub async fn prepare_network(&self) -> Result<NetworkState, RuntimeError> {
        self.network_state().await
    }

    /// Removes the build network and its rules: for taking Berth off a machine.
    ///
    /// # Errors
    /// What Docker said, a container still being attached for example.
    pub async fn remove_network(&self) -> Result<(), RuntimeError> {
        let network = self.network();
        let mut proven = network.proven.lock().await;
        *proven = None;
        match self.docker().await?.remove_network(&network.name).await {
            Ok(()) => {}
            Err(error) if is_status(&error, 404) => {}
            Err(error) => return Err(while_doing("remove the build network")(error)),
        }
        if let Err(why) = Rules::remove(&self.config().instance, Side::Builds, &network.bridge).await {
            tracing::debug!(why, "no packet filter rules removed");
        }
        Ok(())
    }

    /// Passes if a container may be started now. Where no image could try the network yet, the usual one is brought.
    pub(crate) async fn require_network(&self) -> Result<(), RuntimeError> {
        let mut state = self.network_state().await?;
        if matches!(state, NetworkState::Unproven { .. })
            && self.ensure_base_image(USUAL_IMAGE, &mut |_| ()).await.is_ok()
        {
            state = self.network_state().await?;
        }
        match state {
            NetworkState::Closed | NetworkState::Open => Ok(()),
            NetworkState::Unproven { why } | NetworkState::Unenforced { why } => Err(RuntimeError::NetworkOpen { why }),
        }
    }

    async fn network_state(&self) -> Result<NetworkState, RuntimeError> {
        let network = self.network();
        let mut proven = network.proven.lock().await;
        if self.config().egress == Egress::Open {
            self.ensure_network().await?;
            if !self.is_remote() {
                // Left by a process that was configured otherwise.
                let _ = Rules::remove(&self.config().instance, Side::Builds, &network.bridge).await;
            }
            return Ok(NetworkState::Open);
        }
        if self.is_remote() {
            self.ensure_network().await?;
            return Ok(NetworkState::Unenforced { why: ELSEWHERE.to_owned() });
        }
        let rules = Rules::new(self.config(), Side::Builds, &network.bridge).await;
        if let Some(known) = proven.as_ref()
            && known.rules == rules
            && bridge_is_here(&network.bridge)
            && Snapshot::read(&rules).await.as_ref() == Ok(&known.snapshot)
        {
            return Ok(NetworkState::Closed);
        }
        *proven = None;
        let gateway = self.ensure_network().await?;
        if !bridge_is_here(&network.bridge) {
            return Ok(NetworkState::Unenforced { why: not_here(&network.bridge) });
        }
        let snapshot = match rules.install().await {
            Ok(snapshot) => snapshot,
            Err(why) => return Ok(NetworkState::Unenforced { why }),
        };
        let known = network.images();
        let local = self.local_images_to_probe_with().await?;
        let mut unproven = format!("no image on this machine to try it with; `docker pull {USUAL_IMAGE}` gets one");
        for image in known.iter().rev().chain(&local) {
            match self.probe(&network.name, image, gateway).await? {
                Verdict::Unreachable => {
                    tracing::info!(network = network.name, "builds cannot reach this machine: rules set and probed");
                    *proven = Some(Proven { rules, snapshot });
                    return Ok(NetworkState::Closed);
                }
                Verdict::Reachable(why) => return Ok(NetworkState::Unenforced { why }),
                Verdict::CannotTell(why) => unproven = format!("it could not be tried in {image}: {why}"),
            }
        }
        Ok(NetworkState::Unproven { why: unproven })
    }

    /// The network's gateway, which is an address of the host; makes the network if it does not exist.
    async fn ensure_network(&self) -> Result<Ipv4Addr, RuntimeError> {
        let network = self.network();
        let docker = self.docker().await?;
        let found = match docker.inspect_network(&network.name, None::<InspectNetworkOptions>).await {
            Ok(found) => found,
            Err(error) if is_status(&error, 404) => {
                let request = network_request(&self.config().instance, network);
                docker.create_network(request).await.map_err(while_doing("make the build network"))?;
                berth_model::step!("network made");
                let made = docker.inspect_network(&network.name, None::<InspectNetworkOptions>).await;
                made.map_err(while_doing("describe the build network"))?
            }
            Err(error) => return Err(while_doing("describe the build network")(error)),
        };
        let not_ours = |what: &str| RuntimeError::Refused {
            doing: "make the build network",
            reason: format!("a network {0} exists and {what}; remove it with `docker network rm {0}`", network.name),
        };
        let has = found.options.clone().unwrap_or_default();
        if network.options().iter().any(|(name, value)| has.get(name) != Some(value)) {
            return Err(not_ours("has other settings"));
        }
        gateway(&found).ok_or_else(|| not_ours("has no IPv4 gateway"))
    }
}

/// Why the rules cannot be set.
const ELSEWHERE: &str = "Docker runs on another machine, whose packet filter cannot be set from here";

fn not_here(bridge: &str) -> String {
    format!(
        "the network's bridge {bridge} is not on this machine (Docker Desktop, rootless Docker, or Berth itself in a \
         container without the host's network)"
    )
}

fn network_request(instance: &InstanceId, network: &Network) -> NetworkCreateRequest {
    NetworkCreateRequest {
        name: network.name.clone(),
        driver: Some("bridge".to_owned()),
        enable_ipv6: Some(false),
        options: Some(network.options()),
        labels: Some(HashMap::from([(INSTANCE.to_owned(), instance.to_string())])),
        ..NetworkCreateRequest::default()
    }
}

fn gateway(network: &NetworkInspect) -> Option<Ipv4Addr> {
    let configs = network.ipam.as_ref()?.config.as_ref()?;
    configs.iter().find_map(|config| config.gateway.as_ref()?.parse().ok())
}

pub(crate) fn bridge_is_here(bridge: &str) -> bool {
    Path::new("/sys/class/net").join(bridge).exists()
}
