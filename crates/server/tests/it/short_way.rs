//! Requests get the same answer whichever way they go: the short one, or hyper's, which a connection goes for good once
//! something was asked on it that is not for the short one.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use berth_store::testing::free_port;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::place::{Place, Running};

const HOST: &str = "shop.berth.test";
/// Nothing follows, but it says so: from here on the connection is hyper's.
const NO_BODY: &str = "GET / HTTP/1.1\r\nHost: shop.berth.test\r\nContent-Length: 0\r\n\r\n";

async fn with_a_shop(more: &[(&str, &str)]) -> (Place, Running) {
    let place = Place::new();
    place.start().await.stop().await;
    let script = "export const answer = 42;\n".repeat(900).into_bytes();
    let files: [(&str, Vec<u8>); 8] = [
        ("index.html", b"<!doctype html><title>Shop</title>the shop".repeat(40)),
        ("docs/index.html", b"<!doctype html><title>Docs</title>".to_vec()),
        ("app.js", script.clone()),
        ("assets/app-BX3k9dQ1.js", script),
        ("empty.txt", Vec::new()),
        ("large.bin", (0_u32..200_000).flat_map(u32::to_le_bytes).collect()),
        ("_redirects", b"/old /docs/ 301\n/show/* /docs/ 200\n".to_vec()),
        ("_headers", b"/docs/*\n  X-Frame-Options: DENY\n  Set-Cookie: a=1\n  Set-Cookie: b=2\n".to_vec()),
    ];
    place.publish_releases("shop", &[files.map(|(path, content)| (path.to_owned(), content)).into()]).await.unwrap();
    let running = place.start_with(more).await;
    (place, running)
}

/// A connection, which may have been made hyper's.
async fn connect(berth: &Running, is_hypers: bool) -> TcpStream {
    let mut stream = TcpStream::connect(berth.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    if is_hypers {
        stream.write_all(NO_BODY.as_bytes()).await.unwrap();
        assert!(answer(&mut stream, false).await.starts_with(b"HTTP/1.1 200"));
    }
    stream
}

/// The next answer by its own framing, without its date: empty at the connection's end.
async fn answer(stream: &mut TcpStream, to_head: bool) -> Vec<u8> {
    let read = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return head,
            }
        }
        let text = String::from_utf8(head).unwrap();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let is_bodiless = to_head || text.starts_with("HTTP/1.1 304") || text.starts_with("HTTP/1.1 204");
        let length = if is_bodiless { 0 } else { length.map_or(0, |length| length.parse().unwrap()) };
        let (before, rest) = text.split_once("date: ").unwrap();
        let mut answer = (before.to_owned() + rest.split_once("\r\n").unwrap().1).into_bytes();
        let from = answer.len();
        answer.resize(from + length, 0);
        stream.read_exact(&mut answer[from..]).await.unwrap();
        answer
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("an answer in time")
}

fn shown(answer: &[u8]) -> String {
    String::from_utf8_lossy(&answer[..answer.len().min(600)]).into_owned()
}

/// Throws, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most as u64).unwrap()
    }

    fn of<'a>(&mut self, many: &[&'a str]) -> &'a str {
        many[self.below(many.len())]
    }
}

/// A request of any kind that has no body.
fn request(dice: &mut Dice, tag: &str) -> (String, bool) {
    let method = dice.of(&["GET", "GET", "GET", "GET", "HEAD", "HEAD", "OPTIONS"]);
    let target = dice.of(&[
        "/",
        "/app.js",
        "/app.js?v=1&w=%2f",
        "/assets/app-BX3k9dQ1.js",
        "/empty.txt",
        "/large.bin",
        "/docs/",
        "/docs",
        "/docs/index.html?q",
        "/old",
        "/show/anything?a=b",
        "/nothing",
        "/nothing.js",
        "/a%20b",
        "/%zz",
        "/../app.js",
        "//app.js",
        "/.well-known/nothing",
        "/app.js#fragment",
    ]);
    let host =
        dice.of(&[HOST, HOST, HOST, "SHOP.berth.test", "shop.berth.test:8080", "shop.berth.test.", "other.test"]);
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
    for _ in 0..dice.below(6) {
        let header = dice.of(&[
            "Accept: text/html",
            "Accept: application/json",
            "Accept-Encoding: gzip, deflate, br, zstd",
            "Accept-Encoding: gzip;q=0.5, identity;q=0",
            "accept-encoding: br",
            "Connection: keep-alive",
            "connection: Keep-Alive",
            "Cookie: sid=1",
            "If-Match: {tag}",
            "If-Match: \"other\"",
            "If-Modified-Since: Sat, 21 Nov 2099 10:00:00 GMT",
            "If-Modified-Since: nonsense",
            "If-None-Match: *",
            "If-None-Match: {tag}",
            "If-None-Match: \"other\", W/{tag}",
            "If-Range: {tag}",
            "If-Unmodified-Since: Sat, 21 Nov 2020 10:00:00 GMT",
            "Range: bytes=0-9",
            "Range: bytes=5-6,8-9",
            "Range: bytes=-5",
            "Range: bytes=99999999-",
            "Sec-Fetch-Dest: document",
            "Sec-Fetch-Dest: empty",
            "TE: trailers",
            "User-Agent: test",
            "X-Forwarded-For: 198.51.100.7",
            "X-A:\t\u{fc} ",
        ]);
        let _ = write!(text, "{}\r\n", header.replace("{tag}", tag));
    }
    (text + "\r\n", method == "HEAD")
}

