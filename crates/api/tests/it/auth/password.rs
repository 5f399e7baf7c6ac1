//! Signing in with a password (A15).

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use serde_json::json;

use crate::harness::{App, PASSWORD};

const HOME: [u8; 4] = [192, 0, 2, 1];

#[tokio::test]
async fn the_right_password_only() {
    let app = App::start().await;
    app.admin().await;
    let person = app.sign_in("admin@localhost", PASSWORD, HOME).await.person();
    assert_eq!(app.get("/api/v1/me", Some(&person)).await.expect(StatusCode::OK)["login"], "admin@localhost");
    app.sign_in(" Admin@Localhost ", PASSWORD, HOME).await.expect(StatusCode::CREATED);
    let wrong = app.sign_in("admin@localhost", "wrong horse battery", HOME).await;
    let unknown = app.sign_in("nobody", PASSWORD, HOME).await;
    assert_eq!((wrong.status, unknown.status), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    assert_eq!(wrong.text, unknown.text, "an account that does not exist looks like one that does");
}

#[tokio::test]
async fn a_field_that_is_none_is_told() {
    let app = App::start().await;
    app.admin().await;
    let body = json!({"login": "admin@localhost", "password": PASSWORD, "remember": true});
    let refused = app.post("/api/v1/sessions", None, body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let told =
        json!([{"field": "remember", "message": "there is no such field; there are login, password", "code": null}]);
    assert_eq!(refused["error"]["fields"], told);
    let body = json!({"username": "admin@localhost", "password": PASSWORD});
    let refused = app.post("/api/v1/sessions", None, body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let fields: Vec<_> = refused["error"]["fields"].as_array().unwrap().iter().map(|told| &told["field"]).collect();
    assert_eq!(fields, ["login", "username"]);
}

#[tokio::test]
async fn a15_guessing_is_slowed_down_per_account() {
    let app = App::start().await;
    app.admin().await;
    for guess in 0..10 {
        let answer = app.sign_in("admin@localhost", "wrong horse battery", [192, 0, 2, guess]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let closed = app.sign_in("admin@localhost", PASSWORD, [192, 0, 2, 99]).await;
    assert_eq!(closed.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(closed.header("retry-after"), "900");
    app.clock.advance(std::time::Duration::from_secs(901));
    app.sign_in("admin@localhost", PASSWORD, HOME).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn another_sites_form_signs_nobody_in() {
    let app = App::start().await;
    app.admin().await;
    let body = json!({"login": "admin@localhost", "password": PASSWORD}).to_string();
    for (origin, status) in [("https://evil.example", 403), ("null", 403), ("http://berth.test:8080", 201)] {
        let request = Request::post("/api/v1/sessions").header("content-type", "application/json");
        let request = request.header("origin", origin).body(Body::from(body.clone())).unwrap();
        assert_eq!(app.send(request).await.status.as_u16(), status, "{origin}");
    }
}
