//! The command asked for once, and followed until it is over, whatever becomes of the connection.

use std::collections::VecDeque;
use std::time::Duration;

use berth_model::LogStream;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::remote::{Remote, said};

/// Berth says every 20 seconds that it is there.
const SILENCE: Duration = Duration::from_secs(70);
/// Between two attempts to follow on.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// So often following is tried without a word of Berth in between: ten minutes, for an update of it takes a while.
const ATTEMPTS: u32 = 600;
/// The longest line that Berth sends, with room.
const LONGEST_LINE: usize = 1 << 20;

/// A Berth that carries out commands.
#[derive(Clone, Debug)]
pub(super) struct Client {
    remote: Remote,
}

/// What is heard of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It printed a line.
    Line(LogStream, String),
    /// It ended by itself.
    Ended {
        /// Its exit code.
        code: i64,
        /// What Berth says to that.
        problem: Option<String>,
    },
    /// Somebody stopped it; or what did, and why.
    Stopped(Option<String>),
    /// It did not run, or was lost.
    Failed(String),
}

/// A command that was asked for.
pub(super) struct Following {
    remote: Remote,
    id: String,
    /// The last line that was heard.
    after: i64,
    attempts: u32,
    answer: Option<Response>,
    /// What came and is no whole line yet.
    begun: Vec<u8>,
    heard: VecDeque<Heard>,
}

impl Client {
    pub(super) fn new(remote: Remote) -> Self {
        Self { remote }
    }

    /// Asks for a command, once: asked again after a broken connection it might run twice.
    ///
    /// # Errors
    /// Why it does not run, in Berth's words where it has some.
    pub(super) async fn start(
        &self,
        project: &str,
        service: Option<&str>,
        command: &[String],
    ) -> Result<Following, String> {
        let named = self.remote.http().get(self.remote.address(&["projects", "named", project])).send().await;
        let named = self.judge(named, StatusCode::OK).await.map_err(|refused| match refused {
            (Some(StatusCode::NOT_FOUND), _) => format!("there is no project {project} that this token reaches"),
            (_, why) => why,
        })?;
        let project = named["id"].to_string();
        let body = match service {
            Some(service) => json!({"command": command, "service": service}),
            None => json!({"command": command}),
        };
        let address = self.remote.address(&["projects", &project, "runs"]);
        let asked = self.remote.http().post(address).json(&body).send().await;
        let run = self.judge(asked, StatusCode::CREATED).await.map_err(|refused| match refused {
            (Some(StatusCode::NOT_FOUND), _) => {
                format!("it has no service {} that is live", service.unwrap_or_default())
            }
            (_, why) => why,
        })?;
        Ok(Following {
            remote: self.remote.clone(),
            id: run["id"].to_string(),
            after: 0,
            attempts: 0,
            answer: None,
            begun: Vec::new(),
            heard: VecDeque::new(),
        })
    }

    /// The answer's body; or its status, if there was an answer, and why it is not the one that was hoped for.
    async fn judge(
        &self,
        answer: reqwest::Result<Response>,
        expected: StatusCode,
    ) -> Result<Value, (Option<StatusCode>, String)> {
        let answer = answer.map_err(|error| (None, self.remote.unreached(&error)))?;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap_or_default();
        if status == expected && body["id"].is_i64() {
            return Ok(body);
        }
        let why = match (said(&body), status) {
            (Some(said), StatusCode::UNAUTHORIZED) => format!("{said} (BERTH_TOKEN)"),
            (Some(said), _) => said,
            (None, status) => not_a_berth(&self.remote, status),
        };
        Err((Some(status), why))
    }
}

fn not_a_berth(remote: &Remote, status: StatusCode) -> String {
    format!("{} answered {} and not as a Berth does; check BERTH_URL", remote.server(), status.as_u16())
}

impl Following {
    /// Which command it is.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Asks for it to stop. One that is over by now is none to be stopped: its end is heard next.
    ///
    /// # Errors
    /// Why Berth was not told.
    pub(super) async fn stop(&self) -> Result<(), String> {
        let answer = self.remote.http().post(self.remote.address(&["runs", &self.id, "stop"])).send().await;
        let answer = answer.map_err(|error| self.remote.unreached(&error))?;
        let status = answer.status();
        if status.is_success() || status == StatusCode::CONFLICT {
            return Ok(());
        }
        let body: Value = answer.json().await.unwrap_or_default();
        Err(said(&body).unwrap_or_else(|| not_a_berth(&self.remote, status)))
    }

    /// What is heard next. May be dropped and called again: nothing is lost.
    ///
    /// # Errors
    /// Why nothing more is heard; the command may go on.
    pub(super) async fn next(&mut self) -> Result<Heard, String> {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return Ok(heard);
            }
            let broken = match &mut self.answer {
                None => self.follow().await,
                Some(answer) => match timeout(SILENCE, answer.chunk()).await {
                    Ok(Ok(Some(piece))) => {
                        self.take(&piece)?;
                        continue;
                    }
                    Ok(Ok(None)) => Some("the connection ended".to_owned()),
                    Ok(Err(error)) => Some(self.remote.unreached(&error)),
                    Err(_) => Some(format!("{} says nothing any more", self.remote.server())),
                },
            };
            let Some(why) = broken else { continue };
            self.answer = None;
            self.begun.clear();
            self.attempts += 1;
            if self.attempts > ATTEMPTS {
                return Err(format!("{why}; nobody knows what became of command {}", self.id));
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Opens the log behind what was heard; says why it could not.
    async fn follow(&mut self) -> Option<String> {
        let mut address = self.remote.address(&["runs", &self.id, "log"]);
        address.query_pairs_mut().append_pair("follow", "true").append_pair("after", &self.after.to_string());
        match self.remote.http().get(address).send().await {
            Ok(answer) if answer.status() == StatusCode::OK => {
                self.answer = Some(answer);
                None
            }
            Ok(answer) => {
                let status = answer.status();
                let body: Value = answer.json().await.unwrap_or_default();
                let why = said(&body).unwrap_or_else(|| not_a_berth(&self.remote, status));
                if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
                    self.attempts = ATTEMPTS;
                }
                Some(why)
            }
            Err(error) => Some(self.remote.unreached(&error)),
        }
    }

