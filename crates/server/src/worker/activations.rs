//! Deployments go live in the order in which that was asked for, apart from builds: a rollback waits for none.

use std::sync::Arc;

use berth_deploy_engine::Activated;
use berth_model::ProjectId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Worker, whenever_rung};

pub(super) async fn run(worker: Arc<Worker>, bell: watch::Receiver<()>, stop: CancellationToken) {
    whenever_rung(bell, stop, "putting deployments live", || activate_pending(Arc::clone(&worker))).await;
}

async fn activate_pending(worker: Arc<Worker>) -> anyhow::Result<()> {
    let mut failed = Ok(());
    for pending in worker.store.pending_activations().await? {
        match worker.deploys.activate(pending.id).await {
            Ok(Activated::Live(live)) => {
                tracing::info!(project = %live.project, deployment = %live.id, build = %live.build, "live");
                tokio::spawn(prune(Arc::clone(&worker), live.project));
            }
            Ok(Activated::Refused { reason }) => {
                tracing::info!(deployment = %pending.deployment, "not put live: {reason}");
            }
            // One that cannot be carried out now must not hold up the others.
            Err(error) => failed = Err(error.into()),
        }
    }
    failed
}

/// Old releases go when a new one is live. What fails here is done again within the hour.
async fn prune(worker: Arc<Worker>, project: ProjectId) {
    if let Err(error) = worker.deploys.prune(project).await {
        tracing::warn!(%project, "old releases could not be removed: {:#}", anyhow::Error::from(error));
    }
}
