//! What a running service starts from: the image of the repository's own Dockerfile, or the container that its build
//! command ran in, kept as an image with the commit's files, its packages and what was built.
//!
//! No variable of the project is in an image: replicas are given them as they start, and one that is changed needs no
//! build. (What a command writes down of the values that it was given is the project's own; the image is nobody
//! else's.)

use berth_model::words::Bytes;
use berth_model::{DEFAULT_PORT, Decision, FailureCode, RunSettings, RunningService};
use berth_runtime::{ImageFacts, Kind, LARGEST_FILE, RuntimeError, Sandbox};

use super::container::Workshop;
use super::{dockerfile, environment, inside};
use crate::BuildError;
use crate::run::Job;

/// What the plan says of how the service starts.
pub(crate) struct Start<'a> {
    pub(crate) command: Option<&'a Decision<String>>,
    pub(crate) settings: &'a RunSettings,
}

impl Start<'_> {
    fn service(&self, job: &Job, image: String, facts: &ImageFacts) -> RunningService {
        RunningService {
            image,
            start_command: self.command.map(|command| command.value.clone()),
            port: self.settings.port.or(facts.exposed_ports.first().copied()).unwrap_or(DEFAULT_PORT),
            environment: job.service.environment.clone(),
            settings: self.settings.clone(),
        }
    }
}

/// Keeps the container that the service was built in.
pub(crate) async fn keep(job: &Job, mut workshop: Workshop, start: &Start<'_>) -> Result<RunningService, BuildError> {
    let command = start.command.ok_or_else(|| BuildError::ours_for_good("a plan that starts nothing"))?;
    workshop.take_commit(job).await?;
    workshop.take_back_variables(job).await?;
    let facts = job.engine.image_facts(&workshop.image).await?;
    let environment = environment::of_service(job, &facts.environment);
    let workdir = inside(job.root());
    let kept = workshop.container.keep_as_service(&job.service_image(), &workdir, &environment, &command.value).await;
    let image = kept.map_err(|error| match error {
        RuntimeError::Hollow { bytes } => hollow(bytes),
        error => error.into(),
    })?;
    workshop.leave();
    job.log.say(&format!("Kept as an image; its replicas run `{}`", command.value));
    // What the base image exposes is not what was built on it.
    Ok(start.service(job, image, &ImageFacts::default()))
}

/// Builds the repository's own Dockerfile, and keeps its image.
pub(crate) async fn by_dockerfile(job: &Job, path: &str, start: &Start<'_>) -> Result<RunningService, BuildError> {
    let image = dockerfile::build_service(job, path).await?;
    let facts = job.engine.image_facts(&image).await?;
    if start.command.is_none() && !facts.starts_something {
        return Err(starts_nothing(path));
    }
    let by_shell =
        [("start", start.command.map(|command| &command.value)), ("release", start.settings.release_command.as_ref())];
    let by_shell = by_shell.into_iter().find_map(|(which, command)| Some((which, command?)));
    if let Some((which, command)) = by_shell
        && !has_shell(job, &image).await?
    {
        return Err(without_shell(path, which, command));
    }
    let service = start.service(job, image, &facts);
    match (&start.settings.port, &facts.exposed_ports[..]) {
        (None, []) => {
            let port = service.port;
            job.log.say(&format!("note: the image says nothing of a port; it is told to listen on {port}, by PORT"));
        }
        (None, [first, _, ..]) => {
            let all: Vec<String> = facts.exposed_ports.iter().map(ToString::to_string).collect();
            job.log.say(&format!("note: the image EXPOSEs the ports {}; requests go to {first}", all.join(", ")));
        }
        _ => {}
    }
    tell_of_secrets(job, &service.image, facts.environment).await?;
    Ok(service)
}

/// An argument that a step of the last stage saw is in the image's history, and what `ENV` sets is in every replica.
/// Nobody but the operator can look: it is told, not refused.
async fn tell_of_secrets(job: &Job, image: &str, environment: Vec<String>) -> Result<(), BuildError> {
    let mut texts = job.engine.image_history(image).await?;
    texts.extend(environment);
    for key in job.variables.secrets_in(&texts) {
        job.log.say(&format!(
            "warning: the value of {key} is in the image, because the last stage of the Dockerfile uses it as an argument; \
             use it in an earlier stage, or read it when the application starts"
        ));
    }
    Ok(())
}

/// Whether a command line can be run in the image.
async fn has_shell(job: &Job, image: &str) -> Result<bool, BuildError> {
    let labels = job.labels(Kind::Dockerfile, Some(job.build));
    let sandbox = Sandbox { image: image.to_owned(), labels, volumes: Vec::new(), workdir: None };
    let container = job.engine.create_stopped(&sandbox).await?;
    let found = container.stat("/bin/sh").await;
    container.stop_and_remove().await?;
    match found {
        Ok(_) => Ok(true),
        Err(RuntimeError::NoSuchPath { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn starts_nothing(path: &str) -> BuildError {
    BuildError::theirs(
        FailureCode::BadRepository,
        format!("the image of {path} has no command"),
        format!(
            "It was built, but nothing says what a container of it runs. Add a CMD or an ENTRYPOINT to the last stage of \
             {path}, or `start` to the service in berth.toml."
        ),
    )
}

fn without_shell(path: &str, which: &str, command: &str) -> BuildError {
    BuildError::theirs(
        FailureCode::BadRepository,
        format!("the image of {path} has no shell to run `{command}`"),
        format!(
            "The {which} command is run by /bin/sh, which the last stage of {path} does not have. Begin that stage with an \
             image that has one, or leave the {which} command out and let the image's own CMD do the work."
        ),
    )
}

fn hollow(bytes: u64) -> BuildError {
    BuildError::theirs(
        FailureCode::OutputTooLarge,
        format!("the build left files that are {} longer than what they take on disk", Bytes(bytes)),
        format!(
            "An image holds files at their full length, and at most {} of holes. Look for a file that was made large \
             without writing it (truncate, a database, a core dump), and remove it at the end of the build command.",
            Bytes(LARGEST_FILE)
        ),
    )
}
