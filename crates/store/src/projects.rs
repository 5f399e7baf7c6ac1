//! Projects: a site with its settings, built from a repository or deployed from folders. How one ends is in
//! `deleted_projects`, which hook at GitHub announces its pushes in `repo_hooks`.

use berth_model::{
    Access, AuditAction, BranchName, Environment, EventPayload, Lock, OutputDir, PollEvery, ProjectId, ProjectName,
    Protection, ProtectionScope, RepoKey, RepoUrl, RootDir, Timestamp, Trigger, UserId, WatchPatterns, preview_labels,
};
use berth_secrets::Sealed;
use url::Url;

use crate::audit::{Change, settings_that_differ};
use crate::owned::SeenBy;
use crate::queue::NewBuild;
use crate::sql::{FromRow, Row, Sql, json_text, sql};
use crate::store::Transaction;
use crate::{RouteKind, SealedVariable, Store, StoreError};

/// What [`Project::source`] says of a project that has none.
const NO_REPOSITORY: &str = "this project has no repository: deploy a folder, or connect a repository in its settings";

/// A site with its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The row.
    pub id: ProjectId,
    /// Whose it is.
    pub user: UserId,
    /// Its name: the label of its host.
    pub name: ProjectName,
    /// The branch that goes live.
    pub branch: BranchName,
    /// Where its source is; `None`: there is none, folders are deployed.
    pub repo_url: Option<RepoUrl>,
    /// The command that installs dependencies; `None`: detect.
    pub install_command: Option<String>,
    /// The command that builds; `None`: detect, empty: nothing is built, the files are published as they are.
    pub build_command: Option<String>,
    /// Where a build leaves its files; `None`: detect.
    pub output_directory: Option<OutputDir>,
    /// Its directory in the repository; `None`: the top.
    pub root_directory: Option<RootDir>,
    /// The version of Node; `None`: detect.
    pub node_version: Option<String>,
    /// Whether unknown paths answer with the start page; `None`: decided by the files.
    pub spa_fallback: Option<bool>,
    /// What opens the repository, if it is the project's own and not its owner's account.
    pub repo_access: Option<RepoAccess>,
    /// The repository's hook at GitHub, which projects of one repository share.
    pub webhook_id: Option<i64>,
    /// Why that hook does not announce pushes, if it does not.
    pub webhook_problem: Option<String>,
    /// Whether other branches and pull requests get sites of their own.
    pub previews: bool,
    /// What of the repository concerns it; `None`: its root directory.
    pub watch: Option<WatchPatterns>,
    /// How often the branch's head is asked for; `None`: never.
    pub poll_every: Option<PollEvery>,
    /// What its visitors have to know; `None`: its sites are open.
    pub protection: Option<Protection>,
    /// When it was connected.
    pub created_at: Timestamp,
    /// When its settings last changed.
    pub updated_at: Timestamp,
}

/// An access token of a repository at any host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoAccess {
    /// The token, sealed for the project and the repository's origin.
    pub token: Sealed,
    /// The user that goes with it; `None`: the one that most hosts take.
    pub user: Option<String>,
}

/// What a new project keeps sealed.
#[derive(Clone, Debug, Default)]
pub struct ProjectSecrets {
    /// Its variables.
    pub variables: Vec<SealedVariable>,
    /// What opens its repository.
    pub repo_access: Option<RepoAccess>,
}

impl From<Vec<SealedVariable>> for ProjectSecrets {
    fn from(variables: Vec<SealedVariable>) -> Self {
        Self { variables, repo_access: None }
    }
}

/// The settings of a project that is to be connected; see [`Project`] for what `None` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProject {
    /// Its name.
    pub name: ProjectName,
    /// The branch that goes live.
    pub branch: BranchName,
    /// Where its source is.
    pub repo_url: Option<RepoUrl>,
    /// The command that installs dependencies.
    pub install_command: Option<String>,
    /// The command that builds.
    pub build_command: Option<String>,
    /// Where a build leaves its files.
    pub output_directory: Option<OutputDir>,
    /// Its directory in the repository.
    pub root_directory: Option<RootDir>,
    /// The version of Node.
    pub node_version: Option<String>,
    /// Whether unknown paths answer with the start page.
    pub spa_fallback: Option<bool>,
    /// Whether pushes to other branches, and pull requests, get a site of their own.
    pub previews: bool,
}

