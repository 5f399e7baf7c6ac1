//! GitHub: the part of its API that Berth uses, and what Berth reports to it.
//!
//! [`Github`] is the client (`client`); it knows no project and no database. [`Reporter`] (`report`) follows the event
//! log and tells GitHub how builds, deployments and pull requests stand.
//! [`HookKeeper`] (`keeper`) keeps each repository's hook what it should be.
//!
//! What is deliberately not here: no sign-in (the API's OAuth exchange is a conversation with a browser), no route, no
//! git, no task of its own: the worker drives the reporter. Deliveries from GitHub are read by the API.

mod client;
mod keeper;
mod report;

pub use client::{
    Account, Branch, Comment, Commenter, CommitState, CommitStatus, DeploymentState, DeploymentStatus, Github,
    GithubError, Hook, LONGEST_DESCRIPTION, NewDeployment, Owner, Page, RECONNECT, Repository, RepositoryName, TIMEOUT,
    is_github_login,
};
pub use keeper::{HookKeeper, HookState};
pub use report::{Addresses, Reporter};
