//! Whatever is signed, nobody gets a 5xx for it.

use axum::body::Body;
use axum::extract::Request;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::{digits, pull_request, push, signature};
use crate::harness::{App, repository};

/// Events with the headers that each form has.
const FORMS: [(&str, &str); 9] = [
    ("x-github-event", "push"),
    ("x-github-event", "pull_request"),
    ("x-github-event", "delete"),
    ("x-github-event", "ping"),
    ("x-github-event", "issues"),
    ("x-gitea-event", "push"),
    ("x-gitlab-event", "Push Hook"),
    ("x-gitlab-event", "Merge Request Hook"),
    ("x-gitlab-event", "Note Hook"),
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        "refs/heads/[a-z./-]{0,12}".prop_map(Value::from),
        "[0-9a-f]{40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,12}", inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

/// A payload that is right but for one field, somewhere.
fn nearly_right() -> impl Strategy<Value = Value> {
    let fields = vec![
        "/ref",
        "/before",
        "/after",
        "/commits",
        "/commits/0",
        "/commits/0/modified",
        "/head_commit",
        "/repository",
        "/repository/full_name",
        "/action",
        "/pull_request",
        "/pull_request/number",
        "/pull_request/head/ref",
        "/pull_request/head/sha",
        "/pull_request/head/repo",
        "/pull_request/title",
    ];
    (prop::sample::select(fields), any_json(), any::<bool>()).prop_map(|(field, value, is_push)| {
        let own = repository("https://git.example.org/ada/shop");
        let mut payload = if is_push { push(json!({})) } else { pull_request("opened", own, super::HEAD) };
        if let Some(place) = payload.pointer_mut(field) {
            *place = value;
        }
        payload
    })
}

#[test]
fn p6_no_signed_body_answers_5xx() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (app, secret) = runtime.block_on(async {
        let app = App::start().await;
        let ada = app.member("ada").await;
        app.create(&ada, "shop").await;
        let secret = app.hook(&ada, 1).await;
        (app, secret)
    });
    let body = prop_oneof![
        any_json().prop_map(|json| json.to_string().into_bytes()),
        nearly_right().prop_map(|json| json.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..64),
    ];
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(prop::sample::select(FORMS.to_vec()), body), |((header, event), body)| {
        let own = Request::post("/api/hooks/1")
            .header("content-type", "application/json")
            .header(header, event)
            .header("x-hub-signature-256", format!("sha256={}", digits(&body, &secret)))
            .header("x-gitea-signature", digits(&body, &secret))
            .header("x-gitlab-token", &secret);
        let shared = Request::post("/api/webhook")
            .header("content-type", "application/json")
            .header("x-github-event", event)
            .header("x-hub-signature-256", signature(&body));
        for request in [own, shared] {
            let answer = runtime.block_on(app.send(request.body(Body::from(body.clone())).unwrap()));
            prop_assert!(
                !answer.status.is_server_error() && answer.status != 401,
                "{}: {}",
                answer.status,
                answer.text
            );
        }
        Ok(())
    });
    outcome.unwrap();
}
