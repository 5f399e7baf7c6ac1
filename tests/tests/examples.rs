//! Every project under `examples/` is deployed as it is and must be detected and served as its `berth-example.json` says.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, Site, World};
use serde_json::{Value, json};

/// What an example says about its plan; what it leaves out must be absent there too.
const DETECTED: &[&str] = &["framework", "packageManager", "installCommand", "buildCommand", "outputDirectory"];

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_detected_and_served_as_it_says() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let examples = examples()?;
    ensure!(examples.len() >= 2, "only {examples:?} found");
    for directory in examples {
        let name = directory.file_name().and_then(|name| name.to_str()).context("a name in UTF-8")?;
        check(&world, name, &directory).await.with_context(|| format!("examples/{name}"))?;
    }
    world.close().await
}

async fn check(world: &World, name: &str, directory: &Path) -> Result<()> {
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(directory.join("berth-example.json"))?)?;
    let repo = world.github.repo(name)?;
    repo.copy_in(directory)?;
    repo.publish("The example as it is", &[])?;
    let site_name = format!("example-{name}");
    let project = world.connect_repo(&site_name, repo, json!({})).await?;
    let status = world.ended(project.first_build).await?;
    ensure!(
        status == "passed",
        "{status}: {}\n{}",
        world.failure(project.first_build).await?,
        world.log_text(project.first_build).await?
    );
    world.live(&project, project.first_build).await?;

    let build = world.ada.get(&format!("/api/v1/builds/{}", project.first_build)).await?.expect(200)?;
    let service = &build["plan"]["services"][0];
    for what in DETECTED {
        let detected = match *what {
            "packageManager" => &service["toolchain"]["packageManager"]["value"],
            what => &service[what]["value"],
        };
        let expected = &expected["detects"][what];
        ensure!(detected == expected, "{what} should be {expected}, is {detected}");
    }
    for page in expected["serves"].as_array().context("what it serves")? {
        serves(&project.site, page).await?;
    }
    let unknown = project.site.get("/no/such/address").await?;
    let falls_back = unknown.status == 200;
    ensure!(
        expected["spaFallback"] == falls_back,
        "spaFallback should be {}, got {unknown:?}",
        expected["spaFallback"]
    );
    Ok(())
}

async fn serves(site: &Site, expected: &Value) -> Result<()> {
    let path = expected["path"].as_str().context("a path")?;
    let page = site.get(path).await?;
    ensure!(expected["status"] == page.status, "{path} should answer {}, answers {page:?}", expected["status"]);
    if let Some(kind) = expected["contentType"].as_str() {
        ensure!(
            page.content_type.as_deref().is_some_and(|given| given.starts_with(kind)),
            "{path} is not {kind}: {page:?}"
        );
    }
    if let Some(text) = expected["contains"].as_str() {
        ensure!(page.body.contains(text), "{path} does not contain {text:?}: {page:?}");
    }
    Ok(())
}

fn examples() -> Result<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let path = entry?.path();
        if path.join("berth-example.json").is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
