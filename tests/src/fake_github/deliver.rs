//! Deliveries: signed with the secret that the hook was registered with, and sent to where it was registered.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::hooks::Hook;
use super::memory::Known;
use crate::webhook::{fresh_id, sign};
use crate::{Answer, Repo};

/// How long GitHub waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One delivery to one hook.
pub(super) struct Parcel {
    hook: i64,
    url: String,
    secret: Option<String>,
    event: String,
    id: String,
    body: Vec<u8>,
}

impl Parcel {
    pub(super) fn of(hook: &Hook, event: &str, payload: &Value) -> Self {
        let text = |name: &str| hook.body["config"][name].as_str().map(str::to_owned);
        Self {
            hook: hook.id,
            url: text("url").unwrap_or_default(),
            secret: text("secret").filter(|secret| !secret.is_empty()),
            event: event.to_owned(),
            id: fresh_id(),
            body: payload.to_string().into_bytes(),
        }
    }
}

/// Sends a delivery; the hook remembers how it went.
pub(super) async fn send(known: &Known, parcel: &Parcel) -> Result<Answer> {
    let mut request = known
        .client
        .post(&parcel.url)
        .timeout(PATIENCE)
        .header("content-type", "application/json")
        .header("user-agent", "GitHub-Hookshot/044aadd")
        .header("x-github-event", &parcel.event)
        .header("x-github-delivery", &parcel.id)
        .header("x-github-hook-id", parcel.hook)
        .header("x-github-hook-installation-target-type", "repository")
        .body(parcel.body.clone());
    if let Some(secret) = &parcel.secret {
        request = request.header("x-hub-signature-256", sign(secret, &parcel.body));
    }
    let answer = Answer::of(request).await;
    let status = answer.as_ref().map_or(502, |answer| answer.status);
    if let Some(hook) = known.memory().hooks.iter_mut().find(|hook| hook.id == parcel.hook) {
        hook.last_response = status;
    }
    answer
}

/// Sends an event to every hook of the repository that hears it; what they answered.
pub(super) async fn announce(known: &Known, repo: &str, event: &str, payload: &Value) -> Result<Vec<Answer>> {
    let parcels: Vec<_> = {
        let memory = known.memory();
        let hooks = memory.hooks.iter().filter(|hook| hook.repo == repo && hook.hears(event));
        hooks.map(|hook| Parcel::of(hook, event, payload)).collect()
    };
    let mut answers = Vec::new();
    for parcel in &parcels {
        answers.push(send(known, parcel).await?);
    }
    Ok(answers)
}

/// The payload of a push of the branch that is checked out, after what was announced of it before.
pub(super) fn push(known: &Known, repo: &Repo) -> Result<Value> {
    let (branch, after) = (repo.branch()?, repo.head()?);
    let place = (repo.full_name.clone(), branch.clone());
    let before = known.memory().announced.insert(place, after.clone());
    let forced = before.as_deref().is_some_and(|before| !repo.contains(&after, before));
    let nothing = "0".repeat(40);
    let since = before.as_deref().unwrap_or(&nothing);
    let mut payload = pushed(known, repo, &branch, since, &after)?;
    payload["created"] = json!(before.is_none());
    payload["forced"] = json!(forced);
    let commits = repo.commits(&branch, before.as_deref(), &after)?;
    payload["commits"] = commits.iter().map(|commit| shown(repo, commit)).collect::<Result<_>>()?;
    payload["head_commit"] = shown(repo, &after)?;
    Ok(payload)
}

/// The payload of a branch's end.
pub(super) fn deletion(known: &Known, repo: &Repo, branch: &str) -> Result<Value> {
    let before = known.memory().announced.remove(&(repo.full_name.clone(), branch.to_owned()));
    let nothing = "0".repeat(40);
    let mut payload = pushed(known, repo, branch, before.as_deref().unwrap_or(&nothing), &nothing)?;
    payload["deleted"] = json!(true);
    Ok(payload)
}

fn pushed(known: &Known, repo: &Repo, branch: &str, before: &str, after: &str) -> Result<Value> {
    let memory = known.memory();
    let repository = memory.shown(&repo.full_name)?;
    let compare = format!("{}/compare/{before}...{after}", repository["html_url"].as_str().context("a page")?);
    Ok(json!({
        "ref": format!("refs/heads/{branch}"), "before": before, "after": after, "created": false, "deleted": false,
        "forced": false, "base_ref": null, "compare": compare, "commits": [], "head_commit": null,
        "repository": repository, "pusher": {"name": memory.login, "email": "ada@example.org"},
        "sender": memory.person(&memory.login),
    }))
}

fn shown(repo: &Repo, commit: &str) -> Result<Value> {
    let changes = repo.changes(commit)?;
    let that = |what: &str| changes.iter().filter(|(done, _)| done == what).map(|(_, path)| path).collect::<Vec<_>>();
    let person = json!({"name": "Ada Lovelace", "email": "ada@example.org", "username": "ada"});
    Ok(json!({
        "id": commit, "tree_id": commit, "distinct": true, "message": repo.message(commit)?,
        "timestamp": "2026-11-21T10:00:00Z", "url": format!("https://git.example/commit/{commit}"), "author": person,
        "committer": person, "added": that("A"), "removed": that("D"), "modified": that("M"),
    }))
}
