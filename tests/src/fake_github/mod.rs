//! GitHub as far as Berth uses it, at `/` for people and git and at `/api/v3` for programs, as on GitHub Enterprise. It
//! is strict where the real one is: no user agent, no answer; a description has 140 characters at most; a deployment
//! waits for the commit's statuses unless it is told not to. It can be told to misbehave, which is why it is not real.
//!
//! - [`oauth`]: signing in; [`gate`]: who gets past, and what refuses everybody.
//! - [`repositories`], [`hooks`], [`reports`], [`pulls`]: the API, by noun.
//! - [`deliver`]: what hooks are sent, signed with the secret that each was registered with.
//! - [`memory`]: all that it knows.
//!
//! Deliberately not here: other people's tokens. Whoever signs in gets the one token, which opens everything.

mod deliver;
mod gate;
mod hooks;
mod memory;
mod oauth;
mod pulls;
mod reports;
mod repositories;

use std::sync::{Arc, RwLock};

use anyhow::{Context, Result};
use axum::routing::{get, patch, post};
use axum::{Router, middleware};
use serde_json::Value;
use tokio::net::TcpListener;

pub use self::gate::{Limit, Seen};
pub use self::hooks::Hook;
pub(crate) use self::memory::Token;
use self::memory::{Known, Memory, Repository};
pub use self::pulls::PullRequest;
pub use self::reports::{Comment, CommitStatus, Deployment, DeploymentStatus};
use crate::berth::install_tls;
use crate::{Answer, GitServer, Repo};

/// A GitHub of our own at a free port: `GITHUB_URL` is [`FakeGithub::url`], `GITHUB_API_URL` is [`FakeGithub::api_url`].
pub struct FakeGithub {
    /// Where people and git go.
    pub url: String,
    git: GitServer,
    known: Known,
}

impl FakeGithub {
    /// The client id and secret that Berth is configured with.
    pub const CLIENT: (&str, &str) = ("Iv1.0123456789abcdef", "fake-client-secret-0123456789");

