//! Conditional requests (RFC 9110, 13): by the strong ETag of a representation, or by the time at which its release was
//! published.
//!
//! After a rollback the older release is the current one, so that "not modified since" cannot mean "published before":
//! a date is either that of the very release, or it lies in the time since which the host shows it.
//!
//! A date stands for one release of a project, which is why `If-Range` may carry it. Where a file has several codings it
//! is the date of all of them, and so a weak validator (8.8.1) that no parts are put together by.

use std::time::{Duration, UNIX_EPOCH};

use berth_model::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, header};

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

/// When what an address shows came to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Modified {
    /// `Last-Modified`: when the release was published, in seconds since 1970; 0: unknown.
    pub(crate) published: u32,
    /// Since when the host shows it: later, after a rollback.
    pub(crate) since: Timestamp,
}

impl Modified {
    /// Whether a client that has what was shown at `date` has what is shown now. It has if it names the very release, or
    /// a time since which the host shows this one.
    fn is_known(self, date: u64) -> bool {
        self.published != 0
            && (date == u64::from(self.published) || Duration::from_secs(date) >= self.since.since(Timestamp(0)))
    }
}

/// Evaluates the preconditions in the order of RFC 9110, 13.2.2, against the strong ETag of the chosen representation and
/// its date. A date that is none is ignored, and so is one beside an ETag.
pub(crate) fn evaluate(headers: &HeaderMap, etag: &str, modified: Modified) -> Precondition {
    if headers.contains_key(header::IF_MATCH) {
        if !any_tag(headers, &header::IF_MATCH, |tag| tag == "*" || tag == etag) {
            return Precondition::Failed;
        }
    } else if let Some(date) = date(headers, &header::IF_UNMODIFIED_SINCE)
        && date < u64::from(modified.published)
    {
        return Precondition::Failed;
    }
    if headers.contains_key(header::IF_NONE_MATCH) {
        let weakly_equal = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag;
        if any_tag(headers, &header::IF_NONE_MATCH, weakly_equal) {
            return Precondition::NotModified;
        }
    } else if date(headers, &header::IF_MODIFIED_SINCE).is_some_and(|date| modified.is_known(date)) {
        return Precondition::NotModified;
    }
    Precondition::Holds
}

/// The date of a header that is there once, in seconds since 1970.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let mut values = headers.get_all(name).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let date = httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()?;
    date.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// A date for a `Last-Modified`: the letters themselves, which many sites have side by side with what else is read of
/// them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpDate([u8; 29]);

impl HttpDate {
    pub(crate) fn of(seconds: u32) -> Self {
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds.into()));
        let mut letters = [b' '; 29];
        letters.iter_mut().zip(date.bytes()).for_each(|(letter, of_date)| *letter = of_date);
        Self(letters)
    }

    pub(crate) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(&self.0).ok()
    }
}

/// Whether a `Range` still means the representation with this ETag: no `If-Range`, or exactly it, or exactly the date at
/// which it was published, if that is a strong validator. A weak ETag never matches.
pub(crate) fn range_applies(headers: &HeaderMap, etag: &str, published: Option<u32>) -> bool {
    let Some(condition) = headers.get(header::IF_RANGE) else { return true };
    condition.as_bytes().trim_ascii() == etag.as_bytes()
        || published.is_some_and(|published| date(headers, &header::IF_RANGE) == Some(published.into()))
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
        (evaluate(&headers, "\"ab\"", MODIFIED), range_applies(&headers, "\"ab\"", Some(MODIFIED.published)))
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

    /// Published on Saturday at 10:00, and shown again, after another one, since half past 11.
    const MODIFIED: Modified = Modified { published: 1_795_255_200, since: Timestamp(1_795_260_600_500_000) };

    #[test]
    fn dates_count_where_no_etag_does() {
        use Precondition::{Failed, Holds, NotModified};
        let at = |time: &str| format!("Sat, 21 Nov 2026 {time} GMT");
        for (time, since, unmodified) in [
            ("09:59:59", Holds, Failed),
            ("10:00:00", NotModified, Holds),
            ("10:00:01", Holds, Holds),
            // That of the release in between.
            ("11:00:00", Holds, Holds),
            ("11:30:00", Holds, Holds),
            ("11:30:01", NotModified, Holds),
        ] {
            assert_eq!(case(&[(header::IF_MODIFIED_SINCE, &at(time))]).0, since, "{time}");
            assert_eq!(case(&[(header::IF_UNMODIFIED_SINCE, &at(time))]).0, unmodified, "{time}");
        }
        let (exact, early) = (at("10:00:00"), at("09:00:00"));
        assert_eq!(case(&[(header::IF_MODIFIED_SINCE, &exact), (header::IF_NONE_MATCH, "\"x\"")]).0, Holds);
        assert_eq!(case(&[(header::IF_MODIFIED_SINCE, &early), (header::IF_NONE_MATCH, "\"ab\"")]).0, NotModified);
        assert_eq!(case(&[(header::IF_UNMODIFIED_SINCE, &early), (header::IF_MATCH, "\"ab\"")]).0, Holds);
        assert_eq!(case(&[(header::IF_UNMODIFIED_SINCE, &early), (header::IF_NONE_MATCH, "\"ab\"")]).0, Failed);
        for odd in ["yesterday", "0", "", "2026-11-21T10:00:00Z", "Sat, 21 Nov 2026 10:00:00 CET"] {
            assert_eq!(case(&[(header::IF_MODIFIED_SINCE, odd)]).0, Holds, "{odd}");
            assert_eq!(case(&[(header::IF_UNMODIFIED_SINCE, odd)]).0, Holds, "{odd}");
        }
        assert_eq!(case(&[(header::IF_MODIFIED_SINCE, &exact), (header::IF_MODIFIED_SINCE, &exact)]).0, Holds);
        // The other two forms that a date had once.
        for old in ["Saturday, 21-Nov-26 10:00:00 GMT", "Sat Nov 21 10:00:00 2026"] {
            assert_eq!(case(&[(header::IF_MODIFIED_SINCE, old)]).0, NotModified, "{old}");
        }
        assert_eq!(HttpDate::of(MODIFIED.published).header().unwrap(), at("10:00:00").as_str());
    }

    #[test]
    fn s5_if_range_is_strong() {
        assert!(case(&[]).1);
        assert!(case(&[(header::IF_RANGE, "\"ab\"")]).1);
        assert!(!case(&[(header::IF_RANGE, "W/\"ab\"")]).1);
        assert!(!case(&[(header::IF_RANGE, "\"x\"")]).1);
    }

    #[test]
    fn s5_if_range_takes_the_exact_date() {
        for (date, applies) in [
            ("Sat, 21 Nov 2026 10:00:00 GMT", true),
            ("Saturday, 21-Nov-26 10:00:00 GMT", true),
            ("Sat, 21 Nov 2026 09:59:59 GMT", false),
            ("Sat, 21 Nov 2026 10:00:01 GMT", false),
            ("Sat, 21 Nov 2026 11:30:01 GMT", false),
            ("yesterday", false),
        ] {
            let headers = HeaderMap::from_iter([(header::IF_RANGE, HeaderValue::from_static(date))]);
            assert_eq!(range_applies(&headers, "\"ab\"", Some(MODIFIED.published)), applies, "{date}");
            assert!(!range_applies(&headers, "\"ab\"", None), "{date}");
        }
    }
}
