//! W1–W4, W7, W14: what is believed and read at all.

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::json;

use super::{push, signature, signed};
use crate::harness::{App, Person};

/// An app with a connected project, its owner, and the raw body of a push to it.
async fn connected() -> (App, Person, String) {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    (app, ada, push(json!({})).to_string())
}

fn request(headers: &[(&str, &str)], body: impl Into<Body>) -> Request {
    let mut request = Request::post("/api/webhook").header("x-github-event", "push");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

const JSON: (&str, &str) = ("content-type", "application/json");

async fn assert_no_effect(app: &App, ada: &Person) {
    assert_eq!(app.builds(ada, 1).await, 1, "only the first build");
    assert_eq!(app.get("/api/v1/projects/1/deliveries", Some(ada)).await.json(), json!([]));
}

#[tokio::test]
async fn w1_w2_w4_without_the_right_signature_nothing_happens() {
    let (app, ada, body) = connected().await;
    let good = signature(body.as_bytes());
    let upper = good.to_uppercase().replace("SHA256", "sha256");
    let (wrong, short) = (good.replace(&good[7..9], "zz"), &good[..good.len() - 2]);
    let other = signature(b"another body");
    let sha1 = ("x-hub-signature", "sha1=0123456789012345678901234567890123456789");
    let name = "x-hub-signature-256";
    let forged: &[&[(&str, &str)]] = &[
        &[JSON],
        &[JSON, sha1],
        &[JSON, (name, "")],
        &[JSON, (name, &wrong)],
        &[JSON, (name, &other)],
        &[JSON, (name, &upper)],
        &[JSON, (name, short)],
        &[JSON, (name, &good), (name, &good)],
        &[JSON, (name, &good), (name, &other)],
    ];
    for headers in forged {
        let answer = app.send(request(headers, body.clone())).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{headers:?}");
        assert!(answer.json()["message"].is_string());
    }
    for changed in [format!("{body} "), body.replace("main", "next"), "not JSON".to_owned()] {
        let answer = app.send(request(&[JSON, (name, &good)], changed)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    assert_no_effect(&app, &ada).await;
    let control = app.send(request(&[JSON, (name, &good)], body)).await;
    assert_eq!(control.status, StatusCode::CREATED, "{}", control.text);
}

#[tokio::test]
async fn w3_without_a_secret_nobody_is_believed() {
    for secret in [None, Some("".into())] {
        let app = App::with(|config| config.webhook_secret = secret).await;
        let ada = app.member("ada").await;
        app.create(&ada, "shop").await;
        let body = push(json!({})).to_string();
        let mut mac = <hmac::Hmac<sha2::Sha256> as hmac::Mac>::new_from_slice(b"").unwrap();
        hmac::Mac::update(&mut mac, body.as_bytes());
        let empty = format!("sha256={}", hex::encode(hmac::Mac::finalize(mac).into_bytes()));
        let answer = app.send(request(&[JSON, ("x-hub-signature-256", &empty)], body)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_no_effect(&app, &ada).await;
    }
}

#[tokio::test]
async fn w7_25_mib_and_not_a_byte_more() {
    let (app, ada, body) = connected().await;
    const LIMIT: usize = 25 << 20;
    let padded = |length: usize| format!("{}{}", body, " ".repeat(length - body.len()));
    let whole = padded(LIMIT);
    let good = signature(whole.as_bytes());
    let answer = app.send(request(&[JSON, ("x-hub-signature-256", &good)], whole)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let long = padded(LIMIT + 1);
    let good = signature(long.as_bytes());
    let length = long.len().to_string();
    let announced = request(&[JSON, ("x-hub-signature-256", &good), ("content-length", &length)], Body::empty());
    assert_eq!(app.send(announced).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let chunks: Vec<_> =
        long.as_bytes().chunks(1 << 20).map(|part| Ok::<_, std::io::Error>(Bytes::copy_from_slice(part))).collect();
    let chunked = Body::from_stream(futures_util::stream::iter(chunks));
    let answer = app.send(request(&[JSON, ("x-hub-signature-256", &good)], chunked)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(app.builds(&ada, 1).await, 2);
}

#[tokio::test]
async fn w14_forms_work_other_kinds_and_broken_json_do_not() {
    let (app, ada, body) = connected().await;
    let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &body).finish();
    let send = |kind: &'static str, body: String| {
        let good = signature(body.as_bytes());
        app.send(request(&[("content-type", kind), ("x-hub-signature-256", &good)], body))
    };
    let answer = send("application/x-www-form-urlencoded", form).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    assert_eq!(send("application/x-www-form-urlencoded", "a=b".into()).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(send("text/plain", body.clone()).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(send("application/json; charset=utf-8", "{\"ref\":".into()).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(send("application/json", "{}".into()).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(app.builds(&ada, 1).await, 2);
}

#[tokio::test]
async fn w8_other_events_are_ignored() {
    let (app, ada, _) = connected().await;
    let about = json!({"zen": "Keep it logically awesome.", "repository": push(json!({}))["repository"]});
    for event in ["ping", "pull_request", "issues", "installation"] {
        app.send(signed(event, &about, Some(event))).await.expect(StatusCode::OK);
    }
    assert_eq!(app.builds(&ada, 1).await, 1);
    let kept = app.get("/api/v1/projects/1/deliveries", Some(&ada)).await.json();
    let events: Vec<_> = kept.as_array().unwrap().iter().map(|kept| kept["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["installation", "issues", "pull_request", "ping"]);
    app.send(signed("ping", &json!({"zen": "no repository"}), None)).await.expect(StatusCode::OK);
}
