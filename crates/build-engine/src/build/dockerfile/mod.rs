//! A repository's own Dockerfile: built from the commit's files; the output directory is taken out of its image, or the
//! image is kept, for the replicas of a running service.
//!
//! 1. [`instructions`]: what it says, and what only another builder would understand;
//! 2. [`references`]: the images that it names, none of which may be another owner's;
//! 3. the context: the files below the root directory that `.dockerignore` ([`ignore`]) lets through, never `.git`;
//! 4. the classic builder, in our network and within our limits, without its cache: that one knows no owners;
//! 5. of a static service the directory, out of a container that is never started. Whatever the image says of commands,
//!    users, volumes, labels or health is data.
//!
//! The project's variables reach it as build arguments, where it declares them with `ARG`; no `.env` is put into an
//! image. What the build left in Docker is removed with its end, but for the image of a running service.

mod exposes;
mod ignore;
mod instructions;
#[cfg(test)]
mod properties;
mod references;

use std::collections::BTreeMap;
use std::path::Path;

use berth_model::{BuildId, Decision, Failure, FailureCode, LogStream, OutputDir};
use berth_runtime::{BuildImage, Container, Engine, ExecEnd, Kind, Labels, RuntimeError, Sandbox};
use berth_secrets::SecretString;

use super::archive::{Contents, OurFile};
use super::{environment, output, space};
use crate::BuildError;
use crate::artifact::Written;
use crate::artifact::missing::{self, Found};
use crate::failure::{self, Command};
use crate::run::Job;
pub(crate) use exposes::{command as started_command, port_variable, ports as exposed_ports};
use ignore::Ignore;
use instructions::Instruction;

/// Its name in the context, beside the commit's own; the builder takes it out again before the first step.
const NAME: &str = ".berth.Dockerfile";
const DOCKERIGNORE: &str = ".dockerignore";

/// Nobody writes more; what is read is compared, stage with stage.
const MOST_BYTES: usize = 128 << 10;

/// Builds the Dockerfile at `path` of the commit and takes the output into `target`, which is made here.
pub(crate) async fn build(
    job: &Job,
    path: &str,
    output: &Decision<OutputDir>,
    target: &Path,
) -> Result<Written, BuildError> {
    let labels = job.labels(Kind::Dockerfile, Some(job.build));
    let made = Images { engine: Some(job.engine.clone()), build: job.build };
    let tag = format!("berth-dockerfile-{}:{}", job.engine.config().instance, job.build);
    image(job, path, tag.clone(), labels).await?;
    let written = take(job, &tag, labels, &output.value, target).await;
    made.remove().await;
    written
}

/// Builds the Dockerfile at `path` of the commit and keeps its image under the name of a service's; the image's id.
pub(crate) async fn build_service(job: &Job, path: &str) -> Result<String, BuildError> {
    let made = Images { engine: Some(job.engine.clone()), build: job.build };
    let service = job.service_image();
    let id = image(job, path, job.engine.service_image_name(&service), service.labels()).await?;
    // Stages of which it has only taken files.
    made.remove().await;
    Ok(id)
}

/// Builds the image, with these labels; what of it is not its last stage has those of a Dockerfile's leftovers.
async fn image(job: &Job, path: &str, tag: String, labels: Labels) -> Result<String, BuildError> {
    let text = job.checkout.text(path).filter(|text| text.len() <= MOST_BYTES).ok_or_else(|| {
        let why = format!("{path} is a link, is not text, or is larger than 128 KiB. Commit it as a plain file.");
        refused("the Dockerfile cannot be read", &why)
    })?;
    let instructions = instructions::parse(&text)?;
    let arguments = arguments(job, &instructions);
    let images = references::images(&instructions, &arguments, &job.source_allow)?;
    let of_stages = job.engine.label_instruction(&job.labels(Kind::Dockerfile, Some(job.build)));
    let (dockerfile, lines) = written_anew(&instructions, &of_stages, &job.engine.label_instruction(&labels));
    let context = context(job, dockerfile).await?;
    let build = BuildImage {
        tag,
        context: context.into_stream(),
        dockerfile: NAME.to_owned(),
        arguments: arguments.into_iter().collect(),
        labels,
    };
    let built = async {
        pull(job, &images).await?;
        job.log.say(&format!("Building {path}"));
        job.log.begin_excerpt();
        let mut log = |stream: LogStream, text: &str| job.log.output(stream, text.as_bytes());
        job.engine.build_image(build, &mut log).await.map_err(|error| failed(job, &lines, error))
    };
    tokio::select! {
        built = built => built,
        failure = space::shrank(&job.engine, job.build, &job.limits) => Err(failure.into()),
    }
}

/// Brings the images that stages begin with.
async fn pull(job: &Job, images: &[String]) -> Result<(), BuildError> {
    for image in images {
        let mut say = |line: &str| job.log.say(line);
        job.engine.ensure_image(image, &mut say).await.map_err(|error| missing_image(image, error))?;
        references::check_on_build(image, &job.engine.image_facts(image).await?.on_build)?;
    }
    Ok(())
}

