//! Hosts follow their projects and previews: created, renamed, removed.

use std::collections::BTreeSet;
use std::sync::Arc;

use berth_model::{Event, EventId, EventPayload, ProjectId};
use tokio_util::sync::CancellationToken;

use super::{SOON, Worker, previews};

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
async fn follow(worker: &Arc<Worker>, seen: &mut EventId) -> anyhow::Result<()> {
    loop {
        let page = worker.store.events_after(*seen, PAGE).await?;
        let Some(last) = page.last().map(|event| event.id) else { return Ok(()) };
        let moved: BTreeSet<ProjectId> = page.iter().filter_map(moves_hosts).collect();
        if !moved.is_empty() {
            worker.deploys.reconcile_projects(&moved).await?;
        }
        follow_previews(worker, &page);
        *seen = last;
        worker.store.signals().hosts_followed(last);
    }
}

/// The project whose hosts an event changes.
fn moves_hosts(event: &Event) -> Option<ProjectId> {
    let is_about_hosts = matches!(
        event.payload,
        EventPayload::ProjectCreated { .. }
            | EventPayload::ProjectUpdated { .. }
            | EventPayload::ProjectDeleted { .. }
            | EventPayload::PreviewOpened { .. }
            | EventPayload::PreviewRemoved { .. }
    );
    event.project.filter(|_| is_about_hosts)
}

/// A preview that was opened may be one too many; one that was removed leaves files and caches. Both take a while, and
/// hosts do not wait for it.
fn follow_previews(worker: &Arc<Worker>, page: &[Event]) {
    if page.iter().any(|event| matches!(event.payload, EventPayload::PreviewOpened { .. })) {
        let worker = Arc::clone(worker);
        tokio::spawn(async move {
            if let Err(error) = previews::prune(&worker).await {
                tracing::warn!("previews beyond a project's share could not be removed yet: {error:#}");
            }
        });
    }
    let removed = page.iter().filter_map(|event| match event.payload {
        EventPayload::PreviewRemoved { project, .. } => Some(project),
        _ => None,
    });
    let removed: BTreeSet<ProjectId> = removed.collect();
    if !removed.is_empty() {
        tokio::spawn(previews::clear(Arc::clone(worker), removed));
    }
}
