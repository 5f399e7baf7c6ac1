//! The one table that owns every host name. The edge looks the full host up and never splits it.

use berth_model::{BranchName, DeploymentId, Environment, ProjectId, ProjectName, Protection};

use crate::projects::protection;
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

/// What a host follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// Whatever is live of a branch: a project's own host.
    Branch,
    /// One deployment, for as long as its files are kept.
    Deployment,
}

impl RouteKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Branch => "branch",
            Self::Deployment => "deployment",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Branch, Self::Deployment].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A host name and what it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The full host name, lower case, without a port.
    pub host: String,
    /// What it follows.
    pub kind: RouteKind,
    /// Whose site it is.
    pub project: ProjectId,
    /// That project's name.
    pub project_name: ProjectName,
    /// How that project is protected.
    pub protection: Option<Protection>,
    /// Of which environment.
    pub environment: Environment,
    /// Of which branch.
    pub branch: BranchName,
    /// The deployment that answers; `None` until the first one is live.
    pub deployment: Option<DeploymentId>,
}

macro_rules! select_route {
    ($rest:literal) => {
        concat!(
            "SELECT r.host, r.kind, r.project_id, p.name AS project_name, r.environment, r.branch, r.deployment_id, \
             p.protection, p.protection_user, p.protection_hash FROM route r JOIN project p ON p.id = r.project_id ",
            $rest
        )
    };
}

impl FromRow for Route {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            host: row.get("host")?,
            kind: row.parsed("kind", RouteKind::parse)?,
            project: ProjectId(row.get("project_id")?),
            project_name: row.parsed("project_name", |name| ProjectName::stored(name).ok())?,
            protection: protection(row)?,
            environment: row.parsed("environment", Environment::parse)?,
            branch: row.parsed("branch", |text| BranchName::parse(text).ok())?,
            deployment: row.get::<Option<i64>>("deployment_id")?.map(DeploymentId),
        })
    }
}

impl Transaction<'_> {
    /// Takes a host; [`StoreError::NameTaken`] if it is somebody's.
    pub(crate) async fn add_route(
        &mut self,
        host: &str,
        kind: RouteKind,
        project: ProjectId,
        environment: Environment,
        branch: &BranchName,
        deployment: Option<DeploymentId>,
    ) -> Result<(), StoreError> {
        let insert = sql("INSERT INTO route (host, kind, project_id, environment, branch, deployment_id, created_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7)");
        let insert = insert.bind(host).bind(kind.as_str()).bind(project).bind(environment.as_str());
        let insert = insert.bind(branch.as_str()).bind(deployment).bind(self.now);
        self.run(insert).await.map_err(StoreError::of_a_name)?;
        Ok(())
    }
}

impl Store {
    /// Every host, by name.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn routes(&self) -> Result<Vec<Route>, StoreError> {
        self.all(sql(select_route!("ORDER BY r.host"))).await
    }

    /// The hosts of one project, by name; none of one that was deleted.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn routes_of(&self, project: ProjectId) -> Result<Vec<Route>, StoreError> {
        self.all(sql(select_route!("WHERE r.project_id = $1 ORDER BY r.host")).bind(project)).await
    }

    /// What a host leads to.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn route(&self, host: &str) -> Result<Option<Route>, StoreError> {
        self.one(sql(select_route!("WHERE r.host = $1")).bind(host)).await
    }
}
