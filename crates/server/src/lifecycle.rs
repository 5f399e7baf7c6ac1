//! One run of Berth from start to end.
//!
//! 1. The data directory is locked, keys are read or made, the directories' owner is checked.
//! 2. Sites are served at once, from the table on disk; those with services as soon as Docker says where these run. The
//!    control plane answers 503.
//! 3. The database is waited for, then checked: its owner, its key. Then its tables are brought up to date, and what a
//!    key from before sealed is sealed anew.
//! 4. The control plane opens and the worker starts. Docker is looked after in the background.
//! 5. At the end: builds are given back while sites are still served; then no new connection, and requests drain.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::middleware::from_fn;
use berth_api::{Api, ApiConfig, GithubConfig, Parts, RateLimits};
use berth_build_engine::source::SourceTimeouts;
use berth_build_engine::{BuildEngine, BuildEngineConfig};
use berth_deploy_engine::{DeployConfig, DeployEngine, Drain, ServicesConfig, Supervisor};
use berth_edge::{Edge, EdgeConfig};
use berth_github::{Addresses, Github, Reporter};
use berth_model::{Clock, InstanceId, Replicas};
use berth_runtime::{Engine, EngineConfig, SandboxLimits};
use berth_store::{ServiceLogs, Store, StoreError};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::detection::EngineDetector;
use crate::folders::EnginePublisher;
use crate::front::{self, ConnectionLimits, ControlHosts, Front};
use crate::health::{self, Disk};
use crate::keys::Keys;
use crate::metrics::{self, Metrics, Observing};
use crate::volumes::EngineVolumes;
use crate::worker::{self, Worker};
use crate::{compression, memory, ownership, pages, rotate, setup};

/// Releases that are kept of a project besides the live one.
const RETENTION: usize = 5;
/// For Docker to say who has a way to Berth, where Berth is in a container. It is up, for it started that.
const DOORS_WITHIN: Duration = Duration::from_secs(5);

/// Runs Berth on `listener` until `shutdown`, or until something makes it refuse to go on.
///
/// # Errors
/// What is wrong and what to do, for the operator: a data directory in use, a wrong key, another's database.
pub async fn run(config: Config, listener: TcpListener, shutdown: CancellationToken) -> Result<()> {
    run_with(config, ConnectionLimits::default(), listener, shutdown).await
}

/// The same with other limits of connections.
///
/// # Errors
/// Those of [`run`].
pub async fn run_with(
    config: Config,
    limits: ConnectionLimits,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<()> {
    // A second server in one process (tests) finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let scrapers = match config.metrics_listen {
        Some(address) => Some(metrics::listener::bind(address).await?),
        None => None,
    };
    let data = Arc::new(DataDir::open(&config.data_dir)?);
    let keys = Keys::of(&config, &data)?;
    let instance = ownership::of_directories(&data, &config.deployments_dir)?;

    let edge = Edge::new(EdgeConfig { clock: Clock::System, ..EdgeConfig::default() });
    let sites = berth_deploy_engine::restore(&deploy_config(&config), &edge);
    let engine = docker(&config, &data, &instance);
    let address = listener.local_addr().context("the listener has no address")?;
    let front = Arc::new(Front::new(
        edge.clone(),
        ControlHosts::of(&config),
        config.trusted_proxies.clone(),
        &all_sites(&config),
        limits,
    ));
    let (stop, close) = (shutdown.child_token(), CancellationToken::new());
    // Services that are there from before know the way.
    if let Err(why) = match tokio::time::timeout(DOORS_WITHIN, engine.find_doors()).await {
        Ok(found) => found.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} seconds", DOORS_WITHIN.as_secs())),
    } {
        tracing::warn!("Docker does not say which services have a way to this port ({why}); none is kept out yet");
    }
    let serving = tokio::spawn(front::serve(listener, Arc::clone(&front), engine.doors(), close.clone()));
    tracing::info!("serving {sites} hosts on {address}");
    let metrics = Arc::new(Metrics::new(edge.clone(), Arc::clone(&front)));
    if let Some(scrapers) = scrapers {
        tokio::spawn(metrics::listener::serve(scrapers, Arc::clone(&metrics), engine.doors(), close.clone()));
    }

    let (docker, proxy) = (engine.clone(), edge.clone());
    let adopting = tokio::spawn(async move { berth_deploy_engine::adopt(&docker, &proxy).await });

    let quiet = Arc::clone(&metrics);
    let giving_back = tokio::spawn(memory::give_back_when_quiet(move || quiet.happened()));

    let controlling = Control { config, data, keys, instance, engine, edge, front, metrics, stop: stop.clone() }.run();
    let outcome = controlling.await;
    giving_back.abort();
    adopting.abort();
    close.cancel();
    serving.await.context("the listener failed")?;
    outcome
}

