//! The shapes of the contract, field by field.

use berth_model::{BuildStatus, DeploymentStatus, Timestamp, Variable};
use berth_store::{Build, Deployment, LogChunk, Project};
use serde::Serialize;

use crate::config::ApiConfig;

/// The contract's word for a build's status.
pub(crate) fn build_word(status: BuildStatus) -> &'static str {
    match status {
        BuildStatus::Held | BuildStatus::Queued => "queued",
        BuildStatus::Running => "running",
        BuildStatus::Passed => "passed",
        BuildStatus::Failed | BuildStatus::Canceled | BuildStatus::Superseded | BuildStatus::Skipped => "failed",
    }
}

/// The contract's word for a deployment's status; `None`: it is not shown.
pub(super) fn deployment_word(status: DeploymentStatus) -> Option<&'static str> {
    match status {
        DeploymentStatus::Ready | DeploymentStatus::Live => Some("live"),
        DeploymentStatus::Retired | DeploymentStatus::RolledBack => Some("rolled_back"),
        DeploymentStatus::Failed => None,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProjectBody {
    id: i64,
    name: String,
    branch: String,
    repo_url: String,
    install_command: Option<String>,
    build_command: Option<String>,
    output_directory: Option<String>,
    webhook_id: Option<i64>,
    production_url: Option<String>,
    user_id: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl ProjectBody {
    /// `live` is what visitors get now; without it there is no production address yet.
    pub(super) fn of(config: &ApiConfig, project: Project, live: Option<&Deployment>) -> Self {
        Self {
            id: project.id.0,
            production_url: live.map(|_| config.site_url(&config.site_host(project.name.as_str()))),
            name: project.name.to_string(),
            branch: project.branch.to_string(),
            // Its clients take text; a site of folders has no address to show.
            repo_url: project.repo_url.map(String::from).unwrap_or_default(),
            install_command: project.install_command,
            build_command: project.build_command,
            output_directory: project.output_directory.map(|directory| match directory.is_top() {
                true => "./".to_owned(),
                false => String::from(directory),
            }),
            webhook_id: project.webhook_id,
            user_id: project.user.0,
            created_at: project.created_at,
            updated_at: project.updated_at,
        }
    }
}

/// A build.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BuildBody {
    id: i64,
    status: &'static str,
    /// The commit's message.
    commit: String,
    branch: String,
    commit_author: String,
    /// Empty until the branch's newest commit is known.
    commit_hash: String,
    exit_code: Option<i64>,
    project_id: i64,
    started_at: Timestamp,
    finished_at: Option<Timestamp>,
}

impl BuildBody {
    pub(crate) fn of(build: Build) -> Self {
        Self {
            id: build.id.0,
            status: build_word(build.status),
            commit: build.commit_message.unwrap_or_default(),
            branch: build.branch.to_string(),
            commit_author: build.commit_author.unwrap_or_default(),
            commit_hash: build.commit_hash.map(String::from).unwrap_or_default(),
            exit_code: build.exit_code,
            project_id: build.project.0,
            started_at: build.started_at.unwrap_or(build.created_at),
            finished_at: build.finished_at,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeploymentBody {
    id: i64,
    status: &'static str,
    build_id: i64,
    created_at: Timestamp,
}

impl DeploymentBody {
    pub(super) fn of(deployment: &Deployment) -> Option<Self> {
        Some(Self {
            id: deployment.id.0,
            status: deployment_word(deployment.status)?,
            build_id: deployment.build.0,
            created_at: deployment.created_at,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogBody {
    id: i64,
    /// The number of the first line.
    line_number: i64,
    /// One or more lines joined by `\n`.
    log: String,
    build_id: i64,
    created_at: Timestamp,
}

impl LogBody {
    pub(super) fn of(chunk: LogChunk) -> Self {
        let lines: Vec<&str> = chunk.lines.iter().map(|line| line.text.as_str()).collect();
        Self {
            id: chunk.id,
            line_number: chunk.lines.first().map_or(0, |line| line.number),
            log: lines.join("\n"),
            build_id: chunk.build.0,
            created_at: chunk.created_at,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SecretBody {
    id: i64,
    project_id: i64,
    key: String,
    created_at: Timestamp,
}

impl SecretBody {
    pub(super) fn of(variable: Variable) -> Self {
        Self {
            id: variable.id.0,
            project_id: variable.project_id.0,
            key: variable.key.to_string(),
            created_at: variable.created_at,
        }
    }
}

/// A build as the list of projects shows it.
#[derive(Serialize)]
pub(super) struct ListedBuild {
    #[serde(flatten)]
    pub(super) build: BuildBody,
    pub(super) deployment: Option<DeploymentBody>,
    pub(super) logs: Vec<LogBody>,
}

/// A project as the list shows it.
#[derive(Serialize)]
pub(super) struct ListedProject {
    #[serde(flatten)]
    pub(super) project: ProjectBody,
    pub(super) secrets: Vec<SecretBody>,
    pub(super) builds: Vec<ListedBuild>,
}

/// A build with its project.
#[derive(Serialize)]
pub(super) struct BuildOfProject {
    #[serde(flatten)]
    pub(super) build: BuildBody,
    pub(super) deployment: Option<DeploymentBody>,
    pub(super) project: ProjectBody,
}

/// A deployment with its build and project.
#[derive(Serialize)]
pub(super) struct DeploymentOfBuild {
    #[serde(flatten)]
    pub(super) deployment: DeploymentBody,
    pub(super) build: BuildOfProject,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_words_are_fewer() {
        use BuildStatus::{Canceled, Failed, Held, Passed, Queued, Running, Skipped, Superseded};
        let words = [Held, Queued, Running, Passed, Failed, Canceled, Superseded, Skipped].map(build_word);
        assert_eq!(words, ["queued", "queued", "running", "passed", "failed", "failed", "failed", "failed"]);
        use DeploymentStatus::{Live, Ready, Retired, RolledBack};
        let words = [Ready, Live, Retired, RolledBack, DeploymentStatus::Failed].map(deployment_word);
        assert_eq!(words, [Some("live"), Some("live"), Some("rolled_back"), Some("rolled_back"), None]);
    }
}
