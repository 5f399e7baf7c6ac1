//! Services of a project: what is told of them, what people change, what they print, what they keep.

use std::num::NonZeroU16;
use std::sync::Arc;

use berth_api::{VolumeSize, VolumeSizes};
use berth_model::{
    Access, Cpus, DeploymentId, Environment, HealthPath, LogStream, MountPath, PathPrefix, ProjectId, ReplicaEnd,
    ReplicaId, ReplicaReport, ReplicaUsage, Role, RunSettings, RunningService, ServiceName, ServicePart, ServiceRoute,
    ServiceSpec, ServiceState, ServiceVolume, ServiceVolumeName, VariableKey,
};
use berth_store::LogOf;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{App, Person, Shop};

/// Docker, which has measured one volume.
pub(crate) struct MeasuredVolumes;

impl VolumeSizes for MeasuredVolumes {
    fn of_project(&self, _: ProjectId) -> BoxFuture<'static, Vec<VolumeSize>> {
        async { vec![(Environment::Production, ServiceVolumeName::parse("data").unwrap(), 4_096)] }.boxed()
    }
}

pub(crate) fn api() -> ServiceName {
    ServiceName::parse("api").unwrap()
}

/// Pages at `/`, a server with a volume at `/api`.
fn specs() -> Vec<ServiceSpec> {
    let files =
        ServiceSpec { name: ServiceName::only(), routes: vec![ServiceRoute::everything()], part: ServicePart::Static };
    let volume =
        ServiceVolume { name: ServiceVolumeName::parse("data").unwrap(), path: MountPath::parse("/data").unwrap() };
    let settings = RunSettings {
        release_command: Some("node migrate.js".to_owned()),
        health_path: Some(HealthPath::parse("/health").unwrap()),
        cpus: Some(Cpus::new(0.5).unwrap()),
        replicas: Some(2),
        volumes: vec![volume],
        ..RunSettings::default()
    };
    let running = RunningService {
        image: "sha256:1".to_owned(),
        start_command: Some("node server.js".to_owned()),
        port: NonZeroU16::new(4_000).unwrap(),
        environment: [("HOST", "::"), ("MODE", "live")]
            .map(|(key, value)| (VariableKey::parse(key).unwrap(), value.to_owned()))
            .into(),
        settings,
    };
    let routes = vec![ServiceRoute { path: PathPrefix::parse("/api").unwrap(), strip_prefix: false }];
    vec![files, ServiceSpec { name: api(), routes, part: ServicePart::Running(running) }]
}

impl App {
    /// Puts services live in a shop, with a volume that nothing mounts any more; a command that was asked for.
    pub(crate) async fn run_services(&self, owner: &Person, shop: &Shop) -> i64 {
        self.work_with("shop", Some(specs())).await;
        let (project, production) = (ProjectId(shop.project), Environment::Production);
        let volumes = ["data", "old"].map(|name| ServiceVolumeName::parse(name).unwrap());
        self.store.ensure_volumes(project, production, &volumes).await.unwrap();
        let access = Access::of(owner.id, Role::Member);
        self.store.request_run(access, project, None, vec!["true".to_owned()]).await.unwrap().id.0
    }

    async fn services(&self, owner: &Person, shop: &Shop) -> Value {
        self.get(&format!("/api/v1/projects/{}/services", shop.project), Some(owner)).await.expect(StatusCode::OK)
    }
}

