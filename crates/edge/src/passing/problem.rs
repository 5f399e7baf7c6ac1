//! What a visitor is told when no service answers: a page, or JSON for whom that is easier to read.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use crate::body::EdgeBody;
use crate::negotiate::prefers_json;
use crate::pages;
use crate::upstream::UpstreamState;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Problem {
    /// As whoever watches the replicas says it.
    State(UpstreamState),
    /// Too many requests of this service are under way.
    TooMany,
    /// No replica takes a connection.
    Unreachable,
    /// The connection ended before an answer, or what came is none.
    Broken,
    /// An upgrade that nobody asked for.
    NotAsked,
    /// Nothing came in time.
    Silent,
    /// The visitor's body broke off.
    Incomplete,
    /// CONNECT or TRACE.
    Method,
}

impl Problem {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::State(_) | Self::TooMany => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable | Self::Broken | Self::NotAsked => StatusCode::BAD_GATEWAY,
            Self::Silent => StatusCode::GATEWAY_TIMEOUT,
            Self::Incomplete => StatusCode::REQUEST_TIMEOUT,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// A title and a sentence.
    fn words(&self) -> (&'static str, String) {
        let said = |title, detail: &str| (title, detail.to_owned());
        match self {
            Self::State(UpstreamState::Starting | UpstreamState::Ready(_)) => {
                said("Starting", "The service that answers here is starting. Try again in a moment.")
            }
            Self::State(UpstreamState::Down { words }) => {
                ("Not available", format!("The service that answers here {words}."))
            }
            Self::State(UpstreamState::Stopped) => said("Stopped", "The service that answers here is stopped."),
            Self::TooMany => said(
                "Too much at once",
                "The service that answers here has more requests under way than it may have. Try again in a moment.",
            ),
            Self::Unreachable => {
                said("Not reachable", "The service that answers here takes no connection at the moment.")
            }
            Self::Broken | Self::NotAsked => said(
                "No answer",
                "The service that answers here ended the connection without an answer, or its answer is not HTTP.",
            ),
            Self::Silent => said("No answer in time", "The service that answers here did not answer in time."),
            Self::Incomplete => said("Incomplete", "The request did not arrive whole."),
            Self::Method => said("Method not allowed", "No service is asked with this method."),
        }
    }

    /// When it is worth trying again.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::State(UpstreamState::Starting | UpstreamState::Ready(_)) | Self::TooMany => {
                Some(Duration::from_secs(2))
            }
            Self::State(UpstreamState::Stopped) => Some(Duration::from_secs(60)),
            Self::State(UpstreamState::Down { .. }) | Self::Unreachable | Self::Broken => Some(Duration::from_secs(10)),
            Self::NotAsked | Self::Silent | Self::Incomplete | Self::Method => None,
        }
    }

    /// The answer to a request with these headers.
    pub(crate) fn answer(&self, asked: &AsksFor) -> Response<EdgeBody> {
        let (status, (title, detail)) = (self.status(), self.words());
        let mut response = if asked.json {
            let body = serde_json::json!({"error": {"code": self.code(), "message": detail}});
            let mut response = Response::new(EdgeBody::from(Bytes::from(body.to_string())));
            *response.status_mut() = status;
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        } else {
            pages::of_service(status, title, &detail)
        };
        if let Some(wait) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, wait.as_secs().into());
        }
        response
    }

    /// For who reads JSON.
    fn code(&self) -> &'static str {
        match self {
            Self::State(UpstreamState::Starting | UpstreamState::Ready(_)) => "service_starting",
            Self::State(UpstreamState::Down { .. }) => "service_down",
            Self::State(UpstreamState::Stopped) => "service_stopped",
            Self::TooMany => "service_busy",
            Self::Unreachable => "service_unreachable",
            Self::Broken | Self::NotAsked => "service_broke_off",
            Self::Silent => "service_timeout",
            Self::Incomplete => "request_incomplete",
            Self::Method => "method_not_allowed",
        }
    }
}

/// In which form a visitor likes to be told, kept while its request is away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsksFor {
    json: bool,
}

impl AsksFor {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self { json: prefers_json(headers) }
    }
}
