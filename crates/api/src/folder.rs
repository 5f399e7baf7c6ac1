//! Folders that are deployed. The API says who may and for which project; the server, which has the engines, does it.

use std::future::Future;
use std::io;
use std::pin::Pin;

use berth_model::{Access, ApiTokenId, Failure};
use berth_store::{Deployment, FolderOf, StoreError};
use bytes::Bytes;
use futures_util::Stream;

/// An archive as it comes in.
pub type FolderArchive = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// What is to be deployed.
pub struct FolderRequest {
    /// On whose behalf.
    pub access: Access,
    /// By which API token, if by one: it has to stand when the folder has come in, too.
    pub token: Option<ApiTokenId>,
    /// For which project.
    pub of: FolderOf,
    /// Whether unknown paths answer with the start page; `None`: as the project is set, or the files decide.
    pub spa_fallback: Option<bool>,
    /// A tar archive, plain or compressed by gzip or zstd.
    pub archive: FolderArchive,
}

/// A folder that visitors get.
#[derive(Clone, Debug)]
pub struct DeployedFolder {
    /// Its deployment.
    pub deployment: Deployment,
    /// Whether the project was made for it.
    pub is_new: bool,
    /// What its log says.
    pub log: Vec<String>,
}

/// Why a folder is not deployed.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The archive is not one of a folder, or too large; nothing was kept or written down.
    #[error("{}", .0.title)]
    Refused(Box<Failure>),
    /// It came in whole and cannot be published; its build says so.
    #[error("{}", .0.title)]
    Unpublishable(Box<Failure>),
    /// It was published and did not go live; why, for people.
    #[error("{0}")]
    NotLive(String),
    /// It is published, and nobody knows yet whether it went live.
    #[error("it is published, and not confirmed live yet; look again shortly")]
    Unconfirmed,
    /// There is no room, too much is under way, or the database is away; what, for people.
    #[error("{0}")]
    NotNow(String),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Berth's own fault.
    #[error("{0}")]
    Ours(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a [`FolderPublisher`] answers with.
pub type DeployingFolder = Pin<Box<dyn Future<Output = Result<DeployedFolder, FolderError>> + Send>>;

/// Unpacks a folder while it comes in, publishes it and puts it live. The server has the one for production; tests of the
/// API answer by themselves.
pub trait FolderPublisher: Send + Sync {
    /// Answers once visitors get it. Dropped before the archive is in, it leaves nothing; afterwards it goes on.
    fn deploy(&self, wanted: FolderRequest) -> DeployingFolder;
}
