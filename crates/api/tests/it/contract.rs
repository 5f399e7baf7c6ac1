//! The contract of the previous generation, line by line. What existing clients rely on is here or where this says:
//!
//! | line of the contract | test |
//! |---|---|
//! | `GET /health`, `GET /api` | [`health_and_welcome`] |
//! | `GET /api/auth/github`: address and scopes | `auth::github::a7_leaves_with_state_scopes_and_a_challenge` |
//! | its callback: the query it hands over, only to `FRONTEND_URL` | `auth::github::a_dashboard_elsewhere_is_told_in_the_address` |
//! | its callback: 400 without a code | `auth::github::a_refusal_or_a_wrong_code_is_a_400` |
//! | bearer token: HS256, `{email, userId}`, an hour | [`the_bearer_token_is_an_hour_of_hs256`], `auth::bearer` |
//! | `GET /api/repo/orgs`, `GET /api/repo/repos`: fields, order, pages | `github::lists_accounts_and_repositories` |
//! | `POST /api/project`: fields, `initialBuildId` | `projects::the_contracts_bodies` |
//! | … what clients send along | [`what_clients_of_the_previous_generation_send`] |
//! | … the hook: events, secret, shared, removed | `github::w12_one_hook_is_shared_and_goes_with_the_last_project` |
//! | … 422 with data: missing fields, a taken name | `projects::everything_wrong_is_told_at_once`, [`every_refusal`] |
//! | `GET /api/project/projects`: nested fields, newest first, caps | `projects::the_contracts_bodies`, [`the_list_has_the_newest_builds_and_the_ends_of_their_logs`] |
//! | `PUT /api/project/projects/{id}`, the same name again | `projects::the_contracts_bodies` |
//! | `DELETE /api/project/projects/{id}`, `/secret/{id}` | `projects::the_contracts_bodies` |
//! | `POST /api/build/rebuild/{id}`, `GET /api/build/{id}` | `builds::the_contracts_bodies` |
//! | `GET /api/deploy/deployments/{id}`, `/api/deploy/{id}` | `deployments::the_contracts_bodies` |
//! | `PUT /api/deploy/rollback` | `deployments::d9_going_back_is_a_switch_without_a_build` and its neighbours |
//! | `POST /api/webhook`: 200, 201 with `builds`, 401, 404 | `webhook::push`, `webhook::signature`, [`what_the_webhook_answers`] |
//! | errors: `{"message", "data"?}` | [`every_refusal`], `protocol` |
//! | words of statuses | [`the_words_of_statuses`], `legacy::bodies` |
//! | `log` and `lineNumber` | `projects::the_contracts_bodies`, `realtime::lines` |
//! | sockets: handshake, rooms, the six events | `realtime`, and with the real client `berth-tests`' `contract` |
//! | CORS for `FRONTEND_URL` | `protocol::cors_is_for_the_one_frontend_and_without_credentials`, and on the wire in `berth-tests` |
//! | an empty `WEBHOOK_SECRET`, names of variables | `berth-server`, `config` |

use std::time::Duration;

use axum::http::{Method, StatusCode};
use berth_model::{DeploymentStatus, LogStream};
use berth_store::ActivationReason;
use serde_json::{Value, json};

use crate::harness::{App, Person, line};
use crate::webhook::{push, signed};

#[tokio::test]
async fn health_and_welcome() {
    let app = App::start().await;
    assert_eq!(app.get("/health", None).await.expect(StatusCode::OK), json!({"message": "OK"}));
    assert!(app.get("/api", None).await.expect(StatusCode::OK)["message"].is_string());
}

#[tokio::test]
async fn the_bearer_token_is_an_hour_of_hs256() {
    let app = App::with(|config| config.frontend_url = Some("https://old.example".parse().unwrap())).await;
    let token = app.over_github("ada").await.query("token");
    let key = jsonwebtoken::DecodingKey::from_secret(b"a signing secret of at least 32 bytes");
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    rules.validate_exp = false;
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &rules).unwrap().claims;
    assert_eq!((&claims["email"], &claims["userId"]), (&Value::Null, &json!("1")));
    let now = app.clock.now().unix_seconds();
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(now + 3_600)));
}

