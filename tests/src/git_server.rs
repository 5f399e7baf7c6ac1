//! Real repositories, served over git's smart HTTP by git's own `http-backend`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, RwLock};

use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::fake_github::Token;

/// A git host on a free port of 127.0.0.1. Its repositories vanish with it.
pub struct GitServer {
    files: Arc<TempDir>,
    base: String,
}

#[derive(Clone)]
struct Backend {
    root: PathBuf,
    token: Option<Token>,
}

impl GitServer {
    /// Starts a host; with a token, only Basic credentials that carry it as password may read.
    ///
    /// # Errors
    /// When no port or directory can be had.
    pub async fn start(token: Option<&str>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let token = token.map(|token| Arc::new(RwLock::new(token.to_owned())));
        let (server, router) = Self::behind(&format!("http://{}", listener.local_addr()?), token)?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(server)
    }

    /// The same for a listener of somebody else at `base` (the fake GitHub serves pages and repositories at one address).
    pub(crate) fn behind(base: &str, token: Option<Token>) -> Result<(Self, Router)> {
        let files = Arc::new(TempDir::with_prefix("berth-test-git-")?);
        let backend = Backend { root: files.path().join("bare"), token };
        let router = Router::new().fallback(http_backend).with_state(backend);
        Ok((Self { files, base: base.to_owned() }, router))
    }

    /// A new empty repository `owner/name` whose branch is `main`.
    ///
    /// # Errors
    /// When git refuses.
    pub fn repo(&self, full_name: &str) -> Result<Repo> {
        let bare = self.files.path().join("bare").join(format!("{full_name}.git"));
        let work = self.files.path().join("work").join(full_name);
        std::fs::create_dir_all(&bare)?;
        std::fs::create_dir_all(&work)?;
        git(&bare, &["init", "--quiet", "--bare", "--initial-branch=main"])?;
        // As GitHub does: any commit may be asked for by its id.
        git(&bare, &["config", "uploadpack.allowAnySHA1InWant", "true"])?;
        git(&work, &["init", "--quiet", "--initial-branch=main"])?;
        git(&work, &["remote", "add", "origin", text(&bare)?])?;
        Ok(Repo {
            files: Arc::clone(&self.files),
            work,
            url: format!("{}/{full_name}.git", self.base),
            full_name: full_name.to_owned(),
        })
    }
}

/// A repository with its author's checkout.
#[derive(Clone)]
pub struct Repo {
    files: Arc<TempDir>,
    work: PathBuf,
    /// Where it is cloned from.
    pub url: String,
    /// `owner/name`.
    pub full_name: String,
}

impl Repo {
    /// Writes the files and commits everything; the commit's id.
    ///
    /// # Errors
    /// When git refuses (nothing changed, for one).
    pub fn commit(&self, message: &str, files: &[(&str, &str)]) -> Result<String> {
        for (path, content) in files {
            let path = self.work.join(path);
            std::fs::create_dir_all(path.parent().context("a file has a directory")?)?;
            std::fs::write(path, content)?;
        }
        git(&self.work, &["add", "--all"])?;
        git(&self.work, &["commit", "--quiet", "--message", message])?;
        self.head()
    }

    /// Copies an example into the checkout; commit it with [`Repo::commit`].
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub fn copy_in(&self, directory: &Path) -> Result<()> {
        copy(directory, &self.work).with_context(|| format!("copying {}", directory.display()))
    }

    /// Pushes the branch that is checked out.
    ///
    /// # Errors
    /// When git refuses.
    pub fn push(&self) -> Result<()> {
        git(&self.work, &["push", "--quiet", "origin", "HEAD"]).map(drop)
    }

    /// Pushes the branch that is checked out over whatever is there.
    ///
    /// # Errors
    /// When git refuses.
    pub fn force_push(&self) -> Result<()> {
        git(&self.work, &["push", "--quiet", "--force", "origin", "HEAD"]).map(drop)
    }

    /// Checks a branch out, a new one at the commit that is checked out now.
    ///
    /// # Errors
    /// When git refuses.
    pub fn switch(&self, branch: &str) -> Result<()> {
        let known = git(&self.work, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}")]).is_ok();
        let order: &[&str] = if known { &["switch", "--quiet", branch] } else { &["switch", "--quiet", "-c", branch] };
        git(&self.work, order).map(drop)
    }

    /// The branch that is checked out.
    ///
    /// # Errors
    /// When there is none.
    pub fn branch(&self) -> Result<String> {
        git(&self.work, &["symbolic-ref", "--short", "HEAD"])
    }

    /// Removes a branch at the host; the checkout keeps it.
    ///
    /// # Errors
    /// When the host has no such branch.
    pub fn delete_branch(&self, branch: &str) -> Result<()> {
        git(&self.work, &["push", "--quiet", "origin", "--delete", branch]).map(drop)
    }

