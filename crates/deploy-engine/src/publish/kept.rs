//! What the releases that a project still has hold already: a file that is there is linked, not written again, and its
//! compressed forms are not made again.
//!
//! A link keeps the content for as long as anybody has it, so the release that it came from may be pruned meanwhile or
//! later. Nothing is taken over that might be changed: a file that was written to after its release was published (by
//! an operator, who should not) is left alone.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use berth_edge::index::{Coding, ContentHash, Index, Stored, layout};

use super::compress;
use crate::parts;

/// Of so many releases the newest date is one of all: they are in the order in which they were published.
const DATED: usize = 8;

/// A release of the project, complete on disk.
struct Kept {
    directory: PathBuf,
    index: Index,
    /// When it was published.
    since: SystemTime,
}

impl Kept {
    fn open(directory: PathBuf) -> Option<Self> {
        let file = directory.join(layout::INDEX_FILE);
        let since = fs::metadata(&file).and_then(|found| found.modified()).ok()?;
        let index = Index::parse(fs::read(&file).ok()?).ok()?;
        Some(Self { directory, index, since })
    }

    /// Itself, and the releases of further services in it.
    fn with_parts(self) -> impl Iterator<Item = Self> {
        let further = parts::further(&self.directory).unwrap_or_default();
        std::iter::once(self).chain(further.into_iter().filter_map(Self::open))
    }
}

/// Contents that a new release has in common with older ones.
#[derive(Debug, Default)]
pub(super) struct KeptContents(HashMap<ContentHash, KeptContent>);

/// One such content.
#[derive(Debug)]
pub(super) struct KeptContent {
    directory: PathBuf,
    path: String,
    since: SystemTime,
    /// Its compressed forms, those of them that saved something.
    pub(super) compressed: Vec<(Coding, Stored)>,
    /// Whether its other compressed forms were tried, by the rule that holds today, and saved nothing.
    pub(super) is_compressed_by_rule: bool,
}

impl KeptContents {
    /// Looks the contents up in the releases below a project's directory, newest first. One content that is new, and the
    /// index of every release is read: reading a hundred of them costs less than keeping one file twice.
    pub(super) fn find(of_project: &Path, wanted: &[Stored]) -> Self {
        let mut missing: HashMap<ContentHash, u64> = wanted.iter().map(|stored| (stored.hash, stored.length)).collect();
        let mut found = HashMap::new();
        for kept in newest(of_project).flat_map(Kept::with_parts) {
            if missing.is_empty() {
                break;
            }
            for entry in kept.index.entries() {
                let Some(identity) = entry.stored(Coding::Identity) else { continue };
                if missing.get(&identity.hash) != Some(&identity.length) {
                    continue;
                }
                missing.remove(&identity.hash);
                let compressed: Vec<_> =
                    Coding::COMPRESSED.into_iter().filter_map(|coding| Some((coding, entry.stored(coding)?))).collect();
                let by_rule = kept.index.compression_rule() == compress::RULE;
                let content = KeptContent {
                    directory: kept.directory.clone(),
                    path: entry.path().to_owned(),
                    since: kept.since,
                    is_compressed_by_rule: by_rule && compress::is_worth_trying(entry.path(), identity.length),
                    compressed: if by_rule { compressed } else { Vec::new() },
                };
                found.insert(identity.hash, content);
            }
        }
        Self(found)
    }

    pub(super) fn get(&self, content: Stored) -> Option<&KeptContent> {
        self.0.get(&content.hash)
    }
}

impl KeptContent {
    /// Puts the file that is kept in the place of `file`, which has the same content. Where that cannot be, because the
    /// release goes at this moment or the file system has no more links for it, `file` stays as it is.
    pub(super) fn link(&self, length: u64, file: &Path, spare: &Path) {
        let kept = self.directory.join(&self.path);
        if self.is_unchanged(&kept, length) {
            replace_by_link(&kept, file, spare);
        }
    }

    /// Links one of its compressed forms into the new release; whether that could be done.
    pub(super) fn link_compressed(&self, release: &Path, coding: Coding, stored: Stored) -> bool {
        let name = layout::compressed_file(coding, stored.hash);
        let kept = self.directory.join(&name);
        self.is_unchanged(&kept, stored.length)
            && match fs::hard_link(&kept, release.join(&name)) {
                Ok(()) => true,
                Err(error) => error.kind() == io::ErrorKind::AlreadyExists,
            }
    }

    fn is_unchanged(&self, kept: &Path, length: u64) -> bool {
        fs::symlink_metadata(kept).is_ok_and(|found| {
            found.is_file() && found.len() == length && found.modified().is_ok_and(|modified| modified <= self.since)
        })
    }
}

/// Puts a link to `kept` where `file` is, by way of a name that nothing has; one that cannot be made changes nothing.
pub(super) fn replace_by_link(kept: &Path, file: &Path, spare: &Path) {
    if fs::hard_link(kept, spare).is_ok() {
        berth_model::step!("content linked");
        if fs::rename(spare, file).is_err() {
            let _ = fs::remove_file(spare);
        }
        berth_model::step!("link renamed over its file");
    }
}

/// The newest second at which a release of the project was published.
pub(super) fn last_published(of_project: &Path) -> u32 {
    newest(of_project).take(DATED).map(|kept| kept.index.published()).max().unwrap_or_default()
}

/// The releases of a project, newest first, those that can be read. Each is read when it is asked for.
fn newest(of_project: &Path) -> impl Iterator<Item = Kept> {
    let number = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        Some((entry.file_name().to_str()?.parse::<i64>().ok()?, entry.path()))
    };
    let mut releases: Vec<(i64, PathBuf)> = fs::read_dir(of_project).into_iter().flatten().filter_map(number).collect();
    releases.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
    releases.into_iter().filter_map(|(_, directory)| Kept::open(directory))
}
