//! A site for every branch: beside production, at a host of its own, until the branch or its pull request is gone.

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, Project, World, number};
use serde_json::json;

/// The whole life of two branches and a pull request, while production stays as it is.
#[tokio::test(flavor = "multi_thread")]
async fn every_branch_has_a_site_of_its_own() -> Result<()> {
    for database in [Database::Sqlite, Database::postgres()] {
        let world = World::open(&database, &[]).await?;
        let project = world.open_pages("shop", "In production").await?;
        let (repo, github) = (&project.repo, &world.github);

        // Three branches, one of them as a pull request, with three pages at three hosts.
        let mut builds = Vec::new();
        for (branch, text) in [("feat/Cart", "The cart"), ("fix-logo", "The logo"), ("redesign", "All is new")] {
            repo.say_on(branch, text)?;
            builds.push(number(&github.deliver_push(repo).await?.expect(201)?["build"]["id"])?);
        }
        let (pull, _) = github.open_pull_request(repo, repo, "A redesign").await?;
        let sites = ["feat/Cart", "fix-logo", "redesign"].map(|branch| world.branch_site(&project, branch));
        for (site, text) in sites.iter().zip(["The cart", "The logo", "All is new"]) {
            world.sees(site, text).await?;
        }
        let [cart, logo, redesign] = &sites;
        ensure!(project.site.get("/").await?.body.contains("In production"), "a branch went to production");
        let previews = world.list(&project, "previews").await?;
        ensure!(previews.len() == 3, "{previews:?}");
        for (preview, site) in ["feat/Cart", "fix-logo", "redesign"].iter().zip(&sites) {
            let found = previews.iter().find(|shown| shown["branch"] == *preview).context("the preview is listed")?;
            ensure!(found["url"] == format!("http://{}", site.host), "{found}");
        }
        let shown = previews.iter().find(|shown| shown["branch"] == "redesign").context("the pull request's")?;
        ensure!(
            shown["pullRequest"]["number"] == pull.number && shown["pullRequest"]["title"] == "A redesign",
            "{shown}"
        );

        // Each deployment keeps its own address when the branch goes on.
        let first = world.deployed(&project, builds[0]).await?;
        ensure!(first["environment"] == "preview" && first["branch"] == "feat/Cart", "{first}");
        let first = world.site_at(&first["url"])?;
        repo.switch("feat/Cart")?;
        repo.say("The cart, larger")?;
        github.deliver_push(repo).await?.expect(201)?;
        world.sees(cart, "The cart, larger").await?;
        let still = first.get("/").await?;
        ensure!(still.body.contains("The cart") && !still.body.contains("larger"), "{still:?}");

        // The branch is deleted, the pull request closed: both sites go, and with them what was at their addresses.
        github.delete_branch(repo, "feat/Cart").await?.expect(200)?;
        github.close_pull_request(&pull).await?.expect(200)?;
        world.gone(cart).await?;
        world.gone(redesign).await?;
        world.gone(&first).await?;
        ensure!(logo.get("/").await?.body.contains("The logo"), "another branch's site went too");
        ensure!(project.site.get("/").await?.body.contains("In production"), "production went too");
        let left = open_branches(&world, &project).await?;
        ensure!(left == ["fix-logo"], "{left:?}");
        ensure!(cart.get("/").await?.body.contains("<html"), "there is no page that says that nothing is there");

        // One that somebody removes by hand goes at once, and comes back with its next push.
        let preview = world.list(&project, "previews").await?.remove(0);
        world.ada.delete(&format!("/api/v1/previews/{}", preview["id"])).await?.expect(204)?;
        world.gone(logo).await?;
        repo.switch("fix-logo")?;
        repo.say("The logo again")?;
        github.deliver_push(repo).await?.expect(201)?;
        world.sees(logo, "The logo again").await?;
        ensure!(project.site.get("/").await?.body.contains("In production"));
        world.close().await?;
    }
    Ok(())
}

/// What the project was told is what counts: without previews, a branch is heard and not built.
#[tokio::test(flavor = "multi_thread")]
async fn without_previews_a_branch_is_not_built() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("plain", "In production").await?;
    world.change(&project, json!({"previews": false})).await?;
    project.repo.say_on("feature", "Not to be seen")?;
    world.github.deliver_push(&project.repo).await?.expect(200)?;
    let (pull, answer) = world.github.open_pull_request(&project.repo, &project.repo, "A feature").await?;
    answer.expect(200)?;
    ensure!(world.list(&project, "builds").await?.len() == 1, "a branch was built without previews");
    ensure!(world.branch_site(&project, "feature").get("/").await?.status == 404);
    let deliveries = world.list(&project, "deliveries").await?;
    let heard = deliveries.iter().filter(|one| one["event"] == "pull_request" && one["verdict"] == "ignored");
    ensure!(heard.count() == 1, "the pull request is not in the inbox: {deliveries:?}");

    // Turned on, the next push builds it, and the pull request's news of the same commit nothing more.
    world.change(&project, json!({"previews": true})).await?;
    project.repo.say("To be seen now")?;
    world.github.deliver_push(&project.repo).await?.expect(201)?;
    world.github.synchronize(&pull).await?.expect(200)?;
    world.sees(&world.branch_site(&project, "feature"), "To be seen now").await?;
    world.close().await
}

