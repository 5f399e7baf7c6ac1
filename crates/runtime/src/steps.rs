//! The containers that the classic builder makes for `RUN` steps: found by a mark, kept to the process limit, removed.
//!
//! The builder puts no label of ours on them, and can be told no process limit. The mark is a host name that no
//! Dockerfile can set. The limit is given to each step from outside, at once when the daemon tells of its container:
//! before its first process or some milliseconds after. What has forked more than it may until then ends the build.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use berth_model::ShortId;
use bollard::models::{ContainerStateStatusEnum, ContainerUpdateBody};
use bollard::query_parameters::{EventsOptions, InspectContainerOptions, ListContainersOptions, StatsOptions};
use futures_util::StreamExt as _;

use crate::error::{in_container, while_doing};
use crate::{Engine, RuntimeError};

/// Between two looks at the list of containers, in case that the daemon's stream of events missed one or broke off.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A container that is just ending cannot be changed; one that still runs after so many tries is no such.
const TRIES: u32 = 10;
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// The steps of one build. Unless told that they are over, they are looked for and removed when this is dropped.
pub(crate) struct Steps {
    engine: Option<Engine>,
    mark: String,
}

impl Steps {
    pub(crate) fn new(engine: &Engine) -> Self {
        Self { mark: format!("{}{}", engine.process_mark(), ShortId::random()), engine: Some(engine.clone()) }
    }

    /// The host name that is in the containers of this build alone.
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// The daemon said that the build ended; it removes its containers itself (`forcerm`).
    pub(crate) fn over(mut self) {
        self.engine = None;
    }
}

/// Keeps every step of one build to the process limit for as long as this is polled; returns if that cannot be done, or
/// if one was over it already.
pub(crate) async fn keep_to_limit(engine: &Engine, mark: &str) -> RuntimeError {
    let mut limited = HashSet::new();
    loop {
        if let Err(error) = follow(engine, mark, &mut limited).await {
            return error;
        }
    }
}

/// Limits what the daemon tells of, and now and then what it lists; until its stream of events ends.
async fn follow(engine: &Engine, mark: &str, limited: &mut HashSet<String>) -> Result<(), RuntimeError> {
    let only = |key: &str, value: &str| (key.to_owned(), vec![value.to_owned()]);
    let filters = Some(HashMap::from([only("type", "container"), only("event", "create")]));
    let docker = engine.docker().await?;
    let mut events = std::pin::pin!(docker.events(Some(EventsOptions { filters, ..EventsOptions::default() })));
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        let made = tokio::select! {
            event = events.next() => match event {
                Some(Ok(event)) => event.actor.and_then(|actor| actor.id).into_iter().collect(),
                Some(Err(_)) | None => break,
            },
            _ = look.tick() => engine.on_build_network().await?,
        };
        for id in made {
            if !limited.contains(&id) && engine.marks_of(&id).await.iter().any(|found| found == mark) {
                engine.limit_processes(&id).await?;
                limited.insert(id);
            }
        }
    }
    // A daemon that went away takes the build with it; one that only dropped the stream is asked again.
    tokio::time::sleep(TRY_AGAIN).await;
    Ok(())
}

impl Drop for Steps {
    fn drop(&mut self) {
        let Some(engine) = self.engine.take() else { return };
        let mark = std::mem::take(&mut self.mark);
        // Noted first: whatever becomes of this, somebody looks again.
        engine.orphans().marks.insert(mark.clone());
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            // The daemon notices the closed connection within a tenth of a second, and removes the container itself.
            for wait in [500, 2_000, 5_000] {
                tokio::time::sleep(Duration::from_millis(wait)).await;
                if let Err(error) = engine.remove_steps(|found| found == mark).await {
                    tracing::warn!(%error, "a canceled image build may have left a container; it is looked for again");
                }
            }
        });
    }
}

