//! Starting, and what is answered then.

use crate::http_2::{GOAWAY, PREFACE, SETTINGS, frame};
use crate::place::{Place, status};

#[tokio::test]
async fn the_control_plane_opens_with_its_pages() {
    let place = Place::new();
    let berth = place.start().await;
    assert_eq!(status(&berth.get("berth.test", "/health").await), "200");
    // Docker is unreachable here: alive, but not ready, and it says why.
    let ready = berth.get("berth.test", "/health/ready").await;
    assert_eq!(status(&ready), "503");
    assert!(ready.contains("Docker"), "{ready}");
    for (path, kind) in [("/", "text/html"), ("/theme.js", "text/javascript"), ("/icon.svg", "image/svg+xml")] {
        let answer = berth.get("berth.test", path).await;
        assert!(status(&answer) == "200" && answer.contains(kind), "{path}: {answer}");
    }
    assert_eq!(status(&berth.get("berth.test", "/nothing").await), "404");
    berth.stop().await;
}

#[tokio::test]
async fn http_2_without_tls_is_spoken() {
    let place = Place::new();
    let berth = place.start().await;
    // GOAWAY, so that the server closes.
    let hello = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &frame(GOAWAY, 0, 0, &[0; 8])].concat();
    let answer = berth.raw(&hello).await;
    assert_eq!(answer.as_bytes().get(3), Some(&SETTINGS), "not a SETTINGS frame: {answer:?}");
    berth.stop().await;
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let place = Place::new();
    let berth = place.start().await;
    let request = format!("GET / HTTP/1.1\r\nHost: berth.test\r\nX-Large: {}\r\n\r\n", "x".repeat(100_000));
    assert_eq!(status(&berth.raw(request.as_bytes()).await), "431");
    berth.stop().await;
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let place = Place::new();
    let berth = place.start().await;
    // More than the buffers between us hold: a connection closed early would fail the writing already.
    let large = "x".repeat(28 << 20);
    for (path, refusal) in [("/api/v1/projects", "401"), ("/api/webhook", "401"), ("/nothing", "404")] {
        assert_eq!(status(&berth.post_json("berth.test", path, &large).await), refusal, "{path}");
    }
    assert_eq!(status(&berth.post_json("nobody.berth.test", "/", &large).await), "404", "a host without a site");
    berth.stop().await;
}
