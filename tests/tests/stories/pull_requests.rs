//! Pull requests: those of strangers wait for a click and learn nothing, those of one's own are the branch's.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, Repo, Session, World, eventually, number};
use serde_json::{Value, json};

/// A shop whose page tells which variables its build saw. What builds leave to each other is told in `build-engine`.
const TELL_ALL: &str = "import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
const seen = Object.fromEntries(['PLAIN_ONE', 'SECRET_ONE', 'PREVIEW_ONE', 'PRODUCTION_ONE'].map((key) =>
  [key, key.startsWith('SECRET') ? process.env[key] !== undefined : process.env[key] ?? null]));
seen.dotenv = existsSync('.env') ? readFileSync('.env', 'utf8').includes('SECRET_ONE') : false;
mkdirSync('dist', { recursive: true });
writeFileSync('dist/index.html', '<!doctype html><title>Shop</title><h1>' + TEXT + '</h1>');
writeFileSync('dist/seen.json', JSON.stringify(seen));
";

const PACKAGE: &str = r#"{
  "name": "shop", "version": "1.0.0", "private": true, "type": "module",
  "scripts": {
    "build": "node build.mjs"
  }
}
"#;

const LOCKFILE: &str = r#"{
  "name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
  "packages": { "": { "name": "shop", "version": "1.0.0" } }
}
"#;

fn publish(repo: &Repo, text: &str) -> Result<String> {
    let build = format!("const TEXT = {};\n", json!(text));
    // Imports come first in a module, wherever they stand.
    let build = build + TELL_ALL;
    repo.publish(text, &[("package.json", PACKAGE), ("package-lock.json", LOCKFILE), ("build.mjs", &build)])
}

/// The whole story of a pull request from a fork.
#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_pull_request_waits_for_a_click_and_learns_nothing() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let repo = world.github.repo("shop")?;
    publish(&repo, "In production")?;
    let settings = json!({"outputDirectory": "dist", "secrets": [{"key": "SECRET_ONE", "value": "hunter2hunter2"}]});
    let project = world.connect_repo("shop", repo, settings).await?;
    let variables = json!({"variables": [
        {"key": "PLAIN_ONE", "value": "for everybody", "kind": "plain", "scope": "both"},
        {"key": "PREVIEW_ONE", "value": "for previews", "kind": "plain", "scope": "preview"},
        {"key": "PRODUCTION_ONE", "value": "for production", "kind": "plain", "scope": "production"},
    ]});
    world.ada.put(&format!("/api/v1/projects/{}/variables", project.id), &variables).await?.expect(200)?;
    world.change(&project, json!({"previews": true})).await?;
    world.live(&project, project.first_build).await?;
    publish(&project.repo, "In production again")?;
    let second = number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])?;
    world.live(&project, second).await?;
    let ours = told(&project.site.get("/seen.json").await?.body)?;
    ensure!(ours["SECRET_ONE"] == true && ours["dotenv"] == true, "{ours}");
    ensure!(ours["PRODUCTION_ONE"] == "for production" && ours["PREVIEW_ONE"].is_null(), "{ours}");

    // The pull request is heard, shown and not built.
    let fork = world.github.fork(&project.repo, "mallory")?;
    fork.switch("nicer")?;
    publish(&fork, "Mallory was here")?;
    let (pull, _) = world.github.open_pull_request(&project.repo, &fork, "A nicer shop").await?;
    let held = world.newest_build(&project).await?;
    ensure!(held["status"] == "held" && held["environment"] == "preview", "{held}");
    ensure!(held["reason"].as_str().is_some_and(|reason| reason.contains("mallory/shop")), "{held}");
    let first = number(&held["id"])?;
    let site = world.branch_site(&project, &format!("pull/{}", pull.number));
    ensure!(site.get("/").await?.status == 404, "it is served before anybody agreed");

    // Others cannot agree to it, and a second commit is another thing to agree to.
    world.github.become_user("grace");
    let grace = Session::over_oauth(&world.berth, &world.github).await?;
    world.github.become_user("octocat");
    grace.post(&format!("/api/v1/builds/{first}/approve"), &json!({})).await?.expect(404)?;
    publish(&fork, "Mallory was here twice")?;
    world.github.synchronize(&pull).await?;
    let held = world.newest_build(&project).await?;
    ensure!(held["status"] == "held" && held["id"] != first, "{held}");
    ensure!(world.seen(first).await?["status"] == "superseded", "{}", world.seen(first).await?);
    ensure!(world.ada.post(&format!("/api/v1/builds/{first}/approve"), &json!({})).await?.status == 409);
    ensure!(world.log_text(first).await?.is_empty(), "something ran before anybody agreed");

    // She agrees: it is built, and knows what everybody may know.
    let agreed = number(&held["id"])?;
    world.ada.post(&format!("/api/v1/builds/{agreed}/approve"), &json!({})).await?.expect(200)?;
    world.sees(&site, "Mallory was here twice").await?;
    let theirs = told(&site.get("/seen.json").await?.body)?;
    ensure!(theirs["PLAIN_ONE"] == "for everybody" && theirs["PREVIEW_ONE"] == "for previews", "{theirs}");
    ensure!(theirs["SECRET_ONE"] == false && theirs["dotenv"] == false, "a stranger's build saw a secret: {theirs}");
    ensure!(theirs["PRODUCTION_ONE"].is_null(), "{theirs}");
    ensure!(!world.log_text(agreed).await?.contains("hunter2"));

    // Agreeing once is not agreeing for good; and what is closed is gone, held or not.
    publish(&fork, "Mallory was here three times")?;
    world.github.synchronize(&pull).await?;
    let held = world.newest_build(&project).await?;
    ensure!(held["status"] == "held", "a new commit was built unseen: {held}");
    ensure!(site.get("/").await?.body.contains("Mallory was here twice"), "what was agreed to went away");
    world.github.close_pull_request(&pull).await?.expect(200)?;
    world.gone(&site).await?;
    let last = world.seen(number(&held["id"])?).await?;
    ensure!(last["status"] == "canceled", "{last}");
    ensure!(project.site.get("/").await?.body.contains("In production again"));
    world.close().await
}

