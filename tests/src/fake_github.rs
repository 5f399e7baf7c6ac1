//! GitHub as far as Berth uses it: OAuth with PKCE, the user and their repositories, webhooks, and the
//! repositories themselves. It is strict where the real one is: no user agent, no answer; a code works once; the
//! verifier must fit the challenge.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::Result;
use axum::extract::{Form, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use base64::Engine;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use crate::{GitServer, Repo};

/// The one user's access token, as the exchange hands it out; it also opens the repositories.
const TOKEN: &str = "gho_16C7e42F292c6912E7710c838347Ae178B4a";

/// A GitHub of our own at a free port: `GITHUB_URL` is [`FakeGithub::url`], `GITHUB_API_URL` is [`FakeGithub::api_url`],
/// as on GitHub Enterprise.
pub struct FakeGithub {
    /// Where people and git go.
    pub url: String,
    git: GitServer,
    known: Known,
}

/// A registered webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// GitHub's id of it.
    pub id: i64,
    /// `owner/name`.
    pub repo: String,
    /// The body of its registration.
    pub body: Value,
}

type Known = Arc<Mutex<Memory>>;

#[derive(Default)]
struct Memory {
    url: String,
    login: String,
    codes: HashMap<String, Grant>,
    issued: i64,
    repos: Vec<String>,
    hooks: Vec<Hook>,
}

/// What a code stands for.
struct Grant {
    client_id: String,
    redirect_uri: String,
    challenge: String,
}

impl FakeGithub {
    /// The client id and secret that Berth is configured with.
    pub const CLIENT: (&str, &str) = ("Iv1.0123456789abcdef", "fake-client-secret-0123456789");

    /// Starts it; its user is `octocat`, and every repository is private to them.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (git, repositories) = GitServer::behind(&url, Some(TOKEN))?;
        let known: Known =
            Arc::new(Mutex::new(Memory { url: url.clone(), login: "octocat".to_owned(), ..Memory::default() }));
        let api = Router::new()
            .route("/user", get(user))
            .route("/user/orgs", get(organizations))
            .route("/user/emails", get(emails))
            .route("/user/repos", get(repositories_of_user))
            .route("/orgs/{org}/repos", get(repositories_of_organization))
            .route("/repos/{owner}/{name}/hooks", post(create_hook).get(list_hooks))
            .route("/repos/{owner}/{name}/hooks/{id}", delete(delete_hook))
            .layer(middleware::from_fn(only_with_token));
        let pages = Router::new()
            .route("/login/oauth/authorize", get(authorize))
            .route("/login/oauth/access_token", post(exchange))
            .nest("/api/v3", api)
            .with_state(Arc::clone(&known))
            .fallback_service(repositories);
        tokio::spawn(async move { axum::serve(listener, pages).await });
        Ok(Self { url, git, known })
    }

    /// Where programs go.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/api/v3", self.url)
    }

    /// A new private repository of the user.
    ///
    /// # Errors
    /// When git refuses.
    pub fn repo(&self, name: &str) -> Result<Repo> {
        let full_name = format!("{}/{name}", self.memory().login);
        self.memory().repos.push(full_name.clone());
        self.git.repo(&full_name)
    }

    /// Lets another person sign in from now on.
    pub fn become_user(&self, login: &str) {
        self.memory().login = login.to_owned();
    }

    /// The webhooks that are registered now.
    #[must_use]
    pub fn hooks(&self) -> Vec<Hook> {
        self.memory().hooks.clone()
    }

    /// The access token that must never be seen outside of Berth's memory and its sealed column.
    #[must_use]
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.known.lock().expect("no test panics while it holds this")
    }
}

fn memory(known: &Known) -> MutexGuard<'_, Memory> {
    known.lock().expect("no handler panics while it holds this")
}

#[derive(Deserialize)]
struct Authorize {
    client_id: String,
    redirect_uri: String,
    state: String,
    code_challenge: String,
    code_challenge_method: String,
}

