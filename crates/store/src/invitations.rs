//! Links that an administrator makes and hands on, because there is no e-mail: one opens an account, or sets the
//! password of one that is there, once. The database has only the hash of its token.
//!
//! A link is taken by one `UPDATE` in the transaction that makes the account: of many at once exactly one gets it, and
//! one that makes no account takes nothing.

use std::time::Duration;

use berth_model::{
    Access, AuditAction, EventPayload, InvitationId, InvitationLifetime, InvitationState, LoginName, Note, Role,
    Timestamp, UserId,
};

use crate::audit::Change;
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{Store, StoreError, User};

/// How long a link that leads nowhere any more stays listed.
const MEMORY: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// A link, as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The row.
    pub id: InvitationId,
    /// What it makes of whoever uses it.
    pub role: Role,
    /// The login name of the account whose password it sets, if it does not open one.
    pub password_of: Option<String>,
    /// What the administrator wrote about it.
    pub note: Option<String>,
    /// What has become of it.
    pub state: InvitationState,
    /// The name of the administrator who made it.
    pub created_by: String,
    /// The name of whoever used it.
    pub used_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// After this it cannot be used.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

/// A link to be.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// SHA-256 of its token.
    pub token_hash: [u8; 32],
    /// How long it stands.
    pub lifetime: InvitationLifetime,
    /// What the administrator writes about it.
    pub note: Option<Note>,
}

/// A link that was just taken.
pub(crate) struct Offer {
    pub(crate) id: InvitationId,
    pub(crate) role: Role,
    password_of: Option<UserId>,
    created_by: UserId,
}

impl FromRow for Offer {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: InvitationId(row.get("id")?),
            role: row.parsed("role", Role::parse)?,
            password_of: row.get::<Option<i64>>("password_of")?.map(UserId),
            created_by: UserId(row.get("created_by")?),
        })
    }
}

macro_rules! select_invitation {
    ($rest:literal) => {
        concat!(
            "SELECT i.id, i.role, whose.login_name AS password_of, i.note, i.created_at, i.expires_at, i.used_at, \
             i.revoked_at, maker.username AS created_by, taker.username AS used_by, \
             CASE WHEN i.used_at IS NOT NULL THEN 'used' WHEN i.revoked_at IS NOT NULL THEN 'revoked' \
                  WHEN i.expires_at <= $1 THEN 'expired' ELSE 'pending' END AS state \
             FROM invitation i JOIN \"user\" maker ON maker.id = i.created_by \
             LEFT JOIN \"user\" whose ON whose.id = i.password_of LEFT JOIN \"user\" taker ON taker.id = i.used_by ",
            $rest
        )
    };
}

impl FromRow for Invitation {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: InvitationId(row.get("id")?),
            role: row.parsed("role", Role::parse)?,
            password_of: row.get("password_of")?,
            note: row.get("note")?,
            state: row.parsed("state", InvitationState::parse)?,
            created_by: row.get("created_by")?,
            used_by: row.get("used_by")?,
            created_at: row.time("created_at")?,
            expires_at: row.time("expires_at")?,
            used_at: row.time_or_none("used_at")?,
        })
    }
}

impl Store {
    /// Makes a link that opens an account.
    ///
    /// # Errors
    /// [`StoreError::AdminsOnly`].
    pub async fn invite(&self, by: Access, role: Role, new: &NewInvitation) -> Result<Invitation, StoreError> {
        let mut tx = self.begin().await?;
        tx.only_admin(by).await?;
        let invitation = tx.add_invitation(by, role, None, new).await?;
        let made = Change::of(AuditAction::InvitationCreated).to(format!("#{}", invitation.id));
        tx.record(made.exactly([format!("role: {}", role.as_str())])).await?;
        tx.commit().await?;
        Ok(invitation)
    }

