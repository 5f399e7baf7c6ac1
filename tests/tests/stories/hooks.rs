//! What tells Berth of pushes: GitHub's hook, which heals; a hook of a project's own, for any other host; and an address
//! that builds. `polling.rs` tells of hosts that do not tell.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Announcement, Answer, Database, GitServer, HostKind, Project, World, eventually};
use serde_json::{Value, json};

const OFTEN: (&str, &str) = ("BERTH_RECONCILE_EVERY", "1s");
const PATIENCE: Duration = Duration::from_secs(60);

/// Two projects of a repository share its hook; lost or altered, it is found and made good; the last project takes it
/// along.
#[tokio::test(flavor = "multi_thread")]
async fn githubs_hook_is_shared_and_heals() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[OFTEN]).await?;
    let first = world.open_pages("first", "One for two").await?;
    let second = world.connect_repo("second", first.repo.clone(), json!({"buildCommand": ""})).await?;
    let (repo, github) = (&first.repo, &world.github);
    world.live(&second, second.first_build).await?;
    let [hook] = &github.hooks()[..] else { anyhow::bail!("one hook for both, not {:?}", github.hooks()) };
    let original = hook.body.clone();
    let hears = async |text: &str| -> Result<()> {
        repo.say(text)?;
        github.deliver_push(repo).await?.heard()?;
        world.sees(&first.site, text).await?;
        world.sees(&second.site, text).await
    };
    hears("Heard by both").await?;

    // Somebody deletes it at GitHub.
    github.lose_hook(hook.id);
    let mended = |what: &'static str| {
        let original = original.clone();
        async move {
            eventually(what, PATIENCE, async || {
                let hooks = github.hooks();
                let good = |hook: &berth_tests::Hook| {
                    hook.body["config"] == original["config"]
                        && hook.body["active"] == true
                        && ["push", "pull_request"].iter().all(|event| {
                            hook.body["events"].as_array().is_some_and(|all| all.iter().any(|one| one == event))
                        })
                };
                Ok((hooks.len() == 1 && good(&hooks[0])).then_some(()))
            })
            .await
        }
    };
    mended("the lost hook is registered again").await?;
    hears("Heard by both again").await?;

    // Somebody turns it off, and takes events away.
    let id = github.hooks()[0].id;
    github.alter_hook(id, |body| {
        body["active"] = json!(false);
        body["events"] = json!(["push"]);
    });
    mended("the altered hook is as it was").await?;

    // Somebody changes the secret, which no API tells: its deliveries are refused, and that is what is noticed, unless it
    // was made good before.
    github.alter_hook(id, |body| body["config"]["secret"] = json!("somebody-elses-secret"));
    repo.say("Signed with something else")?;
    let answer = github.deliver_push(repo).await?;
    ensure!(answer.status == 401 || answer.heard().is_ok(), "neither refused nor heard");
    mended("the hook has our secret again").await?;
    hears("Signed as it should be").await?;

    // Repairing at once, by hand.
    github.lose_hook(github.hooks()[0].id);
    let path = format!("/api/v1/projects/{}/hook/repair", first.id);
    let shown = world.ada.post(&path, &json!({})).await?.expect(200)?;
    ensure!(github.hooks().len() == 1, "{:?}", github.hooks());
    ensure!(shown["hookId"] == github.hooks()[0].id && shown["problem"].is_null(), "{shown}");

    // The first project leaves the hook to the second, which takes it along.
    world.ada.delete(&format!("/api/v1/projects/{}", first.id)).await?.expect(204)?;
    ensure!(github.hooks().len() == 1, "the hook went while somebody needs it");
    world.ada.delete(&format!("/api/v1/projects/{}", second.id)).await?.expect(204)?;
    eventually("the hook is gone", PATIENCE, async || Ok(github.hooks().is_empty().then_some(()))).await?;
    world.close().await
}

