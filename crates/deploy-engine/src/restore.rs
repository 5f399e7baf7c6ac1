//! Every site back on the edge: at start from the table on disk, then as the database says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::Arc;

use berth_edge::{Edge, Site, Target};
use berth_model::{DeploymentId, Environment, ProjectId, Timestamp};
use berth_store::{Route, RouteKind};

use crate::activate::chain;
use crate::engine::lock_of;
use crate::places::Places;
use crate::table::{Placement, Table};
use crate::targets::{files_at_root, open_target};
use crate::{DeployConfig, DeployEngine, DeployError, blocking, links, parallel};

/// Serves every host of the table on disk, without the database. A release that cannot be read answers 503, the others
/// are fine; a table that cannot be read is as good as none. Returns how many hosts are served.
pub fn restore(config: &DeployConfig, edge: &Edge) -> usize {
    let places = Places::below(&config.deployments);
    let table = Table::read(&places.routes()).unwrap_or_else(|error| {
        tracing::error!(%error, "the table of hosts cannot be read; sites come back with the database");
        Table::new(&places.routes())
    });
    let mut releases = Releases { places: &places, edge, opened: HashMap::new() };
    releases.open_all(table.iter().map(|(_, placement)| placement));
    for (host, placement) in table.iter() {
        edge.install(host, releases.site(host, placement));
    }
    table.len()
}

/// Opens each deployment once.
struct Releases<'a> {
    places: &'a Places,
    edge: &'a Edge,
    opened: HashMap<DeploymentId, Option<Target>>,
}

impl Releases<'_> {
    /// Opens what some hosts lead to and led to shortly before, on all cores.
    fn open_all<'p>(&mut self, placements: impl Iterator<Item = &'p Placement>) {
        let mut wanted = BTreeSet::new();
        for placement in placements {
            let before = self.within_grace(placement).map(|(deployment, _)| *deployment);
            wanted.extend(placement.deployment.into_iter().chain(before).map(|id| (placement.project, id)));
        }
        let wanted: Vec<_> = wanted.into_iter().filter(|(_, id)| !self.opened.contains_key(id)).collect();
        let (places, edge) = (self.places, self.edge);
        let opened = parallel::try_map(parallel::cores(), &wanted, |(project, deployment)| {
            let opened = open_target(edge, &places.release(*project, *deployment), *deployment).inspect_err(|error| {
                tracing::error!(%project, %deployment, error = %chain(error), "a release is not available");
            });
            Ok::<_, Infallible>((*deployment, opened.ok()))
        });
        self.opened.extend(opened.unwrap_or_else(|never| match never {}));
    }

    /// What a host led to before, as far as pages may still ask for it. It may be pruned by now.
    fn within_grace<'p>(
        &self,
        placement: &'p Placement,
    ) -> impl Iterator<Item = &'p (DeploymentId, Timestamp)> + use<'p, '_> {
        let now = self.edge.now();
        let releases = self.places.project(placement.project);
        let recent = placement.before.iter().filter(move |(_, until)| now.since(*until) < Site::GRACE);
        recent.filter(move |(deployment, _)| releases.join(deployment.to_string()).exists())
    }

    fn site(&self, host: &str, placement: &Placement) -> Site {
        self.open_site(host, placement).of_project(placement.project).locked(placement.lock.clone())
    }

    fn open_site(&self, host: &str, placement: &Placement) -> Site {
        let opened = |deployment| self.opened.get(&deployment).cloned().flatten();
        let Some(deployment) = placement.deployment else { return Site::of(Target::NothingYet) };
        let Some(target) = opened(deployment) else {
            tracing::error!(host, %deployment, "a site is not available");
            return Site::of(Target::Unavailable);
        };
        self.within_grace(placement).fold(Site::of(target), |site, (before, until)| {
            match opened(*before).as_ref().and_then(files_at_root) {
                Some(before) => site.after(before, *until),
                None => site,
            }
        })
    }
}

