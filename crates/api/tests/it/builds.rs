//! Builds and logs.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use berth_model::LogStream;
use serde_json::json;

use crate::harness::{App, line};

#[tokio::test]
async fn the_contracts_bodies() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    app.work("shop").await;
    let read = app.get("/api/build/1", Some(&ada)).await.expect(StatusCode::OK);
    insta::assert_json_snapshot!("build", read);
    let again = app.post("/api/build/rebuild/1", Some(&ada), json!({})).await.expect(StatusCode::OK);
    insta::assert_json_snapshot!("rebuilt", again);
}

#[tokio::test]
async fn a_log_is_read_after_a_line_until_it_is_complete() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    let claimed = app.claim().await;
    let first = app.get("/api/v1/builds/1/log?limit=1", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(first["lines"][0]["text"], "fetching");
    assert_eq!((&first["next"], &first["complete"]), (&json!(1), &json!(false)));
    app.store.append_log(claimed.build.id, &[line(3, LogStream::Stdout, "done")]).await.unwrap();
    app.publish(&claimed, "shop").await;
    let rest = app.get("/api/v1/builds/1/log?after=1", Some(&ada)).await.expect(StatusCode::OK);
    let numbers: Vec<_> = rest["lines"].as_array().unwrap().iter().map(|line| line["number"].clone()).collect();
    assert_eq!(numbers, [json!(2), json!(3)]);
    assert_eq!((&rest["next"], &rest["complete"]), (&json!(3), &json!(true)));
    let nothing = app.get("/api/v1/builds/1/log?after=3", Some(&ada)).await.json();
    assert_eq!((&nothing["next"], &nothing["complete"]), (&json!(3), &json!(true)));
}

#[tokio::test]
async fn canceling_says_how_far_it_got() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    app.claim().await;
    let asked = app.post("/api/v1/builds/1/cancel", Some(&ada), json!({})).await.expect(StatusCode::ACCEPTED);
    assert_eq!((&asked["status"], &asked["cancelRequested"]), (&json!("running"), &json!(true)));
    let queued = app.post("/api/v1/projects/1/builds", Some(&ada), json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/builds/{}/cancel", queued["id"]);
    let canceled = app.post(&path, Some(&ada), json!({})).await.expect(StatusCode::OK);
    assert_eq!(canceled["status"], "canceled");
    let late = app.post(&path, Some(&ada), json!({})).await.expect(StatusCode::CONFLICT);
    assert_eq!(late["error"]["message"], "the build has ended: canceled");
    let legacy = app.get(&format!("/api/build/{}", queued["id"]), Some(&ada)).await.json();
    assert_eq!(legacy["build"]["status"], "failed", "the contract has no word for canceled");
}

#[tokio::test]
async fn builds_are_listed_in_pages() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    for _ in 0..4 {
        app.clock.advance(Duration::from_secs(1));
        app.call(Method::POST, "/api/v1/projects/1/builds", Some(&ada), None).await.expect(StatusCode::CREATED);
    }
    let ids = |page: serde_json::Value| -> Vec<i64> {
        page.as_array().unwrap().iter().map(|build| build["id"].as_i64().unwrap()).collect()
    };
    let first = app.get("/api/v1/projects/1/builds?limit=2", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(ids(first), [5, 4]);
    let next = app.get("/api/v1/projects/1/builds?before=4", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(ids(next), [3, 2, 1]);
    app.get("/api/v1/projects/1/builds?before=x", Some(&ada)).await.expect(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_log_is_a_file_too() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    app.create(&ada, "shop").await;
    let claimed = app.claim().await;
    let lines: Vec<_> =
        (3..=12_000).map(|number| line(number, LogStream::Stdout, "\u{1b}[31mrot\u{1b}[0m ü")).collect();
    app.store.append_log(claimed.build.id, &lines).await.unwrap();
    let file = app.get("/api/v1/builds/1/log?format=text", Some(&ada)).await;
    assert_eq!(file.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"shop-build-1.log\"");
    assert_eq!(file.text.lines().count(), 12_000, "more than is read at once");
    assert!(file.text.starts_with("fetching\nnpm notice\n\u{1b}[31mrot"));
    let rest = app.get("/api/v1/builds/1/log?format=text&after=11999", Some(&ada)).await;
    assert_eq!(rest.text.lines().count(), 1);
    let page = app.get("/api/v1/builds/1/log?limit=20000", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!((page["lines"].as_array().unwrap().len(), &page["next"]), (12_000, &json!(12_000)));
    app.get("/api/v1/builds/1/log?format=text", Some(&bob)).await.expect(StatusCode::NOT_FOUND);
    app.get("/api/v1/builds/1/log?format=pdf", Some(&ada)).await.expect(StatusCode::BAD_REQUEST);
    app.get("/api/v1/builds/1/log?after=x", Some(&ada)).await.expect(StatusCode::BAD_REQUEST);
}
