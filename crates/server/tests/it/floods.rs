//! HTTP/2 by hand: clients whose frames cost them nothing. Each connection ends or is bounded, memory stays where it is,
//! and others are served.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http_2::{CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, frame, get};
use crate::place::status;
use crate::slow::{HOSTS, Process, SITE, shop};

/// The frames of its n-th step.
type Flood<'a> = &'a dyn Fn(u32) -> Vec<u8>;

/// How far memory may grow by any of it, in KiB.
const GROWTH: u64 = 32 << 10;
/// More than any client needs to say before it is left.
const TOO_MUCH: usize = 64 << 20;
/// Of what is refused with an answer, so that there is no end of it: some gigabytes, unpacked.
const A_GOOD_MANY: usize = 1 << 20;

/// A client that says pieces until it is left, or has said that much; how much it said.
async fn says(address: std::net::SocketAddr, most: usize, piece: &dyn Fn(u32) -> Vec<u8>) -> usize {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(PREFACE).await.unwrap();
    client.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let (mut said, mut number) = (0, 0);
    while said < most {
        let piece = piece(number);
        number += 1;
        // Who does not read is not read any more, either.
        match timeout(Duration::from_secs(2), client.write_all(&piece)).await {
            Ok(Ok(())) => said += piece.len(),
            Ok(Err(_)) | Err(_) => break,
        }
    }
    said
}

#[tokio::test]
async fn floods_of_frames_end_or_are_bounded() {
    let place = shop().await;
    let berth = Process::start(&place).await;
    let stream = |number: u32| number * 2 + 1;
    let request = get(SITE, "/");

    // Requests that are taken back at once (CVE-2023-44487).
    let takes_back = |number: u32| -> Vec<u8> {
        (number * 1_000..(number + 1) * 1_000)
            .flat_map(|number| {
                let asked = frame(HEADERS, END_STREAM | END_HEADERS, stream(number), &request);
                [asked, frame(RST_STREAM, 0, stream(number), &[0, 0, 0, 8])].concat()
            })
            .collect()
    };
    // A head without an end (CVE-2024-27316): fields that fit, and always more of them.
    let field = [&[0x00, 0x03][..], b"x-a", &[0x7f, 0x81, 0x7d], &[b'a'; 16_128]].concat();
    let never_ends = |number: u32| match number {
        0 => frame(HEADERS, END_STREAM, 1, &request),
        _ => frame(CONTINUATION, 0, 1, &field),
    };
    // A field of 4,000 bytes that one byte stands for: 16,000 of them in each frame.
    let named = [&[0x40, 0x03][..], b"x-b", &[0x7f, 0xa1, 0x1e], &[b'b'; 4_000]].concat();
    let swells = |number: u32| match number {
        0 => frame(HEADERS, END_STREAM | END_HEADERS, 1, &[&request[..], &named].concat()),
        _ => frame(HEADERS, END_STREAM | END_HEADERS, stream(number), &[&request[..], &[0xbe; 16_000]].concat()),
    };
    // Answers that nobody reads are asked for.
    let pings = |_: u32| frame(PING, 0, 0, &[7; 8]).repeat(4_000);
    let sets = |_: u32| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]).repeat(4_000);

    let all: [(&str, Option<usize>, Flood<'_>); 5] = [
        ("resets", Some(TOO_MUCH), &takes_back),
        ("a head without an end", Some(TOO_MUCH), &never_ends),
        ("heads that swell", None, &swells),
        ("pings", Some(TOO_MUCH), &pings),
        ("settings", Some(TOO_MUCH), &sets),
    ];
    for (what, listens_to_less_than, flood) in all {
        let before = berth.forget_most_memory();
        let said = says(berth.address, listens_to_less_than.unwrap_or(A_GOOD_MANY), flood).await;
        assert!(listens_to_less_than.is_none_or(|most| said < most), "{what}: it listens to everything");
        let grown = berth.most_memory().saturating_sub(before);
        assert!(grown < GROWTH, "{what}: {grown} KiB");
        for (host, path) in HOSTS {
            assert_eq!(status(&berth.ask(host, path).await), "200", "{what}: {host}");
        }
    }
}
