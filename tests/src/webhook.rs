//! Push deliveries as GitHub sends them: the raw body signed with HMAC-SHA256.

use anyhow::Result;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{Answer, Berth, Repo, WEBHOOK_SECRET};

/// One delivery, ready to be sent (again and again, as GitHub's "redeliver" does).
#[derive(Clone, Debug)]
pub struct Delivery {
    /// `X-GitHub-Delivery`.
    pub id: String,
    /// `X-GitHub-Event`.
    pub event: &'static str,
    /// The raw body.
    pub body: Vec<u8>,
    /// `X-Hub-Signature-256`.
    pub signature: String,
}

impl Delivery {
    /// The push of the repository's head to `main`.
    ///
    /// # Errors
    /// When the repository has no commit.
    pub fn push(repo: &Repo) -> Result<Self> {
        Ok(Self::of("push", &push_payload(repo, &repo.head()?)?))
    }

    /// Any event, signed with Berth's secret.
    #[must_use]
    pub fn of(event: &'static str, payload: &Value) -> Self {
        let body = payload.to_string().into_bytes();
        let signature = sign(WEBHOOK_SECRET, &body);
        Self { id: fresh_id(), event, body, signature }
    }

    /// Sends it to Berth's webhook; what it answered.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn send(&self, berth: &Berth) -> Result<Answer> {
        Answer::of(self.request(berth)).await
    }

    /// The request that [`Delivery::send`] sends, for those who send it from elsewhere.
    pub fn request(&self, berth: &Berth) -> reqwest::RequestBuilder {
        berth
            .request("POST", "/api/webhook")
            .header("content-type", "application/json")
            .header("user-agent", "GitHub-Hookshot/044aadd")
            .header("x-github-event", self.event)
            .header("x-github-delivery", &self.id)
            .header("x-hub-signature-256", &self.signature)
            .body(self.body.clone())
    }
}

/// The payload of a push of `commit` to `main`, with the fields that matter to anybody.
///
/// # Errors
/// When the repository has no commit.
pub fn push_payload(repo: &Repo, commit: &str) -> Result<Value> {
    let (owner, name) = repo.full_name.split_once('/').unwrap_or(("", &repo.full_name));
    let page = repo.url.trim_end_matches(".git");
    let person = json!({"name": "Ada Lovelace", "email": "ada@example.org", "username": "ada"});
    let head = json!({
        "id": commit, "message": repo.head_message()?, "timestamp": "2026-11-21T10:00:00Z", "author": person,
        "committer": person, "added": [], "removed": [], "modified": [],
    });
    Ok(json!({
        "ref": "refs/heads/main", "before": "0".repeat(40), "after": commit, "created": false, "deleted": false,
        "forced": false, "base_ref": null, "commits": [head], "head_commit": head,
        "repository": {
            "id": 1, "name": name, "full_name": repo.full_name, "private": true, "default_branch": "main",
            "owner": {"login": owner, "name": owner}, "html_url": page, "clone_url": repo.url, "url": page,
        },
        "pusher": {"name": "ada", "email": "ada@example.org"}, "sender": {"login": "ada", "id": 1},
    }))
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A delivery id in the shape of a UUID, different at each call of each process.
fn fresh_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-0000-4000-8000-{next:012x}", std::process::id())
}
