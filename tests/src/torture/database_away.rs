//! C4: PostgreSQL stops while something is built.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{Tally, settled};
use crate::{Database, Delivery, Project, Shop, Site, World, eventually};

const PATIENCE: Duration = Duration::from_secs(180);
/// How long the control plane may take once the database is back.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// Takes the database away for a while, during a build. Sites answer, the control plane says 503, it is back within ten
/// seconds, and what was acknowledged before goes live.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn database_goes_away(rounds: u32, away: Duration) -> Result<Tally> {
    let database = Database::postgres();
    let world = World::open(&database, &[]).await?;
    let slow = world.open_shop("slow", &Shop::saying("Before")).await?;
    let quick = world.open_pages("quick", "Before").await?;
    let mut tally = Tally::default();
    let mut back = Duration::ZERO;
    for round in 0..rounds {
        let outcome = one_outage(&database, &world, [&slow, &quick], away, round).await;
        tally.count(outcome.map(|took| back = back.max(took)));
    }
    tally.note = format!("{} s away each, back within {} ms", away.as_secs(), back.as_millis());
    if tally.failures.is_empty() {
        world.close().await?;
    }
    Ok(tally)
}

async fn one_outage(
    database: &Database,
    world: &World,
    [slow, quick]: [&Project; 2],
    away: Duration,
    round: u32,
) -> Result<Duration> {
    let text = format!("Through outage {round}");
    let build = world.push(slow, &Shop::saying(&text).slowly(6)).await?;
    eventually("the build runs", PATIENCE, async || {
        Ok(world.log_text(build).await?.contains("second 0").then_some(()))
    })
    .await?;
    let acknowledged = format!("Acknowledged before outage {round}");
    quick.repo.say(&acknowledged)?;
    world.github.deliver_push(&quick.repo).await?.heard()?;
    database.stop()?;

    let over = Arc::new(AtomicBool::new(false));
    let visitors = [slow.site.clone(), quick.site.clone()].map(|site| tokio::spawn(visit(site, Arc::clone(&over))));
    let refused = async {
        let until = Instant::now() + away;
        let delivery = Delivery::push(&quick.repo)?;
        while Instant::now() < until {
            let status = delivery.send(&world.berth).await?.status;
            ensure!(status == 503, "a webhook was answered with {status} without a database");
            let status = world.ada.get("/api/v1/projects").await?.status;
            ensure!(status == 503, "the API answered {status} without a database");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    };
    let refused: Result<()> = refused.await;
    database.resume();
    let since = Instant::now();
    let is_back = eventually("the control plane is back", Duration::from_secs(60), async || {
        Ok((world.ada.get("/api/v1/projects").await?.status == 200).then_some(()))
    });
    is_back.await?;
    let took = since.elapsed();
    over.store(true, Ordering::Relaxed);
    refused?;
    for visitor in visitors {
        visitor.await??;
    }
    ensure!(took < BACK_WITHIN, "the control plane was back after {took:?}");
    world.sees(&quick.site, &acknowledged).await.context("an acknowledged push is lost")?;
    let status = world.ended(build).await?;
    ensure!(status == "passed", "the build of the outage {status}: {}", world.failure(build).await?);
    world.shows(slow, &text).await?;
    settled(world).await?;
    Ok(took)
}

/// A site does not need the database.
async fn visit(site: Site, over: Arc<AtomicBool>) -> Result<()> {
    while !over.load(Ordering::Relaxed) {
        let page = site.get("/").await?;
        ensure!(page.status == 200, "{} answered {} without a database", site.host, page.status);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