impl Engine {
    /// Removes containers that `RUN` steps left: those on our network that carry a mark of ours which `is_over`.
    pub(crate) async fn remove_steps(&self, is_over: impl Fn(&str) -> bool) -> Result<(), RuntimeError> {
        for id in self.on_build_network().await? {
            // Whatever its labels say: a step has those of the Dockerfile.
            if self.marks_of(&id).await.iter().any(|mark| is_over(mark)) {
                self.remove_container(&id).await?;
            }
        }
        Ok(())
    }

    /// The containers on our network, ours by label or not.
    async fn on_build_network(&self) -> Result<Vec<String>, RuntimeError> {
        let filters = Some(HashMap::from([("network".to_owned(), vec![self.network().name().to_owned()])]));
        let options = ListContainersOptions { all: true, filters, ..ListContainersOptions::default() };
        let listed =
            self.docker().await?.list_containers(Some(options)).await.map_err(while_doing("list containers"))?;
        Ok(listed.into_iter().filter_map(|container| container.id).collect())
    }

    /// The host names that a container was given; none if it is gone.
    async fn marks_of(&self, container: &str) -> Vec<String> {
        let Ok(docker) = self.docker().await else { return Vec::new() };
        let inspected = docker.inspect_container(container, None::<InspectContainerOptions>).await;
        let hosts = inspected.ok().and_then(|found| found.host_config?.extra_hosts).unwrap_or_default();
        hosts.iter().filter_map(|host| host.split_once(':')).map(|(name, _)| name.to_owned()).collect()
    }

    /// Gives a container the process limit, whether it has started yet or not.
    async fn limit_processes(&self, container: &str) -> Result<(), RuntimeError> {
        let docker = self.docker().await?;
        let limit = Some(i64::from(self.config().limits.pids));
        for _ in 0..TRIES {
            let body = ContainerUpdateBody { pids_limit: limit, ..ContainerUpdateBody::default() };
            match docker.update_container(container, body).await.map_err(in_container("limit a step's processes")) {
                Ok(()) => return self.require_within_limit(container).await,
                Err(RuntimeError::Gone) => return Ok(()),
                Err(error) => tracing::debug!(container, %error, "limiting a step's processes, again"),
            }
            if self.has_ended(container).await? {
                return Ok(());
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
        let reason = "Docker's log says more; without it, nothing that a Dockerfile runs is started".to_owned();
        Err(RuntimeError::Refused { doing: "give a Dockerfile's step its process limit", reason })
    }

    /// The kernel refuses new processes from now on, and leaves those that there are.
    async fn require_within_limit(&self, container: &str) -> Result<(), RuntimeError> {
        let limit = self.config().limits.pids;
        let options = StatsOptions { stream: false, one_shot: true };
        let mut stats = std::pin::pin!(self.docker().await?.stats(container, Some(options)));
        let pids = stats.next().await.and_then(|stats| stats.ok()?.pids_stats?.current);
        if pids.is_some_and(|pids| pids > u64::from(limit)) {
            return Err(RuntimeError::TooManyProcesses { limit });
        }
        Ok(())
    }

    /// Whether none of its processes will ever run again.
    async fn has_ended(&self, container: &str) -> Result<bool, RuntimeError> {
        use ContainerStateStatusEnum::{CREATED, PAUSED, RESTARTING, RUNNING};
        let inspected = self.docker().await?.inspect_container(container, None::<InspectContainerOptions>).await;
        match inspected.map_err(in_container("describe a container")) {
            Ok(found) => {
                let status = found.state.and_then(|state| state.status);
                Ok(!matches!(status, Some(CREATED | RUNNING | PAUSED | RESTARTING)))
            }
            Err(RuntimeError::Gone) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// What the marks of this instance's builds begin with.
    pub(crate) fn instance_mark(&self) -> String {
        format!("berth-{}-", self.config().instance)
    }

    /// What the marks of this process's builds begin with.
    pub(crate) fn process_mark(&self) -> String {
        format!("{}{}-", self.instance_mark(), self.process())
    }
}
