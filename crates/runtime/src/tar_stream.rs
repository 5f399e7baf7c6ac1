//! Tar archives on their way to the daemon.
//!
//! The daemon guesses from the first bytes whether an archive is compressed, and decompresses what looks like it,
//! with programs that it finds in the container. An uncompressed archive begins with its first file's *name*, which the
//! repository chose. So every archive gets an entry of ours in front, and nothing is left to guess.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

/// An uncompressed tar archive in chunks.
pub type TarStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// An archive that is in memory already.
#[must_use]
pub fn tar_from_bytes(archive: impl Into<Bytes>) -> TarStream {
    Box::pin(stream::once(std::future::ready(Ok(archive.into()))))
}

/// An archive that is read as the daemon takes it.
#[must_use]
pub fn tar_from_reader(archive: impl AsyncRead + Send + 'static) -> TarStream {
    Box::pin(ReaderStream::with_capacity(archive, 64 << 10))
}

/// Why an archive broke off before its end. The HTTP client would only say that something did.
#[derive(Clone, Default)]
pub(crate) struct Broken(Arc<Mutex<Option<io::Error>>>);

impl Broken {
    /// The reason, once.
    pub(crate) fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The archive with the entry `./` (a directory, 0755, root) in front.
pub(crate) fn plainly(archive: TarStream) -> (TarStream, Broken) {
    let broken = Broken::default();
    let noted = broken.clone();
    let archive = archive.map_err(move |error| {
        let kind = error.kind();
        *noted.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        kind.into()
    });
    (Box::pin(stream::once(std::future::ready(Ok(root_entry()))).chain(archive)), broken)
}

fn root_entry() -> Bytes {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..2].copy_from_slice(b"./");
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o755);
    header.set_size(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    Bytes::copy_from_slice(header.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_in_front_is_a_directory_named_dot() {
        let mut archive = root_entry().to_vec();
        archive.extend_from_slice(&[0; 1_024]);
        let mut archive = tar::Archive::new(&archive[..]);
        let entries: Vec<_> = archive.entries().unwrap().map(|entry| entry.unwrap().path_bytes().to_vec()).collect();
        assert_eq!(entries, [b"./".to_vec()]);
    }
}
