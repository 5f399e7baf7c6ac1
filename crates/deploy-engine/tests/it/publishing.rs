use std::time::Instant;

use berth_deploy_engine::DeployError;
use berth_edge::HostDecision;
use berth_model::FailureCode;
use berth_store::StoreError;
use http::Request;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_published_deployment_answers_at_its_own_host_before_it_is_live() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    assert!(world.get("shop.example.org", "/").await.text.contains("Nothing is live yet"));
    let deployment = world.publish(&shop, &[("index.html", "one")]).await;
    assert_eq!(deployment.host, format!("shop-{}.example.org", deployment.short_id));
    assert_eq!((deployment.files, deployment.bytes), (1, 3));
    assert_eq!(world.get(&deployment.host, "/").await.text, "one");
    assert_eq!(world.get("shop.example.org", "/").await.status, 404);
    assert_eq!(world.store.pending_activations().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_compressed_once_and_negotiated() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let script = "export function price(x) { return x * 2 }\n".repeat(50);
    let deployment = world.publish(&shop, &[("index.html", "x"), ("app.js", &script)]).await;
    for (accept, coding) in
        [("br, gzip", Some("br")), ("gzip", Some("gzip")), ("zstd", Some("zstd")), ("identity", None)]
    {
        let request = Request::builder()
            .uri("/app.js")
            .header("host", &deployment.host)
            .header("accept-encoding", accept)
            .body(())
            .unwrap();
        let decision = world.edge.decide(&request);
        assert!(matches!(decision, HostDecision::Site(..)));
        let response = world.edge.respond(&decision, &request);
        assert_eq!(response.headers().get("content-encoding").map(|value| value.to_str().unwrap()), coding);
        assert_eq!(coding.is_some(), response.body().length() < 300);
    }
    assert!(
        world.log.iter().any(|line| line.starts_with("Published 2 files") && line.contains("1 compressed")),
        "{:?}",
        world.log
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_what_was_left_out() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let files = [
        ("index.html", "x"),
        (".env", "TOKEN=1"),
        (".git/HEAD", "ref"),
        ("_redirects", "/a /b 302 Country=ch\n/c /d\n"),
        ("_headers", "/*\n  Basic-Auth: me:secret\n"),
    ];
    let deployment = world.publish(&shop, &files).await;
    let log = world.log.join("\n");
    for told in [".env", ".git", "_redirects, line 1", "_headers, line 2", "NOT protected"] {
        assert!(log.contains(told), "{told} in {log}");
    }
    assert!(!log.contains("me:secret"));
    assert!(!world.release(&deployment).join(".env").exists() && !world.release(&deployment).join(".git").exists());
    assert_eq!(world.get(&deployment.host, "/c").await.status, 301);
    assert_eq!(world.get(&deployment.host, "/a").await.status, 200); // the only page is the application's
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_without_files_is_their_failure_and_leaves_nothing() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    for files in [&[][..], &[(".env", "x")]] {
        let Err(DeployError::Theirs(failure)) = world.try_publish(&shop, files).await else {
            panic!("it was published")
        };
        assert_eq!((failure.code, failure.setting.as_deref()), (FailureCode::MissingOutput, Some("outputDirectory")));
        let builds = world.store.builds_of(world.access, shop.id, 1, None).await.unwrap();
        world.store.request_cancel(world.access, builds[0].id).await.unwrap();
        world.clock.advance(std::time::Duration::from_secs(3600));
        world.store.requeue_expired().await.unwrap();
    }
    assert_eq!(world.releases(&shop), 0);
    assert_eq!(std::fs::read_dir(world.engine.staging()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_that_loop_are_their_failure_with_the_loop_shown() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let live = world.deploy(&shop, &[("index.html", "one")]).await;
    let looped = [("index.html", "two"), ("_redirects", "/start /a\n/a /b\n/b /a 302\n")];
    let Err(DeployError::Theirs(failure)) = world.try_publish(&shop, &looped).await else { panic!("it was published") };
    assert_eq!(failure.code, FailureCode::BadOutput);
    assert_eq!(failure.title, "_redirects loops: /a → /b → /a");
    assert!(failure.detail.contains("Lines 2 and 3 of _redirects"), "{}", failure.detail);
    assert_eq!(world.get("shop.example.org", "/").await.text, "one");
    assert_eq!(world.releases(&shop), 1, "{live:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lease_and_a_deleted_project_leave_no_release() {
    let world = World::new().await;
    let shop = world.project("shop").await;
    let claimed = world.claim(&shop).await;
    world.clock.advance(std::time::Duration::from_secs(3600));
    world.store.requeue_expired().await.unwrap();
    let artifact = world.artifact(&[("index.html", "late")]);
    let published = world.engine.publish(&claimed.lease, &shop, artifact, Some(0), &mut |_| {}).await;
    assert!(matches!(published, Err(DeployError::Store(StoreError::LeaseLost))), "{published:?}");

    // D8: deleted while it builds.
    let claimed = world.store.claim(std::time::Duration::from_secs(60), 9).await.unwrap().unwrap();
    world.store.delete_project(world.access, shop.id).await.unwrap();
    let artifact = world.artifact(&[("index.html", "late")]);
    world.engine.publish(&claimed.lease, &shop, artifact, Some(0), &mut |_| {}).await.unwrap_err();
    assert_eq!(world.releases(&shop), 0);
    assert_eq!(std::fs::read_dir(world.engine.staging()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_files_are_live_in_a_fraction_of_a_second() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let page = "<p>Hello, world</p>\n".repeat(100);
    let mut files: Vec<(String, &str)> = (0..20).map(|number| (format!("page-{number}.html"), page.as_str())).collect();
    files.push(("index.html".to_owned(), &page));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, content)| (path.as_str(), *content)).collect();
    let mut took = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        world.deploy(&shop, &files).await;
        took.push(begun.elapsed());
    }
    took.sort();
    // The goal is 0.3 s for the whole way of a push; a shared machine without optimisation gets room.
    assert!(took[2].as_millis() < 1500, "{took:?}");
    eprintln!("publish and activate 21 files: {took:?}");
}
