//! What of a repository concerns a project, and how often somebody looks for news there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::InvalidInput;
use crate::path_pattern::Pattern;

const MOST_PATTERNS: usize = 100;
const LONGEST_PATTERN: usize = 256;

/// Patterns of paths, as in a `.gitignore`: a push that changes no file which they name is no reason to build.
///
/// Paths are those of the repository, from its top; `*` is anything within a directory's name, `**` any directories. A
/// directory stands for what is in it, and a name without a slash for every file and directory of that name. The last
/// pattern that names a file decides, and `!` takes back; patterns that begin with taking back do so from everything.
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
            } else if let Err(problem) = Pattern::parse(pattern) {
                return invalid(format!("the pattern `{}` {problem}", shown(pattern)));
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

    /// The first of these files that is watched.
    #[must_use]
    pub fn first<'f>(&self, files: impl IntoIterator<Item = &'f str>) -> Option<&'f str> {
        let patterns: Vec<Pattern> = self.0.iter().filter_map(|pattern| Pattern::parse(pattern).ok()).collect();
        let otherwise = patterns.first().is_some_and(|pattern| pattern.takes_back);
        files.into_iter().find(|file| {
            let last = patterns.iter().rev().find(|pattern| pattern.matches(file));
            last.map_or(otherwise, |pattern| !pattern.takes_back)
        })
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
        for bad in ["", " ", "/etc", "../x", "a/../b", "a\\b", "a\nb", "!", "a//b", "{a", "[z-a]", &"a".repeat(257)] {
            assert!(parse(&[bad]).is_err(), "{bad:?}");
        }
        assert!(parse(&[]).is_err());
        assert!(parse(&["a"; 101]).is_err());
    }

    fn watch(patterns: &[&str]) -> WatchPatterns {
        WatchPatterns::parse(patterns.iter().map(ToString::to_string).collect()).unwrap()
    }

    #[test]
    fn patterns_read_as_in_a_gitignore() {
        let is = |patterns: &[&str], file: &str| watch(patterns).first([file]).is_some();
        assert!(is(&["apps/web"], "apps/web/src/a.js") && !is(&["apps/web"], "apps/website/a.js"));
        assert!(is(&["apps/web/"], "apps/web/a.js") && !is(&["apps/web"], "x/apps/web/a.js"));
        assert!(is(&["*.md"], "README.md") && is(&["*.md"], "docs/a/b.md") && !is(&["./docs/*.md"], "docs/a/b.md"));
        assert!(is(&["docs"], "a/docs/b") && is(&["docs"], "docs") && !is(&["docs/"], "docs"));
        assert!(is(&["packages/*/src/**"], "packages/ui/src/a/b.ts") && !is(&["packages/*"], "other/ui"));
        assert!(is(&["packages/**"], "packages/a") && is(&["{apps,packages}/ui"], "packages/ui/a"));
        assert!(is(&["**"], "any/thing"));
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let is = |patterns: &[&str], file: &str| watch(patterns).first([file]).is_some();
        let patterns = ["apps/web", "!*.md", "apps/web/README.md"];
        assert!(is(&patterns, "apps/web/a.js") && !is(&patterns, "apps/web/docs/a.md"));
        assert!(is(&patterns, "apps/web/README.md") && !is(&patterns, "b.js"));
        assert!(is(&["!docs/"], "src/a.js") && !is(&["!docs/"], "docs/a.md"), "everything but");
        assert_eq!(watch(&["b", "c"]).first(["a", "c", "b"]), Some("c"));
        assert_eq!(watch(&["b"]).first([]), None);
    }

    #[test]
    fn a_branch_is_polled_at_most_every_minute() {
        assert_eq!(PollEvery::seconds(60).unwrap().duration(), Duration::from_secs(60));
        for bad in [-1, 0, 59, 2_592_001, i64::MAX] {
            assert!(PollEvery::seconds(bad).is_err(), "{bad}");
        }
    }
}
