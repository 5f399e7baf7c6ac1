//! Names of projects (N1–N4).

use axum::http::StatusCode;
use serde_json::json;

use crate::harness::App;

fn project(name: &str) -> serde_json::Value {
    json!({"name": name, "branch": "main", "repoUrl": "https://git.example.org/ada/shop.git"})
}

#[tokio::test]
async fn n1_n2_each_refusal_has_its_reason() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let long = "a".repeat(64);
    let mut reasons = String::new();
    for name in [
        "www",
        "api",
        "localhost",
        "internal",
        "panel",
        "é",
        "Shop",
        "..",
        "%2e%2e",
        "a/b",
        "a\0b",
        "a b",
        &long,
        "-a",
        "a-",
        "xn--a",
        "ab--c",
        "",
    ] {
        for path in ["/api/v1/projects", "/api/project"] {
            let answer = app.post(path, Some(&ada), project(name)).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
            let problem = if path == "/api/project" { &answer["data"][0] } else { &answer["error"]["fields"][0] };
            assert_eq!(problem["field"], "name", "{answer}");
            // Programs decide by the code; the contract's clients know of none.
            assert_eq!(problem["code"].is_string(), path != "/api/project", "{answer}");
            if path == "/api/project" {
                assert_eq!(answer["message"], "Invalid inputs");
                reasons += &format!("{name:.12?}: {}\n", problem["message"].as_str().unwrap());
            }
        }
    }
    insta::assert_snapshot!(reasons);
    assert_eq!(app.get("/api/v1/projects", Some(&ada)).await.json(), json!([]));
}

#[tokio::test]
async fn n3_63_characters_are_fine() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let name = "a".repeat(63);
    let made = app.create(&ada, &name).await;
    assert_eq!(made["project"]["url"], format!("http://{name}.sites.test:8080"));
}

#[tokio::test]
async fn n4_of_20_at_once_one_gets_it() {
    let app = std::sync::Arc::new(App::start().await);
    let ada = app.member("ada").await;
    let attempts = (0..20).map(|_| {
        let (app, ada) = (app.clone(), ada.clone());
        tokio::spawn(async move { app.post("/api/project", Some(&ada), project("shop")).await })
    });
    let mut statuses = Vec::new();
    for attempt in attempts.collect::<Vec<_>>() {
        let answer = attempt.await.unwrap();
        if answer.status != StatusCode::CREATED {
            let taken = json!([{"field": "name", "message": "this name is taken; choose another"}]);
            assert_eq!(answer.json(), json!({"message": "Invalid inputs", "data": taken}));
        }
        statuses.push(answer.status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![201], vec![422; 19]].concat());
}

#[tokio::test]
async fn availability_is_told_while_typing() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    let ask = |name: &'static str| {
        let (app, ada) = (&app, &ada);
        async move {
            let path = format!("/api/v1/projects/name-available?name={name}");
            app.get(&path, Some(ada)).await.expect(StatusCode::OK)
        }
    };
    assert_eq!(ask("free").await["url"], "http://free.sites.test:8080");
    assert_eq!(ask("shop").await["reason"], "the name shop is taken; choose another");
    assert_eq!(ask("www").await["reason"], "the name www is reserved; choose another");
}

#[tokio::test]
async fn the_label_of_the_webhooks_host_is_nobodys() {
    let callback = "https://hooks.sites.test/api/webhook".parse().unwrap();
    let app = App::with(|config| config.webhook_callback = Some(callback)).await;
    let ada = app.member("ada").await;
    let answer = app.post("/api/v1/projects", Some(&ada), project("hooks")).await;
    let answer = answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["error"]["fields"][0]["message"], "the name hooks is reserved; choose another", "{answer}");
}
