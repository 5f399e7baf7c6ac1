//! A database as it was found: it answers, and nothing of it has been changed yet. Whose it is can be asked before its
//! tables are brought up to date, because another's tables are not ours to change.

use berth_model::{Clock, InstanceId};

use crate::database::Database;
use crate::sql::sql;
use crate::{Backend, Store, StoreError, settings};

/// Connections to a database whose tables may be an older Berth's, or not there yet.
pub struct FoundDatabase {
    database: Database,
    clock: Clock,
}

impl FoundDatabase {
    /// Connects to `sqlite:///path/to/file` or `postgres://…`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] within a few seconds if the database does not answer, [`StoreError::Misconfigured`]
    /// if it refuses us.
    pub async fn connect(url: &str, clock: Clock) -> Result<Self, StoreError> {
        Ok(Self { database: Database::connect(url).await?, clock })
    }

    /// The installation that this database belongs to; `None` if it is new.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if somebody wrote something else there.
    pub async fn instance(&self) -> Result<Option<InstanceId>, StoreError> {
        settings::instance_of(self.setting(settings::INSTANCE).await?)
    }

    /// The value of a setting; `None` in a database without tables, too.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        if !self.has_table("setting").await? {
            return Ok(None);
        }
        self.database.one(settings::select(name)).await
    }

    /// The ids of the keys that variables are sealed with: they are what every edition of the database has.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn sealing_keys(&self) -> Result<Vec<String>, StoreError> {
        if !self.has_table("variable").await? {
            return Ok(Vec::new());
        }
        let ids = "SELECT DISTINCT SUBSTR(value, 4, 8) FROM variable WHERE value LIKE 'v1:________:%'";
        self.database.all(sql(ids)).await
    }

    async fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        let tables = match self.database.backend() {
            Backend::Sqlite => sql("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1"),
            Backend::Postgres => sql("SELECT COUNT(*) FROM information_schema.tables \
                                      WHERE table_schema = current_schema() AND table_name = $1"),
        };
        Ok(self.database.one::<i64>(tables.bind(name)).await?.unwrap_or(0) > 0)
    }

    /// Brings the tables up to date, all or nothing, and opens the store.
    ///
    /// # Errors
    /// [`StoreError::Migration`] if its tables are not ours, [`StoreError::Newer`]; nothing has changed then.
    pub async fn migrate(self) -> Result<Store, StoreError> {
        self.database.migrate().await?;
        Store::over(self.database, self.clock).await
    }
}
