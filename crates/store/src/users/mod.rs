//! Accounts. A person signs in with a login name and a password, or with GitHub; e-mail addresses identify nobody.
//!
//! Here: how accounts come to be and how their owners get in. What administrators do with them is in
//! [`administration`].

mod administration;

use berth_model::{AuditAction, EventPayload, LoginName, Role, SessionId, Timestamp, UserId};
use berth_secrets::Sealed;

pub use self::administration::{ProjectsTo, UserChange, UserSummary};
use crate::audit::Change;
use crate::invitations::Offer;
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

/// A person with an account. Password hash and GitHub token stay in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The row, and the name of the socket room.
    pub id: UserId,
    /// What they may do beyond their own projects.
    pub role: Role,
    /// What they are called; GitHub's login for those who have no other. Not unique.
    pub username: String,
    /// What they sign in with, if they have a password; unique.
    pub login_name: Option<String>,
    /// For display only.
    pub email: Option<String>,
    /// The address of a picture.
    pub avatar: Option<String>,
    /// GitHub's number for them; unique, and the only thing a GitHub sign-in is matched by.
    pub github_id: Option<i64>,
    /// Whether a GitHub token of theirs is kept.
    pub github_connected: bool,
    /// Since when GitHub does not accept that token, if it does not.
    pub github_refused_at: Option<Timestamp>,
    /// Whether they can sign in with a password.
    pub has_password: bool,
    /// When they were last here, to the hour.
    pub last_seen_at: Option<Timestamp>,
    /// Since when they may not sign in, if they may not.
    pub deactivated_at: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What GitHub says of somebody who just signed in.
#[derive(Clone, Debug)]
pub struct GithubProfile {
    /// GitHub's number; logins can be renamed and taken over, this cannot.
    pub github_id: i64,
    /// Their login at the moment.
    pub login: String,
    /// Their public e-mail address.
    pub email: Option<String>,
    /// The address of their picture.
    pub avatar: Option<String>,
}

const ADMINISTRATOR_EXISTS: &str =
    "SELECT EXISTS (SELECT 1 FROM \"user\" WHERE role = 'admin' AND deactivated_at IS NULL AND removed_at IS NULL)";

macro_rules! select_user {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.role, u.username, u.login_name, u.email, u.avatar, u.github_id, \
             u.github_token IS NOT NULL AS github_connected, u.github_refused_at, u.password_hash IS NOT NULL AS has_password, \
             u.password_hash, u.last_seen_at, u.deactivated_at, u.created_at, u.updated_at \
             FROM \"user\" u WHERE u.removed_at IS NULL ",
            $rest
        )
    };
}

impl FromRow for User {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId(row.get("id")?),
            role: row.parsed("role", Role::parse)?,
            username: row.get("username")?,
            login_name: row.get("login_name")?,
            email: row.get("email")?,
            avatar: row.get("avatar")?,
            github_id: row.get("github_id")?,
            github_connected: row.get("github_connected")?,
            github_refused_at: row.time_or_none("github_refused_at")?,
            has_password: row.get("has_password")?,
            last_seen_at: row.time_or_none("last_seen_at")?,
            deactivated_at: row.time_or_none("deactivated_at")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

/// An account and the hash that its password is checked against.
struct UserWithHash(User, String);

impl FromRow for UserWithHash {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self(User::from_row(row)?, row.get("password_hash")?))
    }
}

