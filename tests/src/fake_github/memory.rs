//! What this GitHub knows, and the shapes in which its API and its deliveries tell it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::Instant;

use anyhow::{Context, Result};
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::hooks::Hook;
use super::oauth::Grant;
use super::pulls::Pull;
use super::reports::{Comment, CommitStatus, Deployment};
use crate::Repo;

/// The access token that is good now; the git server asks for the same one.
pub(crate) type Token = Arc<RwLock<String>>;

/// The memory, shared by all handlers.
#[derive(Clone)]
pub(super) struct Known {
    memory: Arc<Mutex<Memory>>,
    pub(super) token: Token,
    /// What deliveries are sent with.
    pub(super) client: reqwest::Client,
}

impl Known {
    pub(super) fn new(memory: Memory, token: Token, client: reqwest::Client) -> Self {
        Self { memory: Arc::new(Mutex::new(memory)), token, client }
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("nobody panics while they hold this")
    }
}

#[derive(Default)]
pub(super) struct Memory {
    pub(super) url: String,
    /// Who signs in.
    pub(super) login: String,
    pub(super) organizations: Vec<String>,
    /// Whether they refuse the next time that they are asked to.
    pub(super) says_no: bool,
    pub(super) codes: HashMap<String, Grant>,
    pub(super) issued: i64,
    pub(super) repositories: Vec<Repository>,
    pub(super) hooks: Vec<Hook>,
    pub(super) statuses: Vec<CommitStatus>,
    pub(super) deployments: Vec<Deployment>,
    pub(super) comments: Vec<Comment>,
    pub(super) pulls: Vec<Pull>,
    /// The head that was announced last, by repository and branch.
    pub(super) announced: HashMap<(String, String), String>,
    pub(super) requests: Vec<super::Seen>,
    pub(super) down: bool,
    pub(super) limit: Option<(super::Limit, Instant)>,
}

/// A repository, and whose copy it is.
pub(super) struct Repository {
    pub(super) id: i64,
    pub(super) repo: Repo,
    pub(super) parent: Option<String>,
}

impl Memory {
    /// A number that nothing else has.
    pub(super) fn next_id(&mut self) -> i64 {
        self.issued += 1;
        self.issued
    }

    pub(super) fn repository(&self, full_name: &str) -> Option<&Repository> {
        self.repositories.iter().find(|known| known.repo.full_name.eq_ignore_ascii_case(full_name))
    }

    /// A repository as every answer and every delivery shows it.
    pub(super) fn shown(&self, full_name: &str) -> Result<Value> {
        let known = self.repository(full_name).with_context(|| format!("GitHub has no repository {full_name}"))?;
        let full_name = &known.repo.full_name;
        let (owner, name) = full_name.split_once('/').context("owner/name")?;
        let page = format!("{}/{full_name}", self.url);
        let created = format!("2026-01-01T00:{:02}:{:02}Z", known.id / 60 % 60, known.id % 60);
        Ok(json!({
            "id": known.id, "node_id": format!("R_{}", known.id), "name": name, "full_name": full_name, "private": true,
            "owner": self.person(owner), "html_url": page, "description": null, "fork": known.parent.is_some(),
            "url": format!("{}/api/v3/repos/{full_name}", self.url), "git_url": format!("git://git.example/{full_name}.git"),
            "ssh_url": format!("git@git.example:{full_name}.git"), "clone_url": known.repo.url, "archived": false,
            "disabled": false, "visibility": "private", "default_branch": "main", "created_at": created,
            "updated_at": created, "pushed_at": created, "size": 1, "language": null,
            "permissions": {"admin": true, "maintain": true, "push": true, "triage": true, "pull": true},
        }))
    }

    /// An account as it is shown within something else.
    pub(super) fn person(&self, login: &str) -> Value {
        let kind = if self.organizations.iter().any(|known| known == login) { "Organization" } else { "User" };
        json!({
            "login": login, "id": account_id(login), "node_id": format!("U_{}", account_id(login)), "type": kind,
            "avatar_url": format!("https://avatars.example.org/{login}"), "html_url": format!("{}/{login}", self.url),
            "url": format!("{}/api/v3/users/{login}", self.url), "site_admin": false,
        })
    }
}

/// An id that belongs to the login.
pub(super) fn account_id(login: &str) -> i64 {
    let digest = Sha256::digest(login.as_bytes());
    583_231 + i64::from(digest[0]) * 256 + i64::from(digest[1])
}

/// `owner/name` of a path.
pub(super) fn full_name((owner, name): &(String, String)) -> String {
    format!("{owner}/{name}")
}

pub(super) fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"message": "Not Found", "documentation_url": "https://docs.example/rest"})))
        .into_response()
}

/// 422 in GitHub's words.
pub(super) fn unprocessable(message: &str) -> Response {
    let body = json!({"message": "Validation Failed", "errors": [{"message": message}]});
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

/// Which part of a list is asked for.
#[derive(Deserialize)]
pub(super) struct Paging {
    #[serde(default = "one")]
    page: usize,
    #[serde(default = "thirty")]
    per_page: usize,
}

fn one() -> usize {
    1
}

fn thirty() -> usize {
    30
}

impl Paging {
    /// That part, with the `Link` header that leads to the next one and the last.
    pub(super) fn of(&self, all: Vec<Value>, path: &str) -> Response {
        let (part, headers) = self.part(all, path);
        (headers, Json(part)).into_response()
    }

    pub(super) fn part(&self, all: Vec<Value>, path: &str) -> (Vec<Value>, HeaderMap) {
        let size = self.per_page.clamp(1, 100);
        let last = all.len().div_ceil(size).max(1);
        let mut headers = HeaderMap::new();
        if self.page < last {
            let link = |page: usize, relation: &str| {
                format!("<https://api.example{path}?per_page={size}&page={page}>; rel=\"{relation}\"")
            };
            let links = format!("{}, {}", link(self.page + 1, "next"), link(last, "last"));
            headers.insert(header::LINK, HeaderValue::from_str(&links).expect("printable"));
        }
        (all.into_iter().skip(self.page.saturating_sub(1) * size).take(size).collect(), headers)
    }
}
