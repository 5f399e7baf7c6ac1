//! The load for what `wrk` does not do. `load CASE ADDRESS HOST SECONDS [REQUESTS A SECOND]`, prints a line of JSON.
//!
//! - `rate`: so many requests a second for `/json` over 32 connections. A request that has to wait for the one before it
//!   is late from when it was due, so that a server that stops for a moment pays for all who would have come.
//! - `socket`: 32 connections that are upgraded, each with one message of 64 bytes on its way and back.
//! - `events`: from a request to the first event of its stream, 8 connections.
//! - `upload`: 100 MiB, one after the other.
//! - `connect`: a new connection for each request, 8 at once.
//!
//! Every answer is looked at; one that is not what it should be ends the run.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

const UPLOAD: usize = 100 << 20;
const MESSAGE: [u8; 64] = *b"\x82\xba0000-a-message-of-sixty-four-bytes-that-goes-there-and-back...";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [case, address, host, seconds, rest @ ..] = arguments.as_slice() else {
        panic!("load CASE ADDRESS HOST SECONDS [REQUESTS A SECOND]");
    };
    let seconds: f64 = seconds.parse().expect("seconds are a number");
    let rate: f64 = rest.first().map_or(1_000.0, |rate| rate.parse().expect("a rate is a number"));
    let lanes = match case.as_str() {
        "rate" | "socket" => 32,
        "upload" => 1,
        _ => 8,
    };
    let (began, gate) = (Instant::now(), Arc::new(Barrier::new(lanes)));
    let workers: Vec<_> = (0..lanes)
        .map(|lane| {
            let (case, address, host, gate) = (case.clone(), address.clone(), host.clone(), Arc::clone(&gate));
            let pace = Duration::from_secs_f64(lanes as f64 / rate);
            thread::spawn(move || {
                let mut way = Lane { address, host, until: Duration::from_secs_f64(seconds), took: Vec::new() };
                let done = match case.as_str() {
                    "rate" => way.rate(&gate, pace, pace.mul_f64(lane as f64 / lanes as f64)),
                    "socket" => way.socket(&gate),
                    "events" => way.events(&gate),
                    "upload" => way.upload(),
                    "connect" => way.connect(),
                    other => panic!("no case is called {other}"),
                };
                if let Err(error) = done {
                    eprintln!("{case}: {error}");
                    std::process::exit(1);
                }
                way.took
            })
        })
        .collect();
    let mut took: Vec<Duration> = workers.into_iter().flat_map(|worker| worker.join().expect("said above")).collect();
    took.sort_unstable();
    let part = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let (count, whole) = (took.len(), began.elapsed().as_secs_f64());
    println!("{{\"count\":{count},\"seconds\":{whole},\"p50\":{},\"p99\":{}}}", part(0.5), part(0.99));
}

/// One of those who ask, and how long it waited each time.
struct Lane {
    address: String,
    host: String,
    until: Duration,
    took: Vec<Duration>,
}

impl Lane {
    fn open(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(stream)
    }

    fn head(&self, method: &str, path: &str, more: &str) -> Vec<u8> {
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{more}\r\n", self.host).into_bytes()
    }

    fn rate(&mut self, gate: &Barrier, pace: Duration, first: Duration) -> io::Result<()> {
        let (mut stream, request, mut heard) = (self.open()?, self.head("GET", "/json", ""), vec![0; 16 << 10]);
        gate.wait();
        let began = Instant::now();
        let mut due = first;
        while due < self.until {
            // Who wakes late by itself has not waited for the server.
            let mut since = began + due;
            if let Some(rest) = due.checked_sub(began.elapsed()) {
                thread::sleep(rest);
                since = Instant::now();
            }
            stream.write_all(&request)?;
            whole_answer(&mut stream, &mut heard)?;
            self.took.push(since.elapsed());
            due += pace;
        }
        Ok(())
    }

