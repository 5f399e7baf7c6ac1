//! Sockets over both of what a client may hold, spoken by hand over long polling; the real client on both transports is
//! the end-to-end tests' part.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use berth_model::{BuildId, LogStream, ProjectId};
use berth_store::LogBatch;
use serde_json::{Value, json};

use crate::harness::{App, ORIGIN_OF_BERTH, Person, line};

/// A Socket.IO client over long polling.
struct Socket {
    http: reqwest::Client,
    url: String,
    pending: Vec<String>,
}

/// What a client may bring along.
#[derive(Default)]
struct Handshake<'a> {
    token: Option<&'a str>,
    cookie: Option<&'a str>,
    origin: Option<&'a str>,
    fetch_site: Option<&'a str>,
}

async fn listen(app: &App) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = app.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

impl Socket {
    /// Connects; `Err` is the message of the `connect_error`.
    async fn connect(address: &str, handshake: Handshake<'_>) -> Result<Self, String> {
        let mut headers = http::HeaderMap::new();
        for (name, value) in
            [("cookie", handshake.cookie), ("origin", handshake.origin), ("sec-fetch-site", handshake.fetch_site)]
        {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        let http = reqwest::Client::builder().default_headers(headers).build().unwrap();
        let base = format!("{address}/socket.io/?EIO=4&transport=polling");
        let opened = http.get(&base).send().await.unwrap().text().await.unwrap();
        let opened: Value = serde_json::from_str(&opened[1..]).unwrap();
        let url = format!("{base}&sid={}", opened["sid"].as_str().unwrap());
        let mut socket = Self { http, url, pending: Vec::new() };
        let auth = handshake.token.map(|token| json!({"token": token}).to_string()).unwrap_or_default();
        socket.http.post(&socket.url).body(format!("40{auth}")).send().await.unwrap();
        match socket.packet().await {
            packet if packet.starts_with("40") => Ok(socket),
            packet => {
                let refusal: Value = serde_json::from_str(packet.strip_prefix("44").unwrap()).unwrap();
                Err(refusal["message"].as_str().unwrap().to_owned())
            }
        }
    }

    /// The next packet that is not a ping.
    async fn packet(&mut self) -> String {
        loop {
            if self.pending.is_empty() {
                let polled = self.http.get(&self.url).timeout(Duration::from_secs(10)).send().await.unwrap();
                let text = polled.text().await.unwrap();
                self.pending = text.split('\u{1e}').rev().map(str::to_owned).collect();
            }
            match self.pending.pop().unwrap() {
                ping if ping == "2" => {
                    self.http.post(&self.url).body("3").send().await.unwrap();
                }
                packet => return packet,
            }
        }
    }

    /// The next event of a name, skipping others.
    async fn event(&mut self, name: &str) -> Value {
        loop {
            let packet = self.packet().await;
            let event: Value = serde_json::from_str(packet.strip_prefix("42").unwrap_or("[]")).unwrap_or_default();
            if event[0] == name {
                return event[1].clone();
            }
        }
    }
}

fn bearer(person: &Person) -> Handshake<'_> {
    Handshake { token: Some(&person.bearer), ..Handshake::default() }
}

fn batch(person: &Person, texts: &[(LogStream, &str)]) -> LogBatch {
    let lines = texts.iter().zip(1..).map(|((stream, text), number)| line(number, *stream, text)).collect();
    LogBatch { user: person.id, project: ProjectId(1), build: BuildId(1), lines }
}

