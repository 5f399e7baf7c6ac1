//! Keeps the replicas of one service of one deployment as they should be: carries out what [`Crew`] orders, and tells it
//! what comes of it. One task; what takes time runs beside it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use berth_edge::{Upstream, UpstreamState};
use berth_model::{
    Cpus, Environment, ReplicaId, ReplicaReport, Replicas, RunningService, ServiceSpec, ServiceState, Timestamp,
};
use berth_runtime::{Engine, EnvVar, Kind, Labels, ReplicaContainer, ReplicaSpec, RuntimeError, VolumeName};
use berth_secrets::{KeyRing, Mask};
use berth_store::{Deployment, LogOf, ServiceLogs, Store};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::ServicesConfig;
use super::crew::{Crew, Happened, Order, Place, Seen, Standing, Trial, Wanted};
use super::environment::{EnvironmentProblem, Told, Variables, compose, host_of, url_of};
use super::health::{Check, Watch};
use super::leaving::{Farewell, Leaving};
use super::logs::{Pump, Tail};

/// Happenings that wait to be taken in.
const HEARD: usize = 64;

/// What everything that runs services works with.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) replicas: Replicas,
    pub(crate) logs: ServiceLogs,
    pub(crate) config: ServicesConfig,
}

/// What one service of one deployment is.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) spec: ServiceSpec,
    pub(crate) running: RunningService,
}

/// How a keeper's service fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fares {
    /// As of this wish.
    pub(crate) wanted: Wanted,
    pub(crate) trial: Trial,
    /// Nothing is wanted, and nothing is left.
    pub(crate) is_gone: bool,
}

/// The task, from outside. It ends when this is dropped.
pub(crate) struct Keeper {
    pub(crate) wish: watch::Sender<Wanted>,
    pub(crate) tell: mpsc::Sender<Happened>,
    pub(crate) fares: watch::Receiver<Fares>,
    pub(crate) tail: Tail,
    /// Whether what it drains has no time for long requests any more.
    pub(crate) hurry: watch::Sender<bool>,
    /// Those that replace each other have the same.
    pub(crate) of: LogOf,
}

impl Keeper {
    /// Begins with what is there already; `served` if visitors were led to it before. Then each is taken at its word but
    /// what was to replace an older one that is still there: it may never have been healthy.
    pub(crate) fn begin(
        tools: Tools,
        service: Service,
        upstream: Arc<Upstream>,
        found: Vec<Seen>,
        served: bool,
        wanted: Wanted,
    ) -> Self {
        let (wish, wishes) = watch::channel(wanted);
        let (tell, heard) = mpsc::channel(HEARD);
        let now = tools.store.clock().now();
        let mut crew = Crew::new(service.running.health_timeout());
        crew.want(wanted, now);
        let ended: Vec<Seen> = found.iter().filter(|seen| seen.end.is_some()).cloned().collect();
        let has_older = |seen: &Seen| {
            let is_older = |other: &Seen| other.number == seen.number && other.generation < seen.generation;
            found.iter().any(|other| other.is_running && is_older(other))
        };
        found.iter().for_each(|seen| crew.adopt(seen.clone(), served && !has_older(seen), now));
        let (fare, fares) = watch::channel(Fares { wanted, trial: crew.trial(), is_gone: false });
        let (tail, of) = (Tail::new(), service.log());
        let (hurry, is_hurried) = watch::channel(false);
        let work = Work {
            tools,
            service,
            upstream,
            crew,
            tell: tell.downgrade(),
            fare,
            tail: tail.clone(),
            tasks: JoinSet::new(),
            watches: HashMap::new(),
            pumps: HashMap::new(),
            leaving: HashMap::new(),
            is_hurried,
            told: HashMap::new(),
        };
        tokio::spawn(work.run(wishes, heard, ended));
        Self { wish, tell, fares, tail, hurry, of }
    }
}

/// The task, from inside.
struct Work {
    tools: Tools,
    service: Service,
    upstream: Arc<Upstream>,
    crew: Crew,
    tell: mpsc::WeakSender<Happened>,
    fare: watch::Sender<Fares>,
    tail: Tail,
    /// What was ordered and takes time; what came of it.
    tasks: JoinSet<Option<Happened>>,
    watches: HashMap<String, AbortHandle>,
    /// Logs that are being read, by container: the next one waits for the one before.
    pumps: HashMap<String, tokio::task::JoinHandle<()>>,
    /// Those that are being drained and stopped, by container.
    leaving: HashMap<String, Farewell>,
    is_hurried: watch::Receiver<bool>,
    told: HashMap<u32, (Place, Timestamp)>,
}

