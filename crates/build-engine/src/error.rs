//! How a build ends without an artifact: the owner's fault, Berth's, or nobody's.

use berth_model::{Failure, FailureCode, Reason};
use berth_runtime::RuntimeError;
use berth_store::StoreError;

/// Why there is no artifact.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The repository, its settings or its commands caused it: shown to the owner, final.
    #[error("{}", .0.title)]
    Theirs(Box<Failure>, Option<i64>),
    /// Somebody asked for it, or the worker is shutting down.
    #[error("the build was stopped")]
    Canceled,
    /// The commit's message, which was not known before, asks for no build.
    #[error("{0}")]
    Skipped(Reason),
    /// Another worker holds the build now: whatever this one still has is to be dropped, nothing recorded.
    #[error("the build's lease was lost")]
    LeaseLost,
    /// Nothing in the repository caused it: logged, and tried once more if that can help.
    #[error("{source}")]
    Ours {
        /// What happened; for the log of the server, never for an answer.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// Whether trying again can help.
        retryable: bool,
    },
}

impl BuildError {
    /// A failure that the owner reads, without an exit code.
    pub(crate) fn theirs(code: FailureCode, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Failure::new(code, title, detail).into()
    }

    /// A fault of ours that trying again can cure (a full disk, a lost connection).
    pub(crate) fn ours(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Ours { source: source.into(), retryable: true }
    }

    /// A fault of ours that would come back (a broken stored value).
    pub(crate) fn ours_for_good(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Ours { source: source.into(), retryable: false }
    }
}

impl From<Failure> for BuildError {
    fn from(failure: Failure) -> Self {
        Self::Theirs(Box::new(failure), None)
    }
}

impl From<StoreError> for BuildError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::LeaseLost => Self::LeaseLost,
            error if error.is_unavailable() => Self::ours(error),
            error => Self::ours_for_good(error),
        }
    }
}

impl From<RuntimeError> for BuildError {
    fn from(error: RuntimeError) -> Self {
        let retryable = error.is_transient();
        Self::Ours { source: error.into(), retryable }
    }
}
