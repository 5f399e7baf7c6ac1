//! What GitHub is told about a commit: statuses, deployments with their statuses, and comments.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::memory::{Known, Memory, Paging, full_name, not_found, unprocessable};

/// GitHub refuses a longer description.
const DESCRIPTION: usize = 140;
/// And a longer comment.
const COMMENT: usize = 65_536;

/// A commit status, in the order of arrival.
#[derive(Clone, Debug, Deserialize)]
pub struct CommitStatus {
    /// `owner/name`.
    #[serde(skip)]
    pub repo: String,
    /// The commit.
    #[serde(skip)]
    pub commit: String,
    /// `pending`, `success`, `failure` or `error`.
    pub state: String,
    /// What it is about; the newest of each context counts.
    #[serde(default = "default_context")]
    pub context: String,
    /// In words.
    pub description: Option<String>,
    /// Where its "Details" lead.
    pub target_url: Option<String>,
}

fn default_context() -> String {
    "default".to_owned()
}

/// A deployment.
#[derive(Clone, Debug, Deserialize)]
pub struct Deployment {
    /// GitHub's id of it.
    #[serde(skip)]
    pub id: i64,
    /// `owner/name`.
    #[serde(skip)]
    pub repo: String,
    /// The commit.
    #[serde(skip)]
    pub commit: String,
    /// What was asked for: a branch or a commit.
    #[serde(rename = "ref")]
    pub reference: String,
    /// `production`, or a preview's.
    #[serde(default = "production")]
    pub environment: String,
    /// Whether the environment is to go away some day.
    #[serde(default)]
    pub transient_environment: bool,
    /// Whether people use it.
    pub production_environment: Option<bool>,
    #[serde(default = "yes")]
    auto_merge: bool,
    required_contexts: Option<Vec<String>>,
    description: Option<String>,
    #[serde(default)]
    payload: Value,
    /// Its statuses, oldest first.
    #[serde(skip)]
    pub statuses: Vec<DeploymentStatus>,
}

fn production() -> String {
    "production".to_owned()
}

fn yes() -> bool {
    true
}

/// How a deployment went on.
#[derive(Clone, Debug, Deserialize)]
pub struct DeploymentStatus {
    /// `in_progress`, `success`, `failure`, `inactive` and some more.
    pub state: String,
    /// Where the deployment can be visited.
    pub environment_url: Option<String>,
    /// Where its log is.
    pub log_url: Option<String>,
    /// In words.
    pub description: Option<String>,
    #[serde(default = "yes")]
    auto_inactive: bool,
}

impl Deployment {
    /// Its states, oldest first.
    #[must_use]
    pub fn states(&self) -> Vec<&str> {
        self.statuses.iter().map(|status| status.state.as_str()).collect()
    }

    fn shown(&self) -> Value {
        json!({
            "id": self.id, "node_id": format!("DE_{}", self.id), "sha": self.commit, "ref": self.reference, "task": "deploy",
            "payload": self.payload, "environment": self.environment, "original_environment": self.environment,
            "description": self.description, "transient_environment": self.transient_environment,
            "production_environment": self.production_environment.unwrap_or(self.environment == "production"),
            "created_at": "2026-11-21T10:00:00Z", "updated_at": "2026-11-21T10:00:00Z",
        })
    }
}

/// A comment on a pull request.
#[derive(Clone, Debug)]
pub struct Comment {
    /// GitHub's id of it.
    pub id: i64,
    /// `owner/name`.
    pub repo: String,
    /// The pull request's number.
    pub number: i64,
    /// What it says now.
    pub body: String,
    /// How often it was rewritten.
    pub edits: usize,
    author: String,
}

impl Comment {
    fn shown(&self, memory: &Memory) -> Value {
        json!({
            "id": self.id, "node_id": format!("IC_{}", self.id), "body": self.body, "user": memory.person(&self.author),
            "html_url": format!("{}/{}/pull/{}#issuecomment-{}", memory.url, self.repo, self.number, self.id),
            "issue_url": format!("{}/api/v3/repos/{}/issues/{}", memory.url, self.repo, self.number),
            "author_association": "OWNER", "created_at": "2026-11-21T10:00:00Z", "updated_at": "2026-11-21T10:00:00Z",
        })
    }
}

fn too_long(description: Option<&str>) -> bool {
    description.is_some_and(|text| text.chars().count() > DESCRIPTION)
}

fn is_no_web_address(address: Option<&str>) -> bool {
    address.is_some_and(|address| {
        !address.is_empty() && !address.starts_with("http://") && !address.starts_with("https://")
    })
}

