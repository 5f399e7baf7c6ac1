//! A plan before the first build: the head of a branch is fetched and planned, and nothing of it stays.

use std::path::Path;

use berth_model::{BranchName, Commit, Failure, Plan, RepoUrl};
use tokio_util::sync::CancellationToken;

use super::BuildEngine;
use crate::BuildError;
use crate::detect::{ProjectSettings, detect, refusal};
use crate::source::{Credentials, FetchRequest};

/// What is to be planned.
#[derive(Clone, Debug)]
pub struct DetectionRequest {
    /// The repository; judged like a project's.
    pub repo_url: RepoUrl,
    /// Its head is planned.
    pub branch: BranchName,
    /// What opens the repository, if it needs opening.
    pub credentials: Option<Credentials>,
    /// What the project would be set to.
    pub settings: ProjectSettings,
}

/// What a build of a branch's head would do.
#[derive(Clone, Debug)]
pub struct Detection {
    /// The head.
    pub commit: Commit,
    /// Its plan.
    pub plan: Plan,
    /// Why the plan is not carried out, where nothing would start what it names, or it asks for too much.
    pub refusal: Option<Failure>,
}

impl BuildEngine {
    /// Fetches a branch's head into `directory` (made here, gone when this ends however it ends) and plans it, within
    /// the limits of a build's source and until `cancel`.
    ///
    /// # Errors
    /// Theirs for everything that the address, the host, the branch, the files or the settings cause.
    pub async fn detect(
        &self,
        wanted: DetectionRequest,
        directory: &Path,
        cancel: &CancellationToken,
    ) -> Result<Detection, BuildError> {
        let DetectionRequest { repo_url, branch, credentials, settings } = wanted;
        let request = FetchRequest {
            url: &repo_url,
            branch: &branch,
            fork: None,
            commit: None,
            credentials: credentials.as_ref(),
        };
        let fetched = self.0.source.fetch(request, &self.0.config.limits, directory, cancel).await?;
        let (checkout, most) = (fetched.checkout, self.0.config.service_maximum);
        let planning = tokio::task::spawn_blocking(move || {
            let plan = detect(&checkout, &settings)?;
            let refusal = refusal(&plan, &most);
            Ok((plan, refusal))
        });
        let planned: Result<_, Failure> = planning.await.map_err(BuildError::ours)?;
        let (plan, refusal) = planned?;
        Ok(Detection { commit: fetched.commit, plan, refusal })
    }
}
