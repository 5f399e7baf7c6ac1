//! What happens to services from outside: containers that somebody removes, a machine that goes down, a Docker that is
//! away; and what is open to a version that is replaced.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::torture::DockerLine;
use berth_tests::{Application, Database, Delivery, Project, Replica, World, eventually};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// For a container to start, or to be replaced, on a busy machine.
const SOON: Duration = Duration::from_secs(120);

async fn connect(world: &World, name: &str, text: &str) -> Result<Project> {
    let repo = world.github.repo(name)?;
    Application::saying(text).publish(&repo)?;
    let project = world.connect_repo(name, repo, json!({})).await?;
    world.shows(&project, text).await?;
    Ok(project)
}

/// The one replica that runs.
fn only(world: &World) -> Result<Replica> {
    let replicas = world.berth.docker()?.replicas()?;
    let [replica] = &replicas[..] else { anyhow::bail!("one replica should run: {replicas:?}") };
    Ok(replica.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_somebody_removes_is_made_again() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = connect(&world, "lost", "Found again").await?;
    let before = only(&world)?;
    world.berth.docker()?.remove(&before.container)?;
    let after = eventually("another one runs", SOON, async || Ok(only(&world).ok())).await?;
    ensure!(after.container != before.container && after.name == before.name, "{after:?} after {before:?}");
    world.shows(&project, "Found again").await?;
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_machine_was_down_services_run_again() -> Result<()> {
    let mut world = World::open(&Database::Sqlite, &[]).await?;
    let project = connect(&world, "steady", "Up again").await?;
    let before = only(&world)?;
    world.berth.kill_9()?;
    world.berth.docker()?.stop_all()?;
    ensure!(world.berth.docker()?.replicas()?.is_empty(), "nothing runs");
    world.berth.restart().await?;
    eventually("visitors get it again", SOON, async || {
        let page = project.site.get("/").await?;
        ensure!(page.status == 200 || page.body.contains("is starting"), "it is called something else: {page:?}");
        Ok((page.body == "Up again").then_some(()))
    })
    .await?;
    ensure!(only(&world)?.container == before.container, "with what it had in its container");
    let services = world.list(&project, "services").await?;
    ensure!(services[0]["restarts"] == 0 && services[0]["state"] == "healthy", "{services:?}");
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_docker_that_ends_takes_services_along_and_brings_them_back() -> Result<()> {
    let line = DockerLine::new()?;
    let world = World::open(&Database::Sqlite, &[("DOCKER_HOST", line.host().as_str())]).await?;
    let project = connect(&world, "patient", "Still here").await?;
    // As a daemon does that is restarted: it stops what runs, and then nobody answers. On a slow machine Berth may have
    // started it again before the line was cut.
    let docker = world.berth.docker()?;
    loop {
        docker.stop_all()?;
        line.cut();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        if docker.replicas()?.is_empty() {
            break;
        }
        line.mend();
    }
    let page = eventually("visitors are told", SOON, async || {
        let page = project.site.get("/").await?;
        Ok((page.status == 503).then_some(page))
    })
    .await?;
    ensure!(page.body.contains("The service"), "{page:?}");
    tokio::time::sleep(Duration::from_secs(4)).await;
    let waiting = world.list(&project, "services").await?;
    ensure!(waiting[0]["state"] == "restarting", "it waits, and is no loop: {waiting:?}");
    line.mend();
    world.shows(&project, "Still here").await?;
    ensure!(only(&world).is_ok());
    world.close().await
}

/// A connection that was upgraded, as a browser's WebSocket is.
async fn socket(world: &World, project: &Project) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(world.berth.address()).await?;
    let head = format!(
        "GET /socket HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        project.site.host
    );
    socket.write_all(head.as_bytes()).await?;
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        heard.push(socket.read_u8().await.context("the answer to an upgrade")?);
    }
    let heard = String::from_utf8_lossy(&heard).into_owned();
    ensure!(heard.starts_with("HTTP/1.1 101 "), "{heard}");
    Ok(socket)
}

/// What is said into it comes back.
async fn echoes(socket: &mut TcpStream, text: &str) -> Result<()> {
    socket.write_all(text.as_bytes()).await?;
    let mut heard = vec![0; text.len()];
    socket.read_exact(&mut heard).await.with_context(|| format!("the echo of {text:?}"))?;
    ensure!(heard == text.as_bytes(), "{:?} came back", String::from_utf8_lossy(&heard));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_to_an_old_version_ends_well_or_at_the_drain_limit() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[("BERTH_DRAIN_TIMEOUT", "8s")]).await?;
    let project = connect(&world, "talk", "The old one").await?;
    let old = only(&world)?;
    let mut open = socket(&world, &project).await?;
    echoes(&mut open, "before").await?;
    // Longer than a replica has that is told to end, after what is drained for no longer than a WebSocket.
    let ask = |path: &'static str| {
        let site = project.site.clone();
        tokio::spawn(async move { site.get(path).await })
    };
    let (events, long) = (ask("/events"), ask("/slow?30000"));

    // Each takes a second: some are under way when the new version takes over.
    let mut visitors = JoinSet::new();
    for number in 0..4 {
        let site = project.site.clone();
        visitors.spawn(async move {
            tokio::time::sleep(Duration::from_millis(250) * number).await;
            loop {
                let page = site.get("/slow").await?;
                ensure!(page.status == 200, "a visitor got {page:?}");
                if page.body == "The new one" {
                    return Ok(());
                }
            }
        });
    }
    Application::saying("The new one").publish(&project.repo)?;
    Delivery::push(&project.repo)?.send(&world.berth).await?.expect(201)?;
    world.shows(&project, "The new one").await?;
    echoes(&mut open, "after").await.context("it stays with the old one for a while")?;
    while let Some(visitor) = visitors.join_next().await {
        visitor??;
    }
    let ended = tokio::time::timeout(SOON, open.read(&mut [0; 16])).await.context("it is never closed")?;
    ensure!(matches!(ended, Ok(0) | Err(_)), "it is closed, and nothing else: {ended:?}");
    let events = tokio::time::timeout(SOON, events).await.context("events go on for good")??;
    let events = events.context("a stream of events ends like one that its service ended")?;
    ensure!(events.body.ends_with("data: The old one\n\n"), "{events:?}");
    ensure!(long.await??.body == "The old one", "a request was not finished");
    let new = eventually("the old one is gone", SOON, async || Ok(only(&world).ok())).await?;
    ensure!(new.container != old.container);
    echoes(&mut socket(&world, &project).await?, "anew").await?;
    world.close().await
}

