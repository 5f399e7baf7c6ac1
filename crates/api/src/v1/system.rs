//! The installation: for administrators how it stands and what is wrong, in words; for everybody what builds may use.

use axum::Json;
use axum::extract::State;
use berth_model::{BuildStatus, Timestamp};
use berth_store::{Backend, StuckSecrets};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::auth::{Admin, Caller};
use crate::config::{ApiConfig, BuildNetwork, DiskSpace, Machine, Signup};
use crate::error::{ApiError, ErrorBody};

/// How this Berth is set up and how it stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SystemBody {
    /// What is wrong, what matters most first; empty: nothing is.
    problems: Vec<ProblemBody>,
    version: String,
    started_at: Timestamp,
    /// Bytes of memory that Berth itself has.
    memory_bytes: Option<u64>,
    database: DatabaseKind,
    docker: DockerBody,
    disks: Vec<DiskBody>,
    queue: QueueBody,
    /// What builds can reach of the operator's networks; `null`: nothing runs, or it is not known yet.
    build_network: Option<BuildNetwork>,
    public_url: String,
    base_domain: String,
    /// `closed`, `open` or `org:…`.
    signup: String,
    /// Whether people can sign in with GitHub.
    github: bool,
    /// Where deliveries are sent.
    webhook_url: String,
    /// Whether deliveries are accepted at all.
    webhook_secret: bool,
    limits: LimitsBody,
}

/// Something that is wrong.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ProblemBody {
    code: ProblemCode,
    /// One line: what is wrong.
    title: String,
    /// What it means and what to do.
    detail: String,
}

/// What can be wrong with an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProblemCode {
    DockerUnreachable,
    DiskLow,
    BuildNetworkUnenforced,
    BuildNetworkOpen,
    HookUnreachable,
    SecretsStuck,
}

/// Where everything is kept.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DatabaseKind {
    Sqlite,
    Postgres,
}

/// What builds run in.
#[derive(Serialize, ToSchema)]
pub(crate) struct DockerBody {
    /// `null`: it does not answer.
    version: Option<String>,
    /// Why it cannot be used, in words.
    problem: Option<String>,
}

/// A disk that Berth writes to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiskBody {
    /// The variable that names the directory on it: `BERTH_DATA_DIR`, `BERTH_DEPLOYMENTS_DIR`.
    variable: &'static str,
    free_bytes: u64,
    total_bytes: u64,
    /// With less no build starts.
    floor_bytes: u64,
}

/// Builds that have not ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueueBody {
    running: i64,
    queued: i64,
    /// From strangers' forks: they wait for an approval.
    held: i64,
    /// How many run at once.
    workers: u32,
}

/// What one build may use.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LimitsBody {
    timeout_seconds: u64,
    memory_bytes: u64,
    cpus: f64,
    processes: u32,
    log_bytes: u64,
    output_bytes: u64,
    output_files: u64,
    source_bytes: u64,
    source_files: u64,
    /// With less room on a disk no build starts.
    free_space_floor_bytes: u64,
    /// How many builds run at once.
    builds_at_once: u32,
    /// The same of one user.
    builds_at_once_of_one: u32,
}

impl LimitsBody {
    fn of(config: &ApiConfig) -> Self {
        let (limits, (builds_at_once, builds_at_once_of_one)) = (&config.limits, config.concurrency);
        Self {
            timeout_seconds: limits.timeout.as_secs(),
            memory_bytes: limits.memory,
            cpus: limits.cpus,
            processes: limits.pids,
            log_bytes: limits.log,
            output_bytes: limits.output_bytes,
            output_files: limits.output_files,
            source_bytes: limits.source_bytes,
            source_files: limits.source_files,
            free_space_floor_bytes: limits.free_space_floor,
            builds_at_once,
            builds_at_once_of_one,
        }
    }
}

/// What builds may use here.
#[utoipa::path(get, path = "/api/v1/limits", tag = "system", responses(
    (status = 200, body = LimitsBody), (status = 401, body = ErrorBody),
))]
pub(crate) async fn limits(State(api): State<Api>, _: Caller) -> Json<LimitsBody> {
    Json(LimitsBody::of(&api.config))
}

