//! What of a repository concerns a project, and how often somebody looks for news there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::InvalidInput;

const MOST_PATTERNS: usize = 100;
const LONGEST_PATTERN: usize = 256;

/// Patterns of paths: a push that changes no file which one of them matches is no reason to build.
///
/// Paths are those of the repository, from its top; `*` is anything within a directory's name, `**` any directories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct WatchPatterns(Vec<String>);

impl WatchPatterns {
    /// Parses a list that is not empty.
    ///
    /// # Errors
    /// Quotes the pattern that cannot be one.
    pub fn parse(patterns: Vec<String>) -> Result<Self, InvalidInput> {
        let invalid = |message: String| Err(InvalidInput::new("watch", message));
        if patterns.is_empty() || patterns.len() > MOST_PATTERNS {
            return invalid(format!(
                "a project watches 1 to {MOST_PATTERNS} patterns; null stands for its root directory"
            ));
        }
        for pattern in &patterns {
            let problem = if pattern.trim().is_empty() {
                "is empty"
            } else if pattern.len() > LONGEST_PATTERN {
                "is longer than 256 bytes"
            } else if pattern.starts_with('/') {
                "begins with /; paths count from the repository's top without one"
            } else if pattern.contains('\\') || pattern.chars().any(char::is_control) {
                "contains a backslash or a control character"
            } else if pattern.split('/').any(|part| part == "..") {
                "leads outside the repository"
            } else {
                continue;
            };
            return invalid(format!("the pattern `{}` {problem}", shown(pattern)));
        }
        Ok(Self(patterns))
    }

    /// The patterns, as they were given.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

fn shown(pattern: &str) -> String {
    pattern.chars().filter(|c| !c.is_control()).take(80).collect()
}

impl TryFrom<Vec<String>> for WatchPatterns {
    type Error = InvalidInput;

    fn try_from(patterns: Vec<String>) -> Result<Self, InvalidInput> {
        Self::parse(patterns)
    }
}

impl From<WatchPatterns> for Vec<String> {
    fn from(patterns: WatchPatterns) -> Self {
        patterns.0
    }
}

/// How often a git host that announces nothing is asked where a branch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PollEvery(i64);

impl PollEvery {
    /// A minute to thirty days, in seconds.
    ///
    /// # Errors
    /// Outside of that.
    pub fn seconds(seconds: i64) -> Result<Self, InvalidInput> {
        if (60..=30 * 24 * 3_600).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            let message = format!("a branch is polled every 60 to 2592000 seconds, not every {seconds}; null: never");
            Err(InvalidInput::new("pollEvery", message))
        }
    }

    /// In seconds, as stored.
    #[must_use]
    pub fn as_seconds(self) -> i64 {
        self.0
    }

    /// The time between two questions.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stay_in_the_repository() {
        let parse = |patterns: &[&str]| WatchPatterns::parse(patterns.iter().map(ToString::to_string).collect());
        assert_eq!(parse(&["apps/web/**", "*.md"]).unwrap().as_slice().len(), 2);
        for bad in ["", " ", "/etc", "../x", "a/../b", "a\\b", "a\nb", &"a".repeat(257)] {
            assert!(parse(&[bad]).is_err(), "{bad:?}");
        }
        assert!(parse(&[]).is_err());
        assert!(parse(&["a"; 101]).is_err());
    }

    #[test]
    fn a_branch_is_polled_at_most_every_minute() {
        assert_eq!(PollEvery::seconds(60).unwrap().duration(), Duration::from_secs(60));
        for bad in [-1, 0, 59, 2_592_001, i64::MAX] {
            assert!(PollEvery::seconds(bad).is_err(), "{bad}");
        }
    }
}
