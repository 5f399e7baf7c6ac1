//! Previews: branches and pull requests with a site of their own.
//!
//! A push opens its branch's preview with a host in the route table, in the transaction that adds its build. What ends
//! it (the branch or its last pull request is gone, somebody removes it, it is too old or one too many) ends in one
//! transaction, too, what is under way for it: builds, deployments, activations, hosts. Files and caches follow, once
//! the worker hears of it.
//!
//! The branch of a pull request from a fork is `pull/<number>`, see [`BranchName::of_pull_request`].

use berth_model::{
    Access, BranchName, BuildStatus, Commit, DeploymentStatus, Environment, EventPayload, PreviewId, ProjectId,
    PullRequest, Reason, Timestamp, Trigger, UserId,
};

use crate::audit::Change;
use crate::builds::{Build, select_build};
use crate::deployments::{Deployment, select_deployment};
use crate::owned::{Owned, SeenBy};
use crate::queue::{Admission, NewBuild};
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{RouteKind, Store, StoreError};

/// A branch or a pull request with a site of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The row.
    pub id: PreviewId,
    /// Of which project.
    pub project: ProjectId,
    /// Of which branch; `pull/<number>` for a pull request from a fork.
    pub branch: BranchName,
    /// The newest open pull request that shows it, if one does.
    pub pull_request: Option<i64>,
    /// That pull request's title.
    pub title: Option<String>,
    /// The repository that a stranger's commits come from.
    pub fork: Option<String>,
    /// Its full host name.
    pub host: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When its branch last moved.
    pub pushed_at: Timestamp,
}

/// A commit that a preview is to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewPush {
    /// Of which project.
    pub project: ProjectId,
    /// Of which branch; `pull/<number>` for a pull request from a fork.
    pub branch: BranchName,
    /// The commit; `None`: the branch's head when the build starts.
    pub commit: Option<Commit>,
    /// Why.
    pub trigger: Trigger,
    /// The pull request that it is for, as far as the sender knows.
    pub pull_request: Option<PullRequest>,
    /// The pull request's title.
    pub title: Option<String>,
    /// The full host name that the preview should have, and the one that it gets if that is taken.
    pub hosts: [String; 2],
    /// What becomes of the build.
    pub admission: Admission,
}

/// What became of a preview that was compared with its branch at the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// It is as it should be, or somebody else has told what there is to tell.
    Left,
    /// The branch had moved.
    Queued(Box<Build>),
    /// The branch was gone.
    Removed,
}

/// Which preview is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreviewOf {
    /// The one of this branch, whatever pull requests show it.
    Branch(BranchName),
    /// The one that this pull request shows, if no other one does.
    PullRequest(i64),
}

macro_rules! select_preview {
    ($rest:literal) => {
        concat!(
            "SELECT w.id, w.project_id, w.branch, w.pull_request, w.title, w.fork, r.host, w.created_at, w.pushed_at, \
             p.user_id AS owner, p.id AS of_project FROM preview w JOIN project p ON p.id = w.project_id AND p.deleted_at IS NULL \
             JOIN route r ON r.project_id = w.project_id AND r.kind = 'branch' AND r.environment = 'preview' \
             AND r.branch = w.branch WHERE w.removed_at IS NULL ",
            $rest
        )
    };
}

impl FromRow for Preview {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: PreviewId(row.get("id")?),
            project: ProjectId(row.get("project_id")?),
            branch: row.parsed("branch", |text| BranchName::parse(text).ok())?,
            pull_request: row.get("pull_request")?,
            title: row.get("title")?,
            fork: row.get("fork")?,
            host: row.get("host")?,
            created_at: row.time("created_at")?,
            pushed_at: row.time("pushed_at")?,
        })
    }
}

