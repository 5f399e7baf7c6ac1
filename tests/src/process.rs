//! What a running Berth occupies, as the kernel counts it.

use anyhow::{Context, Result};

use crate::Berth;

/// Berth's process, until it ends.
pub struct Process(String);

impl Berth {
    /// The process that runs now.
    ///
    /// # Errors
    /// When none does.
    pub fn process(&self) -> Result<Process> {
        Ok(Process(format!("/proc/{}", self.process_id().context("berth does not run")?)))
    }
}

impl Process {
    /// Its memory, in KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn memory_kib(&self) -> Result<u64> {
        self.number_of("VmRSS:")
    }

    /// The most memory that it had at once, in KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn most_memory_kib(&self) -> Result<u64> {
        self.number_of("VmHWM:")
    }

    /// From now on [`Process::most_memory_kib`] counts anew.
    ///
    /// # Errors
    /// When it has ended.
    pub fn forget_most_memory(&self) -> Result<()> {
        Ok(std::fs::write(format!("{}/clear_refs", self.0), "5")?)
    }

    /// How many files it has open, connections among them.
    ///
    /// # Errors
    /// When it has ended.
    pub fn open_files(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("{}/fd", self.0))?.count())
    }

    fn number_of(&self, name: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("{}/status", self.0))?;
        let number = status.lines().find_map(|line| line.strip_prefix(name)).context("the process has ended")?;
        Ok(number.trim().trim_end_matches(" kB").parse()?)
    }
}