impl Work {
    async fn run(mut self, mut wishes: watch::Receiver<Wanted>, mut heard: mpsc::Receiver<Happened>, ended: Vec<Seen>) {
        // What they said last while nobody listened.
        ended.iter().for_each(|seen| self.read_log(seen.number, &seen.container));
        loop {
            let now = self.tools.store.clock().now();
            let orders = self.crew.orders(now);
            // The proxy first: who is to leave is given no further request by the time that it is drained.
            self.publish(now);
            self.forget_watches();
            for order in orders {
                self.carry_out(order);
            }
            let next = self.crew.wakes_at(now).map(|at| at.since(now));
            let pause = async {
                match next {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            let what = tokio::select! {
                changed = wishes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.crew.want(*wishes.borrow_and_update(), self.tools.store.clock().now());
                    None
                }
                Some(what) = heard.recv() => Some(what),
                Some(done) = self.tasks.join_next() => done.ok().flatten(),
                () = pause => None,
            };
            if let Some(what) = what {
                self.take_in(what);
            }
        }
    }

    fn take_in(&mut self, what: Happened) {
        match &what {
            Happened::Launched(seen) => self.read_log(seen.number, &seen.container),
            Happened::Gone { container } => drop(self.leaving.remove(container)),
            _ => {}
        }
        self.crew.happened(what, self.tools.store.clock().now());
        for (container, farewell) in &self.leaving {
            if !self.crew.may_stay(container) {
                farewell.has_ended();
            }
        }
    }

    /// Asks nobody any more who does not run.
    fn forget_watches(&mut self) {
        self.watches.retain(|container, watch| {
            let is_watched = self.crew.is_watched(container);
            if !is_watched {
                watch.abort();
            }
            is_watched
        });
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Launch { number, generation } => {
                let (tools, service) = (self.tools.clone(), self.service.clone());
                self.tasks.spawn(async move {
                    let launched = launch(&tools, &service, number, generation).await;
                    Some(launched.unwrap_or_else(|why| why.into_happened(number, generation)))
                });
            }
            Order::Again { number, generation, container } => {
                let engine = self.tools.engine.clone();
                self.tasks.spawn(async move {
                    let started = engine.start_again(&container).await;
                    Some(match started {
                        Ok(container) => Happened::Launched(seen(container)),
                        Err(why) => NotLaunched::from(why).into_happened(number, generation),
                    })
                });
            }
            Order::Watch { number, container, endpoints } => {
                let (tools, service, tell) = (self.tools.clone(), self.service.clone(), self.tell.clone());
                let name = container.clone();
                let watching = self.tasks.spawn(async move {
                    let host = host_of(&tools.store, &service.deployment).await.ok().flatten();
                    let watch = Watch {
                        engine: tools.engine.clone(),
                        replicas: tools.replicas.clone(),
                        replica: service.replica(number),
                        container,
                        endpoint: endpoints.first().copied(),
                        port: service.running.port,
                        host: host.unwrap_or_else(|| service.deployment.host.clone()),
                        check: Check::of(&service.spec, &service.running),
                        tell: tell.upgrade()?,
                    };
                    watch.run().await;
                    None
                });
                if !self.pumps.contains_key(&name) {
                    self.read_log(number, &name);
                }
                if let Some(before) = self.watches.insert(name, watching) {
                    before.abort();
                }
            }
            Order::Retire { container, endpoints, how } => {
                let leaving = Leaving {
                    engine: self.tools.engine.clone(),
                    upstream: Arc::clone(&self.upstream),
                    how,
                    limits: self.tools.config.drain,
                    is_hurried: self.is_hurried.clone(),
                    tell: self.tell.clone(),
                    container: container.clone(),
                    endpoints,
                };
                self.leaving.insert(container, leaving.begin(&mut self.tasks));
            }
            Order::Recall { container } => {
                if self.leaving.remove(&container).is_some_and(Farewell::call_off) {
                    self.tasks.spawn(std::future::ready(Some(Happened::Recalled { container })));
                }
            }
        }
    }

