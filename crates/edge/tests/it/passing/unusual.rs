//! What HTTP allows and few expect: answers before the request has ended, words in between, sides that end by themselves.

use std::time::Duration;

use berth_edge::UpstreamState;
use tokio::io::AsyncWriteExt as _;

use super::world::{HOST, Heard, Peer, SOON, World, by_hand, drained, saying, status};

/// The head of an upload of so many bytes.
fn upload(length: usize) -> String {
    format!("POST /upload HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n\r\n")
}

#[tokio::test]
async fn an_upload_that_is_refused_early_is_answered_while_it_goes_on() {
    const LENGTH: usize = 16 << 20;
    // The first reads on, so that its refusal arrives in any case; the second one goes away and leaves the rest unread.
    for reads_on in [true, false] {
        let address = by_hand(move |mut peer, _| async move {
            peer.head().await;
            peer.hear(1_000).await;
            peer.say(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge").await;
            if reads_on {
                assert!(peer.is_left().await);
            }
        })
        .await;
        let world = World::asking(UpstreamState::Ready(vec![address]), SOON).await;
        let visitor = Peer::to(world.front).await;
        let (mut read, mut write) = tokio::io::split(visitor.0);
        let sending = tokio::spawn(async move {
            write.write_all(upload(LENGTH).as_bytes()).await.unwrap();
            // Whoever is refused need not send the rest: what becomes of it is nobody's concern.
            let _ = write.write_all(&vec![7; LENGTH]).await;
        });
        let mut heard = Vec::new();
        let whole = tokio::time::timeout(SOON, async {
            while !heard.ends_with(b"\r\n\r\nlarge") {
                let mut piece = [0; 1024];
                let length = tokio::io::AsyncReadExt::read(&mut read, &mut piece).await.unwrap_or_default();
                if length == 0 {
                    break;
                }
                heard.extend_from_slice(&piece[..length]);
            }
        });
        whole.await.expect("an answer comes");
        let heard = String::from_utf8_lossy(&heard).into_owned();
        // Its own words, unless the end of its connection was faster: then ours.
        let is_refused = status(&heard) == "413" && heard.ends_with("large");
        assert!(is_refused || (!reads_on && status(&heard) == "502"), "{reads_on}: {heard}");
        sending.abort();
        drained(&world.upstream).await;
    }
}

#[tokio::test]
async fn an_answer_that_is_whole_before_its_request_lets_the_request_end() {
    let heard = Heard::default();
    let note = heard.clone();
    let address = by_hand(move |mut peer, number| {
        let note = note.clone();
        async move {
            for _ in 0..2 {
                let head = peer.head().await;
                note.note(format!("{number} {}", head.lines().next().unwrap_or_default()));
                peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                if head.starts_with("POST ") {
                    note.note(format!("{} bytes", peer.hear(6).await.len()));
                }
            }
        }
    })
    .await;
    let world = World::with(&[address]).await;
    let mut visitor = Peer::to(world.front).await;
    visitor.say(upload(6).as_bytes()).await;
    visitor.say(b"abc").await;
    assert_eq!(status(&visitor.head().await), "200");
    assert_eq!(visitor.hear(2).await, b"ok");
    visitor.say(b"def").await;
    while heard.all().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(heard.all(), ["0 POST /upload HTTP/1.1", "6 bytes"]);
    visitor.say(format!("GET /next HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await;
    assert_eq!(status(&visitor.head().await), "200", "the connection goes on");
}

#[tokio::test]
async fn words_before_an_answer_are_not_the_answer() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    let said = format!("{hints}HTTP/1.1 102 Processing\r\n\r\n{hints}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal");
    let world = World::with(&[saying(said).await]).await;
    for _ in 0..2 {
        let answer = world.get("/").await;
        assert!(status(&answer) == "200" && answer.ends_with("\r\n\r\nreal"), "{answer}");
        assert!(!answer.contains("Early") && !answer.contains("a.css"), "nobody here asked for hints: {answer}");
    }
}

#[tokio::test]
async fn hints_are_no_word_to_go_on() {
    let address = by_hand(|mut peer, _| async move {
        peer.head().await;
        peer.say(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(peer.0.buffer().is_empty(), "the body waits");
        peer.say(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        assert_eq!(peer.hear(3).await, b"abc");
        peer.say(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await;
    })
    .await;
    let world = World::asking(UpstreamState::Ready(vec![address]), SOON).await;
    let mut visitor = Peer::to(world.front).await;
    let head = format!("PUT / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    visitor.say(head.as_bytes()).await;
    assert_eq!(status(&visitor.head().await), "100");
    visitor.say(b"abc").await;
    assert_eq!(status(&visitor.head().await), "201");
}

/// As nginx and others have it: nobody tells an end of asking from an end of listening, and a service is not kept busy
/// for who is gone.
#[tokio::test]
async fn who_ends_its_side_has_gone() {
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
    visitor.0.get_mut().shutdown().await.unwrap();
    tokio::time::timeout(SOON, has_left.recv()).await.expect("the service learns it").unwrap();
    drained(&world.upstream).await;
}

#[tokio::test]
async fn chunks_say_where_an_answer_ends_whatever_its_length_says() {
    for length in ["3", "99"] {
        let said = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n"
        );
        let world = World::with(&[saying(said).await]).await;
        let answer = world.get("/").await;
        assert!(status(&answer) == "200" && !answer.contains("content-length"), "{answer}");
        assert!(answer.ends_with("\r\n5\r\nwhole\r\n0\r\n\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_coding_that_is_not_understood_is_no_answer() {
    for coding in ["gzip", "gzip, chunked", "chunked\r\nTransfer-Encoding: chunked"] {
        let said = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n5\r\nwhole\r\n0\r\n\r\n");
        let world = World::with(&[saying(said).await]).await;
        let answer = world.get("/").await;
        assert_eq!(status(&answer), "502", "{coding}: {answer}");
        drained(&world.upstream).await;
    }
}
