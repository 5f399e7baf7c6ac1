//! Deployments: the immutable results of builds. The row outlives the files, so that history stays readable.

use std::collections::HashMap;
use std::time::Duration;

use berth_model::{
    Access, BranchName, BuildId, BuildStatus, Commit, DeploymentId, DeploymentStatus, Environment, EventPayload,
    ProjectId, RunningService, ServiceSpec, ShortId, Timestamp,
};

use crate::builds::{Build, BuildEnd, commit, took};
use crate::lists::Filter;
use crate::owned::{Owned, SeenBy};
use crate::queue::Lease;
use crate::sql::{FromRow, Row, json_text, sql};
use crate::store::Transaction;
use crate::{ActivationReason, RouteKind, Store, StoreError};

/// For so long after a deployment stopped being live its files stay, whatever the retention: pages that are open in
/// somebody's browser still ask for them.
const AFTERGLOW: Duration = Duration::from_secs(10 * 60);

/// Releases of a preview that are kept besides the live one.
const KEPT_OF_PREVIEW: usize = 1;

/// One immutable published result of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The row, and the name of its release directory.
    pub id: DeploymentId,
    /// The random part of its own host.
    pub short_id: ShortId,
    /// Of which project.
    pub project: ProjectId,
    /// Of which build.
    pub build: BuildId,
    /// What it is for.
    pub environment: Environment,
    /// Of which branch.
    pub branch: BranchName,
    /// Where it stands.
    pub status: DeploymentStatus,
    /// Its own full host name.
    pub host: String,
    /// How many files it has.
    pub files: i64,
    /// Their sizes added up.
    pub bytes: i64,
    /// Whether its files are kept: only then can it be put live again.
    pub released: bool,
    /// The preview's deployment that this is production's copy of.
    pub promoted_from: Option<DeploymentId>,
    /// What it is made of, each name once; `None`: files at `/` alone.
    pub services: Option<Vec<ServiceSpec>>,
    /// When its release commands had succeeded: they are not run again.
    pub release_command_at: Option<Timestamp>,
    /// The commit that its build was of, if it was of one. Boxed: few who hold a deployment ask for it.
    pub commit: Option<Box<Commit>>,
    /// How long its build took.
    pub took: Option<Duration>,
    /// When it was published.
    pub created_at: Timestamp,
    /// When it last went live.
    pub activated_at: Option<Timestamp>,
    /// Why it did not go live when that was last tried.
    pub problem: Option<String>,
}

/// A release that lies complete on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeployment {
    /// Handed out by [`Store::reserve_deployment`].
    pub id: DeploymentId,
    /// Handed out with it.
    pub short_id: ShortId,
    /// Its own full host name, without a port.
    pub host: String,
    /// How many files it has.
    pub files: u64,
    /// Their sizes added up.
    pub bytes: u64,
    /// What it is made of; `None`: files at `/` alone.
    pub services: Option<Vec<ServiceSpec>>,
}

impl Deployment {
    /// Its services that run, with what starts them.
    pub fn running(&self) -> impl Iterator<Item = (&ServiceSpec, &RunningService)> {
        self.services.iter().flatten().filter_map(|service| Some((service, service.running()?)))
    }
}

macro_rules! select_deployment {
    ($($rest:tt)+) => {
        concat!(
            "SELECT d.id, d.short_id, d.project_id, d.build_id, d.environment, d.branch, d.status, d.host, d.files, \
             d.bytes, d.released, d.promoted_from, d.services, d.release_command_at, d.created_at, d.activated_at, p.user_id AS owner, p.id AS of_project, \
             (SELECT a.refusal FROM activation a WHERE a.deployment_id = d.id ORDER BY a.id DESC LIMIT 1) AS problem, \
             b.commit_hash, b.commit_message, b.commit_author, b.started_at, b.finished_at \
             FROM deployment d JOIN project p ON p.id = d.project_id AND p.deleted_at IS NULL \
             JOIN build b ON b.id = d.build_id ",
            $($rest)+
        )
    };
}
pub(crate) use select_deployment;

