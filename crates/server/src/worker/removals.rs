//! Deleted projects: their hosts went when they were deleted; files, containers, images and volumes go here, once
//! their last build has ended.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Worker, whenever_rung};

pub(super) async fn run(worker: Arc<Worker>, bell: watch::Receiver<()>, stop: CancellationToken) {
    whenever_rung(bell, stop, "removing deleted projects", || remove_deleted(Arc::clone(&worker))).await;
}

async fn remove_deleted(worker: Arc<Worker>) -> anyhow::Result<()> {
    let mut failed = Ok(());
    for deleted in worker.store.deleted_projects().await? {
        let removed = async {
            worker.deploys.remove_project(deleted.id, &deleted.name).await?;
            worker.engine.remove_project(deleted.id).await?;
            worker.store.forget_project(deleted.id).await?;
            anyhow::Ok(())
        };
        match removed.await {
            Ok(()) => tracing::info!(project = %deleted.id, "nothing is left of the deleted project {}", deleted.name),
            Err(error) => failed = Err(error),
        }
    }
    failed
}
