//! The first administrator. Whoever can read the server's output holds the setup token; the first visitor does not.

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::Response;
use berth_model::InvalidInput;
use berth_secrets::{SecretString, constant_time_eq, hash_password, token_hash};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::sessions::{SignedIn, admit, refuse_foreign_origin, welcome};
use crate::error::{ApiError, ErrorBody};
use crate::input::{Form, text};
use crate::{Api, ClientAddress};

/// The shortest password that an account may have.
const SHORTEST_PASSWORD: usize = 12;
const LONGEST_PASSWORD: usize = 1_024;

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
}

/// Whether setup is done, for the sign-in page.
#[utoipa::path(get, path = "/api/v1/setup", tag = "sessions", security(()), responses((status = 200, body = SetupState)))]
pub(crate) async fn setup_state(State(api): State<Api>) -> Result<Json<SetupState>, ApiError> {
    Ok(Json(SetupState { done: api.store.administrator_exists().await?, github: api.config.github.is_some() }))
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
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, ApiError> {
    refuse_foreign_origin(&api, &headers)?;
    let presented = form.secret("setupToken");
    let email = form.optional("email", login_name).into_option();
    let login = match (&email, form.has("login")) {
        (Some(email), false) => Some(email.clone()),
        _ => form.required("login", login_name),
    };
    let password = form.secret("password");
    if password.as_ref().is_some_and(|given| !(SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&given.len())) {
        form.problem("password", format!("a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"));
    }
    form.check()?;
    let (Some(presented), Some(login), Some(password)) = (presented, login, password) else {
        return Err(form.refusal());
    };
    if api.store.administrator_exists().await? {
        return Err(ApiError::conflict("already_set_up", "this Berth is set up already; sign in instead"));
    }
    // One name for all attempts: there is one token to guess.
    const ATTEMPTS: &str = "\0setup";
    let address = address.map(|Extension(ClientAddress(address))| address);
    admit(&api, ATTEMPTS, address)?;
    let matches = api
        .config
        .setup_token_hash
        .is_some_and(|expected| constant_time_eq(&token_hash(presented.expose()), &expected));
    if !matches {
        return Err(ApiError::forbidden(
            "wrong_setup_token",
            "this is not the setup token; the server prints it at its first start, and keeps it in its data directory",
        ));
    }
    api.throttle.forgive(ATTEMPTS, address);
    let hash = hash(password).await?;
    let user = api.store.create_first_admin(&login, email.as_deref(), &hash).await?;
    tracing::info!(user = %user.id, "the first administrator was made");
    welcome(&api, StatusCode::CREATED, user, &headers).await
}

async fn hash(password: SecretString) -> Result<String, ApiError> {
    tokio::task::spawn_blocking(move || hash_password(&password)).await.map_err(ApiError::internal)
}

fn login_name(given: &str) -> Result<String, InvalidInput> {
    let name = given.trim();
    if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(InvalidInput::new("login", "a login name or e-mail address is not empty and has no spaces"));
    }
    text("login", name, 254)
}