    /// The host's branches and their commits.
    pub(crate) fn branches(&self) -> Result<Vec<(String, String)>> {
        let listed = git(&self.bare(), &["for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads"])?;
        let lines = listed.lines().filter_map(|line| line.split_once(' '));
        Ok(lines.map(|(branch, commit)| (branch.to_owned(), commit.to_owned())).collect())
    }

    /// The commit that a name stands for at the host, if it has it.
    pub(crate) fn resolve(&self, name: &str) -> Option<String> {
        git(&self.bare(), &["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]).ok()
    }

    /// Whether one of the host's commits is contained in another.
    pub(crate) fn contains(&self, commit: &str, ancestor: &str) -> bool {
        git(&self.bare(), &["merge-base", "--is-ancestor", ancestor, commit]).is_ok()
    }

    /// Sets the references that GitHub keeps of a pull request, whose head may come from another repository.
    pub(crate) fn set_pull_request(&self, number: i64, head: &str, from: &Self, base: &str) -> Result<()> {
        let bare = self.bare();
        git(&bare, &["fetch", "--quiet", text(&from.bare())?, head])?;
        git(&bare, &["update-ref", &format!("refs/pull/{number}/head"), head])?;
        let tree = git(&bare, &["merge-tree", "--write-tree", base, head])?;
        let message = format!("Merge {head} into {base}");
        let merge = git(&bare, &["commit-tree", &tree, "-p", base, "-p", head, "-m", &message])?;
        git(&bare, &["update-ref", &format!("refs/pull/{number}/merge"), &merge]).map(drop)
    }

    /// A copy at the same host that belongs to somebody else, with a checkout of its own.
    pub(crate) fn fork(&self, full_name: &str) -> Result<Self> {
        let base = self.url.strip_suffix(&format!("{}.git", self.full_name)).context("an address of this host")?;
        let url = format!("{base}{full_name}.git");
        let work = self.files.path().join("work").join(full_name);
        let fork = Self { files: Arc::clone(&self.files), work, url, full_name: full_name.to_owned() };
        std::fs::create_dir_all(fork.bare().parent().context("an owner's directory")?)?;
        std::fs::create_dir_all(fork.work.parent().context("an owner's directory")?)?;
        let (from, to) = (self.bare(), fork.bare());
        git(self.files.path(), &["clone", "--quiet", "--bare", text(&from)?, text(&to)?])?;
        git(&to, &["config", "uploadpack.allowAnySHA1InWant", "true"])?;
        git(self.files.path(), &["clone", "--quiet", text(&to)?, text(&fork.work)?])?;
        Ok(fork)
    }

    /// The commits of a push to a branch, oldest first: those after `before`, or those that no other branch has.
    pub(crate) fn commits(&self, branch: &str, before: Option<&str>, after: &str) -> Result<Vec<String>> {
        let others = format!("--exclude=refs/heads/{branch}");
        let since = before.map(|before| format!("^{before}"));
        let order = match &since {
            Some(since) => ["rev-list", "--reverse", after, since].to_vec(),
            None => ["rev-list", "--reverse", after, "--not", &others, "--branches"].to_vec(),
        };
        Ok(git(&self.bare(), &order)?.lines().map(str::to_owned).collect())
    }

    /// What a commit does to which file: `A`, `M` or `D` and its path.
    pub(crate) fn changes(&self, commit: &str) -> Result<Vec<(String, String)>> {
        let order = ["diff-tree", "--root", "--no-commit-id", "--no-renames", "--name-status", "-r", commit];
        let listed = git(&self.bare(), &order)?;
        let lines = listed.lines().filter_map(|line| line.split_once('\t'));
        Ok(lines.map(|(what, path)| (what.to_owned(), path.to_owned())).collect())
    }

    /// The whole message of one of the host's commits.
    pub(crate) fn message(&self, commit: &str) -> Result<String> {
        git(&self.bare(), &["log", "-1", "--format=%B", commit])
    }

    /// Commits and pushes in one go; the commit's id.
    ///
    /// # Errors
    /// When git refuses.
    pub fn publish(&self, message: &str, files: &[(&str, &str)]) -> Result<String> {
        let commit = self.commit(message, files)?;
        self.push()?;
        Ok(commit)
    }

    /// Goes back to an earlier commit, so that the next push must be forced.
    ///
    /// # Errors
    /// When there is no such commit.
    pub fn reset_to(&self, commit: &str) -> Result<()> {
        git(&self.work, &["reset", "--quiet", "--hard", commit]).map(drop)
    }

    /// Makes the host forget the repository, until [`Repo::bring_back`].
    ///
    /// # Errors
    /// When it is not there.
    pub fn take_away(&self) -> Result<()> {
        Ok(std::fs::rename(self.bare(), self.bare().with_extension("away"))?)
    }

    /// Undoes [`Repo::take_away`].
    ///
    /// # Errors
    /// When it is there.
    pub fn bring_back(&self) -> Result<()> {
        Ok(std::fs::rename(self.bare().with_extension("away"), self.bare())?)
    }

    fn bare(&self) -> PathBuf {
        self.files.path().join("bare").join(format!("{}.git", self.full_name))
    }

    /// The id of the newest commit of the checkout.
    ///
    /// # Errors
    /// When there is none.
    pub fn head(&self) -> Result<String> {
        git(&self.work, &["rev-parse", "HEAD"])
    }

    /// The first line of the newest commit's message.
    ///
    /// # Errors
    /// When there is no commit.
    pub fn head_message(&self) -> Result<String> {
        git(&self.work, &["log", "-1", "--format=%s"])
    }
}

/// What may lie in an example's directory without being part of it.
const NOT_OF_THE_PROJECT: &[&str] = &["node_modules", "dist", "berth-example.json"];

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if NOT_OF_THE_PROJECT.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

/// Runs git in `directory`, untouched by the configuration of whoever runs the tests; its output.
fn git(directory: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .current_dir(directory)
        .args(["-c", "user.name=Ada Lovelace", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .context("git is missing: install it")?;
    ensure!(output.status.success(), "git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

async fn http_backend(
    State(backend): State<Backend>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !backend.admits(&headers) {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"git\"")];
        return (StatusCode::UNAUTHORIZED, challenge, "authentication needed\n").into_response();
    }
    match backend.answer(&method, &uri, &headers, &body).await {
        Ok(response) => response,
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n")).into_response(),
    }
}

impl Backend {
    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let token = token.read().expect("nobody panics while they hold this");
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
            .and_then(|text| base64::prelude::BASE64_STANDARD.decode(text).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok());
        given.is_some_and(|given| given.split_once(':').is_some_and(|(_, password)| password == *token))
    }

    async fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Result<Response> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        // git accepts a repository's address without `.git`; http-backend does not.
        let path = match uri.path().split_once("/info/refs").or_else(|| uri.path().split_once("/git-upload-pack")) {
            Some((repository, _)) if !repository.ends_with(".git") => {
                uri.path().replacen(repository, &format!("{repository}.git"), 1)
            }
            _ => uri.path().to_owned(),
        };
        let mut child = tokio::process::Command::new("git")
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("REQUEST_METHOD", method.as_str())
            .env("PATH_INFO", path)
            .env("QUERY_STRING", uri.query().unwrap_or_default())
            .env("CONTENT_TYPE", text("content-type"))
            .env("CONTENT_LENGTH", body.len().to_string())
            .env("HTTP_CONTENT_ENCODING", text("content-encoding"))
            .env("GIT_PROTOCOL", text("git-protocol"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("git http-backend is missing: install git")?;
        let mut stdin = child.stdin.take().context("a pipe to git")?;
        let body = body.clone();
        // Fed from beside, because git answers before it has read everything. It may also hang up early: not our matter.
        tokio::spawn(async move { stdin.write_all(&body).await });
        let output = child.wait_with_output().await?.stdout;
        cgi_response(&output)
    }
}

/// A CGI answer: headers (`Status:` among them), an empty line, the body.
fn cgi_response(output: &[u8]) -> Result<Response> {
    let Some(end) = output.windows(4).position(|window| window == b"\r\n\r\n") else {
        bail!("git http-backend gave no answer");
    };
    let mut response = Response::builder();
    for line in std::str::from_utf8(&output[..end])?.lines() {
        let (name, value) = line.split_once(':').context("a header line")?;
        response = match name {
            "Status" => response.status(value.split_whitespace().next().context("a status")?.parse::<u16>()?),
            name => response.header(name, value.trim()),
        };
    }
    Ok(response.body(axum::body::Body::from(output[end + 4..].to_vec()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_commit_can_be_fetched_by_its_id_with_the_token_only() -> Result<()> {
        let server = GitServer::start(Some("s3cret")).await?;
        let repo = server.repo("ada/shop")?;
        let first = repo.publish("First", &[("index.html", "one")])?;
        repo.publish("Second", &[("index.html", "two")])?;

        let elsewhere = TempDir::new()?;
        git(elsewhere.path(), &["init", "--quiet"])?;
        let fetch = |url: &str| git(elsewhere.path(), &["-c", "credential.helper=", "fetch", "--depth=1", url, &first]);
        let url = repo.url.replace("http://", "http://x:wrong@");
        assert!(fetch(&url).is_err());
        fetch(&url.replace("wrong", "s3cret"))?;
        assert_eq!(git(elsewhere.path(), &["show", "FETCH_HEAD:index.html"])?, "one");
        Ok(())
    }
}
