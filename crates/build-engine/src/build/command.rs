//! Running one of the project's commands in its container.

use berth_model::BuildLimits;
use berth_runtime::{Container, EnvVar, Exec};

use super::space;
use crate::BuildError;
use crate::failure::{self, Command};
use crate::log::BuildLog;
use crate::run::Job;

/// Programs of the project's packages are found by their names, as in its scripts.
const SHELL: &str = r#"PATH="$BERTH_PROGRAMS:$PATH" exec sh -c "$0""#;

/// A command line of the project, with where and with what it runs.
pub(super) struct CommandLine<'a> {
    pub(super) which: Command,
    pub(super) line: &'a str,
    /// A directory in the container.
    pub(super) workdir: String,
    pub(super) environment: Vec<EnvVar>,
}

/// Runs it to its end; anything but success is a failure in words.
pub(super) async fn run(job: &Job, container: &Container, command: CommandLine<'_>) -> Result<(), BuildError> {
    let CommandLine { which, line, workdir, environment } = command;
    let log: &BuildLog = &job.log;
    log.say(&format!("$ {line}"));
    log.begin_excerpt();
    let exec = Exec {
        command: ["sh", "-c", SHELL, line].map(str::to_owned).to_vec(),
        workdir: Some(workdir),
        env: environment,
        user: None,
    };
    let limits: &BuildLimits = &job.limits;
    let end = tokio::select! {
        end = container.exec(&exec, |stream, piece| log.output(stream, &piece)) => end?,
        failure = space::ran_low(&job.engine, container, limits) => return Err(failure.into()),
    };
    if end.exit_code == 0 {
        return Ok(());
    }
    let failure = failure::of_command(which, end, &job.scene(&log.excerpt()));
    Err(BuildError::Theirs(Box::new(failure), Some(end.exit_code)))
}
