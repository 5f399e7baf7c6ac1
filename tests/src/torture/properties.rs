//! The property tests of all crates, with many more inputs than `cargo test` gives them.

use std::process::Command;

use anyhow::{Context, Result};

use super::Tally;

/// What their tests are called by: modules, and those that have none to themselves. None sets its own number of inputs.
const NAMES: &[&str] = &[
    "properties::",
    "anything::",
    "any_body::",
    "a_branch_that_is_taken_is_one_for_git",
    "a_directory_that_is_taken_is_inside",
    "a_name_that_is_taken_is_a_label",
    "a_percentile_is_off_by_a_fifth_at_most",
    "any_parts_make_a_label",
    "everything_is_found",
    "no_archive_is_a_fault_of_ours",
    "pieces_change_nothing",
];

/// Runs them with so many inputs each; what is counted is inputs.
///
/// # Errors
/// When cargo does not run.
pub fn properties(inputs: u64) -> Result<Tally> {
    let mut command = Command::new("cargo");
    // Of the whole workspace, because fewer crates would be compiled anew with fewer features.
    command.args(["test", "--workspace", "--no-fail-fast", "--"]).args(NAMES);
    command.env("PROPTEST_CASES", inputs.to_string());
    let output = command.output().context("running cargo test")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut tally = Tally::default();
    let tests: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("test ")).collect();
    for name in NAMES {
        if !tests.iter().any(|test| test.contains(name)) {
            tally.failures.push(format!("no test is called {name} any more"));
        }
    }
    for line in tests {
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
