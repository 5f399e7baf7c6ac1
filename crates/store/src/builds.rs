//! Builds: reading them, and what their run writes down. How they wait and are handed out is in `queue.rs`.

use std::time::Duration;

use berth_model::{
    Access, BranchName, BuildId, BuildStatus, Commit, CommitHash, DeliveryId, DeploymentId, DeploymentStatus,
    Environment, EventPayload, Failure, FailureCode, Fork, Plan, ProjectId, PullRequest, Reason, Step, StepState,
    Timestamp, Trigger, Why,
};

use crate::lists::Filter;
use crate::owned::{Owned, SeenBy};
use crate::queue::Lease;
use crate::sql::{FromRow, Row, json_text, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

/// One run of the pipeline for one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The row; a higher number is a later wish.
    pub id: BuildId,
    /// Of which project.
    pub project: ProjectId,
    /// Where it stands.
    pub status: BuildStatus,
    /// Why it exists.
    pub trigger: Trigger,
    /// What it is for.
    pub environment: Environment,
    /// Of which branch.
    pub branch: BranchName,
    /// The commit, once it is known: a first build asks for the branch's head.
    pub commit_hash: Option<CommitHash>,
    /// The commit's message.
    pub commit_message: Option<String>,
    /// The commit's author.
    pub commit_author: Option<String>,
    /// Why it was skipped or is held.
    pub reason: Option<Why>,
    /// The pull request that it is for, if it is for one.
    pub pull_request: Option<PullRequest>,
    /// The delivery that asked for it.
    pub delivery: Option<DeliveryId>,
    /// How the build command ended.
    pub exit_code: Option<i64>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What it did, or will do.
    pub plan: Option<Plan>,
    /// Its steps so far.
    pub steps: Vec<Step>,
    /// How often it was started.
    pub attempts: i64,
    /// Whether somebody asked for its end.
    pub cancel_requested: bool,
    /// What it published.
    pub published: Option<Published>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was (last) started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// What a build published, as far as it is shown with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Which deployment; of a preview's build the preview's own, not production's copy of it.
    pub id: DeploymentId,
    /// Where it stands.
    pub status: DeploymentStatus,
    /// Its own full host name.
    pub host: String,
    /// Whether its files are kept.
    pub released: bool,
    /// Why it did not go live when that was last tried.
    pub problem: Option<String>,
}

/// How a build ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildEnd {
    /// A final status.
    pub status: BuildStatus,
    /// How the build command ended, if it ran.
    pub exit_code: Option<i64>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

impl BuildEnd {
    /// The end of a build that somebody stopped.
    pub(crate) fn canceled() -> Self {
        Self { status: BuildStatus::Canceled, exit_code: None, failure: None }
    }
}

macro_rules! select_build {
    ($($rest:tt)+) => {
        concat!(
            "SELECT b.id, b.project_id, b.status, b.trigger, b.environment, b.branch, b.commit_hash, b.commit_message, \
             b.commit_author, b.reason, b.because, b.pull_request, b.fork, b.source_ref, b.delivery, b.exit_code, b.failure, b.plan, b.steps, b.attempts, b.cancel_requested, b.created_at, \
             b.started_at, b.finished_at, p.user_id AS owner, p.id AS of_project, o.id AS published, \
             o.status AS published_status, o.host AS published_host, o.released AS published_kept, \
             (SELECT a.refusal FROM activation a WHERE a.deployment_id = o.id ORDER BY a.id DESC LIMIT 1) AS published_problem \
             FROM build b JOIN project p ON p.id = b.project_id LEFT JOIN deployment o ON o.id = \
             (SELECT MAX(m.id) FROM deployment m WHERE m.build_id = b.id AND m.promoted_from IS NULL) ",
            $($rest)+
        )
    };
}
pub(crate) use select_build;