/// GitHub announces a commit twice, as a push and as a pull request, in whichever order: one build.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_and_its_pull_request_are_one_build() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("twice", "In production").await?;
    let (repo, github) = (&project.repo, &world.github);
    let of = async |branch: &str| -> Result<Vec<Value>> {
        let builds = world.list(&project, "builds").await?;
        Ok(builds.into_iter().filter(|build| build["branch"] == branch).collect())
    };

    // The push first.
    repo.say_on("first-push", "The push came first")?;
    github.deliver_push(repo).await?.expect(201)?;
    let (pull, answer) = github.open_pull_request(repo, repo, "Push first").await?;
    answer.expect(200)?;
    world.sees(&world.branch_site(&project, "first-push"), "The push came first").await?;
    ensure!(of("first-push").await?.len() == 1, "{:?}", of("first-push").await?);
    repo.say("The push came first again")?;
    github.deliver_push(repo).await?.expect(201)?;
    github.synchronize(&pull).await?.expect(200)?;
    world.sees(&world.branch_site(&project, "first-push"), "The push came first again").await?;
    ensure!(of("first-push").await?.len() == 2, "{:?}", of("first-push").await?);

    // The pull request first.
    repo.say_on("first-pull", "The pull request came first")?;
    let (pull, answer) = github.open_pull_request(repo, repo, "Pull request first").await?;
    answer.expect(201)?;
    github.deliver_push(repo).await?.expect(200)?;
    world.sees(&world.branch_site(&project, "first-pull"), "The pull request came first").await?;
    let builds = of("first-pull").await?;
    ensure!(builds.len() == 1 && builds[0]["pullRequest"]["number"] == pull.number, "{builds:?}");

    // Labels and the like build nothing; reopened, it has its site again.
    github.tell(&pull, "labeled", json!({"label": {"name": "nice"}})).await?.expect(200)?;
    ensure!(of("first-pull").await?.len() == 1);
    github.close_pull_request(&pull).await?.expect(200)?;
    world.gone(&world.branch_site(&project, "first-pull")).await?;
    github.reopen_pull_request(&pull).await?;
    world.sees(&world.branch_site(&project, "first-pull"), "The pull request came first").await?;
    world.close().await
}

fn told(text: &str) -> Result<Value> {
    serde_json::from_str(text).with_context(|| format!("not JSON: {text}"))
}

/// What waits for a click waits through a restart, and stays waiting.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_stays_held_over_kill_9() -> Result<()> {
    let database = Database::postgres();
    let mut world = World::open(&database, &[("BERTH_RECONCILE_EVERY", "1s")]).await?;
    let project = world.open_pages("patient", "In production").await?;
    let fork = world.github.fork(&project.repo, "mallory")?;
    fork.switch("patient")?;
    fork.say("Is anybody there?")?;
    let (pull, _) = world.github.open_pull_request(&project.repo, &fork, "Hello").await?;
    let held = world.newest_build(&project).await?;
    ensure!(held["status"] == "held", "{held}");
    world.berth.kill_9()?;
    world.berth.restart().await?;
    let build = number(&held["id"])?;
    // A push of our own is built meanwhile, so that the worker surely has looked.
    project.repo.say("In production again")?;
    world.github.deliver_push(&project.repo).await?.heard()?;
    world.sees(&project.site, "In production again").await?;
    ensure!(world.seen(build).await?["status"] == "held", "{}", world.seen(build).await?);

    // The fork is gone; what she agrees to is what her own repository shows of it.
    world.ada.post(&format!("/api/v1/builds/{build}/approve"), &json!({})).await?.expect(200)?;
    let site = world.branch_site(&project, &format!("pull/{}", pull.number));
    world.sees(&site, "Is anybody there?").await?;
    eventually("it is one build", Duration::from_secs(10), async || {
        let builds = world.list(&project, "builds").await?;
        Ok((builds.iter().filter(|one| one["environment"] == "preview").count() == 1).then_some(()))
    })
    .await?;
    world.close().await
}
