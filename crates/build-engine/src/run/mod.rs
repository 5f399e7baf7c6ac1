//! One build, from its claim to its artifact.
//!
//! [`BuildRun::run`] reads as the algorithm. Around it: [`progress`] tells the store how far it is, without the build
//! waiting for it; the log takes what commands print; the staging directory goes when the build fails. Beside it:
//! [`detection`] goes as far as the plan, for who has no project yet.

mod detection;
mod engine;
mod job;
mod progress;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use berth_model::words::Bytes;
use berth_model::{
    Access, Artifact, CommitHash, Failure, FailureCode, LogPhase, Plan, Reason, Role, ServiceKind, StepName, StepState,
    Trigger,
};
use berth_store::{Build, Claimed};
use tokio_util::sync::CancellationToken;

use crate::artifact::{self, Written, missing};
use crate::build::{self, Installed, Output};
use crate::detect::{ProjectSettings, detect, refusal};
use crate::log::BuildLog;
use crate::source::{Credentials, FetchRequest, Fetched};
use crate::variables::Variables;
use crate::{BuildError, Checkout, failure, files};
use engine::{Inner, source_of};
use progress::Progress;

pub use detection::{Detection, DetectionRequest};
pub use engine::{BuildEngine, BuildEngineConfig};
pub(crate) use job::Job;

/// Builds before this one that are asked for their plan: those that were held or skipped have none.
const LOOKED_BACK: u32 = 10;

/// A build's files, and how its command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The files; they belong to the caller now.
    pub artifact: Artifact,
    /// 0, or `None` if there was no command.
    pub exit_code: Option<i64>,
}

/// One claimed build at work. Made by [`BuildEngine::begin`], run once, and closed once its deployment is published or
/// its failure is known.
#[derive(Debug)]
pub struct BuildRun {
    engine: BuildEngine,
    claimed: Claimed,
    log: Arc<BuildLog>,
    progress: Progress,
}

