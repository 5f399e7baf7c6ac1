//! The head of an answer, as hyper writes it.

use std::time::{Duration, UNIX_EPOCH};

use berth_edge::EdgeBody;
use http::StatusCode;
use http::response::Parts;
use rustix::time::{ClockId, clock_gettime};

/// What time it is, for `Date`: written anew each second.
#[derive(Debug, Default)]
pub(super) struct Date {
    second: u64,
    text: String,
}

impl Date {
    fn text(&mut self) -> &str {
        let second = clock_gettime(ClockId::RealtimeCoarse).tv_sec.unsigned_abs();
        if self.second != second {
            *self = Self { second, text: httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second)) };
        }
        &self.text
    }
}

/// Writes the head of an answer that its connection outlives. A body declares its length; the edge does it for the rest.
pub(super) fn head(to: &mut Vec<u8>, parts: &Parts, body: &EdgeBody, date: &mut Date) {
    if parts.status == StatusCode::OK {
        to.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    } else {
        to.extend_from_slice(b"HTTP/1.1 ");
        to.extend_from_slice(parts.status.as_str().as_bytes());
        to.push(b' ');
        to.extend_from_slice(parts.status.canonical_reason().unwrap_or("<none>").as_bytes());
        to.extend_from_slice(b"\r\n");
    }
    for (name, value) in &parts.headers {
        field(to, name.as_str(), value.as_bytes());
    }
    if body.length() > 0 {
        field(to, "content-length", decimal(body.length(), &mut [0; 20]));
    }
    field(to, "date", date.text().as_bytes());
    to.extend_from_slice(b"\r\n");
}

fn field(to: &mut Vec<u8>, name: &str, value: &[u8]) {
    to.extend_from_slice(name.as_bytes());
    to.extend_from_slice(b": ");
    to.extend_from_slice(value);
    to.extend_from_slice(b"\r\n");
}

/// A number's digits, of which there are at most twenty.
fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[first..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_digits() {
        for number in [0, 7, 10, 3_072, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string().as_bytes());
        }
    }
}
