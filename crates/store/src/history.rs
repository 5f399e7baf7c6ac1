//! What is forgotten because of its age: events, which everybody has long been told, and the logs of old builds. Builds
//! and deployments themselves stay for as long as their project.

use berth_model::{BuildId, EventId, Timestamp};

use crate::sql::{FromRow, Row, sql};
use crate::{Store, StoreError};

/// Rows, or builds, that are looked at together: who looks keeps nobody from writing.
const AT_ONCE: usize = 500;

/// When an event was.
struct Told {
    id: EventId,
    at: Timestamp,
}

impl FromRow for Told {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { id: EventId(row.get("id")?), at: row.time("created_at")? })
    }
}

impl Store {
    /// Removes events from before a moment, up to the first that is younger. Called hourly.
    ///
    /// The newest event stays whatever its age: who follows the events asks from its number on.
    ///
    /// # Errors
    /// Only the database's own; what was removed by then is gone.
    pub async fn forget_events(&self, before: Timestamp) -> Result<(), StoreError> {
        loop {
            let oldest = sql("SELECT id, created_at FROM event WHERE id < (SELECT MAX(id) FROM event) \
                              ORDER BY id LIMIT $1");
            let oldest: Vec<Told> = self.all(oldest.bind(AT_ONCE as i64)).await?;
            let old = oldest.iter().take_while(|event| event.at <= before);
            let Some(last) = old.last() else { return Ok(()) };
            let mut tx = self.begin().await?;
            tx.run(sql("DELETE FROM event WHERE id <= $1").bind(last.id)).await?;
            tx.commit().await?;
        }
    }

    /// Removes the logs of builds that ended before a moment, except those of a project's newest `builds` and of builds
    /// whose release is kept; each in a transaction of its own, for others want to write too. Called hourly.
    ///
    /// # Errors
    /// Only the database's own; what was removed by then is gone.
    pub async fn forget_logs(&self, before: Timestamp, builds: u32) -> Result<(), StoreError> {
        let mut seen = BuildId(0);
        loop {
            let old = sql("SELECT b.id FROM build b WHERE b.id > $1 AND b.finished_at <= $2 \
                           AND EXISTS (SELECT 1 FROM log l WHERE l.build_id = b.id) \
                           AND NOT EXISTS (SELECT 1 FROM deployment d WHERE d.build_id = b.id AND d.released = TRUE) \
                           AND EXISTS (SELECT 1 FROM build n WHERE n.project_id = b.project_id AND n.id >= b.id \
                                       ORDER BY n.id LIMIT 1 OFFSET $3) \
                           ORDER BY b.id LIMIT $4");
            let old = old.bind(seen).bind(before).bind(i64::from(builds)).bind(AT_ONCE as i64);
            let old: Vec<BuildId> = self.all(old).await?;
            for build in &old {
                let mut tx = self.begin().await?;
                tx.run(sql("DELETE FROM log WHERE build_id = $1").bind(*build)).await?;
                tx.commit().await?;
            }
            match old.last() {
                Some(last) => seen = *last,
                None => return Ok(()),
            }
        }
    }
}
