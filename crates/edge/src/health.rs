//! Whether something that listens at an address is ready for visitors.
//!
//! Asked by who starts and watches replicas, over a connection of its own each time: what is asked is whether a new
//! visitor would be answered.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use berth_model::HealthPath;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// A connection that is closed so soon was never really taken.
const STAYS: Duration = Duration::from_millis(200);

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

/// Whether a GET of the path is answered with 2xx or 3xx.
///
/// # Errors
/// Says what came instead.
pub async fn answers(
    address: SocketAddr,
    host: &str,
    path: &HealthPath,
    within: Duration,
) -> Result<(), HealthProblem> {
    let by = Instant::now() + within;
    let path = path.as_str();
    let request = Request::builder().uri(path).header(header::HOST, host).header(header::USER_AGENT, "Berth-Health");
    let request = request.header(header::CONNECTION, "close").body(Empty::<Bytes>::new());
    let request = request.map_err(|error| HealthProblem::NoRequest { path: path.to_owned(), error })?;
    let silent = || HealthProblem::Silent { port: address.port(), within };
    let not_http = |error| HealthProblem::NotHttp { path: path.to_owned(), error };
    let stream = connect(address, by, within).await?;
    let asked = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(not_http)?;
        tokio::select! {
            response = sender.send_request(request) => response.map_err(not_http),
            // The answer, or why there is none, is told to the sender; this goes on until then.
            never = async { let _ = connection.await; std::future::pending().await } => never,
        }
    };
    let status = timeout_at(by, asked).await.map_err(|_| silent())??.status();
    if status.is_success() || status.is_redirection() {
        return Ok(());
    }
    Err(HealthProblem::Status { status, path: path.to_owned() })
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

async fn connect(address: SocketAddr, by: Instant, within: Duration) -> Result<TcpStream, HealthProblem> {
    let port = address.port();
    let connected = timeout_at(by, TcpStream::connect(address)).await;
    let connected = connected.map_err(|_| HealthProblem::Silent { port, within })?;
    connected.map_err(|error| HealthProblem::NothingListens { port, error })
}
