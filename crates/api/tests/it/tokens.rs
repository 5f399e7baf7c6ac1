//! API tokens: made, used, run out, revoked; and what they cannot do.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{App, Person};

impl App {
    /// A program with an API token of somebody's, and the token's number.
    pub(crate) async fn program(&self, owner: &Person, project: Option<i64>) -> (Person, i64) {
        let made = self.post("/api/v1/tokens", Some(owner), json!({"name": "ci", "projectId": project})).await;
        let made = made.expect(StatusCode::CREATED);
        let bearer = made["token"].as_str().unwrap().to_owned();
        (Person { bearer, ..owner.clone() }, made["id"].as_i64().unwrap())
    }
}

#[tokio::test]
async fn a_token_is_shown_once_and_tells_of_its_use() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let made = app.post("/api/v1/tokens", Some(&ada), json!({"name": " nightly "})).await.expect(StatusCode::CREATED);
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("berth_") && token.len() == 38, "{token}");
    assert_eq!(
        (&made["name"], &made["lastUsedAt"], &made["expiresAt"]),
        (&json!("nightly"), &Value::Null, &Value::Null)
    );
    let program = Person { bearer: token.to_owned(), ..ada.clone() };
    app.get("/api/v1/projects", Some(&program)).await.expect(StatusCode::OK);
    let listed = app.get("/api/v1/tokens", Some(&ada)).await;
    assert!(!listed.text.contains(token));
    let listed = listed.json();
    assert_eq!(listed[0]["hint"], &token[..10]);
    assert!(listed[0]["lastUsedAt"].is_string(), "{listed}");

    let events = app.store.events_after(berth_model::EventId(0), 1_000).await.unwrap();
    let told = serde_json::to_string(&events).unwrap();
    assert!(told.contains("api_token_created") && !told.contains(token));
    let path = format!("/api/v1/tokens/{}", made["id"]);
    app.call(Method::DELETE, &path, Some(&ada), None).await.expect(StatusCode::NO_CONTENT);
    let refused = app.get("/api/v1/projects", Some(&program)).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(refused["error"]["code"], "api_token_refused");
    app.call(Method::DELETE, &path, Some(&ada), None).await.expect(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_token_runs_out() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let make = async |body: Value| app.post("/api/v1/tokens", Some(&ada), body).await;
    let made = make(json!({"name": "short", "expiresIn": 600})).await.expect(StatusCode::CREATED);
    let program = Person { bearer: made["token"].as_str().unwrap().to_owned(), ..ada.clone() };
    app.get("/api/v1/me", Some(&program)).await.expect(StatusCode::OK);
    app.clock.advance(Duration::from_secs(600));
    let refused = app.get("/api/v1/me", Some(&program)).await.expect(StatusCode::UNAUTHORIZED);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("the API token short ran out at 20"), "{message}");

    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": " "}), "name"),
        (json!({"name": "a", "expiresIn": 0}), "expiresIn"),
        (json!({"name": "a", "expiresIn": -1}), "expiresIn"),
        (json!({"name": "a", "expiresAt": "2001-01-01T00:00:00Z"}), "expiresAt"),
        (json!({"name": "a", "expiresAt": "tomorrow"}), "expiresAt"),
        (json!({"name": "a", "expiresIn": 60, "expiresAt": "2030-01-01T00:00:00Z"}), "expiresIn"),
        (json!({"name": "a", "scope": "all"}), "scope"),
    ] {
        let refused = make(body.clone()).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused["error"]["fields"][0]["field"], field, "{body}");
    }
    make(json!({"name": "a", "expiresAt": "2030-01-01T00:00:00Z"})).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_projects_token_sees_and_changes_that_project_alone() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let (shop, blog) =
        (app.shop(&ada, "shop").await, app.create(&ada, "blog").await["project"]["id"].as_i64().unwrap());
    let (program, _) = app.program(&ada, Some(blog)).await;
    let listed = app.get("/api/v1/projects", Some(&program)).await.json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["name"]), (1, &json!("blog")));
    for path in [
        format!("/api/v1/projects/{}", shop.project),
        format!("/api/v1/builds/{}", shop.build),
        format!("/api/v1/builds/{}/log", shop.build),
        format!("/api/v1/deployments/{}", shop.deployment),
        format!("/api/v1/deliveries/{}", shop.delivery),
        format!("/api/v1/projects/{}/variables", shop.project),
    ] {
        app.get(&path, Some(&program)).await.expect(StatusCode::NOT_FOUND);
    }
    let path = format!("/api/v1/projects/{blog}");
    app.call(Method::PATCH, &path, Some(&program), Some(json!({"buildCommand": ""}))).await.expect(StatusCode::OK);
    let new = json!({"name": "third"});
    let refused = app.post("/api/v1/projects", Some(&program), new).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(refused["error"]["code"], "project_token");
    // What the account's own tokens open elsewhere is not this project's.
    let away = json!({"repoUrl": "https://git.example.org/ada/diary"});
    app.call(Method::PATCH, &path, Some(&program), Some(away)).await.expect(StatusCode::FORBIDDEN);
    app.get("/api/v1/github/repositories", Some(&program)).await.expect(StatusCode::FORBIDDEN);

    let bob = app.member("bob").await;
    let theirs = json!({"name": "x", "projectId": blog});
    app.post("/api/v1/tokens", Some(&bob), theirs).await.expect(StatusCode::NOT_FOUND);
    app.call(Method::DELETE, &path, Some(&ada), None).await.expect(StatusCode::NO_CONTENT);
    app.get("/api/v1/projects", Some(&program)).await.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_is_no_session() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (program, own) = app.program(&admin, None).await;
    for (method, path) in [
        (Method::GET, "/api/v1/sessions".to_owned()),
        (Method::DELETE, "/api/v1/sessions".to_owned()),
        (Method::DELETE, "/api/v1/sessions/current".to_owned()),
        (Method::GET, "/api/v1/tokens".to_owned()),
        (Method::DELETE, format!("/api/v1/tokens/{own}")),
        (Method::GET, "/api/v1/users".to_owned()),
        (Method::GET, "/api/v1/invitations".to_owned()),
        (Method::GET, "/api/v1/system".to_owned()),
        (Method::DELETE, "/api/v1/me/github".to_owned()),
    ] {
        let refused = app.call(method, &path, Some(&program), None).await.expect(StatusCode::FORBIDDEN);
        assert_eq!(refused["error"]["code"], "api_token_not_enough", "{path}");
    }
    app.post("/api/v1/tokens", Some(&program), json!({"name": "more"})).await.expect(StatusCode::FORBIDDEN);
    // Neither the contract's routes nor an address take one.
    app.get("/api/project/projects", Some(&program)).await.expect(StatusCode::UNAUTHORIZED);
    app.get(&format!("/api/v1/projects?token={}", program.bearer), None).await.expect(StatusCode::UNAUTHORIZED);
    app.get("/api/v1/projects", Some(&program)).await.expect(StatusCode::OK);

    let guest = app.register("guest").await;
    let (program, _) = app.program(&guest, None).await;
    app.get("/api/v1/projects", Some(&program)).await.expect(StatusCode::OK);
    let path = format!("/api/v1/users/{}", guest.id);
    app.call(Method::PATCH, &path, Some(&admin), Some(json!({"active": false}))).await.expect(StatusCode::OK);
    app.get("/api/v1/projects", Some(&program)).await.expect(StatusCode::UNAUTHORIZED);
    app.call(Method::PATCH, &path, Some(&admin), Some(json!({"active": true}))).await.expect(StatusCode::OK);
    app.get("/api/v1/projects", Some(&program)).await.expect(StatusCode::UNAUTHORIZED);
}
