//! Large files over real sockets: whole, in parts, slowly, broken off, across a switch, cut short on the disk.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::place::{Place, Running};

const HOST: &str = "shop.berth.test";

/// Larger than every buffer between the disk and the client; each place of it is told from the others.
fn large() -> Vec<u8> {
    (0_u32..2 << 20).flat_map(u32::to_le_bytes).collect()
}

/// A Berth that serves `/large.bin`.
async fn with_a_download() -> (Place, Running, Vec<u8>) {
    let (place, content) = (Place::new(), large());
    place.start().await.stop().await;
    let files = vec![("index.html".to_owned(), b"<!doctype html>".to_vec()), ("large.bin".to_owned(), content.clone())];
    place.publish_releases("shop", &[files]).await.unwrap();
    let running = place.start().await;
    (place, running, content)
}

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{more}\r\n")
}

/// Reads one answer with a `Content-Length`: its head and its body.
async fn answer(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    (head, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_arrives_whole_and_in_parts_on_one_connection() {
    let (_place, berth, content) = with_a_download().await;
    let mut stream = TcpStream::connect(berth.address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(get("/large.bin", "").as_bytes()).await.unwrap();
        let (head, body) = answer(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 200") && body == content, "{head}");
    }
    let end = content.len();
    for (range, expected) in [
        ("0-0", &content[..1]),
        ("1000-2000999", &content[1_000..2_001_000]),
        ("-70000", &content[end - 70_000..]),
        ("8388607-", &content[8_388_607..]),
    ] {
        stream.write_all(get("/large.bin", &format!("Range: bytes={range}\r\n")).as_bytes()).await.unwrap();
        let (head, body) = answer(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 206") && body == expected, "{range}: {head}");
    }
    stream.write_all(get("/large.bin", "Range: bytes=10-20,5000000-5999999\r\n").as_bytes()).await.unwrap();
    let (head, body) = answer(&mut stream).await;
    let part = |range: &[u8]| body.windows(range.len()).any(|window| window == range);
    assert!(head.contains("multipart/byteranges") && part(&content[10..21]) && part(&content[5_000_000..6_000_000]));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_come_at_once_are_answered_in_order() {
    let (_place, berth, content) = with_a_download().await;
    let mut stream = TcpStream::connect(berth.address).await.unwrap();
    let head = format!("HEAD /large.bin HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let requests =
        [&get("/large.bin", "Range: bytes=0-99999\r\n"), &get("/", ""), &get("/large.bin", ""), &get("/", "")];
    stream
        .write_all((requests.map(String::as_str).concat() + &head + &get("/large.bin", "")).as_bytes())
        .await
        .unwrap();
    assert_eq!(answer(&mut stream).await.1, content[..100_000]);
    assert_eq!(answer(&mut stream).await.1, b"<!doctype html>");
    assert!(answer(&mut stream).await.1 == content);
    assert_eq!(answer(&mut stream).await.1, b"<!doctype html>");
    let mut bodiless = Vec::new();
    while !bodiless.ends_with(b"\r\n\r\n") {
        bodiless.push(stream.read_u8().await.unwrap());
    }
    assert!(answer(&mut stream).await.1 == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_client_and_one_that_closes_get_all_of_it() {
    let (_place, berth, content) = with_a_download().await;
    for request in [
        format!("GET /large.bin HTTP/1.0\r\nHost: {HOST}\r\n\r\n"),
        get("/large.bin", "Connection: close\r\nExpect: 100-continue\r\n"),
    ] {
        let mut stream = TcpStream::connect(berth.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert!(all.ends_with(&content), "{request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d2_a_slow_download_ends_with_the_bytes_it_began_with() {
    let (place, berth, content) = with_a_download().await;
    let mut stream = TcpStream::connect(berth.address).await.unwrap();
    stream.write_all(get("/large.bin", "Connection: close\r\n").as_bytes()).await.unwrap();
    let mut all = vec![0; 100_000];
    stream.read_exact(&mut all).await.unwrap();
    // The release goes from the disk under the running download.
    std::fs::remove_dir_all(place.deployments().join(".releases")).unwrap();
    let mut piece = vec![0; 256 * 1024];
    loop {
        let read = stream.read(&mut piece).await.unwrap();
        if read == 0 {
            break;
        }
        all.extend(&piece[..read]);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(all.ends_with(&content), "{} bytes came", all.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_go_away_harm_nobody() {
    let (_place, berth, content) = with_a_download().await;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(berth.address).await.unwrap();
        stream.write_all(get("/large.bin", "").as_bytes()).await.unwrap();
        stream.read_u8().await.unwrap();
    }
    let mut stream = TcpStream::connect(berth.address).await.unwrap();
    stream.write_all(get("/large.bin", "").as_bytes()).await.unwrap();
    assert!(answer(&mut stream).await.1 == content);
}

/// Nobody should write into a release. Who does must not take the server with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_short_on_the_disk_ends_its_connection_only() {
    let (place, berth, content) = with_a_download().await;
    let mut stream = TcpStream::connect(berth.address).await.unwrap();
    stream.write_all(get("/large.bin", "").as_bytes()).await.unwrap();
    assert!(answer(&mut stream).await.1 == content);
    std::fs::OpenOptions::new().write(true).open(place.live_file("large.bin")).unwrap().set_len(3_000_000).unwrap();
    stream.write_all(get("/large.bin", "Connection: close\r\n").as_bytes()).await.unwrap();
    let mut all = Vec::new();
    let ended = stream.read_to_end(&mut all).await;
    assert!(all.len() < content.len(), "{ended:?}: {} bytes came", all.len());
    assert!(berth.get(HOST, "/").await.ends_with("<!doctype html>"));
}
