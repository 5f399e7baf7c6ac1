//! Finding the line of an output that says why it ended.
//!
//! A program may print the words of any failure and go on: a test of error messages, a warning, an attempt that was
//! repeated. So only the end of the output is searched, and from its end: the last line that shows a known failure counts,
//! unless an error that is not known comes after it. Lists (a compiler's errors) are pointed at by their first
//! entry, and what only passes another's failure on ("command failed with exit code 2") counts if there is nothing else.

use std::sync::LazyLock;

use berth_model::Failure;
use regex::Regex;

use super::known::{Kind, Known, Words};
use super::{Scene, Seen};
use crate::log::Excerpt;

/// So many lines may follow the reason, not counting stack traces and what else belongs to the line before it.
const LINES_AFTER: usize = 40;
/// What is quoted of a line.
const MOST_QUOTED: usize = 300;

/// A line of the output without colours, with its number in the log if it has one yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: Option<i64>,
    pub(super) text: String,
}

/// The known failure that the end of the output shows.
pub(super) fn explain(known: &[Known], exit_code: i64, scene: &Scene<'_>) -> Option<Failure> {
    let lines = end_of(scene.excerpt);
    let mut passed_on = None;
    for at in (0..lines.len()).rev() {
        let shown = known.iter().find_map(|known| Some((known, words(known, &lines, at, exit_code, scene)?)));
        let Some((known, found)) = shown else {
            if claims_another_reason(&lines[at].text) {
                break;
            }
            continue;
        };
        match known.kind {
            Kind::Reason => return Some(failure(found, exit_code, &lines[at])),
            Kind::Entry => {
                let first = first_entry(&known.pattern, &lines, at);
                let found = words(known, &lines, first, exit_code, scene).unwrap_or(found);
                return Some(failure(found, exit_code, &lines[first]));
            }
            Kind::PassesOn => {
                passed_on.get_or_insert((found, at));
            }
        }
    }
    passed_on.map(|(found, at)| failure(found, exit_code, &lines[at]))
}

/// What one line means, if it shows this failure.
fn words(known: &Known, lines: &[Line], at: usize, exit_code: i64, scene: &Scene<'_>) -> Option<Words> {
    let groups = known.pattern.captures(&lines[at].text)?;
    (known.explain)(&Seen { groups, lines, at, exit_code, scene })
}

fn failure(words: Words, exit_code: i64, line: &Line) -> Failure {
    let Words { code, title, detail, setting, at } = words;
    let title = if exit_code == 0 { title } else { format!("exit code {exit_code}: {title}") };
    let mut failure = Failure::new(code, title, detail);
    failure.line = at.or(line.number);
    if let Some(setting) = setting {
        failure = failure.with_setting(setting);
    }
    failure
}

/// The last lines that matter.
fn end_of(excerpt: &Excerpt) -> Vec<Line> {
    let lines: Vec<Line> = excerpt.lines().map(|(number, text)| Line { number, text }).collect();
    let mut counted = 0;
    let from = lines.iter().rposition(|line| {
        counted += usize::from(!belongs_to_the_line_before(&line.text));
        counted > LINES_AFTER
    });
    lines[from.map_or(0, |at| at + 1)..].to_vec()
}

/// Details of a reason: indented, or one of a package manager's many.
fn belongs_to_the_line_before(text: &str) -> bool {
    text.trim().is_empty()
        || text.starts_with([' ', '\t', '|', '│'])
        || ["npm error", "npm ERR!", "➤ YN", "gyp "].iter().any(|prefix| text.starts_with(prefix))
}

/// Going up from an entry of a list, its first one.
fn first_entry(pattern: &Regex, lines: &[Line], mut at: usize) -> usize {
    let mut between = 0;
    for above in (0..at).rev() {
        if pattern.is_match(&lines[above].text) {
            (at, between) = (above, 0);
        } else if !belongs_to_the_line_before(&lines[above].text) {
            between += 1;
            if between > LINES_AFTER / 4 {
                break;
            }
        }
    }
    at
}

/// `SomeError: …` as runtimes print what nobody caught; not what passes on how a child ended.
fn claims_another_reason(text: &str) -> bool {
    static CLAIM: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?:Uncaught )?(?:[A-Za-z_.]*(?:Error|Exception))(?: \[\w+\])?: \S")
            .expect("the pattern is well formed")
    });
    CLAIM.is_match(text) && !["Command failed", "exited with", "exit code"].iter().any(|words| text.contains(words))
}

/// The line that most likely says why: the first at the end that begins like an error, else the last one.
pub(super) fn telling_line(excerpt: &Excerpt) -> Option<(Option<i64>, String)> {
    static ERROR: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r"(?i)^\W*(?:\S*error\b|\S*exception\b|failed\b|fatal\b)|: error |^[\w .:/-]{1,40}\berror: ";
        Regex::new(pattern).expect("the pattern above is well formed")
    });
    let lines = end_of(excerpt);
    let mut says = lines.iter().filter(|line| says_something(&line.text));
    let found = says.clone().find(|line| ERROR.is_match(&line.text)).or_else(|| says.next_back())?;
    Some((found.number, quoted(&found.text)))
}

/// The step of a Dockerfile that ran last.
pub(super) fn last_step(excerpt: &Excerpt) -> Option<(Option<i64>, String)> {
    static STEP: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^Step \d+/\d+ : (.+)$").expect("the pattern above is well formed"));
    excerpt.lines().rev().find_map(|(number, text)| {
        let step = STEP.captures(&text)?.get(1)?.as_str().to_owned();
        Some((number, quoted(&step)))
    })
}

/// What was printed last.
pub(super) fn last_line(excerpt: &Excerpt) -> Option<(Option<i64>, String)> {
    let (number, text) = excerpt.lines().rev().find(|(_, text)| says_something(text))?;
    Some((number, quoted(&text)))
}

/// Docker's builder tells of its containers; package managers begin with the script that they start and end with where their own log is, how long it took, or
/// the bare word that something failed.
fn says_something(text: &str) -> bool {
    static EMPTY: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r"^(?:Step \d+/\d+ : .*| ---> .*|Removing intermediate container .*|[>$] .*|npm (?:error|ERR!) (?:code|path|errno|command|workspace|location|A complete log|.*/_logs/).*|npm (?:error|ERR!) Lifecycle script.*|error Command failed with .*|.*ELIFECYCLE.*|info Visit .*|Node\.js v[\d.]+|Killed|Terminated|Aborted|Segmentation fault|node:\S+:\d+|[\W_]*)$";
        Regex::new(pattern).expect("the pattern above is well formed")
    });
    !EMPTY.is_match(text.trim_end())
}

fn quoted(text: &str) -> String {
    let mut text = text.trim().to_owned();
    text.truncate(text.floor_char_boundary(MOST_QUOTED));
    text
}
