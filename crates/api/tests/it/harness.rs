//! One Berth's API, the people who use it, and the worker's part played through the store.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use berth_api::{Api, ApiConfig, ClientAddress, GithubConfig, HealthChecks, Parts, RateLimits, Signup};
use berth_model::{
    BranchName, BuildLimits, Clock, Commit, CommitHash, DeploymentId, Fork, LogLine, LogPhase, LogStream, ProjectId,
    ProjectName, PullRequest, Reason, Replicas, Role, ServiceSpec, SourceAllow, Timestamp, Trigger, UserId,
    preview_labels,
};
use berth_secrets::{KeyRing, token_hash};
use berth_store::testing::PostgresServer;
use berth_store::{
    ActivationDecision, ActivationReason, Admission, Build, Claimed, NewDeployment, PreviewPush, ServiceLogs, Store,
};
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use url::Url;

use crate::detections::ScriptedDetector;
use crate::fake_github::FakeGithub;
use crate::folders::StoredFolders;
use crate::services::MeasuredVolumes;
use crate::traffic::ScriptedObserver;

pub(crate) const ORIGIN_OF_BERTH: &str = "http://berth.test:8080";
pub(crate) const SETUP_TOKEN: &str = "the-token-that-the-server-printed";
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const WEBHOOK_SECRET: &str = "a webhook secret of some length";

/// A running API.
pub(crate) struct App {
    pub(crate) api: Api,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) github: FakeGithub,
    pub(crate) detector: Arc<ScriptedDetector>,
    pub(crate) replicas: Replicas,
    pub(crate) service_logs: ServiceLogs,
    pub(crate) router: Router,
    _database: Database,
    _logs: tempfile::TempDir,
}

/// An empty database, for as long as it is needed.
#[expect(dead_code, reason = "held until it is dropped")]
enum Database {
    File(tempfile::TempDir),
    Server(Arc<PostgresServer>),
}

impl Database {
    fn sqlite() -> (Self, String) {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/berth.db", directory.path().display());
        (Self::File(directory), url)
    }

    async fn postgres() -> (Self, String) {
        let server = tokio::task::spawn_blocking(PostgresServer::shared).await.unwrap();
        let url = server.new_database();
        (Self::Server(server), url)
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// How a person proves who they are.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) cookie: String,
    pub(crate) bearer: String,
}

/// A project with a passed build, its log, and a live deployment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shop {
    pub(crate) project: i64,
    pub(crate) build: i64,
    pub(crate) deployment: i64,
    pub(crate) secret: i64,
    pub(crate) delivery: i64,
    pub(crate) deploy_hook: i64,
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// On PostgreSQL.
    pub(crate) async fn on_postgres() -> Self {
        Self::with_parts(|_| {}, || async { Ok(()) }, FakeGithub::start().await, Database::postgres().await).await
    }

    /// With another configuration than the usual.
    pub(crate) async fn with(change: impl FnOnce(&mut ApiConfig)) -> Self {
        Self::with_health(change, || async { Ok(()) }).await
    }

