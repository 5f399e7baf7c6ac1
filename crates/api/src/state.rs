//! What every handler has at hand.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, Weak};

use axum::Router;
use berth_github::{Github, HookKeeper};
use berth_model::Replicas;
use berth_secrets::KeyRing;
use berth_store::{ServiceLogs, Store};
use tokio_util::sync::CancellationToken;

use crate::auth::{Hashing, Jwt, Throttle};
use crate::config::{ApiConfig, HealthChecks};
use crate::detection::{Detections, Detector};
use crate::folder::FolderPublisher;
use crate::limits::Limits;
use crate::observer::Observer;
use crate::realtime::{self, Realtime};
use crate::volumes::VolumeSizes;
use crate::webhooks::Bodies;
use crate::{router, v1};

/// The API of one Berth. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Api(Arc<State>);

/// Who sent a request, as the server that accepted the connection knows it (behind trusted proxies: as they say).
/// The server puts it into each request's extensions; sign-in is throttled by it.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

/// What the API asks and cannot do itself: it calls no engine, and serves no site. The server answers.
pub struct Parts {
    /// Whether Docker and the disks are fine.
    pub health: HealthChecks,
    /// What would be built.
    pub detector: Arc<dyn Detector>,
    /// What visitors of sites do.
    pub observer: Arc<dyn Observer>,
    /// Folders that are deployed.
    pub folders: Arc<dyn FolderPublisher>,
    /// Where replicas stand.
    pub replicas: Replicas,
    /// What services and commands print.
    pub service_logs: ServiceLogs,
    /// What is in volumes.
    pub volume_sizes: Arc<dyn VolumeSizes>,
}

/// See [`Api`], which derefs to it.
pub struct State {
    pub(crate) config: ApiConfig,
    pub(crate) store: Store,
    pub(crate) keys: KeyRing,
    pub(crate) http: reqwest::Client,
    pub(crate) github: Github,
    pub(crate) jwt: Jwt,
    pub(crate) throttle: Throttle,
    pub(crate) limits: Limits,
    pub(crate) hashing: Hashing,
    pub(crate) hooks: HookKeeper,
    pub(crate) deliveries: Bodies,
    pub(crate) forms: Bodies,
    pub(crate) detections: Detections,
    pub(crate) folders: Arc<dyn FolderPublisher>,
    pub(crate) replicas: Replicas,
    pub(crate) service_logs: ServiceLogs,
    pub(crate) volume_sizes: Arc<dyn VolumeSizes>,
    pub(crate) health: HealthChecks,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) watching: v1::Watchers,
    pub(crate) realtime: Realtime,
    pub(crate) stop: CancellationToken,
}

/// An [`Api`] that does not keep it alive.
#[derive(Clone)]
pub(crate) struct WeakApi(Weak<State>);

impl WeakApi {
    /// The API, unless it is gone.
    pub(crate) fn upgrade(&self) -> Option<Api> {
        self.0.upgrade().map(Api)
    }
}

impl Deref for Api {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl Api {
    /// Assembles the API and starts the task that feeds its sockets; needs a tokio runtime. `http` is the client for
    /// GitHub; the caller has installed a TLS provider, and set it to follow no redirect.
    #[must_use]
    pub fn new(config: ApiConfig, store: Store, keys: KeyRing, http: reqwest::Client, parts: Parts) -> Self {
        let Parts { health, detector, observer, folders, replicas, service_logs, volume_sizes } = parts;
        let github = Github::new(http.clone(), config.github_api_url.clone(), store.clock().clone());
        let (url, secret) = (config.webhook_url(), config.webhook_secret.clone());
        let hooks =
            HookKeeper::new(store.clone(), keys.clone(), github.clone(), config.github_url.clone(), url, secret);
        let api = Self(Arc::new(State {
            jwt: Jwt::new(&config.jwt_secret, store.clock().clone()),
            throttle: Throttle::new(store.clock().clone()),
            limits: Limits::new(store.clock().clone(), config.rate_limits),
            hashing: Hashing::default(),
            hooks,
            deliveries: Bodies::of_deliveries(),
            forms: Bodies::of_forms(),
            detections: Detections::new(detector),
            folders,
            replicas,
            service_logs,
            volume_sizes,
            github,
            realtime: Realtime::new(),
            stop: CancellationToken::new(),
            config,
            store,
            keys,
            http,
            health,
            observer,
            watching: v1::Watchers::default(),
        }));
        realtime::start(&api);
        api
    }

    /// Who looks after the hooks at GitHub: the worker has it do so, the API tells it of what it meets.
    #[must_use]
    pub fn hook_keeper(&self) -> HookKeeper {
        self.hooks.clone()
    }

    pub(crate) fn downgrade(&self) -> WeakApi {
        WeakApi(Arc::downgrade(&self.0))
    }

    /// Everything the API answers, without a fallback: pages are the server's, see [`crate::harden`].
    pub fn router(&self) -> Router {
        router::build(self)
    }

    /// Method and address of every route, with parameters in braces: the tests' proof that none is forgotten.
    #[must_use]
    pub fn routes() -> Vec<(http::Method, String)> {
        router::table()
    }

    /// Ends the feeding of sockets and closes them all.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.realtime.io().close().await;
    }
}
