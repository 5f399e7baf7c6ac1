//! How the table lies on disk: a text file to which each write appends one line.
//!
//! ```text
//! berth routes 2
//! 6b1c22e0 shop.example.org 1 7 6@1800000000000000 shop
//! 0f52ab91 shop.example.org 1 8 7@1800000060000000 shop;shop-x2b4c6d8.example.org 1 8 - -
//! ```
//!
//! A line is a checksum and what some hosts lead to from here on; the last word on a host counts. A line is on the disk
//! before the next one is begun, so a crash can only cut off the last: that one is ignored, and its change never was.
//! Anything else that does not fit is damage, and a damaged table is as good as none. When the lines that were appended
//! outgrow the table, a new file with one line for each host takes its place by a rename; so does one after every
//! start, and after a write that failed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Placement, line};

const FIRST_LINE: &str = "berth routes 2";
/// What Berth wrote before there was a journal: the same words without checksums, and the number of hosts at the end.
const FIRST_LINE_OF_1: &str = "berth routes 1";

/// Between two hosts of one line.
const NEXT_HOST: char = ';';

/// So many hosts may be appended before they are weighed against the table.
const FEW: usize = 1024;

/// The file, and how far it has grown.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// Whole and ready to be appended to; `None` while that is not known.
    file: Option<Arc<File>>,
    /// Hosts in lines that were appended.
    appended: usize,
}

/// A write to be carried out where waiting for the disk is allowed.
#[derive(Debug)]
pub(crate) enum Write {
    /// One more line.
    Append { file: Arc<File>, line: String, hosts: usize },
    /// A new file.
    Replace { path: PathBuf, text: String },
}

impl Journal {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None, appended: 0 }
    }

    /// The write that brings some changes to the disk.
    pub(super) fn next_write<'a, I: Iterator<Item = (&'a str, &'a Placement)>>(
        &mut self,
        changes: &[(&str, Option<&Placement>)],
        hosts: usize,
        everything: impl FnOnce() -> I,
    ) -> Write {
        match self.file.take() {
            Some(file) if self.appended + changes.len() <= FEW.max(hosts) => {
                Write::Append { file, line: to_line(changes.iter().copied()), hosts: changes.len() }
            }
            _ => {
                let mut text = format!("{FIRST_LINE}\n");
                for (host, placement) in everything() {
                    text += &to_line([(host, Some(placement))].into_iter());
                }
                Write::Replace { path: self.path.clone(), text }
            }
        }
    }

    /// A write has reached the disk.
    pub(super) fn written(&mut self, write: Write) {
        match write {
            Write::Append { file, hosts, .. } => {
                self.file = Some(file);
                self.appended += hosts;
            }
            Write::Replace { path, .. } => {
                // One that cannot be opened is replaced again.
                self.file = File::options().append(true).open(path).ok().map(Arc::new);
                self.appended = 0;
            }
        }
    }
}

impl Write {
    /// Writes; what was written survives a power cut.
    pub(crate) fn carry_out(&self) -> io::Result<()> {
        match self {
            Self::Append { file, line, .. } => {
                (&**file).write_all(line.as_bytes())?;
                berth_model::step!("routes line appended");
                file.sync_data()?;
                berth_model::step!("routes line synced");
                Ok(())
            }
            Self::Replace { path, text } => {
                let new = path.with_extension("new");
                // It holds the hashes of visitors' passwords.
                let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
                file.write_all(text.as_bytes())?;
                berth_model::step!("routes written");
                file.sync_all()?;
                berth_model::step!("routes synced");
                fs::rename(&new, path)?;
                berth_model::step!("routes renamed");
                path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
            }
        }
    }
}

/// Reads a file, change by change. One that is not there has none.
pub(super) fn read(path: &Path, mut change: impl FnMut(&str, Option<Placement>)) -> io::Result<()> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        bytes => bytes?,
    };
    parse(&bytes, &mut change).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the table is damaged"))
}

fn parse(bytes: &[u8], change: &mut impl FnMut(&str, Option<Placement>)) -> Option<()> {
    let first_line = bytes.split(|byte| *byte == b'\n').next()?;
    let rest = bytes.get(first_line.len() + 1..)?;
    if first_line == FIRST_LINE_OF_1.as_bytes() {
        return parse_1(rest, change);
    }
    if first_line != FIRST_LINE.as_bytes() {
        return None;
    }
    let mut lines = rest.split_inclusive(|byte| *byte == b'\n');
    while let Some(bytes) = lines.next() {
        let Some(line) = checked(bytes) else {
            // Cut off; nothing can have been written after it.
            return lines.all(|later| checked(later).is_none()).then_some(());
        };
        for host in line.split(NEXT_HOST) {
            let (host, placement) = line::parse(host)?;
            change(host, placement);
        }
    }
    Some(())
}

fn parse_1(bytes: &[u8], change: &mut impl FnMut(&str, Option<Placement>)) -> Option<()> {
    let (lines, end) =
        std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.rsplit_once('\n').or(Some(("", "end 0")))?;
    let mut hosts = 0;
    for line in lines.lines() {
        let (host, placement) = line::parse(line)?;
        change(host, Some(placement?));
        hosts += 1;
    }
    (end == format!("end {hosts}")).then_some(())
}

/// A line, with its checksum before it.
fn to_line<'a>(hosts: impl Iterator<Item = (&'a str, Option<&'a Placement>)>) -> String {
    let mut text = String::new();
    for (host, placement) in hosts {
        if !text.is_empty() {
            text.push(NEXT_HOST);
        }
        line::put(&mut text, host, placement);
    }
    format!("{:08x} {text}\n", checksum(text.as_bytes()))
}

/// A line without its checksum, if that fits and the line is whole.
fn checked(line: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (sum, text) = line.split_once(' ')?;
    (sum == format!("{:08x}", checksum(text.as_bytes()))).then_some(text)
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum()
}
