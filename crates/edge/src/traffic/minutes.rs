//! The last hour by minutes, for what is counted anyway.
//!
//! The first answer of a minute writes down what the counters said before it. So a minute costs one entry, and a request
//! nothing but the look at which minute it is. Minutes without requests have no entry.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// How many minutes are remembered.
const REMEMBERED: u32 = 60;

/// Marks at the beginnings of minutes.
#[derive(Debug)]
pub(super) struct Minutes {
    /// The minute of the newest mark, counted from the start of Berth.
    newest: AtomicU32,
    marks: Mutex<VecDeque<Mark>>,
}

/// What was counted before a minute.
#[derive(Clone, Copy, Debug)]
struct Mark {
    minute: u32,
    requests: u64,
    bytes: u64,
}

/// What was counted in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InMinute {
    pub(super) minute: u32,
    pub(super) requests: u64,
    pub(super) bytes: u64,
}

impl Default for Minutes {
    fn default() -> Self {
        Self { newest: AtomicU32::new(u32::MAX), marks: Mutex::default() }
    }
}

impl Minutes {
    /// Something is about to be counted in this minute; `counted` tells requests and bytes before it.
    pub(super) fn reach(&self, minute: u32, counted: impl FnOnce() -> (u64, u64)) {
        if self.newest.load(Relaxed) != minute {
            self.mark(minute, counted);
        }
    }

    #[cold]
    fn mark(&self, minute: u32, counted: impl FnOnce() -> (u64, u64)) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread was here, or an answer ends that was timed before the newest mark.
        if marks.back().is_some_and(|newest| newest.minute >= minute) {
            return;
        }
        let (requests, bytes) = counted();
        while marks.front().is_some_and(|oldest| minute - oldest.minute >= REMEMBERED) {
            marks.pop_front();
        }
        if marks.len() == marks.capacity() {
            // Most sites have few visitors: one place at first, not four.
            let more = marks.len().max(1);
            marks.reserve_exact(more);
        }
        marks.push_back(Mark { minute, requests, bytes });
        self.newest.store(minute, Relaxed);
    }

    /// The minutes of the hour before `now` in which something was counted, oldest first; `counted` is what the counters
    /// say now.
    pub(super) fn read(&self, now: u32, counted: (u64, u64)) -> Vec<InMinute> {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut after = marks.iter().skip(1).map(|mark| (mark.requests, mark.bytes)).chain([counted]);
        let all = marks.iter().filter_map(|mark| {
            let (requests, bytes) = after.next()?;
            let (requests, bytes) = (requests.saturating_sub(mark.requests), bytes.saturating_sub(mark.bytes));
            Some(InMinute { minute: mark.minute, requests, bytes })
        });
        all.filter(|minute| now.saturating_sub(minute.minute) < REMEMBERED).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_what_was_counted_in_it() {
        let minutes = Minutes::default();
        for (minute, counted) in [(3, (0, 0)), (3, (1, 10)), (4, (2, 20)), (9, (7, 70))] {
            minutes.reach(minute, || counted);
        }
        let minute = |minute, requests, bytes| InMinute { minute, requests, bytes };
        assert_eq!(minutes.read(9, (8, 75)), [minute(3, 2, 20), minute(4, 5, 50), minute(9, 1, 5)]);
        assert_eq!(minutes.read(64, (8, 75)), [minute(9, 1, 5)]);
    }

    #[test]
    fn an_answer_of_the_minute_before_marks_nothing() {
        let minutes = Minutes::default();
        minutes.reach(5, || (0, 0));
        minutes.reach(4, || (1, 1));
        assert_eq!(minutes.read(5, (2, 2)).len(), 1);
    }

    #[test]
    fn an_hour_is_remembered_and_no_more() {
        let minutes = Minutes::default();
        for minute in 0..500 {
            minutes.reach(minute, || (u64::from(minute), 0));
        }
        assert_eq!(minutes.read(499, (500, 0)).len(), 60);
        assert!(minutes.marks.lock().unwrap().capacity() < 130);
    }
}
