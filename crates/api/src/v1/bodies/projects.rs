//! Projects.

use berth_model::{
    BuildStatus, Plan, PollEvery, Protection, ProtectionScope, ReplicaEnd, Replicas, ServiceName, ServiceState,
    Timestamp,
};
use berth_store::{Deployment, Project, ProjectSummary, RecentBuild};
use serde::Serialize;
use utoipa::ToSchema;

use super::{BuildSummaryBody, DeploymentBody, millis};
use crate::Api;

/// A project as its card shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectSummaryBody {
    id: i64,
    /// The label of its host.
    name: String,
    /// Where it is served once something is live.
    url: String,
    /// `null`: there is none, folders are deployed.
    repo_url: Option<String>,
    /// The branch that goes live.
    branch: String,
    /// As detected for what is live, else for the newest build: `vite`, `static-html`, …; `null`: not yet.
    framework: Option<String>,
    /// Why the repository's hook at GitHub does not announce pushes, if it does not.
    webhook_problem: Option<String>,
    /// Whether other branches and pull requests get sites of their own.
    previews: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// What visitors get now.
    live_deployment: Option<DeploymentBody>,
    /// Of production.
    latest_build: Option<BuildSummaryBody>,
    /// The last 20 of production that ran or will, newest first.
    recent_builds: Vec<RecentBuildBody>,
    /// What half of the recent builds that passed took less than; `null`: none did.
    median_ms: Option<u64>,
    /// The services of what is live that do not work: each ends again and again, or does not answer.
    troubles: Vec<TroubleBody>,
}

impl ProjectSummaryBody {
    pub(crate) fn of(api: &Api, summary: ProjectSummary) -> Self {
        Self::with_the_rest(api, summary).0
    }

    /// The card, and what it leaves over.
    fn with_the_rest(api: &Api, summary: ProjectSummary) -> (Self, Project, Option<Plan>) {
        let config = &api.config;
        let median_ms = summary.median().map(millis);
        let ProjectSummary { project, live, latest, plan, recent } = summary;
        let service = plan.as_ref().and_then(|plan| plan.services.first());
        let recent = recent.into_iter();
        let card = Self {
            id: project.id.0,
            url: config.site_url(&config.site_host(project.name.as_str())),
            name: project.name.to_string(),
            repo_url: project.repo_url.as_ref().map(|url| url.as_str().to_owned()),
            branch: project.branch.to_string(),
            framework: service.map(|service| service.framework.value.clone()),
            webhook_problem: project.webhook_problem.clone(),
            previews: project.previews,
            created_at: project.created_at,
            updated_at: project.updated_at,
            troubles: live.as_ref().map(|live| troubles(&api.replicas, live)).unwrap_or_default(),
            live_deployment: live.map(|deployment| DeploymentBody::of(config, deployment)),
            latest_build: latest.map(|build| BuildSummaryBody::of(config, build)),
            recent_builds: recent
                .map(|RecentBuild { id, status, took }| RecentBuildBody { id: id.0, status, took_ms: took.map(millis) })
                .collect(),
            median_ms,
        };
        (card, project, plan)
    }
}

/// A service that does not work, as far as a list says it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TroubleBody {
    service: ServiceName,
    /// `crash_loop` or `unhealthy`.
    state: ServiceState,
    /// How it ended the last time.
    last_end: Option<ReplicaEnd>,
}

/// One of a project's last builds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecentBuildBody {
    id: i64,
    status: BuildStatus,
    /// `null` until it ends.
    took_ms: Option<u64>,
}

/// A site with its settings.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectBody {
    #[serde(flatten)]
    summary: ProjectSummaryBody,
    /// Whether the repository is opened with an access token of the project's own.
    has_repo_token: bool,
    /// The user that goes with it; `null`: `oauth2`.
    repo_user: Option<String>,
    root_directory: Option<String>,
    /// `null`: detected.
    install_command: Option<String>,
    /// `null`: detected; empty: nothing is built, the files are published as they are.
    build_command: Option<String>,
    output_directory: Option<String>,
    node_version: Option<String>,
    spa_fallback: Option<bool>,
    /// The repository's hook at GitHub; `null`: pushes are not announced.
    webhook_id: Option<i64>,
    /// Patterns of paths; a push that changes nothing there is skipped. `null`: the root directory.
    watch: Option<Vec<String>>,
    /// Seconds between two looks at the branch's head; `null`: nobody looks.
    poll_every: Option<i64>,
    /// What its visitors have to know; `null`: nothing.
    protection: Option<ProtectionBody>,
    /// How what is live was built, else how the newest build is; `null`: not yet known.
    plan: Option<Plan>,
}

impl ProjectBody {
    pub(crate) fn of(api: &Api, summary: ProjectSummary) -> Self {
        let (summary, project, plan) = ProjectSummaryBody::with_the_rest(api, summary);
        Self {
            summary,
            has_repo_token: project.repo_access.is_some(),
            repo_user: project.repo_access.and_then(|access| access.user),
            root_directory: project.root_directory.map(String::from),
            install_command: project.install_command,
            build_command: project.build_command,
            output_directory: project.output_directory.map(String::from),
            node_version: project.node_version,
            spa_fallback: project.spa_fallback,
            webhook_id: project.webhook_id,
            watch: project.watch.map(Vec::from),
            poll_every: project.poll_every.map(PollEvery::as_seconds),
            protection: project.protection.map(ProtectionBody::of),
            plan,
        }
    }
}

/// What of a deployment needs somebody: no replica of it is on its way to be well by itself.
fn troubles(replicas: &Replicas, live: &Deployment) -> Vec<TroubleBody> {
    let standing = replicas.of_deployment(live.id);
    let troubles = live.running().filter_map(|(spec, _)| {
        let own = || standing.iter().filter(|(replica, _)| replica.service == spec.name).map(|(_, report)| report);
        let state = ServiceState::of_all(own().map(|report| report.state));
        let last_end = own().filter(|report| report.last_end.is_some()).max_by_key(|report| report.since);
        state.needs_somebody().then(|| TroubleBody {
            service: spec.name.clone(),
            state,
            last_end: last_end.and_then(|report| report.last_end),
        })
    });
    troubles.collect()
}

/// What a project asks its visitors for. The password is never shown again.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProtectionBody {
    scope: ProtectionScope,
    /// `null`: any name will do.
    user: Option<String>,
}

impl ProtectionBody {
    fn of(protection: Protection) -> Self {
        Self { scope: protection.scope, user: protection.lock.user }
    }
}
