//! The named volumes of projects. They survive deployments, and go only when somebody asks for it: by name, or with the
//! project. A row goes after what it names is gone, so that a crash in between loses sight of nothing.

use berth_model::{Access, AuditAction, Environment, ProjectId, ServiceVolumeName, Timestamp};

use crate::audit::Change;
use crate::services::Services;
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

const IS_MOUNTED: StoreError = StoreError::Conflict(
    "this volume is in use: what is live, or about to be, mounts it, or a command does; it can be removed once nothing does",
);
const IS_BEING_REMOVED: StoreError =
    StoreError::Conflict("a volume of this name is just being removed; try again in a minute");

/// A volume that a project's services mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Whose.
    pub project: ProjectId,
    /// Production's, or all previews' together.
    pub environment: Environment,
    /// Its name in the project.
    pub name: ServiceVolumeName,
    /// When it was first mounted.
    pub created_at: Timestamp,
}

macro_rules! select_volume {
    ($rest:literal) => {
        concat!("SELECT project_id, environment, name, created_at FROM volume ", $rest)
    };
}

impl FromRow for Volume {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            project: ProjectId(row.get("project_id")?),
            environment: row.parsed("environment", Environment::parse)?,
            name: row.parsed("name", |text| ServiceVolumeName::parse(text).ok())?,
            created_at: row.time("created_at")?,
        })
    }
}

impl Transaction<'_> {
    /// Lets all volumes of a project go.
    pub(crate) async fn remove_volumes(&mut self, project: ProjectId) -> Result<(), StoreError> {
        let all = sql("UPDATE volume SET removed_at = $2 WHERE project_id = $1 AND removed_at IS NULL");
        self.run(all.bind(project).bind(self.now)).await.map(drop)
    }

    /// Whether what is live there, is about to be, or a command in it mounts a volume. What waits to go live counts
    /// whichever environment it is of: a preview's may be on its way to production.
    async fn is_mounted(
        &mut self,
        project: ProjectId,
        environment: Environment,
        name: &ServiceVolumeName,
    ) -> Result<bool, StoreError> {
        let users =
            sql("SELECT d.services FROM deployment d WHERE d.project_id = $1 AND d.services IS NOT NULL AND ( \
                         (d.environment = $2 AND (d.status = 'live' OR EXISTS (SELECT 1 FROM run r \
                         WHERE r.deployment_id = d.id AND r.status IN ('queued', 'running')))) \
                         OR EXISTS (SELECT 1 FROM activation a WHERE a.deployment_id = d.id AND a.state = 'pending'))");
        let users: Vec<Services> = self.all(users.bind(project).bind(environment.as_str())).await?;
        let mut running = users.iter().flat_map(|Services(all)| all).filter_map(|service| service.running());
        Ok(running.any(|running| running.settings.volumes.iter().any(|mounted| mounted.name == *name)))
    }
}

impl Store {
    /// Makes sure that a project has volumes of these names, before anything mounts them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the project is gone; [`StoreError::Conflict`] while one of such a name is being
    /// removed.
    pub async fn ensure_volumes(
        &self,
        project: ProjectId,
        environment: Environment,
        names: &[ServiceVolumeName],
    ) -> Result<(), StoreError> {
        if names.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        let owner = tx.project_unscoped(project).await?.user;
        let mut made = 0;
        for name in names {
            let insert = sql("INSERT INTO volume (project_id, environment, name, created_at) VALUES ($1, $2, $3, $4) \
                              ON CONFLICT (project_id, environment, name) DO NOTHING");
            let insert = insert.bind(project).bind(environment.as_str()).bind(name.as_str()).bind(tx.now);
            made += tx.run(insert).await?;
            let going = sql("SELECT EXISTS (SELECT 1 FROM volume WHERE project_id = $1 AND environment = $2 \
                             AND name = $3 AND removed_at IS NOT NULL)");
            let going = going.bind(project).bind(environment.as_str()).bind(name.as_str());
            if tx.one(going).await?.unwrap_or(false) {
                return Err(IS_BEING_REMOVED);
            }
        }
        if made > 0 {
            tx.services_event(owner, project).await?;
        }
        tx.commit().await
    }

    /// The volumes of a project, production's and its previews', by name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn volumes(&self, access: Access, project: ProjectId) -> Result<Vec<Volume>, StoreError> {
        self.project(access, project).await?;
        let select =
            sql(select_volume!("WHERE project_id = $1 AND removed_at IS NULL ORDER BY name, environment DESC"));
        self.all(select.bind(project)).await
    }

    /// Asks for a volume to be removed with all that is in it. It is not listed from here on; the worker, woken, removes
    /// it and calls [`Store::volume_removed`].
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`]; [`StoreError::Conflict`] while something mounts it.
    pub async fn remove_volume(
        &self,
        access: Access,
        project: ProjectId,
        environment: Environment,
        name: &ServiceVolumeName,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let owner = tx.project(access, project).await?.user;
        let remove = sql("UPDATE volume SET removed_at = $4 WHERE project_id = $1 AND environment = $2 AND name = $3 \
                          AND removed_at IS NULL");
        let remove = remove.bind(project).bind(environment.as_str()).bind(name.as_str()).bind(tx.now);
        if tx.run(remove).await? == 0 {
            return Err(StoreError::NotFound);
        }
        if tx.is_mounted(project, environment, name).await? {
            return Err(IS_MOUNTED);
        }
        tx.services_event(owner, project).await?;
        let removed = Change::of(AuditAction::VolumeRemoved).of_project(project).to(name);
        tx.record(removed.exactly([environment.as_str()])).await?;
        tx.commit().await
    }

    /// Volumes that are to be removed, those of deleted projects too.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn volumes_to_remove(&self) -> Result<Vec<Volume>, StoreError> {
        self.all(sql(select_volume!("WHERE removed_at IS NOT NULL ORDER BY project_id, environment, name"))).await
    }

    /// Forgets a volume once it is gone. Idempotent.
    ///
    /// # Errors
    /// Only the database's own; one that nobody asked to remove is left alone.
    pub async fn volume_removed(&self, volume: &Volume) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let forget = sql("DELETE FROM volume WHERE project_id = $1 AND environment = $2 AND name = $3 \
                          AND removed_at IS NOT NULL");
        let forget = forget.bind(volume.project).bind(volume.environment.as_str()).bind(volume.name.as_str());
        if tx.run(forget).await? > 0 {
            // What waited for it goes on: a deployment with a new volume of this name, or the end of its project.
            tx.then_tell_services();
        }
        tx.commit().await
    }
}
