use std::time::Duration;

use berth_deploy_engine::Activated;

use crate::world::{World, write};

#[tokio::test(flavor = "multi_thread")]
async fn retention_keeps_five_and_the_live_one() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let mut deployments = Vec::new();
    for number in 0..8 {
        deployments.push(world.deploy(&shop, &[("index.html", &number.to_string())]).await);
    }
    // Everything was live less than ten minutes ago.
    assert_eq!(world.engine.prune(shop.id).await.unwrap(), 0);
    world.clock.advance(Duration::from_secs(11 * 60));
    assert_eq!(world.engine.prune(shop.id).await.unwrap(), 2);
    assert_eq!(world.releases(&shop), 6);
    for (number, deployment) in deployments.iter().enumerate() {
        assert_eq!(world.release(deployment).exists(), number >= 2, "{number}");
        let answer = world.get(&deployment.host, "/").await;
        assert_eq!(answer.status, if number >= 2 { 200 } else { 404 }, "{number}");
    }
    assert_eq!(world.get("shop.example.org", "/").await.text, "7");
    assert_eq!(std::fs::read_dir(world.deployments().join(".trash")).unwrap().count(), 0);
    // The oldest release is live again, and stays whatever its age.
    assert!(matches!(world.roll_back(&deployments[2]).await, Activated::Live(_)));
    world.clock.advance(Duration::from_secs(11 * 60));
    world.engine.prune(shop.id).await.unwrap();
    assert_eq!(world.get("shop.example.org", "/").await.text, "2");
    world.restart();
    assert_eq!(world.get(&deployments[0].host, "/").await.status, 404);
    assert_eq!(world.get("shop.example.org", "/").await.text, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn n5_a_deleted_project_is_gone_and_its_name_is_another_ones() {
    let mut world = World::new().await;
    let old = world.project("shop").await;
    let deployed = world.deploy(&old, &[("index.html", "old")]).await;
    world.store.delete_project(world.access, old.id).await.unwrap();
    // The name is taken again before the worker came to remove the old one.
    let new = world.project("shop").await;
    assert!(world.get("shop.example.org", "/").await.text.contains("Nothing is live yet"));
    world.deploy(&new, &[("index.html", "new")]).await;
    world.engine.remove_project(old.id, &old.name).await.unwrap();
    assert_eq!(world.get("shop.example.org", "/").await.text, "new");
    assert_eq!(world.get(&deployed.host, "/").await.status, 404);
    assert_eq!(world.releases(&old), 0);
    assert_eq!(std::fs::read_to_string(world.deployments().join("shop/index.html")).unwrap(), "new");
    world.engine.remove_project(new.id, &new.name).await.unwrap();
    assert_eq!(world.get("shop.example.org", "/").await.status, 404);
    assert!(std::fs::symlink_metadata(world.deployments().join("shop")).is_err());
    world.restart();
    assert!(world.edge.hosts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_leftovers_of_a_crash_are_swept_and_nothing_else() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let live = world.deploy(&shop, &[("index.html", "live")]).await;
    let orphan = world.deployments().join(format!(".releases/{}/999", shop.id));
    let stranger = world.deployments().join(".releases/998/1");
    let notes = world.deployments().join(".releases/notes");
    write(&orphan, &[("index.html", "never had a row")]);
    write(&stranger, &[("index.html", "of no project")]);
    write(&notes, &[("README", "somebody's")]);
    world.artifact(&[("index.html", "never published")]);
    write(&world.deployments().join(".trash/1-of-2"), &[("index.html", "going")]);
    world.restart();
    // While builds run, only what has long been left alone.
    world.engine.sweep(Duration::from_secs(10 * 365 * 86_400)).await.unwrap();
    assert!(orphan.exists() && std::fs::read_dir(world.engine.staging()).unwrap().count() > 0);
    world.engine.sweep(Duration::ZERO).await.unwrap();
    assert!(!orphan.exists() && !stranger.exists() && !stranger.parent().unwrap().exists());
    assert!(notes.exists() && world.release(&live).exists());
    assert_eq!(std::fs::read_dir(world.engine.staging()).unwrap().count(), 0);
    assert!(
        !world.deployments().join(".trash").exists()
            || std::fs::read_dir(world.deployments().join(".trash")).unwrap().count() == 0
    );
    assert_eq!(world.get("shop.example.org", "/").await.text, "live");
}

/// A project's first release, while what is left over is looked for over and over.
#[tokio::test(flavor = "multi_thread")]
async fn no_sweep_takes_a_directory_that_is_about_to_be_used() {
    let mut world = World::new().await;
    let engine = world.engine.clone();
    let sweeping = tokio::spawn(async move {
        loop {
            engine.sweep(Duration::from_secs(10 * 365 * 86_400)).await.unwrap();
        }
    });
    for number in 0..100 {
        let project = world.project(&format!("shop-{number}")).await;
        world.publish(&project, &[("index.html", "new")]).await;
    }
    sweeping.abort();
}
