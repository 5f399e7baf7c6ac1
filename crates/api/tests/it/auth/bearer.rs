//! Bearer tokens: what ends them, and where they are not read. What they may look like is tested beside `Jwt`.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::harness::{App, PASSWORD, sign_token, with_cookie};

#[tokio::test]
async fn a1_lasts_an_hour() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.clock.advance(Duration::from_secs(3_599));
    app.get("/api/v1/me", Some(&admin)).await.expect(StatusCode::OK);
    app.clock.advance(Duration::from_secs(1));
    let expired = app.get("/api/v1/me", Some(&admin)).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(expired["error"]["code"], "unauthorized");
    let legacy = app.get("/api/project/projects", Some(&admin)).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(legacy, json!({"message": "sign in first: no valid session or bearer token was sent"}));
}

#[tokio::test]
async fn a3_ends_with_its_session() {
    let app = App::start().await;
    let admin = app.admin().await;
    let other = app.sign_in("admin@localhost", PASSWORD, [192, 0, 2, 1]).await.person();
    let sessions = app.get("/api/v1/sessions", Some(&admin)).await.expect(StatusCode::OK);
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let id = sessions.iter().find(|session| session["current"] == false).unwrap()["id"].as_i64().unwrap();
    app.call(Method::DELETE, &format!("/api/v1/sessions/{id}"), Some(&admin), None)
        .await
        .expect(StatusCode::NO_CONTENT);
    app.get("/api/v1/me", Some(&other)).await.expect(StatusCode::UNAUTHORIZED);
    app.send(with_cookie(Method::GET, "/api/v1/me", &other.cookie)).await.expect(StatusCode::UNAUTHORIZED);
    app.get("/api/v1/me", Some(&admin)).await.expect(StatusCode::OK);
    let out = app.call(Method::DELETE, "/api/v1/sessions/current", Some(&admin), None).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    app.get("/api/v1/me", Some(&admin)).await.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_for_anothers_session_is_nobodys() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let sessions = app.get("/api/v1/sessions", Some(&ada)).await.json();
    let mixed = sign_token(&app.clock, bob.id, &sessions[0]["id"].to_string());
    let person = crate::harness::Person { bearer: mixed, ..bob };
    app.get("/api/v1/me", Some(&person)).await.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a4_not_in_an_address_and_not_twice() {
    let app = App::start().await;
    let admin = app.admin().await;
    for name in ["token", "access_token", "jwt", "authorization"] {
        let path = format!("/api/v1/me?{name}={}", admin.bearer);
        app.get(&path, None).await.expect(StatusCode::UNAUTHORIZED);
    }
    let bearer = format!("Bearer {}", admin.bearer);
    let twice = Request::get("/api/v1/me").header("authorization", &bearer).header("authorization", &bearer);
    app.send(twice.body(Body::empty()).unwrap()).await.expect(StatusCode::UNAUTHORIZED);
    let basic = Request::get("/api/v1/me").header("authorization", format!("Basic {}", admin.bearer));
    app.send(basic.body(Body::empty()).unwrap()).await.expect(StatusCode::UNAUTHORIZED);
}