impl Store {
    /// Whether there is an administrator: until then the setup token rules.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn administrator_exists(&self) -> Result<bool, StoreError> {
        Ok(self.one(sql(ADMINISTRATOR_EXISTS)).await?.unwrap_or(false))
    }

    /// Makes the first administrator, whoever else has an account already. Of several at once exactly one succeeds.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is an administrator, or the login name is taken.
    pub async fn create_first_admin(
        &self,
        login_name: &str,
        email: Option<&str>,
        password_hash: &str,
    ) -> Result<User, StoreError> {
        let mut tx = self.begin().await?;
        if tx.one(sql(ADMINISTRATOR_EXISTS)).await?.unwrap_or(false) {
            return Err(StoreError::Conflict("this Berth is set up already; sign in instead"));
        }
        let user = tx.add_password_user(Role::Admin, login_name, password_hash, None).await?;
        tx.run(sql("UPDATE \"user\" SET email = $2 WHERE id = $1").bind(user).bind(email)).await?;
        tx.record(Change::of(AuditAction::SetUp).by(user).done_to(user)).await?;
        let user = tx.user(user).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Opens an account for somebody who came by themselves: a member.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] if the login name is somebody's.
    pub async fn register(&self, login: &LoginName, password_hash: &str) -> Result<User, StoreError> {
        let mut tx = self.begin().await?;
        let added = tx.add_password_user(Role::Member, login.as_str(), password_hash, None).await;
        let user = tx.user(added.map_err(StoreError::of_a_name)?).await?;
        tx.record(Change::of(AuditAction::UserCreated).by(user.id).done_to(user.id)).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Sets a password in place of the one that the user has, ends their other sessions, and withdraws the links that
    /// would set another one. `old_hash` is what the old
    /// password was checked against: if it is no longer the stored one, somebody else was quicker.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the password was changed meanwhile.
    pub async fn change_password(
        &self,
        user: UserId,
        current: SessionId,
        old_hash: &str,
        new_hash: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let change =
            sql("UPDATE \"user\" SET password_hash = $3, updated_at = $4 WHERE id = $1 AND password_hash = $2");
        if tx.run(change.bind(user).bind(old_hash).bind(new_hash).bind(tx.now)).await? == 0 {
            return Err(StoreError::Conflict("the password was changed meanwhile; sign in with the new one"));
        }
        tx.event(user, None, &EventPayload::UserPasswordChanged { user, invitation: None }).await?;
        tx.record(Change::of(AuditAction::PasswordChanged).done_to(user)).await?;
        tx.withdraw_password_links(user, user).await?;
        tx.end_sessions(user, Some(current)).await?;
        tx.commit().await
    }

    /// The hash of a user's password, if they have one.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn password_hash(&self, user: UserId) -> Result<Option<String>, StoreError> {
        let select = sql("SELECT password_hash FROM \"user\" WHERE id = $1 AND password_hash IS NOT NULL");
        self.one(select.bind(user)).await
    }

    /// An account.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.one(sql(select_user!("AND u.id = $1")).bind(id)).await
    }

    /// The account with this login name and the hash of its password.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn user_by_login(&self, login_name: &str) -> Result<Option<(User, String)>, StoreError> {
        let select = sql(select_user!("AND u.login_name = $1 AND u.password_hash IS NOT NULL"));
        let found: Option<UserWithHash> = self.one(select.bind(login_name)).await?;
        Ok(found.map(|UserWithHash(user, hash)| (user, hash)))
    }

    /// Signs somebody in who comes from GitHub: finds the account by GitHub's number and brings it up to date; who has
    /// a login name goes on being called by it. Without one it makes one: by the `invitation` of this hash, if it stands, which is used up in the same step; else a
    /// member, if `may_create`. `seal` seals the token for the account. `None`: no account, and none may be made.
    ///
    /// # Errors
    /// [`StoreError::Deactivated`] if the account may not be used.
    pub async fn sign_in_github(
        &self,
        profile: &GithubProfile,
        may_create: bool,
        invitation: Option<&[u8; 32]>,
        seal: impl FnOnce(UserId) -> Sealed + Send,
    ) -> Result<Option<User>, StoreError> {
        let mut tx = self.begin().await?;
        let known = sql("SELECT id FROM \"user\" WHERE github_id = $1").bind(profile.github_id);
        let id = match tx.one(known).await? {
            Some(id) => {
                tx.only_active(id).await?;
                id
            }
            None => {
                let offer = match invitation {
                    Some(hash) => tx.take_invitation(hash).await?,
                    None => None,
                };
                let role = match &offer {
                    Some(offer) => offer.role,
                    None if may_create => Role::Member,
                    None => return Ok(None),
                };
                let insert = sql("INSERT INTO \"user\" (role, username, github_id, created_at, updated_at) \
                                  VALUES ($1, $2, $3, $4, $4) RETURNING id");
                let insert = insert.bind(role.as_str()).bind(&profile.login).bind(profile.github_id).bind(tx.now);
                let id = tx.one(insert).await?.ok_or(StoreError::NotFound)?;
                tx.added(id, role, offer).await?;
                tx.record(Change::of(AuditAction::UserCreated).by(id).done_to(id)).await?;
                id
            }
        };
        let update = sql("UPDATE \"user\" SET username = CASE WHEN login_name IS NULL THEN $2 ELSE username END, \
                          email = COALESCE($3, email), avatar = $4, github_token = $5, github_refused_at = NULL, \
                          updated_at = $6 WHERE id = $1");
        let update = update.bind(id).bind(&profile.login).bind(&profile.email).bind(&profile.avatar);
        tx.run(update.bind(seal(id).as_str()).bind(tx.now)).await?;
        tx.event(id, None, &EventPayload::GithubConnected { user: id }).await?;
        let user = tx.user(id).await?;
        tx.commit().await?;
        Ok(Some(user))
    }

    /// Connects GitHub to an account that somebody is signed in to; what they are called stays.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another account comes from this GitHub account.
    pub async fn connect_github(
        &self,
        user: UserId,
        profile: &GithubProfile,
        seal: impl FnOnce(UserId) -> Sealed + Send,
    ) -> Result<User, StoreError> {
        let mut tx = self.begin().await?;
        let update = sql("UPDATE \"user\" SET github_id = $2, github_token = $3, github_refused_at = NULL, \
                          email = COALESCE(email, $4), avatar = COALESCE(avatar, $5), updated_at = $6 WHERE id = $1");
        let update = update.bind(user).bind(profile.github_id).bind(seal(user).as_str()).bind(&profile.email);
        let done = tx.run(update.bind(&profile.avatar).bind(tx.now)).await;
        done.map_err(|error| match error {
            // The only unique column here is GitHub's number.
            StoreError::Conflict(_) => {
                StoreError::Conflict("another account of this Berth is connected to this GitHub account")
            }
            other => other,
        })?;
        tx.event(user, None, &EventPayload::GithubConnected { user }).await?;
        tx.record(Change::of(AuditAction::GithubConnected).by(user).done_to(user)).await?;
        let user = tx.user(user).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// The account's GitHub token, if one is kept.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn github_token(&self, user: UserId) -> Result<Option<Sealed>, StoreError> {
        let select = sql("SELECT github_token FROM \"user\" WHERE id = $1 AND github_token IS NOT NULL");
        Ok(self.one::<String>(select.bind(user)).await?.map(Sealed::stored))
    }

    /// Forgets it.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn forget_github_token(&self, user: UserId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.run(
            sql("UPDATE \"user\" SET github_token = NULL, github_refused_at = NULL, updated_at = $2 WHERE id = $1")
                .bind(user)
                .bind(tx.now),
        )
        .await?;
        tx.record(Change::of(AuditAction::GithubDisconnected).done_to(user)).await?;
        tx.commit().await
    }
}