/// Takes the output directory out of the image: relative to its working directory, else to its top.
async fn take(
    job: &Job,
    image: &str,
    labels: Labels,
    directory: &OutputDir,
    target: &Path,
) -> Result<Written, BuildError> {
    let facts = job.engine.image_facts(image).await?;
    let sandbox = Sandbox { image: image.to_owned(), labels, volumes: Vec::new(), workdir: None };
    let container = job.engine.create_stopped(&sandbox).await?;
    let mut places = vec![absolute(&facts.working_directory, directory), absolute("", directory)];
    places.dedup();
    let taken = take_first(job, &container, directory, &places, target).await;
    container.stop_and_remove().await?;
    match taken? {
        Some(written) => Ok(written),
        None => {
            let mut failure = missing::failure(directory, target.exists(), &Found::default(), |_| false);
            failure.detail = format!(
                "The image that the Dockerfile makes has nothing at {}. Set the output directory to where its files are, \
                 like usr/share/nginx/html; it is looked for in the image's WORKDIR, then at its top.",
                places.join(" nor at ")
            );
            Err(failure.into())
        }
    }
}

async fn take_first(
    job: &Job,
    container: &Container,
    directory: &OutputDir,
    places: &[String],
    target: &Path,
) -> Result<Option<Written>, BuildError> {
    for place in places {
        if let Some(written) = output::take(job, container, (directory, place), target).await? {
            return Ok(Some(written));
        }
        if target.exists() {
            break;
        }
    }
    Ok(None)
}

fn absolute(working_directory: &str, directory: &OutputDir) -> String {
    let parts = working_directory.split('/').chain(directory.as_str().split('/'));
    let parts: Vec<&str> = parts.filter(|part| !matches!(*part, "" | ".")).collect();
    format!("/{}", parts.join("/"))
}

/// The values that it is given: of what it declares, what the build's environment has.
fn arguments(job: &Job, instructions: &[Instruction]) -> BTreeMap<String, String> {
    let declared: Vec<&str> = instructions.iter().flat_map(Instruction::declared).map(|(name, _)| name).collect();
    let given = environment::of_build(job).into_iter().filter(|variable| declared.contains(&variable.key.as_str()));
    let given: BTreeMap<String, String> = given.map(|variable| (variable.key, variable.value)).collect();
    let unused = job.variables.environment().filter(|variable| !given.contains_key(&variable.key));
    let unused: Vec<String> = unused.map(|variable| variable.key).collect();
    if !unused.is_empty() {
        job.log
            .say(&format!("note: {} is not given to the Dockerfile, which has no ARG of that name", unused.join(", ")));
    }
    given
}

/// The Dockerfile that is built: nothing but its instructions, one a line, with our labels behind each `FROM` and at its
/// end, where nothing can change them any more: `of_stages`, and `of_image`. Beside it, the commit's line for each of its
/// lines.
fn written_anew(instructions: &[Instruction], of_stages: &str, of_image: &str) -> (String, Vec<usize>) {
    let (mut text, mut lines) = (String::new(), Vec::new());
    let mut write = |line: &str, number: usize| {
        text.push_str(line);
        text.push('\n');
        lines.push(number);
    };
    for instruction in instructions {
        write(&instruction.to_string(), instruction.line);
        if instruction.begins_stage() {
            write(of_stages, instruction.line);
        }
    }
    write(of_image, instructions.last().map_or(1, |last| last.line));
    (text, lines)
}

async fn context(job: &Job, dockerfile: String) -> Result<Contents, BuildError> {
    let (checkout, root) = (job.checkout.clone(), job.root().to_owned());
    let made = tokio::task::spawn_blocking(move || {
        let inside = |path: &str| if root.is_empty() { path.to_owned() } else { format!("{root}/{path}") };
        let is_theirs = checkout.has_file(&inside(DOCKERIGNORE));
        let written = match checkout.text(&inside(DOCKERIGNORE)) {
            Some(text) => text,
            None if is_theirs => {
                let why = "It is not text, or is larger than 4 MiB. Commit it as a plain file.";
                return Err(refused("the .dockerignore cannot be read", why));
            }
            None => String::new(),
        };
        let ignore = Ignore::parse(&written)?;
        let skip = if root.is_empty() { 0 } else { root.len() + 1 };
        let files = checkout.below(&root).map(|(path, _)| path);
        let only = files.filter(|path| !ignore.leaves_out(&path[skip..])).map(str::to_owned).collect();
        // The builder removes what this names from the context before it begins: our file, and this one if it is ours
        // too.
        let removed = if is_theirs { NAME.to_owned() } else { format!("{NAME}\n{DOCKERIGNORE}") };
        let ours = [(NAME, dockerfile), (DOCKERIGNORE, format!("{written}\n{removed}\n"))];
        let ours =
            ours.map(|(path, text)| OurFile { path: path.to_owned(), text: SecretString::from(text), mode: 0o644 });
        Ok(Contents { checkout, below: root, only: Some(only), ours: ours.into() })
    });
    made.await.map_err(BuildError::ours)?
}

