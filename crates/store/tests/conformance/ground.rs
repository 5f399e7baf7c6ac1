//! What a story stands on: an empty database of either kind, a clock that is moved by hand, and short ways to the
//! things that most stories begin with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use berth_model::{
    Access, ActivationId, BranchName, Commit, CommitHash, DeploymentId, ProjectName, Reason, RepoUrl, Role, Timestamp,
    Trigger, UserId,
};
use berth_model::{Clock, EventPayload};
use berth_secrets::Sealed;
use berth_store::testing::PostgresServer;
use berth_store::{
    Accepted, ActivationDecision, Backend, Build, Claimed, Deployment, GithubProfile, NewBuild, NewDelivery,
    NewDeployment, NewProject, Project, Store, Verdict,
};
use sqlx::{ConnectOptions, Connection, Row};
use tempfile::TempDir;

/// How long a claim holds in the stories.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// An empty store, and what keeps its database in being.
pub(crate) struct Ground {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) url: String,
    keeps: Keeps,
}

enum Keeps {
    File(TempDir),
    Server { shared: Arc<PostgresServer> },
}

impl Ground {
    pub(crate) async fn sqlite() -> Self {
        let directory = TempDir::new().unwrap();
        let url = format!("sqlite://{}", directory.path().join("berth.db").display());
        Self::over(url, Keeps::File(directory)).await
    }

    pub(crate) async fn postgres() -> Self {
        let server = tokio::task::spawn_blocking(PostgresServer::shared).await.unwrap();
        let url = server.new_database();
        Self::over(url, Keeps::Server { shared: server }).await
    }

    async fn over(url: String, keeps: Keeps) -> Self {
        let clock = Clock::manual(Timestamp(1_750_000_000_000_000));
        let store = Store::open(&url, clock.clone()).await.unwrap();
        Self { store, clock, url, keeps }
    }

    /// The file of SQLite's database; `None` on PostgreSQL.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        match &self.keeps {
            Keeps::File(directory) => Some(directory.path().join("berth.db")),
            Keeps::Server { .. } => None,
        }
    }

    /// The address of another database of the same kind, without tables.
    pub(crate) fn empty_database(&self) -> String {
        match &self.keeps {
            Keeps::File(directory) => format!("sqlite://{}", directory.path().join("another.db").display()),
            Keeps::Server { shared } => shared.new_database(),
        }
    }

    /// A second process, as far as the database can tell.
    pub(crate) async fn another_process(&self) -> Store {
        Store::open(&self.url, self.clock.clone()).await.unwrap()
    }

    /// A signed-in member.
    pub(crate) async fn member(&self, github_id: i64) -> Access {
        let profile = GithubProfile { github_id, login: format!("member-{github_id}"), email: None, avatar: None };
        let user = self.store.sign_in_github(&profile, true, None, sealed_for).await.unwrap().unwrap();
        Access::of(user.id, user.role)
    }

    /// The first administrator.
    pub(crate) async fn admin(&self) -> Access {
        let user = self.store.create_first_admin("root", None, "hash").await.unwrap();
        Access::of(user.id, user.role)
    }

    /// A project of somebody's, following `main`.
    pub(crate) async fn project(&self, access: Access, name: &str) -> Project {
        self.store.create_project(access, new_project(name), &host(name), |_| Vec::new()).await.unwrap()
    }

    /// A project of somebody's with a repository of its own.
    pub(crate) async fn project_of(&self, access: Access, name: &str, repo: &str) -> Project {
        let new = NewProject { repo_url: Some(RepoUrl::parse(repo).unwrap()), ..new_project(name) };
        self.store.create_project(access, new, &host(name), |_| Vec::new()).await.unwrap()
    }

    /// A queued build of `main`.
    pub(crate) async fn push(&self, project: &Project) -> Build {
        self.store.enqueue(push_of(project)).await.unwrap()
    }

    pub(crate) async fn claim(&self) -> Option<Claimed> {
        self.store.claim(LEASE, 10).await.unwrap()
    }

    /// Builds and publishes what was pushed last; it is `ready` and wants to go live.
    pub(crate) async fn publish(&self, project: &Project) -> Deployment {
        let pushed = self.push(project).await;
        let claimed = self.claim().await.unwrap();
        assert_eq!(claimed.build.id, pushed.id);
        self.publish_claimed(&claimed).await
    }

    pub(crate) async fn publish_claimed(&self, claimed: &Claimed) -> Deployment {
        let (id, short_id) = self.store.reserve_deployment(&claimed.lease).await.unwrap();
        let host = host(&format!("{}-{short_id}", claimed.project.name));
        let new = NewDeployment { id, short_id, host, files: 3, bytes: 1_000, services: None };
        self.store.publish_deployment(&claimed.lease, new, Some(0)).await.unwrap()
    }

    /// Puts live what its build wants live, as the deploy engine does.
    pub(crate) async fn activate_build(&self, deployment: DeploymentId) -> Deployment {
        let pending = self.store.pending_activations().await.unwrap();
        let activation = pending.iter().find(|activation| activation.deployment == deployment).unwrap();
        self.decide_and_confirm(activation.id).await
    }

    /// An activation that may go, and the edge answers.
    pub(crate) async fn decide_and_confirm(&self, activation: ActivationId) -> Deployment {
        let decision = self.store.decide_activation(activation).await.unwrap();
        assert!(matches!(decision, ActivationDecision::Go { .. }), "{decision:?}");
        self.store.confirm_activation(activation).await.unwrap()
    }

    /// A build from push to live.
    pub(crate) async fn go_live(&self, project: &Project) -> Deployment {
        let deployment = self.publish(project).await;
        self.activate_build(deployment.id).await
    }

    /// What happened since the beginning.
    pub(crate) async fn events(&self) -> Vec<EventPayload> {
        let events = self.store.events_after(berth_model::EventId(0), 1_000).await.unwrap();
        assert!(events.windows(2).all(|pair| pair[0].id < pair[1].id));
        events.into_iter().map(|event| event.payload).collect()
    }
}

