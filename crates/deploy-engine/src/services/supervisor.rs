//! What should run, runs: the database says what, Docker says what does, and a [`Keeper`] for each service brings the two
//! together. Nothing is remembered here that is not found out anew after a crash.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use berth_edge::{Edge, UpstreamState};
use berth_model::{DeploymentId, ProjectId, ReplicaId, Replicas, ServiceName, Timestamp};
use berth_runtime::{Engine, ReplicaContainer, ReplicaEvent, RuntimeError};
use berth_secrets::KeyRing;
use berth_store::{Deployment, LogOf, ServiceLogs, ServiceSetting, Store};
use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::crew::{Happened, Wanted};
use super::keeper::{Keeper, Service, Tools, seen};
use super::rolls::{Moment, Rolls};
use super::{STOP_WITHIN, ServicesConfig};
use crate::DeployError;

/// A look without being told of anything.
const NOW_AND_THEN: Duration = Duration::from_secs(60);
/// After a look that failed.
const SOON: Duration = Duration::from_secs(1);

/// So many replaced versions of a service are given time for long requests: each needs its memory.
const FINISHING: usize = 2;

/// A service of a deployment.
pub(super) type Key = (DeploymentId, ServiceName);

type Keepers = BTreeMap<Key, Keeper>;

/// Keeps services running. Clones are one.
#[derive(Clone)]
pub struct Supervisor(Arc<Inner>);

struct Inner {
    tools: Tools,
    edge: Edge,
    keepers: Mutex<Keepers>,
    /// Deployments that are on their way to be live.
    rolls: Mutex<Rolls>,
    /// Something is to be looked at.
    look: Notify,
    /// One looks at a time: what an older look found out would undo what a newer one did.
    looking: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Supervisor").field("config", &self.0.tools.config).finish_non_exhaustive()
    }
}

/// What Docker has, as of a moment.
pub(super) struct Stock {
    taken_at: Timestamp,
    replicas: Vec<ReplicaContainer>,
}

impl Stock {
    fn of(&self, key: &Key) -> Vec<super::crew::Seen> {
        let of_key = self.replicas.iter().filter(|found| is_of(&found.id, key));
        of_key.cloned().map(seen).collect()
    }
}

fn is_of(id: &ReplicaId, key: &Key) -> bool {
    (id.deployment, &id.service) == (key.0, &key.1)
}

/// Leads the services of the restored sites to the replicas that run, once Docker answers: without the database.
pub async fn adopt(engine: &Engine, edge: &Edge) {
    let mut pause = SOON;
    let running = loop {
        match engine.replicas().await {
            Ok(replicas) => break replicas,
            Err(error) => {
                tracing::debug!("replicas cannot be asked for yet: {error}");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(15));
            }
        }
    };
    let mut services: BTreeMap<Key, Vec<std::net::SocketAddr>> = BTreeMap::new();
    for found in running.into_iter().filter(|found| found.is_running) {
        services.entry((found.id.deployment, found.id.service)).or_default().extend(found.endpoints);
    }
    let mut adopted = 0;
    for ((deployment, service), addresses) in services {
        let upstream = edge.upstreams().of(deployment.0, service.as_str());
        // What the supervisor has said meanwhile is newer.
        if upstream.state() == UpstreamState::Starting {
            adopted += addresses.len();
            upstream.set(UpstreamState::Ready(addresses));
        }
    }
    if adopted > 0 {
        tracing::info!("{adopted} replicas that run are served");
    }
}

impl Supervisor {
    /// One that keeps nothing yet: see [`Supervisor::run`].
    #[must_use]
    pub fn new(
        engine: Engine,
        store: Store,
        edge: Edge,
        keys: Arc<KeyRing>,
        replicas: Replicas,
        logs: ServiceLogs,
        config: ServicesConfig,
    ) -> Self {
        let tools = Tools { engine, store, keys, replicas, logs, config };
        let (keepers, rolls, look) = (Mutex::default(), Mutex::default(), Notify::new());
        Self(Arc::new(Inner { tools, edge, keepers, rolls, look, looking: tokio::sync::Mutex::default() }))
    }

    pub(super) fn tools(&self) -> &Tools {
        &self.0.tools
    }

