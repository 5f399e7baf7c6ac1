//! Secrets are taken out of a line before anybody else sees it.

use crate::needles::Needles;

/// Shorter values would black out half of every log.
const SHORTEST: usize = 6;
const MASKED: &str = "***";

/// What is to be masked.
#[derive(Debug, Default)]
pub struct Mask {
    values: Option<Needles>,
}

impl Mask {
    /// Masks each value, and each line of a value that has several.
    #[must_use]
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
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
        Self { values: Needles::new(values.into_iter().map(String::into_bytes).collect()) }
    }

    /// The length of the longest value: so much more of a line must be seen than is kept of it.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.values.as_ref().map_or(0, Needles::longest)
    }

    /// The line with every occurrence replaced; overlapping ones as one.
    #[must_use]
    pub fn apply(&self, line: String) -> String {
        let whole = line.len();
        self.apply_to_beginning(line, whole)
    }

    /// The same for the first `kept` bytes of a line; what begins in them is looked for to its end.
    #[must_use]
    pub fn apply_to_beginning(&self, mut line: String, kept: usize) -> String {
        let kept = line.floor_char_boundary(kept);
        let mut spans = self.values.as_ref().map(|values| values.covered(line.as_bytes())).unwrap_or_default();
        spans.retain(|(start, _)| *start < kept);
        line.truncate(spans.last().map_or(kept, |(_, end)| kept.max(*end)));
        if spans.is_empty() {
            return line;
        }
        let mut masked = String::with_capacity(line.len());
        let mut seen = 0;
        for (start, end) in spans {
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
