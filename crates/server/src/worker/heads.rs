//! Pushes that nobody told us of: each watched branch's head is compared with its newest build, at start and hourly.
//! A project whose live release is gone, after a restore without it, is built again too; a preview whose branch is gone
//! at the host is removed. Each project's host is asked once for all of it.

use std::collections::HashMap;
use std::sync::Arc;

use berth_model::{BranchName, BuildStatus, Commit, CommitHash, Environment, Timestamp, Trigger};
use berth_store::{Build, Followed, NewBuild, Project};
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
                    let built = projects.into_iter().filter(|project| project.repo_url.is_some());
                    let compared = stream::iter(built).for_each_concurrent(AT_ONCE, |project| {
                        let worker = Arc::clone(&worker);
                        async move {
                            compare(&worker, &project, Trigger::Reconcile).await;
                        }
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

/// Queues a build, by this trigger, if the branch's head is not built, and lets previews follow their branches. Returns
/// whether the host said where they are.
pub(super) async fn compare(worker: &Worker, project: &Project, by: Trigger) -> bool {
    let asked_at = worker.store.clock().now();
    // A host that is away is asked again later; its owner sees nothing of it, for nothing of theirs has changed.
    let heads = match worker.builds.remote_heads(project).await {
        Ok(heads) => heads,
        Err(error) => {
            tracing::debug!(project = %project.id, "the head of {} is not known: {error}", project.branch);
            return false;
        }
    };
    if let Err(error) = compare_previews(worker, project, &heads, asked_at, by).await {
        tracing::warn!(project = %project.id, "its previews could not be compared with their branches: {error:#}");
    }
    let Some(head) = heads.get(&project.branch).cloned() else {
        tracing::debug!(project = %project.id, "there is no branch {}", project.branch);
        return true;
    };
    let queued = async {
        let newest = worker.store.newest_build(project.id, Environment::Production, &project.branch).await?;
        let following = worker.store.newest_build_following(project.id, &project.branch, &head).await?;
        let is_covered = following.is_some_and(|build| covers(&build, &head, by));
        let seen = newest.as_ref().map(|newest| newest.id);
        let (why, trigger, commit) = match newest {
            None => ("was never built", by, only_hash(head)),
            // A push that came while the host was asked knows better.
            Some(newest) if newest.created_at >= asked_at => return Ok(()),
            Some(_) if !is_covered => ("moved unannounced", by, only_hash(head)),
            Some(_) => {
                let ran = worker.store.newest_build_that_runs(project.id, &project.branch).await?;
                // Only after a build that passed: one that fails leaves the site as it is, and would fail every hour. A
                // folder is nowhere to be had again.
                let can_run = |ran: &Build| ran.status == BuildStatus::Passed && ran.trigger != Trigger::Folder;
                let Some(ran) = ran.filter(can_run) else { return Ok(()) };
                if !live_release_is_gone(worker, project).await? {
                    return Ok(());
                }
                let trigger = again_as(&ran, &head);
                ("has lost its live release", trigger, ran.commit().unwrap_or_else(|| only_hash(head)))
            }
        };
        let new = NewBuild::production(project.id, trigger, project.branch.clone(), Some(commit));
        // Whoever was quicker (a push, the other look) has told what there is to tell.
        if let Some(build) = worker.store.enqueue_after(seen, new).await? {
            tracing::info!(project = %project.id, build = %build.id, "{} {why}; it is built now", project.branch);
        }
        anyhow::Ok(())
    };
    if let Err(error) = queued.await {
        tracing::warn!(project = %project.id, "a branch that moved could not be queued: {error:#}");
    }
    true
}

/// Previews follow their branches as the host has them. Pull requests from forks are left alone: a host shows their
/// commits for ever, and each new one waits for an approval anyway.
async fn compare_previews(
    worker: &Worker,
    project: &Project,
    heads: &HashMap<BranchName, CommitHash>,
    asked_at: Timestamp,
    by: Trigger,
) -> anyhow::Result<()> {
    // A repository without any branch is one that is being moved, rather than one that was given up.
    if heads.is_empty() {
        return Ok(());
    }
    for preview in worker.store.open_previews(project.id).await? {
        let branch = &preview.branch;
        let head = heads.get(branch).cloned().map(only_hash);
        match worker.store.follow_preview(preview.id, asked_at, head, by).await? {
            Followed::Left => {}
            Followed::Queued(build) => {
                tracing::info!(project = %project.id, build = %build.id, "{branch} moved unannounced; it is built now");
            }
            Followed::Removed => {
                tracing::info!(project = %project.id, "the branch {branch} is gone, and its preview with it");
            }
        }
    }
    Ok(())
}

/// What is known of a head that was only asked for; the build adds message and author when it has fetched it.
fn only_hash(hash: CommitHash) -> Commit {
    Commit { hash, message: String::new(), author: String::new() }
}

/// As what the build whose release is gone is built again. What somebody went back to or chose is that again, not the
/// head; and the head that asked for no build gets none after it.
fn again_as(build: &Build, head: &CommitHash) -> Trigger {
    match build.trigger {
        Trigger::Rebuild | Trigger::Promote => build.trigger,
        _ if build.commit_hash.as_ref() == Some(head) => Trigger::Reconcile,
        _ => Trigger::Rebuild,
    }
}

async fn live_release_is_gone(worker: &Worker, project: &Project) -> anyhow::Result<bool> {
    let live = worker.store.live_deployment(project.id).await?;
    Ok(live.is_some_and(|live| !worker.deploys.holds_release(&live)))
}

/// Whether a build that followed the branch is, or will be, of this head. One that has not looked yet takes the head
/// when it does. A build of the head that failed through no fault of the repository gets one more chance, from the
/// hourly look: polling would take it within a minute, when nothing can have changed.
fn covers(build: &Build, head: &CommitHash, by: Trigger) -> bool {
    match &build.commit_hash {
        Some(commit) if commit != head => false,
        Some(_) => by == Trigger::Poll || build.trigger == Trigger::Reconcile || !build.failed_by_itself(),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use berth_model::{BranchName, BuildId, Environment, Failure, FailureCode, ProjectId, Timestamp};

    use super::*;

    fn hash(digit: char) -> CommitHash {
        CommitHash::parse(&digit.to_string().repeat(40)).unwrap()
    }

    fn build(trigger: Trigger, commit_hash: Option<CommitHash>, code: Option<FailureCode>) -> Build {
        Build {
            id: BuildId(1),
            project: ProjectId(1),
            status: if code.is_some() { BuildStatus::Failed } else { BuildStatus::Passed },
            trigger,
            environment: Environment::Production,
            branch: BranchName::parse("main").unwrap(),
            commit_hash,
            commit_message: None,
            commit_author: None,
            reason: None,
            pull_request: None,
            delivery: None,
            exit_code: None,
            failure: code.map(|code| Failure::new(code, "it failed", "do something")),
            plan: None,
            steps: Vec::new(),
            attempts: 1,
            cancel_requested: false,
            published: None,
            created_at: Timestamp(0),
            started_at: None,
            finished_at: None,
        }
    }

    #[test]
    fn what_is_built_again_stays_what_it_was() {
        let head = hash('a');
        for (trigger, commit, again) in [
            (Trigger::Push, 'a', Trigger::Reconcile),
            (Trigger::Rebuild, 'b', Trigger::Rebuild),
            (Trigger::Promote, 'b', Trigger::Promote),
            // The head was skipped: following it would undo what is built again.
            (Trigger::Push, 'b', Trigger::Rebuild),
        ] {
            assert_eq!(again_as(&build(trigger, Some(hash(commit)), None), &head), again);
        }
    }

    #[test]
    fn a_head_is_built_once_and_once_more_if_that_may_help() {
        let head = hash('a');
        let away = Some(FailureCode::SourceUnavailable);
        for (trigger, commit, code, is_covered) in [
            (Trigger::Push, Some('b'), None, false),
            (Trigger::Push, Some('a'), None, true),
            (Trigger::Push, Some('a'), Some(FailureCode::CommandFailed), true),
            (Trigger::Push, Some('a'), away, false),
            // The one more chance is taken: a host whose references answer and whose packs fail is left alone.
            (Trigger::Reconcile, Some('a'), away, true),
            (Trigger::Reconcile, Some('b'), away, false),
            (Trigger::Created, None, None, true),
        ] {
            let build = build(trigger, commit.map(hash), code);
            assert_eq!(covers(&build, &head, Trigger::Reconcile), is_covered, "{build:?}");
            let is_of_head = commit.is_none_or(|commit| commit == 'a');
            assert_eq!(covers(&build, &head, Trigger::Poll), is_of_head, "{build:?}");
        }
    }
}