impl Transaction<'_> {
    /// Adds a build of a commit for its branch's preview, which is opened if there is none. `None`: the project takes no
    /// previews, or the branch's newest build is of this commit already; what the push says of its pull request is
    /// noted all the same. A skipped build opens nothing.
    pub(crate) async fn push_to_preview(&mut self, push: &PreviewPush) -> Result<Option<Build>, StoreError> {
        let project = self.project_unscoped(push.project).await?;
        if !project.previews {
            return Ok(None);
        }
        let is_of_fork = push.pull_request.as_ref().is_some_and(|pull_request| pull_request.fork.is_some());
        let mut admission = push.admission.clone();
        // What is open under that name is a stranger's, and nothing of an own branch's.
        let is_in_the_way = push.branch.is_of_pull_request() && !is_of_fork;
        let open = if is_in_the_way {
            admission = Admission::Skipped { reason: Reason::NameOfPullRequest.into() };
            None
        } else {
            self.preview_of(push.project, &push.branch).await?
        };
        if let (Some(open), Some(pull_request)) = (&open, &push.pull_request) {
            self.describe(open, pull_request.number, push.title.as_deref()).await?;
        }
        if self.is_built(push, open.as_ref()).await? {
            return Ok(None);
        }
        if !matches!(admission, Admission::Skipped { .. }) {
            match &open {
                Some(Owned { row, .. }) => {
                    let moved = sql("UPDATE preview SET pushed_at = $2 WHERE id = $1");
                    self.run(moved.bind(row.id).bind(self.now)).await?;
                }
                None if !self.open_preview(project.user, push).await? => {
                    let [wanted, other] = &push.hosts;
                    let taken = Reason::HostsTaken { wanted: wanted.clone(), other: other.clone() };
                    admission = Admission::Skipped { reason: taken.into() };
                }
                None => {}
            }
        }
        let known = open.and_then(|open| open.row.pull_request).map(|number| PullRequest { number, fork: None });
        let new = NewBuild {
            project: push.project,
            trigger: push.trigger,
            environment: Environment::Preview,
            branch: push.branch.clone(),
            commit: push.commit.clone(),
            pull_request: push.pull_request.clone().or(known),
            admission,
        };
        self.enqueue(project.user, &new).await.map(Some)
    }

    /// Whether the newest push that a branch saw was of this commit, and still counts: a preview that is opened again
    /// shows nothing of what was built for it before, and what failed through no fault of the commit gets one more
    /// chance.
    async fn is_built(&mut self, push: &PreviewPush, open: Option<&Owned<Preview>>) -> Result<bool, StoreError> {
        // A branch of the repository's own that is called pull/7 tells nothing of the stranger's pull request.
        let newest = sql(select_build!(
            "WHERE b.project_id = $1 AND b.branch = $2 AND b.environment = 'preview' AND b.trigger <> 'rebuild' \
             AND (b.fork IS NOT NULL) = $3 ORDER BY b.id DESC LIMIT 1"
        ));
        let is_of_fork = push.pull_request.as_ref().is_some_and(|pull_request| pull_request.fork.is_some());
        let newest = newest.bind(push.project).bind(push.branch.as_str()).bind(is_of_fork);
        let newest: Option<Build> = self.one(newest).await?;
        let Some((newest, commit)) = newest.zip(push.commit.as_ref()) else { return Ok(false) };
        let counts =
            newest.status == BuildStatus::Skipped || open.is_some_and(|open| open.row.created_at <= newest.created_at);
        let is_of_commit = match &newest.commit_hash {
            Some(hash) => *hash == commit.hash,
            // It takes the head when it looks; only who was told of a push knows better.
            None => !newest.status.is_final() && matches!(push.trigger, Trigger::Poll | Trigger::Reconcile),
        };
        let has_a_chance_left =
            newest.failed_by_itself() && newest.trigger != Trigger::Reconcile && push.trigger != Trigger::Poll;
        if !counts || !is_of_commit || has_a_chance_left {
            return Ok(false);
        }
        if let (None, Some(pull_request)) = (&newest.pull_request, &push.pull_request) {
            let note = sql("UPDATE build SET pull_request = $2 WHERE id = $1");
            self.run(note.bind(newest.id).bind(pull_request.number)).await?;
        }
        Ok(true)
    }

    /// Opens a preview at the first of its hosts that is free; `false` if none is.
    async fn open_preview(&mut self, owner: UserId, push: &PreviewPush) -> Result<bool, StoreError> {
        let Some(host) = self.first_free(&push.hosts).await? else { return Ok(false) };
        let fork = push.pull_request.as_ref().and_then(|pull_request| pull_request.fork.as_ref());
        let insert = sql("INSERT INTO preview (project_id, branch, fork, created_at, pushed_at) \
                          VALUES ($1, $2, $3, $4, $4) RETURNING id")
        .bind(push.project)
        .bind(push.branch.as_str())
        .bind(fork.map(|fork| fork.repository.as_str()))
        .bind(self.now);
        let id: PreviewId = self.one(insert).await?.ok_or(StoreError::NotFound)?;
        if let Some(pull_request) = &push.pull_request {
            self.show_pull_request(id, pull_request.number, push.title.as_deref()).await?;
        }
        self.add_route(&host, RouteKind::Branch, push.project, Environment::Preview, &push.branch, None).await?;
        let opened = EventPayload::PreviewOpened { preview: id, project: push.project };
        self.event(owner, Some(push.project), &opened).await?;
        Ok(true)
    }

    async fn first_free(&mut self, hosts: &[String]) -> Result<Option<String>, StoreError> {
        for host in hosts {
            let taken = sql("SELECT EXISTS (SELECT 1 FROM route WHERE host = $1)").bind(host);
            if !self.one(taken).await?.unwrap_or(false) {
                return Ok(Some(host.clone()));
            }
        }
        Ok(None)
    }

    pub(crate) async fn preview_of(
        &mut self,
        project: ProjectId,
        branch: &BranchName,
    ) -> Result<Option<Owned<Preview>>, StoreError> {
        let select = sql(select_preview!("AND w.project_id = $1 AND w.branch = $2"));
        self.one(select.bind(project).bind(branch.as_str())).await
    }

    /// Notes that a pull request shows a branch's preview, and what it is called. `false` if there is no such preview.
    pub(crate) async fn describe_preview(
        &mut self,
        project: ProjectId,
        branch: &BranchName,
        number: i64,
        title: Option<&str>,
    ) -> Result<bool, StoreError> {
        // Under such a name another pull request shows a branch that only is called so.
        if branch.is_of_pull_request() && *branch != BranchName::of_pull_request(number) {
            return Ok(false);
        }
        let Some(preview) = self.preview_of(project, branch).await? else { return Ok(false) };
        self.describe(&preview, number, title).await?;
        Ok(true)
    }

    async fn describe(&mut self, preview: &Owned<Preview>, number: i64, title: Option<&str>) -> Result<(), StoreError> {
        let Preview { id, project, .. } = preview.row;
        if self.show_pull_request(id, number, title).await? {
            let updated = EventPayload::PreviewUpdated { preview: id, project };
            self.event(preview.owner, Some(project), &updated).await?;
        }
        Ok(())
    }

    /// Keeps an open pull request of a preview; whether that changes what is shown.
    async fn show_pull_request(
        &mut self,
        preview: PreviewId,
        number: i64,
        title: Option<&str>,
    ) -> Result<bool, StoreError> {
        let keep = sql("INSERT INTO preview_pull_request (preview_id, number, title) VALUES ($1, $2, $3) \
                        ON CONFLICT (preview_id, number) DO UPDATE \
                        SET title = COALESCE(excluded.title, preview_pull_request.title)");
        self.run(keep.bind(preview).bind(number).bind(title)).await?;
        self.show_newest_pull_request(preview).await
    }

    async fn show_newest_pull_request(&mut self, preview: PreviewId) -> Result<bool, StoreError> {
        let newest =
            sql("SELECT number, title FROM preview_pull_request WHERE preview_id = $1 ORDER BY number DESC LIMIT 1");
        let newest: Option<Shown> = self.one(newest.bind(preview)).await?;
        let was = sql("SELECT pull_request AS number, title FROM preview WHERE id = $1");
        let was: Option<Shown> = self.one(was.bind(preview)).await?;
        if newest == was {
            return Ok(false);
        }
        let Shown { number, title } = newest.unwrap_or_default();
        let show = sql("UPDATE preview SET pull_request = $2, title = $3 WHERE id = $1");
        self.run(show.bind(preview).bind(number).bind(&title)).await?;
        Ok(true)
    }

    /// Removes a preview whose branch or pull request is gone; `None` if there is none, or if another open pull request
    /// shows it.
    pub(crate) async fn close_preview(
        &mut self,
        project: ProjectId,
        of: &PreviewOf,
        why: &str,
    ) -> Result<Option<Preview>, StoreError> {
        let preview = match of {
            PreviewOf::Branch(branch) => self.preview_of(project, branch).await?,
            PreviewOf::PullRequest(number) => {
                let select = sql(select_preview!(
                    "AND w.project_id = $1 AND EXISTS \
                     (SELECT 1 FROM preview_pull_request q WHERE q.preview_id = w.id AND q.number = $2)"
                ));
                let showing: Option<Owned<Preview>> = self.one(select.bind(project).bind(*number)).await?;
                let Some(showing) = showing else { return Ok(None) };
                let closed = sql("DELETE FROM preview_pull_request WHERE preview_id = $1 AND number = $2");
                self.run(closed.bind(showing.row.id).bind(*number)).await?;
                let others = sql("SELECT COUNT(*) FROM preview_pull_request WHERE preview_id = $1");
                if self.one::<i64>(others.bind(showing.row.id)).await?.unwrap_or(0) > 0 {
                    if self.show_newest_pull_request(showing.row.id).await? {
                        let updated = EventPayload::PreviewUpdated { preview: showing.row.id, project };
                        self.event(showing.owner, Some(project), &updated).await?;
                    }
                    return Ok(None);
                }
                Some(showing)
            }
        };
        let Some(preview) = preview else { return Ok(None) };
        self.remove_preview(&preview, why).await?;
        Ok(Some(preview.row))
    }

    /// Ends a preview with everything that is under way for it.
    pub(crate) async fn remove_preview(&mut self, preview: &Owned<Preview>, why: &str) -> Result<(), StoreError> {
        let Preview { id, project, branch, .. } = &preview.row;
        let gone = sql("UPDATE preview SET removed_at = $2, removal = $3 WHERE id = $1");
        self.run(gone.bind(*id).bind(self.now).bind(why)).await?;

        let builds = sql(select_build!(
            "WHERE b.project_id = $1 AND b.branch = $2 AND b.environment = 'preview' \
             AND b.status IN ('held', 'queued', 'running')"
        ));
        let builds: Vec<Owned<Build>> = self.all(builds.bind(*project).bind(branch.as_str())).await?;
        for mut build in builds {
            if build.row.status == BuildStatus::Running {
                self.ask_to_cancel(build.row.id).await?;
            } else {
                self.move_build(&mut build, BuildStatus::Canceled).await?;
            }
        }
        let routes = sql("DELETE FROM route WHERE project_id = $1 AND environment = 'preview' AND branch = $2");
        self.run(routes.bind(*project).bind(branch.as_str())).await?;

        self.refuse_activations_of(*project, branch, "the preview was removed").await?;
        let kept = sql(select_deployment!(
            "WHERE d.project_id = $1 AND d.environment = 'preview' AND d.branch = $2 AND d.released = TRUE"
        ));
        let kept: Vec<Owned<Deployment>> = self.all(kept.bind(*project).bind(branch.as_str())).await?;
        for mut deployment in kept {
            if matches!(deployment.row.status, DeploymentStatus::Live | DeploymentStatus::Ready) {
                let host = deployment.row.host.clone();
                self.move_deployment(&mut deployment, DeploymentStatus::Retired, &host).await?;
            }
            self.run(sql("UPDATE deployment SET released = FALSE WHERE id = $1").bind(deployment.row.id)).await?;
        }
        let removed = EventPayload::PreviewRemoved { preview: *id, project: *project };
        self.event(preview.owner, Some(*project), &removed).await?;
        self.then_wake_worker();
        Ok(())
    }

    /// Removes the previews of a project, or the one of this branch.
    pub(crate) async fn remove_previews(
        &mut self,
        project: ProjectId,
        branch: Option<&BranchName>,
        why: &str,
    ) -> Result<(), StoreError> {
        for preview in self.previews(project).await? {
            if branch.is_none_or(|branch| *branch == preview.row.branch) {
                self.remove_preview(&preview, why).await?;
            }
        }
        Ok(())
    }

    /// All open previews of a project.
    async fn previews(&mut self, project: ProjectId) -> Result<Vec<Owned<Preview>>, StoreError> {
        self.all(sql(select_preview!("AND w.project_id = $1 ORDER BY w.id")).bind(project)).await
    }

    /// Moves the hosts of a project's previews to those that its new name gives them.
    pub(crate) async fn move_previews(
        &mut self,
        project: ProjectId,
        hosts: impl Fn(&BranchName) -> [String; 2] + Send,
    ) -> Result<(), StoreError> {
        for preview in self.previews(project).await? {
            let Preview { host, branch, .. } = preview.row;
            let hosts = hosts(&branch);
            if !hosts.contains(&host) {
                let free = self.first_free(&hosts).await?.ok_or(StoreError::NameTaken)?;
                self.run(sql("UPDATE route SET host = $2 WHERE host = $1").bind(&host).bind(&free)).await?;
            }
        }
        Ok(())
    }
}

