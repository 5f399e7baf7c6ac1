//! What can go wrong with a source, in the words that its owner reads.

use std::error::Error;
use std::time::Duration;

use berth_model::words::{Bytes, Seconds};
use berth_model::{BranchName, CommitHash, Failure, FailureCode};

use super::client::{ForbiddenAddress, Unresolved};
use super::credentials::Giver;
use crate::BuildError;

fn unavailable(title: impl Into<String>, detail: impl Into<String>) -> BuildError {
    BuildError::theirs(FailureCode::SourceUnavailable, title, detail)
}

/// What another address, token or account would change: `setting` says which.
fn unavailable_by(setting: &str, title: String, detail: String) -> BuildError {
    Failure::new(FailureCode::SourceUnavailable, title, detail).with_setting(setting).into()
}

pub(super) fn forbidden_url(message: &str) -> BuildError {
    BuildError::theirs(FailureCode::SourceForbidden, "the repository's address may not be fetched from", message)
}

/// Names the host only: where a name leads inside the operator's network is not the owner's to learn.
pub(super) fn forbidden_address(host: &str) -> BuildError {
    forbidden_url(&format!(
        "{host} does not lead to a public address; the operator can allow it with BERTH_SOURCE_ALLOW={host}"
    ))
}

/// An error of the HTTP client before or during an answer of `host`.
pub(super) fn http(host: &str, error: &reqwest::Error) -> BuildError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut last = String::new();
    while let Some(inner) = cause {
        if let Some(forbidden) = inner.downcast_ref::<ForbiddenAddress>() {
            return forbidden_address(&forbidden.host);
        }
        if inner.is::<Unresolved>() {
            return unavailable(
                format!("the host {host} was not found"),
                format!("No address is known for {host}. Check the spelling of the repository's address."),
            );
        }
        last = inner.to_string();
        cause = inner.source();
    }
    if error.is_connect() {
        let why = if error.is_timeout() { "no connection in time".to_owned() } else { last };
        unavailable(format!("{host} could not be reached"), format!("Connecting to {host} failed: {why}."))
    } else {
        cut_off(host)
    }
}

pub(super) fn silent(host: &str, silence: Duration) -> BuildError {
    unavailable(
        format!("{host} stopped answering"),
        format!("{host} sent nothing for {}. Rebuild when it is well again.", Seconds(silence)),
    )
}

pub(super) fn cut_off(host: &str) -> BuildError {
    unavailable(
        format!("{host} ended the transfer too early"),
        format!("The connection to {host} broke before the whole commit had arrived. Rebuild to try again."),
    )
}

/// `giver` is whose token was sent along, if one was.
pub(super) fn status(host: &str, path: &str, status: u16, giver: Option<Giver>) -> BuildError {
    let repository = path.trim_matches('/');
    match (status, giver) {
        (401 | 403, Some(Giver::Account)) => unavailable_by(
            "github",
            format!("no access to {repository}"),
            format!(
                "{host} refused the connected account. Check that it can read {repository}, then sign in with \
                 {host} again so that Berth gets a fresh token."
            ),
        ),
        (401 | 403, Some(Giver::Project)) => unavailable_by(
            "repoToken",
            format!("no access to {repository}"),
            format!(
                "{host} refused the project's access token. Check that it has not expired and may read {repository}, \
                 and whether {host} wants a user name with it (repoUser); then set it again as repoToken."
            ),
        ),
        (401 | 403, None) => unavailable_by(
            "repoToken",
            format!("{repository} is private or does not exist"),
            format!(
                "{host} asks for a sign-in before it shows {repository}. Check the address; for a private repository \
                 give the project an access token that can read it (repoToken), or connect the GitHub account that can."
            ),
        ),
        (404 | 410, giver) => unavailable_by(
            "repoUrl",
            format!("{repository} was not found"),
            format!(
                "{host} knows no repository {repository}, or it is private and {}.",
                match giver {
                    Some(Giver::Account) => "the connected account cannot read it",
                    Some(Giver::Project) => "the project's access token (repoToken) cannot read it",
                    None => "the project has no access token that can read it (repoToken)",
                }
            ),
        ),
        (429, _) => {
            unavailable(format!("{host} asks to slow down"), format!("{host} answered 429. Rebuild in a while."))
        }
        (500.., _) => unavailable(
            format!("{host} has a problem"),
            format!("{host} answered {status}. Rebuild when it is well again."),
        ),
        _ => unavailable(
            format!("{host} answered {status}"),
            format!("{host} answered {status} where a git repository was expected. Check the repository's address."),
        ),
    }
}

pub(super) fn not_git(host: &str) -> BuildError {
    unavailable(
        "there is no git repository at this address",
        format!("{host} answered, but not in git's smart HTTP protocol. Check the repository's address."),
    )
}

