//! Passwords: what one must be like, changing one's own, and the turns in which they are hashed.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use berth_model::InputCode;
use berth_secrets::{SecretString, hash_password, verify_password};
use http::StatusCode;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::sessions::admit;
use super::{Person, Sender};
use crate::Api;
use crate::error::{ApiError, ErrorBody, ErrorCode};
use crate::input::Form;

const SHORTEST: usize = 12;
const LONGEST: usize = 1_024;

/// Passwords that are hashed at the same time: each takes 19 MiB, tens of milliseconds of a core and one of the threads
/// that visitors' files are read on.
const AT_ONCE: usize = 2;
/// For a password's turn to be hashed.
const TURN_WITHIN: Duration = Duration::from_secs(10);

/// Argon2 is slow by design: off the threads that serve others, and a few at a time.
pub(crate) struct Hashing {
    turns: Arc<Semaphore>,
    within: Duration,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), within: TURN_WITHIN }
    }
}

impl Hashing {
    /// Hashes, or compares with a hash, in its turn.
    ///
    /// # Errors
    /// 503 where there are too many before it.
    pub(crate) async fn take<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = tokio::time::timeout(self.within, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(ApiError::unavailable("too many passwords are being looked at; try again in a moment"));
        };
        // The turn lasts as long as the work, even if nobody waits for it any more.
        let work = move || {
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)
    }
}

/// A password that an account may have: 12 characters to 1,024 bytes, of any kind but NUL.
pub(crate) struct NewPassword(SecretString);

impl NewPassword {
    /// Reads it from a form; what is wrong with it is reported there, and never quotes it.
    pub(crate) fn read(form: &mut Form, field: &'static str) -> Option<Self> {
        let given = form.secret(field)?;
        if given.expose().chars().count() < SHORTEST || given.len() > LONGEST {
            let message = format!("a password has {SHORTEST} to {LONGEST} characters");
            form.coded_problem(field, InputCode::PasswordLength, message);
        } else if given.expose().contains('\0') {
            form.problem(field, "a password has no NUL character");
        } else {
            return Some(Self(given));
        }
        None
    }

    /// As it is stored.
    pub(crate) async fn hash(self, hashing: &Hashing) -> Result<String, ApiError> {
        hashing.take(move || hash_password(&self.0)).await
    }
}

/// Whether it is the password that was hashed; takes as long without a hash.
pub(super) async fn verify(hashing: &Hashing, password: SecretString, hash: Option<String>) -> Result<bool, ApiError> {
    hashing.take(move || verify_password(&password, hash.as_deref())).await
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
    if !verify(&api.hashing, old, Some(old_hash.clone())).await? {
        form.problem("oldPassword", "this is not your password");
        return Err(form.refusal());
    }
    api.throttle.forgive(login, sender.address);
    let hash = new.hash(&api.hashing).await?;
    api.store.change_password(caller.user.id, caller.session, &old_hash, &hash).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Who asks and leaves, as often as they like, has no more threads than there are turns.
    #[tokio::test]
    async fn a_turn_lasts_as_long_as_its_work() {
        let hashing = Arc::new(Hashing { within: Duration::from_millis(100), ..Hashing::default() });
        let (end, ends) = mpsc::channel::<()>();
        let ends = Arc::new(std::sync::Mutex::new(ends));
        for _ in 0..2 * AT_ONCE {
            let (hashing, ends) = (hashing.clone(), ends.clone());
            let asking =
                tokio::spawn(async move { hashing.take(move || drop(ends.lock().map(|ends| ends.recv()))).await });
            tokio::task::yield_now().await;
            asking.abort();
        }
        assert_eq!(hashing.turns.available_permits(), 0);
        let refusal = hashing.take(|| ()).await.unwrap_err();
        assert_eq!(refusal.code(), crate::error::ErrorCode::Unavailable.into(), "nobody waits for ever");
        drop(end);
        while hashing.turns.available_permits() < AT_ONCE {
            tokio::task::yield_now().await;
        }
        assert!(hashing.take(|| ()).await.is_ok());
    }
}
