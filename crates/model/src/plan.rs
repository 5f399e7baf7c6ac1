//! What a build will do, as data: made from a checkout by `build-engine`, kept with the build, shown by the API.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::reason::known;
use crate::{OutputDir, Reason, RootDir, RunSettings, ServiceName, ServiceRoute, Timestamp, VariableKey, Why};

/// A list of services, at least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The parts of the project, in the order in which `berth.toml` names them.
    pub services: Vec<PlanService>,
}

/// How one service is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanService {
    /// `web` where a project names none.
    pub name: ServiceName,
    /// Static files or a running process, with what only that kind has.
    #[serde(flatten)]
    pub kind: ServiceKind,
    /// What it answers of the project's address; none where only its siblings reach it.
    #[serde(default = "everything")]
    #[schema(required)]
    pub routes: Vec<ServiceRoute>,
    /// Plain values that the repository gives, for its build and for what runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>, required = false)]
    pub environment: BTreeMap<VariableKey, String>,
    /// Where its routes, its environment and what is told of how it runs come from; what is absent is Berth's default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Origin>, required = false)]
    pub origins: BTreeMap<PlanSetting, Origin>,
    /// Its directory in the repository.
    pub root_directory: Decision<RootDir>,
    /// `vite`, `static-html`, `dockerfile`, …
    pub framework: Decision<String>,
    /// What installs and builds; `None` for plain files, and where a Dockerfile of the repository is built.
    pub toolchain: Option<Toolchain>,
    /// The repository's own Dockerfile, as its path in the repository, when that is what is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Decision<String>)]
    pub dockerfile: Option<Decision<String>>,
    /// The command that installs dependencies; `None` if there are none.
    pub install_command: Option<Decision<String>>,
    /// Where it runs: the root directory, or the top of the workspace that it is part of.
    #[serde(default)]
    #[schema(required)]
    pub install_directory: RootDir,
    /// The command that builds.
    pub build_command: Option<Decision<String>>,
    /// The directories of other packages of the workspace that it depends on; `None` in plans of before they were
    /// noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<RootDir>)]
    pub workspace_packages: Option<Vec<RootDir>>,
    /// Things that the owner should know.
    #[serde(flatten)]
    pub warnings: Warnings,
}

/// Things that the owner of a project should know of its plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warnings {
    /// Each as a sentence (`there is no lockfile: versions can change between builds`).
    #[serde(default, rename = "warnings", skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    sentences: Vec<String>,
    /// The same in the same order, for clients that say it in other words. Missing in plans of before there were codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "known")]
    #[schema(required = false)]
    notes: Vec<Reason>,
}

impl Warnings {
    /// Adds one.
    pub fn push(&mut self, note: Reason) {
        self.sentences.push(note.to_string());
        self.notes.push(note);
    }

    /// Adds one before all others.
    pub fn push_first(&mut self, note: Reason) {
        self.sentences.insert(0, note.to_string());
        self.notes.insert(0, note);
    }

    /// Each as a sentence.
    #[must_use]
    pub fn sentences(&self) -> &[String] {
        &self.sentences
    }
}

impl Extend<Reason> for Warnings {
    fn extend<I: IntoIterator<Item = Reason>>(&mut self, notes: I) {
        notes.into_iter().for_each(|note| self.push(note));
    }
}

impl PlanService {
    /// Where a static service's files are after the build.
    #[must_use]
    pub fn output_directory(&self) -> Option<&Decision<OutputDir>> {
        match &self.kind {
            ServiceKind::Static { output_directory } => Some(output_directory),
            ServiceKind::Running { .. } => None,
        }
    }
}

/// Static files or a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ServiceKind {
    /// Files, served by the edge.
    #[serde(rename_all = "camelCase")]
    Static {
        /// Where they are after the build, relative to the root directory. From a Dockerfile's image: a path in that
        /// image, relative to its working directory.
        output_directory: Decision<OutputDir>,
    },
    /// A process that answers requests.
    #[serde(rename_all = "camelCase")]
    Running {
        /// What starts it; `None` where the image's own command does, or where nothing in the repository says it.
        start_command: Option<Decision<String>>,
        /// How it runs, as far as the repository says.
        #[serde(flatten)]
        run: RunSettings,
    },
}

impl ServiceKind {
    /// A process of which the repository says no more than what starts it.
    #[must_use]
    pub fn running(start_command: Option<Decision<String>>) -> Self {
        Self::Running { start_command, run: RunSettings::default() }
    }
}

/// What the only service of a plan answers that was made before services had routes.
fn everything() -> Vec<ServiceRoute> {
    vec![ServiceRoute::everything()]
}

/// The image that commands run in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Toolchain {
    /// The base image: `node:20-slim`.
    pub image: Decision<String>,
    /// What installs the project's packages; `None` for projects that have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Decision<PackageManager>)]
    pub package_manager: Option<Decision<PackageManager>>,
    /// The exact version that `packageManager` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    pub package_manager_version: Option<String>,
    /// Programs that the build needs and that no package manager of the project installs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Decision<Tool>>,
}

/// What installs a project's packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
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
    /// pip, which comes with Python.
    Pip,
    /// uv, by `uv.lock`, or by a `pyproject.toml` that only names packages.
    Uv,
    /// Poetry, by `poetry.lock`.
    Poetry,
    /// PDM, by `pdm.lock`.
    Pdm,
    /// Pipenv, by `Pipfile`.
    Pipenv,
    /// Bundler, which comes with Ruby.
    Bundler,
}

