//! The first administrator (A14).

use axum::http::StatusCode;
use serde_json::json;

use crate::harness::{App, PASSWORD, SETUP_TOKEN};

#[tokio::test]
async fn a14_the_first_visitor_owns_nothing() {
    let app = App::start().await;
    assert_eq!(
        app.get("/api/v1/setup", None).await.json(),
        json!({"done": false, "github": true, "registration": true})
    );
    let attempt = |token: &str| json!({"setupToken": token, "login": "eve", "password": PASSWORD});
    app.post("/api/v1/setup", None, attempt("a guess")).await.expect(StatusCode::FORBIDDEN);
    let made = app.post("/api/v1/setup", None, attempt(SETUP_TOKEN)).await.expect(StatusCode::CREATED);
    assert_eq!(made["user"]["role"], "admin");
    let again = app.post("/api/v1/setup", None, attempt(SETUP_TOKEN)).await.expect(StatusCode::CONFLICT);
    assert_eq!(again["error"]["message"], "this Berth is set up already; sign in instead");
    app.post("/api/v1/setup", None, attempt("a guess")).await.expect(StatusCode::CONFLICT);
    assert_eq!(app.get("/api/v1/setup", None).await.json()["done"], true);
}

#[tokio::test]
async fn the_email_serves_as_login_and_everything_wrong_is_told_at_once() {
    let app = App::start().await;
    let bad = json!({"setupToken": SETUP_TOKEN, "login": "a b", "password": "short"});
    let refused = app.post("/api/v1/setup", None, bad).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    insta::assert_json_snapshot!(refused, @r#"
    {
      "error": {
        "code": "invalid_inputs",
        "fields": [
          {
            "code": "login_form",
            "field": "login",
            "message": "a login name is made of letters a-z, digits and . _ - + @ (an e-mail address will do)"
          },
          {
            "code": "password_length",
            "field": "password",
            "message": "a password has 12 to 1024 characters"
          }
        ],
        "message": "Invalid inputs"
      }
    }
    "#);
    let good = json!({"setupToken": SETUP_TOKEN, "email": "admin@localhost", "password": PASSWORD});
    let made = app.post("/api/v1/setup", None, good).await.expect(StatusCode::CREATED);
    assert_eq!(made["user"]["login"], "admin@localhost");
    app.sign_in("admin@localhost", PASSWORD, [192, 0, 2, 1]).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn of_many_at_once_one_becomes_administrator() {
    let app = App::start().await;
    let attempt = |n: usize| {
        let body = json!({"setupToken": SETUP_TOKEN, "login": format!("admin{n}"), "password": PASSWORD});
        app.post("/api/v1/setup", None, body)
    };
    let (a, b, c) = tokio::join!(attempt(1), attempt(2), attempt(3));
    let mut statuses = [a, b, c].map(|answer| answer.status.as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
}
