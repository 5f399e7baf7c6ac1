//! A project's packages: installed once for each state of what they depend on, then kept as an image.

use berth_model::{Decision, Plan, PlanService, Tool};
use berth_runtime::Kind;
use sha2::{Digest as _, Sha256};

use super::command::{self, CommandLine};
use super::container::Workshop;
use super::toolchain::{self, Image};
use super::{environment, inside};
use crate::detect::{Sources, sources};
use crate::failure::Command;
use crate::run::Job;
use crate::{BuildError, Checkout};

/// How the packages came in.
pub(crate) enum Installed {
    /// The command ran.
    Now(Workshop),
    /// They were there already, or there are none.
    Before(Workshop),
}

/// A container with the project's packages. What installing turns out to need beyond the planned toolchain is in the
/// job's plan afterwards; the next build, which is shown that plan as `before`, begins with it.
pub(crate) async fn install(job: &mut Job, before: Option<&Plan>) -> Result<Installed, BuildError> {
    let services = before.into_iter().flat_map(|plan| &plan.services);
    let same = services.filter(|service| service.name == job.service.name || !job.is_one_of_several);
    let known = same.filter_map(|service| service.toolchain.as_ref());
    let brought = known.flat_map(|toolchain| &toolchain.tools).filter(|tool| tool.source == toolchain::INSTALL);
    for tool in brought.cloned().chain(toolchain::named_in_lockfiles(job)).collect::<Vec<_>>() {
        bring(job, tool);
    }
    loop {
        let image = toolchain::prepare(job).await?;
        job.log.begin_excerpt();
        let error = match install_in(job, &image).await {
            Err(error @ BuildError::Theirs(..)) => error,
            outcome => return outcome,
        };
        // Each tool is brought once, so this ends.
        match toolchain::shown_by(&job.log.excerpt()) {
            Some(tool) if bring(job, tool.clone()) => {
                job.log.say(&format!("{}; installing once more with it", tool.why));
            }
            _ => return Err(error),
        }
    }
}

/// Adds a tool to the plan; `false` if it is there already.
fn bring(job: &mut Job, tool: Decision<Tool>) -> bool {
    let Some(toolchain) = &mut job.service.toolchain else { return false };
    if toolchain.tools.iter().any(|known| known.value.name == tool.value.name) {
        return false;
    }
    toolchain.tools.push(tool);
    true
}

async fn install_in(job: &Job, image: &Image) -> Result<Installed, BuildError> {
    let Some(command) = &job.service.install_command else {
        return Ok(Installed::Before(Workshop::to_build(job, &image.name).await?));
    };
    let line = command.value.as_str();
    let hashed = {
        let (checkout, service, owner) = (job.checkout.clone(), job.service.clone(), job.cache_owner());
        let image = image.id.clone();
        let reading = tokio::task::spawn_blocking(move || hashed(&checkout, &service, &owner, &image));
        reading.await.map_err(BuildError::ours)?
    };
    let (files, key) = match hashed.map_err(BuildError::ours)? {
        Hashed::Files(files, key) => (files, key),
        Hashed::Everything(why) => {
            job.log.say(&format!("Installing with all of the commit's files, because {why}"));
            let mut workshop = Workshop::to_install(job, &image.name).await?;
            workshop.take_files(job, None).await?;
            workshop.has_sources = true;
            run(job, &workshop, line).await?;
            return Ok(Installed::Now(workshop));
        }
    };
    let tag = format!("berth-dependencies-{}:{key}", job.engine.config().instance);
    if job.engine.image_id(&tag).await?.is_some() {
        job.log.say("The packages are unchanged since they were last installed");
        return Ok(Installed::Before(Workshop::to_build(job, &tag).await?));
    }
    let workshop = Workshop::to_install(job, &image.name).await?;
    workshop.take_files(job, Some(files)).await?;
    run(job, &workshop, line).await?;
    // Before the commit's files come in: the next commit's builds start from this image. Without it they only take longer.
    let labels = job.labels(Kind::Dependencies, None);
    if let Err(error) = workshop.container.commit(&tag, &labels).await {
        tracing::warn!(build = %job.build, %error, "installed packages could not be kept");
    }
    Ok(Installed::Now(workshop))
}

async fn run(job: &Job, workshop: &Workshop, line: &str) -> Result<(), BuildError> {
    let workdir = inside(job.service.install_directory.as_str());
    let environment = environment::of_install(job);
    let command = CommandLine { which: Command::Install, line, workdir, environment };
    command::run(job, &workshop.container, command).await
}

/// What installing looks at, read.
enum Hashed {
    /// These files, and the key of the packages that they lead to.
    Files(Vec<String>, String),
    /// More than those: why.
    Everything(String),
}

/// The key of these packages: never another owner's, never of another toolchain, command, place or file.
fn hashed(checkout: &Checkout, service: &PlanService, owner: &[u8], image: &str) -> std::io::Result<Hashed> {
    let files = match sources(checkout, service) {
        Sources::Files(files) => files,
        Sources::Everything(why) => return Ok(Hashed::Everything(why)),
    };
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        // With its length in front, so that no two lists run together the same way.
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    add(owner);
    add(image.as_bytes());
    add(service.install_command.as_ref().map(|command| command.value.as_bytes()).unwrap_or_default());
    add(service.install_directory.as_str().as_bytes());
    for path in &files {
        add(path.as_bytes());
        add(&checkout.read(path)?);
    }
    Ok(Hashed::Files(files, hex::encode(hash.finalize())[..40].to_owned()))
}
