//! `berth deploy DIR`: sends a folder, or each of many, to a Berth that runs somewhere. Needs its address and an API
//! token, and nothing of a server: no configuration, no data directory.
//!
//! - [`folder`]: what of a directory is sent, and how it becomes an archive while it is read.
//! - [`client`]: one folder there, one answer back.
//! - [`each`]: the sub-directories of one, several at once.

mod client;
mod each;
mod folder;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use berth_model::words::Bytes;
use clap::Args;

use crate::cli::{fail, tell};
use crate::remote::Remote;
use client::Client;
use folder::Folder;

/// Between two states of a progress line.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What the command is told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder with the files of the site
    directory: PathBuf,
    /// The project to deploy to; it is made if there is none of this name
    #[arg(long, value_name = "NAME", required_unless_present = "each")]
    project: Option<String>,
    /// Deploy each sub-directory to the project of its name
    #[arg(long, conflicts_with = "project")]
    each: bool,
    /// Where Berth is, instead of BERTH_URL
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Whether unknown paths answer with the start page; without it the project's setting or the files decide
    #[arg(long, value_name = "true|false")]
    spa_fallback: Option<bool>,
    /// With --each: how many folders go at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=16))]
    at_once: u8,
    /// Print what Berth answers as JSON, with --each a line for each folder
    #[arg(long)]
    json: bool,
    /// Print no progress
    #[arg(long)]
    quiet: bool,
}

/// Deploys. 0: it is live; 1: it is not, and why was said; 2: nothing was sent, because the command or the folder is not
/// what it should be.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let client = match Remote::of_environment(arguments.url.as_deref()) {
        Ok(remote) => Client::new(remote, arguments.spa_fallback),
        Err(problem) => return fail(2, &problem),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("the threads could not be started: {error}")),
    };
    let code = runtime.block_on(async {
        match &arguments.project {
            Some(project) if !arguments.each => one(arguments, &client, project).await,
            _ => each::deploy(arguments, &client).await,
        }
    });
    runtime.shutdown_background();
    code
}

async fn one(arguments: &Arguments, client: &Client, project: &str) -> ExitCode {
    let folder = match Folder::read(&arguments.directory) {
        Ok(folder) => folder,
        Err(problem) => return fail(2, &problem),
    };
    let is_told = !arguments.quiet;
    if is_told {
        tell(&format!("Sending {folder} to {project} at {}", client.server()));
        folder.left_out().iter().for_each(|note| tell(note));
    }
    let (sent, all) = (Arc::new(AtomicU64::new(0)), folder.bytes());
    let showing = (is_told && io::stderr().is_terminal()).then(|| {
        let sent = Arc::clone(&sent);
        tokio::spawn(async move {
            loop {
                show(&bar(sent.load(Ordering::Relaxed), all));
                tokio::time::sleep(PROGRESS_EVERY).await;
            }
        })
    });
    let deployed = client.deploy(project, folder, &sent).await;
    if let Some(showing) = showing {
        showing.abort();
        show("");
    }
    match deployed {
        Ok(deployed) => {
            if is_told && !arguments.json {
                deployed.log().for_each(tell);
                if deployed.is_new() {
                    tell(&format!("The project {project} was made"));
                }
            }
            print(&if arguments.json { deployed.json() } else { deployed.address().to_owned() });
            ExitCode::SUCCESS
        }
        Err(problem) => fail(1, &problem),
    }
}

/// How far it is. What is sent has headers, too, so that it may be a little more than what there is.
fn bar(sent: u64, all: u64) -> String {
    const WIDTH: u64 = 30;
    let sent = sent.min(all);
    if sent == all {
        return "Sent; waiting until visitors get it".to_owned();
    }
    let full = sent.saturating_mul(WIDTH).checked_div(all).unwrap_or(WIDTH);
    let cells: String = (0..WIDTH).map(|cell| if cell < full { '█' } else { '░' }).collect();
    format!("{cells} {} of {}", Bytes(sent), Bytes(all))
}

/// Replaces the line that a terminal shows.
fn show(line: &str) {
    let _ = write!(io::stderr(), "\r\x1b[2K{line}");
    let _ = io::stderr().flush();
}

/// A line of the result. A reader that went away (`| head`) is no failure.
fn print(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_with_what_was_sent() {
        let filled = |sent, all| bar(sent, all).chars().filter(|cell| *cell == '█').count();
        assert_eq!((filled(0, 3_000), filled(1_500, 3_000), filled(2_999, 3_000)), (0, 15, 29));
        assert!(bar(1_500, 3_000).starts_with(&"█".repeat(15)) && bar(1_500, 3_000).contains(" of "));
        assert_eq!(bar(0, 3_000).chars().filter(|cell| *cell == '░').count(), 30);
        // Heads of files make it more than there is; there may be nothing at all; and more than can be multiplied.
        for (sent, all) in [(3_000, 3_000), (3_512, 3_000), (0, 0), (1, 0), (u64::MAX, u64::MAX)] {
            assert!(bar(sent, all).starts_with("Sent"), "{sent} of {all}");
        }
        assert!(filled(u64::MAX - 1, u64::MAX) <= 30);
    }
}
