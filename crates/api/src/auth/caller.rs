//! Extractors that say who is asking.

use axum::extract::{FromRef, FromRequestParts};
use berth_model::{Access, ApiTokenId, ProjectId, SessionId};
use berth_secrets::{API_TOKEN_PREFIX, token_hash};
use berth_store::{Means, Session, User};
use http::header::{AUTHORIZATION, ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};

use super::OurCookie;
use crate::Api;
use crate::audit;
use crate::config::ApiConfig;
use crate::error::{ApiError, ErrorCode};
use crate::input::Dialect;
use crate::limits::Writer;

/// Somebody who is signed in, or a program with an API token of theirs. Scoped queries take [`Caller::access`].
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user: User,
    access: Access,
    token: Option<ApiTokenId>,
}

/// Somebody who is signed in themselves: what concerns accounts, sessions and tokens is nothing for programs.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) user: User,
    pub(crate) session: SessionId,
}

/// A caller who sends a folder. That is no change to be counted: folders come in by turns of their own, so many at once of
/// an account, and a program may have thousands of them.
pub(crate) struct FolderSender(pub(crate) Caller);

/// A signed-in administrator. What changes users or invitations asks for the role again in its transaction.
pub(crate) struct Admin(pub(crate) Person);

/// Who sent a request, before it is known whether that will do.
enum Sent {
    By(Person),
    With(ApiTokenOf),
}

/// An API token that stands, and its owner.
struct ApiTokenOf {
    user: User,
    token: ApiTokenId,
    name: String,
    only: Option<ProjectId>,
}

impl Caller {
    /// The scope of everything asked on their behalf.
    pub(crate) fn access(&self) -> Access {
        self.access
    }

    /// The API token that was sent, if it was one.
    pub(crate) fn token(&self) -> Option<ApiTokenId> {
        self.token
    }

    /// The same request in another user's name: an administrator clears away what somebody leaves behind.
    pub(crate) fn in_the_name_of(user: User) -> Self {
        Person { user, session: SessionId(0) }.into()
    }

    /// Whether a request comes from anybody at all.
    pub(crate) async fn is_somebody(api: &Api, parts: &Parts) -> bool {
        Sent::find(api, parts).await.is_ok()
    }

    /// Refuses a token of one project: what is asked for is the whole account's.
    ///
    /// # Errors
    /// 403 that says so.
    pub(crate) fn for_whole_account(&self) -> Result<(), ApiError> {
        match self.access.only() {
            None => Ok(()),
            Some(_) => Err(ApiError::forbidden(
                ErrorCode::ProjectToken,
                "this API token is for one project alone; use one of the whole account, or sign in",
            )),
        }
    }
}

impl From<Person> for Caller {
    fn from(caller: Person) -> Self {
        Self { access: caller.access(), user: caller.user, token: None }
    }
}

impl From<Sent> for Caller {
    fn from(sent: Sent) -> Self {
        match sent {
            Sent::By(caller) => caller.into(),
            Sent::With(ApiTokenOf { user, token, only, .. }) => {
                Self { access: Access::of_token(user.id, only), user, token: Some(token) }
            }
        }
    }
}

impl Person {
    /// The scope of everything asked on their behalf.
    pub(crate) fn access(&self) -> Access {
        Access::of(self.user.id, self.user.role)
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
        Self::of_browser(api, method, headers).await
    }

    async fn of_browser(api: &Api, method: &Method, headers: &HeaderMap) -> Result<Self, ApiError> {
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
                ErrorCode::ForeignOrigin,
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

impl Sent {
    /// Who asks, unless they change too much at once.
    async fn of(api: &Api, parts: &Parts) -> Result<Self, ApiError> {
        let (sent, writer) = Self::uncounted(api, parts).await?;
        if !parts.method.is_safe() {
            api.limits.admit_write(writer)?;
        }
        Ok(sent)
    }

    /// Who asks, however much they change. What they change is written down as theirs.
    async fn uncounted(api: &Api, parts: &Parts) -> Result<(Self, Writer), ApiError> {
        let sent = Self::find(api, parts).await?;
        let (writer, means) = match &sent {
            Self::By(Person { user, session }) => (Writer::Person(user.id), Means::Session(*session)),
            Self::With(ApiTokenOf { user, token, name, .. }) => {
                (Writer::ProgramsOf(user.id), Means::Token(*token, name.clone()))
            }
        };
        audit::is_of(Some(writer.user()), means);
        Ok((sent, writer))
    }

    /// API tokens are for `/api/v1`: existing clients of the contract know none.
    async fn find(api: &Api, parts: &Parts) -> Result<Self, ApiError> {
        match bearer(&parts.headers).filter(|token| token.starts_with(API_TOKEN_PREFIX)) {
            Some(token) if Dialect::of(&parts.uri) == Dialect::V1 => ApiTokenOf::find(api, token).await.map(Self::With),
            _ => Person::of(api, &parts.method, &parts.headers).await.map(Self::By),
        }
    }
}

impl ApiTokenOf {
    async fn find(api: &Api, token: &str) -> Result<Self, ApiError> {
        let refused = |message: String| ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::ApiTokenRefused, message);
        let found = api.store.api_token_by_hash(&token_hash(token)).await?;
        let (token, user) = found.ok_or_else(|| {
            refused(
                "there is no such API token: it was revoked, or is another Berth's; make one in the dashboard".into(),
            )
        })?;
        match token.expires_at {
            Some(end) if token.has_expired(api.store.clock().now()) => {
                Err(refused(format!("the API token {} ran out at {end}; make another in the dashboard", token.name)))
            }
            _ => Ok(Self { user, token: token.id, name: token.name, only: token.project }),
        }
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Api: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Sent::of(&Api::from_ref(state), parts).await.map(Self::from)
    }
}

impl<S> FromRequestParts<S> for FolderSender
where
    S: Send + Sync,
    Api: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Sent::uncounted(&Api::from_ref(state), parts).await.map(|(sent, _)| Self(sent.into()))
    }
}

impl<S> FromRequestParts<S> for Person
where
    S: Send + Sync,
    Api: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Sent::of(&Api::from_ref(state), parts).await? {
            Sent::By(caller) => Ok(caller),
            Sent::With(_) => Err(ApiError::forbidden(
                ErrorCode::ApiTokenNotEnough,
                "an API token cannot do this: accounts, sessions, tokens and administration are for people who sign in",
            )),
        }
    }
}

impl<S> FromRequestParts<S> for Admin
where
    S: Send + Sync,
    Api: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Person::from_request_parts(parts, state).await?;
        if caller.access().is_admin() {
            Ok(Self(caller))
        } else {
            Err(ApiError::forbidden(ErrorCode::AdminsOnly, "this is for administrators"))
        }
    }
}
