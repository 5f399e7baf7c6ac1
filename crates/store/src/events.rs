//! The event log: read by number, in the order in which things were committed.

use berth_model::{Event, EventId, ProjectId, UserId};

use crate::sql::{FromRow, Row, sql};
use crate::{Store, StoreError};

impl FromRow for Event {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: EventId(row.get("id")?),
            user: UserId(row.get("user_id")?),
            project: row.get::<Option<i64>>("project_id")?.map(ProjectId),
            payload: row.json("payload")?,
            created_at: row.time("created_at")?,
        })
    }
}

impl Store {
    /// At most `limit` events that came after one, oldest first.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn events_after(&self, after: EventId, limit: u32) -> Result<Vec<Event>, StoreError> {
        let select =
            sql("SELECT id, user_id, project_id, payload, created_at FROM event WHERE id > $1 ORDER BY id LIMIT $2");
        self.all(select.bind(after).bind(i64::from(limit))).await
    }
}
