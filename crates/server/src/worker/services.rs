//! Services: what should run is kept running, one-off commands are carried out, and deployments whose services run go live
//! beside each other, each as slowly as it starts; in one project in the order in which that was asked for.

use std::sync::Arc;

use berth_deploy_engine::{Activated, DeployError};
use berth_model::ProjectId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::under_way::UnderWay;
use super::{NOW_AND_THEN, SOON, Worker, activations};

/// How many projects go live beside each other. Each waits most of the time, for its processes to be ready.
const AT_ONCE: usize = 8;

pub(super) async fn run(worker: Arc<Worker>, bell: watch::Receiver<()>, stop: CancellationToken) {
    tokio::select! {
        _ = async { tokio::join!(
            worker.supervisor.run(),
            worker.supervisor.run_commands(),
            forget_commands(&worker),
            roll_out_all(&worker, bell),
        ) } => {}
        () = stop.cancelled() => {}
    }
}

/// What an earlier process left of commands whose end is recorded.
async fn forget_commands(worker: &Worker) {
    while let Err(error) = worker.supervisor.forget_commands().await {
        tracing::debug!("containers of ended commands are left for now: {error}");
        tokio::time::sleep(NOW_AND_THEN).await;
    }
}

async fn roll_out_all(worker: &Arc<Worker>, mut bell: watch::Receiver<()>) {
    let mut under_way: UnderWay<ProjectId, Result<Activated, DeployError>> = UnderWay::new();
    let mut pause = NOW_AND_THEN;
    loop {
        bell.mark_unchanged();
        if let Err(error) = begin(worker, &mut under_way).await {
            tracing::warn!("putting deployments live must wait: {error:#}");
            pause = SOON;
        }
        tokio::select! {
            _ = bell.changed(), if pause == NOW_AND_THEN => {}
            Some((project, ended)) = under_way.next() => pause = tell(worker, project, ended),
            () = tokio::time::sleep(pause) => pause = NOW_AND_THEN,
        }
    }
}

/// Begins with the next activation of each project that none is under way of.
async fn begin(
    worker: &Arc<Worker>,
    under_way: &mut UnderWay<ProjectId, Result<Activated, DeployError>>,
) -> anyhow::Result<()> {
    let pending = worker.store.pending_activations().await?;
    let room = AT_ONCE.saturating_sub(under_way.len());
    let turn = activations::next_turn(&pending, room, |next| next.has_services && !under_way.is_about(&next.project));
    for next in pending.iter().filter(|next| turn.contains(&next.id)) {
        let (worker, id) = (Arc::clone(worker), next.id);
        under_way.begin(next.project, async move { worker.deploys.roll_out(&worker.supervisor, id).await });
    }
    Ok(())
}

/// Tells how one ended; how long to wait before the next look.
fn tell(
    worker: &Arc<Worker>,
    project: ProjectId,
    ended: Result<Result<Activated, DeployError>, tokio::task::JoinError>,
) -> std::time::Duration {
    match ended {
        Ok(Ok(Activated::Live(live))) => {
            tracing::info!(project = %live.project, deployment = %live.id, build = %live.build, "live");
            tokio::spawn(activations::prune(Arc::clone(worker), live.project));
        }
        Ok(Ok(Activated::Refused { reason })) => tracing::info!(%project, "not put live: {reason}"),
        Ok(Err(error)) => {
            tracing::warn!(%project, "putting a deployment live must wait: {:#}", anyhow::Error::from(error));
            return SOON;
        }
        Err(died) => {
            tracing::error!(%project, "putting a deployment live ended by a bug of Berth: {died}");
            return NOW_AND_THEN;
        }
    }
    // What is asked for next in the project may have waited for it.
    worker.store.signals().wake_worker();
    NOW_AND_THEN
}
