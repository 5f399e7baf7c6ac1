//! A commit's files become an artifact without a build.

use std::path::Path;

use berth_model::{BuildLimits, OutputDir};

use super::write::{Place, Writer, Written};
use crate::BuildError;
use crate::checkout::{Checkout, EntryKind};

/// Copies the files below `directory` of the checkout into `target`, which is made here. Reads and writes: for a
/// thread of its own.
///
/// # Errors
/// Theirs for what the files are; ours when they cannot be read or written.
pub(crate) fn copy(
    checkout: &Checkout,
    directory: &str,
    output: &OutputDir,
    target: &Path,
    limits: &BuildLimits,
) -> Result<Written, BuildError> {
    let mut writer = Writer::begin(target, limits)?;
    for (path, entry) in checkout.below(directory) {
        let inside = path.strip_prefix(directory).unwrap_or(path).trim_start_matches('/');
        if output.is_top() && inside.split('/').any(|part| part == "node_modules") {
            continue;
        }
        let place = match Writer::place(inside.as_bytes()) {
            Place::At(place) => place,
            Place::LeftOut => continue,
            Place::Unusable => {
                writer.drop_entry(inside.as_bytes(), "a name that cannot be published");
                continue;
            }
        };
        if entry.kind == EntryKind::Link {
            writer.drop_entry(inside.as_bytes(), "a symbolic link");
            continue;
        }
        let content = checkout.read(path).map_err(BuildError::ours)?;
        writer.file(&place, content.len() as u64, &mut content.as_slice())?;
    }
    Ok(writer.end())
}
