//! The exact commit, as shallow as the server allows.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use berth_model::{BranchName, BuildLimits, Commit, CommitHash, skip_word};
use git2::{AutotagOption, Direction, FetchOptions, Oid, Remote, RemoteCallbacks, Repository, RepositoryInitOptions};
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::transport::{Address, TOO_LARGE};
use super::{Fetched, failures, tree};
use crate::BuildError;

/// How many commits behind the head are looked at before the whole branch is.
const SOME_COMMITS: i32 = 50;
/// libgit2's word for no limit.
const ALL_COMMITS: i32 = 0;

/// Where a repository shows the commits of a pull request: the two forms that hosts have, and nothing else.
pub(super) struct PullRequestReference(String);

/// Reads a stored reference.
pub(super) fn pull_request_reference(text: &str) -> Result<PullRequestReference, BuildError> {
    let number = text
        .strip_suffix("/head")
        .and_then(|text| text.strip_prefix("refs/pull/").or_else(|| text.strip_prefix("refs/merge-requests/")));
    match number {
        Some(number) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
            Ok(PullRequestReference(text.to_owned()))
        }
        _ => Err(BuildError::ours_for_good("a reference that is no pull request's")),
    }
}

/// A fetch, as it is handed to its thread.
pub(super) struct Work {
    pub(super) connection: Arc<Connection>,
    pub(super) branch: BranchName,
    /// Where a stranger's commit is.
    pub(super) pull_request: Option<PullRequestReference>,
    pub(super) commit: Option<CommitHash>,
    pub(super) limits: BuildLimits,
    pub(super) directory: PathBuf,
    pub(super) cancel: CancellationToken,
}

impl Work {
    /// Fetches and lists; leaves nothing behind when it fails.
    pub(super) fn run(self) -> Result<Fetched, BuildError> {
        let outcome = self.fetch_and_list();
        if outcome.is_err() {
            crate::files::remove_directory(&self.directory);
        }
        if self.cancel.is_cancelled() { outcome.and(Err(BuildError::Canceled)) } else { outcome }
    }

    fn fetch_and_list(&self) -> Result<Fetched, BuildError> {
        let (repository, id) = self.fetch()?;
        let (commit, skip) = describe(&repository, id)?;
        let listing = tree::list(&repository, id, &self.limits, &self.cancel)?;
        let (checkout, notes) = listing.into_checkout(repository, self.directory.clone());
        Ok(Fetched { commit, skip, checkout, notes })
    }

    /// The commit's objects in a bare repository: the wanted commit alone where the server gives it out, else as much
    /// of the branch as it takes to find it.
    fn fetch(&self) -> Result<(Repository, Oid), BuildError> {
        if let Some(PullRequestReference(reference)) = &self.pull_request {
            return self.fetch_of_a_stranger(reference);
        }
        let repository = self.bare_repository("repository")?;
        let head = head(&self.connection, &self.branch_reference(), &self.cancel)?;
        let wanted = match &self.commit {
            Some(commit) => Oid::from_str(commit.as_str()).map_err(BuildError::ours_for_good)?,
            None => match &head {
                Head::At(id) => *id,
                Head::Missing(existing) => return Err(missing(&self.connection, &self.branch, existing)),
            },
        };
        if matches!(head, Head::At(id) if id == wanted) {
            self.download(&repository, &self.branch_spec(), 1)?;
            // Not if somebody pushed since the look at where the branch is.
            if tree::has_commit(&repository, wanted)? {
                return Ok((repository, wanted));
            }
        }
        if self.gives_out(&repository, wanted)? {
            return Ok((repository, wanted));
        }
        let Head::At(_) = head else { return Err(self.commit_gone()) };
        for (name, depth) in [("recent", SOME_COMMITS), ("whole", ALL_COMMITS)] {
            let deeper = self.bare_repository(name)?;
            self.download(&deeper, &self.branch_spec(), depth)?;
            if tree::has_commit(&deeper, wanted)? {
                return Ok((deeper, wanted));
            }
        }
        Err(self.commit_gone())
    }

    /// The commit that somebody approved, and no other: where the pull request has moved on, nothing is fetched.
    fn fetch_of_a_stranger(&self, reference: &str) -> Result<(Repository, Oid), BuildError> {
        let Some(commit) = &self.commit else {
            return Err(BuildError::ours_for_good("a stranger's commit without its hash"));
        };
        let wanted = Oid::from_str(commit.as_str()).map_err(BuildError::ours_for_good)?;
        match head(&self.connection, reference, &self.cancel)? {
            Head::At(id) if id == wanted => {}
            Head::At(_) => return Err(failures::pull_request_moved(commit, &self.branch)),
            Head::Missing(_) => return Err(failures::pull_request_gone(&self.branch)),
        }
        let repository = self.bare_repository("repository")?;
        self.download(&repository, &format!("{reference}:refs/heads/wanted"), 1)?;
        if tree::has_commit(&repository, wanted)? {
            Ok((repository, wanted))
        } else {
            Err(failures::pull_request_moved(commit, &self.branch))
        }
    }

    fn bare_repository(&self, name: &str) -> Result<Repository, BuildError> {
        let mut options = RepositoryInitOptions::new();
        options.bare(true).mkpath(true).external_template(false);
        let made = Repository::init_opts(self.directory.join(name), &options).map_err(BuildError::ours)?;
        berth_model::step!("repository made");
        Ok(made)
    }

