//! What a replica uses: the difference between two looks at the daemon's counters.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use berth_model::ReplicaUsage;
use bollard::models::ContainerStatsResponse;
use bollard::query_parameters::StatsOptions;
use futures_util::StreamExt;
use tokio::time::Instant;

use crate::error::in_container;
use crate::{Engine, RuntimeError};

/// Between the two looks, where there was none before.
const FIRST_LOOKS: Duration = Duration::from_millis(250);
/// An older look says little of now.
const OLDEST: Duration = Duration::from_secs(60);

/// The last look at each container.
#[derive(Default)]
pub(crate) struct Looks(Mutex<HashMap<String, Look>>);

#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    /// Nanoseconds of processor since the container began.
    processor: u64,
}

impl Engine {
    /// What a replica uses: its processors since the last time that this was asked (within a minute, else over a
    /// quarter of a second), its memory now.
    ///
    /// # Errors
    /// [`RuntimeError::Gone`] also for one that does not run, or what Docker said.
    pub async fn replica_usage(&self, container: &str) -> Result<ReplicaUsage, RuntimeError> {
        let before = self.looks().last(container);
        let before = match before {
            Some(look) => look,
            None => {
                let look = self.look_at_usage(container).await?.0;
                tokio::time::sleep(FIRST_LOOKS).await;
                look
            }
        };
        let (now, memory) = self.look_at_usage(container).await?;
        self.looks().note(container, now);
        let processor = Duration::from_nanos(now.processor.saturating_sub(before.processor));
        let cpus = processor.as_secs_f64() / now.at.duration_since(before.at).as_secs_f64().max(f64::EPSILON);
        Ok(ReplicaUsage { cpus, memory })
    }

    async fn look_at_usage(&self, container: &str) -> Result<(Look, u64), RuntimeError> {
        let options = StatsOptions { stream: false, one_shot: true };
        let mut stats = std::pin::pin!(self.docker().await?.stats(container, Some(options)));
        let stats = stats.next().await.ok_or(RuntimeError::Gone)?;
        let stats = stats.map_err(in_container("measure a replica"))?;
        let at = Instant::now();
        let processor = stats.cpu_stats.as_ref().and_then(|cpu| cpu.cpu_usage.as_ref()?.total_usage);
        Ok((Look { at, processor: processor.ok_or(RuntimeError::Gone)? }, memory(&stats)))
    }
}

impl Looks {
    fn last(&self, container: &str) -> Option<Look> {
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(container).filter(|look| look.at.elapsed() < OLDEST).copied()
    }

    /// Notes one, and forgets those that nobody will ask about any more.
    fn note(&self, container: &str, look: Look) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.retain(|_, look| look.at.elapsed() < OLDEST);
        looks.insert(container.to_owned(), look);
    }
}

/// Memory without what the kernel only keeps because nobody else wants it: files that were read (cgroup v1, v2).
fn memory(stats: &ContainerStatsResponse) -> u64 {
    let Some(memory) = &stats.memory_stats else { return 0 };
    let kept = memory
        .stats
        .as_ref()
        .and_then(|stats| stats.get("total_inactive_file").or_else(|| stats.get("inactive_file")).copied());
    memory.usage.unwrap_or(0).saturating_sub(kept.unwrap_or(0))
}
