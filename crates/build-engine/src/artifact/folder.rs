//! A folder that somebody sends as a tar archive becomes an artifact, while it comes in.
//!
//! By the rules of every artifact ([`super::write`]), and stricter: what a build leaves by accident is left out and
//! named, what somebody sends on purpose is refused with its name, and nothing is kept. The archive is read once and
//! never held: compressed or not, what it may take of memory and of the disk is bounded before it is taken.

use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use berth_model::words::Bytes as Size;
use berth_model::{BuildLimits, Failure, FailureCode};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures_util::{Stream, StreamExt as _};
use tar::{Entry, EntryType};
use tokio::sync::mpsc;

use super::unpack::Pieces;
use super::write::{Place, Writer};
use crate::BuildError;

/// Bytes that the headers of one entry may have, its long name included.
const LONGEST_HEADERS: u64 = 64 << 10;
/// Bytes of an archive, on the average, for each entry beside its content.
const HEADERS_PER_FILE: u64 = 4 << 10;
/// Zeros that may follow the end of an archive: programs fill up a block of a tape.
const MOST_FILLING: u64 = 4 << 20;
/// The largest window of a zstd stream, as a power of two: 8 MiB, what every level but the highest needs.
const ZSTD_WINDOW: u32 = 23;
/// Characters of a name that a refusal quotes.
const MOST_QUOTED: usize = 200;

/// A folder that came in whole.
#[derive(Debug)]
pub struct Folder {
    /// Where it lies.
    pub directory: PathBuf,
    /// Regular files.
    pub files: u64,
    /// Their sizes added up.
    pub bytes: u64,
    /// Hidden files and directories that were left out.
    pub left_out: u64,
}

/// Unpacks the archive of a folder (ustar, pax or GNU; plain, gzip or zstd) into `target`, which is made here, and is
/// gone again if that fails or nobody waits for it any more.
///
/// # Errors
/// Theirs with what is wrong, [`FailureCode::OutputTooLarge`] or [`FailureCode::BadOutput`]; ours for the disk's.
pub async fn unpack_folder<S>(mut archive: S, target: PathBuf, limits: BuildLimits) -> Result<Folder, BuildError>
where
    S: Stream<Item = io::Result<Bytes>> + Unpin + Send,
{
    let (pieces, received) = mpsc::channel(4);
    let work = tokio::task::spawn_blocking(move || {
        let unpacked = unpack(Pieces::of(received), &target, &limits);
        if unpacked.is_err() {
            // What cannot be removed now is swept with the staging directory.
            let _ = std::fs::remove_dir_all(&target);
        }
        unpacked
    });
    while let Some(piece) = archive.next().await {
        let is_last = piece.is_err();
        // The other side may have seen enough.
        if pieces.send(Some(piece)).await.is_err() || is_last {
            break;
        }
    }
    // Without this word the reader takes the end for a break: this future may have been dropped.
    let _ = pieces.send(None).await;
    work.await.map_err(BuildError::ours)?
}

fn unpack(archive: impl Read + 'static, target: &Path, limits: &BuildLimits) -> Result<Folder, BuildError> {
    let state = Rc::new(Reading {
        ended: Cell::new(false),
        broken: Cell::new(false),
        now: Cell::new(LONGEST_HEADERS),
        all: Cell::new(limits.output_bytes.saturating_add(limits.output_files.saturating_mul(HEADERS_PER_FILE))),
    });
    let unpacked = plain(archive).map_err(|error| unreadable(&error)).and_then(|plain| {
        let mut archive = tar::Archive::new(Bounded { plain, state: Rc::clone(&state) });
        let folder = unpack_entries(&mut archive, &state, target, limits)?;
        end(&mut archive.into_inner(), &state)?;
        Ok(folder)
    });
    match unpacked {
        // What the reader met explains what the writer could not do.
        Err(BuildError::Ours { .. }) if state.all.get() == 0 => Err(too_large(limits)),
        Err(BuildError::Ours { .. }) if state.ended.get() || state.broken.get() => Err(broken_off()),
        unpacked => unpacked,
    }
}

