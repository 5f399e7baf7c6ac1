//! Activations: putting a deployment live, in two steps, because the edge has to answer with it in between.
//!
//! 1. [`Store::decide_activation`] asks whether it may go and points the project's host at it.
//! 2. The caller installs it in the edge and asks the edge for it.
//! 3. [`Store::confirm_activation`] makes it `live` and what was live `retired` or `rolled_back`; or
//!    [`Store::refuse_activation`] puts the host back where it was.
//!
//! A crash in between leaves the activation pending, and deciding again leads to the same end.
//!
//! A preview's deployment that is promoted gets a copy for production before ([`ActivationDecision::Copy`]): the same
//! files under an id and a host of its own, so that its life does not end with the preview's. From
//! [`Store::publish_copy`] on the activation is the copy's, and goes on like any other.
//!
//! A route remembers the newest build that was ever live there. A build goes live by itself only if it is newer: so an
//! older build never wins, and a rollback holds until a push that came after the build it went back from.

use berth_model::{
    Access, ActivationId, AuditAction, BranchName, BuildId, DeploymentId, DeploymentStatus, Environment, EventPayload,
    ProjectId, ShortId, Timestamp, UserId,
};

use crate::audit::Change;
use crate::builds::{Build, select_build};
use crate::deployments::{Deployment, NewDeployment, select_deployment};
use crate::error::EXISTS;
use crate::owned::{Owned, SeenBy};
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

/// Why a deployment is to go live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationReason {
    /// Its build passed.
    Build,
    /// Somebody goes back to it.
    Rollback,
    /// Somebody chose it.
    Promote,
}

impl ActivationReason {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Rollback => "rollback",
            Self::Promote => "promote",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Build, Self::Rollback, Self::Promote].into_iter().find(|reason| reason.as_str() == text)
    }
}

/// Where an activation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationState {
    /// The worker has not ended it.
    Pending,
    /// The deployment is live.
    Done,
    /// It is not, and the activation says why.
    Refused,
}

impl ActivationState {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "pending" => Some(Self::Pending),
            "done" => Some(Self::Done),
            "refused" => Some(Self::Refused),
            _ => None,
        }
    }
}

/// A wish to put a deployment live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// The row.
    pub id: ActivationId,
    /// Which deployment.
    pub deployment: DeploymentId,
    /// Whose.
    pub project: ProjectId,
    /// Why.
    pub reason: ActivationReason,
    /// Where it stands.
    pub state: ActivationState,
    /// Why it was refused, for people.
    pub refusal: Option<String>,
    /// Who asked; `None`: the build did.
    pub requested_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
}

/// Whether a deployment may go live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActivationDecision {
    /// It may, and its host leads to it from now on.
    Go {
        /// Which.
        deployment: Deployment,
        /// The full host name that follows it: the project's own.
        host: String,
        /// What is live there now.
        previous: Option<DeploymentId>,
    },
    /// It is a preview's and wanted for production: [`Store::publish_copy`] comes first, then the decision again.
    Copy {
        /// What is to be copied.
        deployment: Deployment,
        /// The copy's id.
        id: DeploymentId,
        /// The random part of its own host.
        short_id: ShortId,
    },
    /// It may not; the activation has ended.
    Refused {
        /// Why, for people.
        reason: String,
    },
}

macro_rules! select_activation {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.deployment_id, d.project_id, a.reason, a.state, a.refusal, a.requested_by, a.created_at \
             FROM activation a JOIN deployment d ON d.id = a.deployment_id ",
            $rest
        )
    };
}

impl FromRow for Activation {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: ActivationId(row.get("id")?),
            deployment: DeploymentId(row.get("deployment_id")?),
            project: ProjectId(row.get("project_id")?),
            reason: row.parsed("reason", ActivationReason::parse)?,
            state: row.parsed("state", ActivationState::parse)?,
            refusal: row.get("refusal")?,
            requested_by: row.get::<Option<i64>>("requested_by")?.map(UserId),
            created_at: row.time("created_at")?,
        })
    }
}

/// The host that follows what is live, and the newest build that ever was.
struct Seat {
    host: String,
    deployment: Option<DeploymentId>,
    newest_build: i64,
}

impl FromRow for Seat {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            host: row.get("host")?,
            deployment: row.get::<Option<i64>>("deployment_id")?.map(DeploymentId),
            newest_build: row.get("newest_build")?,
        })
    }
}

