//! Services on a real Docker: versions that go live and versions that do not, ends and restarts, adoption, commands.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use berth_deploy_engine::{Activated, Drain, ServicesConfig, Supervisor, adopt, restore};
use berth_edge::{Edge, EdgeConfig, UpstreamState};
use berth_model::{
    BranchName, BuiltPart, BuiltService, Clock, Cpus, Environment, Fork, InstanceId, PullRequest, ReplicaReport,
    Replicas, RunSettings, RunStatus, RunningService, ServiceMaximum, ServiceName, ServiceRoute, ServiceState,
    ServiceVolume, Trigger, VariableKey, VariableKind, VariableScope, preview_labels,
};
use berth_runtime::{Egress, Engine, EngineConfig};
use berth_secrets::KeyRing;
use berth_store::{
    ActivationReason, Admission, Deployment, LogFrom, LogOf, LogSearch, PreviewPush, Project, SealedVariable,
    ServiceLogs,
};
use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::world::World;

/// What services are made of: it needs no build.
const IMAGE: &str = "python:3.12-slim";

/// Answers with its text; `/env/<key>` with a variable; ends by itself at `/crash`, takes all memory at `/eat`.
const SERVER: &str = r#"
import http.server, os, signal, sys
exec(os.environ.get("FIRST", ""))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/crash": os._exit(3)
        if self.path == "/eat":
            eaten = []
            while True: eaten.append(bytearray(os.urandom(1)) * (8 << 20))
        key = self.path.removeprefix("/env/")
        answer = os.environ.get(key, "none") if key != self.path else os.environ["TEXT"]
        self.send_response(200); self.end_headers(); self.wfile.write(answer.encode())
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print("serving", os.environ["TEXT"], os.environ.get("TOKEN"), flush=True)
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// A world whose services run.
struct Fleet {
    world: World,
    docker: Engine,
    keys: Arc<KeyRing>,
    replicas: Replicas,
    logs: ServiceLogs,
    supervisor: Supervisor,
    /// Ends with the fleet, so that nothing is started again while it is taken away.
    working: JoinSet<()>,
}

/// Runs a test, and takes away what it made, also when it fails.
async fn with_fleet(test: impl AsyncFnOnce(Fleet)) {
    let mut config = EngineConfig::new(InstanceId::random());
    if !rustix::process::geteuid().is_root() {
        config.egress = Egress::Open;
    }
    let docker = Engine::connect(config.clone());
    docker.ping().await.expect("these tests need a running Docker daemon");
    let world = World::on(Clock::System).await;
    let keys = Arc::new(KeyRing::new(&[7; 32]));
    let ended = AssertUnwindSafe(test(Fleet::begin(world, docker, keys))).catch_unwind().await;
    Engine::connect(config).remove_instance().await.expect("everything of the instance can be removed");
    if let Err(failed) = ended {
        std::panic::resume_unwind(failed);
    }
}

/// A service as its repository describes it.
fn service(text: &str, change: impl FnOnce(&mut RunningService)) -> BuiltService {
    let key = |name| VariableKey::parse(name).unwrap();
    let mut running = RunningService {
        image: IMAGE.to_owned(),
        start_command: Some("python3 -c \"$SERVER\"".to_owned()),
        port: berth_model::DEFAULT_PORT,
        environment: BTreeMap::from([(key("SERVER"), SERVER.to_owned()), (key("TEXT"), text.to_owned())]),
        settings: RunSettings { port: Some(berth_model::DEFAULT_PORT), ..RunSettings::default() },
    };
    change(&mut running);
    let routes = vec![ServiceRoute::everything()];
    BuiltService { name: ServiceName::only(), routes, part: BuiltPart::Running(running) }
}

fn first(running: &mut RunningService, script: &str) {
    running.environment.insert(VariableKey::parse("FIRST").unwrap(), script.to_owned());
}

