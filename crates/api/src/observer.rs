//! What visitors of sites do, which the API is asked but does not see: the server, which answers them, tells.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_model::{AccessEvent, AccessLine, ProjectId, Timestamp, Traffic};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt};
use http::header::CONTENT_TYPE;

use crate::Api;
use crate::auth::Admin;

/// Whoever sees every answer.
pub trait Observer: Send + Sync + 'static {
    /// Since when it counts.
    fn since(&self) -> Timestamp;

    /// What a project's hosts answered.
    fn traffic(&self, project: ProjectId) -> Traffic;

    /// At most so many of a project's last requests, oldest first; under load a sample of them.
    fn last(&self, project: ProjectId, most: usize) -> Vec<Arc<AccessLine>>;

    /// The requests of a project from now on, each when it was answered.
    fn watch(&self, project: ProjectId) -> BoxStream<'static, AccessEvent>;

    /// Everything that is counted, as Prometheus reads it.
    fn metrics(&self) -> BoxFuture<'static, Metrics>;
}

/// A page of metrics, which is made while it is sent.
pub struct Metrics {
    /// The format.
    pub content_type: &'static str,
    /// The page.
    pub pieces: BoxStream<'static, Bytes>,
}

/// `GET /metrics`: everything that is counted, for an administrator.
pub(crate) async fn metrics(State(api): State<Api>, _: Admin) -> Response {
    let Metrics { content_type, pieces } = api.observer.metrics().await;
    let pieces = pieces.map(Ok::<_, std::convert::Infallible>);
    ([(CONTENT_TYPE, content_type)], Body::from_stream(pieces)).into_response()
}
