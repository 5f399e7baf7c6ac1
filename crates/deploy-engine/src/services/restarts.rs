//! When a replica that ended is started again, and from when on it is called a crash loop; and when one is tried again
//! that could not be started for no fault of its own.

use std::collections::VecDeque;
use std::time::Duration;

use berth_model::Timestamp;

/// Before the first new start; doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, and in a crash loop the shortest.
const LONG_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause in a crash loop.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Who was healthy for so long begins with the first pause again.
const WELL_AFTER: Duration = Duration::from_secs(60);
/// So many ends within [`LOOP_WITHIN`] are a crash loop.
const LOOP_ENDS: usize = 5;
const LOOP_WITHIN: Duration = Duration::from_secs(600);
/// The longest pause while Docker or the database is away.
const LONGEST_DELAY: Duration = Duration::from_secs(15);

/// What is remembered of one replica's ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Restarts {
    /// The newest ones, at most as many as make a loop.
    ends: VecDeque<Timestamp>,
    last_pause: Option<Duration>,
    /// It ended again and again, and was not well since.
    pub(crate) is_crash_loop: bool,
    /// How often it was started again.
    pub(crate) count: u32,
    /// It ended, and runs no more.
    is_due: bool,
    last_delay: Option<Duration>,
}

impl Restarts {
    /// Takes note of an end, of one that had been healthy for so long; when it is to be started again.
    pub(crate) fn ended(&mut self, now: Timestamp, healthy_for: Duration) -> Timestamp {
        if self.ends.len() == LOOP_ENDS {
            self.ends.pop_front();
        }
        self.ends.push_back(now);
        let was_well = healthy_for >= WELL_AFTER;
        let many =
            self.ends.len() == LOOP_ENDS && self.ends.front().is_some_and(|first| now.since(*first) <= LOOP_WITHIN);
        self.is_crash_loop = many || (self.is_crash_loop && !was_well);
        let doubled = match self.last_pause {
            Some(last) if !was_well => last * 2,
            _ => FIRST_PAUSE,
        };
        let pause = match self.is_crash_loop {
            true => doubled.clamp(LONG_PAUSE, LONGEST_PAUSE),
            false => doubled.min(LONG_PAUSE),
        };
        self.last_pause = Some(pause);
        self.is_due = true;
        now.after(pause)
    }

    /// Takes note of a start that came to nothing because who is needed for it was away; when it is to be tried again.
    pub(crate) fn delayed(&mut self, now: Timestamp) -> Timestamp {
        let delay = self.last_delay.map_or(FIRST_PAUSE, |last| (last * 2).min(LONGEST_DELAY));
        self.last_delay = Some(delay);
        now.after(delay)
    }

    /// Takes note of its being started, for the first time or again.
    pub(crate) fn started(&mut self) {
        self.count += u32::from(std::mem::take(&mut self.is_due));
        self.last_delay = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses after ends that follow one another at once, each after having been healthy for so long.
    fn pauses(ends: usize, healthy_for: Duration) -> Vec<u64> {
        let (mut restarts, mut now) = (Restarts::default(), Timestamp(0));
        let mut pauses = Vec::new();
        for _ in 0..ends {
            now = now.after(healthy_for);
            let again = restarts.ended(now, healthy_for);
            pauses.push(again.since(now).as_secs());
            now = again;
        }
        pauses
    }

    #[test]
    fn pauses_double_and_a_loop_is_tried_from_time_to_time() {
        assert_eq!(pauses(9, Duration::ZERO), [1, 2, 4, 8, 60, 120, 240, 300, 300]);
    }

    #[test]
    fn what_is_away_is_waited_for_and_is_no_loop() {
        let (mut restarts, now) = (Restarts::default(), Timestamp(0));
        let delays: Vec<_> = (0..6).map(|_| restarts.delayed(now).since(now).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 15, 15]);
        restarts.started();
        assert_eq!((restarts.count, restarts.is_crash_loop), (0, false), "it never ended");
        assert_eq!(restarts.delayed(now).since(now).as_secs(), 1);
        restarts.ended(now, Duration::ZERO);
        restarts.started();
        restarts.started();
        assert_eq!(restarts.count, 1, "an end is made good once");
    }

    #[test]
    fn who_was_well_for_a_minute_begins_anew() {
        assert_eq!(pauses(4, Duration::from_secs(61)), [1, 1, 1, 1]);
        assert_eq!(pauses(5, Duration::from_secs(61))[4], 60, "five ends within ten minutes are a loop all the same");
        assert_eq!(pauses(8, Duration::from_secs(200)), [1; 8]);
    }

    #[test]
    fn a_loop_is_over_when_it_was_well() {
        let (mut restarts, mut now) = (Restarts::default(), Timestamp(0));
        for _ in 0..9 {
            now = restarts.ended(now, Duration::ZERO);
            assert_eq!(restarts.is_crash_loop, restarts.ends.len() == LOOP_ENDS);
        }
        restarts.ended(now, Duration::from_secs(61));
        assert!(!restarts.is_crash_loop);
    }
}