/// Every field of the form is sent, empty or not, with more that this generation does not know.
#[tokio::test]
async fn what_clients_of_the_previous_generation_send() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let new = json!({
        "name": "shop", "branch": "main", "repoUrl": "https://git.example.org/ada/shop", "buildCommand": "",
        "installCommand": "", "outputDirectory": "./", "rootDirectory": "", "nodeVersion": "", "secrets": [],
        "framework": "vite", "autoDeploy": true,
    });
    let made = app.post("/api/project", Some(&ada), new).await.expect(StatusCode::CREATED);
    let project = &made["project"];
    assert_eq!((&project["buildCommand"], &project["outputDirectory"]), (&json!(""), &json!("./")));
    assert_eq!(project["installCommand"], Value::Null, "an empty install command is no command of theirs");

    // Saved as it came, with one setting changed.
    let mut change = project.clone();
    change["buildCommand"] = json!("npm run build");
    change["secrets"] = json!([{"key": "A", "value": "one"}]);
    let saved = app.call(Method::PUT, "/api/project/projects/1", Some(&ada), Some(change)).await;
    let saved = saved.expect(StatusCode::OK);
    assert_eq!(saved["project"]["buildCommand"], "npm run build");
    assert_eq!((&saved["project"]["name"], &saved["project"]["outputDirectory"]), (&json!("shop"), &json!("./")));
    let mut listed = app.get("/api/project/projects", Some(&ada)).await.json()["projects"][0].clone();
    assert_eq!(listed["secrets"][0]["key"], "A");
    listed["secrets"].as_array_mut().unwrap().push(json!({"key": "B", "value": "two"}));
    app.call(Method::PUT, "/api/project/projects/1", Some(&ada), Some(listed)).await.expect(StatusCode::OK);
    let kept = app.store.variables_for(berth_store::BuildFor::production(1.into())).await.unwrap();
    let keys = berth_secrets::KeyRing::new(&[7; 32]);
    let open = |n: usize, key: &str| keys.open(1.into(), key, &kept[n].1).unwrap().expose().to_owned();
    assert_eq!((open(0, "A").as_str(), open(1, "B").as_str()), ("one", "two"), "sent back without its value, A stays");
    let change = json!({"name": "shop", "branch": "main"});
    let same = app.call(Method::PUT, "/api/project/projects/1", Some(&ada), Some(change)).await.expect(StatusCode::OK);
    assert_eq!(same["project"]["buildCommand"], "npm run build", "what is absent stays");
}

