//! Runs: commands that somebody has carried out once, in the image of a service that is live. What they print is kept
//! with the services' logs, not here.
//!
//! A run waits as a row, so that a crash loses neither the wish nor, once it runs, that its container is ours to follow.

use berth_model::{
    Access, AuditAction, DeploymentId, Environment, PathPrefix, ProjectId, ReplicaEnd, RunId, RunStatus, ServiceName,
    Timestamp, UserId,
};

use crate::audit::Change;
use crate::deployments::{Deployment, select_deployment};
use crate::owned::{Owned, SeenBy};
use crate::services::FILES;
use crate::sql::{FromRow, Row, json_text, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

/// Runs of one project that wait or run at once.
const MOST_OPEN: i64 = 10;

/// A command that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The row.
    pub id: RunId,
    /// Of which project.
    pub project: ProjectId,
    /// Whose that is.
    pub owner: UserId,
    /// In the image and with the settings of which deployment: the one that was live when it was asked for.
    pub deployment: DeploymentId,
    /// Of which of its services.
    pub service: ServiceName,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it stands.
    pub status: RunStatus,
    /// How it ended, if it did by itself.
    pub exit_code: Option<i64>,
    /// Why it did not run, or did not end by itself; or that it ran out of memory.
    pub problem: Option<String>,
    /// Who asked.
    pub requested_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// When its container was started.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// When somebody asked for it to stop.
    pub stop_asked_at: Option<Timestamp>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// By itself, however well.
    Ended(ReplicaEnd),
    /// It could not be started, or was lost.
    Failed {
        /// What happened, for people.
        problem: String,
    },
    /// It was stopped.
    Stopped {
        /// What stopped it, if it was not a person.
        why: Option<String>,
    },
}

impl RunEnd {
    fn columns(self) -> (RunStatus, Option<i64>, Option<String>) {
        match self {
            Self::Ended(end) => {
                (RunStatus::Ended, Some(end.exit_code), end.out_of_memory.is_some().then(|| end.to_string()))
            }
            Self::Failed { problem } => (RunStatus::Failed, None, Some(problem)),
            Self::Stopped { why } => (RunStatus::Stopped, None, why),
        }
    }
}

macro_rules! select_run {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.project_id, r.deployment_id, r.service, r.command, r.status, r.exit_code, r.problem, \
             r.requested_by, r.created_at, r.started_at, r.finished_at, r.stop_asked_at, p.user_id AS owner, \
             p.id AS of_project FROM run r JOIN project p ON p.id = r.project_id ",
            $rest
        )
    };
}

impl FromRow for Run {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: RunId(row.get("id")?),
            project: ProjectId(row.get("project_id")?),
            owner: UserId(row.get("owner")?),
            deployment: DeploymentId(row.get("deployment_id")?),
            service: row.parsed("service", |text| ServiceName::parse(text).ok())?,
            command: row.json("command")?,
            status: row.parsed("status", RunStatus::parse)?,
            exit_code: row.get("exit_code")?,
            problem: row.get("problem")?,
            requested_by: row.get::<Option<i64>>("requested_by")?.map(UserId),
            created_at: row.time("created_at")?,
            started_at: row.time_or_none("started_at")?,
            finished_at: row.time_or_none("finished_at")?,
            stop_asked_at: row.time_or_none("stop_asked_at")?,
        })
    }
}

/// The service that a command runs in: the named one; else the running one that answers `/`, or the first.
fn chosen(live: &Deployment, service: Option<&ServiceName>) -> Result<ServiceName, StoreError> {
    let Some(name) = service else {
        let answers_all = |path: &PathPrefix| *path == PathPrefix::everything();
        let main = live.running().find(|(spec, _)| spec.routes.iter().any(|route| answers_all(&route.path)));
        let (spec, _) = main.or_else(|| live.running().next()).ok_or(NOTHING_RUNS)?;
        return Ok(spec.name.clone());
    };
    let named = live.services.iter().flatten().find(|spec| spec.name == *name).ok_or(StoreError::NotFound)?;
    if named.running().is_some() { Ok(name.clone()) } else { Err(FILES) }
}

