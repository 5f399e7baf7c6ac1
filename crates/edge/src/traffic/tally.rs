//! The counters of one project, or of whatever else answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use berth_model::{AccessLine, StatusClasses};

use super::kept::{Kept, Room};
use super::latency::{Durations, Histogram};
use super::minutes::{InMinute, Minutes};
use super::watch::{Watchers, Watching};

/// What was answered since Berth started. A project that somebody asked for has about 400 bytes of it, and its last
/// lines. In this order: what each answer touches lies side by side, since with many sites it comes from far away.
#[derive(Debug)]
#[repr(C)]
pub struct Tally {
    began: Instant,
    statuses: [AtomicU64; 4],
    bytes: AtomicU64,
    cache_hits: AtomicU64,
    watchers: Watchers,
    kept: Kept,
    minutes: Minutes,
    latency: Histogram,
}

/// What a [`Tally`] said at a moment. Answers that ended while it was read may be in one number and not yet in another.
#[derive(Clone, Debug)]
pub struct Counts {
    /// By the first digit of the status.
    pub statuses: StatusClasses,
    /// Bytes of bodies.
    pub bytes: u64,
    /// Answers whose content was in memory, or with the visitor already.
    pub cache_hits: u64,
    /// How long they took.
    pub latency: Durations,
}

impl Tally {
    /// Counters at zero; `began` is when the first minute began.
    #[must_use]
    pub fn new(began: Instant) -> Self {
        Self::sharing(began, Arc::default())
    }

    /// The same; the last lines are kept in what others have room in, too.
    pub(super) fn sharing(began: Instant, room: Arc<Room>) -> Self {
        Self {
            began,
            statuses: Default::default(),
            bytes: AtomicU64::default(),
            cache_hits: AtomicU64::default(),
            latency: Histogram::default(),
            minutes: Minutes::default(),
            watchers: Watchers::default(),
            kept: Kept::sharing(room),
        }
    }

    /// What was counted until now.
    #[must_use]
    pub fn read(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        Counts {
            statuses: StatusClasses(self.statuses.each_ref().map(of)),
            bytes: of(&self.bytes),
            cache_hits: of(&self.cache_hits),
            latency: self.latency.read(),
        }
    }

    /// How many answers there were.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.requests_and_bytes().0
    }

    /// The last hour by minutes.
    pub(super) fn minutes(&self, now: Instant) -> Vec<InMinute> {
        self.minutes.read(self.minute(now), self.requests_and_bytes())
    }

    /// Whether a request that came at this time has a line: because somebody watches, or to be kept.
    pub(crate) fn wants_line(&self, at: Instant) -> bool {
        self.watchers.are_there() || {
            let second = at.saturating_duration_since(self.began).as_secs();
            self.kept.takes(u32::try_from(second).unwrap_or(u32::MAX))
        }
    }

    pub(super) fn last(&self, most: usize) -> Vec<Arc<AccessLine>> {
        self.kept.last(most)
    }

    pub(super) fn watch(&self) -> Watching {
        self.watchers.watch()
    }

    fn minute(&self, at: Instant) -> u32 {
        u32::try_from(at.saturating_duration_since(self.began).as_secs() / 60).unwrap_or(u32::MAX)
    }

    fn requests_and_bytes(&self) -> (u64, u64) {
        (self.statuses.iter().map(|class| class.load(Relaxed)).sum(), self.bytes.load(Relaxed))
    }
}

/// Measures one answer, and counts it when it is dropped: at its end, or when the visitor went away before.
#[derive(Debug)]
pub struct Meter {
    tally: Arc<Tally>,
    began: Instant,
    status: u16,
    cache_hit: bool,
    sent: u64,
    line: Option<Box<AccessLine>>,
}

impl Meter {
    /// Measures an answer with this status, to a request whose head had come at `began`.
    #[must_use]
    pub fn new(tally: Arc<Tally>, began: Instant, status: http::StatusCode, cache_hit: bool) -> Self {
        Self { tally, began, status: status.as_u16(), cache_hit, sent: 0, line: None }
    }

    /// Measures a request until it is answered: who goes away before is counted as 499, as other servers do.
    pub(crate) fn unanswered(tally: Arc<Tally>, began: Instant, line: Option<AccessLine>) -> Self {
        let line = line.map(Box::new);
        Self { tally, began, status: 499, cache_hit: false, sent: 0, line }
    }

