//! One fetch's way to its host: requests, redirects, budget, cancellation, and the reason when it fails.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use berth_model::{BuildLimits, RepoUrl};
use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::client::SourceClient;
use super::credentials::{Credentials, Giver};
use super::failures;
use crate::BuildError;

const MOST_REDIRECTS: usize = 5;

/// One fetch's way to its host.
pub(super) struct Connection {
    client: SourceClient,
    /// Moves when the host says that the repository was renamed.
    base: Mutex<Url>,
    /// Whose token it is, and the header that carries it.
    authorization: Option<(Giver, HeaderValue)>,
    /// Whether the host has said that the token is no good: a public repository needs none.
    token_refused: AtomicBool,
    pub(super) limits: BuildLimits,
    bytes_left: AtomicU64,
    cancel: CancellationToken,
    runtime: Handle,
    /// What went wrong here: libgit2 passes on only text.
    problem: Mutex<Option<BuildError>>,
}

impl Connection {
    pub(super) fn new(
        client: SourceClient,
        url: &RepoUrl,
        credentials: Option<&Credentials>,
        limits: BuildLimits,
        cancel: CancellationToken,
    ) -> Result<Self, BuildError> {
        client.check(url)?;
        let authorization = match credentials {
            Some(credentials) => Some((credentials.giver, credentials.header()?)),
            None => None,
        };
        let mut base = url.url().clone();
        base.set_path(url.url().path().trim_end_matches('/'));
        Ok(Self {
            client,
            base: Mutex::new(base),
            authorization,
            token_refused: AtomicBool::new(false),
            bytes_left: AtomicU64::new(limits.source_bytes),
            limits,
            cancel,
            runtime: Handle::current(),
            problem: Mutex::new(None),
        })
    }

    pub(super) fn host(&self) -> String {
        locked(&self.base).host_str().unwrap_or_default().to_owned()
    }

    /// The reason behind an error of libgit2, if it was ours.
    pub(super) fn take_problem(&self) -> Option<BuildError> {
        locked(&self.problem).take()
    }

    /// Keeps the reason and gives libgit2 something to fail with.
    pub(super) fn fail(&self, problem: BuildError) -> io::Error {
        let text = problem.to_string();
        locked(&self.problem).get_or_insert(problem);
        io::Error::other(text)
    }

    /// Runs on libgit2's thread; ends early when the build is canceled.
    pub(super) fn wait<T>(&self, work: impl Future<Output = Result<T, BuildError>>) -> Result<T, io::Error> {
        let outcome = self.runtime.block_on(async {
            tokio::select! {
                () = self.cancel.cancelled() => Err(BuildError::Canceled),
                outcome = work => outcome,
            }
        });
        outcome.map_err(|problem| self.fail(problem))
    }

    /// `GET info/refs`, following the host to a repository's new name.
    pub(super) async fn references(&self) -> Result<Response, BuildError> {
        for _ in 0..=MOST_REDIRECTS {
            let mut url = locked(&self.base).clone();
            url.set_path(&format!("{}/info/refs", url.path()));
            url.set_query(Some("service=git-upload-pack"));
            let answer = self.send(Method::GET, &url, None).await?;
            if answer.status().is_redirection() {
                let next = self.renamed(&url, &answer)?;
                *locked(&self.base) = next;
                continue;
            }
            if answer.status() == StatusCode::UNAUTHORIZED && self.token().is_some() {
                self.token_refused.store(true, Ordering::Relaxed);
                continue;
            }
            return self.expect(answer, "application/x-git-upload-pack-advertisement");
        }
        Err(failures::too_many_redirects(&self.host()))
    }

    pub(super) async fn upload_pack(&self, request: Vec<u8>) -> Result<Response, BuildError> {
        let mut url = locked(&self.base).clone();
        url.set_path(&format!("{}/git-upload-pack", url.path()));
        let answer = self.send(Method::POST, &url, Some(request)).await?;
        if answer.status().is_redirection() {
            return Err(failures::redirect(&self.host(), location(&url, &answer).as_ref().map(Url::as_str)));
        }
        self.expect(answer, "application/x-git-upload-pack-result")
    }

