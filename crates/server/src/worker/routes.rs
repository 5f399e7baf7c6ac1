//! Hosts follow their projects: created, renamed, deleted.

use std::sync::Arc;

use berth_model::{EventId, EventPayload};
use tokio_util::sync::CancellationToken;

use super::{SOON, Worker};

/// Events that are read at once.
const PAGE: u32 = 500;

/// Follows the events after `seen`, which the recovery at start took up.
pub(super) async fn run(worker: Arc<Worker>, mut seen: EventId, stop: CancellationToken) {
    let mut events = worker.store.signals().subscribe_events();
    loop {
        while let Err(error) = follow(&worker, &mut seen).await {
            tracing::warn!("hosts could not be brought up to date yet: {error:#}");
            tokio::select! {
                () = tokio::time::sleep(SOON) => {}
                () = stop.cancelled() => return,
            }
        }
        let changed = tokio::select! {
            changed = events.changed() => changed,
            () = stop.cancelled() => return,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// Reads the events after `seen`, and moves it on once what they ask for is done.
async fn follow(worker: &Worker, seen: &mut EventId) -> anyhow::Result<()> {
    loop {
        let page = worker.store.events_after(*seen, PAGE).await?;
        let Some(last) = page.last().map(|event| event.id) else { return Ok(()) };
        let moves_hosts = |payload: &EventPayload| {
            matches!(
                payload,
                EventPayload::ProjectCreated { .. }
                    | EventPayload::ProjectUpdated { .. }
                    | EventPayload::ProjectDeleted { .. }
            )
        };
        if page.iter().any(|event| moves_hosts(&event.payload)) {
            worker.deploys.reconcile().await?;
        }
        *seen = last;
        worker.store.signals().hosts_followed(last);
    }
}