impl PackageManager {
    /// The program that people call.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pnpm => "pnpm",
            Self::Yarn | Self::YarnBerry => "yarn",
            Self::Bun => "bun",
            Self::Pip => "pip",
            Self::Uv => "uv",
            Self::Poetry => "poetry",
            Self::Pdm => "pdm",
            Self::Pipenv => "pipenv",
            Self::Bundler => "bundle",
        }
    }
}

/// A program that builds a site and comes as a release of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Tool {
    /// Which.
    pub name: ToolName,
    /// The version that the project asks for; `None` is the one that Berth knows to work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    pub version: Option<String>,
}

/// The programs that Berth brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolName {
    /// g++, make and Python, for packages that are compiled when they are installed.
    Compiler,
    /// Git, for packages that are repositories.
    Git,
    /// Hugo, the extended edition.
    Hugo,
    /// Jekyll, for a site without a Gemfile.
    Jekyll,
    /// mdBook.
    Mdbook,
    /// MkDocs, for a site that names no requirements.
    Mkdocs,
    /// OpenSSL, for packages that bring programs linked with it.
    Openssl,
    /// Zola.
    Zola,
}

/// A decided value with where it comes from and why: what the dashboard shows beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decision<T> {
    /// The value.
    pub value: T,
    /// The file or setting it comes from: `package.json`, `settings`, `default`.
    pub source: String,
    /// Why it was chosen.
    #[serde(flatten)]
    pub why: Why,
}

impl<T> Decision<T> {
    /// A decision.
    pub fn new(value: T, source: impl Into<String>, why: impl Into<Why>) -> Self {
        Self { value, source: source.into(), why: why.into() }
    }
}

/// What a plan holds without a [`Decision`] around it: the values are kept with deployments, where they come from is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PlanSetting {
    /// The paths that it answers.
    Routes,
    /// Plain values for its build and for what runs.
    Environment,
    /// What is run before the switch.
    ReleaseCommand,
    /// Where it listens.
    Port,
    /// What it speaks there.
    Protocol,
    /// What says whether it is healthy.
    HealthPath,
    /// How long it may take to become healthy.
    HealthTimeout,
    /// Memory of one replica.
    Memory,
    /// Processors of one replica.
    Cpus,
    /// How many run.
    Replicas,
    /// What survives deployments.
    Volumes,
}

/// Where a value of a plan comes from, and why it is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Origin {
    /// The file or setting: `Dockerfile`, `berth.toml`, `framework`.
    pub source: String,
    /// Why it was chosen.
    #[serde(flatten)]
    pub why: Why,
}

impl Origin {
    /// An origin.
    pub fn new(source: impl Into<String>, why: impl Into<Why>) -> Self {
        Self { source: source.into(), why: why.into() }
    }
}

/// The parts of a build that a person sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Plans are kept with their builds for good.
    #[test]
    fn a_plan_that_was_stored_before_still_reads() {
        let stored = r#"{"services":[{"name":"web","kind":"static",
            "rootDirectory":{"value":"","source":"default","reason":"the top of the repository"},
            "framework":{"value":"vite","source":"package.json","reason":"package.json depends on vite"},
            "toolchain":{"image":{"value":"node:22-slim","source":"default","reason":"x"},
                "packageManager":{"value":"yarn_berry","source":"yarn.lock","reason":"x"}},
            "installCommand":null,"buildCommand":null,"warnings":["there is no lockfile"],
            "outputDirectory":{"value":"dist","source":"framework","reason":"x"}}]}"#;
        let plan: Plan = serde_json::from_str(stored).unwrap();
        let service = &plan.services[0];
        assert_eq!(service.warnings.sentences(), ["there is no lockfile"]);
        assert_eq!(service.output_directory().unwrap().value.as_str(), "dist");
        let manager = service.toolchain.as_ref().unwrap().package_manager.as_ref().unwrap();
        assert_eq!(manager.value, PackageManager::YarnBerry);
        assert_eq!(service.framework.why, Why::kept("package.json depends on vite".to_owned(), None));
        let written = serde_json::to_value(&plan).unwrap();
        assert_eq!(written["services"][0]["kind"], "static");
        assert_eq!(written["services"][0]["outputDirectory"]["value"], "dist");
        assert_eq!(
            written["services"][0]["framework"],
            json!({
                "value": "vite", "source": "package.json", "reason": "package.json depends on vite",
            })
        );
    }

    #[test]
    fn a_running_service_has_a_start_command_and_no_output() {
        let kind = ServiceKind::Running {
            start_command: Some(Decision::new(
                "npm start".to_owned(),
                "package.json",
                Reason::StartScript { script: "node .".into() },
            )),
            run: RunSettings::default(),
        };
        let written = serde_json::to_value(&kind).unwrap();
        assert_eq!(written["kind"], "running");
        assert_eq!(written["startCommand"]["value"], "npm start");
        assert_eq!(serde_json::from_value::<ServiceKind>(written).unwrap(), kind);
    }

    #[test]
    fn warnings_are_sentences_and_notes() {
        let mut warnings = Warnings::default();
        warnings.extend([Reason::HugoModules, Reason::LockfileMissing { file: "Gemfile.lock".into() }]);
        let written = serde_json::to_value(&warnings).unwrap();
        assert_eq!(written["warnings"][1], "there is no Gemfile.lock: versions can change between builds");
        assert_eq!(written["notes"][1], json!({"code": "lockfile_missing", "values": {"file": "Gemfile.lock"}}));
        assert_eq!(serde_json::from_value::<Warnings>(written).unwrap(), warnings);
    }
}
