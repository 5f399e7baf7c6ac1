//! Lines of services and commands on their way to sockets: gathered for each log, and sent as few events of many lines.

use std::collections::{HashMap, VecDeque};

use berth_model::{Environment, ProjectId, RunId, ServiceName};
use berth_store::{LogOf, ServiceLine, ServiceLogBatch};
use serde::Serialize;
use utoipa::ToSchema;

use crate::v1::ServiceLineBody;

/// Lines in one event.
const LINES: usize = 100;
/// Bytes of text in one event.
const BYTES: usize = 64 << 10;
/// Events of one log in one turn; the rest waits for the next, so that a flood leaves room for others.
const EVENTS: usize = 4;
/// Lines of one log that wait. Beyond it the oldest are not shown live; they can be fetched by number.
const WAITING: usize = 2_000;

/// Lines as the socket event `service_logs` carries them. A gap in their numbers is closed by asking for them.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceLinesBody {
    project_id: ProjectId,
    environment: Environment,
    service: ServiceName,
    lines: Vec<ServiceLineBody>,
}

/// Lines as the socket event `run_log` carries them.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunLinesBody {
    project_id: ProjectId,
    run_id: RunId,
    lines: Vec<ServiceLineBody>,
}

/// An event ready to be sent to the room of its project's owner.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LinesEvent {
    Service(ServiceLinesBody),
    Run(RunLinesBody),
}

impl LinesEvent {
    pub(super) fn project(&self) -> ProjectId {
        match self {
            Self::Service(body) => body.project_id,
            Self::Run(body) => body.project_id,
        }
    }
}

/// What has not been sent yet.
#[derive(Default)]
pub(super) struct WaitingLines(HashMap<LogOf, VecDeque<ServiceLine>>);

impl WaitingLines {
    /// Whether there is nothing to send.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in lines that were just written.
    pub(super) fn add(&mut self, batch: ServiceLogBatch) {
        let waiting = self.0.entry(batch.of).or_default();
        waiting.extend(batch.lines.iter().cloned());
        let too_many = waiting.len().saturating_sub(WAITING);
        waiting.drain(..too_many);
    }

    /// A fair turn: some events of every log.
    pub(super) fn turn(&mut self) -> Vec<LinesEvent> {
        let mut events = Vec::new();
        self.0.retain(|of, waiting| {
            events.extend((0..EVENTS).filter_map(|_| next(of, waiting)));
            !waiting.is_empty()
        });
        events
    }

    /// Everything of one project, because a change of it is about to be told.
    pub(super) fn all_of(&mut self, project: ProjectId) -> Vec<LinesEvent> {
        let mut events = Vec::new();
        self.0.retain(|of, waiting| {
            if of.project() != project {
                return true;
            }
            events.extend(std::iter::from_fn(|| next(of, waiting)));
            false
        });
        events
    }
}

/// As many lines as fit one event.
fn next(of: &LogOf, waiting: &mut VecDeque<ServiceLine>) -> Option<LinesEvent> {
    let mut bytes = 0;
    let fitting = waiting.iter().take(LINES).take_while(|line| {
        let fits = bytes < BYTES;
        bytes += line.text.len();
        fits
    });
    let count = fitting.count();
    let lines: Vec<ServiceLineBody> = waiting.drain(..count).map(Into::into).collect();
    if lines.is_empty() {
        return None;
    }
    Some(match of {
        LogOf::Service { project, environment, service } => LinesEvent::Service(ServiceLinesBody {
            project_id: *project,
            environment: *environment,
            service: service.clone(),
            lines,
        }),
        LogOf::Run { project, run } => LinesEvent::Run(RunLinesBody { project_id: *project, run_id: *run, lines }),
    })
}

#[cfg(test)]
mod tests {
    use berth_model::{DeploymentId, LogStream, Timestamp};

    use super::*;

    fn batch(of: &LogOf, numbers: std::ops::RangeInclusive<i64>, length: usize) -> ServiceLogBatch {
        let line = |number| ServiceLine {
            number,
            at: Timestamp(number),
            deployment: DeploymentId(1),
            replica: Some(1),
            stream: LogStream::Stdout,
            text: "x".repeat(length),
        };
        ServiceLogBatch { of: of.clone(), lines: numbers.map(line).collect() }
    }

    fn numbers(event: &LinesEvent) -> Vec<i64> {
        let (LinesEvent::Service(ServiceLinesBody { lines, .. }) | LinesEvent::Run(RunLinesBody { lines, .. })) = event;
        lines.iter().map(|line| line.number).collect()
    }

    #[test]
    fn a_flood_leaves_room_for_others_and_keeps_its_newest_lines() {
        let web = LogOf::Service {
            project: ProjectId(1),
            environment: Environment::Production,
            service: ServiceName::only(),
        };
        let run = LogOf::Run { project: ProjectId(2), run: RunId(7) };
        let mut waiting = WaitingLines::default();
        waiting.add(batch(&web, 1..=9_000, 1));
        waiting.add(batch(&run, 1..=3, 40_000));
        let events = waiting.turn();
        let of_web: Vec<_> = events.iter().filter(|event| event.project() == ProjectId(1)).map(numbers).collect();
        assert_eq!((of_web.len(), of_web[0].len(), of_web[0][0]), (EVENTS, LINES, 7_001));
        let of_run: Vec<_> = events.iter().filter(|event| event.project() == ProjectId(2)).map(numbers).collect();
        assert_eq!(of_run, [vec![1, 2], vec![3]], "long lines travel in more events");
        assert_eq!(waiting.all_of(ProjectId(2)), []);
        assert_eq!(waiting.all_of(ProjectId(1)).last().map(numbers).unwrap().last(), Some(&9_000));
        assert!(waiting.is_empty());
    }
}
