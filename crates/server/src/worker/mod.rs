//! What Berth does by itself: builds from the queue, activations, services, deleted projects, missed pushes, reports to
//! GitHub, chores.
//!
//! Each part follows the database, woken by the store's signals and, in case one was missed, now and then by itself.
//! Nothing here is remembered only in memory: whatever is interrupted is found again by the next start.

mod activations;
mod build;
mod chores;
mod heads;
mod hooks;
mod polling;
mod previews;
mod queue;
mod removals;
mod reports;
mod routes;
mod services;
mod under_way;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use berth_build_engine::BuildEngine;
use berth_deploy_engine::{DeployEngine, Supervisor};
use berth_github::{HookKeeper, Reporter};
use berth_runtime::Engine;
use berth_store::{ServiceLogs, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::health::Disk;
use crate::memory;

/// After a failure, and the shortest time between two looks.
const SOON: Duration = Duration::from_secs(1);
/// A look without being woken.
const NOW_AND_THEN: Duration = Duration::from_secs(15);

/// What the worker works with.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) builds: BuildEngine,
    pub(crate) deploys: DeployEngine,
    pub(crate) supervisor: Supervisor,
    pub(crate) logs: ServiceLogs,
    pub(crate) disk: Disk,
    pub(crate) reporter: Reporter,
    /// How many builds run at once, of all users and of one.
    pub(crate) concurrency: usize,
    pub(crate) per_user: u32,
    /// How often missed pushes are looked for and leftovers swept.
    pub(crate) every: Duration,
    /// How many previews a project has at most, and how long one stays that nobody pushes to.
    pub(crate) previews_per_project: usize,
    pub(crate) preview_age: Duration,
    /// How long events and the logs of builds are kept.
    pub(crate) history: Duration,
    /// How long the audit log is kept.
    pub(crate) audit: Duration,
    /// No build takes as long: what is older in the staging directory is nobody's.
    pub(crate) leftover_after: Duration,
    /// Whether what an earlier run left is cleared away: until then nothing new may come in beside it.
    pub(crate) recovered: watch::Sender<bool>,
}

/// Works until `stop`, then gives running builds back.
pub(crate) async fn run(worker: Arc<Worker>, keeper: HookKeeper, stop: CancellationToken) {
    // Taken before the recovery: what happens during it is followed afterwards, twice rather than never.
    let seen = *worker.store.signals().subscribe_events().borrow();
    let Some(()) = recover(&worker, &stop).await else { return };
    worker.recovered.send_replace(true);
    // The start is over, however busy visitors keep us.
    memory::give_back();
    let (bell, _) = watch::channel(());
    let ring = async {
        loop {
            worker.store.signals().worker_woken().await;
            bell.send_replace(());
        }
    };
    tokio::select! {
        () = ring => {}
        _ = async { tokio::join!(
            queue::run(Arc::clone(&worker), bell.subscribe(), stop.clone()),
            activations::run(Arc::clone(&worker), bell.subscribe(), stop.clone()),
            services::run(Arc::clone(&worker), bell.subscribe(), stop.clone()),
            removals::run(Arc::clone(&worker), bell.subscribe(), stop.clone()),
            routes::run(Arc::clone(&worker), seen, stop.clone()),
            heads::run(Arc::clone(&worker), stop.clone()),
            polling::run(Arc::clone(&worker), bell.subscribe(), stop.clone()),
            chores::run(Arc::clone(&worker), stop.clone()),
            reports::run(Arc::clone(&worker), stop.clone()),
            hooks::run(keeper, worker.every, stop.clone()),
        ) } => {}
    }
}

/// Finds what an earlier process left half done. The data directory's lock proves that it is dead, so its builds need
/// not wait for their leases. `None` if Berth is stopped before the database lets us.
async fn recover(worker: &Worker, stop: &CancellationToken) -> Option<()> {
    loop {
        let recovered = async {
            let interrupted = worker.store.requeue_interrupted().await?;
            if !interrupted.is_empty() {
                tracing::info!("{} interrupted builds are queued again", interrupted.len());
            }
            worker.deploys.reconcile().await?;
            worker.deploys.sweep(Duration::ZERO).await?;
            anyhow::Ok(())
        };
        match recovered.await {
            Ok(()) => return Some(()),
            Err(error) => tracing::warn!("what an earlier run left could not be looked through yet: {error:#}"),
        }
        tokio::select! {
            () = tokio::time::sleep(SOON) => {}
            () = stop.cancelled() => return None,
        }
    }
}

/// Does `work` at once, after each ring, now and then, and soon again after a failure; until `stop`.
async fn whenever_rung<W, F>(mut bell: watch::Receiver<()>, stop: CancellationToken, what: &str, mut work: W)
where
    W: FnMut() -> F,
    F: Future<Output = anyhow::Result<()>>,
{
    loop {
        bell.mark_unchanged();
        let pause = match work().await {
            Ok(()) => NOW_AND_THEN,
            Err(error) => {
                tracing::warn!("{what} must wait: {error:#}");
                SOON
            }
        };
        tokio::select! {
            _ = bell.changed(), if pause == NOW_AND_THEN => {}
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}
