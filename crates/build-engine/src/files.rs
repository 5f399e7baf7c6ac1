//! Directories that a build owns.

use std::io;
use std::path::Path;

/// Removes a directory of ours with everything in it; links in it are removed, not followed. What cannot be removed
/// is swept at the next start. Returns whether it is gone.
pub(crate) fn remove_directory(path: &Path) -> bool {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "a build's directory could not be removed");
            false
        }
        _ => {
            berth_model::step!("build's directory removed");
            true
        }
    }
}