#[tokio::test]
async fn only_with_a_token_or_our_own_pages_cookie() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let address = listen(&app).await;
    let connect = |handshake| Socket::connect(&address, handshake);
    let cookie = Some(ada.cookie.as_str());
    assert!(connect(bearer(&ada)).await.is_ok());
    assert!(connect(Handshake { cookie, origin: Some(ORIGIN_OF_BERTH), ..Handshake::default() }).await.is_ok());
    assert!(connect(Handshake::default()).await.is_err());
    assert!(connect(Handshake { token: Some("nonsense"), ..Handshake::default() }).await.is_err());
    assert!(connect(Handshake { cookie, ..Handshake::default() }).await.is_err(), "a cookie without an origin");
    let from = |site| Handshake { cookie, fetch_site: Some(site), ..Handshake::default() };
    assert!(connect(from("same-origin")).await.is_ok(), "a browser's own page, by long polling");
    assert!(connect(from("same-site")).await.is_err(), "a site under the same domain");
    let foreign = Some("https://evil.example");
    assert!(connect(Handshake { cookie, origin: foreign, ..Handshake::default() }).await.is_err());
    assert!(connect(Handshake { origin: foreign, ..bearer(&ada) }).await.is_err());
    let in_address = reqwest::get(format!("{address}/socket.io/?EIO=4&transport=polling&token={}", ada.bearer)).await;
    let opened: Value = serde_json::from_str(&in_address.unwrap().text().await.unwrap()[1..]).unwrap();
    let url = format!(
        "{address}/socket.io/?EIO=4&transport=polling&token={}&sid={}",
        ada.bearer,
        opened["sid"].as_str().unwrap()
    );
    let mut socket = Socket { http: reqwest::Client::new(), url, pending: Vec::new() };
    socket.http.post(&socket.url).body("40").send().await.unwrap();
    assert!(socket.packet().await.starts_with("44"), "A4: a token in the address is not read");
}

#[tokio::test]
async fn the_six_events_in_the_contracts_words() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let address = listen(&app).await;
    let mut socket = Socket::connect(&address, bearer(&ada)).await.ok().unwrap();
    app.create(&ada, "shop").await;
    let queued = socket.event("buildStatusUpdate").await;
    assert_eq!(queued, json!({"projectId": 1, "buildId": 1, "status": "queued"}));
    let claimed = app.claim().await;
    assert_eq!(socket.event("buildStatusUpdate").await["status"], "running");
    let (out, err) = (LogStream::Stdout, LogStream::Stderr);
    app.store.signals().publish_log(batch(&ada, &[(out, "one"), (out, "two"), (err, "npm ERR! three")]));
    let logs = socket.event("build_logs").await;
    assert_eq!(logs, json!({"projectId": 1, "buildId": 1, "log": "one\ntwo", "lineNumber": 1, "type": "info"}));
    let errors = socket.event("build_errors").await;
    assert_eq!(
        errors,
        json!({"projectId": 1, "buildId": 1, "log": "npm ERR! three", "lineNumber": 3, "type": "error"})
    );
    let deployment = app.publish(&claimed, "shop").await;
    assert_eq!(socket.event("buildStatusUpdate").await["status"], "passed");
    let reason = berth_store::ActivationReason::Build;
    let activation = app.store.enqueue_activation(deployment, reason).await.unwrap();
    app.store.decide_activation(activation).await.unwrap();
    app.store.confirm_activation(activation).await.unwrap();
    let live = socket.event("deploymentUpdate").await;
    let url = "http://shop.sites.test:8080";
    assert_eq!(live, json!({"projectId": 1, "buildId": 1, "status": "live", "url": url}));
}

#[tokio::test]
async fn the_contracts_words_are_of_production() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    app.work("shop").await;
    let on = Some(json!({"previews": true}));
    app.call(Method::PATCH, "/api/v1/projects/1", Some(&ada), on).await.expect(StatusCode::OK);
    let address = listen(&app).await;
    let mut socket = Socket::connect(&address, bearer(&ada)).await.ok().unwrap();
    app.open_pull_request(ProjectId(1), "shop", 8, false).await;
    let (of_preview, _) = app.work("shop").await;
    // A preview that went live is told in our words, and is not the site.
    loop {
        let payload = socket.event("event").await["payload"].clone();
        if payload["kind"] == "deployment_status" && payload["status"] == "live" {
            assert_eq!(payload["build"], of_preview);
            break;
        }
    }
    app.post("/api/v1/projects/1/builds", Some(&ada), json!({})).await.expect(StatusCode::CREATED);
    let (build, _) = app.work("shop").await;
    for (name, status) in [
        ("buildStatusUpdate", "queued"),
        ("buildStatusUpdate", "running"),
        ("buildStatusUpdate", "passed"),
        ("deploymentUpdate", "live"),
    ] {
        let heard = socket.event(name).await;
        assert_eq!((&heard["buildId"], &heard["status"]), (&json!(build), &json!(status)));
    }
}

