//! Values found in bytes: secrets in lines of a log and in files of a release.
//!
//! The time grows with the bytes, whatever a value makes of itself and of what it is looked for in: `aaaa…b` begins
//! at every place of `aaaa…`. Values are looked for by their beginnings, since an automaton over whole keys of many
//! kilobytes takes seconds to build; where the beginning of a longer one is met, that one is looked for on its own, and
//! no byte is compared again for each place that it could begin at (Knuth, Morris and Pratt).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aho_corasick::{AhoCorasick, MatchKind};

/// What is taken of a value into the automaton.
const BEGINNING: usize = 64;

/// Some values, ready to be looked for.
pub struct Needles {
    values: Vec<Vec<u8>>,
    beginnings: AhoCorasick,
    /// For each beginning, the values that begin so.
    of_beginning: Vec<Begun>,
}

#[derive(Default)]
struct Begun {
    /// The value that is no longer than that.
    whole: Option<usize>,
    longer: Vec<usize>,
}

impl Needles {
    /// Of values that are not empty; `None` where there are none. Also beyond two thousand million states, which no
    /// project's variables make.
    #[must_use]
    pub fn new(values: Vec<Vec<u8>>) -> Option<Self> {
        let mut begun: BTreeMap<&[u8], Begun> = BTreeMap::new();
        for (index, value) in values.iter().enumerate() {
            let beginning = &value[..value.len().min(BEGINNING)];
            let begun = begun.entry(beginning).or_default();
            if beginning.len() == value.len() { begun.whole = Some(index) } else { begun.longer.push(index) }
        }
        let (beginnings, of_beginning): (Vec<_>, Vec<_>) = begun.into_iter().unzip();
        if beginnings.is_empty() {
            return None;
        }
        let beginnings = AhoCorasick::builder().match_kind(MatchKind::Standard).build(beginnings).ok()?;
        Some(Self { values, beginnings, of_beginning })
    }

    /// The length of the longest value.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.values.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// A value that the text contains, by its place among the values.
    #[must_use]
    pub fn first_in(&self, text: &[u8]) -> Option<usize> {
        let mut looked_for = BTreeSet::new();
        for hit in self.beginnings.find_overlapping_iter(text) {
            let pattern = hit.pattern().as_usize();
            let Begun { whole, longer } = &self.of_beginning[pattern];
            if whole.is_some() {
                return *whole;
            }
            if looked_for.insert(pattern) {
                let found = longer.iter().find(|index| starts(&self.values[**index], text).next().is_some());
                if let Some(index) = found {
                    return Some(*index);
                }
            }
        }
        None
    }

    /// From where to where the text is covered by values, in order; what only touches stays apart.
    #[must_use]
    pub fn covered(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let mut spans = Vec::new();
        let mut begun = BTreeSet::new();
        for hit in self.beginnings.find_overlapping_iter(text) {
            let pattern = hit.pattern().as_usize();
            let Begun { whole, longer } = &self.of_beginning[pattern];
            if whole.is_some() {
                cover(&mut spans, (hit.start(), hit.end()));
            }
            if !longer.is_empty() {
                begun.insert(pattern);
            }
        }
        for index in begun.into_iter().flat_map(|pattern| &self.of_beginning[pattern].longer) {
            let value = &self.values[*index];
            for start in starts(value, text) {
                cover(&mut spans, (start, start + value.len()));
            }
        }
        spans.sort_unstable();
        let mut covered = Vec::with_capacity(spans.len());
        for span in spans {
            cover(&mut covered, span);
        }
        covered
    }
}

/// Adds a span: to the last one, if the two overlap.
fn cover(spans: &mut Vec<(usize, usize)>, (start, end): (usize, usize)) {
    match spans.last_mut() {
        Some(last) if start < last.1 && last.0 < end => *last = (last.0.min(start), last.1.max(end)),
        _ => spans.push((start, end)),
    }
}

/// Where a value begins in a text, overlapping ones too.
fn starts(value: &[u8], text: &[u8]) -> impl Iterator<Item = usize> {
    let borders = if value.len() <= text.len() { borders(value) } else { Vec::new() };
    let text = if borders.is_empty() { &[] } else { text };
    let mut matched = 0;
    (1..).zip(text).filter_map(move |(end, byte)| {
        while matched > 0 && value.get(matched) != Some(byte) {
            matched = borders[matched - 1];
        }
        matched += usize::from(value[matched] == *byte);
        (matched == value.len()).then(|| end - matched)
    })
}

/// For each beginning of a value, how much of it is its end again.
fn borders(value: &[u8]) -> Vec<usize> {
    let mut borders = vec![0; value.len()];
    let mut matched = 0;
    for at in 1..value.len() {
        while matched > 0 && value[matched] != value[at] {
            matched = borders[matched - 1];
        }
        matched += usize::from(value[matched] == value[at]);
        borders[at] = matched;
    }
    borders
}

/// Without the values: they are secrets.
impl fmt::Debug for Needles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Needles").field("values", &self.values.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn needles(values: &[&str]) -> Needles {
        Needles::new(values.iter().map(|value| value.as_bytes().to_vec()).collect()).unwrap()
    }

    proptest! {
        /// Against the slow way, with values of few letters, which overlap themselves and each other.
        #[test]
        fn everything_is_found(
            values in prop::collection::vec(("[ab]{1,4}", 1_usize..40), 1..5),
            text in prop::collection::vec(("[ab]{1,4}", 1_usize..40), 0..5),
        ) {
            let values: Vec<String> = values.into_iter().map(|(part, times)| part.repeat(times)).collect();
            let text: String = text.into_iter().map(|(part, times)| part.repeat(times)).collect();
            let needles = needles(&values.iter().map(String::as_str).collect::<Vec<_>>());
            let mut is_covered = vec![false; text.len()];
            for value in &values {
                for start in (0..text.len()).filter(|start| text[*start..].starts_with(value)) {
                    is_covered[start..start + value.len()].fill(true);
                }
            }
            let mut found = vec![false; text.len()];
            for (start, end) in needles.covered(text.as_bytes()) {
                prop_assert!(start < end && !found[start]);
                found[start..end].fill(true);
            }
            prop_assert_eq!(&found, &is_covered);
            match needles.first_in(text.as_bytes()) {
                Some(index) => prop_assert!(text.contains(&values[index])),
                None => prop_assert!(is_covered.iter().all(|is_covered| !is_covered)),
            }
        }
    }

    /// Compared as a whole at each place, these are 2 × 10^11 comparisons.
    #[test]
    fn values_that_overlap_themselves_take_no_longer() {
        let values: Vec<String> = (0..3).map(|b| format!("{}{}", "a".repeat(64 << 10), "b".repeat(b + 1))).collect();
        let needles = needles(&values.iter().map(String::as_str).collect::<Vec<_>>());
        let text = "a".repeat(1 << 20);
        assert_eq!((needles.first_in(text.as_bytes()), needles.covered(text.as_bytes())), (None, Vec::new()));
        let text = text + "bbb";
        assert_eq!(needles.covered(text.as_bytes()), [((1 << 20) - (64 << 10), text.len())]);
    }

    #[test]
    fn the_values_are_not_printed() {
        assert_eq!(format!("{:?}", needles(&["s3cret!"])), "Needles { values: 1, .. }");
    }
}
