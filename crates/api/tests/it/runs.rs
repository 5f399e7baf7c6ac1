//! One-off commands: asked for, followed, stopped. What carries them out is played through the store.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use berth_model::{LogStream, ProjectId, ReplicaEnd, RunId};
use berth_store::{LogOf, LogWriter, RunEnd};
use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::{App, Person, Shop};

impl App {
    /// What a command's container prints.
    fn printing(&self, shop: &Shop, run: i64) -> LogWriter {
        let of = LogOf::Run { project: ProjectId(shop.project), run: RunId(run) };
        self.service_logs.writer(of, berth_model::DeploymentId(shop.deployment), None, Arc::default())
    }

    async fn end(&self, run: i64, exit_code: i64) {
        let end = RunEnd::Ended(ReplicaEnd { exit_code, out_of_memory: None });
        self.store.run_ended(RunId(run), end).await.unwrap();
    }

    async fn ask_to_run(&self, who: &Person, shop: &Shop, body: Value) -> crate::harness::Answer {
        self.post(&format!("/api/v1/projects/{}/runs", shop.project), Some(who), body).await
    }
}

#[tokio::test]
async fn a_command_is_asked_for_and_read_to_its_end() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    let refused = app.ask_to_run(&ada, &shop, json!({"command": ["true"]})).await;
    assert!(refused.text.contains("nothing of this project runs"), "{}", refused.text);
    refused.expect(StatusCode::CONFLICT);
    app.run_services(&ada, &shop).await;
    let asked = json!({"command": ["npm", "run", "say it"], "service": "api"});
    let run = app.ask_to_run(&ada, &shop, asked).await.expect(StatusCode::CREATED);
    let id = run["id"].as_i64().unwrap();
    let deployment = run["deploymentId"].as_i64().unwrap();
    let now = app.clock.now().to_string();
    assert_eq!(
        run,
        json!({
            "id": id, "projectId": shop.project, "deploymentId": deployment, "service": "api",
            "command": ["npm", "run", "say it"], "status": "queued", "exitCode": null, "problem": null,
            "requestedBy": {"id": ada.id.0, "username": "ada"}, "createdAt": now, "startedAt": null,
            "finishedAt": null, "stopAskedAt": null,
        })
    );
    let log = format!("/api/v1/runs/{id}/log");
    let empty = app.get(&log, Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(empty, json!({"lines": [], "next": 0, "complete": false}));

    app.store.run_started(RunId(id)).await.unwrap();
    let printing = app.printing(&shop, id);
    printing.line(1_000, LogStream::Stdout, b"one").await;
    printing.line(2_000, LogStream::Stderr, b"two").await;
    printing.end().await;
    let page = app.get(&format!("{log}?limit=1"), Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(
        (&page["lines"][0]["text"], &page["next"], &page["complete"]),
        (&json!("one"), &json!(1), &json!(false))
    );
    app.end(id, 3).await;
    let page = app.get(&format!("{log}?limit=1"), Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(page["complete"], false, "there is more of it");
    let page = app.get(&format!("{log}?after=1"), Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!((&page["lines"][0]["stream"], &page["complete"]), (&json!("stderr"), &json!(true)));

    let read = app.get(&format!("/api/v1/runs/{id}"), Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!((&read["status"], &read["exitCode"]), (&json!("ended"), &json!(3)));
    let listed = app.get(&format!("/api/v1/projects/{}/runs?limit=1", shop.project), Some(&ada)).await;
    assert_eq!(listed.expect(StatusCode::OK), json!([read]));
    app.post(&format!("/api/v1/runs/{id}/stop"), Some(&ada), json!({})).await.expect(StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_is_no_command_is_not_carried_out() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    app.run_services(&ada, &shop).await;
    for (body, word) in [
        (json!({}), "needed"),
        (json!({"command": []}), "begins with the name of a program"),
        (json!({"command": ["", "x"]}), "begins with the name of a program"),
        (json!({"command": "npm run it"}), "list of texts"),
        (json!({"command": ["a\0b"]}), "NUL"),
        (json!({"command": vec!["x"; 300]}), "at most 256 arguments"),
        (json!({"command": ["true"], "service": "No Name"}), "a service's name"),
        (json!({"command": ["true"], "shell": true}), "no such field"),
    ] {
        let refused = app.ask_to_run(&ada, &shop, body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert!(refused.text.contains(word), "{}", refused.text);
    }
    let asked = |service: &str| json!({"command": ["true"], "service": service});
    app.ask_to_run(&ada, &shop, asked("nosuch")).await.expect(StatusCode::NOT_FOUND);
    app.ask_to_run(&ada, &shop, asked("web")).await.expect(StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_command_is_stopped_at_once_or_asked_to_end() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    let waiting = app.run_services(&ada, &shop).await;
    let stop = async |id: i64| app.post(&format!("/api/v1/runs/{id}/stop"), Some(&ada), json!({})).await;
    assert_eq!(stop(waiting).await.expect(StatusCode::OK)["status"], "stopped");
    let run = app.ask_to_run(&ada, &shop, json!({"command": ["sleep", "9"]})).await.expect(StatusCode::CREATED);
    let running = run["id"].as_i64().unwrap();
    app.store.run_started(RunId(running)).await.unwrap();
    let asked = stop(running).await.expect(StatusCode::ACCEPTED);
    assert_eq!((&asked["status"], asked["stopAskedAt"].is_string()), (&json!("running"), true));
    stop(running).await.expect(StatusCode::ACCEPTED);
}

/// Lines come as they are written, then the end, and the connection ends with it.
#[tokio::test]
async fn a_command_is_followed_live() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    let id = app.run_services(&ada, &shop).await;
    let printing = app.printing(&shop, id);
    for number in 1..=600 {
        printing.line(number, LogStream::Stdout, format!("early {number}").as_bytes()).await;
    }
    printing.end().await;
    let request = Request::builder().method(Method::GET).uri(format!("/api/v1/runs/{id}/log?follow=true&after=598"));
    let request = request.header(AUTHORIZATION, format!("Bearer {}", ada.bearer)).body(Body::empty()).unwrap();
    let answer = app.router.clone().oneshot(request).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["content-type"]),
        (StatusCode::OK, &"application/x-ndjson".parse().unwrap())
    );
    let mut body = answer.into_body();
    let next = async |body: &mut Body| -> Vec<Value> {
        let frame = tokio::time::timeout(Duration::from_secs(10), body.frame()).await.expect("nothing comes");
        let piece = frame.map(|frame| frame.unwrap().into_data().unwrap()).unwrap_or_default();
        String::from_utf8_lossy(&piece).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let early = next(&mut body).await;
    assert_eq!(early.iter().map(|line| line["number"].as_i64().unwrap()).collect::<Vec<_>>(), [599, 600]);
    app.store.run_started(RunId(id)).await.unwrap();
    printing.line(700, LogStream::Stderr, b"live").await;
    let live = next(&mut body).await;
    assert_eq!((live.len(), &live[0]["text"], &live[0]["stream"]), (1, &json!("live"), &json!("stderr")));
    printing.line(701, LogStream::Stdout, b"last").await;
    printing.end().await;
    app.end(id, 0).await;
    let mut rest = Vec::new();
    while !rest.last().is_some_and(|line: &Value| line["run"].is_object()) {
        rest.extend(next(&mut body).await);
    }
    assert_eq!((rest.len(), &rest[0]["text"]), (2, &json!("last")));
    assert_eq!((&rest[1]["run"]["status"], &rest[1]["run"]["exitCode"]), (&json!("ended"), &json!(0)));
    assert!(body.frame().await.is_none(), "nothing comes after the end");
}
