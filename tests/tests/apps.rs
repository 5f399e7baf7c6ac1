//! Real projects that are no part of this repository, each deployed with no setting but its root directory and the
//! variables that it needs: those of the folder that `BERTH_TEST_APPS` names, as its `manifest.json` describes them.
//! `make test-all` runs it where that folder is. `BERTH_TEST_APP_KIND=service` chooses those of a kind,
//! `BERTH_TEST_APP_NAMES=fastapi,ws-echo` some by their names.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use berth_store::testing::PostgresServer;
use berth_tests::{Delivery, Doorway, Vessel, Voyage, World, chromium, deploy_each, eventually};
use serde_json::{Value, json};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a quarter of an hour long, and needs projects from elsewhere: `make test-all`"]
async fn every_application_goes_live_or_says_why_not() -> Result<()> {
    let folder = std::env::var_os("BERTH_TEST_APPS").context("BERTH_TEST_APPS names no folder of applications")?;
    let folder = PathBuf::from(folder);
    let manifest = folder.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).with_context(|| format!("reading {}", manifest.display()))?;
    let manifest: Value = serde_json::from_str(&text)?;
    let chosen = std::env::var("BERTH_TEST_APP_KIND").ok();
    let apps = manifest["apps"].as_array().context("the manifest's list of apps")?;
    let named = std::env::var("BERTH_TEST_APP_NAMES").ok();
    let is_named = |app: &Value| named.as_deref().is_none_or(|names| names.split(',').any(|name| app["name"] == name));
    let is_of_kind = |app: &Value| chosen.as_deref().is_none_or(|kind| app["kind"] == kind);
    let apps: Vec<_> = apps.iter().filter(|app| is_of_kind(app) && is_named(app)).collect();
    ensure!(!apps.is_empty(), "the manifest names no application");

    // A database outside of Berth, as the operator would have one: services may reach its address and nothing else here.
    let postgres = PostgresServer::start();
    let database = reqwest::Url::parse(&postgres.new_database())?;
    let port = database.port().context("the database's port")?;
    let doorway = Doorway::to(([127, 0, 0, 1], port).into()).await?;
    let mut from_containers = database.clone();
    from_containers.set_ip_host(doorway.address().ip()).ok().context("an address for the database")?;
    from_containers.set_port(Some(doorway.address().port())).ok().context("a port for the database")?;

    let vessels: Vec<_> =
        apps.iter().map(|app| vessel(&folder, app, from_containers.as_str())).collect::<Result<_>>()?;
    let allowed = format!("{}/32", Doorway::host()?);
    deploy_each(&vessels, &[("BERTH_EGRESS_ALLOW", &allowed)], async |world, vessel, voyage| {
        let app = apps.iter().find(|app| app["name"] == vessel.name.as_str()).context("its entry in the manifest")?;
        check(world, voyage, app).await
    })
    .await
}

fn vessel(folder: &Path, app: &Value, database: &str) -> Result<Vessel> {
    let name = app["name"].as_str().context("a name")?.to_owned();
    let directory = folder.join(app["directory"].as_str().unwrap_or(&name));
    ensure!(directory.is_dir(), "the manifest names {name}, but there is no {}", directory.display());
    let mut settings = json!({});
    if let Value::String(root) = &app["root_directory"] {
        settings["rootDirectory"] = root.as_str().into();
    }
    let given = app["env"].as_object().into_iter().flatten().map(|(key, value)| json!({"key": key, "value": value}));
    let database = (app["needs"] == "postgres").then(|| json!({"key": "DATABASE_URL", "value": database}));
    settings["secrets"] = given.chain(database).collect();
    Ok(Vessel { name, directory, settings })
}

async fn check(world: &World, voyage: &Voyage, app: &Value) -> Result<()> {
    let failure = &voyage.build["failure"];
    match app["kind"].as_str().context("a kind")? {
        "static" => is_served(world, voyage, app).await,
        "dockerfile" | "service" => {
            answers(world, voyage, app).await?;
            match app["needs"].as_str() {
                Some("postgres") => a_note_survives_a_deployment(world, voyage).await?,
                Some(other) => bail!("nothing is known of {other}"),
                None => {}
            }
            if app["name"] == "ws-echo" {
                talks_both_ways(voyage).await?;
            }
            Ok(())
        }
        "build-fails" => {
            ensure!(voyage.status() == "failed", "this build should fail");
            let title = failure["title"].as_str().unwrap_or_default();
            ensure!(!title.is_empty() && failure["detail"] != "", "it should say why, and what to do: {failure}");
            Ok(())
        }
        kind => bail!("nothing is known of the kind {kind}"),
    }
}

