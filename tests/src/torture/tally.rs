//! What a case tried, and what came of it.

use anyhow::{Error, Result, bail};

/// How often something was tried, and what did not survive.
#[derive(Debug, Default)]
pub struct Tally {
    /// Kills, requests, builds: whatever the case counts.
    pub tried: u64,
    /// What went wrong, each with its reason.
    pub failures: Vec<String>,
    /// What else was measured, for the table.
    pub note: String,
}

impl Tally {
    /// One more; the reason if it did not survive.
    pub fn count(&mut self, outcome: Result<(), Error>) {
        self.tried += 1;
        if let Err(reason) = outcome {
            self.failures.push(format!("{reason:#}"));
        }
    }

    /// Adds another tally of the same case.
    pub fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.failures.extend(other.failures);
        if !other.note.is_empty() {
            self.note = other.note;
        }
    }

    /// A test's verdict: something was tried, and all of it survived.
    ///
    /// # Errors
    /// Tells what did not survive.
    pub fn verdict(self, at_least: u64) -> Result<Self> {
        if !self.failures.is_empty() {
            bail!("{} of {} did not survive:\n{}", self.failures.len(), self.tried, self.failures.join("\n"));
        }
        if self.tried < at_least {
            bail!("only {} were tried, at least {at_least} were to be", self.tried);
        }
        Ok(self)
    }
}
