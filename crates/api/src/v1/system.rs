//! The installation, for administrators.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::auth::Admin;
use crate::config::Signup;
use crate::error::{ApiError, ErrorBody};

/// How this Berth is set up and whether its parts work.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SystemBody {
    version: String,
    /// `sqlite` or `postgres`.
    database: String,
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
    /// What is wrong with Docker, in words.
    docker_problem: Option<String>,
    /// What is wrong with the disks, in words.
    disk_problem: Option<String>,
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
}

/// The installation: versions, addresses, limits, and what does not work.
#[utoipa::path(get, path = "/api/v1/system", tag = "system", responses(
    (status = 200, body = SystemBody), (status = 401, body = ErrorBody),
    (status = 403, description = "For administrators", body = ErrorBody),
))]
pub(crate) async fn read(State(api): State<Api>, _: Admin) -> Result<Json<SystemBody>, ApiError> {
    let (config, limits) = (&api.config, &api.config.limits);
    let (docker, disk) = tokio::join!((api.health.docker)(), (api.health.disk)());
    Ok(Json(SystemBody {
        version: config.version.clone(),
        database: format!("{:?}", api.store.backend()).to_lowercase(),
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
        limits: LimitsBody {
            timeout_seconds: limits.timeout.as_secs(),
            memory_bytes: limits.memory,
            cpus: limits.cpus,
            processes: limits.pids,
            log_bytes: limits.log,
            output_bytes: limits.output_bytes,
            output_files: limits.output_files,
            source_bytes: limits.source_bytes,
        },
        docker_problem: docker.err(),
        disk_problem: disk.err(),
    }))
}
