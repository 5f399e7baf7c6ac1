//! A copy of SQLite's database while it is used. PostgreSQL has tools of its own for that.

use std::path::Path;

use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::database::keep_private;
use crate::{Backend, StoreError};

/// Copies the database of `url` to a new file that only its owner reads, as it was at one moment, whoever writes
/// meanwhile. PostgreSQL's is not copied; the answer says which it is.
///
/// # Errors
/// [`StoreError::Misconfigured`] if there is no such database or the file cannot be written.
pub async fn copy_database(url: &str, to: &Path) -> Result<Backend, StoreError> {
    if !url.starts_with("sqlite:") {
        return Ok(Backend::Postgres);
    }
    let options: SqliteConnectOptions = url.parse()?;
    let options = options.create_if_missing(false).busy_timeout(std::time::Duration::from_secs(10));
    let mut connection = options.connect().await?;
    // SQLite writes into an empty file, and so keeps its mode.
    keep_private(to).map_err(|error| StoreError::Misconfigured(error.into()))?;
    let copied = sqlx::query("VACUUM INTO $1").bind(to.to_string_lossy().into_owned()).execute(&mut connection).await;
    copied?;
    let synced = std::fs::File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|error| StoreError::Misconfigured(error.into()))?;
    Ok(Backend::Sqlite)
}
