//! The real `socket.io-client`, in a Node process of its own (`tests/js/socket.mjs`).

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::{Berth, eventually};

/// A connected dashboard that remembers everything it heard.
pub struct SocketClient {
    heard: Arc<Mutex<Vec<SocketEvent>>>,
    /// Killed when this is dropped.
    _node: Child,
}

/// One thing it heard: an event of Berth's, or `connect`, `connect_error`, `disconnect` of the client itself.
#[derive(Clone, Debug, Deserialize)]
pub struct SocketEvent {
    /// Its name.
    pub event: String,
    /// Its one argument.
    pub payload: Value,
}

impl SocketClient {
    /// Connects with exactly these transports (`polling`, `websocket`) and waits until the server accepts.
    ///
    /// # Errors
    /// When Node or its packages are missing, or the server refuses.
    pub async fn connect(berth: &Berth, token: &str, transports: &[&str]) -> Result<Self> {
        let socket = Self::knock(berth, token, transports)?;
        let answer = socket.wait_for("an answer to the handshake", |event| event.event.starts_with("connect")).await?;
        ensure!(answer.event == "connect", "the socket was refused: {}", answer.payload);
        let transport = answer.payload["transport"].as_str();
        ensure!(transport == transports.first().copied(), "asked for {transports:?}, connected by {transport:?}");
        Ok(socket)
    }

    /// Connects without waiting for, or minding, the answer.
    ///
    /// # Errors
    /// When Node or its packages are missing.
    pub fn knock(berth: &Berth, token: &str, transports: &[&str]) -> Result<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
        ensure!(
            directory.join("node_modules/socket.io-client").is_dir(),
            "socket.io-client is not installed: run `npm ci` in tests/js (`make test` does)"
        );
        let mut node = Command::new("node")
            .arg(directory.join("socket.mjs"))
            .args([berth.origin(), token.to_owned(), transports.join(",")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node is missing: install Node 20.19 or later")?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(node.stdout.take().context("a pipe from node")?).lines();
        let ear = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(event) = serde_json::from_str(&line) {
                    ear.lock().expect("nobody panics while holding this").push(event);
                }
            }
        });
        Ok(Self { heard, _node: node })
    }

    /// Everything heard so far.
    #[must_use]
    pub fn heard(&self) -> Vec<SocketEvent> {
        self.heard.lock().expect("nobody panics while holding this").clone()
    }

    /// The first thing heard (before or after now) that fits.
    ///
    /// # Errors
    /// When nothing fits within two minutes; lists what was heard instead.
    pub async fn wait_for(&self, what: &str, fits: impl Fn(&SocketEvent) -> bool) -> Result<SocketEvent> {
        let found = eventually(what, Duration::from_secs(120), async || Ok(self.heard().into_iter().find(&fits))).await;
        found.map_err(|error| {
            let heard: Vec<_> = self.heard().iter().map(|event| format!("{} {}", event.event, event.payload)).collect();
            anyhow!("{error}; heard:\n  {}", heard.join("\n  "))
        })
    }

    /// The log of a build as the four log events told it: lines by their number.
    #[must_use]
    pub fn log_of(&self, build: i64) -> Vec<(i64, String)> {
        const LOGS: [&str; 4] = ["build_logs", "build_errors", "run_logs", "run_error"];
        let mut lines = Vec::new();
        for event in self.heard() {
            if LOGS.contains(&event.event.as_str()) && event.payload["buildId"] == build {
                let first = event.payload["lineNumber"].as_i64().unwrap_or_default();
                let text = event.payload["log"].as_str().unwrap_or_default();
                lines.extend((first..).zip(text.split('\n').map(str::to_owned)));
            }
        }
        lines.sort();
        lines
    }
}
