//! Deploy hooks: addresses that queue a build for whoever knows them. Only a hash of what makes an address unguessable
//! is kept.

use berth_model::{
    Access, AuditAction, BranchName, BuildStatus, DeployHookId, EventPayload, ProjectId, Timestamp, Trigger, Why,
};

use crate::audit::Change;
use crate::builds::{Build, select_build};
use crate::owned::{Owned, SeenBy};
use crate::previews::PreviewPush;
use crate::projects::Project;
use crate::queue::{Admission, NewBuild};
use crate::sql::{FromRow, Row, sql};
use crate::{Store, StoreError};

/// Deploy hooks that a project may have.
const MOST: i64 = 20;

/// An address that queues a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployHook {
    /// The row.
    pub id: DeployHookId,
    /// Of which project.
    pub project: ProjectId,
    /// What its owner calls it.
    pub name: String,
    /// What it builds; `None`: the project's own branch.
    pub branch: Option<BranchName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody last called it.
    pub last_used_at: Option<Timestamp>,
}

/// What a call led to.
#[derive(Clone, Debug)]
pub enum Called {
    /// A build was added.
    Queued(Build),
    /// One that was asked for a moment ago still waits; it will be of the newest commit.
    Waits(Build),
    /// The branch is not the project's own, and the project has no previews.
    NoPreviews,
    /// The branch can have no preview, for this reason; nothing was added.
    Refused(Why),
}

macro_rules! select_deploy_hook {
    ($rest:literal) => {
        concat!(
            "SELECT h.id, h.project_id, h.name, h.branch, h.created_at, h.last_used_at, p.user_id AS owner, p.id AS of_project \
             FROM deploy_hook h JOIN project p ON p.id = h.project_id AND p.deleted_at IS NULL ",
            $rest
        )
    };
}

impl FromRow for DeployHook {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: DeployHookId(row.get("id")?),
            project: ProjectId(row.get("project_id")?),
            name: row.get("name")?,
            branch: row.parsed_or_none("branch", |text| BranchName::parse(text).ok())?,
            created_at: row.time("created_at")?,
            last_used_at: row.time_or_none("last_used_at")?,
        })
    }
}

impl Store {
    /// Makes a deploy hook.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`]; [`StoreError::Conflict`] if the project has many already, or no
    /// repository.
    pub async fn create_deploy_hook(
        &self,
        access: Access,
        project: ProjectId,
        name: &str,
        branch: Option<&BranchName>,
        token_hash: &[u8; 32],
    ) -> Result<DeployHook, StoreError> {
        let mut tx = self.begin().await?;
        tx.project(access, project).await?.source()?;
        let count = sql("SELECT COUNT(*) FROM deploy_hook WHERE project_id = $1").bind(project);
        if tx.one::<i64>(count).await?.unwrap_or(0) >= MOST {
            return Err(StoreError::Conflict("a project has at most 20 deploy hooks; delete one that nobody uses"));
        }
        let insert = sql("INSERT INTO deploy_hook (project_id, name, branch, token_hash, created_at) \
                          VALUES ($1, $2, $3, $4, $5) RETURNING id")
        .bind(project)
        .bind(name)
        .bind(branch.map(BranchName::as_str))
        .bind(token_hash)
        .bind(tx.now);
        let id: DeployHookId = tx.one(insert).await?.ok_or(StoreError::NotFound)?;
        tx.record(Change::of(AuditAction::DeployHookCreated).of_project(project).to(name)).await?;
        tx.event(access.user(), Some(project), &EventPayload::ProjectUpdated { project }).await?;
        let made = tx.one(sql(select_deploy_hook!("WHERE h.id = $1")).bind(id)).await?.ok_or(StoreError::NotFound)?;
        tx.commit().await?;
        Ok(made)
    }

    /// The deploy hooks of a project, oldest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn deploy_hooks(&self, access: Access, project: ProjectId) -> Result<Vec<DeployHook>, StoreError> {
        self.project(access, project).await?;
        self.all(sql(select_deploy_hook!("WHERE h.project_id = $1 ORDER BY h.id")).bind(project)).await
    }

    /// Removes a deploy hook: its address leads nowhere from here on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn delete_deploy_hook(&self, access: Access, id: DeployHookId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let found: Option<Owned<DeployHook>> = tx.one(sql(select_deploy_hook!("WHERE h.id = $1")).bind(id)).await?;
        let DeployHook { project, name, .. } = found.seen_by(access)?.row;
        tx.record(Change::of(AuditAction::DeployHookDeleted).of_project(project).to(name)).await?;
        tx.run(sql("DELETE FROM deploy_hook WHERE id = $1").bind(id)).await?;
        tx.event(access.user(), Some(project), &EventPayload::ProjectUpdated { project }).await?;
        tx.commit().await
    }

    /// The deploy hook of an address, with its project.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn deploy_hook_of(&self, token_hash: &[u8; 32]) -> Result<Option<(DeployHook, Project)>, StoreError> {
        let select = sql(select_deploy_hook!("WHERE h.token_hash = $1")).bind(token_hash);
        let Some(hook) = self.one::<DeployHook>(select).await? else { return Ok(None) };
        let project = self.project_unscoped(hook.project).await?;
        Ok(project.map(|project| (hook, project)))
    }

    /// Builds the newest commit of a deploy hook's branch, unless a build that somebody called for still waits.
    /// `hosts` are those of the branch's preview.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the hook is gone.
    pub async fn call_deploy_hook(&self, id: DeployHookId, hosts: [String; 2]) -> Result<Called, StoreError> {
        let mut tx = self.begin().await?;
        let used = sql("UPDATE deploy_hook SET last_used_at = $2 WHERE id = $1").bind(id).bind(tx.now);
        tx.run(used).await?;
        let select = sql(select_deploy_hook!("WHERE h.id = $1")).bind(id);
        let hook: DeployHook = tx.one(select).await?.ok_or(StoreError::NotFound)?;
        let project = tx.project_unscoped(hook.project).await?;
        project.source()?;
        let branch = hook.branch.unwrap_or_else(|| project.branch.clone());
        let waits = sql(select_build!(
            "WHERE b.project_id = $1 AND b.branch = $2 AND b.trigger = $3 AND b.status = $4 AND b.commit_hash IS NULL \
             ORDER BY b.id DESC LIMIT 1"
        ))
        .bind(project.id)
        .bind(branch.as_str())
        .bind(Trigger::DeployHook.as_str())
        .bind(BuildStatus::Queued.as_str());
        let called = if let Some(build) = tx.one(waits).await? {
            Called::Waits(build)
        } else if branch == project.branch {
            let new = NewBuild::production(project.id, Trigger::DeployHook, branch, None);
            Called::Queued(tx.enqueue(project.user, &new).await?)
        } else {
            let push = PreviewPush {
                project: project.id,
                branch,
                commit: None,
                trigger: Trigger::DeployHook,
                pull_request: None,
                title: None,
                hosts,
                admission: Admission::Queued,
            };
            match tx.push_to_preview(&push).await? {
                // Undone: a list of builds is no place for each call of an address that builds nothing.
                Some(Build { status: BuildStatus::Skipped, reason, .. }) => {
                    return Ok(Called::Refused(reason.ok_or(StoreError::Corrupt("reason"))?));
                }
                Some(build) => Called::Queued(build),
                None => Called::NoPreviews,
            }
        };
        if let Called::Queued(build) = &called {
            tx.record(Change::of_queued(build)).await?;
        }
        tx.commit().await?;
        Ok(called)
    }
}
