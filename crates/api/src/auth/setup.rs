//! The first administrator. Whoever can read the server's output holds the setup token; the first visitor does not.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use berth_model::{InvalidInput, LoginName};
use berth_secrets::{constant_time_eq, token_hash};
use berth_store::Means;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::sessions::{SignedIn, admit, refuse_foreign_origin, welcome};
use super::{NewPassword, Sender};
use crate::Api;
use crate::audit;
use crate::config::Signup;
use crate::error::{ApiError, ErrorBody, ErrorCode};
use crate::input::{Form, text};

/// What redeems the setup token.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct Setup {
    /// The token that the server printed at its first start.
    setup_token: String,
    /// The administrator's login name; the e-mail address if absent.
    login: Option<String>,
    /// Their e-mail address, for display.
    email: Option<String>,
    /// At least 12 characters.
    password: String,
}

/// Whether this Berth has an administrator yet.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetupState {
    /// False until the setup token is redeemed.
    done: bool,
    /// Whether signing in with GitHub is configured.
    github: bool,
    /// Whether anybody may open an account with a password (`POST /api/v1/users`).
    registration: bool,
}

/// Whether setup is done, for the sign-in page.
#[utoipa::path(get, path = "/api/v1/setup", tag = "sessions", security(()), responses((status = 200, body = SetupState)))]
pub(crate) async fn setup_state(State(api): State<Api>) -> Result<Json<SetupState>, ApiError> {
    let done = api.store.administrator_exists().await?;
    let registration = api.config.signup == Signup::Open;
    Ok(Json(SetupState { done, github: api.config.github.is_some(), registration }))
}

/// Redeem the setup token: makes the first administrator and signs them in.
#[utoipa::path(post, path = "/api/v1/setup", tag = "sessions", security(()), request_body = Setup, responses(
    (status = 201, body = SignedIn),
    (status = 403, description = "Another token", body = ErrorBody),
    (status = 409, description = "Somebody has an account already", body = ErrorBody),
    (status = 422, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn set_up(
    State(api): State<Api>,
    sender: Sender,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, ApiError> {
    refuse_foreign_origin(&api, &headers)?;
    let presented = form.secret("setupToken");
    let email = form.optional("email", email_address).into_option();
    // Without a login name the e-mail address is one.
    let source = if email.is_some() && !form.has("login") { "email" } else { "login" };
    let login = form.required(source, LoginName::parse);
    let password = NewPassword::read(&mut form, "password");
    form.check()?;
    let (Some(presented), Some(login), Some(password)) = (presented, login, password) else {
        return Err(form.refusal());
    };
    if api.store.administrator_exists().await? {
        return Err(ApiError::conflict(ErrorCode::AlreadySetUp, "this Berth is set up already; sign in instead"));
    }
    // One name for all attempts: there is one token to guess.
    const ATTEMPTS: &str = "\0setup";
    admit(&api, ATTEMPTS, sender.address)?;
    let matches = api
        .config
        .setup_token_hash
        .is_some_and(|expected| constant_time_eq(&token_hash(presented.expose()), &expected));
    audit::is_of(None, Means::Link);
    if !matches {
        audit::refused_sign_in(&api, None).await;
        return Err(ApiError::forbidden(
            ErrorCode::WrongSetupToken,
            "this is not the setup token; the server prints it at its first start, and keeps it in its data directory",
        ));
    }
    api.throttle.forgive(ATTEMPTS, sender.address);
    let hash = password.hash(&api.hashing).await?;
    let user = api.store.create_first_admin(login.as_str(), email.as_deref(), &hash).await?;
    tracing::info!(user = %user.id, "the first administrator was made");
    welcome(&api, StatusCode::CREATED, user, sender).await
}

fn email_address(given: &str) -> Result<String, InvalidInput> {
    let address = given.trim();
    if address.is_empty() || address.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(InvalidInput::new("email", "an e-mail address is not empty and has no spaces"));
    }
    text("email", address, 254)
}
