//! Pull requests: from a branch of the repository or from a fork, with the references that can be fetched, each step
//! announced to the hooks of the repository.

use anyhow::{Context, Result};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::FakeGithub;
use super::deliver;
use super::memory::{Known, Memory, full_name, not_found};
use crate::{Answer, Repo};

/// What GitHub keeps of a pull request.
#[derive(Clone)]
pub(super) struct Pull {
    pub(super) number: i64,
    pub(super) base: Repo,
    head: Repo,
    branch: String,
    commit: String,
    title: String,
    open: bool,
    merged: bool,
}

/// An opened pull request, in the hands of its author.
#[derive(Clone)]
pub struct PullRequest {
    /// Its number.
    pub number: i64,
    /// Where it comes from: the repository itself, or a fork.
    pub head: Repo,
    /// Where it is to go.
    pub base: Repo,
}

impl Pull {
    fn shown(&self, memory: &Memory) -> Result<Value> {
        let (number, base) = (self.number, &self.base.full_name);
        let side = |repo: &Repo, branch: &str, commit: &str| {
            let owner = repo.full_name.split_once('/').context("owner/name")?.0;
            Ok::<_, anyhow::Error>(json!({
                "label": format!("{owner}:{branch}"), "ref": branch, "sha": commit, "user": memory.person(owner),
                "repo": memory.shown(&repo.full_name)?,
            }))
        };
        let author = self.head.full_name.split_once('/').context("owner/name")?.0;
        let association = if self.head.full_name == *base { "OWNER" } else { "NONE" };
        Ok(json!({
            "id": 1_000 + number, "number": number, "state": if self.open { "open" } else { "closed" }, "title": self.title,
            "body": null, "draft": false, "locked": false, "merged": self.merged, "user": memory.person(author),
            "author_association": association, "html_url": format!("{}/{base}/pull/{number}", memory.url),
            "url": format!("{}/api/v3/repos/{base}/pulls/{number}", memory.url),
            "head": side(&self.head, &self.branch, &self.commit)?,
            "base": side(&self.base, "main", &self.base.resolve("main").context("main has a commit")?)?,
            "created_at": "2026-11-21T10:00:00Z", "updated_at": "2026-11-21T10:00:00Z",
        }))
    }
}

impl FakeGithub {
    /// A copy of a repository that belongs to `owner`.
    ///
    /// # Errors
    /// When git refuses.
    pub fn fork(&self, repo: &Repo, owner: &str) -> Result<Repo> {
        let name = repo.full_name.split_once('/').context("owner/name")?.1;
        let fork = repo.fork(&format!("{owner}/{name}"))?;
        self.remember(fork.clone(), Some(repo.full_name.clone()));
        Ok(fork)
    }

    /// Opens a pull request of the branch that is checked out in `head`, which is `base` itself or a fork of it.
    ///
    /// # Errors
    /// When git refuses, or nobody hears of it.
    pub async fn open_pull_request(&self, base: &Repo, head: &Repo, title: &str) -> Result<(PullRequest, Answer)> {
        let (branch, commit) = (head.branch()?, head.head()?);
        let number = {
            let mut memory = self.known.memory();
            let number =
                1 + i64::try_from(memory.pulls.iter().filter(|one| one.base.full_name == base.full_name).count())?;
            base.set_pull_request(number, &commit, head, "main")?;
            let (base, head, title) = (base.clone(), head.clone(), title.to_owned());
            memory.pulls.push(Pull { number, base, head, branch, commit, title, open: true, merged: false });
            number
        };
        let pull = PullRequest { number, head: head.clone(), base: base.clone() };
        let answer = self.tell(&pull, "opened", json!({})).await?;
        Ok((pull, answer))
    }

    /// Takes over what was pushed to the pull request's branch.
    ///
    /// # Errors
    /// When git refuses, or nobody hears of it.
    pub async fn synchronize(&self, pull: &PullRequest) -> Result<Answer> {
        let commit = pull.head.head()?;
        let before = self.change(pull, |known| std::mem::replace(&mut known.commit, commit.clone()))?;
        pull.base.set_pull_request(pull.number, &commit, &pull.head, "main")?;
        self.tell(pull, "synchronize", json!({"before": before, "after": commit})).await
    }

    /// Closes it without a merge.
    ///
    /// # Errors
    /// When nobody hears of it.
    pub async fn close_pull_request(&self, pull: &PullRequest) -> Result<Answer> {
        self.change(pull, |known| known.open = false)?;
        self.tell(pull, "closed", json!({})).await
    }

    /// Opens it again.
    ///
    /// # Errors
    /// When nobody hears of it.
    pub async fn reopen_pull_request(&self, pull: &PullRequest) -> Result<Answer> {
        self.change(pull, |known| known.open = true)?;
        self.tell(pull, "reopened", json!({})).await
    }

    /// Something about a pull request that changes no code, such as `labeled`.
    ///
    /// # Errors
    /// When nobody hears of it.
    pub async fn tell(&self, pull: &PullRequest, action: &str, more: Value) -> Result<Answer> {
        let repo = &pull.base.full_name;
        let mut payload = {
            let memory = self.known.memory();
            let known = memory.pulls.iter().find(|one| one.number == pull.number && one.base.full_name == *repo);
            let known = known.context("GitHub knows the pull request")?;
            let shown = known.shown(&memory)?;
            json!({
                "action": action, "number": pull.number, "sender": shown["user"], "pull_request": shown,
                "repository": memory.shown(repo)?,
            })
        };
        for (key, value) in more.as_object().into_iter().flatten() {
            payload[key] = value.clone();
        }
        let answers = deliver::announce(&self.known, repo, "pull_request", &payload).await?;
        answers.into_iter().next().with_context(|| format!("no hook of {repo} hears of pull requests"))
    }

    fn change<T>(&self, pull: &PullRequest, change: impl FnOnce(&mut Pull) -> T) -> Result<T> {
        let mut memory = self.known.memory();
        let known =
            memory.pulls.iter_mut().find(|one| one.number == pull.number && one.base.full_name == pull.base.full_name);
        known.map(change).context("GitHub knows the pull request")
    }
}

pub(super) async fn list(State(known): State<Known>, Path(path): Path<(String, String)>) -> Response {
    let repo = full_name(&path);
    let memory = known.memory();
    let open = memory.pulls.iter().filter(|pull| pull.open && pull.base.full_name == repo);
    Json(open.filter_map(|pull| pull.shown(&memory).ok()).collect::<Vec<_>>()).into_response()
}

pub(super) async fn read(
    State(known): State<Known>,
    Path((owner, name, number)): Path<(String, String, i64)>,
) -> Response {
    let repo = full_name(&(owner, name));
    let memory = known.memory();
    let found = memory.pulls.iter().find(|pull| pull.number == number && pull.base.full_name == repo);
    let shown = found.and_then(|pull| pull.shown(&memory).ok());
    shown.map_or_else(not_found, |shown| Json(shown).into_response())
}
