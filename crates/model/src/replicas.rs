//! Where every replica stands right now: written by what starts and watches them, read by whoever shows it. In memory
//! only: after a restart it is found out anew from the containers themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use utoipa::ToSchema;

use crate::{DeploymentId, ProjectId, ReplicaEnd, ServiceName, ServiceState, Timestamp};

/// Names one replica of a service of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplicaId {
    /// Of which project.
    pub project: ProjectId,
    /// Of which deployment.
    pub deployment: DeploymentId,
    /// Of which of its services.
    pub service: ServiceName,
    /// Which of the service's, from 1.
    pub number: u32,
}

/// What a replica uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaUsage {
    /// Processors, as a number of cores, over the last seconds.
    pub cpus: f64,
    /// Memory in bytes, without the page cache.
    pub memory: u64,
}

/// Where one replica stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaReport {
    /// Its state.
    pub state: ServiceState,
    /// Since when.
    pub since: Timestamp,
    /// How often it was started again.
    pub restarts: u32,
    /// How it ended the last time.
    pub last_end: Option<ReplicaEnd>,
    /// What it uses, where that was measured.
    pub usage: Option<ReplicaUsage>,
    /// Its limit of memory, in bytes.
    pub memory_limit: u64,
}

/// All replicas. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Replicas(Arc<RwLock<BTreeMap<ReplicaId, ReplicaReport>>>);

impl Replicas {
    /// Says where a replica stands; returns what was said before.
    pub fn report(&self, replica: ReplicaId, report: ReplicaReport) -> Option<ReplicaReport> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(replica, report)
    }

    /// Says what a replica uses, if it is known.
    pub fn measure(&self, replica: &ReplicaId, usage: ReplicaUsage) {
        if let Some(report) = self.0.write().unwrap_or_else(PoisonError::into_inner).get_mut(replica) {
            report.usage = Some(usage);
        }
    }

    /// Forgets one that is gone for good.
    pub fn forget(&self, replica: &ReplicaId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(replica);
    }

    /// Those of a project, in order.
    #[must_use]
    pub fn of_project(&self, project: ProjectId) -> Vec<(ReplicaId, ReplicaReport)> {
        self.those(|replica| replica.project == project)
    }

    /// Those of a deployment, in order.
    #[must_use]
    pub fn of_deployment(&self, deployment: DeploymentId) -> Vec<(ReplicaId, ReplicaReport)> {
        self.those(|replica| replica.deployment == deployment)
    }

    fn those(&self, wanted: impl Fn(&ReplicaId) -> bool) -> Vec<(ReplicaId, ReplicaReport)> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let those = all.iter().filter(|(replica, _)| wanted(replica));
        those.map(|(replica, report)| (replica.clone(), report.clone())).collect()
    }
}
