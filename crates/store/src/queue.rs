//! The build queue. A build waits as a row, is handed out with a lease that its holder renews, and comes back by
//! itself when the holder stops doing so. No transaction spans the work.
//!
//! - A newer build of a branch supersedes those that still wait; one that runs is left to finish.
//! - The user with the fewest running builds comes first, then who waited longest; nobody exceeds the limit per user.
//! - Never two builds of one project's branch run at once (an index sees to it as well).

use std::time::Duration;

use berth_model::{
    Access, AuditAction, BranchName, BuildId, BuildStatus, Commit, Environment, EventPayload, Failure, FailureCode,
    ProjectId, PullRequest, Timestamp, Trigger, UserId, Why,
};

use crate::audit::Change;
use crate::builds::{Build, BuildEnd, select_build};
use crate::owned::{Owned, SeenBy};
use crate::projects::Project;
use crate::sql::{json_text, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

/// After this many starts without an end a build is given up.
const MAX_ATTEMPTS: i64 = 3;

/// A build that is to be queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBuild {
    /// Of which project.
    pub project: ProjectId,
    /// Why.
    pub trigger: Trigger,
    /// What it is for.
    pub environment: Environment,
    /// Of which branch.
    pub branch: BranchName,
    /// The commit; `None`: the branch's head when the build starts.
    pub commit: Option<Commit>,
    /// The pull request that it is for, if it is for one.
    pub pull_request: Option<PullRequest>,
    /// Whether it waits for its turn, or for somebody, or for nothing.
    pub admission: Admission,
}

/// What becomes of a build as soon as it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// It waits for its turn.
    #[default]
    Queued,
    /// It waits until somebody approves it.
    Held {
        /// Why.
        reason: Why,
    },
    /// It never runs, and is there to say so.
    Skipped {
        /// Why.
        reason: Why,
    },
}

impl Admission {
    fn status(&self) -> BuildStatus {
        match self {
            Self::Queued => BuildStatus::Queued,
            Self::Held { .. } => BuildStatus::Held,
            Self::Skipped { .. } => BuildStatus::Skipped,
        }
    }

    fn reason(&self) -> Option<&Why> {
        match self {
            Self::Queued => None,
            Self::Held { reason } | Self::Skipped { reason } => Some(reason),
        }
    }
}

impl NewBuild {
    /// A build of the project's own branch, for production.
    #[must_use]
    pub fn production(project: ProjectId, trigger: Trigger, branch: BranchName, commit: Option<Commit>) -> Self {
        let environment = Environment::Production;
        Self { project, trigger, environment, branch, commit, pull_request: None, admission: Admission::Queued }
    }
}

/// The right to work on a build, until it expires.
#[derive(Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which build.
    pub build: BuildId,
    /// Tells this holder from an earlier one.
    pub(crate) token: String,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("build", &self.build).finish_non_exhaustive()
    }
}

/// A build that was handed out.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The build, running.
    pub build: Build,
    /// Its project at that moment.
    pub project: Project,
    /// The right to work on it.
    pub lease: Lease,
}

/// What a holder learns when renewing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// Go on.
    Held,
    /// The lease is renewed, but somebody wants the build to stop.
    CancelRequested,
    /// Stop at once: the build is somebody else's or has ended.
    Lost,
}

/// What asking for a build's end led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It had not started, and will not.
    Canceled,
    /// It runs; the worker was told and stops its container.
    Requested,
    /// It has ended already.
    AlreadyFinished(BuildStatus),
}

