//! Accepting connections, and ending them in order.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Front;
use super::idle::IdleLimit;
use super::whole_body::WholeBody;

/// For a request's whole head.
const HEAD: Duration = Duration::from_secs(30);
/// All headers of a request together, in bytes.
const HEAD_SIZE: usize = 64 * 1024;
/// For requests that run when Berth stops.
const DRAIN: Duration = Duration::from_secs(10);

/// Accepts connections until `stop`, then lets running requests end, for ten seconds at most.
pub(crate) async fn serve(listener: TcpListener, front: Arc<Front>, stop: CancellationToken) {
    let builder = Arc::new(builder());
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Small answers must not wait for an acknowledgement. Where that cannot be set, they wait.
                let _ = stream.set_nodelay(true);
                let (builder, front, watcher) = (Arc::clone(&builder), Arc::clone(&front), connections.watcher());
                tokio::spawn(converse(stream, peer.ip(), front, builder, watcher));
            }
            Err(error) => {
                // The peer gave up, or we have no descriptor left: neither is a reason to stop listening.
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
        tracing::info!("some requests had not ended after {} s and were cut off", DRAIN.as_secs());
    }
}

/// Answers the requests of one connection: HTTP/1.1 or HTTP/2 without TLS, whichever the client speaks.
async fn converse<S>(
    stream: S,
    peer: IpAddr,
    front: Arc<Front>,
    builder: Arc<auto::Builder<TokioExecutor>>,
    watcher: Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let front = Arc::clone(&front);
        let (head, body) = request.into_parts();
        let body = WholeBody::new(&head.headers, body);
        async move { Ok::<_, Infallible>(front.answer(peer, Request::from_parts(head, body)).await) }
    });
    let stream = TokioIo::new(IdleLimit::new(stream));
    let connection = builder.serve_connection_with_upgrades(stream, service).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::trace!(%error, "a connection ended early");
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_SIZE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(128)
        .max_header_list_size(HEAD_SIZE as u32);
    builder
}