#[tokio::test]
async fn z3_nobody_hears_what_is_anothers() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let address = listen(&app).await;
    let mut bobs = Socket::connect(&address, bearer(&bob)).await.ok().unwrap();
    app.create(&ada, "shop").await;
    app.store.signals().publish_log(batch(&ada, &[(LogStream::Stdout, "ada's")]));
    let bobs_project = app.create(&bob, "bobs").await;
    let heard = bobs.event("buildStatusUpdate").await;
    assert_eq!(heard["projectId"], bobs_project["project"]["id"], "the first thing bob hears is his own");
}

#[tokio::test]
async fn every_line_of_a_burst_arrives_in_few_events_and_before_the_end() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let address = listen(&app).await;
    let mut socket = Socket::connect(&address, bearer(&ada)).await.ok().unwrap();
    app.create(&ada, "shop").await;
    let claimed = app.claim().await;
    assert_eq!(socket.event("buildStatusUpdate").await["status"], "queued");
    let texts: Vec<String> = (0..3_000).map(|n| format!("line {n}")).collect();
    let texts: Vec<_> = texts.iter().map(|text| (LogStream::Stdout, text.as_str())).collect();
    app.store.signals().publish_log(batch(&ada, &texts));
    app.publish(&claimed, "shop").await;
    let (mut lines, mut events) = (0, 0);
    loop {
        let packet = socket.packet().await;
        let event: Value = serde_json::from_str(packet.strip_prefix("42").unwrap()).unwrap();
        if event[0] == "build_logs" {
            assert_eq!(event[1]["lineNumber"], lines + 1);
            lines += i64::try_from(event[1]["log"].as_str().unwrap().lines().count()).unwrap();
            events += 1;
        }
        if event[0] == "buildStatusUpdate" && event[1]["status"] == "passed" {
            break;
        }
    }
    assert_eq!((lines, events), (3_000, 60));
}

#[tokio::test]
async fn a3_the_sockets_of_a_session_end_with_it() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let address = listen(&app).await;
    let mut socket = Socket::connect(&address, bearer(&ada)).await.ok().unwrap();
    let begun = std::time::Instant::now();
    app.call(http::Method::DELETE, "/api/v1/sessions/current", Some(&ada), None).await;
    loop {
        // `41` is the server's goodbye to the namespace.
        if socket.packet().await == "41" {
            break;
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(Socket::connect(&address, bearer(&ada)).await.is_err());
}

#[tokio::test]
async fn shutting_down_closes_every_socket() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let address = listen(&app).await;
    let mut socket = Socket::connect(&address, bearer(&ada)).await.ok().unwrap();
    app.api.shutdown().await;
    // `41` says goodbye to the namespace, `1` to the connection; a client that polls later is not known any more.
    // On a busy machine what happened before the connection stood may still be told before.
    let mut goodbye = socket.packet().await;
    while goodbye.starts_with("42") {
        goodbye = socket.packet().await;
    }
    assert!(goodbye == "41" || goodbye == "1" || goodbye.starts_with('{'), "{goodbye}");
}

