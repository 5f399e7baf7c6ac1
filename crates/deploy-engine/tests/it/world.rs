//! A Berth without builds: artifacts are written by hand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use berth_deploy_engine::{Activated, DeployConfig, DeployEngine, DeployError, restore};
use berth_edge::{Edge, EdgeConfig};
use berth_model::{
    Access, Artifact, BranchName, BuiltService, Clock, DeploymentId, ProjectName, RepoUrl, Role, Timestamp, Trigger,
    preview_labels,
};
use berth_store::{
    ActivationReason, Admission, Claimed, Deployment, NewBuild, NewProject, PreviewPush, Project, Store,
};
use http::Request;
use http_body_util::BodyExt as _;
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) clock: Clock,
    pub(crate) access: Access,
    pub(crate) store: Store,
    pub(crate) edge: Edge,
    pub(crate) engine: DeployEngine,
    /// What the last publishing said.
    pub(crate) log: Vec<String>,
}

/// An answer of the edge, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) deployment: Option<i64>,
    pub(crate) text: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(Clock::manual(Timestamp(1_800_000_000_000_000))).await
    }

    /// The same by this clock.
    pub(crate) async fn on(clock: Clock) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite://{}", directory.path().join("berth.db").display()), clock.clone())
            .await
            .unwrap();
        let user = store.create_first_admin("admin@localhost", None, "hash").await.unwrap();
        let edge = Edge::new(EdgeConfig { clock: clock.clone(), ..EdgeConfig::default() });
        std::fs::create_dir(directory.path().join("deployments")).unwrap();
        let engine = DeployEngine::new(config(directory.path()), store.clone(), edge.clone());
        engine.sweep(std::time::Duration::ZERO).await.unwrap();
        Self { directory, clock, access: Access::of(user.id, Role::Admin), store, edge, engine, log: Vec::new() }
    }

    /// The process died and starts again: a new edge and engine on what is on disk and in the database. The edge has
    /// only what [`restore`] gave it.
    pub(crate) fn restart(&mut self) {
        self.edge = Edge::new(EdgeConfig { clock: self.clock.clone(), ..EdgeConfig::default() });
        restore(&self.config(), &self.edge);
        self.reopen();
    }

    /// The database is there again, too.
    pub(crate) fn reopen(&mut self) {
        self.engine = DeployEngine::new(self.config(), self.store.clone(), self.edge.clone());
    }

    pub(crate) fn config(&self) -> DeployConfig {
        config(self.directory.path())
    }

    pub(crate) fn deployments(&self) -> PathBuf {
        self.directory.path().join("deployments")
    }

    pub(crate) fn release(&self, deployment: &Deployment) -> PathBuf {
        self.deployments().join(format!(".releases/{}/{}", deployment.project, deployment.id))
    }

    pub(crate) fn releases(&self, project: &Project) -> usize {
        std::fs::read_dir(self.deployments().join(format!(".releases/{}", project.id))).map_or(0, Iterator::count)
    }

    pub(crate) async fn project(&self, name: &str) -> Project {
        let name = ProjectName::stored(name).unwrap();
        let host = self.engine.project_host(&name);
        let repo = RepoUrl::parse("https://git.example.org/me/shop").unwrap();
        let new =
            NewProject { previews: true, ..NewProject::new(name, BranchName::parse("main").unwrap(), Some(repo)) };
        let project = self.store.create_project(self.access, new, &host, |_| Vec::new()).await.unwrap();
        self.engine.reconcile().await.unwrap();
        project
    }

    /// A build that runs.
    pub(crate) async fn claim(&self, project: &Project) -> Claimed {
        let build = NewBuild::production(project.id, Trigger::Push, project.branch.clone(), None);
        self.store.enqueue(build).await.unwrap();
        self.store.claim(Duration::from_secs(60), 9).await.unwrap().unwrap()
    }

    /// What a build left.
    pub(crate) fn artifact(&self, files: &[(&str, &str)]) -> Artifact {
        let directory = tempfile::Builder::new().tempdir_in(self.engine.staging()).unwrap().keep();
        write(&directory, files);
        let bytes = files.iter().map(|(_, content)| content.len() as u64).sum();
        Artifact { directory, files: files.len() as u64, bytes, spa_fallback: None }
    }

    pub(crate) async fn try_publish(
        &mut self,
        project: &Project,
        files: &[(&str, &str)],
    ) -> Result<Deployment, DeployError> {
        let claimed = self.claim(project).await;
        let artifact = self.artifact(files);
        self.log.clear();
        let log = &mut self.log;
        let mut tell = |line: &str| log.push(line.to_owned());
        self.engine
            .publish(&claimed.lease, &claimed.project, vec![BuiltService::site(artifact)], Some(0), &mut tell)
            .await
    }

    pub(crate) async fn publish(&mut self, project: &Project, files: &[(&str, &str)]) -> Deployment {
        self.try_publish(project, files).await.unwrap()
    }

    /// A preview from a push to live.
    pub(crate) async fn preview(&mut self, project: &Project, branch: &str, files: &[(&str, &str)]) -> Deployment {
        let site = BuiltService::site(self.artifact(files));
        self.preview_of(project, branch, vec![site]).await
    }

    /// The same, of these services.
    pub(crate) async fn preview_of(
        &mut self,
        project: &Project,
        branch: &str,
        services: Vec<BuiltService>,
    ) -> Deployment {
        let branch = BranchName::parse(branch).unwrap();
        let push = PreviewPush {
            project: project.id,
            hosts: preview_labels(&project.name, &branch).map(|label| format!("{label}.example.org")),
            branch,
            commit: None,
            trigger: Trigger::Push,
            pull_request: None,
            title: None,
            admission: Admission::Queued,
        };
        self.store.push_to_preview(&push).await.unwrap();
        self.engine.reconcile().await.unwrap();
        let claimed = self.store.claim(Duration::from_secs(60), 9).await.unwrap().unwrap();
        self.engine.publish(&claimed.lease, &claimed.project, services, Some(0), &mut |_: &str| {}).await.unwrap();
        match self.activate_pending().await.pop() {
            Some(Activated::Live(deployment)) => *deployment,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn promote(&self, deployment: &Deployment) -> Activated {
        let reason = ActivationReason::Promote;
        let id = self.store.request_activation(self.access, deployment.id, reason).await.unwrap();
        self.engine.activate(id).await.unwrap()
    }

    /// Does what the worker does when it is woken.
    pub(crate) async fn activate_pending(&self) -> Vec<Activated> {
        let mut ended = Vec::new();
        for activation in self.store.pending_activations().await.unwrap() {
            ended.push(self.engine.activate(activation.id).await.unwrap());
        }
        ended
    }

    pub(crate) async fn deploy(&mut self, project: &Project, files: &[(&str, &str)]) -> Deployment {
        let published = self.publish(project, files).await;
        match self.activate_pending().await.pop() {
            Some(Activated::Live(deployment)) if deployment.id == published.id => *deployment,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn roll_back(&self, deployment: &Deployment) -> Activated {
        let reason = ActivationReason::Rollback;
        let id = self.store.request_activation(self.access, deployment.id, reason).await.unwrap();
        self.engine.activate(id).await.unwrap()
    }

    pub(crate) async fn status(&self, id: DeploymentId) -> &'static str {
        self.store.deployment(self.access, id).await.unwrap().status.as_str()
    }

    pub(crate) async fn get(&self, host: &str, path: &str) -> Answer {
        get(&self.edge, host, path).await
    }
}

pub(crate) async fn get(edge: &Edge, host: &str, path: &str) -> Answer {
    let request = Request::builder().uri(path).header("host", host).body(()).unwrap();
    let response = edge.respond(&edge.decide(&request), &request);
    let (parts, body) = response.into_parts();
    let deployment = body.deployment();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Answer { status: parts.status.as_u16(), deployment, text }
}

fn config(directory: &Path) -> DeployConfig {
    DeployConfig { deployments: directory.join("deployments"), base_domain: "example.org".to_owned(), retention: 5 }
}

pub(crate) fn write(directory: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let file = directory.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
}
