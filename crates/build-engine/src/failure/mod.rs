//! How a command ended becomes a failure in words.

mod recognise;

use std::time::Duration;

use berth_model::words::{Bytes, Seconds};
use berth_model::{BuildLimits, Failure, FailureCode};

use crate::log::Excerpt;

/// Which command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Install,
    Build,
}

/// Why a command ended with `exit_code`, by its exit state first and by what it printed second.
pub(crate) fn of_command(
    command: Command,
    exit_code: i64,
    oom_killed: bool,
    excerpt: &Excerpt,
    limits: &BuildLimits,
) -> Failure {
    if oom_killed || exit_code == 137 && recognise::is_out_of_memory(excerpt) {
        return out_of_memory(exit_code, limits);
    }
    if let Some(failure) = recognise::by_output(exit_code, excerpt, limits) {
        return failure;
    }
    let (code, what, field) = match command {
        Command::Install => (FailureCode::InstallFailed, "installing dependencies", "installCommand"),
        Command::Build => (FailureCode::CommandFailed, "the build command", "buildCommand"),
    };
    let title = match exit_code {
        137 => format!("exit code 137: {what} was killed"),
        143 => format!("exit code 143: {what} was told to stop"),
        _ => format!("exit code {exit_code}: {what} failed"),
    };
    let (line, last) = recognise::telling_line(excerpt);
    let detail = match last {
        Some(last) => format!("Its output says: {last}"),
        None => "It printed nothing that says why.".to_owned(),
    };
    let failure = Failure::new(code, title, detail).with_setting(field);
    match line {
        Some(line) => failure.at_line(line),
        None => failure,
    }
}

/// Why a command that ended well left nothing: what it printed may say more than the empty place does.
pub(crate) fn of_silent_command(excerpt: &Excerpt, limits: &BuildLimits) -> Option<Failure> {
    recognise::by_output(0, excerpt, limits)
}

fn out_of_memory(exit_code: i64, limits: &BuildLimits) -> Failure {
    let memory = Bytes(limits.memory);
    Failure::new(
        FailureCode::OutOfMemory,
        format!(
            "exit code {exit_code}: the build was stopped because it used more than {memory} of memory \
             (limit: BERTH_BUILD_MEMORY)"
        ),
        format!(
            "Give the build less to hold at once (fewer workers, no source maps, a smaller --max-old-space-size), or ask \
             the operator for more than {memory}."
        ),
    )
    .with_setting("BERTH_BUILD_MEMORY")
}

/// The build took longer than it may.
pub(crate) fn timed_out(limit: Duration) -> Failure {
    Failure::new(
        FailureCode::TimedOut,
        format!("the build was stopped after {} (limit: BERTH_BUILD_TIMEOUT)", Seconds(limit)),
        "A command that waits for input or keeps watching files never ends: let the build command build once and exit. \
         If it really takes that long, ask the operator for more time.",
    )
    .with_setting("BERTH_BUILD_TIMEOUT")
}

/// The disk or its inodes ran low while the build wrote.
pub(crate) fn no_space() -> Failure {
    Failure::new(
        FailureCode::NoSpace,
        "the build was stopped because the disk is almost full",
        "This build wrote files until too little space was left for others. If it should not write so much, look for \
         what it writes; else ask the operator for more disk.",
    )
}

#[cfg(test)]
mod tests;
