//! Projects whose host announces nothing: the head of the branch is asked for at the interval that the project is set
//! to. The next question that is due is waited for, and changed settings wake; nobody walks over all projects.
//!
//! After a start the questions are spread over their interval, so that a hundred projects do not ask in one second. A
//! host that does not answer is asked half as often each time, down to hourly.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use berth_model::{PollEvery, ProjectId, Trigger};
use berth_store::Project;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::under_way::UnderWay;
use super::{SOON, Worker, heads};

/// Git hosts that are asked at once.
const AT_ONCE: usize = 4;
/// A host that does not answer is asked this often at least, unless the project wants less.
const AT_LEAST: Duration = Duration::from_secs(3_600);
/// While no project is polled, only a ring tells of one.
const IDLE: Duration = Duration::from_secs(24 * 3_600);

pub(super) async fn run(worker: Arc<Worker>, bell: watch::Receiver<()>, stop: CancellationToken) {
    tokio::select! {
        () = poll(worker, bell) => {}
        () = stop.cancelled() => {}
    }
}

async fn poll(worker: Arc<Worker>, mut bell: watch::Receiver<()>) {
    let mut schedule = Schedule::default();
    // Tasks of their own: one that holds a connection to the database goes on while the next ones are looked for.
    let mut asking = UnderWay::new();
    loop {
        bell.mark_unchanged();
        let projects = match worker.store.polled_projects().await {
            Ok(projects) => projects,
            Err(error) => {
                tracing::warn!("it is not known which branches are polled: {error}");
                tokio::time::sleep(SOON).await;
                continue;
            }
        };
        schedule.follow(projects.iter().filter_map(|project| Some((project.id, project.poll_every?))), Instant::now());
        while let Some(project) = due(&schedule, &projects).filter(|_| asking.len() < AT_ONCE) {
            let worker = Arc::clone(&worker);
            schedule.begin(project.id);
            asking.begin(project.id, async move { heads::compare(&worker, &project, Trigger::Poll).await });
        }
        let next = schedule.next().unwrap_or_else(|| Instant::now() + IDLE);
        tokio::select! {
            _ = bell.changed() => {}
            () = tokio::time::sleep_until(next), if asking.len() < AT_ONCE => {}
            Some((project, answered)) = asking.next() => {
                let answered = answered.inspect_err(|error| tracing::error!(%project, "asking for heads ended: {error}"));
                schedule.end(project, answered.unwrap_or(false), Instant::now());
            }
        }
    }
}

/// The project whose turn has come, as it is set now.
fn due(schedule: &Schedule, projects: &[Project]) -> Option<Project> {
    let id = schedule.due(Instant::now())?;
    projects.iter().find(|project| project.id == id).cloned()
}

/// When each project is asked about next.
#[derive(Default)]
struct Schedule {
    turns: HashMap<ProjectId, Turn>,
    /// Whether what is followed from now on was switched on, rather than found at the start.
    has_begun: bool,
}

struct Turn {
    every: Duration,
    due: Instant,
    /// Answers that did not come, one after the other.
    failures: u32,
    is_asking: bool,
}

impl Schedule {
    /// Takes over which projects are polled, and how often. One that was just switched on is asked about at once.
    fn follow(&mut self, polled: impl Iterator<Item = (ProjectId, PollEvery)>, now: Instant) {
        let polled: HashMap<ProjectId, Duration> = polled.map(|(id, every)| (id, every.duration())).collect();
        self.turns.retain(|id, _| polled.contains_key(id));
        for (id, every) in polled {
            let first = if self.has_begun { now } else { now + part_of(every, id) };
            let turn = self.turns.entry(id).or_insert(Turn { every, due: first, failures: 0, is_asking: false });
            if turn.every != every {
                (turn.every, turn.failures) = (every, 0);
                turn.due = turn.due.min(now + every);
            }
        }
        self.has_begun = true;
    }

    /// A project whose turn has come, the one that waits longest.
    fn due(&self, now: Instant) -> Option<ProjectId> {
        let waiting = self.turns.iter().filter(|(_, turn)| !turn.is_asking && turn.due <= now);
        waiting.min_by_key(|(_, turn)| turn.due).map(|(id, _)| *id)
    }

    /// When the next turn comes.
    fn next(&self) -> Option<Instant> {
        self.turns.values().filter(|turn| !turn.is_asking).map(|turn| turn.due).min()
    }

    fn begin(&mut self, id: ProjectId) {
        if let Some(turn) = self.turns.get_mut(&id) {
            turn.is_asking = true;
        }
    }

    fn end(&mut self, id: ProjectId, answered: bool, now: Instant) {
        let Some(turn) = self.turns.get_mut(&id) else { return };
        turn.is_asking = false;
        turn.failures = if answered { 0 } else { turn.failures + 1 };
        let longer = turn.every.saturating_mul(2_u32.saturating_pow(turn.failures));
        turn.due = now + longer.min(AT_LEAST.max(turn.every));
    }
}

/// A part of an interval that differs from project to project: their numbers follow each other, these do not (the
/// golden ratio's multiples are spread evenly).
fn part_of(every: Duration, id: ProjectId) -> Duration {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let part = id.0.unsigned_abs().wrapping_mul(GOLDEN) >> 54;
    every * u32::try_from(part).unwrap_or(0) / 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn project(id: i64, seconds: i64) -> (ProjectId, PollEvery) {
        (ProjectId(id), PollEvery::seconds(seconds).unwrap())
    }

    #[test]
    fn what_is_found_at_the_start_is_spread_over_its_interval() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.follow((1..=100).map(|id| project(id, 60)), now);
        let mut dues: Vec<_> = schedule.turns.values().map(|turn| turn.due - now).collect();
        dues.sort();
        assert!(dues.iter().all(|due| *due < MINUTE));
        for (quarter, part) in dues.chunks(25).enumerate() {
            let from = MINUTE / 4 * u32::try_from(quarter).unwrap();
            let near = Duration::from_secs(3);
            assert!(part[0] + near >= from && part[24] <= from + MINUTE / 4 + near, "{dues:?}");
        }
    }

    #[test]
    fn what_is_switched_on_is_asked_about_at_once_and_then_at_its_interval() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.follow([].into_iter(), now);
        assert_eq!(schedule.next(), None);
        schedule.follow([project(1, 300)].into_iter(), now);
        assert_eq!(schedule.due(now), Some(ProjectId(1)));
        schedule.begin(ProjectId(1));
        assert_eq!((schedule.due(now), schedule.next()), (None, None), "nobody is asked twice at a time");
        schedule.end(ProjectId(1), true, now);
        assert_eq!(schedule.next(), Some(now + 5 * MINUTE));
        // More often: sooner than was planned. Off: never.
        schedule.follow([project(1, 60)].into_iter(), now);
        assert_eq!(schedule.next(), Some(now + MINUTE));
        schedule.follow([].into_iter(), now);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn a_host_that_is_away_is_asked_ever_more_rarely_and_as_before_once_it_is_back() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.follow([project(1, 60), project(2, 86_400)].into_iter(), now);
        let mut ask = |id: i64, answered| {
            schedule.begin(ProjectId(id));
            schedule.end(ProjectId(id), answered, now);
            (schedule.turns[&ProjectId(id)].due - now).as_secs()
        };
        let pauses: Vec<_> = (0..8).map(|_| ask(1, false)).collect();
        assert_eq!(pauses, [120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]);
        assert_eq!(ask(1, true), 60);
        assert_eq!(ask(2, false), 86_400, "who is asked once a day is asked once a day");
    }
}
