//! What can go wrong between an artifact and a live site, parted into their fault and ours.

use std::io;

use berth_model::{Failure, FailureCode, ServiceName};
use berth_runtime::RuntimeError;
use berth_store::StoreError;

/// A release that was not published, or not put live.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The artifact cannot be published as it is: shown to its owner, final.
    #[error("{}", .0.title)]
    Theirs(Failure),
    /// The database said no, or nothing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Docker did.
    #[error(transparent)]
    Docker(#[from] RuntimeError),
    /// What is needed is away for now.
    #[error("{0}")]
    Away(String),
    /// The disk did.
    #[error("{what}")]
    Disk {
        /// What was being done; no path.
        what: &'static str,
        /// For the log.
        #[source]
        source: io::Error,
    },
}

impl DeployError {
    pub(crate) fn disk(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { what, source }
    }

    /// The same, with the name of the service that it is about.
    pub(crate) fn of_service(self, service: &ServiceName) -> Self {
        match self {
            Self::Theirs(mut failure) => {
                failure.title = format!("{service}: {}", failure.title);
                // A field of the project's settings is for projects of one service.
                failure.setting = None;
                Self::Theirs(failure)
            }
            error => error,
        }
    }

    /// The failure to show to the project's owner: theirs, or a disk that is full. `None`: ours, for the log.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Theirs(failure) => Some(failure.clone()),
            Self::Disk { source, .. }
                if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                Some(Failure::new(
                    FailureCode::NoSpace,
                    "the disk of this Berth is full",
                    "The build passed, but there is no room to publish it. The version that was live stays live. \
                     Ask the operator for more disk, then rebuild.",
                ))
            }
            Self::Store(_) | Self::Docker(_) | Self::Away(_) | Self::Disk { .. } => None,
        }
    }

    /// Whether trying again later may help: the database is away.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_unavailable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c2_a_full_disk_is_told_to_the_owner_and_other_faults_are_not() {
        let of = |kind: io::ErrorKind| DeployError::disk("x")(kind.into()).failure().map(|failure| failure.code);
        assert_eq!(of(io::ErrorKind::StorageFull), Some(FailureCode::NoSpace));
        assert_eq!(of(io::ErrorKind::PermissionDenied), None);
        assert!(DeployError::Store(StoreError::LeaseLost).failure().is_none());
    }
}
