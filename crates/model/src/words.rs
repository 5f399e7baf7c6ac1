//! Sizes and durations as they are printed in logs and failures.

use std::fmt;
use std::time::Duration;

/// A size: `512 MiB`, `1.5 GiB`, `12 bytes`.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            0..0x400 => return write!(f, "{} bytes", self.0),
            0x400..0x10_0000 => (0x400, "KiB"),
            0x10_0000..0x4000_0000 => (0x10_0000, "MiB"),
            _ => (0x4000_0000, "GiB"),
        };
        let tenths = u128::from(self.0) * 10 / unit;
        match tenths % 10 {
            0 => write!(f, "{} {name}", tenths / 10),
            tenth => write!(f, "{}.{tenth} {name}", tenths / 10),
        }
    }
}

/// A duration: `15 minutes`, `1 minute 30 seconds`, `2.5 seconds`.
#[derive(Clone, Copy, Debug)]
pub struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, seconds) = (self.0.as_secs() / 60, self.0.as_secs() % 60);
        let plural = |n: u64| if n == 1 { "" } else { "s" };
        match (minutes, seconds) {
            (0, 0..10) if self.0.subsec_millis() >= 100 => {
                write!(f, "{seconds}.{} seconds", self.0.subsec_millis() / 100)
            }
            (0, _) => write!(f, "{seconds} second{}", plural(seconds)),
            (_, 0) => write!(f, "{minutes} minute{}", plural(minutes)),
            _ => write!(f, "{minutes} minute{} {seconds} second{}", plural(minutes), plural(seconds)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_read_naturally() {
        for (bytes, text) in
            [(12, "12 bytes"), (1 << 10, "1 KiB"), (500 << 20, "500 MiB"), (2 << 30, "2 GiB"), (3 << 29, "1.5 GiB")]
        {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
        for (millis, text) in [
            (0, "0 seconds"),
            (250, "0.2 seconds"),
            (1_000, "1 second"),
            (90_000, "1 minute 30 seconds"),
            (900_000, "15 minutes"),
        ] {
            assert_eq!(Seconds(Duration::from_millis(millis)).to_string(), text);
        }
    }
}
