//! What a running service keeps and what somebody changes of it: its volume, its version, how many it is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use berth_tests::{Application, Database, Project, World, eventually, number};
use serde_json::json;
use tokio::task::JoinSet;

/// For containers to be built, to start, or to be replaced, on a busy machine.
const SOON: Duration = Duration::from_secs(180);

async fn connect(world: &World, name: &str, application: &Application, berth_toml: &str) -> Result<Project> {
    let repo = world.github.repo(name)?;
    application.publish_with(&repo, &[("berth.toml", berth_toml)])?;
    let project = world.connect_repo(name, repo, json!({})).await?;
    world.shows(&project, &application.text).await?;
    Ok(project)
}

async fn push(world: &World, project: &Project, application: &Application, berth_toml: &str) -> Result<i64> {
    application.publish_with(&project.repo, &[("berth.toml", berth_toml)])?;
    number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_outlives_deployments_until_it_is_removed_by_name() -> Result<()> {
    // Each version notes that it was there, and tells of all that were.
    const NOTES: &str = "fs = require('fs'); fs.appendFileSync('/data/notes', text + '. ');
process.env.NOTES = fs.readFileSync('/data/notes', 'utf8');";
    const MOUNTED: &str = "[services.web]\nvolumes = { notes = \"/data\" }\n";
    let world = World::open(&Database::Sqlite, &[]).await?;
    let version = |text: &str| Application::saying(text).after(NOTES);
    let project = connect(&world, "diary", &version("One"), MOUNTED).await?;
    push(&world, &project, &version("Two"), MOUNTED).await?;
    world.shows(&project, "Two").await?;
    let notes = project.site.get("/env/NOTES").await?.body;
    ensure!(notes == "One. Two. ", "{notes:?}");

    let listed = world.list(&project, "volumes").await?;
    let [volume] = &listed[..] else { anyhow::bail!("one volume is listed: {listed:?}") };
    ensure!(volume["name"] == "notes" && volume["environment"] == "production", "{volume}");
    ensure!(volume["services"] == json!(["web"]), "{volume}");
    ensure!(volume["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "it is not empty: {volume}");
    let path = format!("/api/v1/projects/{}/volumes/notes", project.id);
    let refused = world.ada.delete(&path).await?.expect(409)?;
    ensure!(refused["error"]["message"].as_str().is_some_and(|why| why.contains("is in use")), "{refused}");
    ensure!(project.site.get("/env/NOTES").await?.body == "One. Two. ");

    // Let go by the repository, it is still there: only somebody's word removes it.
    push(&world, &project, &Application::saying("Three"), "[services.web]\n").await?;
    world.shows(&project, "Three").await?;
    let docker = world.berth.docker()?;
    let in_docker = || Ok::<_, anyhow::Error>(docker.volumes()?.iter().any(|name| name.ends_with("-notes")));
    eventually("the version before is gone", SOON, async || Ok((docker.replicas()?.len() == 1).then_some(()))).await?;
    let listed = world.list(&project, "volumes").await?;
    ensure!(listed.len() == 1 && listed[0]["services"] == json!([]) && in_docker()?, "{listed:?}");
    world.ada.delete(&path).await?.expect(204)?;
    ensure!(world.list(&project, "volumes").await?.is_empty());
    eventually("it is gone from Docker", SOON, async || Ok((!in_docker()?).then_some(()))).await?;
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn scaled_up_and_down_nobody_waits_in_vain() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = connect(&world, "crowd", &Application::saying("Open"), "[services.web]\n").await?;
    let done = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicUsize::new(0));
    let mut visitors: JoinSet<Result<BTreeSet<String>>> = JoinSet::new();
    for _ in 0..4 {
        let (site, done, asked) = (project.site.clone(), Arc::clone(&done), Arc::clone(&asked));
        visitors.spawn(async move {
            let mut answered_by = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                let page = site.get("/env/BERTH_REPLICA").await?;
                ensure!(page.status == 200, "a visitor got {}: {}", page.status, page.body);
                answered_by.insert(page.body);
                asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(8)).await;
            }
            Ok(answered_by)
        });
    }
    let path = format!("/api/v1/projects/{}/services/web", project.id);
    let docker = world.berth.docker()?;
    for replicas in [3, 1] {
        let said = world.ada.patch(&path, &json!({"replicas": replicas})).await?.expect(200)?;
        ensure!(said["replicas"] == replicas && said["plannedReplicas"] == 1, "{said}");
        eventually(&format!("{replicas} are healthy"), SOON, async || {
            let services = world.list(&project, "services").await?;
            let instances = services[0]["instances"].as_array().cloned().unwrap_or_default();
            let healthy = instances.iter().filter(|one| one["state"] == "healthy").count();
            Ok((healthy == replicas && docker.replicas()?.len() == replicas).then_some(()))
        })
        .await?;
        let so_far = asked.load(Ordering::Relaxed);
        eventually("visitors come", SOON, async || Ok((asked.load(Ordering::Relaxed) > so_far + 50).then_some(())))
            .await?;
    }
    done.store(true, Ordering::Relaxed);
    let mut answered_by = BTreeSet::new();
    while let Some(visitor) = visitors.join_next().await {
        answered_by.extend(visitor??);
    }
    ensure!(answered_by.iter().eq(["1", "2", "3"]), "each of three answered: {answered_by:?}");
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_release_command_stops_the_switch_and_a_rollback_builds_nothing() -> Result<()> {
    let releases = |command: &str| format!("[services.web]\nrelease = \"{command}\"\n");
    let world = World::open(&Database::Sqlite, &[]).await?;
    let fine = releases("echo the tables are new");
    let project = connect(&world, "tables", &Application::saying("One"), &fine).await?;
    let second = push(&world, &project, &Application::saying("Two"), &fine).await?;
    world.shows(&project, "Two").await?;
    let docker = world.berth.docker()?;
    eventually("the first one is gone", SOON, async || Ok((docker.replicas()?.len() == 1).then_some(()))).await?;
    let running = docker.replicas()?;

    let failing = releases("echo the table is locked >&2; exit 4");
    let third = push(&world, &project, &Application::saying("Three"), &failing).await?;
    let problem = eventually("it is refused", SOON, async || {
        let page = project.site.get("/").await?;
        ensure!(page.status == 200 && page.body == "Two", "{page:?}");
        let deployments = world.list(&project, "deployments").await?;
        let refused = deployments.iter().find(|one| one["buildId"] == third && one["status"] == "failed");
        Ok(refused.map(|one| one["problem"].as_str().unwrap_or_default().to_owned()))
    })
    .await?;
    ensure!(problem.contains("exit code 4") && problem.contains("the table is locked"), "{problem}");
    ensure!(docker.replicas()? == running, "nothing of it was started, and nothing else stopped");

    let built = world.list(&project, "builds").await?.len();
    let (latest, before) = (world.deployment_of(second).await?, world.deployment_of(project.first_build).await?);
    let back = format!("/api/deploy/rollback?latest={latest}&prev={before}");
    let answer = world.ada.put(&back, &json!({})).await?;
    answer.expect(200)?;
    world.shows(&project, "One").await?;
    ensure!(world.list(&project, "builds").await?.len() == built, "its image was kept");
    let kept = format!("/api/v1/projects/{}/services/web/logs?query=release%20command%3A%20echo", project.id);
    let commands = world.ada.get(&kept).await?.expect(200)?;
    let commands = commands["lines"].as_array().map_or(0, Vec::len);
    ensure!(commands == 3, "once for each deployment, and none for the rollback: {commands}");
    world.close().await
}
