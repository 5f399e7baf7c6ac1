//! A project's own hook: every form of delivery, signed right and wrong.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use berth_model::DeliveryId;
use serde_json::{Value, json};
use url::Url;

use super::{HEAD, digits, pull_request, push, signed};
use crate::harness::{Answer, App, Person, repository};

const BEFORE: &str = "95790bf891e76fee5e1747ab589903a6a1f80f22";

async fn connected() -> (App, Person, String) {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    let on = json!({"previews": true});
    app.call(Method::PATCH, "/api/v1/projects/1", Some(&ada), Some(on)).await.expect(StatusCode::OK);
    let secret = app.hook(&ada, 1).await;
    (app, ada, secret)
}

/// A delivery in the form of a host, signed with a secret.
fn request(host: &str, event: &str, payload: &Value, secret: &str) -> Request {
    let body = payload.to_string();
    let signature = digits(body.as_bytes(), secret);
    let request = Request::post("/api/hooks/1").header("content-type", "application/json");
    let request = match host {
        "github" => {
            request.header("x-github-event", event).header("x-hub-signature-256", format!("sha256={signature}"))
        }
        "gitlab" => request.header("x-gitlab-event", event).header("x-gitlab-token", secret),
        _ => {
            let request = request
                .header("x-github-event", event)
                .header("x-gitea-event", event)
                .header("x-gitea-signature", &signature)
                .header("x-hub-signature-256", format!("sha256={signature}"));
            if host == "forgejo" {
                request.header("x-forgejo-event", event).header("x-forgejo-signature", signature)
            } else {
                request
            }
        }
    };
    request.body(Body::from(body)).unwrap()
}

/// A push to a branch, as a host tells it.
fn pushed(host: &str, branch: &str) -> Value {
    match host {
        "github" => push(json!({"ref": format!("refs/heads/{branch}")})),
        "gitlab" => json!({
            "object_kind": "push", "ref": format!("refs/heads/{branch}"), "before": BEFORE, "after": HEAD,
            "checkout_sha": HEAD, "user_name": "Ada", "total_commits_count": 1, "project": gitlab_project(),
            "commits": [{"id": HEAD, "message": "Say hello", "author": {"name": "Ada"}, "modified": ["a"]}],
        }),
        _ => json!({
            "ref": format!("refs/heads/{branch}"), "before": BEFORE, "after": HEAD, "total_commits": 1,
            "commits": [{"id": HEAD, "message": "Say hello", "author": {"name": "Ada", "username": "ada"},
                         "added": null, "removed": null, "modified": ["a"]}],
            "pusher": {"login": "ada", "username": "ada"}, "repository": repository("https://git.example.org/ada/shop"),
        }),
    }
}

fn gitlab_project() -> Value {
    json!({"path_with_namespace": "ada/shop", "web_url": "https://git.example.org/ada/shop"})
}

fn asked(host: &str, action: &str, is_fork: bool) -> Value {
    if host == "gitlab" {
        return json!({
            "object_kind": "merge_request", "user": {"name": "Mallory"}, "project": gitlab_project(),
            "object_attributes": {
                "iid": if is_fork { 8 } else { 7 }, "title": "Greet", "action": action, "source_branch": "greet",
                "source_project_id": if is_fork { 2 } else { 1 }, "target_project_id": 1, "last_commit": {"id": HEAD},
                "source": {"path_with_namespace": if is_fork { "mallory/shop" } else { "ada/shop" }},
            },
        });
    }
    let from = if is_fork { "https://git.example.org/mallory/shop" } else { "https://git.example.org/ada/shop" };
    let mut payload = pull_request(action, repository(from), HEAD);
    payload["pull_request"]["number"] = json!(if is_fork { 8 } else { 7 });
    payload
}

const HOSTS: [(&str, &str, &str); 4] = [
    ("github", "push", "pull_request"),
    ("gitea", "push", "pull_request"),
    ("forgejo", "push", "pull_request"),
    ("gitlab", "Push Hook", "Merge Request Hook"),
];

