//! What a build will do, as data: made from a checkout by `build-engine`, kept with the build, shown by the API.

use serde::{Deserialize, Serialize};

use crate::{OutputDir, RootDir, Timestamp};

/// A list of services; the first release makes exactly one, static.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The parts of the project, in the order of their routes.
    pub services: Vec<PlanService>,
}

/// How one service is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanService {
    /// `web` until a project names its own.
    pub name: String,
    /// Static files or a running process.
    pub kind: ServiceKind,
    /// Its directory in the repository.
    pub root_directory: Decision<RootDir>,
    /// `vite`, `static-html`, `dockerfile`, …
    pub framework: Decision<String>,
    /// What installs and builds; `None` for plain files.
    pub toolchain: Option<Toolchain>,
    /// The command that installs dependencies; `None` if there are none.
    pub install_command: Option<Decision<String>>,
    /// Where it runs: the root directory, or the top of the workspace that it is part of.
    #[serde(default)]
    pub install_directory: RootDir,
    /// The command that builds.
    pub build_command: Option<Decision<String>>,
    /// Where the files are afterwards, relative to the root directory.
    pub output_directory: Decision<OutputDir>,
    /// Things that the owner should know (`no lockfile: versions can change between builds`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Static files or a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceKind {
    /// Files, served by the edge.
    Static,
    /// A container, proxied by the edge (later).
    Running,
}

/// The image that commands run in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Toolchain {
    /// The base image: `node:20-slim`.
    pub image: Decision<String>,
    /// The package manager, with its exact version where the project names one.
    pub package_manager: Decision<PackageManager>,
    /// The exact version that `packageManager` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_manager_version: Option<String>,
}

/// Package managers of the Node world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageManager {
    /// npm, which comes with Node.
    Npm,
    /// pnpm.
    Pnpm,
    /// Yarn 1.
    Yarn,
    /// Yarn 2 and later.
    YarnBerry,
    /// Bun.
    Bun,
}

/// A decided value with where it comes from and why: what the dashboard shows beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision<T> {
    /// The value.
    pub value: T,
    /// The file or setting it comes from: `package.json`, `settings`, `default`.
    pub source: String,
    /// A sentence: `package.json depends on vite`.
    pub reason: String,
}

impl<T> Decision<T> {
    /// A decision.
    pub fn new(value: T, source: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { value, source: source.into(), reason: reason.into() }
    }
}

/// The parts of a build that a person sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// Commit to checkout.
    Fetch,
    /// Checkout to plan.
    Detect,
    /// Toolchain and dependencies.
    Install,
    /// Build command to artifact.
    Build,
    /// Artifact to release.
    Publish,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Under way.
    Running,
    /// Done.
    Passed,
    /// Nothing to do (dependencies already there, no build command).
    Skipped,
    /// The build ended here.
    Failed,
}

/// One step of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Which.
    pub name: StepName,
    /// Its first log line.
    pub first_line: i64,
    /// Where it stands.
    pub state: StepState,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds; `None` while it runs.
    pub took_ms: Option<u64>,
}