/// `feat/a` and `feat-a` would have one host: the second gets another, and each stays what it is.
#[tokio::test(flavor = "multi_thread")]
async fn branches_of_like_names_have_different_hosts() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("twins", "In production").await?;
    for (branch, text) in [("feat/a", "With a slash"), ("feat-a", "With a hyphen"), ("FEAT/a", "Loud")] {
        project.repo.say_on(branch, text)?;
        world.github.deliver_push(&project.repo).await?.expect(201)?;
    }
    let previews = world.list(&project, "previews").await?;
    let mut hosts = Vec::new();
    for (branch, text) in [("feat/a", "With a slash"), ("feat-a", "With a hyphen"), ("FEAT/a", "Loud")] {
        let preview = previews.iter().find(|shown| shown["branch"] == branch).context("each is listed")?;
        let site = world.site_at(&preview["url"])?;
        world.sees(&site, text).await?;
        hosts.push(site.host);
    }
    ensure!(hosts[0] == world.branch_site(&project, "feat/a").host, "{hosts:?}");
    hosts.sort();
    hosts.dedup();
    ensure!(hosts.len() == 3, "{hosts:?}");
    world.close().await
}

/// Beyond the cap the one that was pushed longest ago goes, and production's releases are nobody's to push out.
#[tokio::test(flavor = "multi_thread")]
async fn the_cap_removes_what_was_pushed_longest_ago() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[("BERTH_PREVIEWS_PER_PROJECT", "2")]).await?;
    let project = world.open_pages("crowded", "The first release").await?;
    project.repo.say("The second release")?;
    let second = number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])?;
    world.live(&project, second).await?;
    let push = async |branch: &str, text: &str| -> Result<()> {
        project.repo.switch(branch)?;
        project.repo.say(text)?;
        world.github.deliver_push(&project.repo).await?.expect(201)?;
        world.sees(&world.branch_site(&project, branch), text).await
    };
    push("one", "First").await?;
    push("two", "Second").await?;
    push("one", "First again").await?;
    push("three", "Third").await?;
    world.gone(&world.branch_site(&project, "two")).await?;
    let mut left = open_branches(&world, &project).await?;
    left.sort();
    ensure!(left == ["one", "three"], "{left:?}");
    for version in 0..6 {
        push("three", &format!("Version {version}")).await?;
    }
    world.roll_back(second, project.first_build).await?;
    ensure!(project.site.get("/").await?.body.contains("The first release"), "previews pushed out a rollback");
    world.close().await
}

/// A preview that is being built when its branch goes never appears.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_deleted_during_its_build_never_appears() -> Result<()> {
    use berth_tests::{Shop, eventually};
    use std::time::Duration;
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("fleeting", &Shop::saying("In production")).await?;
    world.change(&project, json!({"previews": true})).await?;
    project.repo.switch("mayfly")?;
    Shop::saying("For a moment").slowly(30).publish(&project.repo)?;
    let build = number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])?;
    eventually("the build runs", Duration::from_secs(60), async || {
        Ok(world.log_text(build).await?.contains("second 1").then_some(()))
    })
    .await?;
    world.github.delete_branch(&project.repo, "mayfly").await?.expect(200)?;
    ensure!(world.ended(build).await? == "canceled", "{}", world.seen(build).await?);
    let docker = world.berth.docker()?;
    eventually("its container is gone", Duration::from_secs(30), async || {
        Ok(docker.containers()?.is_empty().then_some(()))
    })
    .await?;
    ensure!(world.branch_site(&project, "mayfly").get("/").await?.status == 404);
    ensure!(open_branches(&world, &project).await?.is_empty());
    ensure!(project.site.get("/").await?.body.contains("In production"));
    world.close().await
}

/// The branches that have a site now.
async fn open_branches(world: &World, project: &Project) -> Result<Vec<String>> {
    let previews = world.list(project, "previews").await?;
    previews.iter().map(|preview| preview["branch"].as_str().map(str::to_owned).context("a branch")).collect()
}
