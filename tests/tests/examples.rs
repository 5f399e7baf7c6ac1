//! Every project under `examples/` is deployed as it is and must be detected and served as its `berth-example.json` says.
//! `make test` takes those whose suite is `test`, `make test-all` all of them.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use berth_tests::{Site, Vessel, Voyage, World, deploy_each};
use serde_json::{Value, json};

/// What an example says about its plan, or about each service of it; what it leaves out must be absent there too.
const DETECTED: &[&str] =
    &["name", "framework", "packageManager", "installCommand", "buildCommand", "outputDirectory", "startCommand"];
/// What one with a single service need not say.
const MAY_BE_LEFT_OUT: &[&str] = &["name", "startCommand"];

/// What a `berth-example.json` may say, so that a misspelt expectation is not a missing one.
const FIELDS: &[&str] = &["suite", "rootDirectory", "settings", "detects", "fails", "spaFallback", "serves"];

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_every_kind_are_detected_and_served_as_they_say() -> Result<()> {
    deploy("test", 13).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a quarter of an hour long: `make test-all`"]
async fn the_other_examples_are_detected_and_served_as_they_say() -> Result<()> {
    deploy("test-all", 16).await
}

/// Deploys the examples of a suite, of which there are so many.
async fn deploy(suite: &str, count: usize) -> Result<()> {
    let vessels = examples(suite)?;
    let names: Vec<_> = vessels.iter().map(|vessel| &vessel.name).collect();
    ensure!(names.len() == count, "the suite {suite} should hold {count} examples, holds {names:?}");
    let chosen = std::env::var("BERTH_EXAMPLES").ok();
    let vessels: Vec<_> = vessels.into_iter().filter(|vessel| is_chosen(&vessel.name, chosen.as_deref())).collect();
    deploy_each(&vessels, &[], async |world, vessel, voyage| check(world, vessel, voyage).await).await
}

/// `BERTH_EXAMPLES=hugo,bun` chooses some, for whoever works on them.
fn is_chosen(name: &str, chosen: Option<&str>) -> bool {
    chosen.is_none_or(|chosen| chosen.split(',').any(|chosen| name.strip_prefix("example-") == Some(chosen)))
}

async fn check(world: &World, vessel: &Vessel, voyage: &Voyage) -> Result<()> {
    let expected = expectation(&vessel.directory)?;
    let project = &voyage.project;
    if let Some(failure) = expected["fails"].as_object() {
        ensure!(voyage.status() == "failed", "it should fail");
        for (what, expected) in failure {
            let told = voyage.build["failure"][what].as_str().unwrap_or_default();
            let expected = expected.as_str().context("text")?;
            ensure!(told.starts_with(expected), "{what} of the failure should begin with {expected}, is {told}");
        }
        return Ok(());
    }
    ensure!(voyage.status() == "passed", "its build should pass");
    world.live(project, project.first_build).await?;

    let services = voyage.build["plan"]["services"].as_array().context("the plan's services")?;
    let said = match &expected["detects"] {
        Value::Array(each) => each.clone(),
        one => vec![one.clone()],
    };
    ensure!(services.len() == said.len(), "there should be {} services, not {}", said.len(), services.len());
    for (service, said) in services.iter().zip(&said) {
        is_detected(service, said)?;
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

fn is_detected(service: &Value, said: &Value) -> Result<()> {
    for what in DETECTED {
        let expected = &said[what];
        if expected.is_null() && MAY_BE_LEFT_OUT.contains(what) {
            continue;
        }
        let detected = match *what {
            "name" => &service["name"],
            "packageManager" => &service["toolchain"]["packageManager"]["value"],
            what => &service[what]["value"],
        };
        ensure!(detected == expected, "{what} should be {expected}, is {detected}");
    }
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

/// The examples of a suite, in the order of their names.
fn examples(suite: &str) -> Result<Vec<Vessel>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let directory = entry?.path();
        if !directory.is_dir() {
            continue;
        }
        let name = directory.file_name().and_then(|name| name.to_str()).context("a name in UTF-8")?.to_owned();
        let expected = expectation(&directory)?;
        ensure!(
            ["test", "test-all"].contains(&expected["suite"].as_str().unwrap_or_default()),
            "{name} is in no suite"
        );
        if expected["suite"] != suite {
            continue;
        }
        let mut settings = expected["settings"].as_object().cloned().unwrap_or_default();
        if let Some(root) = expected.get("rootDirectory") {
            settings.insert("rootDirectory".to_owned(), root.clone());
        }
        found.push(Vessel { name: format!("example-{name}"), directory, settings: json!(settings) });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn expectation(directory: &Path) -> Result<Value> {
    let file = directory.join("berth-example.json");
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let expected: Value = serde_json::from_str(&text).with_context(|| format!("in {}", file.display()))?;
    let fields = expected.as_object().with_context(|| format!("{} is not an object", file.display()))?;
    match fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
        Some(unknown) => bail!("{} says {unknown}, which is none of {FIELDS:?}", file.display()),
        None => Ok(expected),
    }
}
