//! One-off commands, and the volumes that they share with replicas.

use std::time::{Duration, Instant};

use berth_model::{
    Cpus, DeploymentId, Environment, LogStream, MountPath, ProjectId, ReplicaEnd, ServiceName, ServiceVolumeName,
};
use berth_runtime::{CommandSpec, Engine, EngineConfig, EnvVar, shell};
use futures_util::{StreamExt, TryStreamExt};

use crate::harness::{NODE, docker, elsewhere, with_engine};
use crate::services::{app, replica, started};

fn command(key: &str, script: &str) -> CommandSpec {
    CommandSpec {
        key: key.to_owned(),
        project: ProjectId(1),
        deployment: DeploymentId(7),
        service: ServiceName::only(),
        environment: Environment::Production,
        image: NODE.to_owned(),
        command: shell(script),
        env: vec![EnvVar::new("GREETING", "hello")],
        memory: 128 << 20,
        cpus: Cpus::new(0.5).unwrap(),
        pids: 64,
        volumes: Vec::new(),
    }
}

#[tokio::test]
async fn a_command_runs_once_with_its_output_and_its_exit_code() {
    with_engine(
        |_| (),
        |engine| async move {
            let spec = command("run-1", "echo $GREETING; echo wrong >&2; exit 7");
            let first = engine.run_command(&spec).await.unwrap();
            assert_eq!(first.wait().await.unwrap(), ReplicaEnd { exit_code: 7, out_of_memory: None });

            // As after `kill -9`: the same is asked for, and what is there is found.
            let later = Engine::connect(engine.config().clone());
            later.sweep().await.unwrap();
            let again = later.run_command(&spec).await.unwrap();
            assert_eq!(again.container(), first.container());
            assert_eq!(again.wait().await.unwrap().exit_code, 7);
            let printed: Vec<_> = again.output(None).try_collect().await.unwrap();
            let of =
                |wanted| printed.iter().filter(move |record| record.stream == wanted).map(|record| &record.line[..]);
            assert_eq!(of(LogStream::Stdout).collect::<Vec<_>>(), [b"hello"], "it ran once");
            assert_eq!(of(LogStream::Stderr).collect::<Vec<_>>(), [b"wrong"]);
            let keys: Vec<_> = later.commands().await.unwrap().into_iter().map(|(key, _)| key).collect();
            assert_eq!(keys, ["run-1"]);
            again.remove().await.unwrap();
            assert!(later.commands().await.unwrap().is_empty());
            let network = format!("name=berth-{}-d7", engine.config().instance);
            assert_eq!(docker(&["network", "ls", "--quiet", "--filter", &network]), "");
        },
    )
    .await;
}