pub(crate) fn sealed_for(user: UserId) -> Sealed {
    Sealed::stored(format!("sealed for {user}"))
}

pub(crate) fn host(label: &str) -> String {
    format!("{label}.example.org")
}

pub(crate) fn main_branch() -> BranchName {
    BranchName::parse("main").unwrap()
}

pub(crate) fn name(text: &str) -> ProjectName {
    ProjectName::parse(text, &[]).unwrap()
}

pub(crate) fn repo() -> RepoUrl {
    RepoUrl::parse("https://github.com/acme/shop").unwrap()
}

pub(crate) fn new_project(text: &str) -> NewProject {
    NewProject {
        build_command: Some("npm run build".to_owned()),
        spa_fallback: Some(true),
        previews: true,
        ..NewProject::new(name(text), main_branch(), Some(repo()))
    }
}

pub(crate) fn commit(digit: char) -> Commit {
    Commit {
        hash: CommitHash::parse(&digit.to_string().repeat(40)).unwrap(),
        message: format!("Change {digit}"),
        author: "Ada".to_owned(),
    }
}

pub(crate) fn push_of(project: &Project) -> NewBuild {
    NewBuild::production(project.id, Trigger::Push, main_branch(), Some(commit('a')))
}

pub(crate) fn delivery(delivery_id: &str, project: &Project) -> NewDelivery {
    NewDelivery {
        provider: "github",
        delivery_id: Some(delivery_id.to_owned()),
        event: "push".to_owned(),
        verdict: Verdict::Accepted,
        reason: Reason::Push { branch: "main".into() }.into(),
        repo: Some(repo().key()),
        projects: vec![project.id],
        hook: None,
        replay_of: None,
        body: Some(b"{}".to_vec()),
    }
}

pub(crate) fn builds(accepted: Accepted) -> Option<Vec<Build>> {
    match accepted {
        Accepted::Now { builds, .. } => Some(builds),
        Accepted::Duplicate => None,
    }
}

/// An administrator by role, for asking as somebody else.
pub(crate) fn admin_of(access: Access) -> Access {
    Access::of(access.user(), Role::Admin)
}

/// Runs a statement behind the store's back; the first number of its answer, if it has one.
pub(crate) async fn raw(backend: Backend, url: &str, sql: &str) -> Option<i64> {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    match backend {
        Backend::Sqlite => {
            let options: sqlx::sqlite::SqliteConnectOptions = url.parse().unwrap();
            let mut connection = options.connect().await.unwrap();
            let row = sqlx::query(sql).fetch_optional(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            row.map(|row| row.get(0))
        }
        Backend::Postgres => {
            let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
            let mut connection = options.connect().await.unwrap();
            let row = sqlx::query(sql).fetch_optional(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            row.map(|row| row.get(0))
        }
    }
}
