//! Invitations, from the making of a link to the account that it opens.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use berth_api::{ClientAddress, Signup};
use serde_json::{Value, json};

use crate::harness::{App, PASSWORD, token_of};

async fn closed() -> App {
    App::with(|config| config.signup = Signup::Closed).await
}

#[tokio::test]
async fn a_link_is_shown_once_and_opens_one_account() {
    let app = closed().await;
    let admin = app.admin().await;
    let made = app.post("/api/v1/invitations", Some(&admin), json!({"note": "for Grace"})).await;
    let made = made.expect(StatusCode::CREATED);
    let token = token_of(&made);
    insta::assert_json_snapshot!(made, {".url" => "[link]"}, @r#"
    {
      "invitation": {
        "createdAt": "2026-11-18T11:06:40.000Z",
        "createdBy": "admin@localhost",
        "expiresAt": "2026-11-25T11:06:40.000Z",
        "id": 1,
        "note": "for Grace",
        "passwordOf": null,
        "role": "member",
        "state": "pending",
        "usedAt": null,
        "usedBy": null
      },
      "url": "[link]"
    }
    "#);
    let listed = app.get("/api/v1/invitations", Some(&admin)).await;
    assert!(!listed.text.contains(&token), "only its hash is kept");

    let look = app.post("/api/v1/invitations/look", None, json!({"token": token})).await.expect(StatusCode::OK);
    let expires = made["invitation"]["expiresAt"].clone();
    assert_eq!(look, json!({"role": "member", "passwordOf": null, "expiresAt": expires, "github": true}));
    let guest = app.accept(&token, "Grace").await.person();
    let me = app.get("/api/v1/me", Some(&guest)).await.expect(StatusCode::OK);
    assert_eq!((&me["login"], &me["role"], &me["hasPassword"]), (&"grace".into(), &"member".into(), &true.into()));
    app.get("/api/v1/users", Some(&guest)).await.expect(StatusCode::FORBIDDEN);
    let listed = app.get("/api/v1/invitations", Some(&admin)).await.json();
    assert_eq!((&listed[0]["state"], &listed[0]["usedBy"]), (&"used".into(), &"grace".into()));
    app.sign_in("grace", PASSWORD, [192, 0, 2, 1]).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn an_administrator_can_be_invited() {
    let app = closed().await;
    let (token, _) = app.invite(&app.admin().await, json!({"role": "admin", "expiresInHours": 1})).await;
    let guest = app.accept(&token, "grace").await.person();
    app.get("/api/v1/users", Some(&guest)).await.expect(StatusCode::OK);
}

/// Used, run out, withdrawn, unknown, and a link of another kind: nobody can tell which.
#[tokio::test]
async fn every_dead_link_gets_the_same_answer() {
    let app = closed().await;
    let admin = app.admin().await;
    let (used, _) = app.invite(&admin, json!({})).await;
    app.accept(&used, "grace").await.person();
    let (revoked, id) = app.invite(&admin, json!({})).await;
    let path = format!("/api/v1/invitations/{id}");
    app.call(Method::DELETE, &path, Some(&admin), None).await.expect(StatusCode::NO_CONTENT);
    let (expired, _) = app.invite(&admin, json!({"expiresInHours": 1})).await;
    app.clock.advance(Duration::from_secs(3_600));
    let mut answers = Vec::new();
    for token in [used.as_str(), &revoked, &expired, "never-was", "'; DROP TABLE invitation; --", "☕", "a\0b"] {
        answers.push(app.post("/api/v1/invitations/look", None, json!({"token": token})).await);
        answers.push(app.accept(token, "eve").await);
    }
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (StatusCode::NOT_FOUND, &answers[0].text));
    }
    insta::assert_snapshot!(answers[0].text, @r#"{"error":{"code":"dead_link","message":"this link leads nowhere: it was used, has run out, was withdrawn, or is not complete; ask an administrator of this Berth for a new one, or sign in if you have an account"}}"#);
}

#[tokio::test]
async fn a_login_name_that_is_taken_leaves_the_link() {
    let app = closed().await;
    let (token, _) = app.invite(&app.admin().await, json!({})).await;
    let taken = app.accept(&token, "admin@localhost").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(taken["error"]["fields"][0]["field"], "login");
    app.accept(&token, "grace").await.person();
}

#[tokio::test]
async fn twenty_at_once_make_one_account() {
    let app = closed().await;
    let admin = app.admin().await;
    let (token, _) = app.invite(&admin, json!({})).await;
    let logins: Vec<_> = (0..20).map(|n| format!("guest-{n}")).collect();
    let answers = futures_util::future::join_all(logins.iter().map(|login| app.accept(&token, login))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 404, 429].contains(status)), "{statuses:?}");
    let users = app.get("/api/v1/users", Some(&admin)).await.json();
    assert_eq!(users.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_wrong_is_told_field_by_field() {
    let app = closed().await;
    let admin = app.admin().await;
    let refused = |answer: crate::harness::Answer, field: &str| {
        let body = answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(body["error"]["fields"][0]["field"], field, "{body}");
    };
    let bad: [(Value, &str); 9] = [
        (json!({"role": "owner"}), "role"),
        (json!({"role": "admin\0"}), "role"),
        (json!({"role": 1}), "role"),
        (json!({"note": "a\nb"}), "note"),
        (json!({"note": "nul \0"}), "note"),
        (json!({"note": "x".repeat(201)}), "note"),
        (json!({"expiresInHours": 0}), "expiresInHours"),
        (json!({"expiresInHours": 721}), "expiresInHours"),
        (json!({"expiresInHours": "7 OR 1=1"}), "expiresInHours"),
    ];
    for (body, field) in bad {
        refused(app.post("/api/v1/invitations", Some(&admin), body).await, field);
    }
    let odd = json!({"note": "'); DROP TABLE invitation; -- ☕ \u{202e}", "role": null, "expiresInHours": 720});
    app.post("/api/v1/invitations", Some(&admin), odd).await.expect(StatusCode::CREATED);
    let (token, _) = app.invite(&admin, json!({})).await;
    for login in ["", " ", "a b", "' OR 1=1 --", "ada\0", "ädä", &"a".repeat(255)] {
        refused(app.accept(&token, login).await, "login");
    }
    let without = app.post("/api/v1/invitations/accept", None, json!({"token": token, "password": PASSWORD})).await;
    refused(without, "login");
    let short = json!({"token": token, "login": "grace", "password": "short"});
    refused(app.post("/api/v1/invitations/accept", None, short).await, "password");
    app.accept(&token, "grace").await.person();
}

#[tokio::test]
async fn trying_links_is_slowed_down() {
    let app = closed().await;
    let (token, _) = app.invite(&app.admin().await, json!({})).await;
    let look = |path: &str, token: String| {
        let mut body = json!({"token": token});
        if path.ends_with("accept") {
            body["login"] = "eve".into();
            body["password"] = PASSWORD.into();
        }
        let body = body.to_string();
        let request = Request::post(path)
            .header("content-type", "application/json")
            .extension(ClientAddress([192, 0, 2, 9].into()));
        app.send(request.body(Body::from(body)).unwrap())
    };
    // Looking at a good link costs nothing.
    for _ in 0..60 {
        look("/api/v1/invitations/look", token.clone()).await.expect(StatusCode::OK);
    }
    for guess in 0..25 {
        look("/api/v1/invitations/look", format!("guess {guess}")).await.expect(StatusCode::NOT_FOUND);
        look("/api/v1/invitations/accept", format!("guess {guess}")).await.expect(StatusCode::NOT_FOUND);
    }
    let closed = look("/api/v1/invitations/accept", token).await;
    assert_eq!(closed.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(closed.header("retry-after"), "900");
}

#[tokio::test]
async fn another_sites_form_uses_no_link() {
    let app = closed().await;
    let (token, _) = app.invite(&app.admin().await, json!({})).await;
    let body = json!({"token": token, "login": "grace", "password": PASSWORD}).to_string();
    for (origin, status) in [("https://evil.example", 403), ("null", 403), ("http://berth.test:8080", 201)] {
        let request = Request::post("/api/v1/invitations/accept").header("content-type", "application/json");
        let request = request.header("origin", origin).body(Body::from(body.clone())).unwrap();
        assert_eq!(app.send(request).await.status.as_u16(), status, "{origin}");
    }
}

#[tokio::test]
async fn a_password_link_sets_one_password() {
    let app = App::start().await;
    let (admin, bob, ada) = (app.admin().await, app.register("bob").await, app.member("ada").await);
    let path = |who: &crate::harness::Person| format!("/api/v1/users/{}/password-link", who.id);
    let made = app.call(Method::POST, &path(&bob), Some(&admin), None).await.expect(StatusCode::CREATED);
    assert_eq!(made["invitation"]["passwordOf"], "bob");
    let token = token_of(&made);
    let look = app.post("/api/v1/invitations/look", None, json!({"token": token})).await.expect(StatusCode::OK);
    assert_eq!((&look["passwordOf"], &look["github"]), (&"bob".into(), &false.into()));
    let fresh = json!({"token": token, "password": "another horse battery"});
    let back = app.post("/api/v1/invitations/accept", None, fresh.clone()).await.person();
    assert_eq!(back.id, bob.id);
    app.get("/api/v1/me", Some(&bob)).await.expect(StatusCode::UNAUTHORIZED);
    app.get("/api/v1/me", Some(&back)).await.expect(StatusCode::OK);
    app.post("/api/v1/invitations/accept", None, fresh).await.expect(StatusCode::NOT_FOUND);
    app.sign_in("bob", PASSWORD, [192, 0, 2, 1]).await.expect(StatusCode::UNAUTHORIZED);
    app.call(Method::POST, &path(&ada), Some(&admin), None).await.expect(StatusCode::CONFLICT);
}
