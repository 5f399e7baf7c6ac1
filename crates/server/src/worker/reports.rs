//! GitHub is told of what happened, when it happens: a few repositories at once, one thing at a time in each.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use berth_model::Timestamp;
use berth_store::DueReport;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{NOW_AND_THEN, SOON, Worker};

/// Repositories that are spoken of at once.
const AT_ONCE: usize = 4;
/// Reports that are looked through for the next ones.
const LOOKED_AT: u32 = 100;

pub(super) async fn run(worker: Arc<Worker>, stop: CancellationToken) {
    tokio::select! {
        () = tell(&worker) => {}
        () = stop.cancelled() => {}
    }
}

async fn tell(worker: &Worker) {
    let mut events = worker.store.signals().subscribe_events();
    // Tasks of their own: a report that holds the database's turn for writing goes on while the next ones are looked for.
    let mut under_way = JoinSet::new();
    let mut busy = HashSet::new();
    loop {
        let _ = *events.borrow_and_update();
        let look = look(worker, &busy).await;
        let pause = match look {
            Ok(Look { next, then }) => {
                for due in next.into_iter().take(AT_ONCE.saturating_sub(under_way.len())) {
                    if !busy.insert(due.repo.clone()) {
                        continue;
                    }
                    let reporter = worker.reporter.clone();
                    under_way.spawn(async move {
                        let sent = reporter.send(&due).await;
                        (due.repo, sent)
                    });
                }
                then
            }
            Err(error) => {
                tracing::warn!("reports to GitHub must wait: {error:#}");
                SOON
            }
        };
        tokio::select! {
            Some(Ok((repo, sent))) = under_way.join_next(), if !under_way.is_empty() => {
                busy.remove(&repo);
                if let Err(error) = sent {
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

async fn look(worker: &Worker, busy: &HashSet<berth_model::RepoKey>) -> anyhow::Result<Look> {
    worker.reporter.follow().await?;
    let waiting = worker.store.waiting_reports(LOOKED_AT).await?;
    let now = worker.store.clock().now();
    let is_due = |report: &DueReport| report.report.due_at.is_some_and(|due| due <= now);
    let then = waiting.iter().filter(|report| !is_due(report)).find_map(|report| report.report.due_at);
    let next = waiting.into_iter().filter(|report| is_due(report) && !busy.contains(&report.repo)).collect();
    Ok(Look { next, then: then.map_or(NOW_AND_THEN * 4, |due| until(due, now)) })
}

/// Not a moment before it is due: looking earlier would find nothing.
fn until(due: Timestamp, now: Timestamp) -> Duration {
    due.since(now) + Duration::from_millis(5)
}
