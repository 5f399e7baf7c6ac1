//! Projects of several services: who answers where, who finds whom, and that they go live together or not at all.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Answer, Application, Database, Project, Repo, World, eventually, number};
use serde_json::{Value, json};

/// For containers to start, or to be replaced, on a busy machine.
const SOON: Duration = Duration::from_secs(120);

/// Two folders of pages, a backend between them, and an index that only the backend asks.
const SERVICES: &str = r#"
[services.web]
root = "site"

[services.guide]
root = "guide"
routes = ["/api/guide"]

[services.api]
root = "backend"
routes = [{ path = "/api", strip = true }]

[services.index]
root = "index"
"#;

fn publish(repo: &Repo, site: &str, backend: &Application, index: &Application) -> Result<String> {
    let page = |text: &str| format!("<!doctype html><title>Shop</title><h1>{text}</h1>");
    let mut files = vec![
        ("berth.toml".to_owned(), SERVICES.to_owned()),
        ("site/index.html".to_owned(), page(site)),
        ("guide/index.html".to_owned(), page("The guide")),
    ];
    files.extend(backend.files_in("backend/"));
    files.extend(index.files_in("index/"));
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    repo.publish(site, &files)
}

async fn promote(world: &World, deployment: &Value) -> Result<Answer> {
    let path = format!("/api/v1/deployments/{}/promote", deployment["id"]);
    world.ada.post(&path, &json!({"rebuild": false})).await
}

async fn push(world: &World, project: &Project) -> Result<i64> {
    number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])
}

