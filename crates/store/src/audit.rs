//! The audit log: each change is written down in the transaction that makes it, so that neither is there without the
//! other.
//!
//! Whoever changes something is said once, around the request that leads to it ([`Act`]); what was changed is said where
//! it is changed (`Transaction::record`). What nobody is said of, Berth did by itself. Which queries call `record` is
//! therefore what the log holds: what people and git hosts ask for, and what Berth decides; not what follows from that.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use berth_model::{
    ApiTokenId, AuditAction, AuditEntry, AuditMeans, AuditProject, AuditUser, DeployHookId, ProjectId, SessionId,
    Timestamp, UserId,
};
use berth_secrets::neighbourhood;

use crate::sql::{FromRow, Row, json_text, sql};
use crate::store::Transaction;
use crate::{Build, Preview, Project, Store, StoreError};

/// Rows that are forgotten together: who looks keeps nobody from writing.
const AT_ONCE: i64 = 100;

/// In microseconds.
const HOUR: i64 = 3_600_000_000;
/// Refused sign-ins of an address in an hour that are written down one by one.
const REFUSED_OF_ADDRESS: i64 = 10;
/// The same of all together.
const REFUSED_IN_ALL: i64 = 50;
/// So many of each account are, though all together are more: nobody hides guesses at it behind others.
const REFUSED_OF_ACCOUNT: i64 = 5;

tokio::task_local! {
    static UNDER_WAY: Act;
}

/// Something that somebody asks for, from its first byte to its answer: every change made meanwhile is theirs. Clones
/// are one.
#[derive(Clone, Debug)]
pub struct Act(Arc<Mutex<Known>>);

/// What is known of it so far: who it is turns out on the way.
#[derive(Clone, Debug)]
struct Known {
    user: Option<UserId>,
    means: Means,
    address: Option<String>,
    recorded: bool,
}

/// By which means somebody acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// Signed in.
    Session(SessionId),
    /// With an API token of this name.
    Token(ApiTokenId, String),
    /// As a git host of this name.
    Hook(&'static str),
    /// By the address of a deploy hook of this name.
    DeployHook(DeployHookId, String),
    /// With a link of an administrator's, or the setup token.
    Link,
    /// By signing in or up.
    SignIn,
    /// Berth itself.
    System,
}

impl Means {
    fn columns(&self) -> (AuditMeans, Option<i64>, Option<&str>) {
        match self {
            Self::Session(id) => (AuditMeans::Session, Some(id.0), None),
            Self::Token(id, name) => (AuditMeans::Token, Some(id.0), Some(name)),
            Self::Hook(host) => (AuditMeans::Hook, None, Some(host)),
            Self::DeployHook(id, name) => (AuditMeans::DeployHook, Some(id.0), Some(name)),
            Self::Link => (AuditMeans::Link, None, None),
            Self::SignIn => (AuditMeans::SignIn, None, None),
            Self::System => (AuditMeans::System, None, None),
        }
    }
}

impl Act {
    /// A request from this address, of nobody in particular yet.
    #[must_use]
    pub fn from(address: Option<IpAddr>) -> Self {
        let address = address.map(|address| address.to_canonical().to_string());
        Self(Arc::new(Mutex::new(Known { user: None, means: Means::SignIn, address, recorded: false })))
    }

    /// Does something as part of it.
    pub async fn cover<F: Future>(self, work: F) -> F::Output {
        UNDER_WAY.scope(self, work).await
    }

    /// What the task that asks is doing it for, if for anybody.
    #[must_use]
    pub fn under_way() -> Option<Self> {
        UNDER_WAY.try_with(Self::clone).ok()
    }

    /// Says who it is of, and how they come.
    pub fn is_of(&self, user: Option<UserId>, means: Means) {
        let mut known = self.known();
        known.user = user;
        known.means = means;
    }

    /// Whether it is known whose it is.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.known().means != Means::SignIn
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is written down of a change.
#[derive(Debug)]
pub(crate) struct Change {
    action: AuditAction,
    by: Option<UserId>,
    project: Option<ProjectId>,
    user: Option<UserId>,
    subject: Option<String>,
    detail: Vec<String>,
}

impl Change {
    pub(crate) fn of(action: AuditAction) -> Self {
        Self { action, by: None, project: None, user: None, subject: None, detail: Vec::new() }
    }

    /// That a build was queued.
    pub(crate) fn of_queued(build: &Build) -> Self {
        let queued = Self::of(AuditAction::BuildQueued).of_project(build.project).to(format!("#{}", build.id));
        queued.exactly([build.branch.as_str()])
    }

    /// That a preview was removed.
    pub(crate) fn of_removed(preview: &Preview) -> Self {
        Self::of(AuditAction::PreviewRemoved).of_project(preview.project).to(&preview.branch)
    }

    /// Who did it, where the change itself tells: who opened an account or signed in.
    pub(crate) fn by(self, user: UserId) -> Self {
        Self { by: Some(user), ..self }
    }

    /// The project that was changed, if it was one.
    pub(crate) fn of_project(self, project: impl Into<Option<ProjectId>>) -> Self {
        Self { project: project.into(), ..self }
    }

