//! What should run: the services of what is live, and what people say of them over all deployments: how many replicas
//! there shall be, and that one is to be restarted. Where the replicas stand is not kept: the containers know.

use std::collections::HashSet;

use berth_model::{
    Access, AuditAction, DeploymentId, Environment, EventPayload, MOST_REPLICAS, ProjectId, ServiceName, ServiceSpec,
    UserId,
};

use crate::audit::Change;
use crate::deployments::{Deployment, select_deployment};
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

const TOO_MANY: StoreError = StoreError::Conflict("a service has at most 20 replicas");
const _: () = assert!(MOST_REPLICAS == 20, "the words above and the CHECK of service_setting.replicas say so");

pub(crate) const FILES: StoreError = StoreError::Conflict("this service is files: nothing of it runs");

/// What people say of a running service; it holds for every deployment of its environment that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSetting {
    /// Where.
    pub environment: Environment,
    /// Which.
    pub service: ServiceName,
    /// How many there shall be; `None`: as many as the deployment says.
    pub replicas: Option<u32>,
    /// Replicas of an earlier generation are to be replaced.
    pub generation: i64,
}

/// What is said anew of a running service.
#[derive(Clone, Copy)]
enum SettingChange {
    /// How many replicas there shall be; `None`: as many as its deployments say.
    Scale(Option<u32>),
    /// That those there are shall be replaced.
    Restart,
}

macro_rules! select_setting {
    ($rest:literal) => {
        concat!("SELECT environment, service, replicas, generation FROM service_setting ", $rest)
    };
}

impl FromRow for ServiceSetting {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let replicas: Option<i64> = row.get("replicas")?;
        Ok(Self {
            environment: row.parsed("environment", Environment::parse)?,
            service: row.parsed("service", |text| ServiceName::parse(text).ok())?,
            replicas: replicas.map(u32::try_from).transpose().map_err(|_| StoreError::Corrupt("replicas"))?,
            generation: row.get("generation")?,
        })
    }
}

/// The services of a deployment, where nothing else of it is asked for.
pub(crate) struct Services(pub(crate) Vec<ServiceSpec>);

impl FromRow for Services {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self(row.json("services")?))
    }
}

impl Transaction<'_> {
    /// Tells that something of a project's services is another now.
    pub(crate) async fn services_event(&mut self, owner: UserId, project: ProjectId) -> Result<(), StoreError> {
        self.then_tell_services();
        self.event(owner, Some(project), &EventPayload::ServicesChanged { project }).await
    }

    /// Refuses to go on unless the service runs in what is live there.
    async fn only_running(
        &mut self,
        project: ProjectId,
        environment: Environment,
        service: &ServiceName,
    ) -> Result<(), StoreError> {
        let live =
            sql("SELECT services FROM deployment WHERE project_id = $1 AND environment = $2 AND status = 'live' \
                        AND services IS NOT NULL");
        let live: Vec<Services> = self.all(live.bind(project).bind(environment.as_str())).await?;
        let mut of_this_name =
            live.iter().flat_map(|Services(all)| all).filter(|spec| spec.name == *service).peekable();
        of_this_name.peek().ok_or(StoreError::NotFound)?;
        if of_this_name.any(|spec| spec.running().is_some()) { Ok(()) } else { Err(FILES) }
    }

    /// Changes what is said of a service that runs.
    async fn set_service(
        &mut self,
        access: Access,
        project: ProjectId,
        (environment, service): (Environment, &ServiceName),
        change: SettingChange,
    ) -> Result<ServiceSetting, StoreError> {
        let owner = self.project(access, project).await?.user;
        self.only_running(project, environment, service).await?;
        let (is_scaled, replicas, newer) = match change {
            SettingChange::Scale(replicas) => (true, replicas, 0),
            SettingChange::Restart => (false, None, 1),
        };
        let upsert =
            sql("INSERT INTO service_setting (project_id, environment, service, replicas, generation, updated_at) \
                          VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (project_id, environment, service) DO UPDATE \
                          SET replicas = CASE WHEN $7 THEN excluded.replicas ELSE service_setting.replicas END, \
                          generation = service_setting.generation + excluded.generation, \
                          updated_at = excluded.updated_at RETURNING environment, service, replicas, generation")
            .bind(project)
            .bind(environment.as_str())
            .bind(service.as_str())
            .bind(replicas.map(i64::from))
            .bind(newer)
            .bind(self.now)
            .bind(is_scaled);
        let setting = self.one(upsert).await?.ok_or(StoreError::NotFound)?;
        self.services_event(owner, project).await?;
        Ok(setting)
    }
}