#[tokio::test]
async fn what_is_files_alone_is_one_service() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    let told = app.services(&ada, &shop).await;
    assert_eq!(told.as_array().unwrap().len(), 1);
    assert_eq!(
        (&told[0]["name"], &told[0]["kind"], &told[0]["state"], &told[0]["routes"]),
        (&json!("web"), &json!("static"), &Value::Null, &json!([{"path": "/"}]))
    );
    let scale = format!("/api/v1/projects/{}/services/web", shop.project);
    app.call(Method::PATCH, &scale, Some(&ada), Some(json!({"replicas": 2}))).await.expect(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn where_replicas_stand_and_what_they_are_told() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    app.run_services(&ada, &shop).await;
    let told = app.services(&ada, &shop).await;
    assert_eq!(told[1]["state"], "starting", "nobody has said yet where they stand");
    let live = DeploymentId(told[1]["deploymentId"].as_i64().unwrap());
    let replica = |number| ReplicaId { project: ProjectId(shop.project), deployment: live, service: api(), number };
    let report = |state, restarts, last_end| ReplicaReport {
        state,
        since: app.clock.now(),
        restarts,
        last_end,
        usage: None,
        memory_limit: 512 << 20,
    };
    let end = ReplicaEnd { exit_code: 137, out_of_memory: Some(512 << 20) };
    app.replicas.report(replica(1), report(ServiceState::Healthy, 0, None));
    app.replicas.report(replica(2), report(ServiceState::Restarting, 3, Some(end)));
    app.replicas.measure(&replica(1), ReplicaUsage { cpus: 0.25, memory: 64 << 20 });
    // A service of that name elsewhere, and another deployment's of which nobody knows.
    let elsewhere = ReplicaId { project: ProjectId(shop.project + 1), ..replica(1) };
    app.replicas.report(elsewhere, report(ServiceState::CrashLoop, 9, None));
    let unknown = ReplicaId { deployment: DeploymentId(live.0 + 100), ..replica(1) };
    app.replicas.report(unknown, report(ServiceState::CrashLoop, 9, None));

    let told = app.services(&ada, &shop).await;
    let since = app.clock.now().to_string();
    let last_end = json!({"exitCode": 137, "outOfMemory": 512 << 20});
    assert_eq!(
        told[1],
        json!({
            "name": "api", "kind": "running", "environment": "production", "branch": "main", "deploymentId": live.0,
            "routes": [{"path": "/api"}], "port": 4_000, "state": "healthy", "replicas": 2, "plannedReplicas": 2,
            "isScaled": false, "memoryLimit": 512 << 20, "cpuLimit": 0.5, "restarts": 3, "lastEnd": last_end,
            "healthPath": "/health", "startCommand": "node server.js", "releaseCommand": "node migrate.js",
            "volumes": [{"name": "data", "path": "/data"}],
            "variables": [
                {"key": "BERTH_DEPLOYMENT", "source": "berth", "kind": null},
                {"key": "BERTH_ENVIRONMENT", "source": "berth", "kind": null},
                {"key": "BERTH_REPLICA", "source": "berth", "kind": null},
                {"key": "BERTH_SERVICE", "source": "berth", "kind": null},
                {"key": "BERTH_URL", "source": "berth", "kind": null},
                {"key": "HOST", "source": "plan", "kind": null},
                {"key": "MODE", "source": "plan", "kind": null},
                {"key": "PORT", "source": "berth", "kind": null},
                {"key": "TOKEN", "source": "project", "kind": "secret"},
            ],
            "instances": [
                {"number": 1, "deploymentId": live.0, "state": "healthy", "since": since, "restarts": 0,
                 "lastEnd": null, "usage": {"cpus": 0.25, "memory": 64 << 20}, "memoryLimit": 512 << 20},
                {"number": 2, "deploymentId": live.0, "state": "restarting", "since": since, "restarts": 3,
                 "lastEnd": last_end, "usage": null, "memoryLimit": 512 << 20},
            ],
        })
    );
    let previews = format!("/api/v1/projects/{}/services?environment=preview", shop.project);
    assert_eq!(app.get(&previews, Some(&ada)).await.expect(StatusCode::OK), json!([]));
}

/// A list says what needs somebody: a service of what is live of which no replica is well, or on its way to be.
#[tokio::test]
async fn what_does_not_work_is_told_with_its_project() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    app.run_services(&ada, &shop).await;
    let (project, service) = (ProjectId(shop.project), api());
    let live = DeploymentId(app.services(&ada, &shop).await[1]["deploymentId"].as_i64().unwrap());
    let end = ReplicaEnd { exit_code: 3, out_of_memory: None };
    let report = |number, state| {
        let (since, usage) = (app.clock.now(), None);
        app.replicas.report(
            ReplicaId { project, deployment: live, service: service.clone(), number },
            ReplicaReport { state, since, restarts: 5, last_end: Some(end), usage, memory_limit: 1 },
        );
    };
    let told = async || {
        let listed = app.get("/api/v1/projects", Some(&ada)).await.expect(StatusCode::OK);
        let read = app.get(&format!("/api/v1/projects/{}", shop.project), Some(&ada)).await.expect(StatusCode::OK);
        assert_eq!(listed[0]["troubles"], read["troubles"]);
        read["troubles"].clone()
    };
    assert_eq!(told().await, json!([]), "nobody has said yet where they stand");
    report(1, ServiceState::CrashLoop);
    report(2, ServiceState::Restarting);
    assert_eq!(told().await, json!([]), "one of them is started again");
    report(2, ServiceState::CrashLoop);
    assert_eq!(told().await, json!([{"service": "api", "state": "crash_loop", "lastEnd": {"exitCode": 3}}]));
    report(2, ServiceState::Healthy);
    assert_eq!(told().await, json!([]), "one of them answers");
}

