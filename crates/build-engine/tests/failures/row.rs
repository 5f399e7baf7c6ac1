//! One failure: how to cause it, and whether it is told as it should be.

use std::path::{Path, PathBuf};

use berth_model::{BuildLimits, Failure, OutputDir};
use berth_store::{Project, ProjectChange};

use crate::support::world::{Ended, World};

/// How to cause a failure, and what is said of it.
#[derive(Default)]
pub(crate) struct Row {
    /// The name of its log in `docs/failures/`.
    pub(crate) name: &'static str,
    pub(crate) files: Vec<(&'static str, String)>,
    pub(crate) install: Option<&'static str>,
    pub(crate) build: Option<&'static str>,
    pub(crate) output: Option<&'static str>,
    pub(crate) node: Option<&'static str>,
    pub(crate) code: &'static str,
    pub(crate) exit_code: Option<i64>,
    /// `*` stands for anything.
    pub(crate) title: &'static str,
    /// What the line that is pointed at begins with.
    pub(crate) line: &'static str,
    /// What to do, or a part of it.
    pub(crate) detail: &'static str,
    pub(crate) setting: Option<&'static str>,
}

impl Row {
    /// A project whose build command is this script.
    pub(crate) fn script(name: &'static str, script: &str) -> Self {
        let package = serde_json::json!({ "name": "site", "scripts": { "build": script } });
        Self { name, files: vec![("package.json", package.to_string())], ..Self::default() }
    }

    /// A project that runs `build.mjs`.
    pub(crate) fn program(name: &'static str, program: &str) -> Self {
        let mut row = Self::script(name, "node build.mjs");
        row.files.push(("build.mjs", program.to_owned()));
        row
    }

    pub(crate) fn with(mut self, path: &'static str, text: &str) -> Self {
        self.files.retain(|(other, _)| *other != path);
        self.files.push((path, text.to_owned()));
        self
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut ends = first.len() == pattern.len() && rest.is_empty();
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        ends = part.is_empty() || rest.is_empty();
    }
    ends
}

async fn project(world: &World, row: &Row) -> Project {
    let files: Vec<(&str, &str)> = row.files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let project = world.project(row.name, &files).await;
    let change = ProjectChange {
        install_command: row.install.map(|command| Some(command.to_owned())),
        build_command: row.build.map(|command| Some(command.to_owned())),
        output_directory: row.output.map(|directory| Some(OutputDir::parse(directory).unwrap())),
        node_version: row.node.map(|version| Some(version.to_owned())),
        ..ProjectChange::default()
    };
    let host = format!("{}.localhost", row.name);
    world.store.update_project(world.access, project.id, change, &host, Vec::new()).await.unwrap()
}

/// What is not as the row says; nothing if all is.
pub(crate) async fn check(world: &World, row: &Row) -> Vec<String> {
    let project = project(world, row).await;
    let ended = world.build(&project).await;
    let (failure, exit_code) = ended.failure();
    write_log(row, failure, &ended);
    let line = failure.line.and_then(|line| ended.log.lines().nth(usize::try_from(line).unwrap() - 1));
    let ends_with = format!("failed: {}\n{}\n", failure.title, failure.detail);
    let expected = [
        ("code", failure.code.as_str() == row.code),
        ("title", matches(row.title, &failure.title)),
        ("exit code", exit_code == row.exit_code),
        ("exit code first", exit_code.is_none_or(|code| failure.title.starts_with(&format!("exit code {code}: ")))),
        ("detail", failure.detail.contains(row.detail)),
        ("setting", failure.setting.as_deref() == row.setting),
        ("line", line.unwrap_or_default().contains(row.line) && line.is_none() == row.line.is_empty()),
        ("end of the log", ended.log.ends_with(&ends_with)),
    ];
    let wrong: Vec<&str> = expected.iter().filter(|(_, holds)| !holds).map(|(what, _)| *what).collect();
    if wrong.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "{}: {} at {line:?}, exit code {exit_code:?}: {failure:#?}\n{}",
        row.name,
        wrong.join(", "),
        ended.log
    )]
}

pub(crate) async fn check_all(limits: BuildLimits, rows: Vec<Row>) {
    let world = World::new(limits).await;
    let mut wrong = Vec::new();
    for row in &rows {
        wrong.extend(check(&world, row).await);
    }
    world.end().await;
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

pub(crate) fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// Keeps the log as a document, without what differs from run to run.
fn write_log(row: &Row, failure: &Failure, ended: &Ended) {
    if std::env::var_os("BERTH_WRITE_FAILURE_LOGS").is_none() {
        return;
    }
    let lines: Vec<&str> = ended.log.lines().collect();
    let shown = if lines.len() <= 60 {
        lines.join("\n")
    } else {
        let left_out = lines.len() - 55;
        format!(
            "{}\n… ({left_out} lines are left out here)\n{}",
            lines[..30].join("\n"),
            lines[lines.len() - 25..].join("\n")
        )
    };
    let log = of_any_run(&shown);
    let line = failure.line.map_or_else(|| "none".to_owned(), |line| line.to_string());
    let setting = failure.setting.as_deref().unwrap_or("none");
    let text = format!(
        "code: {}\ntitle: {}\ndetail: {}\nline: {line}\nsetting: {setting}\n\n{log}\n",
        failure.code.as_str(),
        failure.title,
        failure.detail,
    );
    std::fs::create_dir_all(docs().join("failures")).unwrap();
    std::fs::write(docs().join(format!("failures/{}.txt", row.name)), text).unwrap();
}

/// The git host's port and the hash of the commit are of this run only.
fn of_any_run(log: &str) -> String {
    let mut text = String::new();
    for line in log.lines() {
        let line = match (line.strip_prefix("Fetching "), line.strip_prefix("Commit ")) {
            (Some(_), _) => "Fetching the head of main from https://git.example.org/ada/site".to_owned(),
            (_, Some(rest)) => format!("Commit 1a2b3c4{}", &rest[rest.find(' ').unwrap_or(0)..]),
            _ => line.trim_end().to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text.trim_end().to_owned()
}

#[test]
fn a_star_stands_for_anything() {
    for (pattern, text) in [("a", "a"), ("a*", "a"), ("a*c", "abc"), ("*b*", "abc"), ("a * c", "a b c")] {
        assert!(matches(pattern, text), "{pattern} is {text}");
    }
    for (pattern, text) in [("a", "ab"), ("a*d", "abc"), ("b*", "abc"), ("", "a")] {
        assert!(!matches(pattern, text), "{pattern} is not {text}");
    }
}
