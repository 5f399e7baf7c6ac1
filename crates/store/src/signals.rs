//! What the parts of one process tell each other besides the database. Nothing here is needed to be correct: who
//! misses a signal finds the truth in the database, a little later.

use std::sync::Arc;

use berth_model::{BuildId, DeploymentId, EventId, LogLine, ProjectId, UserId};
use tokio::sync::{Notify, broadcast, watch};

/// Lines that were just written, for whoever watches.
#[derive(Clone, Debug)]
pub struct LogBatch {
    /// Whose room hears it.
    pub user: UserId,
    /// Of which project.
    pub project: ProjectId,
    /// Of which build.
    pub build: BuildId,
    /// In order.
    pub lines: Arc<[LogLine]>,
}

/// The signals of one store.
#[derive(Debug)]
pub struct Signals {
    work: Notify,
    events: watch::Sender<EventId>,
    hosts: watch::Sender<EventId>,
    logs: broadcast::Sender<LogBatch>,
    cancellations: broadcast::Sender<BuildId>,
    activated: broadcast::Sender<DeploymentId>,
    services: watch::Sender<u64>,
}

impl Signals {
    pub(crate) fn starting_at(newest: EventId) -> Self {
        Self {
            work: Notify::new(),
            events: watch::Sender::new(newest),
            hosts: watch::Sender::new(newest),
            logs: broadcast::Sender::new(1_024),
            cancellations: broadcast::Sender::new(256),
            activated: broadcast::Sender::new(256),
            services: watch::Sender::new(0),
        }
    }

    /// Tells the worker that there is something to do. A wake before it waits is kept.
    pub fn wake_worker(&self) {
        self.work.notify_one();
    }

    /// Waits for the next wake. There is one worker.
    pub async fn worker_woken(&self) {
        self.work.notified().await;
    }

    /// The newest committed event, as it grows.
    #[must_use]
    pub fn subscribe_events(&self) -> watch::Receiver<EventId> {
        self.events.subscribe()
    }

    /// Tells that what visitors get follows every event up to this one.
    pub fn hosts_followed(&self, event: EventId) {
        self.hosts.send_replace(event);
    }

    /// Waits until what visitors get follows everything that is committed now, a deletion for example.
    pub async fn hosts_follow(&self) {
        let newest = *self.events.borrow();
        // The sender is ours, so the wait ends in no other way.
        let _ = self.hosts.subscribe().wait_for(|followed| *followed >= newest).await;
    }

    /// Hands lines to whoever watches now; they are stored separately.
    pub fn publish_log(&self, batch: LogBatch) {
        // Nobody watching is no error.
        let _ = self.logs.send(batch);
    }

    /// Lines of all builds. A receiver that falls 1,024 batches behind is told how many it missed.
    #[must_use]
    pub fn subscribe_logs(&self) -> broadcast::Receiver<LogBatch> {
        self.logs.subscribe()
    }

    /// Running builds that somebody asked to cancel, as it happens.
    #[must_use]
    pub fn cancellations(&self) -> broadcast::Receiver<BuildId> {
        self.cancellations.subscribe()
    }

    pub(crate) fn cancel(&self, build: BuildId) {
        let _ = self.cancellations.send(build);
    }

    /// Deployments about which an activation has just ended, one way or the other: for who waits for one, so that
    /// nobody reads the database at every event of everybody.
    #[must_use]
    pub fn activated(&self) -> broadcast::Receiver<DeploymentId> {
        self.activated.subscribe()
    }

    pub(crate) fn activation_ended(&self, deployment: DeploymentId) {
        let _ = self.activated.send(deployment);
    }

    /// A number that grows whenever what should run may be something else: a deployment with running services went live
    /// or no longer is, somebody scaled, restarted or stopped something, a command waits, a volume is to go.
    #[must_use]
    pub fn subscribe_services(&self) -> watch::Receiver<u64> {
        self.services.subscribe()
    }

    pub(crate) fn services_changed(&self) {
        self.services.send_modify(|times| *times += 1);
    }

    pub(crate) fn event_committed(&self, id: EventId) {
        self.events.send_if_modified(|newest| {
            let newer = id > *newest;
            *newest = id.max(*newest);
            newer
        });
    }
}
