//! Sessions of signed-in people. A session lives for its `ttl` after its last use; the database has only the hash of
//! its token.

use std::time::Duration;

use berth_model::{Access, AuditAction, EventPayload, SessionId, Timestamp, UserId};

use crate::audit::Change;
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{Store, StoreError, User};

/// How often a use of a session is written down.
const SLIDE: Duration = Duration::from_secs(60 * 60);

/// Sessions that a user has at once: more are a client that signs in for every call.
const MOST_SESSIONS: i64 = 100;

/// A signed-in browser or client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The row; the legacy bearer token carries it.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// What the browser called itself.
    pub user_agent: Option<String>,
    /// The address that it was made from.
    pub address: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the hour.
    pub last_used_at: Timestamp,
    /// When it ends unless it is used again.
    pub expires_at: Timestamp,
}

/// A session to be.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// SHA-256 of its token.
    pub token_hash: [u8; 32],
    /// How long it lasts after its last use.
    pub ttl: Duration,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
    /// The address that it is made from.
    pub address: Option<String>,
}

macro_rules! select_session {
    ($rest:literal) => {
        concat!("SELECT id, user_id, user_agent, address, created_at, last_used_at, expires_at FROM session ", $rest)
    };
}

impl FromRow for Session {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: SessionId(row.get("id")?),
            user: UserId(row.get("user_id")?),
            user_agent: row.get("user_agent")?,
            address: row.get("address")?,
            created_at: row.time("created_at")?,
            last_used_at: row.time("last_used_at")?,
            expires_at: row.time("expires_at")?,
        })
    }
}

impl Store {
    /// Signs a user in. Of more than a hundred sessions the one that was not used for longest ends.
    ///
    /// # Errors
    /// [`StoreError::Deactivated`] if the account may not be used.
    pub async fn create_session(&self, user: UserId, new: &NewSession) -> Result<Session, StoreError> {
        let mut tx = self.begin().await?;
        // Whoever proved who they are may have been shut out while they did.
        tx.only_active(user).await?;
        let insert = sql("INSERT INTO session \
                          (user_id, token_hash, user_agent, address, ttl, created_at, last_used_at, expires_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $6, $7) \
                          RETURNING id, user_id, user_agent, address, created_at, last_used_at, expires_at");
        let micros = i64::try_from(new.ttl.as_micros()).unwrap_or(i64::MAX);
        let insert = insert.bind(user).bind(&new.token_hash).bind(&new.user_agent).bind(&new.address).bind(micros);
        let session: Session =
            tx.one(insert.bind(tx.now).bind(tx.now.after(new.ttl))).await?.ok_or(StoreError::NotFound)?;
        let end = sql("DELETE FROM session WHERE id IN (SELECT id FROM session WHERE user_id = $1 AND id <> $2 \
                       ORDER BY last_used_at DESC, id DESC LIMIT $3 OFFSET $4) RETURNING id");
        let end = end.bind(user).bind(session.id).bind(i64::MAX).bind(MOST_SESSIONS - 1);
        let ended = tx.all(end).await?;
        tx.tell_ended(user, &ended).await?;
        tx.seen(user).await?;
        tx.record_by_itself(Change::of(AuditAction::SessionOpened).by(user)).await?;
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
            tx.seen(session.user).await?;
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
            tx.record(Change::of(AuditAction::SessionEnded).done_to(user)).await?;
        }
        tx.commit().await
    }

    /// Ends every session of the user's but the one they ask with; how many those were.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn revoke_other_sessions(&self, access: Access, current: SessionId) -> Result<usize, StoreError> {
        let mut tx = self.begin().await?;
        let ended = tx.end_sessions(access.user(), Some(current)).await?;
        tx.record(Change::of(AuditAction::SessionsEnded).done_to(access.user())).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Removes what has run out: sessions, sign-ins that were begun and not finished, after thirty days the bodies of
    /// deliveries and the deliveries that led to nothing, and API tokens, after ninety the links of administrators. Called
    /// hourly.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn forget_expired(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.run(sql("DELETE FROM session WHERE expires_at <= $1").bind(tx.now)).await?;
        tx.run(sql("DELETE FROM oauth_attempt WHERE expires_at <= $1").bind(tx.now)).await?;
        tx.forget_old_deliveries().await?;
        tx.forget_old_invitations().await?;
        tx.forget_old_api_tokens().await?;
        tx.commit().await
    }
}

impl Transaction<'_> {
    /// Ends a user's sessions but one; the events close their sockets.
    pub(crate) async fn end_sessions(&mut self, user: UserId, but: Option<SessionId>) -> Result<usize, StoreError> {
        let end = sql("DELETE FROM session WHERE user_id = $1 AND id <> $2 RETURNING id");
        let ended: Vec<SessionId> = self.all(end.bind(user).bind(but.unwrap_or(SessionId(0)))).await?;
        self.tell_ended(user, &ended).await?;
        Ok(ended.len())
    }

    async fn tell_ended(&mut self, user: UserId, ended: &[SessionId]) -> Result<(), StoreError> {
        for session in ended {
            self.event(user, None, &EventPayload::SessionRevoked { session: *session }).await?;
        }
        Ok(())
    }

    /// Notes that somebody was here.
    async fn seen(&mut self, user: UserId) -> Result<(), StoreError> {
        self.run(sql("UPDATE \"user\" SET last_seen_at = $2 WHERE id = $1").bind(user).bind(self.now)).await?;
        Ok(())
    }
}