impl NewProject {
    /// One of which everything else is found out, without previews.
    #[must_use]
    pub fn new(name: ProjectName, branch: BranchName, repo_url: Option<RepoUrl>) -> Self {
        Self {
            name,
            branch,
            repo_url,
            install_command: None,
            build_command: None,
            output_directory: None,
            root_directory: None,
            node_version: None,
            spa_fallback: None,
            previews: false,
        }
    }
}

/// What is to change; an outer `None` leaves a setting as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectChange {
    /// A new name, and with it a new host.
    pub name: Option<ProjectName>,
    /// Another branch.
    pub branch: Option<BranchName>,
    /// Another repository, or the first one. An access token does not follow to another host, nor a hook to another repository.
    pub repo_url: Option<RepoUrl>,
    /// Set or removed.
    pub repo_access: Option<Option<RepoAccess>>,
    /// The hook of the other repository.
    pub webhook_id: Option<i64>,
    /// Set or cleared.
    pub install_command: Option<Option<String>>,
    /// Set or cleared.
    pub build_command: Option<Option<String>>,
    /// Set or cleared.
    pub output_directory: Option<Option<OutputDir>>,
    /// Set or cleared.
    pub root_directory: Option<Option<RootDir>>,
    /// Set or cleared.
    pub node_version: Option<Option<String>>,
    /// Set or cleared.
    pub spa_fallback: Option<Option<bool>>,
    /// Whether there are previews from now on. Those that are open stay until they are closed or too old.
    pub previews: Option<bool>,
    /// Set or cleared.
    pub watch: Option<Option<WatchPatterns>>,
    /// Set or cleared.
    pub poll_every: Option<Option<PollEvery>>,
    /// Set or cleared.
    pub protection: Option<Option<Protection>>,
}

macro_rules! select_project {
    ($($rest:tt)+) => {
        concat!(
            "SELECT p.id, p.user_id, p.user_id AS owner, p.id AS of_project, p.name, p.branch, p.repo_url, p.install_command, \
             p.build_command, p.output_directory, p.root_directory, p.node_version, p.spa_fallback, p.repo_token, p.repo_user, \
             p.webhook_id, p.webhook_problem, p.previews, p.watch, p.poll_every, p.protection, p.protection_user, \
             p.protection_hash, p.created_at, p.updated_at \
             FROM project p ",
            $($rest)+
        )
    };
}