impl FromRow for Deployment {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: DeploymentId(row.get("id")?),
            short_id: ShortId(row.get("short_id")?),
            project: ProjectId(row.get("project_id")?),
            build: BuildId(row.get("build_id")?),
            environment: row.parsed("environment", Environment::parse)?,
            branch: row.parsed("branch", |text| BranchName::parse(text).ok())?,
            status: row.parsed("status", DeploymentStatus::parse)?,
            host: row.get("host")?,
            files: row.get("files")?,
            bytes: row.get("bytes")?,
            released: row.get("released")?,
            promoted_from: row.get::<Option<i64>>("promoted_from")?.map(DeploymentId),
            services: row.json_or_none("services")?,
            release_command_at: row.time_or_none("release_command_at")?,
            commit: commit(row)?.map(Box::new),
            took: took(row)?,
            created_at: row.time("created_at")?,
            activated_at: row.time_or_none("activated_at")?,
            problem: row.get("problem")?,
        })
    }
}

impl Transaction<'_> {
    /// A deployment, unless its project was deleted.
    pub(crate) async fn deployment(&mut self, id: DeploymentId) -> Result<Owned<Deployment>, StoreError> {
        self.one(sql(select_deployment!("WHERE d.id = $1")).bind(id)).await?.ok_or(StoreError::NotFound)
    }

    /// The only way a deployment's status changes. `host` is where it answers, for those who are told.
    pub(crate) async fn move_deployment(
        &mut self,
        deployment: &mut Owned<Deployment>,
        next: DeploymentStatus,
        host: &str,
    ) -> Result<(), StoreError> {
        let status = deployment.row.status.become_next(next)?;
        let column = if status == DeploymentStatus::Live {
            deployment.row.activated_at = Some(self.now);
            sql("UPDATE deployment SET status = $2, activated_at = $3 WHERE id = $1")
        } else {
            sql("UPDATE deployment SET status = $2, retired_at = $3 WHERE id = $1")
        };
        self.run(column.bind(deployment.row.id).bind(status.as_str()).bind(self.now)).await?;
        deployment.row.status = status;
        if deployment.row.running().next().is_some() {
            self.then_tell_services();
        }
        self.deployment_event(deployment, host).await
    }

    /// Hands out the id and the short id of a deployment of a build.
    pub(crate) async fn reserve_deployment(&mut self, build: BuildId) -> Result<(DeploymentId, ShortId), StoreError> {
        let short_id = ShortId::random();
        let insert = sql("INSERT INTO reservation (build_id, short_id, created_at) VALUES ($1, $2, $3) RETURNING id");
        let id = self.one(insert.bind(build).bind(&short_id.0).bind(self.now)).await?;
        Ok((id.ok_or(StoreError::NotFound)?, short_id))
    }

    /// Adds the deployment that an id was reserved for, with a host of its own.
    pub(crate) async fn add_deployment(
        &mut self,
        build: &Build,
        environment: Environment,
        new: &NewDeployment,
        promoted_from: Option<DeploymentId>,
    ) -> Result<Owned<Deployment>, StoreError> {
        let reserved = sql("DELETE FROM reservation WHERE id = $1 AND build_id = $2 AND short_id = $3");
        if self.run(reserved.bind(new.id).bind(build.id).bind(&new.short_id.0)).await? == 0 {
            return Err(StoreError::Conflict("the deployment's id was not reserved for this build"));
        }
        let insert =
            sql("INSERT INTO deployment (id, short_id, project_id, build_id, environment, branch, status, host, \
                          files, bytes, released, promoted_from, created_at, services) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, TRUE, $11, $12, $13)")
            .bind(new.id)
            .bind(&new.short_id.0)
            .bind(build.project)
            .bind(build.id)
            .bind(environment.as_str())
            .bind(build.branch.as_str())
            .bind(DeploymentStatus::Ready.as_str())
            .bind(&new.host)
            .bind(i64::try_from(new.files).unwrap_or(i64::MAX))
            .bind(i64::try_from(new.bytes).unwrap_or(i64::MAX))
            .bind(promoted_from)
            .bind(self.now)
            .bind(new.services.as_ref().map(json_text).as_deref());
        self.run(insert).await?;
        let of = (build.project, environment, &build.branch);
        self.add_route(&new.host, RouteKind::Deployment, of.0, of.1, of.2, Some(new.id)).await?;
        self.deployment(new.id).await
    }

    pub(crate) async fn deployment_event(
        &mut self,
        deployment: &Owned<Deployment>,
        host: &str,
    ) -> Result<(), StoreError> {
        let Deployment { id, build, project, status, .. } = deployment.row;
        let payload = EventPayload::DeploymentStatus { deployment: id, build, project, status, host: host.to_owned() };
        self.event(deployment.owner, Some(project), &payload).await
    }
}

