//! `kill -9` and a database that is away: the site is wholly old or wholly new, and nothing is left lying about.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, Delivery, Shop, World, eventually};
use serde_json::json;

/// C1, a handful of random moments.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_recovers() -> Result<()> {
    let mut world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("hardy", &Shop::saying("Version 0.")).await?;
    world.newest_is_live(&project).await?;
    let docker = world.berth.docker()?;
    for version in 1..=6_u64 {
        let wait = Duration::from_millis(RandomState::new().hash_one(version) % 2_500);
        // Berth, which looks at its start, may have found the push before.
        Shop::saying(&format!("Version {version}.")).publish(&project.repo)?;
        Delivery::push(&project.repo)?.send(&world.berth).await?.heard()?;
        tokio::time::sleep(wait).await;
        world.berth.kill_9()?;
        world.berth.restart().await?;
        let page = project.site.get("/").await?;
        let old_or_new = [version - 1, version].iter().any(|known| page.body.contains(&format!("Version {known}.")));
        ensure!(
            page.status == 200 && old_or_new,
            "killed {wait:?} after push {version}: {} {}",
            page.status,
            page.body
        );
        world
            .shows(&project, &format!("Version {version}."))
            .await
            .map_err(|error| error.context(format!("killed {wait:?} after push {version}")))?;
        eventually("no container is left", Duration::from_secs(60), async || {
            Ok(docker.containers()?.is_empty().then_some(()))
        })
        .await?;
        world.newest_is_live(&project).await?;
    }
    let staged = world.berth.deployments().join(".staging");
    eventually("no staging directory is left", Duration::from_secs(60), async || {
        let left = std::fs::read_dir(&staged).map(Iterator::count).unwrap_or(0);
        Ok((left == 0).then_some(()))
    })
    .await?;
    world.close().await
}

/// C1 for the phases that take milliseconds: plain files, killed while they are fetched, published and put live.
#[tokio::test(flavor = "multi_thread")]
async fn killed_within_milliseconds_it_recovers() -> Result<()> {
    for database in [Database::Sqlite, Database::postgres()] {
        killed_within_milliseconds(&database).await?;
    }
    Ok(())
}

async fn killed_within_milliseconds(database: &Database) -> Result<()> {
    let mut world = World::open(database, &[]).await?;
    let repo = world.github.repo("instant")?;
    let publish = |version: u64| repo.publish("Publish", &[("index.html", &format!("<h1>Version {version}.</h1>"))]);
    publish(0)?;
    let project = world.connect_repo("instant", repo.clone(), json!({"buildCommand": ""})).await?;
    world.newest_is_live(&project).await?;
    for version in 1..=12 {
        let wait = Duration::from_millis(RandomState::new().hash_one(version) % 200);
        publish(version)?;
        Delivery::push(&repo)?.send(&world.berth).await?.heard()?;
        tokio::time::sleep(wait).await;
        world.berth.kill_9()?;
        world.berth.restart().await?;
        let context = format!("killed {wait:?} after push {version}");
        let page = project.site.get("/").await?;
        let old_or_new = [version - 1, version].iter().any(|known| page.body.contains(&format!("Version {known}.")));
        ensure!(page.status == 200 && old_or_new, "{context}: {page:?}");
        world.shows(&project, &format!("Version {version}.")).await.context(context.clone())?;
        world.newest_is_live(&project).await.context(context)?;
    }
    world.close().await
}

/// Stopped in good order while it builds, it takes the container along and runs the build after the next start.
#[tokio::test(flavor = "multi_thread")]
async fn stopped_in_mid_build_it_builds_after_the_next_start() -> Result<()> {
    let mut world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("tidied", &Shop::saying("Before")).await?;
    let build = world.push(&project, &Shop::saying("After").slowly(8)).await?;
    eventually("the build runs", Duration::from_secs(60), async || {
        Ok(world.log_text(build).await?.contains("second 0").then_some(()))
    })
    .await?;
    let docker = world.berth.docker()?;
    let served = async {
        while !docker.containers()?.is_empty() {
            match project.site.get("/").await {
                Ok(page) => ensure!(page.body.contains("Before"), "{page:?}"),
                Err(error) => ensure!(docker.containers()?.is_empty(), "the site went before the build: {error:#}"),
            }
        }
        anyhow::Ok(())
    };
    let (status, served) = tokio::join!(world.berth.terminate(), served);
    let status = status?;
    ensure!(status.success(), "berth ended with {status} after SIGTERM");
    served?;
    ensure!(docker.containers()?.is_empty(), "a stopped Berth left its build's container");
    world.berth.restart().await?;
    ensure!(project.site.get("/").await?.body.contains("Before"));
    world.shows(&project, "After").await?;
    ensure!(world.ended(build).await? == "passed", "another build did it");
    world.close().await
}

/// W16: a push that nobody announced, because Berth was away, is deployed all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_during_an_outage_is_deployed_afterwards() -> Result<()> {
    let mut world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("belated", &Shop::saying("Before the outage")).await?;
    let status = world.berth.terminate().await?;
    ensure!(status.success(), "berth ended with {status} after SIGTERM");
    Shop::saying("During the outage").publish(&project.repo)?;
    world.berth.restart().await?;
    world.shows(&project, "During the outage").await?;
    world.close().await
}

/// C4, and "at start the edge serves at once, and the API answers 503 until the database is there".
#[tokio::test(flavor = "multi_thread")]
async fn sites_do_not_need_the_database() -> Result<()> {
    let database = Database::postgres();
    let mut world = World::open(&database, &[]).await?;
    let project = world.open_shop("afloat", &Shop::saying("Still here")).await?;
    world.newest_is_live(&project).await?;
    Shop::saying("Back again").publish(&project.repo)?;
    let delivery = Delivery::push(&project.repo)?;

    database.stop()?;
    ensure!(project.site.get("/").await?.body.contains("Still here"), "the site went with the database");
    ensure!(delivery.send(&world.berth).await?.status == 503, "a delivery was acknowledged that cannot be kept");
    ensure!(world.ada.get("/api/project/projects").await?.status == 503);

    // Even a restart does not need it.
    world.berth.kill_9()?;
    world.berth.launch()?;
    eventually("the site is served without a database", Duration::from_secs(60), async || {
        let page = project.site.get("/").await;
        Ok(page.is_ok_and(|page| page.body.contains("Still here")).then_some(()))
    })
    .await?;
    ensure!(delivery.send(&world.berth).await?.status == 503);

    database.resume();
    let since = Instant::now();
    // Or it is told that Berth, which looks at its start, has found the push already.
    eventually("the delivery is accepted again", Duration::from_secs(30), async || {
        Ok(delivery.send(&world.berth).await?.heard().ok())
    })
    .await?;
    ensure!(since.elapsed() < Duration::from_secs(10), "recovering took {:?}", since.elapsed());
    world.berth.ready().await?;
    world.shows(&project, "Back again").await?;
    world.close().await
}
