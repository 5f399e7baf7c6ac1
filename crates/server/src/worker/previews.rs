//! Previews make room: those that are too old or one too many go, and what a removed one leaves behind goes with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use berth_model::{BranchName, ProjectId};

use super::Worker;

/// Removes previews that nobody pushes to any more, and those beyond a project's share. Their hosts follow by the event.
pub(super) async fn prune(worker: &Worker) -> anyhow::Result<()> {
    let pushed_before = worker.store.clock().now().before(worker.preview_age);
    for removed in worker.store.prune_previews(worker.previews_per_project, pushed_before).await? {
        tracing::info!(project = %removed.project, "the preview of {} made room", removed.branch);
    }
    Ok(())
}

/// Removes the files of what was removed, and the caches of its commits. What fails is done again within the hour.
pub(super) async fn clear(worker: Arc<Worker>, projects: BTreeSet<ProjectId>) {
    for project in projects {
        if let Err(error) = worker.deploys.prune(project).await {
            let error = anyhow::Error::from(error);
            tracing::warn!(%project, "the files of a removed preview could not be removed: {error:#}");
        }
    }
    if let Err(error) = clear_caches(&worker).await {
        tracing::warn!("the caches of a removed preview could not be removed: {error:#}");
    }
}

/// Removes the volumes and images of pull requests from forks that no preview shows any more.
pub(super) async fn clear_caches(worker: &Worker) -> anyhow::Result<()> {
    for (project, number) in worker.engine.pull_requests().await? {
        let branch = BranchName::of_pull_request(number);
        if worker.store.open_preview(project, &branch).await?.is_none() {
            worker.engine.remove_pull_request(project, number).await?;
        }
    }
    Ok(())
}