    fn socket(&mut self, gate: &Barrier) -> io::Result<()> {
        let mut stream = self.open()?;
        stream.write_all(&self.head(
            "GET",
            "/socket",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        ))?;
        let mut heard = vec![0; 4 << 10];
        let read = until(&mut stream, &mut heard, b"\r\n\r\n")?;
        expect(heard[..read].starts_with(b"HTTP/1.1 101 "), "it is not upgraded")?;
        gate.wait();
        let began = Instant::now();
        while began.elapsed() < self.until {
            let since = Instant::now();
            stream.write_all(&MESSAGE)?;
            stream.read_exact(&mut heard[..MESSAGE.len()])?;
            self.took.push(since.elapsed());
            expect(heard.starts_with(&MESSAGE), "another message came back")?;
        }
        Ok(())
    }

    fn events(&mut self, gate: &Barrier) -> io::Result<()> {
        let (mut stream, request, mut heard) = (self.open()?, self.head("GET", "/events", ""), vec![0; 4 << 10]);
        gate.wait();
        let began = Instant::now();
        while began.elapsed() < self.until {
            let since = Instant::now();
            stream.write_all(&request)?;
            // One that comes with the end of its stream is not found: then the connection's patience ends.
            until(&mut stream, &mut heard, b"data: 1\n\n\r\n")?;
            self.took.push(since.elapsed());
            until(&mut stream, &mut heard, b"0\r\n\r\n")?;
        }
        Ok(())
    }

    fn upload(&mut self) -> io::Result<()> {
        let (began, piece) = (Instant::now(), vec![7; 256 << 10]);
        let mut heard = vec![0; 4 << 10];
        while began.elapsed() < self.until {
            let since = Instant::now();
            let mut stream = self.open()?;
            stream.write_all(&self.head("POST", "/upload", &format!("Content-Length: {UPLOAD}\r\n")))?;
            for _ in 0..UPLOAD / piece.len() {
                stream.write_all(&piece)?;
            }
            let length = whole_answer(&mut stream, &mut heard)?;
            self.took.push(since.elapsed());
            expect(heard[..length].ends_with(UPLOAD.to_string().as_bytes()), "not all of it arrived")?;
        }
        Ok(())
    }

    fn connect(&mut self) -> io::Result<()> {
        let (began, request) = (Instant::now(), self.head("GET", "/json", "Connection: close\r\n"));
        let mut heard = vec![0; 16 << 10];
        while began.elapsed() < self.until {
            let since = Instant::now();
            let mut stream = self.open()?;
            stream.write_all(&request)?;
            whole_answer(&mut stream, &mut heard)?;
            expect(stream.read(&mut heard)? == 0, "it is not closed")?;
            self.took.push(since.elapsed());
        }
        Ok(())
    }
}

/// Reads an answer that says how long it is; how long it is with its head.
fn whole_answer(stream: &mut TcpStream, heard: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    loop {
        let more = stream.read(&mut heard[read..])?;
        expect(more > 0, "the connection ended within an answer")?;
        read += more;
        let Some(end) = heard[..read].windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&heard[..end]).to_ascii_lowercase();
        expect(head.starts_with("http/1.1 200 "), "the answer is none")?;
        let length = head.split("\r\ncontent-length: ").nth(1).and_then(|rest| rest.lines().next());
        let whole = length.and_then(|length| length.parse::<usize>().ok()).map(|length| end + 4 + length);
        let whole = whole.ok_or_else(|| io::Error::other("the answer does not say how long it is"))?;
        stream.read_exact(&mut heard[read..whole.max(read)])?;
        return Ok(whole);
    }
}

/// Reads until what was heard ends with this; how much that is.
fn until(stream: &mut TcpStream, heard: &mut [u8], end: &[u8]) -> io::Result<usize> {
    let mut read = 0;
    while !heard[..read].ends_with(end) {
        let more = stream.read(&mut heard[read..])?;
        expect(more > 0, "the connection ended early")?;
        read += more;
    }
    Ok(read)
}

fn expect(is_so: bool, otherwise: &str) -> io::Result<()> {
    if is_so { Ok(()) } else { Err(io::Error::other(otherwise)) }
}
