//! Watching the requests of a project as they are answered: the access log, for as long as somebody reads it.
//!
//! Whether anybody does is one flag. What is told goes into a ring of lines; a reader that falls behind loses the oldest,
//! and is told how many.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use berth_model::{AccessEvent, AccessLine};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Lines that a reader may be behind.
const BEHIND: usize = 256;

/// Whoever watches the requests of one project.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    any: AtomicBool,
    lines: Mutex<Option<broadcast::Sender<Arc<AccessLine>>>>,
}

/// One of them: the lines from now on.
#[derive(Debug)]
pub struct Watching(broadcast::Receiver<Arc<AccessLine>>);

impl Watchers {
    pub(super) fn are_there(&self) -> bool {
        self.any.load(Relaxed)
    }

    pub(super) fn tell(&self, line: Arc<AccessLine>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let has_readers = lines.as_ref().is_some_and(|lines| lines.send(line).is_ok());
        if !has_readers {
            *lines = None;
            self.any.store(false, Relaxed);
        }
    }

    pub(super) fn watch(&self) -> Watching {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = lines.get_or_insert_with(|| broadcast::Sender::new(BEHIND));
        self.any.store(true, Relaxed);
        Watching(lines.subscribe())
    }
}

impl Watching {
    /// What comes next. `None`: nothing will, the project is gone.
    pub async fn next(&mut self) -> Option<AccessEvent> {
        match self.0.recv().await {
            Ok(line) => Some(AccessEvent::Line(line)),
            Err(RecvError::Lagged(lost)) => Some(AccessEvent::Lost(lost)),
            Err(RecvError::Closed) => None,
        }
    }
}
