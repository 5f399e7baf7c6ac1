//! The property tests of all crates, with many more inputs than `cargo test` gives them.

use std::process::Command;

use anyhow::{Context, Result};

use super::Tally;

/// Crates that have some.
const CRATES: &[&str] = &["berth-model", "berth-edge", "berth-build-engine", "berth-api"];

/// What their tests are called by.
const NAMES: &[&str] = &["properties", "anything", "any_body", "no_archive_is_a_fault_of_ours", "everything_is_found"];

/// Runs them with so many inputs each; what is counted is inputs.
///
/// # Errors
/// When cargo does not run.
pub fn properties(inputs: u64) -> Result<Tally> {
    let mut command = Command::new("cargo");
    command.args(["test", "--no-fail-fast"]).env("PROPTEST_CASES", inputs.to_string());
    command.args(CRATES.iter().flat_map(|name| ["-p", name])).arg("--").args(NAMES);
    let output = command.output().context("running cargo test")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut tally = Tally::default();
    for line in said.lines().filter_map(|line| line.strip_prefix("test ")) {
        match line.rsplit_once(" ... ") {
            Some((_, "ok")) => tally.tried += inputs,
            Some((name, "FAILED")) => {
                tally.tried += 1;
                tally.failures.push(format!("{name} does not hold"));
            }
            _ => {}
        }
    }
    if !output.status.success() && tally.failures.is_empty() {
        tally.failures.push(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    if !tally.failures.is_empty() {
        tally.failures.push(said.into_owned());
    }
    tally.note = format!("{inputs} inputs for each of {} properties", tally.tried / inputs.max(1));
    Ok(tally)
}
