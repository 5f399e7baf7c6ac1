//! Settings of the installation, the first of which is whose database this is.

use berth_model::InstanceId;

use crate::sql::{Sql, sql};
use crate::{Store, StoreError};

/// The setting that names the installation.
pub(crate) const INSTANCE: &str = "instance";

/// The value of a setting.
pub(crate) fn select(name: &str) -> Sql {
    sql("SELECT value FROM setting WHERE name = $1").bind(name)
}

/// The installation that [`INSTANCE`] names.
pub(crate) fn instance_of(text: Option<String>) -> Result<Option<InstanceId>, StoreError> {
    text.map(|text| InstanceId::parse(&text).ok_or(StoreError::Corrupt("instance"))).transpose()
}

impl Store {
    /// The installation that this database belongs to; `None` if it is new.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if somebody wrote something else there.
    pub async fn instance(&self) -> Result<Option<InstanceId>, StoreError> {
        instance_of(self.setting(INSTANCE).await?)
    }

    /// Makes this database the installation's. Claiming it again under the same id changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is another installation's.
    pub async fn claim_instance(&self, id: &InstanceId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let insert =
            sql("INSERT INTO setting (name, value, updated_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING");
        tx.run(insert.bind(INSTANCE).bind(id.as_str()).bind(tx.now)).await?;
        let owner: Option<String> = tx.one(select(INSTANCE)).await?;
        if owner.as_deref() != Some(id.as_str()) {
            return Err(StoreError::Conflict("this database belongs to another Berth"));
        }
        tx.commit().await
    }

    /// The value of a setting.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.one(select(name)).await
    }

    /// Sets or replaces a setting.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let upsert = sql("INSERT INTO setting (name, value, updated_at) VALUES ($1, $2, $3) \
                          ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at");
        tx.run(upsert.bind(name).bind(value).bind(tx.now)).await?;
        tx.commit().await
    }
}