#[tokio::test]
async fn a_command_reaches_the_replicas_and_can_be_stopped_and_run_out_of_memory() {
    with_engine(
        |_| (),
        |engine| async move {
            let web = started(&engine, &app(replica(7, "web", 1))).await;
            let asks = "node -e \"fetch('http://web:3000/').then(a => a.text()).then(console.log)\"";
            let asking = engine.run_command(&command("run-1", asks)).await.unwrap();
            let said: Vec<_> = asking.output(None).try_collect().await.unwrap();
            assert_eq!(said.iter().map(|record| &record.line[..]).collect::<Vec<_>>(), [b"web-1"]);
            assert_eq!(docker(&["inspect", "--format", "{{json .NetworkSettings.Ports}}", asking.container()]), "{}");
            asking.remove().await.unwrap();

            let endless = engine.run_command(&command("run-2", "echo on; exec sleep 600")).await.unwrap();
            let mut output = Box::pin(endless.output(None));
            assert_eq!(output.next().await.unwrap().unwrap().line, b"on");
            let (ended, stopped) = tokio::join!(endless.wait(), endless.stop(Duration::from_secs(10)));
            stopped.unwrap();
            assert_eq!(ended.unwrap(), ReplicaEnd { exit_code: 143, out_of_memory: None });
            assert!(output.next().await.is_none(), "nothing else, and the end");
            endless.remove().await.unwrap();

            let eats = "node -e 'const k = []; for (;;) k.push(Buffer.alloc(8 << 20, 1))'; exit 5";
            let hungry = engine.run_command(&command("run-3", eats)).await.unwrap();
            // The shell's own exit code, and the reason all the same.
            assert_eq!(hungry.wait().await.unwrap(), ReplicaEnd { exit_code: 5, out_of_memory: Some(128 << 20) });
            hungry.remove().await.unwrap();
            engine.stop_replica(&web.container, Duration::ZERO).await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn a_volume_survives_its_containers_and_its_project_and_goes_on_request() {
    with_engine(
        |_| (),
        |engine| async move {
            let name = ServiceVolumeName::parse("notes").unwrap();
            let ensure = async |project, environment| {
                engine.ensure_service_volume(ProjectId(project), environment, &name).await.unwrap()
            };
            let volume = ensure(1, Environment::Production).await;
            let preview = ensure(1, Environment::Preview).await;
            assert_ne!(volume, preview, "a preview never sees production's");
            let with = |key: &str, script: &str| CommandSpec {
                volumes: vec![(volume.clone(), MountPath::parse("/data").unwrap())],
                ..command(key, script)
            };
            let writes = "head -c 3000000 /dev/urandom > /data/big; echo kept > /data/note; echo on; exec sleep 600";
            let writing = engine.run_command(&with("run-1", writes)).await.unwrap();
            let remove = |environment| engine.remove_service_volume(ProjectId(1), environment, &name);
            assert!(!remove(Environment::Production).await.unwrap(), "a container uses it");
            // It says so once it has written.
            let said = Box::pin(writing.output(None)).next().await.expect("it goes on").unwrap();
            assert_eq!(said.line, b"on");
            writing.stop(Duration::from_secs(5)).await.unwrap();

            engine.sweep().await.unwrap();
            engine.make_room(u64::MAX).await.unwrap();
            engine.remove_project(ProjectId(1)).await.unwrap();
            assert!(engine.commands().await.unwrap().is_empty());
            assert_eq!(ensure(1, Environment::Production).await, volume, "the same again");
            let reading = engine.run_command(&with("run-2", "cat /data/note")).await.unwrap();
            let said: Vec<_> = reading.output(None).try_collect().await.unwrap();
            assert_eq!(said.iter().map(|record| &record.line[..]).collect::<Vec<_>>(), [b"kept"]);
            reading.remove().await.unwrap();

            let mut kept = engine.service_volumes(ProjectId(1)).await.unwrap();
            kept.sort_by_key(|volume| volume.bytes);
            assert_eq!(
                kept.iter().map(|volume| volume.environment).collect::<Vec<_>>(),
                [Environment::Preview, Environment::Production]
            );
            assert!(kept.iter().all(|volume| volume.name == name && volume.project == ProjectId(1)), "{kept:?}");
            assert!(kept[1].bytes.unwrap() >= 3_000_000, "{kept:?}");
            // Where its directory cannot be seen, the daemon tells: what it counts is what files are long.
            let config = EngineConfig { host: Some(elsewhere().await), ..engine.config().clone() };
            let remote = Engine::connect(config);
            let mut told = remote.service_volumes(ProjectId(1)).await.unwrap();
            let since = Instant::now();
            while told.iter().any(|volume| volume.bytes.is_none()) {
                // The daemon looks at all that there is on this machine, for one client at a time.
                assert!(since.elapsed() < Duration::from_secs(180), "it does not tell: {told:?}");
                tokio::time::sleep(Duration::from_secs(1)).await;
                told = remote.service_volumes(ProjectId(1)).await.unwrap();
            }
            told.sort_by_key(|volume| volume.bytes);
            assert!(told[1].bytes.unwrap() >= 3_000_000 && told[1].environment == Environment::Production, "{told:?}");
            for environment in [Environment::Production, Environment::Preview] {
                assert!(remove(environment).await.unwrap());
                assert!(remove(environment).await.unwrap(), "gone already is fine");
            }
            assert!(engine.service_volumes(ProjectId(1)).await.unwrap().is_empty());
        },
    )
    .await;
}
