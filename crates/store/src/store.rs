//! The store itself: opening it, and the one way to write.

use std::sync::Arc;

use berth_model::{BuildId, Clock, DeploymentId, EventId, EventPayload, ProjectId, Timestamp, UserId};
use tokio::sync::{Mutex, MutexGuard};

use crate::database::{Backend, Database, Writing, turn};
use crate::sql::{FromRow, Sql, json_text, sql};
use crate::{FoundDatabase, Signals, StoreError};

/// The database of this Berth. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    database: Database,
    clock: Clock,
    signals: Signals,
    /// Whose turn it is to write: see [`crate::database`].
    writer: Mutex<()>,
    /// Statements that read outside of a transaction.
    #[cfg(feature = "testing")]
    reads: std::sync::atomic::AtomicU64,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.backend()).finish()
    }
}

impl Store {
    /// Connects to `sqlite:///path/to/file` or `postgres://…` and brings the tables up to date, all or nothing. Where it
    /// may be another's, ask [`FoundDatabase`] first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] within a few seconds if the database does not answer, [`StoreError::Misconfigured`]
    /// if it refuses us, [`StoreError::Migration`] if its tables are not ours; in each case nothing has changed.
    pub async fn open(url: &str, clock: Clock) -> Result<Self, StoreError> {
        FoundDatabase::connect(url, clock).await?.migrate().await
    }

    /// Over a database whose tables are up to date.
    pub(crate) async fn over(database: Database, clock: Clock) -> Result<Self, StoreError> {
        let newest = database.one(sql("SELECT COALESCE(MAX(id), 0) FROM event")).await?.unwrap_or(EventId(0));
        let signals = Signals::starting_at(newest);
        let writer = Mutex::new(());
        Ok(Self(Arc::new(Inner {
            database,
            clock,
            signals,
            writer,
            #[cfg(feature = "testing")]
            reads: std::sync::atomic::AtomicU64::new(0),
        })))
    }

    /// Which database it is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.0.database.backend()
    }

    /// The clock that every row is stamped by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What the parts of this process tell each other.
    #[must_use]
    pub fn signals(&self) -> &Signals {
        &self.0.signals
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.one::<i64>(sql("SELECT COUNT(*) FROM setting")).await.map(drop)
    }

    /// The settings that decide whether a committed change survives a power failure, as SQLite reports them for a
    /// connection of ours; nothing on PostgreSQL, whose operator decides.
    ///
    /// # Errors
    /// Only the database's own.
    #[cfg(feature = "testing")]
    pub async fn durability(&self) -> Result<Vec<(&'static str, String)>, StoreError> {
        self.0.database.durability().await
    }

    /// How many statements read so far, outside of transactions: what a list costs must not grow with its length.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.0.reads.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn reading(&self) -> &Database {
        #[cfg(feature = "testing")]
        self.0.reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        &self.0.database
    }

    /// Lets running queries end and closes the connections, as at shutdown; later ones are [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.0.database.close().await;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) async fn all<T: FromRow>(&self, sql: Sql) -> Result<Vec<T>, StoreError> {
        self.reading().all(sql).await
    }

    pub(crate) async fn one<T: FromRow>(&self, sql: Sql) -> Result<Option<T>, StoreError> {
        self.reading().one(sql).await
    }

    /// Begins the one writing transaction of the moment.
    pub(crate) async fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        let turn = turn(self.0.writer.lock()).await?;
        let writing = self.0.database.begin().await?;
        let after = After { event: None, work: false, services: false, canceled: Vec::new(), activated: Vec::new() };
        Ok(Transaction { writing, store: self, now: self.now(), after, _turn: turn })
    }
}

/// A change in the making, with what is to be told once it is committed.
pub(crate) struct Transaction<'s> {
    writing: Writing,
    store: &'s Store,
    after: After,
    /// The time of everything in it.
    pub(crate) now: Timestamp,
    _turn: MutexGuard<'s, ()>,
}

struct After {
    event: Option<EventId>,
    work: bool,
    services: bool,
    canceled: Vec<BuildId>,
    activated: Vec<DeploymentId>,
}

impl Transaction<'_> {
    /// Runs a statement; returns how many rows it touched.
    pub(crate) async fn run(&mut self, sql: Sql) -> Result<u64, StoreError> {
        self.writing.run(sql).await
    }

    pub(crate) async fn all<T: FromRow>(&mut self, sql: Sql) -> Result<Vec<T>, StoreError> {
        self.writing.all(sql).await
    }

    pub(crate) async fn one<T: FromRow>(&mut self, sql: Sql) -> Result<Option<T>, StoreError> {
        self.writing.one(sql).await
    }

    /// Writes down what happened.
    pub(crate) async fn event(
        &mut self,
        user: UserId,
        project: Option<ProjectId>,
        payload: &EventPayload,
    ) -> Result<(), StoreError> {
        let insert =
            sql("INSERT INTO event (user_id, project_id, payload, created_at) VALUES ($1, $2, $3, $4) RETURNING id");
        let insert = insert.bind(user).bind(project).bind(json_text(payload)).bind(self.now);
        self.after.event = self.one(insert).await?;
        Ok(())
    }

    /// The same, in place of what says just that among the latest events: whoever follows them needs to be told once.
    pub(crate) async fn event_anew(
        &mut self,
        user: UserId,
        project: Option<ProjectId>,
        payload: &EventPayload,
    ) -> Result<(), StoreError> {
        self.event(user, project, payload).await?;
        let (newest, latest) = (self.after.event, 500_i64);
        let before = sql("DELETE FROM event WHERE id < $1 AND id >= $1 - $2 AND project_id = $3 AND payload = $4");
        let before = before.bind(newest).bind(latest).bind(project).bind(json_text(payload));
        self.run(before).await.map(drop)
    }

    /// Wakes the worker once this is committed.
    pub(crate) fn then_wake_worker(&mut self) {
        self.after.work = true;
    }

    /// Tells whoever keeps services running, once this is committed; and wakes the worker.
    pub(crate) fn then_tell_services(&mut self) {
        self.after.services = true;
        self.after.work = true;
    }

    /// Tells the worker to stop a build once this is committed.
    pub(crate) fn then_cancel(&mut self, build: BuildId) {
        self.after.canceled.push(build);
    }

    /// Tells who waits for a deployment to go live, once this is committed.
    pub(crate) fn then_tell_activated(&mut self, deployment: DeploymentId) {
        self.after.activated.push(deployment);
    }

    /// Makes it so, and tells.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.writing.commit().await?;
        let signals = self.store.signals();
        if let Some(event) = self.after.event {
            signals.event_committed(event);
        }
        for build in self.after.canceled {
            signals.cancel(build);
        }
        for deployment in self.after.activated {
            signals.activation_ended(deployment);
        }
        if self.after.services {
            signals.services_changed();
        }
        if self.after.work {
            signals.wake_worker();
        }
        Ok(())
    }
}
