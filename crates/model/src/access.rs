//! Who asks. Made once per request from the session or the API token; every scoped query takes it, never a bare user id.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ProjectId, UserId};

/// What a user may do beyond their own projects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// System settings, audit, metrics, users and their invitations.
    Admin,
    /// Their own projects.
    Member,
}

impl Role {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }

    /// Reads what [`Role::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "admin" => Some(Self::Admin),
            "member" => Some(Self::Member),
            _ => None,
        }
    }
}

/// The scope of a query: today one user; teams will change this type and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    user: UserId,
    role: Role,
    only: Option<ProjectId>,
}

impl Access {
    /// The access of a signed-in user.
    #[must_use]
    pub fn of(user: UserId, role: Role) -> Self {
        Self { user, role, only: None }
    }

    /// The access of an API token: never an administrator's, and to one project alone if it was made for one.
    #[must_use]
    pub fn of_token(user: UserId, only: Option<ProjectId>) -> Self {
        Self { user, role: Role::Member, only }
    }

    /// The user on whose behalf the request runs.
    #[must_use]
    pub fn user(self) -> UserId {
        self.user
    }

    /// The one project that this reaches; `None`: all of the user's.
    #[must_use]
    pub fn only(self) -> Option<ProjectId> {
        self.only
    }

    /// Whether this reaches a project of the user's.
    #[must_use]
    pub fn reaches(self, project: ProjectId) -> bool {
        self.only.is_none_or(|only| only == project)
    }

    /// Whether system settings are open to this request.
    #[must_use]
    pub fn is_admin(self) -> bool {
        self.role == Role::Admin
    }
}
