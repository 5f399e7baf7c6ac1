//! The two databases behind one face: connecting, migrating, running statements, and transactions.
//!
//! Every writing transaction has the database to itself: `BEGIN IMMEDIATE` in SQLite, one advisory lock in
//! PostgreSQL. So rules that span rows (one live deployment, a user's share of the queue, each delivery once) are
//! checked and kept in the same breath, in one SQL text, and events are numbered in the order in which they are
//! committed: a reader that has seen number 7 will never miss a 6 that came later. Within the process writers queue
//! in order of arrival, so that none of them starves and none polls.

use std::future::Future;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Postgres, Sqlite};

use crate::StoreError;
use crate::sql::{FromRow, Row, Sql};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How long a request waits for a connection.
const CONNECTION: Duration = Duration::from_secs(3);

/// How long a change waits for its turn behind others.
const TURN: Duration = Duration::from_secs(5);

/// How long one statement may take. Ours are short; a longer one is a database that hangs.
const STATEMENT: Duration = Duration::from_secs(10);

/// The advisory lock that a writing transaction holds in PostgreSQL: `berth` in ASCII.
const WRITER: &str = "SELECT pg_advisory_xact_lock(422858093672)";

/// Which database is behind the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file in the data directory.
    Sqlite,
    /// A server.
    Postgres,
}

/// Connections to one database.
pub(crate) enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A writing transaction; dropped without [`Writing::commit`] it never happened.
pub(crate) enum Writing {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// Runs the same lines with either driver's executor.
macro_rules! on_either {
    ($kind:ident, $target:expr, $inner:ident => $body:expr) => {
        match $target {
            $kind::Sqlite($inner) => $body,
            $kind::Postgres($inner) => $body,
        }
    };
}

impl Database {
    /// Connects, and changes no table.
    pub(crate) async fn connect(url: &str) -> Result<Self, StoreError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Self::open_sqlite(url).await,
            Some("postgres" | "postgresql") => Self::open_postgres(url).await,
            _ => Err(StoreError::Misconfigured("DATABASE_URL starts with sqlite:// or postgres://".into())),
        }
    }

    async fn open_sqlite(url: &str) -> Result<Self, StoreError> {
        let options: SqliteConnectOptions = url.parse()?;
        keep_private(options.get_filename()).map_err(|error| StoreError::Misconfigured(error.into()))?;
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(CONNECTION)
            .statement_cache_capacity(64);
        // One writes, the others read; an idle Berth keeps one.
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .min_connections(1)
            .idle_timeout(Duration::from_secs(60))
            .max_lifetime(None)
            .acquire_timeout(CONNECTION)
            .after_release(|connection, _| {
                Box::pin(async move {
                    // A full disk makes SQLite end a transaction by itself. The rollback that follows finds none, and the
                    // driver goes on to believe that there is one: nobody could begin another on this connection.
                    if connection.is_in_transaction() {
                        connection.ping().await?;
                    }
                    Ok(!connection.is_in_transaction())
                })
            });
        Ok(Self::Sqlite(pool.connect_with(options).await?))
    }

    async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse()?;
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .idle_timeout(Duration::from_secs(60))
            .acquire_timeout(CONNECTION)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    // A transaction of a machine that vanished must not hold the writer's lock for long.
                    let limits = "SET lock_timeout = '3s'; SET statement_timeout = '10s'; \
                                  SET idle_in_transaction_session_timeout = '15s'";
                    sqlx::raw_sql(limits).execute(connection).await?;
                    Ok(())
                })
            });
        Ok(Self::Postgres(bounded(pool.connect_with(options)).await?))
    }

    /// Runs what is missing, all of it or nothing.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        match self.begin().await? {
            Writing::Sqlite(mut transaction) => {
                SQLITE_MIGRATIONS.run_direct(None, &mut *transaction, false).await.map_err(not_migrated)?;
                transaction.commit().await?;
            }
            Writing::Postgres(mut transaction) => {
                sqlx::raw_sql("SET LOCAL statement_timeout = 0").execute(&mut *transaction).await?;
                POSTGRES_MIGRATIONS.run_direct(None, &mut *transaction, false).await.map_err(not_migrated)?;
                transaction.commit().await?;
            }
        }
        Ok(())
    }

    /// Which one it is.
    pub(crate) fn backend(&self) -> Backend {
        match self {
            Self::Sqlite(_) => Backend::Sqlite,
            Self::Postgres(_) => Backend::Postgres,
        }
    }

    /// Finishes what runs and leaves.
    pub(crate) async fn close(&self) {
        on_either!(Self, self, pool => pool.close().await);
    }

    /// See [`crate::Store::durability`].
    #[cfg(feature = "testing")]
    pub(crate) async fn durability(&self) -> Result<Vec<(&'static str, String)>, StoreError> {
        if self.backend() == Backend::Postgres {
            return Ok(Vec::new());
        }
        let mut settings = Vec::new();
        for (name, pragma) in [
            ("journal_mode", "SELECT journal_mode FROM pragma_journal_mode"),
            ("synchronous", "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous"),
            ("foreign_keys", "SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys"),
        ] {
            settings.push((name, self.one(crate::sql::sql(pragma)).await?.unwrap_or_default()));
        }
        Ok(settings)
    }

    /// All rows of a query.
    pub(crate) async fn all<T: FromRow>(&self, sql: Sql) -> Result<Vec<T>, StoreError> {
        on_either!(Self, self, pool => {
            let rows = bounded(sql.prepared()?.fetch_all(pool)).await?;
            rows.iter().map(|row| T::from_row(&Row::from(row))).collect()
        })
    }

    /// The row of a query, if there is one.
    pub(crate) async fn one<T: FromRow>(&self, sql: Sql) -> Result<Option<T>, StoreError> {
        on_either!(Self, self, pool => {
            let row = bounded(sql.prepared()?.fetch_optional(pool)).await?;
            row.map(|row| T::from_row(&Row::from(&row))).transpose()
        })
    }

    /// Begins a transaction that nobody writes beside.
    pub(crate) async fn begin(&self) -> Result<Writing, StoreError> {
        match self {
            Self::Sqlite(pool) => Ok(Writing::Sqlite(bounded(pool.begin_with("BEGIN IMMEDIATE")).await?)),
            Self::Postgres(pool) => {
                let mut transaction = bounded(pool.begin()).await?;
                bounded(sqlx::query(WRITER).execute(&mut *transaction)).await?;
                Ok(Writing::Postgres(transaction))
            }
        }
    }
}