/// Each needs its memory: an older one has as long as a WebSocket.
#[tokio::test(flavor = "multi_thread")]
async fn two_replaced_versions_are_given_time_for_long_requests() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[("BERTH_DRAIN_TIMEOUT", "3s")]).await?;
    let project = connect(&world, "patient", "Version 1.").await?;
    let mut long = Vec::new();
    for version in 2..=4 {
        let mut visitor = TcpStream::connect(world.berth.address()).await?;
        // GET would be asked again elsewhere.
        let head = format!("POST /slow?600000 HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n", project.site.host);
        visitor.write_all(head.as_bytes()).await?;
        long.push(visitor);
        let text = format!("Version {version}.");
        Application::saying(&text).publish(&project.repo)?;
        Delivery::push(&project.repo)?.send(&world.berth).await?.expect(201)?;
        world.shows(&project, &text).await?;
    }
    eventually("the first version is gone, and the others answer or finish", SOON, async || {
        let services = world.list(&project, "services").await?;
        let instances = services[0]["instances"].as_array().context("a list of replicas")?;
        let mut states: Vec<_> = instances.iter().filter_map(|instance| instance["state"].as_str()).collect();
        states.sort_unstable();
        let replicas = world.berth.docker()?.replicas()?.len();
        Ok((replicas == 3 && states == ["draining", "draining", "healthy"]).then_some(()))
    })
    .await?;
    let mut heard = [0; 12];
    tokio::time::timeout(SOON, long[0].read_exact(&mut heard)).await.context("it waits for nobody")??;
    ensure!(&heard == b"HTTP/1.1 502", "{:?}", String::from_utf8_lossy(&heard));
    for going_on in &mut long[1..] {
        let heard = tokio::time::timeout(Duration::from_millis(200), going_on.read(&mut heard)).await;
        ensure!(heard.is_err(), "it was answered, or ended: {heard:?}");
    }
    drop(long);
    eventually("nobody waits for them any more, and they are gone", SOON, async || Ok(only(&world).ok())).await?;
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_keeps_what_is_still_open_to_the_version_before() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[("BERTH_DRAIN_TIMEOUT", "5m")]).await?;
    let project = connect(&world, "regret", "The good one").await?;
    let good = only(&world)?;
    let deployment = world.list(&project, "deployments").await?[0]["id"].clone();
    let mut open = socket(&world, &project).await?;
    Application::saying("The bad one").publish(&project.repo)?;
    Delivery::push(&project.repo)?.send(&world.berth).await?.expect(201)?;
    world.shows(&project, "The bad one").await?;
    world.newest_is_live(&project).await?;

    world.ada.post(&format!("/api/v1/deployments/{deployment}/activate"), &json!({})).await?.expect(200)?;
    ensure!(project.site.get("/").await?.body == "The good one");
    echoes(&mut open, "still open").await?;
    let left = eventually("the bad one is gone", SOON, async || Ok(only(&world).ok())).await?;
    ensure!(left.container == good.container, "it was not started again: {left:?} instead of {good:?}");
    echoes(&mut open, "as if nothing had been").await?;
    // And it is watched again.
    world.berth.docker()?.remove(&good.container)?;
    let anew = eventually("it is made anew", SOON, async || {
        Ok(only(&world).ok().filter(|replica| replica.container != good.container))
    });
    anew.await?;
    world.shows(&project, "The good one").await?;
    world.close().await
}
