//! What happens to replicas, as the daemon tells it.
//!
//! A connection to the daemon may end at any time, and with it what would have been told. So each one begins with
//! [`ReplicaEvent::Resync`]: whoever then asks for the replicas misses nothing, for the daemon is asked for what happened
//! since shortly before that.

use std::collections::HashMap;
use std::time::Duration;

use berth_model::{Clock, InstanceId, ReplicaEnd, ReplicaId, Timestamp};
use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptions;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::look::replica_of;
use super::replica::replica_name;
use crate::error::while_doing;
use crate::exec::{KILLED, fraction};
use crate::labels::{self, GENERATION, KIND};
use crate::{Engine, Kind, RuntimeError};

/// Events that wait for whoever listens; more wait at the daemon.
const WAITING: usize = 64;
/// Between two attempts to reach the daemon.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How far the daemon is asked to look back: longer than a connection takes to be made.
const LOOK_BACK: Duration = Duration::from_secs(1);
/// The daemon may hear a moment after the end that it was for memory: so many milliseconds lie between the looks.
const MEMORY_IS_TOLD_WITHIN: [u64; 4] = [0, 50, 150, 300];
/// After these, of who was killed: for that there is hardly another reason, and a busy daemon hears late.
const OF_THE_KILLED: [u64; 2] = [500, 500];

/// Something that happened to replicas. The same may be told twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaEvent {
    /// What happened before is not known: ask for all of them.
    Resync,
    /// Its process runs.
    Started {
        /// Which replica.
        replica: ReplicaId,
        /// The daemon's id of its container.
        container: String,
    },
    /// Its process does not run any more.
    Ended {
        /// Which replica.
        replica: ReplicaId,
        /// The daemon's id of its container.
        container: String,
        /// How.
        end: ReplicaEnd,
        /// When, by the daemon's clock: what was told before may be of a run that is over.
        at: Timestamp,
    },
    /// Its container is gone.
    Removed {
        /// Which replica.
        replica: ReplicaId,
        /// The daemon's id that its container had.
        container: String,
    },
}

impl Engine {
    /// What happens to replicas from now on. It never ends: while the daemon is away, nothing is told.
    pub fn replica_events(&self) -> impl Stream<Item = ReplicaEvent> + Send + 'static + use<> {
        let (tell, told) = mpsc::channel(WAITING);
        tokio::spawn(listen(self.clone(), tell));
        futures_util::stream::unfold(told, |mut told| async { Some((told.recv().await?, told)) })
    }
}

/// Until nobody listens any more.
async fn listen(engine: Engine, tell: mpsc::Sender<ReplicaEvent>) {
    loop {
        tokio::select! {
            () = tell.closed() => return,
            followed = follow(&engine, &tell) => if let Err(error) = followed {
                tracing::debug!(%error, "the daemon tells nothing of replicas; it is asked again");
            }
        }
        tokio::select! {
            () = tell.closed() => return,
            () = tokio::time::sleep(TRY_AGAIN) => {}
        }
    }
}

/// Passes on what one connection tells, until it ends.
async fn follow(engine: &Engine, tell: &mpsc::Sender<ReplicaEvent>) -> Result<(), RuntimeError> {
    let docker = engine.docker().await?;
    docker.ping().await.map_err(while_doing("answer a ping"))?;
    let mut filters = labels::filter(&engine.config().instance, &[(KIND, Kind::Replica.as_str())]);
    filters.insert("type".to_owned(), vec!["container".to_owned()]);
    filters.insert("event".to_owned(), ["start", "die", "destroy"].map(str::to_owned).to_vec());
    // The daemon's clock, whatever time the engine was told that it is.
    let since = fraction(Clock::System.now().before(LOOK_BACK));
    let options = EventsOptions { since: Some(since), until: None, filters: Some(filters) };
    let mut events = std::pin::pin!(docker.events(Some(options)));
    if tell.send(ReplicaEvent::Resync).await.is_err() {
        return Ok(());
    }
    while let Some(event) = events.next().await {
        let event = event.map_err(while_doing("tell of replicas"))?;
        if let Some((replica, container, what)) = read(&engine.config().instance, event) {
            pass_on(engine, tell, replica, container, what).await;
        }
    }
    Ok(())
}

/// What an event is about.
enum What {
    Started,
    Ended { exit_code: i64, at: Timestamp },
    Removed,
}

fn read(instance: &InstanceId, event: EventMessage) -> Option<(ReplicaId, String, What)> {
    let actor = event.actor?;
    // A container's labels are among the attributes, and its name.
    let attributes: HashMap<String, String> = actor.attributes?;
    let what = match event.action?.as_str() {
        "start" => What::Started,
        "die" => What::Ended {
            exit_code: attributes.get("exitCode").and_then(|code| code.parse().ok()).unwrap_or(-1),
            at: Timestamp(event.time_nano.map_or(i64::MAX, |nanoseconds| nanoseconds / 1_000)),
        },
        "destroy" => What::Removed,
        _ => return None,
    };
    let replica = replica_of(&attributes)?;
    let generation = attributes.get(GENERATION)?.parse().ok()?;
    let is_named = attributes.get("name").is_some_and(|name| *name == replica_name(instance, &replica, generation));
    Some((replica, actor.id.filter(|_| is_named)?, what))
}

async fn pass_on(
    engine: &Engine,
    tell: &mpsc::Sender<ReplicaEvent>,
    replica: ReplicaId,
    container: String,
    what: What,
) {
    let event = match what {
        What::Started => ReplicaEvent::Started { replica, container },
        What::Removed => ReplicaEvent::Removed { replica, container },
        What::Ended { exit_code, at } => {
            // In a task of its own: what happens to others is not held up by the looks at this one.
            let (engine, tell) = (engine.clone(), tell.clone());
            tokio::spawn(async move {
                let end = engine.end_of_container(&container, exit_code).await;
                // Who does not listen any more needs no end either.
                let _ = tell.send(ReplicaEvent::Ended { replica, container, end, at }).await;
            });
            return;
        }
    };
    let _ = tell.send(event).await;
}

impl Engine {
    /// How a container's process ended that is known to have ended with this code.
    pub(super) async fn end_of_container(&self, container: &str, exit_code: i64) -> ReplicaEnd {
        let plain = ReplicaEnd { exit_code, out_of_memory: None };
        // Ended as it wanted to, or as it was told to.
        if matches!(exit_code, 0 | 143) {
            return plain;
        }
        let was_killed = exit_code == KILLED;
        for wait in MEMORY_IS_TOLD_WITHIN.into_iter().chain(OF_THE_KILLED.into_iter().filter(|_| was_killed)) {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            match self.look_at_end(container).await {
                Ok(Some(end)) if end.out_of_memory.is_some() => return end,
                Ok(Some(_)) => {}
                // Started again, removed, or nobody to ask.
                Ok(None) | Err(_) => return plain,
            }
        }
        plain
    }
}
