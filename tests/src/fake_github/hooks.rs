//! Webhooks: registered over the API, answered without their secret, and really called.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::deliver::{self, Parcel};
use super::memory::{Known, Paging, full_name, not_found, unprocessable};

/// A registered webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// GitHub's id of it.
    pub id: i64,
    /// `owner/name`.
    pub repo: String,
    /// What was registered: `config` with the secret, `events`, `active`.
    pub body: Value,
    /// How the last delivery was answered: the status, or 0 before the first and 502 without an answer.
    pub last_response: u16,
}

impl Hook {
    /// As the API answers: nobody gets the secret back.
    fn shown(&self, url: &str) -> Value {
        let mut config = self.body["config"].clone();
        if config.get("secret").is_some() {
            config["secret"] = json!("********");
        }
        let place = format!("{url}/api/v3/repos/{}/hooks/{}", self.repo, self.id);
        let (code, status) = match self.last_response {
            0 => (Value::Null, "unused"),
            code @ 200..300 => (json!(code), "active"),
            code => (json!(code), "invalid"),
        };
        json!({
            "type": "Repository", "id": self.id, "name": "web", "active": self.body["active"],
            "events": self.body["events"], "config": config, "url": place, "test_url": format!("{place}/test"),
            "ping_url": format!("{place}/pings"), "deliveries_url": format!("{place}/deliveries"),
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
            "last_response": {"code": code, "status": status, "message": null},
        })
    }

    pub(super) fn hears(&self, event: &str) -> bool {
        let events = self.body["events"].as_array();
        self.body["active"] != false
            && (event == "ping" || events.is_some_and(|all| all.iter().any(|one| one == event || one == "*")))
    }
}

/// The events that are known here.
const EVENTS: &[&str] = &["push", "pull_request", "create", "delete", "*"];

fn has_unknown_events(events: &Value) -> bool {
    events.as_array().is_none_or(|all| !all.iter().all(|event| EVENTS.iter().any(|known| event == known)))
}

pub(super) async fn create(
    State(known): State<Known>,
    Path(path): Path<(String, String)>,
    Json(mut body): Json<Value>,
) -> Response {
    let repo = full_name(&path);
    let (id, shown) = {
        let mut memory = known.memory();
        if memory.repository(&repo).is_none() {
            return not_found();
        }
        if !body["config"]["url"].is_string() || body["name"].as_str().is_some_and(|name| name != "web") {
            return unprocessable("url is missing, or the name is not web");
        }
        if body["events"].is_null() {
            body["events"] = json!(["push"]);
        }
        if has_unknown_events(&body["events"]) {
            return unprocessable("These are not valid events");
        }
        let same = |hook: &Hook| hook.repo == repo && hook.body["config"]["url"] == body["config"]["url"];
        if memory.hooks.iter().any(same) {
            return unprocessable("Hook already exists on this repository");
        }
        let id = memory.next_id();
        let hook = Hook { id, repo, body, last_response: 0 };
        let shown = hook.shown(&memory.url);
        memory.hooks.push(hook);
        (id, shown)
    };
    // As GitHub does: a new hook is called at once, and nobody waits for it.
    tokio::spawn(ping_hook(known, id));
    (StatusCode::CREATED, Json(shown)).into_response()
}

pub(super) async fn list(
    State(known): State<Known>,
    Path(path): Path<(String, String)>,
    Query(paging): Query<Paging>,
) -> Response {
    let repo = full_name(&path);
    let memory = known.memory();
    if memory.repository(&repo).is_none() {
        return not_found();
    }
    let all = memory.hooks.iter().filter(|hook| hook.repo == repo).map(|hook| hook.shown(&memory.url)).collect();
    paging.of(all, &format!("/repos/{repo}/hooks"))
}

pub(super) async fn read(State(known): State<Known>, Path((owner, name, id)): Path<(String, String, i64)>) -> Response {
    let repo = full_name(&(owner, name));
    let memory = known.memory();
    let found = memory.hooks.iter().find(|hook| hook.id == id && hook.repo == repo);
    found.map_or_else(not_found, |hook| Json(hook.shown(&memory.url)).into_response())
}

/// `config` is replaced as a whole: a secret that is not sent again is gone.
pub(super) async fn change(
    State(known): State<Known>,
    Path((owner, name, id)): Path<(String, String, i64)>,
    Json(body): Json<Value>,
) -> Response {
    let repo = full_name(&(owner, name));
    let mut memory = known.memory();
    let url = memory.url.clone();
    let Some(hook) = memory.hooks.iter_mut().find(|hook| hook.id == id && hook.repo == repo) else {
        return not_found();
    };
    if body.get("events").is_some_and(has_unknown_events) {
        return unprocessable("These are not valid events");
    }
    if body.get("config").is_some_and(|config| !config["url"].is_string()) {
        return unprocessable("url is missing");
    }
    for part in ["config", "events", "active"] {
        if let Some(value) = body.get(part) {
            hook.body[part] = value.clone();
        }
    }
    Json(hook.shown(&url)).into_response()
}

pub(super) async fn remove(
    State(known): State<Known>,
    Path((owner, name, id)): Path<(String, String, i64)>,
) -> Response {
    let repo = full_name(&(owner, name));
    let mut memory = known.memory();
    let before = memory.hooks.len();
    memory.hooks.retain(|hook| hook.id != id || hook.repo != repo);
    if memory.hooks.len() < before { StatusCode::NO_CONTENT.into_response() } else { not_found() }
}

pub(super) async fn ping(State(known): State<Known>, Path((owner, name, id)): Path<(String, String, i64)>) -> Response {
    let repo = full_name(&(owner, name));
    if !known.memory().hooks.iter().any(|hook| hook.id == id && hook.repo == repo) {
        return not_found();
    }
    tokio::spawn(ping_hook(known, id));
    StatusCode::NO_CONTENT.into_response()
}

async fn ping_hook(known: Known, id: i64) {
    let parcel = {
        let memory = known.memory();
        let Some(hook) = memory.hooks.iter().find(|hook| hook.id == id) else { return };
        let Ok(repository) = memory.shown(&hook.repo) else { return };
        let payload = json!({
            "zen": "Design for failure.", "hook_id": id, "hook": hook.shown(&memory.url), "repository": repository,
            "sender": memory.person(&memory.login),
        });
        Parcel::of(hook, "ping", &payload)
    };
    // Whoever wants to know reads `last_response`.
    let _ = deliver::send(&known, &parcel).await;
}
