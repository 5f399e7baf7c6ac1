//! Patterns of paths: literal segments, `:placeholders`, and a `*` that takes the rest.

use serde::{Deserialize, Serialize};

/// A pattern as its author wrote it, split into segments. A trailing slash makes no difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pattern {
    segments: Vec<Segment>,
    /// The pattern ended in `*`: what stands before it in the last segment.
    rest: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Segment {
    Literal(String),
    /// `:name`: any one segment.
    Placeholder(String),
    /// `before*after` within one segment.
    Wildcard(String, String),
}

/// What placeholders and splat took, by name; the splat's is `splat`.
pub(crate) type Captures<'a> = Vec<(&'a str, &'a str)>;

/// The longest that a filled template may be, in bytes: as long as the longest path that is looked at.
const LONGEST: usize = 8 << 10;

impl Pattern {
    /// Reads a path pattern; escapes in it are decoded, because requests are too.
    pub(crate) fn parse(path: &str) -> Self {
        let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
        let mut segments: Vec<&str> = decoded.trim_start_matches('/').split('/').collect();
        if segments.last() == Some(&"") {
            segments.pop();
        }
        let rest = segments.last().and_then(|last| last.strip_suffix('*')).map(str::to_owned);
        if rest.is_some() {
            segments.pop();
        }
        let segments = segments.into_iter().map(|segment| match (segment.strip_prefix(':'), segment.split_once('*')) {
            (Some(name), _) if is_placeholder_name(name) => Segment::Placeholder(name.to_owned()),
            (_, Some((before, after))) => Segment::Wildcard(before.to_owned(), after.to_owned()),
            _ => Segment::Literal(segment.to_owned()),
        });
        Self { segments: segments.collect(), rest }
    }

    /// What the pattern takes of a decoded path, or `None` where it does not match.
    pub(crate) fn captures<'a>(&'a self, path: &'a str) -> Option<Captures<'a>> {
        let mut left = path.strip_prefix('/')?;
        let mut captures = Captures::new();
        let mut ended = left.is_empty();
        for segment in &self.segments {
            if ended {
                return None;
            }
            let (given, after) = left.split_once('/').unwrap_or((left, ""));
            ended = !left.contains('/') || after.is_empty();
            left = after;
            match segment {
                Segment::Literal(literal) if literal == given => {}
                Segment::Placeholder(name) if !given.is_empty() => captures.push((name, given)),
                Segment::Wildcard(before, end)
                    if given.len() >= before.len() + end.len() && given.starts_with(before) && given.ends_with(end) => {
                }
                _ => return None,
            }
        }
        match &self.rest {
            Some(before) => {
                captures.push(("splat", left.strip_prefix(before.as_str())?));
                Some(captures)
            }
            None => left.is_empty().then_some(captures),
        }
    }

    /// How many parts of a path it takes by name.
    pub(super) fn places(&self) -> usize {
        let named = self.segments.iter().filter(|segment| matches!(segment, Segment::Placeholder(_)));
        named.count() + usize::from(self.rest.is_some())
    }

    /// Paths that it matches: whatever could be anything is called by its name, and a splat takes nothing, one segment
    /// and two.
    pub(super) fn examples(&self) -> Vec<String> {
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Literal(literal) => path += literal,
                Segment::Placeholder(name) => path += name,
                Segment::Wildcard(before, after) => path += &format!("{before}any{after}"),
            }
        }
        match &self.rest {
            Some(before) => ["", "any", "any/thing"].iter().map(|rest| format!("{path}/{before}{rest}")).collect(),
            None if path.is_empty() => vec!["/".to_owned()],
            None => vec![path],
        }
    }
}

/// `:year`, but not `:8080`.
fn is_placeholder_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Puts captures into the places of `template` that name them (`:name`, `:splat`); `encode` is told whether the place
/// is in the query. Names that nothing was captured for stay as they are. `None` where it would become too long: a
/// template that names a long capture many times makes any length of it.
pub(crate) fn fill(template: &str, captures: &Captures<'_>, encode: impl Fn(&str, bool) -> String) -> Option<String> {
    let mut filled = String::with_capacity(template.len());
    let (mut left, mut in_query) = (template, false);
    while let Some(at) = left.find(':') {
        let after = &left[at + 1..];
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let value = captures.iter().find(|(name, _)| *name == &after[..end]);
        filled.push_str(&left[..at]);
        in_query |= left[..at].contains('?');
        match value {
            Some((_, value)) => filled += &encode(value, in_query),
            None => filled += &left[at..=at + end],
        }
        if filled.len() > LONGEST {
            return None;
        }
        left = &after[end..];
    }
    filled += left;
    (filled.len() <= LONGEST).then_some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pattern: &str, path: &str) -> Option<String> {
        let pattern = Pattern::parse(pattern);
        let captures = pattern.captures(path)?;
        Some(captures.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn patterns_take_segments_and_the_rest() {
        for (pattern, path, taken) in [
            ("/", "/", Some("")),
            ("/", "/a", None),
            ("/a", "/a", Some("")),
            ("/a", "/a/", Some("")),
            ("/a/", "/a", Some("")),
            ("/a", "/ab", None),
            ("/a", "/A", None),
            ("/a b", "/a b", Some("")),
            ("/a%20b", "/a b", Some("")),
            ("/*", "/", Some("splat=")),
            ("/*", "/a/b", Some("splat=a/b")),
            ("/news/*", "/news", Some("splat=")),
            ("/news/*", "/news/", Some("splat=")),
            ("/news/*", "/news/a/b.html", Some("splat=a/b.html")),
            ("/news/*", "/newsletter", None),
            ("/old-*", "/old-a/b", Some("splat=a/b")),
            ("/:year/:slug", "/2024/x", Some("year=2024 slug=x")),
            ("/:year/:slug", "/2024", None),
            ("/:year/:slug", "/2024/x/y", None),
            ("/:year/*", "/2024/x/y", Some("year=2024 splat=x/y")),
            ("/*.css", "/a.css", Some("")),
            ("/*.css", "/a.js", None),
            ("/a/*/c", "/a/b/c", Some("")),
        ] {
            assert_eq!(take(pattern, path).as_deref(), taken, "{pattern} {path}");
        }
    }

    #[test]
    fn captures_fill_templates() {
        let captures = vec![("id", "1 2"), ("splat", "a/b")];
        let mark = |value: &str, query: bool| if query { format!("<{value}>") } else { value.to_owned() };
        for (template, filled) in [
            ("/x/:id/:splat", "/x/1 2/a/b"),
            ("/x?id=:id", "/x?id=<1 2>"),
            ("https://h:8080/:splat/:none", "https://h:8080/a/b/:none"),
            ("/:ids:id", "/:ids1 2"),
        ] {
            assert_eq!(fill(template, &captures, mark).as_deref(), Some(filled), "{template}");
        }
    }

    #[test]
    fn templates_are_filled_to_a_length() {
        let long = "x".repeat(LONGEST / 8);
        let captures = vec![("splat", long.as_str())];
        let filled = |template: &str| fill(template, &captures, |value, _| value.to_owned()).map(|filled| filled.len());
        assert_eq!(filled(&":splat".repeat(8)), Some(LONGEST));
        assert_eq!(filled(&(":splat".repeat(8) + "/")), None);
        assert_eq!(filled(&":splat".repeat(1_000_000)), None);
        assert_eq!(filled(&"/".repeat(LONGEST + 1)), None);
    }
}