impl Store {
    /// What is live and has services that run: production's, and each preview's.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn deployments_to_run(&self) -> Result<Vec<Deployment>, StoreError> {
        let live = sql(select_deployment!("WHERE d.status = 'live' AND d.services IS NOT NULL ORDER BY d.id"));
        let mut live: Vec<Deployment> = self.all(live).await?;
        live.retain(|deployment| deployment.running().next().is_some());
        Ok(live)
    }

    /// Notes that a deployment's release commands have succeeded. Saying so again changes nothing.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn release_commands_done(&self, deployment: DeploymentId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let done = sql("UPDATE deployment SET release_command_at = $2 WHERE id = $1 AND release_command_at IS NULL");
        tx.run(done.bind(deployment).bind(tx.now)).await?;
        tx.commit().await
    }

    /// What people said of the services of a project, by name; of services that it no longer has, too.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn service_settings_of(
        &self,
        project: ProjectId,
        environment: Environment,
    ) -> Result<Vec<ServiceSetting>, StoreError> {
        let select = sql(select_setting!("WHERE project_id = $1 AND environment = $2 ORDER BY service"));
        self.all(select.bind(project).bind(environment.as_str())).await
    }

    /// Says how many replicas of a running service there shall be, from none to [`MOST_REPLICAS`], whatever its
    /// deployments say; `None`: as many as they say.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if nothing that is live there has such a service, [`StoreError::Forbidden`];
    /// [`StoreError::Conflict`] if it is files, or there would be too many.
    pub async fn scale_service(
        &self,
        access: Access,
        project: ProjectId,
        environment: Environment,
        service: &ServiceName,
        replicas: Option<u32>,
    ) -> Result<ServiceSetting, StoreError> {
        if replicas.is_some_and(|replicas| replicas > MOST_REPLICAS) {
            return Err(TOO_MANY);
        }
        let mut tx = self.begin().await?;
        let setting = tx.set_service(access, project, (environment, service), SettingChange::Scale(replicas)).await?;
        let scaled = Change::of(AuditAction::ServiceScaled).of_project(project).to(service);
        let said =
            replicas.map_or_else(|| "replicas: as planned".to_owned(), |replicas| format!("replicas: {replicas}"));
        tx.record(scaled.exactly([environment.as_str(), &said])).await?;
        tx.commit().await?;
        Ok(setting)
    }

    /// Asks for every replica of a running service to be replaced by a new one.
    ///
    /// # Errors
    /// As [`Store::scale_service`].
    pub async fn restart_service(
        &self,
        access: Access,
        project: ProjectId,
        environment: Environment,
        service: &ServiceName,
    ) -> Result<ServiceSetting, StoreError> {
        let mut tx = self.begin().await?;
        let setting = tx.set_service(access, project, (environment, service), SettingChange::Restart).await?;
        let restarted = Change::of(AuditAction::ServiceRestarted).of_project(project).to(service);
        tx.record(restarted.exactly([environment.as_str()])).await?;
        tx.commit().await?;
        Ok(setting)
    }

    /// Tells that replicas of a project stand elsewhere than they did, as whoever keeps them running has seen; of a
    /// deleted project nobody is told.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn replicas_changed(&self, project: ProjectId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let owner = match tx.project_unscoped(project).await {
            Ok(found) => found.user,
            Err(StoreError::NotFound) => return Ok(()),
            Err(error) => return Err(error),
        };
        // A service that ends again and again changes for ever.
        tx.event_anew(owner, Some(project), &EventPayload::ServicesChanged { project }).await?;
        tx.commit().await
    }

    /// The images that something may still be started from: those of deployments whose files are kept, and in which a
    /// command waits or runs. A running build's are not among them until it is published.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn images_in_use(&self) -> Result<HashSet<String>, StoreError> {
        let kept = sql("SELECT d.services FROM deployment d JOIN project p ON p.id = d.project_id \
                        WHERE d.services IS NOT NULL AND ((p.deleted_at IS NULL AND d.released = TRUE) OR EXISTS \
                        (SELECT 1 FROM run r WHERE r.deployment_id = d.id AND r.status IN ('queued', 'running')))");
        let kept: Vec<Services> = self.all(kept).await?;
        let specs = kept.into_iter().flat_map(|Services(all)| all);
        Ok(specs.filter_map(|spec| spec.running().map(|running| running.image.clone())).collect())
    }
}
