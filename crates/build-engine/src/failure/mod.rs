//! How a build ended becomes a failure in words.
//!
//! The exit state speaks first: a process that was killed at the memory limit, a signal. Then the output: [`known`]
//! holds the lines by which tools show their failures, [`output`] finds the one that tells most. What is not known
//! for certain gets the exit code and the line that looks like the reason, and no advice: wrong advice costs its reader
//! more than none.

mod known;
mod output;
mod signal;

use std::time::Duration;

use berth_model::words::{Bytes, Seconds};
use berth_model::{BuildLimits, Failure, FailureCode};
use berth_runtime::{EngineConfig, ExecEnd};
use berth_secrets::SecretsError;

use crate::Checkout;
use crate::log::Excerpt;
use known::Seen;

/// Which command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Install,
    Build,
    /// A `RUN` of the repository's own Dockerfile, of which the builder tells nothing but the exit code.
    Step,
}

impl Command {
    fn what(self) -> &'static str {
        match self {
            Self::Install => "installing dependencies",
            Self::Build => "the build command",
            Self::Step => "a step of the Dockerfile",
        }
    }
}

/// What a command printed, and what it worked on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) excerpt: &'a Excerpt,
    pub(crate) limits: &'a BuildLimits,
    pub(crate) checkout: &'a Checkout,
    /// The project's directory in the commit.
    pub(crate) root: &'a str,
    /// What containers may reach.
    pub(crate) sandbox: &'a EngineConfig,
}

/// Why a command ended with anything but 0.
pub(crate) fn of_command(command: Command, end: ExecEnd, scene: &Scene<'_>) -> Failure {
    let ExecEnd { exit_code, oom_killed } = end;
    if oom_killed {
        return out_of_memory(command, exit_code, scene);
    }
    if let Some(signal) = signal::of_exit_code(exit_code) {
        // Node gives up by a signal when its heap is full, and says so.
        return output::explain(known::machine(), exit_code, scene)
            .unwrap_or_else(|| signal::failure(command, exit_code, signal, scene));
    }
    output::explain(known::all(), exit_code, scene).unwrap_or_else(|| unknown(command, exit_code, scene))
}

/// Why a command that ended well left nothing: the machine's limits may say more than the empty place does.
pub(crate) fn of_silent_command(scene: &Scene<'_>) -> Option<Failure> {
    output::explain(known::machine(), 0, scene)
}

/// Its exit code and what it said last, without advice.
fn unknown(command: Command, exit_code: i64, scene: &Scene<'_>) -> Failure {
    let (code, field) = match command {
        Command::Install => (FailureCode::InstallFailed, Some("installCommand")),
        Command::Build => (FailureCode::CommandFailed, Some("buildCommand")),
        Command::Step => (FailureCode::CommandFailed, None),
    };
    let step = if command == Command::Step { output::last_step(scene.excerpt) } else { None };
    let (line, what) = match step {
        Some((line, step)) => (line, format!("the step `{step}` of the Dockerfile")),
        None => (None, command.what().to_owned()),
    };
    let mut failure =
        telling(Failure::new(code, format!("exit code {exit_code}: {what} failed"), String::new()), scene);
    failure.line = failure.line.or(line);
    match field {
        Some(field) => failure.with_setting(field),
        None => failure,
    }
}

/// Adds the line of the output that most likely says why.
fn telling(mut failure: Failure, scene: &Scene<'_>) -> Failure {
    let says = match output::telling_line(scene.excerpt) {
        Some((number, line)) => {
            failure.line = number;
            format!("Its output says: {line}")
        }
        None => "It printed nothing that says why.".to_owned(),
    };
    failure.detail = match failure.detail.as_str() {
        "" => says,
        advice => format!("{}. {advice}", says.trim_end_matches('.')),
    };
    failure
}

fn out_of_memory(command: Command, exit_code: i64, scene: &Scene<'_>) -> Failure {
    let memory = Bytes(scene.limits.memory);
    // A killed worker of a bundler ends its parent with a code of the parent's own.
    let who = match (exit_code, command) {
        (137, Command::Build | Command::Step) => "the build was stopped because it",
        (137, Command::Install) => "installing dependencies was stopped because it",
        _ => "a process was stopped because the build",
    };
    let mut failure = Failure::new(
        FailureCode::OutOfMemory,
        format!("exit code {exit_code}: {who} used more than {memory} of memory (limit: BERTH_BUILD_MEMORY)"),
        format!(
            "Give the build less to hold at once (fewer workers, no source maps, a smaller --max-old-space-size), or ask \
             the operator for more than {memory}."
        ),
    );
    // Where it was when it happened.
    failure.line = output::last_line(scene.excerpt).and_then(|(number, _)| number);
    failure.with_setting("BERTH_BUILD_MEMORY")
}

/// The build took longer than it may; `excerpt` is of the command that ran.
pub(crate) fn timed_out(limit: Duration, excerpt: &Excerpt) -> Failure {
    let mut detail =
        "A command that waits for input or keeps watching files never ends: let the build command build once \
                      and exit. If it really takes that long, ask the operator for more time."
            .to_owned();
    let last = output::last_line(excerpt);
    if let Some((_, line)) = &last {
        detail = format!("The last that it printed: {line}. {detail}");
    }
    let mut failure = Failure::new(
        FailureCode::TimedOut,
        format!("the build was stopped after {} (limit: BERTH_BUILD_TIMEOUT)", Seconds(limit)),
        detail,
    );
    failure.line = last.and_then(|(number, _)| number);
    failure.with_setting("BERTH_BUILD_TIMEOUT")
}

/// What ran low while the build wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// Bytes.
    Space { left: u64, floor: u64, written: u64 },
    /// The number of files that a file system can hold.
    Inodes { left: u64, floor: u64, written: u64 },
}

/// The disk ran low, and this build is a reason for it.
pub(crate) fn no_space(short: Short) -> Failure {
    let (title, did) = match short {
        Short::Space { left, floor, written } => (
            format!("the build was stopped because the disk has {} left (limit: {})", Bytes(left), Bytes(floor)),
            format!("This build wrote {}", Bytes(written)),
        ),
        Short::Inodes { left, floor, written } => (
            format!("the build was stopped because the disk has room for {left} more files (limit: {floor})"),
            format!("This build wrote {written} files"),
        ),
    };
    Failure::new(
        FailureCode::NoSpace,
        title,
        format!(
            "{did}, until too little was left for others. If it should not write so much, look for what it writes; else \
             ask the operator for more disk."
        ),
    )
}

/// What is stored of a project's secrets cannot be opened: its key was lost, or it was altered. Nothing of the repository
/// is at fault, and only this build needs it.
pub(crate) fn does_not_open(what: &str, setting: &str, why: &SecretsError) -> Failure {
    let operator = match why {
        SecretsError::UnknownKey(id) => {
            format!("Or ask the operator for the encryption key {id} (ENCRYPTION_KEY_PREVIOUS), and build again.")
        }
        _ => "It was altered, or moved in the database: no key opens it.".to_owned(),
    };
    let detail = format!("Berth keeps it, but not in a form that it can read any more. Set it anew. {operator}");
    Failure::new(FailureCode::SecretUnreadable, format!("{what} cannot be opened"), detail).with_setting(setting)
}

#[cfg(test)]
mod tests;
