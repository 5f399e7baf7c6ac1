//! A published release, opened: its directory and its index.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, OFlags};

use crate::conditional::HttpDate;
use crate::error::EdgeError;
use crate::index::{Coding, ContentHash, Entry, Index, layout};
use crate::mapping::Mapping;
use crate::open_files::OpenFiles;

/// An immutable directory of files with the index that was written when it was published.
#[derive(Debug)]
pub struct Release {
    directory: Box<Path>,
    index: Index,
    /// When it was published, as it stands in a header.
    last_modified: Option<HttpDate>,
    /// Large files that were asked for.
    mapped: Mutex<BTreeMap<ContentHash, Mapped>>,
}

#[derive(Debug)]
struct Mapped {
    mapping: Arc<Mapping>,
    /// Since it was last looked whether it can be closed.
    asked: bool,
}

impl Release {
    /// Reads the index of a release directory.
    ///
    /// # Errors
    /// When there is none or it is damaged.
    pub fn open(directory: &Path) -> Result<Self, EdgeError> {
        let index = Index::parse(std::fs::read(directory.join(layout::INDEX_FILE))?)?;
        let last_modified = (index.published() != 0).then(|| HttpDate::of(index.published()));
        Ok(Self { directory: directory.into(), index, last_modified, mapped: Mutex::default() })
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

    /// The `Last-Modified` of its files, if it is known when it was published.
    pub(crate) fn last_modified(&self) -> Option<HttpDate> {
        self.last_modified
    }

    /// Opens one form of a file and checks that it has the length it was published with.
    pub(crate) fn open_file(&self, entry: &Entry<'_>, coding: Coding) -> io::Result<File> {
        let stored = entry.stored(coding).ok_or(io::ErrorKind::NotFound)?;
        let path: PathBuf = match coding {
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

    /// One form of a file as a mapping, which stays open for the next request.
    pub(crate) fn map_file(
        self: &Arc<Self>,
        entry: &Entry<'_>,
        coding: Coding,
        open: &OpenFiles,
    ) -> io::Result<Arc<Mapping>> {
        let stored = entry.stored(coding).ok_or(io::ErrorKind::NotFound)?;
        if let Some(mapped) = self.mapped().get_mut(&stored.hash) {
            mapped.asked = true;
            return Ok(Arc::clone(&mapped.mapping));
        }
        let mapping = Arc::new(Mapping::of(self.open_file(entry, coding)?, stored.length)?);
        let mapped = Mapped { mapping: Arc::clone(&mapping), asked: false };
        if self.mapped().insert(stored.hash, mapped).is_none() {
            open.opened(self, stored.hash);
        }
        Ok(mapping)
    }

    /// Closes a large file; one that was asked for since the last time stays. Downloads that run keep theirs.
    pub(crate) fn close_unless_asked_for(&self, hash: ContentHash) -> bool {
        let mut mapped = self.mapped();
        let is_wanted = mapped.get_mut(&hash).is_some_and(|kept| std::mem::take(&mut kept.asked));
        if !is_wanted {
            mapped.remove(&hash);
        }
        !is_wanted
    }

    fn mapped(&self) -> MutexGuard<'_, BTreeMap<ContentHash, Mapped>> {
        self.mapped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