impl DeployEngine {
    /// Makes the edge, the table and the links follow the database: hosts of new, renamed and removed projects, and
    /// whatever a crash left between two steps. Activations that are pending are not its business.
    ///
    /// # Errors
    /// The database's own; then nothing was changed. The disk's, if the table could not be written.
    pub async fn reconcile(&self) -> Result<(), DeployError> {
        let mut table = self.table().await;
        let wanted = self.store().routes().await?;
        let had = table.iter().map(|(host, _)| Arc::clone(host)).collect();
        self.follow(&mut table, had, wanted).await
    }

    /// The same for the hosts of some projects: what it costs does not grow with all the others.
    ///
    /// # Errors
    /// As [`DeployEngine::reconcile`].
    pub async fn reconcile_projects(&self, projects: &BTreeSet<ProjectId>) -> Result<(), DeployError> {
        let mut table = self.table().await;
        let (mut had, mut wanted) = (Vec::new(), Vec::new());
        for project in projects {
            had.extend(table.hosts_of(*project).cloned());
            wanted.extend(self.store().routes_of(*project).await?);
        }
        self.follow(&mut table, had, wanted).await
    }

    /// Lets the hosts that were had lead nowhere, unless they are wanted, and those that are wanted where they should.
    async fn follow(&self, table: &mut Table, had: Vec<Arc<str>>, wanted: Vec<Route>) -> Result<(), DeployError> {
        let wanted: BTreeMap<String, Placement> =
            wanted.into_iter().filter_map(|route| self.placement(table, route)).collect();
        let gone: Vec<(Arc<str>, Placement)> = had
            .into_iter()
            .filter(|host| !wanted.contains_key(&**host))
            .filter_map(|host| table.remove(&host).map(|was| (host, was)))
            .collect();
        let mut moved = Vec::new();
        for (host, placement) in wanted {
            let was = table.get(&host);
            if was == Some(&placement) && self.edge().site(&host).is_some() {
                continue;
            }
            if !was.is_some_and(|was| was.leads_as(&placement)) || self.edge().site(&host).is_none() {
                moved.push((host.clone(), placement.clone()));
            }
            table.place(&host, placement);
        }
        let left = gone.iter().map(|(_, was)| was.project).filter(|project| table.hosts_of(*project).next().is_none());
        let without_hosts: BTreeSet<ProjectId> = left.collect();
        // A host that is new shares the release with those that serve it: what a site remembers of its past lives as
        // long as another host holds the very same one.
        let projects: BTreeSet<ProjectId> = moved.iter().map(|(_, placement)| placement.project).collect();
        let hosts = projects.iter().flat_map(|project| table.hosts_of(*project));
        let served = hosts.filter_map(|host| self.edge().site(host));
        let opened = served.filter_map(|site| Some((DeploymentId(site.deployment()?), Some(site.target().clone()))));
        let opened = opened.collect();

        let (places, edge) = (self.places().clone(), self.edge().clone());
        blocking(move || {
            let mut releases = Releases { places: &places, edge: &edge, opened };
            releases.open_all(moved.iter().map(|(_, placement)| placement));
            for (host, placement) in &moved {
                edge.install(host, releases.site(host, placement));
                if let (Some(link), Some(deployment)) = (&placement.link, placement.deployment) {
                    links::point(&places, link, placement.project, deployment);
                }
            }
            for (host, was) in &gone {
                edge.remove(host);
                if let Some(link) = &was.link {
                    links::remove(&places, link, was.project);
                }
            }
            without_hosts.into_iter().for_each(|project| edge.tallies().forget(project));
            Ok(())
        })
        .await?;
        self.save(table).await
    }

    /// Where a host leads, as the database would have it; `None` for a deployment's that is gone.
    fn placement(&self, table: &Table, route: Route) -> Option<(String, Placement)> {
        let Route { host, kind, project, project_name, protection, environment, deployment, .. } = route;
        let lock = lock_of(protection.as_ref(), environment);
        let placement = match kind {
            RouteKind::Deployment => {
                Placement { project, deployment: Some(deployment?), before: Vec::new(), link: None, lock }
            }
            RouteKind::Branch => {
                let before = Placement::before(table.get(&host), project, deployment, self.store().clock().now());
                let link = (environment == Environment::Production).then(|| project_name.as_str().into());
                Placement { project, deployment, before, link, lock }
            }
        };
        Some((host, placement))
    }
}
