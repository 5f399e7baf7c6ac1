//! What is counted of real requests over real sockets, and how Prometheus reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use berth_store::testing::free_port;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::place::{Place, Running, status};

const PAGE: &str = "<!doctype html><title>Shop</title>the shop";
const LARGE: usize = 24 << 20;

/// A Berth with the site `shop.berth.test`, whose metrics are read at the address.
async fn watched() -> (Place, Running, SocketAddr) {
    let place = Place::new();
    place.start().await.stop().await;
    let files = [("index.html", PAGE.as_bytes().to_vec()), ("large.bin", vec![b'x'; LARGE])];
    place.publish_releases("shop", &[files.map(|(path, content)| (path.to_owned(), content)).into()]).await.unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let berth = place.start_with(&[("BERTH_METRICS_LISTEN", &address.to_string())]).await;
    (place, berth, address)
}

async fn scrape(address: SocketAddr) -> Page {
    let page = ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(status(&page) == "200" && page.contains("content-type: text/plain; version=0.0.4"), "{page:.500}");
    let (_, body) = page.split_once("\r\n\r\n").unwrap();
    Page::read(&dechunked(body))
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer));
    read.await.expect("an answer within ten seconds").unwrap();
    answer
}

fn dechunked(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        text += &rest[..size];
        body = &rest[size + 2..];
    }
    text
}

/// A page of metrics, read as strictly as the format is described.
struct Page(BTreeMap<(String, BTreeMap<String, String>), f64>);

impl Page {
    fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut samples = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut family: Option<(String, String)> = None;
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').expect("a help text");
                assert!(!words.is_empty() && is_name(name), "{line}");
                let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE ")?.strip_prefix(name));
                let kind = kind.and_then(|kind| kind.strip_prefix(' ')).expect("HELP is followed by TYPE of the same");
                assert!(["counter", "gauge", "histogram", "summary"].contains(&kind), "{kind}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
                assert!(seen.insert(name.to_owned()), "{name} has two families");
                family = Some((name.to_owned(), kind.to_owned()));
                continue;
            }
            let (name, labels, value) = sample(line);
            let (of, kind) = family.as_ref().expect("a sample follows a family's head");
            let suffix = name.strip_prefix(of.as_str()).unwrap_or_else(|| panic!("{name} stands among {of}"));
            let suffixes: &[&str] = match kind.as_str() {
                "histogram" => &["_bucket", "_sum", "_count"],
                "summary" => &["", "_sum", "_count"],
                _ => &[""],
            };
            assert!(suffixes.contains(&suffix), "{name} in the {kind} {of}");
            assert!(samples.insert((name, labels), value).is_none(), "a series twice: {line}");
        }
        let page = Self(samples);
        page.check_histograms();
        page
    }

    /// Buckets grow, and the last one has everything.
    fn check_histograms(&self) {
        let mut buckets: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
        for ((name, labels), count) in &self.0 {
            if let Some(histogram) = name.strip_suffix("_bucket") {
                let bound = if labels["le"] == "+Inf" { f64::INFINITY } else { labels["le"].parse().unwrap() };
                buckets.entry(histogram).or_default().push((bound, *count));
            }
        }
        assert!(buckets.len() >= 2);
        for (name, mut buckets) in buckets {
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{name}: {buckets:?}");
            assert_eq!(buckets.last(), Some(&(f64::INFINITY, self.value(&format!("{name}_count"), &[]))));
        }
    }

    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let series = (name.to_owned(), labels);
        *self.0.get(&series).unwrap_or_else(|| panic!("no {series:?}"))
    }

    /// Requests of the shop by class.
    fn requests(&self) -> [f64; 4] {
        ["2xx", "3xx", "4xx", "5xx"]
            .map(|class| self.value("berth_site_requests_total", &[("project", "shop"), ("status", class)]))
    }

    fn of_shop(&self, name: &str) -> f64 {
        self.value(name, &[("project", "shop")])
    }
}