    /// Starts it; its user is `octocat`, and every repository is private to them.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> Result<Self> {
        install_tls();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let token: Token = Arc::new(RwLock::new(token(1)));
        let (git, repositories) = GitServer::behind(&url, Some(Arc::clone(&token)))?;
        let memory = Memory {
            url: url.clone(),
            login: "octocat".to_owned(),
            organizations: vec!["octo-org".to_owned()],
            ..Memory::default()
        };
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        let known = Known::new(memory, token, client);
        let pages = Router::new()
            .route("/login/oauth/authorize", get(oauth::authorize))
            .route("/login/oauth/access_token", post(oauth::exchange))
            .nest("/api/v3", api(&known))
            .with_state(known.clone())
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
        let owner = self.known.memory().login.clone();
        self.repo_of(&owner, name)
    }

    /// A new private repository of anybody that the user may see.
    ///
    /// # Errors
    /// When git refuses.
    pub fn repo_of(&self, owner: &str, name: &str) -> Result<Repo> {
        let repo = self.git.repo(&format!("{owner}/{name}"))?;
        self.remember(repo.clone(), None);
        Ok(repo)
    }

    fn remember(&self, repo: Repo, parent: Option<String>) {
        let mut memory = self.known.memory();
        let id = memory.next_id();
        memory.repositories.push(Repository { id, repo, parent });
    }

    /// Lets another person sign in from now on.
    pub fn become_user(&self, login: &str) {
        self.known.memory().login = login.to_owned();
    }

    /// Lets whoever signs in next say no to it at GitHub.
    pub fn refuse_next_sign_in(&self) {
        self.known.memory().says_no = true;
    }

    /// Announces a push of the branch that is checked out to the hooks of the repository; what they answered.
    ///
    /// # Errors
    /// When a hook did not answer.
    pub async fn announce_push(&self, repo: &Repo) -> Result<Vec<Answer>> {
        let payload = deliver::push(&self.known, repo)?;
        deliver::announce(&self.known, &repo.full_name, "push", &payload).await
    }

    /// The same where one hook is expected to hear of it.
    ///
    /// # Errors
    /// When none does.
    pub async fn deliver_push(&self, repo: &Repo) -> Result<Answer> {
        let answers = self.announce_push(repo).await?;
        answers.into_iter().next().with_context(|| format!("no hook of {} hears of pushes", repo.full_name))
    }

    /// Removes a branch and announces that.
    ///
    /// # Errors
    /// When there is no such branch, or nobody hears of it.
    pub async fn delete_branch(&self, repo: &Repo, branch: &str) -> Result<Answer> {
        repo.delete_branch(branch)?;
        let payload = deliver::deletion(&self.known, repo, branch)?;
        let answers = deliver::announce(&self.known, &repo.full_name, "push", &payload).await?;
        answers.into_iter().next().with_context(|| format!("no hook of {} hears of pushes", repo.full_name))
    }

    /// The payload that [`FakeGithub::announce_push`] would send.
    ///
    /// # Errors
    /// When the repository has no commit.
    pub fn push_payload(&self, repo: &Repo) -> Result<Value> {
        deliver::push(&self.known, repo)
    }

    /// The webhooks that are registered now.
    #[must_use]
    pub fn hooks(&self) -> Vec<Hook> {
        self.known.memory().hooks.clone()
    }

    /// Removes a webhook behind Berth's back.
    pub fn lose_hook(&self, id: i64) {
        self.known.memory().hooks.retain(|hook| hook.id != id);
    }

    /// Alters a webhook behind Berth's back.
    pub fn alter_hook(&self, id: i64, alter: impl FnOnce(&mut Value)) {
        if let Some(hook) = self.known.memory().hooks.iter_mut().find(|hook| hook.id == id) {
            alter(&mut hook.body);
        }
    }

    /// The commit statuses of a repository, oldest first.
    #[must_use]
    pub fn statuses(&self, repo: &Repo) -> Vec<CommitStatus> {
        let memory = self.known.memory();
        memory.statuses.iter().filter(|status| status.repo == repo.full_name).cloned().collect()
    }

    /// The deployments of a repository, oldest first.
    #[must_use]
    pub fn deployments(&self, repo: &Repo) -> Vec<Deployment> {
        let memory = self.known.memory();
        memory.deployments.iter().filter(|one| one.repo == repo.full_name).cloned().collect()
    }

    /// The comments on a pull request, oldest first.
    #[must_use]
    pub fn comments(&self, pull: &PullRequest) -> Vec<Comment> {
        let memory = self.known.memory();
        let on = |one: &&Comment| one.repo == pull.base.full_name && one.number == pull.number;
        memory.comments.iter().filter(on).cloned().collect()
    }

    /// All requests to the API so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.known.memory().requests.clone()
    }

    /// Lets the API answer 502 until [`FakeGithub::recover`]; git and the pages go on.
    pub fn go_down(&self) {
        self.known.memory().down = true;
    }

    /// Ends whatever was the matter.
    pub fn recover(&self) {
        let mut memory = self.known.memory();
        memory.down = false;
        memory.limit = None;
    }

    /// Answers no request to the API for a while, and says for how long.
    pub fn limit(&self, limit: Limit) {
        gate::begin(&mut self.known.memory(), limit);
    }

    /// Makes the token worthless, for the API and for git; whoever signs in again gets another one.
    pub fn revoke_token(&self) {
        let number = self.known.memory().next_id();
        *self.known.token.write().expect("nobody panics while they hold this") = token(number);
    }

    /// The access token that must never be seen outside of Berth's memory and its sealed column.
    #[must_use]
    pub fn token(&self) -> String {
        self.known.token.read().expect("nobody panics while they hold this").clone()
    }
}

fn token(number: i64) -> String {
    format!("gho_16C7e42F292c6912E7710c838347Ae{number:06}")
}

fn api(known: &Known) -> Router<Known> {
    Router::new()
        .route("/user", get(repositories::user))
        .route("/user/orgs", get(repositories::organizations))
        .route("/user/emails", get(repositories::emails))
        .route("/user/repos", get(repositories::of_user))
        .route("/orgs/{org}/repos", get(repositories::of_organization))
        .route("/search/repositories", get(repositories::search))
        .route("/repos/{owner}/{name}", get(repositories::read))
        .route("/repos/{owner}/{name}/branches", get(repositories::branches))
        .route("/repos/{owner}/{name}/git/matching-refs/heads/{*prefix}", get(repositories::matching_branches))
        .route("/repos/{owner}/{name}/hooks", post(hooks::create).get(hooks::list))
        .route("/repos/{owner}/{name}/hooks/{id}", get(hooks::read).patch(hooks::change).delete(hooks::remove))
        .route("/repos/{owner}/{name}/hooks/{id}/pings", post(hooks::ping))
        .route("/repos/{owner}/{name}/statuses/{commit}", post(reports::create_status))
        .route("/repos/{owner}/{name}/deployments", post(reports::create_deployment).get(reports::list_deployments))
        .route(
            "/repos/{owner}/{name}/deployments/{id}/statuses",
            post(reports::create_deployment_status).get(reports::list_deployment_statuses),
        )
        .route(
            "/repos/{owner}/{name}/issues/{number}/comments",
            post(reports::create_comment).get(reports::list_comments),
        )
        .route("/repos/{owner}/{name}/issues/comments/{id}", patch(reports::change_comment))
        .route("/repos/{owner}/{name}/pulls", get(pulls::list))
        .route("/repos/{owner}/{name}/pulls/{number}", get(pulls::read))
        .layer(middleware::from_fn_with_state(known.clone(), gate::admit))
}
