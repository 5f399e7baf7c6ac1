//! One replica on its way out: what is under way to it is waited for, then it is stopped and removed.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use berth_edge::Upstream;
use berth_runtime::Engine;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::crew::{Happened, Leave};
use super::{Drain, STOP_WITHIN};

/// What is told to end has so long to do so before its service is.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The task, from outside.
pub(super) struct Farewell {
    /// Whether it is to be stopped, or stays after all.
    is_decided: Arc<AtomicBool>,
    /// Told when it ends by itself.
    has_ended: Arc<Notify>,
    task: AbortHandle,
}

impl Farewell {
    /// Lets it stay. `false` if it is being stopped: then it is waited for until it is gone.
    pub(super) fn call_off(self) -> bool {
        let stays = !self.is_decided.swap(true, Ordering::SeqCst);
        if stays {
            self.task.abort();
        }
        stays
    }

    /// It ended by itself: nothing that is under way to it is waited for any more.
    pub(super) fn has_ended(&self) {
        self.has_ended.notify_one();
    }
}

/// The task, from inside.
pub(super) struct Leaving {
    pub(super) engine: Engine,
    pub(super) upstream: Arc<Upstream>,
    pub(super) how: Leave,
    pub(super) limits: Drain,
    /// Whether long requests have no time any more.
    pub(super) is_hurried: watch::Receiver<bool>,
    pub(super) tell: mpsc::WeakSender<Happened>,
    pub(super) container: String,
    pub(super) endpoints: Vec<SocketAddr>,
}

impl Leaving {
    /// Begins, as one of these tasks.
    pub(super) fn begin(self, tasks: &mut JoinSet<Option<Happened>>) -> Farewell {
        let (is_decided, has_ended) = (Arc::<AtomicBool>::default(), Arc::<Notify>::default());
        let task = tasks.spawn(self.run(Arc::clone(&is_decided), Arc::clone(&has_ended)));
        Farewell { is_decided, has_ended, task }
    }

    async fn run(self, is_decided: Arc<AtomicBool>, has_ended: Arc<Notify>) -> Option<Happened> {
        if self.how != Leave::AtOnce {
            self.drain(&has_ended).await;
            if is_decided.swap(true, Ordering::SeqCst) {
                return None;
            }
            if let Some(tell) = self.tell.upgrade() {
                let container = self.container.clone();
                let _ = tell.send(Happened::Drained { container }).await;
            }
        }
        let mut pause = Duration::from_secs(1);
        while let Err(error) = self.engine.stop_replica(&self.container, STOP_WITHIN).await {
            tracing::warn!("a replica could not be stopped yet: {error}");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(60));
        }
        Some(Happened::Gone { container: self.container })
    }

    /// Waits for what is under way. What lasts for as long as both sides like is ended when its time is over.
    async fn drain(&self, has_ended: &Notify) {
        let mut drained = pin!(async {
            for endpoint in &self.endpoints {
                self.upstream.drained_from(*endpoint).await;
            }
        });
        let end_lasting = || self.endpoints.iter().for_each(|endpoint| self.upstream.end_lasting(*endpoint));
        let end_lasting_on_time = async {
            loop {
                tokio::time::sleep(self.limits.lasting).await;
                end_lasting();
            }
        };
        tokio::select! {
            () = &mut drained => return,
            () = has_ended.notified() => return,
            () = end_lasting_on_time => {}
            () = self.limit() => {}
        }
        end_lasting();
        let _ = tokio::time::timeout(LAST_WORDS, drained).await;
    }

    /// Over when nothing is waited for any more, whatever is under way.
    async fn limit(&self) {
        if self.how == Leave::WhenDone {
            let mut is_hurried = self.is_hurried.clone();
            let hurried = async {
                // Without a keeper this task is over, too.
                let _ = is_hurried.wait_for(|is_hurried| *is_hurried).await;
            };
            if tokio::time::timeout(self.limits.requests, hurried).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(self.limits.lasting).await;
    }
}