    pub(crate) async fn with_health<F>(change: impl FnOnce(&mut ApiConfig), docker: fn() -> F) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self::with_parts(change, docker, FakeGithub::start().await, Database::sqlite()).await
    }

    /// With a GitHub that is not at the top of its host.
    pub(crate) async fn with_github_below(path: &str) -> Self {
        Self::with_parts(|_| {}, || async { Ok(()) }, FakeGithub::below(path).await, Database::sqlite()).await
    }

    async fn with_parts<F>(
        change: impl FnOnce(&mut ApiConfig),
        docker: fn() -> F,
        github: FakeGithub,
        (database, url): (Database, String),
    ) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Clock::manual(Timestamp(1_795_000_000_000_000));
        let store = Store::open(&url, clock.clone()).await.unwrap();
        let mut config = ApiConfig {
            public_url: Url::parse(ORIGIN_OF_BERTH).unwrap(),
            site_scheme: "http".into(),
            base_domain: "sites.test:8080".into(),
            control_host: "panel.sites.test:8080".into(),
            jwt_secret: "a signing secret of at least 32 bytes".into(),
            webhook_secret: Some(WEBHOOK_SECRET.into()),
            webhook_callback: None,
            github: Some(GithubConfig { client_id: "client".into(), client_secret: "client secret".into() }),
            github_url: github.url.clone(),
            github_api_url: format!("{}/api/v3", github.url.as_str().trim_end_matches('/')).parse().unwrap(),
            frontend_url: None,
            signup: Signup::Open,
            setup_token_hash: Some(token_hash(SETUP_TOKEN)),
            source_allow: SourceAllow::parse("127.0.0.1").unwrap(),
            reserved_names: vec!["internal".into()],
            limits: BuildLimits::default(),
            concurrency: (2, 1),
            rate_limits: RateLimits { strangers: NonZeroU32::new(300), writes: NonZeroU32::new(300) },
            version: "0.0.0-test".into(),
        };
        change(&mut config);
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let health = HealthChecks::new(docker, || async { Ok(()) });
        let detector = Arc::new(ScriptedDetector::default());
        let (observer, folders) = (Arc::new(ScriptedObserver), Arc::new(StoredFolders(store.clone())));
        let (replicas, logs) = (Replicas::default(), tempfile::tempdir().unwrap());
        let service_logs = ServiceLogs::open(logs.path().to_owned(), 1 << 20, clock.clone());
        let parts = Parts {
            health,
            detector: detector.clone(),
            observer,
            folders,
            replicas: replicas.clone(),
            service_logs: service_logs.clone(),
            volume_sizes: Arc::new(MeasuredVolumes),
        };
        let api = Api::new(config, store.clone(), KeyRing::new(&[7; 32]), http, parts);
        let router = api.router();
        Self { api, store, clock, github, detector, replicas, service_logs, router, _database: database, _logs: logs }
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str, as_whom: Option<&Person>) -> Answer {
        self.call(Method::GET, path, as_whom, None).await
    }

    pub(crate) async fn post(&self, path: &str, as_whom: Option<&Person>, body: Value) -> Answer {
        self.call(Method::POST, path, as_whom, Some(body)).await
    }

    /// Asks with a person's bearer token and a JSON body.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        as_whom: Option<&Person>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(person) = as_whom {
            request = request.header(AUTHORIZATION, format!("Bearer {}", person.bearer));
        }
        let body = match body {
            Some(json) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    /// The first administrator.
    pub(crate) async fn admin(&self) -> Person {
        let body = json!({"setupToken": SETUP_TOKEN, "login": "admin@localhost", "password": PASSWORD});
        self.post("/api/v1/setup", None, body).await.person()
    }

    /// Somebody who opens an account with a password, where `BERTH_SIGNUP` is open.
    pub(crate) async fn register(&self, login: &str) -> Person {
        self.post("/api/v1/users", None, json!({"login": login, "password": PASSWORD})).await.person()
    }

    /// Makes a link that opens an account; its token and its number.
    pub(crate) async fn invite(&self, admin: &Person, body: Value) -> (String, i64) {
        let made = self.post("/api/v1/invitations", Some(admin), body).await.expect(StatusCode::CREATED);
        (token_of(&made), made["invitation"]["id"].as_i64().unwrap())
    }

    /// Uses a link.
    pub(crate) async fn accept(&self, token: &str, login: &str) -> Answer {
        let body = json!({"token": token, "login": login, "password": PASSWORD});
        self.post("/api/v1/invitations/accept", None, body).await
    }

    /// Signs in with a password.
    pub(crate) async fn sign_in(&self, login: &str, password: &str, address: [u8; 4]) -> Answer {
        let body = json!({"login": login, "password": password}).to_string();
        let request = Request::post("/api/v1/sessions")
            .header(CONTENT_TYPE, "application/json")
            .extension(ClientAddress(address.into()));
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Somebody who comes from GitHub, with a bearer token as a client of the API would have it.
    pub(crate) async fn member(&self, login: &str) -> Person {
        let cookie = self.over_github(login).await.cookie();
        let me = self.send(with_cookie(Method::GET, "/api/v1/me", &cookie)).await.expect(StatusCode::OK);
        let id = UserId(me["id"].as_i64().unwrap());
        let sessions = self.send(with_cookie(Method::GET, "/api/v1/sessions", &cookie)).await.json();
        let session = sessions[0]["id"].as_i64().unwrap().to_string();
        let bearer = sign_token(&self.clock, id, &session);
        Person { id, cookie, bearer }
    }

    /// The whole way over GitHub in one browser; returns the last answer.
    pub(crate) async fn over_github(&self, login: &str) -> Answer {
        let left = self.get("/api/auth/github", None).await;
        let code = self.github.grant(login, &left.location());
        self.come_back(&left, &format!("code={code}&state={}", left.query("state"))).await
    }

    /// The browser that left with `left` comes back from GitHub.
    pub(crate) async fn come_back(&self, left: &Answer, query: &str) -> Answer {
        let path = format!("/api/auth/github/callback?{query}");
        self.send(with_cookie(Method::GET, &path, &left.cookie())).await
    }

    /// Connects a plain git repository under a name.
    pub(crate) async fn create(&self, owner: &Person, name: &str) -> Value {
        let body = json!({"name": name, "branch": "main", "repoUrl": "https://git.example.org/ada/shop.git"});
        self.post("/api/v1/projects", Some(owner), body).await.expect(StatusCode::CREATED)
    }

    /// A project that went through the pipeline.
    pub(crate) async fn shop(&self, owner: &Person, name: &str) -> Shop {
        let project = self.create(owner, name).await["project"]["id"].as_i64().unwrap();
        let body = json!({"variables": [{"key": "TOKEN", "value": "very secret"}]});
        let path = format!("/api/v1/projects/{project}/variables");
        let variables = self.call(Method::PUT, &path, Some(owner), Some(body)).await.expect(StatusCode::OK);
        let (build, deployment) = self.work(name).await;
        let push = crate::webhook::push(json!({"repository": repository("https://git.example.org/ada/shop")}));
        self.send(crate::webhook::signed("push", &push, None)).await.expect(StatusCode::CREATED);
        let path = format!("/api/v1/projects/{project}/deliveries");
        let deliveries = self.get(&path, Some(owner)).await.json();
        self.hook(owner, project).await;
        let path = format!("/api/v1/projects/{project}/deploy-hooks");
        let nightly = self.post(&path, Some(owner), json!({"name": "nightly"})).await.expect(StatusCode::CREATED);
        Shop {
            project,
            build,
            deployment: deployment.0,
            secret: variables[0]["id"].as_i64().unwrap(),
            delivery: deliveries[0]["id"].as_i64().unwrap(),
            deploy_hook: nightly["id"].as_i64().unwrap(),
        }
    }

    /// Gives a project a hook of its own; the secret.
    pub(crate) async fn hook(&self, owner: &Person, project: i64) -> String {
        let path = format!("/api/v1/projects/{project}/hook");
        let made = self.call(Method::PUT, &path, Some(owner), None).await.expect(StatusCode::OK);
        made["secret"].as_str().unwrap().to_owned()
    }

    /// The preview of a pull request from a fork, and its build, which is held.
    pub(crate) async fn hold_pull_request(&self, owner: &Person, shop: &Shop, name: &str) -> (i64, i64) {
        let (path, on) = (format!("/api/v1/projects/{}", shop.project), json!({"previews": true}));
        self.call(Method::PATCH, &path, Some(owner), Some(on)).await.expect(StatusCode::OK);
        let held = self.open_pull_request(ProjectId(shop.project), name, 7, true).await;
        (self.store.open_previews(held.project).await.unwrap()[0].id.0, held.id.0)
    }

    /// A pull request whose preview gets a build; one from a fork is held.
    pub(crate) async fn open_pull_request(&self, project: ProjectId, name: &str, number: i64, of_fork: bool) -> Build {
        let project_name = ProjectName::stored(name).unwrap();
        let branch = match of_fork {
            true => BranchName::of_pull_request(number),
            false => BranchName::parse("cart").unwrap(),
        };
        let fork = Fork { repository: "mallory/shop".into(), reference: format!("refs/pull/{number}/head") };
        let hash = CommitHash::parse(&format!("{number:040}")).unwrap();
        let push = PreviewPush {
            project,
            hosts: preview_labels(&project_name, &branch).map(|label| format!("{label}.sites.test")),
            branch,
            commit: Some(Commit { hash, message: "Add a cart".into(), author: "Mallory".into() }),
            trigger: Trigger::PullRequest,
            pull_request: Some(PullRequest { number, fork: of_fork.then_some(fork) }),
            title: Some("A cart".into()),
            admission: match of_fork {
                true => Admission::Held { reason: Reason::FromFork { fork: "mallory/shop".into() }.into() },
                false => Admission::Queued,
            },
        };
        self.store.push_to_preview(&push).await.unwrap().expect("a new commit is built")
    }

    /// The worker's part: runs the next build of a project to a live deployment.
    pub(crate) async fn work(&self, name: &str) -> (i64, DeploymentId) {
        self.work_with(name, None).await
    }

    /// The same, to what is made of these services.
    pub(crate) async fn work_with(&self, name: &str, services: Option<Vec<ServiceSpec>>) -> (i64, DeploymentId) {
        let claimed = self.claim().await;
        let deployment = self.publish_with(&claimed, name, services).await;
        let activation = self.store.enqueue_activation(deployment, ActivationReason::Build).await.unwrap();
        let decision = self.store.decide_activation(activation).await.unwrap();
        assert!(matches!(decision, ActivationDecision::Go { .. }));
        self.store.confirm_activation(activation).await.unwrap();
        (claimed.build.id.0, deployment)
    }

    pub(crate) async fn claim(&self) -> Claimed {
        let claimed = self.store.claim(Duration::from_secs(60), 10).await.unwrap().expect("a build waits");
        let hash = CommitHash::parse("1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d").unwrap();
        let commit = Commit { hash, message: "Say hello".into(), author: "Ada".into() };
        self.store.record_commit(&claimed.lease, &commit).await.unwrap();
        let lines = [line(1, LogStream::Stdout, "fetching"), line(2, LogStream::Stderr, "npm notice")];
        self.store.append_log(claimed.build.id, &lines).await.unwrap();
        claimed
    }

    pub(crate) async fn publish(&self, claimed: &Claimed, name: &str) -> DeploymentId {
        self.publish_with(claimed, name, None).await
    }

    async fn publish_with(&self, claimed: &Claimed, name: &str, services: Option<Vec<ServiceSpec>>) -> DeploymentId {
        let (id, short_id) = self.store.reserve_deployment(&claimed.lease).await.unwrap();
        let host = format!("{name}-{short_id}.sites.test");
        let new = NewDeployment { id, short_id, host, files: 3, bytes: 1_234, services };
        self.store.publish_deployment(&claimed.lease, new, Some(0)).await.unwrap().id
    }

    /// Answers wishes to put something live, as the worker does.
    pub(crate) fn start_activating(&self) {
        let store = self.store.clone();
        tokio::spawn(async move {
            loop {
                store.signals().worker_woken().await;
                for wish in store.pending_activations().await.unwrap() {
                    let mut decision = store.decide_activation(wish.id).await.unwrap();
                    if let ActivationDecision::Copy { deployment, id, short_id } = decision {
                        let host = format!("copy-{id}.sites.test");
                        let (files, bytes) = (deployment.files.unsigned_abs(), deployment.bytes.unsigned_abs());
                        let copy = NewDeployment { id, short_id, host, files, bytes, services: None };
                        store.publish_copy(wish.id, copy).await.unwrap();
                        decision = store.decide_activation(wish.id).await.unwrap();
                    }
                    if let ActivationDecision::Go { .. } = decision {
                        store.confirm_activation(wish.id).await.unwrap();
                    }
                }
            }
        });
    }

    /// How many builds of a project there are.
    pub(crate) async fn builds(&self, owner: &Person, project: i64) -> usize {
        let access = berth_model::Access::of(owner.id, Role::Member);
        self.store.builds_of(access, ProjectId(project), 500, None).await.unwrap().len()
    }
}

/// The token in a link that was just made.
#[track_caller]
pub(crate) fn token_of(made: &Value) -> String {
    let url = made["url"].as_str().unwrap();
    let token = url.strip_prefix(&format!("{ORIGIN_OF_BERTH}/invite/")).unwrap_or_else(|| panic!("{url}"));
    assert_eq!(token.len(), 43);
    token.to_owned()
}

pub(crate) fn line(number: i64, stream: LogStream, text: &str) -> LogLine {
    LogLine { number, stream, phase: LogPhase::Build, text: text.into() }
}

pub(crate) fn repository(page: &str) -> Value {
    let name = page.rsplit('/').take(2).collect::<Vec<_>>();
    json!({"full_name": format!("{}/{}", name[1], name[0]), "html_url": page, "clone_url": "https://evil.example/x.git"})
}

/// A request of a browser with a cookie, from our own page.
pub(crate) fn with_cookie(method: Method, path: &str, cookie: &str) -> Request {
    let request = Request::builder().method(method).uri(path).header(COOKIE, cookie);
    request.header(ORIGIN, ORIGIN_OF_BERTH).body(Body::empty()).unwrap()
}

/// A bearer token as the API signs them.
pub(crate) fn sign_token(clock: &Clock, user: UserId, session: &str) -> String {
    let now = clock.now().unix_seconds();
    let claims = json!({"email": null, "userId": user.to_string(), "sid": session, "iat": now, "exp": now + 3_600});
    let key = jsonwebtoken::EncodingKey::from_secret(b"a signing secret of at least 32 bytes");
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

impl Answer {
    async fn of(response: axum::response::Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Self { status: parts.status, headers: parts.headers, text }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} is not JSON: {}", self.status, self.text))
    }

    #[track_caller]
    pub(crate) fn expect(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn location(&self) -> Url {
        assert_eq!(self.status, StatusCode::FOUND, "{}", self.text);
        Url::parse(ORIGIN_OF_BERTH).unwrap().join(self.header("location")).unwrap()
    }

    /// A parameter of the address it leads to.
    pub(crate) fn query(&self, name: &str) -> String {
        let location = self.location();
        location.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// The cookies that it sets and does not remove, as a browser sends them back.
    pub(crate) fn cookie(&self) -> String {
        let set = self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        let kept = set.filter(|value| !value.contains("Max-Age=0")).filter_map(|value| value.split(';').next());
        kept.collect::<Vec<_>>().join("; ")
    }

    #[track_caller]
    pub(crate) fn person(self) -> Person {
        let cookie = self.cookie();
        let body = self.expect(StatusCode::CREATED);
        let id = UserId(body["user"]["id"].as_i64().unwrap());
        Person { id, cookie, bearer: body["token"].as_str().unwrap().to_owned() }
    }
}
