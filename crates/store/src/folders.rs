//! Folders that are deployed: they enter the pipeline at its end, as builds that run from the start.

use std::time::Duration;

use berth_model::{
    Access, ApiTokenId, AuditAction, BuildStatus, Environment, EventPayload, ProjectId, ProjectName, Trigger,
};

use crate::audit::Change;
use crate::builds::{Build, select_build};
use crate::owned::{Owned, SeenBy};
use crate::projects::{Project, one_project_named};
use crate::queue::{Claimed, Lease};
use crate::sql::sql;
use crate::{NewProject, Store, StoreError};

/// The project that a folder is for.
#[derive(Clone, Debug)]
pub enum FolderOf {
    /// This one.
    Project(ProjectId),
    /// The one of this name, which is made if there is none; with its full host name.
    Named {
        /// What it is if it is made.
        new: Box<NewProject>,
        /// The host of that name, without a port.
        host: String,
    },
}

impl Store {
    /// One of the user's projects by its name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn project_named(&self, access: Access, name: &ProjectName) -> Result<Project, StoreError> {
        Ok(self.one(one_project_named(name)).await?.seen_by(access)?.row)
    }

    /// Begins the publication of a folder that has come in whole, sent with this `token`, if with one: a build that runs,
    /// held for `lease`. A project that is not there yet is made in the same step. Whatever becomes of it, it never waits in the queue.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`]; [`StoreError::Deactivated`], [`StoreError::TokenEnded`]
    /// for who may no longer; those of [`Store::create_project`] for a new project.
    pub async fn begin_folder(
        &self,
        access: Access,
        token: Option<ApiTokenId>,
        of: FolderOf,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        let mut tx = self.begin().await?;
        // It may have taken an hour to come in.
        tx.only_active(access.user()).await?;
        if let Some(token) = token {
            tx.only_standing(token).await?;
        }
        let project = match of {
            FolderOf::Project(id) => tx.project(access, id).await?,
            FolderOf::Named { new, host } => match tx.one::<Owned<Project>>(one_project_named(&new.name)).await? {
                Some(found) => Some(found).seen_by(access)?.row,
                None => {
                    let id = tx.add_project(access, &new, &host).await?;
                    tx.event(access.user(), Some(id), &EventPayload::ProjectCreated { project: id }).await?;
                    tx.record(Change::of(AuditAction::ProjectCreated).of_project(id)).await?;
                    tx.project(access, id).await?
                }
            },
        };
        let token = berth_secrets::token().expose().to_owned();
        let insert = sql("INSERT INTO build (project_id, status, trigger, environment, branch, attempts, created_at, \
                          started_at, lease_token, lease_expires_at) VALUES ($1, $2, $3, $4, $5, 1, $6, $6, $7, $8) \
                          RETURNING id")
        .bind(project.id)
        .bind(BuildStatus::Running.as_str())
        .bind(Trigger::Folder.as_str())
        .bind(Environment::Production.as_str())
        .bind(project.branch.as_str())
        .bind(tx.now)
        .bind(&token)
        .bind(tx.now.after(lease));
        let id: berth_model::BuildId = tx.one(insert).await?.ok_or(StoreError::NotFound)?;
        let select = sql(select_build!("WHERE b.id = $1")).bind(id);
        let build: Owned<Build> = tx.one(select).await?.ok_or(StoreError::NotFound)?;
        tx.build_event(&build).await?;
        tx.record(Change::of(AuditAction::FolderDeployed).of_project(project.id).to(format!("#{id}"))).await?;
        tx.commit().await?;
        Ok(Claimed { build: build.row, project, lease: Lease { build: id, token } })
    }
}
