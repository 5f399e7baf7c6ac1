//! `/health` lives, `/health/ready` says what does not work.

use axum::http::StatusCode;
use serde_json::json;

use crate::harness::App;

#[tokio::test]
async fn alive_and_ready() {
    let app = App::start().await;
    assert_eq!(app.get("/health", None).await.expect(StatusCode::OK), json!({"message": "OK"}));
    assert!(app.get("/api", None).await.expect(StatusCode::OK)["message"].is_string());
    assert_eq!(app.get("/health/ready", None).await.expect(StatusCode::OK)["message"], "ready");
}

#[tokio::test]
async fn a_part_that_does_not_work_is_named() {
    let app = App::with_health(|_| {}, || async { Err("Docker does not answer at /var/run/docker.sock".into()) }).await;
    let answer = app.get("/health/ready", None).await.expect(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer["message"], "Docker does not answer at /var/run/docker.sock");
    assert_eq!(answer["parts"]["database"], json!({"ok": true}));
    app.get("/health", None).await.expect(StatusCode::OK);
}
