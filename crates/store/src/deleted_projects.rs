//! The end of projects, in two steps: one disappears at once with its name and hosts, and is forgotten when its files,
//! images, volumes and last build are gone.

use berth_model::{Access, AuditAction, BuildStatus, EventPayload, ProjectId, ProjectName, UserId};

use crate::audit::Change;
use crate::builds::{Build, select_build};
use crate::owned::Owned;
use crate::projects::Project;
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

/// A deleted project whose files and images are to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedProject {
    /// The row; its directory and labels carry this number.
    pub id: ProjectId,
    /// The name it had; somebody else may have it by now.
    pub name: ProjectName,
    /// Whose it was.
    pub user: UserId,
}

impl FromRow for DeletedProject {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: ProjectId(row.get("id")?),
            name: row.parsed("name", |text| ProjectName::stored(text).ok())?,
            user: UserId(row.get("user_id")?),
        })
    }
}

impl Transaction<'_> {
    /// Cancels what is queued of a project, and asks what runs to stop.
    pub(crate) async fn cancel_builds(&mut self, id: ProjectId) -> Result<(), StoreError> {
        let open = sql(select_build!("WHERE b.project_id = $1 AND b.status IN ('queued', 'held', 'running')"));
        let open: Vec<Owned<Build>> = self.all(open.bind(id)).await?;
        for mut build in open {
            if build.row.status != BuildStatus::Running {
                self.move_build(&mut build, BuildStatus::Canceled).await?;
            } else {
                self.ask_to_cancel(build.row.id).await?;
            }
        }
        Ok(())
    }
}

impl Store {
    /// Deletes a project: from here on it is not found, its name and hosts are free, what was queued is canceled and
    /// what runs is asked to stop; its volumes go with it. The worker, woken, removes the rest and calls [`Store::forget_project`].
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn delete_project(&self, access: Access, id: ProjectId) -> Result<Project, StoreError> {
        let mut tx = self.begin().await?;
        let project = tx.project(access, id).await?;
        tx.run(sql("UPDATE project SET deleted_at = $2 WHERE id = $1").bind(id).bind(tx.now)).await?;
        tx.run(sql("DELETE FROM route WHERE project_id = $1").bind(id)).await?;
        tx.run(sql("DELETE FROM api_token WHERE project_id = $1").bind(id)).await?;
        tx.cancel_builds(id).await?;
        tx.stop_runs(id).await?;
        tx.remove_volumes(id).await?;
        let refuse = sql(
            "UPDATE activation SET state = 'refused', refusal = 'the project was deleted', finished_at = $2 \
                          WHERE state = 'pending' AND deployment_id IN (SELECT id FROM deployment WHERE project_id = $1)",
        );
        tx.run(refuse.bind(id).bind(tx.now)).await?;
        tx.event(access.user(), Some(id), &EventPayload::ProjectDeleted { project: id }).await?;
        tx.record(Change::of(AuditAction::ProjectDeleted).of_project(id)).await?;
        tx.then_tell_services();
        tx.commit().await?;
        Ok(project)
    }

    /// Deleted projects whose last build and command have ended: their files and images can go.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn deleted_projects(&self) -> Result<Vec<DeletedProject>, StoreError> {
        let select =
            sql("SELECT p.id, p.name, p.user_id FROM project p WHERE p.deleted_at IS NOT NULL AND NOT EXISTS \
                          (SELECT 1 FROM build b WHERE b.project_id = p.id AND b.status = 'running') AND NOT EXISTS \
                          (SELECT 1 FROM run r WHERE r.project_id = p.id AND r.status = 'running') ORDER BY p.id");
        self.all(select).await
    }

    /// Removes what is left of a deleted project, once nothing of it is left elsewhere. Idempotent.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] while one of its volumes is still to be removed ([`Store::volumes_to_remove`]); a project that was not deleted is left alone.
    pub async fn forget_project(&self, id: ProjectId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let volumes = sql("SELECT EXISTS (SELECT 1 FROM volume v JOIN project p ON p.id = v.project_id \
                           WHERE p.id = $1 AND p.deleted_at IS NOT NULL)");
        if tx.one(volumes.bind(id)).await?.unwrap_or(false) {
            return Err(StoreError::Conflict("the volumes of this deleted project are still to be removed"));
        }
        tx.run(sql("DELETE FROM project WHERE id = $1 AND deleted_at IS NOT NULL").bind(id)).await?;
        tx.commit().await
    }
}