fn unpack_entries(
    archive: &mut tar::Archive<Bounded>,
    state: &Reading,
    target: &Path,
    limits: &BuildLimits,
) -> Result<Folder, BuildError> {
    let mut writer = Writer::begin(target, limits)?;
    let mut left_out = 0;
    let mut entries = archive.entries().map_err(|error| unreadable(&error))?;
    loop {
        state.now.set(LONGEST_HEADERS);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(|error| match (state.all.get(), state.ended.get() || state.broken.get()) {
            (0, _) => too_large(limits),
            (_, true) => broken_off(),
            _ if state.now.get() == 0 => refused("an entry has a name or attributes of more than 64 KiB"),
            _ => unreadable(&error),
        })?;
        let name = entry.path_bytes().into_owned();
        let kind = kind_of(&mut entry, &name)?;
        let size = entry.size();
        state.now.set(size);
        match (kind, Writer::place(&name)) {
            (Kind::Skipped, _) => drain(&mut entry)?,
            (_, Place::Unusable) => return Err(entry_refused(&name, unusable(&name))),
            (_, Place::LeftOut) => {
                left_out += 1;
                drain(&mut entry)?;
            }
            (Kind::Directory, Place::At(place)) => {
                writer.directory(&place)?;
                drain(&mut entry)?;
            }
            (Kind::File, Place::At(place)) if place.as_os_str().is_empty() => {
                return Err(entry_refused(&name, "has no name"));
            }
            (Kind::File, Place::At(place)) => writer.file(&place, size, &mut entry)?,
        }
    }
    // A stream that merely stops has no end mark.
    if state.ended.get() {
        return Err(broken_off());
    }
    let written = writer.end();
    Ok(Folder { directory: target.to_owned(), files: written.files, bytes: written.bytes, left_out })
}

/// What an entry is, if it may be there.
enum Kind {
    File,
    Directory,
    /// Says something of others only.
    Skipped,
}

fn kind_of(entry: &mut Entry<'_, Bounded>, name: &[u8]) -> Result<Kind, BuildError> {
    let is_sparse = entry.pax_extensions().map_err(|error| unreadable(&error))?.is_some_and(|extensions| {
        extensions.flatten().any(|extension| extension.key_bytes().starts_with(b"GNU.sparse"))
    });
    let refused = |what| Err(entry_refused(name, what));
    match entry.header().entry_type() {
        _ if is_sparse => refused("is a sparse file"),
        // How archives without a type for directories mark them.
        EntryType::Regular if name.ends_with(b"/") && entry.size() == 0 => Ok(Kind::Directory),
        EntryType::Regular | EntryType::Continuous => Ok(Kind::File),
        EntryType::Directory => Ok(Kind::Directory),
        EntryType::XGlobalHeader => Ok(Kind::Skipped),
        EntryType::Symlink => refused("is a symbolic link"),
        EntryType::Link => refused("is a hard link"),
        EntryType::GNUSparse => refused("is a sparse file"),
        EntryType::Char | EntryType::Block => refused("is a device"),
        EntryType::Fifo => refused("is a pipe"),
        _ => refused("is neither a file nor a directory"),
    }
}

fn unusable(name: &[u8]) -> &'static str {
    let parts = || name.split(|byte| *byte == b'/');
    match std::str::from_utf8(name) {
        Err(_) => "has a name that is not UTF-8",
        Ok(_) if name.starts_with(b"/") => "has an absolute path",
        Ok(_) if parts().any(|part| part == b"..") => "has a path that leads out of the folder (..)",
        Ok(text) if text.chars().any(char::is_control) => "has a control character in its name",
        Ok(_) => "has a path that is too long or too deep",
    }
}

