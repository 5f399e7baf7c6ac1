//! How long answers took, in buckets that grow with what they count.
//!
//! Two buckets for each power of two, from 8 µs to 67 s: a percentile is given as the middle of its bucket and is off by
//! a fifth at most. Most sites use the first page of buckets, up to 1.5 ms, and have no other.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Everything below the first power of two, two for each of 23, and everything above the last.
const BUCKETS: usize = 48;
const PER_PAGE: usize = 16;
/// The exponent of the first power of two, of microseconds: 8.
const FIRST: u32 = 3;

/// Counts of durations. The largest count is what an `u64` holds.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    micros: AtomicU64,
    first: Page,
    others: [OnceLock<Box<Page>>; BUCKETS / PER_PAGE - 1],
}

type Page = [AtomicU64; PER_PAGE];

/// How long answers took, as counted until a moment.
#[derive(Clone, Debug)]
pub struct Durations {
    buckets: [u64; BUCKETS],
    sum: Duration,
}

impl Histogram {
    pub(super) fn count(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = bucket_of(micros);
        let page = match (bucket / PER_PAGE).checked_sub(1) {
            None => &self.first,
            Some(other) => self.others[other].get_or_init(Default::default),
        };
        page[bucket % PER_PAGE].fetch_add(1, Relaxed);
        self.micros.fetch_add(micros, Relaxed);
    }

    pub(super) fn read(&self) -> Durations {
        let mut buckets = [0; BUCKETS];
        let others = self.others.iter().map(|page| page.get().map(AsRef::as_ref));
        for (page, into) in [Some(&self.first)].into_iter().chain(others).zip(buckets.chunks_exact_mut(PER_PAGE)) {
            page.into_iter().flatten().zip(into).for_each(|(count, into)| *into = count.load(Relaxed));
        }
        Durations { buckets, sum: Duration::from_micros(self.micros.load(Relaxed)) }
    }
}

impl Default for Durations {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], sum: Duration::ZERO }
    }
}

impl Durations {
    /// Takes others in.
    pub fn add(&mut self, others: &Self) {
        self.buckets.iter_mut().zip(others.buckets).for_each(|(count, more)| *count += more);
        self.sum += others.sum;
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The duration that `share` of them (0.99) do not exceed; `None` if there are none.
    #[must_use]
    pub fn percentile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        let rank = ((count as f64 * share).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|in_bucket| {
            seen += in_bucket;
            seen >= rank
        })?;
        Some(Duration::from_micros(match bucket {
            0 => lower(1) / 2,
            _ if bucket == BUCKETS - 1 => lower(bucket),
            _ => middle(lower(bucket), lower(bucket + 1)),
        }))
    }

    /// The powers of two from 8 µs to 67 s, each with how many took less.
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let bounds = (1..BUCKETS).step_by(2);
        bounds.map(|bucket| (Duration::from_micros(lower(bucket)), self.buckets[..bucket].iter().sum()))
    }
}

/// As far from either end, measured by that end.
fn middle(from: u64, to: u64) -> u64 {
    2 * from * to / (from + to)
}

fn bucket_of(micros: u64) -> usize {
    let Some(octave) = micros.checked_ilog2().and_then(|exponent| exponent.checked_sub(FIRST)) else { return 0 };
    let upper_half = (micros >> (octave + FIRST - 1)) & 1;
    (1 + octave as usize * 2 + upper_half as usize).min(BUCKETS - 1)
}

/// The least number of microseconds in a bucket after the first.
fn lower(bucket: usize) -> u64 {
    let (octave, half) = ((bucket - 1) / 2, (bucket - 1) % 2);
    let power = 1 << (octave as u32 + FIRST);
    if half == 0 { power } else { power + power / 2 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_follow_each_other_without_gaps() {
        assert_eq!((bucket_of(0), bucket_of(7), bucket_of(8)), (0, 0, 1));
        for bucket in 1..BUCKETS {
            assert_eq!(bucket_of(lower(bucket)), bucket);
            assert_eq!(bucket_of(lower(bucket) - 1), bucket - 1);
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        assert_eq!(lower(BUCKETS - 1), 1 << 26);
    }

    #[test]
    fn nothing_has_no_percentile_and_what_is_fast_needs_no_page() {
        let histogram = Histogram::default();
        let pages = || histogram.others.iter().filter(|page| page.get().is_some()).count();
        assert_eq!(histogram.read().percentile(0.5), None);
        for (micros, needed) in [(20, 0), (1_535, 0), (1_536, 1)] {
            histogram.count(Duration::from_micros(micros));
            assert_eq!(pages(), needed, "{micros}");
        }
        assert_eq!(histogram.read().count(), 3);
    }

    #[test]
    fn what_took_less_than_a_power_of_two_is_counted_below_it() {
        let histogram = Histogram::default();
        for micros in [1, 7, 8, 15, 16, 1_023, 1_024, 1 << 26, u64::MAX >> 20] {
            histogram.count(Duration::from_micros(micros));
        }
        let below: Vec<(u128, u64)> =
            histogram.read().cumulative().map(|(bound, count)| (bound.as_micros(), count)).collect();
        assert_eq!(below.len(), 24);
        assert_eq!(below[..3], [(8, 2), (16, 4), (32, 5)]);
        assert_eq!((below[7], below[8]), ((1_024, 6), (2_048, 7)));
        assert_eq!(below[23], (1 << 26, 7));
        assert_eq!(histogram.read().count(), 9);
    }

    proptest! {
        #[test]
        fn a_percentile_is_off_by_a_fifth_at_most(
            mut took in proptest::collection::vec(8_u64..1 << 26, 1..200),
            share in 0.01_f64..1.0,
        ) {
            let histogram = Histogram::default();
            took.iter().for_each(|micros| histogram.count(Duration::from_micros(*micros)));
            took.sort_unstable();
            let exact = took[((took.len() as f64 * share).ceil() as usize).max(1) - 1] as f64;
            let told = histogram.read().percentile(share).unwrap().as_micros() as f64;
            prop_assert!((told - exact).abs() <= exact * 0.2 + 1.0, "{told} for {exact}");
        }
    }
}
