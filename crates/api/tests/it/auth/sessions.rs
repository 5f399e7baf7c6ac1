//! One's own sessions and password.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use berth_api::ClientAddress;
use serde_json::json;

use crate::harness::{App, PASSWORD};

const HOME: [u8; 4] = [192, 0, 2, 1];

#[tokio::test]
async fn are_listed_as_their_owner_knows_them() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.register("bob").await;
    app.clock.advance(std::time::Duration::from_secs(60));
    let body = json!({"login": "admin@localhost", "password": PASSWORD}).to_string();
    let request = Request::post("/api/v1/sessions")
        .header("content-type", "application/json")
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/143.0")
        .extension(ClientAddress("::ffff:192.0.2.7".parse().unwrap()));
    app.send(request.body(Body::from(body)).unwrap()).await.expect(StatusCode::CREATED);
    let sessions = app.get("/api/v1/sessions", Some(&admin)).await.expect(StatusCode::OK);
    insta::assert_json_snapshot!(sessions, @r#"
    [
      {
        "address": "192.0.2.7",
        "createdAt": "2026-11-18T11:07:40.000Z",
        "current": false,
        "expiresAt": "2026-12-18T11:07:40.000Z",
        "id": 3,
        "lastUsedAt": "2026-11-18T11:07:40.000Z",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/143.0"
      },
      {
        "address": null,
        "createdAt": "2026-11-18T11:06:40.000Z",
        "current": true,
        "expiresAt": "2026-12-18T11:06:40.000Z",
        "id": 1,
        "lastUsedAt": "2026-11-18T11:06:40.000Z",
        "userAgent": null
      }
    ]
    "#);
}

#[tokio::test]
async fn all_others_end_at_once() {
    let app = App::start().await;
    let here = app.admin().await;
    let elsewhere = app.sign_in("admin@localhost", PASSWORD, HOME).await.person();
    let bob = app.register("bob").await;
    app.call(Method::DELETE, "/api/v1/sessions", Some(&here), None).await.expect(StatusCode::NO_CONTENT);
    app.get("/api/v1/me", Some(&elsewhere)).await.expect(StatusCode::UNAUTHORIZED);
    app.get("/api/v1/me", Some(&here)).await.expect(StatusCode::OK);
    app.get("/api/v1/me", Some(&bob)).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_other_sessions() {
    let app = App::start().await;
    let here = app.register("bob").await;
    let elsewhere = app.sign_in("bob", PASSWORD, HOME).await.person();
    let change = |old: &str, new: &str| {
        let body = json!({"oldPassword": old, "password": new});
        let (app, here) = (&app, here.clone());
        async move { app.call(Method::PUT, "/api/v1/me/password", Some(&here), Some(body)).await }
    };
    let wrong = change("wrong horse battery", "another horse battery").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let told = json!({"field": "oldPassword", "message": "this is not your password", "code": null});
    assert_eq!(wrong["error"]["fields"][0], told);
    for bad in ["short", "\0\0\0\0\0\0\0\0\0\0\0\0\0", &"é".repeat(513)] {
        let refused = change(PASSWORD, bad).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused["error"]["fields"][0]["field"], "password");
    }
    app.get("/api/v1/me", Some(&elsewhere)).await.expect(StatusCode::OK);
    let fresh = "'; DROP TABLE \"user\"; -- ☕";
    change(PASSWORD, fresh).await.expect(StatusCode::NO_CONTENT);
    app.get("/api/v1/me", Some(&elsewhere)).await.expect(StatusCode::UNAUTHORIZED);
    app.get("/api/v1/me", Some(&here)).await.expect(StatusCode::OK);
    app.sign_in("bob", PASSWORD, HOME).await.expect(StatusCode::UNAUTHORIZED);
    app.sign_in("bob", fresh, HOME).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn who_signs_in_with_github_has_no_password_to_change() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let body = json!({"oldPassword": PASSWORD, "password": "another horse battery"});
    let refused = app.call(Method::PUT, "/api/v1/me/password", Some(&ada), Some(body)).await;
    assert_eq!(refused.expect(StatusCode::CONFLICT)["error"]["code"], "no_password");
}

#[tokio::test]
async fn a_stolen_session_does_not_guess_the_password() {
    let app = App::start().await;
    let bob = app.register("bob").await;
    let body = json!({"oldPassword": "a guess of a guess", "password": "another horse battery"});
    let guess = || app.call(Method::PUT, "/api/v1/me/password", Some(&bob), Some(body.clone()));
    for _ in 0..10 {
        guess().await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    }
    guess().await.expect(StatusCode::TOO_MANY_REQUESTS);
}
