//! Which hook at GitHub announces the pushes of which projects: those of one repository share it. The hooks that projects
//! have of their own are in `own_hooks`.

use berth_model::{ProjectId, RepoKey};

use crate::projects::{Project, select_project};
use crate::sql::sql;
use crate::{Store, StoreError};

impl Store {
    /// Every user's projects of a repository, oldest first: whom a push concerns.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn projects_of_repo(&self, repo: &RepoKey) -> Result<Vec<Project>, StoreError> {
        let select = sql(select_project!("WHERE p.repo_key = $1 AND p.deleted_at IS NULL ORDER BY p.id"));
        self.all(select.bind(repo.as_str())).await
    }

    /// How many projects of a repository count on its hook.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn projects_sharing_webhook(&self, repo: &RepoKey) -> Result<i64, StoreError> {
        let count =
            sql("SELECT COUNT(*) FROM project WHERE repo_key = $1 AND webhook_id IS NOT NULL AND deleted_at IS NULL");
        Ok(self.one(count.bind(repo.as_str())).await?.unwrap_or(0))
    }

    /// Notes that a repository's hook at GitHub serves these projects, and serves them well. One that moved to another
    /// repository meanwhile has nothing of it.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn set_webhook_of_repo(
        &self,
        repo: &RepoKey,
        projects: &[ProjectId],
        webhook: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for id in projects {
            let update = sql("UPDATE project SET webhook_id = $2, webhook_problem = NULL \
                              WHERE id = $1 AND repo_key = $3 AND deleted_at IS NULL");
            tx.run(update.bind(*id).bind(webhook).bind(repo.as_str())).await?;
        }
        tx.commit().await
    }

    /// Notes why GitHub does not announce a project's pushes, in words, unless it moved to another repository meanwhile.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn set_webhook_problem(&self, repo: &RepoKey, id: ProjectId, problem: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let update = sql("UPDATE project SET webhook_problem = $2 WHERE id = $1 AND repo_key = $3");
        tx.run(update.bind(id).bind(problem).bind(repo.as_str())).await?;
        tx.commit().await
    }

    /// Notes which hook at GitHub serves a project.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn set_webhook(&self, id: ProjectId, webhook: Option<i64>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.run(sql("UPDATE project SET webhook_id = $2 WHERE id = $1").bind(id).bind(webhook)).await?;
        tx.commit().await
    }
}
