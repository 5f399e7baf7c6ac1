//! One line, as it is kept and as it is read.
//!
//! In a file it is `<nanoseconds since 1970> <deployment> <replica, or -> <o, e or b> <text>` and a line feed. Its number is
//! not written: it follows from the name of the file and the lines before it.

use berth_model::{DeploymentId, LogStream, Timestamp};

/// A line of a service's or a run's log: no line break, secrets masked, about 16 KiB at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceLine {
    /// Counts from 1 within a log, without gaps.
    pub number: i64,
    /// When it was written.
    pub at: Timestamp,
    /// Of which deployment it tells.
    pub deployment: DeploymentId,
    /// Which replica wrote it; `None` is a command, or Berth itself.
    pub replica: Option<u32>,
    /// Standard output or error. What Berth itself says is output.
    pub stream: LogStream,
    /// The text, ANSI colours included.
    pub text: String,
}

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Output(LogStream),
    Berth,
}

/// A line without its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) at_ns: i64,
    pub(super) deployment: DeploymentId,
    pub(super) replica: Option<u32>,
    pub(super) origin: Origin,
    pub(super) text: &'a str,
}

impl<'a> Record<'a> {
    /// As it is kept.
    pub(super) fn encoded(&self) -> String {
        let replica = self.replica.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let origin = match self.origin {
            Origin::Output(LogStream::Stdout) => 'o',
            Origin::Output(LogStream::Stderr) => 'e',
            Origin::Berth => 'b',
        };
        let text = self.text.replace('\n', " ");
        format!("{} {} {replica} {origin} {text}\n", self.at_ns, self.deployment)
    }

    /// What [`Self::encoded`] made, without its line feed; `None` if it did not.
    pub(super) fn decoded(line: &'a str) -> Option<Self> {
        let mut parts = line.splitn(5, ' ');
        let at_ns = parts.next()?.parse().ok()?;
        let deployment = DeploymentId(parts.next()?.parse().ok()?);
        let replica = match parts.next()? {
            "-" => None,
            number => Some(number.parse().ok()?),
        };
        let origin = match parts.next()? {
            "o" => Origin::Output(LogStream::Stdout),
            "e" => Origin::Output(LogStream::Stderr),
            "b" => Origin::Berth,
            _ => return None,
        };
        Some(Self { at_ns, deployment, replica, origin, text: parts.next()? })
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp(self.at_ns.div_euclid(1_000))
    }

    pub(super) fn stream(&self) -> LogStream {
        match self.origin {
            Origin::Output(stream) => stream,
            Origin::Berth => LogStream::Stdout,
        }
    }

    pub(super) fn numbered(&self, number: i64) -> ServiceLine {
        ServiceLine {
            number,
            at: self.at(),
            deployment: self.deployment,
            replica: self.replica,
            stream: self.stream(),
            text: self.text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_come_back_as_they_were(
            at_ns in any::<i64>(),
            replica in prop::option::of(any::<u32>()),
            origin in prop::sample::select(vec![
                Origin::Output(LogStream::Stdout), Origin::Output(LogStream::Stderr), Origin::Berth,
            ]),
            text in "[^\n]{0,60}",
        ) {
            let record = Record { at_ns, deployment: DeploymentId(7), replica, origin, text: &text };
            let encoded = record.encoded();
            prop_assert_eq!(Record::decoded(encoded.strip_suffix('\n').unwrap()), Some(record));
        }

        #[test]
        fn anything_else_is_no_line(text in "\\PC{0,60}") {
            // Whatever it is, reading it does not fail.
            let _ = Record::decoded(&text);
        }
    }

    #[test]
    fn one_line_stays_one() {
        let origin = Origin::Berth;
        let record = Record { at_ns: 1, deployment: DeploymentId(2), replica: None, origin, text: "a\nb" };
        assert_eq!(record.encoded(), "1 2 - b a b\n");
        assert_eq!(Record::decoded("1 2 3 x y"), None);
        assert_eq!(Record::decoded(""), None);
    }
}