/// What a preview shows of pull requests.
#[derive(Default, PartialEq, Eq)]
struct Shown {
    number: Option<i64>,
    title: Option<String>,
}

impl FromRow for Shown {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { number: row.get("number")?, title: row.get("title")? })
    }
}

impl Store {
    /// Adds a build of a commit for its branch's preview, which is opened if there is none. `None`: the project takes no
    /// previews, or the branch's newest build is of this commit already.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the project is gone.
    pub async fn push_to_preview(&self, push: &PreviewPush) -> Result<Option<Build>, StoreError> {
        let mut tx = self.begin().await?;
        let build = tx.push_to_preview(push).await?;
        if let Some(build) = &build {
            tx.record(Change::of_queued(build)).await?;
        }
        tx.commit().await?;
        Ok(build)
    }

    /// Lets an own branch's preview follow its branch, which the host was asked for at `asked_at` and is at `head`
    /// there, or gone. A preview that was removed or pushed to since is left alone, and so is a stranger's.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the project is gone.
    pub async fn follow_preview(
        &self,
        id: PreviewId,
        asked_at: Timestamp,
        head: Option<Commit>,
        by: Trigger,
    ) -> Result<Followed, StoreError> {
        let mut tx = self.begin().await?;
        let open: Option<Owned<Preview>> = tx.one(sql(select_preview!("AND w.id = $1")).bind(id)).await?;
        let Some(open) = open.filter(|open| open.row.fork.is_none() && open.row.pushed_at < asked_at) else {
            return Ok(Followed::Left);
        };
        let followed = if let Some(head) = head {
            let Preview { project, branch, host, .. } = open.row;
            let push = PreviewPush {
                project,
                branch,
                commit: Some(head),
                trigger: by,
                pull_request: None,
                title: None,
                hosts: [host.clone(), host],
                admission: Admission::Queued,
            };
            match tx.push_to_preview(&push).await? {
                Some(build) => {
                    tx.record(Change::of_queued(&build)).await?;
                    Followed::Queued(Box::new(build))
                }
                None => Followed::Left,
            }
        } else {
            tx.remove_preview(&open, "its branch is gone at the host").await?;
            tx.record(Change::of_removed(&open.row)).await?;
            Followed::Removed
        };
        tx.commit().await?;
        Ok(followed)
    }

