//! What git hosts are to be told: one row for each thing there that Berth speaks of, marked when it changes.
//!
//! A row holds no message. What is told is how the thing stands when it is sent, so that ten changes while the host is
//! away become one message, and no late message is an old one. `changes` grows with each mark; a row is done only if it
//! has not grown since its state was read.

use berth_model::{
    Access, BranchName, BuildId, DeploymentId, Environment, EventId, EventPayload, PreviewId, ProjectId, RepoKey,
    ReportId, Timestamp, UserId,
};

use berth_secrets::Sealed;

use crate::builds::{Build, select_build};
use crate::deployments::select_deployment;
use crate::sql::{FromRow, Row, sql};
use crate::{Deployment, Store, StoreError};

/// The setting that holds the newest event whose marks are made.
const CURSOR: &str = "reports_cursor";

/// What a report speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportKind {
    /// The commit of the build `subject`.
    Status,
    /// The deployment of the build `subject`.
    Deployment,
    /// The deployment `subject`, which a preview became in production.
    Promotion,
    /// The pull request with the number `subject`.
    Comment,
}

impl ReportKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Status, Self::Deployment, Self::Promotion, Self::Comment];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Deployment => "deployment",
            Self::Promotion => "promotion",
            Self::Comment => "comment",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What was and is to be told of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The row.
    pub id: ReportId,
    /// Of which project.
    pub project: ProjectId,
    /// What it speaks of.
    pub kind: ReportKind,
    /// Which one of those.
    pub subject: i64,
    /// The number that the host gave it.
    pub remote_id: Option<i64>,
    /// What was told last.
    pub told: Option<String>,
    /// How often something happened.
    pub changes: i64,
    /// How often it was begun to be told since it last was.
    pub attempts: i64,
    /// Why it was not, in words.
    pub problem: Option<String>,
    /// When it is to be told; `None`: nothing is.
    pub due_at: Option<Timestamp>,
    /// When this was last looked at.
    pub updated_at: Timestamp,
}

/// A report whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueReport {
    /// It.
    pub report: Report,
    /// With whose token it is told.
    pub user: UserId,
    /// In which repository.
    pub repo: RepoKey,
}

/// Something happened to one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportMark {
    /// Of which project.
    pub project: ProjectId,
    /// What it is.
    pub kind: ReportKind,
    /// Which one.
    pub subject: i64,
    /// Whether it matters only as long as nothing was told, nor refused for good.
    pub unless_told: bool,
}

/// What became of a report that was taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportEnd {
    /// This was told, or is what had been told already; `None`: there was nothing to tell.
    Told(Option<String>),
    /// It was not, and is tried again.
    Later {
        /// When.
        at: Timestamp,
        /// Why.
        problem: String,
    },
    /// It was not and will not be, until something happens again.
    Given {
        /// Why.
        problem: String,
    },
}

/// A preview as far as reports speak of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewSubject {
    /// Of which project.
    pub project: ProjectId,
    /// Of which branch.
    pub branch: BranchName,
    /// Of which pull request.
    pub pull_request: Option<i64>,
}

macro_rules! select_report {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.project_id, r.kind, r.subject, r.remote_id, r.told, r.changes, r.attempts, r.problem, \
             r.due_at, r.updated_at, p.user_id, p.repo_key FROM report r JOIN project p ON p.id = r.project_id ",
            $rest
        )
    };
}

impl FromRow for Report {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: ReportId(row.get("id")?),
            project: ProjectId(row.get("project_id")?),
            kind: row.parsed("kind", ReportKind::parse)?,
            subject: row.get("subject")?,
            remote_id: row.get("remote_id")?,
            told: row.get("told")?,
            changes: row.get("changes")?,
            attempts: row.get("attempts")?,
            problem: row.get("problem")?,
            due_at: row.time_or_none("due_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

impl FromRow for DueReport {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let repo = row.get("repo_key").map(RepoKey::stored)?;
        Ok(Self { report: Report::from_row(row)?, user: UserId(row.get("user_id")?), repo })
    }
}

impl FromRow for PreviewSubject {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            project: ProjectId(row.get("project_id")?),
            branch: row.parsed("branch", |text| BranchName::parse(text).ok())?,
            pull_request: row.get("pull_request")?,
        })
    }
}

