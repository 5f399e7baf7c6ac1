//! Hosts that cannot call: the head of a branch is asked for at an interval, and a plan is shown before there is a
//! project.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, GitServer, Project, Shop, World, eventually};
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

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_of_a_repository_is_shown_before_there_is_a_project() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let repo = world.github.repo("window")?;
    let head = Shop::saying("Open").publish(&repo)?;
    let detect = async |body: Value| world.ada.post("/api/v1/detections", &body).await;

    // Private to the signed-in user, whose token goes along.
    let seen = detect(json!({"repoUrl": repo.url, "branch": "main"})).await?.expect(200)?;
    ensure!(seen["commit"]["hash"] == head.trim() && seen["commit"]["message"] == "Open", "{seen}");
    let service = &seen["plan"]["services"][0];
    ensure!(service["buildCommand"]["value"] == "npm run build" && seen["refusal"].is_null(), "{seen}");
    ensure!(service["buildCommand"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{seen}");

    let missing = detect(json!({"repoUrl": repo.url, "branch": "nowhere"})).await?.expect(404)?;
    ensure!(missing["error"]["code"] == "branch_not_found" && missing.to_string().contains("main"), "{missing}");
    let nobodys = format!("{}/octocat/nobodys", world.github.url);
    let missing = detect(json!({"repoUrl": nobodys, "branch": "main"})).await?.expect(404)?;
    ensure!(missing["error"]["code"] == "repository_not_found", "{missing}");
    let root = json!({"repoUrl": repo.url, "branch": "main", "rootDirectory": "apps/none"});
    let root = detect(root).await?.expect(422)?;
    ensure!(root["error"]["fields"][0]["field"] == "rootDirectory", "{root}");

    repo.publish(
        "A server",
        &[("package.json", r#"{"dependencies": {"express": "4"}, "scripts": {"start": "node ."}}"#)],
    )?;
    let server = detect(json!({"repoUrl": repo.url, "branch": "main"})).await?.expect(200)?;
    ensure!(server["refusal"]["code"] == "server_application", "{server}");

    // Another host, with a token of its own or none.
    let guarded = GitServer::start(Some("glpat-x7Qm2Vn8Rt4K")).await?;
    let wiki = guarded.repo("ada/wiki")?;
    wiki.publish("Wiki", &[("index.html", "<h1>Wiki</h1>")])?;
    let closed = detect(json!({"repoUrl": wiki.url, "branch": "main"})).await?.expect(403)?;
    ensure!(closed["error"]["fields"][0]["field"] == "repoToken", "{closed}");
    let open = json!({"repoUrl": wiki.url, "branch": "main", "repoToken": "glpat-x7Qm2Vn8Rt4K"});
    let open = detect(open).await?.expect(200)?;
    ensure!(open["plan"]["services"][0]["framework"]["value"] == "static-html", "{open}");

    let left = world.berth.data().join("detections");
    eventually("nothing of it stays", Duration::from_secs(10), async || {
        Ok((std::fs::read_dir(&left)?.count() == 0).then_some(()))
    })
    .await?;
    ensure!(!world.berth.log()?.contains("glpat"), "a token is in the log");
    // Nothing was connected.
    let projects = world.ada.get("/api/v1/projects").await?.expect(200)?;
    ensure!(projects == json!([]) && world.github.hooks().is_empty(), "{projects}");
    world.close().await
}
