//! Secrets are taken out of a line before anybody else sees it.

use aho_corasick::{AhoCorasick, MatchKind};

/// Shorter values would black out half of every log.
const SHORTEST: usize = 6;
const MASKED: &str = "***";

/// Values are looked for by their beginnings: an automaton over whole keys of many kilobytes takes seconds to build.
const NEEDLE: usize = 64;

/// What is to be masked.
#[derive(Debug, Default)]
pub(crate) struct Mask {
    values: Vec<String>,
    /// The beginnings of `values`, in the same order.
    beginnings: Option<AhoCorasick>,
}

impl Mask {
    /// Masks each value, and each line of a value that has several.
    pub(crate) fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut values: Vec<String> = Vec::new();
        for secret in secrets {
            values.extend(secret.lines().map(|line| line.trim().to_owned()));
            // A value printed as JSON is one line again.
            if let Ok(escaped) = serde_json::to_string(secret.trim()) {
                values.push(escaped.trim_matches('"').to_owned());
            }
        }
        values.retain(|value| value.chars().count() >= SHORTEST);
        values.sort();
        values.dedup();
        if values.is_empty() {
            return Self::default();
        }
        let beginnings = values.iter().map(|value| &value.as_bytes()[..value.len().min(NEEDLE)]);
        let beginnings = AhoCorasick::builder().match_kind(MatchKind::Standard).build(beginnings);
        // It fails only beyond two thousand million states.
        Self { values, beginnings: beginnings.ok() }
    }

    /// The length of the longest value: so much more of a line must be seen than is kept of it.
    pub(crate) fn longest(&self) -> usize {
        self.values.iter().map(String::len).max().unwrap_or(0)
    }

    /// The line with every occurrence replaced; overlapping ones as one.
    pub(crate) fn apply(&self, line: String) -> String {
        let Some(beginnings) = &self.beginnings else { return line };
        let mut spans: Vec<(usize, usize)> = beginnings
            .find_overlapping_iter(&line)
            .filter_map(|found| {
                let value = &self.values[found.pattern().as_usize()];
                let rest = line.as_bytes().get(found.start()..)?;
                rest.starts_with(value.as_bytes()).then(|| (found.start(), found.start() + value.len()))
            })
            .collect();
        if spans.is_empty() {
            return line;
        }
        spans.sort_unstable();
        let mut masked = String::with_capacity(line.len());
        let mut seen = 0;
        let mut spans = spans.into_iter().peekable();
        while let Some((start, mut end)) = spans.next() {
            while let Some((_, until)) = spans.next_if(|(next, _)| *next < end) {
                end = end.max(until);
            }
            masked.push_str(line.get(seen..start).unwrap_or_default());
            masked.push_str(MASKED);
            seen = end;
        }
        masked.push_str(line.get(seen..).unwrap_or_default());
        masked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(secrets: &[&str], line: &str) -> String {
        Mask::of(secrets.iter().copied()).apply(line.to_owned())
    }

    #[test]
    fn values_and_their_lines_are_masked() {
        assert_eq!(masked(&["s3cret!"], "a s3cret! and s3cret!s3cret!"), "a *** and ******");
        assert_eq!(masked(&["short"], "short"), "short");
        assert_eq!(masked(&["first line\n  second line\r\n\n"], "> second line <"), "> *** <");
        assert_eq!(masked(&["one \"two\"\nthree"], r#"{"v":"one \"two\"\nthree"}"#), r#"{"v":"***"}"#);
        assert_eq!(masked(&["pässwört"], "ü pässwört ü"), "ü *** ü");
    }

    #[test]
    fn overlapping_values_leave_nothing_over() {
        assert_eq!(masked(&["abcdef", "defghi"], "xabcdefghiy"), "x***y");
        assert_eq!(masked(&["abcdef", "xabcdefy"], "xabcdefy"), "***");
        assert_eq!(masked(&["aaaaaa"], "aaaaaaaa"), "***");
        let long = "k".repeat(100);
        assert_eq!(masked(&[&long], &format!("{}|{long}", &long[..80])), format!("{}|***", &long[..80]));
    }
}
