//! What visitors asked for: counters by project, and lines for whoever watches.
//!
//! - [`tally`]: the counters of one project, bumped once an answer; a [`Meter`] rides on its body.
//! - [`latency`]: how long answers took. [`minutes`]: the last hour.
//! - [`watch`]: the access log as it happens. [`kept`]: its last lines.
//!
//! Everything lives in memory and begins at zero with Berth. A project's counters are made at its first request and stay
//! through switches: they belong to the project, not to a host or a release. Who reads them, and in which form they are
//! told, is the server's and the API's.

mod kept;
mod latency;
mod minutes;
mod tally;
mod watch;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use berth_model::{AccessLine, Clock, Latency, ProjectId, Timestamp, Traffic, TrafficMinute};
use http::{HeaderMap, Request, Version, header};

use kept::Room;
pub use latency::Durations;
pub use tally::{Counts, Meter, Tally};
pub use watch::Watching;

/// Longest text of a request that stands in a line, in bytes.
const LONGEST_TEXT: usize = 2_048;

/// The counters of everything that one edge answers.
#[derive(Debug)]
pub struct Tallies {
    since: Timestamp,
    began: Instant,
    projects: Mutex<HashMap<ProjectId, Arc<Tally>>>,
    /// How long the answers of forgotten projects took: a total never shrinks.
    forgotten: Mutex<Durations>,
    unknown_hosts: Arc<Tally>,
    /// For the last lines of all projects.
    room: Arc<Room>,
}

impl Tallies {
    /// Counters at zero.
    pub(crate) fn new(clock: &Clock) -> Self {
        let began = Instant::now();
        let (projects, forgotten, room) = (Mutex::default(), Mutex::default(), Arc::default());
        Self { since: clock.now(), began, projects, forgotten, unknown_hosts: Arc::new(Tally::new(began)), room }
    }

    /// When counting began.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// The counters of a project, made now if it had none.
    pub(crate) fn of(&self, project: ProjectId) -> Arc<Tally> {
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(Tally::sharing(self.began, Arc::clone(&self.room)));
        Arc::clone(projects.entry(project).or_insert_with(made))
    }

    /// Requests for hosts that are nobody's, and for none.
    #[must_use]
    pub fn unknown_hosts(&self) -> &Arc<Tally> {
        &self.unknown_hosts
    }

    /// Every project that was asked for, in the order of the ids.
    #[must_use]
    pub fn projects(&self) -> Vec<(ProjectId, Arc<Tally>)> {
        let projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = projects.iter().map(|(project, tally)| (*project, Arc::clone(tally))).collect();
        drop(projects);
        all.sort_unstable_by_key(|(project, _)| project.0);
        all
    }

    /// Forgets a project that is gone.
    pub fn forget(&self, project: ProjectId) {
        let gone = self.projects.lock().unwrap_or_else(PoisonError::into_inner).remove(&project);
        if let Some(tally) = gone {
            self.forgotten.lock().unwrap_or_else(PoisonError::into_inner).add(&tally.read().latency);
        }
    }

    /// How many answers there were, of projects that are there.
    #[must_use]
    pub fn answers(&self) -> u64 {
        let projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        projects.values().map(|tally| tally.answers()).sum()
    }