impl Transaction<'_> {
    /// Notes the wish to put a deployment live.
    pub(crate) async fn add_activation(
        &mut self,
        deployment: DeploymentId,
        reason: ActivationReason,
        requested_by: Option<UserId>,
    ) -> Result<ActivationId, StoreError> {
        let insert = sql("INSERT INTO activation (deployment_id, reason, state, requested_by, created_at) \
                          VALUES ($1, $2, 'pending', $3, $4) RETURNING id");
        let insert = insert.bind(deployment).bind(reason.as_str()).bind(requested_by).bind(self.now);
        let id = self.one(insert).await?.ok_or(StoreError::NotFound)?;
        self.then_wake_worker();
        Ok(id)
    }

    async fn activation(&mut self, id: ActivationId) -> Result<Activation, StoreError> {
        self.one(sql(select_activation!("WHERE a.id = $1")).bind(id)).await?.ok_or(StoreError::NotFound)
    }

    /// The host that a deployment would go live at. In production there is one, whatever branch it follows by now; a
    /// build goes there by itself only from that branch, or if it is of a commit that somebody promoted.
    async fn seat(&mut self, deployment: &Deployment, reason: ActivationReason) -> Result<Option<Seat>, StoreError> {
        let is_chosen = reason != ActivationReason::Build || {
            let chosen = sql("SELECT EXISTS (SELECT 1 FROM build WHERE id = $1 AND trigger = 'promote')");
            self.one(chosen.bind(deployment.build)).await?.unwrap_or(false)
        };
        let any_branch = is_chosen && deployment.environment == Environment::Production;
        let select =
            sql("SELECT host, deployment_id, newest_build FROM route WHERE project_id = $1 AND kind = 'branch' \
                          AND environment = $2 AND (branch = $3 OR $4)");
        let select = select.bind(deployment.project).bind(deployment.environment.as_str());
        self.one(select.bind(deployment.branch.as_str()).bind(any_branch)).await
    }

    /// What a promoted preview's deployment needs before it can go live: `None` if production has a copy of it, which is
    /// what the activation is about from now on.
    async fn copy_for_production(
        &mut self,
        activation: ActivationId,
        deployment: &Deployment,
    ) -> Result<Option<ActivationDecision>, StoreError> {
        let kept = sql(select_deployment!(
            "WHERE d.promoted_from = $1 AND d.released = TRUE AND d.status <> 'failed' ORDER BY d.id DESC LIMIT 1"
        ));
        if let Some(Deployment { id, .. }) = self.one(kept.bind(deployment.id)).await? {
            self.run(sql("UPDATE activation SET deployment_id = $2 WHERE id = $1").bind(activation).bind(id)).await?;
            return Ok(None);
        }
        // Its build has ended: what is reserved for it is left over from a crash.
        self.run(sql("DELETE FROM reservation WHERE build_id = $1").bind(deployment.build)).await?;
        let (id, short_id) = self.reserve_deployment(deployment.build).await?;
        Ok(Some(ActivationDecision::Copy { deployment: deployment.clone(), id, short_id }))
    }

    /// What is live where a deployment would go, other than itself.
    async fn live_instead_of(&mut self, deployment: &Deployment) -> Result<Vec<Owned<Deployment>>, StoreError> {
        let select = sql(select_deployment!(
            "WHERE d.project_id = $1 AND d.environment = $2 AND (d.branch = $3 OR d.environment = 'production') \
             AND d.status = 'live' AND d.id <> $4 ORDER BY d.activated_at DESC"
        ));
        let select = select.bind(deployment.project).bind(deployment.environment.as_str());
        self.all(select.bind(deployment.branch.as_str()).bind(deployment.id)).await
    }

    /// Ends what waits to go live of a preview.
    pub(crate) async fn refuse_activations_of(
        &mut self,
        project: ProjectId,
        branch: &BranchName,
        why: &str,
    ) -> Result<(), StoreError> {
        let pending = sql(select_activation!(
            "WHERE a.state = 'pending' AND d.project_id = $1 \
             AND d.environment = 'preview' AND d.branch = $2"
        ));
        let pending: Vec<Activation> = self.all(pending.bind(project).bind(branch.as_str())).await?;
        for activation in pending {
            let deployment = self.deployment(activation.deployment).await?;
            self.end_activation(activation.id, &deployment, Some(why)).await?;
        }
        Ok(())
    }

    /// Takes back the wish of a build to go live, if it still waits; whether it did.
    pub(crate) async fn withdraw_activation(&mut self, build: BuildId) -> Result<bool, StoreError> {
        let pending = sql(select_activation!(
            "WHERE a.state = 'pending' AND a.reason = 'build' \
             AND d.build_id = $1"
        ));
        let Some(Activation { id, deployment, .. }) = self.one(pending.bind(build)).await? else { return Ok(false) };
        let mut deployment = self.deployment(deployment).await?;
        self.put_back_route(&deployment.row).await?;
        if deployment.row.status == DeploymentStatus::Ready {
            let host = deployment.row.host.clone();
            self.move_deployment(&mut deployment, DeploymentStatus::Retired, &host).await?;
        }
        self.end_activation(id, &deployment, Some("its build was canceled")).await?;
        Ok(true)
    }

    /// Points a host that was decided for a deployment back at what is live there.
    async fn put_back_route(&mut self, deployment: &Deployment) -> Result<(), StoreError> {
        if deployment.status != DeploymentStatus::Live {
            let live = self.live_instead_of(deployment).await?.into_iter().next().map(|live| live.row.id);
            let back = sql("UPDATE route SET deployment_id = $2 WHERE deployment_id = $1 AND kind = 'branch'");
            self.run(back.bind(deployment.id).bind(live)).await?;
        }
        Ok(())
    }

    /// See [`Store::decide_activation`].
    async fn decide_activation(&mut self, id: ActivationId) -> Result<ActivationDecision, StoreError> {
        let activation = self.activation(id).await?;
        if activation.state != ActivationState::Pending {
            return Err(StoreError::Conflict("this activation has ended already"));
        }
        let mut deployment = self.deployment(activation.deployment).await?;
        if activation.reason == ActivationReason::Promote
            && deployment.row.environment == Environment::Preview
            && deployment.row.released
        {
            if let Some(copy) = self.copy_for_production(id, &deployment.row).await? {
                return Ok(copy);
            }
            let copy = self.activation(id).await?.deployment;
            deployment = self.deployment(copy).await?;
        }
        let seat = self.seat(&deployment.row, activation.reason).await?;
        let previous = self.live_instead_of(&deployment.row).await?.into_iter().next().map(|live| live.row);
        Ok(match objection(&deployment.row, activation.reason, seat.as_ref(), previous.as_ref()) {
            Some(reason) => {
                if deployment.row.status == DeploymentStatus::Ready {
                    let host = deployment.row.host.clone();
                    self.move_deployment(&mut deployment, DeploymentStatus::Retired, &host).await?;
                }
                self.end_activation(id, &deployment, Some(&reason)).await?;
                ActivationDecision::Refused { reason }
            }
            None => {
                let host = seat.map(|seat| seat.host).ok_or(StoreError::NotFound)?;
                let point = sql("UPDATE route SET deployment_id = $2 WHERE host = $1");
                self.run(point.bind(&host).bind(deployment.row.id)).await?;
                ActivationDecision::Go { deployment: deployment.row, host, previous: previous.map(|live| live.id) }
            }
        })
    }

    /// See [`Store::confirm_activation`].
    async fn confirm_activation(&mut self, id: ActivationId) -> Result<Deployment, StoreError> {
        let activation = self.activation(id).await?;
        let mut deployment = self.deployment(activation.deployment).await?;
        match activation.state {
            ActivationState::Pending => {}
            ActivationState::Done => return Ok(deployment.row),
            ActivationState::Refused => return Err(StoreError::Conflict("this activation was refused")),
        }
        let seat = self.seat(&deployment.row, activation.reason).await?.ok_or(StoreError::NotFound)?;
        if seat.deployment != Some(deployment.row.id) {
            return Err(StoreError::Conflict("another deployment took the host meanwhile"));
        }
        for mut live in self.live_instead_of(&deployment.row).await? {
            // A copy is newer than what was there when its build was queued.
            let is_older = match live.row.promoted_from {
                Some(_) => deployment.row.id < live.row.id,
                None => deployment.row.build < live.row.build,
            };
            let goes_back = activation.reason == ActivationReason::Rollback && is_older;
            let next = if goes_back { DeploymentStatus::RolledBack } else { DeploymentStatus::Retired };
            let host = live.row.host.clone();
            self.move_deployment(&mut live, next, &host).await?;
        }
        if deployment.row.status != DeploymentStatus::Live {
            self.move_deployment(&mut deployment, DeploymentStatus::Live, &seat.host).await?;
        }
        let newest = seat.newest_build.max(deployment.row.build.0);
        self.run(sql("UPDATE route SET newest_build = $2 WHERE host = $1").bind(&seat.host).bind(newest)).await?;
        self.end_activation(id, &deployment, None).await?;
        Ok(deployment.row)
    }

    /// Ends an activation.
    async fn end_activation(
        &mut self,
        id: ActivationId,
        deployment: &Owned<Deployment>,
        refusal: Option<&str>,
    ) -> Result<(), StoreError> {
        let state = if refusal.is_none() { "done" } else { "refused" };
        let update = sql("UPDATE activation SET state = $2, refusal = $3, finished_at = $4 WHERE id = $1");
        self.run(update.bind(id).bind(state).bind(refusal).bind(self.now)).await?;
        self.then_tell_activated(deployment.row.id);
        let payload = EventPayload::ActivationFinished { activation: id, live: refusal.is_none() };
        self.event(deployment.owner, Some(deployment.row.project), &payload).await
    }
}

