//! Who is live in a seat: the host that follows a project's production, or a branch's preview.
//!
//! A route remembers the newest build that was ever live there. A build goes live by itself only if it is newer: so an
//! older build never wins, and a rollback holds until a push that came after the build it went back from.

use berth_model::{ActivationId, DeploymentId, DeploymentStatus, Environment};

use crate::activations::{ActivationDecision, ActivationReason, ActivationState};
use crate::deployments::{Deployment, select_deployment};
use crate::error::EXISTS;
use crate::owned::Owned;
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

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

    /// What is live where a deployment would go, other than itself.
    async fn live_instead_of(&mut self, deployment: &Deployment) -> Result<Vec<Owned<Deployment>>, StoreError> {
        let select = sql(select_deployment!(
            "WHERE d.project_id = $1 AND d.environment = $2 AND (d.branch = $3 OR d.environment = 'production') \
             AND d.status = 'live' AND d.id <> $4 ORDER BY d.activated_at DESC"
        ));
        let select = select.bind(deployment.project).bind(deployment.environment.as_str());
        self.all(select.bind(deployment.branch.as_str()).bind(deployment.id)).await
    }

    /// Points a host that was decided for a deployment back at what is live there.
    pub(crate) async fn put_back_route(&mut self, deployment: &Deployment) -> Result<(), StoreError> {
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
}

impl Store {
    /// Decides whether a deployment may go live, and if so points its host at it. A build may not if a newer one is or
    /// was live there, or if the project follows another branch by now; its deployment is `retired` then. A rollback
    /// always may, as long as the files are there.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the project was deleted, [`StoreError::Conflict`] if the activation has ended.
    pub async fn decide_activation(&self, id: ActivationId) -> Result<ActivationDecision, StoreError> {
        the_only(self.decide_activations(&[id]).await?)
    }

    /// What [`Store::decide_activation`] would say now. Nothing changes.
    ///
    /// # Errors
    /// As [`Store::decide_activation`].
    pub async fn foresee_activation(&self, id: ActivationId) -> Result<ActivationDecision, StoreError> {
        // Never committed.
        self.begin().await?.decide_activation(id).await
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