    /// Reads on what a container prints, after what is read of it already.
    fn read_log(&mut self, number: u32, container: &str) {
        let pump = Pump {
            engine: self.tools.engine.clone(),
            logs: self.tools.logs.clone(),
            of: self.service.log(),
            deployment: self.service.deployment.id,
            tail: self.tail.clone(),
        };
        let (tools, service) = (self.tools.clone(), self.service.clone());
        let (replica, name) = (self.service.replica(number), container.to_owned());
        let before = self.pumps.remove(container);
        self.pumps.retain(|_, pump| !pump.is_finished());
        let reading = self.tail.reading();
        let reader = tokio::spawn(async move {
            if let Some(before) = before {
                // One that died has read what it has read.
                let _ = before.await;
            }
            let mask = mask_of(&tools, &service).await;
            pump.run(replica, name, mask).await;
            drop(reading);
        });
        self.pumps.insert(container.to_owned(), reader);
    }

    /// Tells the proxy, whoever shows replicas, and whoever waits for them.
    fn publish(&mut self, now: Timestamp) {
        let state = match self.crew.standing() {
            Standing::Starting => UpstreamState::Starting,
            Standing::Ready(addresses) => UpstreamState::Ready(addresses),
            Standing::Down(words) => UpstreamState::Down { words },
            Standing::Stopped => UpstreamState::Stopped,
        };
        self.upstream.set(state);
        let (places, is_gone) = (self.crew.places(), self.crew.is_gone());
        let numbers: BTreeSet<u32> = places.iter().map(|place| place.number).collect();
        let gone: Vec<u32> = self.told.keys().copied().filter(|number| !numbers.contains(number)).collect();
        let mut has_changed = !gone.is_empty();
        for number in gone {
            self.told.remove(&number);
            self.tools.replicas.forget(&self.service.replica(number));
        }
        for place in places {
            let before = self.told.get(&place.number);
            if before.is_some_and(|(before, _)| *before == place) {
                continue;
            }
            has_changed = true;
            let since = before.filter(|(before, _)| before.state == place.state).map_or(now, |(_, since)| *since);
            self.report(&place, since);
            self.told.insert(place.number, (place, since));
        }
        if has_changed {
            let (store, project) = (self.tools.store.clone(), self.service.deployment.project);
            self.tasks.spawn(async move {
                // Who looks sees it all the same; only that it changed is told late.
                if let Err(error) = store.replicas_changed(project).await {
                    tracing::debug!(%project, "a change of replicas could not be told: {error}");
                }
                None
            });
        }
        let fares = Fares { wanted: self.crew.wanted(), trial: self.crew.trial(), is_gone };
        self.fare.send_if_modified(|told| {
            let is_new = *told != fares;
            *told = fares;
            is_new
        });
    }

    fn report(&self, place: &Place, since: Timestamp) {
        let replica = self.service.replica(place.number);
        let (replicas, config) = (&self.tools.replicas, &self.tools.config);
        let known = replicas.of_project(replica.project).into_iter().find(|(known, _)| *known == replica);
        let report = ReplicaReport {
            state: place.state,
            since,
            restarts: place.restarts,
            last_end: place.last_end,
            // Nobody measures it while it leaves.
            usage: known.and_then(|(_, report)| report.usage).filter(|_| place.state != ServiceState::Draining),
            memory_limit: self.service.limits(config).0,
        };
        replicas.report(replica, report);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.told.keys().for_each(|number| self.tools.replicas.forget(&self.service.replica(*number)));
    }
}

impl Service {
    pub(crate) fn replica(&self, number: u32) -> ReplicaId {
        let (project, deployment) = (self.deployment.project, self.deployment.id);
        ReplicaId { project, deployment, service: self.spec.name.clone(), number }
    }

    pub(crate) fn log(&self) -> LogOf {
        let Deployment { project, environment, .. } = *self.deployment;
        LogOf::Service { project, environment, service: self.spec.name.clone() }
    }

    /// What its replicas and commands may use.
    pub(crate) fn limits(&self, config: &ServicesConfig) -> (u64, Cpus, u32) {
        let settings = &self.running.settings;
        let memory = config.maximum.of_memory(settings.memory.unwrap_or(config.memory));
        let cpus = config.maximum.of_cpus(settings.cpus.unwrap_or(config.cpus));
        (memory, cpus, config.pids)
    }

    /// What a process of it is started with, and what of it logs must not show.
    pub(crate) async fn environment(
        &self,
        tools: &Tools,
        replica: Option<u32>,
    ) -> Result<(Vec<EnvVar>, Arc<Mask>), EnvironmentProblem> {
        let variables = Variables::open(&tools.store, &tools.keys, &self.deployment).await?;
        let host = host_of(&tools.store, &self.deployment).await?;
        let url = host.map(|host| url_of(&tools.config, &host));
        let told = Told { url, deployment: &self.deployment, service: &self.spec.name, replica };
        Ok((compose(&self.running, &variables, &told), variables.mask()))
    }

