//! Lists as they are shown: which part of one is wanted, and projects with what a card of each says. However many
//! projects a page has, it takes the same few queries.

use std::collections::HashMap;
use std::time::Duration;

use berth_model::{Access, BranchName, BuildId, BuildStatus, Environment, Plan, ProjectId};

use crate::builds::{Build, select_build, took};
use crate::deployments::{Deployment, select_deployment};
use crate::projects::{Project, select_project};
use crate::sql::{FromRow, Row, Sql, sql};
use crate::{Store, StoreError};

/// Builds that a summary has.
const RECENT: i64 = 20;

/// What of a list is wanted; `None` is everything.
#[derive(Clone, Debug)]
pub struct Filter<S> {
    /// Of this branch.
    pub branch: Option<BranchName>,
    /// For this environment.
    pub environment: Option<Environment>,
    /// That stand here.
    pub status: Option<S>,
}

impl<S> Default for Filter<S> {
    fn default() -> Self {
        Self { branch: None, environment: None, status: None }
    }
}

/// Which projects are wanted.
#[derive(Clone, Debug, Default)]
pub struct ProjectPage {
    /// At most so many.
    pub limit: u32,
    /// Only older ones than this.
    pub before: Option<ProjectId>,
    /// Those with this in their name or their repository's address.
    pub part: Option<String>,
}

/// A project with what its card says.
#[derive(Clone, Debug)]
pub struct ProjectSummary {
    /// The project.
    pub project: Project,
    /// What visitors get now.
    pub live: Option<Deployment>,
    /// The newest build for production.
    pub latest: Option<Build>,
    /// How it is built: the plan of what is live, else of the newest build.
    pub plan: Option<Plan>,
    /// The newest builds for production that ran or will, newest first.
    pub recent: Vec<RecentBuild>,
}

/// One of a project's newest builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentBuild {
    /// Which.
    pub id: BuildId,
    /// Where it stands.
    pub status: BuildStatus,
    /// How long it took, once it has ended.
    pub took: Option<Duration>,
}

impl ProjectSummary {
    /// How long builds of late took that passed: half of them were quicker.
    #[must_use]
    pub fn median(&self) -> Option<Duration> {
        let passed = self.recent.iter().filter(|build| build.status == BuildStatus::Passed);
        let mut took: Vec<Duration> = passed.filter_map(|build| build.took).collect();
        took.sort_unstable();
        took.get(took.len() / 2).copied()
    }
}

/// Something of a project.
struct Of<T>(ProjectId, T);

impl FromRow for Of<RecentBuild> {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let status = row.parsed("status", BuildStatus::parse)?;
        let build = RecentBuild { id: BuildId(row.get("id")?), status, took: took(row)? };
        Ok(Self(ProjectId(row.get("project_id")?), build))
    }
}

impl FromRow for Of<Option<Plan>> {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self(ProjectId(row.get("project_id")?), row.json_or_none("plan")?))
    }
}

/// The projects of a page, whatever joins them: between its first and its last, and found by the same words.
macro_rules! on_page {
    () => {
        "p.user_id = $1 AND p.deleted_at IS NULL AND p.id BETWEEN $2 AND $3 \
         AND (p.name LIKE $4 ESCAPE '!' OR p.repo_key LIKE $4 ESCAPE '!') "
    };
}

/// What [`on_page`] is told.
struct Bounds {
    access: Access,
    first: ProjectId,
    last: ProjectId,
    pattern: String,
}

impl Bounds {
    fn bind(&self, sql: Sql) -> Sql {
        sql.bind(self.access.user()).bind(self.first).bind(self.last).bind(&self.pattern)
    }
}

/// A pattern of whatever has a text in it.
fn containing(part: &str) -> String {
    let literal: String =
        part.to_lowercase().chars().flat_map(|c| "!%_".contains(c).then_some('!').into_iter().chain([c])).collect();
    format!("%{literal}%")
}