impl Fleet {
    fn begin(world: World, docker: Engine, keys: Arc<KeyRing>) -> Self {
        let logs = world.directory.path().join("service-logs");
        let logs = ServiceLogs::open(logs, 1 << 20, Clock::System);
        let replicas = Replicas::default();
        let supervisor = Supervisor::new(
            docker.clone(),
            world.store.clone(),
            world.edge.clone(),
            Arc::clone(&keys),
            replicas.clone(),
            logs.clone(),
            ServicesConfig {
                memory: 128 << 20,
                cpus: Cpus::new(1.0).unwrap(),
                pids: 64,
                maximum: ServiceMaximum { memory: Some(128 << 20), cpus: None },
                drain: Drain { requests: Duration::from_secs(5), lasting: Duration::from_secs(5) },
                site_scheme: "http".to_owned(),
                site_port: None,
            },
        );
        let at_work = supervisor.clone();
        let mut working = JoinSet::new();
        working.spawn(async move {
            tokio::join!(at_work.run(), at_work.run_commands());
        });
        Self { world, docker, keys, replicas, logs, supervisor, working }
    }

    /// As after `kill -9`: what is left is on disk, in the database and in Docker. The edge has what was restored, and
    /// nothing works yet.
    async fn die(mut self) -> (World, Engine, Arc<KeyRing>) {
        self.working.shutdown().await;
        let Self { mut world, docker, keys, .. } = self;
        world.edge = Edge::new(EdgeConfig { clock: world.clock.clone(), ..EdgeConfig::default() });
        (world, Engine::connect(docker.config().clone()), keys)
    }

    async fn publish(&mut self, project: &Project, services: Vec<BuiltService>) -> Deployment {
        let claimed = self.world.claim(project).await;
        let engine = &self.world.engine;
        engine.publish(&claimed.lease, &claimed.project, services, Some(0), &mut |_: &str| {}).await.unwrap()
    }

    async fn put_live(&self) -> Activated {
        let pending = self.world.store.pending_activations().await.unwrap();
        assert!(pending[0].has_services);
        self.world.engine.roll_out(&self.supervisor, pending[0].id).await.unwrap()
    }

    async fn deploy(&mut self, project: &Project, services: Vec<BuiltService>) -> Deployment {
        self.publish(project, services).await;
        match self.put_live().await {
            Activated::Live(deployment) => *deployment,
            Activated::Refused { reason } => panic!("{reason}"),
        }
    }

    /// A push to a branch's preview, or to that of a pull request, which goes live.
    async fn preview(
        &mut self,
        project: &Project,
        branch: &str,
        pull_request: Option<PullRequest>,
        services: Vec<BuiltService>,
    ) -> Deployment {
        let branch = BranchName::parse(branch).unwrap();
        let push = PreviewPush {
            project: project.id,
            hosts: preview_labels(&project.name, &branch).map(|label| format!("{label}.example.org")),
            branch,
            commit: None,
            trigger: Trigger::Push,
            pull_request,
            title: None,
            admission: Admission::Queued,
        };
        self.world.store.push_to_preview(&push).await.unwrap();
        self.world.engine.reconcile().await.unwrap();
        let claimed = self.world.store.claim(Duration::from_secs(60), 9).await.unwrap().unwrap();
        let engine = &self.world.engine;
        engine.publish(&claimed.lease, &claimed.project, services, Some(0), &mut |_: &str| {}).await.unwrap();
        match self.put_live().await {
            Activated::Live(deployment) => *deployment,
            Activated::Refused { reason } => panic!("{reason}"),
        }
    }

    async fn refused(&mut self, project: &Project, services: Vec<BuiltService>) -> (Deployment, String) {
        let deployment = self.publish(project, services).await;
        match self.put_live().await {
            Activated::Refused { reason } => (deployment, reason),
            Activated::Live(_) => panic!("it should not be live"),
        }
    }

    fn state(&self, deployment: &Deployment) -> UpstreamState {
        state(&self.world.edge, deployment)
    }

    async fn get(&self, deployment: &Deployment, path: &str) -> String {
        let UpstreamState::Ready(addresses) = self.state(deployment) else { panic!("{:?}", self.state(deployment)) };
        get(addresses[0], path).await.unwrap()
    }

