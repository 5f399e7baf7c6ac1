//! What replicas print goes to the log of their service, and its newest lines are at hand for what failures quote.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use berth_model::{DeploymentId, ReplicaId};
use berth_runtime::{Engine, RuntimeError};
use berth_secrets::Mask;
use berth_store::{LogOf, ServiceLogs};
use futures_util::StreamExt;
use tokio::sync::watch;

/// Lines that a failure quotes.
const QUOTED: usize = 20;
/// Bytes of one of them.
const QUOTED_BYTES: usize = 500;
/// After the daemon broke off.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The newest lines of a service, masked. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Tail(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lines: Mutex<VecDeque<String>>,
    /// How many logs are being read.
    open: watch::Sender<usize>,
}

impl Tail {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { lines: Mutex::default(), open: watch::Sender::new(0) }))
    }

    pub(crate) fn push(&self, mask: &Mask, line: &[u8]) {
        let line = mask.apply_to_beginning(String::from_utf8_lossy(line).into_owned(), QUOTED_BYTES);
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == QUOTED {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines, once those logs have ended that were being read; not waited for longer than this.
    pub(crate) async fn settled(&self, within: Duration) -> Vec<String> {
        let mut open = self.0.open.subscribe();
        // What has come until then is quoted in any case.
        let _ = tokio::time::timeout(within, open.wait_for(|open| *open == 0)).await;
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Says that a log is being read, until what this returns is dropped.
    pub(crate) fn reading(&self) -> Reading {
        self.0.open.send_modify(|open| *open += 1);
        Reading(self.clone())
    }
}

/// A log that is being read.
#[derive(Debug)]
pub(crate) struct Reading(Tail);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.0.open.send_modify(|open| *open = open.saturating_sub(1));
    }
}

/// Where the lines of one replica go.
#[derive(Clone)]
pub(crate) struct Pump {
    pub(crate) engine: Engine,
    pub(crate) logs: ServiceLogs,
    pub(crate) of: LogOf,
    pub(crate) deployment: DeploymentId,
    pub(crate) tail: Tail,
}

impl Pump {
    /// Brings over what a container prints until its process ends, from where it was left off.
    pub(crate) async fn run(self, replica: ReplicaId, container: String, mask: Arc<Mask>) {
        let _reading = self.tail.reading();
        let writer = self.logs.writer(self.of.clone(), self.deployment, Some(replica.number), Arc::clone(&mask));
        loop {
            let Ok(since) = writer.resume_from().await else {
                // The disk does not say where it was left off: nothing is written twice.
                tokio::time::sleep(AGAIN_AFTER).await;
                continue;
            };
            let mut records = pin!(self.engine.replica_log(&container, since));
            let broke_off = loop {
                match records.next().await {
                    Some(Ok(record)) => {
                        self.tail.push(&mask, &record.line);
                        writer.line(record.at_ns, record.stream, &record.line).await;
                    }
                    Some(Err(RuntimeError::Gone)) | None => break None,
                    Some(Err(error)) => break Some(error),
                }
            };
            let Some(error) = broke_off else { return };
            tracing::debug!(?replica, "a log broke off and is read on: {error}");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_lines_are_kept_masked_and_cut() {
        let (tail, mask) = (Tail::new(), Mask::of(["s3cr3t-t0k3n"]));
        let reading = tail.reading();
        for number in 0..30 {
            tail.push(&mask, format!("{number} s3cr3t-t0k3n").as_bytes());
        }
        tail.push(&mask, "é".repeat(1_000).as_bytes());
        drop(reading);
        let lines = tail.settled(Duration::from_secs(60)).await;
        assert_eq!((lines.len(), lines[0].as_str()), (20, "11 ***"));
        assert_eq!(lines[19], "é".repeat(250));
    }
}