/// The page that the manifest names says what it names.
async fn answers(world: &World, voyage: &Voyage, app: &Value) -> Result<()> {
    let project = &voyage.project;
    ensure!(voyage.status() == "passed", "its build should pass");
    goes_live(world, voyage).await?;
    let path = app["url_path"].as_str().context("an address")?;
    let text = app["contains"].as_str().context("what it says")?;
    let mut page = project.site.get(path).await?;
    // A directory's page is at the address with its slash, where its relative links lead right; browsers follow.
    if page.status == 308 {
        page = project.site.get(&format!("{path}/")).await?;
    }
    ensure!(page.status == 200 && page.body.contains(text), "{path} should say {text:?}: {page:?}");
    Ok(())
}

/// Waits until it is live; one that was refused is not waited for.
async fn goes_live(world: &World, voyage: &Voyage) -> Result<()> {
    let (project, build) = (&voyage.project, voyage.project.first_build);
    eventually("it is live or refused", Duration::from_secs(300), async || {
        let listed = world.ada.get(&format!("/api/v1/projects/{}/deployments", project.id)).await?.expect(200)?;
        let of_build = listed.as_array().into_iter().flatten().find(|deployment| deployment["buildId"] == build);
        ensure!(of_build.is_none_or(|deployment| deployment["status"] != "failed"), "refused: {of_build:?}");
        let seen = world.ada.get(&format!("/api/v1/projects/{}", project.id)).await?.expect(200)?;
        Ok((seen["liveDeployment"]["buildId"] == build).then_some(()))
    })
    .await
}

async fn is_served(world: &World, voyage: &Voyage, app: &Value) -> Result<()> {
    answers(world, voyage, app).await?;
    let site = &voyage.project.site;
    // The manifest says whether a site needs the fallback; one page without a router may have it all the same.
    if app["spa_fallback"] == true {
        let text = app["contains"].as_str().context("what it says")?;
        let unknown = site.get("/no/such/address").await?;
        ensure!(unknown.body.contains(text), "an unknown address should lead to the application: {unknown:?}");
    }
    let script = site.get("/assets/no-such-script.js").await?;
    ensure!(script.status == 404, "a script that is not there: {script:?}");
    Ok(())
}

/// What is written before a deployment is read after it.
async fn a_note_survives_a_deployment(world: &World, voyage: &Voyage) -> Result<()> {
    let project = &voyage.project;
    let greeting = project.site.get("/api/env").await?;
    ensure!(greeting.body.contains("hello"), "its variable: {greeting:?}");
    let noted = world
        .berth
        .request("POST", "/api/notes")
        .header("host", &project.site.host)
        .json(&json!({"body": "written before the deployment"}))
        .send()
        .await?;
    ensure!(noted.status() == 201, "a note should be kept: {}", noted.text().await?);
    project.repo.publish("The same again", &[("again.txt", "deployed again\n")])?;
    let answer = Delivery::push(&project.repo)?.send(&world.berth).await?.expect(201)?;
    let build = answer["build"]["id"].as_i64().with_context(|| format!("no build in {answer}"))?;
    ensure!(world.ended(build).await? == "passed", "the second build should pass: {}", world.log_text(build).await?);
    world.live(project, build).await?;
    eventually("the note is there", Duration::from_secs(30), async || {
        let notes = project.site.get("/api/notes").await?;
        ensure!(notes.status == 200, "the new version answers at once: {notes:?}");
        Ok(notes.body.contains("written before the deployment").then_some(()))
    })
    .await
}

/// A browser's WebSocket hears what it says, and its server-sent events come one by one.
async fn talks_both_ways(voyage: &Voyage) -> Result<()> {
    let site = &voyage.project.site;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/talk.mjs");
    let began = Instant::now();
    let mut node = Command::new("node");
    node.arg(script).arg(chromium()?).arg(format!("http://{}/", site.host)).kill_on_drop(true);
    let output = node.output().await?;
    ensure!(output.status.success(), "the browser: {}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(said["text"] == "ahoy, berth" && said["echoed"] == true, "the WebSocket's echo: {said}");
    let ticks = said["ticks"].as_array().context("the events")?;
    let ids: Vec<_> = ticks.iter().map(|tick| tick["id"].as_str().unwrap_or_default()).collect();
    ensure!(ids == ["1", "2", "3", "4", "5"], "the events: {said}");
    // The application sends one each second: those that were kept back would come together.
    let at: Vec<_> = ticks.iter().filter_map(|tick| tick["at"].as_i64()).collect();
    ensure!(at.windows(2).all(|two| two[1] - two[0] > 300), "the events come one by one: {said} after {began:?}");
    Ok(())
}
