//! What is forgotten because of its age: events, which everybody has long been told, and the logs of old builds. Builds
//! and deployments themselves stay for as long as their project.

use berth_model::Timestamp;

use crate::sql::sql;
use crate::{Store, StoreError};

/// Rows, or builds, that one transaction takes: others want to write too.
const AT_ONCE: i64 = 500;

impl Store {
    /// Removes events from before a moment, and the logs of builds that ended before it, except those of a project's
    /// newest `builds` and of builds whose release is kept. Called hourly.
    ///
    /// # Errors
    /// Only the database's own; what was removed by then is gone.
    pub async fn forget_history(&self, before: Timestamp, builds: u32) -> Result<(), StoreError> {
        self.forget_events(before).await?;
        self.forget_logs(before, builds).await
    }

    /// The newest event stays whatever its age: who follows the events asks from its number on.
    async fn forget_events(&self, before: Timestamp) -> Result<(), StoreError> {
        loop {
            let mut tx = self.begin().await?;
            let delete = sql("DELETE FROM event WHERE id IN (SELECT id FROM event \
                              WHERE created_at <= $1 AND id < (SELECT MAX(id) FROM event) ORDER BY id LIMIT $2)");
            let gone = tx.run(delete.bind(before).bind(AT_ONCE)).await?;
            tx.commit().await?;
            if gone < AT_ONCE as u64 {
                return Ok(());
            }
        }
    }

    async fn forget_logs(&self, before: Timestamp, builds: u32) -> Result<(), StoreError> {
        loop {
            let mut tx = self.begin().await?;
            let old = sql("SELECT b.id FROM build b WHERE b.finished_at <= $1 \
                           AND EXISTS (SELECT 1 FROM log l WHERE l.build_id = b.id) \
                           AND NOT EXISTS (SELECT 1 FROM deployment d WHERE d.build_id = b.id AND d.released = TRUE) \
                           AND (SELECT COUNT(*) FROM build n WHERE n.project_id = b.project_id AND n.id > b.id) >= $2 \
                           ORDER BY b.id LIMIT $3");
            let old: Vec<berth_model::BuildId> = tx.all(old.bind(before).bind(i64::from(builds)).bind(AT_ONCE)).await?;
            for build in &old {
                tx.run(sql("DELETE FROM log WHERE build_id = $1").bind(*build)).await?;
            }
            tx.commit().await?;
            if old.len() < AT_ONCE as usize {
                return Ok(());
            }
        }
    }
}