fn is_name(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    !text.is_empty() && text.chars().all(fine) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// `name{label="value",…} value`.
fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (name, labels, value) = match line.split_once('{') {
        Some((name, rest)) => {
            let (labels, value) = rest.rsplit_once("} ").unwrap_or_else(|| panic!("{line}"));
            (name, labels, value)
        }
        None => {
            let (name, value) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            (name, "", value)
        }
    };
    assert!(is_name(name), "{line}");
    let pairs = labels.split(',').filter(|pair| !pair.is_empty()).map(|pair| {
        let (label, value) = pair.split_once('=').unwrap_or_else(|| panic!("{line}"));
        let value =
            value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or_else(|| panic!("{line}"));
        assert!(is_name(label) && !value.contains(['"', '\\']), "{line}");
        (label.to_owned(), value.to_owned())
    });
    let labels: Vec<_> = pairs.collect();
    let (count, labels) = (labels.len(), labels.into_iter().collect::<BTreeMap<_, _>>());
    assert_eq!(count, labels.len(), "a label twice: {line}");
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("{line}")))
}

#[tokio::test]
async fn every_answer_is_counted_once() {
    let (_place, berth, address) = watched().await;
    let before = scrape(address).await;
    assert!(before.0.keys().all(|(name, _)| !name.starts_with("berth_site_")), "counted by nobody's asking");

    let shop = async |request: &str, headers: &str| {
        let request = format!("{request} HTTP/1.1\r\nHost: shop.berth.test\r\n{headers}Connection: close\r\n\r\n");
        berth.raw(request.as_bytes()).await
    };
    let first = shop("GET /", "").await;
    let tag = first.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let answers = [
        shop("GET /", "").await,
        shop("HEAD /", "").await,
        shop("GET /", "Range: bytes=0-8\r\n").await,
        shop("GET /", &format!("If-None-Match: {tag}\r\n")).await,
        shop("GET /missing.png", "").await,
        shop("POST /", "Content-Length: 0\r\n").await,
        shop("GET /", "Range: bytes=900-\r\n").await,
        shop("GET /large.bin", "Range: bytes=0-0,5-6\r\n").await,
    ];
    let statuses: Vec<&str> = answers.iter().map(|answer| status(answer)).collect();
    assert_eq!(statuses, ["200", "200", "206", "304", "404", "405", "416", "206"]);
    let body = |answer: &String| answer.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
    let sent = body(&first) + answers.iter().map(body).sum::<usize>();

    let refused = "POST / HTTP/1.1\r\nHost: shop.berth.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(status(&berth.raw(refused.as_bytes()).await), "501");

    let page = scrape(address).await;
    assert_eq!(page.requests(), [5.0, 1.0, 3.0, 0.0]);
    let failed = |page: &Page| page.value("berth_control_requests_total", &[("status", "5xx")]);
    assert_eq!(failed(&page), failed(&before), "a request that is refused before its host is looked at is nobody's");
    assert_eq!(page.of_shop("berth_site_sent_bytes_total"), sent as f64);
    assert_eq!(page.of_shop("berth_site_answer_seconds_count"), 9.0);
    // The page again and a part of it; the visitor has it. The first time it came from the disk.
    assert_eq!(page.of_shop("berth_site_cache_hits_total"), 3.0);
    assert_eq!(page.value("berth_answer_seconds_count", &[]), 9.0);
    for quantile in ["0.5", "0.9", "0.99"] {
        let seconds = page.value("berth_site_answer_seconds", &[("project", "shop"), ("quantile", quantile)]);
        assert!(seconds > 0.0 && seconds < 10.0, "{quantile}: {seconds}");
    }
    assert_eq!(page.value("berth_projects", &[]), 1.0);
    assert_eq!(page.value("berth_builds", &[("status", "passed")]), 1.0);
    assert_eq!(page.value("berth_database_up", &[]), 1.0);
    assert!(page.value("process_resident_memory_bytes", &[]) > 1e6);
    assert!(page.value("process_open_fds", &[]) >= 3.0);
    berth.stop().await;
}

