//! Every site back on the edge: at start from the table on disk, then as the database says.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use berth_edge::{Edge, Release, Site, Target};
use berth_model::{DeploymentId, Environment, ProjectId};
use berth_store::RouteKind;

use crate::activate::chain;
use crate::engine::open;
use crate::places::Places;
use crate::table::{Placement, Table};
use crate::{DeployConfig, DeployEngine, DeployError, blocking, links};

/// Serves every host of the table on disk, without the database. A release that cannot be read answers 503, the others
/// are fine; a table that cannot be read is as good as none. Returns how many hosts are served.
pub fn restore(config: &DeployConfig, edge: &Edge) -> usize {
    let places = Places::below(&config.deployments);
    let table = Table::read(&places.routes()).unwrap_or_else(|error| {
        tracing::error!(%error, "the table of hosts cannot be read; sites come back with the database");
        Table::default()
    });
    let mut releases = Releases { places: &places, opened: HashMap::new() };
    for (host, placement) in &table.0 {
        edge.install(host, releases.site(host, placement));
    }
    table.0.len()
}

/// Opens each release once.
struct Releases<'a> {
    places: &'a Places,
    opened: HashMap<DeploymentId, Option<Arc<Release>>>,
}

impl Releases<'_> {
    fn open(&mut self, host: &str, project: ProjectId, deployment: DeploymentId) -> Option<Arc<Release>> {
        let directory = self.places.release(project, deployment);
        let opened = self.opened.entry(deployment).or_insert_with(|| {
            let opened = open(&directory, deployment);
            opened
                .inspect_err(
                    |error| tracing::error!(host, %deployment, error = %chain(error), "a site is not available"),
                )
                .ok()
        });
        opened.clone()
    }

    fn site(&mut self, host: &str, placement: &Placement) -> Site {
        let Some(deployment) = placement.deployment else { return Site::of(Target::NothingYet) };
        let Some(release) = self.open(host, placement.project, deployment) else {
            return Site::of(Target::Unavailable);
        };
        let site = Site::of(Target::Release(release));
        // Pruned by now, perhaps; then nobody needs it.
        let before = placement.before.filter(|(before, _)| self.places.release(placement.project, *before).exists());
        match before.and_then(|(before, until)| Some((self.open(host, placement.project, before)?, until))) {
            Some((before, until)) => site.after(&before, until),
            None => site,
        }
    }
}

/// What hosts serve already. A host that is new shares it: what a site remembers of its past lives as long as another
/// host holds the very same release.
fn open_already(edge: &Edge) -> HashMap<DeploymentId, Option<Arc<Release>>> {
    let sites = edge.hosts().into_iter().filter_map(|host| edge.site(&host));
    let releases = sites.filter_map(|site| site.release().cloned());
    releases.map(|release| (DeploymentId(release.deployment()), Some(release))).collect()
}

impl DeployEngine {
    /// Makes the edge, the table and the links follow the database: hosts of new, renamed and removed projects, and
    /// whatever a crash left between two steps. Activations that are pending are not its business.
    ///
    /// # Errors
    /// The database's own; then nothing was changed. The disk's, if the table could not be written.
    pub async fn reconcile(&self) -> Result<(), DeployError> {
        let mut table = self.table().await;
        let wanted = self.wanted(&table).await?;
        let served: HashSet<String> = self.edge().hosts().into_iter().collect();
        let changed: Vec<(String, Placement)> = wanted
            .0
            .iter()
            .filter(|(host, placement)| table.0.get(*host) != Some(placement) || !served.contains(*host))
            .map(|(host, placement)| (host.clone(), placement.clone()))
            .collect();
        let gone: Vec<(String, Placement)> = table
            .0
            .iter()
            .filter(|(host, _)| !wanted.0.contains_key(*host))
            .map(|(host, gone)| (host.clone(), gone.clone()))
            .collect();

        let (places, edge) = (self.places().clone(), self.edge().clone());
        let removed = gone.clone();
        blocking(move || {
            let mut releases = Releases { places: &places, opened: open_already(&edge) };
            for (host, placement) in &changed {
                edge.install(host, releases.site(host, placement));
                if let (Some(link), Some(deployment)) = (&placement.link, placement.deployment) {
                    links::point(&places, link, placement.project, deployment);
                }
            }
            for (host, placement) in &removed {
                edge.remove(host);
                if let Some(link) = &placement.link {
                    links::remove(&places, link, placement.project);
                }
            }
            Ok(())
        })
        .await?;
        if *table != wanted {
            self.save(&wanted).await?;
            *table = wanted;
        }
        Ok(())
    }

    /// The table as the database would have it.
    async fn wanted(&self, table: &Table) -> Result<Table, DeployError> {
        let names: HashMap<ProjectId, String> = self
            .store()
            .all_projects()
            .await?
            .into_iter()
            .map(|project| (project.id, project.name.as_str().to_owned()))
            .collect();
        let mut wanted = Table::default();
        for route in self.store().routes().await? {
            if route.kind == RouteKind::Deployment && route.deployment.is_none() {
                continue;
            }
            let follows = route.kind == RouteKind::Branch && route.environment == Environment::Production;
            let link = follows.then(|| names.get(&route.project).cloned()).flatten();
            // The same project's host keeps what it led to before.
            let was = table.0.get(&route.host).filter(|was| was.project == route.project);
            let before = match was.and_then(|was| was.deployment) {
                Some(replaced) if Some(replaced) != route.deployment => Some((replaced, self.store().clock().now())),
                _ => was.and_then(|was| was.before),
            };
            let before = before.filter(|_| route.kind == RouteKind::Branch);
            let placement = Placement { project: route.project, deployment: route.deployment, before, link };
            wanted.0.insert(route.host, placement);
        }
        Ok(wanted)
    }
}
