//! The two databases that every story is told on.

use anyhow::{Result, bail};
use berth_store::testing::PostgresServer;

/// Where a Berth of the tests keeps its data.
pub enum Database {
    /// A file in Berth's own data directory: the default, so nothing is configured.
    Sqlite,
    /// A real server of the test's own, and the address of an empty database on it.
    Postgres(PostgresServer, String),
}

impl Database {
    /// Starts a PostgreSQL server with one empty database.
    #[must_use]
    pub fn postgres() -> Self {
        let server = PostgresServer::start();
        let url = server.new_database();
        Self::Postgres(server, url)
    }

    /// What `DATABASE_URL` is set to, if it is set.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres(_, url) => Some(url),
        }
    }

    /// The address of a copy of this database, dumped and restored with PostgreSQL's own tools.
    ///
    /// # Errors
    /// For SQLite, whose copy is a file.
    pub fn restored_copy(&self) -> Result<String> {
        match self {
            Self::Sqlite => bail!("SQLite's copy is a file"),
            Self::Postgres(server, url) => Ok(server.restored_copy(url)),
        }
    }

    /// Takes the database away: connections break.
    ///
    /// # Errors
    /// SQLite is a part of Berth and cannot be taken away.
    pub fn stop(&self) -> Result<()> {
        match self {
            Self::Sqlite => bail!("SQLite is a part of Berth and does not stop alone"),
            Self::Postgres(server, _) => server.stop(),
        }
        Ok(())
    }

    /// Brings it back, with what it held.
    pub fn resume(&self) {
        if let Self::Postgres(server, _) = self {
            server.resume();
        }
    }
}
