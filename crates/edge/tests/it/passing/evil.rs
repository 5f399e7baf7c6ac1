//! Services that do not keep to HTTP, and connections that are not there any more.

use std::time::Duration;

use super::world::{HOST, Heard, Peer, World, by_hand, nobody, saying, service, status};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};

#[tokio::test]
async fn what_is_no_answer_is_502_and_nothing_of_it_goes_through() {
    let huge = format!("HTTP/1.1 200 OK\r\nX-Huge: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Many: 1\r\n".repeat(1_000));
    for answer in [
        "",
        "evil\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 2000 evil\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nevil!",
        "HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nevil",
        "HTTP/1.1 200 OK\r\nevil\0: 1\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: evil\r\n\r\n",
        &huge,
        &many,
    ] {
        let world = World::with(&[saying(answer).await]).await;
        let told = world.get("/").await;
        let begun = answer.get(..60).unwrap_or(answer);
        assert_eq!(status(&told), "502", "{begun}: {told}");
        assert!(told.contains("<h1>No answer</h1>") && told.contains("cache-control: no-store"), "{told}");
        assert!(!told.contains("evil"), "{told}");
        assert_eq!(world.upstream.in_flight(), 0);
    }
}

#[tokio::test]
async fn two_answers_at_once_are_one_visitors_answer_and_no_other_s() {
    let address = by_hand(|mut peer, _| async move {
        while !peer.head().await.is_empty() {
            peer.say(
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nownHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
            )
            .await;
        }
    })
    .await;
    let world = World::with(&[address]).await;
    for _ in 0..10 {
        let answer = world.get("/").await;
        assert!(answer.ends_with("\r\n\r\nown"), "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_cut_off_and_not_completed() {
    for (answer, whole) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nZZ\r\n", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r\n", true),
        ("HTTP/1.0 200 OK\r\n\r\nhalf", true),
    ] {
        let world = World::with(&[saying(answer).await]).await;
        let told = world.get("/").await;
        assert_eq!(status(&told), "200", "{told}");
        let is_whole = if told.contains("content-length") {
            told.ends_with("halfhalfha")
        } else {
            told.ends_with("\r\n0\r\n\r\n")
        };
        assert_eq!(is_whole, whole, "{answer}: {told}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_is_gone_fails_nobody_whom_it_need_not() {
    // Each connection answers once, and is closed when it is asked again: the request was sent, and nothing came.
    let heard = Heard::default();
    let note = heard.clone();
    let address = by_hand(move |mut peer, number| {
        let note = note.clone();
        async move {
            for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ""] {
                let head = peer.head().await;
                note.note(format!("{number} {}", head.lines().next().unwrap_or_default()));
                if head.contains("content-length: 3") {
                    peer.hear(3).await;
                }
                peer.say(answer.as_bytes()).await;
            }
        }
    })
    .await;
    let world = World::with(&[address]).await;
    assert_eq!(status(&world.get("/first").await), "200");
    assert_eq!(status(&world.get("/again").await), "200");
    let both = ["0 GET /first HTTP/1.1", "0 GET /again HTTP/1.1", "1 GET /again HTTP/1.1"];
    assert_eq!(heard.all(), both);
    // Asking twice would be asking for two things.
    assert_eq!(status(&world.post("/once", "abc").await), "502");
    assert_eq!(heard.all()[3..], ["1 POST /once HTTP/1.1"]);
    assert_eq!(status(&world.post("/new", "abc").await), "200");
    // Neither can be sent twice whose body is gone.
    let put = format!("PUT /gone HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(status(&world.ask(&put).await), "502");
}

#[tokio::test]
async fn a_service_that_closes_what_waits_is_not_asked_there() {
    let address = by_hand(|mut peer, _| async move {
        peer.head().await;
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    })
    .await;
    let world = World::with(&[address]).await;
    for _ in 0..20 {
        assert_eq!(status(&world.post("/", "abc").await), "200");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn where_nobody_listens_another_replica_is_asked_whatever_the_method() {
    let (address, _) = service(|request: Request<Incoming>| async move {
        Response::new(Full::<Bytes>::from(request.into_body().collect().await.unwrap().to_bytes()))
    })
    .await;
    let world = World::with(&[nobody().await, address, nobody().await]).await;
    for _ in 0..10 {
        let answer = world.post("/", "abc").await;
        assert!(status(&answer) == "200" && answer.ends_with("abc"), "{answer}");
    }
    let world = World::with(&[nobody().await, nobody().await]).await;
    let answer = world.get("/").await;
    assert_eq!(status(&answer), "502");
    assert!(answer.contains("takes no connection at the moment") && answer.contains("retry-after: "), "{answer}");
}

#[tokio::test]
async fn what_a_visitor_says_of_its_message_is_not_taken_twice() {
    let heard = Heard::default();
    let note = heard.clone();
    let (address, _) = service(move |request: Request<Incoming>| {
        let note = note.clone();
        async move {
            let (head, body) = request.into_parts();
            let has = |name| head.headers.contains_key(name);
            assert!(!(has("content-length") && has("transfer-encoding")), "{head:?}");
            let _ = body.collect().await;
            note.note(format!("{} {}", head.method, head.uri));
            Response::new(Full::<Bytes>::default())
        }
    })
    .await;
    let world = World::with(&[address]).await;
    let inner = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    for head in [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 5 + inner.len()),
        format!("Content-Length: 0\r\nContent-Length: {}\r\n\r\n", inner.len()),
        "Connection: Content-Length\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ] {
        let mut visitor = Peer::to(world.front).await;
        visitor
            .say(format!("POST /own HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{head}{inner}").as_bytes())
            .await;
        visitor.head().await;
    }
    assert!(heard.all().iter().all(|line| line == "POST /own"), "{:?}", heard.all());
}
