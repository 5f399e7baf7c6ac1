//! Log lines on their way to sockets: gathered per build, and sent as few events of many lines.

use std::collections::{HashMap, VecDeque};

use berth_model::{BuildId, LogLine, LogPhase, LogStream, ProjectId, UserId};
use berth_store::LogBatch;
use serde::Serialize;
use utoipa::ToSchema;

/// Lines in one event.
const LINES: usize = 50;
/// Bytes of text in one event, so that a few very long lines do not make a huge one.
const BYTES: usize = 64 << 10;
/// Events of one build in one turn; the rest waits for the next, so that a flood leaves room for others.
const EVENTS: usize = 10;
/// Lines of one build that wait. Beyond it the oldest are not shown live; they can be fetched by number.
const WAITING: usize = 5_000;

/// Lines as the socket events `build_logs`, `build_errors`, `run_logs` and `run_error` carry them.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinesBody {
    pub(super) project_id: ProjectId,
    pub(super) build_id: BuildId,
    /// One or more lines joined by `\n`.
    pub(super) log: String,
    /// The number of the first.
    pub(super) line_number: i64,
    #[serde(rename = "type")]
    pub(super) kind: Look,
}

/// How lines are to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Look {
    /// As output.
    Info,
    /// As trouble: they are from standard error, and their text says so.
    Error,
}

/// An event ready to be sent to a user's room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogEvent {
    pub(super) user: UserId,
    pub(super) name: &'static str,
    pub(super) payload: LinesBody,
}

/// What has not been sent yet.
#[derive(Default)]
pub(super) struct Waiting(HashMap<BuildId, OfBuild>);

struct OfBuild {
    user: UserId,
    project: ProjectId,
    lines: VecDeque<LogLine>,
}

impl Waiting {
    /// Whether there is nothing to send.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in lines that were just written.
    pub(super) fn add(&mut self, batch: LogBatch) {
        let fresh = || OfBuild { user: batch.user, project: batch.project, lines: VecDeque::new() };
        let waiting = self.0.entry(batch.build).or_insert_with(fresh);
        waiting.lines.extend(batch.lines.iter().cloned());
        let too_many = waiting.lines.len().saturating_sub(WAITING);
        waiting.lines.drain(..too_many);
    }

    /// A fair turn: some events of every build.
    pub(super) fn turn(&mut self) -> Vec<LogEvent> {
        let mut events = Vec::new();
        self.0.retain(|build, waiting| {
            for _ in 0..EVENTS {
                events.extend(waiting.next(*build));
            }
            !waiting.lines.is_empty()
        });
        events
    }

    /// Everything of one build, because its end is about to be told.
    pub(super) fn all_of(&mut self, build: BuildId) -> Vec<LogEvent> {
        let Some(mut waiting) = self.0.remove(&build) else { return Vec::new() };
        std::iter::from_fn(|| waiting.next(build)).collect()
    }
}

impl OfBuild {
    /// The longest run of lines that fit one event: same half of the build, same stream, same look.
    fn next(&mut self, build: BuildId) -> Option<LogEvent> {
        let first = self.lines.pop_front()?;
        let (phase, stream, kind) = (first.phase, first.stream, look(&first));
        let (line_number, mut log, mut next, mut count) = (first.number, first.text, first.number + 1, 1);
        while let Some(line) = self.lines.front() {
            let joins = line.phase == phase && line.stream == stream && look(line) == kind && line.number == next;
            if !joins || count == LINES || log.len() + line.text.len() >= BYTES {
                break;
            }
            log.push('\n');
            log.push_str(&line.text);
            (next, count) = (next + 1, count + 1);
            self.lines.pop_front();
        }
        let payload = LinesBody { project_id: self.project, build_id: build, log, line_number, kind };
        Some(LogEvent { user: self.user, name: event_name(phase, stream), payload })
    }
}

fn event_name(phase: LogPhase, stream: LogStream) -> &'static str {
    match (phase, stream) {
        (LogPhase::Build, LogStream::Stdout) => "build_logs",
        (LogPhase::Build, LogStream::Stderr) => "build_errors",
        (LogPhase::Run, LogStream::Stdout) => "run_logs",
        (LogPhase::Run, LogStream::Stderr) => "run_error",
    }
}

/// Tools write progress to standard error too: `error` is said only where the text says it.
fn look(line: &LogLine) -> Look {
    let says_error = || {
        let text = line.text.to_ascii_lowercase();
        ["error", "fatal", "failed", "err!"].iter().any(|word| text.contains(word))
    };
    if line.stream == LogStream::Stderr && says_error() { Look::Error } else { Look::Info }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: i64, stream: LogStream, text: &str) -> LogLine {
        LogLine { number, stream, phase: LogPhase::Run, text: text.to_owned() }
    }

    fn batch(build: i64, lines: Vec<LogLine>) -> LogBatch {
        LogBatch { user: UserId(1), project: ProjectId(2), build: BuildId(build), lines: lines.into() }
    }

    #[test]
    fn lines_of_one_kind_travel_together() {
        let mut waiting = Waiting::default();
        waiting.add(batch(
            3,
            vec![
                line(1, LogStream::Stdout, "one"),
                line(2, LogStream::Stdout, "two"),
                line(3, LogStream::Stderr, "npm notice"),
                line(4, LogStream::Stderr, "npm ERR! no"),
            ],
        ));
        let events: Vec<_> = waiting
            .turn()
            .into_iter()
            .map(|e| (e.name, e.payload.line_number, e.payload.kind, e.payload.log))
            .collect();
        assert_eq!(
            events,
            [
                ("run_logs", 1, Look::Info, "one\ntwo".to_owned()),
                ("run_error", 3, Look::Info, "npm notice".to_owned()),
                ("run_error", 4, Look::Error, "npm ERR! no".to_owned()),
            ]
        );
        assert!(waiting.is_empty());
    }

    #[test]
    fn a_flood_leaves_room_for_others_and_keeps_its_newest_lines() {
        let mut waiting = Waiting::default();
        let flood = (1..=9_000).map(|n| line(n, LogStream::Stdout, "x")).collect();
        waiting.add(batch(3, flood));
        waiting.add(batch(4, vec![line(1, LogStream::Stdout, "mine")]));
        let events = waiting.turn();
        assert_eq!(events.len(), EVENTS + 1);
        let flood: Vec<_> = events.iter().filter(|e| e.payload.build_id == BuildId(3)).collect();
        assert_eq!(flood[0].payload.line_number, 9_001 - WAITING as i64);
        assert_eq!(flood[0].payload.log.lines().count(), LINES);
        assert_eq!(waiting.all_of(BuildId(3)).last().unwrap().payload.line_number, 9_001 - LINES as i64);
        assert!(waiting.is_empty());
    }
}