impl Writing {
    /// Runs a statement; returns how many rows it touched.
    pub(crate) async fn run(&mut self, sql: Sql) -> Result<u64, StoreError> {
        on_either!(Self, self, transaction => {
            Ok(bounded(sql.prepared()?.execute(&mut **transaction)).await?.rows_affected())
        })
    }

    /// All rows of a query.
    pub(crate) async fn all<T: FromRow>(&mut self, sql: Sql) -> Result<Vec<T>, StoreError> {
        on_either!(Self, self, transaction => {
            let rows = bounded(sql.prepared()?.fetch_all(&mut **transaction)).await?;
            rows.iter().map(|row| T::from_row(&Row::from(row))).collect()
        })
    }

    /// The row of a query, if there is one.
    pub(crate) async fn one<T: FromRow>(&mut self, sql: Sql) -> Result<Option<T>, StoreError> {
        on_either!(Self, self, transaction => {
            let row = bounded(sql.prepared()?.fetch_optional(&mut **transaction)).await?;
            row.map(|row| T::from_row(&Row::from(&row))).transpose()
        })
    }

    /// Makes it so.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        berth_model::step!("about to commit");
        on_either!(Self, self, transaction => bounded(transaction.commit()).await?);
        berth_model::step!("committed");
        Ok(())
    }
}

/// A server that went away is no fault of the migration.
fn not_migrated(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => match StoreError::from(error) {
            StoreError::Refused(source) | StoreError::Misconfigured(source) => StoreError::Migration(source),
            other => other,
        },
        MigrateError::VersionMissing(_) => StoreError::Newer,
        error => StoreError::Migration(error.into()),
    }
}

/// Waits for the database, but not for ever.
async fn bounded<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(STATEMENT, answer).await {
        Ok(answer) => Ok(answer?),
        Err(elapsed) => Err(StoreError::Unavailable(elapsed.into())),
    }
}

/// Waits for the turn to write, but not for ever.
pub(crate) async fn turn<T>(turn: impl Future<Output = T>) -> Result<T, StoreError> {
    tokio::time::timeout(TURN, turn).await.map_err(|elapsed| StoreError::Unavailable(elapsed.into()))
}

/// The file holds password hashes and sealed values: only its owner reads it. SQLite gives its side files the same mode.
pub(crate) fn keep_private(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    let file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}
