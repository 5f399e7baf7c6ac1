//! The labels on everything that Berth makes in Docker: whose it is, and what may be removed with it.

use std::collections::HashMap;

use berth_model::{BuildId, InstanceId, ProjectId, UserId};

/// The instance that owns the thing. Nothing without it is ever touched.
pub(crate) const INSTANCE: &str = "berth.instance";
/// Which run of the server made it: a sweep leaves alone what its own process made.
pub(crate) const PROCESS: &str = "berth.process";
/// The project it belongs to.
pub(crate) const PROJECT: &str = "berth.project";
/// The pull request from a fork that it belongs to; nothing else may use it.
pub(crate) const PULL_REQUEST: &str = "berth.pull-request";
/// The build it was made by.
pub(crate) const BUILD: &str = "berth.build";
/// The user who owns the project.
pub(crate) const OWNER: &str = "berth.owner";
/// What it is: see [`Kind`].
pub(crate) const KIND: &str = "berth.kind";
/// The deployment that a replica, a command or a network belongs to.
pub(crate) const DEPLOYMENT: &str = "berth.deployment";
/// The service that a replica or a command belongs to.
pub(crate) const SERVICE: &str = "berth.service";
/// Where a replica, a command or a service's volume belongs: `production` or `preview`.
pub(crate) const ENVIRONMENT: &str = "berth.environment";
/// Which of its service's a replica is, from 1.
pub(crate) const REPLICA: &str = "berth.replica";
/// How often its service had been started anew on request when a replica was made.
pub(crate) const GENERATION: &str = "berth.generation";
/// Where a replica listens.
pub(crate) const PORT: &str = "berth.port";
/// What a command is found by again.
pub(crate) const COMMAND: &str = "berth.command";
/// A service's volume by the name that its project gave it.
pub(crate) const VOLUME: &str = "berth.volume";

/// What a container, image or volume is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An image with a language, a package manager and tools, shared by all projects.
    Toolchain,
    /// The container that installs dependencies, and the image made of it.
    Dependencies,
    /// The container that runs the build command.
    Build,
    /// The image of a repository's own Dockerfile; lives as long as its build.
    Dockerfile,
    /// The image that a running service's replicas start from; goes once no deployment has it any more.
    ServiceImage,
    /// A volume that keeps a cache between builds.
    Cache,
    /// The container that tries to reach the host.
    Probe,
    /// The container of a running service. It outlives Berth's process.
    Replica,
    /// The container of a one-off command or a release command. It outlives Berth's process.
    Run,
    /// A volume with a service's data. It goes only when somebody says so.
    ServiceVolume,
}

impl Kind {
    /// The label's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Toolchain => "toolchain",
            Self::Dependencies => "dependencies",
            Self::Build => "build",
            Self::Dockerfile => "dockerfile",
            Self::ServiceImage => "service-image",
            Self::Cache => "cache",
            Self::Probe => "probe",
            Self::Replica => "replica",
            Self::Run => "run",
            Self::ServiceVolume => "service-volume",
        }
    }
}

/// Whose a thing is. The instance is added by the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labels {
    /// What it is for.
    pub kind: Kind,
    /// Removed with this project.
    pub project: Option<ProjectId>,
    /// Removed with this pull request of the project: what a stranger's commits made, for their builds alone.
    pub pull_request: Option<i64>,
    /// Made by this build.
    pub build: Option<BuildId>,
    /// Never shared with another user's builds.
    pub owner: Option<UserId>,
}

impl Labels {
    /// Labels of a thing that belongs to no project.
    #[must_use]
    pub fn shared(kind: Kind) -> Self {
        Self { kind, project: None, pull_request: None, build: None, owner: None }
    }

    /// Every label is always written, empty where there is nothing to say: a container inherits its image's labels
    /// and an image its Dockerfile's, and neither may speak for us.
    pub(crate) fn write(&self, instance: &InstanceId, process: &str) -> HashMap<String, String> {
        let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
        HashMap::from([
            (INSTANCE.to_owned(), instance.to_string()),
            (PROCESS.to_owned(), process.to_owned()),
            (KIND.to_owned(), self.kind.as_str().to_owned()),
            (PROJECT.to_owned(), id(self.project.map(|project| project.0))),
            (PULL_REQUEST.to_owned(), id(self.pull_request)),
            (BUILD.to_owned(), id(self.build.map(|build| build.0))),
            (OWNER.to_owned(), id(self.owner.map(|owner| owner.0))),
        ])
    }
}

/// A filter for the daemon's lists: things of this instance that carry `also`.
pub(crate) fn filter(instance: &InstanceId, also: &[(&str, &str)]) -> HashMap<String, Vec<String>> {
    let mut labels = vec![format!("{INSTANCE}={instance}")];
    labels.extend(also.iter().map(|(label, value)| format!("{label}={value}")));
    HashMap::from([("label".to_owned(), labels)])
}
