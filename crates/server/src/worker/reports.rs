//! GitHub is told of what happened, when it happens: a few repositories at once, one thing at a time in each.

use std::sync::Arc;
use std::time::Duration;

use berth_model::{RepoKey, Timestamp};
use berth_store::{DueReport, StoreError};
use tokio_util::sync::CancellationToken;

use super::under_way::UnderWay;
use super::{NOW_AND_THEN, SOON, Worker};

/// Repositories that are spoken of at once.
const AT_ONCE: usize = 4;
/// Repositories that are looked through for the next reports.
const LOOKED_AT: u32 = 100;

/// At most one task for each repository.
type Sending = UnderWay<RepoKey, Result<(), StoreError>>;

pub(super) async fn run(worker: Arc<Worker>, stop: CancellationToken) {
    tokio::select! {
        () = tell(&worker) => {}
        () = stop.cancelled() => {}
    }
}

async fn tell(worker: &Worker) {
    let mut events = worker.store.signals().subscribe_events();
    // Tasks of their own: a report that holds the database's turn for writing goes on while the next ones are looked for.
    let mut under_way = UnderWay::new();
    loop {
        let _ = *events.borrow_and_update();
        let look = look(worker, &under_way).await;
        let pause = match look {
            Ok(Look { next, then }) => {
                for due in next.into_iter().take(AT_ONCE.saturating_sub(under_way.len())) {
                    let reporter = worker.reporter.clone();
                    under_way.begin(due.repo.clone(), async move { reporter.send(&due).await });
                }
                then
            }
            Err(error) => {
                tracing::warn!("reports to GitHub must wait: {error:#}");
                SOON
            }
        };
        tokio::select! {
            Some((_, sent)) = under_way.next() => {
                if let Err(error) = sent.map_err(anyhow::Error::from).and_then(|sent| Ok(sent?)) {
                    tracing::warn!("a report to GitHub must wait: {error}");
                    tokio::time::sleep(SOON).await;
                }
            }
            changed = events.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What can be sent now, and when to look again if nothing happens meanwhile.
struct Look {
    next: Vec<DueReport>,
    then: Duration,
}

async fn look(worker: &Worker, under_way: &Sending) -> anyhow::Result<Look> {
    worker.reporter.follow().await?;
    let waiting = worker.store.waiting_reports(LOOKED_AT).await?;
    let now = worker.store.clock().now();
    let is_due = |report: &DueReport| report.report.due_at.is_some_and(|due| due <= now);
    let then = waiting.iter().filter(|report| !is_due(report)).find_map(|report| report.report.due_at);
    let next = waiting.into_iter().filter(|report| is_due(report) && !under_way.is_about(&report.repo)).collect();
    Ok(Look { next, then: then.map_or(NOW_AND_THEN * 4, |due| until(due, now)) })
}

/// Not a moment before it is due: looking earlier would find nothing.
fn until(due: Timestamp, now: Timestamp) -> Duration {
    due.since(now) + Duration::from_millis(5)
}