#[tokio::test]
async fn one_that_has_stalled_holds_up_nobody_and_is_let_go() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let address = listen(&app).await;
    let mut stalled = Socket::connect(&address, bearer(&ada)).await.ok().unwrap();
    let mut listening = Socket::connect(&address, bearer(&ada)).await.ok().unwrap();
    // Eight builds write 4,000 lines each, seven times over: 4,480 events, more than wait for one socket.
    for round in 0..7 {
        for build in 1..=8 {
            let line = |number| line(number, LogStream::Stdout, "x");
            let lines = (round * 4_000 + 1..=round * 4_000 + 4_000).map(line).collect();
            let (user, project, build) = (ada.id, ProjectId(1), BuildId(build));
            app.store.signals().publish_log(LogBatch { user, project, build, lines });
        }
        let mut heard = 0;
        while heard < 8 * 4_000 {
            heard += listening.event("build_logs").await["log"].as_str().unwrap().lines().count();
        }
        assert_eq!(heard, 8 * 4_000);
    }
    let mut late = 0;
    loop {
        match stalled.packet().await.as_str() {
            "41" => break,
            event => late += usize::from(event.starts_with("42")),
        }
    }
    assert!(late < 4_480, "it was told everything: {late}");
}

#[tokio::test]
async fn lines_of_services_and_commands_come_in_order_and_before_their_end() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let shop = app.shop(&ada, "shop").await;
    let run = app.run_services(&ada, &shop).await;
    let address = listen(&app).await;
    let mut socket = Socket::connect(&address, bearer(&ada)).await.ok().unwrap();
    let (project, deployment) = (ProjectId(shop.project), berth_model::DeploymentId(shop.deployment));
    let environment = berth_model::Environment::Production;
    let of = berth_store::LogOf::Service { project, environment, service: crate::services::api() };
    let web = app.service_logs.writer(of, deployment, Some(1), Default::default());
    web.line(1_000, LogStream::Stdout, b"one").await;
    web.line(2_000, LogStream::Stderr, b"two").await;
    let at = "1970-01-01T00:00:00.000Z";
    let told = socket.event("service_logs").await;
    assert_eq!(
        told,
        json!({"projectId": project.0, "environment": "production", "service": "api", "lines": [
            {"number": 1, "at": at, "deploymentId": deployment.0, "replica": 1, "stream": "stdout", "text": "one"},
            {"number": 2, "at": at, "deploymentId": deployment.0, "replica": 1, "stream": "stderr", "text": "two"},
        ]})
    );
    let mut strangers = Socket::connect(&address, bearer(&bob)).await.ok().unwrap();
    let run = berth_model::RunId(run);
    app.store.run_started(run).await.unwrap();
    assert_eq!(socket.event("serviceUpdate").await, json!({"projectId": project.0}));
    let of = berth_store::LogOf::Run { project, run };
    let printing = app.service_logs.writer(of, deployment, None, Default::default());
    printing.line(3_000, LogStream::Stdout, b"done").await;
    printing.end().await;
    let end = berth_store::RunEnd::Stopped { why: None };
    app.store.run_ended(run, end).await.unwrap();
    let mut heard = Vec::new();
    while heard.len() < 2 {
        let packet = socket.packet().await;
        let event: Value = serde_json::from_str(packet.strip_prefix("42").unwrap_or("[]")).unwrap_or_default();
        if event[0] == "run_log" || event[0] == "serviceUpdate" {
            heard.push(event);
        }
    }
    assert_eq!((&heard[0][0], &heard[1][0]), (&json!("run_log"), &json!("serviceUpdate")));
    let line = json!({"number": 1, "at": at, "deploymentId": deployment.0, "replica": null, "stream": "stdout", "text": "done"});
    assert_eq!(heard[0][1], json!({"projectId": project.0, "runId": run.0, "lines": [line]}));
    // What comes first to a stranger is their own.
    app.create(&bob, "other").await;
    let packet = strangers.packet().await;
    assert!(packet.contains("project_created") || packet.contains("buildStatusUpdate"), "{packet}");
}
