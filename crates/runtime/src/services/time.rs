//! Moments as the daemon writes them: `2026-11-21T09:30:00.250123456Z`.

use berth_model::Timestamp;

const NANOS: i64 = 1_000_000_000;

/// Nanoseconds since 1970; `None` for what is no moment, and for the year 1, which is the daemon's word for never.
pub(super) fn nanoseconds(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z')?;
    let (second, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds = Timestamp::parse(&format!("{second}Z"))?.unix_seconds();
    if seconds <= 0 || fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<9}").parse().ok()?;
    seconds.checked_mul(NANOS)?.checked_add(fraction)
}

/// The same in microseconds, and the beginning of time for never.
pub(super) fn timestamp(text: Option<&str>) -> Timestamp {
    Timestamp(text.and_then(nanoseconds).unwrap_or(0) / 1_000)
}

/// Seconds with their fraction, as the daemon's filters take them.
pub(super) fn seconds(nanoseconds: i64) -> String {
    format!("{}.{:09}", nanoseconds.div_euclid(NANOS), nanoseconds.rem_euclid(NANOS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_keep_their_nanoseconds() {
        assert_eq!(nanoseconds("1970-01-01T00:00:01.25Z"), Some(1_250_000_000));
        assert_eq!(nanoseconds("2026-11-21T09:30:00.123456789Z"), Some(1_795_253_400_123_456_789));
        assert_eq!(nanoseconds("2026-11-21T09:30:00Z"), Some(1_795_253_400_000_000_000));
        for never in ["0001-01-01T00:00:00Z", "", "yesterday", "2026-11-21T09:30:00.1x3Z"] {
            assert_eq!(nanoseconds(never), None, "{never:?}");
        }
        assert_eq!(timestamp(Some("2026-11-21T09:30:00.123456789Z")), Timestamp(1_795_253_400_123_456));
        assert_eq!(seconds(1_250_000_000), "1.250000000");
    }
}
