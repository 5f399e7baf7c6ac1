//! Every payload that GitHub documents by example, signed and sent.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use berth_tests::{Answer, Database, Delivery, World};
use serde_json::{Value, json};

/// None answers 5xx; only a branch's push or a pull request of the connected repository builds.
#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_github_is_understood_or_left_alone() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let repo = world.github.repo_of("Codertocat", "Hello-World")?;
    repo.say("Hello, world")?;
    let project = world.connect_repo("hello", repo, json!({"buildCommand": ""})).await?;
    world.change(&project, json!({"previews": true})).await?;
    world.live(&project, project.first_build).await?;
    let newest = async || -> Result<Value> {
        let path = format!("/api/v1/projects/{}/builds?limit=1", project.id);
        Ok(world.ada.get(&path).await?.expect(200)?[0]["id"].clone())
    };

    let (mut sent, mut built, mut wrong) = (0, Vec::new(), Vec::new());
    let mut before = newest().await?;
    for (event, payload) in examples(&world.github.url)? {
        let answer = send(&world, &event, &payload).await?;
        sent += 1;
        let what = format!("{event} {} {}", payload["action"], payload["ref"]);
        if answer.status >= 500 {
            wrong.push(format!("{what}: {} {}", answer.status, answer.text));
        }
        let after = newest().await?;
        if after != before {
            built.push(what.clone());
            if !may_build(&event, &payload) {
                wrong.push(format!("{what} built {after}"));
            }
        }
        before = after;
    }
    ensure!(wrong.is_empty(), "{} of {sent} went wrong: {wrong:#?}", wrong.len());
    ensure!(sent == 329, "there are {sent} examples");
    ensure!(built.iter().any(|what| what.starts_with("push")), "no push was built: {built:?}");
    ensure!(built.iter().any(|what| what.starts_with("pull_request")), "no pull request was built: {built:?}");
    ensure!(world.berth.log()?.lines().all(|line| !line.contains("panicked")), "it panicked");
    ensure!(project.site.get("/").await?.body.contains("Hello, world"), "an example went to production");
    world.close().await
}

/// The events and payloads of `@octokit/webhooks-examples`, about repositories at `url` instead of GitHub.
fn examples(url: &str) -> Result<Vec<(String, Value)>> {
    let file = "js/node_modules/@octokit/webhooks-examples/api.github.com/index.json";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("{} is missing: run `make set-up-tests`", file.display()))?;
    let all: Value = serde_json::from_str(&text.replace("https://github.com/", &format!("{url}/")))?;
    let mut examples = Vec::new();
    for event in all.as_array().context("a list of events")? {
        let name = event["name"].as_str().context("a name")?;
        for payload in event["examples"].as_array().context("a list of examples")? {
            examples.push((name.to_owned(), payload.clone()));
        }
    }
    Ok(examples)
}

fn may_build(event: &str, payload: &Value) -> bool {
    let ours = payload["repository"]["full_name"] == "Codertocat/Hello-World";
    let branch = payload["ref"].as_str().is_some_and(|name| name.starts_with("refs/heads/"));
    ours && match event {
        "push" => branch && payload["deleted"] != true,
        "pull_request" => ["opened", "reopened", "synchronize"].iter().any(|action| payload["action"] == *action),
        _ => false,
    }
}

async fn send(world: &World, event: &str, payload: &Value) -> Result<Answer> {
    Delivery::of(event, payload).send(&world.berth).await
}
