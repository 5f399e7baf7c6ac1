//! The failures that are known by a line, by where they come from.
//!
//! A pattern is as narrow as the tool that prints the line is strict: it names the tool's own prefix or code, so that
//! the same words in other output do not match.

mod compile;
mod machine;
mod modules;
mod network;
mod packages;
mod programs;
mod registry;
mod versions;

use std::sync::LazyLock;

use berth_model::FailureCode;
use regex::{Captures, Regex};

use super::Scene;
use super::output::Line;

/// A failure that is known by a line.
pub(super) struct Known {
    pub(super) pattern: Regex,
    pub(super) kind: Kind,
    pub(super) explain: Explain,
}

/// What the line is to the failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It says why.
    Reason,
    /// It is one of several that say why; the first says most.
    Entry,
    /// It says that something else failed.
    PassesOn,
}

/// `None`: the line does not mean this after all.
type Explain = fn(&Seen<'_>) -> Option<Words>;

/// A row of a table.
type Row = (&'static str, Kind, Explain);

/// A line that matched, with the lines around it.
pub(super) struct Seen<'a> {
    pub(super) groups: Captures<'a>,
    pub(super) lines: &'a [Line],
    pub(super) at: usize,
    pub(super) exit_code: i64,
    pub(super) scene: &'a Scene<'a>,
}

/// A failure before it has its exit code and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) code: FailureCode,
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) setting: Option<&'static str>,
    /// A line that shows it better than the one that matched.
    pub(super) at: Option<i64>,
}

impl Words {
    fn new(code: FailureCode, title: impl Into<String>, detail: impl Into<String>) -> Option<Self> {
        Some(Self { code, title: title.into(), detail: detail.into(), setting: None, at: None })
    }

    fn of_command(title: impl Into<String>, detail: impl Into<String>) -> Option<Self> {
        Self::new(FailureCode::CommandFailed, title, detail)
    }

    fn of_install(title: impl Into<String>, detail: impl Into<String>) -> Option<Self> {
        Self::new(FailureCode::InstallFailed, title, detail)
    }
}

/// For the end of a chain.
trait Set: Sized {
    fn set(self, setting: &'static str) -> Self;
}

impl Set for Option<Words> {
    fn set(self, setting: &'static str) -> Self {
        self.map(|words| Words { setting: Some(setting), ..words })
    }
}

impl Seen<'_> {
    /// A group of the pattern; `""` if it took no part.
    fn group(&self, number: usize) -> &str {
        self.groups.get(number).map_or("", |group| group.as_str())
    }

    /// The first group that took part.
    fn value(&self) -> &str {
        self.groups.iter().skip(1).flatten().next().map_or("", |group| group.as_str())
    }

    /// The first group of `pattern` in a line after this one.
    fn below(&self, pattern: &str) -> Option<String> {
        let pattern = Regex::new(pattern).ok()?;
        self.lines[self.at + 1..].iter().find_map(|line| first_group(&pattern, &line.text))
    }

    /// The same in a line before this one, the nearest first.
    fn above(&self, pattern: &str) -> Option<String> {
        let pattern = Regex::new(pattern).ok()?;
        self.lines[..self.at].iter().rev().find_map(|line| first_group(&pattern, &line.text))
    }

    /// The text of the next line that says something.
    fn next_line(&self) -> Option<&Line> {
        self.lines[self.at + 1..].iter().find(|line| !line.text.trim().is_empty())
    }

    /// The scripts of the project's `package.json`.
    fn scripts(&self) -> Vec<String> {
        let path = self.in_project("package.json");
        let package = self.scene.checkout.text(&path);
        let package = package.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
        let scripts = package.as_ref().and_then(|package| package["scripts"].as_object());
        scripts.map(|scripts| scripts.keys().cloned().collect()).unwrap_or_default()
    }

    /// A path in the project's directory as one in the commit.
    fn in_project(&self, path: &str) -> String {
        if self.scene.root.is_empty() { path.to_owned() } else { format!("{}/{path}", self.scene.root) }
    }
}

fn first_group(pattern: &Regex, text: &str) -> Option<String> {
    Some(pattern.captures(text)?.get(1)?.as_str().trim().to_owned())
}

/// All of them. Where a line fits two, the one that comes first counts.
pub(super) fn all() -> &'static [Known] {
    static ALL: LazyLock<Vec<Known>> = LazyLock::new(|| {
        let tables = [
            machine::ROWS,
            packages::ROWS,
            registry::ROWS,
            versions::ROWS,
            network::ROWS,
            modules::ROWS,
            compile::ROWS,
            programs::ROWS,
        ];
        compiled(&tables.concat())
    });
    &ALL
}

/// Those that the machine's limits cause, whatever the command was doing.
pub(super) fn machine() -> &'static [Known] {
    static MACHINE: LazyLock<Vec<Known>> = LazyLock::new(|| compiled(machine::ROWS));
    &MACHINE
}

/// What stands before a line that a runner of scripts passes on: `npm error `, `packages/app build: `, `web:build: `.
const PASSED_ON: &str = r"^(?:npm (?:error|ERR!) |[\w@./-]+ (?:(?:pre|post)?install|build)\$?: |[\w@./-]+:build: )?";

fn compiled(rows: &[Row]) -> Vec<Known> {
    let compile = |&(pattern, kind, explain): &Row| {
        let pattern = format!("|{pattern}").replace("|^", &format!("|{PASSED_ON}"));
        let pattern = pattern.trim_start_matches('|');
        Known { pattern: Regex::new(pattern).expect("the patterns of the tables are well formed"), kind, explain }
    };
    rows.iter().map(compile).collect()
}
