//! The secrets of projects' own hooks. They are sealed before they come here and opened after they leave.

use berth_model::{Access, AuditAction, EventPayload, ProjectId};
use berth_secrets::Sealed;

use crate::audit::Change;
use crate::sql::sql;
use crate::{Store, StoreError};

impl Store {
    /// The secret of a project's own hook; `None` if it has none, or if there is no such project.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn hook_secret(&self, project: ProjectId) -> Result<Option<Sealed>, StoreError> {
        let select = sql("SELECT hook_secret FROM project WHERE id = $1 AND deleted_at IS NULL").bind(project);
        let secret: Option<Option<String>> = self.one(select).await?;
        Ok(secret.flatten().map(Sealed::stored))
    }

    /// Gives a project a hook of its own, replaces its secret, or takes it away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`]; [`StoreError::Conflict`] if it would announce pushes to a
    /// project without a repository.
    pub async fn set_hook_secret(
        &self,
        access: Access,
        project: ProjectId,
        secret: Option<&Sealed>,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let found = tx.project(access, project).await?;
        if secret.is_some() {
            found.source()?;
        }
        let update = sql("UPDATE project SET hook_secret = $2 WHERE id = $1").bind(project);
        tx.run(update.bind(secret.map(Sealed::as_str))).await?;
        tx.event(access.user(), Some(project), &EventPayload::ProjectUpdated { project }).await?;
        let action = if secret.is_some() { AuditAction::HookSecretSet } else { AuditAction::HookRemoved };
        tx.record(Change::of(action).of_project(project)).await?;
        tx.commit().await
    }
}
