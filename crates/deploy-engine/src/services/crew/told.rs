//! What is told of a crew: to the proxy, to who waits for a new version, to who looks at replicas.

use std::net::SocketAddr;

use berth_model::{ReplicaEnd, ServiceState};

use super::{Crew, ENDS_ON_TRIAL, Phase};
use crate::services::words::Trouble;

/// What the proxy shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Starting,
    Ready(Vec<SocketAddr>),
    Down(String),
    Stopped,
}

/// How a version that is new fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trial {
    Pending,
    /// All that should run are healthy.
    Passed,
    /// It will not do; which replica, and why.
    Failed(u32, Trouble),
}

/// Where a replica stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) number: u32,
    pub(crate) state: ServiceState,
    pub(crate) restarts: u32,
    pub(crate) last_end: Option<ReplicaEnd>,
}

impl Crew {
    /// What the proxy shall do.
    pub(crate) fn standing(&self) -> Standing {
        let addresses = |serves: fn(&Phase) -> bool| {
            let serving = self.members.iter().filter(|member| serves(&member.phase));
            serving.flat_map(|member| member.endpoints.iter().copied()).collect::<Vec<_>>()
        };
        let healthy = addresses(|phase| matches!(phase, Phase::Healthy { .. }));
        if !healthy.is_empty() {
            return Standing::Ready(healthy);
        }
        let unhealthy = addresses(|phase| *phase == Phase::Unhealthy);
        if !unhealthy.is_empty() {
            return Standing::Ready(unhealthy);
        }
        if self.wanted.replicas == 0 {
            return Standing::Stopped;
        }
        match self.slots.values().find_map(|slot| slot.trouble.as_ref()) {
            Some(trouble) => Standing::Down(trouble.for_visitors()),
            None => Standing::Starting,
        }
    }

    /// How the version fares that should run.
    pub(crate) fn trial(&self) -> Trial {
        for (number, slot) in self.slots.range(..=self.wanted.replicas) {
            if let Some(trouble) = slot.trouble.as_ref().filter(|_| slot.ends >= ENDS_ON_TRIAL) {
                return Trial::Failed(*number, trouble.clone());
            }
        }
        let is_healthy = |number| {
            let mut current = self.members.iter().filter(|member| member.is(number, self.wanted.generation));
            current.any(|member| matches!(member.phase, Phase::Healthy { .. }))
        };
        if (1..=self.wanted.replicas).all(is_healthy) { Trial::Passed } else { Trial::Pending }
    }

    /// Where each replica stands, by number.
    pub(crate) fn places(&self) -> Vec<Place> {
        let numbers = self.slots.keys().copied().filter(|number| {
            *number <= self.wanted.replicas || self.members.iter().any(|member| member.number == *number)
        });
        let place = |number| {
            let slot = &self.slots[&number];
            let loops = slot.restarts.is_crash_loop;
            let of_members = self.members.iter().filter(|member| member.number == number);
            let states = of_members.filter_map(|member| match member.phase {
                Phase::Healthy { .. } => Some(ServiceState::Healthy),
                Phase::Unhealthy => Some(ServiceState::Unhealthy),
                Phase::Launching | Phase::Proving { .. } if !loops => Some(ServiceState::Starting),
                Phase::Leaving { may_stay: true, .. } => Some(ServiceState::Draining),
                Phase::Launching | Phase::Proving { .. } | Phase::Ended | Phase::Leaving { .. } => None,
            });
            let state = match ServiceState::of_all(states) {
                ServiceState::Stopped if number > self.wanted.replicas => ServiceState::Stopped,
                ServiceState::Stopped if loops => ServiceState::CrashLoop,
                ServiceState::Stopped if slot.trouble.is_some() => ServiceState::Restarting,
                ServiceState::Stopped => ServiceState::Starting,
                better => better,
            };
            Place { number, state, restarts: slot.restarts.count, last_end: slot.last_end }
        };
        numbers.map(place).collect()
    }
}
