//! What is known at the moment of what a report speaks of.

use berth_model::{DeploymentStatus, ProjectName, Timestamp};
use berth_store::{Build, Deployment, Project, Store, StoreError};

use super::Addresses;

/// A build, what it published, and where to see both.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) project: ProjectName,
    pub(super) build: Build,
    /// What it published itself; what a promotion made of it is not its.
    pub(super) deployment: Option<Published>,
    /// Where its branch is seen, for as long as it is seen anywhere.
    pub(super) site: Option<String>,
    /// The build's page in the dashboard.
    pub(super) page: String,
}

/// A deployment, as far as others are told.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) status: DeploymentStatus,
    pub(super) activated_at: Option<Timestamp>,
    /// Its own address, which never changes.
    pub(super) url: String,
}

impl Facts {
    pub(super) async fn of(
        store: &Store,
        addresses: &Addresses,
        project: &Project,
        build: Build,
    ) -> Result<Self, StoreError> {
        let deployment = store.published_by(build.id).await?;
        let host = store.host_of_branch(project.id, build.environment, &build.branch).await?;
        Ok(Self {
            project: project.name.clone(),
            deployment: deployment.map(|deployment| Published::of(addresses, &deployment)),
            site: host.map(|host| addresses.site(&host)),
            page: addresses.build(build.id),
            build,
        })
    }

    /// When this last changed.
    pub(super) fn changed_at(&self) -> Timestamp {
        let live_since = self.deployment.as_ref().and_then(|deployment| deployment.activated_at);
        live_since.or(self.build.finished_at).or(self.build.started_at).unwrap_or(self.build.created_at)
    }
}

impl Published {
    pub(super) fn of(addresses: &Addresses, deployment: &Deployment) -> Self {
        Self { status: deployment.status, activated_at: deployment.activated_at, url: addresses.site(&deployment.host) }
    }
}
