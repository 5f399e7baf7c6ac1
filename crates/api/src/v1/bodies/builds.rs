//! Builds.

use berth_model::{
    BuildStatus, Commit, DeploymentStatus, Environment, Failure, LogLine, Plan, Reason, Step, Timestamp, Trigger, Why,
};
use berth_store::{Build, Published};
use serde::Serialize;
use utoipa::ToSchema;

use crate::config::ApiConfig;

/// One run of the pipeline for one commit, as a list shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BuildSummaryBody {
    id: i64,
    project_id: i64,
    status: BuildStatus,
    trigger: Trigger,
    environment: Environment,
    branch: String,
    /// `null` until the branch's newest commit is known.
    commit: Option<CommitBody>,
    /// Why it is held or was skipped.
    reason: Option<String>,
    /// The parts of that sentence, for clients that say it in other words. Missing in old builds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    because: Vec<Reason>,
    pull_request: Option<PullRequestBody>,
    exit_code: Option<i64>,
    /// Why it failed.
    failure: Option<Failure>,
    /// What it published. Production's copy of a preview is not among it.
    deployment: Option<PublishedBody>,
    /// What it has come to, in order.
    steps: Vec<Step>,
    /// Whether somebody asked to stop it.
    cancel_requested: bool,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
}

impl BuildSummaryBody {
    pub(crate) fn of(config: &ApiConfig, build: Build) -> Self {
        let commit = build.commit().map(CommitBody::of);
        let (reason, because) = build.reason.map(|Why { sentence, because }| (sentence, because)).unzip();
        Self {
            id: build.id.0,
            project_id: build.project.0,
            status: build.status,
            trigger: build.trigger,
            environment: build.environment,
            branch: build.branch.to_string(),
            commit,
            reason,
            because: because.unwrap_or_default(),
            pull_request: build.pull_request.map(|pull_request| PullRequestBody {
                number: pull_request.number,
                title: None,
                fork: pull_request.fork.map(|fork| fork.repository),
            }),
            exit_code: build.exit_code,
            failure: build.failure,
            deployment: build.published.map(|Published { id, status, host, released, problem }| PublishedBody {
                id: id.0,
                status,
                url: config.site_url(&host),
                kept: released,
                problem,
            }),
            steps: build.steps,
            cancel_requested: build.cancel_requested,
            created_at: build.created_at,
            started_at: build.started_at,
            finished_at: build.finished_at,
        }
    }
}

/// One run of the pipeline for one commit.
#[derive(Serialize, ToSchema)]
pub(crate) struct BuildBody {
    #[serde(flatten)]
    summary: BuildSummaryBody,
    /// What was decided, each with its source and reason.
    plan: Option<Plan>,
}

impl BuildBody {
    pub(crate) fn of(config: &ApiConfig, mut build: Build) -> Self {
        let plan = build.plan.take();
        Self { summary: BuildSummaryBody::of(config, build), plan }
    }
}

/// The deployment of a build.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublishedBody {
    id: i64,
    status: DeploymentStatus,
    /// Its own address, which stays the same while its files are kept.
    url: String,
    /// Whether its files are still kept, so that it can go live again at once.
    kept: bool,
    /// Why it did not go live when that was last tried, with the last lines of a service that ended; `null`: it did.
    problem: Option<String>,
}

/// The pull request that a build or a preview is of.
#[derive(Serialize, ToSchema)]
pub(crate) struct PullRequestBody {
    pub(super) number: i64,
    pub(super) title: Option<String>,
    /// The repository that its commits are from, if that is not the project's own: `mallory/shop`.
    pub(super) fork: Option<String>,
}

/// What is shown of a commit.
#[derive(Serialize, ToSchema)]
pub(crate) struct CommitBody {
    hash: String,
    message: String,
    author: String,
}

impl CommitBody {
    pub(crate) fn of(commit: Commit) -> Self {
        Self { hash: commit.hash.to_string(), message: commit.message, author: commit.author }
    }
}

/// Lines of a build's log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogBody {
    /// In order.
    pub(crate) lines: Vec<LogLine>,
    /// Ask again with this `after`.
    pub(crate) next: i64,
    /// Whether nothing will come after these lines: the build has ended and they are its last.
    pub(crate) complete: bool,
}
