//! Plans for the API before there is a project: by the build engine, in a directory that nobody else uses.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use berth_api::{Detecting, Detection, DetectionError, DetectionRequest, Detector, SourceToken};
use berth_build_engine::detect::ProjectSettings;
use berth_build_engine::source::Credentials;
use berth_build_engine::{BuildEngine, BuildError};
use tokio_util::sync::CancellationToken;

use crate::data_dir::DataDir;

/// The build engine as the API asks it.
pub(crate) struct EngineDetector {
    builds: BuildEngine,
    directory: PathBuf,
    begun: Arc<AtomicU64>,
}

impl EngineDetector {
    /// Detects in the data directory; what an earlier process left there is removed.
    pub(crate) fn new(builds: BuildEngine, data: &DataDir) -> Result<Self> {
        Ok(Self { builds, directory: data.empty_directory("detections")?, begun: Arc::default() })
    }
}

impl Detector for EngineDetector {
    fn detect(&self, wanted: DetectionRequest, cancel: CancellationToken) -> Detecting {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let (builds, directory) = (self.builds.clone(), self.directory.join(number.to_string()));
        Box::pin(async move { detect(&builds, wanted, &directory, &cancel).await })
    }
}

async fn detect(
    builds: &BuildEngine,
    wanted: DetectionRequest,
    directory: &Path,
    cancel: &CancellationToken,
) -> Result<Detection, DetectionError> {
    let wanted = berth_build_engine::DetectionRequest {
        repo_url: wanted.repo_url,
        branch: wanted.branch,
        credentials: wanted.token.map(|token| match token {
            SourceToken::Account(token) => Credentials::of_account(token),
            SourceToken::Project(token, user) => Credentials::of_project(user, token),
        }),
        settings: ProjectSettings {
            install_command: wanted.install_command,
            build_command: wanted.build_command,
            output_directory: wanted.output_directory,
            root_directory: wanted.root_directory,
            node_version: wanted.node_version,
        },
    };
    match builds.detect(wanted, directory, cancel).await {
        Ok(berth_build_engine::Detection { commit, plan, refusal }) => Ok(Detection { commit, plan, refusal }),
        Err(BuildError::Theirs(failure, _)) => Err(DetectionError::Theirs(failure)),
        Err(BuildError::Canceled) => Err(DetectionError::Canceled),
        Err(error) => Err(DetectionError::Ours(error.into())),
    }
}
