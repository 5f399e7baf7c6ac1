//! Who gets past: every request is counted, and refused as GitHub refuses it when it is down, has had enough, or does
//! not know the token.

use std::time::{Duration, Instant, SystemTime};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::memory::{Known, Memory};

/// A request to the API, in the order of arrival.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Its path below the API, without the query.
    pub path: String,
    /// What it was answered with.
    pub status: u16,
}

/// Why GitHub answers nothing for a while.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// The requests of this hour are used up: 403, and `X-RateLimit-Reset` names the end.
    Hourly(Duration),
    /// Too many at once: 429 with `Retry-After`.
    Burst(Duration),
}

pub(super) async fn admit(State(known): State<Known>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let refused = refuses(&known, request.headers());
    let mut response = match refused {
        Some(response) => response,
        None => next.run(request).await,
    };
    let status = response.status().as_u16();
    known.memory().requests.push(Seen { method, path, status });
    for (name, value) in [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "4999")] {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn refuses(known: &Known, headers: &HeaderMap) -> Option<Response> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let mut memory = known.memory();
    if memory.down {
        return Some((StatusCode::BAD_GATEWAY, "<html><body><h1>502 Bad Gateway</h1></body></html>").into_response());
    }
    if text(header::USER_AGENT).is_none() {
        let message = "Request forbidden by administrative rules (no User-Agent).";
        return Some((StatusCode::FORBIDDEN, message).into_response());
    }
    let given = text(header::AUTHORIZATION).and_then(|value| value.split_once(' ')).map(|(_, token)| token);
    if given != Some(known.token.read().expect("nobody panics while they hold this").as_str()) {
        return Some((StatusCode::UNAUTHORIZED, Json(json!({"message": "Bad credentials"}))).into_response());
    }
    limited(&mut memory)
}

fn limited(memory: &mut Memory) -> Option<Response> {
    let (limit, since) = memory.limit?;
    let (Limit::Hourly(lasts) | Limit::Burst(lasts)) = limit;
    let left = lasts.saturating_sub(since.elapsed());
    if left.is_zero() {
        memory.limit = None;
        return None;
    }
    // Whole seconds, rounded up: who waits as told gets through.
    let seconds = left.as_secs() + 1;
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_secs());
    Some(match limit {
        Limit::Hourly(_) => {
            let headers =
                [("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", (now + seconds).to_string())];
            let body = json!({"message": "API rate limit exceeded for user ID 583231."});
            (StatusCode::FORBIDDEN, headers, Json(body)).into_response()
        }
        Limit::Burst(_) => {
            let body = json!({"message": "You have exceeded a secondary rate limit. Please wait a few minutes."});
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds.to_string())], Json(body)).into_response()
        }
    })
}

/// From now on for as long as it says.
pub(super) fn begin(memory: &mut Memory, limit: Limit) {
    memory.limit = Some((limit, Instant::now()));
}
