//! From GitHub's lists to a site: what there is to be connected, how it would be built, and then it is live.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, Shop, Site, World, eventually, number};
use serde_json::{Value, json};

/// Three picks and a click.
#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_picked_looked_at_and_connected() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let (ada, github) = (&world.ada, &world.github);
    for name in ["other", "shop-api"] {
        github.repo_of("octo-org", name)?.say("Not this one")?;
    }
    let repo = github.repo_of("octo-org", "shop-web")?;
    Shop::saying("Picked").publish(&repo)?;
    for branch in ["feat/cart", "feat/logo", "next"] {
        repo.switch(branch)?;
        repo.push()?;
    }
    github.fork(&repo, "octo-org-fork")?;

    // Who, what, which.
    let names = |list: &Value, key: &str| -> Vec<String> {
        let all = list.as_array().into_iter().flatten();
        all.filter_map(|one| one[key].as_str().map(str::to_owned)).collect()
    };
    let ask = async |path: &str| ada.get(&format!("/api/v1/github/{path}")).await?.expect(200);
    let organizations = ask("organizations").await?;
    ensure!(names(&organizations["organizations"], "login").contains(&"octo-org".to_owned()), "{organizations}");
    let repos = ask("repositories?org=octo-org").await?;
    ensure!(names(&repos["repos"], "name") == ["shop-web", "shop-api", "other"], "the newest first: {repos}");
    let found = ask("repositories?org=octo-org&q=shop").await?;
    let mut searched = names(&found["repos"], "name");
    searched.sort();
    ensure!(searched == ["shop-api", "shop-web"], "{found}");
    let branches = ask("branches?repo=octo-org/shop-web").await?;
    ensure!(names(&branches["branches"], "name") == ["feat/cart", "feat/logo", "main", "next"], "{branches}");
    let branches = ask("branches?repo=octo-org/shop-web&q=feat/").await?;
    ensure!(names(&branches["branches"], "name") == ["feat/cart", "feat/logo"], "{branches}");

    // How it would be built, before it is.
    let picked = &repos["repos"][0];
    let choice = json!({"repoUrl": picked["repoUrl"], "branch": "main"});
    let seen = ada.post("/api/v1/detections", &choice).await?.expect(200)?;
    ensure!(seen["commit"]["hash"] == repo.head()?, "{seen}");
    let service = &seen["plan"]["services"][0];
    ensure!(service["buildCommand"]["value"] == "npm run build", "{seen}");

    // And so it is.
    let mut choice = choice;
    choice["name"] = json!("window");
    let made = ada.post("/api/v1/projects", &choice).await?.expect(201)?;
    let build = number(&made["build"]["id"])?;
    ensure!(world.ended(build).await? == "passed", "{}", world.log_text(build).await?);
    let built = world.seen(build).await?["plan"]["services"][0].clone();
    ensure!(built["buildCommand"] == service["buildCommand"], "{built} is not what was shown: {service}");
    let site = Site::of(&world.berth, "window");
    eventually("it is live", Duration::from_secs(60), async || {
        Ok(site.get("/").await?.body.contains("Picked").then_some(()))
    })
    .await?;
    let [hook] = &github.hooks()[..] else { anyhow::bail!("one hook, not {:?}", github.hooks()) };
    ensure!(hook.repo == "octo-org/shop-web" && hook.body["events"] == json!(["push", "pull_request"]), "{hook:?}");
    eventually("the hook was tried", Duration::from_secs(60), async || {
        let hook = github.hooks().into_iter().next().context("the hook")?;
        Ok((hook.last_response == 200).then_some(()))
    })
    .await?;
    world.close().await
}
