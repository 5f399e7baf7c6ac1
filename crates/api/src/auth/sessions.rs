//! Signing in with a password, and the sessions of a user.

use std::net::IpAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_model::{SessionId, Timestamp};
use berth_secrets::{token, token_hash};
use berth_store::{NewSession, Session, StoreError, User};
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::password::verify;
use super::{Caller, OurCookie, Person, Sender, is_from_foreign_page};
use crate::Api;
use crate::audit;
use crate::error::{ApiError, ErrorBody, ErrorCode};
use crate::input::{Form, Id, text};
use crate::v1::UserBody;

/// How long a session lasts after its last use.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What somebody who signs in sends.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct Credentials {
    /// The account's login name.
    login: String,
    /// Its password.
    password: String,
}

/// Somebody just signed in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedIn {
    /// Who.
    user: UserBody,
    /// A bearer token for clients without cookies; good for an hour, or until the session ends.
    token: String,
    /// How long the token is good, in seconds.
    expires_in: u64,
}

/// A session as its owner sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionBody {
    id: i64,
    /// Whether this request came with it.
    current: bool,
    /// What the browser calls itself.
    user_agent: Option<String>,
    /// The address that it was made from.
    address: Option<String>,
    created_at: Timestamp,
    /// To the hour.
    last_used_at: Timestamp,
    expires_at: Timestamp,
}

impl SessionBody {
    fn of(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id.0,
            current: session.id == current,
            user_agent: session.user_agent,
            address: session.address,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
        }
    }
}

/// Opens a session: the cookie that carries it, and the bearer token that stands for it.
pub(crate) struct Opened {
    pub(crate) cookie: HeaderValue,
    pub(crate) bearer: String,
}

/// Opens a session for a user who has proved who they are.
pub(crate) async fn open(api: &Api, user: &User, sender: Sender) -> Result<Opened, ApiError> {
    let secret = token();
    let new = NewSession {
        token_hash: token_hash(secret.expose()),
        ttl: LIFETIME,
        user_agent: sender.agent,
        address: sender.address.map(|address| address.to_canonical().to_string()),
    };
    let session = match api.store.create_session(user.id, &new).await {
        Err(error @ StoreError::Deactivated) => {
            audit::refused_sign_in(api, Some(user.id)).await;
            return Err(error.into());
        }
        made => made?,
    };
    let bearer = api.jwt.sign(user.id, user.email.as_deref(), session.id).map_err(ApiError::internal)?;
    let cookie = OurCookie::Session.set(secret.expose(), LIFETIME.as_secs(), api.config.is_https());
    Ok(Opened { cookie, bearer })
}

/// The answer to somebody who just signed in.
pub(crate) async fn welcome(api: &Api, status: StatusCode, user: User, sender: Sender) -> Result<Response, ApiError> {
    let opened = open(api, &user, sender).await?;
    let body = SignedIn { user: UserBody::of(&user), token: opened.bearer, expires_in: super::jwt::LIFETIME.as_secs() };
    Ok((status, [(SET_COOKIE, opened.cookie)], Json(body)).into_response())
}

/// Refuses a form that another site makes a browser send: it would sign somebody in as somebody else.
pub(crate) fn refuse_foreign_origin(api: &Api, headers: &HeaderMap) -> Result<(), ApiError> {
    if is_from_foreign_page(&api.config, headers) {
        return Err(ApiError::forbidden(ErrorCode::ForeignOrigin, "sign in on this dashboard's own page"));
    }
    Ok(())
}

/// Counts an attempt, or says how long to wait.
pub(crate) fn admit(api: &Api, account: &str, address: Option<IpAddr>) -> Result<(), ApiError> {
    api.throttle.admit(account, address).map_err(too_many)
}

/// 429 that says how long to wait.
pub(crate) fn too_many(wait: Duration) -> ApiError {
    let seconds = wait.as_secs().max(1);
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::TooManyAttempts,
        format!("too many attempts; try again in {seconds} seconds"),
    )
    .with_header(RETRY_AFTER, HeaderValue::from(seconds))
}

/// Sign in with a login name and a password. Sets the session cookie and returns a bearer token.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "sessions", security(()), request_body = Credentials, responses(
    (status = 201, body = SignedIn),
    (status = 401, description = "No such account, or another password", body = ErrorBody),
    (status = 403, description = "Sent by another site's page", body = ErrorBody),
    (status = 422, body = ErrorBody),
    (status = 429, description = "Too many failed attempts; Retry-After says how long to wait", body = ErrorBody),
))]
pub(crate) async fn sign_in(
    State(api): State<Api>,
    sender: Sender,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, ApiError> {
    refuse_foreign_origin(&api, &headers)?;
    let login = form.required("login", |login| text("login", &login.trim().to_ascii_lowercase(), 254));
    let password = form.secret("password");
    form.check()?;
    let (Some(login), Some(password)) = (login, password) else { return Err(form.refusal()) };
    admit(&api, &login, sender.address)?;
    let found = api.store.user_by_login(&login).await?;
    let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), Some(hash)));
    let matches = verify(&api.hashing, password, hash).await?;
    match user {
        Some(user) if matches => {
            api.throttle.forgive(&login, sender.address);
            welcome(&api, StatusCode::CREATED, user, sender).await
        }
        user => {
            audit::refused_sign_in(&api, user.map(|user| user.id)).await;
            Err(ApiError::new(
                StatusCode::UNAUTHORIZED,
                ErrorCode::WrongCredentials,
                "there is no such account, or its password is another",
            ))
        }
    }
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/me", tag = "sessions", responses(
    (status = 200, body = UserBody), (status = 401, body = ErrorBody),
))]
pub(crate) async fn current(caller: Caller) -> Json<UserBody> {
    Json(UserBody::of(&caller.user))
}

/// The caller's sessions, most recently used first.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", responses(
    (status = 200, body = Vec<SessionBody>), (status = 401, body = ErrorBody),
))]
pub(crate) async fn list(State(api): State<Api>, caller: Person) -> Result<Json<Vec<SessionBody>>, ApiError> {
    let sessions = api.store.sessions_of(caller.access()).await?;
    Ok(Json(sessions.into_iter().map(|session| SessionBody::of(session, caller.session)).collect()))
}

/// End one of the caller's sessions: its cookie and bearer tokens stop working, its sockets are closed.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "sessions", params(("id" = i64, Path)), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn revoke(State(api): State<Api>, caller: Person, Id(id): Id) -> Result<StatusCode, ApiError> {
    api.store.revoke_session(caller.access(), SessionId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all of the caller's sessions but the one that this request came with.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "sessions", responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn revoke_others(State(api): State<Api>, caller: Person) -> Result<StatusCode, ApiError> {
    api.store.revoke_other_sessions(caller.access(), caller.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign out: end the session that this request came with.
#[utoipa::path(delete, path = "/api/v1/sessions/current", tag = "sessions", responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn sign_out(State(api): State<Api>, caller: Person) -> Result<Response, ApiError> {
    api.store.revoke_session_by_id(caller.session).await?;
    let clear = OurCookie::Session.clear(api.config.is_https());
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, clear)]).into_response())
}
