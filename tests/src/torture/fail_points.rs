//! The test's side of `berth-fail-points`: which steps it did, and at which it is to die.

use std::path::PathBuf;

use anyhow::{Context, Result};
use tempfile::TempDir;

/// The setting that makes [`crate::Berth`] start the binary with fail points.
pub(crate) const FAIL_POINTS: &str = "FAIL_POINTS";

/// Where one Berth writes its steps down, and reads where it ends.
pub struct FailPoints(TempDir);

impl FailPoints {
    /// A place for one Berth.
    ///
    /// # Errors
    /// When there is no temporary directory.
    pub fn new() -> Result<Self> {
        Ok(Self(TempDir::with_prefix("berth-test-steps-")?))
    }

    /// What the Berth's environment says.
    #[must_use]
    pub fn setting(&self) -> (&'static str, String) {
        (FAIL_POINTS, self.0.path().display().to_string())
    }

    /// It dies at this step: the `7`th from now, or the `2 release renamed`: the second from now of that name.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn arm(&self, at: &str) -> Result<()> {
        // At once whole: it is read at every step.
        let new = self.0.path().join("at.new");
        std::fs::write(&new, at)?;
        Ok(std::fs::rename(new, self.at())?)
    }

    /// It does not die any more.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn disarm(&self) -> Result<()> {
        std::fs::remove_file(self.at()).context("fail points were not armed")
    }

    /// The steps since Berth started.
    ///
    /// # Errors
    /// Before the first start.
    pub fn steps(&self) -> Result<Vec<String>> {
        let text = std::fs::read_to_string(self.0.path().join("steps")).context("the steps of berth-fail-points")?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn at(&self) -> PathBuf {
        self.0.path().join("at")
    }
}
