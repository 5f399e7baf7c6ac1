//! Many builds, failing and passing: afterwards everything is as flat as it was after the first few.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::{Tally, settled};
use crate::{Database, Project, Shop, World};

/// Until so many builds of each kind have gone by, things may still be made for the first time.
const WARM_UP: u32 = 10;
/// So much more memory is no leak: allocators keep what they may need.
const MEMORY_KIB: u64 = 48 << 10;
/// So many more open files are connections that come and go.
const FILES: usize = 12;

/// What a Berth holds.
#[derive(Debug)]
struct Held {
    images: usize,
    networks: usize,
    volumes: usize,
    open_files: usize,
    memory_kib: u64,
    /// Files and directories of its own, at any depth, beside the releases: those are exactly the ones that are kept
    /// ([`settled`]), and as many as went live within ten minutes.
    entries: usize,
    /// The same where other programs put what is temporary.
    temporary: usize,
}

/// So many failing builds and so many passing ones, in turns.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn builds_leave_nothing(of_each: u32) -> Result<Tally> {
    let temporary = TempDir::with_prefix("berth-test-tmp-")?;
    let tmpdir = temporary.path().display().to_string();
    let mut world = World::open(&Database::Sqlite, &[("TMPDIR", &tmpdir)]).await?;
    let project = world.open_shop("tidy", &Shop::saying("Build 0")).await?;
    let (mut tally, mut before, mut half) = (Tally::default(), None, String::new());
    for number in 1..=of_each {
        world.stay_signed_in().await?;
        if number == WARM_UP.min(of_each) {
            before = Some(held(&world, temporary.path()).await?);
        }
        if number == of_each / 2 {
            half = format!("{} KiB at half time", world.berth.process()?.memory_kib()?);
        }
        let mistake = Shop::saying(&format!("Mistake {number}")).then("process.exit(3);");
        tally.count(ends(&world, &project, &mistake, "failed").await);
        tally.count(ends(&world, &project, &Shop::saying(&format!("Build {number}")), "passed").await);
    }
    world.shows(&project, &format!("Build {of_each}")).await?;
    let before = before.context("there was a warm-up")?;
    let after = held(&world, temporary.path()).await?;
    tally.note = format!("{before:?} became {after:?}, {half}");
    let is_flat = after.images <= before.images
        && after.networks <= before.networks
        && after.volumes <= before.volumes
        && after.entries <= before.entries
        && after.temporary <= before.temporary
        && after.open_files <= before.open_files + FILES
        && after.memory_kib <= before.memory_kib + MEMORY_KIB;
    if !is_flat {
        tally.failures.push(format!("not flat: {}", tally.note));
    }
    if tally.failures.is_empty() {
        world.close().await?;
    }
    Ok(tally)
}

async fn ends(world: &World, project: &Project, shop: &Shop, how: &str) -> Result<()> {
    let build = world.push(project, shop).await?;
    let ended = world.ended(build).await?;
    ensure!(ended == how, "build {build} {ended} and not {how}: {}", world.failure(build).await?);
    Ok(())
}

/// Once nothing is under way; connections that idle are given the time to close.
async fn held(world: &World, temporary: &Path) -> Result<Held> {
    settled(world).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (docker, process) = (world.berth.docker()?, world.berth.process()?);
    let deployments = world.berth.deployments();
    Ok(Held {
        images: docker.images()?.len(),
        networks: docker.networks()?.len(),
        volumes: docker.volumes()?.len(),
        open_files: process.open_files()?,
        memory_kib: process.memory_kib()?,
        entries: below(&deployments)? - below(&deployments.join(".releases"))? + below(&world.berth.data())?,
        temporary: below(temporary)?,
    })
}

/// How many files and directories there are below a directory.
fn below(directory: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        count += 1 + if entry.file_type()?.is_dir() { below(&entry.path())? } else { 0 };
    }
    Ok(count)
}