    /// How long the answers of all projects took, also of those that are gone.
    #[must_use]
    pub fn latency(&self) -> Durations {
        let projects = self.projects();
        let mut all = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner).clone();
        projects.iter().for_each(|(_, tally)| all.add(&tally.read().latency));
        all
    }

    /// What a project's hosts answered.
    #[must_use]
    pub fn traffic(&self, project: ProjectId) -> Traffic {
        let found = self.projects.lock().unwrap_or_else(PoisonError::into_inner).get(&project).cloned();
        let Some(tally) = found else { return Traffic::default() };
        let Counts { statuses, bytes, cache_hits, latency } = tally.read();
        let percentile = |share| latency.percentile(share);
        let percentiles = percentile(0.5).zip(percentile(0.9)).zip(percentile(0.99));
        let minutes = tally.minutes(Instant::now()).into_iter().map(|counted| TrafficMinute {
            from: self.since.after(Duration::from_secs(u64::from(counted.minute) * 60)),
            requests: counted.requests,
            bytes: counted.bytes,
        });
        Traffic {
            statuses,
            bytes,
            cache_hits,
            latency: percentiles.map(|((p50, p90), p99)| Latency { p50, p90, p99, sum: latency.sum() }),
            minutes: minutes.collect(),
        }
    }

    /// At most so many of a project's last requests, oldest first; under load a sample of them.
    #[must_use]
    pub fn last(&self, project: ProjectId, most: usize) -> Vec<Arc<AccessLine>> {
        let found = self.projects.lock().unwrap_or_else(PoisonError::into_inner).get(&project).cloned();
        found.map(|tally| tally.last(most)).unwrap_or_default()
    }

    /// The requests of a project from now on, as they are answered.
    #[must_use]
    pub fn watch(&self, project: ProjectId) -> Watching {
        self.of(project).watch()
    }
}

/// A request as a line, before its answer. Cookies and credentials are not in it; a query is.
pub(crate) fn line_of<B>(request: &Request<B>, host: &str, client: IpAddr, time: Timestamp) -> AccessLine {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    AccessLine {
        time,
        client,
        host: host.to_owned(),
        method: bounded(request.method().as_str()),
        target: bounded(target),
        version: match request.version() {
            Version::HTTP_2 => "HTTP/2.0",
            Version::HTTP_10 => "HTTP/1.0",
            _ => "HTTP/1.1",
        },
        status: 0,
        bytes: 0,
        took: Duration::ZERO,
        cache_hit: false,
        referer: text(request.headers(), header::REFERER),
        user_agent: text(request.headers(), header::USER_AGENT),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).map(|value| bounded(&String::from_utf8_lossy(value.as_bytes())))
}

/// A ring of lines is bounded by their number, so a line is by its length.
fn bounded(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::StatusCode;

    use super::*;

    fn tallies() -> Tallies {
        Tallies::new(&Clock::manual(Timestamp(1_000_000)))
    }

    #[test]
    fn nobody_asked_and_somebody_did() {
        let tallies = tallies();
        assert_eq!(tallies.traffic(ProjectId(7)), Traffic::default());
        assert!(tallies.projects().is_empty(), "asking made counters");
        Meter::new(tallies.of(ProjectId(7)), Instant::now(), StatusCode::OK, false).sent(10);
        let traffic = tallies.traffic(ProjectId(7));
        assert_eq!((traffic.requests(), traffic.bytes), (1, 10));
        assert_eq!(traffic.minutes, [TrafficMinute { from: Timestamp(1_000_000), requests: 1, bytes: 10 }]);
        assert!(traffic.latency.is_some());
    }

    #[test]
    fn projects_that_are_gone_are_forgotten() {
        let tallies = tallies();
        for id in [3, 1, 2] {
            drop(Meter::new(tallies.of(ProjectId(id)), Instant::now(), StatusCode::OK, false));
        }
        tallies.forget(ProjectId(2));
        assert_eq!(tallies.projects().iter().map(|(project, _)| project.0).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(tallies.latency().count(), 3, "what was answered was answered");
    }

    #[test]
    fn a_line_has_no_secret_and_an_end() {
        let request = Request::builder()
            .uri(format!("http://shop.example.org/search?q={}", "ä".repeat(4_000)))
            .header(header::COOKIE, "sid=secret")
            .header(header::AUTHORIZATION, "Basic secret")
            .header(header::USER_AGENT, "curl\\ \"8\"")
            .body(())
            .unwrap();
        let line = line_of(&request, "shop.example.org", Ipv4Addr::LOCALHOST.into(), Timestamp(5));
        assert!(line.target.starts_with("/search?q=ä") && line.target.len() <= LONGEST_TEXT);
        assert_eq!(line.user_agent.as_deref(), Some("curl\\ \"8\""));
        assert!(!format!("{line:?}").contains("secret"));
    }
}