    /// Whom it was done to.
    pub(crate) fn done_to(self, user: UserId) -> Self {
        Self { user: Some(user), ..self }
    }

    /// What it was done to: a name, never a value.
    pub(crate) fn to(self, subject: impl ToString) -> Self {
        Self { subject: Some(subject.to_string()), ..self }
    }

    /// What exactly: names, never values.
    pub(crate) fn exactly<T: ToString>(self, detail: impl IntoIterator<Item = T>) -> Self {
        Self { detail: detail.into_iter().map(|part| part.to_string()).collect(), ..self }
    }
}

/// The settings of a project that are others afterwards, as the API calls them.
pub(crate) fn settings_that_differ(before: &Project, after: &Project) -> Vec<&'static str> {
    let differs = [
        ("name", before.name != after.name),
        ("branch", before.branch != after.branch),
        ("repoUrl", before.repo_url != after.repo_url),
        ("repoToken", before.repo_access != after.repo_access),
        ("installCommand", before.install_command != after.install_command),
        ("buildCommand", before.build_command != after.build_command),
        ("outputDirectory", before.output_directory != after.output_directory),
        ("rootDirectory", before.root_directory != after.root_directory),
        ("nodeVersion", before.node_version != after.node_version),
        ("spaFallback", before.spa_fallback != after.spa_fallback),
        ("previews", before.previews != after.previews),
        ("watch", before.watch != after.watch),
        ("pollEvery", before.poll_every != after.poll_every),
        ("protection", before.protection != after.protection),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(setting, _)| setting).collect()
}

impl Transaction<'_> {
    /// Writes a change down, with whoever is making it.
    pub(crate) async fn record(&mut self, change: Change) -> Result<(), StoreError> {
        let act = Act::under_way();
        let known = act.as_ref().map(|act| act.known().clone());
        let known = known.unwrap_or(Known { user: None, means: Means::System, address: None, recorded: false });
        let (means, means_id, means_name) = known.means.columns();
        let insert = sql("INSERT INTO audit (created_at, action, user_id, means, means_id, means_name, address, \
                          project_id, project_name, subject_user_id, subject, detail) VALUES ($1, $2, $3, $4, $5, $6, \
                          $7, $8, (SELECT name FROM project WHERE id = $8), $9, $10, $11)")
        .bind(self.now)
        .bind(change.action.as_str())
        .bind(known.user.or(change.by))
        .bind(means.as_str())
        .bind(means_id)
        .bind(means_name)
        .bind(&known.address)
        .bind(change.project)
        .bind(change.user)
        .bind(&change.subject)
        .bind(json_text(&change.detail));
        self.run(insert).await?;
        if let Some(act) = act {
            act.known().recorded = true;
        }
        Ok(())
    }

    /// Writes a change down unless it is only the end of one that is written down already: whoever opens an account is
    /// signed in, too, and a new project is built.
    pub(crate) async fn record_by_itself(&mut self, change: Change) -> Result<(), StoreError> {
        match Act::under_way() {
            Some(act) if act.known().recorded => Ok(()),
            _ => self.record(change).await,
        }
    }
}

/// An entry that counts.
struct Counted {
    id: i64,
    detail: Vec<String>,
}

impl FromRow for Counted {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { id: row.get("id")?, detail: row.json("detail")? })
    }
}

/// A refused sign-in that was written down by itself.
struct Refused {
    address: Option<String>,
    account: Option<UserId>,
}

impl FromRow for Refused {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { address: row.get("address")?, account: row.get::<Option<i64>>("subject_user_id")?.map(UserId) })
    }
}

impl Transaction<'_> {
    /// Counts a refused sign-in in the one entry of this hour.
    async fn count_refused(&mut self, since: Timestamp) -> Result<(), StoreError> {
        let action = AuditAction::SessionRefused;
        let select = "SELECT id, detail FROM audit WHERE created_at >= $1 AND action = $2 AND detail <> '[]' LIMIT 1";
        let Some(Counted { id, detail }) = self.one(sql(select).bind(since).bind(action.as_str())).await? else {
            // Of nobody's address: they came from many.
            return Act::from(None).cover(self.record(Change::of(action).exactly([further(1)]))).await;
        };
        let so_far = detail.iter().find_map(|part| part.strip_prefix(FURTHER)?.trim().parse::<u64>().ok());
        let detail = json_text(&[further(so_far.unwrap_or(0) + 1)]);
        self.run(sql("UPDATE audit SET detail = $2 WHERE id = $1").bind(id).bind(detail)).await.map(drop)
    }
}

/// What the count of those that are not written down one by one is called.
const FURTHER: &str = "further:";

fn further(times: u64) -> String {
    format!("{FURTHER} {times}")
}

/// Which part of the log.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only what this user did.
    pub by: Option<UserId>,
    /// Only what was done by these means.
    pub means: Option<AuditMeans>,
    /// Only what was done to this project.
    pub project: Option<ProjectId>,
    /// Only what was done then or later.
    pub from: Option<Timestamp>,
    /// Only what was done before.
    pub until: Option<Timestamp>,
}

