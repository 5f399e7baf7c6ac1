//! The files of a commit or of a folder, read one by one.
//!
//! A commit is not written out as a work tree: its files are read from the object database when they are needed (by
//! detection, on the way into a container, into a release). Nothing of it can lie outside, and nothing is written twice.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use git2::{Oid, Repository};

use crate::files;

/// Files that detection looks into are at most this large.
const MOST_TEXT_BYTES: u64 = 4 << 20;
/// What looking for a file costs, at the least.
const LEAST_READ: u64 = 4 << 10;

/// A tree of files; removes what it keeps on disk when it is dropped.
pub struct Checkout {
    entries: BTreeMap<String, Entry>,
    contents: Contents,
    /// Bytes that may still be read as text.
    readable: AtomicU64,
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) kind: EntryKind,
    /// Its size in bytes; of a link, the length of its target.
    pub(crate) size: u64,
    /// Where a commit's file is.
    pub(crate) id: Option<Oid>,
}

/// What an entry is. Directories are only the paths of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File { executable: bool },
    Link,
}

enum Contents {
    Commit { repository: Mutex<Repository>, directory: PathBuf },
    Folder(PathBuf),
}

impl Checkout {
    /// The files of a fetched commit; `directory` is removed with it.
    pub(crate) fn of_commit(entries: BTreeMap<String, Entry>, repository: Repository, directory: PathBuf) -> Self {
        Self::new(entries, Contents::Commit { repository: Mutex::new(repository), directory })
    }

    /// The files of a folder, for planning without git: `.git` and `node_modules` left out, links not followed.
    ///
    /// # Errors
    /// When the folder cannot be read, or holds more than 200,000 files.
    pub fn of_folder(path: &Path) -> io::Result<Self> {
        let mut entries = BTreeMap::new();
        let mut waiting = vec![(String::new(), path.to_owned())];
        while let Some((prefix, directory)) = waiting.pop() {
            for entry in std::fs::read_dir(&directory)? {
                let entry = entry?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                if matches!(name.as_str(), ".git" | "node_modules") {
                    continue;
                }
                let path = format!("{prefix}{name}");
                let metadata = entry.metadata()?;
                if metadata.is_dir() {
                    waiting.push((format!("{path}/"), entry.path()));
                } else if metadata.is_file() || metadata.is_symlink() {
                    let kind = if metadata.is_file() { EntryKind::File { executable: false } } else { EntryKind::Link };
                    entries.insert(path, Entry { kind, size: metadata.len(), id: None });
                }
                if entries.len() > 200_000 {
                    return Err(io::Error::other("the folder holds more than 200,000 files"));
                }
            }
        }
        Ok(Self::new(entries, Contents::Folder(path.to_owned())))
    }

    fn new(entries: BTreeMap<String, Entry>, contents: Contents) -> Self {
        Self { entries, contents, readable: AtomicU64::new(u64::MAX) }
    }

    /// From now on only so many bytes are read as text, each file counted each time; what is beyond is not there.
    pub(crate) fn limit_reading(&self, bytes: u64) {
        self.readable.store(bytes, Ordering::Relaxed);
    }

    /// Whether something was not read because of that.
    pub(crate) fn is_read_up(&self) -> bool {
        self.readable.load(Ordering::Relaxed) == 0
    }

    /// All files, by path.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// The files below a directory (`""`: all), with their whole paths.
    pub(crate) fn below(&self, directory: &str) -> impl Iterator<Item = (&str, &Entry)> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        self.entries
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .map(|(path, entry)| (path.as_str(), entry))
    }

    /// Whether there is a regular file at `path`.
    #[must_use]
    pub fn has_file(&self, path: &str) -> bool {
        matches!(self.entries.get(path), Some(Entry { kind: EntryKind::File { .. }, .. }))
    }

    /// Whether files lie below `path`.
    #[must_use]
    pub fn has_directory(&self, path: &str) -> bool {
        self.below(path).next().is_some()
    }

    /// A regular file as text; `None` where there is none, or it is larger than 4 MiB or not UTF-8, or where
    /// enough was read.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let entry = self.entries.get(path)?;
        if !matches!(entry.kind, EntryKind::File { .. }) || entry.size > MOST_TEXT_BYTES {
            return None;
        }
        let cost = entry.size.max(LEAST_READ);
        let pay = |left: u64| Some(left.saturating_sub(cost));
        if self.readable.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay).is_ok_and(|left| left < cost) {
            return None;
        }
        let text = String::from_utf8(self.read(path).ok()?).ok()?;
        Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    }

    /// A file's bytes, or a link's target.
    pub(crate) fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let entry = self.entries.get(path).ok_or(io::ErrorKind::NotFound)?;
        match &self.contents {
            Contents::Commit { repository, .. } => {
                let repository = repository.lock().unwrap_or_else(PoisonError::into_inner);
                let id = entry.id.ok_or(io::ErrorKind::NotFound)?;
                let blob = repository.find_blob(id).map_err(io::Error::other)?;
                Ok(blob.content().to_vec())
            }
            Contents::Folder(folder) if entry.kind == EntryKind::Link => {
                Ok(std::fs::read_link(folder.join(path))?.into_os_string().into_encoded_bytes())
            }
            Contents::Folder(folder) => {
                let mut bytes = Vec::new();
                std::fs::File::open(folder.join(path))?.take(entry.size).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        if let Contents::Commit { directory, .. } = &self.contents {
            files::remove_directory(directory);
        }
    }
}

impl fmt::Debug for Checkout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkout").field("files", &self.entries.len()).finish_non_exhaustive()
    }
}
