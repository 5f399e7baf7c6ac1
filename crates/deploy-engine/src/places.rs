//! Where things lie below the deployments directory.

use std::path::{Path, PathBuf};

use berth_model::{DeploymentId, ProjectId};

/// The deployments directory.
#[derive(Clone, Debug)]
pub(crate) struct Places(PathBuf);

impl Places {
    pub(crate) fn below(deployments: &Path) -> Self {
        Self(deployments.to_owned())
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// The table of hosts.
    pub(crate) fn routes(&self) -> PathBuf {
        self.0.join("routes")
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.0.join(".staging")
    }

    pub(crate) fn trash(&self) -> PathBuf {
        self.0.join(".trash")
    }

    pub(crate) fn releases(&self) -> PathBuf {
        self.0.join(".releases")
    }

    /// All releases of a project.
    pub(crate) fn project(&self, project: ProjectId) -> PathBuf {
        self.releases().join(project.to_string())
    }

    pub(crate) fn release(&self, project: ProjectId, deployment: DeploymentId) -> PathBuf {
        self.project(project).join(deployment.to_string())
    }

    /// A release as a link in the deployments directory points to it: relative, so that the directory can move.
    pub(crate) fn link_target(project: ProjectId, deployment: DeploymentId) -> PathBuf {
        Path::new(".releases").join(project.to_string()).join(deployment.to_string())
    }
}
