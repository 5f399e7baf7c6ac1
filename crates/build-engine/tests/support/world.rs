//! A store, an engine of an instance of its own, and a git host: what builds need.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use berth_build_engine::source::SourceTimeouts;
use berth_build_engine::{BuildEngine, BuildEngineConfig, BuildError, Built};
use berth_model::{
    Access, Artifact, BranchName, BuildId, BuildLimits, BuiltPart, BuiltService, Clock, Commit, CommitHash,
    Environment, Failure, Fork, InstanceId, ProjectName, PullRequest, RepoUrl, Role, RunningService, ServiceMaximum,
    SourceAllow, Trigger, VariableKey, VariableKind, VariableScope,
};
use berth_runtime::{Engine, EngineConfig};
use berth_secrets::{KeyRing, Sealed};
use berth_store::{
    Admission, Build, GithubProfile, NewBuild, NewProject, Project, ProjectChange, RepoAccess, SealedVariable, Store,
};
use tokio_util::sync::CancellationToken;

use super::git_host::{GitHost, Rules};
use super::{commit, install_tls, write};

pub(crate) struct World {
    pub(crate) scratch: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) builds: BuildEngine,
    pub(crate) access: Access,
    pub(crate) host: GitHost,
    pub(crate) keys: Arc<KeyRing>,
}

/// A build that ended.
pub(crate) struct Ended {
    pub(crate) outcome: Result<Built, BuildError>,
    pub(crate) build: Build,
    pub(crate) log: String,
}

impl Ended {
    pub(crate) fn built(&self) -> &Built {
        self.outcome.as_ref().unwrap_or_else(|error| panic!("{error:?}\n{}", self.log))
    }

    /// The files of its static service.
    pub(crate) fn artifact(&self) -> &Artifact {
        self.built().services.iter().find_map(BuiltService::files).expect("a static service")
    }

    /// What starts its running service.
    pub(crate) fn running(&self) -> &RunningService {
        let running = self.built().services.iter().find_map(|service| match &service.part {
            BuiltPart::Running(running) => Some(running),
            BuiltPart::Files(_) => None,
        });
        running.expect("a running service")
    }

    pub(crate) fn failure(&self) -> (&Failure, Option<i64>) {
        match &self.outcome {
            Err(BuildError::Theirs(failure, exit_code)) => (failure, *exit_code),
            other => panic!("not theirs: {other:?}\n{}", self.log),
        }
    }

    pub(crate) fn file(&self, path: &str) -> String {
        std::fs::read_to_string(self.artifact().directory.join(path)).unwrap()
    }
}

impl World {
    pub(crate) async fn new(limits: BuildLimits) -> Self {
        Self::with_host(limits, Rules::default()).await
    }

    /// A world whose git host is what `GITHUB_URL` names.
    pub(crate) async fn with_host(limits: BuildLimits, rules: Rules) -> Self {
        Self::build_world(limits, rules, None).await
    }

    /// A world whose git host is none of GitHub's.
    pub(crate) async fn with_other_host(limits: BuildLimits, rules: Rules) -> Self {
        Self::build_world(limits, rules, Some("https://github.example.org".to_owned())).await
    }

    async fn build_world(limits: BuildLimits, rules: Rules, github_url: Option<String>) -> Self {
        install_tls();
        let scratch = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", scratch.path().join("berth.db").display());
        let store = Store::open(&url, Clock::System).await.unwrap();
        let host = GitHost::start(scratch.path().join("git"), rules).await;
        let user = store.create_first_admin("ada", None, "not a hash").await.unwrap();
        let mut config = EngineConfig::new(InstanceId::random());
        config.limits = (&limits).into();
        let engine = Engine::connect(config);
        let keys = Arc::new(KeyRing::new(&[7; 32]));
        let config = BuildEngineConfig {
            limits,
            service_maximum: ServiceMaximum::default(),
            staging: scratch.path().join("staging"),
            source_allow: SourceAllow::parse("127.0.0.1").unwrap(),
            source_timeouts: SourceTimeouts::default(),
            github_url: github_url.unwrap_or_else(|| host.url("")).parse().unwrap(),
        };
        let builds = BuildEngine::new(config, engine.clone(), store.clone(), keys.clone()).unwrap();
        Self { scratch, store, engine, builds, access: Access::of(user.id, Role::Admin), host, keys }
    }

