//! Whose a project is, asked once in a while: lines come many times a second.

use std::collections::HashMap;
use std::time::Duration;

use berth_model::{ProjectId, UserId};
use berth_store::{Store, StoreError};
use tokio::time::Instant;

/// So long an answer is taken for true. An account that gives its projects away loses its sockets at once.
const TRUE_FOR: Duration = Duration::from_secs(10);

/// Answers that are true yet.
#[derive(Default)]
pub(super) struct Owners(HashMap<ProjectId, (Option<UserId>, Instant)>);

impl Owners {
    /// Whose the project is; `None` if it is gone.
    pub(super) async fn of(&mut self, store: &Store, project: ProjectId) -> Result<Option<UserId>, StoreError> {
        let now = Instant::now();
        if let Some((owner, _)) = self.0.get(&project).filter(|(_, asked)| now - *asked < TRUE_FOR) {
            return Ok(*owner);
        }
        let owner = store.project_unscoped(project).await?.map(|project| project.user);
        self.0.retain(|_, (_, asked)| now - *asked < TRUE_FOR);
        self.0.insert(project, (owner, now));
        Ok(owner)
    }
}
