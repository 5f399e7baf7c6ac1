//! The engine itself: what it is configured with, and the table it keeps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use berth_edge::{Edge, Release, Site, Target};
use berth_model::{
    DeploymentId, Environment, Lock, ProjectId, ProjectName, Protection, ShortId, Timestamp, host_label,
};
use berth_store::{Deployment, Store};
use tokio::sync::{Mutex, MutexGuard};

use crate::DeployError;
use crate::places::Places;
use crate::table::{Placement, Table};
use crate::targets::open_target;

/// Settings of the deploy engine.
#[derive(Clone, Debug)]
pub struct DeployConfig {
    /// The deployments directory; it exists.
    pub deployments: PathBuf,
    /// The domain that sites are under, without a port: `example.org`.
    pub base_domain: String,
    /// How many releases are kept of a project besides the live one.
    pub retention: usize,
}

/// Publishes, activates and removes. Clones are one.
#[derive(Clone, Debug)]
pub struct DeployEngine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    places: Places,
    base_domain: String,
    retention: usize,
    store: Store,
    edge: Edge,
    /// Held by whoever changes where hosts lead: one at a time.
    table: Mutex<Table>,
}

impl DeployEngine {
    /// An engine that goes on from the table on disk. What the edge serves is not touched: see [`crate::restore`].
    #[must_use]
    pub fn new(config: DeployConfig, store: Store, edge: Edge) -> Self {
        let places = Places::below(&config.deployments);
        // What is wrong with it was told by restore; the database knows it all.
        let table = Mutex::new(Table::read(&places.routes()).unwrap_or_else(|_| Table::new(&places.routes())));
        let DeployConfig { base_domain, retention, .. } = config;
        Self(Arc::new(Inner { places, base_domain, retention, store, edge, table }))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn edge(&self) -> &Edge {
        &self.0.edge
    }

    pub(crate) fn places(&self) -> &Places {
        &self.0.places
    }

    pub(crate) fn retention(&self) -> usize {
        self.0.retention
    }

    pub(crate) async fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().await
    }

    /// Where builds leave their output: on the file system of the releases, emptied at start.
    #[must_use]
    pub fn staging(&self) -> PathBuf {
        self.places().staging()
    }

    /// The full host name of a project.
    #[must_use]
    pub fn project_host(&self, project: &ProjectName) -> String {
        format!("{}.{}", project.as_str(), self.0.base_domain)
    }

    /// The full host name of a deployment of its own.
    #[must_use]
    pub fn deployment_host(&self, project: &ProjectName, short_id: &ShortId) -> String {
        format!("{}.{}", host_label(&[project.as_str(), &short_id.0]), self.0.base_domain)
    }

    pub(crate) async fn open_target(
        &self,
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<Target, DeployError> {
        let (edge, directory) = (self.edge().clone(), self.places().release(project, deployment));
        blocking(move || open_target(&edge, &directory, deployment)).await
    }

    /// Puts a deployment on its own host, as soon as it is published. The table on disk learns of it with the next
    /// change; until then the database knows.
    pub(crate) async fn place_own_host(&self, deployment: &Deployment) {
        match self.open_target(deployment.project, deployment.id).await {
            Ok(target) => {
                let mut table = self.table().await;
                // Asked while nobody else changes the table: a lock that is set later finds the host.
                let Ok(Some(project)) = self.store().project_unscoped(deployment.project).await else { return };
                let lock = lock_of(project.protection.as_ref(), deployment.environment);
                // Its activation can be quicker. The release that it opened has to stay: the project's host remembers
                // only that one once a newer release takes its place.
                let served = self.edge().site(&deployment.host);
                if served.and_then(|site| site.deployment()) == Some(deployment.id.0) {
                    return;
                }
                let site = Site::of(target).of_project(deployment.project).locked(lock.clone());
                self.edge().install(&deployment.host, site);
                table.place(&deployment.host, Placement::of(deployment, lock));
            }
            // Its activation opens it again, and fails with the reason.
            Err(error) => {
                tracing::error!(deployment = %deployment.id, %error, "a release just published cannot be read")
            }
        }
    }

    /// Brings what has changed in the table to the disk; without it the sites stay as they are until the next start,
    /// which asks the database.
    pub(crate) async fn save(&self, table: &mut Table) -> Result<(), DeployError> {
        let Some(write) = table.next_write() else { return Ok(()) };
        let written = blocking(move || match write.carry_out() {
            Ok(()) => Ok(write),
            Err(error) => Err(DeployError::disk("the table of hosts could not be written")(error)),
        });
        table.written(written.await?);
        Ok(())
    }
}

impl Placement {
    /// A deployment's own host.
    pub(crate) fn of(deployment: &Deployment, lock: Option<Arc<Lock>>) -> Self {
        Self { project: deployment.project, deployment: Some(deployment.id), before: Vec::new(), link: None, lock }
    }

    /// What a host that leads to `deployment` from `now` on led to before, and whose assets pages may still ask for.
    pub(crate) fn before(
        was: Option<&Self>,
        project: ProjectId,
        deployment: Option<DeploymentId>,
        now: Timestamp,
    ) -> Vec<(DeploymentId, Timestamp)> {
        let Some(was) = was.filter(|was| was.project == project) else { return Vec::new() };
        let replaced = was.deployment.map(|replaced| (replaced, now)).filter(|(id, _)| Some(*id) != deployment);
        let older = was.before.iter().copied().filter(|(id, until)| {
            Some(*id) != deployment && Some(*id) != was.deployment && now.since(*until) < Site::GRACE
        });
        replaced.into_iter().chain(older).collect()
    }

    /// Whether visitors find the same here, whatever was here before.
    pub(crate) fn leads_as(&self, other: &Self) -> bool {
        (self.project, self.deployment, &self.link, &self.lock)
            == (other.project, other.deployment, &other.link, &other.lock)
    }
}

/// What opens the hosts of an environment, as sites and the table share it.
pub(crate) fn lock_of(protection: Option<&Protection>, environment: Environment) -> Option<Arc<Lock>> {
    protection?.lock_of(environment).cloned().map(Arc::new)
}

/// Opens a release and makes sure that it is the one that was asked for.
pub(crate) fn open(directory: &Path, deployment: DeploymentId) -> Result<Arc<Release>, DeployError> {
    let unreadable = DeployError::disk("the release cannot be read; rebuild its commit, or deploy its folder again");
    match Release::open(directory) {
        Ok(release) if release.deployment() == deployment.0 => Ok(Arc::new(release)),
        Ok(_) => Err(unreadable(std::io::Error::other("it is another deployment's"))),
        Err(berth_edge::EdgeError::Unreadable(error)) => Err(unreadable(error)),
        Err(damaged @ berth_edge::EdgeError::Corrupt { .. }) => Err(unreadable(std::io::Error::other(damaged))),
    }
}

/// Runs what waits for the disk on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeployError> + Send + 'static,
) -> Result<T, DeployError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|died| Err(DeployError::disk("a task that used the disk died")(std::io::Error::other(died))))
}