pub(super) async fn create_status(
    State(known): State<Known>,
    Path((owner, name, commit)): Path<(String, String, String)>,
    Json(mut status): Json<CommitStatus>,
) -> Response {
    let mut memory = known.memory();
    let Some(repository) = memory.repository(&full_name(&(owner, name))) else { return not_found() };
    if commit.len() != 40 || repository.repo.resolve(&commit).is_none() {
        return unprocessable(&format!("No commit found for SHA: {commit}"));
    }
    if !["error", "failure", "pending", "success"].contains(&status.state.as_str()) {
        return unprocessable("state is not included in the list");
    }
    if too_long(status.description.as_deref()) || is_no_web_address(status.target_url.as_deref()) {
        return unprocessable("description is too long (maximum is 140 characters), or target_url is no address");
    }
    let repo = repository.repo.full_name.clone();
    let earlier = memory.statuses.iter().filter(|one| one.commit == commit && one.context == status.context);
    if earlier.count() >= 1_000 {
        return unprocessable("This SHA and context has reached the maximum number of statuses.");
    }
    (status.repo, status.commit) = (repo, commit);
    let shown = json!({
        "id": memory.next_id(), "state": status.state, "description": status.description, "context": status.context,
        "target_url": status.target_url, "created_at": "2026-11-21T10:00:00Z", "creator": memory.person(&memory.login),
    });
    memory.statuses.push(status);
    (StatusCode::CREATED, Json(shown)).into_response()
}

pub(super) async fn create_deployment(
    State(known): State<Known>,
    Path(path): Path<(String, String)>,
    Json(mut deployment): Json<Deployment>,
) -> Response {
    let mut memory = known.memory();
    let Some(repository) = memory.repository(&full_name(&path)) else { return not_found() };
    let Some(commit) = repository.repo.resolve(&deployment.reference) else {
        return unprocessable(&format!("No ref found for: {}", deployment.reference));
    };
    if too_long(deployment.description.as_deref()) {
        return unprocessable("description is too long");
    }
    // GitHub would first merge the default branch into a branch that is behind it.
    let behind = repository.repo.resolve("main").is_some_and(|main| !repository.repo.contains(&commit, &main));
    if deployment.auto_merge && behind {
        let merged = json!({"message": format!("Auto-merged main into {} on deployment.", deployment.reference)});
        return (StatusCode::ACCEPTED, Json(merged)).into_response();
    }
    // Without a word about contexts, every status of the commit has to be a success, one's own included.
    let mut newest = std::collections::BTreeMap::new();
    for status in memory.statuses.iter().filter(|status| status.commit == commit) {
        newest.insert(status.context.clone(), status.state == "success");
    }
    let met = match &deployment.required_contexts {
        None => newest.values().all(|success| *success),
        Some(required) => required.iter().all(|context| newest.get(context) == Some(&true)),
    };
    if !met {
        let message = format!("Conflict: Commit status checks failed for {}.", deployment.reference);
        return (StatusCode::CONFLICT, Json(json!({"message": message}))).into_response();
    }
    deployment.repo = repository.repo.full_name.clone();
    deployment.commit = commit;
    deployment.id = memory.next_id();
    let shown = deployment.shown();
    memory.deployments.push(deployment);
    (StatusCode::CREATED, Json(shown)).into_response()
}

#[derive(Deserialize)]
pub(super) struct Which {
    sha: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    environment: Option<String>,
}

/// The newest first.
pub(super) async fn list_deployments(
    State(known): State<Known>,
    Path(path): Path<(String, String)>,
    Query(which): Query<Which>,
    Query(paging): Query<Paging>,
) -> Response {
    let repo = full_name(&path);
    let is = |asked: &Option<String>, value: &str| asked.as_ref().is_none_or(|asked| asked == value);
    let memory = known.memory();
    let matching = memory.deployments.iter().rev().filter(|one| {
        one.repo == repo
            && is(&which.sha, &one.commit)
            && is(&which.reference, &one.reference)
            && is(&which.environment, &one.environment)
    });
    paging.of(matching.map(Deployment::shown).collect(), &format!("/repos/{repo}/deployments"))
}

const DEPLOYMENT_STATES: &[&str] = &["error", "failure", "inactive", "in_progress", "queued", "pending", "success"];

