//! Builds from the queue: claimed with a lease that is renewed while they run, stopped when somebody asks, given back
//! when Berth stops.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use berth_model::BuildId;
use berth_store::{Claimed, Lease, LeaseState};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::build::{StopReason, Stopper, carry_out};
use super::{SOON, Worker};

/// How long a build is ours without a sign of life.
const LEASE: Duration = Duration::from_secs(30);
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// For running builds to end when Berth stops.
const GIVE_BACK_WITHIN: Duration = Duration::from_secs(20);
/// Between two times that caches make room, when the first was not enough.
const MAKE_ROOM_AGAIN: Duration = Duration::from_secs(60);
/// For Docker to remove their containers.
const SWEEP_WITHIN: Duration = Duration::from_secs(10);

/// A build of this process.
struct Running {
    lease: Lease,
    stopper: Stopper,
}

struct Queue {
    worker: Arc<Worker>,
    running: HashMap<BuildId, Running>,
    tasks: JoinSet<BuildId>,
    /// Caches that make room: at work, and when they last were. Removing them takes longer than a lease.
    clearing: JoinSet<()>,
    cleared: Option<Instant>,
    /// The operator was told that builds wait for room on the disk.
    lacks_room: bool,
}

pub(super) async fn run(worker: Arc<Worker>, mut bell: watch::Receiver<()>, stop: CancellationToken) {
    let mut cancellations = worker.store.signals().cancellations();
    let mut queue = Queue::new(worker);
    let mut renewal = tokio::time::interval(RENEW_EVERY);
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        bell.mark_unchanged();
        if let Err(error) = queue.claim_all().await {
            tracing::warn!("builds cannot be claimed: {error:#}");
            renewal.reset_after(SOON);
        }
        tokio::select! {
            _ = bell.changed() => {}
            Some(ended) = queue.tasks.join_next() => queue.forget(ended.ok()),
            Some(_) = queue.clearing.join_next() => queue.cleared = Some(Instant::now()),
            canceled = cancellations.recv() => queue.cancel(canceled),
            _ = renewal.tick() => {
                if let Err(error) = queue.renew_all().await {
                    tracing::warn!("leases cannot be renewed: {error:#}");
                    renewal.reset_after(SOON);
                }
            }
            () = stop.cancelled() => break,
        }
    }
    queue.give_back().await;
}

impl Queue {
    fn new(worker: Arc<Worker>) -> Self {
        let (running, tasks, clearing) = (HashMap::new(), JoinSet::new(), JoinSet::new());
        Self { worker, running, tasks, clearing, cleared: None, lacks_room: false }
    }

    async fn claim_all(&mut self) -> anyhow::Result<()> {
        while self.running.len() < self.worker.concurrency {
            if let Err(problem) = self.worker.disk.room().await {
                self.make_room(&problem);
                return Ok(());
            }
            if std::mem::replace(&mut self.lacks_room, false) {
                tracing::info!("there is room for builds again");
            }
            let Some(claimed) = self.worker.store.claim(LEASE, self.worker.per_user).await? else { return Ok(()) };
            self.start(claimed);
        }
        Ok(())
    }

    /// Old caches go before builds wait; only when they were not enough the operator is told.
    fn make_room(&mut self, problem: &str) {
        if !self.clearing.is_empty() {
            return;
        }
        if self.cleared.is_none_or(|last| last.elapsed() >= MAKE_ROOM_AGAIN) {
            let worker = Arc::clone(&self.worker);
            self.clearing.spawn(async move {
                if let Err(error) = worker.engine.make_room(worker.disk.wanted()).await {
                    tracing::warn!("caches could not make room: {error}");
                }
            });
        } else if !std::mem::replace(&mut self.lacks_room, true) {
            tracing::warn!("no build starts: {problem}");
        }
    }

    fn start(&mut self, claimed: Claimed) {
        let (id, lease) = (claimed.build.id, claimed.lease.clone());
        let stopper = Stopper::default();
        let work = tokio::spawn(carry_out(Arc::clone(&self.worker), claimed, stopper.clone()));
        self.tasks.spawn(async move {
            if let Err(panicked) = work.await {
                // Its lease runs out, and the store counts the attempt.
                tracing::error!(build = %id, "a build ended by a bug of Berth: {panicked}");
            }
            id
        });
        self.running.insert(id, Running { lease, stopper });
    }

    fn forget(&mut self, ended: Option<BuildId>) {
        if let Some(id) = ended {
            self.running.remove(&id);
        }
    }

    /// Somebody wants a build to stop. Signals that were missed are found by the next renewal.
    fn cancel(&mut self, canceled: Result<BuildId, broadcast::error::RecvError>) {
        if let Some(running) = canceled.ok().and_then(|id| self.running.get(&id)) {
            running.stopper.stop(StopReason::Asked);
        }
    }

    /// Renews first, then takes back what expired: a build of ours whose renewal came late is still ours.
    async fn renew_all(&mut self) -> anyhow::Result<()> {
        for running in self.running.values() {
            match self.worker.store.renew(&running.lease, LEASE).await? {
                LeaseState::Held => {}
                LeaseState::CancelRequested => running.stopper.stop(StopReason::Asked),
                LeaseState::Lost => running.stopper.stop(StopReason::LeaseLost),
            }
        }
        let expired = self.worker.store.requeue_expired().await?;
        if !expired.is_empty() {
            tracing::warn!("{} builds whose worker went away are queued again", expired.len());
        }
        Ok(())
    }

    async fn give_back(&mut self) {
        if self.running.is_empty() {
            return;
        }
        for running in self.running.values() {
            running.stopper.stop(StopReason::Shutdown);
        }
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GIVE_BACK_WITHIN, ended).await.is_err() {
            tracing::warn!("some builds did not stop in time; the next start queues them again");
        }
        // Containers of dropped builds are removed in the background; what is still there goes now.
        match tokio::time::timeout(SWEEP_WITHIN, self.worker.engine.sweep()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("build containers are left to the next start: {error}"),
            Err(_) => tracing::warn!("build containers are left to the next start: Docker is slow"),
        }
    }
}
