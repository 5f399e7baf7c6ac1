//! P4: who asks too often is told to wait, and nobody else is.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use berth_api::{ClientAddress, RateLimits};
use http::header::{AUTHORIZATION, COOKIE};
use serde_json::{Value, json};

use crate::harness::{Answer, App, Person};

const LIMIT: u32 = 30;
const MALLORY: [u8; 4] = [192, 0, 2, 66];

async fn limited() -> App {
    let limit = NonZeroU32::new(LIMIT);
    App::with(|config| config.rate_limits = RateLimits { strangers: limit, writes: limit }).await
}

/// Asks from an address, with a bearer token if there is one.
async fn ask(app: &App, address: [u8; 4], path: &str, bearer: Option<&str>) -> Answer {
    let mut request = Request::get(path).extension(ClientAddress(address.into()));
    if let Some(bearer) = bearer {
        request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
    }
    app.send(request.body(Body::empty()).unwrap()).await
}

async fn flood(app: &App, bearer: Option<&str>) {
    for number in 0..LIMIT {
        let answer = ask(app, MALLORY, "/api/v1/me", bearer).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{number}: {}", answer.text);
    }
    let refused = ask(app, MALLORY, "/api/v1/me", bearer).await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "60"));
    assert_eq!(refused.json()["error"]["code"], "too_many_requests");
    assert_eq!(refused.header("cache-control"), "no-store");
}

