//! W5, W6, W9–W13, W17: what a push leads to.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{HEAD, deliver, push, signed};
use crate::harness::{App, Person, repository};

async fn connected() -> (App, Person) {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    (app, ada)
}

#[tokio::test]
async fn a_push_becomes_a_build_of_its_commit() {
    let (app, ada) = connected().await;
    let answer = deliver(&app, json!({})).await.expect(StatusCode::CREATED);
    insta::assert_json_snapshot!("push", answer);
    let build = app.get("/api/v1/builds/2", Some(&ada)).await.json();
    assert_eq!((&build["trigger"], &build["commit"]["hash"]), (&json!("push"), &json!(HEAD)));
    let first = app.get("/api/v1/builds/1", Some(&ada)).await.json();
    assert_eq!(first["status"], "superseded", "what still waited is not built");
}

#[tokio::test]
async fn w5_the_same_delivery_100_times_is_one_build() {
    let (app, ada) = connected().await;
    let app = Arc::new(app);
    let deliveries: Vec<_> = (0..100)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move { app.send(signed("push", &push(json!({})), Some("one"))).await })
        })
        .collect();
    let mut created = 0;
    for delivery in deliveries {
        let answer = delivery.await.unwrap();
        match answer.status {
            StatusCode::CREATED => created += 1,
            StatusCode::OK => assert_eq!(answer.json(), json!({"message": "duplicate"})),
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert_eq!((created, app.builds(&ada, 1).await), (1, 2));
}

#[tokio::test]
async fn w6_a_delivery_that_was_refused_can_be_sent_again() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.send(signed("push", &push(json!({})), Some("one"))).await.expect(StatusCode::NOT_FOUND);
    app.create(&ada, "shop").await;
    app.send(signed("push", &push(json!({})), Some("one"))).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn w9_what_asks_for_nothing_is_ignored() {
    let (app, ada) = connected().await;
    let nothing = [
        json!({"deleted": true, "after": "0".repeat(40), "head_commit": null}),
        json!({"ref": "refs/tags/v1"}),
        json!({"ref": "refs/heads/other"}),
    ];
    for change in nothing {
        let answer = deliver(&app, change).await.expect(StatusCode::OK);
        assert_eq!(answer, json!({"message": "ignored"}));
    }
    assert_eq!(app.builds(&ada, 1).await, 1);
    let new_branch = json!({"created": true, "commits": [], "head_commit": null});
    deliver(&app, new_branch).await.expect(StatusCode::CREATED);
    let build = app.get("/api/v1/builds/2", Some(&ada)).await.json();
    assert_eq!(build["commit"], json!({"hash": HEAD, "message": "", "author": "ada"}));
}

#[tokio::test]
async fn w10_a_force_push_builds_the_new_head() {
    let (app, ada) = connected().await;
    let head = "1".repeat(40);
    deliver(&app, json!({"forced": true, "after": head, "commits": []})).await.expect(StatusCode::CREATED);
    let build = app.get("/api/v1/builds/2", Some(&ada)).await.json();
    assert_eq!(build["commit"]["hash"], head);
}

#[tokio::test]
async fn w11_an_unknown_repository_learns_nothing() {
    let (app, _) = connected().await;
    let page = repository("https://git.example.org/ada/secret-plans");
    let answer = deliver(&app, json!({"repository": page})).await.expect(StatusCode::NOT_FOUND);
    assert_eq!(answer, json!({"message": "no project is connected to this repository"}));
}

#[tokio::test]
async fn w12_each_project_of_the_branch_and_root_directory_builds() {
    let (app, ada) = connected().await;
    let bob = app.member("bob").await;
    let new = |name: &str, branch: &str, root: Option<&str>| json!({"name": name, "branch": branch, "rootDirectory": root, "repoUrl": "https://git.example.org/Ada/Shop"});
    for (person, new) in [
        (&bob, new("theirs", "main", None)),
        (&ada, new("next", "next", None)),
        (&ada, new("web", "web", Some("apps/web"))),
        (&ada, new("docs", "web", Some("apps/docs"))),
    ] {
        app.post("/api/v1/projects", Some(person), new).await.expect(StatusCode::CREATED);
    }
    let projects = |answer: &Value| -> Vec<i64> {
        answer["builds"].as_array().unwrap().iter().map(|build| build["projectId"].as_i64().unwrap()).collect()
    };
    let both = deliver(&app, json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(projects(&both), [1, 2]);
    assert_eq!(both["build"], both["builds"][0]);
    let commits = json!([{"id": HEAD, "modified": ["apps/web/index.html"]}]);
    let one = deliver(&app, json!({"ref": "refs/heads/web", "commits": commits})).await.expect(StatusCode::CREATED);
    assert_eq!(projects(&one), [4], "the build of docs is there to say why it is none");
}

#[tokio::test]
async fn w13_the_payloads_clone_address_is_not_used() {
    let (app, ada) = connected().await;
    let mut lying = repository("https://git.example.org/ada/shop");
    lying["clone_url"] = json!("https://evil.example/x.git");
    deliver(&app, json!({"repository": lying})).await.expect(StatusCode::CREATED);
    let project = app.get("/api/v1/projects/1", Some(&ada)).await.json();
    assert_eq!(project["repoUrl"], "https://git.example.org/ada/shop.git");
    let elsewhere = json!({"full_name": "x/y", "html_url": "https://evil.example/x/y",
                           "clone_url": "https://git.example.org/ada/shop.git"});
    deliver(&app, json!({"repository": elsewhere})).await.expect(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn w17_every_delivery_is_kept_and_a_push_can_be_replayed() {
    let (app, ada) = connected().await;
    let bob = app.member("bob").await;
    app.send(signed("push", &push(json!({})), Some("one"))).await.expect(StatusCode::CREATED);
    app.send(signed("push", &push(json!({})), Some("one"))).await.expect(StatusCode::OK);
    deliver(&app, json!({"ref": "refs/tags/v1"})).await.expect(StatusCode::OK);
    let kept = app.get("/api/v1/projects/1/deliveries", Some(&ada)).await.json();
    let told: Vec<_> = kept
        .as_array()
        .unwrap()
        .iter()
        .map(|kept| format!("{} {}", kept["verdict"].as_str().unwrap(), kept["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(told, ["ignored not a branch", "duplicate accepted before", "accepted a push to main; shop: build #2"]);
    let replay = format!("/api/v1/deliveries/{}/replay", kept[2]["id"]);
    app.post(&replay, Some(&bob), json!({})).await.expect(StatusCode::NOT_FOUND);
    let again = app.post(&replay, Some(&ada), json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(again["builds"].as_array().unwrap().len(), 1);
    assert_eq!(app.builds(&ada, 1).await, 3);
}
