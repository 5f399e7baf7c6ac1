//! Conditional requests (RFC 9110, 13). Only by ETag: the releases have no `Last-Modified`, because after a rollback
//! the older content is the current one, and a date would then answer 304 for the wrong bytes.

use http::{HeaderMap, HeaderName, header};

use crate::index::ContentHash;

/// What the preconditions make of a GET or HEAD for an existing file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// Answer it.
    Holds,
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

/// The strong ETag of a content: its hash in quotes, made without an allocation.
#[derive(Clone, Copy)]
pub(crate) struct Tag([u8; 34]);

impl Tag {
    pub(crate) fn of(hash: ContentHash) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut tag = [b'"'; 34];
        for (pair, byte) in tag[1..33].chunks_exact_mut(2).zip(hash.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self(tag)
    }

    pub(crate) fn as_str(&self) -> &str {
        // Hex digits are text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Evaluates `If-Match`, then `If-None-Match`, against the strong ETag of the chosen representation.
pub(crate) fn evaluate(headers: &HeaderMap, etag: &str) -> Precondition {
    if headers.contains_key(header::IF_MATCH) && !any_tag(headers, &header::IF_MATCH, |tag| tag == "*" || tag == etag) {
        return Precondition::Failed;
    }
    let weakly_equal = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag;
    if any_tag(headers, &header::IF_NONE_MATCH, weakly_equal) {
        return Precondition::NotModified;
    }
    Precondition::Holds
}

/// Whether a `Range` still means the representation with this ETag: no `If-Range`, or exactly it. A weak ETag or a
/// date never matches.
pub(crate) fn range_applies(headers: &HeaderMap, etag: &str) -> bool {
    headers.get(header::IF_RANGE).is_none_or(|value| value.as_bytes().trim_ascii() == etag.as_bytes())
}

/// Our ETags contain no comma, so that a list may be split at each.
fn any_tag(headers: &HeaderMap, name: &HeaderName, matches: impl Fn(&str) -> bool) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| matches(tag.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(pairs: &[(HeaderName, &str)]) -> (Precondition, bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        (evaluate(&headers, "\"ab\""), range_applies(&headers, "\"ab\""))
    }

    #[test]
    fn s5_conditions_compare_as_the_rfc_says() {
        use Precondition::{Failed, Holds, NotModified};
        let (none_match, matches) = (header::IF_NONE_MATCH, header::IF_MATCH);
        for (name, value, expected) in [
            (&none_match, "\"ab\"", NotModified),
            (&none_match, "W/\"ab\"", NotModified),
            (&none_match, "\"x\", \"ab\"", NotModified),
            (&none_match, "*", NotModified),
            (&none_match, "\"x\"", Holds),
            (&none_match, "ab", Holds),
            (&matches, "\"ab\"", Holds),
            (&matches, "*", Holds),
            (&matches, "W/\"ab\"", Failed),
            (&matches, "\"x\"", Failed),
        ] {
            assert_eq!(case(&[(name.clone(), value)]).0, expected, "{name} {value}");
        }
        assert_eq!(case(&[]).0, Holds);
        assert_eq!(case(&[(matches, "\"x\""), (none_match, "\"ab\"")]).0, Failed);
    }

    #[test]
    fn tags_are_hashes_in_quotes() {
        let hash = ContentHash([0x0f; 16]);
        assert_eq!(Tag::of(hash).as_str(), format!("\"{}\"", hash.to_hex()));
    }

    #[test]
    fn s5_if_range_is_strong() {
        assert!(case(&[]).1);
        assert!(case(&[(header::IF_RANGE, "\"ab\"")]).1);
        assert!(!case(&[(header::IF_RANGE, "W/\"ab\"")]).1);
        assert!(!case(&[(header::IF_RANGE, "\"x\"")]).1);
        assert!(!case(&[(header::IF_RANGE, "Sat, 21 Nov 2026 10:00:00 GMT")]).1);
    }
}