    /// The containers of a deployment, by Docker's own word.
    async fn containers(&self, deployment: &Deployment) -> Vec<String> {
        containers(&self.docker, deployment).await
    }

    fn report(&self, deployment: &Deployment) -> Option<ReplicaReport> {
        let of_project = self.replicas.of_project(deployment.project);
        of_project.into_iter().find(|(id, _)| id.deployment == deployment.id).map(|(_, report)| report)
    }

    async fn secret(&self, project: &Project, key: &str, value: &str) {
        let sealed = SealedVariable {
            key: VariableKey::parse(key).unwrap(),
            kind: VariableKind::Secret,
            scope: VariableScope::Both,
            value: self.keys.seal(project.id, key, value),
        };
        self.world.store.put_variables(self.world.access, project.id, vec![sealed]).await.unwrap();
    }

    async fn log(&self, of: &LogOf) -> Vec<String> {
        self.logs.settle().await;
        let search = LogSearch::default();
        let page = self.logs.page(of, search, LogFrom::Before(None), 100).await.unwrap();
        page.lines.into_iter().map(|line| line.text).collect()
    }
}

fn state(edge: &Edge, deployment: &Deployment) -> UpstreamState {
    edge.upstreams().of(deployment.id.0, ServiceName::ONLY).state()
}

async fn containers(docker: &Engine, deployment: &Deployment) -> Vec<String> {
    let all = docker.replicas().await.unwrap();
    all.into_iter().filter(|found| found.id.deployment == deployment.id).map(|found| found.container).collect()
}

