use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use berth_deploy_engine::DeployError;
use berth_edge::HostDecision;
use berth_model::{BuiltService, FailureCode};
use berth_store::{Project, StoreError};
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

/// What the releases of a project take on the disk, each inode once.
fn on_disk(world: &World, project: &Project) -> (usize, u64) {
    let mut inodes = HashMap::new();
    let mut waiting = vec![world.deployments().join(format!(".releases/{}", project.id))];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let found = entry.metadata().unwrap();
            if found.is_dir() {
                waiting.push(entry.path());
            } else {
                inodes.insert(found.ino(), found.blocks() * 512);
            }
        }
    }
    (inodes.len(), inodes.values().sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redeploy_with_one_changed_page_costs_one_page() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let pages: Vec<(String, String)> =
        (0..50).map(|number| (format!("page-{number}.html"), format!("<p>{number}</p>\n").repeat(2_000))).collect();
    let mut files: Vec<(&str, &str)> = pages.iter().map(|(path, page)| (path.as_str(), page.as_str())).collect();
    let copy = files[0].1;
    files.push(("copy/of-page-0.html", copy));
    let first = world.deploy(&shop, &files).await;
    let (inodes, bytes) = on_disk(&world, &shop);
    assert_eq!(inodes, 50 * 4 + 1, "each content once, in four forms, and the index");

    let changed = "<p>changed</p>\n".repeat(2_000);
    files[7].1 = &changed;
    let second = world.deploy(&shop, &files).await;
    let (now, bytes_now) = on_disk(&world, &shop);
    assert_eq!(now - inodes, 4 + 1, "one page, and the index");
    assert!(bytes_now - bytes < 64 * 1024, "{bytes} and then {bytes_now}");
    assert!(world.log.iter().any(|line| line.contains("50 as in an earlier release")), "{:?}", world.log);
    let inode = |deployment, path: &str| std::fs::metadata(world.release(deployment).join(path)).unwrap().ino();
    assert_eq!(inode(&first, "page-3.html"), inode(&second, "page-3.html"));
    assert_eq!(inode(&first, "page-0.html"), inode(&second, "copy/of-page-0.html"));
    assert_ne!(inode(&first, ".berth/index"), inode(&second, ".berth/index"));

    // The same again: what the release before the last had is found, too.
    files[7].1 = pages[7].1.as_str();
    world.deploy(&shop, &files).await;
    assert_eq!(on_disk(&world, &shop).0 - now, 1, "the index");

    // The release that they came from goes; what was linked stays.
    world.clock.advance(Duration::from_secs(3_600));
    std::fs::remove_dir_all(world.release(&first)).unwrap();
    for (path, page) in &files {
        let address = format!("/{}", path.trim_end_matches("index.html").trim_end_matches(".html"));
        assert!(world.get("shop.example.org", &address).await.text == *page, "{address}");
    }
    world.restart();
    assert_eq!(world.get(&second.host, "/page-7").await.text, changed);
}

