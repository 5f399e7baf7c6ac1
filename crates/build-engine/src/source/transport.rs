//! libgit2's smart protocol over our own HTTP client.
//!
//! libgit2 finds a transport by the scheme of an address, so every fetch gets an address of a scheme of ours,
//! `berth://<number>`, and its connection is looked up by that number. libgit2's own transports resolve names
//! themselves and cannot be interrupted while no byte arrives; no address with their schemes is ever given to it.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use berth_model::RepoUrl;
use berth_secrets::SecretString;
use bytes::Bytes;
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, Response};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::client::SourceClient;
use super::failures;
use crate::BuildError;

const SCHEME: &str = "berth";
const MOST_REDIRECTS: usize = 5;
/// libgit2 keeps the list of references in memory.
const MOST_REFERENCE_BYTES: u64 = 16 << 20;
/// What we ask for; libgit2 collects it before it reads.
const MOST_REQUEST_BYTES: usize = 16 << 20;

/// One fetch's way to its host.
pub(super) struct Connection {
    client: SourceClient,
    /// Moves when the host says that the repository was renamed.
    base: Mutex<Url>,
    authorization: Option<HeaderValue>,
    source_bytes: u64,
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
        token: Option<&SecretString>,
        source_bytes: u64,
        cancel: CancellationToken,
    ) -> Result<Self, BuildError> {
        client.check(url)?;
        let authorization = token.map(authorization).transpose()?;
        let mut base = url.url().clone();
        base.set_path(url.url().path().trim_end_matches('/'));
        Ok(Self {
            client,
            base: Mutex::new(base),
            authorization,
            source_bytes,
            bytes_left: AtomicU64::new(source_bytes),
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
    fn fail(&self, problem: BuildError) -> io::Error {
        let text = problem.to_string();
        locked(&self.problem).get_or_insert(problem);
        io::Error::other(text)
    }

    /// Runs on libgit2's thread; ends early when the build is canceled.
    fn wait<T>(&self, work: impl Future<Output = Result<T, BuildError>>) -> Result<T, io::Error> {
        let outcome = self.runtime.block_on(async {
            tokio::select! {
                () = self.cancel.cancelled() => Err(BuildError::Canceled),
                outcome = work => outcome,
            }
        });
        outcome.map_err(|problem| self.fail(problem))
    }

    /// `GET info/refs`, following the host to a repository's new name.
    async fn references(&self) -> Result<Response, BuildError> {
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
            return self.expect(answer, "application/x-git-upload-pack-advertisement");
        }
        Err(failures::too_many_redirects(&self.host()))
    }

    async fn upload_pack(&self, request: Vec<u8>) -> Result<Response, BuildError> {
        let mut url = locked(&self.base).clone();
        url.set_path(&format!("{}/git-upload-pack", url.path()));
        let answer = self.send(Method::POST, &url, Some(request)).await?;
        if answer.status().is_redirection() {
            return Err(failures::redirect(&self.host(), location(&url, &answer).as_ref().map(Url::as_str)));
        }
        self.expect(answer, "application/x-git-upload-pack-result")
    }

    async fn send(&self, method: Method, url: &Url, body: Option<Vec<u8>>) -> Result<Response, BuildError> {
        let mut request = self.client.request(method, url)?;
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        request = match body {
            Some(body) => request
                .header(CONTENT_TYPE, "application/x-git-upload-pack-request")
                .header(ACCEPT, "application/x-git-upload-pack-result")
                .body(body),
            None => request.header(ACCEPT, "*/*"),
        };
        request.send().await.map_err(|error| self.http_failure(&error))
    }

    fn expect(&self, answer: Response, content_type: &str) -> Result<Response, BuildError> {
        if !answer.status().is_success() {
            let path = locked(&self.base).path().to_owned();
            let with_token = self.authorization.is_some();
            return Err(failures::status(&self.host(), &path, answer.status().as_u16(), with_token));
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
    async fn piece(&self, answer: &mut Response) -> Result<Option<Bytes>, BuildError> {
        let Some(piece) = answer.chunk().await.map_err(|error| self.http_failure(&error))? else { return Ok(None) };
        let length = piece.len() as u64;
        let spend = |left: u64| left.checked_sub(length);
        if self.bytes_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend).is_err() {
            return Err(failures::too_large(self.source_bytes));
        }
        Ok(Some(piece))
    }

    fn http_failure(&self, error: &reqwest::Error) -> BuildError {
        failures::http(&self.host(), error, self.client.timeouts.silence)
    }
}

fn authorization(token: &SecretString) -> Result<HeaderValue, BuildError> {
    let credentials = SecretString::from(format!("x-access-token:{}", token.expose()));
    let header = SecretString::from(format!("Basic {}", STANDARD.encode(credentials.expose())));
    let mut header = HeaderValue::from_str(header.expose()).map_err(BuildError::ours_for_good)?;
    header.set_sensitive(true);
    Ok(header)
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
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// --- the registry -----------------------------------------------------------------------------------------------

static CONNECTIONS: LazyLock<Mutex<HashMap<u64, Arc<Connection>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A connection that libgit2 finds at [`Address::url`] until this is dropped.
pub(super) struct Address(u64);

impl Address {
    /// Makes `connection` known to libgit2.
    pub(super) fn of(connection: Arc<Connection>) -> Result<Self, BuildError> {
        register_scheme()?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        locked(&CONNECTIONS).insert(number, connection);
        Ok(Self(number))
    }

    pub(super) fn url(&self) -> String {
        format!("{SCHEME}://{}", self.0)
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        locked(&CONNECTIONS).remove(&self.0);
    }
}

fn register_scheme() -> Result<(), BuildError> {
    static REGISTERED: LazyLock<Result<(), String>> = LazyLock::new(|| {
        #[allow(
            unsafe_code,
            reason = "both change libgit2's global state; the LazyLock makes them happen once, before its first use here"
        )]
        // SAFETY: nothing else in this process uses libgit2, and every use of it starts behind this LazyLock.
        let registered = unsafe {
            // The machine's own git configuration (rewritten addresses, proxies, filters) is none of a build's business.
            [
                git2::ConfigLevel::System,
                git2::ConfigLevel::Global,
                git2::ConfigLevel::XDG,
                git2::ConfigLevel::ProgramData,
            ]
            .into_iter()
            .try_for_each(|level| git2::opts::set_search_path(level, ""))
            .and_then(|()| {
                git2::transport::register(SCHEME, |remote| {
                    let number = remote.url()?.rsplit('/').next().and_then(|number| number.parse().ok());
                    let connection = number.and_then(|number: u64| locked(&CONNECTIONS).get(&number).cloned());
                    let connection = connection.ok_or_else(|| git2::Error::from_str("no such connection"))?;
                    Transport::smart(remote, true, Subtransport(connection))
                })
            })
        };
        registered.map_err(|error| error.to_string())
    });
    REGISTERED.clone().map_err(BuildError::ours_for_good)
}

// --- what libgit2 calls ------------------------------------------------------------------------------------------

struct Subtransport(Arc<Connection>);

impl SmartSubtransport for Subtransport {
    fn action(&self, _url: &str, action: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let state = match action {
            Service::UploadPackLs => Exchange::References,
            Service::UploadPack => Exchange::Asking(Vec::new()),
            Service::ReceivePackLs | Service::ReceivePack => {
                return Err(git2::Error::from_str("sources are only read"));
            }
        };
        Ok(Box::new(Stream { connection: self.0.clone(), exchange: state }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer.
struct Stream {
    connection: Arc<Connection>,
    exchange: Exchange,
}

enum Exchange {
    /// The list of references is asked for at the first read.
    References,
    /// libgit2 writes what it wants, then reads.
    Asking(Vec<u8>),
    /// The answer arrives; `left` is what this answer may still have.
    Answering { answer: Response, piece: Bytes, left: u64 },
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let connection = self.connection.clone();
        if !matches!(self.exchange, Exchange::Answering { .. }) {
            let (answer, left) = match &mut self.exchange {
                Exchange::Asking(request) => {
                    let request = std::mem::take(request);
                    (connection.wait(connection.upload_pack(request))?, u64::MAX)
                }
                _ => (connection.wait(connection.references())?, MOST_REFERENCE_BYTES),
            };
            self.exchange = Exchange::Answering { answer, piece: Bytes::new(), left };
        }
        let Exchange::Answering { answer, piece, left } = &mut self.exchange else { return Ok(0) };
        if piece.is_empty() {
            let Some(next) = connection.wait(connection.piece(answer))? else { return Ok(0) };
            *left = left
                .checked_sub(next.len() as u64)
                .ok_or_else(|| connection.fail(failures::too_many_references(&connection.host())))?;
            *piece = next;
        }
        let length = piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&piece.split_to(length));
        Ok(length)
    }
}

impl Write for Stream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match &mut self.exchange {
            Exchange::Asking(request) if request.len() + data.len() <= MOST_REQUEST_BYTES => {
                request.extend_from_slice(data);
                Ok(data.len())
            }
            _ => Err(io::Error::other("nothing more can be asked on this stream")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