impl Transaction<'_> {
    /// Adds a build. One that is not skipped supersedes those of the branch that still wait.
    pub(crate) async fn enqueue(&mut self, owner: UserId, new: &NewBuild) -> Result<Build, StoreError> {
        let status = new.admission.status();
        let fork = new.pull_request.as_ref().and_then(|pull_request| pull_request.fork.as_ref());
        let because = new.admission.reason().map(|why| json_text(&why.because));
        let insert = sql("INSERT INTO build (project_id, status, trigger, environment, branch, commit_hash, \
                          commit_message, commit_author, created_at, finished_at, reason, because, \
                          pull_request, fork, source_ref) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id")
        .bind(new.project)
        .bind(status.as_str())
        .bind(new.trigger.as_str())
        .bind(new.environment.as_str())
        .bind(new.branch.as_str())
        .bind(new.commit.as_ref().map(|commit| commit.hash.as_str()))
        .bind(new.commit.as_ref().map(|commit| commit.message.as_str()))
        .bind(new.commit.as_ref().map(|commit| commit.author.as_str()))
        .bind(self.now)
        .bind(status.is_final().then_some(self.now.0))
        .bind(new.admission.reason().map(|why| why.sentence.as_str()))
        .bind(because.as_deref())
        .bind(new.pull_request.as_ref().map(|pull_request| pull_request.number))
        .bind(fork.map(|fork| fork.repository.as_str()))
        .bind(fork.map(|fork| fork.reference.as_str()));
        let id: BuildId = self.one(insert).await?.ok_or(StoreError::NotFound)?;
        let build: Build =
            self.one(sql(select_build!("WHERE b.id = $1")).bind(id)).await?.ok_or(StoreError::NotFound)?;
        if !status.is_final() {
            self.supersede_older(&build).await?;
        }
        self.build_event(&Owned { row: Build::clone(&build), owner, project: build.project }).await?;
        self.then_wake_worker();
        Ok(build)
    }

    /// Ends the builds of a branch that still wait and are older than this one.
    async fn supersede_older(&mut self, newest: &Build) -> Result<(), StoreError> {
        let older = sql(select_build!(
            "WHERE b.project_id = $1 AND b.environment = $2 AND b.branch = $3 AND b.status IN ('queued', 'held') \
             AND b.id < $4"
        ));
        let older = older.bind(newest.project).bind(newest.environment.as_str()).bind(newest.branch.as_str());
        let older: Vec<Owned<Build>> = self.all(older.bind(newest.id)).await?;
        for mut build in older {
            self.move_build(&mut build, BuildStatus::Superseded).await?;
        }
        Ok(())
    }

    /// Puts a running build back in line, unless a newer one of its branch waits there already.
    async fn put_back(&mut self, mut build: Owned<Build>) -> Result<(), StoreError> {
        self.move_build(&mut build, BuildStatus::Queued).await?;
        self.run(sql("UPDATE build SET started_at = NULL, steps = '[]' WHERE id = $1").bind(build.row.id)).await?;
        let newer =
            sql("SELECT EXISTS (SELECT 1 FROM build WHERE project_id = $1 AND branch = $2 AND environment = $3 \
                         AND status = 'queued' AND id > $4)");
        let newer = newer.bind(build.row.project).bind(build.row.branch.as_str());
        let newer = newer.bind(build.row.environment.as_str()).bind(build.row.id);
        if self.one(newer).await?.unwrap_or(false) {
            self.move_build(&mut build, BuildStatus::Superseded).await?;
        }
        self.then_wake_worker();
        Ok(())
    }

    /// Notes that a running build should stop; the worker hears of it after the commit.
    pub(crate) async fn ask_to_cancel(&mut self, build: BuildId) -> Result<(), StoreError> {
        self.run(sql("UPDATE build SET cancel_requested = TRUE WHERE id = $1").bind(build)).await?;
        self.then_cancel(build);
        Ok(())
    }
}

impl Store {
    /// Queues a build, supersedes those of the branch that still wait, and wakes the worker.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the project is gone; [`StoreError::Conflict`] if it has no repository.
    pub async fn enqueue(&self, new: NewBuild) -> Result<Build, StoreError> {
        let mut tx = self.begin().await?;
        let project = tx.project_unscoped(new.project).await?;
        project.source()?;
        let build = tx.enqueue(project.user, &new).await?;
        tx.record_by_itself(Change::of_queued(&build)).await?;
        tx.commit().await?;
        Ok(build)
    }

