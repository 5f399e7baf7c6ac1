//! Addresses that queue a build for whoever knows them.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use berth_model::{Access, BranchName, ProjectId, Role};
use berth_secrets::token_hash;
use serde_json::json;

use crate::harness::{App, ORIGIN_OF_BERTH};

fn call(path: &str, method: Method, body: &str) -> Request {
    Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn whoever_knows_the_address_queues_a_build() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    app.claim().await;
    let made = app.post("/api/v1/projects/1/deploy-hooks", Some(&ada), json!({"name": "nightly"})).await;
    let made = made.expect(StatusCode::CREATED);
    let path = made["url"].as_str().unwrap().strip_prefix(ORIGIN_OF_BERTH).unwrap().to_owned();
    let token = path.rsplit('/').next().unwrap();
    assert_eq!(token.len(), 43, "256 bits");
    let listed = app.get("/api/v1/projects/1/deploy-hooks", Some(&ada)).await;
    assert!(!listed.text.contains(token), "shown once");

    let built = app.send(call(&path, Method::POST, "any body, of no kind")).await.expect(StatusCode::CREATED);
    let build = app.get(&format!("/api/v1/builds/{}", built["build"]["id"]), Some(&ada)).await.json();
    assert_eq!(
        (&build["trigger"], &build["branch"], &build["status"]),
        (&json!("deploy_hook"), &json!("main"), &json!("queued"))
    );
    let again = app.send(call(&path, Method::POST, "")).await.expect(StatusCode::OK);
    assert_eq!(again["build"]["id"], built["build"]["id"], "one that waits is not doubled");
    let listed = app.get("/api/v1/projects/1/deploy-hooks", Some(&ada)).await.json();
    assert!(listed[0]["lastUsedAt"].is_string());

    let read = app.send(call(&path, Method::GET, "")).await;
    assert_eq!((read.status, read.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    app.send(call(&path, Method::POST, &"x".repeat(2 << 20))).await.expect(StatusCode::OK);
    app.send(call("/api/deploy-hooks/none", Method::POST, "")).await.expect(StatusCode::NOT_FOUND);

    let hook = format!("/api/v1/deploy-hooks/{}", made["id"]);
    app.call(Method::DELETE, &hook, Some(&ada), None).await.expect(StatusCode::NO_CONTENT);
    app.send(call(&path, Method::POST, "")).await.expect(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_loop_is_slowed_down() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    let made = app.post("/api/v1/projects/1/deploy-hooks", Some(&ada), json!({"name": "loop"})).await.json();
    let path = made["url"].as_str().unwrap().strip_prefix(ORIGIN_OF_BERTH).unwrap().to_owned();
    for _ in 0..60 {
        assert!(app.send(call(&path, Method::POST, "")).await.status.is_success());
    }
    let refused = app.send(call(&path, Method::POST, "")).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!refused.header("retry-after").is_empty());
}

#[tokio::test]
async fn another_branch_needs_previews() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    let new = json!({"name": "next", "branch": "next"});
    let made = app.post("/api/v1/projects/1/deploy-hooks", Some(&ada), new).await.expect(StatusCode::CREATED);
    let path = made["url"].as_str().unwrap().strip_prefix(ORIGIN_OF_BERTH).unwrap().to_owned();
    let refused = app.send(call(&path, Method::POST, "")).await.expect(StatusCode::CONFLICT);
    assert!(refused["message"].as_str().unwrap().contains("previews"));
    let on = json!({"previews": true});
    app.call(Method::PATCH, "/api/v1/projects/1", Some(&ada), Some(on)).await.expect(StatusCode::OK);
    let built = app.send(call(&path, Method::POST, "")).await.expect(StatusCode::CREATED);
    assert_eq!(built["build"]["branch"], "next");
    // Of one that was made before, each call says why, and leaves nothing.
    let access = Access::of(ada.id, Role::Member);
    let branch = BranchName::parse("pull/7").unwrap();
    let hash = token_hash("of-old");
    app.store.create_deploy_hook(access, ProjectId(1), "of old", Some(&branch), &hash).await.unwrap();
    let before = app.builds(&ada, 1).await;
    let refused = app.send(call("/api/deploy-hooks/of-old", Method::POST, "")).await.expect(StatusCode::CONFLICT);
    assert!(refused["message"].as_str().unwrap().contains("have no preview"), "{refused}");
    assert_eq!(app.builds(&ada, 1).await, before);
    for bad in [
        json!({}),
        json!({"name": " "}),
        json!({"name": "x", "branch": "-u"}),
        json!({"name": "x", "branch": "pull/7"}),
        json!({"name": "x", "token": "y"}),
    ] {
        let refused = app.post("/api/v1/projects/1/deploy-hooks", Some(&ada), bad.clone()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
    }
}