impl FromRow for Project {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let token: Option<String> = row.get("repo_token")?;
        let user = row.get("repo_user")?;
        Ok(Self {
            id: ProjectId(row.get("id")?),
            user: UserId(row.get("user_id")?),
            name: row.parsed("name", |text| ProjectName::stored(text).ok())?,
            branch: row.parsed("branch", |text| BranchName::parse(text).ok())?,
            repo_url: row.parsed("repo_url", |text| match text {
                "" => Some(None),
                text => RepoUrl::parse(text).ok().map(Some),
            })?,
            install_command: row.get("install_command")?,
            build_command: row.get("build_command")?,
            output_directory: row.parsed_or_none("output_directory", |text| OutputDir::parse(text).ok())?,
            root_directory: row.parsed_or_none("root_directory", |text| RootDir::parse(text).ok())?,
            node_version: row.get("node_version")?,
            spa_fallback: row.get("spa_fallback")?,
            repo_access: token.map(|token| RepoAccess { token: Sealed::stored(token), user }),
            webhook_id: row.get("webhook_id")?,
            webhook_problem: row.get("webhook_problem")?,
            previews: row.get("previews")?,
            watch: row.json_or_none("watch")?,
            poll_every: row
                .get::<Option<i64>>("poll_every")?
                .map(|seconds| PollEvery::seconds(seconds).map_err(|_| StoreError::Corrupt("poll_every")))
                .transpose()?,
            protection: protection(row)?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

impl Project {
    /// Where its source is.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] with what to do if it has none: nothing of it can be built.
    pub fn source(&self) -> Result<&RepoUrl, StoreError> {
        self.repo_url.as_ref().ok_or(StoreError::Conflict(NO_REPOSITORY))
    }

    /// What all addresses of its repository have in common.
    #[must_use]
    pub fn repo_key(&self) -> Option<RepoKey> {
        self.repo_url.as_ref().map(RepoUrl::key)
    }

    /// Scheme, host and port of its repository: what its access token belongs to.
    #[must_use]
    pub fn repo_origin(&self) -> Option<String> {
        self.repo_url.as_ref().map(RepoUrl::origin)
    }

    /// Owner and name of its repository if that lives directly under `base`.
    #[must_use]
    pub fn repository_under(&self, base: &Url) -> Option<(String, String)> {
        self.repo_url.as_ref().and_then(|repo| repo.owner_and_name_under(base))
    }

    fn take(&mut self, change: ProjectChange) {
        fn set<T>(setting: &mut T, change: Option<T>) {
            if let Some(value) = change {
                *setting = value;
            }
        }
        if let Some(repo_url) = change.repo_url {
            if self.repo_origin() != Some(repo_url.origin()) {
                self.repo_access = None;
            }
            if self.repo_key() != Some(repo_url.key()) {
                self.webhook_id = change.webhook_id;
                self.webhook_problem = None;
            }
            self.repo_url = Some(repo_url);
        }
        set(&mut self.repo_access, change.repo_access);
        set(&mut self.name, change.name);
        set(&mut self.branch, change.branch);
        set(&mut self.install_command, change.install_command);
        set(&mut self.build_command, change.build_command);
        set(&mut self.output_directory, change.output_directory);
        set(&mut self.root_directory, change.root_directory);
        set(&mut self.node_version, change.node_version);
        set(&mut self.spa_fallback, change.spa_fallback);
        set(&mut self.previews, change.previews);
        set(&mut self.watch, change.watch);
        set(&mut self.poll_every, change.poll_every);
        set(&mut self.protection, change.protection);
    }
}

/// The columns that project and route queries have in common.
pub(crate) fn protection(row: &Row<'_>) -> Result<Option<Protection>, StoreError> {
    let Some(scope) = row.parsed_or_none("protection", ProtectionScope::parse)? else { return Ok(None) };
    let hash: Option<String> = row.get("protection_hash")?;
    let hash = hash.ok_or(StoreError::Corrupt("protection_hash"))?;
    Ok(Some(Protection { scope, lock: Lock { user: row.get("protection_user")?, hash } }))
}

/// A repository as its column holds it: empty, if there is none.
fn address(repo: Option<&RepoUrl>) -> &str {
    repo.map_or("", RepoUrl::as_str)
}

fn key(repo: Option<&RepoUrl>) -> String {
    repo.map(RepoUrl::key).map_or_else(String::new, |key| key.as_str().to_owned())
}

pub(crate) use select_project;

/// The query behind [`Store::project_named`].
pub(crate) fn one_project_named(name: &ProjectName) -> Sql {
    sql(select_project!("WHERE p.name = $1 AND p.deleted_at IS NULL")).bind(name.as_str())
}

/// The query behind [`Store::project`], for transactions too.
fn one_project(id: ProjectId) -> Sql {
    sql(select_project!("WHERE p.id = $1 AND p.deleted_at IS NULL")).bind(id)
}

impl Transaction<'_> {
    pub(crate) async fn project(&mut self, access: Access, id: ProjectId) -> Result<Project, StoreError> {
        Ok(self.one(one_project(id)).await?.seen_by(access)?.row)
    }

    pub(crate) async fn project_unscoped(&mut self, id: ProjectId) -> Result<Project, StoreError> {
        self.one(one_project(id)).await?.ok_or(StoreError::NotFound)
    }

    /// Adds a project and its host.
    pub(crate) async fn add_project(
        &mut self,
        access: Access,
        new: &NewProject,
        host: &str,
    ) -> Result<ProjectId, StoreError> {
        self.only_active(access.user()).await?;
        if access.only().is_some() {
            return Err(StoreError::Forbidden);
        }
        let insert =
            sql("INSERT INTO project (user_id, name, branch, repo_url, repo_key, install_command, build_command, \
                          output_directory, root_directory, node_version, spa_fallback, previews, created_at, updated_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) RETURNING id")
            .bind(access.user())
            .bind(new.name.as_str())
            .bind(new.branch.as_str())
            .bind(address(new.repo_url.as_ref()))
            .bind(key(new.repo_url.as_ref()))
            .bind(&new.install_command)
            .bind(&new.build_command)
            .bind(new.output_directory.as_ref().map(OutputDir::as_str))
            .bind(new.root_directory.as_ref().map(RootDir::as_str))
            .bind(&new.node_version)
            .bind(new.spa_fallback)
            .bind(new.previews)
            .bind(self.now);
        let id: ProjectId = self.one(insert).await.map_err(StoreError::of_a_name)?.ok_or(StoreError::NotFound)?;
        self.add_route(host, RouteKind::Branch, id, Environment::Production, &new.branch, None).await?;
        Ok(id)
    }
}

impl Store {
    /// Connects a project: its row, its host, its secrets and the event in one step. `host` is its full host name
    /// without a port; `seal` seals what is secret once the project has its number. Of several at once under one name
    /// exactly one succeeds.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] if the name or the host is somebody's; [`StoreError::Deactivated`] if the account ended
    /// meanwhile; [`StoreError::Forbidden`] for a token of another project.
    pub async fn create_project<S: Into<ProjectSecrets>>(
        &self,
        access: Access,
        new: NewProject,
        host: &str,
        seal: impl FnOnce(ProjectId) -> S + Send,
    ) -> Result<Project, StoreError> {
        let mut tx = self.begin().await?;
        let id = tx.add_project(access, &new, host).await?;
        let ProjectSecrets { variables, repo_access } = seal(id).into();
        let keys: Vec<String> = variables.iter().map(|variable| format!("variable {}", variable.key)).collect();
        tx.put_variables(id, variables).await?;
        if let Some(RepoAccess { token, user }) = &repo_access {
            let keep = sql("UPDATE project SET repo_token = $2, repo_user = $3 WHERE id = $1");
            tx.run(keep.bind(id).bind(token.as_str()).bind(user)).await?;
        }
        tx.event(access.user(), Some(id), &EventPayload::ProjectCreated { project: id }).await?;
        tx.record(Change::of(AuditAction::ProjectCreated).of_project(id).exactly(keys)).await?;
        let project = tx.project(access, id).await?;
        tx.commit().await?;
        Ok(project)
    }

    /// One of the user's projects.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn project(&self, access: Access, id: ProjectId) -> Result<Project, StoreError> {
        Ok(self.one(one_project(id)).await?.seen_by(access)?.row)
    }

    /// The user's projects, newest first.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn projects(&self, access: Access) -> Result<Vec<Project>, StoreError> {
        let select = sql(select_project!(
            "WHERE p.user_id = $1 AND p.id = COALESCE($2, p.id) AND p.deleted_at IS NULL ORDER BY p.id DESC"
        ));
        self.all(select.bind(access.user()).bind(access.only())).await
    }

