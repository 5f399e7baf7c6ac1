//! Many builds, failing and passing: afterwards everything is as flat as it was after the first few.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::settled::names;
use super::{Tally, settled};
use crate::{Database, Shop, World};

/// Until so many builds have gone by, things may still be made for the first time.
const WARM_UP: u32 = 10;
/// So much more memory is no leak: allocators keep what they may need.
const MEMORY_KIB: u64 = 96 << 10;
/// So many more open files are connections that come and go.
const FILES: usize = 12;

/// What a Berth holds.
#[derive(Debug)]
struct Held {
    images: usize,
    networks: usize,
    volumes: usize,
    files: usize,
    memory_kib: u64,
    directories: usize,
}

/// So many failing builds and so many passing ones, in turns.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn builds_leave_nothing(of_each: u32) -> Result<Tally> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("tidy", &Shop::saying("Build 0")).await?;
    let (mut tally, mut before) = (Tally::default(), None);
    for number in 1..=of_each {
        if number == WARM_UP.min(of_each) {
            before = Some(held(&world).await?);
        }
        let outcome = async {
            let mistake = Shop::saying(&format!("Mistake {number}")).then("process.exit(3);");
            let build = world.push(&project, &mistake).await?;
            ensure!(world.ended(build).await? == "failed", "build {build} should fail");
            Ok(())
        };
        tally.count(outcome.await);
        let outcome = async {
            let build = world.push(&project, &Shop::saying(&format!("Build {number}"))).await?;
            ensure!(world.ended(build).await? == "passed", "build {build} should pass");
            Ok(())
        };
        tally.count(outcome.await);
    }
    world.shows(&project, &format!("Build {of_each}")).await?;
    settled(&world).await?;
    let before = before.context("there was a warm-up")?;
    let after = held(&world).await?;
    tally.note = format!("{before:?} became {after:?}");
    let is_flat = after.images <= before.images
        && after.networks == before.networks
        && after.volumes == before.volumes
        && after.directories <= before.directories
        && after.files <= before.files + FILES
        && after.memory_kib <= before.memory_kib + MEMORY_KIB;
    if !is_flat {
        tally.failures.push(format!("not flat: {}", tally.note));
    }
    if tally.failures.is_empty() {
        world.close().await?;
    }
    Ok(tally)
}

/// Once nothing is under way; connections that idle are given the time to close.
async fn held(world: &World) -> Result<Held> {
    settled(world).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let docker = world.berth.docker()?;
    let process = format!("/proc/{}", world.berth.process_id().context("berth runs")?);
    let status = std::fs::read_to_string(format!("{process}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a resident set")?;
    Ok(Held {
        images: docker.images()?.len(),
        networks: docker.networks()?.len(),
        volumes: docker.volumes()?.len(),
        files: std::fs::read_dir(format!("{process}/fd"))?.count(),
        memory_kib: resident.trim().trim_end_matches(" kB").parse()?,
        directories: names(&world.berth.deployments())?.len() + names(&world.berth.data())?.len(),
    })
}