const NOTHING_RUNS: StoreError =
    StoreError::Conflict("nothing of this project runs in production: a command needs a running service that is live");

impl Transaction<'_> {
    /// A run, of a deleted project too: its end is told all the same.
    async fn owned_run(&mut self, id: RunId) -> Result<Owned<Run>, StoreError> {
        self.one(sql(select_run!("WHERE r.id = $1")).bind(id)).await?.ok_or(StoreError::NotFound)
    }

    /// The only way a run's status changes. Nothing but its start and its end is noted by it.
    async fn move_run(&mut self, run: &mut Owned<Run>, next: RunStatus) -> Result<(), StoreError> {
        let Run { id, project, .. } = run.row;
        run.row.status = run.row.status.become_next(next)?;
        if next == RunStatus::Running {
            run.row.started_at = Some(self.now);
        } else {
            run.row.finished_at = Some(self.now);
        }
        let update =
            sql("UPDATE run SET status = $2, started_at = $3, finished_at = $4, exit_code = $5, problem = $6 \
                          WHERE id = $1")
            .bind(id)
            .bind(next.as_str())
            .bind(run.row.started_at.map(|at| at.0))
            .bind(run.row.finished_at.map(|at| at.0))
            .bind(run.row.exit_code)
            .bind(&run.row.problem);
        self.run(update).await?;
        self.services_event(run.owner, project).await
    }

    /// Asks whoever follows a running command to stop it.
    async fn ask_to_stop(&mut self, run: &mut Owned<Run>) -> Result<(), StoreError> {
        run.row.stop_asked_at = Some(self.now);
        self.run(sql("UPDATE run SET stop_asked_at = $2 WHERE id = $1").bind(run.row.id).bind(self.now)).await?;
        self.services_event(run.owner, run.row.project).await
    }

    /// Ends what waits of a deleted project, and asks what runs to stop.
    pub(crate) async fn stop_runs(&mut self, project: ProjectId) -> Result<(), StoreError> {
        let open = sql(select_run!("WHERE r.project_id = $1 AND r.status IN ('queued', 'running') ORDER BY r.id"));
        let open: Vec<Owned<Run>> = self.all(open.bind(project)).await?;
        for mut run in open {
            if run.row.status == RunStatus::Queued {
                run.row.problem = Some("the project was deleted".to_owned());
                self.move_run(&mut run, RunStatus::Stopped).await?;
            } else if run.row.stop_asked_at.is_none() {
                self.ask_to_stop(&mut run).await?;
            }
        }
        Ok(())
    }
}

impl Store {
    /// Asks for a command to be carried out in the image of a service of what is live in production: of the one that is
    /// named, or of the one that answers `/`, or the first that runs.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if it has no such service, [`StoreError::Forbidden`]; [`StoreError::Conflict`] if nothing
    /// runs there, the service is files, the command is empty, or too many wait already.
    pub async fn request_run(
        &self,
        access: Access,
        project: ProjectId,
        service: Option<&ServiceName>,
        command: Vec<String>,
    ) -> Result<Run, StoreError> {
        let Some(program) = command.first().filter(|program| !program.is_empty()) else {
            return Err(StoreError::Conflict("a command begins with the name of a program"));
        };
        let mut tx = self.begin().await?;
        let owner = tx.project(access, project).await?.user;
        let live = sql(select_deployment!(
            "WHERE d.project_id = $1 AND d.environment = $2 AND d.status = 'live' ORDER BY d.activated_at DESC LIMIT 1"
        ));
        let live: Option<Deployment> = tx.one(live.bind(project).bind(Environment::Production.as_str())).await?;
        let live = live.filter(|live| live.running().next().is_some()).ok_or(NOTHING_RUNS)?;
        let service = chosen(&live, service)?;
        let open = sql("SELECT COUNT(*) FROM run WHERE project_id = $1 AND status IN ('queued', 'running')");
        if tx.one::<i64>(open.bind(project)).await?.unwrap_or(0) >= MOST_OPEN {
            return Err(StoreError::Conflict(
                "ten commands of this project wait or run already; let one end, or stop one",
            ));
        }
        let insert =
            sql("INSERT INTO run (project_id, deployment_id, service, command, status, requested_by, created_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id")
            .bind(project)
            .bind(live.id)
            .bind(service.as_str())
            .bind(json_text(&command))
            .bind(RunStatus::Queued.as_str())
            .bind(access.user())
            .bind(tx.now);
        let id: RunId = tx.one(insert).await?.ok_or(StoreError::NotFound)?;
        tx.services_event(owner, project).await?;
        // Its arguments are not written down: one of them may be a password.
        let requested = Change::of(AuditAction::RunRequested).of_project(project).to(format!("#{id}"));
        tx.record(requested.exactly([service.as_str(), program])).await?;
        let run = tx.owned_run(id).await?.row;
        tx.commit().await?;
        Ok(run)
    }