    /// The answer is there, with this status.
    pub(crate) fn answered(&mut self, status: http::StatusCode) {
        self.status = status.as_u16();
    }

    /// Tells this line, too, once it is complete.
    pub(crate) fn with_line(mut self, line: Option<AccessLine>) -> Self {
        self.line = line.map(Box::new);
        self
    }

    /// So many bytes more were handed to the connection.
    pub fn sent(&mut self, bytes: u64) {
        self.sent += bytes;
    }

    fn tell(&self, line: AccessLine, took: Duration) {
        let (status, cache_hit, bytes) = (self.status, self.cache_hit, self.sent);
        let line = Arc::new(AccessLine { status, cache_hit, bytes, took, ..line });
        if self.tally.watchers.are_there() {
            self.tally.watchers.tell(Arc::clone(&line));
        }
        self.tally.kept.push(line);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let (now, tally) = (Instant::now(), &*self.tally);
        let took = now.saturating_duration_since(self.began);
        tally.minutes.reach(tally.minute(now), || tally.requests_and_bytes());
        // What is neither 2xx nor 4xx nor 5xx leads elsewhere: to another address, a cache, another protocol.
        let class = match self.status {
            200..=299 => 0,
            400..=499 => 2,
            500.. => 3,
            _ => 1,
        };
        tally.statuses[class].fetch_add(1, Relaxed);
        if self.sent > 0 {
            tally.bytes.fetch_add(self.sent, Relaxed);
        }
        if self.cache_hit {
            tally.cache_hits.fetch_add(1, Relaxed);
        }
        tally.latency.count(took);
        if let Some(line) = self.line.take() {
            self.tell(*line, took);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use berth_model::{AccessEvent, Timestamp};
    use http::StatusCode;

    use super::*;

    fn line(target: &str) -> AccessLine {
        AccessLine {
            time: Timestamp(0),
            client: Ipv4Addr::LOCALHOST.into(),
            host: "shop.example.org".to_owned(),
            method: "GET".to_owned(),
            target: target.to_owned(),
            version: "HTTP/1.1",
            status: 0,
            bytes: 0,
            took: Duration::ZERO,
            cache_hit: false,
            referer: None,
            user_agent: None,
        }
    }

    #[test]
    fn an_answer_is_counted_once_when_it_ends() {
        let began = Instant::now();
        let tally = Arc::new(Tally::new(began));
        for (status, bytes, cache_hit) in
            [(200, 100, true), (206, 5, false), (304, 0, true), (404, 7, false), (503, 0, false)]
        {
            let status = StatusCode::from_u16(status).unwrap();
            let mut meter = Meter::new(Arc::clone(&tally), began, status, cache_hit);
            let before = tally.read().statuses.total();
            meter.sent(bytes);
            assert_eq!(tally.read().statuses.total(), before, "counted before its end");
        }
        let counts = tally.read();
        assert_eq!(counts.statuses, StatusClasses([2, 1, 1, 1]));
        assert_eq!((counts.bytes, counts.cache_hits, counts.latency.count()), (112, 2, 5));
        assert_eq!(tally.minutes(began), [InMinute { minute: 0, requests: 5, bytes: 112 }]);
    }

    #[tokio::test]
    async fn lines_are_written_while_somebody_watches() {
        let tally = Arc::new(Tally::new(Instant::now()));
        let answer = |target: &str| {
            let mut meter =
                Meter::new(Arc::clone(&tally), Instant::now(), StatusCode::OK, true).with_line(Some(line(target)));
            meter.sent(3);
        };
        assert!(!tally.watchers.are_there());
        let mut watching = tally.watch();
        assert!((0..1_000).all(|_| tally.wants_line(Instant::now())), "each has a line while somebody watches");
        answer("/one");
        let Some(AccessEvent::Line(told)) = watching.next().await else { panic!("no line") };
        assert_eq!((told.target.as_str(), told.status, told.bytes, told.cache_hit), ("/one", 200, 3, true));

        for _ in 0..300 {
            answer("/many");
        }
        assert_eq!(watching.next().await, Some(AccessEvent::Lost(300 - 256)));
        assert!(matches!(watching.next().await, Some(AccessEvent::Line(_))));
        drop(watching);
        answer("/unheard");
        assert!(!tally.watchers.are_there(), "nobody listens any more");
        let last: Vec<_> = tally.last(2).iter().map(|line| line.target.clone()).collect();
        assert_eq!(last, ["/many", "/unheard"], "it is kept all the same");
    }
}