impl Store {
    /// The newest event whose marks are made. At the first call there is none, and it becomes the newest of all: what
    /// happened before Berth reported is not news.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn reports_cursor(&self) -> Result<EventId, StoreError> {
        let found = self.setting(CURSOR).await?;
        if let Some(cursor) = found {
            return cursor.parse().map(EventId).map_err(|_| StoreError::Corrupt(CURSOR));
        }
        let mut tx = self.begin().await?;
        let first = sql("INSERT INTO setting (name, value, updated_at) \
                         SELECT $1, CAST(COALESCE(MAX(id), 0) AS TEXT), $2 FROM event WHERE TRUE \
                         ON CONFLICT (name) DO NOTHING");
        tx.run(first.bind(CURSOR).bind(tx.now)).await?;
        let cursor: Option<String> = tx.one(sql("SELECT value FROM setting WHERE name = $1").bind(CURSOR)).await?;
        tx.commit().await?;
        cursor.and_then(|text| text.parse().ok()).map(EventId).ok_or(StoreError::Corrupt(CURSOR))
    }

    /// Marks what the events up to `cursor` changed, and moves the cursor there, in one step. What waits for its next
    /// attempt goes on waiting. Marks of projects that are gone are dropped.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn mark_reports(&self, cursor: EventId, marks: &[ReportMark]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for mark in marks {
            let upsert =
                sql("INSERT INTO report (project_id, kind, subject, changes, due_at, created_at, updated_at) \
                 SELECT id, $2, $3, 1, $4, $4, $4 FROM project WHERE id = $1 AND deleted_at IS NULL \
                 ON CONFLICT (project_id, kind, subject) DO UPDATE \
                 SET changes = report.changes + 1, due_at = COALESCE(report.due_at, excluded.due_at) \
                 WHERE NOT $5 OR (report.told IS NULL AND (report.problem IS NULL OR report.due_at IS NOT NULL))");
            let upsert = upsert.bind(mark.project).bind(mark.kind.as_str()).bind(mark.subject).bind(tx.now);
            tx.run(upsert.bind(mark.unless_told)).await?;
        }
        let update = sql("UPDATE setting SET value = $2, updated_at = $3 WHERE name = $1");
        tx.run(update.bind(CURSOR).bind(cursor.0.to_string()).bind(tx.now)).await?;
        tx.commit().await
    }

    /// Of each of at most `limit` repositories the report that is due first, due or not yet; a repository that has many
    /// keeps nobody else waiting. Those of people who have no token, or whose token GitHub refuses, wait until they have
    /// connected it again.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn waiting_reports(&self, limit: u32) -> Result<Vec<DueReport>, StoreError> {
        let select = sql(select_report!(
            "WHERE r.id IN (SELECT first.id FROM (SELECT w.id, \
             ROW_NUMBER() OVER (PARTITION BY o.repo_key ORDER BY w.due_at, w.id) AS place \
             FROM report w JOIN project o ON o.id = w.project_id JOIN \"user\" u ON u.id = o.user_id \
             WHERE w.due_at IS NOT NULL AND o.deleted_at IS NULL AND u.github_token IS NOT NULL \
             AND u.github_refused_at IS NULL AND u.deactivated_at IS NULL AND u.removed_at IS NULL) first \
             WHERE first.place = 1) ORDER BY r.due_at, r.id LIMIT $1"
        ));
        self.all(select.bind(i64::from(limit))).await
    }

    /// Notes that a report is about to be told. Whoever finds one that was begun and not ended knows that the host may
    /// have heard it.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn begin_report(&self, id: ReportId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let update = sql("UPDATE report SET attempts = attempts + 1, updated_at = $2 WHERE id = $1");
        tx.run(update.bind(id).bind(tx.now)).await?;
        tx.commit().await
    }

    /// Notes the number that the host gave to what a report speaks of.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn name_report(&self, id: ReportId, remote_id: i64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.run(sql("UPDATE report SET remote_id = $2 WHERE id = $1").bind(id).bind(remote_id)).await?;
        tx.commit().await
    }

    /// Notes what became of a report. It is done unless something happened since it was read (`report.changes`); then
    /// it is due at once. If it was told, the host is there again: what waits for another attempt with the same token is
    /// due at once, too.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn end_report(&self, report: &Report, end: ReportEnd) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        if let ReportEnd::Told(Some(_)) = end {
            let wake = sql("UPDATE report SET due_at = $2 WHERE due_at > $2 AND problem IS NOT NULL AND id <> $1 \
                            AND project_id IN (SELECT id FROM project WHERE user_id = \
                            (SELECT p.user_id FROM project p JOIN report r ON r.project_id = p.id WHERE r.id = $1))");
            tx.run(wake.bind(report.id).bind(tx.now)).await?;
        }
        let update = match end {
            ReportEnd::Told(told) => sql("UPDATE report SET told = COALESCE($4, told), attempts = 0, problem = NULL, \
                     due_at = CASE WHEN changes = $2 THEN NULL ELSE $3 END, updated_at = $3 WHERE id = $1")
            .bind(report.id)
            .bind(report.changes)
            .bind(tx.now)
            .bind(&told),
            ReportEnd::Given { problem } => sql("UPDATE report SET attempts = 0, problem = $4, \
                     due_at = CASE WHEN changes = $2 THEN NULL ELSE $3 END, updated_at = $3 WHERE id = $1")
            .bind(report.id)
            .bind(report.changes)
            .bind(tx.now)
            .bind(problem),
            ReportEnd::Later { at, problem } => {
                sql("UPDATE report SET problem = $2, due_at = $3, updated_at = $4 WHERE id = $1")
                    .bind(report.id)
                    .bind(problem)
                    .bind(at)
                    .bind(tx.now)
            }
        };
        tx.run(update).await?;
        tx.commit().await
    }

    /// Puts off everything that a user's token is to tell until a time, because the host takes no more from it before.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn put_off_reports(&self, user: UserId, until: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let update = sql("UPDATE report SET due_at = $2 WHERE due_at < $2 AND project_id IN \
                          (SELECT id FROM project WHERE user_id = $1)");
        tx.run(update.bind(user).bind(until)).await?;
        tx.commit().await
    }

    /// A project's last `limit` reports, the one that was last looked at first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn reports_of(&self, access: Access, project: ProjectId, limit: u32) -> Result<Vec<Report>, StoreError> {
        self.project(access, project).await?;
        let select = sql(select_report!("WHERE r.project_id = $1 ORDER BY r.updated_at DESC, r.id DESC LIMIT $2"));
        self.all(select.bind(project).bind(i64::from(limit))).await
    }

    /// Notes that GitHub no longer accepts `token`, a user's: nothing is asked of it until they have connected it again.
    /// A refusal that comes back when they have done so already says nothing of the token that they have now. Whether
    /// this is news.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn github_refused(&self, user: UserId, token: &Sealed) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let update = sql("UPDATE \"user\" SET github_refused_at = $2 WHERE id = $1 AND github_token = $3 \
                          AND github_refused_at IS NULL");
        if tx.run(update.bind(user).bind(tx.now).bind(token.as_str())).await? == 0 {
            return Ok(false);
        }
        tx.event(user, None, &EventPayload::GithubRefused { user }).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// What a build itself published, and not what became of it later.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn published_by(&self, build: BuildId) -> Result<Option<Deployment>, StoreError> {
        let select =
            sql(select_deployment!("WHERE d.build_id = $1 AND d.promoted_from IS NULL ORDER BY d.id DESC LIMIT 1"));
        self.one(select.bind(build)).await
    }

    /// Whether a deployment is production's copy of a preview.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn is_promotion(&self, deployment: DeploymentId) -> Result<bool, StoreError> {
        let select = sql("SELECT promoted_from IS NOT NULL FROM deployment WHERE id = $1");
        Ok(self.one(select.bind(deployment)).await?.unwrap_or(false))
    }

    /// The host that follows a branch: a project's own in production, a preview's for as long as it is open.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn host_of_branch(
        &self,
        project: ProjectId,
        environment: Environment,
        branch: &BranchName,
    ) -> Result<Option<String>, StoreError> {
        let select = sql("SELECT host FROM route WHERE project_id = $1 AND kind = 'branch' AND environment = $2 \
                          AND (branch = $3 OR environment = 'production') LIMIT 1");
        self.one(select.bind(project).bind(environment.as_str()).bind(branch.as_str())).await
    }

    /// Whether a later build of the same commit speaks for it, one that anything becomes of.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn has_later_build_of_commit(&self, build: &Build) -> Result<bool, StoreError> {
        let Some(commit) = &build.commit_hash else { return Ok(false) };
        let select = sql("SELECT EXISTS (SELECT 1 FROM build WHERE project_id = $1 AND commit_hash = $2 AND id > $3 \
                          AND status NOT IN ('superseded', 'skipped', 'canceled'))");
        Ok(self.one(select.bind(build.project).bind(commit.as_str()).bind(build.id)).await?.unwrap_or(false))
    }

    /// The newest other build of a build's commit that passed.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn passed_build_of_commit(&self, build: &Build) -> Result<Option<Build>, StoreError> {
        let Some(commit) = &build.commit_hash else { return Ok(None) };
        let select = sql(select_build!(
            "WHERE b.project_id = $1 AND b.commit_hash = $2 AND b.id <> $3 AND b.status = 'passed' \
             ORDER BY b.id DESC LIMIT 1"
        ));
        self.one(select.bind(build.project).bind(commit.as_str()).bind(build.id)).await
    }

    /// A preview, open or not.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn preview_for_report(&self, id: PreviewId) -> Result<Option<PreviewSubject>, StoreError> {
        self.one(sql("SELECT project_id, branch, pull_request FROM preview WHERE id = $1").bind(id)).await
    }

    /// The pull request that a branch's open preview shows.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn pull_request_of_branch(
        &self,
        project: ProjectId,
        branch: &BranchName,
    ) -> Result<Option<i64>, StoreError> {
        let select = sql("SELECT pull_request FROM preview WHERE project_id = $1 AND branch = $2 \
                          AND pull_request IS NOT NULL AND removed_at IS NULL");
        self.one(select.bind(project).bind(branch.as_str())).await
    }

    /// The newest build of a pull request or of the branch that it shows.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn newest_build_of_pull_request(
        &self,
        project: ProjectId,
        number: i64,
    ) -> Result<Option<Build>, StoreError> {
        let select = sql(select_build!(
            "WHERE b.project_id = $1 AND b.status <> 'superseded' AND (b.pull_request = $2 OR \
             (b.environment = 'preview' AND b.branch IN \
             (SELECT v.branch FROM preview v WHERE v.project_id = $1 AND v.pull_request = $2))) \
             ORDER BY b.id DESC LIMIT 1"
        ));
        self.one(select.bind(project).bind(number)).await
    }

    /// The builds of a branch's preview whose deployments are known to the git host.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn reported_builds_of_branch(
        &self,
        project: ProjectId,
        branch: &BranchName,
    ) -> Result<Vec<BuildId>, StoreError> {
        let select = sql("SELECT b.id FROM build b JOIN report r ON r.project_id = b.project_id AND r.subject = b.id \
                          WHERE b.project_id = $1 AND b.branch = $2 AND b.environment = 'preview' \
                          AND r.kind = 'deployment' AND r.remote_id IS NOT NULL ORDER BY b.id DESC LIMIT 100");
        self.all(select.bind(project).bind(branch.as_str())).await
    }

    /// The project whose report is a pull request's comment: one that wrote it, or may.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn commenting_project(&self, repo: &RepoKey, number: i64) -> Result<Option<ProjectId>, StoreError> {
        let select = sql("SELECT p.id FROM report r JOIN project p ON p.id = r.project_id \
                          WHERE p.repo_key = $1 AND p.deleted_at IS NULL AND r.kind = 'comment' AND r.subject = $2 \
                          AND (r.remote_id IS NOT NULL OR EXISTS (SELECT 1 FROM report s WHERE s.project_id = p.id \
                          AND s.kind = 'status' AND s.told IS NOT NULL)) \
                          ORDER BY CASE WHEN r.remote_id IS NULL THEN 1 ELSE 0 END, p.id LIMIT 1");
        self.one(select.bind(repo.as_str()).bind(number)).await
    }

    /// Whether a commit's status of a project is still to be told.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn has_waiting_status(&self, project: ProjectId) -> Result<bool, StoreError> {
        let select = sql("SELECT EXISTS (SELECT 1 FROM report WHERE project_id = $1 AND kind = 'status' \
                          AND due_at IS NOT NULL)");
        Ok(self.one(select.bind(project)).await?.unwrap_or(false))
    }

    /// Whether the git host ever took a commit's status of a project: its owner may write there.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn may_speak_for_repo(&self, project: ProjectId) -> Result<bool, StoreError> {
        let select = sql("SELECT EXISTS (SELECT 1 FROM report WHERE project_id = $1 AND kind = 'status' \
                          AND told IS NOT NULL)");
        Ok(self.one(select.bind(project)).await?.unwrap_or(false))
    }
}
