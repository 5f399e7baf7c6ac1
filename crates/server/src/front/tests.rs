//! Services behind the front, over real sockets: what its limits let live, and what they still end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use berth_edge::{Edge, EdgeConfig, Mount, Mounts, Site, Target, Upstream, UpstreamState};
use berth_model::{Lock, PathPrefix};
use berth_runtime::Doors;
use berth_secrets::{SecretString, hash_password};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{ConnectionLimits, ControlHosts, Front, serve};
use crate::Config;

const HOST: &str = "shop.berth.test";
/// What a peer may be silent here.
const SILENCE: Duration = Duration::from_millis(400);
/// For what has to happen.
const SOON: Duration = Duration::from_secs(10);

/// A front with one service at a site's root; what happens to that service's connections is told.
struct World {
    front: SocketAddr,
    edge: Edge,
    upstream: Arc<Upstream>,
    heard: mpsc::UnboundedReceiver<String>,
    _stop: tokio_util::sync::DropGuard,
}

impl World {
    async fn new() -> Self {
        Self::at("http://*.berth.test").await
    }

    /// With sites at these addresses.
    async fn at(sites: &str) -> Self {
        let edge = Edge::new(EdgeConfig::default());
        let upstream = edge.upstreams().of(1, "web");
        let (tell, heard) = mpsc::unbounded_channel();
        upstream.set(UpstreamState::Ready(vec![service(tell).await]));
        let pairs = [("BASE_DOMAIN", "berth.test"), ("BERTH_TRUSTED_PROXIES", "127.0.0.0/8")];
        let config = Config::from_pairs(pairs).unwrap();
        let limits =
            ConnectionLimits { body_silence: SILENCE, silence: SILENCE, head: SILENCE, ..ConnectionLimits::default() };
        let trusted = vec!["127.0.0.0/8".parse().unwrap()];
        let front = Front::new(edge.clone(), ControlHosts::of(&config), trusted, sites, limits);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        tokio::spawn(serve(listener, Arc::new(front), Doors::default(), stop.clone()));
        let world = Self { front: address, edge, upstream, heard, _stop: stop.drop_guard() };
        world.install(None);
        world
    }

    fn install(&self, lock: Option<Lock>) {
        let mount = Mount::Service { upstream: Arc::clone(&self.upstream), strip_prefix: false };
        let mounts = Mounts::new(1, vec![(PathPrefix::everything(), mount)]);
        self.edge.install(HOST, Site::of(Target::Mounts(Arc::new(mounts))).locked(lock.map(Arc::new)));
    }

    async fn visitor(&self) -> BufReader<TcpStream> {
        BufReader::new(TcpStream::connect(self.front).await.unwrap())
    }

    async fn heard(&mut self) -> String {
        tokio::time::timeout(SOON, self.heard.recv()).await.expect("the service hears something").unwrap()
    }

    async fn is_drained(&self) {
        let over = async {
            while self.upstream.in_flight() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(SOON, over).await.expect("nothing is under way");
    }
}

/// Answers by path; says each head, and `left` at the end of a connection.
async fn service(tell: mpsc::UnboundedSender<String>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let tell = tell.clone();
            tokio::spawn(async move {
                let _ = converse(stream, &tell).await;
                let _ = tell.send("left".to_owned());
            });
        }
    });
    address
}

async fn converse(stream: TcpStream, tell: &mpsc::UnboundedSender<String>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let head = read_head(&mut stream).await?;
        if head.is_empty() {
            return Ok(());
        }
        let _ = tell.send(head.clone());
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        if let Some(length) = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()) {
            let mut body = (&mut stream).take(length.parse().unwrap());
            let read = tokio::io::copy(&mut body, &mut tokio::io::sink()).await?;
            let _ = tell.send(format!("{read} bytes"));
        }
        match path.as_str() {
            "/slow" => {
                tokio::time::sleep(4 * SILENCE).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow").await?;
            }
            "/events" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
                for event in ["one\n", "two\n"] {
                    tokio::time::sleep(3 * SILENCE).await;
                    stream.write_all(format!("4\r\n{event}\r\n").as_bytes()).await?;
                }
                stream.write_all(b"0\r\n\r\n").await?;
            }
            "/endless" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n").await?;
                loop {
                    stream.write_all(&[7; 64 << 10]).await?;
                }
            }
            "/socket" => {
                let head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
                stream.write_all(head).await?;
                let (mut read, mut write) = stream.into_inner().into_split();
                tokio::io::copy(&mut read, &mut write).await?;
                return Ok(());
            }
            _ => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await?,
        }
    }
}

