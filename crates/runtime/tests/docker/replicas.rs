//! Replicas: started, found again, stopped, and how they end.

use std::time::{Duration, Instant};

use berth_model::{Environment, MountPath, ProjectId, ReplicaEnd, ServiceVolumeName};
use berth_runtime::{Engine, EnvVar, ReplicaEvent, ReplicaSpec, RuntimeError};
use futures_util::StreamExt;

use crate::harness::{NODE, docker, with_engine};
use crate::services::{answering, app, get, replica, started};

/// Longer than [`crate::services::APP`] takes to end.
const GRACE: Duration = Duration::from_secs(20);

async fn until_ended(engine: &Engine, container: &str) -> ReplicaEnd {
    let since = Instant::now();
    loop {
        let found = engine.replicas().await.unwrap().into_iter().find(|found| found.container == container);
        if let Some(end) = found.expect("it is there, running or not").end {
            return end;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{container} does not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_replica_answers_is_found_by_a_later_process_and_ends_as_it_is_told() {
    with_engine(
        |_| (),
        |engine| async move {
            let name = ServiceVolumeName::parse("notes").unwrap();
            let volume = engine.ensure_service_volume(ProjectId(1), Environment::Production, &name).await.unwrap();
            let volumes = vec![(volume, MountPath::parse("/data").unwrap())];
            let spec = ReplicaSpec { volumes, ..app(replica(7, "web", 1)) };
            let first = started(&engine, &spec).await;
            assert!(first.is_running && first.end.is_none() && first.generation == 0 && first.memory == 256 << 20);
            assert_eq!(get(first.endpoints[0], "/").await.unwrap(), "web-1");
            assert_eq!(engine.endpoints(&spec.id).await.unwrap(), first.endpoints);

            // As after `kill -9`: another process, which first tidies up, and is told to start the same.
            let later = Engine::connect(engine.config().clone());
            later.sweep().await.unwrap();
            assert_eq!(later.replicas().await.unwrap(), std::slice::from_ref(&first));
            assert_eq!(later.start_replica(&spec).await.unwrap(), first, "the one that runs");

            // A newer one beside it, and then only that.
            let second = started(&later, &ReplicaSpec { generation: 1, ..spec.clone() }).await;
            assert_ne!(second.container, first.container);
            assert_eq!(later.endpoints(&spec.id).await.unwrap(), second.endpoints);
            let told = Instant::now();
            later.stop_replica(&first.container, GRACE).await.unwrap();
            assert!(told.elapsed() >= Duration::from_secs(2) && told.elapsed() < GRACE, "{:?}", told.elapsed());
            assert_eq!(later.replicas().await.unwrap(), std::slice::from_ref(&second));
            assert_eq!(get(second.endpoints[0], "/data").await.unwrap(), "web-1 ended as it was told");
            later.stop_replica(&first.container, GRACE).await.expect("gone already is fine");
            later.stop_replica(&second.container, GRACE).await.unwrap();
            assert_eq!(later.endpoints(&spec.id).await.unwrap(), []);

            let network = format!("name=berth-{}-d7", engine.config().instance);
            assert_eq!(docker(&["network", "ls", "--quiet", "--filter", &network]), "", "it went with the last");
        },
    )
    .await;
}

#[tokio::test]
async fn what_does_not_end_in_time_is_killed() {
    with_engine(
        |_| (),
        |engine| async move {
            let deaf =
                "process.on('SIGTERM', () => 0); require('http').createServer((_, r) => r.end('on')).listen(3000)";
            let env = vec![EnvVar::new("APP", deaf)];
            let deaf = started(&engine, &ReplicaSpec { env, ..app(replica(7, "web", 1)) }).await;
            let told = Instant::now();
            engine.stop_replica(&deaf.container, Duration::from_secs(2)).await.unwrap();
            let took = told.elapsed();
            assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(15), "{took:?}");
            assert_eq!(engine.replicas().await.unwrap(), []);
        },
    )
    .await;
}

/// npm stands between the signal and the application, and ends before it if a shell stands before npm.
#[tokio::test]
async fn an_application_behind_npm_start_ends_as_it_is_told() {
    with_engine(
        |_| (),
        |engine| async move {
            let name = ServiceVolumeName::parse("notes").unwrap();
            let volume = engine.ensure_service_volume(ProjectId(1), Environment::Production, &name).await.unwrap();
            let write =
                format!("RUN mkdir /app && echo '{}' > /app/package.json", r#"{"scripts":{"start":"node server.js"}}"#);
            let dockerfile = format!(
                "FROM {}\n{write}\nRUN printf '%s' '{}' > /app/server.js\nWORKDIR /app\n",
                crate::harness::NODE,
                crate::services::APP.replace('\n', " ").replace('%', "%%"),
            );
            let (image, said, errors) = crate::images::build(&engine, &dockerfile).await;
            let image = image.unwrap_or_else(|error| panic!("{error}\n{said}{errors}"));
            let spec = ReplicaSpec {
                volumes: vec![(volume, MountPath::parse("/data").unwrap())],
                image,
                start_command: Some("npm start".to_owned()),
                ..app(replica(7, "web", 1))
            };
            let first = started(&engine, &spec).await;
            engine.stop_replica(&first.container, GRACE).await.unwrap();
            let second = started(&engine, &ReplicaSpec { generation: 1, ..spec }).await;
            assert_eq!(get(second.endpoints[0], "/data").await.unwrap(), "web-1 ended as it was told");
            engine.stop_replica(&second.container, Duration::ZERO).await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn ends_are_named_and_one_that_ended_starts_again() {
    with_engine(
        |_| (),
        |engine| async move {
            let spec = ReplicaSpec { memory: 96 << 20, ..app(replica(7, "web", 1)) };
            let hungry = started(&engine, &spec).await;
            // It never answers this.
            let _ = tokio::time::timeout(Duration::from_secs(30), get(hungry.endpoints[0], "/eat")).await;
            let mut end = until_ended(&engine, &hungry.container).await;
            // The daemon may hear a moment after the end that it was for memory.
            let since = Instant::now();
            while end.out_of_memory.is_none() && since.elapsed() < Duration::from_secs(30) {
                tokio::time::sleep(Duration::from_millis(100)).await;
                end = until_ended(&engine, &hungry.container).await;
            }
            assert_eq!((end.exit_code, end.out_of_memory), (137, Some(96 << 20)));
            assert_eq!(end.to_string(), "out of memory: it used more than its 96 MiB");
            assert_eq!(engine.endpoints(&spec.id).await.unwrap(), []);

            let again = engine.start_again(&hungry.container).await.unwrap();
            assert!(again.is_running && again.end.is_none() && again.started_at > hungry.started_at, "{again:?}");
            answering(&again).await;
            engine.stop_replica(&again.container, GRACE).await.unwrap();
            let gone = engine.start_again(&again.container).await.unwrap_err();
            assert!(matches!(gone, RuntimeError::Gone), "{gone}");

            let crashing = ReplicaSpec { start_command: Some("exit 3".to_owned()), ..app(replica(7, "api", 1)) };
            let crashed = engine.start_replica(&crashing).await.unwrap();
            let end = until_ended(&engine, &crashed.container).await;
            assert_eq!(end, ReplicaEnd { exit_code: 3, out_of_memory: None });
            engine.stop_replica(&crashed.container, GRACE).await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_started_says_why_and_leaves_nothing() {
    with_engine(
        |_| (),
        |engine| async move {
            let no_image = ReplicaSpec { image: format!("sha256:{}", "0".repeat(64)), ..app(replica(7, "web", 1)) };
            let error = engine.start_replica(&no_image).await.unwrap_err();
            assert!(matches!(error, RuntimeError::ImageGone { .. }), "{error}");
            assert!(error.to_string().contains("build it again"), "{error}");

            let dockerfile = format!("FROM {}\nUSER nobody-of-that-name\n", crate::harness::NODE);
            let image = crate::images::build(&engine, &dockerfile).await.0.unwrap();
            let no_user = ReplicaSpec { image, ..app(replica(7, "web", 1)) };
            let error = engine.start_replica(&no_user).await.unwrap_err();
            assert!(matches!(&error, RuntimeError::CannotStart { reason } if reason.contains("nobody-of")), "{error}");
            assert!(error.is_theirs() && !error.is_transient());
            assert_eq!(engine.replicas().await.unwrap(), []);
            let network = format!("name=berth-{}-d7", engine.config().instance);
            assert_eq!(docker(&["network", "ls", "--quiet", "--filter", &network]), "", "there are not so many");
        },
    )
    .await;
}

#[tokio::test]
async fn a_network_that_a_killed_process_left_is_swept_and_no_other() {
    with_engine(
        |_| (),
        |engine| async move {
            let instance = engine.config().instance.to_string();
            let running = started(&engine, &app(replica(7, "web", 1))).await;
            let left = format!("berth-{instance}-d8");
            let labels = [format!("berth.instance={instance}"), "berth.deployment=8".to_owned()];
            docker(&["network", "create", "--label", &labels[0], "--label", &labels[1], &left]);
            Engine::connect(engine.config().clone()).sweep().await.unwrap();
            let networks = format!("name=berth-{instance}-d");
            let kept = docker(&["network", "ls", "--format", "{{.Name}}", "--filter", &networks]);
            assert_eq!(kept, format!("berth-{instance}-d7"));
            assert!(get(running.endpoints[0], "/").await.is_some());
            engine.stop_replica(&running.container, Duration::ZERO).await.unwrap();
        },
    )
    .await;
}

/// A step of a Dockerfile has the labels that its author wrote.
#[tokio::test]
async fn what_only_says_that_it_is_a_replica_or_a_command_is_none() {
    with_engine(
        |_| (),
        |engine| async move {
            let real = started(&engine, &app(replica(7, "web", 1))).await;
            let mut events = Box::pin(engine.replica_events());
            assert_eq!(events.next().await, Some(ReplicaEvent::Resync));
            let format = "{{range $key, $value := .Config.Labels}}{{$key}}={{$value}}\n{{end}}";
            let labels = docker(&["inspect", "--format", format, &real.container]);
            let liar = |more: &[&str]| {
                let labels = labels.lines().filter(|label| label.contains('=')).chain(more.iter().copied());
                let labels: Vec<&str> = labels.flat_map(|label| ["--label", label]).collect();
                docker(&[&["run", "--detach"][..], &labels, &[NODE, "sleep", "600"]].concat())
            };
            let liars = [liar(&[]), liar(&["berth.kind=run", "berth.command=run-1"])];
            assert_eq!(engine.replicas().await.unwrap(), std::slice::from_ref(&real));
            assert_eq!(engine.endpoints(&real.id).await.unwrap(), real.endpoints);
            assert!(engine.commands().await.unwrap().is_empty());
            engine.stop_replica(&real.container, Duration::ZERO).await.unwrap();
            loop {
                let told = events.next().await.unwrap();
                let container = match &told {
                    ReplicaEvent::Started { container, .. }
                    | ReplicaEvent::Ended { container, .. }
                    | ReplicaEvent::Removed { container, .. } => container,
                    ReplicaEvent::Resync => panic!("the connection was lost"),
                };
                assert_eq!(*container, real.container, "{told:?}");
                // Its end may be told later: it is looked at first.
                if matches!(told, ReplicaEvent::Removed { .. }) {
                    break;
                }
            }
            let network = format!("name=berth-{}-d7", engine.config().instance);
            assert_eq!(docker(&["network", "ls", "--quiet", "--filter", &network]), "", "nobody holds it");
            for liar in &liars {
                docker(&["rm", "--force", liar]);
            }
        },
    )
    .await;
}

#[tokio::test]
async fn every_limit_of_a_replica_is_in_the_daemons_own_words() {
    with_engine(
        |_| (),
        |engine| async move {
            let running = started(&engine, &app(replica(7, "web", 2))).await;
            let inspected = |format: &str| docker(&["inspect", "--format", format, &running.container]);
            assert_eq!(inspected("{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}"), "268435456 268435456");
            assert_eq!(inspected("{{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}"), "1000000000 256");
            assert_eq!(inspected("{{.HostConfig.CapDrop}} {{.HostConfig.Privileged}}"), "[ALL] false");
            let capabilities = "[CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETGID SETPCAP SETUID]";
            assert_eq!(inspected("{{.HostConfig.CapAdd}}"), capabilities);
            assert_eq!(inspected("{{.HostConfig.SecurityOpt}} {{.HostConfig.Init}}"), "[no-new-privileges] true");
            assert_eq!(inspected("{{.HostConfig.LogConfig}}"), "{local map[max-file:3 max-size:10m]}");
            assert_eq!(inspected("{{.HostConfig.RestartPolicy.Name}} {{len .HostConfig.Binds}}"), "no 0");
            let published = inspected("{{json .NetworkSettings.Ports}}");
            assert_eq!(published.matches("HostIp").count(), 1, "{published}");
            assert!(
                published.contains("\"3000/tcp\"") && published.contains("\"HostIp\":\"127.0.0.1\""),
                "{published}"
            );
            engine.stop_replica(&running.container, Duration::ZERO).await.unwrap();
        },
    )
    .await;
}