/// Everything behind the listener.
struct Control {
    config: Config,
    data: Arc<DataDir>,
    keys: Keys,
    instance: InstanceId,
    engine: Engine,
    edge: Edge,
    front: Arc<Front>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
}

impl Control {
    async fn run(self) -> Result<()> {
        let opened = tokio::select! {
            opened = self.open_store() => opened?,
            () = self.stop.cancelled() => return Ok(()),
        };
        let (store, setup_token_hash) = opened;
        self.metrics.open(store.clone());
        let replicas = Replicas::default();
        let logs = self.data.path().join("service-logs");
        let logs = ServiceLogs::open(logs, self.config.service_log, store.clock().clone());
        let worker = Arc::new(self.worker(store.clone(), replicas.clone(), logs.clone())?);
        let api = self.api(store.clone(), setup_token_hash, &worker, replicas, logs.clone())?;
        let routes = api.router().layer(from_fn(compression::compress));
        self.front.open(routes.merge(berth_api::harden(pages::router(), &all_sites(&self.config))));
        tracing::info!("the control plane is at {}", self.config.public_url);

        let mut working = tokio::spawn(worker::run(worker, api.hook_keeper(), self.stop.clone()));
        let setup = setup::end(store, Arc::clone(&self.data), Arc::clone(&self.front), self.stop.clone());
        let setting_up = tokio::spawn(setup);
        let worked = tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            // Sites without a worker would look well and never change: who watches over us starts us again.
            ended = &mut working => Some(ended),
        };
        // Whoever holds the data directory has to end before this returns: it is the next process's then.
        self.stop.cancel();
        let ended = match worked {
            None => working.await.context("the worker failed"),
            Some(ended) => Err(ended.err().map_or_else(|| anyhow!("it returned"), anyhow::Error::from))
                .context("the worker ended while Berth runs, which is a bug of Berth"),
        };
        setting_up.await.context("waiting for the setup failed")?;
        logs.settle().await;
        // Before the drain: sockets would keep their connections for as long as that lasts.
        api.shutdown().await;
        ended
    }

    /// The database, once it answers and has been found to be ours; one that does not answer is asked again, ever more
    /// slowly.
    async fn open_store(&self) -> Result<(Store, Option<[u8; 32]>)> {
        let mut pause = Duration::from_millis(200);
        loop {
            match self.try_open_store().await {
                Err(error) if error.downcast_ref().is_some_and(StoreError::is_unavailable) => {
                    tracing::warn!("{error:#}; asking again in {} ms, sites are served meanwhile", pause.as_millis());
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
                opened => return opened,
            }
        }
    }

    async fn try_open_store(&self) -> Result<(Store, Option<[u8; 32]>)> {
        let store = ownership::open(&self.config, &self.instance, &self.keys.ring).await?;
        rotate::finish(&self.config, &store, &self.keys.ring, &self.data).await?;
        let setup_token_hash = setup::begin(&store, &self.data, &self.config.public_url).await?;
        Ok((store, setup_token_hash))
    }

    fn worker(&self, store: Store, replicas: Replicas, logs: ServiceLogs) -> Result<Worker> {
        let (config, limits, engine) = (&self.config, self.config.build_limits(), self.engine.clone());
        let deploys = DeployEngine::new(deploy_config(config), store.clone(), self.edge.clone());
        let directories = vec![
            ("BERTH_DATA_DIR", config.data_dir.clone()),
            ("BERTH_DEPLOYMENTS_DIR", config.deployments_dir.clone()),
        ];
        let disk = Disk::new(directories, limits.free_space_floor);
        let leftover_after = limits.timeout * 2 + Duration::from_secs(3_600);
        let building = BuildEngineConfig {
            limits,
            service_maximum: config.service_maximum(),
            staging: deploys.staging(),
            source_allow: config.source_allow.clone(),
            source_timeouts: SourceTimeouts::default(),
            github_url: config.github_url.clone(),
        };
        let keys = Arc::new(self.keys.ring.clone());
        let supervisor = Supervisor::new(
            engine.clone(),
            store.clone(),
            self.edge.clone(),
            Arc::clone(&keys),
            replicas,
            logs.clone(),
            services_config(config),
        );
        let addresses = Addresses {
            public_url: config.public_url.clone(),
            site_scheme: config.site_scheme.clone(),
            site_port: config.base_domain.port,
        };
        let github = Github::new(github_client()?, config.github_api_url.clone(), store.clock().clone());
        let (github_url, ring) = (config.github_url.clone(), self.keys.ring.clone());
        let reporter = Reporter::new(store.clone(), ring, github, github_url, self.instance.clone(), addresses);
        Ok(Worker {
            builds: BuildEngine::new(building, engine.clone(), store.clone(), keys)?,
            store,
            engine,
            deploys,
            supervisor,
            logs,
            disk,
            reporter,
            concurrency: usize::try_from(config.build_concurrency).unwrap_or(usize::MAX),
            per_user: config.build_concurrency_per_user,
            every: config.reconcile_every,
            previews_per_project: config.previews_per_project.try_into().unwrap_or(usize::MAX),
            preview_age: config.preview_max_age,
            history: config.keep_history,
            audit: config.keep_audit,
            leftover_after,
            recovered: watch::Sender::new(false),
        })
    }

    fn api(
        &self,
        store: Store,
        setup_token_hash: Option<[u8; 32]>,
        worker: &Worker,
        replicas: Replicas,
        service_logs: ServiceLogs,
    ) -> Result<Api> {
        let config = &self.config;
        let github = config.client_id.clone().zip(config.client_secret.clone());
        let api = ApiConfig {
            public_url: config.public_url.clone(),
            site_scheme: config.site_scheme.clone(),
            base_domain: config.base_domain.to_string(),
            control_host: ControlHosts::of(config).public(),
            jwt_secret: self.keys.signing.clone(),
            webhook_secret: Some(self.keys.webhook.clone()),
            webhook_callback: config.webhook_callback.clone(),
            github: github.map(|(client_id, client_secret)| GithubConfig { client_id, client_secret }),
            github_url: config.github_url.clone(),
            github_api_url: config.github_api_url.clone(),
            frontend_url: config.frontend_url.clone(),
            signup: config.signup.clone(),
            setup_token_hash,
            source_allow: config.source_allow.clone(),
            reserved_names: config.reserved_names.clone(),
            limits: config.build_limits(),
            concurrency: (config.build_concurrency, config.build_concurrency_per_user),
            rate_limits: RateLimits { strangers: config.limit_strangers, writes: config.limit_writes },
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let (deploys, disk, recovered) = (worker.deploys.clone(), worker.disk.clone(), worker.recovered.subscribe());
        let parts = Parts {
            health: health::checks(worker.engine.clone(), worker.disk.clone()),
            detector: Arc::new(EngineDetector::new(worker.builds.clone(), &self.data)?),
            observer: Arc::new(Observing(Arc::clone(&self.metrics))),
            folders: Arc::new(EnginePublisher::new(store.clone(), deploys, disk, config.build_limits(), recovered)),
            replicas,
            service_logs,
            volume_sizes: Arc::new(EngineVolumes(worker.engine.clone())),
        };
        Ok(Api::new(api, store, self.keys.ring.clone(), github_client()?, parts))
    }
}

/// The addresses that sites can have, as a browser's policy names them.
fn all_sites(config: &Config) -> String {
    format!("{}://*.{}", config.site_scheme, config.base_domain)
}

/// The client for GitHub. It follows no redirect: a token is for the host that it was given for.
fn github_client() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .user_agent(concat!("berth/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("the client for GitHub could not be made")
}

fn docker(config: &Config, data: &DataDir, instance: &InstanceId) -> Engine {
    Engine::connect(EngineConfig {
        instance: instance.clone(),
        host: config.docker_host.clone(),
        egress: config.egress,
        egress_allow: config.egress_allow.clone(),
        limits: SandboxLimits::from(&config.build_limits()),
        notes: Some(data.path().join("docker-uses")),
        clock: Clock::System,
    })
}

fn services_config(config: &Config) -> ServicesConfig {
    ServicesConfig {
        memory: config.service_memory,
        cpus: config.service_cpus,
        pids: config.service_pids,
        maximum: config.service_maximum(),
        drain: Drain { requests: config.drain_requests, lasting: config.drain_timeout },
        site_scheme: config.site_scheme.clone(),
        site_port: config.base_domain.port,
    }
}

fn deploy_config(config: &Config) -> DeployConfig {
    DeployConfig {
        deployments: config.deployments_dir.clone(),
        base_domain: config.base_domain.name.clone(),
        retention: RETENTION,
    }
}
