//! A published release, opened: its directory and its index.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::error::EdgeError;
use crate::index::{Coding, Entry, Index, layout};

/// An immutable directory of files with the index that was written when it was published.
#[derive(Debug)]
pub struct Release {
    directory: PathBuf,
    index: Index,
}

impl Release {
    /// Reads the index of a release directory.
    ///
    /// # Errors
    /// When there is none or it is damaged.
    pub fn open(directory: &Path) -> Result<Self, EdgeError> {
        let index = Index::parse(std::fs::read(directory.join(layout::INDEX_FILE))?)?;
        Ok(Self { directory: directory.to_owned(), index })
    }

    /// The deployment it belongs to.
    #[must_use]
    pub fn deployment(&self) -> i64 {
        self.index.deployment()
    }

    /// Its files.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Opens one form of a file and checks that it has the length it was published with.
    pub(crate) fn open_file(&self, entry: &Entry<'_>, coding: Coding) -> io::Result<File> {
        let stored = entry.stored(coding).ok_or(io::ErrorKind::NotFound)?;
        let path = match coding {
            Coding::Identity => self.directory.join(entry.path()),
            _ => self.directory.join(layout::compressed_file(coding, stored.hash)),
        };
        let file =
            File::from(rustix::fs::open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?);
        if file.metadata()?.len() != stored.length {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its length is not the published one"));
        }
        Ok(file)
    }
}