impl BuildRun {
    /// Fetches, plans, installs and builds, within the time limit and until `cancel`.
    ///
    /// # Errors
    /// See [`BuildError`]. What the build had on disk and in Docker is gone or going then.
    pub async fn run(&mut self, cancel: &CancellationToken) -> Result<Built, BuildError> {
        let limit = self.engine.0.config.limits.timeout;
        let lost = self.progress.lease_lost();
        let outcome = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(BuildError::Canceled),
            () = lost.cancelled() => Err(BuildError::LeaseLost),
            () = tokio::time::sleep(limit) => Err(failure::timed_out(limit, &self.log.excerpt()).into()),
            outcome = self.artifact() => outcome,
        };
        let outcome = outcome.map_err(|error| self.masked(error));
        let is_fine = matches!(outcome, Ok(_) | Err(BuildError::Skipped(_)));
        let state = if is_fine { StepState::Passed } else { StepState::Failed };
        self.progress.end_step(state);
        if let Err(error) = &outcome {
            self.say_error(error);
        }
        // What follows in the database is built on what is recorded here.
        let recorded = self.progress.flush().await;
        let outcome = outcome.and_then(|built| recorded.map(|()| built));
        if outcome.is_err() {
            self.remove_staging().await;
        }
        outcome
    }

    /// The log, for what comes after the build.
    #[must_use]
    pub fn log(&self) -> &BuildLog {
        &self.log
    }

    /// A step after the build begins (publishing).
    pub fn begin_step(&mut self, step: StepName) {
        self.progress.begin_step(step);
    }

    /// The step that began last ended.
    pub fn end_step(&mut self, state: StepState) {
        self.progress.end_step(state);
    }

    /// Removes what is left of the build on disk, and waits until steps and log are stored.
    ///
    /// # Errors
    /// When the database did not take the last of them.
    pub async fn close(self) -> Result<(), BuildError> {
        self.remove_staging().await;
        let recorded = self.progress.close().await;
        self.log.close().await?;
        recorded
    }

    /// The algorithm.
    async fn artifact(&mut self) -> Result<Built, BuildError> {
        self.remove_staging().await;
        let (variables, credentials) = self.secrets().await?;
        let Fetched { commit, skip, checkout, .. } = self.fetch(credentials.as_ref()).await?;
        if let Some(word) = skip.filter(|_| self.asked_for_by_nobody()) {
            return Err(BuildError::Skipped(Reason::SkippedByMessage { word: word.into() }));
        }
        let checkout = Arc::new(checkout);
        let plan = self.detect(&checkout).await?;
        let mut job = self.job(plan, checkout, commit.hash, variables)?;
        if let Some(dockerfile) = job.service.dockerfile.clone() {
            return self.build_dockerfile(&job, &dockerfile.value).await;
        }
        if job.service.toolchain.is_none() {
            return self.publish_as_it_is(&job).await;
        }
        let mut workshop = match self.install(&mut job).await? {
            Installed::Now(workshop) | Installed::Before(workshop) => workshop,
        };
        self.progress.begin_step(StepName::Build);
        self.log.set_phase(LogPhase::Run);
        if let Some(command) = job.service.build_command.clone() {
            workshop.build(&job, &command.value).await?;
        }
        let target = self.output_directory();
        let Output { written, found_in } = build::collect(&job, &workshop, &target).await?;
        workshop.leave();
        if let Some(directory) = found_in {
            job.output.value = directory;
            job.service.kind = ServiceKind::Static { output_directory: job.output.clone() };
            self.progress.plan(Plan { services: vec![job.service.clone()] });
        }
        self.finish(&job, written, Some(0)).await
    }

    /// Opens what must never be seen, and masks it before the log says its first word.
    async fn secrets(&self) -> Result<(Variables, Option<Credentials>), BuildError> {
        let Inner { store, keys, .. } = &*self.engine.0;
        let variables = Variables::open(store, keys, &self.claimed.build).await?;
        let credentials = self.engine.credentials_for(&self.claimed.project).await?;
        self.log.mask(variables.mask(credentials.as_ref().map(Credentials::token)));
        Ok((variables, credentials))
    }

    async fn fetch(&mut self, credentials: Option<&Credentials>) -> Result<Fetched, BuildError> {
        self.progress.begin_step(StepName::Fetch);
        let (build, project) = (&self.claimed.build, &self.claimed.project);
        let what = build.commit_hash.as_ref().map_or_else(|| "the head".to_owned(), |hash| hash.short().to_owned());
        let url = source_of(project)?;
        self.log.say(&format!("Fetching {what} of {} from {url}", build.branch));
        let fork = build.pull_request.as_ref().and_then(|pull_request| pull_request.fork.as_ref());
        if let Some(fork) = fork {
            self.log.say(&format!("Built from a fork, {}, without secrets", fork.repository));
        }
        let commit = build.commit_hash.as_ref();
        let request = FetchRequest { url, branch: &build.branch, fork, commit, credentials };
        let directory = self.staging().join("source");
        // The build's own end drops this future, which ends the fetch.
        let never = CancellationToken::new();
        let fetched = self.engine.0.source.fetch(request, &self.engine.0.config.limits, &directory, &never).await?;
        let title = fetched.commit.message.lines().next().unwrap_or_default();
        self.log.say(&format!("Commit {} by {}: {title}", fetched.commit.hash.short(), fetched.commit.author));
        for note in &fetched.notes {
            self.log.say(&format!("note: {note}"));
        }
        self.progress.commit(fetched.commit.clone());
        Ok(fetched)
    }

    /// Whether only the commit itself is why this is built. What somebody asked for or approved is built whatever the
    /// message says.
    fn asked_for_by_nobody(&self) -> bool {
        let build = &self.claimed.build;
        let is_approved = build.pull_request.as_ref().is_some_and(|pull_request| pull_request.fork.is_some());
        let by_itself =
            matches!(build.trigger, Trigger::Push | Trigger::PullRequest | Trigger::Poll | Trigger::Reconcile);
        by_itself && !is_approved
    }

    async fn detect(&mut self, checkout: &Arc<Checkout>) -> Result<Plan, BuildError> {
        self.progress.begin_step(StepName::Detect);
        let project = &self.claimed.project;
        let settings = ProjectSettings {
            install_command: project.install_command.clone(),
            build_command: project.build_command.clone(),
            output_directory: project.output_directory.clone(),
            root_directory: project.root_directory.clone(),
            node_version: project.node_version.clone(),
        };
        let files = checkout.clone();
        let plan = tokio::task::spawn_blocking(move || detect(&files, &settings)).await.map_err(BuildError::ours)??;
        for service in &plan.services {
            self.log.say(&format!("Detected {}: {}", service.framework.value, service.framework.why));
            for warning in service.warnings.sentences() {
                self.log.say(&format!("warning: {warning}"));
            }
        }
        self.progress.plan(plan.clone());
        // What was understood is kept with the build, even where it cannot be published.
        match refusal(checkout, &plan) {
            Some(failure) => Err(failure.into()),
            None => Ok(plan),
        }
    }

    fn job(
        &self,
        plan: Plan,
        checkout: Arc<Checkout>,
        commit: CommitHash,
        variables: Variables,
    ) -> Result<Job, BuildError> {
        let Inner { config, engine, .. } = &*self.engine.0;
        let (build, project) = (&self.claimed.build, &self.claimed.project);
        let service = plan.services.into_iter().next();
        let service = service.ok_or_else(|| BuildError::ours_for_good("a plan without a service"))?;
        let output = service.output_directory().cloned();
        let output = output.ok_or_else(|| BuildError::ours_for_good("a plan without an output directory"))?;
        Ok(Job {
            engine: engine.clone(),
            limits: config.limits.clone(),
            source_allow: config.source_allow.clone(),
            log: self.log.clone(),
            owner: project.user,
            project: project.id,
            environment: build.environment,
            stranger: stranger(build),
            build: build.id,
            branch: build.branch.clone(),
            commit,
            checkout,
            service,
            output,
            variables,
        })
    }

    async fn install(&mut self, job: &mut Job) -> Result<Installed, BuildError> {
        self.progress.begin_step(StepName::Install);
        require_space(job).await?;
        let planned = job.service.clone();
        let before = self.last_plan().await?;
        let outcome = build::install(job, before.as_ref()).await;
        // What stood in for what, and what was brought, is worth knowing of a failure too.
        if job.service != planned {
            self.progress.plan(Plan { services: vec![job.service.clone()] });
        }
        let installed = outcome?;
        let skipped = matches!(installed, Installed::Before(_));
        self.progress.end_step(if skipped { StepState::Skipped } else { StepState::Passed });
        Ok(installed)
    }

    /// The plan of the project's build before this one. What strangers planned is not asked.
    async fn last_plan(&self) -> Result<Option<Plan>, BuildError> {
        let (store, project) = (&self.engine.0.store, &self.claimed.project);
        let access = Access::of(project.user, Role::Member);
        let before = store.builds_of(access, project.id, LOOKED_BACK, Some(self.claimed.build.id)).await?;
        Ok(before.into_iter().filter(|build| stranger(build).is_none()).find_map(|build| build.plan))
    }

    /// The repository's own Dockerfile.
    async fn build_dockerfile(&mut self, job: &Job, path: &str) -> Result<Built, BuildError> {
        self.progress.begin_step(StepName::Build);
        require_space(job).await?;
        self.log.set_phase(LogPhase::Run);
        let written = build::build_dockerfile(job, path, &self.output_directory()).await?;
        self.finish(job, written, Some(0)).await
    }

    /// Plain files: the commit's own, without a container.
    async fn publish_as_it_is(&mut self, job: &Job) -> Result<Built, BuildError> {
        self.progress.begin_step(StepName::Build);
        let output = job.output.value.clone();
        let directory = [job.root(), output.as_str()].into_iter().filter(|part| !part.is_empty());
        let directory = directory.collect::<Vec<_>>().join("/");
        let (checkout, limits, target) = (job.checkout.clone(), job.limits.clone(), self.output_directory());
        let (from, of) = (directory.clone(), output.clone());
        let copied = tokio::task::spawn_blocking(move || artifact::copy(&checkout, &from, &of, &target, &limits));
        let written = copied.await.map_err(BuildError::ours)??;
        if written.files == 0 {
            let paths = job.checkout.below(job.root()).map(|(path, _)| path.trim_start_matches(job.root()));
            let found = missing::Found::of_files(paths.map(|path| path.trim_start_matches('/')));
            // Nothing was built: the site is among the sources.
            let is_empty = job.checkout.has_directory(&directory);
            return Err(missing::failure(&output, is_empty, &found, |_| false).into());
        }
        self.finish(job, written, None).await
    }

    async fn finish(&self, job: &Job, written: Written, exit_code: Option<i64>) -> Result<Built, BuildError> {
        let directory = self.output_directory();
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
        let artifact = Artifact { directory, files, bytes, spa_fallback: self.claimed.project.spa_fallback };
        Ok(Built { artifact, exit_code })
    }

    /// Everything that the build has on disk.
    fn staging(&self) -> PathBuf {
        self.engine.0.config.staging.join(self.claimed.build.id.to_string())
    }

    fn output_directory(&self) -> PathBuf {
        self.staging().join("output")
    }

    async fn remove_staging(&self) {
        let staging = self.staging();
        // A thread that was still at it ends with its next piece.
        for _ in 0..3 {
            let removing = staging.clone();
            if tokio::task::spawn_blocking(move || files::remove_directory(&removing)).await.is_ok_and(|gone| gone) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What tools say may quote a secret; a failure is read like the log.
    fn masked(&self, error: BuildError) -> BuildError {
        let BuildError::Theirs(mut failure, exit_code) = error else { return error };
        failure.title = self.log.masked(failure.title);
        failure.detail = self.log.masked(failure.detail);
        BuildError::Theirs(failure, exit_code)
    }

    fn say_error(&self, error: &BuildError) {
        match error {
            BuildError::Theirs(failure, _) => {
                self.log.say(&format!("failed: {}", failure.title));
                self.log.say(&failure.detail);
            }
            BuildError::Canceled => self.log.say("Stopped"),
            BuildError::Skipped(reason) => self.log.say(&reason.to_string()),
            BuildError::LeaseLost => {}
            BuildError::Ours { .. } => {
                self.log.say("The build was interrupted by a fault of Berth, not of the repository")
            }
        }
    }
}

/// The pull request that a build of a fork's commit is for.
fn stranger(build: &Build) -> Option<i64> {
    build.pull_request.as_ref().filter(|pull_request| pull_request.fork.is_some()).map(|of| of.number)
}

/// Old caches go before a build does.
async fn require_space(job: &Job) -> Result<(), BuildError> {
    let floor = job.limits.free_space_floor;
    let is_full = async || matches!(job.engine.disk_space().await, Ok(Some(space)) if space.free_bytes < floor);
    if !is_full().await {
        return Ok(());
    }
    job.engine.make_room(floor.saturating_mul(2)).await?;
    if is_full().await { Err(disk_is_full()) } else { Ok(()) }
}

fn disk_is_full() -> BuildError {
    Failure::new(
        FailureCode::NoSpace,
        "the build did not start because the disk is almost full",
        "Nothing in the repository caused this: ask the operator for more disk, then rebuild.",
    )
    .into()
}