#[tokio::test(flavor = "multi_thread")]
async fn services_share_an_address_and_go_live_together() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let repo = world.github.repo("shop")?;
    let (stock, index) = (Application::saying("The stock"), Application::saying("The index"));
    publish(&repo, "The shop", &stock, &index)?;
    let project = world.connect_repo("shop", repo, json!({})).await?;
    world.shows(&project, "The shop").await?;
    let said = async |path: &str| Ok::<_, anyhow::Error>(project.site.get(path).await?.body);
    for path in ["/api", "/api/", "/api/of/everything", "/api/guided"] {
        ensure!(said(path).await? == "The stock", "{path}: {}", said(path).await?);
    }
    ensure!(said("/api/guide/").await?.contains("The guide"), "the longest prefix decides");
    let beside = said("/apis").await?;
    ensure!(beside.contains("The shop"), "/apis is the site's to answer: {beside}");
    ensure!(
        said("/api/get?http://index:3000/").await? == "The index",
        "{}",
        said("/api/get?http://index:3000/").await?
    );

    let services = world.list(&project, "services").await?;
    let mut named: Vec<_> =
        services.iter().map(|service| (service["name"].as_str(), service["kind"].as_str())).collect();
    named.sort_unstable();
    let (files, runs) = (Some("static"), Some("running"));
    let all = [(Some("api"), runs), (Some("guide"), files), (Some("index"), runs), (Some("web"), files)];
    ensure!(named == all, "{named:?}");

    // A change of one: the others say what they said.
    publish(&project.repo, "The shop", &Application::saying("The new stock"), &index)?;
    let changed = push(&world, &project).await?;
    world.live(&project, changed).await?;
    ensure!(said("/api").await? == "The new stock");
    ensure!(said("/").await?.contains("The shop") && said("/api/guide/").await?.contains("The guide"));
    ensure!(said("/api/get?http://index:3000/").await? == "The index");
    let docker = world.berth.docker()?;
    let running = eventually("the version before is gone", SOON, async || {
        let running = docker.replicas()?;
        Ok((running.len() == 2 && docker.networked_deployments()?.len() == 1).then_some(running))
    })
    .await?;

    // One that does not stay up: nothing of that version is ever seen, not even its files.
    let broken = index.after("console.error('the index is torn'); process.exit(7);");
    publish(&project.repo, "Not to be seen", &stock, &broken)?;
    let build = push(&world, &project).await?;
    eventually("it is refused", SOON, async || {
        let page = project.site.get("/").await?;
        ensure!(page.status == 200 && page.body.contains("The shop"), "{page:?}");
        let deployments = world.list(&project, "deployments").await?;
        Ok(deployments.iter().any(|one| one["buildId"] == build && one["status"] == "failed").then_some(()))
    })
    .await?;
    ensure!(said("/").await?.contains("The shop") && said("/api").await? == "The new stock");
    ensure!(said("/api/get?http://index:3000/").await? == "The index");
    eventually("nothing of it is left", SOON, async || {
        Ok((docker.replicas()? == running && docker.networked_deployments()?.len() == 1).then_some(()))
    })
    .await?;
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ends_for_want_of_a_sibling_is_tried_again_once_that_is_there() -> Result<()> {
    /// Longer than it takes to end three times.
    const SLOW: &str = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 12_000);";
    const NEEDY: &str =
        "require('http').get('http://index:3000/', (answer) => answer.resume()).on('error', () => process.exit(4));";
    const BOTH: &str = "[services.web]\nroot = \"web\"\nroutes = [\"/\"]\n\n[services.index]\nroot = \"index\"\n";
    let world = World::open(&Database::Sqlite, &[]).await?;
    let repo = world.github.repo("needy")?;
    let (needy, slow) =
        (Application::saying("With an index").after(NEEDY), Application::saying("The index").after(SLOW));
    let files =
        [vec![("berth.toml".to_owned(), BOTH.to_owned())], needy.files_in("web/"), slow.files_in("index/")].concat();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    repo.publish("Both", &files)?;
    let project = world.connect_repo("needy", repo, json!({})).await?;
    world.shows(&project, "With an index").await?;
    let services = world.list(&project, "services").await?;
    let web = services.iter().find(|service| service["name"] == "web").context("it is listed")?;
    ensure!(web["state"] == "healthy" && web["lastEnd"]["exitCode"] == 4, "it has ended before: {web}");
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_has_no_port_and_finds_its_siblings() -> Result<()> {
    const WORKER: &str = "
const ask = () => require('http').get('http://web:3000/', (answer) => answer.on('data', (said) => console.log('web says ' + said)))
  .on('error', () => {});
setInterval(ask, 200);
process.on('SIGTERM', () => process.exit(0));
";
    const BOTH: &str = "[services.web]\n\n[services.worker]\nstart = \"node worker.js\"\nport = false\n";
    let world = World::open(&Database::Sqlite, &[]).await?;
    let repo = world.github.repo("office")?;
    Application::saying("Open").publish_with(&repo, &[("berth.toml", BOTH), ("worker.js", WORKER)])?;
    let project = world.connect_repo("office", repo, json!({})).await?;
    world.shows(&project, "Open").await?;
    let services = world.list(&project, "services").await?;
    let worker = services.iter().find(|service| service["name"] == "worker").context("the worker is listed")?;
    ensure!(worker["state"] == "healthy" && worker["port"].is_null() && worker["routes"] == json!([]), "{worker}");
    let logs = format!("/api/v1/projects/{}/services/worker/logs?query=web%20says", project.id);
    let line = eventually("it has asked its sibling", SOON, async || {
        let found = world.ada.get(&logs).await?.expect(200)?;
        Ok(found["lines"][0]["text"].as_str().map(str::to_owned))
    })
    .await?;
    ensure!(line == "web says Open", "{line}");
    ensure!(world.berth.docker()?.networked_deployments()?.len() == 1);
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_runs_beside_production_and_is_promoted_to_it() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let repo = world.github.repo("shop")?;
    Application::saying("In production").publish(&repo)?;
    let project = world.connect_repo("shop", repo, json!({})).await?;
    let variables = json!({"variables": [
        {"key": "TABLE", "value": "the real one", "scope": "production"},
        {"key": "TABLE", "value": "a copy", "scope": "preview"},
    ]});
    world.ada.put(&format!("/api/v1/projects/{}/variables", project.id), &variables).await?.expect(200)?;
    world.change(&project, json!({"previews": true})).await?;
    world.shows(&project, "In production").await?;
    let docker = world.berth.docker()?;
    ensure!(docker.networked_deployments()?.len() == 1);

    project.repo.switch("next")?;
    Application::saying("The next one").publish(&project.repo)?;
    let build = push(&world, &project).await?;
    let preview = world.branch_site(&project, "next");
    world.sees(&preview, "The next one").await?;
    for (key, value) in [("BERTH_ENVIRONMENT", "preview"), ("TABLE", "a copy")] {
        let told = preview.get(&format!("/env/{key}")).await?.body;
        ensure!(told == value, "{key} of the preview is {told}");
    }
    ensure!(preview.get("/env/BERTH_URL").await?.body == format!("http://{}", preview.host));
    ensure!(project.site.get("/").await?.body == "In production");
    ensure!(docker.networked_deployments()?.len() == 2, "the preview has a network of its own");
    ensure!(preview.get("/get?http://web:3000/").await?.body == "The next one", "its name is its own there");

    // What production would build otherwise is said, and once there is no difference nothing is built.
    let refused = promote(&world, &world.deployed(&project, build).await?).await?.expect(409)?;
    ensure!(refused["error"]["code"] == "promotion_needs_rebuild", "{refused}");
    for variable in world.list(&project, "variables").await? {
        world.ada.delete(&format!("/api/v1/variables/{}", variable["id"])).await?.expect(204)?;
    }
    Application::saying("The one after").publish(&project.repo)?;
    let build = push(&world, &project).await?;
    world.sees(&preview, "The one after").await?;
    let built = world.list(&project, "builds").await?.len();
    let answer = promote(&world, &world.deployed(&project, build).await?).await?;
    answer.expect(200)?;
    world.shows(&project, "The one after").await?;
    ensure!(world.list(&project, "builds").await?.len() == built, "the image is the preview's");
    ensure!(project.site.get("/env/BERTH_ENVIRONMENT").await?.body == "production");
    ensure!(preview.get("/env/BERTH_ENVIRONMENT").await?.body == "preview", "it goes on");

    world.github.delete_branch(&project.repo, "next").await?.expect(200)?;
    world.gone(&preview).await?;
    eventually("what ran of it and its network are gone", SOON, async || {
        Ok((docker.replicas()?.len() == 1 && docker.networked_deployments()?.len() == 1).then_some(()))
    })
    .await?;
    ensure!(project.site.get("/env/BERTH_ENVIRONMENT").await?.body == "production", "it goes on");
    world.close().await
}