async fn newest(app: &App, ada: &Person) -> Value {
    app.get("/api/v1/projects/1/deliveries?limit=1", Some(ada)).await.json()[0].clone()
}

fn word(answer: &Answer) -> &'static str {
    assert!(answer.status.is_success(), "{}: {}", answer.status, answer.text);
    let said = answer.json()["message"].as_str().unwrap().to_owned();
    ["Build queued", "held", "done", "ignored", "duplicate"].iter().find(|word| **word == said).unwrap()
}

#[tokio::test]
async fn every_host_is_understood() {
    for (host, push_event, request_event) in HOSTS {
        let (app, ada, secret) = connected().await;
        let send = async |event: &str, payload: Value| app.send(request(host, event, &payload, &secret)).await;
        assert_eq!(word(&send(push_event, pushed(host, "main")).await), "Build queued", "{host}");
        let kept = newest(&app, &ada).await;
        assert_eq!(
            (&kept["provider"], &kept["ownHook"], &kept["verdict"]),
            (&json!(host), &json!(true), &json!("accepted"))
        );
        assert_eq!(kept["reason"], "a push to main; shop: build #2");
        assert_eq!(word(&send(push_event, pushed(host, "greet")).await), "Build queued");
        let (opened, closed) = if host == "gitlab" { ("open", "merge") } else { ("opened", "closed") };
        assert_eq!(word(&send(request_event, asked(host, opened, false)).await), "ignored", "the push built it");
        assert_eq!(word(&send(request_event, asked(host, opened, true)).await), "held", "{host}");
        assert_eq!(word(&send(request_event, asked(host, closed, true)).await), "done");
        let mut gone = pushed(host, "greet");
        gone["after"] = json!("0".repeat(40));
        assert_eq!(word(&send(push_event, gone).await), "done");
        let mut tag = pushed(host, "main");
        tag["ref"] = json!("refs/tags/v1");
        assert_eq!(word(&send(push_event, tag).await), "ignored");
        assert_eq!(word(&send("something else", pushed(host, "main")).await), "ignored");
        let broken = send(push_event, json!({"ref": 1})).await;
        assert_eq!(broken.status, StatusCode::BAD_REQUEST);
        let kept = newest(&app, &ada).await;
        assert!(kept["reason"].as_str().unwrap().starts_with("not the JSON of such an event"), "{kept}");
    }
}

#[tokio::test]
async fn what_is_not_signed_with_its_secret_is_refused_and_says_what_to_check() {
    for (host, event, _) in HOSTS {
        let (app, ada, secret) = connected().await;
        let payload = pushed(host, "main");
        let wrong = app.send(request(host, event, &payload, "another secret")).await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
        let kept = newest(&app, &ada).await;
        assert_eq!((&kept["verdict"], &kept["replayable"]), (&json!("rejected"), &json!(false)));
        assert!(kept["reason"].as_str().unwrap().contains("signed with another secret"), "{kept}");
        app.clock.advance(std::time::Duration::from_secs(11));
        let mut unsigned = request(host, event, &payload, &secret);
        for name in ["x-hub-signature-256", "x-gitea-signature", "x-forgejo-signature", "x-gitlab-token"] {
            unsigned.headers_mut().remove(name);
        }
        let refused = app.send(unsigned).await;
        assert_eq!((refused.status, &refused.text), (StatusCode::UNAUTHORIZED, &wrong.text));
        assert!(newest(&app, &ada).await["reason"].as_str().unwrap().contains("enter the hook's secret"));
        assert_eq!(app.builds(&ada, 1).await, 1);
        // Nobody learns which projects there are, or which of them have a hook.
        for path in ["/api/hooks/4711", "/api/hooks/2"] {
            let mut nobodys = request(host, event, &payload, &secret);
            *nobodys.uri_mut() = path.parse().unwrap();
            let answer = app.send(nobodys).await;
            assert_eq!((answer.status, &answer.text), (StatusCode::UNAUTHORIZED, &wrong.text));
        }
    }
}

