//! From a plan to what is left of each of its services: all are installed, then all are built, in the plan's order.
//!
//! So the steps of a build are the same however many services it has. Limits hold for the build as a whole: its time, and
//! what its static services leave together. What concerns one of several services is told with its name.

use std::future::Future;
use std::path::PathBuf;

use berth_model::words::Bytes;
use berth_model::{
    Artifact, BuiltPart, BuiltService, Decision, Failure, FailureCode, LogPhase, OutputDir, Plan, RunningService,
    ServiceKind, ServiceName, StepName, StepState,
};
use tokio_util::sync::CancellationToken;

use super::job::Way;
use super::{BuildRun, Built, Job, require_space};
use crate::artifact::{self, Written, missing};
use crate::build::{self, Installed, Output, Start, Workshop};
use crate::{BuildError, BuildLog};

impl BuildRun {
    /// Toolchains and packages, for all services that need any: a container for each of those.
    pub(super) async fn install(&mut self, jobs: &mut [Job]) -> Result<Vec<Option<Workshop>>, BuildError> {
        let mut workshops: Vec<Option<Workshop>> = jobs.iter().map(|_| None).collect();
        if jobs.iter().all(|job| job.way() != Way::Commands) {
            return Ok(workshops);
        }
        self.progress.begin_step(StepName::Install);
        require_space(&jobs[0]).await?;
        let before = self.last_plan().await?;
        let mut state = StepState::Skipped;
        for number in 0..jobs.len() {
            if jobs[number].way() != Way::Commands {
                continue;
            }
            let planned = jobs[number].service.clone();
            let log = self.log.clone();
            let outcome = {
                let job = &mut jobs[number];
                log.speak_of(job.speaker());
                build::install(job, before.as_ref()).await
            };
            // What stood in for what, and what was brought, is worth knowing of a failure too.
            if jobs[number].service != planned {
                self.progress.plan(plan_of(jobs));
            }
            let installed = outcome.map_err(|error| named(jobs[number].speaker(), error))?;
            log.speak_of(None);
            workshops[number] = Some(match installed {
                Installed::Now(workshop) => {
                    state = StepState::Passed;
                    workshop
                }
                Installed::Before(workshop) => workshop,
            });
        }
        self.progress.end_step(state);
        Ok(workshops)
    }

    /// What the commands, the Dockerfiles and the commit itself leave.
    pub(super) async fn build(
        &mut self,
        mut jobs: Vec<Job>,
        workshops: Vec<Option<Workshop>>,
    ) -> Result<Built, BuildError> {
        self.progress.begin_step(StepName::Build);
        if jobs.iter().any(|job| matches!(job.way(), Way::Dockerfile(_))) {
            require_space(&jobs[0]).await?;
        }
        let has_commands = jobs.iter().any(|job| job.way() != Way::AsItIs);
        if has_commands {
            self.log.set_phase(LogPhase::Run);
        }
        let mut services: Vec<BuiltService> = Vec::new();
        for (number, workshop) in workshops.into_iter().enumerate() {
            let (planned, speaker) = (jobs[number].service.kind.clone(), jobs[number].speaker().cloned());
            let part = match &planned {
                ServiceKind::Static { output_directory } => {
                    let files = self.files(&mut jobs[number], workshop, output_directory.clone());
                    BuiltPart::Files(in_name_of(&self.log, speaker, files).await?)
                }
                ServiceKind::Running { start_command, run } => {
                    let start = Start { command: start_command.as_ref(), settings: run };
                    self.has_kept_images = true;
                    let running = running(&jobs[number], workshop, &start);
                    BuiltPart::Running(in_name_of(&self.log, speaker, running).await?)
                }
            };
            if jobs[number].service.kind != planned {
                self.progress.plan(plan_of(&jobs));
            }
            let service = &jobs[number].service;
            services.push(BuiltService { name: service.name.clone(), routes: service.routes.clone(), part });
            require_output_limits(&jobs[number], &services)?;
        }
        Ok(Built { services, exit_code: has_commands.then_some(0) })
    }

    /// A static service's.
    async fn files(
        &self,
        job: &mut Job,
        workshop: Option<Workshop>,
        output: Decision<OutputDir>,
    ) -> Result<Artifact, BuildError> {
        let target = self.output_of(job);
        let written = match (job.way(), workshop) {
            (Way::Dockerfile(path), _) => build::build_dockerfile(job, &path, &output, &target).await?,
            (Way::Commands, Some(mut workshop)) => {
                run_build_command(job, &mut workshop).await?;
                let Output { written, found_in } = build::collect(job, &workshop, &output, &target).await?;
                workshop.leave();
                if let Some(directory) = found_in {
                    let output_directory = Decision { value: directory, ..output };
                    job.service.kind = ServiceKind::Static { output_directory };
                }
                written
            }
            (Way::Commands | Way::AsItIs, _) => as_it_is(job, &output.value, target.clone()).await?,
        };
        self.finish(job, written, target).await
    }

