//! The installation at a glance, for those who watch it from outside.

use berth_model::{BuildStatus, ProjectId};

use crate::sql::{FromRow, Row, sql};
use crate::{Store, StoreError};

/// What there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// Every project with its name.
    pub projects: Vec<(ProjectId, String)>,
    /// How many builds there are.
    pub builds: BuildCounts,
}

/// How many builds have each status; one that none has is left out.
pub type BuildCounts = Vec<(BuildStatus, i64)>;

struct Named((ProjectId, String));

impl FromRow for Named {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self((ProjectId(row.get("id")?), row.get("name")?)))
    }
}

struct Counted((BuildStatus, i64));

impl FromRow for Counted {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self((row.parsed("status", BuildStatus::parse)?, row.get("builds")?)))
    }
}

impl Store {
    /// Names and numbers of everything, without anything of its content.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn overview(&self) -> Result<Overview, StoreError> {
        let projects: Vec<Named> =
            self.all(sql("SELECT id, name FROM project WHERE deleted_at IS NULL ORDER BY id")).await?;
        Ok(Overview {
            projects: projects.into_iter().map(|Named(project)| project).collect(),
            builds: self.build_counts().await?,
        })
    }

    /// How many builds wait, run, and ended in which way.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn build_counts(&self) -> Result<BuildCounts, StoreError> {
        let builds: Vec<Counted> =
            self.all(sql("SELECT status, COUNT(*) AS builds FROM build GROUP BY status ORDER BY status")).await?;
        Ok(builds.into_iter().map(|Counted(status)| status).collect())
    }
}
