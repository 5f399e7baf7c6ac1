//! One folder there, one answer back.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Body, Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::folder::Folder;
use crate::remote::{Remote, said};

/// Times that a folder is sent before it is given up, when Berth has no time for it or cannot be reached. Being told to
/// come later, because there were too many requests, is none.
const ATTEMPTS: u32 = 4;
/// How long one folder is told to come later, all times together, before it is given up.
const PATIENCE: Duration = Duration::from_secs(600);
/// The least pause before a folder is sent again: "later" is never at once.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// A Berth, and what lets us in.
#[derive(Clone, Debug)]
pub(super) struct Client {
    remote: Remote,
    spa_fallback: Option<bool>,
}

/// What Berth said of a folder that is live.
#[derive(Debug)]
pub(super) struct Deployed(Value);

/// Why an attempt led to nothing.
enum Failed {
    /// There were too many requests; another may come after this pause.
    TooSoon(String, Duration),
    /// Another attempt may lead to something, after a pause that Berth may have named.
    ForNow(String, Option<Duration>),
    ForGood(String),
}

/// What was tried for a folder so far.
#[derive(Default)]
struct Tried {
    attempts: u32,
    waited: Duration,
}

impl Tried {
    /// How long to wait before the next attempt. A pause that Berth named is kept to in full, and patience has an end
    /// however short each is.
    ///
    /// # Errors
    /// Why there is none.
    fn pause_after(&mut self, failed: Failed) -> Result<Duration, String> {
        match failed {
            Failed::ForGood(why) => Err(why),
            Failed::TooSoon(why, pause) => {
                let pause = pause.max(LEAST_PAUSE);
                self.waited = self.waited.saturating_add(pause);
                if self.waited > PATIENCE { Err(why) } else { Ok(pause) }
            }
            Failed::ForNow(why, pause) => {
                self.attempts += 1;
                if self.attempts >= ATTEMPTS || pause.is_some_and(|pause| pause > PATIENCE) {
                    return Err(why);
                }
                Ok(pause.unwrap_or(Duration::from_millis(500) * 2_u32.pow(self.attempts)))
            }
        }
    }
}

impl Client {
    /// A client that sends folders there.
    pub(super) fn new(remote: Remote, spa_fallback: Option<bool>) -> Self {
        Self { remote, spa_fallback }
    }

    /// Where it is, for people.
    pub(super) fn server(&self) -> &str {
        self.remote.server()
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
        let mut tried = Tried::default();
        loop {
            match self.attempt(project, &folder, sent).await {
                Ok(deployed) => return Ok(deployed),
                Err(failed) => tokio::time::sleep(tried.pause_after(failed)?).await,
            }
        }
    }

    async fn attempt(&self, project: &str, folder: &Arc<Folder>, sent: &Arc<AtomicU64>) -> Result<Deployed, Failed> {
        let (archive, broken) = folder.archive(Arc::clone(sent));
        let request = self.remote.http().post(self.address(project)).header(CONTENT_TYPE, "application/x-tar");
        let answer = request.body(Body::wrap_stream(archive)).send().await;
        // What this machine could not read explains whatever Berth thought of it.
        if let Some(problem) = broken.get() {
            return Err(Failed::ForGood(problem.clone()));
        }
        match answer {
            Ok(answer) => self.judge(answer).await,
            Err(error) => Err(Failed::ForNow(self.remote.unreached(&error), None)),
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
        let pause = text(RETRY_AFTER).and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        match (status, pause) {
            (StatusCode::TOO_MANY_REQUESTS, Some(pause)) => Err(Failed::TooSoon(said, pause)),
            (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, pause) => {
                Err(Failed::ForNow(said, pause))
            }
            (StatusCode::UNAUTHORIZED, _) => Err(Failed::ForGood(format!("{said} (BERTH_TOKEN)"))),
            _ => Err(Failed::ForGood(said)),
        }
    }

    fn address(&self, project: &str) -> Url {
        let mut address = self.remote.address(&["projects", project, "deployments"]);
        if let Some(spa_fallback) = self.spa_fallback {
            address.query_pairs_mut().append_pair("spaFallback", if spa_fallback { "true" } else { "false" });
        }
        address
    }
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

#[cfg(test)]
mod tests {
    use std::fs;

    use berth_secrets::SecretString;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_pause_that_berth_names_is_kept_to_in_full() {
        let (soon, busy) =
            (|pause| Failed::TooSoon("soon".into(), pause), |pause| Failed::ForNow("busy".into(), pause));
        let mut tried = Tried::default();
        for _ in 0..10 {
            assert_eq!(tried.pause_after(soon(59 * SECOND)), Ok(59 * SECOND));
        }
        assert_eq!(tried.pause_after(busy(Some(30 * SECOND))), Ok(30 * SECOND), "that was no attempt");
        assert_eq!(tried.pause_after(soon(59 * SECOND)), Err("soon".into()), "there is an end");
        let mut tried = Tried::default();
        let pauses: Vec<_> = (0..4).map(|_| tried.pause_after(busy(None))).collect();
        assert_eq!(pauses, [Ok(SECOND), Ok(2 * SECOND), Ok(4 * SECOND), Err("busy".into())]);
        assert!(Tried::default().pause_after(busy(Some(24 * 3_600 * SECOND))).is_err(), "nobody waits a day");
        let mut tried = Tried::default();
        for _ in 0..PATIENCE.as_secs() {
            assert_eq!(tried.pause_after(soon(Duration::ZERO)), Ok(LEAST_PAUSE), "not at once");
        }
        assert_eq!(tried.pause_after(soon(Duration::ZERO)), Err("soon".into()), "nor for ever");
        assert_eq!(tried.pause_after(soon(Duration::from_secs(u64::MAX))), Err("soon".into()));
        assert!(Tried::default().pause_after(Failed::ForGood("no".into())).is_err());
    }

    /// Says so often that there are too many requests, then that it is live.
    async fn patient_berth(listener: TcpListener, refusals: usize) {
        for number in 0..=refusals {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            // An archive ends with its last chunk.
            while !asked.ends_with(b"\r\n0\r\n\r\n") {
                assert!(stream.read_buf(&mut asked).await.unwrap() > 0, "it broke off");
            }
            let (head, body) = if number < refusals {
                ("429 Too Many Requests\r\nRetry-After: 0", r#"{"error":{"message":"wait"}}"#)
            } else {
                ("201 Created", r#"{"siteUrl":"http://shop.example.org"}"#)
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn being_told_to_come_later_is_no_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let berth = tokio::spawn(patient_berth(listener, ATTEMPTS as usize));
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("index.html"), "hello").unwrap();
        let remote = Remote::new(&server, &SecretString::from("berth_x".to_owned())).unwrap();
        let client = Client::new(remote, None);
        let sent = Arc::new(AtomicU64::new(0));
        let deployed = client.deploy("shop", Folder::read(directory.path()).unwrap(), &sent).await;
        assert_eq!(deployed.unwrap().address(), "http://shop.example.org");
        berth.await.unwrap();
    }
}
