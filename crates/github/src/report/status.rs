//! A commit's status: what it says of a build.

use berth_model::{BuildStatus, DeploymentStatus, FailureCode};

use super::facts::Facts;
use super::short;
use crate::client::{CommitState, CommitStatus};

/// What is said of the build's commit now; `None`: nothing, or nothing more. `told` is what was said last.
pub(super) fn status(facts: &Facts, told: Option<&str>) -> Option<CommitStatus> {
    let page = || facts.page.clone();
    let (state, description, target_url) = match facts.build.status {
        BuildStatus::Held => (CommitState::Pending, "Waiting for approval".to_owned(), page()),
        BuildStatus::Queued => (CommitState::Pending, "Queued".to_owned(), page()),
        BuildStatus::Running => (CommitState::Pending, "Building".to_owned(), page()),
        BuildStatus::Passed => passed(facts),
        BuildStatus::Failed => {
            let failure = facts.build.failure.as_ref();
            let is_ours = failure.is_some_and(|failure| failure.code == FailureCode::Internal);
            let state = if is_ours { CommitState::Error } else { CommitState::Failure };
            (state, failure.map_or_else(|| "Failed".to_owned(), |failure| failure.title.clone()), page())
        }
        BuildStatus::Canceled => (CommitState::Error, "Canceled".to_owned(), page()),
        // Nobody will build this commit; who saw it wait is told, and nobody else asks.
        BuildStatus::Superseded => {
            told?;
            (CommitState::Error, "Superseded by a newer push".to_owned(), page())
        }
        BuildStatus::Skipped => {
            let why = facts.build.reason.as_ref().map_or("nothing to build", |why| &why.sentence);
            (CommitState::Success, format!("Skipped: {}", why.strip_prefix("skipped: ").unwrap_or(why)), page())
        }
    };
    Some(CommitStatus { state, context: context(facts), description: short(&description), target_url })
}

/// The site is only there once the deployment is live, and a commit whose site was there stays good.
fn passed(facts: &Facts) -> (CommitState, String, String) {
    let page = || facts.page.clone();
    let Some(deployment) = &facts.deployment else {
        return (CommitState::Success, "Built".to_owned(), page());
    };
    match deployment.status {
        DeploymentStatus::Failed => (CommitState::Failure, "Built, but it could not be put live".to_owned(), page()),
        _ if deployment.activated_at.is_some() => {
            let site = facts.site.clone().unwrap_or_else(|| deployment.url.clone());
            (CommitState::Success, "Live".to_owned(), site)
        }
        DeploymentStatus::Ready => (CommitState::Pending, "Built, going live".to_owned(), page()),
        _ => (CommitState::Success, "Built; something newer is live".to_owned(), deployment.url.clone()),
    }
}

fn context(facts: &Facts) -> String {
    format!("berth/{}", facts.project)
}
