//! Deliveries: who is believed, and what they lead to.

mod any_body;
mod deploy_hooks;
mod filter;
mod inbox;
mod own_hook;
mod previews;
mod push;
mod signature;

use axum::body::Body;
use axum::extract::Request;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Answer, App, WEBHOOK_SECRET};

pub(crate) const HEAD: &str = "9f8e7d6c5b4a39281706f5e4d3c2b1a098765432";

/// The payload of a push to main, with changes.
pub(crate) fn push(changes: Value) -> Value {
    let mut payload = json!({
        "ref": "refs/heads/main", "before": "0".repeat(40), "after": HEAD, "created": false, "deleted": false,
        "forced": false, "commits": [{"id": HEAD, "message": "Say hello", "modified": ["index.html"]}],
        "head_commit": {"id": HEAD, "message": "Say hello", "author": {"name": "Ada", "email": "ada@example.org"}},
        "pusher": {"name": "ada"}, "repository": crate::harness::repository("https://git.example.org/ada/shop"),
    });
    for (key, value) in changes.as_object().unwrap() {
        payload[key] = value.clone();
    }
    payload
}

/// The payload of something that happened to pull request 7, of the branch `greet`.
pub(crate) fn pull_request(action: &str, repository: Value, head: &str) -> Value {
    json!({
        "action": action, "number": 7,
        "pull_request": {
            "number": 7, "title": "Greet everybody", "user": {"login": "mallory"},
            "head": {"ref": "greet", "sha": head, "repo": repository}, "base": {"ref": "main"},
        },
        "repository": crate::harness::repository("https://git.example.org/ada/shop"),
    })
}

/// The 64 hex digits that sign a body.
pub(crate) fn digits(body: &[u8], secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

pub(crate) fn signature(body: &[u8]) -> String {
    format!("sha256={}", digits(body, WEBHOOK_SECRET))
}

/// A delivery as GitHub sends it.
pub(crate) fn signed(event: &str, payload: &Value, id: Option<&str>) -> Request {
    let body = payload.to_string();
    let request = Request::post("/api/webhook")
        .header("content-type", "application/json")
        .header("x-github-event", event)
        .header("x-hub-signature-256", signature(body.as_bytes()));
    let request = match id {
        Some(id) => request.header("x-github-delivery", id),
        None => request,
    };
    request.body(Body::from(body)).unwrap()
}

/// A push with changes, as GitHub sends it.
async fn deliver(app: &App, changes: Value) -> Answer {
    app.send(signed("push", &push(changes), None)).await
}