impl Store {
    /// Asks for a deployment to go live, on behalf of a user.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`]; [`StoreError::Conflict`] if its files are gone or it never
    /// could go live.
    pub async fn request_activation(
        &self,
        access: Access,
        deployment: DeploymentId,
        reason: ActivationReason,
    ) -> Result<ActivationId, StoreError> {
        let mut tx = self.begin().await?;
        let found: Option<Owned<Deployment>> =
            tx.one(sql(select_deployment!("WHERE d.id = $1")).bind(deployment)).await?;
        let wanted = found.seen_by(access)?.row;
        if !wanted.released {
            return Err(StoreError::Conflict(
                "the files of this deployment are gone; rebuild its commit, or deploy its folder again",
            ));
        }
        if wanted.status == DeploymentStatus::Failed {
            return Err(StoreError::Conflict(
                "this deployment could not be put live; rebuild its commit, or deploy its folder again",
            ));
        }
        let id = tx.add_activation(deployment, reason, Some(access.user())).await?;
        let action = match reason {
            ActivationReason::Promote => AuditAction::DeploymentPromoted,
            ActivationReason::Rollback | ActivationReason::Build => AuditAction::DeploymentRolledBack,
        };
        tx.record(Change::of(action).of_project(wanted.project).to(wanted.short_id)).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Notes the wish to put a deployment live. [`Store::publish_deployment`] has done so for a build: asking for
    /// that again returns the same activation.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the deployment is gone.
    pub async fn enqueue_activation(
        &self,
        deployment: DeploymentId,
        reason: ActivationReason,
    ) -> Result<ActivationId, StoreError> {
        let mut tx = self.begin().await?;
        let noted = sql("SELECT id FROM activation WHERE deployment_id = $1 AND reason = $2 \
                         AND (state = 'pending' OR reason = 'build') ORDER BY id DESC LIMIT 1");
        if let Some(id) = tx.one(noted.bind(deployment).bind(reason.as_str())).await? {
            return Ok(id);
        }
        tx.deployment(deployment).await?;
        let id = tx.add_activation(deployment, reason, None).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// What waits to go live, oldest first.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn pending_activations(&self) -> Result<Vec<Activation>, StoreError> {
        self.all(sql(select_activation!("WHERE a.state = 'pending' ORDER BY a.id"))).await
    }

    /// What was asked for last about a deployment, and what came of it.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn newest_activation_of(&self, deployment: DeploymentId) -> Result<Option<Activation>, StoreError> {
        let select = sql(select_activation!("WHERE a.deployment_id = $1 ORDER BY a.id DESC LIMIT 1"));
        self.one(select.bind(deployment)).await
    }

