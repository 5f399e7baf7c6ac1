//! What is kept of deliveries, who sees it, and doing them again.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{HEAD, deliver, pull_request, signed};
use crate::harness::{App, Person, repository};

async fn inbox(app: &App, owner: &Person, project: i64, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/projects/{project}/deliveries{query}");
    app.get(&path, Some(owner)).await.expect(StatusCode::OK).as_array().unwrap().clone()
}

#[tokio::test]
async fn w17_the_inbox_says_what_became_of_each() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    app.create(&ada, "shop").await;
    app.create(&bob, "theirs").await;
    deliver(&app, json!({})).await.expect(StatusCode::CREATED);
    deliver(&app, json!({"ref": "refs/heads/other"})).await.expect(StatusCode::OK);
    app.send(signed("ping", &json!({"repository": repository("https://git.example.org/ada/shop")}), None)).await;
    let kept = inbox(&app, &ada, 1, "").await;
    let told: Vec<_> =
        kept.iter().map(|kept| (kept["event"].as_str().unwrap(), kept["reason"].as_str().unwrap())).collect();
    let expected = [
        ("ping", "the host tried the hook, and it works"),
        ("push", "a push to other; shop: previews are off"),
        ("push", "a push to main; shop: build #3"),
    ];
    assert_eq!(told, expected, "and nothing of what it led to for somebody else");
    assert_eq!(
        (&kept[2]["builds"], &kept[2]["replayable"], &kept[0]["replayable"]),
        (&json!([3]), &json!(true), &json!(false))
    );
    assert_eq!((&kept[2]["provider"], &kept[2]["ownHook"]), (&json!("github"), &json!(false)));
    assert_eq!(inbox(&app, &bob, 2, "").await[2]["builds"], json!([4]));

    let page = inbox(&app, &ada, 1, &format!("?limit=1&before={}", kept[0]["id"])).await;
    assert_eq!(page, [kept[1].clone()]);
    let one = app.get(&format!("/api/v1/deliveries/{}", kept[2]["id"]), Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(one, kept[2]);
    let carol = app.member("carol").await;
    app.get(&format!("/api/v1/deliveries/{}", kept[2]["id"]), Some(&carol)).await.expect(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn pushes_and_pull_requests_can_be_done_again() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    app.create(&ada, "shop").await;
    app.create(&bob, "theirs").await;
    let on = json!({"previews": true});
    app.call(Method::PATCH, "/api/v1/projects/1", Some(&ada), Some(on)).await.expect(StatusCode::OK);
    deliver(&app, json!({})).await.expect(StatusCode::CREATED);
    let opened = pull_request("opened", repository("https://git.example.org/ada/shop"), HEAD);
    app.send(signed("pull_request", &opened, Some("one"))).await.expect(StatusCode::CREATED);
    let [opened, pushed] = inbox(&app, &ada, 1, "").await.try_into().unwrap();
    let replay = |delivery: &Value| format!("/api/v1/deliveries/{}/replay", delivery["id"]);
    let before = app.builds(&bob, 2).await;
    app.post(&replay(&pushed), Some(&ada), json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(app.builds(&bob, 2).await, before, "only the caller's own projects");
    // Its preview has a build of that commit.
    app.post(&replay(&opened), Some(&ada), json!({})).await.expect(StatusCode::OK);
    let kept = inbox(&app, &ada, 1, "").await;
    assert_eq!((&kept[1]["replayOf"], &kept[0]["replayOf"]), (&pushed["id"], &opened["id"]));
    assert_eq!(kept[0]["reason"], "pull request #7 was opened; shop: greet has a build of this commit");
    let ping = json!({"repository": repository("https://git.example.org/ada/shop")});
    app.send(signed("ping", &ping, None)).await.expect(StatusCode::OK);
    let ping = inbox(&app, &ada, 1, "?limit=1").await.remove(0);
    let refused = app.post(&replay(&ping), Some(&ada), json!({})).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused["error"]["code"], "not_replayable");
}