    async fn finish(&self, job: &Job, written: Written, directory: PathBuf) -> Result<Artifact, BuildError> {
        for note in &written.notes {
            self.log.say(&format!("note: {note}"));
        }
        let (variables, release) = (job.variables.clone(), directory.clone());
        // A build that ends meanwhile takes its search along.
        let stop = CancellationToken::new();
        let _ends = stop.clone().drop_guard();
        let searched = tokio::task::spawn_blocking(move || variables.look_for_leaks(&release, &stop));
        for warning in searched.await.map_err(BuildError::ours)?? {
            self.log.say(&warning);
        }
        let Written { files, bytes, .. } = written;
        let plural = if files == 1 { "" } else { "s" };
        self.log.say(&format!("{files} file{plural}, {}", Bytes(bytes)));
        Ok(Artifact { directory, files, bytes, spa_fallback: self.claimed.project.spa_fallback })
    }

    fn output_of(&self, job: &Job) -> PathBuf {
        match job.speaker() {
            Some(service) => self.staging().join(format!("output-{service}")),
            None => self.staging().join("output"),
        }
    }
}

/// A running service's.
async fn running(job: &Job, workshop: Option<Workshop>, start: &Start<'_>) -> Result<RunningService, BuildError> {
    match (job.way(), workshop) {
        (Way::Dockerfile(path), _) => build::by_dockerfile(job, &path, start).await,
        (Way::Commands, Some(mut workshop)) => {
            run_build_command(job, &mut workshop).await?;
            build::keep_service(job, workshop, start).await
        }
        (Way::Commands | Way::AsItIs, _) => Err(BuildError::ours_for_good("a running service without an image")),
    }
}

async fn run_build_command(job: &Job, workshop: &mut Workshop) -> Result<(), BuildError> {
    match &job.service.build_command {
        Some(command) => workshop.build(job, &command.value).await,
        None => Ok(()),
    }
}

/// Does something for one service; if there are several, log and failure say for which.
async fn in_name_of<T>(
    log: &BuildLog,
    service: Option<ServiceName>,
    work: impl Future<Output = Result<T, BuildError>>,
) -> Result<T, BuildError> {
    log.speak_of(service.as_ref());
    let outcome = work.await.map_err(|error| named(service.as_ref(), error));
    log.speak_of(None);
    outcome
}

/// The failure of one of several services with its name, and without a field of the project's settings: those are for
/// projects of one service.
fn named(service: Option<&ServiceName>, error: BuildError) -> BuildError {
    let Some(service) = service else { return error };
    let BuildError::Theirs(mut failure, exit_code) = error else { return error };
    failure.title = format!("{service}: {}", failure.title);
    let is_a_field =
        |setting: &String| setting.ends_with("Command") || setting.ends_with("Directory") || setting == "nodeVersion";
    failure.setting = failure.setting.filter(|setting| !is_a_field(setting));
    BuildError::Theirs(failure, exit_code)
}

/// Plain files: the commit's own, without a container.
async fn as_it_is(job: &Job, output: &OutputDir, target: PathBuf) -> Result<Written, BuildError> {
    let directory = [job.root(), output.as_str()].into_iter().filter(|part| !part.is_empty());
    let directory = directory.collect::<Vec<_>>().join("/");
    let (checkout, limits) = (job.checkout.clone(), job.limits.clone());
    let (from, of) = (directory.clone(), output.clone());
    let copied = tokio::task::spawn_blocking(move || artifact::copy(&checkout, &from, &of, &target, &limits));
    let written = copied.await.map_err(BuildError::ours)??;
    if written.files == 0 {
        let paths = job.checkout.below(job.root()).map(|(path, _)| path.trim_start_matches(job.root()));
        let found = missing::Found::of_files(paths.map(|path| path.trim_start_matches('/')));
        // Nothing was built: the site is among the sources.
        let is_empty = job.checkout.has_directory(&directory);
        return Err(missing::failure(output, is_empty, &found, |_| false).into());
    }
    Ok(written)
}

fn plan_of(jobs: &[Job]) -> Plan {
    Plan { services: jobs.iter().map(|job| job.service.clone()).collect() }
}

/// What all static services leave together is bounded as what one leaves.
fn require_output_limits(job: &Job, services: &[BuiltService]) -> Result<(), BuildError> {
    let (files, bytes) = services
        .iter()
        .filter_map(BuiltService::files)
        .fold((0_u64, 0_u64), |(files, bytes), artifact| (files + artifact.files, bytes + artifact.bytes));
    let title = if bytes > job.limits.output_bytes {
        let limit = Bytes(job.limits.output_bytes);
        format!("the output of all services is larger than {limit} (limit: BERTH_BUILD_OUTPUT)")
    } else if files > job.limits.output_files {
        format!("the output of all services has more than {} files", job.limits.output_files)
    } else {
        return Ok(());
    };
    let detail = format!("The limit was passed with the service {}.", job.service.name);
    Err(Failure::new(FailureCode::OutputTooLarge, title, detail).with_setting("BERTH_BUILD_OUTPUT").into())
}
