//! Accounts, organizations, repositories and their branches.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::memory::{Known, Memory, Paging, full_name, not_found, unprocessable};

pub(super) async fn user(State(known): State<Known>) -> Json<Value> {
    let memory = known.memory();
    let mut shown = memory.person(&memory.login);
    shown["name"] = json!("The Octocat");
    shown["email"] = json!(format!("{}@example.org", memory.login));
    shown["created_at"] = json!("2011-01-25T18:44:36Z");
    Json(shown)
}

pub(super) async fn emails(State(known): State<Known>) -> Json<Value> {
    let email = format!("{}@example.org", known.memory().login);
    Json(json!([{"email": email, "primary": true, "verified": true, "visibility": null}]))
}

pub(super) async fn organizations(State(known): State<Known>, Query(paging): Query<Paging>) -> Response {
    let memory = known.memory();
    let all = memory.organizations.iter().map(|login| memory.person(login)).collect();
    paging.of(all, "/user/orgs")
}

/// How a list of repositories is ordered.
#[derive(Deserialize)]
pub(super) struct Order {
    #[serde(default)]
    sort: String,
    #[serde(default)]
    direction: String,
}

impl Order {
    /// The newest first, or by name, which is GitHub's own order where none is asked for.
    fn apply(&self, all: &mut [Value]) {
        match self.sort.as_str() {
            "created" | "updated" | "pushed" => {
                all.sort_by_key(|repository| repository["id"].as_i64());
                if self.direction != "asc" {
                    all.reverse();
                }
            }
            _ => {
                all.sort_by_key(|repository| repository["full_name"].to_string());
                if self.direction == "desc" {
                    all.reverse();
                }
            }
        }
    }
}

fn owned_by(memory: &Memory, owner: &str) -> Vec<Value> {
    let names = memory.repositories.iter().map(|known| known.repo.full_name.as_str());
    let theirs = names.filter(|name| name.split_once('/').is_some_and(|(first, _)| first.eq_ignore_ascii_case(owner)));
    theirs.filter_map(|name| memory.shown(name).ok()).collect()
}

pub(super) async fn of_user(
    State(known): State<Known>,
    Query(order): Query<Order>,
    Query(paging): Query<Paging>,
) -> Response {
    let memory = known.memory();
    let mut all = owned_by(&memory, &memory.login);
    order.apply(&mut all);
    paging.of(all, "/user/repos")
}

/// A person is no organization.
pub(super) async fn of_organization(
    State(known): State<Known>,
    Path(organization): Path<String>,
    Query(order): Query<Order>,
    Query(paging): Query<Paging>,
) -> Response {
    let memory = known.memory();
    if !memory.organizations.contains(&organization) {
        return not_found();
    }
    let mut all = owned_by(&memory, &organization);
    order.apply(&mut all);
    paging.of(all, &format!("/orgs/{organization}/repos"))
}

#[derive(Deserialize)]
pub(super) struct Search {
    q: String,
}

/// Words and the qualifiers `user:`, `org:`, `in:` and `fork:`. Forks are found only if they are asked for.
pub(super) async fn search(
    State(known): State<Known>,
    Query(search): Query<Search>,
    Query(order): Query<Order>,
    Query(paging): Query<Paging>,
) -> Response {
    if search.q.trim().is_empty() {
        return unprocessable("Missing q");
    }
    let memory = known.memory();
    let (qualifiers, words): (Vec<_>, Vec<_>) = search.q.split_whitespace().partition(|word| word.contains(':'));
    let said = |name: &str| qualifiers.iter().filter_map(|word| word.strip_prefix(name)).collect::<Vec<_>>();
    let owners = [said("user:"), said("org:")].concat();
    let forks = !said("fork:").is_empty();
    let mut all: Vec<Value> = memory
        .repositories
        .iter()
        .filter(|known| forks || known.parent.is_none())
        .filter_map(|known| known.repo.full_name.split_once('/').map(|(owner, name)| (known, owner, name)))
        .filter(|(_, owner, _)| owners.is_empty() || owners.iter().any(|asked| asked.eq_ignore_ascii_case(owner)))
        .filter(|(_, _, name)| words.iter().all(|word| name.to_lowercase().contains(&word.to_lowercase())))
        .filter_map(|(known, _, _)| memory.shown(&known.repo.full_name).ok())
        .collect();
    order.apply(&mut all);
    let total = all.len();
    let (items, headers) = paging.part(all, "/search/repositories");
    (headers, Json(json!({"total_count": total, "incomplete_results": false, "items": items}))).into_response()
}

pub(super) async fn read(State(known): State<Known>, Path(path): Path<(String, String)>) -> Response {
    known.memory().shown(&full_name(&path)).map_or_else(|_| not_found(), |shown| Json(shown).into_response())
}

pub(super) async fn branches(
    State(known): State<Known>,
    Path(path): Path<(String, String)>,
    Query(paging): Query<Paging>,
) -> Response {
    let full_name = full_name(&path);
    let Some(branches) = branches_of(&known, &full_name) else { return not_found() };
    let shown =
        branches.into_iter().map(|(name, sha)| json!({"name": name, "commit": {"sha": sha}, "protected": false}));
    paging.of(shown.collect(), &format!("/repos/{full_name}/branches"))
}

/// The branches whose names begin so.
pub(super) async fn matching_branches(
    State(known): State<Known>,
    Path((owner, name, prefix)): Path<(String, String, String)>,
    Query(paging): Query<Paging>,
) -> Response {
    let full_name = full_name(&(owner, name));
    let Some(branches) = branches_of(&known, &full_name) else { return not_found() };
    let matching = branches.into_iter().filter(|(branch, _)| branch.starts_with(&prefix)).map(|(branch, sha)| {
        json!({"ref": format!("refs/heads/{branch}"), "node_id": "REF", "object": {"type": "commit", "sha": sha}})
    });
    paging.of(matching.collect(), &format!("/repos/{full_name}/git/matching-refs/heads/{prefix}"))
}

/// Alphabetically, as GitHub lists them.
fn branches_of(known: &Known, full_name: &str) -> Option<Vec<(String, String)>> {
    let repo = known.memory().repository(full_name)?.repo.clone();
    repo.branches().ok()
}
