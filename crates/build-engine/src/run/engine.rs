//! What all builds share: limits, Docker, the store, the key ring, the client for sources.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use berth_model::{BranchName, BuildLimits, CommitHash, RepoUrl, ServiceMaximum, SourceAllow};
use berth_runtime::Engine;
use berth_secrets::KeyRing;
use berth_store::{Claimed, Project, RepoAccess, Store};
use url::Url;

use super::{BuildRun, Progress};
use crate::BuildError;
use crate::failure::does_not_open;
use crate::log::{BuildLog, LogOwner};
use crate::source::{Credentials, Source, SourceTimeouts};

/// The name under which a user's GitHub token is sealed.
const GITHUB_TOKEN: &str = "github";
/// How long a host may take to say where a branch is.
const HEAD_WITHIN: Duration = Duration::from_secs(15);

/// What a build engine is told when it is made.
#[derive(Clone, Debug)]
pub struct BuildEngineConfig {
    /// What one build may use.
    pub limits: BuildLimits,
    /// What a repository may ask for its services.
    pub service_maximum: ServiceMaximum,
    /// Where builds leave their output: on the file system of the releases.
    pub staging: PathBuf,
    /// Where sources may be fetched from besides public addresses (`BERTH_SOURCE_ALLOW`).
    pub source_allow: SourceAllow,
    /// How patient fetching is.
    pub source_timeouts: SourceTimeouts,
    /// Repositories under this address are fetched with their owner's GitHub token (`GITHUB_URL`), unless the project
    /// has one of its own.
    pub github_url: Url,
}

/// Runs builds. Cheap to clone.
#[derive(Clone)]
pub struct BuildEngine(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) config: BuildEngineConfig,
    pub(super) engine: Engine,
    pub(super) store: Store,
    pub(super) keys: Arc<KeyRing>,
    pub(super) source: Source,
}

impl std::fmt::Debug for BuildEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildEngine").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl BuildEngine {
    /// An engine; connects to nothing yet.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new(
        config: BuildEngineConfig,
        engine: Engine,
        store: Store,
        keys: Arc<KeyRing>,
    ) -> Result<Self, BuildError> {
        let source = Source::new(config.source_allow.clone(), config.source_timeouts)?;
        Ok(Self(Arc::new(Inner { config, engine, store, keys, source })))
    }

    /// Where all branches of a project's repository are now, by one request: what was missed while nothing listened is
    /// built then.
    ///
    /// # Errors
    /// Theirs if the host does not say; within a minute.
    pub async fn remote_heads(&self, project: &Project) -> Result<HashMap<BranchName, CommitHash>, BuildError> {
        let source = source_of(project)?;
        let credentials = self.credentials_for(project).await?;
        let asked = self.0.source.heads(source, credentials.as_ref());
        tokio::time::timeout(HEAD_WITHIN, asked).await.unwrap_or_else(|elapsed| Err(BuildError::ours(elapsed)))
    }

    /// The project's own token, else, for repositories at GitHub only, its owner's.
    pub(super) async fn credentials_for(&self, project: &Project) -> Result<Option<Credentials>, BuildError> {
        let Inner { config, store, keys, .. } = &*self.0;
        if let (Some(RepoAccess { token, user }), Some(origin)) = (&project.repo_access, project.repo_origin()) {
            // Sealed for this host: with another address in the row it would not open.
            let token = keys.open_repo_token(project.id, &origin, token);
            let credentials = token.map(|token| Credentials::of_project(user.clone(), token));
            let what = "the access token of the repository";
            return credentials.map(Some).map_err(|why| does_not_open(what, "repoToken", &why).into());
        }
        if project.repository_under(&config.github_url).is_none() {
            return Ok(None);
        }
        let sealed = store.github_token(project.user).await?;
        let open = sealed.map(|sealed| keys.open_for_user(project.user, GITHUB_TOKEN, &sealed));
        let token = open.transpose().map_err(|why| does_not_open("your access to GitHub", "github", &why))?;
        Ok(token.map(Credentials::of_account))
    }

    /// Opens the log of a claimed build.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(&self, claimed: Claimed) -> Result<BuildRun, BuildError> {
        let owner = LogOwner { user: claimed.project.user, project: claimed.project.id, build: claimed.build.id };
        let log = Arc::new(BuildLog::begin(&self.0.store, owner, self.0.config.limits.log).await?);
        let progress = Progress::begin(self.0.store.clone(), claimed.lease.clone(), log.clone());
        Ok(BuildRun { engine: self.clone(), claimed, log, progress, has_kept_images: false })
    }
}

/// Where a project's source is. Nobody queues a build of one that has none.
pub(super) fn source_of(project: &Project) -> Result<&RepoUrl, BuildError> {
    project.source().map_err(BuildError::ours_for_good)
}
