//! The files of one log: whole lines, in segments that are named by their first line's number.
//!
//! Only the newest segment grows, and lines are only ever added to it, so that a process may be killed at any byte: what is
//! behind the last line feed is a line that was not written to its end. Readers do not look there, and the next write
//! cuts it off. When all are larger than the log may be, the oldest segments go.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A log has about so many segments: what goes at once is no more than this part of it.
const PARTS: u64 = 8;
/// A segment is read as a whole.
const LARGEST_SEGMENT: u64 = 1 << 20;
/// Even the smallest log keeps some lines.
const SMALLEST_SEGMENT: u64 = 4 << 10;

/// A file with some of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The number of its first line.
    pub(super) first: i64,
    /// The bytes of its whole lines.
    pub(super) bytes: u64,
}

/// All files of a log. Opening it reads the newest one, and changes nothing.
#[derive(Clone, Debug)]
pub(super) struct Segments {
    directory: PathBuf,
    limit: u64,
    kept: VecDeque<Segment>,
    next: i64,
}

impl Segments {
    /// Looks at what is there; a log without a directory is empty.
    pub(super) fn open(directory: PathBuf, limit: u64) -> io::Result<Self> {
        let mut kept = Vec::new();
        match fs::read_dir(&directory) {
            Ok(entries) => {
                for entry in entries {
                    let entry = entry?;
                    let name = entry.file_name();
                    let number = name.to_str().and_then(|name| name.strip_suffix(".log")).map(str::parse);
                    if let Some(Ok(first)) = number {
                        kept.push(Segment { first, bytes: entry.metadata()?.len() });
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        kept.sort_unstable_by_key(|segment| segment.first);
        let mut segments = Self { directory, limit, kept: kept.into(), next: 1 };
        if let Some(newest) = segments.kept.back().copied() {
            let content = segments.content(newest)?;
            let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
            let lines = content.iter().filter(|byte| **byte == b'\n').count();
            segments.next = newest.first + i64::try_from(lines).unwrap_or(i64::MAX);
            if let Some(newest) = segments.kept.back_mut() {
                newest.bytes = whole as u64;
            }
        }
        Ok(segments)
    }

    /// Oldest first.
    pub(super) fn kept(&self) -> impl DoubleEndedIterator<Item = Segment> {
        self.kept.iter().copied()
    }

    /// The number of the newest line; 0 if there never was one.
    pub(super) fn newest(&self) -> i64 {
        self.next - 1
    }

    /// The number of the oldest line that is kept.
    pub(super) fn oldest(&self) -> i64 {
        self.kept.front().map_or(self.next, |segment| segment.first)
    }

    /// The whole lines of a segment; none if it is gone by now.
    pub(super) fn content(&self, segment: Segment) -> io::Result<Vec<u8>> {
        let mut content = match fs::read(self.path(segment.first)) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        content.truncate(usize::try_from(segment.bytes).unwrap_or(usize::MAX));
        Ok(content)
    }

    /// Adds as many of the lines as fit one segment, each with its line feed; returns how many, and the first one's number.
    /// If it fails, none of them is there.
    pub(super) fn append<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) -> io::Result<(i64, usize)> {
        let size = (self.limit / PARTS).clamp(SMALLEST_SEGMENT, LARGEST_SEGMENT);
        if self.kept.back().is_none_or(|newest| newest.bytes >= size) {
            self.kept.push_back(Segment { first: self.next, bytes: 0 });
        }
        let Some(newest) = self.kept.back().copied() else { return Ok((self.next, 0)) };
        let (mut text, mut count) = (String::new(), 0);
        for line in lines {
            if count > 0 && newest.bytes + (text.len() + line.len()) as u64 > size {
                break;
            }
            text.push_str(line);
            count += 1;
        }
        let mut file = self.newest_file(newest)?;
        berth_model::step!("service log about to be written");
        file.write_all(text.as_bytes())?;
        berth_model::step!("service log written");
        let first = self.next;
        self.next += i64::try_from(count).unwrap_or(i64::MAX);
        if let Some(newest) = self.kept.back_mut() {
            newest.bytes += text.len() as u64;
        }
        self.remove_oldest();
        Ok((first, count))
    }

    /// The newest segment's file, with nothing behind its whole lines.
    fn newest_file(&mut self, newest: Segment) -> io::Result<File> {
        let path = self.path(newest.first);
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        let file = match options.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
                options.open(&path)?
            }
            opened => opened?,
        };
        let bytes = file.metadata()?.len();
        if bytes > newest.bytes {
            file.set_len(newest.bytes)?;
        } else if bytes < newest.bytes {
            // Somebody emptied it. Its lines are gone; the numbers go on.
            drop(file);
            let first = self.next;
            if let Some(newest) = self.kept.back_mut() {
                newest.bytes = bytes;
            }
            let newest = Segment { first, bytes: 0 };
            self.kept.push_back(newest);
            return self.newest_file(newest);
        }
        Ok(file)
    }

    /// The lines that were added stay, whatever becomes of the oldest ones.
    fn remove_oldest(&mut self) {
        let mut all: u64 = self.kept.iter().map(|segment| segment.bytes).sum();
        while all > self.limit && self.kept.len() > 1 {
            let Some(oldest) = self.kept.pop_front() else { break };
            all -= oldest.bytes;
            let path = self.path(oldest.first);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, "{} is a service's log that is too old, and could not be removed", path.display());
                }
                _ => {}
            }
        }
    }

    fn path(&self, first: i64) -> PathBuf {
        self.directory.join(format!("{first:020}.log"))
    }
}

/// Removes a directory and what is in it, if it is there.
pub(super) fn remove_directory(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