/// What waits for no requests has no port, though `PORT` is set.
#[tokio::test]
async fn a_worker_has_no_port() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    let [_, mut worker]: [ServiceSpec; 2] = specs().try_into().unwrap();
    worker.routes.clear();
    let mut sibling = worker.clone();
    sibling.name = ServiceName::parse("cache").unwrap();
    let ServicePart::Running(running) = &mut sibling.part else { panic!("it runs") };
    running.settings.port = Some(running.port);
    app.work_with("shop", Some(vec![worker, sibling])).await;
    let told = app.services(&ada, &shop).await;
    assert_eq!(told[0]["port"], Value::Null);
    assert_eq!(told[1]["port"], 4_000, "who says where it listens answers its siblings");
}

/// While a new version takes over, its replicas are told beside those that still answer.
#[tokio::test]
async fn both_versions_are_told_while_one_takes_over() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    app.run_services(&ada, &shop).await;
    let rebuild = format!("/api/v1/projects/{}/builds", shop.project);
    app.call(Method::POST, &rebuild, Some(&ada), None).await.expect(StatusCode::CREATED);
    let claimed = app.claim().await;
    let next = app.publish(&claimed, "shop").await;
    let old = app.services(&ada, &shop).await[1]["deploymentId"].as_i64().unwrap();
    for (deployment, state) in [(DeploymentId(old), ServiceState::Healthy), (next, ServiceState::Starting)] {
        let project = ProjectId(shop.project);
        let since = app.clock.now();
        let (restarts, last_end, usage) = (0, None, None);
        app.replicas.report(
            ReplicaId { project, deployment, service: api(), number: 1 },
            ReplicaReport { state, since, restarts, last_end, usage, memory_limit: 1 },
        );
    }
    let told = app.services(&ada, &shop).await;
    assert_eq!((told.as_array().unwrap().len(), &told[1]["state"]), (2, &json!("healthy")));
    let instances = told[1]["instances"].as_array().unwrap();
    let of: Vec<_> = instances.iter().map(|instance| instance["deploymentId"].as_i64().unwrap()).collect();
    assert_eq!(of, [old, next.0]);
}

#[tokio::test]
async fn services_are_scaled_and_restarted_by_name() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    app.run_services(&ada, &shop).await;
    let project = ProjectId(shop.project);
    let services = format!("/api/v1/projects/{}/services", shop.project);
    let scale = async |name: &str, body: Value| {
        app.call(Method::PATCH, &format!("{services}/{name}"), Some(&ada), Some(body)).await
    };
    let mut changes = app.store.signals().subscribe_services();
    changes.mark_unchanged();
    let scaled = scale("api", json!({"replicas": 3})).await.expect(StatusCode::OK);
    assert_eq!((&scaled["replicas"], &scaled["plannedReplicas"]), (&json!(3), &json!(2)));
    assert!(changes.has_changed().unwrap(), "who keeps them running is told");
    let planned = scale("api", json!({"replicas": null})).await.expect(StatusCode::OK);
    assert_eq!((&planned["replicas"], &planned["isScaled"]), (&json!(2), &json!(false)), "as the repository says");
    let stopped = scale("api", json!({"replicas": 0})).await.expect(StatusCode::OK);
    assert_eq!((&stopped["state"], &stopped["isScaled"]), (&json!("stopped"), &json!(true)));
    for (body, word) in [
        (json!({"replicas": 21}), "from 0 to 20"),
        (json!({"replicas": -1}), "from 0 to 20"),
        (json!({"replicas": "two"}), "whole number"),
        (json!({}), "needed"),
        (json!({"replicas": 1, "memory": 5}), "no such field"),
    ] {
        let refused = scale("api", body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text.contains(word), "{}", refused.text);
    }
    scale("web", json!({"replicas": 2})).await.expect(StatusCode::CONFLICT);
    scale("nosuch", json!({"replicas": 2})).await.expect(StatusCode::NOT_FOUND);
    scale("No%20Name", json!({"replicas": 2})).await.expect(StatusCode::NOT_FOUND);

    app.post(&format!("{services}/api/restart"), Some(&ada), json!({})).await.expect(StatusCode::ACCEPTED);
    let settings = app.store.service_settings_of(project, Environment::Production).await.unwrap();
    assert_eq!((settings[0].replicas, settings[0].generation), (Some(0), 1));
}

