//! Lines on their way into a log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use berth_model::{DeploymentId, LogStream};
use berth_secrets::{Lines, Mask};
use tokio::sync::Notify;

use super::line::{Origin, Record, ServiceLine};
use super::segments::Segments;
use super::{LogOf, ServiceLogBatch, ServiceLogs, blocking};
use crate::StoreError;

/// How long lines are gathered.
const GATHER: Duration = Duration::from_millis(100);
/// What may wait to be written: whoever has more waits, and so does Docker, which keeps it meanwhile.
const MOST_WAITING: usize = 1 << 20;
/// What is written, and told, at once.
const BATCH_BYTES: usize = 128 << 10;
/// How long to wait for a disk that does not take anything.
const RETRY: Duration = Duration::from_secs(1);
/// How long [`ServiceLogs::settle`] and [`LogWriter::end`] wait for one.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);

/// Writes what one replica, one command or Berth itself says into a log.
pub struct LogWriter {
    log: Arc<Log>,
    deployment: DeploymentId,
    replica: Option<u32>,
    mask: Arc<Mask>,
}

impl std::fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogWriter").field("of", &self.log.of).field("replica", &self.replica).finish_non_exhaustive()
    }
}

impl LogWriter {
    pub(super) fn new(log: Arc<Log>, deployment: DeploymentId, replica: Option<u32>, mask: Arc<Mask>) -> Self {
        Self { log, deployment, replica, mask }
    }

    /// The time, in nanoseconds since 1970, up to which the lines of this replica or command are here: Docker is asked for
    /// those after it. `None` if it is to be asked for all. Where the oldest lines went already, those from before are
    /// not asked for again.
    ///
    /// # Errors
    /// [`StoreError::LogFile`].
    pub async fn resume_from(&self) -> Result<Option<i64>, StoreError> {
        self.log.settle().await;
        let (log, deployment, replica) = (Arc::clone(&self.log), self.deployment, self.replica);
        blocking(move || {
            let segments = log.segments()?;
            let is_own = |record: &Record<'_>| {
                record.deployment == deployment && record.replica == replica && record.origin != Origin::Berth
            };
            let mut oldest = None;
            for segment in segments.kept().rev() {
                let content = segments.content(segment)?;
                let content = String::from_utf8_lossy(&content);
                let mut records = content.lines().rev().filter_map(Record::decoded);
                if let Some(own) = records.find(is_own) {
                    return Ok(Some(own.at_ns));
                }
                oldest = content.lines().find_map(Record::decoded).map(|record| record.at_ns);
            }
            Ok(oldest.filter(|_| segments.oldest() > 1))
        })
        .await
    }

    /// Takes a line as Docker has it, without its line feed. Waits while too much is waiting to be written.
    pub async fn line(&self, at_ns: i64, stream: LogStream, line: &[u8]) {
        let mut shown = String::new();
        let mut lines = Lines::default();
        lines.push(line, &self.mask, |line| shown = line);
        if let Some(rest) = lines.end(&self.mask) {
            shown = rest;
        }
        self.add(at_ns, Origin::Output(stream), &shown).await;
    }

    /// Says something in Berth's own words, which may have several lines.
    pub async fn say(&self, text: &str) {
        let at_ns = self.log.logs.0.clock.now().0.saturating_mul(1_000);
        for line in text.lines() {
            self.add(at_ns, Origin::Berth, &self.mask.apply(line.to_owned())).await;
        }
    }

    /// Waits until everything is written: whoever is told of the end afterwards reads a log that is complete.
    pub async fn end(&self) {
        self.log.settle().await;
    }

    async fn add(&self, at_ns: i64, origin: Origin, text: &str) {
        let record = Record { at_ns, deployment: self.deployment, replica: self.replica, origin, text };
        Log::add(&self.log, record.encoded()).await;
    }
}