    /// A project, for the worker; `None` if it was deleted.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn project_unscoped(&self, id: ProjectId) -> Result<Option<Project>, StoreError> {
        self.one(one_project(id)).await
    }

    /// All projects, for the worker: whose branch heads are compared, whose releases are pruned.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn all_projects(&self) -> Result<Vec<Project>, StoreError> {
        self.all(sql(select_project!("WHERE p.deleted_at IS NULL ORDER BY p.id"))).await
    }

    /// The projects whose branch is asked for now and then.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn polled_projects(&self) -> Result<Vec<Project>, StoreError> {
        let polled = sql(select_project!(
            "WHERE p.poll_every IS NOT NULL AND p.repo_url <> '' AND p.deleted_at IS NULL ORDER BY p.id"
        ));
        self.all(polled).await
    }

    /// Changes settings and adds or replaces variables, in one step. `host` is the full host name under the name the
    /// project has afterwards; a new name moves the site and its previews there. Builds of the repository that it had
    /// before do not go live under another one: they are canceled. Another branch's head is built at once, and so is that
    /// of the first repository.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`], [`StoreError::NameTaken`].
    pub async fn update_project(
        &self,
        access: Access,
        id: ProjectId,
        change: ProjectChange,
        host: &str,
        variables: Vec<SealedVariable>,
    ) -> Result<Project, StoreError> {
        let mut tx = self.begin().await?;
        let mut project = tx.project(access, id).await?;
        let before = project.clone();
        project.take(change);
        let is_connected = before.repo_url.is_none() && project.repo_url.is_some();
        if project.repo_key() != before.repo_key() && !is_connected {
            tx.remove_previews(id, None, "the project got another repository").await?;
            tx.cancel_builds(id).await?;
            // The numbers that the other repository's comments and deployments have mean nothing in this one.
            tx.run(sql("DELETE FROM report WHERE project_id = $1").bind(id)).await?;
        } else if project.branch != before.branch {
            tx.remove_previews(id, Some(&project.branch), "its branch became the project's own").await?;
        }
        project.updated_at = tx.now;
        let update = sql("UPDATE project SET name = $2, branch = $3, install_command = $4, build_command = $5, \
                          output_directory = $6, root_directory = $7, node_version = $8, spa_fallback = $9, \
                          updated_at = $10, repo_url = $11, repo_key = $12, repo_token = $13, repo_user = $14, \
                          webhook_id = $15, webhook_problem = $16, previews = $17, watch = $18, poll_every = $19, \
                          protection = $20, protection_user = $21, protection_hash = $22 WHERE id = $1")
        .bind(id)
        .bind(project.name.as_str())
        .bind(project.branch.as_str())
        .bind(&project.install_command)
        .bind(&project.build_command)
        .bind(project.output_directory.as_ref().map(OutputDir::as_str))
        .bind(project.root_directory.as_ref().map(RootDir::as_str))
        .bind(&project.node_version)
        .bind(project.spa_fallback)
        .bind(tx.now)
        .bind(address(project.repo_url.as_ref()))
        .bind(key(project.repo_url.as_ref()))
        .bind(project.repo_access.as_ref().map(|access| access.token.as_str()))
        .bind(project.repo_access.as_ref().and_then(|access| access.user.as_deref()))
        .bind(project.webhook_id)
        .bind(&project.webhook_problem)
        .bind(project.previews)
        .bind(project.watch.as_ref().map(json_text).as_deref())
        .bind(project.poll_every.map(PollEvery::as_seconds))
        .bind(project.protection.as_ref().map(|protection| protection.scope.as_str()))
        .bind(project.protection.as_ref().and_then(|protection| protection.lock.user.as_deref()))
        .bind(project.protection.as_ref().map(|protection| &*protection.lock.hash));
        tx.run(update).await.map_err(StoreError::of_a_name)?;
        let route = sql("UPDATE route SET host = $2, branch = $3 \
                         WHERE project_id = $1 AND kind = 'branch' AND environment = 'production'");
        tx.run(route.bind(id).bind(host).bind(project.branch.as_str())).await.map_err(StoreError::of_a_name)?;
        if project.name != before.name {
            let domain = host.strip_prefix(project.name.as_str()).unwrap_or_default();
            let hosts = |branch: &BranchName| preview_labels(&project.name, branch).map(|label| label + domain);
            tx.move_previews(id, hosts).await?;
        }
        let keys = variables.iter().map(|variable| format!("variable {}", variable.key));
        let differing = settings_that_differ(&before, &project).into_iter().map(str::to_owned);
        let changed = Change::of(AuditAction::ProjectChanged).of_project(id);
        tx.record(changed.exactly(differing.chain(keys))).await?;
        tx.put_variables(id, variables).await?;
        if is_connected {
            let first = NewBuild::production(id, Trigger::Created, project.branch.clone(), None);
            tx.enqueue(project.user, &first).await?;
        } else if project.branch != before.branch
            && project.repo_key() == before.repo_key()
            && project.repo_url.is_some()
        {
            // What is live is the former branch's, even if this one's head was built once before.
            let head = NewBuild::production(id, Trigger::Rebuild, project.branch.clone(), None);
            tx.enqueue(project.user, &head).await?;
        }
        tx.event(access.user(), Some(id), &EventPayload::ProjectUpdated { project: id }).await?;
        tx.then_wake_worker();
        tx.commit().await?;
        Ok(project)
    }
}