#[tokio::test]
async fn p4_strangers_wait_and_nobody_else_does() {
    let app = limited().await;
    let ada = app.member("ada").await;
    flood(&app, None).await;
    for path in ["/api", "/api/v1/openapi.json", "/api/v1/setup", "/api/nothing", "/api/auth/github"] {
        assert_eq!(ask(&app, MALLORY, path, None).await.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        // A token that is none is nobody's.
        assert_eq!(ask(&app, MALLORY, path, Some("x")).await.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
    let legacy = ask(&app, MALLORY, "/api/project/projects", None).await;
    assert_eq!(legacy.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(legacy.json()["message"].as_str().unwrap().contains("try again in 60 seconds"), "{}", legacy.text);

    // Somebody who is signed in shares the address, and is not held back.
    for _ in 0..LIMIT * 2 {
        ask(&app, MALLORY, "/api/v1/me", Some(&ada.bearer)).await.expect(StatusCode::OK);
    }
    let cookie = Request::get("/api/v1/me").header(COOKIE, &ada.cookie).extension(ClientAddress(MALLORY.into()));
    app.send(cookie.body(Body::empty()).unwrap()).await.expect(StatusCode::OK);
    ask(&app, [192, 0, 2, 67], "/api/v1/setup", None).await.expect(StatusCode::OK);
    ask(&app, MALLORY, "/health", None).await.expect(StatusCode::OK);
    app.clock.advance(Duration::from_secs(60));
    ask(&app, MALLORY, "/api/v1/setup", None).await.expect(StatusCode::OK);
}

/// A socket takes memory before anybody has said who they are.
#[tokio::test]
async fn p4_strangers_begin_few_sockets_and_say_little() {
    let app = limited().await;
    let ada = app.member("ada").await;
    let begin = "/socket.io/?EIO=4&transport=polling";
    let mut opened = Vec::new();
    for _ in 0..LIMIT {
        let answer = ask(&app, MALLORY, begin, None).await;
        assert_eq!(answer.status, StatusCode::OK);
        let said: Value = serde_json::from_str(&answer.text[1..]).unwrap();
        opened.push(said["sid"].as_str().unwrap().to_owned());
    }
    assert_eq!(ask(&app, MALLORY, begin, None).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ask(&app, MALLORY, begin, Some(&ada.bearer)).await.status, StatusCode::OK);
    assert_eq!(ask(&app, [192, 0, 2, 67], begin, None).await.status, StatusCode::OK);

    // What is said over one that there is is not counted, and has to be short.
    let say = async |socket: usize, text: String| {
        let path = format!("{begin}&sid={}", opened[socket]);
        let request = Request::post(path).extension(ClientAddress(MALLORY.into()));
        app.send(request.body(Body::from(text)).unwrap()).await.status
    };
    let text = |length| format!("4{}", "x".repeat(length));
    assert_eq!(say(0, text(10 << 10)).await, StatusCode::OK);
    assert!(say(1, text(20 << 10)).await.is_client_error());
}

#[tokio::test]
async fn p4_tokens_that_are_none_are_strangers() {
    for bearer in ["nonsense", "berth_0000000000000000000000000000000000"] {
        flood(&limited().await, Some(bearer)).await;
    }
}

#[tokio::test]
async fn p4_webhooks_are_never_starved() {
    let app = limited().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    flood(&app, None).await;
    let from_there = |mut request: Request| {
        request.extensions_mut().insert(ClientAddress(MALLORY.into()));
        request
    };
    for number in 0..LIMIT * 2 {
        let forged = Request::post("/api/webhook").header("x-hub-signature-256", format!("sha256={}", "0".repeat(64)));
        let forged = app.send(from_there(forged.body(Body::from("{}")).unwrap())).await;
        assert_eq!(forged.status, StatusCode::UNAUTHORIZED, "{number}");
    }
    let hash = "00000000000000000000000000000000000000bb";
    let repository = crate::harness::repository("https://git.example.org/ada/shop");
    let push = crate::webhook::push(json!({"repository": repository, "after": hash}));
    app.send(from_there(crate::webhook::signed("push", &push, Some("one")))).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/projects/{}/deploy-hooks", shop.project);
    let made = app.post(&path, Some(&ada), json!({"name": "weekly"})).await.expect(StatusCode::CREATED);
    let path = made["url"].as_str().unwrap().split_once("8080").unwrap().1;
    let call = from_there(Request::post(path).body(Body::empty()).unwrap());
    app.send(call).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn p4_changes_are_counted_by_account_and_its_programs_apart() {
    let app = limited().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let (program, _) = app.program(&ada, None).await;
    let (another, _) = app.program(&ada, None).await;
    let write = async |who: &Person| app.call(Method::DELETE, "/api/v1/projects/4711", Some(who), None).await;
    for number in 0..LIMIT {
        let by = if number % 2 == 0 { &program } else { &another };
        assert_eq!(write(by).await.status, StatusCode::NOT_FOUND, "{number}");
    }
    for tokens in [&program, &another] {
        let refused = write(tokens).await;
        assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "60"));
        app.get("/api/v1/projects", Some(tokens)).await.expect(StatusCode::OK);
    }
    // Two changes were the tokens.
    for number in 2..LIMIT {
        assert_eq!(write(&ada).await.status, StatusCode::NOT_FOUND, "{number}: their owner goes on");
    }
    assert_eq!(write(&ada).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(write(&bob).await.status, StatusCode::NOT_FOUND);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(write(&program).await.status, StatusCode::NOT_FOUND);
}

/// `berth deploy --each` sends thousands: what holds them back is that few come in at once.
#[tokio::test]
async fn p4_folders_are_no_changes() {
    let app = limited().await;
    let ada = app.member("ada").await;
    let (program, _) = app.program(&ada, None).await;
    for number in 0..LIMIT + 1 {
        app.deploy(&program, &format!("site-{number}"), "x").await.expect(StatusCode::CREATED);
    }
    let write = async || app.call(Method::DELETE, "/api/v1/projects/4711", Some(&program), None).await.status;
    for number in 0..LIMIT {
        assert_eq!(write().await, StatusCode::NOT_FOUND, "{number}");
    }
    assert_eq!(write().await, StatusCode::TOO_MANY_REQUESTS);
    app.deploy(&program, "one-more", "x").await.expect(StatusCode::CREATED);
}