#[tokio::test]
async fn a_new_secret_and_a_removed_hook_end_the_former() {
    let (app, ada, first) = connected().await;
    let second = app.hook(&ada, 1).await;
    let payload = pushed("gitea", "main");
    let send = async |secret: &str| app.send(request("gitea", "push", &payload, secret)).await.status;
    assert_eq!((send(&first).await, send(&second).await), (StatusCode::UNAUTHORIZED, StatusCode::CREATED));
    let shown = app.get("/api/v1/projects/1/hook", Some(&ada)).await;
    assert!(!shown.text.contains(&second));
    assert_eq!(shown.json()["own"]["enabled"], true);
    app.call(Method::DELETE, "/api/v1/projects/1/hook", Some(&ada), None).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(send(&second).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.get("/api/v1/projects/1/hook", Some(&ada)).await.json()["own"]["enabled"], false);
}

#[tokio::test]
async fn another_repositorys_delivery_is_ignored_with_both_names() {
    let (app, ada, secret) = connected().await;
    let mut payload = pushed("gitea", "main");
    payload["repository"] = repository("https://git.example.org/ada/blog");
    assert_eq!(word(&app.send(request("gitea", "push", &payload, &secret)).await), "ignored");
    assert_eq!(newest(&app, &ada).await["reason"], "it is about ada/blog, and this project is built from ada/shop");
    payload["repository"] = repository("http://gitea.internal:3000/Ada/Shop");
    assert_eq!(
        word(&app.send(request("gitea", "push", &payload, &secret)).await),
        "Build queued",
        "another name of the host"
    );
}

#[tokio::test]
async fn a_delivery_is_taken_once_and_can_be_done_again_by_its_owner() {
    let (app, ada, secret) = connected().await;
    let send = || {
        let mut request = request("gitlab", "Push Hook", &pushed("gitlab", "main"), &secret);
        request.headers_mut().insert("idempotency-key", "one".parse().unwrap());
        app.send(request)
    };
    assert_eq!((word(&send().await), word(&send().await)), ("Build queued", "duplicate"));
    let kept = app.get("/api/v1/projects/1/deliveries", Some(&ada)).await.json();
    let replay = format!("/api/v1/deliveries/{}/replay", kept[1]["id"]);
    app.post(&replay, Some(&ada), json!({})).await.expect(StatusCode::CREATED);
    let kept = app.get("/api/v1/projects/1/deliveries", Some(&ada)).await.json();
    assert_eq!((&kept[0]["replayOf"], &kept[0]["provider"]), (&kept[2]["id"], &json!("gitlab")));
}

#[tokio::test]
async fn a_test_delivery_takes_the_way_of_a_hosts() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let app = App::with(|config| config.public_url = url).await;
    let router = app.router.clone();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    let test = || app.post("/api/v1/projects/1/hook/test", Some(&ada), json!({}));
    assert_eq!(test().await.expect(StatusCode::CONFLICT)["error"]["code"], "no_hook");
    app.hook(&ada, 1).await;
    let arrived = test().await.expect(StatusCode::OK);
    assert_eq!((&arrived["delivered"], &arrived["status"]), (&json!(true), &json!(200)));
    let kept = newest(&app, &ada).await;
    assert_eq!((&kept["event"], &kept["verdict"]), (&json!("ping"), &json!("ignored")));
    server.abort();
    let _ = server.await;
    let lost = test().await.expect(StatusCode::OK);
    assert_eq!((&lost["delivered"], &lost["status"]), (&json!(false), &json!(null)));
    assert!(lost["message"].as_str().unwrap().contains("BERTH_PUBLIC_URL"));
}