    /// Makes a link that sets the password of an account, in place of an earlier one.
    ///
    /// # Errors
    /// [`StoreError::AdminsOnly`], [`StoreError::NotFound`], [`StoreError::Deactivated`]; [`StoreError::Conflict`] if
    /// the account has no password.
    pub async fn invite_to_set_password(
        &self,
        by: Access,
        user: UserId,
        new: &NewInvitation,
    ) -> Result<Invitation, StoreError> {
        let mut tx = self.begin().await?;
        tx.only_admin(by).await?;
        let whose = tx.user(user).await?;
        tx.only_active(user).await?;
        if !whose.has_password {
            return Err(StoreError::Conflict("this account has no password; its owner signs in with GitHub"));
        }
        tx.withdraw_password_links(by.user(), user).await?;
        let invitation = tx.add_invitation(by, whose.role, Some(user), new).await?;
        tx.record(Change::of(AuditAction::PasswordLinkCreated).done_to(user)).await?;
        tx.commit().await?;
        Ok(invitation)
    }

    /// At most `limit` links, newest first, only those older than `before`.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn invitations(&self, limit: u32, before: Option<InvitationId>) -> Result<Vec<Invitation>, StoreError> {
        let before = before.unwrap_or(InvitationId(i64::MAX));
        let select = sql(select_invitation!("WHERE i.id < $2 ORDER BY i.id DESC LIMIT $3"));
        self.all(select.bind(self.now()).bind(before).bind(i64::from(limit))).await
    }

    /// The link of a token, while it stands: what its page says before it is used.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn pending_invitation(&self, token_hash: &[u8; 32]) -> Result<Option<Invitation>, StoreError> {
        let select = sql(select_invitation!(
            "WHERE i.token_hash = $2 AND i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $1"
        ));
        self.one(select.bind(self.now()).bind(token_hash)).await
    }

    /// Withdraws a link that nobody has used yet. One that leads nowhere any more stays as it is.
    ///
    /// # Errors
    /// [`StoreError::AdminsOnly`], [`StoreError::NotFound`].
    pub async fn revoke_invitation(&self, by: Access, id: InvitationId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.only_admin(by).await?;
        let known: Option<InvitationId> = tx.one(sql("SELECT id FROM invitation WHERE id = $1").bind(id)).await?;
        known.ok_or(StoreError::NotFound)?;
        let revoke = sql("UPDATE invitation SET revoked_at = $2 WHERE id = $1 AND used_at IS NULL \
                          AND revoked_at IS NULL AND expires_at > $2 RETURNING id");
        let revoked = tx.all(revoke.bind(id).bind(tx.now)).await?;
        tx.tell_revoked(by.user(), revoked).await?;
        tx.record(Change::of(AuditAction::InvitationRevoked).to(format!("#{id}"))).await?;
        tx.commit().await
    }

    /// Opens an account by a link, which is used up in the same step; `None` if the link does not stand.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] if the login name is somebody's; the link stands then.
    pub async fn accept_invitation(
        &self,
        token_hash: &[u8; 32],
        login: &LoginName,
        password_hash: &str,
    ) -> Result<Option<User>, StoreError> {
        let mut tx = self.begin().await?;
        let Some(offer) = tx.take_invitation(token_hash).await? else { return Ok(None) };
        let added = tx.add_password_user(offer.role, login.as_str(), password_hash, Some(offer)).await;
        let user = tx.user(added.map_err(StoreError::of_a_name)?).await?;
        tx.record(Change::of(AuditAction::UserCreated).by(user.id).done_to(user.id)).await?;
        tx.commit().await?;
        Ok(Some(user))
    }

    /// Sets the password of the account that a link is for, ends its sessions, and uses the link up; `None` if the link
    /// does not stand.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn accept_password_link(
        &self,
        token_hash: &[u8; 32],
        password_hash: &str,
    ) -> Result<Option<User>, StoreError> {
        let mut tx = self.begin().await?;
        let take = sql("UPDATE invitation SET used_at = $2 WHERE token_hash = $1 AND password_of IS NOT NULL \
                        AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2 \
                        RETURNING id, role, password_of, created_by");
        let offer: Option<Offer> = tx.one(take.bind(token_hash).bind(tx.now)).await?;
        let Some((user, offer)) = offer.and_then(|offer| Some((offer.password_of?, offer))) else { return Ok(None) };
        tx.only_active(user).await?;
        let set = sql("UPDATE \"user\" SET password_hash = $2, updated_at = $3 WHERE id = $1");
        tx.run(set.bind(user).bind(password_hash).bind(tx.now)).await?;
        tx.used(&offer, user).await?;
        tx.event(user, None, &EventPayload::UserPasswordChanged { user, invitation: Some(offer.id) }).await?;
        tx.end_sessions(user, None).await?;
        tx.record(Change::of(AuditAction::PasswordChanged).by(user).done_to(user)).await?;
        let user = tx.user(user).await?;
        tx.commit().await?;
        Ok(Some(user))
    }
}

