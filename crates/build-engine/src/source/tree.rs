//! The files of a commit are listed with their sizes, and judged, before any of them is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use berth_model::BuildLimits;
use git2::{ObjectType, Odb, Oid, Repository};
use tokio_util::sync::CancellationToken;

use super::failures;
use crate::BuildError;
use crate::checkout::{Checkout, Entry, EntryKind};

/// A single file is read into memory as a whole; hosts take none larger either.
pub(super) const MOST_FILE_BYTES: u64 = 100 << 20;
/// One directory's own object.
pub(super) const MOST_TREE_BYTES: usize = 32 << 20;
/// The commit's own object: its message.
pub(super) const MOST_COMMIT_BYTES: usize = 1 << 20;
/// All paths together: the same directories, named again and again, take no room in git.
const MOST_PATHS_BYTES: usize = 64 << 20;
const MOST_DEPTH: usize = 128;
const MOST_PATH_BYTES: usize = 4_096;
/// A pointer of git LFS is a text of about 130 bytes.
const LFS_POINTER_BYTES: std::ops::RangeInclusive<u64> = 100..=400;
const LFS_POINTER_START: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What a commit holds.
pub(super) struct Listing {
    entries: BTreeMap<String, Entry>,
    notes: Vec<String>,
}

impl Listing {
    pub(super) fn into_checkout(self, repository: Repository, directory: PathBuf) -> (Checkout, Vec<String>) {
        (Checkout::of_commit(self.entries, repository, directory), self.notes)
    }
}

/// Whether a commit is there, and one that may be read.
///
/// # Errors
/// Theirs, for what is no commit or a very large one.
pub(super) fn has_commit(repository: &Repository, commit: Oid) -> Result<bool, BuildError> {
    let header = repository.odb().and_then(|odb| odb.read_header(commit));
    match header {
        Ok((size, ObjectType::Commit)) if size <= MOST_COMMIT_BYTES => Ok(true),
        Ok(_) => Err(failures::malformed("the commit is not one, or is larger than 1 MiB")),
        Err(_) => Ok(false),
    }
}

/// Lists the files of `commit`. The walk ends as soon as a limit is passed: a small commit can name a directory a
/// million times over.
pub(super) fn list(
    repository: &Repository,
    commit: Oid,
    limits: &BuildLimits,
    cancel: &CancellationToken,
) -> Result<Listing, BuildError> {
    let unreadable = |_| failures::malformed("an object of the commit is missing or broken");
    let odb = repository.odb().map_err(unreadable)?;
    let top = repository.find_commit(commit).map_err(unreadable)?.tree_id();

    let mut entries = BTreeMap::new();
    let mut submodules = Vec::new();
    let (mut seen, mut bytes, mut of_paths) = (0_u64, 0_u64, 0_usize);
    let mut waiting = vec![(String::new(), top, 0_usize)];
    while let Some((directory, id, depth)) = waiting.pop() {
        if cancel.is_cancelled() {
            return Err(BuildError::Canceled);
        }
        if depth > MOST_DEPTH {
            return Err(failures::malformed("directories are nested more than 128 deep"));
        }
        let (size, kind) = odb.read_header(id).map_err(unreadable)?;
        if kind != ObjectType::Tree || size > MOST_TREE_BYTES {
            return Err(failures::malformed("a directory of the commit is not one, or is larger than 32 MiB"));
        }
        let tree = repository.find_tree(id).map_err(unreadable)?;
        for entry in &tree {
            seen += 1;
            if seen > limits.source_files {
                return Err(failures::too_many_files(limits.source_files));
            }
            let path = join(&directory, entry.name_bytes())?;
            of_paths += path.len();
            if of_paths > MOST_PATHS_BYTES {
                return Err(failures::malformed("the paths of its files are longer than 64 MiB together"));
            }
            let kind = match entry.filemode_raw() {
                0o040_000 => {
                    waiting.push((path, entry.id(), depth + 1));
                    continue;
                }
                0o160_000 => {
                    submodules.push(path);
                    continue;
                }
                0o120_000 => EntryKind::Link,
                0o100_755 => EntryKind::File { executable: true },
                mode if mode & 0o170_000 == 0o100_000 => EntryKind::File { executable: mode & 0o100 != 0 },
                mode => return Err(failures::malformed(&format!("{path} has the unknown mode {mode:o}"))),
            };
            let size = file_size(&odb, &path, entry.id())?;
            bytes = bytes.saturating_add(size);
            if bytes > limits.source_bytes {
                return Err(failures::checkout_too_large(limits.source_bytes));
            }
            if entries.insert(path.clone(), Entry { kind, size, id: Some(entry.id()) }).is_some() {
                return Err(failures::malformed(&format!("{path} is named twice")));
            }
        }
    }
    let clash = entries.keys().find(|path| {
        entries.range(format!("{path}/")..).next().is_some_and(|(next, _)| next.starts_with(&format!("{path}/")))
    });
    if let Some(path) = clash {
        return Err(failures::malformed(&format!("{path} is a file and a directory")));
    }
    let mut notes = Vec::new();
    submodules.sort();
    notes.extend(submodules.iter().map(|path| format!("{path} is a submodule; submodules are not fetched")));
    notes.extend(lfs_note(&odb, &entries)?);
    Ok(Listing { entries, notes })
}

