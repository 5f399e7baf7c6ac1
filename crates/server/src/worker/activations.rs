//! Deployments go live in the order in which that was asked for in their project, apart from builds: a rollback waits
//! for none. Those of different projects go together; promotions, which may have many files to link first, hold up
//! nobody else's. Those whose services have to be started before are in `services`.

use std::collections::HashSet;
use std::sync::Arc;

use berth_deploy_engine::Activated;
use berth_model::{ActivationId, ProjectId};
use berth_store::{Activation, ActivationReason};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Worker, whenever_rung};

/// How many go live in one go. Each takes a fraction of a millisecond, and all wait for the disk together.
const AT_ONCE: usize = 32;

pub(super) async fn run(worker: Arc<Worker>, bell: watch::Receiver<()>, stop: CancellationToken) {
    let promotions = |next: &Activation| !next.has_services && next.reason == ActivationReason::Promote;
    let others = |next: &Activation| !next.has_services && next.reason != ActivationReason::Promote;
    tokio::join!(
        whenever_rung(bell.clone(), stop.clone(), "putting deployments live", || {
            activate_pending(Arc::clone(&worker), others, AT_ONCE)
        }),
        whenever_rung(bell, stop, "promoting deployments", || { activate_pending(Arc::clone(&worker), promotions, 1) }),
    );
}

async fn activate_pending(worker: Arc<Worker>, is_ours: fn(&Activation) -> bool, at_once: usize) -> anyhow::Result<()> {
    let (mut failed, mut tried) = (Ok(()), HashSet::new());
    loop {
        // Read anew each time: what came meanwhile may go first.
        let pending = worker.store.pending_activations().await?;
        let turn = next_turn(&pending, at_once, |next| is_ours(next) && !tried.contains(&next.id));
        if turn.is_empty() {
            return failed;
        }
        tried.extend(turn.iter().copied());
        let ended = match worker.deploys.activate_all(&turn).await {
            Ok(ended) => ended,
            Err(error) if error.is_unavailable() || turn.len() == 1 => return Err(error.into()),
            Err(error) => {
                // One that cannot be carried out now must not hold up the others.
                tracing::warn!("{} deployments go live one by one: {:#}", turn.len(), anyhow::Error::from(error));
                let mut ended = Vec::new();
                for id in turn {
                    ended.push(worker.deploys.activate(id).await);
                }
                ended
            }
        };
        for ended in ended {
            match ended {
                Ok(Activated::Live(live)) => {
                    tracing::info!(project = %live.project, deployment = %live.id, build = %live.build, "live");
                    tokio::spawn(prune(Arc::clone(&worker), live.project));
                }
                Ok(Activated::Refused { reason }) => tracing::info!("not put live: {reason}"),
                Err(error) => failed = Err(error.into()),
            }
        }
        if pending.iter().any(|left| !is_ours(left)) {
            // It may have waited for one of these.
            worker.store.signals().wake_worker();
        }
    }
}

/// What goes live next: of each project the activation that was asked for first, if it may; before the others those of
/// projects for which somebody waits.
pub(super) fn next_turn(
    pending: &[Activation],
    at_once: usize,
    may: impl Fn(&Activation) -> bool,
) -> Vec<ActivationId> {
    let chosen: HashSet<ProjectId> = pending
        .iter()
        .filter(|activation| activation.reason != ActivationReason::Build)
        .map(|activation| activation.project)
        .collect();
    let mut seen = HashSet::new();
    let mut turn: Vec<&Activation> = pending.iter().filter(|next| seen.insert(next.project) && may(next)).collect();
    turn.sort_by_key(|next| (!chosen.contains(&next.project), next.id));
    turn.into_iter().take(at_once).map(|next| next.id).collect()
}

/// Old releases go when a new one is live. What fails here is done again within the hour.
pub(super) async fn prune(worker: Arc<Worker>, project: ProjectId) {
    if let Err(error) = worker.deploys.prune(project).await {
        tracing::warn!(%project, "old releases could not be removed: {:#}", anyhow::Error::from(error));
    }
}

#[cfg(test)]
mod tests {
    use berth_model::{DeploymentId, Timestamp};
    use berth_store::ActivationState;

    use super::*;

    #[test]
    fn each_project_takes_turns_in_its_own_order_and_people_go_first() {
        use ActivationReason::{Build, Promote, Rollback};
        let activation = |id, project, reason| Activation {
            id: ActivationId(id),
            deployment: DeploymentId(id),
            project: ProjectId(project),
            owner: berth_model::UserId(1),
            has_services: false,
            reason,
            state: ActivationState::Pending,
            refusal: None,
            requested_by: None,
            created_at: Timestamp(id),
        };
        let pending = [
            (1, 1, Build),
            (2, 2, Build),
            (3, 1, Build),
            (4, 3, Promote),
            (5, 3, Build),
            (6, 4, Build),
            (7, 4, Rollback),
        ]
        .map(|(id, project, reason)| activation(id, project, reason));
        let ids = |turn: Vec<ActivationId>| turn.into_iter().map(|id| id.0).collect::<Vec<_>>();
        let others = |next: &Activation| next.reason != Promote;
        assert_eq!(ids(next_turn(&pending, 32, others)), [6, 1, 2], "5 waits for 4, 7 for 6, 3 for 1");
        assert_eq!(ids(next_turn(&pending, 2, others)), [6, 1]);
        assert_eq!(ids(next_turn(&pending, 1, |next| next.reason == Promote)), [4]);
        let untried = |next: &Activation| next.reason != Promote && next.id.0 != 6;
        assert_eq!(ids(next_turn(&pending, 32, untried)), [1, 2], "6 was tried, and 7 still waits for it");
    }
}