/// A deployment whose files are kept.
struct Released(ProjectId, DeploymentId);

impl FromRow for Released {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self(ProjectId(row.get("project_id")?), DeploymentId(row.get("id")?)))
    }
}

impl Store {
    /// Hands out the id and the short id of a deployment to be: its directory is made under them before it exists.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn reserve_deployment(&self, lease: &Lease) -> Result<(DeploymentId, ShortId), StoreError> {
        let mut tx = self.begin().await?;
        tx.leased(lease).await?;
        let reserved = tx.reserve_deployment(lease.build).await?;
        tx.commit().await?;
        Ok(reserved)
    }

    /// Publishes what a build made: the deployment is `ready` at its own host, the build has passed, and the wish to
    /// put it live is noted, all in one step, so that a crash afterwards loses none of it.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; [`StoreError::NotFound`] if the project was deleted; [`StoreError::Conflict`] if
    /// somebody asked to cancel the build meanwhile; [`StoreError::NameTaken`] if the host is another's.
    pub async fn publish_deployment(
        &self,
        lease: &Lease,
        new: NewDeployment,
        exit_code: Option<i64>,
    ) -> Result<Deployment, StoreError> {
        let mut tx = self.begin().await?;
        let mut build = tx.leased(lease).await?;
        if build.row.cancel_requested {
            return Err(StoreError::Conflict("the build was canceled"));
        }
        tx.add_deployment(&build.row, build.row.environment, &new, None).await?;
        let end = BuildEnd { status: BuildStatus::Passed, exit_code, failure: None };
        tx.end_build(&mut build, &end).await?;
        let deployment = tx.deployment(new.id).await?;
        tx.deployment_event(&deployment, &new.host).await?;
        tx.add_activation(new.id, ActivationReason::Build, None).await?;
        tx.commit().await?;
        Ok(deployment.row)
    }

    /// One of the user's deployments.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn deployment(&self, access: Access, id: DeploymentId) -> Result<Deployment, StoreError> {
        Ok(self.one(sql(select_deployment!("WHERE d.id = $1")).bind(id)).await?.seen_by(access)?.row)
    }

    /// A deployment, for the worker; `None` if its project was deleted.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn deployment_unscoped(&self, id: DeploymentId) -> Result<Option<Deployment>, StoreError> {
        self.one(sql(select_deployment!("WHERE d.id = $1")).bind(id)).await
    }

    /// At most `limit` deployments of a project that a filter lets through, newest first; those older than `before`, if
    /// given.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn deployments_of(
        &self,
        access: Access,
        project: ProjectId,
        limit: u32,
        before: Option<DeploymentId>,
        filter: &Filter<DeploymentStatus>,
    ) -> Result<Vec<Deployment>, StoreError> {
        self.project(access, project).await?;
        let select = sql(select_deployment!(
            "WHERE d.project_id = $1 AND d.id < $2 AND d.branch = COALESCE($4, d.branch) \
             AND d.environment = COALESCE($5, d.environment) AND d.status = COALESCE($6, d.status) \
             ORDER BY d.id DESC LIMIT $3"
        ));
        let select = select.bind(project).bind(before.unwrap_or(DeploymentId(i64::MAX))).bind(i64::from(limit));
        let select = select.bind(filter.branch.as_ref().map(BranchName::as_str));
        let select = select.bind(filter.environment.map(Environment::as_str));
        self.all(select.bind(filter.status.map(DeploymentStatus::as_str))).await
    }

    /// What a build published, if it did.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn deployment_of_build(&self, access: Access, build: BuildId) -> Result<Option<Deployment>, StoreError> {
        self.build(access, build).await?;
        self.one(
            sql(select_deployment!("WHERE d.build_id = $1 AND d.promoted_from IS NULL ORDER BY d.id DESC LIMIT 1"))
                .bind(build),
        )
        .await
    }

    /// What a project's own host serves.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn live_deployment(&self, project: ProjectId) -> Result<Option<Deployment>, StoreError> {
        let select = sql(select_deployment!(
            "WHERE d.project_id = $1 AND d.environment = 'production' AND d.status = 'live' \
             ORDER BY d.activated_at DESC LIMIT 1"
        ));
        self.one(select.bind(project)).await
    }

    /// What a preview's host serves.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn live_in_preview(
        &self,
        project: ProjectId,
        branch: &BranchName,
    ) -> Result<Option<Deployment>, StoreError> {
        let select = sql(select_deployment!(
            "WHERE d.project_id = $1 AND d.environment = 'preview' AND d.branch = $2 AND d.status = 'live'"
        ));
        self.one(select.bind(project).bind(branch.as_str())).await
    }

    /// Every deployment whose files are kept, and its project: what the deployments directory should hold.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn released_deployments(&self) -> Result<Vec<(ProjectId, DeploymentId)>, StoreError> {
        let kept: Vec<Released> =
            self.all(sql("SELECT project_id, id FROM deployment WHERE released = TRUE ORDER BY id")).await?;
        Ok(kept.into_iter().map(|Released(project, deployment)| (project, deployment)).collect())
    }

    /// Deployments whose files can go: all but the live ones, the newest `keep` others of production and the newest other
    /// one of each preview, those that stopped being live less than ten minutes ago, those that somebody just asked to
    /// put live, and those in whose image a command waits or runs.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn releases_to_prune(&self, project: ProjectId, keep: usize) -> Result<Vec<Deployment>, StoreError> {
        // Counting comes first: a release in its afterglow still takes one of the places.
        let idle = sql(select_deployment!(
            "WHERE d.project_id = $1 AND d.released = TRUE AND d.status <> 'live' ORDER BY d.id DESC"
        ));
        let idle: Vec<Deployment> = self.all(idle.bind(project)).await?;
        let free = sql(
            "SELECT d.id FROM deployment d WHERE d.project_id = $1 AND COALESCE(d.retired_at, d.created_at) <= $2 \
                        AND NOT EXISTS (SELECT 1 FROM activation a WHERE a.deployment_id = d.id AND a.state = 'pending') \
                        AND NOT EXISTS (SELECT 1 FROM run r WHERE r.deployment_id = d.id AND r.status IN ('queued', 'running'))",
        );
        let free: Vec<DeploymentId> = self.all(free.bind(project).bind(self.now().before(AFTERGLOW))).await?;
        let mut counts: HashMap<Option<BranchName>, usize> = HashMap::new();
        let mut is_beyond = |deployment: &Deployment| {
            let preview = (deployment.environment == Environment::Preview).then(|| deployment.branch.clone());
            let most = if preview.is_some() { KEPT_OF_PREVIEW } else { keep };
            let count = counts.entry(preview).or_default();
            *count += 1;
            *count > most
        };
        let beyond: Vec<Deployment> = idle.into_iter().filter(|deployment| is_beyond(deployment)).collect();
        Ok(beyond.into_iter().filter(|deployment| free.contains(&deployment.id)).collect())
    }

    /// The deployments of a project whose files may not be kept any more: what a preview that was removed left, too.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn pruned_deployments(&self, project: ProjectId) -> Result<Vec<DeploymentId>, StoreError> {
        self.all(sql("SELECT id FROM deployment WHERE project_id = $1 AND released = FALSE").bind(project)).await
    }

    /// Notes that a deployment's files go now, and takes its own host away. Called *before* they are removed: from here
    /// on nobody can ask to put it live.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is live or about to be, or a command waits or runs in its image.
    pub async fn release_pruned(&self, id: DeploymentId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let update = sql("UPDATE deployment SET released = FALSE WHERE id = $1 AND status <> 'live' AND NOT EXISTS \
                          (SELECT 1 FROM activation a WHERE a.deployment_id = $1 AND a.state = 'pending') AND NOT EXISTS \
                          (SELECT 1 FROM run r WHERE r.deployment_id = $1 AND r.status IN ('queued', 'running'))");
        if tx.run(update.bind(id)).await? == 0 {
            return Err(StoreError::Conflict("the deployment is live or about to be, or a command runs in it"));
        }
        tx.run(sql("DELETE FROM route WHERE deployment_id = $1 AND kind = 'deployment'").bind(id)).await?;
        tx.commit().await
    }
}