#[tokio::test]
async fn only_what_can_be_done_again_is_kept_and_of_a_flood_its_beginning() {
    let (app, ada, secret) = connected().await;
    let issue = json!({"action": "opened", "repository": repository("https://git.example.org/ada/shop")});
    app.send(request("gitea", "issues", &issue, &secret)).await.expect(StatusCode::OK);
    let kept = async |id: &Value| app.store.delivery_body(DeliveryId(id.as_i64().unwrap())).await.unwrap().is_some();
    assert!(!kept(&newest(&app, &ada).await["id"]).await, "nobody can replay it");
    let mut tag = pushed("gitea", "main");
    tag["ref"] = json!("refs/tags/v1");
    for n in 0..60 {
        app.send(request("gitea", "push", &tag, &secret)).await.expect(StatusCode::OK);
        assert!(kept(&newest(&app, &ada).await["id"]).await, "{n}");
    }
    app.send(request("gitea", "push", &pushed("gitea", "main"), &secret)).await.expect(StatusCode::CREATED);
    let late = newest(&app, &ada).await;
    assert_eq!((kept(&late["id"]).await, &late["replayable"]), (false, &json!(false)));
    app.clock.advance(std::time::Duration::from_secs(15 * 60));
    app.send(request("gitea", "push", &tag, &secret)).await.expect(StatusCode::OK);
    assert!(kept(&newest(&app, &ada).await["id"]).await);
}

#[tokio::test]
async fn a_name_without_end_is_kept_short() {
    let (app, ada, secret) = connected().await;
    let mut payload = pushed("gitea", "main");
    payload["repository"] = json!({"full_name": format!("ada/{}", "x".repeat(100_000))});
    app.send(request("gitea", "push", &payload, &secret)).await.expect(StatusCode::OK);
    assert!(newest(&app, &ada).await["reason"].as_str().unwrap().len() < 1_200);
}

#[tokio::test]
async fn a_push_that_two_hooks_tell_of_is_one_build() {
    let (app, ada, secret) = connected().await;
    assert_eq!(word(&app.send(request("gitea", "push", &pushed("gitea", "main"), &secret)).await), "Build queued");
    let other = signed("push", &push(json!({})), Some("one"));
    assert_eq!(word(&app.send(other).await), "ignored");
    assert_eq!(newest(&app, &ada).await["reason"], "a push to main; shop: main has a build of this commit");
    assert_eq!(app.builds(&ada, 1).await, 2);
    let next = push(json!({"after": "2".repeat(40)}));
    assert_eq!(word(&app.send(signed("push", &next, Some("two"))).await), "Build queued");
}

/// An operator who hides the panel gives out the host that the internet reaches; what passes GitHub's deliveries on from
/// elsewhere passes nothing else on.
#[tokio::test]
async fn hooks_are_given_out_where_deliveries_are_sent() {
    for (callback, address) in [
        ("https://hooks.example.net/api/webhook", "https://hooks.example.net/api/hooks/1"),
        ("https://relay.example.net/Ab3xYz", "http://panel.example.org/api/hooks/1"),
    ] {
        let app = App::with(|config| {
            config.public_url = Url::parse("http://panel.example.org").unwrap();
            config.webhook_callback = Some(Url::parse(callback).unwrap());
        })
        .await;
        let ada = app.member("ada").await;
        app.create(&ada, "shop").await;
        let made = app.call(Method::PUT, "/api/v1/projects/1/hook", Some(&ada), None).await.expect(StatusCode::OK);
        assert_eq!(made["url"], address);
        let name = json!({"name": "the shop's content"});
        let hook = app.post("/api/v1/projects/1/deploy-hooks", Some(&ada), name).await.expect(StatusCode::CREATED);
        let host = address.split("/api/").next().unwrap();
        assert!(hook["url"].as_str().unwrap().starts_with(&format!("{host}/api/deploy-hooks/")), "{hook}");
    }
}

#[tokio::test]
async fn a_signed_delivery_of_another_form_says_what_to_change() {
    let (app, ada, secret) = connected().await;
    for (kind, status, why) in [
        ("text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE, "a delivery is application/json"),
        ("application/x-www-form-urlencoded", StatusCode::BAD_REQUEST, "the form has no field payload"),
    ] {
        let mut other = request("github", "push", &pushed("github", "main"), &secret);
        other.headers_mut().insert("content-type", kind.parse().unwrap());
        assert_eq!(app.send(other).await.status, status);
        let kept = newest(&app, &ada).await;
        assert_eq!((&kept["verdict"], &kept["replayable"]), (&json!("rejected"), &json!(false)));
        assert!(kept["reason"].as_str().unwrap().starts_with(why), "{kept}");
        app.clock.advance(std::time::Duration::from_secs(11));
    }
}
