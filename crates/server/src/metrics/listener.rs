//! `BERTH_METRICS_LISTEN`: a listener of its own that answers `/metrics` and nothing else, to whoever reaches it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::body::Body;
use berth_runtime::Doors;
use futures_util::StreamExt;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{Metrics, text};

/// Scrapers at once: a few servers that watch each other's.
const AT_ONCE: usize = 16;
/// For the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// For all that one connection is used for: scrapers come again.
const LONGEST: Duration = Duration::from_secs(300);

/// Takes the address.
///
/// # Errors
/// When something else has it, or this machine has no such address.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("Berth cannot listen on {address} for metrics; stop what listens there, or choose another BERTH_METRICS_LISTEN")
    })?;
    tracing::info!("metrics are at http://{}/metrics", listener.local_addr()?);
    Ok(listener)
}

/// Answers scrapers until `stop`; a service that found its way here is none.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>, doors: Doors, stop: CancellationToken) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) if doors.let_in(&stream, peer.ip()) => drop(stream),
            Ok((stream, _)) => {
                let (metrics, stop) = (Arc::clone(&metrics), stop.clone());
                tokio::spawn(async move {
                    let _turn = turn;
                    tokio::select! {
                        // However it ends, the scraper comes again.
                        _ = tokio::time::timeout(LONGEST, converse(stream, metrics)) => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a scraper's connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, metrics: Arc<Metrics>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let metrics = Arc::clone(&metrics);
        async move { Ok::<_, Infallible>(answer(&metrics, &request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::trace!(%error, "a scraper's connection ended early");
    }
}

async fn answer<B>(metrics: &Arc<Metrics>, request: &Request<B>) -> Response<Body> {
    let refused = |status: StatusCode, text: &'static str| {
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        response
    };
    let mut response = match (request.uri().path(), request.method()) {
        ("/metrics", &Method::GET) => {
            let pieces = metrics.page().await.map(Ok::<_, Infallible>);
            let mut response = Response::new(Body::from_stream(pieces));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(text::CONTENT_TYPE));
            return response;
        }
        ("/metrics", _) => refused(StatusCode::METHOD_NOT_ALLOWED, "Metrics are read with GET.\n"),
        _ => refused(StatusCode::NOT_FOUND, "There is nothing here but /metrics.\n"),
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
