//! Any deployment becomes production without a build, and goes back as easily, while people visit.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Answer, Database, Project, Site, World, eventually, number};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// A branch's deployment goes to production as it is, again and again, and no visitor gets anything else than one of
/// the two pages.
#[tokio::test(flavor = "multi_thread")]
async fn promotion_and_rollback_in_turns_fail_no_request() -> Result<()> {
    for database in [Database::Sqlite, Database::postgres()] {
        let world = World::open(&database, &[]).await?;
        let project = world.open_pages("swift", "The old page").await?;
        project.repo.say_on("next", "The next page")?;
        let build = number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])?;
        let branch = world.branch_site(&project, "next");
        world.sees(&branch, "The next page").await?;
        let old = number(&world.deployed(&project, project.first_build).await?["id"])?;
        let preview = world.deployed(&project, build).await?;
        let builds = world.list(&project, "builds").await?.len();
        let visitors = Visitors::come(&project.site, [&project.site, &branch]).await?;

        let mut promoted = Vec::new();
        for turn in 0..10 {
            // No quicker than visitors come, however quick the machine is.
            visitors.have_asked(23 * turn).await?;
            let live = promote(&world, &preview["id"]).await?.expect(200)?;
            ensure!(project.site.get("/").await?.body.contains("The next page"), "promotion {turn} did not take");
            promoted.push(live_deployment(&world, &project).await?);
            ensure!(live["status"] == "live" && live["environment"] == "production", "{live}");
            let back = format!("/api/v1/deployments/{old}/activate");
            world.ada.post(&back, &json!({})).await?.expect(200)?;
            ensure!(project.site.get("/").await?.body.contains("The old page"), "rollback {turn} did not take");
        }
        visitors.leave().await?;
        ensure!(world.list(&project, "builds").await?.len() == builds, "a promotion built something");
        for live in &promoted {
            ensure!(live["promotedFrom"] == preview["id"] && live["environment"] == "production", "{live}");
            ensure!(live["files"] == preview["files"] && live["bytes"] == preview["bytes"], "{live} of {preview}");
            ensure!(live["id"] != preview["id"] && live["url"] != preview["url"], "{live} of {preview}");
        }

        // What was promoted is production's own: it stays when the branch goes, and over a restart.
        promote(&world, &preview["id"]).await?.expect(200)?;
        world.github.delete_branch(&project.repo, "next").await?.expect(200)?;
        world.gone(&branch).await?;
        ensure!(project.site.get("/").await?.body.contains("The next page"), "production went with the branch");
        let live = live_deployment(&world, &project).await?;
        ensure!(world.site_at(&live["url"])?.get("/").await?.body.contains("The next page"), "{live}");
        let mut world = world;
        world.berth.kill_9()?;
        world.berth.restart().await?;
        ensure!(project.site.get("/").await?.body.contains("The next page"), "a restart undid the promotion");
        world.close().await?;
    }
    Ok(())
}

/// Visitors with connections that stay open, who know which pages there are.
struct Visitors {
    going: JoinSet<Result<()>>,
    done: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Visitors {
    async fn come(site: &Site, pages: [&Site; 2]) -> Result<Self> {
        let known = Arc::new([pages[0].get("/").await?.body, pages[1].get("/").await?.body]);
        let (done, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut going = JoinSet::new();
        for _ in 0..16 {
            let (site, known, done, asked) = (site.clone(), Arc::clone(&known), Arc::clone(&done), Arc::clone(&asked));
            going.spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    let page = site.get("/").await?;
                    ensure!(page.status == 200, "a visitor got {}", page.status);
                    ensure!(known.contains(&page.body), "a visitor got a mixture: {}", page.body);
                    asked.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok(())
            });
        }
        Ok(Self { going, done, asked })
    }

    /// Waits until they have got so many pages.
    async fn have_asked(&self, times: usize) -> Result<()> {
        let come = async || Ok((self.asked.load(Ordering::Relaxed) >= times).then_some(()));
        eventually("visitors come", Duration::from_secs(30), come).await
    }

    async fn leave(mut self) -> Result<()> {
        self.done.store(true, Ordering::Relaxed);
        while let Some(visitor) = self.going.join_next().await {
            visitor??;
        }
        let asked = self.asked.load(Ordering::Relaxed);
        ensure!(asked > 200, "only {asked} requests: no load worth the name");
        Ok(())
    }
}

