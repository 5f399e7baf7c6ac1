//! What a pull request is told: its status, a deployment of its own, and one comment, whatever happens.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Comment, Database, PullRequest, World, eventually};

const PATIENCE: Duration = Duration::from_secs(150);

/// A pull request's way is told from beginning to end.
#[tokio::test(flavor = "multi_thread")]
async fn a_pull_requests_way_is_told() -> Result<()> {
    for database in [Database::Sqlite, Database::postgres()] {
        let world = World::open(&database, &[]).await?;
        let project = world.open_pages("shop", "In production").await?;
        let (repo, github) = (&project.repo, &world.github);
        let first = repo.head()?;
        let deployment = world.deployment_told(&project, &first, "success").await?;

        // A pull request has a status, a deployment of its own environment, and one comment.
        let third = repo.say_on("redesign", "All is new")?;
        github.deliver_push(repo).await?.expect(201)?;
        let (pull, _) = github.open_pull_request(repo, repo, "A redesign").await?;
        let site = world.branch_site(&project, "redesign");
        world.sees(&site, "All is new").await?;
        let success = world.told(&project, &third, "success").await?;
        let target = success.target_url.context("an address")?;
        ensure!(!target.is_empty(), "no address");
        let preview = world.deployment_told(&project, &third, "success").await?;
        ensure!(preview.environment != deployment.environment, "{preview:?}");
        ensure!(preview.transient_environment && preview.production_environment != Some(true), "{preview:?}");
        let comment = one_comment(&world, &pull, &[&third[..7], &site.host]).await?;

        // What goes on is written into it.
        let fourth = repo.say("All is newer")?;
        github.deliver_push(repo).await?.expect(201)?;
        github.synchronize(&pull).await?.expect(200)?;
        world.sees(&site, "All is newer").await?;
        let again = one_comment(&world, &pull, &[&fourth[..7], &site.host]).await?;
        ensure!(again.id == comment.id && again.edits > comment.edits, "{again:?} after {comment:?}");

        // Closed, the preview is gone, and GitHub knows.
        github.close_pull_request(&pull).await?.expect(200)?;
        world.gone(&site).await?;
        world.deployment_told(&project, &fourth, "inactive").await?;
        world.deployment_told(&project, &first, "success").await?;
        world.close().await?;
    }
    Ok(())
}

/// Killed at random moments, it still leaves one comment, and the last word is right.
#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_comment_whatever_happens() -> Result<()> {
    use std::hash::{BuildHasher, RandomState};
    let mut world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("chatty", "In production").await?;
    project.repo.say_on("topic", "Version 0")?;
    world.github.deliver_push(&project.repo).await?.expect(201)?;
    let (pull, _) = world.github.open_pull_request(&project.repo, &project.repo, "A topic").await?;
    let mut commit = project.repo.head()?;
    for version in 1..=6_u64 {
        let wait = Duration::from_millis(RandomState::new().hash_one(version) % 700);
        tokio::time::sleep(wait).await;
        world.berth.kill_9()?;
        world.berth.restart().await?;
        commit = project.repo.say(&format!("Version {version}"))?;
        world.github.deliver_push(&project.repo).await?.heard()?;
        world.github.synchronize(&pull).await?.expect(200)?;
    }
    let site = world.branch_site(&project, "topic");
    world.sees(&site, "Version 6").await?;
    one_comment(&world, &pull, &[&commit[..7], &site.host]).await?;
    world.told(&project, &commit, "success").await?;
    let deployment = world.deployment_told(&project, &commit, "success").await?;
    let twice = world.github.deployments(&project.repo).into_iter().filter(|one| one.commit == commit).count();
    ensure!(twice == 1, "{twice} deployments of {deployment:?}");
    world.close().await
}

/// Waits until the pull request's comment names all of this; there must never be two.
async fn one_comment(world: &World, pull: &PullRequest, texts: &[&str]) -> Result<Comment> {
    let mut last = Vec::new();
    let what = format!("a comment names {texts:?}");
    let found = eventually(&what, PATIENCE, async || {
        last = world.github.comments(pull);
        ensure!(last.len() <= 1, "more than one comment: {last:#?}");
        Ok(last.first().filter(|comment| texts.iter().all(|text| comment.body.contains(text))).cloned())
    });
    found.await.map_err(|error| error.context(format!("the comments are {last:#?}")))
}
