//! What is heard and not built, and why: nothing is silent, and everything can be heard again.

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, World, number};
use serde_json::json;

/// A commit that says so is not built, in production or in a preview, and that can be read where builds are.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_may_ask_not_to_be_built() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("quiet", "As it was").await?;
    let page = |text: &str| format!("<h1>{text}</h1>");
    for (number, mark) in ["[skip ci]", "[CI skip]", "[Skip Deploy]"].into_iter().enumerate() {
        let message = format!("Say it better\n\nNobody needs to see this yet. {mark}");
        project.repo.publish(&message, &[("index.html", &page(&format!("Draft {number}")))])?;
        let answer = world.github.deliver_push(&project.repo).await?.expect(200)?;
        let newest = world.newest_build(&project).await?;
        ensure!(newest["status"] == "skipped", "{mark}: {newest}, answered {answer}");
        let reason = newest["reason"].as_str().unwrap_or_default().to_lowercase();
        ensure!(reason.contains(&mark.to_lowercase()), "{mark}: {newest}");
    }
    ensure!(project.site.get("/").await?.body.contains("As it was"), "a skipped commit is live");
    let deliveries = world.list(&project, "deliveries").await?;
    let skipped = deliveries.iter().filter(|one| one["reason"].as_str().is_some_and(|why| why.contains("skip")));
    ensure!(skipped.count() == 3, "{deliveries:?}");

    // Said in a branch's commit, the branch gets no site; said in an earlier commit, it does not count.
    project.repo.switch("branch")?;
    project.repo.publish("Try it [skip ci]", &[("index.html", &page("Not yet"))])?;
    world.github.deliver_push(&project.repo).await?.expect(200)?;
    ensure!(world.branch_site(&project, "branch").get("/").await?.status == 404);
    project.repo.publish("Show it", &[("index.html", &page("Now"))])?;
    world.github.deliver_push(&project.repo).await?.expect(201)?;
    world.sees(&world.branch_site(&project, "branch"), "Now").await?;

    // Whoever wants it all the same rebuilds it.
    let skipped = world.list(&project, "builds").await?;
    let skipped = skipped.iter().find(|one| one["status"] == "skipped" && one["branch"] == "main");
    let id = &skipped.context("a skipped build")?["id"];
    let rebuilt = world.ada.post(&format!("/api/v1/builds/{id}/rebuild"), &json!({})).await?;
    ensure!((200..300).contains(&rebuilt.status), "{rebuilt:?}");
    world.sees(&project.site, "Draft 2").await?;
    world.close().await
}

/// In a repository of several projects, a push elsewhere is skipped in so many words.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_elsewhere_is_skipped_in_so_many_words() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let repo = world.github.repo("many")?;
    repo.publish("All of it", &[("apps/web/index.html", "<h1>The web</h1>"), ("docs/index.md", "# Docs")])?;
    let settings = json!({"buildCommand": "", "rootDirectory": "apps/web"});
    let project = world.connect_repo("many", repo, settings).await?;
    world.live(&project, project.first_build).await?;
    let repo = &project.repo;
    // What the hook has not announced before counts as new, and of a new branch nothing is known.
    world.github.deliver_push(repo).await?;

    repo.publish("Only words", &[("docs/index.md", "# Better docs")])?;
    world.github.deliver_push(repo).await?.expect(200)?;
    let skipped = world.newest_build(&project).await?;
    ensure!(skipped["status"] == "skipped", "{skipped}");
    ensure!(skipped["reason"].as_str().is_some_and(|why| why.contains("no change under apps/web")), "{skipped}");

    repo.publish("The web too", &[("apps/web/index.html", "<h1>The web, new</h1>")])?;
    world.github.deliver_push(repo).await?.expect(201)?;
    world.sees(&project.site, "The web, new").await?;

    // Patterns take the root directory's place.
    world.change(&project, json!({"watch": ["apps/web/**", "packages/*/src/**"]})).await?;
    repo.publish("A package", &[("packages/ui/src/button.css", "button { color: red }")])?;
    world.github.deliver_push(repo).await?.expect(201)?;
    repo.publish("Its words", &[("packages/ui/README.md", "Buttons")])?;
    world.github.deliver_push(repo).await?.expect(200)?;
    let skipped = world.newest_build(&project).await?;
    ensure!(skipped["status"] == "skipped", "{skipped}");
    let changed = world.change(&project, json!({"watch": null})).await?;
    ensure!(changed["watch"].is_null(), "{changed}");
    world.close().await
}

/// Each delivery is there with its verdict and why, and can be heard again.
#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_has_every_delivery_and_replays_it() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("post", "Version 1").await?;
    world.change(&project, json!({"previews": false})).await?;
    let (repo, github) = (&project.repo, &world.github);
    repo.say("Version 2")?;
    let build = number(&github.deliver_push(repo).await?.expect(201)?["build"]["id"])?;
    world.live(&project, build).await?;
    repo.say_on("feature", "A feature")?;
    github.deliver_push(repo).await?.expect(200)?;

    let inbox = world.list(&project, "deliveries").await?;
    let of = |event: &str, verdict: &str| {
        let found = inbox.iter().find(|one| one["event"] == event && one["verdict"] == verdict).cloned();
        found.with_context(|| format!("no {verdict} {event} in {inbox:?}"))
    };
    let (built, ignored) = (of("push", "accepted")?, of("push", "ignored")?);
    for one in [&built, &ignored] {
        ensure!(one["receivedAt"].is_string() && one["reason"].as_str().is_some_and(|why| !why.is_empty()), "{one}");
    }

    // Heard again with previews, the branch's push builds its preview.
    world.change(&project, json!({"previews": true})).await?;
    let again = world.ada.post(&format!("/api/v1/deliveries/{}/replay", ignored["id"]), &json!({})).await?;
    ensure!((200..300).contains(&again.status), "{again:?}");
    world.sees(&world.branch_site(&project, "feature"), "A feature").await?;
    let again = world.ada.post(&format!("/api/v1/deliveries/{}/replay", built["id"]), &json!({})).await?;
    ensure!((200..300).contains(&again.status), "{again:?}");
    let builds = world.list(&project, "builds").await?;
    let production = builds.iter().filter(|one| one["environment"] == "production").count();
    ensure!(production == 3, "{production} production builds after a replay: {builds:?}");

    // It is nobody else's.
    github.become_user("grace");
    let grace = berth_tests::Session::over_oauth(&world.berth, github).await?;
    grace.get(&format!("/api/v1/projects/{}/deliveries", project.id)).await?.expect(404)?;
    grace.post(&format!("/api/v1/deliveries/{}/replay", built["id"]), &json!({})).await?.expect(404)?;
    world.close().await
}