pub(super) async fn create_deployment_status(
    State(known): State<Known>,
    Path((owner, name, id)): Path<(String, String, i64)>,
    Json(status): Json<DeploymentStatus>,
) -> Response {
    let repo = full_name(&(owner, name));
    let mut memory = known.memory();
    let Some(at) = memory.deployments.iter().position(|one| one.id == id && one.repo == repo) else {
        return not_found();
    };
    if !DEPLOYMENT_STATES.contains(&status.state.as_str()) || too_long(status.description.as_deref()) {
        return unprocessable("state is not included in the list, or description is too long");
    }
    if is_no_web_address(status.environment_url.as_deref()) || is_no_web_address(status.log_url.as_deref()) {
        return unprocessable("environment_url or log_url is no address");
    }
    let environment = memory.deployments[at].environment.clone();
    if status.state == "success" && status.auto_inactive {
        // What was there before in the same lasting environment that people do not use.
        for other in memory.deployments.iter_mut().filter(|one| one.id != id && one.repo == repo) {
            let replaced = other.environment == environment && !other.transient_environment;
            let in_use = other.production_environment.unwrap_or(other.environment == "production");
            if replaced && !in_use && other.states().last() == Some(&"success") {
                other.statuses.push(DeploymentStatus { state: "inactive".to_owned(), ..status.clone() });
            }
        }
    }
    let shown = json!({
        "id": memory.next_id(), "state": status.state, "environment": environment, "description": status.description,
        "environment_url": status.environment_url, "log_url": status.log_url, "created_at": "2026-11-21T10:00:00Z",
    });
    memory.deployments[at].statuses.push(status);
    (StatusCode::CREATED, Json(shown)).into_response()
}

pub(super) async fn list_deployment_statuses(
    State(known): State<Known>,
    Path((owner, name, id)): Path<(String, String, i64)>,
    Query(paging): Query<Paging>,
) -> Response {
    let repo = full_name(&(owner, name));
    let memory = known.memory();
    let Some(found) = memory.deployments.iter().find(|one| one.id == id && one.repo == repo) else {
        return not_found();
    };
    let all = found.statuses.iter().rev().map(
        |status| json!({"state": status.state, "environment_url": status.environment_url, "log_url": status.log_url}),
    );
    paging.of(all.collect(), &format!("/repos/{repo}/deployments/{id}/statuses"))
}

#[derive(Deserialize)]
pub(super) struct Words {
    body: String,
}

pub(super) async fn create_comment(
    State(known): State<Known>,
    Path((owner, name, number)): Path<(String, String, i64)>,
    Json(words): Json<Words>,
) -> Response {
    let repo = full_name(&(owner, name));
    let mut memory = known.memory();
    if !memory.pulls.iter().any(|pull| pull.number == number && pull.base.full_name == repo) {
        return not_found();
    }
    if words.body.trim().is_empty() || words.body.chars().count() > COMMENT {
        return unprocessable("body is missing or too long (maximum is 65536 characters)");
    }
    let (id, author) = (memory.next_id(), memory.login.clone());
    let comment = Comment { id, repo, number, body: words.body, edits: 0, author };
    let shown = comment.shown(&memory);
    memory.comments.push(comment);
    (StatusCode::CREATED, Json(shown)).into_response()
}

/// The oldest first.
pub(super) async fn list_comments(
    State(known): State<Known>,
    Path((owner, name, number)): Path<(String, String, i64)>,
    Query(paging): Query<Paging>,
) -> Response {
    let repo = full_name(&(owner, name));
    let memory = known.memory();
    if !memory.pulls.iter().any(|pull| pull.number == number && pull.base.full_name == repo) {
        return not_found();
    }
    let matching = memory.comments.iter().filter(|one| one.repo == repo && one.number == number);
    let all = matching.map(|comment| comment.shown(&memory)).collect();
    paging.of(all, &format!("/repos/{repo}/issues/{number}/comments"))
}

pub(super) async fn change_comment(
    State(known): State<Known>,
    Path((owner, name, id)): Path<(String, String, i64)>,
    Json(words): Json<Words>,
) -> Response {
    let repo = full_name(&(owner, name));
    let mut memory = known.memory();
    let Some(comment) = memory.comments.iter_mut().find(|one| one.id == id && one.repo == repo) else {
        return not_found();
    };
    if words.body.trim().is_empty() || words.body.chars().count() > COMMENT {
        return unprocessable("body is missing or too long (maximum is 65536 characters)");
    }
    comment.body = words.body;
    comment.edits += 1;
    let comment = comment.clone();
    Json(comment.shown(&memory)).into_response()
}
