//! What visitors see while deployments come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use berth_tests::{Database, Shop, World, eventually};
use tokio::task::JoinSet;

/// D1: under steady keep-alive load, no request fails and none gets a page that never existed.
#[tokio::test(flavor = "multi_thread")]
async fn switching_fails_no_request() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("swift", &Shop::saying("The first page")).await?;
    let first = project.site.get("/").await?.body;
    let second_build = world.push(&project, &Shop::saying("The second page")).await?;
    world.shows(&project, "The second page").await?;
    world.live(&project, second_build).await?;
    let pages = Arc::new([first, project.site.get("/").await?.body]);

    let done = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicUsize::new(0));
    let mut visitors = JoinSet::new();
    for _ in 0..4 {
        let (site, pages, done, asked) =
            (project.site.clone(), Arc::clone(&pages), Arc::clone(&done), Arc::clone(&asked));
        visitors.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let page = site.get("/").await?;
                ensure!(page.status == 200, "a visitor got {}", page.status);
                ensure!(pages.contains(&page.body), "a visitor got a mixture: {}", page.body);
                asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(8)).await;
            }
            Ok(())
        });
    }
    let since = Instant::now();
    for switch in 0..40_usize {
        // No quicker than visitors come, however quick the machine is.
        let come = async || Ok((asked.load(Ordering::Relaxed) >= 11 * switch).then_some(()));
        eventually("visitors come", Duration::from_secs(30), come).await?;
        let (from, to, text) = match switch % 2 {
            0 => (second_build, project.first_build, "The first page"),
            _ => (project.first_build, second_build, "The second page"),
        };
        world.roll_back(from, to).await?;
        ensure!(project.site.get("/").await?.body.contains(text), "switch {switch} did not take");
    }
    let took = since.elapsed();
    done.store(true, Ordering::Relaxed);
    while let Some(visitor) = visitors.join_next().await {
        visitor??;
    }
    let asked = asked.load(Ordering::Relaxed);
    ensure!(asked > 400, "only {asked} requests in {took:?}: no load worth the name");
    world.close().await
}

/// D3: whoever still has the old page open gets the scripts that it names.
#[tokio::test(flavor = "multi_thread")]
async fn the_previous_scripts_stay_reachable() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let with_script = |text: &str, hash: &str| {
        Shop::saying(text).then(&format!("writeFileSync('dist/assets/app-{hash}.js', 'console.log(\"{text}\")');"))
    };
    let project = world.open_shop("lasting", &with_script("The old page", "DxB4kQ2a")).await?;
    world.push(&project, &with_script("The new page", "Cf9sLm3z")).await?;
    world.shows(&project, "The new page").await?;
    for (script, text) in [("/assets/app-DxB4kQ2a.js", "The old page"), ("/assets/app-Cf9sLm3z.js", "The new page")] {
        let answer = project.site.get(script).await?;
        ensure!(answer.status == 200 && answer.body.contains(text), "{script}: {answer:?}");
    }
    ensure!(project.site.get("/assets/app-00000000.js").await?.status == 404);
    world.close().await
}

/// D2: a download that began before a switch ends with the bytes that it began with.
#[tokio::test(flavor = "multi_thread")]
async fn a_download_across_a_switch_keeps_its_bytes() -> Result<()> {
    const MEGABYTES: usize = 64;
    let world = World::open(&Database::Sqlite, &[]).await?;
    let with_film = |text: &str, byte: u8| {
        let film = format!("writeFileSync('dist/film.bin', Buffer.alloc({MEGABYTES} << 20, {byte}));");
        Shop::saying(text).then(&film)
    };
    let project = world.open_shop("cinema", &with_film("The first film", 1)).await?;
    let film = world.berth.client().get(format!("{}/film.bin", world.berth.origin()));
    let mut download = film.header("host", &project.site.host).send().await?.error_for_status()?;
    let mut bytes = download.chunk().await?.map_or(0, |first| first.len());

    world.push(&project, &with_film("The second film", 2)).await?;
    world.shows(&project, "The second film").await?;
    while let Some(chunk) = download.chunk().await? {
        ensure!(chunk.iter().all(|byte| *byte == 1), "after {bytes} bytes the download went on with the new file");
        bytes += chunk.len();
    }
    ensure!(bytes == MEGABYTES << 20, "the download ended after {bytes} bytes");
    world.close().await
}

/// D9: a rollback outlives a restart, whatever kind.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_survives_restarts() -> Result<()> {
    let mut world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("firm", &Shop::saying("The good one")).await?;
    let bad = world.push(&project, &Shop::saying("The bad one")).await?;
    world.shows(&project, "The bad one").await?;
    world.live(&project, bad).await?;
    world.roll_back(bad, project.first_build).await?;
    ensure!(project.site.get("/").await?.body.contains("The good one"));

    world.berth.kill_9()?;
    world.berth.restart().await?;
    ensure!(project.site.get("/").await?.body.contains("The good one"), "kill -9 undid the rollback");
    let status = world.berth.terminate().await?;
    ensure!(status.success(), "berth ended with {status} after SIGTERM");
    world.berth.restart().await?;
    ensure!(project.site.get("/").await?.body.contains("The good one"), "a restart undid the rollback");
    // Nor does the comparison with the branch's head, which still is the bad one, bring it back.
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(project.site.get("/").await?.body.contains("The good one"), "reconciling undid the rollback");
    world.close().await
}

/// S2, S4, H2, H7: what is a page, what is not, and whose it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_answers_for_itself_only() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("single", &Shop::saying("One page for all")).await?;
    let deep_link = project.site.get("/products/42").await?;
    ensure!(deep_link.status == 200 && deep_link.body.contains("One page for all"), "{deep_link:?}");
    let script = project.site.get("/assets/shop.js").await?;
    ensure!(script.status == 200 && script.content_type.is_some_and(|kind| kind.starts_with("text/javascript")));
    for missing in ["/assets/missing.js", "/.env", "/.git/config", "/package.json", "/%2e%2e/%2e%2e/etc/passwd.txt"] {
        let page = project.site.get(missing).await?;
        ensure!(matches!(page.status, 400 | 404), "{missing}: {page:?}");
    }
    let api = project.site.get("/api/v1/projects").await?;
    ensure!(!api.body.contains("single"), "the API answers at a site's host: {api:?}");
    let unknown = berth_tests::Site::of(&world.berth, "nobody").get("/").await?;
    ensure!(unknown.status == 404 && !unknown.body.contains("nobody"), "{unknown:?}");
    world.close().await
}
