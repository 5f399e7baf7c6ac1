//! Files of a checkout on their way into a container: an uncompressed tar stream, made as it is taken.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use berth_runtime::TarStream;
use berth_secrets::SecretString;
use bytes::Bytes;
use tar::{EntryType, Header};
use tokio::sync::mpsc;

use crate::checkout::{Checkout, EntryKind};

const PIECE: usize = 128 << 10;
/// All files get one time, as packages do: what was checked out when says nothing.
const MODIFIED: u64 = 499_162_500;

/// What goes in.
pub(super) struct Contents {
    pub(super) checkout: Arc<Checkout>,
    /// The files below this directory, as if it were the top; `""`: all.
    pub(super) below: String,
    /// Of those, these files; `None`: all.
    pub(super) only: Option<Vec<String>>,
    /// Files of ours, which take the place of the commit's.
    pub(super) ours: Vec<OurFile>,
}

/// A file that does not come from the commit.
pub(super) struct OurFile {
    /// Where it goes, as a path in the archive.
    pub(super) path: String,
    pub(super) text: SecretString,
    pub(super) mode: u32,
}

impl Contents {
    /// The archive. It is made on a thread of its own, a few pieces ahead of whoever takes it.
    pub(super) fn into_stream(self) -> TarStream {
        let (pieces, received) = mpsc::channel::<io::Result<Bytes>>(4);
        tokio::task::spawn_blocking(move || {
            let mut writer = Pieces { pieces: pieces.clone(), piece: Vec::with_capacity(PIECE) };
            if let Err(error) = self.write(&mut writer).and_then(|()| writer.flush()) {
                // If nobody takes it any more, nobody wants to know either.
                let _ = pieces.blocking_send(Err(error));
            }
        });
        let stream = futures_util::stream::unfold(received, async |mut received| {
            let piece = received.recv().await?;
            Some((piece, received))
        });
        Box::pin(stream)
    }

    fn write(&self, writer: &mut Pieces) -> io::Result<()> {
        let mut archive = Archive { builder: tar::Builder::new(writer), directories: BTreeSet::new() };
        let only = self.only.as_ref().map(|paths| paths.iter().map(String::as_str).collect::<BTreeSet<_>>());
        for (whole, entry) in self.checkout.below(&self.below) {
            let path = whole.strip_prefix(self.below.as_str()).unwrap_or(whole).trim_start_matches('/');
            let is_replaced = self.ours.iter().any(|file| file.path == path);
            if is_replaced || only.as_ref().is_some_and(|only| !only.contains(whole)) {
                continue;
            }
            let content = self.checkout.read(whole)?;
            match entry.kind {
                EntryKind::Link => archive.link(path, &content)?,
                EntryKind::File { executable } => {
                    archive.file(path, &content, if executable { 0o755 } else { 0o644 })?
                }
            }
        }
        for file in &self.ours {
            archive.file(&file.path, file.text.expose().as_bytes(), file.mode)?;
        }
        archive.builder.into_inner()?;
        Ok(())
    }
}

/// An archive of one small file.
pub(super) fn single(path: &str, content: &[u8]) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header(EntryType::Regular, content.len(), 0o644), path, content)?;
    builder.into_inner()
}

fn header(kind: EntryType, size: usize, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(MODIFIED);
    header
}

struct Archive<'a> {
    builder: tar::Builder<&'a mut Pieces>,
    directories: BTreeSet<String>,
}

impl Archive<'_> {
    fn file(&mut self, path: &str, content: &[u8], mode: u32) -> io::Result<()> {
        self.parents(path)?;
        self.builder.append_data(&mut header(EntryType::Regular, content.len(), mode), path, content)
    }

    fn link(&mut self, path: &str, target: &[u8]) -> io::Result<()> {
        self.parents(path)?;
        let target = Path::new(OsStr::from_bytes(target));
        self.builder.append_link(&mut header(EntryType::Symlink, 0, 0o777), path, target)
    }

    fn parents(&mut self, path: &str) -> io::Result<()> {
        for (at, _) in path.match_indices('/') {
            let directory = &path[..at];
            if self.directories.insert(directory.to_owned()) {
                let mut header = header(EntryType::Directory, 0, 0o755);
                self.builder.append_data(&mut header, format!("{directory}/"), io::empty())?;
            }
        }
        Ok(())
    }
}

/// A blocking writer whose pieces are taken elsewhere.
struct Pieces {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(data);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.pieces.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use futures_util::TryStreamExt as _;

    use super::*;

    #[tokio::test]
    async fn files_links_and_our_dotenv_go_in() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("web/src")).unwrap();
        std::fs::write(folder.path().join("web/src/a.js"), "a").unwrap();
        std::fs::write(folder.path().join("web/.env"), "theirs").unwrap();
        std::os::unix::fs::symlink("src/a.js", folder.path().join("web/link")).unwrap();
        let contents = Contents {
            checkout: Arc::new(Checkout::of_folder(folder.path()).unwrap()),
            below: String::new(),
            only: None,
            ours: vec![OurFile { path: "web/.env".to_owned(), text: SecretString::from("OURS='1'\n"), mode: 0o600 }],
        };
        let listing = listing_of(contents).await;
        assert_eq!(listing, ["web/ ", "web/link src/a.js", "web/src/ ", "web/src/a.js a", "web/.env OURS='1'"]);

        let contents = Contents {
            checkout: Arc::new(Checkout::of_folder(folder.path()).unwrap()),
            below: "web".to_owned(),
            only: Some(vec!["web/src/a.js".to_owned()]),
            ours: Vec::new(),
        };
        assert_eq!(listing_of(contents).await, ["src/ ", "src/a.js a"]);
    }

    async fn listing_of(contents: Contents) -> Vec<String> {
        let bytes = contents.into_stream().try_fold(Vec::new(), async |mut all, piece| {
            all.extend_from_slice(&piece);
            Ok(all)
        });
        let bytes = bytes.await.unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut listing = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let target = entry.link_name().unwrap().map(|target| target.display().to_string());
            listing.push(format!("{} {}{}", entry.path().unwrap().display(), text.trim(), target.unwrap_or_default()));
        }
        listing
    }
}
