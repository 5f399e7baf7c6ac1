//! Sessions of signed-in people. A session lives for its `ttl` after its last use; the database has only the hash of
//! its token.

use std::time::Duration;

use berth_model::{Access, EventPayload, SessionId, Timestamp, UserId};

use crate::sql::{FromRow, Row, sql};
use crate::{Store, StoreError, User};

/// How often a use of a session is written down.
const SLIDE: Duration = Duration::from_secs(60 * 60);

/// A signed-in browser or client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The row; the legacy bearer token carries it.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// What the browser called itself.
    pub user_agent: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the hour.
    pub last_used_at: Timestamp,
    /// When it ends unless it is used again.
    pub expires_at: Timestamp,
}

macro_rules! select_session {
    ($rest:literal) => {
        concat!("SELECT id, user_id, user_agent, ttl, created_at, last_used_at, expires_at FROM session ", $rest)
    };
}

impl FromRow for Session {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: SessionId(row.get("id")?),
            user: UserId(row.get("user_id")?),
            user_agent: row.get("user_agent")?,
            created_at: row.time("created_at")?,
            last_used_at: row.time("last_used_at")?,
            expires_at: row.time("expires_at")?,
        })
    }
}

impl Store {
    /// Signs a user in.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn create_session(
        &self,
        user: UserId,
        token_hash: [u8; 32],
        ttl: Duration,
        user_agent: Option<&str>,
    ) -> Result<Session, StoreError> {
        let mut tx = self.begin().await?;
        let insert =
            sql("INSERT INTO session (user_id, token_hash, user_agent, ttl, created_at, last_used_at, expires_at) \
                          VALUES ($1, $2, $3, $4, $5, $5, $6) \
                          RETURNING id, user_id, user_agent, ttl, created_at, last_used_at, expires_at");
        let micros = i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX);
        let insert = insert.bind(user).bind(&token_hash).bind(user_agent).bind(micros);
        let session = tx.one(insert.bind(tx.now).bind(tx.now.after(ttl))).await?.ok_or(StoreError::NotFound)?;
        tx.commit().await?;
        Ok(session)
    }

    /// The session of a token, if it is still valid. Its use is written down, at most once an hour.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn session_by_token(&self, token_hash: &[u8; 32]) -> Result<Option<(Session, User)>, StoreError> {
        let now = self.now();
        let select = sql(select_session!("WHERE token_hash = $1 AND expires_at > $2")).bind(token_hash).bind(now);
        let Some(session) = self.one::<Session>(select).await? else { return Ok(None) };
        if now.since(session.last_used_at) >= SLIDE {
            let mut tx = self.begin().await?;
            let slide = sql("UPDATE session SET last_used_at = $2, expires_at = $2 + ttl WHERE id = $1");
            tx.run(slide.bind(session.id).bind(now)).await?;
            tx.commit().await?;
        }
        self.with_user(session).await
    }

    /// A session by its number, if it is still valid: what the legacy bearer token is checked against.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn session(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        let select = sql(select_session!("WHERE id = $1 AND expires_at > $2")).bind(id).bind(self.now());
        match self.one::<Session>(select).await? {
            Some(session) => self.with_user(session).await,
            None => Ok(None),
        }
    }

    async fn with_user(&self, session: Session) -> Result<Option<(Session, User)>, StoreError> {
        Ok(self.user(session.user).await?.map(|user| (session, user)))
    }

    /// The valid sessions of a user, most recently used first.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn sessions_of(&self, access: Access) -> Result<Vec<Session>, StoreError> {
        let select = sql(select_session!("WHERE user_id = $1 AND expires_at > $2 ORDER BY last_used_at DESC, id DESC"));
        self.all(select.bind(access.user()).bind(self.now())).await
    }

    /// Ends one of the user's own sessions; its sockets are closed by the event.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn revoke_session(&self, access: Access, id: SessionId) -> Result<(), StoreError> {
        let owner: Option<UserId> = self.one(sql("SELECT user_id FROM session WHERE id = $1").bind(id)).await?;
        match owner {
            None => Err(StoreError::NotFound),
            Some(owner) if owner != access.user() => Err(StoreError::Forbidden),
            Some(_) => self.revoke_session_by_id(id).await,
        }
    }

    /// Ends a session, as at sign-out. One that has ended already stays so.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn revoke_session_by_id(&self, id: SessionId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let gone: Option<UserId> = tx.one(sql("DELETE FROM session WHERE id = $1 RETURNING user_id").bind(id)).await?;
        if let Some(user) = gone {
            tx.event(user, None, &EventPayload::SessionRevoked { session: id }).await?;
        }
        tx.commit().await
    }

    /// Removes what has run out: sessions, sign-ins that were begun and not finished, and after thirty days the bodies
    /// of deliveries and the deliveries that led to nothing. Called hourly.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn forget_expired(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.run(sql("DELETE FROM session WHERE expires_at <= $1").bind(tx.now)).await?;
        tx.run(sql("DELETE FROM oauth_attempt WHERE expires_at <= $1").bind(tx.now)).await?;
        tx.forget_old_deliveries().await?;
        tx.commit().await
    }
}
