//! Deleted projects: their hosts went when they were deleted; replicas, files, containers, images and volumes go here,
//! once their last build has ended. Volumes that somebody removed. And the caches of removed accounts.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Worker, whenever_rung};

pub(super) async fn run(worker: Arc<Worker>, bell: watch::Receiver<()>, stop: CancellationToken) {
    whenever_rung(bell, stop, "removing deleted projects", || remove_deleted(Arc::clone(&worker))).await;
}

async fn remove_deleted(worker: Arc<Worker>) -> anyhow::Result<()> {
    let deleted_projects = worker.store.deleted_projects().await?;
    let any = !deleted_projects.is_empty();
    let mut failed = Ok(());
    for deleted in &deleted_projects {
        if let Err(error) = worker.supervisor.remove_project(deleted.id).await {
            failed = Err(error.into());
        }
    }
    // Once no replica has them, and before the project is forgotten that they are known by.
    if let Err(error) = remove_volumes(&worker).await {
        failed = Err(error);
    }
    for deleted in deleted_projects {
        let removed = async {
            worker.deploys.remove_project(deleted.id, &deleted.name).await?;
            worker.engine.remove_project(deleted.id).await?;
            worker.logs.remove_project(deleted.id).await?;
            worker.store.forget_project(deleted.id).await?;
            anyhow::Ok(())
        };
        match removed.await {
            Ok(()) => tracing::info!(project = %deleted.id, "nothing is left of the deleted project {}", deleted.name),
            Err(error) => failed = Err(error),
        }
    }
    // An account that goes takes its projects along.
    if any && failed.is_ok() {
        clear_caches_of_removed(&worker).await?;
    }
    failed
}

/// Removes the volumes that the database has let go. One that a container still has is tried again.
async fn remove_volumes(worker: &Worker) -> anyhow::Result<()> {
    for volume in worker.store.volumes_to_remove().await? {
        if worker.engine.remove_service_volume(volume.project, volume.environment, &volume.name).await? {
            worker.store.volume_removed(&volume).await?;
        }
    }
    Ok(())
}

/// Removes the packages and caches of accounts that are gone. Docker is asked whose there are: nothing is remembered.
pub(super) async fn clear_caches_of_removed(worker: &Worker) -> anyhow::Result<()> {
    for owner in worker.engine.owners().await? {
        if worker.store.user(owner).await?.is_none() {
            worker.engine.remove_owner(owner).await?;
        }
    }
    Ok(())
}
