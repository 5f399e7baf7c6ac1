//! What administrators do with accounts. Whether they may is decided in the transaction that does it: of two who demote
//! each other at once one is none any more when it is their turn, and the last administrator stays.

use berth_model::{Access, AuditAction, EventPayload, ProjectId, Role, UserId};

use super::User;
use crate::audit::Change;
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

/// A user, as administrators see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSummary {
    /// The account.
    pub user: User,
    /// How many projects it owns.
    pub projects: i64,
}

/// What is to change; `None` leaves it.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserChange {
    /// Their role.
    pub role: Option<Role>,
    /// Whether they may sign in.
    pub active: Option<bool>,
}

/// Who gets the projects of a user who is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectsTo {
    /// Nobody: there must be none.
    Nobody,
    /// Another user.
    User(UserId),
}

const ONESELF: StoreError =
    StoreError::Conflict("this is your own account; another administrator can deactivate or remove it");
const LAST_ADMINISTRATOR: StoreError =
    StoreError::Conflict("this is the last administrator; make somebody else an administrator first");

macro_rules! select_summary {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.role, u.username, u.login_name, u.email, u.avatar, u.github_id, \
             u.github_token IS NOT NULL AS github_connected, u.github_refused_at, u.password_hash IS NOT NULL AS has_password, \
             u.last_seen_at, u.deactivated_at, u.created_at, u.updated_at, \
             (SELECT COUNT(*) FROM project p WHERE p.user_id = u.id AND p.deleted_at IS NULL) AS projects \
             FROM \"user\" u WHERE u.removed_at IS NULL ",
            $rest
        )
    };
}

impl FromRow for UserSummary {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { user: User::from_row(row)?, projects: row.get("projects")? })
    }
}

impl Store {
    /// At most `limit` users, newest first, only those older than `before`.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn users(&self, limit: u32, before: Option<UserId>) -> Result<Vec<UserSummary>, StoreError> {
        let select = sql(select_summary!("AND u.id < $1 ORDER BY u.id DESC LIMIT $2"));
        self.all(select.bind(before.unwrap_or(UserId(i64::MAX))).bind(i64::from(limit))).await
    }

    /// One user.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn user_summary(&self, id: UserId) -> Result<UserSummary, StoreError> {
        self.one(sql(select_summary!("AND u.id = $1")).bind(id)).await?.ok_or(StoreError::NotFound)
    }

    /// Changes a user's role, or whether they may sign in. Who no longer may is signed out everywhere; links that a
    /// former administrator made, and that nobody has used yet, lead nowhere.
    ///
    /// # Errors
    /// [`StoreError::AdminsOnly`], [`StoreError::NotFound`]; [`StoreError::Conflict`] if no administrator would be left,
    /// or somebody would shut themselves out.
    pub async fn change_user(&self, by: Access, id: UserId, change: UserChange) -> Result<UserSummary, StoreError> {
        let mut tx = self.begin().await?;
        tx.only_admin(by).await?;
        let before = tx.user(id).await?;
        let role = change.role.unwrap_or(before.role);
        let was_active = before.deactivated_at.is_none();
        let active = change.active.unwrap_or(was_active);
        if !(active && role == Role::Admin) {
            tx.leave_an_administrator(&before).await?;
        }
        if !active && id == by.user() {
            return Err(ONESELF);
        }
        let since = match (active, before.deactivated_at) {
            (true, _) => None,
            (false, since) => Some(since.unwrap_or(tx.now)),
        };
        let update = sql("UPDATE \"user\" SET role = $2, deactivated_at = $3, updated_at = $4 WHERE id = $1");
        tx.run(update.bind(id).bind(role.as_str()).bind(since.map(|since| since.0)).bind(tx.now)).await?;
        if role != before.role {
            tx.event(id, None, &EventPayload::UserRoleChanged { user: id, role, by: by.user() }).await?;
        }
        match (was_active, active) {
            (true, false) => {
                tx.event(id, None, &EventPayload::UserDeactivated { user: id, by: by.user() }).await?;
                tx.shut_out(by.user(), id).await?;
            }
            (false, true) => {
                tx.event(id, None, &EventPayload::UserReactivated { user: id, by: by.user() }).await?;
            }
            _ => {}
        }
        if role != Role::Admin {
            tx.withdraw_links_made_by(by.user(), id).await?;
        }
        let role_is = (role != before.role).then(|| format!("role: {}", role.as_str()));
        let active_is = (active != was_active).then(|| format!("active: {active}"));
        let exactly = role_is.into_iter().chain(active_is);
        tx.record(Change::of(AuditAction::UserChanged).done_to(id).exactly(exactly)).await?;
        let after = tx.one(sql(select_summary!("AND u.id = $1")).bind(id)).await?.ok_or(StoreError::NotFound)?;
        tx.commit().await?;
        Ok(after)
    }

    /// Ends all sessions of a user; how many those were.
    ///
    /// # Errors
    /// [`StoreError::AdminsOnly`], [`StoreError::NotFound`].
    pub async fn sign_user_out(&self, by: Access, id: UserId) -> Result<usize, StoreError> {
        let mut tx = self.begin().await?;
        tx.only_admin(by).await?;
        tx.user(id).await?;
        let ended = tx.end_sessions(id, None).await?;
        tx.record(Change::of(AuditAction::UserSignedOut).done_to(id)).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Removes an account. Its row stays, with the name that others knew, for what it did; everything that identifies
    /// the person or lets them in goes, and GitHub's number and the login name are free again.
    ///
    /// # Errors
    /// [`StoreError::AdminsOnly`], [`StoreError::NotFound`]; [`StoreError::Conflict`] if no administrator would be left,
    /// if it is the asker's own account, if there are projects and they are to go to nobody, or to somebody who cannot have them.
    pub async fn remove_user(&self, by: Access, id: UserId, projects: ProjectsTo) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.only_admin(by).await?;
        let user = tx.user(id).await?;
        tx.leave_an_administrator(&user).await?;
        if id == by.user() {
            return Err(ONESELF);
        }
        match projects {
            ProjectsTo::Nobody => {
                let any = sql("SELECT EXISTS (SELECT 1 FROM project WHERE user_id = $1 AND deleted_at IS NULL)");
                if tx.one(any.bind(id)).await?.unwrap_or(false) {
                    return Err(StoreError::Conflict(
                        "this user owns projects; say what becomes of them: ?projects=transfer:<user id> or \
                         ?projects=delete",
                    ));
                }
            }
            ProjectsTo::User(heir) => tx.transfer_projects(by.user(), id, heir).await?,
        }
        tx.shut_out(by.user(), id).await?;
        let remove = sql(
            "UPDATE \"user\" SET username = $3, login_name = NULL, password_hash = NULL, email = NULL, avatar = NULL, \
                          github_id = NULL, github_token = NULL, github_refused_at = NULL, last_seen_at = NULL, removed_at = $2, updated_at = $2 \
                          WHERE id = $1",
        );
        // Who signed in with an e-mail address was called by it.
        let called = user.username.split_once('@').map_or(user.username.as_str(), |(name, _)| name);
        tx.run(remove.bind(id).bind(tx.now).bind(called)).await?;
        tx.event(id, None, &EventPayload::UserRemoved { user: id, by: by.user() }).await?;
        tx.record(Change::of(AuditAction::UserRemoved).done_to(id)).await?;
        tx.commit().await
    }
}

