//! The sub-directories of a folder, each to the project of its name, several at once over as many connections. One that
//! fails is told and leaves the others alone.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use berth_model::words::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::json;

use super::{Arguments, PROGRESS_EVERY, print, show};
use crate::cli::{fail, tell};
use crate::deploy::client::{Client, Deployed};
use crate::deploy::folder::Folder;

/// Between two lines of progress where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How far it is.
struct Progress {
    all: usize,
    done: usize,
    failed: usize,
    bytes: u64,
    began: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
}

/// Deploys them all; fails at the end if one did.
pub(super) async fn deploy(arguments: &Arguments, client: &Client) -> ExitCode {
    let (folders, links) = match sub_directories(&arguments.directory) {
        Ok(found) => found,
        Err(problem) => return fail(2, &problem),
    };
    if !arguments.quiet {
        tell(&format!("Deploying {} folders to {}", folders.len(), client.server()));
    }
    match &links[..] {
        [] => {}
        [only] => tell(&format!("note: {only} is a link to a folder, and is passed over")),
        [first, ..] => tell(&format!("note: {} links to folders are passed over: {first}, …", links.len())),
    }
    let mut progress = Progress {
        all: folders.len(),
        done: 0,
        failed: 0,
        bytes: 0,
        began: Instant::now(),
        shown: None,
        is_terminal: io::stderr().is_terminal(),
    };
    let deploying = stream::iter(folders).map(|(name, directory)| {
        let client = client.clone();
        async move {
            let deployed = one(&client, &name, directory).await;
            (name, deployed)
        }
    });
    let mut deploying = deploying.buffer_unordered(usize::from(arguments.at_once));
    while let Some((name, deployed)) = deploying.next().await {
        progress.done += 1;
        match &deployed {
            Ok((_, bytes)) => progress.bytes += bytes,
            Err(_) => progress.failed += 1,
        }
        if progress.is_terminal && !arguments.quiet && deployed.is_err() {
            show("");
        }
        tell_of(arguments, &name, deployed);
        if !arguments.quiet {
            progress.show();
        }
    }
    if progress.is_terminal && !arguments.quiet {
        show("");
    }
    let (live, took) = (progress.done - progress.failed, progress.began.elapsed().as_secs_f64());
    let summary = format!("{live} of {} are live, {} in {took:.1} s", progress.all, Bytes(progress.bytes));
    if progress.failed > 0 {
        return fail(1, &format!("{summary}; {} are not", progress.failed));
    }
    if !arguments.quiet {
        tell(&summary);
    }
    ExitCode::SUCCESS
}

async fn one(client: &Client, name: &str, directory: PathBuf) -> Result<(Deployed, u64), String> {
    let folder =
        tokio::task::spawn_blocking(move || Folder::read(&directory)).await.map_err(|died| died.to_string())??;
    if let Some(note) = folder.special() {
        tell(&format!("{name}: {note}"));
    }
    let bytes = folder.bytes();
    let deployed = client.deploy(name, folder, &Arc::new(AtomicU64::new(0))).await?;
    Ok((deployed, bytes))
}

fn tell_of(arguments: &Arguments, name: &str, deployed: Result<(Deployed, u64), String>) {
    match deployed {
        Ok((deployed, _)) if arguments.json => print(&deployed.json()),
        Ok((deployed, _)) => deployed.warnings().for_each(|warning| tell(&format!("{name}: {warning}"))),
        Err(problem) if arguments.json => print(&json!({"project": name, "error": problem}).to_string()),
        Err(problem) => tell(&format!("{name}: {problem}")),
    }
}

/// A folder's name, which its project gets, and its place.
type Named = (String, PathBuf);

/// Names and places, in order, and the names of links to folders, which are passed over as links within a folder are.
/// Hidden ones are nobody's site, and files lie beside.
fn sub_directories(top: &Path) -> Result<(Vec<Named>, Vec<String>), String> {
    let shown = top.display();
    let unreadable = |error: io::Error| format!("{shown} cannot be read as a folder: {error}");
    let (mut folders, mut links) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(top).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().map_err(unreadable)?;
        if name.starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            folders.push((name, entry.path()));
        } else if kind.is_symlink() && fs::metadata(entry.path()).is_ok_and(|target| target.is_dir()) {
            links.push(name);
        }
    }
    if folders.is_empty() {
        let kind = if links.is_empty() { "" } else { " but links to some" };
        return Err(format!("{shown} holds no folders{kind}; without --each it is deployed itself"));
    }
    folders.sort();
    links.sort();
    Ok((folders, links))
}

impl Progress {
    /// At most a few times a second, and always at the end.
    fn show(&mut self) {
        let every = if self.is_terminal { PROGRESS_EVERY } else { LINE_EVERY };
        let since = self.shown.unwrap_or(self.began);
        if since.elapsed() < every {
            return;
        }
        self.shown = Some(Instant::now());
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        let rate = self.done as f64 / self.began.elapsed().as_secs_f64();
        let line = format!("{} of {}{failed}, {}, {rate:.0} a second", self.done, self.all, Bytes(self.bytes));
        if self.is_terminal { show(&line) } else { tell(&line) }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_to_folders_are_passed_over_and_named() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        fs::create_dir(place("target")).unwrap();
        symlink(place("target"), place("linked")).unwrap();
        fs::write(place("file"), "").unwrap();
        symlink(place("file"), place("link-to-a-file")).unwrap();
        symlink(place("nowhere"), place("broken")).unwrap();
        fs::create_dir(place(".hidden")).unwrap();
        let found = sub_directories(directory.path()).unwrap();
        assert_eq!(found, (vec![("target".to_owned(), place("target"))], vec!["linked".to_owned()]));
        fs::remove_dir(place("target")).unwrap();
        fs::create_dir(place(".target")).unwrap();
        fs::remove_file(place("linked")).unwrap();
        symlink(place(".target"), place("linked")).unwrap();
        assert!(sub_directories(directory.path()).unwrap_err().contains("no folders but links to some"));
    }
}
