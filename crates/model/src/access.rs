//! Who asks. Made once per request from the session; every scoped query takes it, never a bare user id.

use serde::{Deserialize, Serialize};

use crate::UserId;

/// What a user may do beyond their own projects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Access {
    /// The access of a signed-in user.
    #[must_use]
    pub fn of(user: UserId, role: Role) -> Self {
        Self { user, role }
    }

    /// The user on whose behalf the request runs.
    #[must_use]
    pub fn user(self) -> UserId {
        self.user
    }

    /// Whether system settings are open to this request.
    #[must_use]
    pub fn is_admin(self) -> bool {
        self.role == Role::Admin
    }
}