    pub(super) fn keepers(&self) -> MutexGuard<'_, Keepers> {
        self.0.keepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what should run running, for as long as this is polled.
    pub async fn run(&self) {
        let mut events = pin!(self.0.tools.engine.replica_events());
        let mut changes = self.0.tools.store.signals().subscribe_services();
        // Docker is asked first: nothing may be started that runs already.
        let (mut is_known, mut due, mut has_failed) = (false, Instant::now(), false);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(ReplicaEvent::Resync) => is_known = false,
                    Some(event) => {
                        self.hear(event).await;
                        continue;
                    }
                    None => {
                        events.set(self.0.tools.engine.replica_events());
                        tokio::time::sleep(SOON).await;
                        continue;
                    }
                },
                _ = changes.changed() => {}
                () = self.0.look.notified() => {}
                // However much is told meanwhile.
                () = tokio::time::sleep_until(due) => {}
            }
            let pause = match self.look(!is_known).await {
                Ok(()) => {
                    (is_known, has_failed) = (true, false);
                    NOW_AND_THEN
                }
                Err(error) => {
                    if !std::mem::replace(&mut has_failed, true) {
                        tracing::warn!("services are left as they are for now: {error}");
                    }
                    SOON
                }
            };
            due = Instant::now() + pause;
        }
    }

    async fn hear(&self, event: ReplicaEvent) {
        let (replica, happened) = match event {
            ReplicaEvent::Ended { replica, container, end, at } => (replica, Happened::Ended { container, end, at }),
            ReplicaEvent::Removed { replica, container } => (replica, Happened::Gone { container }),
            // We started it, or the next look at everything finds it.
            ReplicaEvent::Started { .. } | ReplicaEvent::Resync => return,
        };
        let tell = self.keepers().iter().find(|(key, _)| is_of(&replica, key)).map(|(_, keeper)| keeper.tell.clone());
        if let Some(tell) = tell {
            // One that has ended needs to hear nothing.
            let _ = tell.send(happened).await;
        }
    }

    /// Compares what should run with what is kept, and where it is asked for with everything that Docker has.
    async fn look(&self, at_everything: bool) -> Result<(), DeployError> {
        let _one_at_a_time = self.0.looking.lock().await;
        // Before the database is asked: what is on its way by then, or begins to be while it or Docker takes its time, may
        // be live by now although the answer does not have it.
        let asked_at = self.rolls().now();
        let should_run = self.should_run().await?;
        let has_new = should_run.keys().any(|key| !self.keepers().contains_key(key));
        let stock = if at_everything || has_new { Some(self.take_stock().await?) } else { None };
        for (key, (service, wanted)) in &should_run {
            self.want(key, service, *wanted, true, stock.as_ref());
        }
        self.let_rest_go(&should_run, asked_at);
        if let Some(stock) = stock.filter(|_| at_everything) {
            self.compare(&stock, asked_at).await?;
        }
        Ok(())
    }

    /// What should not run and is on no way to be live leaves, and is forgotten once it is gone.
    fn let_rest_go(&self, should_run: &BTreeMap<Key, (Service, Wanted)>, asked_at: Moment) {
        // A rollout says so before it wants anything: who holds the keepers sees it, or is not there yet.
        let mut keepers = self.keepers();
        let rolls = self.rolls();
        keepers.retain(|key, keeper| {
            if should_run.contains_key(key) || rolls.had(key.0, asked_at) {
                return true;
            }
            let was_wanted =
                keeper.wish.send_if_modified(|wish| std::mem::replace(wish, Wanted::NOTHING) != Wanted::NOTHING);
            was_wanted || !keeper.fares.borrow().is_gone
        });
        hurry_older(&keepers);
    }

    /// Everything that is live and runs, as the database has it.
    async fn should_run(&self) -> Result<BTreeMap<Key, (Service, Wanted)>, DeployError> {
        let mut all = BTreeMap::new();
        for deployment in self.0.tools.store.deployments_to_run().await? {
            let settings = self.settings_of(&deployment).await?;
            for service in services_of(deployment) {
                let wanted = wanted(&service, &settings);
                all.insert((service.deployment.id, service.spec.name.clone()), (service, wanted));
            }
        }
        Ok(all)
    }

    pub(super) async fn settings_of(&self, deployment: &Deployment) -> Result<Vec<ServiceSetting>, DeployError> {
        Ok(self.0.tools.store.service_settings_of(deployment.project, deployment.environment).await?)
    }

    pub(super) async fn take_stock(&self) -> Result<Stock, RuntimeError> {
        let taken_at = self.0.tools.store.clock().now();
        Ok(Stock { taken_at, replicas: self.0.tools.engine.replicas().await? })
    }

    /// Has a service kept as is wanted, from now on. Without the stock one that is not kept yet stays so.
    pub(super) fn want(&self, key: &Key, service: &Service, wanted: Wanted, served: bool, stock: Option<&Stock>) {
        self.want_among(&mut self.keepers(), key, service, wanted, served, stock);
    }

    fn want_among(
        &self,
        keepers: &mut Keepers,
        key: &Key,
        service: &Service,
        wanted: Wanted,
        served: bool,
        stock: Option<&Stock>,
    ) {
        if let Some(keeper) = keepers.get(key) {
            keeper.hurry.send_if_modified(std::mem::take);
            keeper.wish.send_if_modified(|wish| std::mem::replace(wish, wanted) != wanted);
            return;
        }
        let Some(stock) = stock else { return };
        let upstream = self.0.edge.upstreams().of(key.0.0, key.1.as_str());
        upstream.speak(service.running.settings.protocol.unwrap_or_default());
        let (tools, service) = (self.0.tools.clone(), service.clone());
        let keeper = Keeper::begin(tools, service, upstream, stock.of(key), served, wanted);
        keepers.insert(key.clone(), keeper);
    }

    /// Tells each keeper what there is of its replicas, and lets go what nobody keeps.
    async fn compare(&self, stock: &Stock, asked_at: Moment) -> Result<(), DeployError> {
        let kept: Vec<_> = self.keepers().iter().map(|(key, keeper)| (key.clone(), keeper.tell.clone())).collect();
        for (key, tell) in &kept {
            let _ = tell.send(Happened::Stock { all: stock.of(key), taken_at: stock.taken_at }).await;
        }
        let nobodys = stock.replicas.iter().filter(|found| {
            !self.rolls().had(found.id.deployment, asked_at) && !kept.iter().any(|(key, _)| is_of(&found.id, key))
        });
        let nobodys: BTreeSet<DeploymentId> = nobodys.map(|found| found.id.deployment).collect();
        for id in nobodys {
            let known = self.0.tools.store.deployment_unscoped(id).await?;
            let services: Vec<Service> = known.map(services_of).into_iter().flatten().collect();
            for found in stock.replicas.iter().filter(|found| found.id.deployment == id) {
                let key = (id, found.id.service.clone());
                match services.iter().find(|service| service.spec.name == key.1) {
                    // So that a rollout that comes from now on waits until it is gone.
                    Some(service) => {
                        let mut keepers = self.keepers();
                        if !self.rolls().had(id, asked_at) {
                            self.want_among(&mut keepers, &key, service, Wanted::NOTHING, false, Some(stock));
                        }
                    }
                    None => self.let_go(found.container.clone()),
                }
            }
        }
        Ok(())
    }

    /// Of a deployment that is not known any more.
    fn let_go(&self, container: String) {
        let engine = self.0.tools.engine.clone();
        tokio::spawn(async move {
            if let Err(error) = engine.stop_replica(&container, STOP_WITHIN).await {
                tracing::warn!("a replica that is nobody's could not be removed: {error}");
            }
        });
    }

    /// Ends everything of a project that was deleted, and waits for it.
    pub async fn remove_project(&self, project: ProjectId) -> Result<(), DeployError> {
        self.look(true).await?;
        let of_project = |found: &ReplicaContainer| found.id.project == project;
        for found in self.0.tools.engine.replicas().await?.iter().filter(|found| of_project(found)) {
            self.0.tools.engine.stop_replica(&found.container, STOP_WITHIN).await?;
        }
        Ok(())
    }

    fn rolls(&self) -> MutexGuard<'_, Rolls> {
        self.0.rolls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a deployment is on its way to be live, until what this returns is dropped: then it is, or it goes.
    pub(super) fn roll(&self, deployment: DeploymentId) -> Rolling {
        self.rolls().begin(deployment);
        Rolling { supervisor: self.clone(), deployment }
    }
}

