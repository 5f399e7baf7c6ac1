//! A build that fails for a host that is not there: its owner reads which, and visitors notice nothing.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, Delivery, Project, Shop, World, eventually};
use reqwest::header;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_font_that_cannot_be_fetched_fails_the_build_and_not_the_site() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("letters", &Shop::saying("Set in Geist")).await?;
    let visitor = Visitor::new(&world, &project).await?;

    let fetching = Shop::saying("Set in a new font").then(
        "const css = await fetch('https://fonts.example.invalid/css2?family=Geist');\n\
         writeFileSync('dist/font.css', await css.text());",
    );
    let failing = world.push(&project, &fetching).await?;
    let told = "exit code 1: the host fonts.example.invalid was not found";
    fails_as(&world, &project, failing, told, "getaddrinfo ENOTFOUND fonts.example.invalid").await?;
    visitor.notices_nothing(&world, &project).await?;

    let mended = world.push(&project, &Shop::saying("Set in our own font")).await?;
    world.live(&project, mended).await?;
    ensure!(project.site.get("/").await?.body.contains("Set in our own font"));
    world.close().await
}

/// The same with Next.js itself, whose next/font fetches from a host that is not to be reached from here.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long, and needs projects from elsewhere: `make test-all`"]
async fn a_font_of_next_that_cannot_be_fetched_is_named() -> Result<()> {
    // Where `make test-all` finds no such projects, there is nothing to tell.
    let Some(apps) = std::env::var_os("BERTH_TEST_APPS").map(PathBuf::from).filter(|apps| apps.is_dir()) else {
        return Ok(());
    };
    let world = World::open(&Database::Sqlite, &[]).await?;
    let repo = world.github.repo("letters")?;
    repo.copy_in(&apps.join("next-export"))?;
    repo.publish("With the system's font", &[])?;
    let project = world.connect_repo("letters", repo, json!({})).await?;
    has_ended(&world, project.first_build).await?;
    world.live(&project, project.first_build).await?;
    let visitor = Visitor::new(&world, &project).await?;

    let push = async |app: &str| {
        project.repo.copy_in(&apps.join(app))?;
        project.repo.publish(app, &[])?;
        let answer = Delivery::push(&project.repo)?.send(&world.berth).await?.expect(201)?;
        answer["build"]["id"].as_i64().with_context(|| format!("no build in {answer}"))
    };
    let failing = push("next-google-fonts-fails").await?;
    has_ended(&world, failing).await?;
    let told = "exit code 1: the font Geist could not be fetched from fonts.googleapis.com";
    fails_as(&world, &project, failing, told, "Failed to fetch `Geist` from Google Fonts.").await?;
    visitor.notices_nothing(&world, &project).await?;

    let mended = push("next-export").await?;
    has_ended(&world, mended).await?;
    world.live(&project, mended).await?;
    world.close().await
}

/// Next.js and its packages take longer than what stories are patient for.
async fn has_ended(world: &World, build: i64) -> Result<()> {
    eventually(&format!("build {build} ends"), Duration::from_secs(900), async || {
        let status = world.ada.get(&format!("/api/v1/builds/{build}")).await?.expect(200)?["status"].clone();
        Ok((!matches!(status.as_str(), Some("queued" | "running"))).then_some(()))
    })
    .await
}

/// The reason is on top of the build, its line is in the log, and the deployment before it is the live one.
async fn fails_as(world: &World, project: &Project, build: i64, title: &str, line: &str) -> Result<()> {
    ensure!(world.ended(build).await? == "failed", "{}", world.log_text(build).await?);
    let failure = world.failure(build).await?;
    ensure!(failure["code"] == "host_unreachable" && failure["title"] == title, "{failure}");
    let number = failure["line"].as_u64().with_context(|| format!("no line in {failure}"))?;
    let log = world.log_text(build).await?;
    let shown = log.lines().nth(usize::try_from(number)? - 1).unwrap_or_default();
    ensure!(shown.contains(line), "line {number} is {shown:?}\n{log}");

    let listed = world.ada.get(&format!("/api/v1/projects/{}/deployments", project.id)).await?.expect(200)?;
    let deployments = listed.as_array().with_context(|| format!("no deployments in {listed}"))?;
    let live: Vec<_> = deployments.iter().filter(|deployment| deployment["status"] == "live").collect();
    ensure!(live.len() == 1 && live[0]["buildId"] == project.first_build, "{listed}");
    Ok(())
}

/// Somebody who knows the first version of a site.
struct Visitor {
    page: String,
    tag: String,
}

impl Visitor {
    async fn new(world: &World, project: &Project) -> Result<Self> {
        let response = request(world, project).send().await?;
        ensure!(response.status() == 200, "{}", response.status());
        let tag = response.headers().get(header::ETAG).context("an ETag")?.to_str()?.to_owned();
        Ok(Self { page: response.text().await?, tag })
    }

    async fn notices_nothing(&self, world: &World, project: &Project) -> Result<()> {
        let again = request(world, project).send().await?;
        ensure!(again.status() == 200 && again.text().await? == self.page, "the page has changed");
        let unchanged = request(world, project).header(header::IF_NONE_MATCH, &self.tag).send().await?;
        ensure!(unchanged.status() == 304, "{}", unchanged.status());
        let other = request(world, project).header(header::IF_NONE_MATCH, "\"of another version\"").send().await?;
        ensure!(other.status() == 200 && other.text().await? == self.page, "the page has changed");
        Ok(())
    }
}

fn request(world: &World, project: &Project) -> reqwest::RequestBuilder {
    let navigation = world.berth.client().get(format!("{}/", world.berth.origin()));
    navigation.header(header::HOST, &project.site.host).header(header::ACCEPT, "text/html")
}
