//! Protected sites stay closed whatever happens: a deployment, a restart without the database, a promotion.

use berth_edge::HostDecision;
use berth_model::{Lock, Protection, ProtectionScope};
use berth_secrets::hash_password;
use berth_store::{Project, ProjectChange};
use http::Request;

use crate::world::World;

const PASSWORD: &str = "open sesame";

async fn protect(world: &World, project: &Project, scope: Option<ProtectionScope>, password: &str) {
    let lock = || Lock { user: Some("ada; - 1".to_owned()), hash: hash_password(&password.into()) };
    let protection = Some(scope.map(|scope| Protection { scope, lock: lock() }));
    let change = ProjectChange { protection, ..ProjectChange::default() };
    let host = world.engine.project_host(&project.name);
    world.store.update_project(world.access, project.id, change, &host, Vec::new()).await.unwrap();
    world.engine.reconcile().await.unwrap();
}

async fn status(world: &World, host: &str) -> u16 {
    world.get(host, "/").await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_closed_at_once_and_stays_so() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let one = world.deploy(&shop, &[("index.html", "one")]).await;
    assert_eq!(status(&world, "shop.example.org").await, 200);
    protect(&world, &shop, Some(ProtectionScope::Everything), PASSWORD).await;
    for host in ["shop.example.org", &*one.host] {
        let answer = world.get(host, "/").await;
        assert!(answer.status == 401 && !answer.text.contains("one"), "{host}: {}", answer.text);
    }
    // The next deployment is asked by Berth itself, goes live, and is as closed.
    let two = world.deploy(&shop, &[("index.html", "two")]).await;
    assert_eq!(world.status(two.id).await, "live");
    for host in ["shop.example.org", &*one.host, &*two.host] {
        assert_eq!(status(&world, host).await, 401, "{host}");
    }
    // From the table on disk alone.
    world.restart();
    for host in ["shop.example.org", &*one.host, &*two.host] {
        assert_eq!(status(&world, host).await, 401, "{host}");
    }
    world.engine.reconcile().await.unwrap();
    assert_eq!(status(&world, "shop.example.org").await, 401);
    protect(&world, &shop, None, PASSWORD).await;
    assert_eq!(world.get("shop.example.org", "/").await.text, "two");
    assert_eq!(status(&world, &two.host).await, 200);
    world.restart();
    assert_eq!(status(&world, "shop.example.org").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_alone_can_be_closed_and_what_is_promoted_is_open() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let live = world.deploy(&shop, &[("index.html", "live")]).await;
    protect(&world, &shop, Some(ProtectionScope::Previews), PASSWORD).await;
    let preview = world.preview(&shop, "try", &[("index.html", "preview")]).await;
    world.activate_pending().await;
    for host in ["shop-git-try.example.org", &*preview.host] {
        assert_eq!(status(&world, host).await, 401, "{host}");
    }
    for host in ["shop.example.org", &*live.host] {
        assert_eq!(status(&world, host).await, 200, "{host}");
    }
    world.restart();
    assert_eq!((status(&world, &preview.host).await, status(&world, &live.host).await), (401, 200));
    world.promote(&preview).await;
    assert_eq!(world.get("shop.example.org", "/").await.text, "preview");
    assert_eq!(status(&world, &preview.host).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_opens_and_another_one_closes_again() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    world.deploy(&shop, &[("index.html", "one")]).await;
    protect(&world, &shop, Some(ProtectionScope::Everything), PASSWORD).await;
    // `ada; - 1:open sesame`
    let request = || {
        let request = Request::builder().uri("/").header("host", "shop.example.org");
        request.header("authorization", "Basic YWRhOyAtIDE6b3BlbiBzZXNhbWU=").body(()).unwrap()
    };
    let ask = async |world: &World| {
        let (request, decision) = (request(), world.edge.decide(&request()));
        assert!(matches!(decision, HostDecision::Site(_)));
        let client = "192.0.2.1".parse().unwrap();
        world.edge.admit(&decision, request.method(), request.headers(), client).await.unwrap();
        world.edge.respond(&decision, &request).status().as_u16()
    };
    assert_eq!(ask(&world).await, 200);
    world.restart();
    assert_eq!(ask(&world).await, 200);
    protect(&world, &shop, Some(ProtectionScope::Everything), "open barley").await;
    assert_eq!(ask(&world).await, 401);
}
