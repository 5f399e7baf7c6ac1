//! What GitHub hears of what happened, over a real connection and a real database; GitHub alone is a fake.

mod fake;

use std::time::Duration;

use berth_github::{Addresses, Github, Reporter};
use berth_model::{
    Access, BranchName, Clock, Commit, CommitHash, Environment, InstanceId, ProjectId, ProjectName, PullRequest,
    RepoUrl, Timestamp, Trigger,
};
use berth_secrets::KeyRing;
use berth_store::{Admission, Build, GithubProfile, NewBuild, NewProject, Project, Report, ReportKind, Store};
use http::Method;
use tempfile::TempDir;
use url::Url;

use crate::fake::{FakeGithub, Next};

struct World {
    github: FakeGithub,
    store: Store,
    clock: Clock,
    keys: KeyRing,
    reporter: Reporter,
    _database: TempDir,
}

impl World {
    async fn begin() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = TempDir::new().unwrap();
        let clock = Clock::manual(Timestamp(1_795_000_000_000_000));
        let url = format!("sqlite://{}", database.path().join("berth.db").display());
        let store = Store::open(&url, clock.clone()).await.unwrap();
        let keys = KeyRing::new(&[7; 32]);
        let github = FakeGithub::start().await;
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let reporter = Reporter::new(
            store.clone(),
            keys.clone(),
            Github::new(http, github.url.clone(), clock.clone()),
            Url::parse("https://github.test").unwrap(),
            InstanceId::parse("0123456789ab").unwrap(),
            Addresses {
                public_url: Url::parse("https://berth.test").unwrap(),
                site_scheme: "https".to_owned(),
                site_port: None,
            },
        );
        reporter.follow().await.unwrap();
        Self { github, store, clock, keys, reporter, _database: database }
    }

    /// Somebody whose account at GitHub has this number, which their token says, too.
    async fn member(&self, github_id: i64) -> Access {
        let profile = GithubProfile { github_id, login: format!("member{github_id}"), email: None, avatar: None };
        let seal = |user| self.keys.seal_for_user(user, "github", &format!("token of {github_id}"));
        let user = self.store.sign_in_github(&profile, true, None, seal).await.unwrap().unwrap();
        Access::of(user.id, user.role)
    }

    /// A project of `ada/shop`.
    async fn project(&self, access: Access, name: &str) -> Project {
        let repo = RepoUrl::parse("https://github.test/ada/shop").unwrap();
        let (host, name) = (format!("{name}.example.org"), ProjectName::parse(name, &[]).unwrap());
        let new =
            NewProject { previews: true, ..NewProject::new(name, BranchName::parse("main").unwrap(), Some(repo)) };
        self.store.create_project(access, new, &host, |_| Vec::new()).await.unwrap()
    }

    async fn push(&self, project: &Project, digit: char) -> Build {
        let new = NewBuild::production(project.id, Trigger::Push, project.branch.clone(), Some(commit(digit)));
        self.store.enqueue(new).await.unwrap()
    }

    async fn pull_request(&self, project: &Project, number: i64, digit: char) -> Build {
        let new = NewBuild {
            project: project.id,
            trigger: Trigger::PullRequest,
            environment: Environment::Preview,
            branch: BranchName::parse("feature").unwrap(),
            commit: Some(commit(digit)),
            pull_request: Some(PullRequest { number, fork: None }),
            admission: Admission::Queued,
        };
        self.store.enqueue(new).await.unwrap()
    }

    /// Follows the log and takes up what is due until nothing is.
    async fn tell(&self) {
        self.reporter.follow().await.unwrap();
        loop {
            let now = self.clock.now();
            let waiting = self.store.waiting_reports(10).await.unwrap();
            let Some(due) = waiting.into_iter().find(|due| due.report.due_at.is_some_and(|at| at <= now)) else {
                break;
            };
            self.reporter.send(&due).await.unwrap();
        }
    }

    async fn report(&self, access: Access, project: ProjectId, kind: ReportKind) -> Report {
        let reports = self.store.reports_of(access, project, 50).await.unwrap();
        reports.into_iter().find(|report| report.kind == kind).unwrap()
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn commit(digit: char) -> Commit {
    Commit {
        hash: CommitHash::parse(&digit.to_string().repeat(40)).unwrap(),
        message: "Change".to_owned(),
        author: "Ada".to_owned(),
    }
}

fn is_status(call: &&fake::Call) -> bool {
    call.path.contains("/statuses/")
}

#[tokio::test]
async fn what_github_did_not_take_is_told_again() {
    let world = World::begin().await;
    let ada = world.member(1).await;
    let shop = world.project(ada, "shop").await;
    world.push(&shop, 'a').await;
    let away = || Next::Refused(502, "Bad Gateway");
    world.github.memory().next.extend([away(), away()]);
    world.tell().await;
    let waits = world.report(ada, shop.id, ReportKind::Status).await;
    assert!(waits.told.is_none() && waits.due_at > Some(world.clock.now()), "{waits:?}");
    world.github.heard();
    world.later(15);
    world.tell().await;
    let heard = world.github.heard();
    let statuses: Vec<_> = heard.iter().filter(is_status).collect();
    assert_eq!(statuses.len(), 1, "{heard:?}");
    assert_eq!((statuses[0].token.as_str(), &statuses[0].body["state"]), ("token of 1", &"pending".into()));
    let told = world.report(ada, shop.id, ReportKind::Status).await;
    assert_eq!((told.due_at, told.problem), (None, None));
}

/// The limit against bursts may be told by nothing but the refusal's message: nothing is lost, and nobody goes on asking.
#[tokio::test]
async fn a_limit_that_no_header_tells_is_a_limit() {
    let world = World::begin().await;
    let ada = world.member(1).await;
    let shop = world.project(ada, "shop").await;
    world.push(&shop, 'a').await;
    let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    world.github.memory().next.push_back(Next::Refused(403, message));
    world.tell().await;
    assert_eq!(world.github.heard().len(), 1, "nothing more is sent with that token");
    world.later(59);
    world.push(&shop, 'b').await;
    world.tell().await;
    assert_eq!(world.github.heard().len(), 0);
    world.later(2);
    world.tell().await;
    let heard = world.github.heard();
    assert!(heard.iter().filter(is_status).any(|call| call.path.ends_with(&"b".repeat(40))), "{heard:?}");
    assert_eq!(world.report(ada, shop.id, ReportKind::Status).await.problem, None);
}

/// A repository that was renamed is where GitHub says, with the token as long as it stays at GitHub.
#[tokio::test]
async fn a_renamed_repository_is_followed_within_github() {
    let world = World::begin().await;
    let elsewhere = FakeGithub::start().await;
    let ada = world.member(1).await;
    let shop = world.project(ada, "shop").await;
    world.push(&shop, 'a').await;
    let there = format!("{}repositories/7/statuses/{}", world.github.url, "a".repeat(40));
    world.github.memory().next.push_back(Next::Moved(307, there));
    world.tell().await;
    let heard = world.github.heard();
    let [asked, followed] = &heard[..2] else { unreachable!() };
    assert_eq!(followed.path, format!("/repositories/7/statuses/{}", "a".repeat(40)));
    assert_eq!((&followed.method, &followed.token, &followed.body), (&Method::POST, &asked.token, &asked.body));
    assert!(world.report(ada, shop.id, ReportKind::Status).await.told.is_some());

    world.push(&shop, 'b').await;
    let away = format!("{}repositories/7/statuses/x", elsewhere.url);
    world.github.memory().next.extend([Next::Moved(301, away.clone()), Next::Moved(301, away)]);
    world.tell().await;
    assert_eq!(elsewhere.heard().len(), 0, "no token goes elsewhere");
    let reports = world.store.reports_of(ada, shop.id, 50).await.unwrap();
    let ended: Vec<_> = reports.iter().filter(|report| report.problem.is_some()).collect();
    assert!(!ended.is_empty() && ended.iter().all(|report| report.due_at.is_none()), "{reports:?}");
    assert!(ended[0].problem.as_deref().unwrap().contains("change the project's repository"), "{ended:?}");

    // From one place to the next and back is no way.
    world.push(&shop, 'c').await;
    let circle = || Next::Moved(307, format!("{}round", world.github.url));
    world.github.heard();
    world.github.memory().next.extend([circle(), circle()]);
    world.tell().await;
    let round = world.github.heard().iter().filter(|call| call.path == "/round").count();
    assert_eq!(round, 1);
}

/// Berth died, or the answer got lost, after GitHub had made the comment: it is found, and there is one.
#[tokio::test]
async fn a_comment_whose_number_was_not_heard_is_found_again() {
    let world = World::begin().await;
    let ada = world.member(1).await;
    let shop = world.project(ada, "shop").await;
    world.push(&shop, 'a').await;
    world.tell().await;
    // A stranger may have copied the mark.
    world.github.memory().comments.push((9_000, "token of 66".to_owned(), "<!-- berth:0123456789ab -->".to_owned()));
    world.pull_request(&shop, 7, 'b').await;
    world.github.memory().loses_comments = true;
    world.tell().await;
    let written = |world: &World| world.github.memory().comments.iter().map(|comment| comment.0).collect::<Vec<_>>();
    let [stranger, ours] = written(&world)[..] else { panic!("{:?}", written(&world)) };
    assert_eq!((stranger, world.report(ada, shop.id, ReportKind::Comment).await.remote_id), (9_000, None));
    world.github.memory().loses_comments = false;
    world.later(15);
    world.tell().await;
    assert_eq!(written(&world), [stranger, ours]);
    let told = world.report(ada, shop.id, ReportKind::Comment).await;
    assert_eq!((told.remote_id, told.due_at), (Some(ours), None));
}

/// Anybody may connect a public repository. A pull request's comment is its owner's, and speaks of nobody else.
#[tokio::test]
async fn a_strangers_project_writes_no_comment() {
    let world = World::begin().await;
    let (mallory, ada) = (world.member(66).await, world.member(1).await);
    world.github.memory().readers.insert("token of 66".to_owned());
    let copy = world.project(mallory, "copy").await;
    let shop = world.project(ada, "shop").await;
    world.store.set_webhook(shop.id, Some(5)).await.unwrap();
    world.github.memory().comments.push((9_000, "token of 66".to_owned(), "<!-- berth:0123456789ab -->".to_owned()));
    for project in [&copy, &shop] {
        world.pull_request(project, 7, 'b').await;
    }
    world.tell().await;
    world.later(15);
    world.tell().await;
    let comments = world.github.memory().comments.clone();
    let [_, (_, writer, text)] = &comments[..] else { panic!("{comments:?}") };
    assert_eq!(writer, "token of 1");
    assert!(text.contains("shop") && !text.contains("copy"), "{text}");
    let refused = world.report(mallory, copy.id, ReportKind::Status).await;
    assert!(refused.told.is_none() && refused.due_at.is_none() && refused.problem.is_some(), "{refused:?}");
}
