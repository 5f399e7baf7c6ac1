//! What people ask for, each in a form that can be asked for over and over and be interrupted.

mod deletion;
mod folders;
mod hosts;
mod pushes;
mod rollouts;
mod turns;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::torture::settled;
use crate::torture::settled::list;
use crate::{Project, Site, World, eventually};

pub use deletion::Deletion;
pub use folders::FolderUpload;
pub use hosts::{BranchEnd, Renaming};
pub use pushes::Push;
pub use rollouts::Rollout;
pub use turns::{Promotion, Rollback};

/// What two deployments of a project say.
const PAGES: [&str; 2] = ["The first page", "The second page"];

/// For Docker to let go of images on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts Berth again: after that no image of a service is kept but those of deployments that are.
async fn only_kept_images(world: &mut World, project: &Project) -> Result<()> {
    world.berth.terminate().await?;
    world.berth.restart().await?;
    let deployments = list(world, &format!("/api/v1/projects/{}/deployments", project.id)).await?;
    let kept = deployments.iter().filter(|one| one["kept"] == true);
    let kept: BTreeSet<String> = kept.map(|one| one["buildId"].to_string()).collect();
    let mut last = BTreeSet::new();
    let pruned = eventually("the images of what is not kept are gone", PATIENCE, async || {
        last = world.berth.docker()?.builds_with_service_images()?;
        Ok((last == kept).then_some(()))
    });
    pruned.await.with_context(|| format!("images of the builds {last:?}, kept are {kept:?}"))?;
    settled(world).await
}

fn page(version: u64) -> String {
    format!("<!doctype html><h1>Version {version}.</h1>")
}

fn is_over(build: &Value) -> bool {
    !matches!(build["status"].as_str(), Some("queued" | "running"))
}

/// The site is one of two versions, and its other file is of the same one.
async fn whole(site: &Site, newest: u64, other: &str) -> Result<()> {
    loop {
        let found = site.get("/").await?;
        let version = [newest, newest.saturating_sub(1)].into_iter().find(|version| found.body == page(*version));
        let version = version.with_context(|| format!("neither the old nor the new site: {found:?}"))?;
        let beside = site.get(other).await?;
        // Switched between the two questions; it is asked again.
        if site.get("/").await?.body != found.body {
            continue;
        }
        let is_whole = beside.body.contains(&format!("version {version} "));
        ensure!(is_whole, "version {version} has {}", beside.body.chars().take(40).collect::<String>());
        return Ok(());
    }
}

/// The site shows one of two pages: the one that was promised, if one was.
async fn one_of(site: &Site, pages: [&str; 2], promised: Option<usize>) -> Result<()> {
    let found = site.get("/").await?;
    let shown = pages.iter().position(|page| found.body.contains(page)).filter(|_| found.status == 200);
    let shown = shown.with_context(|| format!("neither of the two pages: {found:?}"))?;
    ensure!(promised.is_none_or(|promised| promised == shown), "promised was {:?}, but: {found:?}", pages);
    Ok(())
}
