use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use berth_deploy_engine::Activated;
use berth_model::{ActivationId, EventId, EventPayload};
use berth_store::ActivationReason;

use crate::world::{World, get};

#[tokio::test(flavor = "multi_thread")]
async fn a_build_goes_live_and_a_newer_one_takes_its_place() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let one = world.deploy(&shop, &[("index.html", "one")]).await;
    assert_eq!(world.get("shop.example.org", "/").await.text, "one");
    let two = world.deploy(&shop, &[("index.html", "two")]).await;
    assert_eq!(world.get("shop.example.org", "/").await.text, "two");
    assert_eq!(world.get(&one.host, "/").await.text, "one");
    assert_eq!((world.status(one.id).await, world.status(two.id).await), ("retired", "live"));
    let link = std::fs::read_link(world.deployments().join("shop")).unwrap();
    assert_eq!(link, std::path::PathBuf::from(format!(".releases/{}/{}", shop.id, two.id)));
    assert_eq!(std::fs::read_to_string(world.deployments().join("shop/index.html")).unwrap(), "two");
}

/// The worker is woken before publishing returns: whichever of the two comes first at the release's own host, pages of
/// the release find their scripts when the next one is live.
#[tokio::test(flavor = "multi_thread")]
async fn d3_scripts_stay_reachable_however_quick_the_activation_is() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    for round in 0..20 {
        let script = format!("app-DxB4kQ{round:02}.js");
        let (store, engine) = (world.store.clone(), world.engine.clone());
        let activated = tokio::spawn(async move {
            loop {
                if let Some(pending) = store.pending_activations().await.unwrap().first() {
                    return engine.activate(pending.id).await.unwrap();
                }
                tokio::task::yield_now().await;
            }
        });
        world.publish(&shop, &[("index.html", "quick"), (&script, "script")]).await;
        assert!(matches!(activated.await.unwrap(), Activated::Live(_)));
        world.deploy(&shop, &[("index.html", "next")]).await;
        assert_eq!(world.get("shop.example.org", &format!("/{script}")).await.text, "script", "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d9_rollback_is_immediate_and_survives_a_restart() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let one = world.deploy(&shop, &[("index.html", "one")]).await;
    let two = world.deploy(&shop, &[("index.html", "two")]).await;
    let mut quickest = std::time::Duration::MAX;
    for round in 0..5 {
        if round > 0 {
            assert!(matches!(world.roll_back(&two).await, Activated::Live(live) if live.id == two.id));
        }
        let begun = std::time::Instant::now();
        assert!(matches!(world.roll_back(&one).await, Activated::Live(live) if live.id == one.id));
        quickest = quickest.min(begun.elapsed());
    }
    // Within a second; a disk that syncs for the tests beside this one may hold up any of them.
    assert!(quickest.as_millis() < 1000, "{quickest:?}");
    assert_eq!(world.get("shop.example.org", "/").await.text, "one");
    assert_eq!((world.status(one.id).await, world.status(two.id).await), ("live", "rolled_back"));
    world.restart();
    assert_eq!(world.get("shop.example.org", "/").await.text, "one");
    // And forward again.
    assert!(matches!(world.roll_back(&two).await, Activated::Live(_)));
    assert_eq!(world.get("shop.example.org", "/").await.text, "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn d6_an_older_build_never_wins_but_keeps_its_own_host() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let one = world.publish(&shop, &[("index.html", "one")]).await;
    let two = world.publish(&shop, &[("index.html", "two")]).await;
    let pending = world.store.pending_activations().await.unwrap();
    let (first, second) = (&pending[0], &pending[1]);
    assert_eq!((first.deployment, second.deployment), (one.id, two.id));
    assert!(matches!(world.engine.activate(second.id).await.unwrap(), Activated::Live(_)));
    assert!(matches!(world.engine.activate(first.id).await.unwrap(), Activated::Refused { .. }));
    assert_eq!(world.get("shop.example.org", "/").await.text, "two");
    assert_eq!(world.get(&one.host, "/").await.text, "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn d5_a_release_that_cannot_be_served_never_receives_traffic() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let one = world.deploy(&shop, &[("index.html", "one")]).await;
    let two = world.publish(&shop, &[("index.html", "two")]).await;
    std::fs::write(world.release(&two).join("index.html"), "damaged").unwrap();
    let Some(Activated::Refused { reason }) = world.activate_pending().await.pop() else { panic!("it went live") };
    assert!(!reason.contains('/'), "{reason}");
    let three = world.publish(&shop, &[("index.html", "three")]).await;
    std::fs::write(world.release(&three).join(".berth/index"), "damaged").unwrap();
    assert!(matches!(world.activate_pending().await.pop(), Some(Activated::Refused { .. })));
    assert_eq!(world.get("shop.example.org", "/").await.text, "one");
    assert_eq!(
        (world.status(one.id).await, world.status(two.id).await, world.status(three.id).await),
        ("live", "failed", "failed")
    );
    let route = world.store.route("shop.example.org").await.unwrap().unwrap();
    assert_eq!(route.deployment, Some(one.id));
    world.restart();
    assert_eq!(world.get("shop.example.org", "/").await.text, "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn live_is_announced_only_after_the_edge_answers() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let published = world.publish(&shop, &[("index.html", "one")]).await;
    let live_events = |events: Vec<berth_model::Event>| {
        events.iter().filter(|event| matches!(&event.payload, EventPayload::DeploymentStatus { status, .. } if status.as_str() == "live")).count()
    };
    assert_eq!(live_events(world.store.events_after(EventId(0), 100).await.unwrap()), 0);
    world.activate_pending().await;
    let answer = world.get("shop.example.org", "/").await;
    assert_eq!(answer.deployment, Some(published.id.0));
    assert_eq!(live_events(world.store.events_after(EventId(0), 100).await.unwrap()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_without_a_start_page_goes_live() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    world.deploy(&shop, &[("data.json", "{}")]).await;
    assert_eq!(world.get("shop.example.org", "/").await.status, 404);
    assert_eq!(world.get("shop.example.org", "/data.json").await.text, "{}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn d1_a_hundred_switches_under_requests_fail_none_and_mix_none() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let body = |name: &str| format!("{name};").repeat(1000);
    let one = world.deploy(&shop, &[("index.html", &body("one")), ("name.txt", "one")]).await;
    let two = world.deploy(&shop, &[("index.html", &body("two")), ("name.txt", "two")]).await;
    let bodies = Arc::new([(one.id.0, body("one")), (two.id.0, body("two"))]);
    let (done, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let askers: Vec<_> = (0..3)
        .map(|_| {
            let (edge, done, asked, bodies) = (world.edge.clone(), done.clone(), asked.clone(), bodies.clone());
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    let answer = get(&edge, "shop.example.org", "/").await;
                    let served = answer.deployment.unwrap();
                    assert_eq!(answer.status, 200);
                    assert!(bodies.iter().any(|(id, body)| *id == served && *body == answer.text));
                    asked.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for number in 0..100 {
        let target = if number % 2 == 0 { &one } else { &two };
        assert!(matches!(world.roll_back(target).await, Activated::Live(_)));
    }
    done.store(true, Ordering::Relaxed);
    for asker in askers {
        asker.await.unwrap();
    }
    assert!(asked.load(Ordering::Relaxed) > 500, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn d3_assets_of_the_release_before_stay_reachable_even_after_a_restart() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    world.deploy(&shop, &[("index.html", "one"), ("assets/app-1a2b3c4d.js", "one")]).await;
    world.deploy(&shop, &[("index.html", "two"), ("assets/app-2a2b3c4d.js", "two")]).await;
    for _ in 0..2 {
        assert_eq!(world.get("shop.example.org", "/assets/app-1a2b3c4d.js").await.text, "one");
        assert_eq!(world.get("shop.example.org", "/assets/app-2a2b3c4d.js").await.text, "two");
        world.restart();
        world.engine.reconcile().await.unwrap();
    }
}

/// However many releases were live in the last ten minutes: what their pages ask for is there, over pruning and restarts.
#[tokio::test(flavor = "multi_thread")]
async fn d3_assets_of_every_release_of_the_last_ten_minutes_stay_reachable() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let script = |number: u32| format!("assets/app-{:08x}.js", 0x1a2b_3c4d + number);
    for number in 0..20 {
        world.deploy(&shop, &[("index.html", &format!("{number}")), (&script(number), &format!("{number};"))]).await;
        world.clock.advance(Duration::from_secs(3));
    }
    let reachable = async |world: &World| {
        let mut found = 0;
        for number in 0..20 {
            found += u32::from(
                world.get("shop.example.org", &format!("/{}", script(number))).await.text == format!("{number};"),
            );
        }
        found
    };
    for _ in 0..3 {
        world.engine.prune(shop.id).await.unwrap();
        assert_eq!(reachable(&world).await, 20);
        world.restart();
        assert_eq!(reachable(&world).await, 20, "before the database was asked");
        world.engine.reconcile().await.unwrap();
        world.clock.advance(Duration::from_secs(175));
    }
    assert_eq!(reachable(&world).await, 20);
    // What is over is over: the live one, and five that are kept for a rollback.
    world.clock.advance(Duration::from_secs(600));
    assert_eq!(world.engine.prune(shop.id).await.unwrap(), 14);
    world.restart();
    assert!(reachable(&world).await <= 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_go_live_together_and_one_that_cannot_holds_up_nobody() {
    let mut world = World::new().await;
    let mut published = Vec::new();
    for number in 0..6 {
        let project = world.project(&format!("shop-{number}")).await;
        published.push(world.publish(&project, &[("index.html", &format!("shop {number}"))]).await);
    }
    std::fs::write(world.release(&published[2]).join(".berth/index"), "damaged").unwrap();
    world.store.delete_project(world.access, published[4].project).await.unwrap();
    let mut ids: Vec<_> = world.store.pending_activations().await.unwrap().iter().map(|pending| pending.id).collect();
    assert_eq!(ids.len(), 5, "one project was deleted");
    ids.push(ActivationId(4_711));
    let ended = world.engine.activate_all(&ids).await.unwrap();
    let live: Vec<_> = ended.iter().map(|ended| matches!(ended, Ok(Activated::Live(_)))).collect();
    assert_eq!(live, [true, true, false, true, true, false]);
    assert!(matches!(&ended[2], Ok(Activated::Refused { reason }) if reason.contains("cannot be read")), "{ended:?}");
    for _ in 0..2 {
        for (number, deployment) in published.iter().enumerate().filter(|(number, _)| ![2, 4].contains(number)) {
            assert_eq!(world.get(&format!("shop-{number}.example.org"), "/").await.text, format!("shop {number}"));
            assert_eq!(world.status(deployment.id).await, "live");
        }
        world.restart();
    }
    assert_eq!(world.status(published[2].id).await, "failed");
    assert!(world.store.pending_activations().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn activating_again_after_a_crash_leads_to_the_same_end() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    world.deploy(&shop, &[("index.html", "one")]).await;
    let two = world.publish(&shop, &[("index.html", "two")]).await;
    // Killed between deciding and confirming: the database points at the new release, the edge does not know it.
    let pending = world.store.pending_activations().await.unwrap();
    world.store.decide_activation(pending[0].id).await.unwrap();
    world.restart();
    assert_eq!(world.get("shop.example.org", "/").await.text, "one");
    world.engine.reconcile().await.unwrap();
    assert_eq!(world.get("shop.example.org", "/").await.text, "two");
    assert!(matches!(world.activate_pending().await.pop(), Some(Activated::Live(live)) if live.id == two.id));
    assert_eq!(world.status(two.id).await, "live");
    assert!(world.store.request_activation(world.access, two.id, ActivationReason::Promote).await.is_ok());
    assert!(matches!(world.activate_pending().await.pop(), Some(Activated::Live(_))));
}
