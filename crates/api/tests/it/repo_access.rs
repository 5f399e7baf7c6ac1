//! The access token of a project's repository: it goes in, belongs to one host, and never comes out.

use axum::http::{Method, StatusCode};
use berth_secrets::KeyRing;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Person};

const TOKEN: &str = "glpat-x7Qm2Vn8Rt4K";
const WIKI: &str = "https://git.example.org/ada/wiki.git";

fn new(more: Value) -> Value {
    let mut body = json!({"name": "wiki", "branch": "main", "repoUrl": WIKI});
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

/// What the database keeps: the user and the token, opened for a host.
async fn kept(app: &App, host: &str) -> Option<(Option<String>, String)> {
    let project = app.store.project_unscoped(1.into()).await.unwrap().unwrap();
    let access = project.repo_access?;
    assert!(!access.token.as_str().contains(TOKEN));
    let token = KeyRing::new(&[7; 32]).open_repo_token(project.id, host, &access.token).unwrap();
    Some((access.user, token.expose().to_owned()))
}

async fn patch(app: &App, ada: &Person, change: Value) -> Answer {
    let answer = app.call(Method::PATCH, "/api/v1/projects/1", Some(ada), Some(change)).await;
    assert!(!answer.text.contains(TOKEN), "{}", answer.text);
    answer
}

#[tokio::test]
async fn it_is_sealed_for_its_host_and_shown_only_as_there() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let made = app.post("/api/v1/projects", Some(&ada), new(json!({"repoToken": TOKEN, "repoUser": "bot"}))).await;
    assert!(!made.text.contains(TOKEN), "{}", made.text);
    let made = made.expect(StatusCode::CREATED)["project"].clone();
    assert_eq!((&made["hasRepoToken"], &made["repoUser"]), (&json!(true), &json!("bot")));
    assert_eq!(kept(&app, "https://git.example.org").await, Some((Some("bot".into()), TOKEN.into())));
    for path in ["/api/v1/projects", "/api/v1/projects/1", "/api/project/projects", "/api/build/1"] {
        let answer = app.get(path, Some(&ada)).await;
        assert!(answer.status.is_success() && !answer.text.contains(TOKEN) && !answer.text.contains("repoToken"));
    }
    let events = app.store.events_after(0.into(), 100).await.unwrap();
    assert!(!format!("{events:?}").contains(TOKEN));
}

#[tokio::test]
async fn it_is_replaced_kept_and_removed() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let host = "https://git.example.org";
    app.post("/api/v1/projects", Some(&ada), new(json!({"repoToken": "", "repoUser": null})))
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(kept(&app, host).await, None);
    let alone = patch(&app, &ada, json!({"repoUser": "bot"})).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(alone["error"]["fields"][0]["field"], "repoUser");

    let set = patch(&app, &ada, json!({"repoToken": format!(" {TOKEN}\n")})).await.expect(StatusCode::OK);
    assert_eq!((&set["hasRepoToken"], &set["repoUser"]), (&json!(true), &Value::Null));
    patch(&app, &ada, json!({"repoUser": "bot", "repoToken": ""})).await.expect(StatusCode::OK);
    assert_eq!(kept(&app, host).await, Some((Some("bot".into()), TOKEN.into())), "an empty input changes nothing");
    patch(&app, &ada, json!({"repoToken": "another", "branch": "next"})).await.expect(StatusCode::OK);
    assert_eq!(kept(&app, host).await, Some((Some("bot".into()), "another".into())));
    patch(&app, &ada, json!({"repoUser": null})).await.expect(StatusCode::OK);
    assert_eq!(kept(&app, host).await, Some((None, "another".into())));
    let removed = patch(&app, &ada, json!({"repoToken": null})).await.expect(StatusCode::OK);
    assert_eq!(removed["hasRepoToken"], false);
    assert_eq!(kept(&app, host).await, None);

    for (field, value) in [
        ("repoToken", json!("two words")),
        ("repoToken", json!("x".repeat(5_000))),
        ("repoToken", json!(7)),
        ("repoUser", json!("a:b")),
        ("repoUser", json!("a\u{7}")),
    ] {
        let refused = patch(&app, &ada, json!({"repoToken": TOKEN, field: value})).await;
        let refused = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused["error"]["fields"][0]["field"], field, "{refused}");
    }
}

#[tokio::test]
async fn it_does_not_follow_to_another_host() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let made = new(json!({"repoToken": TOKEN, "repoUser": "bot"}));
    app.post("/api/v1/projects", Some(&ada), made).await.expect(StatusCode::CREATED);
    let moved =
        patch(&app, &ada, json!({"repoUrl": "https://git.example.org/ada/handbook"})).await.expect(StatusCode::OK);
    assert_eq!((&moved["hasRepoToken"], &moved["repoUser"]), (&json!(true), &json!("bot")), "the same host");
    let user_only = json!({"repoUrl": "https://code.example.net/ada/wiki", "repoUser": "bot"});
    patch(&app, &ada, user_only).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let away = patch(&app, &ada, json!({"repoUrl": "https://code.example.net/ada/wiki"})).await.expect(StatusCode::OK);
    assert_eq!((&away["hasRepoToken"], &away["repoUser"]), (&json!(false), &Value::Null));
    assert_eq!(away["repoUrl"], "https://code.example.net/ada/wiki");
    let back = json!({"repoUrl": WIKI, "repoToken": "fresh"});
    patch(&app, &ada, back).await.expect(StatusCode::OK);
    assert_eq!(kept(&app, "https://git.example.org").await, Some((None, "fresh".into())));
    for bad in [json!(null), json!("https://ada:pw@git.example.org/a/b"), json!("ssh://git.example.org/a"), json!(7)] {
        let refused = patch(&app, &ada, json!({"repoUrl": bad})).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused["error"]["fields"][0]["field"], "repoUrl");
    }
}

#[tokio::test]
async fn userinfo_in_the_address_is_refused_with_the_field_that_takes_it() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for path in ["/api/project", "/api/v1/projects"] {
        let body = new(json!({"repoUrl": format!("https://oauth2:{TOKEN}@git.example.org/ada/wiki.git")}));
        let refused = app.post(path, Some(&ada), body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text.contains("give an access token as repoToken") && !refused.text.contains(TOKEN));
    }
}

#[tokio::test]
async fn the_contracts_routes_take_it_too() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let host = "https://git.example.org";
    let made = app.post("/api/project", Some(&ada), new(json!({"repoToken": TOKEN}))).await;
    assert!(!made.text.contains(TOKEN));
    made.expect(StatusCode::CREATED);
    assert_eq!(kept(&app, host).await, Some((None, TOKEN.into())));
    let put = async |more: Value| {
        let mut body = json!({"name": "wiki", "branch": "main"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = app.call(Method::PUT, "/api/project/projects/1", Some(&ada), Some(body)).await;
        assert!(!answer.text.contains(TOKEN));
        answer.expect(StatusCode::OK)
    };
    put(json!({})).await;
    assert_eq!(kept(&app, host).await, Some((None, TOKEN.into())), "saving other settings keeps it");
    put(json!({"repoUser": "bot"})).await;
    assert_eq!(kept(&app, host).await, Some((Some("bot".into()), TOKEN.into())));
    put(json!({"repoToken": null})).await;
    assert_eq!(kept(&app, host).await, None);
}
