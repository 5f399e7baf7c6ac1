//! `kill -9` while the encryption key changes: nothing is sealed with a key that nobody has.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::kills::world_with;
use super::{FailPoints, Kills, Tally, settled};
use crate::{Database, Delivery, Project, World};

/// The files of the data directory that are there only while a key changes.
const OF_A_CHANGE: [&str; 2] = ["encryption-key.next", "encryption-key.previous"];

/// Kills `berth secrets rotate` at each of its steps, until it ends before its step comes. After each the next start
/// finishes what was begun, and builds get their secrets: a push of what needs one goes live.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn killed_while_rotating(kills: Kills) -> Result<Tally> {
    let points = FailPoints::new()?;
    let mut world = world_with(&Database::Sqlite, &points).await?;
    let repo = world.github.repo("keeper")?;
    repo.publish("Version 0", &[("index.html", "Version 0.")])?;
    let secrets = json!([{"key": "SHOP_SECRET", "value": "open sesame, says the shop"}]);
    let project = world.connect_repo("keeper", repo, json!({"buildCommand": "", "secrets": secrets})).await?;
    world.ada.put(&format!("/api/v1/projects/{}/hook", project.id), &json!({})).await?.expect(200)?;
    world.shows(&project, "Version 0.").await?;

    let (mut tally, mut at) = (Tally::default(), kills.first);
    loop {
        settled(&world).await?;
        world.berth.terminate().await?;
        points.arm(&at.to_string())?;
        let died = world.berth.dies_of(&["secrets", "rotate"])?;
        points.disarm()?;
        let steps = points.steps()?;
        ensure!(!died || steps.len() as u64 >= at, "killed before step {at}: {steps:?}");
        let step = steps.last().cloned().unwrap_or_default();
        let survived = survived(&mut world, &project, at).await;
        let survived = survived.with_context(|| format!("killed at step {at} ({step}) of a rotation"));
        if !died {
            survived?;
            break;
        }
        tally.count(survived);
        if !tally.failures.is_empty() || tally.tried >= kills.most {
            break;
        }
        at += kills.every;
    }
    tally.note = format!("steps {} to {at}", kills.first);
    if tally.failures.is_empty() {
        world.close().await?;
    }
    Ok(tally)
}

/// The next start is ready, has finished the change, and every kind of secret opens.
async fn survived(world: &mut World, project: &Project, version: u64) -> Result<()> {
    world.berth.restart().await?;
    for file in OF_A_CHANGE {
        ensure!(!world.berth.data().join(file).exists(), "{file} is still there");
    }
    let page = format!("Version {version}.");
    project.repo.publish("A change", &[("index.html", page.as_str())])?;
    let told = Delivery::push(&project.repo)?.send(&world.berth).await?;
    // One that has just started looks for itself, too, and may have found it first: either way the signature was believed.
    ensure!(matches!(told.status, 200 | 201), "what GitHub signs is not believed any more: {told:?}");
    world.shows(project, &page).await?;
    let hook = world.ada.post(&format!("/api/v1/projects/{}/hook/test", project.id), &json!({})).await?.expect(200)?;
    ensure!(hook["delivered"] == true, "what its hook signs is not believed any more: {hook}");
    Ok(())
}
