//! Hosts that cannot call: the head of a branch is asked for at an interval.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, GitServer, Project, World};
use serde_json::{Value, json};

/// A repository whose host never calls.
async fn connect(world: &World, git: &GitServer, name: &str) -> Result<Project> {
    let repo = git.repo(&format!("ada/{name}"))?;
    repo.publish("Version 1.", &[("index.html", "<h1>Version 1.</h1>")])?;
    world.connect_repo(name, repo, json!({"buildCommand": ""})).await
}

async fn builds(world: &World, project: &Project) -> Result<Vec<Value>> {
    let builds = world.ada.get(&format!("/api/v1/projects/{}/builds", project.id)).await?.expect(200)?;
    Ok(builds.as_array().context("a list of builds")?.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_is_polled_from_when_it_is_switched_on() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let git = GitServer::start(None).await?;
    let project = connect(&world, &git, "quiet").await?;
    world.shows(&project, "Version 1.").await?;
    project.repo.publish("Version 2.", &[("index.html", "<h1>Version 2.</h1>")])?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(builds(&world, &project).await?.len() == 1, "nobody asked for polling");

    let path = format!("/api/v1/projects/{}", project.id);
    world.ada.patch(&path, &json!({"pollEvery": 60})).await?.expect(200)?;
    world.shows(&project, "Version 2.").await?;
    let seen = builds(&world, &project).await?;
    ensure!(seen.len() == 2 && seen[0]["trigger"] == "poll", "one build, by polling: {seen:?}");
    // A minute later, without being told of anything.
    project.repo.publish("Version 3.", &[("index.html", "<h1>Version 3.</h1>")])?;
    world.shows(&project, "Version 3.").await?;
    // Off is off; what was seen is not built again.
    world.ada.patch(&path, &json!({"pollEvery": null})).await?.expect(200)?;
    world.ada.patch(&path, &json!({"pollEvery": 60})).await?.expect(200)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(builds(&world, &project).await?.len() == 3, "a head was built twice");
    world.close().await
}
