//! What goes through, and what does not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use berth_edge::UpstreamState;
use berth_model::{Lock, ServiceProtocol};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};

use super::world::{
    HOST, Heard, PROJECT, Peer, SOON, Whole, World, by_hand, drained, mounted, nobody, service, status,
};

/// Answers with what it was asked.
async fn mirror(request: Request<Incoming>) -> Response<Whole> {
    let (head, body) = request.into_parts();
    let mut lines: Vec<String> =
        head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let text = format!("{} {}\n{}\n\n{}", head.method, head.uri, lines.join("\n"), String::from_utf8_lossy(&body));
    Response::builder()
        .header("connection", "x-own, keep-alive")
        .header("x-own", "1")
        .header("keep-alive", "timeout=5")
        .header("x-passes", "1")
        .header("server", "mirror")
        .body(Whole::from(text))
        .unwrap()
}

#[tokio::test]
async fn a_request_and_its_answer_go_through_but_for_what_is_about_the_connection() {
    let (address, _) = service(mirror).await;
    let world = World::with(&[address]).await;
    let answer = world
        .ask(&format!(
            "PUT /a%2Fb//c?d=%20e HTTP/1.1\r\nHost: {HOST}:8080\r\nConnection: close, X-Own\r\nX-Own: 1\r\nX-Passes: 1\r\n\
             X-Forwarded-For: 10.0.0.1\r\nX_Forwarded_Proto: http\r\nForwarded: for=evil\r\nProxy: evil\r\n\
             Authorization: Bearer own\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        ))
        .await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(status(head), "200", "{answer}");
    assert!(head.contains("x-passes: 1") && head.contains("server: mirror"), "{head}");
    assert!(!head.contains("x-own") && !head.contains("keep-alive"), "{head}");
    let asked = format!(
        "PUT /a%2Fb//c?d=%20e\nauthorization: Bearer own\nforwarded: for=192.0.2.7;host=\"{HOST}:8080\";proto=https\n\
         host: {HOST}:8080\ntransfer-encoding: chunked\nx-forwarded-for: 192.0.2.7\nx-forwarded-host: {HOST}:8080\n\
         x-forwarded-port: 8080\nx-forwarded-proto: https\nx-passes: 1\nx-real-ip: 192.0.2.7\n\nabc"
    );
    assert_eq!(body, asked);
}

#[tokio::test]
async fn a_prefix_is_taken_off_where_that_is_wanted() {
    let (address, _) = service(mirror).await;
    let world = World::with(&[address]).await;
    world.edge.install(HOST, mounted(1, &world.upstream, "/api", true));
    for (path, asked) in [
        ("/api", "/"),
        ("/api?q", "/?q"),
        ("/api/", "/"),
        ("/%61pi/x?q=1", "/x?q=1"),
        ("/api//evil.example/", "/evil.example/"),
    ] {
        let answer = world.get(path).await;
        assert!(answer.contains(&format!("\r\n\r\nGET {asked}\n")), "{path}: {answer}");
        assert!(answer.contains("x-forwarded-prefix: /api\n"), "{answer}");
    }
    world.edge.install(HOST, mounted(1, &world.upstream, "/api", false));
    let answer = world.get("/api/x").await;
    assert!(answer.contains("\r\n\r\nGET /api/x\n") && !answer.contains("prefix"), "{answer}");
    assert_eq!(status(&world.get("/other").await), "404");
}

#[tokio::test]
async fn connections_are_kept() {
    let (address, taken) = service(mirror).await;
    let world = World::with(&[address]).await;
    for _ in 0..20 {
        assert_eq!(status(&world.get("/").await), "200");
        assert_eq!(status(&world.post("/", "abc").await), "200");
    }
    assert!(taken.load(Ordering::SeqCst) <= 2, "{taken:?} connections for one request after the other");
}

#[tokio::test]
async fn answers_without_a_body_end_at_once() {
    let (address, taken) = service(|request: Request<Incoming>| async move {
        let status = request.uri().path()[1..].parse::<u16>().unwrap_or(200);
        let response = Response::builder().status(status).header("etag", "\"1\"");
        response.body(Whole::from(if status == 200 { "four" } else { "" })).unwrap()
    })
    .await;
    let world = World::with(&[address]).await;
    let mut visitor = Peer::to(world.front).await;
    for (method, path, first) in [
        ("GET", "/204", "204"),
        ("GET", "/304", "304"),
        ("HEAD", "/", "200"),
        ("HEAD", "/404", "404"),
        ("GET", "/", "200"),
    ] {
        visitor.say(format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await;
        let head = visitor.head().await;
        assert_eq!(status(&head), first, "{method} {path}");
        assert!(head.contains("etag: \"1\""), "{head}");
        assert_eq!(head.contains("content-length: 4"), path == "/", "{head}");
    }
    assert_eq!(visitor.hear(4).await, b"four", "nothing came before it");
    assert_eq!(taken.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn trailers_go_both_ways() {
    let (address, _) = service(|request: Request<Incoming>| async move {
        let collected = request.into_body().collect().await.unwrap();
        let sum = collected.trailers().map(|trailers| trailers["x-sum"].clone()).expect("the request's trailers");
        let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), sum)]);
        let frames = [Ok::<_, std::io::Error>(Frame::data(Bytes::from("abc"))), Ok(Frame::trailers(trailers))];
        let body = StreamBody::new(futures_util::stream::iter(frames));
        Response::builder().header("trailer", "x-sum").body(body).unwrap()
    })
    .await;
    let world = World::with(&[address]).await;
    let answer = world
        .ask(&format!(
            "POST / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close, TE\r\nTE: trailers\r\nTrailer: x-sum\r\n\
             Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-sum: 42\r\n\r\n"
        ))
        .await;
    assert!(answer.ends_with("\r\nabc\r\n0\r\nx-sum: 42\r\n\r\n"), "{answer}");
}

/// Says when nobody listens to an answer any more.
struct Leaving(tokio::sync::mpsc::UnboundedSender<()>);

impl Drop for Leaving {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn events_arrive_one_by_one_and_their_service_learns_that_nobody_listens_any_more() {
    let (left, mut has_left) = tokio::sync::mpsc::unbounded_channel();
    let (more, next) = tokio::sync::mpsc::channel::<&'static str>(1);
    let next = Arc::new(tokio::sync::Mutex::new(next));
    let (address, _) = service(move |_| {
        let (left, next) = (Leaving(left.clone()), Arc::clone(&next));
        async move {
            let events = futures_util::stream::unfold((left, next), |(left, next)| async move {
                let event = next.lock().await.recv().await?;
                Some((Ok::<_, std::io::Error>(Frame::data(Bytes::from(event))), (left, next)))
            });
            Response::builder().header("content-type", "text/event-stream").body(StreamBody::new(events)).unwrap()
        }
    })
    .await;
    let world = World::asking(UpstreamState::Ready(vec![address]), SOON).await;
    let mut visitor = Peer::to(world.front).await;
    visitor.say(format!("GET /events HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await;
    assert_eq!(status(&visitor.head().await), "200", "the head comes before any event");
    for event in ["data: one\n\n", "data: two\n\n"] {
        more.send(event).await.unwrap();
        assert_eq!(visitor.line().await.trim_end(), format!("{:x}", event.len()).to_uppercase());
        assert_eq!(visitor.hear(event.len() + 2).await, format!("{event}\r\n").as_bytes());
    }
    assert_eq!(world.upstream.in_flight(), 1);
    drop(visitor);
    tokio::time::timeout(SOON, has_left.recv()).await.expect("the service's connection ends").unwrap();
    drained(&world.upstream).await;
}

#[tokio::test]
async fn events_end_whole_where_their_time_has_come_and_other_answers_go_on() {
    let (go_on, told) = tokio::sync::watch::channel(false);
    let address = by_hand(move |mut peer, _| {
        let mut told = told.clone();
        async move {
            let head = peer.head().await;
            let kind = if head.contains(" /events ") { "text/event-stream; charset=utf-8" } else { "text/plain" };
            let is_ended = head.starts_with("GET /events ");
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n");
            peer.say(format!("{head}1\r\na\r\n").as_bytes()).await;
            told.wait_for(|go_on| *go_on).await.unwrap();
            if !is_ended {
                peer.say(b"1\r\nb\r\n0\r\n\r\n").await;
            }
        }
    })
    .await;
    let world = World::asking(UpstreamState::Ready(vec![address]), SOON).await;
    let mut visitors = Vec::new();
    for target in ["GET /events", "GET /page", "POST /events"] {
        let mut visitor = Peer::to(world.front).await;
        visitor.say(format!("{target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await;
        assert_eq!(status(&visitor.head().await), "200");
        assert_eq!(visitor.hear(6).await, b"1\r\na\r\n");
        visitors.push(visitor);
    }
    world.upstream.end_lasting(address);
    assert_eq!(visitors[0].hear(5).await, b"0\r\n\r\n", "its visitor asks anew");
    go_on.send_replace(true);
    for going_on in &mut visitors[1..] {
        assert_eq!(going_on.hear(11).await, b"1\r\nb\r\n0\r\n\r\n", "nobody would ask for the rest of it");
    }
    drained(&world.upstream).await;
}

#[tokio::test]
async fn who_goes_away_before_the_answer_ends_the_request_and_is_counted_so() {
    let (left, mut has_left) = tokio::sync::mpsc::channel(1);
    let address = by_hand(move |mut peer, _| {
        let left = left.clone();
        async move {
            peer.head().await;
            assert!(peer.is_left().await);
            let _ = left.send(()).await;
        }
    })
    .await;
    let world = World::asking(UpstreamState::Ready(vec![address]), 10 * SOON).await;
    let mut visitor = Peer::to(world.front).await;
    visitor.say(format!("GET /long HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await;
    while world.upstream.in_flight() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(visitor);
    tokio::time::timeout(SOON, has_left.recv()).await.expect("the service learns it").unwrap();
    drained(&world.upstream).await;
    assert_eq!(world.edge.tallies().traffic(PROJECT).statuses.0, [0, 0, 1, 0]);
}

/// Of what a service does not take, little is taken of the visitor.
#[tokio::test]
async fn a_body_waits_where_its_service_does() {
    const PIECE: usize = 1 << 20;
    let (go_on, wait) = tokio::sync::watch::channel(false);
    let (address, _) = service(move |request: Request<Incoming>| {
        let mut wait = wait.clone();
        async move {
            wait.wait_for(|go_on| *go_on).await.unwrap();
            let (mut body, mut length) = (request.into_body(), 0);
            while let Some(frame) = body.frame().await {
                length += frame.unwrap().into_data().unwrap().len();
            }
            Response::new(Whole::from(length.to_string()))
        }
    })
    .await;
    let world = World::asking(UpstreamState::Ready(vec![address]), 10 * SOON).await;
    let mut visitor = Peer::to(world.front).await;
    let head =
        format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", 100 * PIECE);
    visitor.say(head.as_bytes()).await;
    let mut sent = 0;
    let piece = vec![7; PIECE];
    while tokio::time::timeout(Duration::from_millis(500), visitor.say(&piece)).await.is_ok() {
        sent += 1;
        assert!(sent < 40, "{sent} MiB were taken that nobody wanted");
    }
    // How much of the last piece was taken nobody knows: the rest is sent by a visitor of its own.
    drop(visitor);
    go_on.send_replace(true);
    let mut visitor = Peer::to(world.front).await;
    visitor.say(head.as_bytes()).await;
    for _ in 0..100 {
        visitor.say(&piece).await;
    }
    assert_eq!(status(&visitor.head().await), "200");
    assert_eq!(visitor.hear(9).await, (100 * PIECE).to_string().as_bytes());
}

#[tokio::test]
async fn a_service_decides_whether_a_body_is_sent_at_all() {
    let address = by_hand(|mut peer, _| async move {
        let head = peer.head().await;
        assert!(head.contains("expect: 100-continue"), "{head}");
        if head.starts_with("PUT /no ") {
            peer.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n").await;
            assert!(peer.is_left().await);
        } else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(peer.0.buffer().is_empty(), "the body waits");
            peer.say(b"HTTP/1.1 100 Continue\r\n\r\n").await;
            assert_eq!(peer.hear(3).await, b"abc");
            peer.say(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await;
        }
    })
    .await;
    let world = World::asking(UpstreamState::Ready(vec![address]), SOON).await;
    let head = |path: &str| {
        format!("PUT {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    };
    let mut visitor = Peer::to(world.front).await;
    visitor.say(head("/no").as_bytes()).await;
    assert_eq!(status(&visitor.head().await), "413", "without a word to go on");
    let mut visitor = Peer::to(world.front).await;
    visitor.say(head("/yes").as_bytes()).await;
    assert_eq!(status(&visitor.head().await), "100");
    visitor.say(b"abc").await;
    assert_eq!(status(&visitor.head().await), "201");
}

#[tokio::test]
async fn an_hour_that_a_service_needs_is_a_matter_of_patience() {
    let address = by_hand(|mut peer, _| async move {
        if peer.head().await.starts_with("GET /begins ") {
            peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").await;
        }
        assert!(peer.is_left().await, "it is not asked any more");
    })
    .await;
    let world = World::with(&[address]).await;
    assert_eq!(status(&world.get("/silent").await), "504");
    let begun = world.get("/begins").await;
    assert!(begun.ends_with("\r\n\r\nabc"), "{begun}");
    assert_eq!(world.upstream.in_flight(), 0);
}

#[tokio::test]
async fn http_2_without_tls_is_spoken_where_a_service_says_so() {
    let (address, taken) = service(|request: Request<Incoming>| async move {
        assert_eq!(request.version(), Version::HTTP_2);
        let said = format!("{} {}", request.uri(), request.headers().contains_key("host"));
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
        let frames = [
            Ok::<_, std::io::Error>(Frame::data(Bytes::from(said))),
            Ok(Frame::data(body)),
            Ok(Frame::trailers(trailers)),
        ];
        Response::new(StreamBody::new(futures_util::stream::iter(frames)))
    })
    .await;
    let world = World::with(&[address]).await;
    world.upstream.speak(ServiceProtocol::H2c);
    let stream = tokio::net::TcpStream::connect(world.front).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let asks = (0..20).map(|number| {
        let mut sender = sender.clone();
        tokio::spawn(async move {
            let request = Request::post(format!("http://{HOST}/{number}")).header("te", "trailers");
            let response = sender.send_request(request.body(Whole::from("!")).unwrap()).await.unwrap();
            let collected = response.into_body().collect().await.unwrap();
            assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
            assert_eq!(collected.to_bytes(), format!("http://{HOST}/{number} false!"));
        })
    });
    for asked in asks.collect::<Vec<_>>() {
        asked.await.unwrap();
    }
    assert_eq!(taken.load(Ordering::SeqCst), 1, "one connection takes them all");
    drained(&world.upstream).await;
}

#[tokio::test]
async fn a_visitor_of_http_2_reaches_a_service_of_http_1() {
    let (address, _) = service(mirror).await;
    let world = World::with(&[address]).await;
    let io = hyper_util::rt::TokioIo::new(tokio::net::TcpStream::connect(world.front).await.unwrap());
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post(format!("http://{HOST}/x")).header("cookie", "a=1").header("cookie", "b=2");
    let response = sender.send_request(request.body(Whole::from("body")).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let text = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    assert!(text.starts_with("POST /x\n") && text.ends_with("\n\nbody"), "{text}");
    assert!(text.contains("\ncookie: a=1; b=2\n") && text.contains(&format!("\nhost: {HOST}\n")), "{text}");
}

#[tokio::test]
async fn a_lock_comes_first_and_what_opens_it_is_no_service_s_to_know() {
    let heard = Heard::default();
    let note = heard.clone();
    let (address, _) = service(move |request: Request<Incoming>| {
        note.note(format!("{:?}", request.headers().get("authorization")));
        async { Response::builder().header("cache-control", "public, max-age=60").body(Whole::from("inside")).unwrap() }
    })
    .await;
    let world = World::with(&[address]).await;
    let hash = berth_secrets::hash_password(&berth_secrets::SecretString::from("open sesame".to_owned()));
    let lock = Lock { user: Some("ada".to_owned()), hash };
    world.edge.install(HOST, mounted(1, &world.upstream, "/", false).locked(Some(Arc::new(lock))));
    let with = |authorization: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: 8\r\n{authorization}\r\npassword"
        )
    };
    assert_eq!(status(&world.ask(&with("")).await), "401");
    assert_eq!(status(&world.ask(&with("Authorization: Basic YWRhOm9wZW4gYmFybGV5\r\n")).await), "401");
    assert_eq!(status(&world.ask(&with("Authorization: Bearer own\r\n")).await), "401");
    assert!(heard.all().is_empty(), "the service heard of it: {:?}", heard.all());
    let answer = world.ask(&with("Authorization: Basic YWRhOm9wZW4gc2VzYW1l\r\n")).await;
    assert!(answer.ends_with("inside") && answer.contains("cache-control: private, max-age=60"), "{answer}");
    assert_eq!(heard.all(), ["None"]);
}

#[tokio::test]
async fn what_is_answered_is_counted() {
    let (address, _) = service(mirror).await;
    let world = World::with(&[address, nobody().await]).await;
    let mut watching = world.edge.tallies().watch(PROJECT);
    let answer = world.get("/a?b").await;
    let length = answer.split_once("\r\n\r\n").unwrap().1.len() as u64;
    let Some(berth_model::AccessEvent::Line(line)) = watching.next().await else { panic!("no line") };
    assert_eq!((line.status, line.bytes, line.target.as_str()), (200, length, "/a?b"));
    assert_eq!((line.client, line.host.as_str()), (super::world::CLIENT, HOST));
    world.upstream.set(UpstreamState::Stopped);
    world.get("/").await;
    let traffic = world.edge.tallies().traffic(PROJECT);
    assert_eq!(traffic.statuses.0, [1, 0, 0, 1]);
}
