//! What a build hands to the deploy engine.

use std::path::PathBuf;

/// Static files in a staging directory: regular files (0644) and directories (0755) only, within the limits.
/// The directory is on the same file system as the releases, and belongs to whoever holds the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The staging directory.
    pub directory: PathBuf,
    /// How many regular files it holds.
    pub files: u64,
    /// Their sizes added up, in bytes.
    pub bytes: u64,
    /// `Some(true | false)`: the project's setting for the SPA fallback; `None`: decided by the files.
    pub spa_fallback: Option<bool>,
}