/// Any host that signs as GitHub, Gitea or GitLab do tells a project of its pushes.
#[tokio::test(flavor = "multi_thread")]
async fn any_host_announces_pushes_to_a_hook_of_the_projects_own() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let host = GitServer::start(None).await?;
    let repo = host.repo("ada/elsewhere")?;
    repo.say("Version 0")?;
    let project = world.connect_repo("elsewhere", repo, json!({"buildCommand": ""})).await?;
    world.live(&project, project.first_build).await?;
    ensure!(world.github.hooks().is_empty(), "a hook at GitHub for a repository that is elsewhere");

    let hook = make_hook(&world, &project).await?;
    for (kind, text) in [
        (HostKind::Github, "Told as GitHub tells"),
        (HostKind::Gitea, "Told as Gitea tells"),
        (HostKind::Gitlab, "Told as GitLab tells"),
    ] {
        project.repo.say(text)?;
        let announced = Announcement::push(kind, &project.repo, &hook.secret)?;
        announced.send(&world.berth, &hook.url).await?.expect(201).with_context(|| format!("{kind:?}"))?;
        world.sees(&project.site, text).await?;
        let again = announced.send(&world.berth, &hook.url).await?.expect(200).with_context(|| format!("{kind:?}"))?;
        ensure!(again["message"] == "duplicate", "{kind:?}: {again}");
    }

    // A wrong secret builds nothing, and whoever set the host up wrongly finds it in the inbox.
    let before = world.list(&project, "builds").await?.len();
    project.repo.say("Nobody's word for it")?;
    for kind in [HostKind::Github, HostKind::Gitea, HostKind::Gitlab] {
        let forged = Announcement::push(kind, &project.repo, "not-the-secret")?;
        forged.send(&world.berth, &hook.url).await?.expect(401).with_context(|| format!("{kind:?}"))?;
    }
    ensure!(world.list(&project, "builds").await?.len() == before, "a forged delivery was built");
    let inbox = world.list(&project, "deliveries").await?;
    ensure!(inbox.iter().any(|one| one["verdict"] == "rejected"), "no refusal in {inbox:?}");
    ensure!(!json!(inbox).to_string().contains(&hook.secret), "the inbox tells the secret");

    // A new secret makes the old one worthless, and the address is shown without it.
    let renewed = make_hook(&world, &project).await?;
    ensure!(renewed.url == hook.url && renewed.secret != hook.secret, "the same secret again");
    let announce = async |secret: &str| {
        Announcement::push(HostKind::Gitea, &project.repo, secret)?.send(&world.berth, &hook.url).await
    };
    announce(&hook.secret).await?.expect(401)?;
    announce(&renewed.secret).await?.expect(201)?;
    world.sees(&project.site, "Nobody's word for it").await?;
    let shown = hook_of(&world, &project).await?;
    ensure!(shown["own"]["url"] == hook.url && shown["own"]["enabled"] == true, "{shown}");
    ensure!(!shown.to_string().contains(&renewed.secret), "{shown}");

    // The button that tries it; and without the hook, not even the right secret counts.
    let builds = world.list(&project, "builds").await?.len();
    let tried = world.ada.post(&format!("/api/v1/projects/{}/hook/test", project.id), &json!({})).await?;
    ensure!((200..300).contains(&tried.status), "{tried:?}");
    eventually("the test delivery is in the inbox", PATIENCE, async || {
        let inbox = world.list(&project, "deliveries").await?;
        Ok(inbox.iter().any(|one| one["event"] == "ping").then_some(()))
    })
    .await?;
    ensure!(world.list(&project, "builds").await?.len() == builds, "trying the hook built something");
    world.ada.delete(&format!("/api/v1/projects/{}/hook", project.id)).await?.expect(204)?;
    project.repo.say("Nobody listens")?;
    let refused = announce(&renewed.secret).await?;
    ensure!(matches!(refused.status, 401 | 404), "{refused:?}");
    let strange = Announcement::push(HostKind::Gitea, &project.repo, &renewed.secret)?;
    let elsewhere = format!("{}/api/hooks/4711", world.berth.origin());
    let strange = strange.send(&world.berth, &elsewhere).await?;
    ensure!(matches!(strange.status, 401 | 404), "{strange:?}");
    world.close().await
}

/// An address that builds for whoever knows it, until it is revoked.
#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_hook_builds_until_it_is_revoked() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("button", "Version 1").await?;
    let path = format!("/api/v1/projects/{}/deploy-hooks", project.id);
    let made = world.ada.post(&path, &json!({"name": "From the CMS"})).await?.expect(201)?;
    let url = made["url"].as_str().with_context(|| format!("no address in {made}"))?.to_owned();
    let listed = world.ada.get(&path).await?;
    let token = url.rsplit('/').next().context("a token")?;
    ensure!(!listed.text.contains(token), "the list tells the address again: {}", listed.text);
    ensure!(listed.expect(200)?[0]["name"] == "From the CMS");

    project.repo.say("Version 2")?;
    let pressed = press(&world, &url).await?.expect(201)?;
    ensure!(pressed["build"]["id"].is_i64() || pressed["build"].is_i64(), "{pressed}");
    world.sees(&project.site, "Version 2").await?;
    let build = &world.list(&project, "builds").await?[0];
    ensure!(build["trigger"] == "deploy_hook", "{build}");
    ensure!(!world.berth.log()?.contains(token), "the address is in Berth's own log");

    // One of a branch builds that branch's preview.
    project.repo.say_on("draft", "A draft")?;
    let draft = world.ada.post(&path, &json!({"name": "Drafts", "branch": "draft"})).await?.expect(201)?;
    press(&world, draft["url"].as_str().context("an address")?).await?.expect(201)?;
    world.sees(&world.branch_site(&project, "draft"), "A draft").await?;
    ensure!(project.site.get("/").await?.body.contains("Version 2"));

    world.ada.delete(&format!("/api/v1/deploy-hooks/{}", made["id"])).await?.expect(204)?;
    let before = world.list(&project, "builds").await?.len();
    press(&world, &url).await?.expect(404)?;
    press(&world, &format!("{}x", &url[..url.len() - 1])).await?.expect(404)?;
    ensure!(world.list(&project, "builds").await?.len() == before, "a revoked address builds");
    world.close().await
}

struct OwnHook {
    url: String,
    secret: String,
}

async fn make_hook(world: &World, project: &Project) -> Result<OwnHook> {
    let made = world.ada.put(&format!("/api/v1/projects/{}/hook", project.id), &json!({})).await?;
    ensure!(matches!(made.status, 200 | 201), "{made:?}");
    let text = |name: &str| made.json[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
    let hook = OwnHook { url: text("url")?, secret: text("secret")? };
    ensure!(hook.url == format!("{}/api/hooks/{}", world.berth.origin(), project.id), "{}", hook.url);
    Ok(hook)
}

async fn hook_of(world: &World, project: &Project) -> Result<Value> {
    world.ada.get(&format!("/api/v1/projects/{}/hook", project.id)).await?.expect(200)
}

/// Whoever knows the address needs nothing else.
async fn press(world: &World, url: &str) -> Result<Answer> {
    Answer::of(world.berth.client().post(url)).await
}