impl FromRow for Build {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let fork = match (row.get("fork")?, row.get("source_ref")?) {
            (Some(repository), Some(reference)) => Some(Fork { repository, reference }),
            _ => None,
        };
        let number: Option<i64> = row.get("pull_request")?;
        let pull_request = number.map(|number| PullRequest { number, fork });
        Ok(Self {
            id: BuildId(row.get("id")?),
            project: ProjectId(row.get("project_id")?),
            status: row.parsed("status", BuildStatus::parse)?,
            trigger: row.parsed("trigger", Trigger::parse)?,
            environment: row.parsed("environment", Environment::parse)?,
            branch: row.parsed("branch", |text| BranchName::parse(text).ok())?,
            commit_hash: row.parsed_or_none("commit_hash", |text| CommitHash::parse(text).ok())?,
            commit_message: row.get("commit_message")?,
            commit_author: row.get("commit_author")?,
            reason: row.why_or_none("reason", "because")?,
            pull_request,
            delivery: row.get::<Option<i64>>("delivery")?.map(DeliveryId),
            exit_code: row.get("exit_code")?,
            failure: row.json_or_none("failure")?,
            plan: row.json_or_none("plan")?,
            steps: row.json("steps")?,
            attempts: row.get("attempts")?,
            cancel_requested: row.get("cancel_requested")?,
            published: published(row)?,
            created_at: row.time("created_at")?,
            started_at: row.time_or_none("started_at")?,
            finished_at: row.time_or_none("finished_at")?,
        })
    }
}

/// The commit of a build, once it is known.
pub(crate) fn commit(row: &Row<'_>) -> Result<Option<Commit>, StoreError> {
    let Some(hash) = row.parsed_or_none("commit_hash", |text| CommitHash::parse(text).ok())? else { return Ok(None) };
    let text = |column| row.get::<Option<String>>(column).map(Option::unwrap_or_default);
    Ok(Some(Commit { hash, message: text("commit_message")?, author: text("commit_author")? }))
}

/// How long a build took, once it has ended.
pub(crate) fn took(row: &Row<'_>) -> Result<Option<Duration>, StoreError> {
    let (started, finished) = (row.time_or_none("started_at")?, row.time_or_none("finished_at")?);
    Ok(started.zip(finished).map(|(started, finished)| finished.since(started)))
}

fn published(row: &Row<'_>) -> Result<Option<Published>, StoreError> {
    let Some(id) = row.get::<Option<i64>>("published")? else { return Ok(None) };
    Ok(Some(Published {
        id: DeploymentId(id),
        status: row.parsed("published_status", DeploymentStatus::parse)?,
        host: row.get("published_host")?,
        released: row.get("published_kept")?,
        problem: row.get("published_problem")?,
    }))
}

impl Build {
    /// Whether it failed by what can have gone away by itself since.
    #[must_use]
    pub fn failed_by_itself(&self) -> bool {
        let code = self.failure.as_ref().map(|failure| failure.code);
        matches!(code, Some(FailureCode::SourceUnavailable | FailureCode::NoSpace | FailureCode::Internal))
    }

    /// The commit with what is shown of it, once it is known.
    #[must_use]
    pub fn commit(&self) -> Option<Commit> {
        Some(Commit {
            hash: self.commit_hash.clone()?,
            message: self.commit_message.clone().unwrap_or_default(),
            author: self.commit_author.clone().unwrap_or_default(),
        })
    }
}

impl Transaction<'_> {
    /// The build that a lease is for.
    pub(crate) async fn leased(&mut self, lease: &Lease) -> Result<Owned<Build>, StoreError> {
        let select = sql(select_build!("WHERE b.id = $1 AND b.lease_token = $2 AND b.status = 'running'"));
        self.one(select.bind(lease.build).bind(&lease.token)).await?.ok_or(StoreError::LeaseLost)
    }

    /// The only way a build's status changes, but for the claim. Leaving `running` ends the lease.
    pub(crate) async fn move_build(&mut self, build: &mut Owned<Build>, next: BuildStatus) -> Result<(), StoreError> {
        let status = build.row.status.become_next(next)?;
        let finished_at = status.is_final().then_some(self.now.0);
        let update =
            sql("UPDATE build SET status = $2, finished_at = $3, lease_token = NULL, lease_expires_at = NULL \
                          WHERE id = $1");
        self.run(update.bind(build.row.id).bind(status.as_str()).bind(finished_at)).await?;
        build.row.status = status;
        build.row.finished_at = finished_at.map(Timestamp);
        self.build_event(build).await
    }

    /// Tells where a build stands now.
    pub(crate) async fn build_event(&mut self, build: &Owned<Build>) -> Result<(), StoreError> {
        let Build { id, project, status, .. } = build.row;
        self.event(build.owner, Some(project), &EventPayload::BuildStatus { build: id, project, status }).await
    }

    /// Ends a running build, and with it the step that was under way: nobody can tell of it afterwards.
    pub(crate) async fn end_build(&mut self, build: &mut Owned<Build>, end: &BuildEnd) -> Result<(), StoreError> {
        let step_end = if end.status == BuildStatus::Passed { StepState::Passed } else { StepState::Failed };
        for step in build.row.steps.iter_mut().filter(|step| step.state == StepState::Running) {
            step.state = step_end;
            step.took_ms = u64::try_from(self.now.since(step.started_at).as_millis()).ok();
        }
        let failure = end.failure.as_ref().map(json_text);
        let update = sql("UPDATE build SET exit_code = $2, failure = $3, steps = $4 WHERE id = $1");
        let update = update.bind(build.row.id).bind(end.exit_code).bind(failure.as_deref());
        self.run(update.bind(json_text(&build.row.steps))).await?;
        self.move_build(build, end.status).await
    }

    async fn build_progressed(&mut self, build: &Owned<Build>) -> Result<(), StoreError> {
        let Build { id, project, .. } = build.row;
        self.event(build.owner, Some(project), &EventPayload::BuildProgress { build: id, project }).await
    }
}