impl Transaction<'_> {
    async fn add_invitation(
        &mut self,
        by: Access,
        role: Role,
        password_of: Option<UserId>,
        new: &NewInvitation,
    ) -> Result<Invitation, StoreError> {
        let insert =
            sql("INSERT INTO invitation (token_hash, role, password_of, note, created_by, created_at, expires_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id");
        let insert = insert.bind(&new.token_hash).bind(role.as_str()).bind(password_of);
        let insert = insert.bind(new.note.as_ref().map(Note::as_str)).bind(by.user());
        let insert = insert.bind(self.now).bind(self.now.after(new.lifetime.duration()));
        let id: InvitationId = self.one(insert).await?.ok_or(StoreError::NotFound)?;
        let made = EventPayload::InvitationCreated { invitation: id, role, password_of, by: by.user() };
        self.event(by.user(), None, &made).await?;
        let select = sql(select_invitation!("WHERE i.id = $2")).bind(self.now).bind(id);
        self.one(select).await?.ok_or(StoreError::NotFound)
    }

    /// Uses up a link that opens an account, if it stands.
    pub(crate) async fn take_invitation(&mut self, token_hash: &[u8; 32]) -> Result<Option<Offer>, StoreError> {
        let take = sql("UPDATE invitation SET used_at = $2 WHERE token_hash = $1 AND password_of IS NULL \
                        AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2 \
                        RETURNING id, role, password_of, created_by");
        self.one(take.bind(token_hash).bind(self.now)).await
    }

    /// Notes who used a link that was taken.
    pub(crate) async fn used(&mut self, offer: &Offer, user: UserId) -> Result<(), StoreError> {
        self.run(sql("UPDATE invitation SET used_by = $2 WHERE id = $1").bind(offer.id).bind(user)).await?;
        let used = EventPayload::InvitationUsed { invitation: offer.id, user };
        self.event(offer.created_by, None, &used).await
    }

    /// Withdraws the links that set a user's password.
    pub(crate) async fn withdraw_password_links(&mut self, by: UserId, user: UserId) -> Result<(), StoreError> {
        let revoke = sql("UPDATE invitation SET revoked_at = $2 WHERE password_of = $1 AND used_at IS NULL \
                          AND revoked_at IS NULL AND expires_at > $2 RETURNING id");
        let revoked = self.all(revoke.bind(user).bind(self.now)).await?;
        self.tell_revoked(by, revoked).await
    }

    /// Withdraws the links that somebody made who is no longer to make any: they would lead back in.
    pub(crate) async fn withdraw_links_made_by(&mut self, by: UserId, maker: UserId) -> Result<(), StoreError> {
        let revoke = sql("UPDATE invitation SET revoked_at = $2 WHERE created_by = $1 AND used_at IS NULL \
                          AND revoked_at IS NULL AND expires_at > $2 RETURNING id");
        let revoked = self.all(revoke.bind(maker).bind(self.now)).await?;
        self.tell_revoked(by, revoked).await
    }

    async fn tell_revoked(&mut self, by: UserId, revoked: Vec<InvitationId>) -> Result<(), StoreError> {
        for invitation in revoked {
            self.event(by, None, &EventPayload::InvitationRevoked { invitation, by }).await?;
        }
        Ok(())
    }

    /// Lets links go that have led nowhere for long. What happened stays in the events.
    pub(crate) async fn forget_old_invitations(&mut self) -> Result<(), StoreError> {
        let old = self.now.before(MEMORY);
        self.run(sql("DELETE FROM invitation WHERE COALESCE(used_at, revoked_at, expires_at) <= $1").bind(old)).await?;
        Ok(())
    }
}
