//! Visitors at a steady rate while a running application is deployed again and again: none of them may notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::Tally;
use crate::{Application, Database, Delivery, Site, World, number};

/// Connections that stay open.
const VISITORS: u32 = 16;

/// D4, D5: so many deployments of a service, each with a build, one after the other, at so many requests a second.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn redeploys(times: u32, per_second: u32) -> Result<Tally> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let repo = world.github.repo("running")?;
    Application::saying("version 0").publish(&repo)?;
    let project = world.connect_repo("running", repo, json!({})).await?;
    world.live(&project, project.first_build).await?;

    let done = Arc::new(AtomicBool::new(false));
    let newest = Arc::new(AtomicU32::new(0));
    let mut visitors = JoinSet::new();
    for _ in 0..VISITORS {
        let every = Duration::from_secs(1) * VISITORS / per_second;
        visitors.spawn(visit(project.site.clone(), every, Arc::clone(&newest), Arc::clone(&done)));
    }
    let (started, mut slowest) = (Instant::now(), Duration::ZERO);
    let mut deployed = Ok(());
    for version in 1..=times {
        let asked = Instant::now();
        newest.store(version, Ordering::Relaxed);
        deployed = async {
            Application::saying(&format!("version {version}")).publish(&project.repo)?;
            let answer = Delivery::push(&project.repo)?.send(&world.berth).await?.expect(201)?;
            world.live(&project, number(&answer["build"]["id"])?).await
        }
        .await;
        if deployed.is_err() {
            break;
        }
        slowest = slowest.max(asked.elapsed());
    }
    done.store(true, Ordering::Relaxed);
    let (mut tally, mut times_taken) = (Tally::default(), Vec::new());
    while let Some(visited) = visitors.join_next().await {
        let (visits, taken) = visited?;
        tally.add(visits);
        times_taken.extend(taken);
    }
    deployed?;
    let rate = tally.tried * 1_000 / u64::try_from(started.elapsed().as_millis())?.max(1);
    times_taken.sort_unstable();
    let percentile = |share: usize| {
        let at = (times_taken.len() * share / 1_000).min(times_taken.len().saturating_sub(1));
        times_taken.get(at).map_or(0, Duration::as_millis)
    };
    tally.note = format!(
        "{times} deployments at {rate} requests/s, the slowest {:.1} s; requests p50 {} ms, p99 {} ms, p99.9 {} ms, at most {} ms",
        slowest.as_secs_f64(),
        percentile(500),
        percentile(990),
        percentile(999),
        percentile(1_000),
    );
    ensure!(tally.tried > 0, "nobody came");
    if tally.failures.is_empty() {
        world.close().await?;
    }
    Ok(tally)
}

/// One visitor: asks on time, whatever the answers take, and never sees an older version after a newer one. How long each
/// answer took is told, too.
async fn visit(site: Site, every: Duration, newest: Arc<AtomicU32>, done: Arc<AtomicBool>) -> (Tally, Vec<Duration>) {
    let (mut tally, mut times, mut seen) = (Tally::default(), Vec::new(), 0);
    let mut time = tokio::time::interval(every);
    time.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while !done.load(Ordering::Relaxed) {
        time.tick().await;
        let asked = Instant::now();
        let visited = async {
            let page = site.get("/").await?;
            let version = page.body.strip_prefix("version ").and_then(|number| number.parse::<u32>().ok());
            let version = version.filter(|_| page.status == 200).with_context(|| format!("a visitor got {page:?}"))?;
            let known = seen..=newest.load(Ordering::Relaxed);
            ensure!(known.contains(&version), "a visitor got version {version}, not one of {known:?}");
            seen = version;
            Ok(())
        };
        tally.count(visited.await);
        times.push(asked.elapsed());
    }
    (tally, times)
}
