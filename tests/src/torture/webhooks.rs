//! W15: how quickly deliveries are answered while builds run.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Tally;
use crate::{Database, Delivery, Shop, World};

/// What the 99th percentile has to be below.
const IN_TIME: Duration = Duration::from_secs(1);

/// Sends so many pushes, twenty a second, while two containers build and a third build waits.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn webhooks_while_builds_run(deliveries: u32) -> Result<Tally> {
    let two = [("BERTH_BUILD_CONCURRENCY", "2"), ("BERTH_BUILD_CONCURRENCY_PER_USER", "2")];
    let world = World::open(&Database::Sqlite, &two).await?;
    // Live before nobody else finds a place to build in.
    let project = world.open_pages("announced", "The page").await?;
    // They compute, as builds do.
    let busy = "const until = Date.now() + 600_000; while (Date.now() < until) Math.sqrt(until);";
    for name in ["busy", "busier"] {
        let project = world.open_shop(name, &Shop::saying("Open")).await?;
        world.push(&project, &Shop::saying("Busy").then(busy)).await?;
    }
    let mut tally = Tally::default();
    let mut took = Vec::new();
    let mut time = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..deliveries {
        time.tick().await;
        // Another delivery of the same push is a build of its own.
        let delivery = Delivery::push(&project.repo)?;
        let asked = Instant::now();
        let outcome = async {
            let status = delivery.send(&world.berth).await?.status;
            ensure!(matches!(status, 200 | 201), "a delivery was answered with {status}");
            Ok(())
        };
        tally.count(outcome.await);
        took.push(asked.elapsed());
    }
    took.sort_unstable();
    let percentile =
        |of: usize| took.get((took.len() * of).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default();
    tally.note = format!(
        "p50 {} ms, p99 {} ms, slowest {} ms",
        percentile(50).as_millis(),
        percentile(99).as_millis(),
        percentile(100).as_millis()
    );
    if percentile(99) >= IN_TIME {
        tally.failures.push(format!("the 99th percentile is not below {IN_TIME:?}: {}", tally.note));
    }
    if tally.failures.is_empty() {
        world.close().await?;
    }
    Ok(tally)
}
