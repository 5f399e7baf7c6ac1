//! At boot everything that was live is live, whatever else is still away.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use berth_tests::{Database, Shop, Site, World, eventually};
use serde_json::json;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

const SITES: usize = 20;

/// A power cut with twenty sites live, on SQLite.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_sites_are_back_with_the_process() -> Result<()> {
    let database = Database::Sqlite;
    let (mut world, sites) = twenty_sites(&database).await?;
    world.berth.kill_9()?;
    let (launched, ready) = all_are_back(&mut world, &sites).await?;
    eprintln!("SQLite: {SITES} sites live {launched:?} after the process was started, ready after {ready:?}");
    world.close().await
}

/// The same on PostgreSQL, which was cut off too and takes its time: the sites do not wait for it, and afterwards the
/// control plane comes by itself (C4).
#[tokio::test(flavor = "multi_thread")]
async fn twenty_sites_are_back_before_their_database() -> Result<()> {
    let database = Database::postgres();
    let (mut world, sites) = twenty_sites(&database).await?;
    database.stop()?;
    world.berth.kill_9()?;
    let started = Instant::now();
    world.berth.launch()?;
    let live = all_show(&sites, started).await?;
    eprintln!("PostgreSQL away: {SITES} sites live {live:?} after the process was started");
    ensure!(world.ada.get("/api/v1/projects").await?.status == 503, "the API answers without a database");
    database.resume();
    let back = Instant::now();
    world.berth.ready().await?;
    ensure!(back.elapsed() < Duration::from_secs(10), "ready {:?} after the database", back.elapsed());
    ensure!(world.ada.get("/api/v1/projects").await?.expect(200)?.as_array().is_some_and(|all| all.len() == SITES));

    world.berth.kill_9()?;
    let (launched, ready) = all_are_back(&mut world, &sites).await?;
    eprintln!("PostgreSQL: {SITES} sites live {launched:?} after the process was started, ready after {ready:?}");
    world.close().await
}

/// Without Docker sites are served and plain files published; once it is there, builds that need it run.
#[tokio::test(flavor = "multi_thread")]
async fn docker_may_come_later() -> Result<()> {
    let mut world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("patient", &Shop::saying("Before")).await?;
    let socket = world.berth.directory().join("docker.sock");
    world.berth.set("DOCKER_HOST", &format!("unix://{}", socket.display()));
    world.berth.kill_9()?;
    world.berth.launch()?;
    eventually("the site is served", Duration::from_secs(30), async || {
        Ok(project.site.get("/").await.is_ok_and(|page| page.body.contains("Before")).then_some(()))
    })
    .await?;
    eventually("the API answers", Duration::from_secs(60), async || {
        Ok((world.ada.get("/api/v1/projects").await?.status == 200).then_some(()))
    })
    .await?;
    let health = world.berth.request("GET", "/health/ready").send().await?;
    ensure!(health.status() == 503 && health.text().await?.contains("Docker"));

    let plain = world.github.repo("plain")?;
    plain.publish("Plain files", &[("index.html", "<h1>No container needed</h1>")])?;
    let plain = world.connect_repo("plain", plain, json!({"buildCommand": ""})).await?;
    world.shows(&plain, "No container needed").await?;

    world.push(&project, &Shop::saying("After")).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(project.site.get("/").await?.body.contains("Before"));
    let docker = forward(&socket, "/var/run/docker.sock")?;
    let back = Instant::now();
    world.berth.ready().await?;
    ensure!(back.elapsed() < Duration::from_secs(10), "ready {:?} after Docker", back.elapsed());
    world.shows(&project, "After").await?;
    let ended = world.close().await;
    docker.abort();
    ended
}

/// Twenty projects of one repository, all live.
async fn twenty_sites(database: &Database) -> Result<(World, Vec<Site>)> {
    let world = World::open(database, &[("BERTH_BUILD_CONCURRENCY", "4")]).await?;
    let repo = world.github.repo("fleet")?;
    repo.publish("Plain files", &[("index.html", "<h1>One of the fleet</h1>")])?;
    let mut fleet = Vec::new();
    for number in 0..SITES {
        let settings = json!({"buildCommand": ""});
        fleet.push(world.connect_repo(&format!("ship-{number}"), repo.clone(), settings).await?);
    }
    let mut sites = Vec::new();
    for project in fleet {
        // Only then is it on the disk, for the next start: visitors get it a moment before.
        world.live(&project, project.first_build).await?;
        ensure!(project.site.get("/").await?.body.contains("One of the fleet"));
        sites.push(project.site);
    }
    Ok((world, sites))
}

/// Starts Berth; how long until every site showed, and until it was ready.
async fn all_are_back(world: &mut World, sites: &[Site]) -> Result<(Duration, Duration)> {
    let started = Instant::now();
    world.berth.launch()?;
    let live = all_show(sites, started).await?;
    world.berth.ready().await?;
    Ok((live, started.elapsed()))
}

/// The limit is for a busy machine; the time is what a reader wants.
async fn all_show(sites: &[Site], started: Instant) -> Result<Duration> {
    for site in sites {
        eventually(&format!("{} is served again", site.host), Duration::from_secs(30), async || {
            let page = site.get("/").await;
            Ok(page.is_ok_and(|page| page.status == 200 && page.body.contains("One of the fleet")).then_some(()))
        })
        .await?;
    }
    Ok(started.elapsed())
}

/// A socket that leads to another one, for as long as the task lives.
fn forward(from: &Path, to: &'static str) -> Result<JoinHandle<()>> {
    let listener = UnixListener::bind(from)?;
    Ok(tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(mut server) = UnixStream::connect(to).await {
                    // Either side may leave first.
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    }))
}
