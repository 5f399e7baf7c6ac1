//! API tokens: what lets a program act for its owner, on everything or on one project. Only a hash of one is kept.

use std::time::Duration;

use berth_model::{Access, ApiTokenId, AuditAction, EventPayload, ProjectId, Timestamp, UserId};

use crate::audit::Change;
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{Store, StoreError, User};

/// How often a use of a token is written down.
const NOTED_EVERY: Duration = Duration::from_secs(60);
/// Tokens that an account has at once: more are a program that makes one for every run.
const MOST: i64 = 100;
/// How long a token that has run out is still listed, so that its owner sees why nothing works.
const KEPT_EXPIRED: Duration = Duration::from_secs(30 * 86_400);

/// What lets a program act for its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// The row.
    pub id: ApiTokenId,
    /// Whose it is.
    pub user: UserId,
    /// The one project that it reaches; `None`: all of its owner's.
    pub project: Option<ProjectId>,
    /// What its owner calls it.
    pub name: String,
    /// How it begins.
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None`: when it is revoked.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A token to be.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// What its owner calls it.
    pub name: String,
    /// The one project that it reaches.
    pub project: Option<ProjectId>,
    /// How it begins.
    pub hint: String,
    /// SHA-256 of it.
    pub token_hash: [u8; 32],
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

macro_rules! select_token {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, t.user_id, t.project_id, t.name, t.hint, t.created_at, t.expires_at, t.last_used_at \
             FROM api_token t ",
            $rest
        )
    };
}

impl FromRow for ApiToken {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: ApiTokenId(row.get("id")?),
            user: UserId(row.get("user_id")?),
            project: row.get::<Option<i64>>("project_id")?.map(ProjectId),
            name: row.get("name")?,
            hint: row.get("hint")?,
            created_at: row.time("created_at")?,
            expires_at: row.time_or_none("expires_at")?,
            last_used_at: row.time_or_none("last_used_at")?,
        })
    }
}

impl ApiToken {
    /// Whether it has run out.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

impl Store {
    /// Makes a token for its owner.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`] for a project that is not the owner's;
    /// [`StoreError::Deactivated`]; [`StoreError::Conflict`] if the account has many already.
    pub async fn create_api_token(&self, access: Access, new: NewApiToken) -> Result<ApiToken, StoreError> {
        let mut tx = self.begin().await?;
        tx.only_active(access.user()).await?;
        if let Some(project) = new.project {
            tx.project(access, project).await?;
        }
        let count = sql("SELECT COUNT(*) FROM api_token WHERE user_id = $1").bind(access.user());
        if tx.one::<i64>(count).await?.unwrap_or(0) >= MOST {
            return Err(StoreError::Conflict("an account has at most 100 API tokens; revoke one that nobody uses"));
        }
        let insert =
            sql("INSERT INTO api_token (user_id, project_id, name, hint, token_hash, created_at, expires_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id")
            .bind(access.user())
            .bind(new.project)
            .bind(&new.name)
            .bind(&new.hint)
            .bind(&new.token_hash)
            .bind(tx.now)
            .bind(new.expires_at.map(|end| end.0));
        let id: ApiTokenId = tx.one(insert).await?.ok_or(StoreError::NotFound)?;
        let made: ApiToken =
            tx.one(sql(select_token!("WHERE t.id = $1")).bind(id)).await?.ok_or(StoreError::NotFound)?;
        let payload = EventPayload::ApiTokenCreated { token: id, name: new.name, project: new.project };
        tx.event(access.user(), new.project, &payload).await?;
        tx.record(Change::of(AuditAction::TokenCreated).of_project(new.project).to(&made.name)).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// The user's tokens, newest first; those that have run out too, for a month.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn api_tokens(&self, access: Access) -> Result<Vec<ApiToken>, StoreError> {
        self.all(sql(select_token!("WHERE t.user_id = $1 ORDER BY t.id DESC")).bind(access.user())).await
    }

    /// Takes one of the user's tokens away: nothing is believed of it from here on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn revoke_api_token(&self, access: Access, id: ApiTokenId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let found: Option<ApiToken> = tx.one(sql(select_token!("WHERE t.id = $1")).bind(id)).await?;
        match found {
            None => Err(StoreError::NotFound),
            Some(token) if token.user != access.user() => Err(StoreError::Forbidden),
            Some(token) => {
                tx.record(Change::of(AuditAction::TokenRevoked).of_project(token.project).to(&token.name)).await?;
                tx.end_api_token(access.user(), token).await?;
                tx.commit().await
            }
        }
    }

    /// The token of a hash and its owner, whether or not it has run out. Its use is written down, at most once a minute, if that
    /// can be done.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn api_token_by_hash(&self, token_hash: &[u8; 32]) -> Result<Option<(ApiToken, User)>, StoreError> {
        let select = sql(select_token!("WHERE t.token_hash = $1")).bind(token_hash);
        let Some(token) = self.one::<ApiToken>(select).await? else { return Ok(None) };
        let Some(user) = self.user(token.user).await?.filter(|user| user.deactivated_at.is_none()) else {
            return Ok(None);
        };
        let now = self.now();
        let is_noted = token.last_used_at.is_some_and(|used| now.since(used) < NOTED_EVERY);
        if !is_noted && !token.has_expired(now) {
            // Not worth a refusal: with a full disk, reading still works.
            if let Err(error) = self.note_use(token.id, now).await {
                tracing::debug!(token = %token.id, %error, "the use of a token was not written down");
            }
        }
        Ok(Some((token, user)))
    }

    async fn note_use(&self, token: ApiTokenId, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.run(sql("UPDATE api_token SET last_used_at = $2 WHERE id = $1").bind(token).bind(now)).await?;
        tx.commit().await
    }
}

impl Transaction<'_> {
    /// Refuses to go on for a token that stood when the request began and does not any more.
    pub(crate) async fn only_standing(&mut self, id: ApiTokenId) -> Result<(), StoreError> {
        let token: Option<ApiToken> = self.one(sql(select_token!("WHERE t.id = $1")).bind(id)).await?;
        token.filter(|token| !token.has_expired(self.now)).map(drop).ok_or(StoreError::TokenEnded)
    }

    async fn end_api_token(&mut self, by: UserId, token: ApiToken) -> Result<(), StoreError> {
        self.run(sql("DELETE FROM api_token WHERE id = $1").bind(token.id)).await?;
        let payload = EventPayload::ApiTokenRevoked { token: token.id, name: token.name, by };
        self.event(token.user, token.project, &payload).await
    }

    /// Ends every token of somebody who is shut out.
    pub(crate) async fn end_api_tokens(&mut self, by: UserId, user: UserId) -> Result<(), StoreError> {
        let tokens: Vec<ApiToken> = self.all(sql(select_token!("WHERE t.user_id = $1")).bind(user)).await?;
        for token in tokens {
            self.end_api_token(by, token).await?;
        }
        Ok(())
    }

    /// Forgets those that ran out a month ago.
    pub(crate) async fn forget_old_api_tokens(&mut self) -> Result<(), StoreError> {
        let old = sql("DELETE FROM api_token WHERE expires_at <= $1").bind(self.now.before(KEPT_EXPIRED));
        self.run(old).await.map(drop)
    }
}
