//! B1, B2: a hostile build beside a harmless one, which notices nothing.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Tally, settled};
use crate::{Database, Project, Shop, World, eventually};

const PATIENCE: Duration = Duration::from_secs(600);
/// How far Berth's own memory may grow meanwhile.
const MEMORY_KIB: u64 = 64 << 10;

/// What a build does at its end, and the word that its failure must have; none where it passes.
const HOSTILE: &[(&str, &str, Option<&str>)] = &[
    (
        "a fork bomb",
        "const { spawnSync } = await import('node:child_process'); \
         const script = 'bomb() { sleep 20 | bomb | bomb & }; bomb; i=0; \
           while [ $i -lt 400 ]; do sleep 20 & i=$((i + 1)); done; wait'; \
         process.exit(spawnSync('sh', ['-c', script], { stdio: 'inherit' }).status ?? 1);",
        Some("processes"),
    ),
    ("a memory hog", "const hog = []; for (;;) hog.push(Buffer.alloc(16 << 20, 1));", Some("memory")),
    (
        "100,001 files",
        "for (let number = 0; number <= 100_000; number++) writeFileSync('dist/' + number, '');",
        Some("files"),
    ),
    (
        "1.5 GiB of output",
        "for (let number = 0; number < 6; number++) writeFileSync('dist/' + number, Buffer.alloc(256 << 20, 1));",
        Some("GiB"),
    ),
    (
        "1 GiB of log",
        "const { spawnSync } = await import('node:child_process'); \
         spawnSync('sh', ['-c', 'yes as long a line as lines in logs are, more or less | head -c 1073741824'], \
         { stdio: 'inherit' });",
        None,
    ),
];

/// Each kind of hostile build once. The harmless one passes and is followed live, visitors are served, the hostile one
/// ends as it should, and Berth's memory does not grow by it.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn hostile_builds_beside_a_harmless_one() -> Result<Tally> {
    let settings = [
        ("BERTH_BUILD_CONCURRENCY", "2"),
        ("BERTH_BUILD_CONCURRENCY_PER_USER", "2"),
        ("BERTH_BUILD_MEMORY", "512m"),
        ("BERTH_BUILD_PIDS", "200"),
    ];
    let world = World::open(&Database::Sqlite, &settings).await?;
    let hostile = world.open_shop("hostile", &Shop::saying("Before")).await?;
    let harmless = world.open_shop("harmless", &Shop::saying("Before")).await?;
    let (mut tally, mut grew) = (Tally::default(), Vec::new());
    for (what, script, failure) in HOSTILE {
        let outcome = side_by_side(&world, [&hostile, &harmless], what, script, *failure).await;
        tally.count(match outcome {
            Ok(kib) => {
                grew.push(format!("{what} {} MiB", kib >> 10));
                Ok(())
            }
            Err(error) => Err(error.context(*what)),
        });
    }
    tally.note = format!("memory grew by: {}", grew.join(", "));
    if tally.failures.is_empty() {
        world.close().await?;
    }
    Ok(tally)
}

/// One kind; how far memory grew.
async fn side_by_side(
    world: &World,
    [hostile, harmless]: [&Project; 2],
    what: &str,
    script: &str,
    failure: Option<&str>,
) -> Result<u64> {
    let process = world.berth.process()?;
    process.forget_most_memory()?;
    let before = process.most_memory_kib()?;
    let runs = async |build: i64, line: &str| {
        eventually("the build runs", PATIENCE, async || Ok(world.log_text(build).await?.contains(line).then_some(())))
            .await
    };
    let text = format!("Beside {what}");
    let good = world.push(harmless, &Shop::saying(&text).slowly(30)).await?;
    // It runs before the other one begins, of which some are over in a second.
    runs(good, "second 0").await?;
    let bad = world.push(hostile, &Shop::saying(what).then(script)).await?;
    runs(bad, "the shop is built").await?;
    let (status, before_it) = (world.seen(good).await?["status"].clone(), world.log_text(good).await?.len());
    ensure!(status == "running", "the harmless build is {status} when the hostile one begins");
    eventually("the harmless build's lines are seen beside it", PATIENCE, async || {
        ensure!(harmless.site.get("/").await?.status == 200, "visitors are not served");
        Ok((world.log_text(good).await?.len() > before_it).then_some(()))
    })
    .await?;
    let status = world.ended(good).await?;
    ensure!(status == "passed", "the harmless build {status}: {}", world.failure(good).await?);
    world.shows(harmless, &text).await?;
    let end = eventually("the hostile build ends", PATIENCE, async || {
        let status = world.seen(bad).await?["status"].as_str().unwrap_or_default().to_owned();
        Ok((!matches!(status.as_str(), "queued" | "running")).then_some(status))
    });
    let end = end.await?;
    match failure {
        Some(word) => {
            let told = world.failure(bad).await?;
            let title = told["title"].as_str().unwrap_or_default();
            ensure!(end == "failed" && title.contains(word), "the hostile build {end}: {told}");
        }
        None => ensure!(end == "passed", "the hostile build {end}: {}", world.failure(bad).await?),
    }
    settled(world).await?;
    let grew = process.most_memory_kib()?.saturating_sub(before);
    ensure!(grew < MEMORY_KIB, "Berth's memory grew by {grew} KiB");
    Ok(grew)
}
