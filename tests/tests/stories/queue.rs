//! Many pushes, the same push many times, and projects that go away in between.

use std::time::Duration;

use anyhow::{Result, ensure};
use berth_tests::{Answer, Berth, Database, Delivery, Session, Shop, Site, World, eventually, number};
use serde_json::json;
use tokio::task::JoinSet;

/// D6: ten pushes in a row → at most two builds run, and the last commit is live.
#[tokio::test(flavor = "multi_thread")]
async fn a_newer_push_supersedes_the_queued_ones() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("busy", &Shop::saying("Version 0")).await?;
    // All are there before the first is told of: on a busy machine ten pushes of git take longer than a build.
    let mut pushes = Vec::new();
    for version in 1..=10 {
        Shop::saying(&format!("Version {version}.")).slowly(3).publish(&project.repo)?;
        pushes.push(Delivery::push(&project.repo)?);
    }
    let mut builds = Vec::new();
    for push in &pushes {
        builds.push(number(&push.send(&world.berth).await?.expect(201)?["build"]["id"])?);
    }
    world.shows(&project, "Version 10.").await?;
    let mut ran = 0;
    for build in &builds {
        match world.ended(*build).await?.as_str() {
            "passed" => ran += 1,
            "superseded" => {}
            other => anyhow::bail!("build {build} of {builds:?} is {other}"),
        }
    }
    ensure!(ran <= 2, "{ran} of ten builds ran");
    ensure!(world.ended(builds[9]).await? == "passed", "the last push was not built");
    ensure!(project.site.get("/").await?.body.contains("Version 10."));
    world.close().await
}

/// D7, P5: many projects at once, by two people, on both databases: every one goes live and no request fails.
#[tokio::test(flavor = "multi_thread")]
async fn many_projects_at_once_all_go_live() -> Result<()> {
    for database in [Database::Sqlite, Database::postgres()] {
        let world = World::open(&database, &[("BERTH_BUILD_CONCURRENCY", "4")]).await?;
        let repo = world.github.repo("crowd")?;
        repo.publish("Plain files", &[("index.html", "<h1>One of many</h1>")])?;
        world.github.become_user("grace");
        let grace = Session::over_oauth(&world.berth, &world.github).await?;
        let mut connecting = JoinSet::new();
        for number in 0..24 {
            let person = if number % 2 == 0 { world.ada.clone() } else { grace.clone() };
            let name = format!("crowd-{number}");
            let body = json!({"name": name, "branch": "main", "repoUrl": repo.url, "buildCommand": ""});
            let site = Site::of(&world.berth, &name);
            connecting.spawn(async move { Ok::<_, anyhow::Error>((person.post("/api/project", &body).await?, site)) });
        }
        let mut sites = Vec::new();
        while let Some(connected) = connecting.join_next().await {
            let (answer, site) = connected??;
            answer.expect(201)?;
            sites.push(site);
        }
        ensure!(world.github.hooks().len() == 1, "one repository has one webhook, not {}", world.github.hooks().len());
        for site in sites {
            eventually(&format!("{} is live", site.host), Duration::from_secs(180), async || {
                Ok(site.get("/").await?.body.contains("One of many").then_some(()))
            })
            .await?;
        }
        world.close().await?;
    }
    Ok(())
}

/// W5: the same delivery a hundred times at once → one build.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_counts_once() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("echo", &Shop::saying("Before")).await?;
    let before = world.builds(&project).await?.len();
    Shop::saying("After").publish(&project.repo)?;
    let delivery = Delivery::push(&project.repo)?;
    let mut sent = JoinSet::new();
    for _ in 0..100 {
        sent.spawn(deliver(&world.berth, &delivery));
    }
    let mut accepted = 0;
    while let Some(answer) = sent.join_next().await {
        let answer = answer??;
        match answer.status {
            201 => accepted += 1,
            200 => ensure!(answer.json["message"] == "duplicate", "{answer:?}"),
            _ => anyhow::bail!("{answer:?}"),
        }
    }
    ensure!(accepted == 1, "{accepted} of 100 were accepted");
    world.shows(&project, "After").await?;
    ensure!(world.builds(&project).await?.len() == before + 1);
    world.close().await
}

fn deliver(berth: &Berth, delivery: &Delivery) -> impl Future<Output = Result<Answer>> + use<> {
    Answer::of(delivery.request(berth))
}

/// D8, N5: deleted during its build, a project is gone for good; its name is free and shows nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_project_deleted_during_its_build_never_comes_back() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let old = world.open_shop("phoenix", &Shop::saying("Ada's first")).await?;
    let build = world.push(&old, &Shop::saying("Ada's second").slowly(5)).await?;
    eventually("the build runs", Duration::from_secs(60), async || {
        Ok(world.log_text(build).await?.contains("second 1").then_some(()))
    })
    .await?;

    world.ada.delete(&format!("/api/project/projects/{}", old.id)).await?.expect(200)?;
    ensure!(old.site.get("/").await?.status == 404, "a deleted project is still served");
    let docker = world.berth.docker()?;
    let releases = world.berth.deployments().join(".releases").join(old.id.to_string());
    eventually("its container and files are gone", Duration::from_secs(15), async || {
        Ok((docker.containers()?.is_empty() && !releases.exists()).then_some(()))
    })
    .await?;

    // Somebody else takes the name before the old build would have ended.
    world.github.become_user("grace");
    let grace = World { ada: Session::over_oauth(&world.berth, &world.github).await?, ..world };
    let new =
        grace.connect("phoenix", &Shop::saying("Grace's own").slowly(6), json!({"outputDirectory": "dist"})).await?;
    eventually("the new site opens", Duration::from_secs(120), async || {
        let page = new.site.get("/").await?;
        ensure!(!page.body.contains("Ada's"), "the old owner's page is served under the new owner's name");
        Ok(page.body.contains("Grace's own").then_some(()))
    })
    .await?;
    ensure!(!releases.exists(), "the old project's files came back");
    grace.close().await
}
