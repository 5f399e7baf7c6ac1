//! P1 over HTTP/2: bytes alone are no reason to keep a connection. A first request has its time to come, each of the
//! peer's turns after it, too; who goes on slowly is served.

use std::time::{Duration, Instant};

use berth_server::ConnectionLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::http_2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, SETTINGS, WINDOW_UPDATE, frame, get,
};
use crate::place::{Place, Running};
use crate::slow::{CONTROL, LATE, SITE};

/// More than is sent before the client lets it.
const LARGE: usize = 1 << 20;
const DRIP: Duration = Duration::from_millis(100);

async fn shop(limits: ConnectionLimits) -> (Place, Running) {
    let place = Place::new();
    place.start().await.stop().await;
    let page = ("index.html".to_owned(), b"the shop".to_vec());
    let film = ("film.bin".to_owned(), vec![7; LARGE]);
    place.publish_releases("shop", &[vec![page, film]]).await.unwrap();
    let berth = place.start_limited(limits).await;
    (place, berth)
}

/// A connection that has said that it speaks HTTP/2, and how much of each answer it takes unasked.
async fn connect(berth: &Running, window: u32) -> TcpStream {
    let mut stream = TcpStream::connect(berth.address).await.unwrap();
    let settings = [&[0, 4][..], &window.to_be_bytes()].concat();
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat()).await.unwrap();
    stream
}

/// Sends a whole request as this stream.
async fn ask(stream: &mut TcpStream, number: u32, host: &str, path: &str) {
    stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, number, &get(host, path))).await.unwrap();
}

/// Reads what comes, without looking at it; whether the connection has ended.
async fn has_ended(stream: &mut TcpStream, within: Duration) -> bool {
    let until = Instant::now() + within;
    let mut piece = [0; 4 << 10];
    loop {
        match timeout(until.saturating_duration_since(Instant::now()), stream.read(&mut piece)).await {
            Ok(Ok(0) | Err(_)) => return true,
            Ok(Ok(_)) => {}
            Err(_) => return false,
        }
    }
}

/// Sends one drip after the other until the server ends the connection, which it does; how long that took.
async fn drip(stream: &mut TcpStream, mut drips: impl Iterator<Item = Vec<u8>>) -> Duration {
    let began = Instant::now();
    while !has_ended(stream, DRIP).await {
        assert!(began.elapsed() < LATE, "drips keep a connection for ever");
        if let Some(next) = drips.next()
            && stream.write_all(&next).await.is_err()
        {
            break;
        }
    }
    began.elapsed()
}

fn pings() -> impl Iterator<Item = Vec<u8>> {
    std::iter::repeat_with(|| frame(PING, 0, 0, &[7; 8]))
}

/// Kind, flags and length of the next frame.
async fn next(stream: &mut TcpStream) -> (u8, u8, usize) {
    let mut head = [0; 9];
    timeout(LATE, stream.read_exact(&mut head)).await.expect("it answers").expect("the connection is kept");
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    (head[3], head[4], length)
}

/// The bytes of files until one answer has ended. Nobody is told to go meanwhile.
async fn body(stream: &mut TcpStream, mut each: impl AsyncFnMut(&mut TcpStream, usize)) -> usize {
    let mut bytes = 0;
    loop {
        let (kind, flags, length) = next(stream).await;
        assert_ne!(kind, GOAWAY);
        let ends = flags & END_STREAM != 0;
        if kind == DATA {
            bytes += length;
            if !ends {
                each(stream, length).await;
            }
        }
        if ends && matches!(kind, DATA | HEADERS) {
            return bytes;
        }
    }
}

/// The bytes of an answer that is taken 32 KiB at a time, with a pause before each.
async fn taken_slowly(berth: &Running, host: &str, path: &str, pause: Duration) -> usize {
    let mut stream = connect(berth, 0xffff).await;
    ask(&mut stream, 1, host, path).await;
    let mut taken = 0;
    let read = body(&mut stream, async |stream, length| {
        taken += length;
        if taken >= 0x8000 {
            sleep(pause).await;
            let more = u32::try_from(taken).unwrap().to_be_bytes();
            let updates = [frame(WINDOW_UPDATE, 0, 0, &more), frame(WINDOW_UPDATE, 0, 1, &more)].concat();
            stream.write_all(&updates).await.unwrap();
            taken = 0;
        }
    });
    read.await
}