/// What would be built otherwise in production is not promoted as it is: which keys differ is said, no value, and a
/// build for production is one word away.
#[tokio::test(flavor = "multi_thread")]
async fn what_production_would_build_otherwise_is_built_again() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("careful", "The old page").await?;
    let variables = json!({"variables": [
        {"key": "API_KEY", "value": "of-production-4711", "scope": "production"},
        {"key": "API_KEY", "value": "of-previews-0815", "scope": "preview"},
        {"key": "SHARED", "value": "the-same-for-both", "scope": "both"},
    ]});
    world.ada.put(&format!("/api/v1/projects/{}/variables", project.id), &variables).await?.expect(200)?;
    let listed = world.list(&project, "variables").await?;
    let scopes: Vec<_> = listed.iter().map(|one| (one["key"].as_str(), one["scope"].as_str())).collect();
    ensure!(scopes.len() == 3 && scopes.contains(&(Some("API_KEY"), Some("preview"))), "{scopes:?}");

    project.repo.say_on("next", "The next page")?;
    let build = number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])?;
    world.sees(&world.branch_site(&project, "next"), "The next page").await?;
    let preview = world.deployed(&project, build).await?;
    let refused = promote(&world, &preview["id"]).await?;
    let text = refused.text.clone();
    let refused = refused.expect(409)?;
    ensure!(refused["error"]["code"] == "promotion_needs_rebuild", "{refused}");
    ensure!(text.contains("API_KEY") && !text.contains("SHARED"), "{text}");
    ensure!(!text.contains("4711") && !text.contains("0815"), "a value is told: {text}");
    ensure!(project.site.get("/").await?.body.contains("The old page"));

    let path = format!("/api/v1/deployments/{}/promote", preview["id"]);
    let queued = world.ada.post(&path, &json!({"rebuild": true})).await?;
    ensure!((200..300).contains(&queued.status), "{queued:?}");
    world.sees(&project.site, "The next page").await?;
    let builds = world.list(&project, "builds").await?;
    ensure!(builds[0]["trigger"] == "promote" && builds[0]["environment"] == "production", "{}", builds[0]);
    ensure!(builds[0]["commit"]["hash"] == builds[1]["commit"]["hash"], "another commit was built: {builds:?}");
    let preview_is_there = world.branch_site(&project, "next").get("/").await?;
    ensure!(preview_is_there.body.contains("The next page"), "{preview_is_there:?}");

    // Once the difference is gone, nothing has to be built.
    for variable in &listed {
        world.ada.delete(&format!("/api/v1/variables/{}", variable["id"])).await?.expect(204)?;
    }
    project.repo.say("The page after it")?;
    let build = number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])?;
    world.sees(&world.branch_site(&project, "next"), "The page after it").await?;
    let preview = world.deployed(&project, build).await?;
    promote(&world, &preview["id"]).await?.expect(200)?;
    ensure!(project.site.get("/").await?.body.contains("The page after it"));
    world.close().await
}

/// Killed while it promotes, at moments of milliseconds: production is one page or the other, whole, and the promotion
/// that was asked for is carried out, or can be asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn killed_during_a_promotion_it_recovers() -> Result<()> {
    let mut world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("hardy", "The old page").await?;
    project.repo.say_on("next", "The next page")?;
    let build = number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])?;
    world.sees(&world.branch_site(&project, "next"), "The next page").await?;
    let old = number(&world.deployed(&project, project.first_build).await?["id"])?;
    let preview = world.deployed(&project, build).await?;
    for turn in 0..8_u64 {
        let wait = Duration::from_micros(RandomState::new().hash_one(turn) % 30_000);
        let url = format!("{}/api/v1/deployments/{}/promote", world.berth.origin(), preview["id"]);
        let request = world.berth.client().post(url).bearer_auth(&world.ada.token).json(&json!({"rebuild": false}));
        let asked = tokio::spawn(Answer::of(request));
        tokio::time::sleep(wait).await;
        world.berth.kill_9()?;
        let answered = asked.await?.is_ok_and(|answer| answer.status == 200);
        world.berth.restart().await?;
        let page = project.site.get("/").await?;
        let one_of_both = ["The old page", "The next page"].iter().any(|text| page.body.contains(text));
        ensure!(page.status == 200 && one_of_both, "killed after {wait:?}: {page:?}");
        ensure!(!answered || page.body.contains("The next page"), "answered, and undone by kill -9 after {wait:?}");
        promote(&world, &preview["id"]).await?.expect(200).with_context(|| format!("killed after {wait:?}"))?;
        ensure!(project.site.get("/").await?.body.contains("The next page"), "killed after {wait:?}");
        let deployments = world.list(&project, "deployments").await?;
        let live = deployments.iter().filter(|one| one["status"] == "live" && one["environment"] == "production");
        ensure!(live.count() == 1, "killed after {wait:?}: {deployments:?}");
        world.ada.post(&format!("/api/v1/deployments/{old}/activate"), &json!({})).await?.expect(200)?;
    }
    ensure!(world.branch_site(&project, "next").get("/").await?.body.contains("The next page"));
    world.close().await
}

async fn promote(world: &World, deployment: &Value) -> Result<Answer> {
    world.ada.post(&format!("/api/v1/deployments/{deployment}/promote"), &json!({"rebuild": false})).await
}

async fn live_deployment(world: &World, project: &Project) -> Result<Value> {
    let shown = world.ada.get(&format!("/api/v1/projects/{}", project.id)).await?.expect(200)?;
    Ok(shown["liveDeployment"].clone())
}
