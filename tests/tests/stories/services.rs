//! An application that runs: from a push to its address, replaced without a failed request, and watched.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Application, Database, Delivery, Project, World, eventually};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// For a container to start, or to be replaced, on a busy machine.
const SOON: Duration = Duration::from_secs(120);

async fn connect(world: &World, name: &str, application: &Application) -> Result<Project> {
    let repo = world.github.repo(name)?;
    application.publish(&repo)?;
    let project = world.connect_repo(name, repo, json!({})).await?;
    world.shows(&project, &application.text).await?;
    Ok(project)
}

async fn push(world: &World, project: &Project, application: &Application) -> Result<i64> {
    application.publish(&project.repo)?;
    let answer = Delivery::push(&project.repo)?.send(&world.berth).await?.expect(201)?;
    answer["build"]["id"].as_i64().with_context(|| format!("no build in {answer}"))
}

/// The project's only service as its owner sees it.
async fn service(world: &World, project: &Project) -> Result<Value> {
    let listed = world.list(project, "services").await?;
    listed.into_iter().next().context("a service")
}

/// The containers that run for this Berth, by id.
fn running(world: &World) -> Result<Vec<String>> {
    let docker = world.berth.docker()?;
    let mut containers = docker.containers()?;
    containers.sort();
    Ok(containers)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_replaced_without_a_failed_request() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = connect(&world, "shop", &Application::saying("The first one")).await?;
    ensure!(project.site.get("/env/PORT").await?.body == "3000");
    ensure!(project.site.get("/env/BERTH_SERVICE").await?.body == "web");

    let done = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicUsize::new(0));
    let mut visitors = JoinSet::new();
    for _ in 0..4 {
        let (site, done, asked) = (project.site.clone(), Arc::clone(&done), Arc::clone(&asked));
        visitors.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let page = site.get("/").await?;
                ensure!(page.status == 200, "a visitor got {}: {}", page.status, page.body);
                ensure!(["The first one", "The second one"].contains(&page.body.as_str()), "{}", page.body);
                asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(8)).await;
            }
            Ok(())
        });
    }
    push(&world, &project, &Application::saying("The second one")).await?;
    world.shows(&project, "The second one").await?;
    // Until the first one is gone: its last requests are those that could fail.
    eventually("one replica is left", SOON, async || Ok((running(&world)?.len() == 1).then_some(()))).await?;
    done.store(true, Ordering::Relaxed);
    while let Some(visitor) = visitors.join_next().await {
        visitor??;
    }
    ensure!(asked.load(Ordering::Relaxed) > 200, "no load worth the name");
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_does_not_start_never_sees_a_visitor() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = connect(&world, "careful", &Application::saying("The good one")).await?;
    let before = running(&world)?;
    // One ends at once; the other listens first, as servers do that load their application afterwards.
    let (at_once, later) = (
        "console.error('cannot find the table'); process.exit(7);",
        "require('net').createServer(() => {}).listen(process.env.PORT, '0.0.0.0');
         setTimeout(() => { console.error('cannot find the module'); process.exit(8); }, 1000);
         return;",
    );
    for (script, told) in
        [(at_once, ["exit code 7", "cannot find the table"]), (later, ["exit code 8", "cannot find the module"])]
    {
        let build = push(&world, &project, &Application::saying(told[0]).after(script)).await?;
        let deployment = eventually("the bad one is refused", SOON, async || {
            let listed = world.ada.get(&format!("/api/v1/projects/{}/deployments", project.id)).await?.expect(200)?;
            let of_build = listed.as_array().into_iter().flatten().find(|deployment| deployment["buildId"] == build);
            Ok(of_build.filter(|deployment| deployment["status"] == "failed").cloned())
        })
        .await?;
        // It is said once it is written down.
        eventually("the log says it", SOON, async || {
            let log = world.berth.log()?;
            Ok(told.iter().all(|told| log.contains(told)).then_some(()))
        })
        .await?;
        let problem = deployment["problem"].as_str().unwrap_or_default();
        let parts = ["What was live stays live", told[0], told[1]];
        ensure!(parts.iter().all(|part| problem.contains(part)), "its owner reads why: {deployment}");
        let shown = world.seen(build).await?;
        ensure!(shown["deployment"]["problem"] == problem, "and so with its build: {shown}");
        ensure!(project.site.get("/").await?.body == "The good one");
        eventually("nothing of it is left", SOON, async || Ok((running(&world)? == before).then_some(()))).await?;
    }
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_elsewhere_is_told_where() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let elsewhere = "process.env.PORT = String(4 * 1000);";
    // As a server would that knows no address but its own machine's.
    let local = "const own = require('http').Server.prototype.listen; \
                 require('http').Server.prototype.listen = function (port) { return own.call(this, port, '127.0.0.1'); };";
    for (name, script, told) in [
        ("other-port", elsewhere, "it listens on port 4000 instead"),
        ("own-machine", local, "it listens on 127.0.0.1:3000 alone"),
    ] {
        let repo = world.github.repo(name)?;
        repo.publish("How long it may take", &[("berth.toml", "[services.web]\nhealth = { timeout = 15 }\n")])?;
        Application::saying("Where am I?").after(script).publish(&repo)?;
        world.connect_repo(name, repo, json!({})).await?;
        eventually(&format!("{name} is told"), SOON, async || Ok(world.berth.log()?.contains(told).then_some(())))
            .await?;
    }
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_canceled_on_its_way_to_be_live_holds_nothing_up() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = connect(&world, "stuck", &Application::saying("As it was")).await?;
    let before = running(&world)?;
    let released = [("berth.toml", "[services.web]\nrelease = \"sleep 900\"\n")];
    Application::saying("Never to be seen").publish_with(&project.repo, &released)?;
    let answer = Delivery::push(&project.repo)?.send(&world.berth).await?.expect(201)?;
    let build = answer["build"]["id"].as_i64().context("a build")?;
    ensure!(world.ended(build).await? == "passed");
    eventually("its release command runs", SOON, async || Ok((running(&world)?.len() == 2).then_some(()))).await?;
    world.ada.post(&format!("/api/v1/builds/{build}/cancel"), &json!({})).await?.expect(200)?;
    eventually("nothing of it is left", SOON, async || Ok((running(&world)? == before).then_some(()))).await?;
    ensure!(project.site.get("/").await?.body == "As it was");

    project.repo.publish("Without it", &[("berth.toml", "[services.web]\n")])?;
    push(&world, &project, &Application::saying("Mended")).await?;
    world.shows(&project, "Mended").await?;
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_berth_finds_its_replicas_again() -> Result<()> {
    for database in [Database::Sqlite, Database::postgres()] {
        let mut world = World::open(&database, &[]).await?;
        let project = connect(&world, "lasting", &Application::saying("Still here")).await?;
        let before = running(&world)?;
        world.berth.kill_9()?;
        ensure!(running(&world)? == before, "they outlive it");
        world.berth.restart().await?;
        world.shows(&project, "Still here").await?;
        // Not by another one that was started in the meantime.
        ensure!(running(&world)? == before, "they are taken over as they are");
        // One that has just started looks for itself, too, and may find it before it is told.
        Application::saying("Replaced").publish(&project.repo)?;
        Delivery::push(&project.repo)?.send(&world.berth).await?.heard()?;
        world.shows(&project, "Replaced").await?;
        eventually("the old one is gone", SOON, async || {
            let now = running(&world)?;
            Ok((now.len() == 1 && now != before).then_some(()))
        })
        .await?;
        world.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_eats_all_memory_is_named_and_started_again() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[("BERTH_SERVICE_MEMORY", "128m")]).await?;
    let project = connect(&world, "hungry", &Application::saying("Hungry")).await?;
    let eating = project.site.clone();
    let eaten = tokio::spawn(async move { eating.get("/eat").await.map(|page| page.status) });
    // A request that comes before Berth knows may wait for the next run, and is answered then.
    const AT_ONCE: Duration = Duration::from_millis(300);
    let page = eventually("the page says it", SOON, async || {
        let Ok(page) = timeout(AT_ONCE, project.site.get("/")).await else { return Ok(None) };
        let page = page?;
        // It says so for about a second. Started again before anybody looked, it eats once more.
        if page.body == "Hungry" && !service(&world, &project).await?["lastEnd"].is_null() {
            let _ = timeout(AT_ONCE, project.site.get("/eat")).await;
        }
        Ok(Some(page).filter(|page| page.body.contains("out of memory")))
    })
    .await?;
    ensure!(matches!(page.status, 502 | 503) && page.body.contains("128 MiB"), "{page:?}");
    let service = service(&world, &project).await?;
    let ended = &service["lastEnd"];
    ensure!(ended["exitCode"] == 137 && ended["outOfMemory"] == 128 << 20, "{service}");
    ensure!(service["instances"][0]["lastEnd"] == *ended && service["memoryLimit"] == 128 << 20, "{service}");
    let _: Value = eaten.await?.map(Value::from).unwrap_or_default();
    world.shows(&project, "Hungry").await?;

    // A version that eats it all before it answers is refused in the same words.
    let glutton = Application::saying("Glutton").after("for (const all = [];;) all.push(Buffer.alloc(16 << 20, 1));");
    let build = push(&world, &project, &glutton).await?;
    let problem = eventually("the glutton is refused", SOON, async || {
        let shown = world.seen(build).await?;
        Ok(shown["deployment"]["problem"].as_str().map(str::to_owned))
    })
    .await?;
    ensure!(problem.contains("out of memory") && problem.contains("more than its 128 MiB"), "{problem}");
    ensure!(project.site.get("/").await?.body == "Hungry");
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ends_again_and_again_is_called_a_crash_loop() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    // Its container is started again with the file that it left there.
    let script = "const fs = require('fs'); process.on('exit', () => fs.writeFileSync('/tmp/doomed', ''));
if (fs.existsSync('/tmp/doomed')) { console.error('the table is gone'); process.exit(5); }";
    let project = connect(&world, "doomed", &Application::saying("Doomed").after(script)).await?;
    ensure!(service(&world, &project).await?["state"] == "healthy");
    ensure!(matches!(project.site.get("/crash").await?.status, 502 | 503), "its answer never came");
    let looping = eventually("it is called a loop", SOON, async || {
        let service = service(&world, &project).await?;
        Ok((service["state"] == "crash_loop").then_some(service))
    })
    .await?;
    ensure!(looping["lastEnd"]["exitCode"] == 5 && looping["restarts"].as_i64() >= Some(4), "{looping}");
    let page = project.site.get("/").await?;
    ensure!(page.status == 503 && page.body.contains("crashed: exit code 5"), "{page:?}");
    let logs = format!("/api/v1/projects/{}/services/web/logs?stream=stderr", project.id);
    let log = world.ada.get(&logs).await?.expect(200)?;
    ensure!(log["lines"][0]["text"] == "the table is gone", "{log}");

    // What is pushed next is a new beginning.
    push(&world, &project, &Application::saying("Mended")).await?;
    world.shows(&project, "Mended").await?;
    world.close().await
}
