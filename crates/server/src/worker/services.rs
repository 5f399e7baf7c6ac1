//! Services: what should run is kept running, one-off commands are carried out, and deployments whose services run go live
//! beside each other, each as slowly as it starts; in one project in the order in which that was asked for.

use std::sync::Arc;

use berth_deploy_engine::{Activated, DeployError};
use berth_model::{ProjectId, UserId};
use berth_store::Activation;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::under_way::UnderWay;
use super::{NOW_AND_THEN, SOON, Worker, activations};

/// How many projects go live beside each other, of everybody and of one: each waits most of the time, for its processes to
/// be ready, and may do so for an hour.
const AT_ONCE: usize = 64;
const OF_ONE: usize = 8;

type UnderWayOf = UnderWay<(UserId, ProjectId), Result<Activated, DeployError>>;

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
    let mut under_way: UnderWayOf = UnderWay::new();
    let mut pause = NOW_AND_THEN;
    loop {
        bell.mark_unchanged();
        if let Err(error) = begin(worker, &mut under_way).await {
            tracing::warn!("putting deployments live must wait: {error:#}");
            pause = SOON;
        }
        tokio::select! {
            _ = bell.changed(), if pause == NOW_AND_THEN => {}
            Some(((_, project), ended)) = under_way.next() => pause = tell(worker, project, ended),
            () = tokio::time::sleep(pause) => pause = NOW_AND_THEN,
        }
    }
}

/// Begins with the next activation of each project that none is under way of.
async fn begin(worker: &Arc<Worker>, under_way: &mut UnderWayOf) -> anyhow::Result<()> {
    let pending = worker.store.pending_activations().await?;
    // By its project alone: one may get another owner meanwhile.
    let has_begun = |next: &Activation| under_way.all().any(|(_, project)| *project == next.project);
    let waiting =
        activations::next_turn(&pending, pending.len(), |next| next.has_services && !has_begun(next)).into_iter();
    let waiting: Vec<&Activation> =
        waiting.filter_map(|id| pending.iter().find(|activation| activation.id == id)).collect();
    let owners: Vec<UserId> = under_way.all().map(|(owner, _)| *owner).collect();
    for next in with_room(waiting, owners) {
        let (worker, id) = (Arc::clone(worker), next.id);
        under_way
            .begin((next.owner, next.project), async move { worker.deploys.roll_out(&worker.supervisor, id).await });
    }
    Ok(())
}

/// Those of the waiting, in their order, that there is room for beside what is under way, of these owners.
fn with_room(waiting: Vec<&Activation>, mut under_way: Vec<UserId>) -> Vec<&Activation> {
    let has_room = |next: &&Activation| {
        let of_owner = under_way.iter().filter(|owner| **owner == next.owner).count();
        let has_room = under_way.len() < AT_ONCE && of_owner < OF_ONE;
        under_way.extend(has_room.then_some(next.owner));
        has_room
    };
    waiting.into_iter().filter(has_room).collect()
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

#[cfg(test)]
mod tests {
    use berth_model::{ActivationId, DeploymentId, Timestamp};
    use berth_store::{ActivationReason, ActivationState};

    use super::*;

    fn activation(id: i64, owner: i64) -> Activation {
        Activation {
            id: ActivationId(id),
            deployment: DeploymentId(id),
            project: ProjectId(id),
            owner: UserId(owner),
            has_services: true,
            reason: ActivationReason::Build,
            state: ActivationState::Pending,
            refusal: None,
            requested_by: None,
            created_at: Timestamp(id),
        }
    }

    #[test]
    fn nobody_takes_the_room_of_others() {
        let greedy: Vec<Activation> = (1..=100).map(|id| activation(id, 1)).collect();
        let other = activation(101, 2);
        let waiting: Vec<&Activation> = greedy.iter().chain([&other]).collect();
        let begun = |under_way: Vec<UserId>| {
            with_room(waiting.clone(), under_way).into_iter().map(|next| next.id.0).collect::<Vec<_>>()
        };
        assert_eq!(begun(Vec::new()), [1, 2, 3, 4, 5, 6, 7, 8, 101]);
        assert_eq!(begun(vec![UserId(1); OF_ONE - 1]), [1, 101]);
        assert_eq!(begun(vec![UserId(1); OF_ONE]), [101]);
        assert_eq!(begun((10..).map(UserId).take(AT_ONCE).collect()), [0; 0]);
    }
}
