//! What a service prints, and commands that run once in its image, from a shell elsewhere.

use std::time::Duration;

use anyhow::{Result, ensure};
use berth_tests::{Application, Database, World, eventually};
use serde_json::json;

/// For a container to start and to end, on a busy machine.
const SOON: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_in_a_service_and_its_exit_code_is_told() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let repo = world.github.repo("shop")?;
    let application = Application::saying("Open").after("console.error('key ' + process.env.API_KEY);");
    application.publish(&repo)?;
    let variables = json!([{"key": "API_KEY", "value": "sk-very-secret"}]);
    let project = world.connect_repo("shop", repo, json!({"secrets": variables})).await?;
    world.shows(&project, "Open").await?;

    let made = world.ada.post("/api/v1/tokens", &json!({"name": "ci", "projectId": project.id})).await?.expect(201)?;
    let token = made["token"].as_str().unwrap_or_default();
    let script = "echo in $BERTH_SERVICE; echo $API_KEY; ls server.js >&2; exit 7";
    let (code, said) = world.berth.carry_out(token, &["shop", "--", "sh", "-c", script]).await?;
    ensure!(code == Some(7), "{code:?}: {said}");
    ensure!(said.contains("in web\n***\n") && said.contains("server.js\n"), "{said}");
    let (code, said) = world.berth.carry_out(token, &["shop", "--", "nosuchprogram"]).await?;
    ensure!(code.is_some_and(|code| code != 0) && !said.is_empty(), "{code:?}: {said}");
    let (code, said) = world.berth.carry_out(token, &["elsewhere", "--", "true"]).await?;
    ensure!(code == Some(1) && said.contains("there is no project elsewhere"), "{code:?}: {said}");
    let runs = world.ada.get(&format!("/api/v1/projects/{}/runs", project.id)).await?.expect(200)?;
    ensure!(runs[1]["status"] == "ended" && runs[1]["exitCode"] == 7, "{runs}");

    let logs = format!("/api/v1/projects/{}/services/web/logs", project.id);
    let found = eventually("what it prints is kept, without secrets", SOON, async || {
        let found = world.ada.get(&format!("{logs}?query=KEY&stream=stderr")).await?.expect(200)?;
        Ok(found["lines"][0].is_object().then_some(found))
    })
    .await?;
    ensure!(found["lines"][0]["text"] == "key ***" && found["lines"][0]["replica"] == 1, "{found}");
    let services = world.ada.get(&format!("/api/v1/projects/{}/services", project.id)).await?.expect(200)?;
    ensure!(services[0]["state"] == "healthy" && services[0]["instances"][0]["number"] == 1, "{services}");
    world.close().await
}
