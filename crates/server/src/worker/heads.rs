//! Pushes that nobody told us of: each watched branch's head is compared with its newest build, at start and hourly.
//! A project whose live release is gone, after a restore without it, is built again too.

use std::sync::Arc;

use berth_model::{BuildStatus, CommitHash, Environment, FailureCode, Trigger};
use berth_store::{Build, NewBuild, Project};
use futures_util::StreamExt;
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use super::Worker;

/// Git hosts that are asked at once.
const AT_ONCE: usize = 4;

pub(super) async fn run(worker: Arc<Worker>, stop: CancellationToken) {
    let work = async {
        loop {
            match worker.store.all_projects().await {
                Ok(projects) => {
                    let compared = stream::iter(projects).for_each_concurrent(AT_ONCE, |project| {
                        let worker = Arc::clone(&worker);
                        async move { compare(&worker, &project).await }
                    });
                    compared.await;
                }
                Err(error) => tracing::warn!("branches could not be compared with their builds: {error}"),
            }
            tokio::time::sleep(worker.every).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
    }
}

async fn compare(worker: &Worker, project: &Project) {
    // A host that is away is asked again in an hour; its owner sees nothing of it, for nothing of theirs has changed.
    let head = match worker.builds.remote_head(project).await {
        Ok(head) => head,
        Err(error) => {
            tracing::debug!(project = %project.id, "the head of {} is not known: {error}", project.branch);
            return;
        }
    };
    let queued = async {
        let newest = worker.store.newest_build(project.id, &project.branch).await?;
        let why = match newest {
            Some(newest) if !covers(&newest, &head) => "moved unnoticed",
            // Only after a build that passed: one that fails leaves the site as it is, and would fail every hour.
            Some(newest) if newest.status == BuildStatus::Passed && live_release_is_gone(worker, project).await? => {
                "has lost its live release"
            }
            Some(_) => return Ok(()),
            None => "was never built",
        };
        let new = NewBuild {
            project: project.id,
            trigger: Trigger::Reconcile,
            environment: Environment::Production,
            branch: project.branch.clone(),
            commit: None,
        };
        let build = worker.store.enqueue(new).await?;
        tracing::info!(project = %project.id, build = %build.id, "{} {why}; it is built now", project.branch);
        anyhow::Ok(())
    };
    if let Err(error) = queued.await {
        tracing::warn!(project = %project.id, "a branch that moved could not be queued: {error:#}");
    }
}

async fn live_release_is_gone(worker: &Worker, project: &Project) -> anyhow::Result<bool> {
    let live = worker.store.live_deployment(project.id).await?;
    Ok(live.is_some_and(|live| !worker.deploys.holds_release(&live)))
}

/// Whether a build is, or will be, of this commit. One that has not looked yet takes the head when it does; one that
/// ended without looking counts too, unless its source was away: what failed once would fail every hour. A build of the
/// head that failed through no fault of the repository gets one more chance.
fn covers(build: &Build, head: &CommitHash) -> bool {
    let code = build.failure.as_ref().map(|failure| failure.code);
    match &build.commit_hash {
        Some(commit) if commit != head => false,
        Some(_) => build.trigger == Trigger::Reconcile || !code.is_some_and(may_pass),
        None => code != Some(FailureCode::SourceUnavailable),
    }
}

/// What can have gone away by itself since.
fn may_pass(code: FailureCode) -> bool {
    matches!(code, FailureCode::SourceUnavailable | FailureCode::NoSpace | FailureCode::Internal)
}
