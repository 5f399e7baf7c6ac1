//! One folder there, one answer back.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use berth_secrets::SecretString;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Body, Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::folder::Folder;

/// For a connection to stand.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// Without a byte of the answer. Publishing many files takes a while.
const SILENCE: Duration = Duration::from_secs(600);
/// Times that a folder is sent before it is given up, when Berth has no time for it or cannot be reached.
const ATTEMPTS: u32 = 4;
/// The longest pause between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A Berth, and what lets us in.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    server: Url,
    spa_fallback: Option<bool>,
}

/// What Berth said of a folder that is live.
#[derive(Debug)]
pub(super) struct Deployed(Value);

/// Why an attempt led to nothing.
enum Failed {
    /// Another attempt may lead to something, after a pause.
    ForNow(String, Option<Duration>),
    ForGood(String),
}

impl Client {
    /// A client for the Berth at `server`. It follows no redirect: the token is for that host.
    pub(super) fn new(server: &Url, token: &SecretString, spa_fallback: Option<bool>) -> Result<Self, String> {
        // The first provider wins; there is no other in this process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| "BERTH_TOKEN holds characters that no token has; copy it anew")?;
        bearer.set_sensitive(true);
        let http = reqwest::Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(SILENCE)
            .user_agent(concat!("berth/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("connections cannot be made on this machine: {error}"))?;
        let mut server = server.clone();
        server.set_query(None);
        server.set_fragment(None);
        Ok(Self { http, server, spa_fallback })
    }

    /// Where it is, for people.
    pub(super) fn server(&self) -> &str {
        self.server.as_str().trim_end_matches('/')
    }

    /// Sends a folder and waits until visitors get it; `sent` counts the bytes that have left.
    ///
    /// # Errors
    /// Why it is not live, in Berth's words where it has some.
    pub(super) async fn deploy(
        &self,
        project: &str,
        folder: Folder,
        sent: &Arc<AtomicU64>,
    ) -> Result<Deployed, String> {
        let folder = Arc::new(folder);
        let mut attempt = 1;
        loop {
            match self.attempt(project, &folder, sent).await {
                Ok(deployed) => return Ok(deployed),
                Err(Failed::ForNow(_, pause)) if attempt < ATTEMPTS => {
                    let pause = pause.unwrap_or(Duration::from_millis(500) * 2_u32.pow(attempt)).min(LONGEST_PAUSE);
                    tokio::time::sleep(pause).await;
                    attempt += 1;
                }
                Err(Failed::ForNow(why, _) | Failed::ForGood(why)) => return Err(why),
            }
        }
    }

    async fn attempt(&self, project: &str, folder: &Arc<Folder>, sent: &Arc<AtomicU64>) -> Result<Deployed, Failed> {
        let (archive, broken) = folder.archive(Arc::clone(sent));
        let request = self.http.post(self.address(project)).header(CONTENT_TYPE, "application/x-tar");
        let answer = request.body(Body::wrap_stream(archive)).send().await;
        // What this machine could not read explains whatever Berth thought of it.
        if let Some(problem) = broken.get() {
            return Err(Failed::ForGood(problem.clone()));
        }
        match answer {
            Ok(answer) => self.judge(answer).await,
            Err(error) => Err(Failed::ForNow(self.unreached(&error), None)),
        }
    }

    async fn judge(&self, answer: Response) -> Result<Deployed, Failed> {
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let body: Value = answer.json().await.unwrap_or_default();
        if status == StatusCode::CREATED && body["siteUrl"].is_string() {
            return Ok(Deployed(body));
        }
        if status.is_redirection() {
            let target = text(reqwest::header::LOCATION).unwrap_or("elsewhere");
            return Err(Failed::ForGood(format!(
                "{} redirects to {target}; set BERTH_URL to where Berth itself answers",
                self.server()
            )));
        }
        let Some(said) = said(&body) else {
            return Err(Failed::ForGood(format!(
                "{} answered {} and not as a Berth does; check BERTH_URL",
                self.server(),
                status.as_u16()
            )));
        };
        match status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                let pause = text(RETRY_AFTER).and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
                Err(Failed::ForNow(said, pause))
            }
            StatusCode::UNAUTHORIZED => Err(Failed::ForGood(format!("{said} (BERTH_TOKEN)"))),
            _ => Err(Failed::ForGood(said)),
        }
    }

    fn address(&self, project: &str) -> Url {
        let mut address = self.server.clone();
        if let Ok(mut path) = address.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1", "projects", project, "deployments"]);
        }
        if let Some(spa_fallback) = self.spa_fallback {
            address.query_pairs_mut().append_pair("spaFallback", if spa_fallback { "true" } else { "false" });
        }
        address
    }

    fn unreached(&self, error: &reqwest::Error) -> String {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let server = self.server();
        match (error.is_connect(), error.is_timeout()) {
            (true, _) => format!("{server} cannot be reached: {cause}; check BERTH_URL"),
            (_, true) => format!("{server} did not answer in time"),
            _ => format!("the connection to {server} broke off: {cause}"),
        }
    }
}

/// What went wrong, in Berth's words.
fn said(body: &Value) -> Option<String> {
    let error = &body["error"];
    let fields = error["fields"].as_array().into_iter().flatten().filter_map(|field| field["message"].as_str());
    let fields: Vec<&str> = fields.collect();
    if !fields.is_empty() {
        return Some(fields.join("; "));
    }
    error["message"].as_str().or(body["message"].as_str()).map(str::to_owned)
}

impl Deployed {
    /// Where visitors get it.
    pub(super) fn address(&self) -> &str {
        self.0["siteUrl"].as_str().unwrap_or_default()
    }

    pub(super) fn is_new(&self) -> bool {
        self.0["newProject"] == true
    }

    pub(super) fn log(&self) -> impl Iterator<Item = &str> {
        self.0["log"].as_array().into_iter().flatten().filter_map(Value::as_str)
    }

    /// Lines that a person should see even when nothing else is told.
    pub(super) fn warnings(&self) -> impl Iterator<Item = &str> {
        self.log().filter(|line| line.starts_with("warning:"))
    }

    pub(super) fn json(&self) -> String {
        self.0.to_string()
    }
}
