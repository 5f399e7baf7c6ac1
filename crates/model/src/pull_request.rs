//! Pull requests (merge requests at GitLab), as far as builds and previews know them.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The pull request that a build is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: i64,
    /// Where its commits come from, if that is not the project's own repository.
    pub fork: Option<Fork>,
}

/// Somebody else's copy of the repository. What comes from there was written by a stranger: it is built only when
/// somebody says so, and sees no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fork {
    /// The name that its host gives it: `mallory/shop`. Shown, never fetched from.
    pub repository: String,
    /// Where the project's own repository shows its commits: `refs/pull/7/head`.
    pub reference: String,
}

/// What happened to a pull request, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PullRequestAction {
    /// It is new.
    Opened,
    /// Its branch has another head.
    Updated,
    /// It had been closed.
    Reopened,
    /// Its title or text changed.
    Edited,
    /// It is over, merged or not.
    Closed,
}

impl fmt::Display for PullRequestAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::Reopened => "reopened",
            Self::Edited => "edited",
            Self::Closed => "closed",
        })
    }
}