/// The installation: what does not work, versions, disks, queue, addresses, limits.
#[utoipa::path(get, path = "/api/v1/system", tag = "system", responses(
    (status = 200, body = SystemBody), (status = 401, body = ErrorBody),
    (status = 403, description = "For administrators", body = ErrorBody),
))]
pub(crate) async fn read(State(api): State<Api>, _: Admin) -> Result<Json<SystemBody>, ApiError> {
    let config = &api.config;
    let (docker, disk, machine) = tokio::join!((api.health.docker)(), (api.health.disk)(), (api.health.machine)());
    let counts = api.store.build_counts().await?;
    let stuck = api.store.stuck_secrets(&api.keys).await?;
    let count = |wanted| counts.iter().find(|(status, _)| *status == wanted).map_or(0, |(_, count)| *count);
    Ok(Json(SystemBody {
        problems: problems(config, &docker, &disk, &machine, &stuck),
        version: config.version.clone(),
        started_at: api.observer.since(),
        memory_bytes: machine.memory,
        database: match api.store.backend() {
            Backend::Sqlite => DatabaseKind::Sqlite,
            Backend::Postgres => DatabaseKind::Postgres,
        },
        docker: DockerBody { version: machine.docker_version, problem: docker.err() },
        disks: machine.disks.into_iter().map(DiskBody::of).collect(),
        queue: QueueBody {
            running: count(BuildStatus::Running),
            queued: count(BuildStatus::Queued),
            held: count(BuildStatus::Held),
            workers: config.concurrency.0,
        },
        build_network: machine.network.and_then(Result::ok),
        public_url: config.public_url.to_string(),
        base_domain: config.base_domain.clone(),
        signup: match &config.signup {
            Signup::Closed => "closed".to_owned(),
            Signup::Open => "open".to_owned(),
            Signup::Organizations(logins) => format!("org:{}", logins.join(",")),
        },
        github: config.github.is_some(),
        webhook_url: config.webhook_url(),
        webhook_secret: config.webhook_secret.is_some(),
        limits: LimitsBody::of(config),
    }))
}

impl DiskBody {
    fn of(DiskSpace { variable, free, total, floor }: DiskSpace) -> Self {
        Self { variable, free_bytes: free, total_bytes: total, floor_bytes: floor }
    }
}

/// What keeps builds from starting comes first, then what makes them less safe or goes unheard.
fn problems(
    config: &ApiConfig,
    docker: &Result<(), String>,
    disk: &Result<(), String>,
    machine: &Machine,
    stuck: &StuckSecrets,
) -> Vec<ProblemBody> {
    let problem = |code, title: &str, detail: String| ProblemBody { code, title: title.to_owned(), detail };
    let mut found = Vec::new();
    if let Err(why) = docker {
        let detail = format!("{why}. Builds wait until it answers; sites stay up, and folders can be deployed.");
        found.push(problem(ProblemCode::DockerUnreachable, "Docker cannot be used", detail));
    }
    if let Err(why) = disk {
        let detail = format!("{why}. No build starts until there is room; sites stay up.");
        found.push(problem(ProblemCode::DiskLow, "Too little room on the disk", detail));
    }
    match &machine.network {
        Some(Err(why)) => {
            let detail = format!(
                "Builds could reach this machine and its private networks: {why}. Fix that, or set BERTH_EGRESS=open if \
                 you trust everybody who can push."
            );
            found.push(problem(ProblemCode::BuildNetworkUnenforced, "No build starts: their network is open", detail));
        }
        Some(Ok(BuildNetwork::Open)) => {
            let detail =
                "BERTH_EGRESS=open lets them. Whoever can push can reach this machine and its private networks.";
            found.push(problem(ProblemCode::BuildNetworkOpen, "Builds can reach private networks", detail.to_owned()));
        }
        Some(Ok(BuildNetwork::Closed | BuildNetwork::Unproven)) | None => {}
    }
    if !stuck.is_empty() {
        let detail = format!("This does not open: {stuck}");
        found.push(problem(ProblemCode::SecretsStuck, "Stored secrets cannot be opened", detail));
    }
    let host = config.public_url.host_str().unwrap_or_default();
    let is_local = host == "localhost" || host.ends_with(".localhost") || host.starts_with("127.") || host == "[::1]";
    if config.github.is_some() && config.webhook_callback.is_none() && is_local {
        let detail = format!(
            "Deliveries would go to {}, which only this machine reaches. Set BERTH_PUBLIC_URL or WEBHOOK_CALLBACK to an \
             address that GitHub reaches; until then branches are looked at every hour.",
            config.webhook_url()
        );
        found.push(problem(ProblemCode::HookUnreachable, "GitHub cannot announce pushes", detail));
    }
    found
}
