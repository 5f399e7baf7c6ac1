//! One build, from its claim to what it leaves of each service.
//!
//! [`BuildRun::run`] reads as the algorithm, and [`services`] as what follows once there is a plan. Around it:
//! [`progress`] tells the store how far it is, without the build waiting for it; the log takes what commands print; the
//! staging directory and the images go when the build fails. Beside it: [`detection`] goes as far as the plan, for who has
//! no project yet.

mod detection;
mod engine;
mod job;
mod progress;
mod services;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use berth_model::{
    Access, BuiltService, CommitHash, Failure, FailureCode, Plan, Reason, Role, StepName, StepState, Trigger,
};
use berth_store::{Build, Claimed};
use tokio_util::sync::CancellationToken;

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

/// What a build left, and how its commands ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Each service, in the order of the plan. Files and images belong to the caller now.
    pub services: Vec<BuiltService>,
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
    /// Whether images of services may be there.
    has_kept_images: bool,
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
            outcome = self.services() => outcome,
        };
        self.log.speak_of(None);
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
            self.remove_images().await;
        }
        outcome
    }

    /// Removes the images that were kept for services: nobody will publish them.
    pub async fn remove_images(&self) {
        let build = self.claimed.build.id;
        if !self.has_kept_images {
            return;
        }
        if let Err(error) = self.engine.0.engine.remove_service_images(build).await {
            tracing::warn!(%build, %error, "a build's images could not be removed; the hourly look finds them");
        }
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
    async fn services(&mut self) -> Result<Built, BuildError> {
        self.remove_staging().await;
        let (variables, credentials) = self.secrets().await?;
        let Fetched { commit, skip, checkout, .. } = self.fetch(credentials.as_ref()).await?;
        if let Some(word) = skip.filter(|_| self.asked_for_by_nobody()) {
            return Err(BuildError::Skipped(Reason::SkippedByMessage { word: word.into() }));
        }
        let checkout = Arc::new(checkout);
        let plan = self.detect(&checkout).await?;
        let mut jobs = self.jobs(plan, &checkout, &commit.hash, &variables)?;
        let workshops = self.install(&mut jobs).await?;
        self.build(jobs, workshops).await
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
            self.log.speak_of(Some(&service.name).filter(|_| plan.services.len() > 1));
            self.log.say(&format!("Detected {}: {}", service.framework.value, service.framework.why));
            for warning in service.warnings.sentences() {
                self.log.say(&format!("warning: {warning}"));
            }
        }
        self.log.speak_of(None);
        self.progress.plan(plan.clone());
        // What was understood is kept with the build, even where it cannot be published.
        match refusal(&plan, &self.engine.0.config.service_maximum) {
            Some(failure) => Err(failure.into()),
            None => Ok(plan),
        }
    }

    /// A job for each service of the plan.
    fn jobs(
        &self,
        plan: Plan,
        checkout: &Arc<Checkout>,
        commit: &CommitHash,
        variables: &Variables,
    ) -> Result<Vec<Job>, BuildError> {
        let Inner { config, engine, .. } = &*self.engine.0;
        let (build, project) = (&self.claimed.build, &self.claimed.project);
        let is_one_of_several = plan.services.len() > 1;
        let jobs: Vec<Job> = plan
            .services
            .into_iter()
            .map(|service| Job {
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
                commit: commit.clone(),
                checkout: checkout.clone(),
                service,
                is_one_of_several,
                variables: variables.clone(),
            })
            .collect();
        if jobs.is_empty() { Err(BuildError::ours_for_good("a plan without a service")) } else { Ok(jobs) }
    }

    /// The plan of the project's build before this one. What strangers planned is not asked.
    async fn last_plan(&self) -> Result<Option<Plan>, BuildError> {
        let (store, project) = (&self.engine.0.store, &self.claimed.project);
        let access = Access::of(project.user, Role::Member);
        let before = store.builds_of(access, project.id, LOOKED_BACK, Some(self.claimed.build.id)).await?;
        Ok(before.into_iter().filter(|build| stranger(build).is_none()).find_map(|build| build.plan))
    }

    /// Everything that the build has on disk.
    fn staging(&self) -> PathBuf {
        self.engine.0.config.staging.join(self.claimed.build.id.to_string())
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