    /// The pull request from a fork whose preview it is. What it keeps is its own and goes with it, like its caches: a
    /// stranger's commit neither reads nor changes what other previews keep.
    async fn stranger(&self, tools: &Tools) -> Result<Option<i64>, NotLaunched> {
        if self.deployment.environment == Environment::Production {
            return Ok(None);
        }
        let build = tools.store.build_unscoped(self.deployment.build).await?;
        let pull_request = build.and_then(|build| build.pull_request);
        Ok(pull_request.filter(|pull_request| pull_request.fork.is_some()).map(|pull_request| pull_request.number))
    }

    /// Its volumes, made where they are missing.
    pub(crate) async fn volumes(
        &self,
        tools: &Tools,
    ) -> Result<Vec<(VolumeName, berth_model::MountPath)>, NotLaunched> {
        let wanted = &self.running.settings.volumes;
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let Deployment { project, environment, .. } = *self.deployment;
        let stranger = self.stranger(tools).await?;
        if stranger.is_none() {
            let names: Vec<_> = wanted.iter().map(|volume| volume.name.clone()).collect();
            tools.store.ensure_volumes(project, environment, &names).await?;
        }
        let mut volumes = Vec::with_capacity(wanted.len());
        for volume in wanted {
            let name = match stranger {
                None => tools.engine.ensure_service_volume(project, environment, &volume.name).await?,
                Some(number) => {
                    let labels =
                        Labels { project: Some(project), pull_request: Some(number), ..Labels::shared(Kind::Cache) };
                    let purpose = format!("volume-{project}-pull-{number}-{}", volume.name);
                    tools.engine.ensure_volume(&purpose, &labels).await?
                }
            };
            volumes.push((name, volume.path.clone()));
        }
        Ok(volumes)
    }
}

/// Why something was not started, for the owner; and whether it may get better by itself.
#[derive(Debug)]
pub(crate) struct NotLaunched {
    pub(crate) problem: String,
    pub(crate) may_pass: bool,
}

impl NotLaunched {
    fn into_happened(self, number: u32, generation: i64) -> Happened {
        let Self { problem, may_pass } = self;
        Happened::NotLaunched { number, generation, problem, may_pass }
    }
}

impl From<RuntimeError> for NotLaunched {
    fn from(error: RuntimeError) -> Self {
        let problem = match &error {
            RuntimeError::ImageGone { .. } | RuntimeError::MissingImage { .. } => {
                "its image is not kept any more; rebuild its commit to get it again".to_owned()
            }
            other => other.to_string(),
        };
        Self { problem, may_pass: error.is_transient() }
    }
}

impl From<berth_store::StoreError> for NotLaunched {
    fn from(error: berth_store::StoreError) -> Self {
        Self { may_pass: error.is_unavailable(), problem: error.to_string() }
    }
}

impl From<EnvironmentProblem> for NotLaunched {
    fn from(error: EnvironmentProblem) -> Self {
        Self { may_pass: error.may_pass(), problem: error.to_string() }
    }
}

async fn launch(tools: &Tools, service: &Service, number: u32, generation: i64) -> Result<Happened, NotLaunched> {
    let (env, _) = service.environment(tools, Some(number)).await?;
    let (memory, cpus, pids) = service.limits(&tools.config);
    let spec = ReplicaSpec {
        id: service.replica(number),
        environment: service.deployment.environment,
        generation,
        image: service.running.image.clone(),
        start_command: service.running.start_command.clone(),
        env,
        port: service.running.port,
        memory,
        cpus,
        pids,
        volumes: service.volumes(tools).await?,
    };
    Ok(Happened::Launched(seen(tools.engine.start_replica(&spec).await?)))
}

/// The secrets of the project as they are now. A database that is away is waited for: no line is shown unmasked.
async fn mask_of(tools: &Tools, service: &Service) -> Arc<Mask> {
    loop {
        match Variables::open(&tools.store, &tools.keys, &service.deployment).await {
            Ok(variables) => return variables.mask(),
            Err(problem) if problem.may_pass() => tokio::time::sleep(Duration::from_secs(1)).await,
            // What cannot be opened was given to no process either.
            Err(_) => return Arc::default(),
        }
    }
}

pub(crate) fn seen(found: ReplicaContainer) -> Seen {
    let ReplicaContainer { id, generation, container, is_running, started_at, end, endpoints, .. } = found;
    let end = end.filter(|_| !is_running);
    Seen { number: id.number, generation, container, endpoints, is_running, started_at, end }
}
