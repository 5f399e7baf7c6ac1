//! What can go wrong with a release; the edge answers 503 for it and goes on serving the others.

use std::io;

/// A release that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// The index exists and is not usable.
    #[error("the index of the release is damaged: {what}; publish the project again")]
    Corrupt {
        /// What does not fit.
        what: &'static str,
    },
    /// The index could not be read.
    #[error("the index of the release cannot be read")]
    Unreadable(#[from] io::Error),
}
