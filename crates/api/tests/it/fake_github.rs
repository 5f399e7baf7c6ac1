//! As much of GitHub as signing in, listing repositories and registering hooks needs; as strict as the real one about
//! codes, PKCE, tokens and second hooks.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use axum::extract::{Form, Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

/// A GitHub on a port of its own.
pub(crate) struct FakeGithub {
    pub(crate) url: Url,
    state: Shared,
}

/// What GitHub is like on a bad day.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// It takes the request and says nothing.
    Silence,
    /// It answers this.
    Answer(u16, &'static [(&'static str, &'static str)], &'static str),
}

type Shared = Arc<Mutex<Memory>>;
type Refusal = (StatusCode, Json<Value>);

#[derive(Default)]
struct Memory {
    /// Code → whose, and the challenge it was asked with.
    codes: HashMap<String, (String, String)>,
    /// Repository (lower case: GitHub does not mind the case) → its hooks.
    hooks: HashMap<String, Vec<Value>>,
    revoked: HashSet<String>,
    /// Requests that came in, whatever became of them.
    asked: usize,
    /// Hooks that were asked for a ping.
    pinged: Vec<i64>,
    /// What every call of the API is answered instead.
    trouble: Option<Trouble>,
    next: i64,
}

impl FakeGithub {
    pub(crate) async fn start() -> Self {
        Self::below("").await
    }

    /// At a path, as some installations of GitHub Enterprise are.
    pub(crate) async fn below(path: &str) -> Self {
        let state = Shared::default();
        let api = Router::new()
            .route("/user", get(user))
            .route("/user/orgs", get(organizations))
            .route("/user/repos", get(repositories))
            .route("/orgs/{org}/repos", get(repositories_of))
            .route("/search/repositories", get(search))
            .route("/repos/{owner}/{name}", get(read_repository))
            .route("/repos/{owner}/{name}/branches", get(branches))
            .route("/repos/{owner}/{name}/git/matching-refs/heads/{*beginning}", get(matching))
            .route("/repos/{owner}/{name}/hooks", post(create_hook).get(list_hooks))
            .route("/repos/{owner}/{name}/hooks/{id}", patch(change_hook).delete(delete_hook).get(read_hook))
            .route("/repos/{owner}/{name}/hooks/{id}/pings", post(ping_hook));
        let app = Router::new()
            .route("/login/oauth/access_token", post(exchange))
            .nest("/api/v3", api.layer(from_fn_with_state(state.clone(), trouble)))
            .with_state(state.clone());
        let app = if path.is_empty() { app } else { Router::new().nest(path, app) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}{path}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, state }
    }

    /// Somebody agrees on GitHub's page at `authorize`; returns the code that GitHub sends back.
    pub(crate) fn grant(&self, login: &str, authorize: &Url) -> String {
        let query: HashMap<_, _> = authorize.query_pairs().into_owned().collect();
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!(query["client_id"], "client");
        let mut memory = self.state.lock().unwrap();
        memory.next += 1;
        let code = format!("code{}", memory.next);
        memory.codes.insert(code.clone(), (login.to_owned(), query["code_challenge"].clone()));
        code
    }

    /// GitHub no longer accepts somebody's token.
    pub(crate) fn revoke(&self, login: &str) {
        self.state.lock().unwrap().revoked.insert(login.to_owned());
    }

    /// Somebody let GitHub give Berth another token.
    pub(crate) fn restore(&self, login: &str) {
        self.state.lock().unwrap().revoked.remove(login);
    }

    /// How many requests the API had so far.
    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    /// The hooks that a ping was asked of.
    pub(crate) fn pinged(&self) -> Vec<i64> {
        self.state.lock().unwrap().pinged.clone()
    }

    /// Somebody does something to a repository's hooks.
    pub(crate) fn meddle(&self, repository: &str, meddle: impl FnOnce(&mut Vec<Value>)) {
        meddle(self.state.lock().unwrap().hooks.entry(repository.to_lowercase()).or_default());
    }

    /// Has a bad day, until the next call with `None`.
    pub(crate) fn suffer(&self, trouble: impl Into<Option<Trouble>>) {
        self.state.lock().unwrap().trouble = trouble.into();
    }

    /// Somebody else's hook, which Berth knows nothing of.
    pub(crate) fn add_hook(&self, repository: &str, hook: Value) {
        self.state.lock().unwrap().hooks.entry(repository.to_lowercase()).or_default().push(hook);
    }

    /// The hooks of a repository.
    pub(crate) fn hooks(&self, repository: &str) -> Vec<Value> {
        self.state.lock().unwrap().hooks.get(repository).cloned().unwrap_or_default()
    }

    /// The address of a repository's page.
    pub(crate) fn page(&self, repository: &str) -> String {
        format!("{}/{repository}", self.url.as_str().trim_end_matches('/'))
    }
}

