//! A preview's deployment that is promoted gets a copy for production before ([`ActivationDecision::Copy`]): the same
//! files under an id and a host of its own, so that its life does not end with the preview's. From
//! [`Store::publish_copy`] on the activation is the copy's, and goes on like any other.

use berth_model::{ActivationId, Environment};

use crate::activations::{ActivationDecision, ActivationState};
use crate::builds::{Build, select_build};
use crate::deployments::{Deployment, NewDeployment, select_deployment};
use crate::sql::sql;
use crate::store::Transaction;
use crate::{Store, StoreError};

impl Transaction<'_> {
    /// What a promoted preview's deployment needs before it can go live: `None` if production has a copy of it, which is
    /// what the activation is about from now on.
    pub(crate) async fn copy_for_production(
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
}

impl Store {
    /// Publishes production's copy of a preview's deployment, as [`ActivationDecision::Copy`] asked for; the activation
    /// is about the copy from here on. The copy has the services of its source; their release commands run again, for
    /// production's data.
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
        let new = NewDeployment { services: source.services, ..new };
        let copy = tx.add_deployment(&build, Environment::Production, &new, Some(source.id)).await?;
        tx.deployment_event(&copy, &new.host).await?;
        tx.run(sql("UPDATE activation SET deployment_id = $2 WHERE id = $1").bind(id).bind(new.id)).await?;
        tx.commit().await?;
        Ok(copy.row)
    }
}
