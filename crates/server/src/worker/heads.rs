//! Pushes that nobody told us of: each watched branch's head is compared with its newest build, at start and hourly.

use std::sync::Arc;
use std::time::Duration;

use berth_model::{CommitHash, Environment, FailureCode, Trigger};
use berth_store::{Build, NewBuild, Project};
use futures_util::StreamExt;
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use super::Worker;

const EVERY: Duration = Duration::from_secs(3_600);
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
            tokio::time::sleep(EVERY).await;
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
        if newest.is_some_and(|newest| covers(&newest, &head)) {
            return Ok(());
        }
        let new = NewBuild {
            project: project.id,
            trigger: Trigger::Reconcile,
            environment: Environment::Production,
            branch: project.branch.clone(),
            commit: None,
        };
        let build = worker.store.enqueue(new).await?;
        tracing::info!(project = %project.id, build = %build.id, "{} moved unnoticed; it is built now", project.branch);
        anyhow::Ok(())
    };
    if let Err(error) = queued.await {
        tracing::warn!(project = %project.id, "a branch that moved could not be queued: {error:#}");
    }
}

/// Whether a build is, or will be, of this commit. One that has not looked yet takes the head when it does; one that
/// ended without looking counts too, unless its source was away: what failed once would fail every hour.
fn covers(build: &Build, head: &CommitHash) -> bool {
    match (&build.commit_hash, &build.failure) {
        (Some(commit), _) => commit == head,
        (None, Some(failure)) => failure.code != FailureCode::SourceUnavailable,
        (None, None) => true,
    }
}
