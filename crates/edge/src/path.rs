//! The path of a request, decoded once.
//!
//! What is returned is only ever a key for the index; it never reaches the file system. The checks here are about
//! meaning: a path that plays tricks gets 400 or 404 and never the SPA's page.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// Longest path that is looked at, in bytes as sent.
const MAX_LENGTH: usize = 8 * 1024;

/// What a decoded path keeps readable in a `Location`.
const IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The same within a query.
const IN_QUERY: &AsciiSet = &IN_PATH.add(b'&').add(b'=').add(b'+');

/// What an address in `_redirects` may hold unencoded: everything that has a meaning of its own there stays.
const IN_ADDRESS: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadPath {
    /// Not a path: 400.
    Malformed,
    /// A path that no file can have: 404, and no fallback.
    Nowhere,
    /// 414.
    TooLong,
}

/// Decodes a path and refuses tricks: the result starts with `/`, is UTF-8 without control characters and backslashes,
/// and has neither empty segments (but perhaps a last one) nor segments that start with a dot (but a first
/// `.well-known`).
pub(crate) fn decode(raw: &str) -> Result<Cow<'_, str>, BadPath> {
    if raw.len() > MAX_LENGTH {
        return Err(BadPath::TooLong);
    }
    if is_plain(raw.as_bytes()) {
        return Ok(Cow::Borrowed(raw));
    }
    if !raw.starts_with('/') || !escapes_are_complete(raw) {
        return Err(BadPath::Malformed);
    }
    // Overlong forms (%c0%af) are not UTF-8 and end here.
    let path = percent_decode_str(raw).decode_utf8().map_err(|_| BadPath::Malformed)?;
    if path.chars().any(|c| c.is_control() || c == '\\') {
        return Err(BadPath::Malformed);
    }
    let segments = || path[1..].split('/');
    if segments().any(|segment| segment == ".." || segment == ".") {
        return Err(BadPath::Malformed);
    }
    if raw.contains("%2f") || raw.contains("%2F") || has_second_encoding(&path) {
        return Err(BadPath::Nowhere);
    }
    let last = segments().count() - 1;
    let dead = |(number, segment): (usize, &str)| {
        (segment.is_empty() && number != last)
            || (segment.starts_with('.') && !(number == 0 && segment == ".well-known"))
    };
    if segments().enumerate().any(dead) {
        return Err(BadPath::Nowhere);
    }
    Ok(path)
}

/// What most paths are: nothing to decode, and nothing to look at twice.
fn is_plain(raw: &[u8]) -> bool {
    let mut before = 0;
    let mut is_plain = raw.first() == Some(&b'/');
    for byte in raw {
        is_plain &= byte.is_ascii_graphic() && !matches!(byte, b'%' | b'\\');
        is_plain &= before != b'/' || !matches!(byte, b'/' | b'.');
        before = *byte;
    }
    is_plain
}

/// An address with the query that the visitor sent, whatever letters that is written in.
pub(crate) fn with_query(address: &str, query: &str) -> String {
    format!("{address}?{}", encode_address(query))
}

/// Every `%` is followed by two hex digits.
fn escapes_are_complete(raw: &str) -> bool {
    let bytes = raw.as_bytes();
    bytes
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'%')
        .all(|(at, _)| bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

/// Something that would mean a dot, slash, backslash, percent sign or NUL if it were decoded again.
fn has_second_encoding(path: &str) -> bool {
    const TRICKS: [&str; 5] = ["2e", "2f", "5c", "25", "00"];
    path.match_indices('%')
        .filter_map(|(at, _)| path.get(at + 1..at + 3))
        .any(|digits| TRICKS.iter().any(|trick| digits.eq_ignore_ascii_case(trick)))
}

/// Encodes a decoded path for a `Location`.
pub(crate) fn encode(path: &str) -> String {
    utf8_percent_encode(path, IN_PATH).to_string()
}

/// Encodes a decoded value for the query of a `Location`.
pub(crate) fn encode_in_query(value: &str) -> String {
    utf8_percent_encode(value, IN_QUERY).to_string()
}

/// Encodes what may not stand in an address at all; escapes and delimiters stay as they are.
pub(crate) fn encode_address(address: &str) -> String {
    utf8_percent_encode(address, IN_ADDRESS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_are_decoded_once() {
        for (raw, path) in [
            ("/", "/"),
            ("/a/b.html", "/a/b.html"),
            ("/a/", "/a/"),
            ("/a%20b", "/a b"),
            ("/%C3%BC", "/ü"),
            ("/50%25", "/50%"),
            ("/a+b;c=d", "/a+b;c=d"),
            ("/.well-known/security.txt", "/.well-known/security.txt"),
            ("/a..b/c.", "/a..b/c."),
        ] {
            assert_eq!(decode(raw).as_deref(), Ok(path), "{raw}");
        }
    }

    #[test]
    fn s1_tricks_are_refused() {
        for raw in [
            "",
            "*",
            "a",
            "/../etc/passwd",
            "/a/../b",
            "/..",
            "/.",
            "/%2e%2e/x",
            "/%2E%2e/x",
            "/..%5cx",
            "/..\\x",
            "/a\\b",
            "/%00",
            "/a%00.html",
            "/%c0%ae%c0%ae/x",
            "/%c0%af",
            "/%e0%80%af",
            "/%ff",
            "/%",
            "/%2",
            "/%zz",
            "/a%0d%0ab",
            "/%7f",
            "/..%2f..%2fetc/passwd",
        ] {
            assert_eq!(decode(raw), Err(BadPath::Malformed), "{raw}");
        }
        for raw in [
            "//etc/passwd",
            "/a//b",
            "/%2fetc/passwd",
            "/a%2Fb",
            "/%252e%252e/x",
            "/%252e%252e%252fx",
            "/%255c",
            "/%252500",
        ] {
            assert_eq!(decode(raw), Err(BadPath::Nowhere), "{raw}");
        }
        assert_eq!(decode(&format!("/{}", "a".repeat(9000))), Err(BadPath::TooLong));
    }

    #[test]
    fn s2_dot_segments_lead_nowhere() {
        for raw in
            ["/.env", "/.git/config", "/a/.htaccess", "/%2eenv", "/a/.well-known/x", "/.well-known/.x", "/.well-knownx"]
        {
            assert_eq!(decode(raw), Err(BadPath::Nowhere), "{raw}");
        }
    }

    #[test]
    fn what_was_decoded_can_be_encoded() {
        for path in ["/a b/ü", "/50%", "/a?b#c", "/\"<>"] {
            assert_eq!(decode(&encode(path)).as_deref(), Ok(path));
        }
    }
}
