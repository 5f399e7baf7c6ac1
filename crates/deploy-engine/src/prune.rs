//! Removes what nothing leads to any more: old releases, deleted projects, leftovers of a crash.
//!
//! The database is told first, then the hosts go, then the files: whatever the moment of a crash, no host leads to
//! files that are gone, and what is left over is swept at the next start.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use berth_model::{DeploymentId, ProjectId, ProjectName, Timestamp};
use berth_store::{Deployment, StoreError};

use crate::publish::remove;
use crate::{DeployEngine, DeployError, blocking, links};

impl DeployEngine {
    /// Removes the releases of a project beyond its retention: never a live one, never one that stopped being live less
    /// than ten minutes ago; and what is left of those that the database has let go, with a preview for example. Returns
    /// how many went.
    ///
    /// # Errors
    /// The database's and the disk's own; what was begun is finished by the next call or the next start.
    pub async fn prune(&self, project: ProjectId) -> Result<usize, DeployError> {
        let doomed = self.store().releases_to_prune(project, self.retention()).await?;
        let mut table = self.table().await;
        for deployment in doomed {
            match self.store().release_pruned(deployment.id).await {
                Ok(()) => {}
                // Somebody asked for it a moment ago.
                Err(StoreError::Conflict(_)) => continue,
                Err(error) => return Err(error.into()),
            }
            self.edge().remove(&deployment.host);
            table.remove(&deployment.host);
        }
        self.save(&mut table).await?;
        drop(table);
        let gone: HashSet<DeploymentId> = self.store().pruned_deployments(project).await?.into_iter().collect();
        let places = self.places().clone();
        blocking(move || {
            let pruned = || -> std::io::Result<usize> {
                let mut count = 0;
                for (deployment, release) in numbered(&places.project(project))? {
                    if gone.contains(&DeploymentId(deployment)) {
                        remove(&release, &places.trash())?;
                        count += 1;
                    }
                }
                Ok(count)
            };
            pruned().map_err(DeployError::disk("an old release could not be removed"))
        })
        .await
    }

    /// Takes a deleted project off the edge and removes its releases. Its name may be another project's by now: that
    /// one keeps its hosts and its link.
    ///
    /// # Errors
    /// The disk's own; calling it again goes on.
    pub async fn remove_project(&self, project: ProjectId, name: &ProjectName) -> Result<(), DeployError> {
        let mut table = self.table().await;
        let hosts: Vec<_> = table.hosts_of(project).cloned().collect();
        for host in &hosts {
            self.edge().remove(host);
            table.remove(host);
        }
        self.save(&mut table).await?;
        drop(table);
        let (places, name) = (self.places().clone(), name.clone());
        blocking(move || {
            links::remove(&places, name.as_str(), project);
            remove(&places.project(project), &places.trash())
                .map_err(DeployError::disk("the releases of a deleted project could not be removed"))
        })
        .await
    }

    /// Whether a deployment's files are where they should be. They are not after a restore of the database alone.
    #[must_use]
    pub fn holds_release(&self, deployment: &Deployment) -> bool {
        self.places().release(deployment.project, deployment.id).is_dir()
    }

    /// Removes what a crash or a failed removal left behind: staging directories, trash, and releases that the database
    /// does not know, if nothing has changed in them for so long. Zero, which is everything, only at start, before the
    /// first build: what is being built or published has no row yet either.
    ///
    /// # Errors
    /// The database's and the disk's own.
    pub async fn sweep(&self, unchanged_for: Duration) -> Result<(), DeployError> {
        let kept: HashSet<(ProjectId, DeploymentId)> = self.store().released_deployments().await?.into_iter().collect();
        let projects: HashSet<ProjectId> = kept.iter().map(|(project, _)| *project).collect();
        let (places, now) = (self.places().clone(), self.store().clock().now());
        let is_leftover = move |path: &Path| unchanged_for.is_zero() || now.since(changed_at(path)) >= unchanged_for;
        blocking(move || {
            let swept = || -> std::io::Result<()> {
                fs::create_dir_all(places.staging())?;
                for directory in [places.staging(), places.trash()] {
                    for leftover in entries(&directory)?.iter().filter(|path| is_leftover(path)) {
                        remove_entry(leftover)?;
                        berth_model::step!("leftover removed");
                    }
                }
                for (project, directory) in numbered(&places.releases())? {
                    let releases = numbered(&directory)?;
                    for (deployment, release) in &releases {
                        let is_kept = kept.contains(&(ProjectId(project), DeploymentId(*deployment)));
                        if !is_kept && is_leftover(release) {
                            tracing::info!(project, deployment, "a release without a deployment is removed");
                            remove(release, &places.trash())?;
                        }
                    }
                    if !projects.contains(&ProjectId(project)) {
                        // Empty by now, unless somebody put something else there.
                        let _ = fs::remove_dir(&directory);
                    }
                }
                Ok(())
            };
            swept().map_err(DeployError::disk("what an earlier run left behind could not be removed"))
        })
        .await
    }
}

/// What lies in a directory; nothing if there is none.
fn entries(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}

/// The directories below one that are named by a number; everything else is not ours.
fn numbered(directory: &Path) -> std::io::Result<Vec<(i64, PathBuf)>> {
    let number = |path: &Path| path.file_name()?.to_str()?.parse().ok();
    let directories = entries(directory)?.into_iter().filter(|path| path.is_dir());
    Ok(directories.filter_map(|path| Some((number(&path)?, path))).collect())
}

/// When a directory got or lost an entry; what cannot be looked at has just changed.
fn changed_at(path: &Path) -> Timestamp {
    let changed = fs::symlink_metadata(path).and_then(|found| found.modified()).ok();
    let since_epoch = changed.and_then(|changed| changed.duration_since(UNIX_EPOCH).ok());
    since_epoch.map_or(Timestamp(i64::MAX), |age| Timestamp(0).after(age))
}

fn remove_entry(path: &Path) -> std::io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
