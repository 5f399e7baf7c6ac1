//! Whether something that listens at an address is ready for visitors.
//!
//! Asked by who starts and watches replicas, over a connection of its own each time: what is asked is whether a new
//! visitor would be answered.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use berth_model::{HealthPath, ServiceProtocol};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// A connection that is closed so soon was never really taken.
const STAYS: Duration = Duration::from_millis(200);
/// Who keeps a request for so long works on it.
const KEEPS: Duration = Duration::from_secs(3);

/// Why it is not.
#[derive(Debug, thiserror::Error)]
pub enum HealthProblem {
    /// No connection is taken.
    #[error("nothing listens on port {port}: {error}")]
    NothingListens {
        /// Where it should.
        port: u16,
        /// As the system says it.
        error: io::Error,
    },
    /// A connection was taken and closed at once.
    #[error("it takes connections on port {port} and closes them at once")]
    Closes {
        /// Where it listens.
        port: u16,
    },
    /// A connection was taken, and closed when something was asked.
    #[error("it takes connections on port {port} and closes them without an answer")]
    ClosesUnanswered {
        /// Where it listens.
        port: u16,
    },
    /// Nothing came in time.
    #[error("it did not answer on port {port} within {} s", within.as_secs_f32())]
    Silent {
        /// Where it was asked.
        port: u16,
        /// How long was waited.
        within: Duration,
    },
    /// It is not healthy by its own words.
    #[error("it answered {} to GET {path}", status.as_u16())]
    Status {
        /// What it answered.
        status: StatusCode,
        /// What it was asked.
        path: String,
    },
    /// What it speaks is not HTTP.
    #[error("its answer to GET {path} is not HTTP: {error}")]
    NotHttp {
        /// What it was asked.
        path: String,
        /// What does not fit.
        error: hyper::Error,
    },
    /// It cannot be asked at all.
    #[error("{path} cannot be asked for: {error}")]
    NoRequest {
        /// What it should be asked.
        path: String,
        /// What does not fit.
        error: http::Error,
    },
}

/// Whether a GET of the path, in the protocol that visitors' requests are passed on in, is answered with 2xx or 3xx.
///
/// # Errors
/// Says what came instead.
pub async fn answers(
    address: SocketAddr,
    host: &str,
    path: &HealthPath,
    protocol: ServiceProtocol,
    within: Duration,
) -> Result<(), HealthProblem> {
    let by = Instant::now() + within;
    let path = path.as_str();
    let request = request(host, path, protocol);
    let request = request.map_err(|error| HealthProblem::NoRequest { path: path.to_owned(), error })?;
    let silent = || HealthProblem::Silent { port: address.port(), within };
    let not_http = |error| HealthProblem::NotHttp { path: path.to_owned(), error };
    let stream = connect(address, by, within).await?;
    let asked = async {
        match protocol {
            ServiceProtocol::Http1 => {
                let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                while_connected(sender.send_request(request), connection).await
            }
            ServiceProtocol::H2c => {
                let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
                let (mut sender, connection) = handshake?;
                while_connected(sender.send_request(request), connection).await
            }
        }
    };
    let status = timeout_at(by, asked).await.map_err(|_| silent())?.map_err(not_http)?.status();
    if status.is_success() || status.is_redirection() {
        return Ok(());
    }
    Err(HealthProblem::Status { status, path: path.to_owned() })
}

/// HTTP/2 has the host in the target, and connections that end by themselves.
fn request(host: &str, path: &str, protocol: ServiceProtocol) -> Result<Request<Empty<Bytes>>, http::Error> {
    let request = match protocol {
        ServiceProtocol::Http1 => Request::get(path).header(header::HOST, host).header(header::CONNECTION, "close"),
        ServiceProtocol::H2c => Request::get(format!("http://{host}{path}")),
    };
    request.header(header::USER_AGENT, "Berth-Health").body(Empty::new())
}

/// The answer, or why there is none, is told to who asked; the connection goes on until then.
async fn while_connected(
    response: impl Future<Output = hyper::Result<Response<Incoming>>>,
    connection: impl Future<Output = hyper::Result<()>>,
) -> hyper::Result<Response<Incoming>> {
    tokio::select! {
        response = response => response,
        never = async { let _ = connection.await; std::future::pending().await } => never,
    }
}

/// Whether connections are taken, and not closed again at once.
///
/// # Errors
/// Says what happened.
pub async fn accepts(address: SocketAddr, within: Duration) -> Result<(), HealthProblem> {
    let stream = connect(address, Instant::now() + within, within).await?;
    // What a server says first (SMTP, say) is as good as silence.
    match tokio::time::timeout(STAYS, stream.peek(&mut [0])).await {
        Err(_) | Ok(Ok(1..)) => Ok(()),
        Ok(Ok(0) | Err(_)) => Err(HealthProblem::Closes { port: address.port() }),
    }
}

/// Whether requests are taken: one is answered with anything, or kept for a while. The system takes connections for a
/// process that is about to fail, too (gunicorn listens before it has loaded its application).
///
/// # Errors
/// Says what happened.
pub async fn takes_requests(address: SocketAddr, host: &str, within: Duration) -> Result<(), HealthProblem> {
    let mut stream = connect(address, Instant::now() + within, within).await?;
    let port = address.port();
    let closed = |_| HealthProblem::ClosesUnanswered { port };
    let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nuser-agent: Berth-Health\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(closed)?;
    match tokio::time::timeout(KEEPS, stream.peek(&mut [0])).await {
        Err(_) | Ok(Ok(1..)) => Ok(()),
        Ok(Ok(0) | Err(_)) => Err(HealthProblem::ClosesUnanswered { port }),
    }
}

async fn connect(address: SocketAddr, by: Instant, within: Duration) -> Result<TcpStream, HealthProblem> {
    let port = address.port();
    let connected = timeout_at(by, TcpStream::connect(address)).await;
    let connected = connected.map_err(|_| HealthProblem::Silent { port, within })?;
    connected.map_err(|error| HealthProblem::NothingListens { port, error })
}