    pub(crate) fn repository(&self, name: &str) -> PathBuf {
        self.scratch.path().join("git/ada").join(name)
    }

    /// A project of these files.
    pub(crate) async fn project(&self, name: &str, files: &[(&str, &str)]) -> Project {
        self.push(name, files);
        let repo = RepoUrl::parse(&self.host.url(&format!("ada/{name}"))).unwrap();
        let new = NewProject::new(ProjectName::stored(name).unwrap(), BranchName::parse("main").unwrap(), Some(repo));
        self.store.create_project(self.access, new, &format!("{name}.localhost"), |_| Vec::new()).await.unwrap()
    }

    /// Signs in over GitHub; the account's token is what the host wants.
    pub(crate) async fn sign_in(&mut self, token: &str) {
        let profile = GithubProfile { github_id: 1, login: "ada".to_owned(), email: None, avatar: None };
        let seal = |user| self.keys.seal_for_user(user, "github", token);
        let user = self.store.sign_in_github(&profile, true, None, seal).await.unwrap().unwrap();
        self.access = Access::of(user.id, user.role);
    }

    /// Gives a project an access token of its own, or takes it away; the project as it is then.
    pub(crate) async fn give(&self, project: &Project, token: Option<&str>, user: Option<&str>) -> Project {
        let origin = project.repo_origin().unwrap();
        let seal = |token| self.keys.seal_repo_token(project.id, &origin, token);
        let access = token.map(|token| RepoAccess { token: seal(token), user: user.map(str::to_owned) });
        self.give_access(project, access).await
    }

    /// Gives a project a token as somebody else sealed it.
    pub(crate) async fn give_sealed(&self, project: &Project, token: Sealed) -> Project {
        self.give_access(project, Some(RepoAccess { token, user: None })).await
    }

    async fn give_access(&self, project: &Project, access: Option<RepoAccess>) -> Project {
        let change = ProjectChange { repo_access: Some(access), ..ProjectChange::default() };
        let host = format!("{}.localhost", project.name);
        self.store.update_project(self.access, project.id, change, &host, Vec::new()).await.unwrap()
    }

    /// Sets a secret as somebody else sealed it.
    pub(crate) async fn put(&self, project: &Project, key: &str, value: Sealed) {
        let (key, kind, scope) = (VariableKey::parse(key).unwrap(), VariableKind::Secret, VariableScope::Both);
        let sealed = SealedVariable { key, kind, scope, value };
        self.store.put_variables(self.access, project.id, vec![sealed]).await.unwrap();
    }

    /// Commits these files to the project's repository.
    pub(crate) fn push(&self, name: &str, files: &[(&str, &str)]) -> String {
        let repository = self.repository(name);
        std::fs::create_dir_all(&repository).unwrap();
        write(&repository, files);
        commit(&repository, "A change")
    }

    pub(crate) async fn set(&self, project: &Project, variables: &[(&str, &str)]) {
        self.set_as(project, VariableKind::Secret, variables).await;
    }

    pub(crate) async fn set_as(&self, project: &Project, kind: VariableKind, variables: &[(&str, &str)]) {
        let sealed = variables.iter().map(|(key, value)| SealedVariable {
            key: VariableKey::parse(key).unwrap(),
            kind,
            scope: VariableScope::Both,
            value: self.keys.seal(project.id, key, value),
        });
        self.store.put_variables(self.access, project.id, sealed.collect()).await.unwrap();
    }

