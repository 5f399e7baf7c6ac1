use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use berth_deploy_engine::Activated;
use berth_model::{BranchName, Environment};
use berth_store::{ActivationDecision, ActivationReason, PreviewOf};

use crate::world::{World, get};

const PREVIEW: &str = "shop-git-next.example.org";

async fn close(world: &World, project: &berth_store::Project, branch: &str) {
    let of = PreviewOf::Branch(BranchName::parse(branch).unwrap());
    world.store.close_preview(project.id, &of, "the branch is gone").await.unwrap().unwrap();
    world.engine.reconcile().await.unwrap();
    world.engine.prune(project.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_are_live_side_by_side_and_go_without_a_trace() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    world.deploy(&shop, &[("index.html", "home")]).await;
    let next = world.preview(&shop, "next", &[("index.html", "next")]).await;
    world.preview(&shop, "other", &[("index.html", "other")]).await;
    for _ in 0..2 {
        for (host, text) in [
            ("shop.example.org", "home"),
            (PREVIEW, "next"),
            ("shop-git-other.example.org", "other"),
            (&next.host, "next"),
        ] {
            assert_eq!(world.get(host, "/").await.text, text);
        }
        world.restart();
    }
    close(&world, &shop, "next").await;
    for host in [PREVIEW, &next.host] {
        assert_eq!(world.get(host, "/").await.status, 404, "{host}");
    }
    assert!(!world.release(&next).exists());
    assert_eq!(world.releases(&shop), 2);
    assert_eq!(world.get("shop.example.org", "/").await.text, "home");
    assert_eq!(world.get("shop-git-other.example.org", "/").await.text, "other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_preview_stays_when_its_preview_goes() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let home = world.deploy(&shop, &[("index.html", "home")]).await;
    let files = [("index.html", "next"), ("assets/app-1a2b3c4d.js", &"let next = 1;".repeat(500))];
    let next = world.preview(&shop, "next", &files).await;
    let Activated::Live(copy) = world.promote(&next).await else { panic!("it was refused") };
    assert_eq!((copy.environment, copy.promoted_from), (Environment::Production, Some(next.id)));
    let inode = |deployment, path: &str| std::fs::metadata(world.release(deployment).join(path)).unwrap().ino();
    for shared in ["index.html", "assets/app-1a2b3c4d.js"] {
        assert_eq!(inode(&copy, shared), inode(&next, shared), "nothing is copied");
    }
    assert_ne!(inode(&copy, ".berth/index"), inode(&next, ".berth/index"));
    let link = std::fs::read_link(world.deployments().join("shop")).unwrap();
    assert!(link.ends_with(copy.id.to_string()));

    close(&world, &shop, "next").await;
    assert!(!world.release(&next).exists());
    for _ in 0..2 {
        for host in ["shop.example.org", &copy.host] {
            let answer = world.get(host, "/").await;
            assert_eq!(answer.text, "next");
            assert_eq!(answer.deployment, Some(copy.id.0));
        }
        world.restart();
    }
    assert!(matches!(world.roll_back(&home).await, Activated::Live(_)));
    assert_eq!(world.get("shop.example.org", "/").await.text, "home");
    assert_eq!(world.status(copy.id).await, "rolled_back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_that_was_killed_is_done_again_and_leaves_nothing() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    world.deploy(&shop, &[("index.html", "home")]).await;
    let next = world.preview(&shop, "next", &[("index.html", "next")]).await;
    let wish = world.store.request_activation(world.access, next.id, ActivationReason::Promote).await.unwrap();
    // Killed while it was copied: a directory that is being made, and one that nobody published.
    let ActivationDecision::Copy { id, .. } = world.store.decide_activation(wish).await.unwrap() else {
        panic!("production has no copy of it")
    };
    let unpublished = world.deployments().join(format!(".releases/{}/{id}", shop.id));
    std::fs::create_dir_all(unpublished.join(".berth")).unwrap();
    std::fs::create_dir_all(world.engine.staging().join(format!("copy-{id}"))).unwrap();
    world.restart();
    world.engine.reconcile().await.unwrap();
    world.engine.sweep(Duration::ZERO).await.unwrap();
    assert!(!unpublished.exists());
    assert_eq!(world.get("shop.example.org", "/").await.text, "home");
    let Some(Activated::Live(copy)) = world.activate_pending().await.pop() else { panic!("it was refused") };
    assert_ne!(copy.id, id);
    assert_eq!(world.get("shop.example.org", "/").await.text, "next");
    assert_eq!(world.releases(&shop), 3);
    assert_eq!(std::fs::read_dir(world.engine.staging()).unwrap().count(), 0);

    // A release that lost its files is refused in words, and nothing of it stays.
    let other = world.preview(&shop, "other", &[("index.html", "other")]).await;
    std::fs::remove_dir_all(world.release(&other)).unwrap();
    let Activated::Refused { reason } = world.promote(&other).await else { panic!("it has no files") };
    assert!(!reason.contains('/'), "{reason}");
    assert_eq!(world.get("shop.example.org", "/").await.text, "next");
    assert_eq!(std::fs::read_dir(world.engine.staging()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn d1_forty_promotions_and_rollbacks_under_requests_fail_none() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let body = |name: &str| format!("{name};").repeat(1000);
    let home = world.deploy(&shop, &[("index.html", &body("home"))]).await;
    let (done, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let askers: Vec<_> = (0..3)
        .map(|_| {
            let (edge, done, asked) = (world.edge.clone(), done.clone(), asked.clone());
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    let answer = get(&edge, "shop.example.org", "/").await;
                    assert_eq!(answer.status, 200);
                    let name = answer.text.split(';').next().unwrap();
                    assert_eq!(answer.text, format!("{name};").repeat(1000), "two releases in one answer");
                    asked.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for round in 0..20 {
        let preview = world.preview(&shop, "next", &[("index.html", &body(&format!("next {round}")))]).await;
        let Activated::Live(copy) = world.promote(&preview).await else { panic!("it was refused") };
        assert_eq!(world.get("shop.example.org", "/").await.text, body(&format!("next {round}")));
        assert_eq!(copy.promoted_from, Some(preview.id));
        assert!(matches!(world.roll_back(&home).await, Activated::Live(live) if live.id == home.id));
    }
    done.store(true, Ordering::Relaxed);
    for asker in askers {
        asker.await.unwrap();
    }
    assert!(asked.load(Ordering::Relaxed) > 100, "{asked:?}");
}