pub(super) fn redirect(host: &str, to: Option<&str>) -> BuildError {
    let to = to.unwrap_or("an unreadable address");
    BuildError::theirs(
        FailureCode::SourceForbidden,
        "the repository's address leads to another host",
        format!("{host} redirects to {to}. Berth does not follow; set the repository's address to where it is now."),
    )
}

pub(super) fn too_many_redirects(host: &str) -> BuildError {
    unavailable("the repository's address leads in circles", format!("{host} redirected more than five times."))
}

pub(super) fn too_large(limit: u64) -> BuildError {
    BuildError::theirs(
        FailureCode::SourceTooLarge,
        format!("the repository is larger than {}", Bytes(limit)),
        format!("Fetching was stopped at the limit of {}. Keep large files out of git (LFS, releases).", Bytes(limit)),
    )
}

pub(super) fn object_too_large(limit: u64) -> BuildError {
    BuildError::theirs(
        FailureCode::SourceTooLarge,
        format!("an object of the repository is larger than {}", Bytes(limit)),
        "Fetching was stopped. Keep large files out of git (LFS, releases).",
    )
}

pub(super) fn unpacks_too_large(limit: u64) -> BuildError {
    BuildError::theirs(
        FailureCode::SourceTooLarge,
        format!("the repository unpacks to more than {}", Bytes(limit)),
        "Fetching was stopped. Keep large files out of git (LFS, releases).",
    )
}

pub(super) fn too_many_objects(limit: u64) -> BuildError {
    BuildError::theirs(
        FailureCode::SourceTooLarge,
        format!("the host sent more than {limit} objects"),
        "Fetching was stopped. The head of a branch takes the objects of one commit only: build that.",
    )
}

pub(super) fn too_many_references(host: &str) -> BuildError {
    BuildError::theirs(
        FailureCode::SourceTooLarge,
        "the repository has too many branches and tags",
        format!("The list of references that {host} sent is larger than 16 MiB."),
    )
}

pub(super) fn checkout_too_large(limit: u64) -> BuildError {
    BuildError::theirs(
        FailureCode::SourceTooLarge,
        format!("the checkout is larger than {}", Bytes(limit)),
        format!("The files of the commit add up to more than the limit of {}.", Bytes(limit)),
    )
}

pub(super) fn too_many_files(limit: u64) -> BuildError {
    BuildError::theirs(
        FailureCode::SourceTooLarge,
        format!("the checkout has more than {limit} files"),
        format!("The commit holds more than {limit} files and directories. Keep installed dependencies out of git."),
    )
}

pub(super) fn file_too_large(path: &str, limit: u64) -> BuildError {
    BuildError::theirs(
        FailureCode::SourceTooLarge,
        format!("{path} is larger than {}", Bytes(limit)),
        format!("One file of a commit can have {}. Keep large files out of git (LFS, releases).", Bytes(limit)),
    )
}

pub(super) fn malformed(what: &str) -> BuildError {
    BuildError::theirs(
        FailureCode::BadRepository,
        "the commit's files are malformed",
        format!("{what}. Git's own tools do not make such a commit; `git fsck` shows more."),
    )
}

pub(super) fn malformed_pack(what: &str) -> BuildError {
    BuildError::theirs(
        FailureCode::BadRepository,
        "the repository's objects are malformed",
        format!("The host sent a pack that git's own tools do not make: {what}. `git fsck` shows more."),
    )
}

pub(super) fn empty(host: &str) -> BuildError {
    unavailable("the repository is empty", format!("{host} knows the repository, but it has no commit yet."))
}

pub(super) fn branch_missing(branch: &BranchName, existing: &[String]) -> BuildError {
    let mut shown: Vec<&str> = existing.iter().map(String::as_str).take(10).collect();
    if existing.len() > shown.len() {
        shown.push("…");
    }
    let error = Failure::new(
        FailureCode::SourceUnavailable,
        format!("there is no branch {branch}"),
        format!("The repository has: {}. Set the project's branch to one of them.", shown.join(", ")),
    );
    error.with_setting("branch").into()
}

pub(super) fn pull_request_moved(commit: &CommitHash, branch: &BranchName) -> BuildError {
    let short = commit.short();
    unavailable(
        format!("the pull request moved on from {short}"),
        format!(
            "{branch} is at another commit by now, which nobody has approved. Approve the newer build instead; only \
             what was approved is fetched."
        ),
    )
}

pub(super) fn pull_request_gone(branch: &BranchName) -> BuildError {
    unavailable(
        format!("the repository no longer shows {branch}"),
        "The pull request was removed, or the host does not show the commits of forks to the project's token.",
    )
}

pub(super) fn commit_gone(commit: &CommitHash, branch: &BranchName) -> BuildError {
    let short = commit.short();
    unavailable(
        format!("commit {short} is no longer on branch {branch} (force-pushed?)"),
        format!("{branch} was looked through, and the host gives out no other commits. Push again, or build the head."),
    )
}
