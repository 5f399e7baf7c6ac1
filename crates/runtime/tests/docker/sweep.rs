//! What is removed, by whom, and what is not.

use std::time::{Duration, Instant};

use berth_model::{InstanceId, ProjectId, UserId};
use berth_runtime::{Engine, EngineConfig, Kind, Labels, RuntimeError, VolumeMount};

use crate::harness::{NODE, docker, labels, sandbox, sh, with_engine};

/// Whether the daemon lists the container.
fn is_listed(id: &str) -> bool {
    !docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &format!("id={id}")]).is_empty()
}

async fn until_removed(id: &str) {
    let started = Instant::now();
    while is_listed(id) {
        assert!(started.elapsed() < Duration::from_secs(15), "{id} is still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_later_process_removes_what_a_killed_one_left_and_nothing_else() {
    with_engine(
        |_| (),
        |killed| async move {
            let config = killed.config().clone();
            let left = killed.create(&sandbox()).await.unwrap();
            let tag = crate::images::build(&killed, "FROM node:20-bookworm-slim\n").await.0.unwrap();
            let left_id = left.id().to_owned();
            let volume = killed.ensure_volume("npm-3", &labels(Kind::Cache)).await.unwrap();

            let stranger = Engine::connect(EngineConfig { instance: InstanceId::random(), ..config.clone() });
            stranger.sweep().await.unwrap();
            killed.sweep().await.unwrap();
            assert!(is_listed(&left_id), "neither another instance's nor the own process's");

            let later = Engine::connect(config);
            let own = later.create(&sandbox()).await.unwrap();
            later.sweep().await.unwrap();
            assert!(!is_listed(&left_id) && is_listed(own.id()));
            assert_eq!(killed.image_id(&tag).await.unwrap(), None, "the image of a build that is over");
            assert_eq!(docker(&["volume", "inspect", "--format", "{{.Name}}", volume.as_str()]), volume.as_str());
            own.stop_and_remove().await.unwrap();
            left.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn a_dropped_container_and_a_dropped_creation_leave_nothing() {
    with_engine(
        |_| (),
        |engine| async move {
            let container = engine.create(&sandbox()).await.unwrap();
            let id = container.id().to_owned();
            drop(container);
            until_removed(&id).await;

            let filter = format!("label=berth.instance={}", engine.config().instance);
            for after in [1, 10, 30, 100, 200] {
                let sandbox = sandbox();
                let creation = engine.create(&sandbox);
                drop(tokio::time::timeout(Duration::from_millis(after), creation).await);
            }
            let started = Instant::now();
            loop {
                tokio::time::sleep(Duration::from_millis(500)).await;
                let left = docker(&["ps", "--all", "--quiet", "--filter", &filter]);
                if left.is_empty() {
                    break;
                }
                assert!(started.elapsed() < Duration::from_secs(15), "{left}");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_container_that_is_killed_under_a_command_is_not_the_commands_fault() {
    with_engine(
        |_| (),
        |engine| async move {
            let container = engine.create(&sandbox()).await.unwrap();
            let id = container.id().to_owned();
            let (said, mut hears) = tokio::sync::mpsc::unbounded_channel();
            let exec = berth_runtime::Exec::new(["sh", "-c", "echo here; sleep 1000"]);
            let command = container.exec(&exec, |_, bytes| said.send(bytes).unwrap());
            let killer = async {
                hears.recv().await;
                tokio::task::spawn_blocking(move || docker(&["kill", &id])).await.unwrap();
            };
            let (ended, ()) = tokio::join!(command, killer);
            assert!(matches!(ended, Err(RuntimeError::Gone)), "{ended:?}");
            assert!(RuntimeError::Gone.is_transient() && !RuntimeError::Gone.is_theirs());
            container.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn a_project_goes_with_its_containers_images_and_volumes() {
    with_engine(
        |_| (),
        |engine| async move {
            let of = |project| Labels { project: Some(ProjectId(project)), ..labels(Kind::Cache) };
            let gone = engine.ensure_volume("cache-1", &of(1)).await.unwrap();
            let stays = engine.ensure_volume("cache-2", &of(2)).await.unwrap();
            let mut sandbox = sandbox();
            sandbox.volumes.push(VolumeMount { volume: gone.clone(), path: "/cache".to_owned() });
            let container = engine.create(&sandbox).await.unwrap();
            assert_eq!(sh(&container, "echo kept > /cache/file; cat /cache/file").await.stdout, "kept\n");
            let tag = format!("berth-dependencies:{}", engine.config().instance);
            container.commit(&tag, &of(1)).await.unwrap();
            engine.remove_project(ProjectId(1)).await.unwrap();
            assert!(!is_listed(container.id()));
            assert_eq!(engine.image_id(&tag).await.unwrap(), None);
            let volumes =
                docker(&["volume", "ls", "--quiet", "--filter", &format!("name={}", engine.config().instance)]);
            assert_eq!(volumes, stays.as_str());
            container.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

/// While Berth runs, as `docker volume prune` does. It comes back with the next container, and goes with its project.
#[tokio::test]
async fn a_volume_that_an_operator_removed_is_ours_again() {
    with_engine(
        |_| (),
        |engine| async move {
            let cache = labels(Kind::Cache);
            let volume = engine.ensure_volume("cache-1", &cache).await.unwrap();
            docker(&["volume", "rm", volume.as_str()]);
            let volume = engine.ensure_volume("cache-1", &cache).await.unwrap();
            let mut sandbox = sandbox();
            sandbox.volumes.push(VolumeMount { volume: volume.clone(), path: "/cache".to_owned() });
            let container = engine.create_stopped(&sandbox).await.unwrap();
            let said = |label: &str| {
                let format = format!("{{{{index .Labels \"{label}\"}}}}");
                docker(&["volume", "inspect", "--format", &format, volume.as_str()])
            };
            assert_eq!(
                (said("berth.kind"), said("berth.instance")),
                ("cache".into(), engine.config().instance.to_string())
            );
            container.stop_and_remove().await.unwrap();
            engine.remove_project(ProjectId(1)).await.unwrap();
            assert_eq!(docker(&["volume", "ls", "--quiet", "--filter", &format!("name={}", volume.as_str())]), "");
        },
    )
    .await;
}

#[tokio::test]
async fn what_could_not_be_removed_is_removed_without_a_later_process() {
    with_engine(
        |_| (),
        |engine| async move {
            let (container, other) =
                (engine.create(&sandbox()).await.unwrap(), engine.create(&sandbox()).await.unwrap());
            let id = container.id().to_owned();
            // Where nothing runs that could remove it, as while Docker is away.
            std::thread::spawn(move || drop(container)).join().unwrap();
            assert!(is_listed(&id));
            engine.remove_orphans().await.unwrap();
            assert!(!is_listed(&id) && is_listed(other.id()));
            other.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn a_step_that_outlives_its_build_is_removed_without_a_later_process() {
    with_engine(
        |_| (),
        |engine| async move {
            let network = format!("berth-build-{}", engine.config().instance);
            let steps = || docker(&["ps", "--all", "--quiet", "--filter", &format!("network={network}")]);
            let dockerfile = format!("FROM {NODE}\nRUN sleep 1000\n");
            let marked = async {
                loop {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    let step = steps();
                    let mark = docker(&["inspect", "--format", "{{index .HostConfig.ExtraHosts 0}}", &step]);
                    if mark.starts_with("berth-") {
                        return (step, mark);
                    }
                }
            };
            let (step, mark) = tokio::select! {
                ended = crate::images::build(&engine, &dockerfile) => panic!("it ended: {ended:?}"),
                marked = marked => marked,
            };
            // The daemon ends it, and the looks that follow the end of the build are over.
            until_removed(&step).await;
            tokio::time::sleep(Duration::from_secs(20)).await;
            // A daemon that does not end it leaves the same.
            let run = ["run", "--detach", "--network", &network, "--add-host", &mark, NODE, "sleep", "1000"];
            let left = docker(&run);
            engine.sweep().await.unwrap();
            assert!(is_listed(&left), "the sweep is for earlier processes");
            engine.remove_orphans().await.unwrap();
            assert!(!is_listed(&left));
        },
    )
    .await;
}

#[tokio::test]
async fn an_owners_caches_go_with_the_owner_and_nobody_elses() {
    with_engine(
        |_| (),
        |engine| async move {
            let of = |owner, project: Option<i64>| Labels {
                owner: Some(UserId(owner)),
                project: project.map(ProjectId),
                build: None,
                ..labels(Kind::Cache)
            };
            engine.ensure_volume("packages-3", &of(3, None)).await.unwrap();
            let stays = engine.ensure_volume("packages-4", &of(4, None)).await.unwrap();
            let used = engine.ensure_volume("tools-1", &of(3, Some(1))).await.unwrap();
            let mut sandbox = sandbox();
            sandbox.volumes.push(VolumeMount { volume: used.clone(), path: "/cache".to_owned() });
            let container = engine.create(&sandbox).await.unwrap();
            let tag = format!("berth-dependencies-{}:1", engine.config().instance);
            container.commit(&tag, &Labels { kind: Kind::Dependencies, ..of(3, Some(1)) }).await.unwrap();
            assert_eq!(engine.owners().await.unwrap(), [UserId(3), UserId(4)].into());

            let volumes =
                || docker(&["volume", "ls", "--quiet", "--filter", &format!("name={}", engine.config().instance)]);
            engine.remove_owner(UserId(3)).await.unwrap();
            assert_eq!(engine.image_id(&tag).await.unwrap(), None);
            assert_eq!(volumes(), format!("{}\n{}", stays.as_str(), used.as_str()), "a build has the other");
            assert!(is_listed(container.id()));
            container.stop_and_remove().await.unwrap();
            engine.remove_owner(UserId(3)).await.unwrap();
            assert_eq!(volumes(), stays.as_str());
            // One that comes back gets a volume with labels.
            engine.ensure_volume("packages-3", &of(3, None)).await.unwrap();
            assert_eq!(engine.owners().await.unwrap(), [UserId(3), UserId(4)].into());
        },
    )
    .await;
}

#[tokio::test]
async fn a_daemon_that_is_not_there_says_so() {
    let config = EngineConfig {
        host: Some("unix:///nowhere/docker.sock".to_owned()),
        ..EngineConfig::new(InstanceId::random())
    };
    let error = Engine::connect(config).ping().await.unwrap_err();
    assert!(matches!(error, RuntimeError::Unreachable { .. }) && error.is_transient(), "{error}");
}

#[tokio::test]
async fn the_engine_says_what_it_is_and_how_much_room_there_is() {
    with_engine(
        |_| (),
        |engine| async move {
            let info = engine.ping().await.unwrap();
            assert_eq!(info.version, docker(&["version", "--format", "{{.Server.Version}}"]));
            assert_eq!(info.driver, docker(&["info", "--format", "{{.Driver}}"]));
            let space = engine.disk_space().await.unwrap().expect("the daemon is on this machine");
            assert!(space.free_bytes > 0 && space.free_inodes > 0, "{space:?}");
        },
    )
    .await;
}