impl Transaction<'_> {
    /// Refuses to go on unless the user is an administrator now, whatever they were when they asked.
    pub(crate) async fn only_admin(&mut self, by: Access) -> Result<(), StoreError> {
        let select = sql("SELECT id FROM \"user\" WHERE id = $1 AND role = 'admin' AND deactivated_at IS NULL \
                          AND removed_at IS NULL");
        self.one::<UserId>(select.bind(by.user())).await?.map(drop).ok_or(StoreError::AdminsOnly)
    }

    /// Refuses to go on if nobody else could administer this Berth without this user.
    async fn leave_an_administrator(&mut self, without: &User) -> Result<(), StoreError> {
        if without.role != Role::Admin || without.deactivated_at.is_some() {
            return Ok(());
        }
        let others = sql("SELECT EXISTS (SELECT 1 FROM \"user\" WHERE role = 'admin' AND id <> $1 \
                          AND deactivated_at IS NULL AND removed_at IS NULL)");
        if self.one(others.bind(without.id)).await?.unwrap_or(false) { Ok(()) } else { Err(LAST_ADMINISTRATOR) }
    }

    /// Ends a user's sessions and every link that would lead them, or whom they invited, in.
    async fn shut_out(&mut self, by: UserId, id: UserId) -> Result<(), StoreError> {
        self.withdraw_password_links(by, id).await?;
        self.withdraw_links_made_by(by, id).await?;
        self.end_sessions(id, None).await?;
        self.end_api_tokens(by, id).await?;
        Ok(())
    }

    async fn transfer_projects(&mut self, by: UserId, from: UserId, to: UserId) -> Result<(), StoreError> {
        const NO_HEIR: StoreError =
            StoreError::Conflict("the projects can go to another active user only; there is none with that id");
        if from == to {
            return Err(NO_HEIR);
        }
        self.only_active(to).await.map_err(|error| match error {
            StoreError::Deactivated => NO_HEIR,
            other => other,
        })?;
        // Whoever leaves knows them.
        let hooks = sql("DELETE FROM deploy_hook WHERE project_id IN (SELECT id FROM project WHERE user_id = $1)");
        self.run(hooks.bind(from)).await?;
        let transfer = sql("UPDATE project SET user_id = $2, updated_at = $3, hook_secret = NULL WHERE user_id = $1 \
                            AND deleted_at IS NULL RETURNING id");
        let moved: Vec<ProjectId> = self.all(transfer.bind(from).bind(to).bind(self.now)).await?;
        for project in moved {
            let told = EventPayload::ProjectTransferred { project, from, to, by };
            self.event(to, Some(project), &told).await?;
            self.record(Change::of(AuditAction::ProjectTransferred).of_project(project).done_to(to)).await?;
        }
        Ok(())
    }
}