async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_takes_over_once_it_is_healthy_and_the_old_one_ends() {
    with_fleet(async |mut fleet: Fleet| {
        let project = fleet.world.project("shop").await;
        fleet.secret(&project, "TOKEN", "s3cr3t-t0k3n").await;
        let one = fleet.deploy(&project, vec![service("one", |_| ())]).await;
        assert_eq!(fleet.get(&one, "/").await, "one");
        assert_eq!(fleet.get(&one, "/env/TOKEN").await, "s3cr3t-t0k3n");
        assert_eq!(fleet.get(&one, "/env/BERTH_URL").await, "http://shop.example.org");
        let report = fleet.report(&one).unwrap();
        assert_eq!((report.state, report.restarts, report.memory_limit), (ServiceState::Healthy, 0, 128 << 20));

        // Built when the operator gave more.
        let two = service("two", |running| running.settings.memory = Some(1 << 30));
        let two = fleet.deploy(&project, vec![two]).await;
        assert_eq!(fleet.get(&two, "/").await, "two");
        assert_eq!(fleet.report(&two).unwrap().memory_limit, 128 << 20);
        until("the old one is gone", async || fleet.containers(&one).await.is_empty().then_some(())).await;
        assert_eq!(fleet.state(&one), UpstreamState::Stopped);
        until("it is shown no more", async || fleet.report(&one).is_none().then_some(())).await;
        assert_eq!(fleet.world.status(one.id).await, "retired");

        let environment = Environment::Production;
        let of = LogOf::Service { project: project.id, environment, service: ServiceName::only() };
        let log = fleet.log(&of).await;
        assert!(
            ["serving one ***", "serving two ***"].iter().all(|line| log.iter().any(|said| said == line)),
            "{log:?}"
        );

        // Back, with the image that is kept.
        let back = fleet.world.store.request_activation(fleet.world.access, one.id, ActivationReason::Rollback);
        back.await.unwrap();
        assert!(matches!(fleet.put_live().await, Activated::Live(live) if live.id == one.id));
        assert_eq!(fleet.get(&one, "/").await, "one");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_does_not_work_is_refused_with_its_last_words() {
    with_fleet(async |mut fleet: Fleet| {
        let project = fleet.world.project("shop").await;
        fleet.secret(&project, "TOKEN", "s3cr3t-t0k3n").await;
        let good = fleet.deploy(&project, vec![service("good", |_| ())]).await;
        let container = fleet.containers(&good).await;

        let crash = "print('no such table', os.environ['TOKEN'], flush=True); sys.exit(7)";
        let (bad, reason) = fleet.refused(&project, vec![service("bad", |running| first(running, crash))]).await;
        for part in ["service web", "exit code 7", "What was live stays live", "no such table ***"] {
            assert!(reason.contains(part), "{part} in {reason}");
        }
        assert!(!reason.contains("s3cr3t"));
        assert_eq!(fleet.world.status(bad.id).await, "failed");
        until("nothing of it is left", async || fleet.containers(&bad).await.is_empty().then_some(())).await;

        let deaf = service("deaf", |running| {
            first(running, "import time; print('thinking', flush=True); time.sleep(600)");
            running.settings.health_timeout = Some(6);
        });
        let (_, reason) = fleet.refused(&project, vec![deaf]).await;
        for part in ["not healthy within 6 seconds", "nothing listens on port 3000", "0.0.0.0", "thinking"] {
            assert!(reason.contains(part), "{part} in {reason}");
        }

        let gone = service("gone", |running| running.image = format!("sha256:{}", "0".repeat(64)));
        let (_, reason) = fleet.refused(&project, vec![gone]).await;
        assert!(reason.contains("rebuild its commit"), "{reason}");

        assert_eq!(fleet.get(&good, "/").await, "good");
        assert_eq!(fleet.containers(&good).await, container, "and it was never touched");
        assert_eq!(fleet.report(&good).unwrap().restarts, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_outlives_berth_and_is_served_before_the_database_is_asked() {
    with_fleet(async |mut fleet: Fleet| {
        let project = fleet.world.project("shop").await;
        let live = fleet.deploy(&project, vec![service("on", |_| ())]).await;
        let (container, ready) = (fleet.containers(&live).await, fleet.state(&live));
        let (mut world, docker, keys) = fleet.die().await;
        assert_eq!(restore(&world.config(), &world.edge), 2);
        assert_eq!(state(&world.edge, &live), UpstreamState::Starting);
        adopt(&docker, &world.edge).await;
        assert_eq!(state(&world.edge, &live), ready, "without the database");

        world.reopen();
        let fleet = Fleet::begin(world, docker, keys);
        let report = until("it is watched", async || fleet.report(&live)).await;
        assert_eq!((report.state, report.restarts), (ServiceState::Healthy, 0));
        assert_eq!((fleet.state(&live), fleet.containers(&live).await), (ready, container));
        assert_eq!(fleet.get(&live, "/").await, "on");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ends_is_started_again_and_memory_is_named() {
    with_fleet(async |mut fleet: Fleet| {
        let project = fleet.world.project("shop").await;
        let live = fleet.deploy(&project, vec![service("on", |_| ())]).await;
        let UpstreamState::Ready(addresses) = fleet.state(&live) else { panic!("not ready") };
        let _ = get(addresses[0], "/crash").await;
        let down = until("the page says it", async || match fleet.state(&live) {
            UpstreamState::Down { words } => Some(words),
            _ => None,
        });
        assert_eq!(down.await, "crashed: exit code 3");
        // The proxy is told first, also of an end: the report alone may still be of the time before.
        let is_back = async || {
            let is_served = matches!(fleet.state(&live), UpstreamState::Ready(_));
            (is_served && fleet.report(&live)?.state == ServiceState::Healthy).then_some(())
        };
        until("it is back", is_back).await;
        let UpstreamState::Ready(addresses) = fleet.state(&live) else { panic!("not ready") };
        let _ = get(addresses[0], "/eat").await;
        let down = until("the page says it", async || match fleet.state(&live) {
            UpstreamState::Down { words } => Some(words),
            _ => None,
        });
        assert_eq!(down.await, "crashed: out of memory (limit 128 MiB)");
        until("it is back", is_back).await;
        let report = fleet.report(&live).unwrap();
        assert_eq!((report.restarts, report.last_end.unwrap().out_of_memory), (2, Some(128 << 20)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scaling_and_restarting_leave_somebody_to_answer() {
    with_fleet(async |mut fleet: Fleet| {
        let project = fleet.world.project("shop").await;
        let live = fleet.deploy(&project, vec![service("on", |_| ())]).await;
        let (store, access, web) = (fleet.world.store.clone(), fleet.world.access, ServiceName::only());
        store.scale_service(access, project.id, Environment::Production, &web, Some(2)).await.unwrap();
        let two = until("two answer", async || match fleet.state(&live) {
            UpstreamState::Ready(addresses) if addresses.len() == 2 => Some(addresses),
            _ => None,
        });
        two.await;
        let before = fleet.containers(&live).await;
        store.restart_service(access, project.id, Environment::Production, &web).await.unwrap();
        let (mut fewest, since) = (2, Instant::now());
        loop {
            let UpstreamState::Ready(addresses) = fleet.state(&live) else { panic!("{:?}", fleet.state(&live)) };
            fewest = fewest.min(addresses.len());
            let now = fleet.containers(&live).await;
            if now.len() == 2 && !now.iter().any(|container| before.contains(container)) {
                break;
            }
            assert!(since.elapsed() < Duration::from_secs(60), "{now:?} of {before:?}");
        }
        assert!(fewest >= 1);
        store.scale_service(access, project.id, Environment::Production, &web, Some(0)).await.unwrap();
        until("none is left", async || fleet.containers(&live).await.is_empty().then_some(())).await;
        assert_eq!(fleet.state(&live), UpstreamState::Stopped);
    })
    .await;
}

/// What was to take a place and never was healthy is not taken for healthy by the next process.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_does_not_work_leaves_what_does_alone_over_a_kill_too() {
    with_fleet(async |mut fleet: Fleet| {
        let project = fleet.world.project("shop").await;
        let live = fleet.deploy(&project, vec![service("on", |_| ())]).await;
        let works = fleet.containers(&live).await;
        fleet.secret(&project, "FIRST", "import time; time.sleep(600)").await;
        let (access, web) = (fleet.world.access, ServiceName::only());
        let store = fleet.world.store.clone();
        store.restart_service(access, project.id, Environment::Production, &web).await.unwrap();
        until("the new one is there", async || (fleet.containers(&live).await.len() == 2).then_some(())).await;
        let ready = fleet.state(&live);

        let (mut world, docker, keys) = fleet.die().await;
        world.reopen();
        let fleet = Fleet::begin(world, docker, keys);
        until("it is watched", async || fleet.report(&live)).await;
        // Longer than it takes to stop a container that is not needed.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let there = fleet.containers(&live).await;
        assert!(there.len() == 2 && works.iter().all(|container| there.contains(container)), "{there:?} of {works:?}");
        assert_eq!(fleet.state(&live), ready);
        assert_eq!(fleet.get(&live, "/").await, "on");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_preview_keeps_its_own() {
    with_fleet(async |mut fleet: Fleet| {
        let project = fleet.world.project("shop").await;
        let with_volume = || {
            service("on", |running| {
                let volume =
                    serde_json::from_value::<ServiceVolume>(serde_json::json!({"name": "data", "path": "/data"}));
                running.settings.volumes = vec![volume.unwrap()];
                let keeps = "import pathlib; notes = pathlib.Path('/data/notes'); \
                             os.environ['KEPT'] = notes.read_text() if notes.exists() else 'nothing'; \
                             notes.write_text(os.environ['BERTH_DEPLOYMENT'])";
                first(running, keeps);
            })
        };
        let own = fleet.preview(&project, "feature", None, vec![with_volume()]).await;
        let fork = Fork { repository: "mallory/shop".to_owned(), reference: "refs/pull/7/head".to_owned() };
        let request = PullRequest { number: 7, fork: Some(fork) };
        let one = fleet.preview(&project, "stranger", Some(request.clone()), vec![with_volume()]).await;
        assert_eq!(fleet.get(&one, "/env/KEPT").await, "nothing", "what the own branch keeps is not shown");
        let two = fleet.preview(&project, "stranger", Some(request), vec![with_volume()]).await;
        assert_eq!(fleet.get(&two, "/env/KEPT").await, one.short_id.to_string(), "its own survives");
        let next = fleet.preview(&project, "feature", None, vec![with_volume()]).await;
        assert_eq!(fleet.get(&next, "/env/KEPT").await, own.short_id.to_string(), "and was not written to");
        let volumes = fleet.world.store.volumes(fleet.world.access, project.id).await.unwrap();
        assert_eq!(volumes.len(), 1, "the stranger's is none of the project's: {volumes:?}");
        assert!(fleet.docker.pull_requests().await.unwrap().contains(&(project.id, 7)), "it goes with its preview");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn release_commands_run_once_before_the_switch_and_their_failure_stops_it() {
    with_fleet(async |mut fleet: Fleet| {
        let project = fleet.world.project("shop").await;
        let with_release = |text: &str, command: &str| {
            let command = command.to_owned();
            service(text, |running| {
                let volume =
                    serde_json::from_value::<ServiceVolume>(serde_json::json!({"name": "data", "path": "/data"}));
                running.settings.volumes = vec![volume.unwrap()];
                running.settings.release_command = Some(command);
                first(running, "os.environ['RELEASES'] = open('/data/releases').read()");
            })
        };
        let note = "echo -n x >> /data/releases && echo migrated";
        let one = fleet.deploy(&project, vec![with_release("one", note)]).await;
        assert_eq!(fleet.get(&one, "/env/RELEASES").await, "x");
        let two = fleet.deploy(&project, vec![with_release("two", note)]).await;
        assert_eq!(fleet.get(&two, "/env/RELEASES").await, "xx", "the volume outlived the deployment");

        // So that it is started anew.
        until("the first one is gone", async || fleet.containers(&one).await.is_empty().then_some(())).await;
        let back = fleet.world.store.request_activation(fleet.world.access, one.id, ActivationReason::Rollback);
        back.await.unwrap();
        assert!(matches!(fleet.put_live().await, Activated::Live(_)));
        assert_eq!(fleet.get(&one, "/env/RELEASES").await, "xx", "once for each deployment");

        let fails = with_release("three", "echo the table is locked; exit 4");
        let (three, reason) = fleet.refused(&project, vec![fails]).await;
        for part in ["release command", "exit code 4", "Nothing was switched", "the table is locked"] {
            assert!(reason.contains(part), "{part} in {reason}");
        }
        assert_eq!(fleet.containers(&three).await, [""; 0], "nothing of it was started");
        assert_eq!(fleet.get(&one, "/").await, "one");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_run_in_the_services_image_with_its_environment() {
    with_fleet(async |mut fleet: Fleet| {
        let project = fleet.world.project("shop").await;
        fleet.deploy(&project, vec![service("on", |_| ())]).await;
        let (store, access) = (fleet.world.store.clone(), fleet.world.access);
        let ask = async |words: &[&str]| {
            let command = words.iter().map(|&word| word.to_owned()).collect();
            store.request_run(access, project.id, None, command).await.unwrap().id
        };
        let ended = async |id| {
            until("the command ends", async || {
                let run = store.run(access, id).await.unwrap();
                run.status.is_final().then_some(run)
            })
            .await
        };
        let says = ask(&["python3", "-c", "import os, sys; print('hello', os.environ['TEXT']); sys.exit(5)"]).await;
        let run = ended(says).await;
        assert_eq!((run.status, run.exit_code), (RunStatus::Ended, Some(5)), "{run:?}");
        let log = fleet.log(&LogOf::Run { project: project.id, run: says }).await;
        assert!(log.iter().any(|line| line == "hello on"), "{log:?}");

        let waits = ask(&["sleep", "600"]).await;
        until("it runs", async || (store.run(access, waits).await.unwrap().status == RunStatus::Running).then_some(()))
            .await;
        store.stop_run(access, waits).await.unwrap();
        assert_eq!(ended(waits).await.status, RunStatus::Stopped);

        let nothing = ended(ask(&["no-such-program"]).await).await;
        assert!(nothing.status == RunStatus::Failed || nothing.exit_code == Some(127), "{nothing:?}");
        until("nothing is left of them", async || fleet.docker.commands().await.unwrap().is_empty().then_some(()))
            .await;
    })
    .await;
}