/// A log that somebody writes.
pub(super) struct Log {
    pub(super) of: LogOf,
    logs: ServiceLogs,
    waiting: Mutex<Waiting>,
    /// Rings whenever something was written.
    taken: Notify,
    /// Rings when what waits is wanted at once.
    hurry: Notify,
    /// Opened when it is first asked for.
    files: Mutex<Option<Segments>>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<String>,
    bytes: usize,
    /// Somebody is about to write them.
    in_hand: bool,
    /// The project is gone: nothing is taken any more.
    ended: bool,
}

impl Log {
    pub(super) fn new(logs: ServiceLogs, of: LogOf) -> Self {
        let (taken, hurry) = (Notify::new(), Notify::new());
        Self { of, logs, waiting: Mutex::default(), taken, hurry, files: Mutex::default() }
    }

    /// The files as they are now.
    pub(super) fn segments(&self) -> std::io::Result<Segments> {
        self.with_files(|segments| Ok(segments.clone()))
    }

    /// Takes nothing any more.
    pub(super) fn end(&self) {
        let mut waiting = self.waiting();
        waiting.ended = true;
        waiting.lines.clear();
        waiting.bytes = 0;
    }

    /// Waits until nothing waits, or the disk has had its time.
    pub(super) async fn settle(&self) {
        let settled = async {
            loop {
                let taken = self.taken.notified();
                if !self.waiting().in_hand {
                    return;
                }
                self.hurry.notify_one();
                taken.await;
            }
        };
        if tokio::time::timeout(SETTLE_WITHIN, settled).await.is_err() {
            tracing::warn!("the disk does not take the log of {:?}", self.of);
        }
    }

    async fn add(log: &Arc<Self>, line: String) {
        loop {
            let taken = log.taken.notified();
            {
                let mut waiting = log.waiting();
                if waiting.ended {
                    return;
                }
                if waiting.bytes < MOST_WAITING {
                    waiting.bytes += line.len();
                    waiting.lines.push(line);
                    if !waiting.in_hand {
                        waiting.in_hand = true;
                        tokio::spawn(Arc::clone(log).write());
                    }
                    return;
                }
            }
            taken.await;
        }
    }

    /// Writes until nothing waits.
    async fn write(self: Arc<Self>) {
        tokio::select! {
            () = tokio::time::sleep(GATHER) => {}
            () = self.hurry.notified() => {}
        }
        loop {
            let log = Arc::clone(&self);
            let written = blocking(move || log.write_batch()).await;
            self.taken.notify_waiters();
            match written {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                    tracing::warn!("the log of {:?} could not be written: {cause}; trying again", self.of);
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Writes some of what waits, then tells it; whether there was any. What could not be written waits on.
    fn write_batch(&self) -> std::io::Result<bool> {
        let batch: Vec<String> = {
            let mut waiting = self.waiting();
            let mut bytes = 0;
            let fitting = waiting.lines.iter().take_while(|line| {
                let fits = bytes < BATCH_BYTES;
                bytes += line.len();
                fits
            });
            let count = fitting.count();
            if count == 0 {
                waiting.in_hand = false;
                return Ok(false);
            }
            waiting.lines.iter().take(count).cloned().collect()
        };
        let (first, count) = self.with_files(|segments| segments.append(batch.iter().map(String::as_str)))?;
        {
            let mut waiting = self.waiting();
            // They are gone from there if the project ended meanwhile.
            let count = count.min(waiting.lines.len());
            waiting.lines.drain(..count);
            waiting.bytes = waiting.lines.iter().map(String::len).sum();
        }
        if self.logs.0.told.receiver_count() > 0 {
            let lines = (first..).zip(batch.iter().take(count)).filter_map(|(number, line)| {
                let record = Record::decoded(line.strip_suffix('\n').unwrap_or(line));
                record.map(|record| record.numbered(number))
            });
            let lines: Vec<ServiceLine> = lines.collect();
            // Nobody watching is no error.
            let _ = self.logs.0.told.send(ServiceLogBatch { of: self.of.clone(), lines: lines.into() });
        }
        Ok(true)
    }

    fn with_files<T>(&self, work: impl FnOnce(&mut Segments) -> std::io::Result<T>) -> std::io::Result<T> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *files {
            Some(segments) => work(segments),
            none => work(none.insert(self.logs.segments_to_write(&self.of)?)),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