impl Store {
    /// One of the user's builds.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn build(&self, access: Access, id: BuildId) -> Result<Build, StoreError> {
        let select = sql(select_build!("WHERE b.id = $1 AND p.deleted_at IS NULL")).bind(id);
        Ok(self.one(select).await?.seen_by(access)?.row)
    }

    /// A build, for the worker; those of deleted projects too, until they are forgotten.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn build_unscoped(&self, id: BuildId) -> Result<Option<Build>, StoreError> {
        self.one(sql(select_build!("WHERE b.id = $1")).bind(id)).await
    }

    /// At most `limit` builds of a project, newest first; those older than `before`, if given.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn builds_of(
        &self,
        access: Access,
        project: ProjectId,
        limit: u32,
        before: Option<BuildId>,
    ) -> Result<Vec<Build>, StoreError> {
        self.builds_like(access, project, limit, before, &Filter::default()).await
    }

    /// The same, of those that a filter lets through.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn builds_like(
        &self,
        access: Access,
        project: ProjectId,
        limit: u32,
        before: Option<BuildId>,
        filter: &Filter<BuildStatus>,
    ) -> Result<Vec<Build>, StoreError> {
        self.project(access, project).await?;
        let select = sql(select_build!(
            "WHERE b.project_id = $1 AND b.id < $2 AND b.branch = COALESCE($4, b.branch) \
             AND b.environment = COALESCE($5, b.environment) AND b.status = COALESCE($6, b.status) \
             ORDER BY b.id DESC LIMIT $3"
        ));
        let select = select.bind(project).bind(before.unwrap_or(BuildId(i64::MAX))).bind(i64::from(limit));
        let select = select.bind(filter.branch.as_ref().map(BranchName::as_str));
        let select = select.bind(filter.environment.map(Environment::as_str));
        self.all(select.bind(filter.status.map(BuildStatus::as_str))).await
    }

    /// At most `limit` builds of a project for production, newest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn builds_for_production(
        &self,
        access: Access,
        project: ProjectId,
        limit: u32,
    ) -> Result<Vec<Build>, StoreError> {
        self.project(access, project).await?;
        let select =
            sql(select_build!("WHERE b.project_id = $1 AND b.environment = 'production' ORDER BY b.id DESC LIMIT $2"));
        self.all(select.bind(project).bind(i64::from(limit))).await
    }

    /// The newest build of a branch for an environment, whatever became of it.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn newest_build(
        &self,
        project: ProjectId,
        environment: Environment,
        branch: &BranchName,
    ) -> Result<Option<Build>, StoreError> {
        let select = sql(select_build!(
            "WHERE b.project_id = $1 AND b.environment = $2 AND b.branch = $3 ORDER BY b.id DESC LIMIT 1"
        ));
        self.one(select.bind(project).bind(environment.as_str()).bind(branch.as_str())).await
    }

    /// The newest build of a branch for production that ran, or will: not one that was skipped, canceled or superseded.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn newest_build_that_runs(
        &self,
        project: ProjectId,
        branch: &BranchName,
    ) -> Result<Option<Build>, StoreError> {
        let select = sql(select_build!(
            "WHERE b.project_id = $1 AND b.environment = 'production' AND b.branch = $2 \
             AND b.status NOT IN ('skipped', 'canceled', 'superseded') ORDER BY b.id DESC LIMIT 1"
        ));
        self.one(select.bind(project).bind(branch.as_str())).await
    }

    /// A branch's newest build that was not skipped.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn newest_admitted_build(
        &self,
        project: ProjectId,
        environment: Environment,
        branch: &BranchName,
    ) -> Result<Option<Build>, StoreError> {
        let select = sql(select_build!(
            "WHERE b.project_id = $1 AND b.environment = $2 AND b.branch = $3 AND b.status <> 'skipped' \
             ORDER BY b.id DESC LIMIT 1"
        ));
        self.one(select.bind(project).bind(environment.as_str()).bind(branch.as_str())).await
    }

    /// What a branch's newest build that passed did. A stranger's says nothing of the project.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn newest_plan(
        &self,
        project: ProjectId,
        environment: Environment,
        branch: &BranchName,
    ) -> Result<Option<Plan>, StoreError> {
        let select = sql(select_build!(
            "WHERE b.project_id = $1 AND b.environment = $2 AND b.branch = $3 AND b.fork IS NULL \
             AND b.status = 'passed' AND b.plan IS NOT NULL ORDER BY b.id DESC LIMIT 1"
        ));
        let select = select.bind(project).bind(environment.as_str()).bind(branch.as_str());
        Ok(self.one::<Build>(select).await?.and_then(|build| build.plan))
    }

    /// The newest build for production that tells whether the project's branch was followed to this head. That somebody
    /// asked for another commit again, or chose it, or deployed a folder, says nothing of it, nor does a build that ended
    /// before it knew its commit.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn newest_build_following(
        &self,
        project: ProjectId,
        branch: &BranchName,
        head: &CommitHash,
    ) -> Result<Option<Build>, StoreError> {
        let select = sql(select_build!(
            "WHERE b.project_id = $1 AND b.branch = $2 AND b.environment = 'production' \
             AND b.trigger <> 'folder' AND (b.trigger NOT IN ('rebuild', 'promote') OR COALESCE(b.commit_hash, $3) = $3) \
             AND (b.commit_hash IS NOT NULL OR b.status IN ('queued', 'running')) ORDER BY b.id DESC LIMIT 1"
        ));
        self.one(select.bind(project).bind(branch.as_str()).bind(head.as_str())).await
    }

    /// Writes down which commit is being built.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn record_commit(&self, lease: &Lease, commit: &Commit) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let build = tx.leased(lease).await?;
        let update = sql("UPDATE build SET commit_hash = $2, commit_message = $3, commit_author = $4 WHERE id = $1");
        let update = update.bind(lease.build).bind(commit.hash.as_str()).bind(&commit.message).bind(&commit.author);
        tx.run(update).await?;
        tx.build_progressed(&build).await?;
        tx.commit().await
    }

    /// Writes down what the build will do.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn record_plan(&self, lease: &Lease, plan: &Plan) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let build = tx.leased(lease).await?;
        tx.run(sql("UPDATE build SET plan = $2 WHERE id = $1").bind(lease.build).bind(json_text(plan))).await?;
        tx.build_progressed(&build).await?;
        tx.commit().await
    }

    /// Writes down how far the build is: all its steps, each time.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn record_steps(&self, lease: &Lease, steps: &[Step]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let build = tx.leased(lease).await?;
        tx.run(sql("UPDATE build SET steps = $2 WHERE id = $1").bind(lease.build).bind(json_text(&steps))).await?;
        tx.build_progressed(&build).await?;
        tx.commit().await
    }

    /// Ends a build whose commit, once it was known, asked for none.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn skip_build(&self, lease: &Lease, reason: Reason) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let mut build = tx.leased(lease).await?;
        let why = Why::from(reason);
        let told = sql("UPDATE build SET reason = $2, because = $3 WHERE id = $1");
        tx.run(told.bind(lease.build).bind(&why.sentence).bind(json_text(&why.because))).await?;
        let end = BuildEnd { status: BuildStatus::Skipped, exit_code: None, failure: None };
        tx.end_build(&mut build, &end).await?;
        tx.then_wake_worker();
        tx.commit().await
    }

    /// Ends a build that published nothing; one that did ends with [`Store::publish_deployment`].
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; [`StoreError::Illegal`] if the status cannot follow `running`.
    pub async fn finish_build(&self, lease: &Lease, end: &BuildEnd) -> Result<Build, StoreError> {
        let mut tx = self.begin().await?;
        let mut build = tx.leased(lease).await?;
        tx.end_build(&mut build, end).await?;
        tx.then_wake_worker();
        tx.commit().await?;
        Ok(Build { exit_code: end.exit_code, failure: end.failure.clone(), ..build.row })
    }
}