/// The images of one build, removed with its end, however it ends.
struct Images {
    engine: Option<Engine>,
    build: BuildId,
}

impl Images {
    async fn remove(mut self) {
        if let Some(engine) = self.engine.take() {
            remove(&engine, self.build).await;
        }
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        let Some(engine) = self.engine.take() else { return };
        let build = self.build;
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // A canceled step is committed no more once its container is gone. The daemon removes that when it can;
                // until then the image that the step began with is in use.
                for wait in [2, 2, 5, 20] {
                    tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
                    if remove(&engine, build).await {
                        return;
                    }
                }
            });
        }
    }
}

/// `false` if containers still use some.
async fn remove(engine: &Engine, build: BuildId) -> bool {
    engine.remove_dockerfile_images(build).await.unwrap_or_else(|error| {
        tracing::warn!(%build, %error, "a Dockerfile's images could not be removed; the sweep will look again");
        true
    })
}

/// Something about the Dockerfile itself.
fn refused(title: &str, detail: &str) -> BuildError {
    Failure::new(FailureCode::BadRepository, title, detail).with_setting("outputDirectory").into()
}

fn missing_image(image: &str, error: RuntimeError) -> BuildError {
    let reason = match error {
        RuntimeError::MissingImage { reason, .. } => reason,
        RuntimeError::Refused { reason, .. } if reason.contains("invalid reference format") => reason,
        error => return error.into(),
    };
    BuildError::theirs(
        FailureCode::BadRepository,
        format!("the image {image} that the Dockerfile begins with could not be had"),
        format!(
            "Docker says: {reason}. Check its name and tag; if it is right, ask the operator to run `docker pull {image}`."
        ),
    )
}

fn failed(job: &Job, lines: &[usize], error: RuntimeError) -> BuildError {
    let (reason, exit_code) = match error {
        RuntimeError::DockerfileFailed { reason, exit_code } => (reason, exit_code),
        RuntimeError::TooManyProcesses { limit } => {
            let title = format!("the build started more than {limit} processes (limit: BERTH_BUILD_PIDS)");
            let detail = "A step of the Dockerfile did, at once when it began. Let it work with fewer workers, look for a \
                          script that starts itself, or ask the operator for more.";
            return Failure::new(FailureCode::CommandFailed, title, detail).with_setting("BERTH_BUILD_PIDS").into();
        }
        error => return error.into(),
    };
    match exit_code {
        Some(code) => {
            // The builder does not tell of the limit of memory.
            let end = ExecEnd { exit_code: code, oom_killed: false };
            let failure = failure::of_command(Command::Step, end, &job.scene(&job.log.excerpt()));
            BuildError::Theirs(Box::new(failure), Some(code))
        }
        None => BuildError::theirs(
            FailureCode::CommandFailed,
            "the Dockerfile could not be built",
            format!("Docker says: {}", their_lines(reason.trim(), lines)),
        ),
    }
}

/// The builder's words with the lines of the commit's file instead of those of ours.
fn their_lines(reason: &str, lines: &[usize]) -> String {
    let theirs = reason.split_once("line ").and_then(|(before, rest)| {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let line = lines.get(rest[..digits].parse::<usize>().ok()?.checked_sub(1)?)?;
        Some(format!("{before}line {line}{}", &rest[digits..]))
    });
    theirs.unwrap_or_else(|| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_gets_the_labels() {
        let text = "# syntax=x\nFROM a \\\n AS b\n# no\nRUN x\nONBUILD RUN y\nFROM c\nCOPY --from=b x y";
        let (written, lines) = written_anew(&instructions::parse(text).unwrap(), "LABEL x=y", "LABEL x=z");
        assert_eq!(
            written,
            "FROM a  AS b\nLABEL x=y\nRUN x\nONBUILD RUN y\nFROM c\nLABEL x=y\nCOPY --from=b x y\nLABEL x=z\n"
        );
        assert_eq!(lines, [2, 2, 5, 6, 7, 7, 8, 8]);
    }

    #[test]
    fn lines_are_counted_as_in_the_commit() {
        let instructions = instructions::parse("FROM a\nRUN x\nFROM b\n\nRUNN y\n").unwrap();
        let (_, lines) = written_anew(&instructions, "LABEL x=y", "LABEL x=y");
        let said = |number: usize| their_lines(&format!("dockerfile parse error line {number}: no"), &lines);
        assert_eq!(said(6), "dockerfile parse error line 5: no");
        assert_eq!(said(3), "dockerfile parse error line 2: no");
        assert_eq!(said(1), "dockerfile parse error line 1: no");
        assert_eq!(their_lines("COPY failed", &lines), "COPY failed");
    }

    #[test]
    fn directories_are_looked_for_in_the_working_directory() {
        let directory = |text| OutputDir::parse(text).unwrap();
        assert_eq!(absolute("/app/", &directory("dist")), "/app/dist");
        assert_eq!(absolute("", &directory("usr/share/nginx/html")), "/usr/share/nginx/html");
        assert_eq!(absolute("", &OutputDir::default()), "/");
    }
}
