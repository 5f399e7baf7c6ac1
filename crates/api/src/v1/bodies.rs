//! The shapes of answers under `/api/v1`: camelCase, ids as numbers, times in RFC 3339, absent things as `null`.

use std::time::Duration;

use berth_model::{
    BuildStatus, Commit, DeploymentStatus, Environment, Event, EventPayload, Failure, LogLine, Plan, PollEvery,
    Protection, ProtectionScope, Reason, ReplicaEnd, Replicas, Role, ServiceName, ServiceState, Step, Timestamp,
    Trigger, Variable, VariableKind, VariableScope, Why,
};
use berth_store::{
    Build, Delivery, DeployHook, Deployment, Outcome, Preview, Project, ProjectSummary, Published, RecentBuild, User,
    Verdict,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{Object, ObjectBuilder};

use crate::Api;
use crate::config::ApiConfig;
use crate::webhooks::Provider;

/// A person with an account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserBody {
    id: i64,
    role: Role,
    username: String,
    /// What they sign in with, if they have a password.
    login: Option<String>,
    email: Option<String>,
    /// The address of a picture.
    avatar: Option<String>,
    /// Whether repositories at GitHub can be connected.
    github_connected: bool,
    /// Whether GitHub no longer accepts the token that it gave: GitHub has to be connected again.
    github_refused: bool,
    /// Whether they can sign in with a password.
    has_password: bool,
    created_at: Timestamp,
}

impl UserBody {
    pub(crate) fn of(user: &User) -> Self {
        Self {
            id: user.id.0,
            role: user.role,
            username: user.username.clone(),
            login: user.login_name.clone(),
            email: user.email.clone(),
            avatar: user.avatar.clone(),
            github_connected: user.github_connected,
            github_refused: user.github_refused_at.is_some(),
            has_password: user.has_password,
            created_at: user.created_at,
        }
    }
}

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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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

/// One run of the pipeline for one commit.
#[derive(Serialize, ToSchema)]
pub(crate) struct BuildBody {
    #[serde(flatten)]
    summary: BuildSummaryBody,
    /// What was decided, each with its source and reason.
    plan: Option<Plan>,
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
    number: i64,
    title: Option<String>,
    /// The repository that its commits are from, if that is not the project's own: `mallory/shop`.
    fork: Option<String>,
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

impl BuildBody {
    pub(crate) fn of(config: &ApiConfig, mut build: Build) -> Self {
        let plan = build.plan.take();
        Self { summary: BuildSummaryBody::of(config, build), plan }
    }
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

/// What may be shown of a variable: never its value.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariableBody {
    id: i64,
    key: String,
    kind: VariableKind,
    /// Which builds get it.
    scope: VariableScope,
    created_at: Timestamp,
    /// When its value, name, kind or scope last changed.
    updated_at: Timestamp,
}

impl VariableBody {
    pub(crate) fn of(variable: Variable) -> Self {
        Self {
            id: variable.id.0,
            key: variable.key.to_string(),
            kind: variable.kind,
            scope: variable.scope,
            created_at: variable.created_at,
            updated_at: variable.updated_at,
        }
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

/// A delivery that a webhook received.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryBody {
    id: i64,
    /// Whose form it has.
    #[schema(schema_with = providers)]
    provider: String,
    /// The sender's own id.
    delivery_id: Option<String>,
    /// In the sender's own words.
    event: String,
    /// `accepted`: it led to something.
    #[schema(schema_with = verdicts)]
    verdict: &'static str,
    /// Why, with what became of it for each of the caller's projects.
    reason: String,
    /// The parts of that sentence that are about the delivery itself, for clients that say it in other words. Missing in
    /// old deliveries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    because: Vec<Reason>,
    /// What became of it for each of the caller's projects.
    outcomes: Vec<OutcomeBody>,
    /// The repository that it names.
    repository: Option<String>,
    /// Whether it came to the project's own hook, not to the installation's.
    own_hook: bool,
    /// The caller's builds that it led to.
    builds: Vec<i64>,
    /// Whether it can be done again: a push or a pull request whose body is still kept.
    replayable: bool,
    /// The delivery that this one did again.
    replay_of: Option<i64>,
    received_at: Timestamp,
}

/// What became of a delivery for one project.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutcomeBody {
    /// The project's name.
    project: String,
    #[serde(flatten)]
    what: Why,
}

impl DeliveryBody {
    pub(crate) fn of(delivery: Delivery) -> Self {
        let asks = Provider::parse(&delivery.provider).is_some_and(|provider| provider.asks(&delivery.event));
        let reason = delivery.told();
        let outcome = |Outcome { project, what }| OutcomeBody { project: project.to_string(), what };
        Self {
            id: delivery.id.0,
            own_hook: delivery.hook.is_some(),
            builds: delivery.builds.into_iter().map(|build| build.0).collect(),
            replayable: asks && delivery.has_body,
            replay_of: delivery.replay_of.map(|delivery| delivery.0),
            provider: delivery.provider,
            delivery_id: delivery.delivery_id,
            event: delivery.event,
            verdict: delivery.verdict.as_str(),
            reason,
            because: delivery.reason.because,
            outcomes: delivery.outcomes.into_iter().map(outcome).collect(),
            repository: delivery.repo,
            received_at: delivery.received_at,
        }
    }
}

/// An address that queues a build for whoever knows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeployHookBody {
    id: i64,
    name: String,
    /// What it builds; `null`: the branch that goes live.
    branch: Option<String>,
    created_at: Timestamp,
    /// When it was last called.
    last_used_at: Option<Timestamp>,
}

impl DeployHookBody {
    pub(crate) fn of(hook: DeployHook) -> Self {
        Self {
            id: hook.id.0,
            name: hook.name,
            branch: hook.branch.map(|branch| branch.to_string()),
            created_at: hook.created_at,
            last_used_at: hook.last_used_at,
        }
    }
}

fn providers() -> Object {
    words(Provider::ALL.map(Provider::as_str).into_iter().chain(["unknown"]))
}

fn verdicts() -> Object {
    words(Verdict::ALL.map(Verdict::as_str))
}

/// Those of its newest build, but that one that passed is `live`.
fn preview_states() -> Object {
    let ends = BuildStatus::ALL.iter().map(|status| status.as_str());
    words(ends.chain([DeploymentStatus::Live.as_str()]))
}

/// A string that is one of these.
pub(super) fn words(words: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}

/// A state change, as the socket event `event` carries it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventBody<'a> {
    /// Increases.
    id: i64,
    project_id: Option<i64>,
    payload: &'a EventPayload,
    created_at: Timestamp,
}

impl<'a> EventBody<'a> {
    pub(crate) fn of(event: &'a Event) -> Self {
        Self {
            id: event.id.0,
            project_id: event.project.map(|project| project.0),
            payload: &event.payload,
            created_at: event.created_at,
        }
    }
}
