//! What GitHub is told of commits and deployments, whatever is the matter with GitHub. `comments.rs` tells of pull requests.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, Limit, Session, World, eventually, number};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(150);

/// A commit's way to production is told from beginning to end.
#[tokio::test(flavor = "multi_thread")]
async fn a_commits_way_to_production_is_told() -> Result<()> {
    for database in [Database::Sqlite, Database::postgres()] {
        let world = World::open(&database, &[]).await?;
        let project = world.open_pages("shop", "In production").await?;
        let (repo, github) = (&project.repo, &world.github);
        let first = repo.head()?;
        let success = world.told(&project, &first, "success").await?;
        ensure!(success.target_url.is_some(), "{success:?}");
        let states = world.states_told(&project, &first);
        ensure!(states.first().is_none_or(|state| state == "pending" || state == "success"), "{states:?}");
        let deployment = world.deployment_told(&project, &first, "success").await?;
        ensure!(deployment.environment.starts_with("production"), "{deployment:?}");
        ensure!(deployment.production_environment == Some(true), "{deployment:?}");
        let url = deployment.statuses.last().and_then(|status| status.environment_url.clone());
        let url = url.context("the deployment has an address")?;
        ensure!(world.site_at(&json!(url))?.get("/").await?.body.contains("In production"), "{url}");

        // Its successor in production makes it inactive.
        let second = repo.say("In production still")?;
        github.deliver_push(repo).await?.expect(201)?;
        world.told(&project, &second, "success").await?;
        world.deployment_told(&project, &second, "success").await?;
        world.deployment_told(&project, &first, "inactive").await?;
        world.close().await?;
    }
    Ok(())
}

/// A build that fails says why, where the commit is.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_with_its_reason() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("broken", "In production").await?;
    world.change(&project, json!({"outputDirectory": "out"})).await?;
    let commit = project.repo.say("There is no such directory")?;
    let build = number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])?;
    ensure!(world.ended(build).await? == "failed");
    let failure = world.told(&project, &commit, "failure").await?;
    let title = world.failure(build).await?["title"].as_str().context("a title")?.to_owned();
    let description = failure.description.context("a description")?;
    let beginning: String = title.chars().take(40).collect();
    ensure!(description.contains(&beginning), "{description:?} of {title:?}");
    world.deployment_told(&project, &commit, "failure").await?;
    ensure!(!world.states_told(&project, &commit).contains(&"success".to_owned()));
    world.close().await
}

/// GitHub is down: what is pushed goes live all the same, and is told when GitHub is there again.
#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_github_was_down_is_told_afterwards() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("steady", "Before").await?;
    world.told(&project, &project.repo.head()?, "success").await?;
    world.github.go_down();
    let commit = project.repo.say("Meanwhile")?;
    world.github.deliver_push(&project.repo).await?.expect(201)?;
    world.sees(&project.site, "Meanwhile").await?;
    eventually("Berth has noticed", PATIENCE, async || {
        Ok((world.github.requests().iter().filter(|seen| seen.status == 502).count() >= 2).then_some(()))
    })
    .await?;
    ensure!(world.states_told(&project, &commit).is_empty());
    world.github.recover();
    world.told(&project, &commit, "success").await?;
    world.deployment_told(&project, &commit, "success").await?;
    world.close().await
}

/// GitHub has had enough: nobody knocks until the time that it named, and then everything is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_requests_is_respected() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("modest", "Before").await?;
    world.deployment_told(&project, &project.repo.head()?, "success").await?;
    for (limit, text) in
        [(Limit::Hourly(Duration::from_secs(6)), "By the hour"), (Limit::Burst(Duration::from_secs(6)), "At once")]
    {
        let before = world.github.requests().len();
        world.github.limit(limit);
        let commit = project.repo.say(text)?;
        world.github.deliver_push(&project.repo).await?.expect(201)?;
        world.sees(&project.site, text).await?;
        world.told(&project, &commit, "success").await?;
        world.deployment_told(&project, &commit, "success").await?;
        let requests = world.github.requests();
        let refused = requests[before..].iter().filter(|seen| matches!(seen.status, 403 | 429)).count();
        ensure!(refused <= 3, "{refused} requests although GitHub had said when: {:?}", &requests[before..]);
    }
    world.close().await
}

/// GitHub no longer knows the token: one refusal is enough, the owner reads what to do, and then it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_no_loop() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[("BERTH_RECONCILE_EVERY", "1s")]).await?;
    let project = world.open_pages("locked", "Before").await?;
    world.deployment_told(&project, &project.repo.head()?, "success").await?;
    world.github.revoke_token();
    let commit = project.repo.say("While locked out")?;
    world.github.deliver_push(&project.repo).await?.heard()?;
    eventually("the token was refused", PATIENCE, async || {
        Ok(world.github.requests().iter().any(|seen| seen.status == 401).then_some(()))
    })
    .await?;
    let refused = world.ada.get("/api/v1/github/repositories?org=octocat").await?;
    ensure!(refused.text.contains("github_reconnect"), "{refused:?}");
    // The branch's head is compared every second, and pushes come in: GitHub's API hears nothing of all that.
    let before = world.github.requests().len();
    for text in ["Locked out still", "Locked out yet"] {
        project.repo.say(text)?;
        world.github.deliver_push(&project.repo).await?.heard()?;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = world.github.requests();
    ensure!(after.len() <= before + 1, "it goes on knocking: {:?}", &after[before..]);
    ensure!(world.github.hooks().len() == 1, "the hook was touched");
    ensure!(project.site.get("/").await?.body.contains("Before"));
    ensure!(world.states_told(&project, &commit).is_empty());

    Session::over_oauth(&world.berth, &world.github).await?;
    world.ada.get("/api/v1/github/repositories?org=octocat").await?.expect(200)?;
    let commit = project.repo.say("With a new key")?;
    world.github.deliver_push(&project.repo).await?.heard()?;
    world.sees(&project.site, "With a new key").await?;
    world.told(&project, &commit, "success").await?;
    world.close().await
}
