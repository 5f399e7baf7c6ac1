//! Activations: putting a deployment live, in two steps, because the edge has to answer with it in between.
//!
//! 1. [`Store::decide_activation`] asks whether it may go and points the project's host at it.
//! 2. The caller installs it in the edge and asks the edge for it.
//! 3. [`Store::confirm_activation`] makes it `live` and what was live `retired` or `rolled_back`; or
//!    [`Store::refuse_activation`] puts the host back where it was.
//!
//! A crash in between leaves the activation pending, and deciding again leads to the same end.
//!
//! Here is what an activation is, who asks for one and how it is given up; who may go live is decided in `seats`, and what
//! a promoted preview needs before is in `promotions`.

use berth_model::{
    Access, ActivationId, AuditAction, BranchName, BuildId, DeploymentId, DeploymentStatus, EventPayload, ProjectId,
    ShortId, Timestamp, UserId,
};

use crate::audit::Change;
use crate::deployments::{Deployment, select_deployment};
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
    /// Of which project.
    pub project: ProjectId,
    /// Whose that is.
    pub owner: UserId,
    /// Whether the deployment is more than one release: services may have to be started before.
    pub has_services: bool,
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
            "SELECT a.id, a.deployment_id, d.project_id, d.services IS NOT NULL AS has_services, a.reason, a.state, a.refusal, \
             a.requested_by, a.created_at, p.user_id AS owner FROM activation a \
             JOIN deployment d ON d.id = a.deployment_id JOIN project p ON p.id = d.project_id ",
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
            owner: UserId(row.get("owner")?),
            has_services: row.get("has_services")?,
            reason: row.parsed("reason", ActivationReason::parse)?,
            state: row.parsed("state", ActivationState::parse)?,
            refusal: row.get("refusal")?,
            requested_by: row.get::<Option<i64>>("requested_by")?.map(UserId),
            created_at: row.time("created_at")?,
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

    pub(crate) async fn activation(&mut self, id: ActivationId) -> Result<Activation, StoreError> {
        self.one(sql(select_activation!("WHERE a.id = $1")).bind(id)).await?.ok_or(StoreError::NotFound)
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

    /// Ends an activation.
    pub(crate) async fn end_activation(
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