#[tokio::test]
async fn a_download_that_is_broken_off_counts_what_was_sent() {
    let (_place, berth, address) = watched().await;
    let mut stream = TcpStream::connect(berth.address).await.unwrap();
    stream.write_all(b"GET /large.bin HTTP/1.1\r\nHost: shop.berth.test\r\n\r\n").await.unwrap();
    let mut some = vec![0; 100_000];
    stream.read_exact(&mut some).await.unwrap();
    drop(stream);
    let mut page = scrape(address).await;
    // The server notices at its next write.
    for _ in 0..100 {
        if page.0.keys().any(|(name, _)| name == "berth_site_requests_total") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        page = scrape(address).await;
    }
    assert_eq!(page.requests(), [1.0, 0.0, 0.0, 0.0]);
    let sent = page.of_shop("berth_site_sent_bytes_total");
    assert!(sent >= 100_000.0 && sent < LARGE as f64, "{sent}");
    berth.stop().await;
}

#[tokio::test]
async fn streams_of_one_connection_are_answers_of_their_own() {
    let (_place, berth, address) = watched().await;
    let url = format!("http://shop.berth.test:{}/", berth.address.port());
    let client = reqwest::Client::builder().http2_prior_knowledge().resolve("shop.berth.test", berth.address);
    let client = client.no_proxy().build().unwrap();
    let asked = futures_util::future::join_all((0..20).map(|_| client.get(&url).send())).await;
    for answer in asked {
        let answer = answer.unwrap();
        assert_eq!(answer.version(), http::Version::HTTP_2);
        assert_eq!(answer.text().await.unwrap(), PAGE);
    }
    let page = scrape(address).await;
    assert_eq!(page.requests(), [20.0, 0.0, 0.0, 0.0]);
    assert_eq!(page.of_shop("berth_site_sent_bytes_total"), (20 * PAGE.len()) as f64);
    berth.stop().await;
}

#[tokio::test]
async fn metrics_are_nobodys_but_at_their_address() {
    let (_place, berth, address) = watched().await;
    for host in ["shop.berth.test", "nobody.berth.test", "berth.test"] {
        let answer = berth.get(host, "/metrics").await;
        assert!(!answer.contains("berth_") && !answer.contains("process_"), "{host}: {answer}");
    }
    assert_eq!(status(&berth.get("berth.test", "/metrics").await), "401");
    let there = async |request: &str| {
        ask(address, &format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
    };
    assert_eq!(status(&there("GET /").await), "404");
    assert_eq!(status(&there("GET /api/v1/setup").await), "404");
    let refused = there("POST /metrics").await;
    assert!(status(&refused) == "405" && refused.contains("allow: GET"), "{refused}");
    // A connection that stays open is one.
    let idle = TcpStream::connect(berth.address).await.unwrap();
    assert_eq!(status(&berth.get("berth.test", "/health").await), "200");
    let page = scrape(address).await;
    assert_eq!(page.value("berth_connections_open", &[]), 1.0);
    drop(idle);
    // Starting asked /api until it was there.
    assert_eq!(page.value("berth_control_requests_total", &[("status", "4xx")]), 2.0);
    assert!(page.value("berth_control_requests_total", &[("status", "2xx")]) >= 2.0);
    assert_eq!(page.value("berth_unknown_host_requests_total", &[("status", "4xx")]), 1.0);
    assert_eq!(page.requests().iter().sum::<f64>(), 1.0, "it is a path of the shop's as any other");
    berth.stop().await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_a_reason_not_to_start() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let words = Place::new().refusal(&[("BERTH_METRICS_LISTEN", &address)]).await;
    assert!(words.contains(&address) && words.contains("choose another BERTH_METRICS_LISTEN"), "{words}");
}

#[tokio::test]
async fn metrics_are_there_while_the_database_is_not() {
    let place = Place::new();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let away = ("DATABASE_URL", "postgres://berth@127.0.0.1:1/berth");
    let berth = place.start_only(&[("BERTH_METRICS_LISTEN", &address.to_string()), away]).await;
    while TcpStream::connect(address).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let page = scrape(address).await;
    assert_eq!(page.value("berth_database_up", &[]), 0.0);
    berth.stop().await;
}