async fn trouble(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let trouble = {
        let mut memory = state.lock().unwrap();
        memory.asked += 1;
        memory.trouble.clone()
    };
    match trouble {
        None => next.run(request).await,
        Some(Trouble::Silence) => std::future::pending().await,
        Some(Trouble::Answer(status, headers, body)) => {
            let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), *value));
            let headers: Vec<_> = headers.map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            response.headers_mut().extend(headers);
            response
        }
    }
}

fn key(owner: &str, name: &str) -> String {
    format!("{owner}/{name}").to_lowercase()
}

async fn exchange(State(state): State<Shared>, Form(form): Form<HashMap<String, String>>) -> Json<Value> {
    let found = state.lock().unwrap().codes.remove(&form["code"]);
    let verifies = |challenge: &str| {
        let verifier = form.get("code_verifier").map(String::as_str).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == challenge
    };
    match found {
        Some((login, challenge)) if verifies(&challenge) && form["client_secret"] == "client secret" => {
            Json(json!({"access_token": format!("gho_{login}"), "token_type": "bearer", "scope": "repo,read:org"}))
        }
        // GitHub reports this with status 200.
        _ => Json(json!({"error": "bad_verification_code", "error_description": "The code passed is incorrect"})),
    }
}

/// Whose token it is; a renamed account keeps its number: `ada` and `ada2` are one person.
fn person(state: &Shared, headers: &HeaderMap) -> Result<(String, i64), Refusal> {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let login = token.strip_prefix("Bearer gho_").unwrap_or_default().to_owned();
    if login.is_empty() || state.lock().unwrap().revoked.contains(&login) || !headers.contains_key("user-agent") {
        return Err((StatusCode::UNAUTHORIZED, Json(json!({"message": "Bad credentials"}))));
    }
    let id = login.trim_end_matches('2').bytes().fold(1_000, |id, byte| id * 31 % 999_983 + i64::from(byte));
    Ok((login, id))
}

async fn user(State(state): State<Shared>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    let (login, id) = person(&state, &headers)?;
    Ok(Json(json!({"id": id, "login": login, "email": null, "avatar_url": "https://pictures.example/1"})))
}

type Asked = Query<HashMap<String, String>>;

/// A page of a list, as GitHub cuts it: 30 entries unless more (at most 100) are asked for; a header names the next.
fn page(asked: &Asked, all: Vec<Value>) -> Response {
    let (items, headers) = cut(asked, all);
    (headers, Json(items)).into_response()
}

fn cut(asked: &Asked, all: Vec<Value>) -> (Vec<Value>, HeaderMap) {
    let number = |name: &str, default: usize| asked.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (size, page) = (number("per_page", 30).min(100), number("page", 1).max(1));
    let mut headers = HeaderMap::new();
    if all.len() > page * size {
        let next = format!("<https://api.github.test/list?page={}>; rel=\"next\"", page + 1);
        headers.insert(http::header::LINK, next.parse().unwrap());
    }
    (all.into_iter().skip((page - 1) * size).take(size).collect(), headers)
}