    fn branch_reference(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    fn branch_spec(&self) -> String {
        format!("refs/heads/{branch}:refs/heads/{branch}", branch = self.branch)
    }

    /// Whether the server gives out the commit by its id; most large hosts do, a bare `git http-backend` does not.
    fn gives_out(&self, repository: &Repository, wanted: Oid) -> Result<bool, BuildError> {
        match self.download(repository, &format!("{wanted}:refs/heads/wanted"), 1) {
            Ok(()) => tree::has_commit(repository, wanted),
            Err(BuildError::Ours { .. }) => Ok(false),
            // A refusal by status rather than in the protocol: the branch may still have it.
            Err(BuildError::Theirs(failure, _)) if failure.code == berth_model::FailureCode::SourceUnavailable => {
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    fn download(&self, repository: &Repository, spec: &str, depth: i32) -> Result<(), BuildError> {
        let address = Address::of(self.connection.clone())?;
        let mut remote = repository.remote_anonymous(&address.url()).map_err(BuildError::ours)?;
        let mut callbacks = RemoteCallbacks::new();
        callbacks.transfer_progress(|_| !self.cancel.is_cancelled());
        callbacks.sideband_progress(|_| !self.cancel.is_cancelled());
        let mut options = FetchOptions::new();
        options.remote_callbacks(callbacks).download_tags(AutotagOption::None).update_fetchhead(false);
        if depth != ALL_COMMITS {
            options.depth(depth);
        }
        remote.download(&[spec], Some(&mut options)).map_err(|error| self.explain(&error))?;
        berth_model::step!("commit fetched");
        Ok(())
    }

    fn commit_gone(&self) -> BuildError {
        match &self.commit {
            Some(commit) => failures::commit_gone(commit, &self.branch),
            None => failures::empty(&self.connection.host()),
        }
    }

    fn explain(&self, error: &git2::Error) -> BuildError {
        explain(&self.connection, &self.cancel, error)
    }
}

/// Where every branch is. A name that is none of ours is nobody's preview.
pub(super) fn head_commits(
    connection: &Arc<Connection>,
    cancel: &CancellationToken,
) -> Result<HashMap<BranchName, CommitHash>, BuildError> {
    let branches = references(connection, cancel)?.into_iter().filter_map(|(name, id)| {
        let branch = BranchName::parse(name.strip_prefix("refs/heads/")?).ok()?;
        Some((branch, CommitHash::parse(&id.to_string()).ok()?))
    });
    Ok(branches.collect())
}

/// Asks the host where a reference is.
fn head(connection: &Arc<Connection>, wanted: &str, cancel: &CancellationToken) -> Result<Head, BuildError> {
    let references = references(connection, cancel)?;
    if let Some((_, id)) = references.iter().find(|(name, _)| name == wanted) {
        return Ok(Head::At(*id));
    }
    let branch = |(name, _): (String, Oid)| name.strip_prefix("refs/heads/").map(str::to_owned);
    Ok(Head::Missing(references.into_iter().filter_map(branch).collect()))
}

/// Everything that the host shows.
fn references(connection: &Arc<Connection>, cancel: &CancellationToken) -> Result<Vec<(String, Oid)>, BuildError> {
    let address = Address::of(connection.clone())?;
    let explain = |error| explain(connection, cancel, &error);
    let mut remote = Remote::create_detached(address.url()).map_err(BuildError::ours)?;
    let connected = remote.connect_auth(Direction::Fetch, None, None).map_err(explain)?;
    Ok(connected.list().map_err(explain)?.iter().map(|head| (head.name().to_owned(), head.oid())).collect())
}

fn missing(connection: &Connection, branch: &BranchName, existing: &[String]) -> BuildError {
    if existing.is_empty() { failures::empty(&connection.host()) } else { failures::branch_missing(branch, existing) }
}

/// The reason behind an error of libgit2: cancellation, what our transport met, or what the server sent.
fn explain(connection: &Connection, cancel: &CancellationToken, error: &git2::Error) -> BuildError {
    use git2::ErrorClass::{Indexer, Net, Odb, Os, Zlib};
    if cancel.is_cancelled() {
        return BuildError::Canceled;
    }
    if let Some(problem) = connection.take_problem() {
        return problem;
    }
    if error.message().contains(TOO_LARGE) {
        return failures::object_too_large(tree::MOST_FILE_BYTES);
    }
    match error.class() {
        Net | Indexer | Zlib | Odb => failures::cut_off(&connection.host()),
        Os => BuildError::ours(std::io::Error::other(error.message().to_owned())),
        _ => BuildError::ours(git2::Error::new(error.code(), error.class(), error.message())),
    }
}

enum Head {
    At(Oid),
    /// With the branches that there are.
    Missing(Vec<String>),
}

/// What is shown of a commit, and the word by which it asks for no build.
fn describe(repository: &Repository, id: Oid) -> Result<(Commit, Option<&'static str>), BuildError> {
    let commit = repository.find_commit(id).map_err(|_| failures::malformed("the commit cannot be read"))?;
    let text = |bytes: &[u8], most: usize| -> String {
        String::from_utf8_lossy(bytes).chars().filter(|c| *c != '\0').take(most).collect()
    };
    let described = Commit {
        hash: CommitHash::parse(&id.to_string()).map_err(BuildError::ours_for_good)?,
        message: text(commit.message_bytes(), 1_000).trim_end().to_owned(),
        author: text(commit.author().name_bytes(), 200),
    };
    // A long message may say it at its end.
    Ok((described, skip_word(&String::from_utf8_lossy(commit.message_bytes()))))
}
