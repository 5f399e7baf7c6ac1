//! Passwords: what one must be like, and changing one's own.

use axum::extract::State;
use berth_secrets::{SecretString, hash_password, verify_password};
use http::StatusCode;
use utoipa::ToSchema;

use super::sessions::admit;
use super::{Person, Sender};
use crate::Api;
use crate::error::{ApiError, ErrorBody, ErrorCode};
use crate::input::Form;

const SHORTEST: usize = 12;
const LONGEST: usize = 1_024;

/// A password that an account may have: 12 characters to 1,024 bytes, of any kind but NUL.
pub(crate) struct NewPassword(SecretString);

impl NewPassword {
    /// Reads it from a form; what is wrong with it is reported there, and never quotes it.
    pub(crate) fn read(form: &mut Form, field: &'static str) -> Option<Self> {
        let given = form.secret(field)?;
        if given.expose().chars().count() < SHORTEST || given.len() > LONGEST {
            form.problem(field, format!("a password has {SHORTEST} to {LONGEST} characters"));
        } else if given.expose().contains('\0') {
            form.problem(field, "a password has no NUL character");
        } else {
            return Some(Self(given));
        }
        None
    }

    /// As it is stored. Argon2 is slow by design: off the threads that serve others.
    pub(crate) async fn hash(self) -> Result<String, ApiError> {
        tokio::task::spawn_blocking(move || hash_password(&self.0)).await.map_err(ApiError::internal)
    }
}

/// Whether it is the password that was hashed; takes as long without a hash.
pub(super) async fn verify(password: SecretString, hash: Option<String>) -> Result<bool, ApiError> {
    tokio::task::spawn_blocking(move || verify_password(&password, hash.as_deref())).await.map_err(ApiError::internal)
}

/// A new password in place of the old one.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct PasswordChange {
    old_password: String,
    /// At least 12 characters.
    password: String,
}

/// Change the caller's own password. All their other sessions end.
#[utoipa::path(put, path = "/api/v1/me/password", tag = "sessions", request_body = PasswordChange, responses(
    (status = 204),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
    (status = 409, description = "The account has no password", body = ErrorBody),
    (status = 422, description = "Another old password, or a new one that is too short", body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn change_password(
    State(api): State<Api>,
    caller: Person,
    sender: Sender,
    mut form: Form,
) -> Result<StatusCode, ApiError> {
    let old = form.secret("oldPassword");
    let new = NewPassword::read(&mut form, "password");
    form.check()?;
    let (Some(old), Some(new)) = (old, new) else { return Err(form.refusal()) };
    let (Some(login), Some(old_hash)) = (&caller.user.login_name, api.store.password_hash(caller.user.id).await?)
    else {
        return Err(ApiError::conflict(ErrorCode::NoPassword, "this account has no password; it signs in with GitHub"));
    };
    admit(&api, login, sender.address)?;
    if !verify(old, Some(old_hash.clone())).await? {
        form.problem("oldPassword", "this is not your password");
        return Err(form.refusal());
    }
    api.throttle.forgive(login, sender.address);
    api.store.change_password(caller.user.id, caller.session, &old_hash, &new.hash().await?).await?;
    Ok(StatusCode::NO_CONTENT)
}
