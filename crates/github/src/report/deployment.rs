//! A deployment as GitHub lists it: of a build that is run, from its wait to its end.

use berth_model::{BuildStatus, DeploymentStatus as Stage, Environment, FailureCode, ProjectName};

use super::facts::{Facts, Published};
use super::short;
use crate::client::{DeploymentState, DeploymentStatus};

/// How the build's deployment stands; `None`: there is none to speak of. `is_known`: GitHub was told of it before.
pub(super) fn of_build(facts: &Facts, is_known: bool) -> Option<DeploymentStatus> {
    let (state, description) = match facts.build.status {
        BuildStatus::Held | BuildStatus::Skipped => return None,
        BuildStatus::Queued => (DeploymentState::Queued, "Queued".to_owned()),
        BuildStatus::Running => (DeploymentState::InProgress, "Building".to_owned()),
        BuildStatus::Passed => return of_published(facts, facts.deployment.as_ref()?, is_known),
        BuildStatus::Failed => {
            let failure = facts.build.failure.as_ref();
            let is_ours = failure.is_some_and(|failure| failure.code == FailureCode::Internal);
            let state = if is_ours { DeploymentState::Error } else { DeploymentState::Failure };
            (state, failure.map_or_else(|| "Failed".to_owned(), |failure| failure.title.clone()))
        }
        BuildStatus::Canceled => (DeploymentState::Error, "Canceled".to_owned()),
        BuildStatus::Superseded => (DeploymentState::Inactive, "Superseded by a newer push".to_owned()),
    };
    // What never came to anything, and what GitHub never heard of, needs no obituary.
    let is_over = matches!(facts.build.status, BuildStatus::Canceled | BuildStatus::Superseded);
    (is_known || !is_over).then(|| said(facts, state, &description, None))
}

/// How what was published stands, by a build or by a promotion.
pub(super) fn of_published(facts: &Facts, published: &Published, is_known: bool) -> Option<DeploymentStatus> {
    let site = || Some(facts.site.clone().unwrap_or_else(|| published.url.clone()));
    let told = match published.status {
        Stage::Ready => said(facts, DeploymentState::InProgress, "Going live", None),
        Stage::Live => said(facts, DeploymentState::Success, "Live", site()),
        Stage::Failed => said(facts, DeploymentState::Failure, "It could not be put live", None),
        Stage::Retired | Stage::RolledBack if !is_known => return None,
        Stage::Retired => said(facts, DeploymentState::Inactive, "No longer live", None),
        Stage::RolledBack => said(facts, DeploymentState::Inactive, "Rolled back", None),
    };
    Some(told)
}

fn said(facts: &Facts, state: DeploymentState, description: &str, site: Option<String>) -> DeploymentStatus {
    let description = short(description);
    DeploymentStatus { state, description, log_url: facts.page.clone(), environment_url: site }
}

/// The name of an environment at GitHub. It carries the project's name even where there is one project only: a second
/// one of the same repository must not rename what the first one has told.
pub(super) fn environment(environment: Environment, project: &ProjectName) -> String {
    format!("{} – {project}", environment.as_str())
}
