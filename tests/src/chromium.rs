//! The browser of this machine.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// Where Chromium is, under whichever name.
///
/// # Errors
/// When there is none on the path.
pub fn chromium() -> Result<PathBuf> {
    let directories = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&directories)
        .flat_map(|directory| names.map(|name| directory.join(name)))
        .find(|path| path.is_file())
        .context("no Chromium on the path: run scripts/ensure-test-tools (`make test` does)")
}
