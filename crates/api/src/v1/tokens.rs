//! API tokens: what programs send instead of signing in. They are made, listed and revoked by people only.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_model::{ApiTokenId, InvalidInput, ProjectId, Timestamp};
use berth_secrets::{API_TOKEN_PREFIX, api_token, token_hash};
use berth_store::{ApiToken, NewApiToken};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::auth::Person;
use crate::error::{ApiError, ErrorBody};
use crate::input::{Form, Id, text};

/// Bytes of a name.
const LONGEST_NAME: usize = 100;
/// Characters of a token after its prefix that stay visible.
const HINTED: usize = 4;
/// The shortest and the longest life of a token that has an end.
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);

/// An API token that is to be made.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct NewApiTokenForm {
    /// What its owner calls it.
    name: String,
    /// The one project that it reaches; absent: all of its owner's, and it may make more.
    project_id: Option<i64>,
    /// Seconds until it ends; absent, like `expiresAt`: it ends when it is revoked.
    expires_in: Option<i64>,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<String>,
}

/// What lets a program act for its owner.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiTokenBody {
    id: i64,
    name: String,
    /// The one project that it reaches; `null`: all of its owner's.
    project_id: Option<i64>,
    /// How it begins.
    hint: String,
    created_at: Timestamp,
    /// When it ends; `null`: when it is revoked.
    expires_at: Option<Timestamp>,
    /// Whether it has run out; it is listed for a month more.
    expired: bool,
    /// When it was last used, to the minute.
    last_used_at: Option<Timestamp>,
}

/// An API token that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeApiTokenBody {
    #[serde(flatten)]
    about: ApiTokenBody,
    /// What the program sends, as `Authorization: Bearer`. Shown this once.
    token: String,
}

impl ApiTokenBody {
    fn of(token: ApiToken, now: Timestamp) -> Self {
        Self {
            id: token.id.0,
            expired: token.has_expired(now),
            name: token.name,
            project_id: token.project.map(|project| project.0),
            hint: token.hint,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// The caller's API tokens, newest first, without what makes them tokens.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", responses(
    (status = 200, body = Vec<ApiTokenBody>), (status = 401, body = ErrorBody),
    (status = 403, description = "Asked for with an API token", body = ErrorBody),
))]
pub(crate) async fn list(State(api): State<Api>, caller: Person) -> Result<Json<Vec<ApiTokenBody>>, ApiError> {
    let now = api.store.clock().now();
    let tokens = api.store.api_tokens(caller.access()).await?;
    Ok(Json(tokens.into_iter().map(|token| ApiTokenBody::of(token, now)).collect()))
}

/// Make an API token. It is shown this once.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", request_body = NewApiTokenForm, responses(
    (status = 201, body = MadeApiTokenBody), (status = 401, body = ErrorBody),
    (status = 403, description = "Asked for with an API token", body = ErrorBody),
    (status = 404, description = "No such project", body = ErrorBody),
    (status = 409, description = "The account has 100 already", body = ErrorBody), (status = 422, body = ErrorBody),
))]
pub(crate) async fn create(State(api): State<Api>, caller: Person, mut form: Form) -> Result<Response, ApiError> {
    let now = api.store.clock().now();
    let name = form.required("name", name);
    let project = form.number("projectId", |id| Ok(ProjectId(id))).into_option();
    let expires_in = form.number("expiresIn", |seconds| ends_in(now, seconds)).into_option();
    let expires_at = form.optional("expiresAt", |given| ends_at(now, given)).into_option();
    if expires_in.is_some() && expires_at.is_some() {
        form.problem("expiresIn", "give expiresIn or expiresAt, not both");
    }
    form.check()?;
    let Some(name) = name else { return Err(form.refusal()) };
    let token = api_token();
    let hint: String = token.expose().chars().take(API_TOKEN_PREFIX.len() + HINTED).collect();
    let (token_hash, expires_at) = (token_hash(token.expose()), expires_in.or(expires_at));
    let new = NewApiToken { name, project, hint, token_hash, expires_at };
    let about = ApiTokenBody::of(api.store.create_api_token(caller.access(), new).await?, now);
    let body = MadeApiTokenBody { about, token: token.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Revoke an API token: nothing is believed of it from here on.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "tokens", params(("id" = i64, Path)), responses(
    (status = 204), (status = 401, body = ErrorBody),
    (status = 403, description = "Asked for with an API token", body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn revoke(State(api): State<Api>, caller: Person, Id(id): Id) -> Result<StatusCode, ApiError> {
    api.store.revoke_api_token(caller.access(), ApiTokenId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn name(given: &str) -> Result<String, InvalidInput> {
    let name = text("name", given.trim(), LONGEST_NAME)?;
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(InvalidInput::new("name", "an API token has a name, on one line"));
    }
    Ok(name)
}

fn ends_in(now: Timestamp, seconds: i64) -> Result<Timestamp, InvalidInput> {
    let life = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    if (SHORTEST..=LONGEST).contains(&life) {
        Ok(now.after(life))
    } else {
        Err(InvalidInput::new("expiresIn", "seconds, from a minute to ten years; absent: until it is revoked"))
    }
}

fn ends_at(now: Timestamp, given: &str) -> Result<Timestamp, InvalidInput> {
    let end = Timestamp::parse(given);
    end.filter(|end| *end > now && *end <= now.after(LONGEST)).ok_or_else(|| {
        InvalidInput::new("expiresAt", "a time to come, within ten years, in UTC like 2027-01-31T00:00:00Z")
    })
}
