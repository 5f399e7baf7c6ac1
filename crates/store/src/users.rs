//! Accounts. A person signs in with a login name and a password, or with GitHub; e-mail addresses identify nobody.

use berth_model::{Role, Timestamp, UserId};
use berth_secrets::Sealed;

use crate::sql::{FromRow, Row, sql};
use crate::{Store, StoreError};

/// A person with an account. Password hash and GitHub token stay in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The row, and the name of the socket room.
    pub id: UserId,
    /// What they may do beyond their own projects.
    pub role: Role,
    /// What they are called; GitHub's login for those who come from there. Not unique.
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

const ADMINISTRATOR_EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM \"user\" WHERE role = 'admin')";

macro_rules! select_user {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.role, u.username, u.login_name, u.email, u.avatar, u.github_id, \
             u.github_token IS NOT NULL AS github_connected, u.password_hash, u.created_at, u.updated_at \
             FROM \"user\" u ",
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
        let insert =
            sql("INSERT INTO \"user\" (role, username, login_name, password_hash, email, created_at, updated_at) \
                          VALUES ($1, $2, $2, $3, $4, $5, $5) RETURNING id");
        let insert = insert.bind(Role::Admin.as_str()).bind(login_name).bind(password_hash).bind(email).bind(tx.now);
        let id: UserId = tx.one(insert).await?.ok_or(StoreError::NotFound)?;
        let user = tx.one(sql(select_user!("WHERE u.id = $1")).bind(id)).await?.ok_or(StoreError::NotFound)?;
        tx.commit().await?;
        Ok(user)
    }

    /// An account.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.one(sql(select_user!("WHERE u.id = $1")).bind(id)).await
    }

    /// The account with this login name and the hash of its password.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn user_by_login(&self, login_name: &str) -> Result<Option<(User, String)>, StoreError> {
        let select = sql(select_user!("WHERE u.login_name = $1 AND u.password_hash IS NOT NULL"));
        let found: Option<UserWithHash> = self.one(select.bind(login_name)).await?;
        Ok(found.map(|UserWithHash(user, hash)| (user, hash)))
    }

    /// Signs somebody in who comes from GitHub: finds the account by GitHub's number and brings it up to date, or makes
    /// one (a member, never an administrator) if `may_create`. `seal` seals the token for the account.
    /// `None`: no account, and none may be made.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn sign_in_github(
        &self,
        profile: &GithubProfile,
        may_create: bool,
        seal: impl FnOnce(UserId) -> Sealed + Send,
    ) -> Result<Option<User>, StoreError> {
        let mut tx = self.begin().await?;
        let known = sql("SELECT id FROM \"user\" WHERE github_id = $1").bind(profile.github_id);
        let id: UserId = match tx.one(known).await? {
            Some(id) => id,
            None if !may_create => return Ok(None),
            None => {
                let insert = sql("INSERT INTO \"user\" (role, username, github_id, created_at, updated_at) \
                                  VALUES ($1, $2, $3, $4, $4) RETURNING id");
                let insert =
                    insert.bind(Role::Member.as_str()).bind(&profile.login).bind(profile.github_id).bind(tx.now);
                tx.one(insert).await?.ok_or(StoreError::NotFound)?
            }
        };
        let update =
            sql("UPDATE \"user\" SET username = $2, email = COALESCE($3, email), avatar = $4, github_token = $5, \
                          updated_at = $6 WHERE id = $1");
        let update = update.bind(id).bind(&profile.login).bind(&profile.email).bind(&profile.avatar);
        tx.run(update.bind(seal(id).as_str()).bind(tx.now)).await?;
        let user = tx.one(sql(select_user!("WHERE u.id = $1")).bind(id)).await?;
        tx.commit().await?;
        Ok(user)
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
        let update = sql("UPDATE \"user\" SET github_id = $2, github_token = $3, email = COALESCE(email, $4), \
                          avatar = COALESCE(avatar, $5), updated_at = $6 WHERE id = $1");
        let update = update.bind(user).bind(profile.github_id).bind(seal(user).as_str()).bind(&profile.email);
        let done = tx.run(update.bind(&profile.avatar).bind(tx.now)).await;
        done.map_err(|error| match error {
            // The only unique column here is GitHub's number.
            StoreError::Conflict(_) => {
                StoreError::Conflict("another account of this Berth is connected to this GitHub account")
            }
            other => other,
        })?;
        let user = tx.one(sql(select_user!("WHERE u.id = $1")).bind(user)).await?.ok_or(StoreError::NotFound)?;
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

    /// Forgets it, as when GitHub no longer accepts it.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn forget_github_token(&self, user: UserId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.run(sql("UPDATE \"user\" SET github_token = NULL, updated_at = $2 WHERE id = $1").bind(user).bind(tx.now))
            .await?;
        tx.commit().await
    }
}
