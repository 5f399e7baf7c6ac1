//! Deployments, and going back to one.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::harness::{App, Person};

/// A project with two deployments, the second one live.
async fn twice(app: &App) -> (Person, i64, i64) {
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    let (_, first) = app.work("shop").await;
    app.post("/api/v1/projects/1/builds", Some(&ada), json!({})).await.expect(StatusCode::CREATED);
    let (_, second) = app.work("shop").await;
    (ada, first.0, second.0)
}

#[tokio::test]
async fn the_contracts_bodies() {
    let app = App::start().await;
    let (ada, first, second) = twice(&app).await;
    let read = app.get(&format!("/api/deploy/deployments/{second}"), Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(app.get(&format!("/api/deploy/{second}"), Some(&ada)).await.json(), read);
    insta::assert_json_snapshot!("deployment", read);
    let retired = app.get(&format!("/api/deploy/{first}"), Some(&ada)).await.json();
    assert_eq!(retired["deployment"]["status"], "rolled_back");
}

#[tokio::test]
async fn d9_going_back_is_a_switch_without_a_build() {
    let app = App::start().await;
    let (ada, first, second) = twice(&app).await;
    app.start_activating();
    let builds = app.builds(&ada, 1).await;
    let path = format!("/api/deploy/rollback?latest={second}&prev={first}");
    let back = app.call(Method::PUT, &path, Some(&ada), None).await.expect(StatusCode::OK);
    insta::assert_json_snapshot!("rolled_back", back);
    assert_eq!(app.builds(&ada, 1).await, builds);
    let live = app.get("/api/v1/projects/1", Some(&ada)).await.json();
    assert_eq!(live["liveDeployment"]["id"], first);
    let left = app.get(&format!("/api/v1/deployments/{second}"), Some(&ada)).await.json();
    assert_eq!(left["status"], "rolled_back");
    let again = app.call(Method::PUT, &path, Some(&ada), None).await.expect(StatusCode::BAD_REQUEST);
    assert_eq!(again["message"], "prev is live already");
    let path = format!("/api/v1/deployments/{second}/activate");
    let forth = app.post(&path, Some(&ada), json!({})).await.expect(StatusCode::OK);
    assert_eq!((&forth["id"], &forth["status"]), (&json!(second), &json!("live")));
}

#[tokio::test]
async fn files_that_are_gone_are_built_again_on_the_contracts_route() {
    let app = App::start().await;
    let (ada, first, second) = twice(&app).await;
    app.store.release_pruned(first.into()).await.unwrap();
    let path = format!("/api/deploy/rollback?latest={second}&prev={first}");
    let back = app.call(Method::PUT, &path, Some(&ada), None).await.expect(StatusCode::OK);
    assert_eq!((&back["build"]["status"], &back["build"]["id"]), (&json!("queued"), &json!(3)));
    let path = format!("/api/v1/deployments/{first}/activate");
    app.post(&path, Some(&ada), json!({})).await.expect(StatusCode::CONFLICT);
}

#[tokio::test]
async fn z2_deployments_of_different_projects_do_not_mix() {
    let app = App::start().await;
    let (ada, first, _) = twice(&app).await;
    app.create(&ada, "docs").await;
    let (_, docs) = app.work("docs").await;
    let path = format!("/api/deploy/rollback?latest={docs}&prev={first}");
    app.call(Method::PUT, &path, Some(&ada), None).await.expect(StatusCode::BAD_REQUEST);
    app.call(Method::PUT, "/api/deploy/rollback?latest=1", Some(&ada), None).await.expect(StatusCode::BAD_REQUEST);
}