/// Ada belongs to 101 organizations.
async fn organizations(State(state): State<Shared>, headers: HeaderMap, asked: Asked) -> Result<Response, Refusal> {
    let (login, _) = person(&state, &headers)?;
    let organization = |n: i64| {
        let login = if n == 1 { "Acme".to_owned() } else { format!("org{n}") };
        json!({"id": n, "login": login, "avatar_url": "https://pictures.example/2"})
    };
    let all = if login.starts_with("ada") { (1..=101).map(organization).collect() } else { Vec::new() };
    Ok(page(&asked, all))
}

fn repository(owner: &str, name: &str) -> Value {
    json!({"name": name, "default_branch": "main", "html_url": format!("https://github.test/{owner}/{name}"),
           "owner": {"login": owner}, "updated_at": "2026-11-01T00:00:00Z", "clone_url": "ignored"})
}

/// Everybody has 102 repositories of their own, and one that somebody else lets them work on. Which of them, and in
/// which order, is what was asked for, else GitHub's default: all, by name.
async fn repositories(State(state): State<Shared>, headers: HeaderMap, asked: Asked) -> Result<Response, Refusal> {
    let (login, _) = person(&state, &headers)?;
    let mut all: Vec<Value> = (1..=101).map(|n| repository(&login, &format!("r{n:03}"))).collect();
    all.push(repository(&login, "shop"));
    if asked.get("affiliation").is_none_or(|which| which != "owner") {
        all.push(repository("somebody", "theirs"));
    }
    if asked.get("sort").is_some_and(|by| by == "created") && asked.get("direction").is_some_and(|to| to == "desc") {
        all.reverse();
    }
    Ok(page(&asked, all))
}

async fn repositories_of(
    State(state): State<Shared>,
    headers: HeaderMap,
    Path(org): Path<String>,
) -> Result<Json<Value>, Refusal> {
    person(&state, &headers)?;
    match org.as_str() {
        "Acme" => Ok(Json(json!([repository("Acme", "site")]))),
        _ => Err((StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"})))),
    }
}

/// What the search finds has all words in its name; what is not asked for by `user:` is somebody else's.
async fn search(State(state): State<Shared>, headers: HeaderMap, asked: Asked) -> Result<Response, Refusal> {
    let (login, _) = person(&state, &headers)?;
    let (said, words): (Vec<&str>, Vec<&str>) = asked["q"].split_whitespace().partition(|word| word.contains(':'));
    assert!(said.contains(&"in:name") && said.contains(&"fork:true"), "{said:?}");
    let mut all: Vec<Value> = (1..=101).map(|n| repository(&login, &format!("r{n:03}"))).collect();
    all.push(repository("somebody", "r-theirs"));
    let fits = |found: &Value| {
        let (owner, name) = (found["owner"]["login"].as_str().unwrap(), found["name"].as_str().unwrap());
        said.contains(&format!("user:{owner}").as_str()) && words.iter().all(|word| name.contains(word))
    };
    let (items, links) = cut(&asked, all.into_iter().filter(fits).collect());
    Ok((links, Json(json!({"total_count": items.len(), "incomplete_results": false, "items": items}))).into_response())
}

/// One that is called `secret` only its owner sees.
async fn read_repository(
    State(state): State<Shared>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let (login, _) = person(&state, &headers)?;
    if name == "secret" && !login.eq_ignore_ascii_case(&owner) {
        return Err((StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))));
    }
    Ok(Json(repository(&owner, &name)))
}

/// A repository has two branches, Ada's shop 152.
fn branches_of(owner: &str, name: &str) -> Vec<String> {
    let busy = (owner, name) == ("ada", "shop");
    let features = (1..=150).filter(|_| busy).map(|n| format!("feat/{n:03}"));
    features.chain(["main".to_owned(), "next".to_owned()]).collect()
}

