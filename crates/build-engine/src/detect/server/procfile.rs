//! A `Procfile`: the processes of an application, one a line (`web: gunicorn app:app`).

use berth_model::{Decision, Names, Reason};

use crate::detect::folder::Folder;

/// What it is called.
pub(super) const FILE: &str = "Procfile";
/// Programs that show files and nothing else.
const FILE_SERVERS: &[&str] = &["serve", "http-server", "live-server", "vite", "sirv"];

/// The command of a process.
pub(super) fn command(folder: &Folder<'_>, process: &str) -> Option<Decision<String>> {
    let text = folder.text(FILE)?;
    let (_, command) = processes(&text).find(|(name, _)| *name == process)?;
    let names = Reason::TheFileNamesIt { file: FILE.into() };
    Some(Decision::new(command.to_owned(), FILE, names))
}

/// The command of `web`, where that is more than showing files.
pub(super) fn server(folder: &Folder<'_>) -> Option<Decision<String>> {
    let shows_files = |line: &str| line.split_whitespace().any(|word| FILE_SERVERS.contains(&word));
    command(folder, "web").filter(|web| !shows_files(&web.value))
}

/// What is said of processes that nothing is done with.
pub(super) fn unused(folder: &Folder<'_>) -> Option<Reason> {
    let text = folder.text(FILE)?;
    let others: Vec<String> =
        processes(&text).map(|(name, _)| name.to_owned()).filter(|name| name != "web" && name != "release").collect();
    (!others.is_empty()).then_some(Reason::ProcessesUnused { names: Names(others) })
}

fn processes(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let processes = lines.filter_map(|line| line.split_once(':'));
    processes.map(|(name, command)| (name.trim(), command.trim())).filter(|(_, command)| !command.is_empty())
}
