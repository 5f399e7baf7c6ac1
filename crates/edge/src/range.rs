//! Byte ranges (RFC 9110, 14).

use std::ops::Range;

use http::{HeaderMap, header};

/// More parts than anybody needs; a request for more is refused.
const MAX_PARTS: usize = 32;

/// What a `Range` header asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// Nothing that we understand: the whole.
    Whole,
    /// These bytes, in the order in which they were asked for, apart from each other; never empty.
    Parts(Vec<Range<u64>>),
    /// Nothing that exists, or absurdly much: 416.
    Unsatisfiable,
}

/// Reads the `Range` header for a content of `length` bytes. Overlapping and adjacent parts are joined.
pub(crate) fn requested(headers: &HeaderMap, length: u64) -> Ranges {
    let mut values = headers.get_all(header::RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Ranges::Whole };
    let Some((unit, specs)) = value.to_str().ok().and_then(|value| value.split_once('=')) else { return Ranges::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Ranges::Whole;
    }
    let (mut parts, mut has_suffix) = (Vec::new(), false);
    for (number, spec) in specs.split(',').map(str::trim).filter(|spec| !spec.is_empty()).enumerate() {
        if number >= MAX_PARTS {
            return Ranges::Unsatisfiable;
        }
        has_suffix |= spec.strip_prefix('-').and_then(self::number).is_some_and(|last| last > 0);
        match part(spec, length) {
            Some(part) => parts.extend(Some(part).filter(|part| !part.is_empty())),
            None => return Ranges::Whole,
        }
    }
    // Of nothing, the last bytes are nothing: they are there (14.1.2), and no part that could be named.
    if length == 0 && has_suffix {
        return Ranges::Whole;
    }
    if parts.is_empty() {
        return if specs.trim().is_empty() { Ranges::Whole } else { Ranges::Unsatisfiable };
    }
    Ranges::Parts(joined(parts))
}

/// `5-9`, `5-`, `-5`; an empty range where it lies beyond the end, `None` where it is not a range.
fn part(spec: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        return Some(length.saturating_sub(number(last)?)..length);
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(first.min(length)..last.saturating_add(1).min(length))
}

/// Digits only; more than fit is as good as the largest.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Each part in the place in which it was asked for (RFC 9110, 15.3.7.2); what overlaps or touches is one, in the place
/// of the first.
fn joined(parts: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(parts.len());
    for mut part in parts {
        let mut place = joined.len();
        while let Some(at) = joined.iter().position(|other| part.start <= other.end && other.start <= part.end) {
            let other = joined.remove(at);
            part = part.start.min(other.start)..part.end.max(other.end);
            place = place.min(at);
        }
        joined.insert(place.min(joined.len()), part);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(value: &str, length: u64) -> Ranges {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, value.parse().unwrap());
        requested(&headers, length)
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init, reason = "one part is what most requests ask for")]
    fn s5_ranges() {
        for (value, parts) in [
            ("bytes=0-0", vec![0..1]),
            ("bytes=0-", vec![0..100]),
            ("bytes=5-9", vec![5..10]),
            ("bytes=90-200", vec![90..100]),
            ("bytes=-5", vec![95..100]),
            ("bytes=-500", vec![0..100]),
            ("Bytes = 5-9", vec![5..10]),
            ("bytes=5-18446744073709551615", vec![5..100]),
            ("bytes=0-0,50-59,-1", vec![0..1, 50..60, 99..100]),
            ("bytes=50-59, 0-9", vec![50..60, 0..10]),
            ("bytes=-5,20-29,0-4", vec![95..100, 20..30, 0..5]),
            ("bytes=50-59,0-9,55-69", vec![50..70, 0..10]),
            ("bytes=50-59,0-9,10-49", vec![0..60]),
            ("bytes=90-99,0-9,40-49,5-44", vec![90..100, 0..50]),
            ("bytes=0-,0-,0-", vec![0..100]),
            ("bytes=0-9,5-20,21-30", vec![0..31]),
            ("bytes=0-4,200-", vec![0..5]),
        ] {
            assert_eq!(ask(value, 100), Ranges::Parts(parts), "{value}");
        }
    }

    #[test]
    fn s5_absurd_ranges_are_unsatisfiable() {
        for value in ["bytes=100-", "bytes=200-300", "bytes=-0", "bytes=99999999999999999999999999-", "bytes=100-,-0"] {
            assert_eq!(ask(value, 100), Ranges::Unsatisfiable, "{value}");
        }
        for value in ["bytes=0-", "bytes=-0", "bytes=0-0"] {
            assert_eq!(ask(value, 0), Ranges::Unsatisfiable, "{value}");
        }
        assert_eq!(ask("bytes=-5", 0), Ranges::Whole);
        assert_eq!(ask("bytes=0-,-5", 0), Ranges::Whole);
        let many = format!("bytes={}", (0..1000).map(|n| format!("{}-{}", n * 3, n * 3)).collect::<Vec<_>>().join(","));
        assert_eq!(ask(&many, 10_000), Ranges::Unsatisfiable);
    }

    #[test]
    fn s5_what_is_no_range_is_ignored() {
        for value in [
            "bytes",
            "bytes=",
            "bytes=a-b",
            "bytes=9-5",
            "bytes=5",
            "bytes=--5",
            "bytes=+1-2",
            "lines=0-5",
            "bytes=0-4,x",
        ] {
            assert_eq!(ask(value, 100), Ranges::Whole, "{value}");
        }
    }
}
