//! Whether Berth lives (`/health`), and whether it can do its work (`/health/ready`).

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Api;
use crate::config::HealthCheck;

/// A part that has not answered by then does not work.
const PATIENCE: Duration = Duration::from_secs(3);

/// One part, in words.
#[derive(Serialize)]
struct Part {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Part {
    fn of(result: Result<(), String>) -> Self {
        Self { ok: result.is_ok(), problem: result.err() }
    }
}

/// `GET /health`: the process answers.
pub(crate) async fn alive() -> Json<Value> {
    Json(json!({"message": "OK"}))
}

/// `GET /api`: what this is.
pub(crate) async fn welcome() -> Json<Value> {
    Json(json!({"message": "Berth API; described at /api/v1/openapi.json"}))
}

/// `GET /health/ready`: 200 when database, Docker and disk work, else 503 that says which does not and why.
pub(crate) async fn ready(State(api): State<Api>) -> Response {
    let database = async {
        let answer = tokio::time::timeout(PATIENCE, api.store.ping()).await;
        answer.ok().and_then(Result::ok).ok_or_else(|| "the database does not answer".to_owned())
    };
    let (database, docker, disk) = tokio::join!(
        database,
        ask(&api.health.docker, "Docker does not answer"),
        ask(&api.health.disk, "the disk does not answer")
    );
    let failing: Vec<String> = [&database, &docker, &disk].into_iter().filter_map(|r| r.clone().err()).collect();
    let (status, message) = match &failing[..] {
        [] => (StatusCode::OK, "ready".to_owned()),
        problems => (StatusCode::SERVICE_UNAVAILABLE, problems.join("; ")),
    };
    let parts = json!({"database": Part::of(database), "docker": Part::of(docker), "disk": Part::of(disk)});
    (status, Json(json!({"message": message, "parts": parts}))).into_response()
}

async fn ask(check: &HealthCheck, silence: &str) -> Result<(), String> {
    tokio::time::timeout(PATIENCE, check()).await.unwrap_or_else(|_| Err(silence.to_owned()))
}
