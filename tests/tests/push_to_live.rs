//! The main job, as one story: a signed push becomes a live site, while people watch, and whatever happens to Berth.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use berth_tests::{Answer, Database, Delivery, Project, Session, Shop, SocketClient, World, eventually};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_push_becomes_a_live_site_on_sqlite() -> Result<()> {
    story(&Database::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_becomes_a_live_site_on_postgresql() -> Result<()> {
    story(&Database::postgres()).await
}

async fn story(database: &Database) -> Result<()> {
    // Ada signs in over OAuth, and two of her dashboards listen, one on each transport.
    let mut world = World::open(database, &[]).await?;
    let polling = SocketClient::connect(&world.berth, &world.ada.token, &["polling"]).await?;
    let websocket = SocketClient::connect(&world.berth, &world.ada.token, &["websocket"]).await?;
    world.github.become_user("grace");
    let grace = Session::over_oauth(&world.berth, &world.github).await?;
    let elsewhere = SocketClient::connect(&world.berth, &grace.token, &["websocket"]).await?;
    world.github.become_user("octocat");
    let stranger = SocketClient::knock(&world.berth, "not-a-token", &["websocket"])?;
    stranger.wait_for("a refusal", |event| event.event == "connect_error").await?;

    // She connects her repository: the webhook is registered and the branch's head is built.
    let shop = world.connect("shop", &Shop::saying("Version one"), json!({"outputDirectory": "dist"})).await?;
    let hooks = world.github.hooks();
    ensure!(hooks.len() == 1, "one webhook, not {hooks:?}");
    ensure!(hooks[0].body["config"]["url"] == format!("{}/api/webhook", world.berth.origin()), "{:?}", hooks[0]);
    ensure!(hooks[0].body["events"] == json!(["push", "pull_request"]), "{:?}", hooks[0]);
    Delivery::of("ping", &json!({"zen": "Design for failure.", "hook_id": hooks[0].id}))
        .send(&world.berth)
        .await?
        .expect(200)?;
    for dashboard in [&polling, &websocket] {
        sees_it_live(&world, &shop, dashboard, shop.first_build).await?;
    }
    world.shows(&shop, "Version one").await?;

    // She pushes; GitHub delivers; everybody watches the build, and the site changes.
    let second = world.push(&shop, &Shop::saying("Version two")).await?;
    for dashboard in [&polling, &websocket] {
        sees_it_live(&world, &shop, dashboard, second).await?;
        watched_the_build(&shop, dashboard, second, "Version two").await?;
    }
    ensure!(shop.site.get("/").await?.body.contains("Version two"), "announced as live, but not served");
    // The last line of a log is stored, and then told, while the deployment goes live.
    let same = eventually("the socket told what is stored", Duration::from_secs(60), async || {
        Ok((websocket.log_of(second) == stored_log(&world, second).await?).then_some(()))
    });
    if same.await.is_err() {
        let (told, stored) = (websocket.log_of(second), stored_log(&world, second).await?);
        anyhow::bail!("the socket told\n{told:#?}\nbut the log is\n{stored:#?}");
    }

    // Grace, who is signed in too, hears and sees nothing of it.
    let overheard = elsewhere.heard().into_iter().find(|event| event.event != "connect");
    ensure!(overheard.is_none(), "another person's dashboard heard {overheard:?}");
    grace.get(&format!("/api/build/{second}")).await?.expect(403)?;
    grace.get(&format!("/api/v1/builds/{second}/log")).await?.expect(404)?;

    // A delivery with a wrong signature changes nothing.
    let forged = Delivery { signature: format!("sha256={}", "0".repeat(64)), ..Delivery::push(&shop.repo)? };
    forged.send(&world.berth).await?.expect(401)?;

    // D9: version two was a mistake: back to the first, within a second and without a build. The quickest of three, because
    // a disk may sync for the tests beside this one.
    let builds = world.builds(&shop).await?.len();
    let mut quickest = Duration::MAX;
    for round in 0..3 {
        if round > 0 {
            world.roll_back(shop.first_build, second).await?;
        }
        let since = Instant::now();
        world.roll_back(second, shop.first_build).await?;
        ensure!(shop.site.get("/").await?.body.contains("Version one"), "rolled back, but the old page is not served");
        quickest = quickest.min(since.elapsed());
    }
    ensure!(quickest < Duration::from_secs(1), "rolling back took {quickest:?}");
    ensure!(world.builds(&shop).await?.len() == builds, "rolling back built something");
    ensure!(world.build(second).await?["deployment"]["status"] == "rolled_back");

    // The next push is being built when Berth is killed.
    let third = world.push(&shop, &Shop::saying("Version three").slowly(5)).await?;
    websocket
        .wait_for("the third build's output", |event| {
            event.event == "run_logs"
                && event.payload["buildId"] == third
                && event.payload["log"].as_str().is_some_and(|log| log.contains("second 1"))
        })
        .await?;
    ensure!(!world.berth.docker()?.containers()?.is_empty(), "a build runs, but in no container");
    world.berth.kill_9()?;

    // It starts again: the site is as it was, the build is run again, and its container is the only one.
    world.berth.restart().await?;
    ensure!(shop.site.get("/").await?.body.contains("Version one"), "after kill -9 the site is not what it was");
    world.shows(&shop, "Version three").await?;
    for dashboard in [&polling, &websocket] {
        sees_it_live(&world, &shop, dashboard, third).await?;
    }
    let docker = world.berth.docker()?;
    eventually("all containers are gone", Duration::from_secs(60), async || {
        Ok(docker.containers()?.is_empty().then_some(()))
    })
    .await?;

    // She takes the shop down: nothing of it remains, at GitHub, in Docker or on the disk.
    world.ada.delete(&format!("/api/project/projects/{}", shop.id)).await?.expect(200)?;
    ensure!(shop.site.get("/").await?.status == 404, "a deleted project is still served");
    ensure!(world.github.hooks().is_empty(), "the webhook is still there");
    let releases = world.berth.deployments().join(".releases").join(shop.id.to_string());
    let project_volumes = async || {
        let gone = !releases.exists() && docker.containers()?.is_empty();
        Ok(gone.then_some(()))
    };
    eventually("the deleted project's files are gone", Duration::from_secs(30), project_volumes).await?;
    ensure!(!world.berth.log()?.contains(&world.github.token()), "the GitHub token is in Berth's own log");
    world.close().await
}

/// `deploymentUpdate` arrived for this build, with the address of the site.
async fn sees_it_live(world: &World, project: &Project, dashboard: &SocketClient, build: i64) -> Result<()> {
    let update = dashboard
        .wait_for("deploymentUpdate", |event| event.event == "deploymentUpdate" && event.payload["buildId"] == build)
        .await?;
    let url = format!("http://{}", project.site.host);
    let expected = json!({"projectId": project.id, "buildId": build, "status": "live", "url": url});
    ensure!(update.payload == expected, "{} instead of {expected}", update.payload);
    let passed = world.build(build).await?;
    ensure!(passed["status"] == "passed" && passed["exitCode"] == 0, "live, but its build is {passed}");
    Ok(())
}

/// The statuses came in order, the log without a gap, and what the build printed is in it.
async fn watched_the_build(project: &Project, dashboard: &SocketClient, build: i64, text: &str) -> Result<()> {
    let of_build = |name: &'static str| {
        dashboard.heard().into_iter().filter(move |event| event.event == name && event.payload["buildId"] == build)
    };
    let statuses: Vec<_> = of_build("buildStatusUpdate").map(|event| event.payload).collect();
    let expected = ["queued", "running", "passed"]
        .map(|status| json!({"projectId": project.id, "buildId": build, "status": status}));
    ensure!(statuses == expected, "the statuses were {statuses:?}");

    let log = dashboard.log_of(build);
    let numbers: Vec<_> = log.iter().map(|(number, _)| *number).collect();
    let count = i64::try_from(numbers.len())?;
    ensure!(numbers == (1..=count).collect::<Vec<_>>(), "the log has gaps or repeats: {log:#?}");
    let printed = format!("building the shop that says {text}");
    ensure!(log.iter().any(|(_, line)| line.contains(&printed)), "{printed:?} is not in the log: {log:#?}");
    let mut errors = of_build("run_error").filter_map(|event| event.payload["log"].as_str().map(str::to_owned));
    ensure!(errors.any(|line| line.contains("the shop is built")), "standard error is not told as run_error");
    Ok(())
}

/// The log as `/api/v1` keeps it, fetched in two parts as a client does that fell behind.
async fn stored_log(world: &World, build: i64) -> Result<Vec<(i64, String)>> {
    let part = async |after: i64| -> Result<Vec<(i64, String)>> {
        let path = format!("/api/v1/builds/{build}/log?after={after}");
        let answer: Answer = world.ada.get(&path).await?;
        let answer = answer.expect(200)?;
        let lines = answer["lines"].as_array().with_context(|| format!("no lines in {answer}"))?;
        let line = |line: &serde_json::Value| Some((line["number"].as_i64()?, line["text"].as_str()?.to_owned()));
        lines.iter().map(|seen| line(seen).with_context(|| format!("not a line: {seen}"))).collect()
    };
    let mut all = part(0).await?;
    let tail = part(2).await?;
    ensure!(all.len() > 2 && all[2..] == tail[..], "the log after line 2 is {tail:?} of {all:?}");
    all.sort();
    Ok(all)
}
