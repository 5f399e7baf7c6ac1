//! What makes room on the disk, in which order, and what never does.

use std::sync::Arc;
use std::time::Duration;

use berth_model::{Clock, ProjectId};
use berth_runtime::{Engine, EngineConfig, Kind, Labels, VolumeMount};

use crate::harness::{NODE, docker, labels, sandbox, sh, with_engine};
use crate::held::HeldDocker;
use crate::registry::Registry;

const HOUR: Duration = Duration::from_secs(3_600);
/// No disk has as much: whatever may go goes.
const ALL: u64 = u64::MAX;

/// A clock of the test's own, that begins now: Docker dates images by the machine's.
fn by_hand(config: &mut EngineConfig) {
    config.clock = Clock::manual(Clock::System.now());
}

/// Keeps a container's files as an image of ours.
async fn keep(engine: &Engine, tag: &str, kind: Kind, script: &str) {
    let container = engine.create(&sandbox()).await.unwrap();
    sh(&container, script).await;
    container.commit(tag, &Labels { build: None, ..labels(kind) }).await.unwrap();
    container.stop_and_remove().await.unwrap();
}

/// As an operator would. The registry is this process, which is not to wait.
async fn pull(image: &str) {
    let wanted = image.to_owned();
    let said = tokio::task::spawn_blocking(move || docker(&["pull", &wanted])).await.unwrap();
    assert!(said.contains("Downloaded newer image"), "{image}: {said}");
}

#[tokio::test]
async fn what_was_used_least_recently_goes_first_and_what_was_here_before_stays() {
    let notes = std::env::temp_dir().join(format!("berth-notes-{}", berth_model::InstanceId::random()));
    let file = notes.clone();
    let change = move |config: &mut EngineConfig| {
        by_hand(config);
        config.notes = Some(file);
    };
    with_engine(change, move |engine| async move {
        let instance = engine.config().instance.to_string();
        let clock = engine.config().clock.clone();
        let name = |what: &str| format!("berth-{what}-{instance}:1");
        let pass = |hours| clock.advance(HOUR * hours);
        let registry = Registry::start(&instance).await;
        let (before, pulled, base) =
            (registry.image("before"), registry.image("pulled"), format!("operators-{instance}:1"));

        // The operator's own, of which one is pulled by the same name as a Dockerfile's.
        pull(&before).await;
        docker(&["tag", NODE, &base]);
        docker(&["volume", "create", &format!("operators-{instance}")]);
        engine.ensure_image(&before, &mut |_| ()).await.unwrap();
        docker(&["rmi", &before]);

        let (old, new) = (name("old"), name("new"));
        keep(&engine, &old, Kind::Dependencies, "touch /old").await;
        keep(&engine, &new, Kind::Dependencies, "touch /new").await;
        keep(&engine, &name("toolchain"), Kind::Toolchain, "touch /tool").await;
        engine.ensure_volume("cache", &labels(Kind::Cache)).await.unwrap();
        engine.ensure_image(&pulled, &mut |_| ()).await.unwrap();
        pass(1);
        // Of the two, the older one is used: it is the newer one's turn.
        assert!(engine.image_id(&old).await.unwrap().is_some());
        assert_eq!(engine.prune_dependency_images(2).await.unwrap(), 0);

        // A build may still need what was used within the time that it may take.
        assert_eq!(engine.make_room(0).await.unwrap(), Vec::<String>::new(), "there is room");
        let used = VolumeMount {
            volume: engine.ensure_volume("used", &labels(Kind::Cache)).await.unwrap(),
            path: "/x".to_owned(),
        };
        let container = engine.create(&berth_runtime::Sandbox { volumes: vec![used], ..sandbox() }).await.unwrap();
        clock.advance(Duration::from_secs(60));
        // What was noted outlives the process.
        let later = Engine::connect(engine.config().clone());
        let cache = format!("berth-{instance}-cache");
        assert_eq!(later.make_room(ALL).await.unwrap(), [pulled.clone(), new.clone(), name("toolchain"), cache]);
        pass(1);
        assert_eq!(later.make_room(ALL).await.unwrap(), [old], "the volume that a container uses stays");
        container.stop_and_remove().await.unwrap();
        assert_eq!(later.make_room(ALL).await.unwrap(), [format!("berth-{instance}-used")]);

        // A volume that went is made anew, with its labels.
        let again = later.ensure_volume("cache", &labels(Kind::Cache)).await.unwrap();
        let kind = docker(&["volume", "inspect", "--format", "{{index .Labels \"berth.kind\"}}", again.as_str()]);
        assert_eq!(kind, "cache");
        assert!(later.image_id(&pulled).await.unwrap().is_none());
        for theirs in [NODE, base.as_str()] {
            assert!(later.image_id(theirs).await.unwrap().is_some(), "{theirs} is not Berth's");
        }
        assert!(!docker(&["volume", "ls", "--quiet", "--filter", &format!("name=operators-{instance}")]).is_empty());
        docker(&["rmi", &base]);
        docker(&["volume", "rm", &format!("operators-{instance}")]);
    })
    .await;
    std::fs::remove_file(notes).unwrap();
}

