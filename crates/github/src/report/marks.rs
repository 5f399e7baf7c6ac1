//! From what happened to what is to be told anew.

use std::collections::HashMap;

use berth_model::{BranchName, BuildId, DeploymentId, Environment, Event, EventPayload, ProjectId};
use berth_store::{Project, ReportKind, ReportMark, Store, StoreError};
use url::Url;

/// Reads events into marks. Projects are asked for once a page.
pub(super) struct Marks<'s> {
    store: &'s Store,
    github: &'s Url,
    /// Projects of which something is told, and those of which nothing is.
    projects: HashMap<ProjectId, Option<Project>>,
    marks: Vec<ReportMark>,
}

impl<'s> Marks<'s> {
    pub(super) fn new(store: &'s Store, github: &'s Url) -> Self {
        Self { store, github, projects: HashMap::new(), marks: Vec::new() }
    }

    pub(super) async fn of(mut self, events: &[Event]) -> Result<Vec<ReportMark>, StoreError> {
        for event in events {
            match event.payload {
                EventPayload::BuildStatus { build, project, .. } => self.build(project, build).await?,
                // The commit of a first build is known only once it has been fetched.
                EventPayload::BuildProgress { build, project } if self.reports(project).await?.is_some() => {
                    self.mark(project, ReportKind::Status, build.0, true);
                    self.mark(project, ReportKind::Deployment, build.0, true);
                }
                EventPayload::DeploymentStatus { deployment, build, project, .. } => {
                    self.deployment(project, deployment, build).await?;
                }
                EventPayload::PreviewOpened { preview, project }
                | EventPayload::PreviewUpdated { preview, project }
                | EventPayload::PreviewRemoved { preview, project } => {
                    if self.reports(project).await?.is_none() {
                        continue;
                    }
                    let Some(preview) = self.store.preview_for_report(preview).await? else { continue };
                    if let Some(number) = preview.pull_request {
                        self.comment(project, number).await?;
                    }
                    for build in self.store.reported_builds_of_branch(project, &preview.branch).await? {
                        self.mark(project, ReportKind::Deployment, build.0, false);
                    }
                }
                _ => {}
            }
        }
        Ok(self.marks)
    }

    async fn build(&mut self, project: ProjectId, build: BuildId) -> Result<(), StoreError> {
        if self.reports(project).await?.is_none() {
            return Ok(());
        }
        let Some(build) = self.store.build_unscoped(build).await? else { return Ok(()) };
        self.mark(project, ReportKind::Status, build.id.0, false);
        self.mark(project, ReportKind::Deployment, build.id.0, false);
        let number = build.pull_request.as_ref().map(|pull_request| pull_request.number);
        self.comment_of(project, build.environment, &build.branch, number).await
    }

    async fn deployment(
        &mut self,
        project: ProjectId,
        deployment: DeploymentId,
        build: BuildId,
    ) -> Result<(), StoreError> {
        if self.reports(project).await?.is_none() {
            return Ok(());
        }
        if self.store.is_promotion(deployment).await? {
            self.mark(project, ReportKind::Promotion, deployment.0, false);
            return Ok(());
        }
        self.build(project, build).await
    }

    async fn comment_of(
        &mut self,
        project: ProjectId,
        environment: Environment,
        branch: &BranchName,
        number: Option<i64>,
    ) -> Result<(), StoreError> {
        let number = match (number, environment) {
            (Some(number), _) => Some(number),
            (None, Environment::Preview) => self.store.pull_request_of_branch(project, branch).await?,
            (None, Environment::Production) => None,
        };
        match number {
            Some(number) => self.comment(project, number).await,
            None => Ok(()),
        }
    }

    /// A pull request has one comment, whichever of its repository's projects changed: that of the project that has
    /// begun it, else of one whose owner may write there, or has a hook there and thus probably may; the oldest of those.
    async fn comment(&mut self, project: ProjectId, number: i64) -> Result<(), StoreError> {
        let Some(repo) = self.reports(project).await?.and_then(Project::repo_key) else { return Ok(()) };
        let begun = self.store.commenting_project(&repo, number).await?;
        if let Some(begun) = begun
            && self.reports(begun).await?.is_some()
        {
            self.mark(begun, ReportKind::Comment, number, false);
            return Ok(());
        }
        let mut best = None;
        for other in self.store.projects_of_repo(&repo).await? {
            if self.reports(other.id).await?.is_some() {
                let may_speak = self.store.may_speak_for_repo(other.id).await?;
                let rank = (!may_speak, other.webhook_id.is_none(), other.id.0);
                if best.is_none_or(|(least, _)| rank < least) {
                    best = Some((rank, other.id));
                }
            }
        }
        if let Some((_, best)) = best {
            self.mark(best, ReportKind::Comment, number, false);
        }
        Ok(())
    }

    /// The project, if its repository is at this GitHub and its owner has a token.
    async fn reports(&mut self, id: ProjectId) -> Result<Option<&Project>, StoreError> {
        if !self.projects.contains_key(&id) {
            let found = match self.store.project_unscoped(id).await? {
                Some(project) if project.repository_under(self.github).is_some() => {
                    let owner = self.store.user(project.user).await?;
                    owner.is_some_and(|owner| owner.github_connected).then_some(project)
                }
                _ => None,
            };
            self.projects.insert(id, found);
        }
        Ok(self.projects.get(&id).and_then(Option::as_ref))
    }

    fn mark(&mut self, project: ProjectId, kind: ReportKind, subject: i64, unless_told: bool) {
        let mark = ReportMark { project, kind, subject, unless_told };
        let is_marked = |marked: &ReportMark| {
            (marked.project, marked.kind, marked.subject) == (project, kind, subject)
                && (!marked.unless_told || unless_told)
        };
        if !self.marks.iter().any(is_marked) {
            self.marks.push(mark);
        }
    }
}