    /// An activation.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn activation(&self, id: ActivationId) -> Result<Activation, StoreError> {
        self.one(sql(select_activation!("WHERE a.id = $1")).bind(id)).await?.ok_or(StoreError::NotFound)
    }

    /// Decides whether a deployment may go live, and if so points its host at it. A build may not if a newer one is or
    /// was live there, or if the project follows another branch by now; its deployment is `retired` then. A rollback
    /// always may, as long as the files are there.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the project was deleted, [`StoreError::Conflict`] if the activation has ended.
    pub async fn decide_activation(&self, id: ActivationId) -> Result<ActivationDecision, StoreError> {
        the_only(self.decide_activations(&[id]).await?)
    }

    /// [`Store::decide_activation`] for several, in one transaction: each is decided after the ones before it, and one
    /// that cannot be decided leaves the others alone.
    ///
    /// # Errors
    /// The database's own; then none is decided.
    pub async fn decide_activations(
        &self,
        ids: &[ActivationId],
    ) -> Result<Vec<Result<ActivationDecision, StoreError>>, StoreError> {
        let mut tx = self.begin().await?;
        let mut decided = Vec::with_capacity(ids.len());
        for id in ids {
            decided.push(of_one(tx.decide_activation(*id).await)?);
        }
        tx.commit().await?;
        Ok(decided)
    }

    /// Publishes production's copy of a preview's deployment, as [`ActivationDecision::Copy`] asked for; the activation
    /// is about the copy from here on.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the activation has ended, or the preview with its files; [`StoreError::NotFound`] if
    /// the project was deleted; [`StoreError::NameTaken`] if the host is another's.
    pub async fn publish_copy(&self, id: ActivationId, new: NewDeployment) -> Result<Deployment, StoreError> {
        let mut tx = self.begin().await?;
        let activation = tx.activation(id).await?;
        if activation.state != ActivationState::Pending {
            return Err(StoreError::Conflict("this activation has ended already"));
        }
        let source = tx.deployment(activation.deployment).await?.row;
        if !source.released {
            return Err(StoreError::Conflict(
                "the files of this deployment are gone; rebuild its commit, or deploy its folder again",
            ));
        }
        let build = sql(select_build!("WHERE b.id = $1")).bind(source.build);
        let build: Build = tx.one(build).await?.ok_or(StoreError::NotFound)?;
        let copy = tx.add_deployment(&build, Environment::Production, &new, Some(source.id)).await?;
        tx.deployment_event(&copy, &new.host).await?;
        tx.run(sql("UPDATE activation SET deployment_id = $2 WHERE id = $1").bind(id).bind(new.id)).await?;
        tx.commit().await?;
        Ok(copy.row)
    }

    /// Makes a deployment live that the edge has answered with. Confirming again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the activation was refused (the project was deleted meanwhile), or another one took
    /// the host; [`StoreError::NotFound`].
    pub async fn confirm_activation(&self, id: ActivationId) -> Result<Deployment, StoreError> {
        the_only(self.confirm_activations(&[id]).await?)
    }

    /// [`Store::confirm_activation`] for several, in one transaction.
    ///
    /// # Errors
    /// The database's own; then none is live.
    pub async fn confirm_activations(
        &self,
        ids: &[ActivationId],
    ) -> Result<Vec<Result<Deployment, StoreError>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let mut confirmed = Vec::with_capacity(ids.len());
        for id in ids {
            confirmed.push(of_one(tx.confirm_activation(*id).await)?);
        }
        tx.commit().await?;
        Ok(confirmed)
    }

    /// Gives an activation up because the edge did not answer with the deployment: the host goes back to what is live,
    /// and a deployment that its build wanted live has `failed`. An activation that has ended stays as it is.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn refuse_activation(&self, id: ActivationId, reason: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let activation = tx.activation(id).await?;
        if activation.state != ActivationState::Pending {
            return Ok(());
        }
        let mut deployment = tx.deployment(activation.deployment).await?;
        tx.put_back_route(&deployment.row).await?;
        if activation.reason == ActivationReason::Build && deployment.row.status == DeploymentStatus::Ready {
            let host = deployment.row.host.clone();
            tx.move_deployment(&mut deployment, DeploymentStatus::Failed, &host).await?;
        }
        tx.end_activation(id, &deployment, Some(reason)).await?;
        tx.commit().await
    }
}