fn drain(entry: &mut Entry<'_, Bounded>) -> Result<(), BuildError> {
    io::copy(entry, &mut io::sink()).map(drop).map_err(BuildError::ours)
}

/// Nothing but filling follows the archive, and a compressed one is whole to its checksum.
fn end(rest: &mut Bounded, state: &Reading) -> Result<(), BuildError> {
    let mut filling = 0;
    let mut buffer = [0; 8 << 10];
    loop {
        state.now.set(buffer.len() as u64);
        match rest.read(&mut buffer).map_err(BuildError::ours)? {
            0 => return Ok(()),
            count if buffer[..count].iter().any(|byte| *byte != 0) || filling > MOST_FILLING => {
                return Err(refused("something follows the end of the archive"));
            }
            count => filling += count as u64,
        }
    }
}

/// How far the archive may be read, and how that went.
struct Reading {
    /// The stream is at its end.
    ended: Cell<bool>,
    /// It failed before.
    broken: Cell<bool>,
    /// Bytes until the next step.
    now: Cell<u64>,
    /// Bytes of all steps together.
    all: Cell<u64>,
}

/// The archive as tar, read within bounds: what a header promises is never believed.
struct Bounded {
    plain: Box<dyn Read>,
    state: Rc<Reading>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Reading { ended, broken, now, all } = &*self.state;
        let most = buffer.len().min(usize::try_from(now.get().min(all.get())).unwrap_or(usize::MAX));
        if most == 0 && !buffer.is_empty() {
            return Err(io::Error::other("the archive is longer than it may be"));
        }
        let count = self.plain.read(&mut buffer[..most]).inspect_err(|_| broken.set(true))?;
        now.set(now.get() - count as u64);
        all.set(all.get() - count as u64);
        if count == 0 && most > 0 {
            ended.set(true);
        }
        Ok(count)
    }
}

/// The archive without its compression, which its first bytes tell.
fn plain(mut archive: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut first = Vec::with_capacity(4);
    archive.by_ref().take(4).read_to_end(&mut first)?;
    let magic: [u8; 4] = std::array::from_fn(|at| first.get(at).copied().unwrap_or_default());
    let whole = Cursor::new(first).chain(archive);
    Ok(match magic {
        [0x1f, 0x8b, ..] => Box::new(BufReader::with_capacity(64 << 10, MultiGzDecoder::new(whole))),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let mut decoder = zstd::stream::read::Decoder::new(whole)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            Box::new(BufReader::with_capacity(64 << 10, decoder))
        }
        _ => Box::new(BufReader::with_capacity(64 << 10, whole)),
    })
}

fn refused(what: &str) -> BuildError {
    BuildError::theirs(FailureCode::BadOutput, what, "Nothing of the folder was kept.")
}

fn entry_refused(name: &[u8], what: &str) -> BuildError {
    let name = String::from_utf8_lossy(name).escape_debug().to_string();
    let name = match name.char_indices().nth(MOST_QUOTED) {
        Some((cut, _)) => format!("{}…", &name[..cut]),
        None => name,
    };
    refused(&format!("{name} {what}; a folder holds regular files and directories only"))
}

fn broken_off() -> BuildError {
    refused("the archive breaks off before its end")
}

fn unreadable(error: &io::Error) -> BuildError {
    tracing::debug!(%error, "a folder's archive cannot be read");
    refused("this is no tar archive, or a damaged one")
}

fn too_large(limits: &BuildLimits) -> BuildError {
    let limit = Size(limits.output_bytes);
    Failure::new(
        FailureCode::OutputTooLarge,
        format!("the folder is larger than {limit} (limit: BERTH_BUILD_OUTPUT)"),
        "Deploy fewer or smaller files, or ask the operator for a higher limit.",
    )
    .with_setting("BERTH_BUILD_OUTPUT")
    .into()
}

#[cfg(test)]
mod tests;
