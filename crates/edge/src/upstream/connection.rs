//! Connections to a service: made, kept, taken again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use berth_model::ServiceProtocol;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::endpoint::{Endpoint, Visit};
use crate::passing::Outgoing;

/// A replica is on this machine or its network: what does not answer by then does not listen.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A connection of HTTP/2 whose replica went without a word is noticed so soon.
const PING_EVERY: Duration = Duration::from_secs(20);

pub(super) type Http1 = http1::SendRequest<Outgoing>;
pub(super) type Http2 = http2::SendRequest<Outgoing>;

/// Why there is no connection. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("no connection: {0}")]
    Refused(io::Error),
    #[error("no connection within {} s", CONNECT_WITHIN.as_secs())]
    Silent,
    #[error("no connection of HTTP/2: {0}")]
    Protocol(hyper::Error),
}

/// A connection for one request.
pub(crate) struct Connection {
    sender: Sender,
    visit: Visit,
    /// It answered a request before: it may be gone without anybody's fault.
    pub(crate) is_kept: bool,
}

enum Sender {
    Http1(Http1),
    Http2(Http2),
}

impl Connection {
    /// One that was kept, or a new one.
    pub(crate) async fn to(visit: Visit, protocol: ServiceProtocol) -> Result<Self, Trouble> {
        let endpoint = visit.endpoint();
        let (sender, is_kept) = match protocol {
            ServiceProtocol::Http1 => match endpoint.take() {
                Some(kept) => (Sender::Http1(kept), true),
                None => (Sender::Http1(http1_to(endpoint).await?), false),
            },
            ServiceProtocol::H2c => {
                let (sender, is_kept) = http2_to(endpoint).await?;
                (Sender::Http2(sender), is_kept)
            }
        };
        Ok(Self { sender, visit, is_kept })
    }

    /// The next try of a request that met a connection which was gone: never a kept one.
    pub(crate) async fn anew(visit: Visit, protocol: ServiceProtocol) -> Result<Self, Trouble> {
        match protocol {
            ServiceProtocol::Http1 => {
                let sender = Sender::Http1(http1_to(visit.endpoint()).await?);
                Ok(Self { sender, visit, is_kept: false })
            }
            ServiceProtocol::H2c => {
                *visit.endpoint().h2.lock().await = None;
                Self::to(visit, protocol).await
            }
        }
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// With the request, where nothing of it was sent.
    pub(crate) async fn ask(
        &mut self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Outgoing>>> {
        match &mut self.sender {
            Sender::Http1(sender) => sender.try_send_request(request).await,
            Sender::Http2(sender) => sender.try_send_request(request).await,
        }
    }

    /// What remains of it while its answer is read.
    pub(crate) fn lend(self) -> Borrowed {
        let sender = match self.sender {
            Sender::Http1(sender) => Some(sender),
            Sender::Http2(_) => None,
        };
        Borrowed { sender, visit: self.visit }
    }
}

/// A connection while an answer is read from it. Dropped before [`Borrowed::give_back`] it is closed, so that its
/// service learns that nobody waits any more.
#[derive(Debug)]
pub(crate) struct Borrowed {
    /// HTTP/2 has many requests at once on one connection: nothing is given back.
    sender: Option<Http1>,
    visit: Visit,
}

impl Borrowed {
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        self.visit.endpoint()
    }

    /// The answer has ended: the connection takes another request.
    pub(crate) fn give_back(self) {
        let Some(mut sender) = self.sender else { return };
        let endpoint = Arc::clone(self.visit.endpoint());
        if sender.is_ready() {
            endpoint.keep(sender);
        } else if !sender.is_closed() {
            // It has yet to see by itself that the answer has ended, or still sends the request's body.
            tokio::spawn(async move {
                if sender.ready().await.is_ok() {
                    endpoint.keep(sender);
                }
            });
        }
    }
}

async fn http1_to(endpoint: &Endpoint) -> Result<Http1, Trouble> {
    let stream = connect(endpoint).await?;
    let handshake = http1::Builder::new().handshake(TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(Trouble::Protocol)?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::trace!(%error, "a connection to a service ended early");
        }
    });
    Ok(sender)
}

/// The endpoint's connection, which is made once while others wait for it.
async fn http2_to(endpoint: &Endpoint) -> Result<(Http2, bool), Trouble> {
    let mut shared = endpoint.h2.lock().await;
    if let Some(sender) = shared.as_ref().filter(|sender| !sender.is_closed()) {
        return Ok((sender.clone(), true));
    }
    let stream = connect(endpoint).await?;
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).keep_alive_interval(PING_EVERY).keep_alive_timeout(PING_EVERY);
    let handshake = builder.handshake(TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(Trouble::Protocol)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::trace!(%error, "a connection to a service ended early");
        }
    });
    *shared = Some(sender.clone());
    Ok((sender, false))
}

async fn connect(endpoint: &Endpoint) -> Result<TcpStream, Trouble> {
    let connected = open(endpoint.address(), CONNECT_WITHIN).await;
    if connected.is_err() {
        endpoint.refused();
    }
    connected
}

/// A new connection to an address.
pub(crate) async fn open(address: SocketAddr, within: Duration) -> Result<TcpStream, Trouble> {
    let connected = tokio::time::timeout(within, TcpStream::connect(address)).await;
    let stream = connected.map_err(|_| Trouble::Silent)?.map_err(Trouble::Refused)?;
    // Small requests must not wait for an acknowledgement. Where that cannot be set, they wait.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}
