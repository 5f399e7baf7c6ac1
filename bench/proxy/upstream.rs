//! What is proxied to: a server that costs next to nothing, so that what is measured is the proxy.
//!
//! The standard library alone, a thread for each connection, answers that are made once:
//!
//! - `GET /json`: 2 KiB of JSON.
//! - `GET /events`: an event at once, the end of the stream later.
//! - `POST /upload`: how many bytes came.
//! - `GET /socket` with an upgrade: says every byte again.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Between an event and the end of its stream.
const STREAMED: Duration = Duration::from_millis(20);

fn main() -> io::Result<()> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(8080);
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    for stream in listener.incoming() {
        let stream = stream?;
        // A connection that breaks off is its peer's matter.
        thread::Builder::new().stack_size(128 << 10).spawn(move || drop(converse(stream)))?;
    }
    Ok(())
}

fn converse(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut answers, mut asked) = (stream.try_clone()?, BufReader::with_capacity(64 << 10, stream));
    let body = format!("{{\"items\":[\"{}\"]}}", "0123456789abcdef".repeat(127));
    let length = body.len();
    let json =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
    while let Some(head) = Head::read(&mut asked)? {
        match head.path.as_str() {
            "/socket" => {
                answers.write_all(
                    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
                )?;
                io::copy(&mut asked, &mut answers)?;
                return Ok(());
            }
            "/events" => {
                answers.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
                      9\r\ndata: 1\n\n\r\n",
                )?;
                thread::sleep(STREAMED);
                answers.write_all(b"0\r\n\r\n")?;
            }
            "/upload" => {
                let taken = head.skip_body(&mut asked)?.to_string();
                let length = taken.len();
                write!(answers, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{taken}")?;
            }
            _ => answers.write_all(json.as_bytes())?,
        }
    }
    Ok(())
}

struct Head {
    path: String,
    /// Nothing for chunks.
    length: Option<u64>,
}

impl Head {
    /// Nothing at the connection's end.
    fn read(asked: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if asked.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = Some(0);
        loop {
            line.clear();
            if asked.read_line(&mut line)? <= 2 {
                return Ok(Some(Self { path, length }));
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse().map_err(io::Error::other)?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                length = None;
            }
        }
    }

    fn skip_body(&self, asked: &mut impl BufRead) -> io::Result<u64> {
        if let Some(length) = self.length {
            return io::copy(&mut asked.take(length), &mut io::sink());
        }
        let mut taken = 0;
        loop {
            let mut line = String::new();
            asked.read_line(&mut line)?;
            let length = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            taken += io::copy(&mut asked.take(length), &mut io::sink())?;
            line.clear();
            asked.read_line(&mut line)?;
            if length == 0 {
                return Ok(taken);
            }
        }
    }
}
