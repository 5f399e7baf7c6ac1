//! Counting attempts, so that there are not too many: per key and window, in memory, bounded.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use berth_model::Timestamp;

/// How often something was tried, by whom or at what.
#[derive(Debug)]
pub struct Attempts<K> {
    tallies: HashMap<K, Tally>,
    limit: u32,
    window: Duration,
}

#[derive(Debug)]
struct Tally {
    count: u32,
    since: Timestamp,
}

/// Entries kept; beyond it the oldest make room, which costs a guesser more than it gains.
const CAPACITY: usize = 10_000;
/// Entries that make room together: looking for the oldest is not worth it for one.
const AT_ONCE: usize = CAPACITY / 10;

impl<K: Eq + Hash> Attempts<K> {
    /// At most `limit` attempts of each key in a `window`, which begins with the first.
    #[must_use]
    pub fn new(limit: u32, window: Duration) -> Self {
        Self { tallies: HashMap::new(), limit, window }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// How long to wait, when there were too many; this one is not counted then.
    pub fn count(&mut self, key: K, now: Timestamp) -> Result<(), Duration> {
        if self.tallies.len() >= CAPACITY && !self.tallies.contains_key(&key) {
            self.make_room(now);
        }
        let tally = self.tallies.entry(key).or_insert(Tally { count: 0, since: now });
        let end = tally.since.after(self.window);
        if now >= end {
            *tally = Tally { count: 0, since: now };
        } else if tally.count >= self.limit {
            return Err(end.since(now).max(Duration::from_secs(1)));
        }
        tally.count += 1;
        Ok(())
    }

    /// Takes one attempt back.
    pub fn forgive(&mut self, key: &K) {
        if let Some(tally) = self.tallies.get_mut(key) {
            tally.count = tally.count.saturating_sub(1);
        }
    }

    /// Forgets all attempts of a key.
    pub fn forget(&mut self, key: &K) {
        self.tallies.remove(key);
    }

    fn make_room(&mut self, now: Timestamp) {
        let window = self.window;
        self.tallies.retain(|_, tally| now < tally.since.after(window));
        if self.tallies.len() < CAPACITY {
            return;
        }
        let mut ages: Vec<Timestamp> = self.tallies.values().map(|tally| tally.since).collect();
        let (_, threshold, _) = ages.select_nth_unstable(AT_ONCE - 1);
        let mut too_many = AT_ONCE;
        self.tallies.retain(|_, tally| {
            let goes = too_many > 0 && tally.since <= *threshold;
            too_many -= usize::from(goes);
            !goes
        });
    }
}

/// The network that counts as one guesser: who has one IPv6 address has the whole /64.
#[must_use]
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    #[test]
    fn a_window_begins_with_its_first_attempt() {
        let mut attempts = Attempts::new(2, WINDOW);
        let at = |seconds| Timestamp(0).after(Duration::from_secs(seconds));
        assert_eq!((attempts.count("a", at(0)), attempts.count("a", at(10))), (Ok(()), Ok(())));
        assert_eq!(attempts.count("a", at(20)), Err(Duration::from_secs(40)));
        assert_eq!(attempts.count("b", at(20)), Ok(()), "others are not affected");
        attempts.forgive(&"a");
        assert_eq!(attempts.count("a", at(30)), Ok(()));
        assert!(attempts.count("a", at(59)).is_err());
        assert_eq!(attempts.count("a", at(60)), Ok(()));
        attempts.forget(&"a");
        assert_eq!((attempts.count("a", at(61)), attempts.count("a", at(61))), (Ok(()), Ok(())));
    }

    #[test]
    fn memory_is_bounded() {
        let mut attempts = Attempts::new(1, WINDOW);
        let at = |key: usize| Timestamp(i64::try_from(key / 100).unwrap());
        for key in 0..CAPACITY {
            assert_eq!(attempts.count(key, at(key)), Ok(()));
        }
        assert_eq!(attempts.tallies.len(), CAPACITY);
        for key in CAPACITY..CAPACITY + 10 {
            assert_eq!(attempts.count(key, at(key)), Ok(()));
        }
        assert_eq!(attempts.tallies.len(), CAPACITY - AT_ONCE + 10, "the oldest made room together");
        assert!(attempts.count(AT_ONCE, at(CAPACITY)).is_err(), "younger ones are still counted");
        assert_eq!(attempts.count(0, at(CAPACITY)), Ok(()), "what made room is forgotten");
    }

    #[test]
    fn a_whole_network_is_one_neighbourhood() {
        let of = |text: &str| neighbourhood(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