/// However many previews were pushed since: production's files are there, and they are found.
#[tokio::test(flavor = "multi_thread")]
async fn contents_are_shared_with_every_release_that_is_kept() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let script = "export const one = 1;\n".repeat(100);
    let files = [("index.html", "one"), ("app.js", &script)];
    let first = world.deploy(&shop, &files).await;
    for number in 0..9 {
        let page = format!("<p>preview {number}</p>");
        world.preview(&shop, &format!("branch-{number}"), &[("index.html", &page)]).await;
    }
    let (inodes, _) = on_disk(&world, &shop);
    let again = world.deploy(&shop, &files).await;
    assert_eq!(on_disk(&world, &shop).0 - inodes, 1, "the index");
    let inode = |deployment| std::fs::metadata(world.release(deployment).join("app.js")).unwrap().ino();
    assert_eq!(inode(&first), inode(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_by_hand_is_not_taken_over() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let script = "export const one = 1;\n".repeat(100);
    let files = [("index.html", "one"), ("app.js", &script)];
    let first = world.deploy(&shop, &files).await;
    let tampered = script.replace('1', "2");
    std::thread::sleep(Duration::from_millis(20));
    std::fs::write(world.release(&first).join("app.js"), &tampered).unwrap();
    world.deploy(&shop, &files).await;
    assert_eq!(world.get("shop.example.org", "/app.js").await.text, script);
    // Another project shares nothing.
    let blog = world.project("blog").await;
    let other = world.deploy(&blog, &files).await;
    assert_eq!(std::fs::metadata(world.release(&other).join("index.html")).unwrap().nlink(), 1);
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
async fn two_releases_of_a_second_have_one_date() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let date = async |world: &World| {
        let request = Request::builder().uri("/").header("host", "shop.example.org").body(()).unwrap();
        let response = world.edge.respond(&world.edge.decide(&request), &request);
        response.headers().get("last-modified").cloned()
    };
    world.deploy(&shop, &[("index.html", "one")]).await;
    let first = date(&world).await;
    assert!(first.is_some());
    world.deploy(&shop, &[("index.html", "two")]).await;
    assert_eq!(date(&world).await, None, "its second is taken");
    world.clock.advance(std::time::Duration::from_secs(1));
    world.deploy(&shop, &[("index.html", "three")]).await;
    assert!(date(&world).await.is_some_and(|date| Some(date) != first));
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
async fn rule_files_are_read_whole_or_refused() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    // As editors on Windows write it.
    let marked = "\u{feff}/a /b 302\r\n/c /d 302\r\n";
    let live = world.deploy(&shop, &[("index.html", "one"), ("_redirects", marked)]).await;
    for path in ["/a", "/c"] {
        assert_eq!(world.get(&live.host, path).await.status, 302, "{path}");
    }
    for name in ["_redirects", "_headers"] {
        let shop = world.project(&name[1..]).await;
        let fits = "#".repeat(1 << 20);
        world.publish(&shop, &[("index.html", "two"), (name, &fits)]).await;
        let releases = world.releases(&shop);
        let long = fits + "#";
        let Err(DeployError::Theirs(failure)) = world.try_publish(&shop, &[("index.html", "x"), (name, &long)]).await
        else {
            panic!("{name} was published")
        };
        assert_eq!((failure.code, failure.title), (FailureCode::BadOutput, format!("{name} is too long")));
        assert!(failure.detail.contains("at most 1 MiB"), "{}", failure.detail);
        assert_eq!(world.releases(&shop), releases);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lease_and_a_deleted_project_leave_no_release() {
    let world = World::new().await;
    let shop = world.project("shop").await;
    let claimed = world.claim(&shop).await;
    world.clock.advance(std::time::Duration::from_secs(3600));
    world.store.requeue_expired().await.unwrap();
    let artifact = world.artifact(&[("index.html", "late")]);
    let published =
        world.engine.publish(&claimed.lease, &shop, vec![BuiltService::site(artifact)], Some(0), &mut |_| {}).await;
    assert!(matches!(published, Err(DeployError::Store(StoreError::LeaseLost))), "{published:?}");

    // D8: deleted while it builds.
    let claimed = world.store.claim(std::time::Duration::from_secs(60), 9).await.unwrap().unwrap();
    world.store.delete_project(world.access, shop.id).await.unwrap();
    let artifact = world.artifact(&[("index.html", "late")]);
    world
        .engine
        .publish(&claimed.lease, &shop, vec![BuiltService::site(artifact)], Some(0), &mut |_| {})
        .await
        .unwrap_err();
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
    // The goal is 0.3 s for the whole way of a push; a shared machine without optimisation gets room, and the quickest counts:
    // a disk that syncs for the tests beside this one may hold up any of them.
    assert!(took[0].as_millis() < 1500, "{took:?}");
    eprintln!("publish and activate 21 files: {took:?}");
}