    /// At most `limit` commands of a project, newest first; those older than `before`, if given.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn runs(
        &self,
        access: Access,
        project: ProjectId,
        limit: u32,
        before: Option<RunId>,
    ) -> Result<Vec<Run>, StoreError> {
        self.project(access, project).await?;
        let select = sql(select_run!("WHERE r.project_id = $1 AND r.id < $2 ORDER BY r.id DESC LIMIT $3"));
        self.all(select.bind(project).bind(before.unwrap_or(RunId(i64::MAX))).bind(i64::from(limit))).await
    }

    /// One of the user's commands.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn run(&self, access: Access, id: RunId) -> Result<Run, StoreError> {
        Ok(self.one(sql(select_run!("WHERE r.id = $1 AND p.deleted_at IS NULL")).bind(id)).await?.seen_by(access)?.row)
    }

    /// A command, for who carries it out; of a deleted project too, until that is forgotten.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn run_unscoped(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.one(sql(select_run!("WHERE r.id = $1")).bind(id)).await
    }

    /// Stops a command: one that waits at once, one that runs as soon as who follows it is told. Asking again changes
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`]; [`StoreError::Conflict`] if it is over.
    pub async fn stop_run(&self, access: Access, id: RunId) -> Result<Run, StoreError> {
        let mut tx = self.begin().await?;
        let select = sql(select_run!("WHERE r.id = $1 AND p.deleted_at IS NULL")).bind(id);
        let mut run: Owned<Run> = tx.one(select).await?.seen_by(access)?;
        match run.row.status {
            RunStatus::Queued => tx.move_run(&mut run, RunStatus::Stopped).await?,
            RunStatus::Running if run.row.stop_asked_at.is_some() => return Ok(run.row),
            RunStatus::Running => tx.ask_to_stop(&mut run).await?,
            RunStatus::Ended | RunStatus::Failed | RunStatus::Stopped => {
                return Err(StoreError::Conflict("this command is over already"));
            }
        }
        let stopped = Change::of(AuditAction::RunStopped).of_project(run.row.project).to(format!("#{id}"));
        tx.record(stopped.exactly([run.row.service.as_str()])).await?;
        tx.commit().await?;
        Ok(run.row)
    }

    /// What waits to be carried out, and what runs and is to be followed again after a crash; oldest first. What runs of
    /// a deleted project is among them, and is to be stopped.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn pending_runs(&self) -> Result<Vec<Run>, StoreError> {
        self.all(sql(select_run!("WHERE r.status IN ('queued', 'running') ORDER BY r.id"))).await
    }

    /// Notes that a command's container runs.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] if it was stopped meanwhile: its container is to go; [`StoreError::NotFound`].
    pub async fn run_started(&self, id: RunId) -> Result<Run, StoreError> {
        let mut tx = self.begin().await?;
        let mut run = tx.owned_run(id).await?;
        tx.move_run(&mut run, RunStatus::Running).await?;
        tx.commit().await?;
        Ok(run.row)
    }

    /// Notes how a command ended.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] if it is over already, or ended without having run; [`StoreError::NotFound`].
    pub async fn run_ended(&self, id: RunId, end: RunEnd) -> Result<Run, StoreError> {
        let mut tx = self.begin().await?;
        let mut run = tx.owned_run(id).await?;
        let (status, exit_code, problem) = end.columns();
        run.row.exit_code = exit_code;
        run.row.problem = problem;
        tx.move_run(&mut run, status).await?;
        tx.commit().await?;
        Ok(run.row)
    }
}