impl Transaction<'_> {
    /// An account that was not removed.
    pub(crate) async fn user(&mut self, id: UserId) -> Result<User, StoreError> {
        self.one(sql(select_user!("AND u.id = $1")).bind(id)).await?.ok_or(StoreError::NotFound)
    }

    /// Refuses to go on for somebody whose account may not be used.
    pub(crate) async fn only_active(&mut self, id: UserId) -> Result<(), StoreError> {
        let select = sql("SELECT id FROM \"user\" WHERE id = $1 AND deactivated_at IS NULL AND removed_at IS NULL");
        self.one::<UserId>(select.bind(id)).await?.map(drop).ok_or(StoreError::Deactivated)
    }

    /// Adds an account with a password.
    pub(crate) async fn add_password_user(
        &mut self,
        role: Role,
        login_name: &str,
        password_hash: &str,
        offer: Option<Offer>,
    ) -> Result<UserId, StoreError> {
        let insert = sql("INSERT INTO \"user\" (role, username, login_name, password_hash, created_at, updated_at) \
                          VALUES ($1, $2, $2, $3, $4, $4) RETURNING id");
        let insert = insert.bind(role.as_str()).bind(login_name).bind(password_hash).bind(self.now);
        let id = self.one(insert).await?.ok_or(StoreError::NotFound)?;
        self.added(id, role, offer).await?;
        Ok(id)
    }

    /// Tells of a new account, and notes it in the invitation that it came by.
    async fn added(&mut self, user: UserId, role: Role, offer: Option<Offer>) -> Result<(), StoreError> {
        let invitation = offer.as_ref().map(|offer| offer.id);
        if let Some(offer) = offer {
            self.used(&offer, user).await?;
        }
        self.event(user, None, &EventPayload::UserCreated { user, role, invitation }).await
    }
}