    pub(crate) async fn build(&self, project: &Project) -> Ended {
        self.build_until(project, &CancellationToken::new()).await
    }

    pub(crate) async fn build_until(&self, project: &Project, cancel: &CancellationToken) -> Ended {
        let new = NewBuild::production(project.id, Trigger::Push, project.branch.clone(), None);
        self.run(new, cancel).await
    }

    /// A build of a pull request from a fork whose commit is at its reference, as if somebody had approved it.
    pub(crate) async fn build_of_fork(&self, project: &Project, number: i64, hash: &str) -> Ended {
        let fork = Fork { repository: "mallory/shop".to_owned(), reference: format!("refs/pull/{number}/head") };
        let hash = CommitHash::parse(hash).unwrap();
        let new = NewBuild {
            project: project.id,
            trigger: Trigger::PullRequest,
            environment: Environment::Preview,
            branch: BranchName::of_pull_request(number),
            commit: Some(Commit { hash, message: String::new(), author: String::new() }),
            pull_request: Some(PullRequest { number, fork: Some(fork) }),
            admission: Admission::Queued,
        };
        self.run(new, &CancellationToken::new()).await
    }

    /// A build of the project's branch for a preview.
    pub(crate) async fn build_of_preview(&self, project: &Project) -> Ended {
        let new = NewBuild::production(project.id, Trigger::Push, project.branch.clone(), None);
        self.run(NewBuild { environment: Environment::Preview, ..new }, &CancellationToken::new()).await
    }

    async fn run(&self, new: NewBuild, cancel: &CancellationToken) -> Ended {
        let queued = self.store.enqueue(new).await.unwrap();
        let claimed = self.store.claim(Duration::from_secs(60), 9).await.unwrap().expect("it waits");
        assert_eq!(claimed.build.id, queued.id);
        let lease = claimed.lease.clone();
        let mut run = self.builds.begin(claimed).await.unwrap();
        let mut outcome = run.run(cancel).await;
        if let Ok(built) = &mut outcome {
            // Publishing moves the files away before the build is closed.
            for service in &mut built.services {
                if let BuiltPart::Files(artifact) = &mut service.part {
                    let release = self.scratch.path().join(format!("release-{}-{}", queued.id, service.name));
                    std::fs::rename(&artifact.directory, &release).unwrap();
                    artifact.directory = release;
                }
            }
        }
        run.close().await.unwrap();
        let log = self.log(queued.id).await;
        let build = self.store.build(self.access, queued.id).await.unwrap();
        self.store.give_back(&lease).await.unwrap();
        self.store.request_cancel(self.access, queued.id).await.unwrap();
        Ended { outcome, build, log }
    }

    pub(crate) async fn log(&self, build: BuildId) -> String {
        let lines = self.store.log_after(self.access, build, 0, 100_000).await.unwrap();
        assert!(lines.iter().zip(1..).all(|(line, number)| line.number == number), "numbered without a gap");
        lines.iter().map(|line| format!("{}\n", line.text)).collect()
    }

    /// How many containers of this instance the daemon lists.
    pub(crate) async fn containers(&self) -> usize {
        let filter = format!("label=berth.instance={}", self.engine.config().instance);
        let listed = tokio::process::Command::new("docker").args(["ps", "-aq", "--filter", &filter]).output().await;
        String::from_utf8(listed.unwrap().stdout).unwrap().lines().count()
    }

    pub(crate) async fn no_containers_left(&self) {
        for _ in 0..150 {
            if self.containers().await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("containers are left after 15 seconds");
    }

    /// Takes everything of this instance out of Docker.
    pub(crate) async fn end(self) {
        self.no_containers_left().await;
        let staging = self.scratch.path().join("staging");
        let sources = std::fs::read_dir(&staging).into_iter().flatten().flatten();
        assert!(sources.into_iter().all(|build| !build.path().join("source").exists()), "no source is left on disk");
        self.engine.remove_instance().await.unwrap();
    }
}
