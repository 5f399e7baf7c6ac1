//! Who may connect: the holder of a bearer token, or a browser with its session cookie on our own pages.

use berth_model::{SessionId, UserId};
use berth_secrets::SecretString;
use http::header::ORIGIN;
use http::{HeaderMap, Method};
use serde::Deserialize;
use socketioxide::extract::{SocketRef, TryData};

use crate::Api;
use crate::auth::{Person, is_from_foreign_page};
use crate::error::ApiError;

/// What the client sends with its connection. The address it connects to is not looked at.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Handshake {
    token: Option<SecretString>,
}

/// Why a socket may not connect; the client's `connect_error`.
#[derive(Debug)]
pub(crate) struct Refusal(String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Refusal {
    /// There is nobody left to ask.
    pub(super) fn shutting_down() -> Self {
        Self("Berth is shutting down".to_owned())
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self(error.message().to_owned())
    }
}

/// The room of everything that belongs to a user.
pub(super) fn user_room(user: UserId) -> String {
    user.to_string()
}

/// The room of the sockets that end with a session.
pub(super) fn session_room(session: SessionId) -> String {
    format!("session:{session}")
}

/// Finds out who a socket is, or refuses it.
pub(super) async fn admit(api: &Api, socket: SocketRef, TryData(handshake): TryData<Handshake>) -> Result<(), Refusal> {
    let headers = &socket.req_parts().headers;
    if is_from_foreign_page(&api.config, headers) {
        return Err(Refusal("this page's origin may not connect".to_owned()));
    }
    let caller = match handshake.unwrap_or_default().token {
        Some(token) => Person::of_bearer(api, token.expose()).await?,
        // A browser names no origin when its own page asks by GET (long polling), but says that it is its own page.
        None if !headers.contains_key(ORIGIN) && is_same_origin(headers) => {
            Person::of(api, &Method::GET, headers).await?
        }
        // Otherwise a handshake is a write as far as origins go: POST makes the cookie ask for ours.
        None => Person::of(api, &Method::POST, headers).await?,
    };
    socket.extensions.insert(caller);
    Ok(())
}

/// Whether a browser vouches that one of our own pages asks; no page can set this header.
fn is_same_origin(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

/// Lets an admitted socket hear what is its user's.
pub(super) async fn settle(api: &Api, socket: SocketRef) {
    let Some(caller) = socket.extensions.get::<Person>() else { return };
    socket.join([user_room(caller.user.id), session_room(caller.session)]);
    // The session may have ended between admission and joining, when nobody would have found this socket in its room.
    match api.store.session(caller.session).await {
        Ok(Some(_)) => {}
        Ok(None) => close(socket),
        Err(error) => tracing::warn!(%error, "a socket's session could not be checked again"),
    }
}

/// Closes a socket. One whose buffer is full cannot be told yet: it hears nothing more, and is told as soon as it
/// takes something; if it never does, the next ping that does not fit removes it.
pub(super) fn close(socket: SocketRef) {
    socket.leave_all();
    if socket.clone().disconnect().is_ok() {
        return;
    }
    tokio::spawn(async move {
        while socket.connected() && socket.clone().disconnect().is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    });
}
