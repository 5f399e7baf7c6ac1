//! Settings of the installation, the first of which is whose database this is.

use berth_model::InstanceId;

use crate::sql::sql;
use crate::{Store, StoreError};

/// The setting that names the installation.
const INSTANCE: &str = "instance";

impl Store {
    /// The installation that this database belongs to; `None` if it is new.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if somebody wrote something else there.
    pub async fn instance(&self) -> Result<Option<InstanceId>, StoreError> {
        let text = self.setting(INSTANCE).await?;
        text.map(|text| InstanceId::parse(&text).ok_or(StoreError::Corrupt("instance"))).transpose()
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
        let owner: Option<String> = tx.one(sql("SELECT value FROM setting WHERE name = $1").bind(INSTANCE)).await?;
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
        self.one(sql("SELECT value FROM setting WHERE name = $1").bind(name)).await
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