impl Store {
    /// Some of the user's projects, newest first.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn project_summaries(
        &self,
        access: Access,
        page: &ProjectPage,
    ) -> Result<Vec<ProjectSummary>, StoreError> {
        let newest = page.before.map_or(i64::MAX, |before| before.0.saturating_sub(1));
        let pattern = page.part.as_deref().map_or_else(|| "%".to_owned(), containing);
        let wanted = Bounds { access, first: ProjectId(0), last: ProjectId(newest), pattern };
        let select = wanted.bind(sql(select_project!(concat!(
            "WHERE ",
            on_page!(),
            "AND p.id = COALESCE($5, p.id) ORDER BY p.id DESC LIMIT $6"
        ))));
        let projects: Vec<Project> = self.all(select.bind(access.only()).bind(i64::from(page.limit))).await?;
        let (Some(newest), Some(oldest)) = (projects.first(), projects.last()) else { return Ok(Vec::new()) };
        let bounds = Bounds { first: oldest.id, last: newest.id, ..wanted };
        self.summaries(&bounds, projects).await
    }

    /// One of the user's projects with what is shown of it.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn project_summary(&self, access: Access, project: Project) -> Result<ProjectSummary, StoreError> {
        let bounds = Bounds { access, first: project.id, last: project.id, pattern: "%".to_owned() };
        self.summaries(&bounds, vec![project]).await?.pop().ok_or(StoreError::NotFound)
    }

    async fn summaries(&self, page: &Bounds, projects: Vec<Project>) -> Result<Vec<ProjectSummary>, StoreError> {
        let live = sql(select_deployment!(concat!(
            "WHERE ",
            on_page!(),
            "AND d.environment = 'production' AND d.status = 'live' ORDER BY d.activated_at"
        )));
        let live: Vec<Deployment> = self.all(page.bind(live)).await?;
        let mut live: HashMap<_, _> = live.into_iter().map(|deployment| (deployment.project, deployment)).collect();
        let plans = sql(concat!(
            "SELECT d.project_id, b.plan FROM deployment d JOIN project p ON p.id = d.project_id \
             JOIN build b ON b.id = d.build_id WHERE ",
            on_page!(),
            "AND d.environment = 'production' AND d.status = 'live' ORDER BY d.activated_at"
        ));
        let plans: Vec<Of<Option<Plan>>> = self.all(page.bind(plans)).await?;
        let mut plans: HashMap<_, _> = plans.into_iter().map(|Of(project, plan)| (project, plan)).collect();
        let latest = sql(select_build!(concat!(
            "WHERE ",
            on_page!(),
            "AND b.id = (SELECT n.id FROM build n WHERE n.project_id = p.id AND n.environment = 'production' \
             ORDER BY n.id DESC LIMIT 1)"
        )));
        let latest: Vec<Build> = self.all(page.bind(latest)).await?;
        let mut latest: HashMap<_, _> = latest.into_iter().map(|build| (build.project, build)).collect();
        let mut recent = self.recent_builds(page).await?;
        let summary = |project: Project| {
            let latest = latest.remove(&project.id);
            let live_plan = plans.remove(&project.id).flatten();
            ProjectSummary {
                live: live.remove(&project.id),
                plan: live_plan.or_else(|| latest.as_ref().and_then(|build| build.plan.clone())),
                latest,
                recent: recent.remove(&project.id).unwrap_or_default(),
                project,
            }
        };
        Ok(projects.into_iter().map(summary).collect())
    }

    /// The newest builds for production of each project of a page, newest first.
    async fn recent_builds(&self, page: &Bounds) -> Result<HashMap<ProjectId, Vec<RecentBuild>>, StoreError> {
        let recent = sql(concat!(
            "SELECT b.project_id, b.id, b.status, b.started_at, b.finished_at \
             FROM project p JOIN build b ON b.project_id = p.id WHERE ",
            on_page!(),
            "AND b.environment = 'production' AND b.status NOT IN ('skipped', 'superseded') AND b.id >= COALESCE(\
             (SELECT n.id FROM build n WHERE n.project_id = p.id AND n.environment = 'production' \
             AND n.status NOT IN ('skipped', 'superseded') ORDER BY n.id DESC LIMIT 1 OFFSET $5), 0) ORDER BY b.id DESC"
        ));
        let recent: Vec<Of<RecentBuild>> = self.all(page.bind(recent).bind(RECENT - 1)).await?;
        let mut of_each: HashMap<_, Vec<_>> = HashMap::new();
        for Of(project, build) in recent {
            of_each.entry(project).or_default().push(build);
        }
        Ok(of_each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_stands_for_itself() {
        assert_eq!(containing("Shop"), "%shop%");
        assert_eq!(containing("50%_!"), "%50!%!_!!%");
    }
}
