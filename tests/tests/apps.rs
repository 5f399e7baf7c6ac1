//! Real projects that are no part of this repository, each deployed with no setting but its root directory: those of the
//! folder that `BERTH_TEST_APPS` names, as its `manifest.json` describes them. `make test-all` runs it where that folder is.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use berth_tests::{Vessel, Voyage, World, deploy_each};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a quarter of an hour long, and needs projects from elsewhere: `make test-all`"]
async fn every_application_goes_live_or_says_why_not() -> Result<()> {
    let folder = std::env::var_os("BERTH_TEST_APPS").context("BERTH_TEST_APPS names no folder of applications")?;
    let folder = PathBuf::from(folder);
    let manifest = folder.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).with_context(|| format!("reading {}", manifest.display()))?;
    let manifest: Value = serde_json::from_str(&text)?;
    let apps = manifest["apps"].as_array().context("the manifest's list of apps")?;
    ensure!(!apps.is_empty(), "the manifest names no application");
    let vessels: Vec<_> = apps.iter().map(|app| vessel(&folder, app)).collect::<Result<_>>()?;
    deploy_each(&vessels, async |world, vessel, voyage| {
        let app = apps.iter().find(|app| app["name"] == vessel.name.as_str()).context("its entry in the manifest")?;
        check(world, voyage, app).await
    })
    .await
}

fn vessel(folder: &std::path::Path, app: &Value) -> Result<Vessel> {
    let name = app["name"].as_str().context("a name")?.to_owned();
    let directory = folder.join(app["directory"].as_str().unwrap_or(&name));
    ensure!(directory.is_dir(), "the manifest names {name}, but there is no {}", directory.display());
    let settings = match &app["root_directory"] {
        Value::Null => json!({}),
        root => json!({ "rootDirectory": root }),
    };
    Ok(Vessel { name, directory, settings })
}

async fn check(world: &World, voyage: &Voyage, app: &Value) -> Result<()> {
    let failure = &voyage.build["failure"];
    let title = failure["title"].as_str().unwrap_or_default();
    match app["kind"].as_str().context("a kind")? {
        // Static output of a project with a Dockerfile is built as if that were not there.
        "static" | "dockerfile" => is_served(world, voyage, app).await,
        "service" => {
            ensure!(voyage.status() == "failed", "a server application cannot be published");
            ensure!(
                title.starts_with("this is a server application ("),
                "it should say that it is a server: {failure}"
            );
            Ok(())
        }
        "build-fails" => {
            ensure!(voyage.status() == "failed", "this build should fail");
            ensure!(!title.is_empty() && failure["detail"] != "", "it should say why, and what to do: {failure}");
            Ok(())
        }
        kind => bail!("nothing is known of the kind {kind}"),
    }
}

async fn is_served(world: &World, voyage: &Voyage, app: &Value) -> Result<()> {
    let project = &voyage.project;
    ensure!(voyage.status() == "passed", "its build should pass");
    world.live(project, project.first_build).await?;
    let path = app["url_path"].as_str().context("an address")?;
    let text = app["contains"].as_str().context("what it says")?;
    let mut page = project.site.get(path).await?;
    // A directory's page is at the address with its slash, where its relative links lead right; browsers follow.
    if page.status == 308 {
        page = project.site.get(&format!("{path}/")).await?;
    }
    ensure!(page.status == 200 && page.body.contains(text), "{path} should say {text:?}: {page:?}");
    // The manifest says whether a site needs the fallback; one page without a router may have it all the same.
    if app["spa_fallback"] == true {
        let unknown = project.site.get("/no/such/address").await?;
        ensure!(unknown.body.contains(text), "an unknown address should lead to the application: {unknown:?}");
    }
    let script = project.site.get("/assets/no-such-script.js").await?;
    ensure!(script.status == 404, "a script that is not there: {script:?}");
    Ok(())
}