fn tag_of(answer: &[u8]) -> String {
    shown(answer).lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_answer_the_same() {
    let (_place, berth) = with_a_shop(&[]).await;
    let mut first = connect(&berth, false).await;
    first.write_all(format!("GET /app.js HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await.unwrap();
    let tag = tag_of(&answer(&mut first, false).await);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut statuses = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let (mut short, mut hypers) = (connect(&berth, false).await, connect(&berth, true).await);
        // Several on one connection: the first that is not for the short way takes the others along.
        for _ in 0..8 {
            let (asked, to_head) = request(&mut dice, &tag);
            short.write_all(asked.as_bytes()).await.unwrap();
            hypers.write_all(asked.as_bytes()).await.unwrap();
            let (one, other) = (answer(&mut short, to_head).await, answer(&mut hypers, to_head).await);
            assert!(one == other, "{asked}{}\n{}", shown(&one), shown(&other));
            statuses.insert(shown(&one).get(9..12).map(str::to_owned));
            if one.is_empty() || shown(&one).contains("connection: close") {
                break;
            }
        }
    }
    let seen: Vec<_> = statuses.into_iter().flatten().collect();
    for status in ["200", "204", "206", "301", "304", "308", "400", "404", "412", "416"] {
        assert!(seen.iter().any(|seen| seen == status), "no {status} among {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_requests_are_cut_each_is_answered_and_counted_once() {
    let metrics = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let (_place, berth) = with_a_shop(&[("BERTH_METRICS_LISTEN", &metrics.to_string())]).await;
    let one = format!("GET /docs/ HTTP/1.1\r\nHost: {HOST}\r\nAccept-Encoding: br\r\n\r\n");
    let two = format!("HEAD /app.js HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let row = [one.as_str(), &two, &one].concat();
    let mut whole = connect(&berth, false).await;
    whole.write_all(row.as_bytes()).await.unwrap();
    let mut expected = Vec::new();
    for to_head in [false, true, false] {
        expected.push(answer(&mut whole, to_head).await);
    }
    for cut in 1..row.len() {
        let mut stream = connect(&berth, false).await;
        stream.write_all(&row.as_bytes()[..cut]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
        stream.write_all(&row.as_bytes()[cut..]).await.unwrap();
        for (expected, to_head) in expected.iter().zip([false, true, false]) {
            let answer = answer(&mut stream, to_head).await;
            assert!(answer == *expected, "cut at {cut}: {}\n{}", shown(&answer), shown(expected));
        }
        stream.shutdown().await.unwrap();
        assert!(answer(&mut stream, false).await.is_empty(), "cut at {cut}: an answer too many");
    }
    assert_eq!(counted(metrics).await, (row.len() * 3) as f64);
}

/// Requests of all sites.
async fn counted(metrics: std::net::SocketAddr) -> f64 {
    let mut stream = TcpStream::connect(metrics).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n").await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    let samples =
        page.lines().filter(|line| line.starts_with("berth_site_requests_total{") && line.contains("\"shop\""));
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_late_gets_everything_in_order() {
    let (_place, berth) = with_a_shop(&[]).await;
    let mut stream = connect(&berth, false).await;
    let request = format!("GET /large.bin HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let small = format!("GET /docs/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    // More than the buffers between here and there hold.
    stream.write_all((request.repeat(20) + &small).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let first = answer(&mut stream, false).await;
    assert!(first.len() > 800_000 && first.ends_with(&199_999_u32.to_le_bytes()), "{}", shown(&first));
    for _ in 1..20 {
        assert!(answer(&mut stream, false).await == first);
    }
    assert!(shown(&answer(&mut stream, false).await).contains("<title>Docs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_wait_end_when_berth_does() {
    let (_place, berth) = with_a_shop(&[]).await;
    let mut asked = connect(&berth, false).await;
    asked.write_all(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await.unwrap();
    answer(&mut asked, false).await;
    let (mut silent, began) = (connect(&berth, false).await, std::time::Instant::now());
    berth.stop().await;
    // The ten seconds that running requests get are not waited for.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(answer(&mut asked, false).await.is_empty() && answer(&mut silent, false).await.is_empty());
}
