//! Push deliveries as GitHub and other hosts send them: the raw body, signed with HMAC-SHA256 or beside the secret.

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
    pub event: String,
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
    pub fn of(event: &str, payload: &Value) -> Self {
        let body = payload.to_string().into_bytes();
        let signature = sign(WEBHOOK_SECRET, &body);
        Self { id: fresh_id(), event: event.to_owned(), body, signature }
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
            .header("x-github-event", &self.event)
            .header("x-github-delivery", &self.id)
            .header("x-hub-signature-256", &self.signature)
            .body(self.body.clone())
    }
}

/// The payload of a push of `commit` to the branch that is checked out, with the fields that matter to anybody.
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
        "ref": format!("refs/heads/{}", repo.branch()?), "before": "0".repeat(40), "after": commit, "created": false,
        "deleted": false, "forced": false, "base_ref": null, "commits": [head], "head_commit": head,
        "repository": {
            "id": 1, "name": name, "full_name": repo.full_name, "private": true, "default_branch": "main",
            "owner": {"login": owner, "name": owner}, "html_url": page, "clone_url": repo.url, "url": page,
        },
        "pusher": {"name": "ada", "email": "ada@example.org"}, "sender": {"login": "ada", "id": 1},
    }))
}

/// The kinds of hosts that announce pushes, each in its own words.
#[derive(Clone, Copy, Debug)]
pub enum HostKind {
    /// Signs with HMAC in `X-Hub-Signature-256`.
    Github,
    /// And Forgejo: signs in `X-Gitea-Signature`, and sends GitHub's headers too.
    Gitea,
    /// Sends the secret itself, in `X-Gitlab-Token`.
    Gitlab,
}

/// A delivery to a hook of a project's own.
#[derive(Clone, Debug)]
pub struct Announcement {
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Announcement {
    /// The push of the branch that is checked out.
    ///
    /// # Errors
    /// When the repository has no commit.
    pub fn push(kind: HostKind, repo: &Repo, secret: &str) -> Result<Self> {
        let payload = push_payload(repo, &repo.head()?)?;
        let payload = match kind {
            HostKind::Github => payload,
            HostKind::Gitea => as_gitea(payload),
            HostKind::Gitlab => as_gitlab(&payload),
        };
        let body = payload.to_string().into_bytes();
        let id = fresh_id();
        let signature = sign(secret, &body);
        let plain = signature.trim_start_matches("sha256=").to_owned();
        let github = [
            ("x-github-event", "push".to_owned()),
            ("x-github-delivery", id.clone()),
            ("x-hub-signature-256", signature),
        ];
        let headers = match kind {
            HostKind::Github => github.to_vec(),
            HostKind::Gitea => [
                github.to_vec(),
                vec![
                    ("x-gitea-event", "push".to_owned()),
                    ("x-gitea-event-type", "push".to_owned()),
                    ("x-gitea-delivery", id.clone()),
                    ("x-gitea-signature", plain.clone()),
                    ("x-gogs-event", "push".to_owned()),
                    ("x-gogs-delivery", id),
                    ("x-gogs-signature", plain),
                ],
            ]
            .concat(),
            HostKind::Gitlab => vec![
                ("x-gitlab-event", "Push Hook".to_owned()),
                ("x-gitlab-token", secret.to_owned()),
                ("x-gitlab-event-uuid", id.clone()),
                ("x-gitlab-webhook-uuid", fresh_id()),
                ("idempotency-key", id),
                ("x-gitlab-instance", "https://gitlab.example".to_owned()),
            ],
        };
        Ok(Self { headers, body })
    }

    /// Sends it to the address of a hook; what it answered.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn send(&self, berth: &Berth, url: &str) -> Result<Answer> {
        let mut request = berth.client().post(url).header("content-type", "application/json").body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        Answer::of(request).await
    }
}

/// Gitea has no `created`, `deleted` and `forced`, and counts the commits.
fn as_gitea(mut payload: Value) -> Value {
    if let Some(fields) = payload.as_object_mut() {
        for name in ["created", "deleted", "forced", "base_ref"] {
            fields.remove(name);
        }
    }
    payload["compare_url"] = json!("https://gitea.example/compare");
    payload["total_commits"] = json!(1);
    payload
}

/// GitLab has words of its own for everything.
fn as_gitlab(payload: &Value) -> Value {
    let (repository, head) = (&payload["repository"], &payload["head_commit"]);
    let commit = json!({
        "id": head["id"], "message": head["message"], "title": head["message"], "timestamp": head["timestamp"],
        "url": "https://gitlab.example/commit", "author": {"name": "Ada Lovelace", "email": "ada@example.org"},
        "added": [], "modified": [], "removed": [],
    });
    json!({
        "object_kind": "push", "event_name": "push", "before": payload["before"], "after": payload["after"],
        "ref": payload["ref"], "ref_protected": true, "checkout_sha": payload["after"], "message": null, "user_id": 4,
        "user_name": "Ada Lovelace", "user_username": "ada", "user_email": "", "user_avatar": null, "project_id": 15,
        "project": {
            "id": 15, "name": repository["name"], "description": "", "web_url": repository["html_url"],
            "avatar_url": null, "git_http_url": repository["clone_url"], "namespace": repository["owner"]["name"],
            "visibility_level": 0, "path_with_namespace": repository["full_name"], "default_branch": "main",
            "homepage": repository["html_url"], "url": repository["clone_url"],
            "http_url": repository["clone_url"],
        },
        "commits": [commit], "total_commits_count": 1, "push_options": {},
        "repository": {
            "name": repository["name"], "url": repository["clone_url"], "description": "",
            "homepage": repository["html_url"], "git_http_url": repository["clone_url"], "visibility_level": 0,
        },
    })
}

pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A delivery id in the shape of a UUID, different at each call of each process.
pub(crate) fn fresh_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-0000-4000-8000-{next:012x}", std::process::id())
}
