//! A tar stream out of a container becomes an artifact.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use berth_model::{BuildLimits, Failure, FailureCode, OutputDir};
use berth_runtime::TarStream;
use bytes::Bytes;
use futures_util::StreamExt as _;
use tar::EntryType;
use tokio::sync::mpsc;

use super::write::{Place, Writer, Written};
use crate::BuildError;

/// Unpacks the archive of the directory `output` into `target`, which is made here.
///
/// # Errors
/// Theirs for what the archive holds; ours when it breaks off.
pub(crate) async fn unpack(
    mut archive: TarStream,
    output: &OutputDir,
    target: &Path,
    limits: &BuildLimits,
) -> Result<Written, BuildError> {
    let (pieces, received) = mpsc::channel(4);
    let (output, target, limits) = (output.clone(), target.to_owned(), limits.clone());
    let work = tokio::task::spawn_blocking(move || {
        let reader = io::BufReader::with_capacity(64 << 10, Pieces::of(received));
        unpack_from(reader, &output, &target, &limits)
    });
    while let Some(piece) = archive.next().await {
        // The other side has seen enough.
        if pieces.send(Some(piece)).await.is_err() {
            break;
        }
    }
    // Without this word the reader takes the end for a break: this future may have been dropped.
    let _ = pieces.send(None).await;
    work.await.map_err(BuildError::ours)?
}

/// A blocking reader of pieces that arrive elsewhere.
pub(super) struct Pieces {
    received: mpsc::Receiver<Option<io::Result<Bytes>>>,
    piece: Bytes,
    ended: bool,
}

impl Pieces {
    pub(super) fn of(received: mpsc::Receiver<Option<io::Result<Bytes>>>) -> Self {
        Self { received, piece: Bytes::new(), ended: false }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            if self.ended {
                return Ok(0);
            }
            match self.received.blocking_recv() {
                Some(Some(piece)) => self.piece = piece?,
                Some(None) => self.ended = true,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let length = self.piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

fn unpack_from(
    archive: impl Read,
    output: &OutputDir,
    target: &Path,
    limits: &BuildLimits,
) -> Result<Written, BuildError> {
    let mut writer = Writer::begin(target, limits)?;
    let mut archive = tar::Archive::new(archive);
    let mut is_first = true;
    for entry in archive.entries().map_err(BuildError::ours)? {
        let mut entry = entry.map_err(BuildError::ours)?;
        let kind = entry.header().entry_type();
        if std::mem::take(&mut is_first) && kind != EntryType::Directory {
            return Err(not_a_directory(output, kind));
        }
        let path = entry.path_bytes().into_owned();
        let Some(inside) = without_first_part(&path) else { continue };
        if output.is_top() && inside.split(|byte| *byte == b'/').any(|part| part == b"node_modules") {
            continue;
        }
        let place = match Writer::place(inside) {
            Place::At(place) => place,
            Place::LeftOut => continue,
            Place::Unusable => {
                writer.drop_entry(inside, "a name that cannot be published");
                continue;
            }
        };
        match kind {
            EntryType::Directory => writer.directory(&place)?,
            EntryType::Regular | EntryType::Continuous => {
                let size = entry.size();
                writer.file(&place, size, &mut entry)?;
            }
            EntryType::Link => {
                let original = entry.link_name_bytes().and_then(|name| hard_linked(&name));
                match original.and_then(|original| writer.existing(&original)) {
                    Some((mut original, size)) => writer.file(&place, size, &mut original)?,
                    None => writer.drop_entry(inside, "a link to a file outside the output"),
                }
            }
            EntryType::Symlink => writer.drop_entry(inside, "a symbolic link"),
            EntryType::GNUSparse => writer.drop_entry(inside, "a sparse file"),
            EntryType::Fifo => writer.drop_entry(inside, "a pipe"),
            EntryType::Char | EntryType::Block => writer.drop_entry(inside, "a device"),
            _ => writer.drop_entry(inside, "not a regular file"),
        }
    }
    Ok(writer.end())
}

/// The archive's names begin with the name of the directory that was asked for.
fn without_first_part(path: &[u8]) -> Option<&[u8]> {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let at = path.iter().position(|byte| *byte == b'/')?;
    let rest = &path[at + 1..];
    (!rest.is_empty()).then_some(rest)
}

fn hard_linked(name: &[u8]) -> Option<PathBuf> {
    match Writer::place(without_first_part(name)?) {
        Place::At(place) => Some(place),
        _ => None,
    }
}

fn not_a_directory(output: &OutputDir, kind: EntryType) -> BuildError {
    let what = if kind == EntryType::Symlink { "a symbolic link" } else { "a file" };
    let output = output.as_str();
    Failure::new(
        FailureCode::MissingOutput,
        format!("the output directory {output} is {what}"),
        format!("After the build {output} is {what}. Set the output directory to the directory that holds the files."),
    )
    .with_setting("outputDirectory")
    .into()
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod properties;