    /// Queues a build unless somebody has done so since `newest` was the newest one of its branch and environment: of
    /// several who find the same news, one queues it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the project is gone; [`StoreError::Conflict`] if it has no repository.
    pub async fn enqueue_after(&self, newest: Option<BuildId>, new: NewBuild) -> Result<Option<Build>, StoreError> {
        let mut tx = self.begin().await?;
        let project = tx.project_unscoped(new.project).await?;
        project.source()?;
        let newer =
            sql("SELECT EXISTS (SELECT 1 FROM build WHERE project_id = $1 AND environment = $2 AND branch = $3 \
                         AND id > $4)");
        let newer = newer.bind(new.project).bind(new.environment.as_str()).bind(new.branch.as_str());
        let newer = newer.bind(newest.unwrap_or(BuildId(0)));
        if tx.one(newer).await?.unwrap_or(false) {
            return Ok(None);
        }
        let build = tx.enqueue(project.user, &new).await?;
        tx.record(Change::of_queued(&build)).await?;
        tx.commit().await?;
        Ok(Some(build))
    }

    /// Queues the commit of an earlier build again. One of a stranger's commit that nobody has approved yet is held
    /// again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`]; [`StoreError::Conflict`] if its preview is gone, or was never
    /// its own, or if it was a folder and not a commit.
    pub async fn rebuild(&self, access: Access, id: BuildId) -> Result<Build, StoreError> {
        let mut tx = self.begin().await?;
        let select = sql(select_build!("WHERE b.id = $1 AND p.deleted_at IS NULL")).bind(id);
        let Owned { row: earlier, owner, .. }: Owned<Build> = tx.one(select).await?.seen_by(access)?;
        if earlier.trigger == Trigger::Folder {
            return Err(StoreError::Conflict(
                "this was deployed from a folder, which Berth does not keep: deploy the folder again, or put its deployment live again",
            ));
        }
        tx.project_unscoped(earlier.project).await?.source()?;
        let commit = Build::commit(&earlier);
        let Build { project, environment, branch, pull_request, reason, .. } = earlier;
        if environment == Environment::Preview && tx.preview_of(project, &branch).await?.is_none() {
            return Err(StoreError::Conflict(
                "the preview of this build was removed; a push to its branch opens it again",
            ));
        }
        let is_of_a_stranger = pull_request.as_ref().is_some_and(|pull_request| pull_request.fork.is_some());
        if environment == Environment::Preview && branch.is_of_pull_request() && !is_of_a_stranger {
            return Err(StoreError::Conflict(
                "branches with a name like pull/7 have no preview: pull requests from forks have it",
            ));
        }
        // What was chosen for production goes live there whatever branch it is of.
        let trigger = if earlier.trigger == Trigger::Promote { Trigger::Promote } else { Trigger::Rebuild };
        let admission = match reason {
            Some(reason) if is_of_a_stranger => Admission::Held { reason },
            _ => Admission::Queued,
        };
        let new = NewBuild { project, trigger, environment, branch, commit, pull_request, admission };
        let build = tx.enqueue(owner, &new).await?;
        tx.record(Change::of_queued(&build)).await?;
        tx.commit().await?;
        Ok(build)
    }