async fn branches(
    State(state): State<Shared>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Refusal> {
    person(&state, &headers)?;
    let all = branches_of(&owner, &name).into_iter().map(|name| json!({"name": name, "commit": {"sha": "a1b2c3"}}));
    Ok(page(&asked, all.collect()))
}

async fn matching(
    State(state): State<Shared>,
    headers: HeaderMap,
    Path((owner, name, beginning)): Path<(String, String, String)>,
    asked: Asked,
) -> Result<Response, Refusal> {
    person(&state, &headers)?;
    let found = branches_of(&owner, &name).into_iter().filter(|branch| branch.starts_with(&beginning));
    let all = found.map(|name| json!({"ref": format!("refs/heads/{name}"), "object": {"sha": "a1b2c3"}}));
    Ok(page(&asked, all.collect()))
}

async fn create_hook(
    State(state): State<Shared>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    Json(hook): Json<Value>,
) -> Result<Response, Refusal> {
    let (login, _) = person(&state, &headers)?;
    if !login.eq_ignore_ascii_case(&owner) {
        return Err((StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))));
    }
    let mut memory = state.lock().unwrap();
    memory.next += 1;
    let id = memory.next;
    let hooks = memory.hooks.entry(key(&owner, &name)).or_default();
    if hooks.iter().any(|other| other["config"]["url"] == hook["config"]["url"]) {
        let message = json!({"message": "Hook already exists on this repository"});
        return Err((StatusCode::UNPROCESSABLE_ENTITY, Json(message)));
    }
    let mut kept = hook;
    kept["id"] = json!(id);
    hooks.push(kept.clone());
    Ok((StatusCode::CREATED, Json(kept)).into_response())
}

async fn list_hooks(State(state): State<Shared>, Path((owner, name)): Path<(String, String)>) -> Json<Value> {
    Json(json!(state.lock().unwrap().hooks.get(&key(&owner, &name))))
}

async fn change_hook(
    State(state): State<Shared>,
    Path((owner, name, id)): Path<(String, String, i64)>,
    Json(change): Json<Value>,
) -> Response {
    let mut memory = state.lock().unwrap();
    let hooks = memory.hooks.entry(key(&owner, &name)).or_default();
    match hooks.iter_mut().find(|hook| hook["id"] == id) {
        Some(hook) => {
            for part in ["config", "events", "active"] {
                if let Some(value) = change.get(part) {
                    hook[part] = value.clone();
                }
            }
            Json(hook.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn read_hook(
    State(state): State<Shared>,
    headers: HeaderMap,
    Path((owner, name, id)): Path<(String, String, i64)>,
) -> Result<Json<Value>, Refusal> {
    let (login, _) = person(&state, &headers)?;
    let memory = state.lock().unwrap();
    let hooks = memory.hooks.get(&key(&owner, &name)).filter(|_| login.eq_ignore_ascii_case(&owner));
    match hooks.and_then(|hooks| hooks.iter().find(|hook| hook["id"] == id)) {
        Some(hook) => Ok(Json(hook.clone())),
        None => Err((StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"})))),
    }
}

/// The real one delivers a ping and notes how it was answered; here it was answered well.
async fn ping_hook(State(state): State<Shared>, Path((owner, name, id)): Path<(String, String, i64)>) -> StatusCode {
    let mut memory = state.lock().unwrap();
    memory.pinged.push(id);
    let hooks = memory.hooks.entry(key(&owner, &name)).or_default();
    match hooks.iter_mut().find(|hook| hook["id"] == id) {
        Some(hook) => {
            hook["last_response"] = json!({"code": 200, "status": "active", "message": "OK"});
            StatusCode::NO_CONTENT
        }
        None => StatusCode::NOT_FOUND,
    }
}

async fn delete_hook(State(state): State<Shared>, Path((owner, name, id)): Path<(String, String, i64)>) -> StatusCode {
    if let Some(hooks) = state.lock().unwrap().hooks.get_mut(&key(&owner, &name)) {
        hooks.retain(|hook| hook["id"] != id);
    }
    StatusCode::NO_CONTENT
}
