//! The edge behind a real HTTP/1.1 connection: what a header map cannot show.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::runtime::Runtime;

use crate::fixture::Fixture;

/// Serves the fixture on a port of its own for as long as the runtime lives.
fn listen(fixture: &Fixture) -> (Runtime, SocketAddr) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let edge = fixture.edge.clone();
    runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(edge.clone());
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (runtime, address)
}

/// Sends bytes as they are and reads until the server closes.
fn send(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(address: SocketAddr, target: &str, headers: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: shop.example.org\r\nConnection: close\r\n{headers}\r\n");
    send(address, request.as_bytes())
}

#[test]
fn h4_hosts_that_are_none_are_400_on_the_wire() {
    let fixture = Fixture::serving(&[("index.html", "shop")]);
    let (_runtime, address) = listen(&fixture);
    let long = format!("Host: {}\r\n", "a".repeat(8192));
    for host in [
        "",
        "Host: shop.example.org\r\nHost: shop.example.org\r\n",
        "Host: a/b\r\n",
        "Host: a@b\r\n",
        "Host: a\0b\r\n",
        &long,
    ] {
        let answer = send(address, format!("GET / HTTP/1.1\r\n{host}Connection: close\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{host:?}: {answer}");
        assert!(!answer.contains("shop"));
    }
}

#[test]
fn s1_tricks_on_the_wire() {
    let fixture = Fixture::serving(&[("index.html", "shop")]);
    let (_runtime, address) = listen(&fixture);
    for target in
        ["/../../etc/passwd", "//etc/passwd", "/..\\x", "/%2e%2e/x", "/a\0b", "/%00", "/%c0%ae/", "*", "/\u{fc}/../x"]
    {
        let answer = get(address, target, "Accept: text/html\r\n");
        assert!(answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.1 404 "), "{target}: {answer}");
        assert!(!answer.contains("shop"));
    }
}

#[test]
fn s5_bodiless_answers_are_framed_so_that_the_connection_goes_on() {
    let fixture = Fixture::serving(&[("index.html", "shop"), ("a.txt", "abcdef")]);
    let (_runtime, address) = listen(&fixture);
    let first = get(address, "/a.txt", "");
    let tag = first.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let host = "Host: shop.example.org\r\n";
    let requests = format!(
        "HEAD /a.txt HTTP/1.1\r\n{host}\r\n\
         GET /a.txt HTTP/1.1\r\n{host}If-None-Match: {tag}\r\n\r\n\
         OPTIONS / HTTP/1.1\r\n{host}\r\n\
         GET /a.txt HTTP/1.1\r\n{host}Range: bytes=9-\r\n\r\n\
         GET /a.txt HTTP/1.1\r\n{host}Range: bytes=1-2\r\nConnection: close\r\n\r\n"
    );
    let answers = send(address, requests.as_bytes());
    let statuses: Vec<&str> =
        answers.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")).map(|line| &line[..3]).collect();
    assert_eq!(statuses, ["200", "304", "204", "416", "206"], "{answers}");
    assert!(answers.ends_with("\r\n\r\nbc"), "{answers}");
    let not_modified = answers.split("HTTP/1.1 ").nth(2).unwrap();
    assert!(!not_modified.contains("content-length") && not_modified.contains("etag"), "{not_modified}");
}
