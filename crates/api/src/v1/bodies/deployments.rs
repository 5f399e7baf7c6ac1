//! Deployments, and the previews whose newest ones are live.

use berth_model::{BuildStatus, DeploymentStatus, Environment, Timestamp};
use berth_store::{Build, Deployment, Preview};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::builds::PullRequestBody;
use super::{BuildSummaryBody, CommitBody, millis, words};
use crate::config::ApiConfig;

/// One immutable published result of a build.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeploymentBody {
    id: i64,
    project_id: i64,
    build_id: i64,
    status: DeploymentStatus,
    environment: Environment,
    branch: String,
    /// What its build was of; `null`: a folder.
    commit: Option<CommitBody>,
    /// How long its build took.
    took_ms: Option<u64>,
    /// Its own address, which stays the same while its files are kept.
    url: String,
    files: i64,
    bytes: i64,
    /// Whether its files are still kept, so that it can go live again at once.
    kept: bool,
    /// The preview's deployment that this is production's copy of.
    promoted_from: Option<i64>,
    created_at: Timestamp,
    activated_at: Option<Timestamp>,
    /// Why it did not go live when that was last tried, with the last lines of a service that ended; `null`: it did, or
    /// that was not tried.
    problem: Option<String>,
}

impl DeploymentBody {
    pub(crate) fn of(config: &ApiConfig, deployment: Deployment) -> Self {
        Self {
            id: deployment.id.0,
            project_id: deployment.project.0,
            build_id: deployment.build.0,
            status: deployment.status,
            environment: deployment.environment,
            branch: deployment.branch.to_string(),
            commit: deployment.commit.map(|commit| CommitBody::of(*commit)),
            took_ms: deployment.took.map(millis),
            url: config.site_url(&deployment.host),
            files: deployment.files,
            bytes: deployment.bytes,
            kept: deployment.released,
            promoted_from: deployment.promoted_from.map(|source| source.0),
            created_at: deployment.created_at,
            activated_at: deployment.activated_at,
            problem: deployment.problem,
        }
    }
}

/// A branch or a pull request with a site of its own.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PreviewBody {
    id: i64,
    project_id: i64,
    /// `pull/<number>` for a pull request from a fork.
    branch: String,
    /// Where it is served once something is live.
    url: String,
    /// The newest open pull request that shows it.
    pull_request: Option<PullRequestBody>,
    /// `held`, `queued` or `running` while a build is under way; else `live`; else how the newest build ended.
    #[schema(schema_with = preview_states)]
    state: &'static str,
    latest_build: Option<BuildSummaryBody>,
    /// What visitors get now.
    live_deployment: Option<DeploymentBody>,
    created_at: Timestamp,
    pushed_at: Timestamp,
}

impl PreviewBody {
    pub(crate) fn of(config: &ApiConfig, preview: Preview, latest: Option<Build>, live: Option<Deployment>) -> Self {
        let Preview { title, fork, .. } = preview;
        let state = match &latest {
            Some(build) if live.is_none() || !build.status.is_final() => build.status.as_str(),
            _ => DeploymentStatus::Live.as_str(),
        };
        Self {
            id: preview.id.0,
            project_id: preview.project.0,
            branch: preview.branch.to_string(),
            url: config.site_url(&preview.host),
            pull_request: preview.pull_request.map(|number| PullRequestBody { number, title, fork }),
            state,
            latest_build: latest.map(|build| BuildSummaryBody::of(config, build)),
            live_deployment: live.map(|deployment| DeploymentBody::of(config, deployment)),
            created_at: preview.created_at,
            pushed_at: preview.pushed_at,
        }
    }
}

/// Those of its newest build, but that one that passed is `live`.
fn preview_states() -> Object {
    let ends = BuildStatus::ALL.iter().map(|status| status.as_str());
    words(ends.chain([DeploymentStatus::Live.as_str()]))
}
