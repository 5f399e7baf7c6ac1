//! A place for one Berth: its directories, its run, and a site to serve.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use berth_deploy_engine::{Activated, DeployConfig, DeployEngine};
use berth_edge::{Edge, EdgeConfig};
use berth_model::{
    Access, Artifact, BranchName, BuiltService, Clock, DeploymentId, ProjectName, RepoUrl, Role, Trigger,
};
use berth_server::{Config, ConnectionLimits};
use berth_store::{NewBuild, NewProject, NewSession, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Directories that go when this is dropped.
pub(crate) struct Place {
    directory: tempfile::TempDir,
}

/// A Berth that runs.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<Result<()>>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn deployments(&self) -> PathBuf {
        self.directory.path().join("deployments")
    }

    /// The address of the database in the data directory.
    pub(crate) fn sqlite(&self) -> String {
        format!("sqlite://{}", self.data().join("berth.db").display())
    }

    /// What a file of the data directory says.
    pub(crate) fn kept(&self, file: &str) -> String {
        std::fs::read_to_string(self.data().join(file)).unwrap().trim().to_owned()
    }

    /// A file of the only release.
    pub(crate) fn live_file(&self, path: &str) -> PathBuf {
        let only = |directory: PathBuf| std::fs::read_dir(directory).unwrap().next().unwrap().unwrap().path();
        only(only(self.deployments().join(".releases"))).join(path)
    }

    pub(crate) fn config(&self, more: &[(&str, &str)]) -> Config {
        let pairs = [
            ("BERTH_DATA_DIR", self.data().display().to_string()),
            ("BERTH_DEPLOYMENTS_DIR", self.deployments().display().to_string()),
            ("BASE_DOMAIN", "berth.test".to_owned()),
            // No Docker is needed here, and none is touched.
            ("DOCKER_HOST", "unix:///nonexistent/docker.sock".to_owned()),
        ];
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Config::from_pairs(pairs.into_iter().chain(more)).unwrap()
    }

    pub(crate) async fn start(&self) -> Running {
        self.start_with(&[]).await
    }

    /// Starts and waits until the control plane is open.
    pub(crate) async fn start_with(&self, more: &[(&str, &str)]) -> Running {
        Self::opened(self.start_only(more).await).await
    }

    async fn opened(running: Running) -> Running {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            assert!(!running.ended.is_finished(), "Berth ended: {:?}", running.ended.await);
            if running.get("berth.test", "/api").await.starts_with("HTTP/1.1 200") {
                return running;
            }
            assert!(tokio::time::Instant::now() < deadline, "Berth did not open its control plane");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts with other limits of connections.
    pub(crate) async fn start_limited(&self, limits: ConnectionLimits) -> Running {
        Self::opened(self.start_as(&[], limits).await).await
    }

    /// Starts without waiting.
    pub(crate) async fn start_only(&self, more: &[(&str, &str)]) -> Running {
        self.start_as(more, ConnectionLimits::default()).await
    }

    async fn start_as(&self, more: &[(&str, &str)], limits: ConnectionLimits) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let ended = tokio::spawn(berth_server::run_with(self.config(more), limits, listener, stop.clone()));
        Running { address, stop, ended }
    }

    /// Runs Berth that is expected to refuse, and returns its words.
    pub(crate) async fn refusal(&self, more: &[(&str, &str)]) -> String {
        let running = self.start_only(more).await;
        let ended = tokio::time::timeout(Duration::from_secs(60), running.ended).await;
        format!("{:#}", ended.expect("it refuses soon").unwrap().expect_err("it refuses"))
    }

    /// Publishes a page as a project's live site, as a build would; Berth must have run here, and not run now.
    pub(crate) async fn publish(&self, name: &str, page: &str) -> Result<()> {
        self.publish_releases(name, &[vec![("index.html".to_owned(), page.as_bytes().to_vec())]]).await.map(drop)
    }

    /// The same with several releases of any files, one after the other; the last one is live. Returns their ids.
    pub(crate) async fn publish_releases(
        &self,
        name: &str,
        releases: &[Vec<(String, Vec<u8>)>],
    ) -> Result<Vec<DeploymentId>> {
        let store = Store::open(&self.sqlite(), Clock::System).await?;
        let user = match store.user_by_login("owner").await? {
            Some((user, _)) => user,
            None => store.create_first_admin("owner", None, "no password").await?,
        };
        let access = Access::of(user.id, Role::Admin);
        let branch = BranchName::parse("main")?;
        let repo = RepoUrl::parse("https://git.example.org/owner/site")?;
        let new = NewProject::new(ProjectName::stored(name)?, branch.clone(), Some(repo));
        let project = store.create_project(access, new, &format!("{name}.berth.test"), |_| Vec::new()).await?;
        let config =
            DeployConfig { deployments: self.deployments(), base_domain: "berth.test".to_owned(), retention: 5 };
        let deploys = DeployEngine::new(config, store.clone(), Edge::new(EdgeConfig::default()));
        let mut published = Vec::new();
        for files in releases {
            let build = NewBuild::production(project.id, Trigger::Created, branch.clone(), None);
            store.enqueue(build).await?;
            let claimed = store.claim(Duration::from_secs(60), 9).await?.context("the build can be claimed")?;
            let staging = deploys.staging().join("seed");
            for (path, content) in files {
                let file = staging.join(path);
                std::fs::create_dir_all(file.parent().context("a file is in a directory")?)?;
                std::fs::write(file, content)?;
            }
            let artifact = Artifact { directory: staging, files: 0, bytes: 0, spa_fallback: None };
            published.push(
                deploys
                    .publish(&claimed.lease, &project, vec![BuiltService::site(artifact)], Some(0), &mut |_| {})
                    .await?
                    .id,
            );
            for pending in store.pending_activations().await? {
                assert!(matches!(deploys.activate(pending.id).await?, Activated::Live(_)));
            }
        }
        Ok(published)
    }

    /// A session of the user who owns what was published; the value of its cookie.
    pub(crate) async fn session(&self) -> Result<String> {
        let store = Store::open(&self.sqlite(), Clock::System).await?;
        let (owner, _) = store.user_by_login("owner").await?.context("something was published")?;
        let token = "a-session-of-the-tests-0123456789abcdef".to_owned();
        let token_hash = berth_secrets::token_hash(&token);
        let ttl = Duration::from_secs(3_600);
        store.create_session(owner.id, &NewSession { token_hash, ttl, user_agent: None, address: None }).await?;
        Ok(token)
    }
}

impl Running {
    pub(crate) async fn get(&self, host: &str, path: &str) -> String {
        self.raw(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await
    }

    pub(crate) async fn post_json(&self, host: &str, path: &str, body: &str) -> String {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        self.raw(head.as_bytes()).await
    }

    /// Sends bytes as they are and returns whatever comes until the connection ends.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A server that refuses early may reset the connection after its answer.
        let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Stops in order.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(15), self.ended).await;
        ended.expect("it stops within its limits").unwrap().expect("it ends without an error");
    }
}

/// The three digits of an answer.
pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}
