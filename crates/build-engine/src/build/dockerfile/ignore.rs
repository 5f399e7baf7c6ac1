//! `.dockerignore`: which files of the commit stay out of a Dockerfile's context.

use regex::Regex;

use super::refused;
use crate::BuildError;

/// More would take long to compare with every file of a commit.
const MOST_BYTES: usize = 64 << 10;
const MOST_PATTERNS: usize = 1_000;

/// Patterns in their order; the last that matches a path, or a directory above it, decides.
#[derive(Debug, Default)]
pub(super) struct Ignore(Vec<(Regex, bool)>);

impl Ignore {
    /// # Errors
    /// Theirs for a file that is too large.
    pub(super) fn parse(text: &str) -> Result<Self, BuildError> {
        if text.len() > MOST_BYTES {
            let why =
                format!("It has {} bytes, and may have {MOST_BYTES}. Name directories instead of files.", text.len());
            return Err(refused("the .dockerignore is too large", &why));
        }
        let lines = text.lines().map(|line| line.trim_start_matches('\u{feff}'));
        let lines = lines.filter(|line| !line.starts_with('#')).map(str::trim).filter(|line| !line.is_empty());
        let lines: Vec<&str> = lines.collect();
        if lines.len() > MOST_PATTERNS {
            let why = format!(
                "It has {} patterns, and may have {MOST_PATTERNS}. Name directories instead of files.",
                lines.len()
            );
            return Err(refused("the .dockerignore has too many patterns", &why));
        }
        let patterns = lines.into_iter().filter_map(|line| {
            let (pattern, is_kept) = line.strip_prefix('!').map_or((line, false), |rest| (rest.trim(), true));
            let parts: Vec<&str> = pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
            if parts.is_empty() {
                return None;
            }
            Some((Regex::new(&expression(&parts.join("/"))).ok()?, is_kept))
        });
        Ok(Self(patterns.collect()))
    }

    /// Whether a file stays out.
    pub(super) fn leaves_out(&self, path: &str) -> bool {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        let candidates: Vec<&str> = above.chain([path]).collect();
        let decided = self.0.iter().rev().find(|(pattern, _)| candidates.iter().any(|path| pattern.is_match(path)));
        decided.is_some_and(|(_, is_kept)| !is_kept)
    }
}

/// A pattern as a regular expression over a whole path.
fn expression(pattern: &str) -> String {
    let mut expression = String::from("^");
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                // `**/x` is x at any depth, also at none.
                if chars.next_if_eq(&'/').is_some() {
                    expression.push_str("(?:.*/)?");
                } else {
                    expression.push_str(".*");
                }
            }
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '[' => expression.push('['),
            ']' => expression.push(']'),
            '-' => expression.push(c),
            '^' if expression.ends_with('[') => expression.push(c),
            '\\' => expression.push_str(&regex::escape(&chars.next().unwrap_or('\\').to_string())),
            c => expression.push_str(&regex::escape(&c.to_string())),
        }
    }
    expression.push('$');
    expression
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let text = "# comment\nnode_modules\n*.log\n**/secret.txt\n/dist/\ndocs\n!docs/README.md\na?c\n[xy]z\n";
        let ignore = Ignore::parse(text).unwrap();
        for path in ["node_modules/a/b.js", "x.log", "secret.txt", "a/b/secret.txt", "dist/a", "docs/b.md", "abc", "xz"]
        {
            assert!(ignore.leaves_out(path), "{path}");
        }
        for path in ["src/node_modules/a", "a/x.log", "docs/README.md", "src/index.js", "abbc", "distant", "# comment"]
        {
            assert!(!ignore.leaves_out(path), "{path}");
        }
        let only = Ignore::parse("*\n!src\n!package.json\n").unwrap();
        assert!(only.leaves_out("README.md") && !only.leaves_out("src/a/b.js") && !only.leaves_out("package.json"));
        assert!(!Ignore::default().leaves_out("anything"));
    }

    #[test]
    fn a_file_that_would_take_long_is_refused() {
        assert!(Ignore::parse(&"a\n".repeat(MOST_PATTERNS)).is_ok());
        for (text, wanted) in [("a\n".repeat(MOST_PATTERNS + 1), "patterns"), ("a".repeat(MOST_BYTES + 1), "large")] {
            let BuildError::Theirs(failure, _) = Ignore::parse(&text).unwrap_err() else { panic!("ours") };
            assert!(failure.title.contains(wanted), "{failure:?}");
        }
    }
}