/// Parts what concerns one activation of several, found before anything was written for it, from what ends the whole
/// transaction.
fn of_one<T>(outcome: Result<T, StoreError>) -> Result<Result<T, StoreError>, StoreError> {
    match outcome {
        Ok(done) => Ok(Ok(done)),
        Err(error @ StoreError::NotFound) => Ok(Err(error)),
        Err(StoreError::Conflict(why)) if why != EXISTS => Ok(Err(StoreError::Conflict(why))),
        Err(error) => Err(error),
    }
}

fn the_only<T>(outcomes: Vec<Result<T, StoreError>>) -> Result<T, StoreError> {
    outcomes.into_iter().next().unwrap_or(Err(StoreError::NotFound))
}

/// Why a deployment may not go live; `None` if it may.
fn objection(
    deployment: &Deployment,
    reason: ActivationReason,
    seat: Option<&Seat>,
    previous: Option<&Deployment>,
) -> Option<String> {
    if !deployment.released {
        return Some(
            "the files of this deployment are gone; rebuild its commit, or deploy its folder again".to_owned(),
        );
    }
    if deployment.status == DeploymentStatus::Failed {
        return Some(
            "this deployment could not be put live before; rebuild its commit, or deploy its folder again".to_owned(),
        );
    }
    let Some(seat) = seat else {
        return Some(format!("the project no longer follows the branch {}", deployment.branch));
    };
    let overtaken = reason == ActivationReason::Build
        && deployment.status != DeploymentStatus::Live
        && deployment.build.0 <= seat.newest_build;
    if !overtaken {
        return None;
    }
    match previous {
        Some(live) if live.build < deployment.build => Some(format!(
            "the site was rolled back from build {}; it stays there until a newer push, or until another deployment is chosen",
            seat.newest_build
        )),
        _ => Some(format!("build {} is newer and was live already", seat.newest_build)),
    }
}
