//! Where a sealed value belongs: part of what is sealed, so that it opens nowhere else.

use std::fmt;

use berth_model::{ProjectId, UserId};

/// What a sealed value is, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A variable of a project, by its key.
    Variable {
        /// The project.
        project: ProjectId,
        /// The variable's key.
        key: String,
    },
    /// The access token of a project's repository, for one origin (`https://git.example.org`).
    RepoToken {
        /// The project.
        project: ProjectId,
        /// Scheme, host and port of the repository.
        origin: String,
    },
    /// The secret of a project's own hook.
    HookSecret {
        /// The project.
        project: ProjectId,
    },
    /// Something of a user.
    User {
        /// The user.
        user: UserId,
        /// What it is: `github` for the token of GitHub's API.
        name: String,
    },
    /// Something of the installation.
    Instance {
        /// What it is.
        name: String,
    },
}

impl Place {
    /// The additional data of the seal. What is stored was sealed with exactly this text: it never changes. No
    /// variable's key has a space, so that no two kinds of place ever meet.
    pub(crate) fn sealed_as(&self) -> String {
        match self {
            Self::Variable { project, key } => format!("project:{project}:{key}"),
            Self::RepoToken { project, origin } => format!("project:{project}:repository at {origin}"),
            Self::HookSecret { project } => format!("project:{project}:secret of its hook"),
            Self::User { user, name } => format!("user:{user}:{name}"),
            Self::Instance { name } => format!("instance:{name}"),
        }
    }
}

/// For people.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable { project, key } => write!(f, "the variable {key} of project {project}"),
            Self::RepoToken { project, .. } => write!(f, "the access token of project {project}'s repository"),
            Self::HookSecret { project } => write!(f, "the secret of project {project}'s hook"),
            Self::User { user, name } => write!(f, "the {name} token of user {user}"),
            Self::Instance { name } => write!(f, "the installation's {name}"),
        }
    }
}