#[tokio::test]
async fn an_image_is_not_berths_because_berth_named_it() {
    with_engine(by_hand, |engine| async move {
        let instance = engine.config().instance.to_string();
        let registry = Registry::start(&instance).await;
        let (theirs, ours) = (registry.image("theirs"), registry.image("ours"));
        pull(&theirs).await;
        // The same image by another name, and another one that took a name of ours.
        engine.ensure_image(&ours, &mut |_| ()).await.unwrap();
        let other = Registry::start("another").await;
        let taken = other.image("taken");
        engine.ensure_image(&taken, &mut |_| ()).await.unwrap();
        docker(&["tag", NODE, &taken]);
        engine.config().clock.advance(48 * HOUR);
        assert_eq!(engine.make_room(ALL).await.unwrap(), Vec::<String>::new());
        for image in [&theirs, &ours, &taken] {
            assert!(engine.image_id(image).await.unwrap().is_some(), "{image}");
            docker(&["rmi", image]);
        }
    })
    .await;
}

#[tokio::test]
async fn no_more_goes_than_is_needed() {
    with_engine(by_hand, |engine| async move {
        // Twice as much as is wanted: tests beside this one write, and remove what they wrote.
        let fill = "head -c 1200000000 /dev/zero > /filler";
        let name = |what: &str| format!("berth-{what}-{}:1", engine.config().instance);
        for what in ["first", "second"] {
            keep(&engine, &name(what), Kind::Dependencies, fill).await;
            engine.image_id(&name(what)).await.unwrap();
            engine.config().clock.advance(HOUR);
        }
        let free = engine.disk_space().await.unwrap().expect("Docker runs here").free_bytes;
        assert_eq!(engine.make_room(free + (600 << 20)).await.unwrap(), [name("first")]);
        assert!(engine.image_id(&name("second")).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn many_packages_of_one_push_out_none_that_are_used() {
    with_engine(by_hand, |engine| async move {
        let name = |what: &str| format!("berth-{what}-{}:1", engine.config().instance);
        for what in ["used", "a", "b"] {
            keep(&engine, &name(what), Kind::Dependencies, &format!("touch /{what}")).await;
            engine.config().clock.advance(HOUR);
        }
        engine.image_id(&name("used")).await.unwrap();
        assert_eq!(engine.prune_dependency_images(1).await.unwrap(), 2);
        assert!(engine.image_id(&name("used")).await.unwrap().is_some());
        engine.remove_project(ProjectId(1)).await.unwrap();
    })
    .await;
}

/// While Docker takes minutes to remove something, builds that need something else go on; who needs just that waits, and
/// then has it anew.
#[tokio::test]
async fn a_removal_that_hangs_holds_up_nobody_else() {
    let line = Arc::new(HeldDocker::start());
    let (held, host) = (Arc::clone(&line), line.host());
    let hold = line.hold();
    let change = move |config: &mut EngineConfig| {
        by_hand(config);
        config.host = Some(host);
    };
    with_engine(change, move |engine| async move {
        let cache = labels(Kind::Cache);
        let leaving = engine.ensure_volume("leaving", &cache).await.unwrap();
        engine.config().clock.advance(48 * HOUR);
        let remover = engine.clone();
        let making_room = tokio::spawn(async move { remover.make_room(ALL).await.unwrap() });
        held.is_asked().await;

        let soon = Duration::from_secs(60);
        let others = async {
            engine.ensure_volume("another", &cache).await.unwrap();
            assert!(engine.image_id(NODE).await.unwrap().is_some());
        };
        tokio::time::timeout(soon, others).await.expect("nobody waits for what is being removed");

        let wanted = engine.clone();
        let mut again =
            tokio::spawn(async move { wanted.ensure_volume("leaving", &labels(Kind::Cache)).await.unwrap() });
        let waits = tokio::time::timeout(Duration::from_millis(500), &mut again).await;
        assert!(waits.is_err(), "it was given out while it was being removed");
        drop(hold);
        assert_eq!(making_room.await.unwrap(), [leaving.as_str()]);
        let again = again.await.unwrap();
        let kind = docker(&["volume", "inspect", "--format", "{{index .Labels \"berth.kind\"}}", again.as_str()]);
        assert_eq!(kind, "cache", "it is there anew");
    })
    .await;
    drop(line);
}
