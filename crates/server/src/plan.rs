//! `berth plan DIR`: what Berth would do with a folder, without a configuration, a database or Docker.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use berth_build_engine::detect::{PlannedFolder, ProjectSettings};
use berth_model::{Failure, FailureCode, RootDir};
use clap::Args;

use crate::cli::fail;

/// What the command is told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder, as it would be at the top of a repository
    directory: PathBuf,
    /// Print the plan as a Dockerfile whose image holds the built files and nothing else
    #[arg(long, conflicts_with = "json")]
    dockerfile: bool,
    /// Print the plan as the API has it
    #[arg(long)]
    json: bool,
    /// The project's directory inside the folder, as in the project's settings
    #[arg(long, value_name = "DIR")]
    root: Option<String>,
}

/// Prints the plan. A folder that cannot be planned is a failure; a server application is not, and is said.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match printed(arguments) {
        Ok(text) => {
            // A reader that went away (`| head`) is no failure.
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(failure) => fail(1, &format!("{}\n{}", failure.title, failure.detail)),
    }
}

fn printed(arguments: &Arguments) -> Result<String, Failure> {
    let root_directory = match arguments.root.as_deref().map(RootDir::parse).transpose() {
        Ok(directory) => directory,
        Err(invalid) => {
            let title = "--root does not name a directory in the folder";
            return Err(Failure::new(FailureCode::BadSettings, title, invalid.to_string()));
        }
    };
    require_folder(&arguments.directory)?;
    let settings = ProjectSettings { root_directory, ..ProjectSettings::default() };
    let planned = PlannedFolder::of(&arguments.directory, &settings)?;
    if arguments.dockerfile {
        return planned.dockerfile();
    }
    if arguments.json {
        let text = serde_json::to_string_pretty(&planned.plan).map_err(|error| {
            Failure::new(FailureCode::Internal, "the plan cannot be written as JSON", error.to_string())
        })?;
        return Ok(text + "\n");
    }
    let mut text = planned.description();
    if let Some(refusal) = &planned.refusal {
        text.push_str(&format!("\n{}\n{}\n", refusal.title, refusal.detail));
    }
    Ok(text)
}

fn require_folder(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let problem = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(_) => (format!("{shown} is a file"), "Name the folder that holds it.".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (format!("{shown} does not exist"), "Name a folder on this machine.".to_owned())
        }
        Err(error) => (format!("{shown} cannot be read"), format!("The system says: {error}.")),
    };
    Err(Failure::new(FailureCode::BadSettings, problem.0, problem.1))
}
