//! Pages of a log, and what is looked for in them.

use std::io;

use berth_model::{DeploymentId, LogStream, Timestamp};
use regex::{Regex, RegexBuilder};

use super::line::{Record, ServiceLine};
use super::segments::{Segment, Segments};

/// What is read for one page: who looks for something rare asks several times.
const MOST_READ: u64 = 8 << 20;
/// Text on one page.
const MOST_TEXT: usize = 1 << 20;

/// Which lines.
#[derive(Clone, Debug, Default)]
pub struct LogSearch {
    /// Those that contain this, in upper or lower case.
    pub query: Option<String>,
    /// Those of standard output, or of standard error.
    pub stream: Option<LogStream>,
    /// Those of one replica.
    pub replica: Option<u32>,
    /// Those of one deployment.
    pub deployment: Option<DeploymentId>,
    /// Those from this moment on.
    pub since: Option<Timestamp>,
    /// Those from before this moment.
    pub until: Option<Timestamp>,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFrom {
    /// The newest lines before this number; `None` are the newest of all.
    Before(Option<i64>),
    /// The oldest lines after this number.
    After(i64),
}

/// Some lines of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// In order of their numbers.
    pub lines: Vec<ServiceLine>,
    /// Where the next page in the same direction begins; `None` if there is nothing more to be looked at.
    pub next: Option<i64>,
    /// The number of the oldest line that is kept; one more than [`Self::newest`] if none is.
    pub oldest: i64,
    /// The number of the newest line; 0 if there never was one.
    pub newest: i64,
}

/// Reads from newest or oldest until the page is full, or enough was read.
pub(super) fn page(segments: &Segments, search: &LogSearch, from: LogFrom, limit: usize) -> io::Result<LogPage> {
    let wanted = Wanted::of(search).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let (oldest, newest) = (segments.oldest(), segments.newest());
    let mut page = Reading { wanted, lines: Vec::new(), text: 0, limit: limit.max(1), seen: None };
    let mut read = 0;
    let mut is_complete = true;
    let kept: Vec<Segment> = segments.kept().collect();
    match from {
        LogFrom::Before(before) => {
            let before = before.unwrap_or(i64::MAX);
            for segment in kept.iter().rev().filter(|segment| segment.first < before) {
                if read >= MOST_READ {
                    is_complete = false;
                    break;
                }
                read += segment.bytes;
                let content = segments.content(*segment)?;
                let lines = numbered(segment.first, &content).filter(|(number, _)| *number < before);
                if !page.take(lines.collect::<Vec<_>>().into_iter().rev()) {
                    is_complete = false;
                    break;
                }
            }
            page.lines.reverse();
            is_complete |= page.seen.is_none_or(|seen| seen <= oldest);
        }
        LogFrom::After(after) => {
            let ends = kept.iter().skip(1).map(|next| next.first).chain([newest + 1]);
            for (segment, _) in kept.iter().zip(ends).filter(|(_, end)| *end > after.saturating_add(1)) {
                if read >= MOST_READ {
                    is_complete = false;
                    break;
                }
                read += segment.bytes;
                let content = segments.content(*segment)?;
                if !page.take(numbered(segment.first, &content).filter(|(number, _)| *number > after)) {
                    is_complete = false;
                    break;
                }
            }
            is_complete |= page.seen.is_none_or(|seen| seen >= newest);
        }
    }
    let next = page.seen.filter(|_| !is_complete);
    Ok(LogPage { lines: page.lines, next, oldest, newest })
}

/// The lines of a segment with their numbers.
fn numbered(first: i64, content: &[u8]) -> impl Iterator<Item = (i64, &[u8])> {
    (first..).zip(content.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line)))
}

/// A page that is being filled.
struct Reading {
    wanted: Wanted,
    lines: Vec<ServiceLine>,
    text: usize,
    limit: usize,
    /// The last line that was looked at.
    seen: Option<i64>,
}

impl Reading {
    /// Takes what is wanted of these lines; whether there is room for more.
    fn take<'a>(&mut self, lines: impl Iterator<Item = (i64, &'a [u8])>) -> bool {
        for (number, line) in lines {
            if self.lines.len() >= self.limit || self.text >= MOST_TEXT {
                return false;
            }
            self.seen = Some(number);
            let line = String::from_utf8_lossy(line);
            // A line that was damaged on the disk is left out; the numbers of the others stay.
            if let Some(record) = Record::decoded(&line).filter(|record| self.wanted.is(record)) {
                self.text += record.text.len();
                self.lines.push(record.numbered(number));
            }
        }
        true
    }
}

/// [`LogSearch`], ready to be asked.
struct Wanted {
    query: Option<Regex>,
    stream: Option<LogStream>,
    replica: Option<u32>,
    deployment: Option<DeploymentId>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Wanted {
    fn of(search: &LogSearch) -> Result<Self, regex::Error> {
        let query = search.query.as_deref().filter(|query| !query.is_empty());
        let literal = |query| RegexBuilder::new(&regex::escape(query)).case_insensitive(true).build();
        let LogSearch { stream, replica, deployment, since, until, .. } = *search;
        Ok(Self { query: query.map(literal).transpose()?, stream, replica, deployment, since, until })
    }

    fn is(&self, record: &Record<'_>) -> bool {
        self.stream.is_none_or(|stream| record.stream() == stream)
            && self.replica.is_none_or(|replica| record.replica == Some(replica))
            && self.deployment.is_none_or(|deployment| record.deployment == deployment)
            && self.since.is_none_or(|since| record.at() >= since)
            && self.until.is_none_or(|until| record.at() < until)
            && self.query.as_ref().is_none_or(|query| query.is_match(record.text))
    }
}