/// Has all but the newest of those that were replaced by others come to an end soon.
fn hurry_older(keepers: &Keepers) {
    let mut finishing: HashMap<&LogOf, usize> = HashMap::new();
    for keeper in keepers.values().rev().filter(|keeper| *keeper.wish.borrow() == Wanted::NOTHING) {
        let newer = finishing.entry(&keeper.of).or_default();
        *newer += 1;
        if *newer > FINISHING {
            keeper.hurry.send_replace(true);
        }
    }
}

/// A deployment that is on its way to be live.
pub(super) struct Rolling {
    supervisor: Supervisor,
    deployment: DeploymentId,
}

impl Drop for Rolling {
    fn drop(&mut self) {
        self.supervisor.rolls().end(self.deployment);
        self.supervisor.0.look.notify_one();
    }
}

/// The services of a deployment that run.
pub(super) fn services_of(deployment: Deployment) -> Vec<Service> {
    let deployment = Arc::new(deployment);
    let specs = deployment.services.iter().flatten();
    let running = specs.filter_map(|spec| {
        let running = spec.running()?.clone();
        Some(Service { deployment: Arc::clone(&deployment), spec: spec.clone(), running })
    });
    running.collect()
}

/// How many of a service should run: what somebody chose, else what the repository says, else one.
pub(super) fn wanted(service: &Service, settings: &[ServiceSetting]) -> Wanted {
    let setting = settings.iter().find(|setting| setting.service == service.spec.name);
    let replicas = setting.and_then(|setting| setting.replicas).or(service.running.settings.replicas).unwrap_or(1);
    Wanted { replicas, generation: setting.map_or(0, |setting| setting.generation) }
}
