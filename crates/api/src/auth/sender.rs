//! Where a request comes from: what sign-in is throttled by, and by what people recognise their sessions.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::header::USER_AGENT;
use http::request::Parts;

use crate::ClientAddress;

/// Characters of a browser's name for itself that are kept.
const LONGEST_AGENT: usize = 300;

/// Who sent a request, as far as the connection and its headers tell.
pub(crate) struct Sender {
    /// Absent only where no server accepted the connection.
    pub(crate) address: Option<IpAddr>,
    /// What the browser calls itself.
    pub(crate) agent: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Sender {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        Ok(Self {
            address: parts.extensions.get::<ClientAddress>().map(|ClientAddress(address)| *address),
            agent: agent.map(|agent| agent.chars().take(LONGEST_AGENT).collect()),
        })
    }
}
