//! Pushes to other branches and pull requests: what becomes a preview, what waits for approval, and what ends one.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{HEAD, deliver, pull_request, push, signed};
use crate::harness::{App, Person, repository};

async fn connected() -> (App, Person) {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    let on = json!({"previews": true});
    app.call(Method::PATCH, "/api/v1/projects/1", Some(&ada), Some(on)).await.expect(StatusCode::OK);
    (app, ada)
}

fn own() -> Value {
    repository("https://git.example.org/ada/shop")
}

/// Something happened to pull request 7; the word of the answer.
async fn ask(app: &App, action: &str, from: Value, head: &str) -> String {
    let answer = app.send(signed("pull_request", &pull_request(action, from, head), None)).await;
    assert!(answer.status.is_success(), "{}: {}", answer.status, answer.text);
    answer.json()["message"].as_str().unwrap().to_owned()
}

async fn builds_of(app: &App, ada: &Person, branch: &str) -> Vec<(String, String)> {
    let builds = app.get("/api/v1/projects/1/builds?limit=100", Some(ada)).await.json();
    let of_branch = builds.as_array().unwrap().iter().filter(|build| build["branch"] == branch).cloned();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    of_branch.map(|build| (text(&build["status"]), text(&build["trigger"]))).collect()
}

#[tokio::test]
async fn a_push_to_another_branch_builds_its_preview() {
    let (app, ada) = connected().await;
    let built = deliver(&app, json!({"ref": "refs/heads/greet"})).await.expect(StatusCode::CREATED);
    assert_eq!(built["build"]["branch"], "greet");
    let build = app.get("/api/v1/builds/2", Some(&ada)).await.json();
    assert_eq!((&build["environment"], &build["status"]), (&json!("preview"), &json!("queued")));
    let first = app.get("/api/v1/builds/1", Some(&ada)).await.json();
    assert_eq!(first["status"], "queued", "production's build still waits");
}

#[tokio::test]
async fn a_push_and_its_pull_request_are_one_build_whatever_comes_first() {
    for pull_request_first in [false, true] {
        let (app, ada) = connected().await;
        let open = async || ask(&app, "opened", own(), HEAD).await;
        let pushed = async || {
            let answer = app.send(signed("push", &push(json!({"ref": "refs/heads/greet"})), None)).await;
            answer.json()["message"].as_str().unwrap().to_owned()
        };
        let words = if pull_request_first { [open().await, pushed().await] } else { [pushed().await, open().await] };
        assert_eq!(words[0], "Build queued");
        assert_eq!(builds_of(&app, &ada, "greet").await.len(), 1, "pull request first: {pull_request_first}");
    }
}

#[tokio::test]
async fn a_new_head_of_an_own_branch_is_built_by_its_push() {
    let (app, ada) = connected().await;
    ask(&app, "opened", own(), HEAD).await;
    ask(&app, "synchronize", own(), &"2".repeat(40)).await;
    ask(&app, "edited", own(), HEAD).await;
    assert_eq!(builds_of(&app, &ada, "greet").await.len(), 1);
    deliver(&app, json!({"ref": "refs/heads/greet", "after": "2".repeat(40)})).await.expect(StatusCode::CREATED);
    assert_eq!(builds_of(&app, &ada, "greet").await.len(), 2);
}

#[tokio::test]
async fn a_pull_request_without_a_preview_gets_one_with_its_next_head() {
    let (app, ada) = connected().await;
    let two = "2".repeat(40);
    assert_eq!(ask(&app, "synchronize", own(), &two).await, "Build queued", "it was opened before previews were");
    deliver(&app, json!({"ref": "refs/heads/greet", "after": two})).await.expect(StatusCode::OK);
    assert_eq!(builds_of(&app, &ada, "greet").await.len(), 1);
    assert_eq!(ask(&app, "closed", own(), &two).await, "done", "the preview is known to be its");
}

#[tokio::test]
async fn a_fork_waits_for_approval_with_each_new_head() {
    let (app, ada) = connected().await;
    let fork = || repository("https://git.example.org/mallory/shop");
    assert_eq!(ask(&app, "opened", fork(), HEAD).await, "held");
    assert_eq!(ask(&app, "synchronize", fork(), &"2".repeat(40)).await, "held");
    let held = ("held".to_owned(), "pull_request".to_owned());
    let superseded = ("superseded".to_owned(), "pull_request".to_owned());
    assert_eq!(builds_of(&app, &ada, "pull/7").await, [held.clone(), superseded.clone()]);
    // Whoever deletes the fork does not become one of us.
    assert_eq!(ask(&app, "reopened", json!(null), &"3".repeat(40)).await, "held");
    assert_eq!(builds_of(&app, &ada, "pull/7").await, [held, superseded.clone(), superseded]);
    assert!(builds_of(&app, &ada, "greet").await.is_empty());
    let kept = app.get("/api/v1/projects/1/deliveries?limit=10", Some(&ada)).await.json();
    let reason = kept[1]["reason"].as_str().unwrap();
    assert!(reason.contains("a pull request from mallory/shop: approve it to build it"), "{reason}");
}

#[tokio::test]
async fn closing_the_pull_request_or_deleting_the_branch_ends_the_preview() {
    let (app, ada) = connected().await;
    ask(&app, "opened", own(), HEAD).await;
    assert_eq!(ask(&app, "closed", own(), HEAD).await, "done");
    assert_eq!(ask(&app, "closed", own(), HEAD).await, "ignored", "there is none any more");
    deliver(&app, json!({"ref": "refs/heads/next"})).await.expect(StatusCode::CREATED);
    let deleted = json!({"ref": "refs/heads/next", "deleted": true, "after": "0".repeat(40), "head_commit": null});
    assert_eq!(deliver(&app, deleted.clone()).await.expect(StatusCode::OK), json!({"message": "done"}));
    for branch in ["greet", "next"] {
        assert_eq!(builds_of(&app, &ada, branch).await[0].0, "canceled", "{branch}");
    }
    // A branch of that name is no fork's pull request.
    ask(&app, "opened", repository("https://git.example.org/mallory/shop"), HEAD).await;
    let named_like_it =
        json!({"ref": "refs/heads/pull/7", "deleted": true, "after": "0".repeat(40), "head_commit": null});
    deliver(&app, named_like_it).await.expect(StatusCode::OK);
    assert_eq!(builds_of(&app, &ada, "pull/7").await[0].0, "held");
}

#[tokio::test]
async fn without_previews_only_the_own_branch_counts() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    let answer = deliver(&app, json!({"ref": "refs/heads/greet"})).await.expect(StatusCode::OK);
    assert_eq!(answer, json!({"message": "ignored"}));
    for (action, from) in [("opened", own()), ("opened", json!(null)), ("closed", own())] {
        assert_eq!(ask(&app, action, from, HEAD).await, "ignored");
    }
    assert_eq!(app.builds(&ada, 1).await, 1);
    let kept = app.get("/api/v1/projects/1/deliveries", Some(&ada)).await.json();
    assert_eq!(kept[3]["reason"], "a push to greet; shop: previews are off");
}

#[tokio::test]
async fn a_pull_request_of_another_repository_concerns_nobody() {
    let (app, ada) = connected().await;
    let mut elsewhere = pull_request("opened", own(), HEAD);
    elsewhere["repository"] = repository("https://git.example.org/mallory/shop");
    app.send(signed("pull_request", &elsewhere, None)).await.expect(StatusCode::NOT_FOUND);
    assert_eq!(app.builds(&ada, 1).await, 1);
}
