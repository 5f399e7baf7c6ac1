//! What of a directory is sent, and how it becomes an archive while it is read: in order, without owners and times, so
//! that the same files make the same archive.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use berth_model::words::Bytes as Size;
use futures_util::Stream;
use tokio::sync::mpsc;

/// What is read before it is sent on.
const PIECE: usize = 128 << 10;

/// The files of a directory that are sent.
#[derive(Debug)]
pub(super) struct Folder {
    top: PathBuf,
    /// With their sizes, below the top, in order.
    files: Vec<(PathBuf, u64)>,
    bytes: u64,
    hidden: u64,
    special: Vec<PathBuf>,
}

impl Folder {
    /// Looks through a directory. Hidden files stay here, as Berth would leave them out; `.well-known` goes along.
    ///
    /// # Errors
    /// Why it is no folder that could be deployed, for people.
    pub(super) fn read(top: &Path) -> Result<Self, String> {
        let shown = top.display();
        match fs::metadata(top) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(format!("{shown} is a file; give the folder that it is in")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(format!("there is no folder {shown}")),
            Err(error) => return Err(format!("{shown} cannot be read: {error}")),
        }
        let mut folder = Self { top: top.to_owned(), files: Vec::new(), bytes: 0, hidden: 0, special: Vec::new() };
        folder.look_into(Path::new(""))?;
        if folder.files.is_empty() {
            let hidden = if folder.hidden > 0 { " but hidden ones" } else { "" };
            return Err(format!("there is nothing to publish: {shown} holds no files{hidden}"));
        }
        folder.files.sort();
        Ok(folder)
    }

    fn look_into(&mut self, below: &Path) -> Result<(), String> {
        let directory = self.top.join(below);
        let unreadable = |path: &Path, error| format!("{} cannot be read: {error}", path.display());
        for entry in fs::read_dir(&directory).map_err(|error| unreadable(&directory, error))? {
            let entry = entry.map_err(|error| unreadable(&directory, error))?;
            let (name, path) = (entry.file_name(), below.join(entry.file_name()));
            let found = entry.metadata().map_err(|error| unreadable(&entry.path(), error))?;
            if name.as_encoded_bytes().starts_with(b".") && name != ".well-known" {
                self.hidden += 1;
            } else if found.is_dir() {
                self.look_into(&path)?;
            } else if found.is_file() {
                self.bytes += found.len();
                self.files.push((path, found.len()));
            } else {
                self.special.push(path);
            }
        }
        Ok(())
    }

    /// Their sizes added up.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What stays here, for people.
    pub(super) fn left_out(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.hidden > 0 {
            notes.push(format!("note: {} hidden files and folders are left out", self.hidden));
        }
        notes.extend(self.special());
        notes
    }

    /// What stays here though somebody may miss it.
    pub(super) fn special(&self) -> Option<String> {
        let (first, count) = (self.special.first()?, self.special.len());
        Some(format!("note: {count} links and special files are left out: {}, …", first.display()))
    }

    /// The archive, read while it is sent; `sent` counts its bytes. What could not be read is told in the second value,
    /// and the archive breaks off there.
    pub(super) fn archive(
        self: &Arc<Self>,
        sent: Arc<AtomicU64>,
    ) -> (impl Stream<Item = io::Result<bytes::Bytes>> + Send + 'static, Arc<OnceLock<String>>) {
        let (pieces, mut received) = mpsc::channel::<io::Result<bytes::Bytes>>(2);
        let (folder, broken) = (Arc::clone(self), Arc::new(OnceLock::new()));
        let breaks = Arc::clone(&broken);
        sent.store(0, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || {
            let mut writer = Pieces { piece: Vec::new(), pieces, sent };
            if let Err(problem) = folder.write(&mut writer) {
                let _ = breaks.set(problem);
                // Without an error the archive would merely end.
                let _ = writer.pieces.blocking_send(Err(io::ErrorKind::InvalidData.into()));
            }
        });
        let stream = futures_util::stream::poll_fn(move |context| received.poll_recv(context));
        (stream, broken)
    }

    fn write(&self, writer: &mut Pieces) -> Result<(), String> {
        let mut builder = tar::Builder::new(&mut *writer);
        for (path, size) in &self.files {
            let place = self.top.join(path);
            let unreadable = |error: io::Error| format!("{} cannot be read: {error}", place.display());
            let file = File::open(&place).map_err(unreadable)?;
            let length = file.metadata().map_err(unreadable)?.len();
            if length != *size {
                return Err(format!("{} changed while it was read; deploy again", place.display()));
            }
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Regular);
            header.set_mode(0o644);
            header.set_size(*size);
            match builder.append_data(&mut header, path, io::Read::take(file, *size)) {
                Ok(()) => {}
                // Berth has heard enough: what it says comes as its answer.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(unreadable(error)),
            }
        }
        match builder.finish().and_then(|()| drop_builder(builder)) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
            _ => writer.flush().or(Ok(())),
        }
    }
}

fn drop_builder<W: Write>(builder: tar::Builder<W>) -> io::Result<()> {
    builder.into_inner().map(drop)
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.files.len() == 1 { "" } else { "s" };
        write!(f, "{} file{plural}, {}", self.files.len(), Size(self.bytes))
    }
}

/// Writes go on as pieces.
struct Pieces {
    piece: Vec<u8>,
    pieces: mpsc::Sender<io::Result<bytes::Bytes>>,
    sent: Arc<AtomicU64>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.piece);
        let length = piece.len() as u64;
        self.pieces.blocking_send(Ok(piece.into())).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        self.sent.fetch_add(length, Ordering::Relaxed);
        Ok(())
    }
}
