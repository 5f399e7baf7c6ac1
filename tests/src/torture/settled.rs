//! What holds once nothing happens any more, whatever happened before.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{World, eventually};

/// How long leftovers may lie about after a start (acceptance C1).
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// Within a minute: no build is under way, at most one production deployment of each project is live, exactly the kept
/// releases are on the disk, staging and trash are empty, and Docker lists no container but one for each replica of what
/// is live, and no network of a deployment but theirs.
///
/// # Errors
/// Says what is not so.
pub async fn settled(world: &World) -> Result<()> {
    let mut why = String::new();
    let settled = eventually("everything has settled", GONE_WITHIN, async || match look(world).await {
        Ok(()) => Ok(Some(())),
        Err(reason) => {
            why = format!("{reason:#}");
            Ok(None)
        }
    });
    settled.await.map_err(|error| error.context(why))
}

/// Whether all of that is so already.
pub(super) async fn is_settled(world: &World) -> bool {
    look(world).await.is_ok()
}

async fn look(world: &World) -> Result<()> {
    let deployments = world.berth.deployments();
    for place in [".staging", ".trash"] {
        let left = names(&deployments.join(place))?;
        ensure!(left.is_empty(), "{place} holds {left:?}");
    }
    let docker = world.berth.docker()?;
    let (containers, replicas) = (docker.containers()?, docker.replicas()?);
    let is_replica = |id: &&String| replicas.iter().any(|replica| replica.container == **id);
    let left: Vec<_> = containers.iter().filter(|id| !is_replica(id)).collect();
    ensure!(left.is_empty(), "containers are left: {left:?}");
    let distinct: BTreeSet<_> = replicas.iter().map(|replica| (replica.deployment, &replica.name)).collect();
    ensure!(distinct.len() == replicas.len(), "replicas run twice: {replicas:?}");
    let mut live = BTreeSet::new();

    let projects = list(world, "/api/v1/projects").await?;
    let known: BTreeSet<String> = projects.iter().map(|project| project["id"].to_string()).collect();
    let released = names(&deployments.join(".releases"))?;
    ensure!(released.is_subset(&known), "releases of {released:?}, projects are {known:?}");
    for id in &known {
        let builds = list(world, &format!("/api/v1/projects/{id}/builds")).await?;
        let under_way = builds.iter().find(|build| matches!(build["status"].as_str(), Some("queued" | "running")));
        ensure!(under_way.is_none(), "a build is under way: {under_way:?}");
        let listed = list(world, &format!("/api/v1/projects/{id}/deployments")).await?;
        let is_live = |one: &&Value| one["status"] == "live";
        let in_production = listed.iter().filter(is_live).filter(|one| one["environment"] == "production");
        ensure!(in_production.count() <= 1, "two are live: {listed:?}");
        live.extend(listed.iter().filter(is_live).filter_map(|one| one["id"].as_i64()));
        let kept: BTreeSet<String> =
            listed.iter().filter(|one| one["kept"] == true).map(|one| one["id"].to_string()).collect();
        let on_disk = names(&deployments.join(".releases").join(id))?;
        ensure!(on_disk == kept, "project {id} has the releases {on_disk:?} on disk, and keeps {kept:?}");
    }
    let running: BTreeSet<i64> = replicas.iter().map(|replica| replica.deployment).collect();
    ensure!(running.is_subset(&live), "deployments {running:?} run, live are {live:?}");
    let networked: BTreeSet<i64> = docker.networked_deployments()?.into_iter().collect();
    ensure!(networked == running, "deployments {networked:?} have a network, {running:?} run");
    Ok(())
}

/// All of a list, page by page.
pub(super) async fn list(world: &World, path: &str) -> Result<Vec<Value>> {
    let (mut all, mut before) = (Vec::new(), String::new());
    loop {
        let listed = world.ada.get(&format!("{path}?limit=100{before}")).await?.expect(200)?;
        let page = listed.as_array().with_context(|| format!("{path} is no list: {listed}"))?;
        let Some(last) = page.last() else { return Ok(all) };
        before = format!("&before={}", last["id"]);
        all.extend(page.iter().cloned());
    }
}

/// What a directory holds; nothing if there is none.
pub(super) fn names(directory: &Path) -> Result<BTreeSet<String>> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Ok(BTreeSet::new()) };
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
