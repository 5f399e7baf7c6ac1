//! What a report says, made of how its subject stands now.

use berth_model::{BuildId, BuildStatus, DeploymentId, Environment};
use berth_store::{Project, Report, ReportKind, StoreError};

use super::facts::{Facts, Published};
use super::{Reporter, comment, deployment, status};
use crate::client::{CommitState, CommitStatus, DeploymentState, DeploymentStatus, NewDeployment};

/// One thing to say.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Status { commit: String, status: CommitStatus },
    Deployment { new: NewDeployment, status: DeploymentStatus },
    Comment { number: i64, text: String },
}

impl Message {
    /// What is kept of it, to know later whether there is news.
    pub(super) fn summary(&self) -> String {
        match self {
            Self::Status { status, .. } => {
                format!("{}: {} {}", word(status.state), status.description, status.target_url)
            }
            Self::Deployment { status, .. } => {
                let url = status.environment_url.as_deref().map(|url| format!(" {url}")).unwrap_or_default();
                format!("{}: {}{url}", stage(status.state), status.description)
            }
            Self::Comment { text, .. } => text.clone(),
        }
    }

    /// Whether it is what was told last. A commit that is good stays good: that its site moved on is no news of it.
    pub(super) fn says_no_more_than(&self, told: &str) -> bool {
        let good = word(CommitState::Success);
        match self {
            Self::Status { status, .. } if status.state == CommitState::Success => told.starts_with(good),
            _ => self.summary() == told,
        }
    }
}

fn word(state: CommitState) -> &'static str {
    match state {
        CommitState::Pending => "pending",
        CommitState::Success => "success",
        CommitState::Failure => "failure",
        CommitState::Error => "error",
    }
}

fn stage(state: DeploymentState) -> &'static str {
    match state {
        DeploymentState::Queued => "queued",
        DeploymentState::InProgress => "in_progress",
        DeploymentState::Success => "success",
        DeploymentState::Failure => "failure",
        DeploymentState::Error => "error",
        DeploymentState::Inactive => "inactive",
    }
}

impl Reporter {
    /// What there is to say now; `None`: nothing.
    pub(super) async fn message(&self, report: &Report, project: &Project) -> Result<Option<Message>, StoreError> {
        match report.kind {
            ReportKind::Status => self.status_message(report, project).await,
            ReportKind::Deployment => self.deployment_message(report, project).await,
            ReportKind::Promotion => self.promotion_message(report, project).await,
            ReportKind::Comment => self.comment_message(report, project).await,
        }
    }

    async fn status_message(&self, report: &Report, project: &Project) -> Result<Option<Message>, StoreError> {
        let store = &self.0.store;
        let Some(build) = store.build_unscoped(BuildId(report.subject)).await? else { return Ok(None) };
        // Of several builds of one commit the newest speaks: an old one that is heard late would contradict it.
        if store.has_later_build_of_commit(&build).await? {
            return Ok(None);
        }
        let Some(commit) = build.commit_hash.as_ref().map(|hash| hash.as_str().to_owned()) else { return Ok(None) };
        // One that came to nothing takes nothing back from a commit that another build found good.
        let came_to_nothing = matches!(build.status, BuildStatus::Canceled | BuildStatus::Superseded);
        let good = if came_to_nothing { store.passed_build_of_commit(&build).await? } else { None };
        let facts = Facts::of(store, &self.0.addresses, project, good.unwrap_or(build)).await?;
        let status = status::status(&facts, report.told.as_deref());
        Ok(status.map(|status| Message::Status { commit, status }))
    }

    async fn deployment_message(&self, report: &Report, project: &Project) -> Result<Option<Message>, StoreError> {
        let store = &self.0.store;
        let Some(build) = store.build_unscoped(BuildId(report.subject)).await? else { return Ok(None) };
        let environment = build.environment;
        let Some(commit) = build.commit_hash.as_ref().map(|hash| hash.as_str().to_owned()) else { return Ok(None) };
        let facts = Facts::of(store, &self.0.addresses, project, build).await?;
        let status = deployment::of_build(&facts, report.remote_id.is_some());
        let new = self.known_as(project, commit, environment, &format!("build {}", report.subject));
        Ok(status.map(|status| Message::Deployment { new, status }))
    }

    async fn promotion_message(&self, report: &Report, project: &Project) -> Result<Option<Message>, StoreError> {
        let store = &self.0.store;
        let found = store.deployment_unscoped(DeploymentId(report.subject)).await?;
        let Some(promoted) = found else { return Ok(None) };
        let Some(build) = store.build_unscoped(promoted.build).await? else { return Ok(None) };
        let Some(commit) = build.commit_hash.as_ref().map(|hash| hash.as_str().to_owned()) else { return Ok(None) };
        let host = store.host_of_branch(project.id, Environment::Production, &promoted.branch).await?;
        let facts = Facts::of(store, &self.0.addresses, project, build).await?;
        let facts = Facts { site: host.map(|host| self.0.addresses.site(&host)), ..facts };
        let published = Published::of(&self.0.addresses, &promoted);
        let status = deployment::of_published(&facts, &published, report.remote_id.is_some());
        let mark = format!("deployment {}", report.subject);
        let new = self.known_as(project, commit, Environment::Production, &mark);
        Ok(status.map(|status| Message::Deployment { new, status }))
    }

    fn known_as(&self, project: &Project, commit: String, environment: Environment, what: &str) -> NewDeployment {
        NewDeployment {
            commit,
            environment: deployment::environment(environment, &project.name),
            production: environment == Environment::Production,
            transient: environment == Environment::Preview,
            mark: format!("{} {what}", self.0.instance),
        }
    }

    async fn comment_message(&self, report: &Report, project: &Project) -> Result<Option<Message>, StoreError> {
        let store = &self.0.store;
        let mut projects = Vec::new();
        for other in self.speaking_projects(project).await? {
            let Some(build) = store.newest_build_of_pull_request(other.id, report.subject).await? else { continue };
            projects.push(Facts::of(store, &self.0.addresses, &other, build).await?);
        }
        let text = comment::comment(&self.0.instance, &projects);
        Ok(text.map(|text| Message::Comment { number: report.subject, text }))
    }

    /// The projects of a project's repository that are spoken of there. Anybody may connect a public repository: those
    /// whose owner GitHub lets write there are, and nobody else's.
    pub(super) async fn speaking_projects(&self, project: &Project) -> Result<Vec<Project>, StoreError> {
        let mut speaking = Vec::new();
        let Some(repo) = project.repo_key() else { return Ok(speaking) };
        for other in self.0.store.projects_of_repo(&repo).await? {
            if self.0.store.may_speak_for_repo(other.id).await? {
                speaking.push(other);
            }
        }
        Ok(speaking)
    }
}