#[tokio::test]
async fn the_list_has_the_newest_builds_and_the_ends_of_their_logs() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    app.work("shop").await;
    for _ in 0..11 {
        app.clock.advance(Duration::from_secs(1));
        app.post("/api/build/rebuild/1", Some(&ada), json!({})).await.expect(StatusCode::OK);
    }
    let claimed = app.claim().await;
    for number in 3..=60 {
        let text = format!("line {number}");
        app.store.append_log(claimed.build.id, &[line(number, LogStream::Stdout, &text)]).await.unwrap();
    }
    let listed = app.get("/api/project/projects", Some(&ada)).await.expect(StatusCode::OK);
    let builds = listed["projects"][0]["builds"].as_array().unwrap();
    let ids: Vec<_> = builds.iter().map(|build| build["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [12, 11, 10, 9, 8, 7, 6, 5, 4, 3], "the oldest two are read one by one");
    let logs = builds[0]["logs"].as_array().unwrap();
    let numbers: Vec<_> = logs.iter().map(|piece| piece["lineNumber"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (21..=60).collect::<Vec<_>>(), "what the socket tells next follows on this");
    let oldest = app.get("/api/build/1", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(
        (&oldest["build"]["status"], &oldest["build"]["deployment"]["status"]),
        (&json!("passed"), &json!("live"))
    );
}

#[tokio::test]
async fn the_words_of_statuses() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    // Published, and not live yet: about to be.
    let claimed = app.claim().await;
    let deployment = app.publish(&claimed, "shop").await;
    let path = format!("/api/deploy/{deployment}");
    assert_eq!(app.get(&path, Some(&ada)).await.json()["deployment"]["status"], "live");
    // One that failed is not there.
    let activation = app.store.enqueue_activation(deployment, ActivationReason::Build).await.unwrap();
    app.store.decide_activation(activation).await.unwrap();
    app.store.refuse_activation(activation, "the site did not answer").await.unwrap();
    assert_eq!(app.store.deployment_unscoped(deployment).await.unwrap().unwrap().status, DeploymentStatus::Failed);
    let gone = app.get(&path, Some(&ada)).await.expect(StatusCode::NOT_FOUND);
    assert_eq!(gone, json!({"message": "there is no such deployment"}));
    assert_eq!(app.get("/api/build/1", Some(&ada)).await.json()["build"]["deployment"], Value::Null);
}

#[tokio::test]
async fn what_the_webhook_answers() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    app.create(&ada, "docs").await;
    let mut told = String::new();
    for (what, event, payload) in [
        ("a ping", "ping", json!({"zen": "Design for failure."})),
        ("a push that two projects watch", "push", push(json!({}))),
        ("a push to another branch", "push", push(json!({"ref": "refs/heads/other"}))),
        ("a tag", "push", push(json!({"ref": "refs/tags/v1"}))),
        ("a pull request", "pull_request", push(json!({}))),
        (
            "an unknown repository",
            "push",
            push(json!({"repository": {"full_name": "x/y", "html_url": "https://h/x/y"}})),
        ),
    ] {
        let answer = app.send(signed(event, &payload, None)).await;
        told += &format!("{what}: {} {}\n", answer.status.as_u16(), pretty(&answer.json()));
    }
    let unsigned = app.post("/api/webhook", None, push(json!({}))).await;
    told += &format!("unsigned: {} {}\n", unsigned.status.as_u16(), pretty(&unsigned.json()));
    insta::assert_snapshot!(told);
}

/// Each route asked by nobody, by somebody else, for nothing, and with what cannot be.
#[tokio::test]
async fn every_refusal() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    app.shop(&ada, "shop").await;
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let form = json!({"name": "shop", "branch": "main", "repoUrl": "https://git.example.org/a/b"});
    let asked: Vec<(Method, &str, Option<&Person>, Option<Value>)> = vec![
        (get.clone(), "/api/repo/orgs", None, None),
        (get.clone(), "/api/repo/repos?page=0x1", Some(&ada), None),
        (get.clone(), "/api/repo/repos?org=nobody", Some(&ada), None),
        (get.clone(), "/api/auth/github/callback", None, None),
        (post.clone(), "/api/project", None, Some(form.clone())),
        (post.clone(), "/api/project", Some(&bob), Some(json!({}))),
        (post.clone(), "/api/project", Some(&bob), Some(json!({"name": 7, "branch": null, "repoUrl": ""}))),
        (post.clone(), "/api/project", Some(&bob), Some(json!([]))),
        (post.clone(), "/api/project", Some(&bob), Some(form.clone())),
        (put.clone(), "/api/project/projects/1", Some(&bob), Some(form.clone())),
        (put.clone(), "/api/project/projects/1", Some(&ada), Some(json!({"buildCommand": "x"}))),
        (put.clone(), "/api/project/projects/99", Some(&ada), Some(form)),
        (delete.clone(), "/api/project/projects/1", Some(&bob), None),
        (delete.clone(), "/api/project/projects/shop", Some(&ada), None),
        (delete.clone(), "/api/project/secret/1", Some(&bob), None),
        (delete.clone(), "/api/project/secret/99", Some(&ada), None),
        (post.clone(), "/api/build/rebuild/1", Some(&bob), None),
        (post.clone(), "/api/build/rebuild/99", Some(&ada), None),
        (get.clone(), "/api/build/1", None, None),
        (get.clone(), "/api/build/1", Some(&bob), None),
        (get.clone(), "/api/build/99", Some(&ada), None),
        (get.clone(), "/api/deploy/1", Some(&bob), None),
        (get.clone(), "/api/deploy/deployments/99", Some(&ada), None),
        (put.clone(), "/api/deploy/rollback", Some(&ada), None),
        (put.clone(), "/api/deploy/rollback?latest=1&prev=x", Some(&ada), None),
        (put.clone(), "/api/deploy/rollback?latest=1&prev=1", Some(&ada), None),
        (put.clone(), "/api/deploy/rollback?latest=1&prev=99", Some(&ada), None),
        (put, "/api/deploy/rollback?latest=1&prev=1", Some(&bob), None),
        (get.clone(), "/api/nothing", Some(&ada), None),
        (delete, "/api/project", Some(&ada), None),
    ];
    let mut told = String::new();
    for (method, path, who, body) in asked {
        let name = match who {
            None => "nobody",
            Some(person) if person.id == ada.id => "the owner",
            Some(_) => "another",
        };
        let sent = body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
        let answer = app.call(method.clone(), path, who, body).await;
        told += &format!("{method} {path}{sent} ({name})\n  {} {}\n", answer.status.as_u16(), answer.text);
    }
    insta::assert_snapshot!(told);
    assert_eq!(app.builds(&ada, 1).await, 2, "no refusal did anything");
}

fn pretty(body: &Value) -> String {
    serde_json::to_string_pretty(body).unwrap()
}
