//! What Berth finds out by itself, at start and then as often as it is set to: pushes that nobody told of, lost releases,
//! builds whose worker went away, leftovers. `crashes.rs` tells of the push during an outage.

use std::fs::File;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use berth_model::{Clock, Timestamp};
use berth_store::Store;
use berth_tests::{Database, Delivery, Shop, World, eventually};
use serde_json::json;

const OFTEN: (&str, &str) = ("BERTH_RECONCILE_EVERY", "1s");
const PATIENCE: Duration = Duration::from_secs(60);

/// W16 while it runs: a push whose delivery got lost; a host that is away meanwhile leaves everything as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_nobody_told_of_is_found() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[OFTEN]).await?;
    let repo = world.github.repo("quiet")?;
    let page = |text: &str| repo.publish(text, &[("index.html", &format!("<h1>{text}</h1>"))]);
    page("Version 1.")?;
    let project = world.connect_repo("quiet", repo.clone(), json!({"buildCommand": ""})).await?;
    world.shows(&project, "Version 1.").await?;
    page("Version 2.")?;
    world.shows(&project, "Version 2.").await?;

    let before = world.builds(&project).await?.len();
    ensure!(before == 2, "{before} builds for two commits");
    repo.take_away()?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    ensure!(world.builds(&project).await?.len() == before, "a host that is away made builds");
    ensure!(project.site.get("/").await?.body.contains("Version 2."));
    repo.bring_back()?;
    page("Version 3.")?;
    world.shows(&project, "Version 3.").await?;
    world.close().await
}

/// What fails by its own fault is not tried every hour, what failed by the host's absence is tried once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_build_is_repeated_only_if_it_may_pass() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[OFTEN]).await?;
    let repo = world.github.repo("fragile")?;
    repo.publish("Plain files", &[("index.html", "<h1>Whole</h1>")])?;
    let project =
        world.connect_repo("fragile", repo.clone(), json!({"buildCommand": "", "outputDirectory": "out"})).await?;
    ensure!(world.ended(project.first_build).await? == "failed", "there is no directory `out`");
    tokio::time::sleep(Duration::from_secs(4)).await;
    ensure!(world.builds(&project).await?.len() == 1, "a build that cannot pass was repeated");

    // Pushed when the host is back: Berth, which looks every second, would find it there before the delivery tells of it.
    repo.commit("Now there is", &[("out/index.html", "<h1>Mended</h1>")])?;
    let delivery = Delivery::push(&repo)?;
    repo.take_away()?;
    let answer = delivery.send(&world.berth).await?.expect(201)?;
    let build = answer["build"]["id"].as_i64().with_context(|| format!("no build in {answer}"))?;
    ensure!(world.ended(build).await? == "failed", "its host was away");
    repo.bring_back()?;
    repo.push()?;
    world.shows(&project, "Mended").await?;
    world.close().await
}

/// A database that was restored without the deployments: what was live is built again.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_release_is_built_again() -> Result<()> {
    let mut world = World::open(&Database::Sqlite, &[]).await?;
    let repo = world.github.repo("phoenix")?;
    repo.publish("Plain files", &[("index.html", "<h1>From the ashes</h1>")])?;
    let project = world.connect_repo("phoenix", repo, json!({"buildCommand": ""})).await?;
    world.live(&project, project.first_build).await?;
    world.berth.kill_9()?;
    std::fs::remove_dir_all(world.berth.deployments())?;
    world.berth.restart().await?;
    world.shows(&project, "From the ashes").await?;
    ensure!(world.builds(&project).await?.len() == 2);
    world.close().await
}

/// A lease that nobody renews: the build of a worker that went away is run by this one.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_lease_comes_back() -> Result<()> {
    let database = Database::postgres();
    let world = World::open(&database, &[("BERTH_BUILD_CONCURRENCY", "1")]).await?;
    let busy = world.open_shop("busy", &Shop::saying("Open")).await?;
    let waiting = world.open_shop("waiting", &Shop::saying("Open")).await?;
    let long = world.push(&busy, &Shop::saying("Busy").slowly(8)).await?;
    // What we claim below is not to be this one.
    eventually("the busy one runs", PATIENCE, async || {
        Ok(world.log_text(long).await?.contains("second 0").then_some(()))
    })
    .await?;
    let build = world.push(&waiting, &Shop::saying("At last")).await?;
    // Another worker takes the waiting build and is never heard of again.
    let store = Store::open(database.url().context("an address")?, Clock::System).await?;
    let claimed = eventually("the build can be claimed", PATIENCE, async || {
        Ok(store.claim(Duration::from_secs(1), 9).await?.filter(|claimed| claimed.build.id.0 == build))
    })
    .await?;
    ensure!(claimed.build.attempts == 1);
    world.shows(&waiting, "At last").await?;
    let again = store.build_unscoped(claimed.build.id).await?.context("the build is there")?;
    ensure!(again.attempts == 2, "it was started {} times", again.attempts);
    drop(store);
    world.close().await
}

/// Containers, staging and release directories that nothing leads to go while it runs; another instance's, volumes and
/// what is young stay.
#[tokio::test(flavor = "multi_thread")]
async fn leftovers_are_swept_while_it_runs() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[OFTEN, ("BERTH_BUILD_TIMEOUT", "1m")]).await?;
    let docker = world.berth.docker()?;
    let instance = std::fs::read_to_string(world.berth.data().join("instance"))?;
    // One that is swept before it was started is made again.
    let made = async || Ok(container(instance.trim(), &[]).ok());
    let ours = eventually("a container is left", PATIENCE, made).await?;
    // It goes by itself, whatever becomes of this test.
    let theirs = container("0123456789ab", &["--rm"])?;
    let volume = docker_says(&["volume", "create", "--label", &format!("berth.instance={}", instance.trim())])?;

    let deployments = world.berth.deployments();
    let (old, young) = (deployments.join(".staging/4711"), deployments.join(".staging/4712"));
    let release = deployments.join(".releases/4711/1");
    for directory in [&old, &young, &release] {
        std::fs::create_dir_all(directory)?;
    }
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(hours_ago(2).0)?);
    for directory in [&old, &release] {
        File::open(directory)?.set_modified(long_ago)?;
    }
    eventually("the leftovers are gone", PATIENCE, async || {
        Ok((docker.containers()?.is_empty() && !old.exists() && !release.exists()).then_some(()))
    })
    .await?;
    let left = docker_says(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &format!("id={theirs}")])?;
    let removed = docker_says(&["rm", "--force", &theirs]);
    ensure!(left == theirs, "another instance's container was swept");
    removed?;
    ensure!(docker.volumes()?.contains(&volume), "a volume was swept");
    ensure!(young.exists(), "what may be a running build's was swept");
    ensure!(ours != theirs);
    world.close().await
}

fn hours_ago(hours: u64) -> Timestamp {
    Clock::System.now().before(Duration::from_secs(hours * 3_600))
}

/// A container as an earlier process of an instance may have left it.
fn container(instance: &str, more: &[&str]) -> Result<String> {
    let label = format!("berth.instance={instance}");
    let order = ["run", "--detach", "--label", &label, "--label", "berth.process=gone"];
    docker_says(&[&order, more, &["debian:bookworm-slim", "sleep", "120"]].concat())
}

fn docker_says(arguments: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(arguments).output().context("the docker command is missing")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
