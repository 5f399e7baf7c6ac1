//! WebSockets.

use super::world::{HOST, Heard, Peer, SOON, World, by_hand, drained, saying, service, status};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};

fn upgrade(protocol: &str) -> String {
    format!(
        "GET /socket HTTP/1.1\r\nHost: {HOST}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: {protocol}\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

const ACCEPTED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-Own: 1\r\n\r\n";

/// Says everything again that it hears, once upgraded.
async fn echoing() -> std::net::SocketAddr {
    by_hand(|mut peer, _| async move {
        let head = peer.head().await;
        assert!(head.contains("upgrade: websocket\r\n") && head.contains("connection: upgrade\r\n"), "{head}");
        assert!(head.contains("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), "{head}");
        peer.say(&[ACCEPTED, b"hello"].concat()).await;
        let (mut read, mut write) = peer.0.into_inner().into_split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    })
    .await
}

async fn upgraded(world: &World) -> Peer {
    let mut visitor = Peer::to(world.front).await;
    visitor.say(upgrade("WebSocket").as_bytes()).await;
    let head = visitor.head().await;
    assert_eq!(status(&head), "101", "{head}");
    assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") && head.contains("x-own: 1"), "{head}");
    assert_eq!(visitor.hear(5).await, b"hello", "what came with the head is not lost");
    visitor
}

#[tokio::test]
async fn bytes_go_both_ways_and_the_end_too() {
    let world = World::with(&[echoing().await]).await;
    let mut visitor = upgraded(&world).await;
    for piece in [&b"\x81\x05Hello"[..], &[7; 100_000]] {
        visitor.say(piece).await;
        assert_eq!(visitor.hear(piece.len()).await, piece);
    }
    tokio::time::sleep(super::world::PATIENCE * 2).await;
    visitor.say(b"late").await;
    assert_eq!(visitor.hear(4).await, b"late", "a silence longer than an answer's is nothing");
    assert_eq!(world.upstream.in_flight(), 1);
    drop(visitor);
    drained(&world.upstream).await;
}

#[tokio::test]
async fn one_side_may_end_before_the_other() {
    let address = by_hand(|mut peer, _| async move {
        peer.head().await;
        peer.say(ACCEPTED).await;
        assert!(peer.is_left().await, "the visitor's end arrives");
        peer.say(b"last word").await;
    })
    .await;
    let world = World::with(&[address]).await;
    let mut visitor = Peer::to(world.front).await;
    visitor.say(upgrade("websocket").as_bytes()).await;
    assert_eq!(status(&visitor.head().await), "101");
    tokio::io::AsyncWriteExt::shutdown(visitor.0.get_mut()).await.unwrap();
    assert_eq!(visitor.hear(9).await, b"last word");
    assert!(visitor.is_left().await);
    drained(&world.upstream).await;
}

#[tokio::test]
async fn they_are_ended_where_their_time_has_come() {
    let (one, other) = (echoing().await, echoing().await);
    let world = World::with(&[one]).await;
    let mut first = upgraded(&world).await;
    world.upstream.set(berth_edge::UpstreamState::Ready(vec![other]));
    let mut second = upgraded(&world).await;
    assert_eq!(world.upstream.in_flight(), 2);
    world.upstream.end_lasting(one);
    assert!(first.is_left().await);
    tokio::time::timeout(SOON, world.upstream.drained_from(one)).await.unwrap();
    second.say(b"here").await;
    assert_eq!(second.hear(4).await, b"here");
    world.upstream.end_lasting(other);
    assert!(second.is_left().await);
    drained(&world.upstream).await;
}

#[tokio::test]
async fn a_refused_upgrade_is_an_answer_and_other_protocols_are_not_asked_for() {
    let heard = Heard::default();
    let note = heard.clone();
    let (address, _) = service(move |request: Request<Incoming>| {
        note.note(format!("{:?} {:?}", request.headers().get("upgrade"), request.headers().get("connection")));
        async { Response::builder().status(403).body(Full::<Bytes>::from("no")).unwrap() }
    })
    .await;
    let world = World::with(&[address]).await;
    for protocol in ["websocket", "h2c", "evil"] {
        let mut visitor = Peer::to(world.front).await;
        visitor.say(upgrade(protocol).as_bytes()).await;
        assert_eq!(status(&visitor.head().await), "403");
        assert_eq!(visitor.hear(2).await, b"no");
    }
    assert_eq!(heard.all(), [r#"Some("websocket") Some("upgrade")"#, "None None", "None None"]);
    drained(&world.upstream).await;
}

#[tokio::test]
async fn an_upgrade_that_nobody_asked_for_is_none() {
    let world = World::with(&[saying(ACCEPTED).await]).await;
    let answer =
        world.ask(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nUpgrade: websocket\r\n\r\n")).await;
    assert_eq!(status(&answer), "502", "{answer}");
}
