//! What visitors asked of a project's sites: the counts, and single requests for whoever watches.

use std::net::IpAddr;
use std::time::Duration;

use crate::Timestamp;

/// What the hosts of a project answered since Berth started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// By the first digit of the status.
    pub statuses: StatusClasses,
    /// Bytes of bodies that were handed to the visitors' connections.
    pub bytes: u64,
    /// Answers whose content was in memory, or with the visitor already (304).
    pub cache_hits: u64,
    /// How long answers took; `None` if there was none.
    pub latency: Option<Latency>,
    /// Minutes of the last hour in which somebody asked for something, oldest first.
    pub minutes: Vec<TrafficMinute>,
}

impl Traffic {
    /// All requests that were answered.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.statuses.total()
    }
}

/// Answers by the first digit of their status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusClasses(pub [u64; 4]);

impl StatusClasses {
    /// The classes in the order in which they are counted.
    pub const NAMES: [&'static str; 4] = ["2xx", "3xx", "4xx", "5xx"];

    /// All of them together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// How long answers took, from a request's head until the last byte was handed to the connection. Each is off by a
/// fifth at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Half of the answers were as fast.
    pub p50: Duration,
    /// Nine in ten were.
    pub p90: Duration,
    /// Ninety-nine in a hundred were.
    pub p99: Duration,
    /// Of all answers together.
    pub sum: Duration,
}

/// What was answered in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrafficMinute {
    /// When it began.
    pub from: Timestamp,
    /// How many requests.
    pub requests: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// One request and its answer. No cookie, no credentials, and nothing of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLine {
    /// When the request's head had come.
    pub time: Timestamp,
    /// Who asked: behind trusted proxies, as they say.
    pub client: IpAddr,
    /// Which of the project's hosts.
    pub host: String,
    /// `GET`, `HEAD`, …
    pub method: String,
    /// Path and query, as they were sent.
    pub target: String,
    /// `HTTP/1.1`, `HTTP/2.0`.
    pub version: &'static str,
    /// The answer's status.
    pub status: u16,
    /// Bytes of the body that were handed to the connection.
    pub bytes: u64,
    /// Until the last of them was.
    pub took: Duration,
    /// Whether its content was in memory, or with the visitor already.
    pub cache_hit: bool,
    /// Where the visitor came from, as their browser says.
    pub referer: Option<String>,
    /// What they look with, as it says.
    pub user_agent: Option<String>,
}

/// What whoever watches the requests of a project is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessEvent {
    /// A request was answered.
    Line(std::sync::Arc<AccessLine>),
    /// So many lines came faster than they were read, and are gone.
    Lost(u64),
}
