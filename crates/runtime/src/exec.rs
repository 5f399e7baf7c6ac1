//! Running one command in a container: its output as it comes, its exit code, and whether it ran out of memory.
//!
//! Commands get their environment here, never when the container is made: a committed image keeps what its container
//! was made with, and forgets what was executed in it.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use berth_model::{Clock, LogStream, Timestamp};
use bollard::container::LogOutput;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::EventsOptions;
use bytes::Bytes;
use futures_util::StreamExt;

use crate::error::{in_container, is_status};
use crate::{Container, Engine, RuntimeError};

/// The exit code of a process that was killed: 128 and SIGKILL.
pub(crate) const KILLED: i64 = 137;

/// A command to run. Its output is not a terminal's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exec {
    /// Program and arguments; no shell unless it says so.
    pub command: Vec<String>,
    /// The directory to start in; the container's own if `None`.
    pub workdir: Option<String>,
    /// Set on top of the image's environment.
    pub env: Vec<EnvVar>,
    /// `user` or `uid:gid`; root if `None`.
    pub user: Option<String>,
}

impl Exec {
    /// A command without an environment of its own.
    pub fn new(command: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { command: command.into_iter().map(Into::into).collect(), ..Self::default() }
    }
}

/// One variable of a command. Its value is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvVar {
    /// Its name.
    pub key: String,
    /// Its value, any bytes that are UTF-8 without NUL.
    pub value: String,
}

impl EnvVar {
    /// A variable.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

impl fmt::Debug for EnvVar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=***", self.key)
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecEnd {
    /// As the shell counts: 0 is success, 126 and 127 a program that cannot be run, 128 and more a signal.
    pub exit_code: i64,
    /// Whether a process of the container was killed at the memory limit while a command that failed was running.
    pub oom_killed: bool,
}

impl Container {
    /// Runs a command to its end. `sink` gets the output in pieces as the daemon sends them (up to 32 KiB, cut anywhere).
    /// Dropping the future does not stop the command; [`Container::stop_and_remove`] does.
    ///
    /// # Errors
    /// [`RuntimeError::Gone`] if the container ended first (whatever exit code the command got from that is worthless),
    /// or what Docker said. A command that fails is not an error.
    pub async fn exec(
        &self,
        exec: &Exec,
        mut sink: impl FnMut(LogStream, Bytes) + Send,
    ) -> Result<ExecEnd, RuntimeError> {
        let engine = &self.engine;
        let docker = engine.docker().await?;
        let started_at = Clock::System.now();
        let config = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(exec.command.clone()),
            env: Some(exec.env.iter().map(|variable| format!("{}={}", variable.key, variable.value)).collect()),
            working_dir: exec.workdir.clone(),
            user: exec.user.clone(),
            ..ExecConfig::default()
        };
        let running = |error| match error {
            // 409: it is there, but it does not run
            error if is_status(&error, 409) => RuntimeError::Gone,
            error => in_container("run a command")(error),
        };
        let id = docker.create_exec(self.id(), config).await.map_err(running)?.id;
        let options = StartExecOptions { output_capacity: Some(64 << 10), ..StartExecOptions::default() };
        let StartExecResults::Attached { mut output, .. } =
            docker.start_exec(&id, Some(options)).await.map_err(running)?
        else {
            return Err(RuntimeError::Refused { doing: "run a command", reason: "it was detached".to_owned() });
        };
        while let Some(piece) = output.next().await {
            match piece.map_err(running)? {
                LogOutput::StdErr { message } => sink(LogStream::Stderr, message),
                LogOutput::StdOut { message } | LogOutput::Console { message } => sink(LogStream::Stdout, message),
                LogOutput::StdIn { .. } => {}
            }
        }
        let exit_code = exit_code(engine, &id).await?;
        if exit_code == 0 {
            return Ok(ExecEnd { exit_code, oom_killed: false });
        }
        let oom_killed = ran_out_of_memory(engine, self.id(), exit_code, started_at).await?;
        // Our first process never ends by itself. If it is gone, the container was stopped, and the command with it.
        // (The daemon learns of the two ends in either order; a command that was killed has been waited for above.)
        if !engine.is_running(self.id()).await? {
            return Err(RuntimeError::Gone);
        }
        Ok(ExecEnd { exit_code, oom_killed })
    }
}

/// The daemon closes the output a moment before it knows the exit code.
async fn exit_code(engine: &Engine, exec: &str) -> Result<i64, RuntimeError> {
    let docker = engine.docker().await?;
    for wait in [1, 2, 5, 10, 20, 50, 100, 200, 400, 800, 1_600, 3_200] {
        let state = docker.inspect_exec(exec).await.map_err(in_container("ask how a command ended"))?;
        if let (Some(false), Some(code)) = (state.running, state.exit_code) {
            return Ok(code);
        }
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    let reason = "its output ended, but the command is still running".to_owned();
    Err(RuntimeError::Refused { doing: "say how a command ended", reason })
}

/// The kernel tells the daemon when it kills a process of a container, and the daemon remembers it as an event. The
/// container's own state knows only of its first process, which is not the one that grows.
async fn ran_out_of_memory(
    engine: &Engine,
    container: &str,
    exit_code: i64,
    since: Timestamp,
) -> Result<bool, RuntimeError> {
    // The event may come a moment after the exit code, whichever that is: where a child was killed, its parent ends
    // with a code of its own. A busy daemon is later.
    let patience = Duration::from_millis(if exit_code == KILLED { 2_000 } else { 500 });
    let filter = |key: &str, value: &str| (key.to_owned(), vec![value.to_owned()]);
    let options = EventsOptions {
        since: Some(fraction(since)),
        until: Some(fraction(Clock::System.now().after(patience))),
        filters: Some(HashMap::from([filter("container", container), filter("event", "oom")])),
    };
    let mut events = engine.docker().await?.events(Some(options));
    // The daemon ends the stream at `until`; the timeout is for a daemon that does not.
    match tokio::time::timeout(patience + Duration::from_secs(5), events.next()).await {
        Ok(Some(event)) => event.map(|_| true).map_err(in_container("list a container's events")),
        Ok(None) | Err(_) => Ok(false),
    }
}

/// Seconds with their fraction, as the daemon's event filter takes them.
pub(crate) fn fraction(time: Timestamp) -> String {
    format!("{}.{:06}", time.0.div_euclid(1_000_000), time.0.rem_euclid(1_000_000))
}
