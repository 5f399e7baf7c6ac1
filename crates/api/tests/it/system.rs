//! How the installation stands, and what builds may use.

use axum::http::StatusCode;
use serde_json::json;

use crate::harness::App;

#[tokio::test]
async fn what_is_wrong_comes_first_and_in_words() {
    let app = App::with_health(|_| {}, || async { Err("Docker does not answer at /run/docker.sock".to_owned()) }).await;
    let (admin, ada) = (app.admin().await, app.member("ada").await);
    app.create(&ada, "shop").await;
    let system = app.get("/api/v1/system", Some(&admin)).await.expect(StatusCode::OK);
    let problems = system["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0]["code"], "docker_unreachable");
    assert!(
        problems[0]["detail"].as_str().unwrap().starts_with("Docker does not answer at /run/docker.sock. Builds wait")
    );
    assert_eq!(system["docker"]["problem"], "Docker does not answer at /run/docker.sock");
    assert_eq!(system["queue"], json!({"running": 0, "queued": 1, "held": 0, "workers": 2}));
    assert_eq!((&system["database"], &system["startedAt"].is_string()), (&json!("sqlite"), &true));
    let limits = app.get("/api/v1/limits", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(limits, system["limits"]);
    assert_eq!((&limits["memoryBytes"], &limits["buildsAtOnceOfOne"]), (&json!(2_u64 << 30), &json!(1)));
}

#[tokio::test]
async fn a_hook_that_github_cannot_reach_is_told() {
    let app = App::with(|config| config.public_url = "http://localhost:8080".parse().unwrap()).await;
    let admin = app.admin().await;
    let system = app.get("/api/v1/system", Some(&admin)).await.expect(StatusCode::OK);
    assert_eq!(system["problems"][0]["code"], "hook_unreachable");
    let fine = App::start().await;
    let admin = fine.admin().await;
    assert_eq!(fine.get("/api/v1/system", Some(&admin)).await.json()["problems"], json!([]));
}
