//! `berth run PROJECT -- COMMAND`: a command, once, in the image of a service that is live, at a Berth that runs somewhere.
//! What it prints is shown as it comes, and its exit code is ours.
//!
//! - [`client`]: the command asked for, followed over broken connections, and stopped.

mod client;

use std::io;
use std::process::ExitCode;

use berth_model::LogStream;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::{fail, tell};
use crate::remote::Remote;
use client::{Client, Heard};

/// Of who was interrupted, as shells count.
const INTERRUPTED: u8 = 130;

/// What the command is told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The project in whose image and with whose variables and volumes the command runs
    project: String,
    /// The service, where several run; otherwise the one that answers / , or the first
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Where Berth is, instead of BERTH_URL
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The program and its arguments, after --; no shell reads them
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs the command. Its exit code, if it ended by itself; 130 if it was stopped; 1: it did not run, or nobody knows, and
/// why was said; 2: nothing was asked for, because something is not what it should be.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let client = match Remote::of_environment(arguments.url.as_deref()) {
        Ok(remote) => Client::new(remote),
        Err(problem) => return fail(2, &problem),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("the threads could not be started: {error}")),
    };
    let code = runtime.block_on(carry_out(arguments, client));
    runtime.shutdown_background();
    code.unwrap_or_else(|problem| fail(1, &problem))
}

async fn carry_out(arguments: &Arguments, client: Client) -> Result<ExitCode, String> {
    // Listened for from the start: who is interrupted while the command is asked for leaves none behind.
    let mut interruptions = Interruptions::listen()?;
    let mut run = client.start(&arguments.project, arguments.service.as_deref(), &arguments.command).await?;
    let mut is_stopping = false;
    loop {
        let heard = tokio::select! {
            heard = run.next() => heard?,
            () = interruptions.next() => {
                if is_stopping {
                    tell(&format!("not waited for any longer; it is command {}", run.id()));
                    return Ok(ExitCode::from(INTERRUPTED));
                }
                is_stopping = true;
                tell("stopping the command; once more does not wait for it");
                run.stop().await?;
                continue;
            }
        };
        match heard {
            Heard::Line(LogStream::Stdout, line) => print(io::stdout(), &line),
            Heard::Line(LogStream::Stderr, line) => print(io::stderr(), &line),
            Heard::Ended { code, problem } => {
                problem.iter().for_each(|problem| tell(problem));
                return Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)));
            }
            Heard::Stopped(why) => {
                tell(&why.map_or_else(|| "the command was stopped".to_owned(), |why| format!("stopped: {why}")));
                return Ok(ExitCode::from(INTERRUPTED));
            }
            Heard::Failed(problem) => return Err(problem),
        }
    }
}

/// What asks us to end.
struct Interruptions(Signal, Signal);

impl Interruptions {
    fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("signals cannot be received: {error}"));
        Ok(Self(listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?))
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

/// A line of the command's. A reader that went away (`| head`) is no failure.
fn print(mut to: impl io::Write, line: &str) {
    let _ = writeln!(to, "{line}");
    let _ = to.flush();
}
