//! A commit becomes a checkout: over smart HTTP, within limits, from addresses that were judged.
//!
//! 1. [`client`]: one HTTP client whose resolver refuses names that lead to addresses the operator has not allowed,
//!    so that the address that was judged is the one connected to;
//! 2. [`credentials`]: the token that goes along, to that host only;
//! 3. [`connection`] and [`transport`]: libgit2 speaks the git protocol over that client and nothing else;
//! 4. [`answers`] and [`pack`]: what the host sends is read along and refused before it makes libgit2 take memory;
//! 5. [`fetch`]: the exact commit, as shallow as the server allows;
//! 6. [`tree`]: its files are listed with their sizes and judged before any of them is read.
//!
//! No ssh, local or `git://` transport, no credential helper, no submodules, no work tree: files are read from the
//! object database, so a malformed tree has nothing outside the checkout to reach.

mod answers;
mod client;
mod connection;
mod credentials;
mod failures;
mod fetch;
mod pack;
#[cfg(test)]
#[path = "../../tests/support/packs.rs"]
mod packs;
mod transport;
mod tree;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use berth_model::{BranchName, BuildLimits, Commit, CommitHash, Fork, RepoUrl, SourceAllow};
use tokio_util::sync::CancellationToken;

use crate::{BuildError, Checkout};
use client::SourceClient;
use connection::Connection;

pub use credentials::Credentials;

/// What a host may send when only a branch's place is asked for.
const MOST_LISTING: u64 = 32 << 20;

/// How patient the client is with a git host.
#[derive(Clone, Copy, Debug)]
pub struct SourceTimeouts {
    /// Until a connection stands, name and TLS included.
    pub connect: Duration,
    /// Between two arrivals of bytes.
    pub silence: Duration,
}

impl Default for SourceTimeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), silence: Duration::from_secs(30) }
    }
}

/// Fetches sources; made once, keeps its connections.
#[derive(Clone, Debug)]
pub struct Source {
    client: SourceClient,
}

/// What is wanted of a repository.
#[derive(Clone, Debug)]
pub struct FetchRequest<'a> {
    /// The stored address, never one from a payload.
    pub url: &'a RepoUrl,
    /// Where the commit is, or was.
    pub branch: &'a BranchName,
    /// Whose commit it is, if it is a stranger's: then the repository's own reference to it is asked for instead of the
    /// branch, and has to be at exactly this commit.
    pub fork: Option<&'a Fork>,
    /// The exact commit; `None`: the branch's head.
    pub commit: Option<&'a CommitHash>,
    /// Sent to the repository's own host only.
    pub credentials: Option<&'a Credentials>,
}

/// A commit and its files.
#[derive(Debug)]
pub struct Fetched {
    /// Which commit it became.
    pub commit: Commit,
    /// The word by which its message asks for no build.
    pub skip: Option<&'static str>,
    /// Its files.
    pub checkout: Checkout,
    /// What was left out, for the log.
    pub notes: Vec<String>,
}

impl Source {
    /// A client that connects to public addresses and to what `allow` lists.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new(allow: SourceAllow, timeouts: SourceTimeouts) -> Result<Self, BuildError> {
        Ok(Self { client: SourceClient::new(allow, timeouts)? })
    }

    /// Fetches a commit into `directory` (made here, removed with the checkout and on every failure).
    ///
    /// # Errors
    /// Theirs for everything that the address, the host, the branch or the files cause; canceled with `cancel`.
    pub async fn fetch(
        &self,
        request: FetchRequest<'_>,
        limits: &BuildLimits,
        directory: &Path,
        cancel: &CancellationToken,
    ) -> Result<Fetched, BuildError> {
        // Dropping this future must end the thread that works for it too.
        let cancel = cancel.child_token();
        let _stop = cancel.clone().drop_guard();
        let client = self.client.clone();
        let connection = Connection::new(client, request.url, request.credentials, limits.clone(), cancel.clone())?;
        let work = fetch::Work {
            connection: Arc::new(connection),
            branch: request.branch.clone(),
            pull_request: request.fork.map(|fork| fetch::pull_request_reference(&fork.reference)).transpose()?,
            commit: request.commit.cloned(),
            limits: limits.clone(),
            directory: directory.to_owned(),
            cancel,
        };
        tokio::task::spawn_blocking(move || work.run()).await.map_err(BuildError::ours)?
    }

    /// Where all branches are, without fetching anything.
    ///
    /// # Errors
    /// Theirs for everything that the address or the host cause.
    pub async fn heads(
        &self,
        url: &RepoUrl,
        credentials: Option<&Credentials>,
    ) -> Result<HashMap<BranchName, CommitHash>, BuildError> {
        let cancel = CancellationToken::new();
        let _stop = cancel.clone().drop_guard();
        let limits = BuildLimits { source_bytes: MOST_LISTING, ..BuildLimits::default() };
        let connection = Connection::new(self.client.clone(), url, credentials, limits, cancel.clone())?;
        let connection = Arc::new(connection);
        let work = tokio::task::spawn_blocking(move || fetch::head_commits(&connection, &cancel));
        work.await.map_err(BuildError::ours)?
    }
}