    /// Takes in a piece of the log, cut anywhere.
    fn take(&mut self, piece: &[u8]) -> Result<(), String> {
        self.begun.extend_from_slice(piece);
        while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=end).collect();
            // Berth is there.
            self.attempts = 0;
            if let Ok(said) = serde_json::from_slice::<Value>(&line) {
                self.hear(&said);
            }
        }
        if self.begun.len() > LONGEST_LINE {
            return Err(format!("{} answers with something that is no log; check BERTH_URL", self.remote.server()));
        }
        Ok(())
    }

    fn hear(&mut self, said: &Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if let Some(number) = said["number"].as_i64() {
            let stream = if said["stream"] == "stderr" { LogStream::Stderr } else { LogStream::Stdout };
            self.after = number;
            self.heard.push_back(Heard::Line(stream, text(&said["text"]).unwrap_or_default()));
            return;
        }
        let run = &said["run"];
        let problem = text(&run["problem"]);
        let heard = match run["status"].as_str() {
            Some("ended") => Heard::Ended { code: run["exitCode"].as_i64().unwrap_or(1), problem },
            Some("stopped") => Heard::Stopped(problem),
            Some(_) => Heard::Failed(problem.unwrap_or_else(|| "the command could not be carried out".to_owned())),
            None => return,
        };
        self.heard.push_back(heard);
    }
}

#[cfg(test)]
mod tests {
    use berth_secrets::SecretString;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use url::Url;

    use super::*;

    /// Answers each request with the next of these bodies; returns what was asked.
    async fn berth(listener: TcpListener, answers: Vec<(&'static str, String)>) -> Vec<String> {
        let mut asked = Vec::new();
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0, "it broke off");
            }
            let head = String::from_utf8_lossy(&request).into_owned();
            asked.push(head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned());
            let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
        asked
    }

    async fn client() -> (Client, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let remote = Remote::new(&server, &SecretString::from("berth_x".to_owned())).unwrap();
        (Client::new(remote), listener)
    }

    fn line(number: i64, stream: &str, text: &str) -> String {
        format!("{}\n", json!({"number": number, "stream": stream, "text": text}))
    }

    #[tokio::test]
    async fn a_command_is_followed_over_broken_connections() {
        let (client, listener) = client().await;
        let half = line(3, "stdout", "three");
        let end = json!({"run": {"status": "ended", "exitCode": 7, "problem": null}});
        let answers = vec![
            ("200 OK", json!({"id": 5}).to_string()),
            ("201 Created", json!({"id": 9}).to_string()),
            ("200 OK", line(1, "stdout", "one") + "\n" + &line(2, "stderr", "two ü") + &half[..20]),
            ("503 Service Unavailable", json!({"error": {"message": "later"}}).to_string()),
            ("200 OK", half.clone() + &format!("{end}\n")),
        ];
        let berth = tokio::spawn(berth(listener, answers));
        let mut run = client.start("shop", None, &["true".to_owned()]).await.unwrap();
        let mut heard = Vec::new();
        while !matches!(heard.last(), Some(Heard::Ended { .. })) {
            heard.push(run.next().await.unwrap());
        }
        let printed = |stream, text: &str| Heard::Line(stream, text.to_owned());
        assert_eq!(
            heard,
            [
                printed(LogStream::Stdout, "one"),
                printed(LogStream::Stderr, "two ü"),
                printed(LogStream::Stdout, "three"),
                Heard::Ended { code: 7, problem: None },
            ]
        );
        assert_eq!(
            berth.await.unwrap(),
            [
                "GET /api/v1/projects/named/shop",
                "POST /api/v1/projects/5/runs",
                "GET /api/v1/runs/9/log?follow=true&after=0",
                "GET /api/v1/runs/9/log?follow=true&after=2",
                "GET /api/v1/runs/9/log?follow=true&after=2",
            ]
        );
    }

    #[tokio::test]
    async fn what_does_not_run_is_said_in_berths_words() {
        let (client, listener) = client().await;
        let refused = json!({"error": {"message": "nothing of this project runs"}}).to_string();
        let answers = vec![
            ("404 Not Found", json!({"error": {"message": "there is no such resource"}}).to_string()),
            ("200 OK", json!({"id": 5}).to_string()),
            ("409 Conflict", refused),
            ("200 OK", "<html>".to_owned()),
            ("200 OK", json!({"id": 5}).to_string()),
            ("201 Created", json!({"id": 9}).to_string()),
            ("404 Not Found", json!({"error": {"message": "it is gone"}}).to_string()),
        ];
        let berth = tokio::spawn(berth(listener, answers));
        let start = async || client.start("shop", Some("web"), &["true".to_owned()]).await.map(|run| run.id);
        assert_eq!(start().await, Err("there is no project shop that this token reaches".to_owned()));
        assert_eq!(start().await, Err("nothing of this project runs".to_owned()));
        assert!(start().await.unwrap_err().contains("not as a Berth does"));
        let mut run = client.start("shop", None, &["true".to_owned()]).await.unwrap();
        assert_eq!(run.next().await, Err("it is gone; nobody knows what became of command 9".to_owned()));
        berth.await.unwrap();
    }
}
