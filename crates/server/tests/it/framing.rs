//! RFC 9112 on the wire, for a site's host and for the control host: where a message ends, what is no message, and that
//! the next request on a connection is never taken for a part of the one before, nor the other way round.
//!
//! Every case is followed by [`LAST`] in the same write. A case that is a request gets its answer and then `LAST` gets
//! its own; one that is none gets a refusal, and the connection ends. Never is there an answer too many.

use crate::http_2::{END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, SETTINGS, frame, get};
use crate::place::{Place, Running};

const PAGE: &str = "<!doctype html><title>Shop</title>the shop";
const SITE: &str = "shop.berth.test";
const CONTROL: &str = "berth.test";

/// Two hosts, with an address on each that answers 200 to GET, and the status with which it refuses POST.
const HOSTS: [(&str, &str, u16); 2] = [(SITE, "/", 405), (CONTROL, "/api", 405)];

async fn with_a_shop() -> (Place, Running) {
    let place = Place::new();
    place.start().await.stop().await;
    place.publish("shop", PAGE).await.unwrap();
    let running = place.start().await;
    (place, running)
}

/// The statuses of all answers on a connection, read by their own framing. `methods` are those of the requests.
fn statuses(mut answers: &[u8], methods: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    while !answers.is_empty() {
        let end = answers.windows(4).position(|at| at == b"\r\n\r\n").expect("a head ends") + 4;
        let head = String::from_utf8_lossy(&answers[..end]).to_ascii_lowercase();
        let status: u16 = head.strip_prefix("http/1.").expect("an answer")[2..5].parse().unwrap();
        answers = &answers[end..];
        if status == 100 {
            continue;
        }
        let is_head = methods.get(statuses.len()) == Some(&"HEAD");
        statuses.push(status);
        if is_head || matches!(status, 204 | 304) {
            continue;
        }
        if head.contains("transfer-encoding: chunked") {
            let end = answers.windows(5).position(|at| at == b"0\r\n\r\n").expect("chunks end") + 5;
            answers = &answers[end..];
            continue;
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        // Without a length it lasts until the connection ends.
        let length = length.map_or(answers.len(), |length| length.trim().parse().unwrap());
        answers = &answers[length..];
    }
    statuses
}

/// A GET that ends the connection.
fn last(host: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

/// Sends a case and a last request in one write, and returns the statuses of what came.
async fn told(berth: &Running, host: &str, path: &str, case: &str) -> Vec<u16> {
    let case = case.replace("{host}", host).replace("{path}", path);
    let answers = berth.raw((case.clone() + &last(host, path)).as_bytes()).await;
    statuses(answers.as_bytes(), &[case.split(' ').next().unwrap_or_default()])
}

#[tokio::test]
async fn what_is_a_request_is_answered_and_the_next_one_too() {
    let (_place, berth) = with_a_shop().await;
    for (host, path, _) in HOSTS {
        for case in [
            "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n",
            // Empty lines before a request are passed over (2.2).
            "\r\n\r\nGET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n",
            "GET {path} HTTP/1.1\nHost: {host}\n\n",
            "GET {path} HTTP/1.1\r\nhOST:{host}\t \r\n\r\n",
            "GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: keep-alive\r\n\r\n",
            // The target names the host, and decides (3.2.2).
            "GET http://{host}{path} HTTP/1.1\r\nHost: other.example.org\r\n\r\n",
            "GET HTTP://{host}{path} HTTP/1.1\r\nHost: {host}\r\n\r\n",
            // A body where none belongs is read over.
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\r\nhello",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: Chunked\r\n\r\n\
             3;name=value\r\nabc\r\n0a;x\r\n0123456789\r\n000;last\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nTrailer: X-A\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\nhello\r\n0\r\nX-A: 1\r\nContent-Length: 100\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 67\r\n\r\n\
             GET /smuggled HTTP/1.1\r\nHost: berth.test\r\nX-Padding: 0123456789\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\
             HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        ] {
            assert_eq!(told(&berth, host, path, case).await, [200, 200], "{host}: {case:?}");
        }
        let head = "HEAD {path} HTTP/1.1\r\nHost: {host}\r\n\r\n";
        assert_eq!(told(&berth, host, path, head).await, [200, 200], "{host}");
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_ends_the_connection() {
    let (_place, berth) = with_a_shop().await;
    for (host, path, _) in HOSTS {
        for case in [
            // Request lines.
            "GET {path}\r\n\r\n",
            "GET  {path} HTTP/1.1\r\nHost: {host}\r\n\r\n",
            "GET {path} HTTP/1.1 \r\nHost: {host}\r\n\r\n",
            "GET {path} http/1.1\r\nHost: {host}\r\n\r\n",
            "GET {path} HTTP/1.2\r\nHost: {host}\r\n\r\n",
            "GET {path} HTTP/3.0\r\nHost: {host}\r\n\r\n",
            "GET {path}\0 HTTP/1.1\r\nHost: {host}\r\n\r\n",
            " GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n",
            "G\u{e9}T {path} HTTP/1.1\r\nHost: {host}\r\n\r\n",
            "GET {path} HTTP/1.1\rHost: {host}\r\r",
            // Header lines (5.1, 5.2).
            "GET {path} HTTP/1.1\r\nHost : {host}\r\n\r\n",
            "GET {path} HTTP/1.1\r\n Host: {host}\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nX-A: 1\r\n folded\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nX-A: 1\r\n\tfolded\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nno colon\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\n: no name\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nX(A): 1\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nX-A: 1\rX-B: 2\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nX-A: a\0b\r\n\r\n",
            // Lengths (6.2, 6.3).
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5, 6\r\n\r\nhello!",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: +5\r\n\r\nhello",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: -5\r\n\r\nhello",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0x5\r\n\r\nhello",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5 5\r\n\r\nhello",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: \r\n\r\nhello",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999999999999999999999\r\n\r\nhello",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length : 5\r\n\r\nhello",
            // Codings (6.1, 7.1).
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: , chunked\r\n\r\n0\r\n\r\n",
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: \"x\", chunked\r\n\r\n0\r\n\r\n",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
            "POST {path} HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\nTransfer-Encoding: identity\r\n\r\nabc",
        ] {
            let alone = told(&berth, host, path, case).await;
            assert!(matches!(alone[..], [400 | 501 | 505]), "{host}: {case:?}: {alone:?}");
            // Behind a request that went the short way it is the same.
            let before = "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n";
            let behind = told(&berth, host, path, &format!("{before}{case}")).await;
            assert_eq!(behind, [&[200], &alone[..]].concat(), "{host}: {case:?}");
        }
    }
}

#[tokio::test]
async fn a_second_request_is_never_smuggled_in_a_first_ones_body() {
    const INNER: &str = "GET /smuggled HTTP/1.1\r\nHost: {host}\r\nX: ";
    let (_place, berth) = with_a_shop().await;
    for (host, path, refused) in HOSTS {
        let inner = INNER.replace("{host}", host);
        for (head, body) in [
            // The chunks decide and the connection ends (6.3), in either order of the lines.
            ("Content-Length: {all}\r\nTransfer-Encoding: chunked", format!("0\r\n\r\n{inner}")),
            ("Transfer-Encoding: chunked\r\nContent-Length: {all}", format!("0\r\n\r\n{inner}")),
            ("Content-Length: 4\r\nTransfer-Encoding: chunked", format!("3c\r\n{inner}")),
            ("Transfer-Encoding: chunked\r\nContent-Length: 0", format!("3c\r\n{inner}")),
            ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\nContent-Length: 9", format!("0\r\n\r\n{inner}")),
            // Chunks that are none.
            ("Transfer-Encoding: chunked", format!("0x0\r\n\r\n{inner}")),
            ("Transfer-Encoding: chunked", format!("-1\r\n\r\n{inner}")),
            ("Transfer-Encoding: chunked", format!("ffffffffffffffffff\r\n{inner}")),
            ("Transfer-Encoding: chunked", format!("5\nhello\n0\n\n{inner}")),
            ("Transfer-Encoding: chunked", format!("5;\nhello\r\n0\r\n\r\n{inner}")),
            ("Transfer-Encoding: chunked", format!("5\r\nhelloX0\r\n\r\n{inner}")),
            ("Transfer-Encoding: chunked", format!("5\rhello\r\n0\r\n\r\n{inner}")),
            ("Transfer-Encoding: chunked", format!("0\r\nX-A: 1\n\n{inner}")),
        ] {
            let head = head.replace("{all}", &body.len().to_string());
            let case = format!("POST {{path}} HTTP/1.1\r\nHost: {{host}}\r\n{head}\r\n\r\n{body}");
            let told = told(&berth, host, path, &case).await;
            // The first request is answered, or refused; nothing after it is anybody's request.
            assert!(matches!(told[..], [status] if status == refused || status == 400), "{host}: {case:?}: {told:?}");
        }
        // The same with a body that is what it says: its end is where the next request begins.
        let honest =
            format!("POST {{path}} HTTP/1.1\r\nHost: {{host}}\r\nContent-Length: {}\r\n\r\n{inner}", inner.len());
        assert_eq!(told(&berth, host, path, &honest).await, [refused, 200], "{host}");
    }
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_their_order() {
    let (_place, berth) = with_a_shop().await;
    for (host, path, refused) in HOSTS {
        let request = |method: &str, path: &str| format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let methods = ["GET", "HEAD", "GET", "POST", "GET", "OPTIONS", "GET"];
        let row = request("GET", path)
            + &request("HEAD", path)
            + &request("GET", "/nothing-here.js")
            + &format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 7\r\n\r\nGET / H")
            + &request("GET", path)
            + &request("OPTIONS", path)
            + &last(host, path);
        let answers = berth.raw(row.as_bytes()).await;
        let told = statuses(answers.as_bytes(), &methods);
        let options = if host == SITE { 204 } else { told[5] };
        assert_eq!(told, [200, 200, 404, refused, 200, options, 200], "{host}");
    }
}

#[tokio::test]
async fn old_clients_are_answered_and_left() {
    let (_place, berth) = with_a_shop().await;
    for (host, path, _) in HOSTS {
        // Without keep-alive the connection ends by itself: the second request is nobody's.
        let first = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
        let answers = berth.raw((first + &last(host, path)).as_bytes()).await;
        assert_eq!(statuses(answers.as_bytes(), &["GET"]), [200], "{host}");
        assert!(!answers.contains("transfer-encoding"), "{answers}");
        let kept = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: keep-alive\r\n\r\n");
        let answers = berth.raw((kept + &last(host, path)).as_bytes()).await;
        assert!(answers.to_ascii_lowercase().contains("connection: keep-alive"), "{answers}");
    }
}

#[tokio::test]
async fn expectations_are_met_only_where_the_body_is_wanted() {
    let (_place, berth) = with_a_shop().await;
    // Nobody reads this body: the refusal comes instead of a 100.
    let request = format!("POST / HTTP/1.1\r\nHost: {SITE}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let answer = berth.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 405 ") && !answer.contains("100 Continue"), "{answer}");
    let body = r#"{"login":"nobody","password":"nothing at all"}"#;
    let request = format!(
        "POST /api/v1/sessions HTTP/1.1\r\nHost: {CONTROL}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = berth.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn heads_and_targets_have_a_size() {
    let (_place, berth) = with_a_shop().await;
    for (host, path, _) in HOSTS {
        let with = |more: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n");
        let fits = with(&format!("X-A: {}\r\n", "a".repeat(30_000)));
        assert_eq!(told(&berth, host, path, &fits).await, [200, 200], "{host}");
        let long = with(&format!("X-A: {}\r\n", "a".repeat(100_000)));
        assert_eq!(told(&berth, host, path, &long).await, [431], "{host}");
        let many = with(&(0..200).map(|number| format!("X-{number}: 1\r\n")).collect::<String>());
        assert_eq!(told(&berth, host, path, &many).await, [431], "{host}");
    }
    let target = |length: usize| format!("GET /{} HTTP/1.1\r\nHost: {SITE}\r\n\r\n", "a".repeat(length));
    // The shop is an application: every address is its page's, within reason.
    assert_eq!(told(&berth, SITE, "/", &target(8_000)).await, [200, 200]);
    assert_eq!(told(&berth, SITE, "/", &target(9_000)).await, [414, 200]);
    let told = told(&berth, SITE, "/", &target(70_000)).await;
    assert!(matches!(told[..], [414 | 431]), "{told:?}");
}

#[tokio::test]
async fn methods_are_what_they_are() {
    let (_place, berth) = with_a_shop().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get", "BREW"] {
        let answer =
            berth.raw(format!("{method} / HTTP/1.1\r\nHost: {SITE}\r\nConnection: close\r\n\r\n").as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET, HEAD, OPTIONS"),
            "{method}: {answer}"
        );
    }
    let connect = format!("CONNECT {SITE}:80 HTTP/1.1\r\nHost: {SITE}:80\r\n\r\n");
    assert_eq!(told(&berth, SITE, "/", &connect).await[0], 405);
    for target in ["*", "/", "/nothing-here.js"] {
        let options = format!("OPTIONS {target} HTTP/1.1\r\nHost: {{host}}\r\n\r\n");
        assert_eq!(told(&berth, SITE, "/", &options).await, [204, 200], "{target}");
    }
    assert_eq!(told(&berth, SITE, "/", "GET * HTTP/1.1\r\nHost: {host}\r\n\r\n").await, [400, 200]);
}

/// What a client that knows says at once (RFC 9113, 3.3): its preface, its settings, and one GET.
fn prior_knowledge(host: &str, path: &str) -> Vec<u8> {
    [
        PREFACE,
        &frame(SETTINGS, 0, 0, &[]),
        &frame(HEADERS, END_STREAM | END_HEADERS, 1, &get(host, path)),
        // So that the connection ends after its answer.
        &frame(GOAWAY, 0, 0, &[0; 8]),
    ]
    .concat()
}

#[tokio::test]
async fn http_2_is_spoken_to_who_knows() {
    let (_place, berth) = with_a_shop().await;
    for (host, path, content) in [(SITE, "/", "the shop"), (CONTROL, "/api", "{")] {
        let answer = berth.raw(&prior_knowledge(host, path)).await;
        assert!(!answer.starts_with("HTTP/1"), "{host}: {answer}");
        assert!(answer.contains(content), "{host}: {answer:?}");
    }
    // No host of ours, and no page of anybody's.
    let answer = berth.raw(&prior_knowledge("other.example.org", "/")).await;
    assert!(answer.contains("No site here") && !answer.contains("the shop"), "{answer:?}");
}