    /// Hands out the build whose turn it is, if there is one, for `lease`. Of several claims at once no two get the
    /// same build.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn claim(&self, lease: Duration, per_user_limit: u32) -> Result<Option<Claimed>, StoreError> {
        let waiting = "SELECT EXISTS (SELECT 1 FROM build WHERE status = 'queued')";
        if !self.one(sql(waiting)).await?.unwrap_or(false) {
            return Ok(None);
        }
        let mut tx = self.begin().await?;
        let token = berth_secrets::token().expose().to_owned();
        let claim = sql("UPDATE build SET status = $1, attempts = attempts + 1, started_at = $2, lease_token = $3, \
                         lease_expires_at = $4 WHERE id = ( \
                           SELECT b.id FROM build b JOIN project p ON p.id = b.project_id \
                           WHERE b.status = 'queued' AND p.deleted_at IS NULL \
                           AND NOT EXISTS (SELECT 1 FROM build r WHERE r.status = 'running' AND r.trigger <> 'folder' \
                                           AND r.project_id = b.project_id AND r.branch = b.branch) \
                           AND (SELECT COUNT(*) FROM build r JOIN project q ON q.id = r.project_id \
                                WHERE r.status = 'running' AND r.trigger <> 'folder' AND q.user_id = p.user_id) < $5 \
                           ORDER BY (SELECT COUNT(*) FROM build r JOIN project q ON q.id = r.project_id \
                                     WHERE r.status = 'running' AND r.trigger <> 'folder' AND q.user_id = p.user_id), b.id LIMIT 1) \
                         RETURNING id")
        .bind(BuildStatus::Queued.become_next(BuildStatus::Running)?.as_str())
        .bind(tx.now)
        .bind(&token)
        .bind(tx.now.after(lease))
        .bind(i64::from(per_user_limit));
        let Some(id) = tx.one::<BuildId>(claim).await? else { return Ok(None) };
        let lease = Lease { build: id, token };
        let build = tx.leased(&lease).await?;
        let project = tx.project_unscoped(build.row.project).await?;
        tx.build_event(&build).await?;
        tx.commit().await?;
        Ok(Some(Claimed { build: build.row, project, lease }))
    }

    /// Keeps a build for another `lease` from now on, and hears whether it should stop.
    ///
    /// # Errors
    /// Only the database's own; a lost lease is a [`LeaseState`].
    pub async fn renew(&self, held: &Lease, lease: Duration) -> Result<LeaseState, StoreError> {
        let mut tx = self.begin().await?;
        let renew =
            sql("UPDATE build SET lease_expires_at = $3 WHERE id = $1 AND lease_token = $2 AND status = 'running' \
                         RETURNING cancel_requested");
        let renew = renew.bind(held.build).bind(&held.token).bind(tx.now.after(lease));
        let state = match tx.one(renew).await? {
            None => LeaseState::Lost,
            Some(true) => LeaseState::CancelRequested,
            Some(false) => LeaseState::Held,
        };
        tx.commit().await?;
        Ok(state)
    }

    /// Gives a build back unharmed, as at shutdown: it waits again and the attempt does not count.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn give_back(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let mut build = tx.leased(lease).await?;
        if build.row.cancel_requested {
            tx.end_build(&mut build, &BuildEnd::canceled()).await?;
        } else {
            tx.run(sql("UPDATE build SET attempts = attempts - 1 WHERE id = $1").bind(lease.build)).await?;
            tx.put_back(build).await?;
        }
        tx.commit().await
    }

    /// Ends an attempt that failed through no fault of the build's: it waits again, and the attempt counts.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn retry(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let mut build = tx.leased(lease).await?;
        if build.row.cancel_requested {
            tx.end_build(&mut build, &BuildEnd::canceled()).await?;
        } else {
            tx.put_back(build).await?;
        }
        tx.commit().await
    }

    /// Takes builds back whose holders have not been heard of: they wait again, are canceled if that was asked for, or
    /// fail after the third attempt; a folder fails at once, because Berth has no more of it. Returns which.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn requeue_expired(&self) -> Result<Vec<BuildId>, StoreError> {
        self.requeue_held_until(self.now()).await
    }

    /// Takes every running build back at once, as [`Store::requeue_expired`] does: for a process that starts and knows
    /// that no other one works for this database.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn requeue_interrupted(&self) -> Result<Vec<BuildId>, StoreError> {
        self.requeue_held_until(Timestamp(i64::MAX)).await
    }

    async fn requeue_held_until(&self, moment: Timestamp) -> Result<Vec<BuildId>, StoreError> {
        let expired =
            || sql(select_build!("WHERE b.status = 'running' AND b.lease_expires_at <= $1 ORDER BY b.id")).bind(moment);
        if self.all::<Build>(expired()).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let builds: Vec<Owned<Build>> = tx.all(expired()).await?;
        let ids = builds.iter().map(|build| build.row.id).collect();
        for mut build in builds {
            if build.row.cancel_requested {
                tx.end_build(&mut build, &BuildEnd::canceled()).await?;
            } else if build.row.trigger == Trigger::Folder {
                tx.end_build(&mut build, &folder_interrupted()).await?;
            } else if build.row.attempts >= MAX_ATTEMPTS {
                let failure = Failure::new(
                    FailureCode::Internal,
                    "the build was interrupted again and again",
                    format!(
                        "Berth stopped while it ran, {MAX_ATTEMPTS} times; nothing in the repository is known to cause this. \
                         Rebuild it, and tell the operator if it happens again."
                    ),
                );
                let end = BuildEnd { status: BuildStatus::Failed, exit_code: None, failure: Some(failure) };
                tx.end_build(&mut build, &end).await?;
            } else {
                tx.put_back(build).await?;
            }
        }
        tx.commit().await?;
        Ok(ids)
    }

    /// Asks for a build's end: one that waits, for its turn or for an approval, is canceled at once; one that runs is
    /// stopped by the worker; one that passed and is not live yet does not go live.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn request_cancel(&self, access: Access, id: BuildId) -> Result<CancelOutcome, StoreError> {
        let mut tx = self.begin().await?;
        let select = sql(select_build!("WHERE b.id = $1 AND p.deleted_at IS NULL")).bind(id);
        let mut build: Owned<Build> = tx.one(select).await?.seen_by(access)?;
        let outcome = match build.row.status {
            BuildStatus::Queued | BuildStatus::Held => {
                tx.move_build(&mut build, BuildStatus::Canceled).await?;
                CancelOutcome::Canceled
            }
            BuildStatus::Running => {
                tx.ask_to_cancel(id).await?;
                CancelOutcome::Requested
            }
            BuildStatus::Passed if tx.withdraw_activation(id).await? => CancelOutcome::Canceled,
            ended => return Ok(CancelOutcome::AlreadyFinished(ended)),
        };
        tx.record(Change::of(AuditAction::BuildCanceled).of_project(build.row.project).to(format!("#{id}"))).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    /// Lets a held build run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`]; [`StoreError::Conflict`] if it is not held.
    pub async fn approve_build(&self, access: Access, id: BuildId) -> Result<Build, StoreError> {
        let mut tx = self.begin().await?;
        let select = sql(select_build!("WHERE b.id = $1 AND p.deleted_at IS NULL")).bind(id);
        let mut build: Owned<Build> = tx.one(select).await?.seen_by(access)?;
        if build.row.status != BuildStatus::Held {
            return Err(StoreError::Conflict("this build does not wait for an approval"));
        }
        // What is approved has no reason to be held: building it again needs no second approval.
        tx.run(sql("UPDATE build SET reason = NULL, because = NULL WHERE id = $1").bind(id)).await?;
        build.row.reason = None;
        tx.move_build(&mut build, BuildStatus::Queued).await?;
        let approved = EventPayload::BuildApproved { build: id, project: build.row.project, by: access.user() };
        tx.event(build.owner, Some(build.row.project), &approved).await?;
        tx.supersede_older(&build.row).await?;
        tx.record(Change::of(AuditAction::BuildApproved).of_project(build.row.project).to(format!("#{id}"))).await?;
        tx.then_wake_worker();
        tx.commit().await?;
        Ok(build.row)
    }
}

/// The end of a folder that was being published when Berth stopped.
fn folder_interrupted() -> BuildEnd {
    let failure = Failure::new(
        FailureCode::Internal,
        "Berth stopped while the folder was being published",
        "Nothing in the folder caused this, and what was live stays live. Deploy the folder again.",
    );
    BuildEnd { status: BuildStatus::Failed, exit_code: None, failure: Some(failure) }
}
