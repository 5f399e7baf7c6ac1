//! What a repository would be built as, shown before there is a project.

use std::time::Duration;

use anyhow::{Result, ensure};
use berth_tests::{Database, GitServer, Shop, World, eventually};
use serde_json::{Value, json};

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
    ensure!(server["refusal"].is_null() && server["plan"]["services"][0]["kind"] == "running", "{server}");
    repo.publish("What nothing here runs", &[("swift/Package.swift", "")])?;
    let swift = json!({"repoUrl": repo.url, "branch": "main", "rootDirectory": "swift"});
    let swift = detect(swift).await?.expect(200)?;
    ensure!(swift["refusal"]["code"] == "server_application", "{swift}");

    // Another host, with a token of its own or none.
    let guarded = GitServer::start(Some("glpat-x7Qm2Vn8Rt4K")).await?;
    let wiki = guarded.repo("ada/wiki")?;
    wiki.publish("Wiki", &[("index.html", "<h1>Wiki</h1>")])?;
    let closed = detect(json!({"repoUrl": wiki.url, "branch": "main"})).await?.expect(403)?;
    ensure!(closed["error"]["fields"][0]["field"] == "repoToken", "{closed}");
    let open = json!({"repoUrl": wiki.url, "branch": "main", "repoToken": "glpat-x7Qm2Vn8Rt4K"});
    let open = detect(open).await?.expect(200)?;
    ensure!(open["plan"]["services"][0]["framework"]["value"] == "static-html", "{open}");

    // A client that goes away: what was fetched for it goes, and its turn is free.
    let large: String = (0..400_000_u64).map(|line| format!("{line} {}\n", line * 7_919 % 104_729)).collect();
    wiki.publish("A long page", &[("long.txt", &large)])?;
    let left = world.berth.data().join("detections");
    for wait in [5, 20, 80] {
        let request = json!({"repoUrl": wiki.url, "branch": "main", "repoToken": "glpat-x7Qm2Vn8Rt4K"});
        let _ = tokio::time::timeout(Duration::from_millis(wait), detect(request)).await;
    }
    eventually("nothing of it stays", Duration::from_secs(60), async || {
        Ok((std::fs::read_dir(&left)?.count() == 0).then_some(()))
    })
    .await?;
    detect(json!({"repoUrl": repo.url, "branch": "main"})).await?.expect(200)?;
    ensure!(!world.berth.log()?.contains("glpat"), "a token is in the log");
    // Nothing was connected.
    let projects = world.ada.get("/api/v1/projects").await?.expect(200)?;
    ensure!(projects == json!([]) && world.github.hooks().is_empty(), "{projects}");
    world.close().await
}