impl FromRow for AuditEntry {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let user = |id: Option<i64>, name: Option<String>| {
            id.map(|id| AuditUser { id: UserId(id), name: name.unwrap_or_default() })
        };
        let (project, project_name) =
            (row.get::<Option<i64>>("project_id")?, row.get::<Option<String>>("project_name")?);
        Ok(Self {
            id: row.get("id")?,
            at: row.time("created_at")?,
            action: row.parsed("action", AuditAction::parse)?,
            by: user(row.get("user_id")?, row.get("user_name")?),
            means: row.parsed("means", AuditMeans::parse)?,
            means_name: row.get("means_name")?,
            address: row.get("address")?,
            project: project.map(|id| AuditProject { id: ProjectId(id), name: project_name.unwrap_or_default() }),
            user: user(row.get("subject_user_id")?, row.get("subject_user_name")?),
            subject: row.get("subject")?,
            detail: row.json("detail")?,
        })
    }
}

impl Store {
    /// At most `limit` entries of the log, newest first, only those older than `before`.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        limit: u32,
        before: Option<i64>,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let select = sql("SELECT a.id, a.created_at, a.action, a.user_id, u.username AS user_name, a.means, \
                          a.means_name, a.address, a.project_id, a.project_name, a.subject_user_id, \
                          s.username AS subject_user_name, a.subject, a.detail \
                          FROM audit a LEFT JOIN \"user\" u ON u.id = a.user_id \
                          LEFT JOIN \"user\" s ON s.id = a.subject_user_id \
                          WHERE a.id < $1 AND a.created_at >= $2 AND a.created_at < $3 \
                          AND ($4 OR a.user_id = $5) AND ($6 OR a.project_id = $7) AND ($8 OR a.means = $9) \
                          ORDER BY a.id DESC LIMIT $10")
        .bind(before.unwrap_or(i64::MAX))
        .bind(filter.from.unwrap_or(Timestamp(i64::MIN)))
        .bind(filter.until.unwrap_or(Timestamp(i64::MAX)))
        .bind(filter.by.is_none())
        .bind(filter.by)
        .bind(filter.project.is_none())
        .bind(filter.project)
        .bind(filter.means.is_none())
        .bind(filter.means.map(AuditMeans::as_str))
        .bind(i64::from(limit));
        self.all(select).await
    }

    /// Writes down that somebody tried to sign in to an account, if there is one, and could not. What they typed is
    /// not kept: it may have been a password. Of many in an hour the first are written down one by one, of each address
    /// (or IPv6 network of 64 bits), of all, and beyond that of each account; the others are counted in one entry, so
    /// that guessing neither fills the log nor hides what else is in it.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn record_refused_sign_in(&self, account: Option<UserId>) -> Result<(), StoreError> {
        let address = Act::under_way().and_then(|act| act.known().address.clone());
        let network = |address: Option<String>| Some(neighbourhood(address?.parse().ok()?));
        let mut tx = self.begin().await?;
        let since = Timestamp(tx.now.0 - tx.now.0.rem_euclid(HOUR));
        let action = AuditAction::SessionRefused;
        let one_by_one = sql("SELECT address, subject_user_id FROM audit WHERE created_at >= $1 AND action = $2 \
                              AND detail = '[]'");
        let so_far: Vec<Refused> = tx.all(one_by_one.bind(since).bind(action.as_str())).await?;
        let network_of_this = network(address);
        let (mut of_address, mut of_account) = (0, 0);
        for Refused { address, account: of } in &so_far {
            of_address += i64::from(network(address.clone()) == network_of_this);
            of_account += i64::from(account.is_some() && *of == account);
        }
        let has_room = (so_far.len() as i64) < REFUSED_IN_ALL || (account.is_some() && of_account < REFUSED_OF_ACCOUNT);
        if has_room && of_address < REFUSED_OF_ADDRESS {
            tx.record(Change { user: account, ..Change::of(action) }).await?;
        } else {
            tx.count_refused(since).await?;
        }
        tx.commit().await
    }

    /// Writes down that somebody had the hook at GitHub set right.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn record_repaired_hook(&self, project: ProjectId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.record(Change::of(AuditAction::HookRepaired).of_project(project)).await?;
        tx.commit().await
    }

    /// Writes down that everything sealed was sealed with another key.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn record_rotation(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.record(Change::of(AuditAction::SecretsRotated)).await?;
        tx.commit().await
    }

    /// Removes entries from before a moment. Called hourly.
    ///
    /// # Errors
    /// Only the database's own; what was removed by then is gone.
    pub async fn forget_audit(&self, before: Timestamp) -> Result<(), StoreError> {
        loop {
            let oldest = sql("SELECT id FROM audit WHERE created_at < $1 ORDER BY id LIMIT $2");
            let old: Vec<i64> = self.all(oldest.bind(before).bind(AT_ONCE)).await?;
            let Some(last) = old.last() else { return Ok(()) };
            let mut tx = self.begin().await?;
            tx.run(sql("DELETE FROM audit WHERE id <= $1 AND created_at < $2").bind(*last).bind(before)).await?;
            tx.commit().await?;
        }
    }
}
