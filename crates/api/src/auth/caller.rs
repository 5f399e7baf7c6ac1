//! Extractors that say who is asking.

use axum::extract::{FromRef, FromRequestParts};
use berth_model::{Access, SessionId};
use berth_secrets::token_hash;
use berth_store::{Session, User};
use http::header::{AUTHORIZATION, ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, Method};

use super::OurCookie;
use crate::Api;
use crate::config::ApiConfig;
use crate::error::ApiError;

/// Somebody who is signed in. Scoped queries take [`Caller::access`].
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user: User,
    pub(crate) session: SessionId,
}

/// A signed-in administrator. What changes users or invitations asks for the role again in its transaction.
pub(crate) struct Admin(pub(crate) Caller);

impl Caller {
    /// The scope of everything asked on their behalf.
    pub(crate) fn access(&self) -> Access {
        Access::of(self.user.id, self.user.role)
    }

    /// The same request in another user's name: an administrator clears away what somebody leaves behind.
    pub(crate) fn in_the_name_of(&self, user: User) -> Self {
        Self { user, session: self.session }
    }

    /// Finds out who sent these headers. A bearer token goes before a cookie.
    ///
    /// # Errors
    /// 401 if nobody; 403 if a cookie comes with a write from another origin (A10).
    pub(crate) async fn of(api: &Api, method: &Method, headers: &HeaderMap) -> Result<Self, ApiError> {
        if headers.contains_key(AUTHORIZATION) {
            let token = bearer(headers).ok_or_else(ApiError::unauthorized)?;
            return Self::of_bearer(api, token).await;
        }
        let https = api.config.is_https();
        let token = match OurCookie::Session.read(headers, https)[..] {
            [] => return Err(ApiError::unauthorized()),
            [token] => token,
            // Which one is the browser's own cannot be told (A11).
            _ => {
                return Err(ApiError::unauthorized().with_header(SET_COOKIE, OurCookie::Session.clear(https)));
            }
        };
        if !method.is_safe() && origin_of(headers) != Some(&api.config.public_origin()) {
            return Err(ApiError::forbidden(
                "foreign_origin",
                "a change with a session cookie must come from this dashboard's own origin; other clients send a \
                 bearer token",
            ));
        }
        Self::of_cookie(api, token).await
    }

    /// Who holds this bearer token, while its session stands.
    pub(crate) async fn of_bearer(api: &Api, token: &str) -> Result<Self, ApiError> {
        let (user, session) = api.jwt.verify(token).ok_or_else(ApiError::unauthorized)?;
        let caller = Self::of_session(api.store.session(session).await?)?;
        if caller.user.id == user { Ok(caller) } else { Err(ApiError::unauthorized()) }
    }

    /// Who holds this session token.
    pub(crate) async fn of_cookie(api: &Api, token: &str) -> Result<Self, ApiError> {
        Self::of_session(api.store.session_by_token(&token_hash(token)).await?)
    }

    fn of_session(found: Option<(Session, User)>) -> Result<Self, ApiError> {
        let (session, user) = found.ok_or_else(ApiError::unauthorized)?;
        Ok(Self { user, session: session.id })
    }
}

/// The one `Origin` of a request.
fn origin_of(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(ORIGIN).iter();
    match (values.next(), values.next()) {
        (Some(origin), None) => origin.to_str().ok(),
        _ => None,
    }
}

/// Whether a page sent this that is neither the control plane's own nor the dashboard elsewhere.
pub(crate) fn is_from_foreign_page(config: &ApiConfig, headers: &HeaderMap) -> bool {
    let is_known = |origin: &str| {
        origin == config.public_origin() || config.foreign_frontend_origin().is_some_and(|frontend| origin == frontend)
    };
    headers.contains_key(ORIGIN) && !origin_of(headers).is_some_and(is_known)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Api: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Self::of(&Api::from_ref(state), &parts.method, &parts.headers).await
    }
}

impl<S> FromRequestParts<S> for Admin
where
    S: Send + Sync,
    Api: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        if caller.access().is_admin() {
            Ok(Self(caller))
        } else {
            Err(ApiError::forbidden("admins_only", "this is for administrators"))
        }
    }
}