    /// Notes that a pull request shows a branch's preview, and what it is called. `false` if there is no such preview.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn describe_preview(
        &self,
        project: ProjectId,
        branch: &BranchName,
        number: i64,
        title: Option<&str>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let described = tx.describe_preview(project, branch, number, title).await?;
        tx.commit().await?;
        Ok(described)
    }

    /// Removes a preview whose branch or pull request is gone; `None` if there is none, or if another open pull request
    /// shows it.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn close_preview(
        &self,
        project: ProjectId,
        of: &PreviewOf,
        why: &str,
    ) -> Result<Option<Preview>, StoreError> {
        let mut tx = self.begin().await?;
        let closed = tx.close_preview(project, of, why).await?;
        if let Some(preview) = &closed {
            tx.record(Change::of_removed(preview)).await?;
        }
        tx.commit().await?;
        Ok(closed)
    }

    /// The open previews of a project, the one pushed to last first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn previews_of(&self, access: Access, project: ProjectId) -> Result<Vec<Preview>, StoreError> {
        self.project(access, project).await?;
        self.open_previews(project).await
    }

    /// The open previews of a project, for the worker.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn open_previews(&self, project: ProjectId) -> Result<Vec<Preview>, StoreError> {
        let select = sql(select_preview!("AND w.project_id = $1 ORDER BY w.pushed_at DESC, w.id DESC"));
        self.all(select.bind(project)).await
    }

    /// The open preview of a branch, for the worker.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn open_preview(&self, project: ProjectId, branch: &BranchName) -> Result<Option<Preview>, StoreError> {
        let select = sql(select_preview!("AND w.project_id = $1 AND w.branch = $2"));
        self.one(select.bind(project).bind(branch.as_str())).await
    }

    /// Removes a preview because its project's owner wants it gone. A push to its branch opens it again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn remove_preview(&self, access: Access, id: PreviewId) -> Result<Preview, StoreError> {
        let mut tx = self.begin().await?;
        let found: Option<Owned<Preview>> = tx.one(sql(select_preview!("AND w.id = $1")).bind(id)).await?;
        let preview = found.seen_by(access)?;
        tx.remove_preview(&preview, "somebody removed it").await?;
        tx.record(Change::of_removed(&preview.row)).await?;
        tx.commit().await?;
        Ok(preview.row)
    }

    /// Removes previews that nobody has pushed to since a moment, and of each project those beyond the `most` that were
    /// pushed to last. Those of forks are counted apart: no stranger pushes out an own branch's. Returns which.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn prune_previews(&self, most: usize, pushed_before: Timestamp) -> Result<Vec<Preview>, StoreError> {
        let beyond = || {
            sql(select_preview!(
                "AND (w.pushed_at < $1 OR (SELECT COUNT(*) FROM preview o WHERE o.project_id = w.project_id \
                 AND o.removed_at IS NULL AND (o.fork IS NULL) = (w.fork IS NULL) AND (o.pushed_at > w.pushed_at OR (o.pushed_at = w.pushed_at AND o.id > w.id)) \
                 ) >= $2) ORDER BY w.id"
            ))
            .bind(pushed_before)
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
        };
        if self.all::<Preview>(beyond()).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let previews: Vec<Owned<Preview>> = tx.all(beyond()).await?;
        for preview in &previews {
            let is_old = preview.row.pushed_at < pushed_before;
            let why = if is_old { "nobody pushed to it for long" } else { "newer previews took its place" };
            tx.remove_preview(preview, why).await?;
            tx.record(Change::of_removed(&preview.row)).await?;
        }
        tx.commit().await?;
        Ok(previews.into_iter().map(|preview| preview.row).collect())
    }
}
