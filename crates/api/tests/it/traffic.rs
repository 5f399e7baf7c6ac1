//! What visitors do, as the API tells it. What is counted, and when, is the edge's and the server's tests' to show.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use berth_api::{Metrics, Observer};
use berth_model::{AccessEvent, AccessLine, Latency, ProjectId, StatusClasses, Timestamp, Traffic, TrafficMinute};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION};
use serde_json::{Value, json};

use crate::harness::App;

const SINCE: Timestamp = Timestamp(1_795_000_000_000_000);

fn line(target: &str) -> AccessLine {
    AccessLine {
        time: SINCE,
        client: Ipv4Addr::new(192, 0, 2, 7).into(),
        host: "shop.sites.test".to_owned(),
        method: "GET".to_owned(),
        target: target.to_owned(),
        version: "HTTP/1.1",
        status: 200,
        bytes: 1_024,
        took: Duration::from_micros(48),
        cache_hit: true,
        referer: None,
        user_agent: Some("curl/8".to_owned()),
    }
}

/// An observer that has always seen the same.
pub(crate) struct ScriptedObserver;

impl Observer for ScriptedObserver {
    fn since(&self) -> Timestamp {
        SINCE
    }

    fn traffic(&self, _: ProjectId) -> Traffic {
        let [p50, p90, p99] = [48, 96, 1_200].map(Duration::from_micros);
        Traffic {
            statuses: StatusClasses([10, 2, 1, 0]),
            bytes: 4_096,
            cache_hits: 9,
            latency: Some(Latency { p50, p90, p99, sum: Duration::from_millis(2) }),
            minutes: vec![TrafficMinute { from: SINCE.after(Duration::from_secs(120)), requests: 13, bytes: 4_096 }],
        }
    }

    fn last(&self, _: ProjectId, most: usize) -> Vec<Arc<AccessLine>> {
        let lines = ["/one", "/two", "/three"].map(|target| Arc::new(line(target)));
        lines[lines.len() - most.min(lines.len())..].to_vec()
    }

    fn watch(&self, _: ProjectId) -> BoxStream<'static, AccessEvent> {
        stream::iter([AccessEvent::Line(Arc::new(line("/cart?n=1"))), AccessEvent::Lost(3)]).boxed()
    }

    fn metrics(&self) -> BoxFuture<'static, Metrics> {
        let pieces = stream::iter(["one 1\n", "two 2\n"].map(bytes::Bytes::from)).boxed();
        async { Metrics { content_type: "text/plain; version=0.0.4", pieces } }.boxed()
    }
}

#[tokio::test]
async fn traffic_is_told_with_its_beginning() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    let path = format!("/api/v1/projects/{}/traffic", shop.project);
    let traffic = app.get(&path, Some(&ada)).await.expect(StatusCode::OK);
    let expected = json!({
        "since": SINCE,
        "requests": 13,
        "statuses": {"2xx": 10, "3xx": 2, "4xx": 1, "5xx": 0},
        "bytes": 4_096,
        "cacheHits": 9,
        "latency": {"p50": 0.000_048, "p90": 0.000_096, "p99": 0.001_2},
        "minutes": [{"from": SINCE.after(Duration::from_secs(120)), "requests": 13, "bytes": 4_096}],
    });
    assert_eq!(traffic, expected);
}

#[tokio::test]
async fn requests_are_told_line_by_line_in_either_format() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    let path = format!("/api/v1/projects/{}/access-log", shop.project);
    let watch = async |accept: &str| {
        let request =
            Request::get(&path).header(AUTHORIZATION, format!("Bearer {}", ada.bearer)).header(ACCEPT, accept);
        app.send(request.body(Body::empty()).unwrap()).await
    };
    let lines = watch("*/*").await;
    assert_eq!((lines.status, lines.header("content-type")), (StatusCode::OK, "application/x-ndjson"));
    insta::assert_snapshot!(lines.text, @r#"
    {"time":"2026-11-18T11:06:40.000Z","client":"192.0.2.7","host":"shop.sites.test","method":"GET","path":"/cart?n=1","protocol":"HTTP/1.1","status":200,"bytes":1024,"seconds":0.000048,"cacheHit":true,"referer":null,"userAgent":"curl/8"}
    {"lost":3}
    "#);
    let lines = watch("text/plain").await;
    assert_eq!(lines.header("content-type"), "text/plain; charset=utf-8");
    insta::assert_snapshot!(lines.text, @r#"
    192.0.2.7 - - [18/Nov/2026:11:06:40 +0000] "GET /cart?n=1 HTTP/1.1" 200 1024 "-" "curl/8"
    # 3 lines came faster than they were read
    "#);
}

#[tokio::test]
async fn the_last_requests_are_told_at_once() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let shop = app.shop(&ada, "shop").await;
    let path = format!("/api/v1/projects/{}/access-log", shop.project);
    for (last, told) in [("0", &[][..]), ("2", &["/two", "/three"]), ("64", &["/one", "/two", "/three"])] {
        let answer = app.get(&format!("{path}?last={last}"), Some(&ada)).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/x-ndjson"));
        let lines: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.iter().map(|line| line["path"].as_str().unwrap()).collect::<Vec<_>>(), told, "{last}");
    }
    assert_eq!(app.get(&format!("{path}?last=many"), Some(&ada)).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(app.get(&format!("{path}?last=1"), Some(&bob)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn metrics_are_passed_on_as_they_are() {
    let app = App::start().await;
    let admin = app.admin().await;
    let page = app.get("/metrics", Some(&admin)).await;
    assert_eq!((page.text.as_str(), page.header("content-type")), ("one 1\ntwo 2\n", "text/plain; version=0.0.4"));
    assert_eq!(page.header("cache-control"), "no-store");
}
