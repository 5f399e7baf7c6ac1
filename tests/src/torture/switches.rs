//! Visitors at a steady rate while versions are switched: none of them may notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::Tally;
use crate::{Database, Site, World, number};

/// Connections that stay open.
const VISITORS: u32 = 16;

/// D1: so many switches, one a second, at so many requests a second.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn switches(times: u32, per_second: u32) -> Result<Tally> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("swift", "The old page").await?;
    project.repo.say("The new page")?;
    let build = number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])?;
    world.live(&project, build).await?;
    let of = async |build| number(&world.deployed(&project, build).await?["id"]);
    let deployments = [of(project.first_build).await?, of(build).await?];

    let done = Arc::new(AtomicBool::new(false));
    let mut visitors = JoinSet::new();
    for _ in 0..VISITORS {
        let every = Duration::from_secs(1) * VISITORS / per_second;
        visitors.spawn(visit(project.site.clone(), every, Arc::clone(&done)));
    }
    let (started, mut slowest) = (Instant::now(), Duration::ZERO);
    let mut second = tokio::time::interval(Duration::from_secs(1));
    for turn in 0..times {
        second.tick().await;
        let path = format!("/api/v1/deployments/{}/activate", deployments[usize::from(turn % 2 == 1)]);
        let asked = Instant::now();
        world.ada.post(&path, &json!({})).await?.expect(200)?;
        slowest = slowest.max(asked.elapsed());
    }
    second.tick().await;
    done.store(true, Ordering::Relaxed);
    let mut tally = Tally::default();
    while let Some(visited) = visitors.join_next().await {
        tally.add(visited?);
    }
    let rate = tally.tried * 1_000 / u64::try_from(started.elapsed().as_millis())?.max(1);
    tally.note = format!("{times} switches at {rate} requests/s, the slowest switch {} ms", slowest.as_millis());
    ensure!(tally.tried > 0, "nobody came");
    if tally.failures.is_empty() {
        world.close().await?;
    }
    Ok(tally)
}

/// One visitor: asks on time, whatever the answers take.
async fn visit(site: Site, every: Duration, done: Arc<AtomicBool>) -> Tally {
    let mut tally = Tally::default();
    let mut time = tokio::time::interval(every);
    time.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while !done.load(Ordering::Relaxed) {
        time.tick().await;
        let visited = async {
            let page = site.get("/").await?;
            let pages = ["The old page", "The new page"].iter().filter(|text| page.body.contains(*text)).count();
            ensure!(page.status == 200 && pages == 1, "a visitor got {page:?}");
            Ok(())
        };
        tally.count(visited.await);
    }
    tally
}