async fn read_head(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Ok(String::new());
        }
    }
    Ok(head)
}

async fn ask(stream: &mut BufReader<TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::timeout(SOON, read_head(stream)).await.expect("an answer comes").unwrap()
}

async fn hear(stream: &mut BufReader<TcpStream>, length: usize) -> Vec<u8> {
    let mut heard = vec![0; length];
    tokio::time::timeout(SOON, stream.read_exact(&mut heard)).await.expect("it comes").unwrap();
    heard
}

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{more}\r\n")
}

#[tokio::test]
async fn a_service_may_take_longer_than_a_peer_may_be_silent() {
    let world = World::new().await;
    let mut visitor = world.visitor().await;
    for _ in 0..2 {
        assert!(ask(&mut visitor, &get("/slow", "")).await.starts_with("HTTP/1.1 200 "));
        assert_eq!(hear(&mut visitor, 4).await, b"slow");
    }
    assert!(ask(&mut visitor, &get("/events", "")).await.starts_with("HTTP/1.1 200 "));
    for event in ["4\r\none\n\r\n", "4\r\ntwo\n\r\n", "0\r\n\r\n"] {
        assert_eq!(hear(&mut visitor, event.len()).await, event.as_bytes());
    }
    // Now it is the visitor's turn again.
    let ended = tokio::time::timeout(SOON, visitor.read(&mut [0])).await.expect("its silence ends it");
    assert!(matches!(ended, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_visitor_of_http_2_waits_for_a_service_too() {
    let world = World::new().await;
    let io = TokioIo::new(TcpStream::connect(world.front).await.unwrap());
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await;
    let (mut sender, connection) = handshake.unwrap();
    tokio::spawn(connection);
    for (path, text) in [("/slow", "slow"), ("/events", "one\ntwo\n")] {
        let request = Request::get(format!("http://{HOST}{path}")).body(Full::<Bytes>::default()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), text);
    }
}

#[tokio::test]
async fn a_websocket_lives_through_silence_and_ends_with_its_visitor() {
    let mut world = World::new().await;
    let mut visitor = world.visitor().await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    assert!(ask(&mut visitor, &get("/socket", upgrade)).await.starts_with("HTTP/1.1 101 "));
    for piece in ["hello", "again"] {
        tokio::time::sleep(3 * SILENCE).await;
        visitor.write_all(piece.as_bytes()).await.unwrap();
        assert_eq!(hear(&mut visitor, 5).await, piece.as_bytes());
    }
    assert_eq!(world.upstream.in_flight(), 1);
    drop(visitor);
    world.is_drained().await;
    assert!(world.heard().await.starts_with("GET /socket "));
    assert_eq!(world.heard().await, "left");
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_holds_nobody() {
    let mut world = World::new().await;
    let mut visitor = world.visitor().await;
    assert!(ask(&mut visitor, &get("/endless", "")).await.starts_with("HTTP/1.1 200 "));
    assert!(world.heard().await.starts_with("GET /endless "));
    assert_eq!(world.heard().await, "left", "the service is let go");
    world.is_drained().await;
    drop(visitor);
}

#[tokio::test]
async fn who_goes_away_ends_the_request() {
    let mut world = World::new().await;
    let mut visitor = world.visitor().await;
    visitor.write_all(get("/slow", "").as_bytes()).await.unwrap();
    assert!(world.heard().await.starts_with("GET /slow "));
    drop(visitor);
    world.is_drained().await;
}

#[tokio::test]
async fn a_body_goes_through_as_it_comes_and_one_that_stops_is_not_waited_for() {
    const PIECES: usize = 100;
    let mut world = World::new().await;
    let mut visitor = world.visitor().await;
    let piece = vec![7; 1 << 20];
    let post = |length: usize| format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n\r\n");
    visitor.write_all(post(PIECES * piece.len()).as_bytes()).await.unwrap();
    assert!(world.heard().await.starts_with("POST / "), "the service hears of it before its body is there");
    for _ in 0..PIECES {
        visitor.write_all(&piece).await.unwrap();
    }
    assert_eq!(world.heard().await, "104857600 bytes");
    assert!(read_head(&mut visitor).await.unwrap().starts_with("HTTP/1.1 200 "));
    // Half a body, and then nothing.
    let mut visitor = world.visitor().await;
    visitor.write_all(format!("{}half", post(100)).as_bytes()).await.unwrap();
    let told = tokio::time::timeout(SOON, read_head(&mut visitor)).await.expect("it ends").unwrap_or_default();
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 408 "), "{told}");
    world.is_drained().await;
}

#[tokio::test]
async fn a_trusted_proxy_says_who_asks_and_how() {
    let mut world = World::new().await;
    let mut visitor = world.visitor().await;
    let proxied =
        "X-Forwarded-For: 10.9.9.9, 198.51.100.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n";
    assert!(ask(&mut visitor, &get("/", proxied)).await.starts_with("HTTP/1.1 200 "));
    let head = world.heard().await;
    for line in [
        "x-forwarded-for: 198.51.100.7",
        "x-forwarded-proto: https",
        "x-forwarded-port: 443",
        "x-forwarded-host: shop.berth.test",
        "forwarded: for=198.51.100.7;host=\"shop.berth.test\";proto=https",
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
    }
    assert!(!head.contains("evil") && !head.contains("10.9.9.9"), "{head}");
}

#[tokio::test]
async fn where_sites_are_at_https_a_service_is_told_so_by_itself() {
    for (sites, proto, port) in [("https://*.berth.test", "https", 443), ("http://*.berth.test", "http", 80)] {
        let mut world = World::at(sites).await;
        let mut visitor = world.visitor().await;
        assert!(ask(&mut visitor, &get("/", "")).await.starts_with("HTTP/1.1 200 "));
        let head = world.heard().await;
        for line in [
            format!("x-forwarded-proto: {proto}"),
            format!("x-forwarded-port: {port}"),
            format!("forwarded: for=127.0.0.1;host=\"{HOST}\";proto={proto}"),
        ] {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
        }
    }
}

#[tokio::test]
async fn what_the_front_refuses_no_service_hears_of() {
    let mut world = World::new().await;
    for (method, head, status) in [
        ("POST", "Transfer-Encoding: gzip, chunked\r\n", "501"),
        ("POST", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "501"),
        ("GET", "Host: other.berth.test\r\n", "400"),
        ("CONNECT", "", "405"),
    ] {
        let mut visitor = world.visitor().await;
        let request = format!("{method} / HTTP/1.1\r\nHost: {HOST}\r\n{head}\r\n");
        let told = ask(&mut visitor, &request).await;
        assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {head}: {told}");
    }
    world.install(Some(Lock { user: None, hash: hash_password(&SecretString::from("open sesame".to_owned())) }));
    let mut visitor = world.visitor().await;
    assert!(ask(&mut visitor, &get("/", "")).await.starts_with("HTTP/1.1 401 "));
    assert!(world.heard.try_recv().is_err(), "the service was asked");
    // `ada:open sesame`, as browsers send it.
    let mut visitor = world.visitor().await;
    let key = "Authorization: Basic YWRhOm9wZW4gc2VzYW1l\r\n";
    assert!(ask(&mut visitor, &get("/", key)).await.starts_with("HTTP/1.1 200 "));
    assert!(!world.heard().await.contains("authorization"), "it is the lock's");
}