    fn token(&self) -> Option<&HeaderValue> {
        let (_, header) = self.authorization.as_ref()?;
        (!self.token_refused.load(Ordering::Relaxed)).then_some(header)
    }

    async fn send(&self, method: Method, url: &Url, body: Option<Vec<u8>>) -> Result<Response, BuildError> {
        let mut request = self.client.request(method, url)?;
        if let Some(authorization) = self.token() {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        request = match body {
            Some(body) => request
                .header(CONTENT_TYPE, "application/x-git-upload-pack-request")
                .header(ACCEPT, "application/x-git-upload-pack-result")
                .body(body),
            None => request.header(ACCEPT, "*/*"),
        };
        self.heard(request.send()).await
    }

    fn expect(&self, answer: Response, content_type: &str) -> Result<Response, BuildError> {
        if !answer.status().is_success() {
            let path = locked(&self.base).path().to_owned();
            let giver = self.authorization.as_ref().map(|(giver, _)| *giver);
            return Err(failures::status(&self.host(), &path, answer.status().as_u16(), giver));
        }
        match answer.headers().get(CONTENT_TYPE) {
            Some(sent) if sent.as_bytes() == content_type.as_bytes() => Ok(answer),
            _ => Err(failures::not_git(&self.host())),
        }
    }

    /// Where the repository is now: on the same host, or nowhere that we would go (or send a token).
    fn renamed(&self, asked: &Url, answer: &Response) -> Result<Url, BuildError> {
        let target = location(asked, answer);
        let refused = || failures::redirect(&self.host(), target.as_ref().and_then(Url::host_str));
        let mut next = target.clone().ok_or_else(refused)?;
        if !is_same_host(asked, &next) || !next.username().is_empty() || next.password().is_some() {
            return Err(refused());
        }
        let path = next.path().strip_suffix("/info/refs").ok_or_else(refused)?.to_owned();
        next.set_path(&path);
        next.set_query(None);
        next.set_fragment(None);
        Ok(next)
    }

    /// The next piece of an answer, counted against the budget of the whole fetch; `None` at its end.
    pub(super) async fn piece(&self, answer: &mut Response) -> Result<Option<Bytes>, BuildError> {
        let Some(piece) = self.heard(answer.chunk()).await? else { return Ok(None) };
        let length = piece.len() as u64;
        let spend = |left: u64| left.checked_sub(length);
        if self.bytes_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend).is_err() {
            return Err(failures::too_large(self.limits.source_bytes));
        }
        Ok(Some(piece))
    }

    /// What the host sends next, unless it is silent. The client's own limit would count the time, too, in which libgit2
    /// was busy with what came before.
    async fn heard<T>(&self, next: impl Future<Output = reqwest::Result<T>>) -> Result<T, BuildError> {
        let silence = self.client.timeouts.silence;
        let heard = tokio::time::timeout(silence, next).await.map_err(|_| failures::silent(&self.host(), silence))?;
        heard.map_err(|error| failures::http(&self.host(), &error))
    }
}

/// The same host at the same port, or from plain http to https at their usual ports.
fn is_same_host(asked: &Url, next: &Url) -> bool {
    let upgraded =
        asked.scheme() == "http" && next.scheme() == "https" && asked.port().is_none() && next.port().is_none();
    asked.origin() == next.origin() || upgraded && asked.host() == next.host()
}

fn location(asked: &Url, answer: &Response) -> Option<Url> {
    asked.join(answer.headers().get(LOCATION)?.to_str().ok()?).ok()
}

/// Nothing here panics while it holds a lock; a poisoned one is as good as new.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_host_is_followed() {
        let follows = |from: &str, to: &str| is_same_host(&from.parse().unwrap(), &to.parse().unwrap());
        assert!(follows("https://git.example.org/a", "https://git.example.org/b"));
        assert!(follows("http://git.example.org/a", "https://git.example.org/a"));
        for to in [
            "https://evil.example.org/a",
            "http://git.example.org/a",
            "https://git.example.org:8443/a",
            "https://git.example.org.evil.org/a",
            "file:///git.example.org/a",
        ] {
            assert!(!follows("https://git.example.org/a", to), "{to}");
        }
        assert!(!follows("http://git.example.org:3000/a", "https://git.example.org/a"));
    }
}