#[tokio::test]
async fn logs_are_read_by_number_and_searched() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    let of = LogOf::Service { project: ProjectId(shop.project), environment: Environment::Production, service: api() };
    let (one, two) = (
        app.service_logs.writer(of.clone(), DeploymentId(5), Some(1), Arc::default()),
        app.service_logs.writer(of, DeploymentId(5), Some(2), Arc::default()),
    );
    let second = 1_000_000_000;
    for number in 0..10 {
        let writer = if number % 2 == 0 { &one } else { &two };
        writer.line(number * second, LogStream::Stdout, format!("GET /{number}").as_bytes()).await;
    }
    two.line(10 * second, LogStream::Stderr, "TypeError: Ünknown".as_bytes()).await;
    one.say("replica 1 ended: exit code 1").await;
    one.end().await;
    let path = format!("/api/v1/projects/{}/services/api/logs", shop.project);
    let read = async |query: &str| app.get(&format!("{path}{query}"), Some(&ada)).await;
    let numbers = |page: &Value| -> Vec<i64> {
        page["lines"].as_array().unwrap().iter().map(|line| line["number"].as_i64().unwrap()).collect()
    };

    let newest = read("?limit=2").await.expect(StatusCode::OK);
    let said_at = app.clock.now().to_string();
    assert_eq!(
        newest,
        json!({
            "lines": [
                {"number": 11, "at": "1970-01-01T00:00:10.000Z", "deploymentId": 5, "replica": 2,
                 "stream": "stderr", "text": "TypeError: Ünknown"},
                {"number": 12, "at": said_at, "deploymentId": 5, "replica": 1, "stream": "stdout",
                 "text": "replica 1 ended: exit code 1"},
            ],
            "before": 11, "after": null, "oldest": 1, "newest": 12,
        })
    );
    let older = read("?limit=2&before=3").await.expect(StatusCode::OK);
    assert_eq!((numbers(&older), &older["before"]), (vec![1, 2], &Value::Null));
    let next = read("?limit=2&after=3").await.expect(StatusCode::OK);
    assert_eq!((numbers(&next), &next["after"]), (vec![4, 5], &json!(5)));
    for (query, found) in [
        ("?query=typeerror%3A%20%C3%BCnk", vec![11]),
        ("?stream=stderr", vec![11]),
        ("?replica=2&query=get", vec![2, 4, 6, 8, 10]),
        ("?since=1970-01-01T00:00:03Z&until=1970-01-01T00:00:05Z", vec![4, 5]),
        ("?deployment=6", vec![]),
        ("?environment=preview", vec![]),
        ("?query=.*", vec![]),
    ] {
        let page = read(query).await.expect(StatusCode::OK);
        assert_eq!(numbers(&page), found, "{query}");
    }
    read("?before=3&after=1").await.expect(StatusCode::BAD_REQUEST);
    read("?stream=both").await.expect(StatusCode::BAD_REQUEST);
    read("?since=yesterday").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    read(&format!("?query={}", "x".repeat(2_000))).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn volumes_have_a_size_and_go_when_asked_for() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    app.run_services(&ada, &shop).await;
    let path = format!("/api/v1/projects/{}/volumes", shop.project);
    let created = app.clock.now().to_string();
    let listed = app.get(&path, Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(
        listed,
        json!([
            {"name": "data", "environment": "production", "bytes": 4_096, "services": ["api"], "createdAt": created},
            {"name": "old", "environment": "production", "bytes": null, "services": [], "createdAt": created},
        ])
    );
    let remove = async |name: &str| app.call(Method::DELETE, &format!("{path}/{name}"), Some(&ada), None).await;
    let mounted = remove("data").await;
    assert!(mounted.text.contains("in use"), "{}", mounted.text);
    mounted.expect(StatusCode::CONFLICT);
    remove("old?environment=preview").await.expect(StatusCode::NOT_FOUND);
    remove("old").await.expect(StatusCode::NO_CONTENT);
    remove("old").await.expect(StatusCode::NOT_FOUND);
    let listed = app.get(&path, Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(app.store.volumes_to_remove().await.unwrap().len(), 1, "the worker removes what is in it");
}
