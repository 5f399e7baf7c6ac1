//! What a build hands to the deploy engine.

use std::path::PathBuf;

use crate::{RunningService, ServiceName, ServicePart, ServiceRoute, ServiceSpec};

/// Static files in a staging directory: regular files (0644) and directories (0755) only, within the limits.
/// The directory is on the same file system as the releases, and belongs to whoever holds the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The staging directory.
    pub directory: PathBuf,
    /// How many regular files it holds.
    pub files: u64,
    /// Their sizes added up, in bytes.
    pub bytes: u64,
    /// `Some(true | false)`: the project's setting for the SPA fallback; `None`: decided by the files.
    pub spa_fallback: Option<bool>,
}

/// One service as its build left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltService {
    /// Its name.
    pub name: ServiceName,
    /// What it answers of the project's address.
    pub routes: Vec<ServiceRoute>,
    /// What there is to serve.
    pub part: BuiltPart,
}

/// Files, or what starts a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuiltPart {
    /// A static service's files.
    Files(Artifact),
    /// A running service's image, kept, and how it starts.
    Running(RunningService),
}

impl BuiltService {
    /// Files that are the whole of a project.
    #[must_use]
    pub fn site(files: Artifact) -> Self {
        Self { name: ServiceName::only(), routes: vec![ServiceRoute::everything()], part: BuiltPart::Files(files) }
    }

    /// Its files, if it is static.
    #[must_use]
    pub fn files(&self) -> Option<&Artifact> {
        match &self.part {
            BuiltPart::Files(files) => Some(files),
            BuiltPart::Running(_) => None,
        }
    }

    /// What is kept of it with the deployment.
    #[must_use]
    pub fn spec(&self) -> ServiceSpec {
        let part = match &self.part {
            BuiltPart::Files(_) => ServicePart::Static,
            BuiltPart::Running(running) => ServicePart::Running(running.clone()),
        };
        ServiceSpec { name: self.name.clone(), routes: self.routes.clone(), part }
    }
}
