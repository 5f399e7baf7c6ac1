//! What can go wrong with a call, and how an answer tells it.

use berth_model::Timestamp;
use http::StatusCode;
use reqwest::Response;
use serde::Deserialize;

use super::{TIMEOUT, bytes_of};

/// How long a limit of requests holds that GitHub names no end of.
const LIMITED_FOR: u64 = 60;

/// What an owner reads whose token GitHub refuses.
pub const RECONNECT: &str =
    "GitHub no longer accepts the token it gave for your account; connect GitHub again at /api/auth/github";

/// Why GitHub did not do it.
#[derive(Debug, thiserror::Error)]
pub enum GithubError {
    /// The stored token is not (any longer) good.
    #[error("GitHub does not accept the stored token")]
    TokenRefused,
    /// No such thing, or not for this user: GitHub does not say which.
    #[error("GitHub answers 404")]
    NotFound,
    /// Not for this user.
    #[error("GitHub answers 403: {0}")]
    Forbidden(String),
    /// Too many requests with this token; after so many seconds there may be more.
    #[error("GitHub's limit of requests is reached for {0} seconds")]
    RateLimited(u64),
    /// GitHub cannot do that with what it was given.
    #[error("GitHub answers 422: {0}")]
    Unprocessable(String),
    /// No answer in time.
    #[error("GitHub does not answer within {} seconds", TIMEOUT.as_secs())]
    Silent,
    /// No connection, or an answer that is not GitHub's.
    #[error("GitHub cannot be asked")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something else.
    #[error("GitHub answers {0}")]
    Unexpected(StatusCode),
}

impl GithubError {
    /// Whether what was asked for is somewhere else, and not where we may follow with a token.
    pub(crate) fn is_move(&self) -> bool {
        matches!(self, Self::Unexpected(status) if status.is_redirection())
    }
}

/// The address can carry nothing secret, but it says nothing to the reader either.
pub(super) fn unreachable(error: reqwest::Error) -> GithubError {
    if error.is_timeout() { GithubError::Silent } else { GithubError::Unreachable(error.without_url().into()) }
}

/// For how many seconds GitHub takes no more requests, if that is why it refuses: the hourly limit ends at a time that
/// it names, the limit against bursts after a while that it names.
pub(super) fn limited_for(response: &Response, now: Timestamp) -> Option<u64> {
    let number = |name: &str| response.headers().get(name)?.to_str().ok()?.parse::<u64>().ok();
    if let Some(seconds) = number("retry-after") {
        return Some(seconds.clamp(1, 3_600));
    }
    if number("x-ratelimit-remaining") == Some(0) {
        let until = number("x-ratelimit-reset").and_then(|until| i64::try_from(until).ok());
        let left = until.and_then(|until| u64::try_from(until - now.unix_seconds()).ok());
        return Some(left.unwrap_or(LIMITED_FOR).clamp(1, 3_600));
    }
    (response.status() == StatusCode::TOO_MANY_REQUESTS).then_some(LIMITED_FOR)
}

/// Why GitHub refuses, by its message. The limit against bursts may come as a plain refusal, which only its message tells
/// apart: neither when it ends nor that nothing is left is in the headers then.
pub(super) fn forbidden(why: String) -> GithubError {
    let lower = why.to_ascii_lowercase();
    if lower.contains("rate limit") || lower.contains("abuse detection") {
        GithubError::RateLimited(LIMITED_FOR)
    } else {
        GithubError::Forbidden(why)
    }
}

/// The message of a refusal, for our own user; GitHub puts nothing secret there.
pub(super) async fn said(response: Response) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let bytes = bytes_of(response).await.unwrap_or_default();
    let refusal = serde_json::from_slice::<Refusal>(&bytes);
    refusal.map(|refusal| refusal.message.chars().take(200).collect()).unwrap_or_default()
}