#[tokio::test]
async fn a_first_request_in_drips_ends_at_its_limit() {
    let head = Duration::from_secs(1);
    // Only the head's own limit is short: the drips are no silence.
    let (_place, berth) = shop(ConnectionLimits { head, ..ConnectionLimits::default() }).await;
    let bytes = |all: Vec<u8>| all.into_iter().map(|byte| vec![byte]);

    let mut stream = TcpStream::connect(berth.address).await.unwrap();
    drip(&mut stream, bytes(PREFACE.to_vec()).chain(pings())).await;

    let mut stream = connect(&berth, 0xffff).await;
    drip(&mut stream, pings()).await;

    let mut stream = connect(&berth, 0xffff).await;
    stream.write_all(&frame(HEADERS, END_STREAM, 1, &get(SITE, "/"))).await.unwrap();
    let took = drip(&mut stream, bytes(frame(CONTINUATION, 0, 1, &[0; 10_000]))).await;
    assert!(took >= head - 2 * DRIP, "it had its time: {took:?}");
    berth.stop().await;
}

#[tokio::test]
async fn who_asks_nothing_more_or_takes_nothing_is_left() {
    let silence = Duration::from_secs(2);
    let (_place, berth) = shop(ConnectionLimits { silence, ..ConnectionLimits::default() }).await;

    let mut stream = connect(&berth, 0xffff).await;
    ask(&mut stream, 1, SITE, "/").await;
    assert_eq!(body(&mut stream, async |_, _| {}).await, "the shop".len());
    let took = drip(&mut stream, pings()).await;
    assert!(took >= silence - 2 * DRIP, "it had its time: {took:?}");

    // Asks, lets nothing be sent, and is never silent.
    let mut stream = connect(&berth, 0).await;
    ask(&mut stream, 1, SITE, "/film.bin").await;
    drip(&mut stream, pings()).await;
    berth.stop().await;
}

/// Takes longer than a turn of its own all together, and each time goes on before it is over.
#[tokio::test]
async fn who_goes_on_slowly_is_served() {
    let silence = Duration::from_secs(2);
    let (_place, berth) = shop(ConnectionLimits { silence, head: silence, ..ConnectionLimits::default() }).await;
    let began = Instant::now();
    assert_eq!(taken_slowly(&berth, SITE, "/film.bin", Duration::from_millis(150)).await, LARGE);
    assert!(began.elapsed() > silence, "{:?}", began.elapsed());
    // The control plane has all of an answer at once.
    let began = Instant::now();
    let described = taken_slowly(&berth, CONTROL, "/api/v1/openapi.json", Duration::from_millis(600)).await;
    assert!(described > 128 << 10, "{described}");
    assert!(began.elapsed() > silence, "{:?}", began.elapsed());
    berth.stop().await;
}

/// A proxy that keeps its connections open hears of the end before it sends a visitor's request into it.
#[tokio::test]
async fn who_asks_nothing_more_is_told_and_what_it_asks_then_is_answered() {
    let silence = Duration::from_secs(2);
    let (_place, berth) = shop(ConnectionLimits { silence, ..ConnectionLimits::default() }).await;
    let mut stream = connect(&berth, 0xffff).await;
    ask(&mut stream, 1, SITE, "/").await;
    assert_eq!(body(&mut stream, async |_, _| {}).await, "the shop".len());
    let began = Instant::now();
    loop {
        if timeout(DRIP, stream.peek(&mut [0])).await.is_err() {
            assert!(began.elapsed() < LATE, "it is not told");
            stream.write_all(&frame(PING, 0, 0, &[7; 8])).await.unwrap();
        } else if next(&mut stream).await.0 == GOAWAY {
            break;
        }
    }
    ask(&mut stream, 3, SITE, "/").await;
    assert_eq!(body(&mut stream, async |_, _| {}).await, "the shop".len());
    drip(&mut stream, pings()).await;
    berth.stop().await;
}