fn file_size(odb: &Odb<'_>, path: &str, id: Oid) -> Result<u64, BuildError> {
    let broken = || failures::malformed(&format!("{path} is missing or broken"));
    let (size, kind) = odb.read_header(id).map_err(|_| broken())?;
    let size = size as u64;
    match kind {
        ObjectType::Blob if size <= MOST_FILE_BYTES => Ok(size),
        ObjectType::Blob => Err(failures::file_too_large(path, MOST_FILE_BYTES)),
        _ => Err(broken()),
    }
}

/// A path that stays inside: git's own tools make no other, but a tree's bytes are the pusher's.
fn join(directory: &str, name: &[u8]) -> Result<String, BuildError> {
    let shown = String::from_utf8_lossy(name);
    let Ok(name) = std::str::from_utf8(name) else {
        return Err(failures::malformed(&format!("the file name {shown} is not UTF-8")));
    };
    let escapes = matches!(name, "" | "." | "..") || name.contains(['/', '\0']) || name.eq_ignore_ascii_case(".git");
    if escapes || name.len() > 255 {
        let shown: String = shown.chars().take(80).collect();
        return Err(failures::malformed(&format!("{shown:?} cannot be a file name")));
    }
    let path = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
    if path.len() > MOST_PATH_BYTES {
        return Err(failures::malformed("a path is longer than 4,096 bytes"));
    }
    Ok(path)
}

/// Only repositories that say that they use LFS are looked through for its pointers.
fn lfs_note(odb: &Odb<'_>, entries: &BTreeMap<String, Entry>) -> Result<Option<String>, BuildError> {
    let starts_with = |entry: &Entry, wanted: fn(&[u8]) -> bool| {
        entry.id.and_then(|id| odb.read(id).ok()).is_some_and(|object| wanted(object.data()))
    };
    let uses_lfs = |bytes: &[u8]| bytes.windows(10).any(|window| window == b"filter=lfs");
    let says_so = entries
        .iter()
        .filter(|(path, entry)| path.rsplit('/').next() == Some(".gitattributes") && entry.size <= 1 << 20)
        .any(|(_, entry)| starts_with(entry, uses_lfs));
    if !says_so {
        return Ok(None);
    }
    let pointers: Vec<&str> = entries
        .iter()
        .filter(|(_, entry)| LFS_POINTER_BYTES.contains(&entry.size))
        .filter(|(_, entry)| starts_with(entry, |bytes| bytes.starts_with(LFS_POINTER_START)))
        .map(|(path, _)| path.as_str())
        .collect();
    Ok(pointers.first().map(|first| match pointers.len() {
        1 => format!("{first} is kept in git LFS; LFS files are not fetched, the site gets its pointer"),
        n => format!(
            "{first} and {} more are kept in git LFS; LFS files are not fetched, the site gets their pointers",
            n - 1
        ),
    }))
}
