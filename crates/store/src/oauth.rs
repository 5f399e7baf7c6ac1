//! Sign-ins over OAuth that were begun: each can be finished once, by the browser that began it.

use berth_model::Timestamp;
use berth_secrets::SecretString;

use crate::sql::{FromRow, Row, sql};
use crate::{Store, StoreError};

/// What must be remembered between leaving for the provider and coming back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthAttempt {
    /// SHA-256 of the `state` that went along.
    pub state_hash: [u8; 32],
    /// SHA-256 of the cookie that the browser got.
    pub browser_hash: [u8; 32],
    /// The PKCE verifier.
    pub verifier: SecretString,
    /// The local path to go to afterwards.
    pub redirect: String,
    /// SHA-256 of the invitation that somebody brought along; whether it is any good is seen when they are back.
    pub invitation_hash: Option<[u8; 32]>,
    /// After this it cannot be finished.
    pub expires_at: Timestamp,
}

impl FromRow for OauthAttempt {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let hash = |column| hash_in(column, row.get(column)?);
        let invitation: Option<Vec<u8>> = row.get("invitation_hash")?;
        Ok(Self {
            state_hash: hash("state_hash")?,
            browser_hash: hash("browser_hash")?,
            verifier: row.get::<String>("verifier")?.into(),
            redirect: row.get("redirect")?,
            invitation_hash: invitation.map(|bytes| hash_in("invitation_hash", bytes)).transpose()?,
            expires_at: row.time("expires_at")?,
        })
    }
}

fn hash_in(column: &'static str, bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    <[u8; 32]>::try_from(bytes).map_err(|_| StoreError::Corrupt(column))
}

impl Store {
    /// Remembers a sign-in that leaves for the provider.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn begin_oauth(&self, attempt: &OauthAttempt) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let insert = sql("INSERT INTO oauth_attempt \
                          (state_hash, browser_hash, verifier, redirect, invitation_hash, expires_at) \
                          VALUES ($1, $2, $3, $4, $5, $6)");
        let insert = insert.bind(&attempt.state_hash).bind(&attempt.browser_hash).bind(attempt.verifier.expose());
        let insert = insert.bind(&attempt.redirect).bind(attempt.invitation_hash.as_ref());
        tx.run(insert.bind(attempt.expires_at)).await?;
        tx.commit().await
    }

    /// Takes a sign-in back out: `None` if it is unknown, taken already or too old. The caller compares the browser.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn take_oauth(&self, state_hash: &[u8; 32]) -> Result<Option<OauthAttempt>, StoreError> {
        let mut tx = self.begin().await?;
        let take = sql("DELETE FROM oauth_attempt WHERE state_hash = $1 \
                        RETURNING state_hash, browser_hash, verifier, redirect, invitation_hash, expires_at");
        let attempt: Option<OauthAttempt> = tx.one(take.bind(state_hash)).await?;
        let now = tx.now;
        tx.commit().await?;
        Ok(attempt.filter(|attempt| attempt.expires_at > now))
    }
}