/// The person is signed in at GitHub and says yes at once.
async fn authorize(State(known): State<Known>, Query(asked): Query<Authorize>) -> Response {
    if asked.client_id != FakeGithub::CLIENT.0 || asked.code_challenge_method != "S256" || asked.state.len() < 16 {
        return (StatusCode::BAD_REQUEST, "unknown client, or no S256 challenge, or a weak state").into_response();
    }
    let mut memory = memory(&known);
    memory.issued += 1;
    let code = format!("code-{}", memory.issued);
    let mut back = match url::Url::parse(&asked.redirect_uri) {
        Ok(back) => back,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &asked.state);
    let grant = Grant { client_id: asked.client_id, redirect_uri: asked.redirect_uri, challenge: asked.code_challenge };
    memory.codes.insert(code, grant);
    (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
}

#[derive(Deserialize)]
struct Exchange {
    client_id: Option<String>,
    client_secret: Option<String>,
    code: String,
    redirect_uri: Option<String>,
    code_verifier: String,
}

async fn exchange(State(known): State<Known>, headers: HeaderMap, Form(asked): Form<Exchange>) -> Response {
    // Credentials come in the form or as Basic; GitHub takes both.
    let basic = format!(
        "Basic {}",
        base64::prelude::BASE64_STANDARD.encode(format!("{}:{}", FakeGithub::CLIENT.0, FakeGithub::CLIENT.1))
    );
    let by_header = headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes() == basic.as_bytes());
    let by_form = asked.client_id.as_deref() == Some(FakeGithub::CLIENT.0)
        && asked.client_secret.as_deref() == Some(FakeGithub::CLIENT.1);
    // GitHub reports these errors with status 200.
    let refused = |error: &str| Json(json!({"error": error, "error_description": error})).into_response();
    if !by_header && !by_form {
        return refused("incorrect_client_credentials");
    }
    let Some(grant) = memory(&known).codes.remove(&asked.code) else {
        return refused("bad_verification_code");
    };
    let challenge = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(asked.code_verifier.as_bytes()));
    let same_redirect = asked.redirect_uri.is_none_or(|redirect| redirect == grant.redirect_uri);
    if challenge != grant.challenge || !same_redirect || grant.client_id != FakeGithub::CLIENT.0 {
        return refused("bad_verification_code");
    }
    Json(json!({"access_token": TOKEN, "token_type": "bearer", "scope": "read:user,repo,read:org"})).into_response()
}

async fn only_with_token(headers: HeaderMap, request: Request, next: Next) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text(header::USER_AGENT).is_none() {
        return (StatusCode::FORBIDDEN, "Request forbidden by administrative rules (no User-Agent).").into_response();
    }
    let given = text(header::AUTHORIZATION).and_then(|value| value.split_once(' ')).map(|(_, token)| token);
    if given != Some(TOKEN) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"message": "Bad credentials"}))).into_response();
    }
    next.run(request).await
}

async fn user(State(known): State<Known>) -> Json<Value> {
    let login = memory(&known).login.clone();
    let id = 583_231 + i64::from(Sha256::digest(login.as_bytes())[0]);
    Json(json!({
        "login": login, "id": id, "type": "User", "name": "The Octocat",
        "avatar_url": format!("https://avatars.example.org/{login}"), "email": format!("{login}@example.org"),
        "created_at": "2011-01-25T18:44:36Z",
    }))
}

async fn emails(State(known): State<Known>) -> Json<Value> {
    let login = memory(&known).login.clone();
    Json(json!([{"email": format!("{login}@example.org"), "primary": true, "verified": true, "visibility": null}]))
}

async fn organizations() -> Json<Value> {
    Json(json!([{"login": "octo-org", "id": 1, "avatar_url": "https://avatars.example.org/octo-org"}]))
}

async fn repositories_of_user(State(known): State<Known>) -> Json<Value> {
    let memory = memory(&known);
    let repos = memory.repos.iter().enumerate().map(|(index, full_name)| {
        let (owner, name) = full_name.split_once('/').expect("owner/name");
        json!({
            "id": index + 1, "name": name, "full_name": full_name, "private": true, "default_branch": "main",
            "owner": {"login": owner}, "html_url": format!("{}/{full_name}", memory.url),
            "clone_url": format!("{}/{full_name}.git", memory.url),
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        })
    });
    Json(repos.collect())
}

/// A person is no organization, and the one that there is has none.
async fn repositories_of_organization(Path(organization): Path<String>) -> Response {
    match organization.as_str() {
        "octo-org" => Json(json!([])).into_response(),
        _ => (StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))).into_response(),
    }
}

async fn create_hook(
    State(known): State<Known>,
    Path((owner, name)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let mut memory = memory(&known);
    let repo = format!("{owner}/{name}");
    if !memory.repos.contains(&repo) {
        return (StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))).into_response();
    }
    let same = |hook: &Hook| hook.repo == repo && hook.body["config"]["url"] == body["config"]["url"];
    if memory.hooks.iter().any(same) {
        let message =
            json!({"message": "Validation Failed", "errors": [{"message": "Hook already exists on this repository"}]});
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(message)).into_response();
    }
    memory.issued += 1;
    let id = memory.issued;
    memory.hooks.push(Hook { id, repo, body: body.clone() });
    let answer =
        json!({"id": id, "type": "Repository", "active": true, "events": body["events"], "config": body["config"]});
    (StatusCode::CREATED, Json(answer)).into_response()
}

async fn list_hooks(State(known): State<Known>, Path((owner, name)): Path<(String, String)>) -> Json<Value> {
    let repo = format!("{owner}/{name}");
    let memory = memory(&known);
    let hooks = memory.hooks.iter().filter(|hook| hook.repo == repo);
    Json(
        hooks
            .map(|hook| json!({"id": hook.id, "config": hook.body["config"], "events": hook.body["events"]}))
            .collect(),
    )
}

async fn delete_hook(State(known): State<Known>, Path((owner, name, id)): Path<(String, String, i64)>) -> StatusCode {
    let repo = format!("{owner}/{name}");
    let mut memory = memory(&known);
    let before = memory.hooks.len();
    memory.hooks.retain(|hook| hook.id != id || hook.repo != repo);
    if memory.hooks.len() < before { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}
