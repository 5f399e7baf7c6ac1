//! What `POST /api/v1/detections` asks for and answers. The engine's part is played here, as the worker's elsewhere: what
//! a repository becomes is tested with the engine.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use axum::http::StatusCode;
use berth_api::{Detecting, Detection, DetectionError, DetectionRequest, Detector, SourceToken};
use berth_model::{
    BranchName, Commit, CommitHash, Decision, Failure, FailureCode, OutputDir, Plan, PlanService, Reason, RepoUrl,
    RootDir, ServiceKind, ServiceName, ServiceRoute, Warnings,
};
use http::header::RETRY_AFTER;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::harness::{App, Person};

/// Answers with what it is told to, else with a plan of plain files; keeps what it was asked.
#[derive(Default)]
pub(crate) struct ScriptedDetector {
    asked: Mutex<Vec<DetectionRequest>>,
    answers: Mutex<VecDeque<Result<Detection, DetectionError>>>,
    /// While set, a detection ends only by a permit or when it is canceled.
    gate: Mutex<Option<Arc<Semaphore>>>,
    running: Arc<AtomicUsize>,
    /// While set, a detection ends in a panic that prints all it has.
    panics: AtomicBool,
}

impl Detector for ScriptedDetector {
    fn detect(&self, wanted: DetectionRequest, cancel: CancellationToken) -> Detecting {
        assert!(!self.panics.load(Ordering::SeqCst), "asked for {wanted:?}");
        self.asked.lock().unwrap().push(wanted);
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or_else(|| Ok(plain_files()));
        let (gate, running) = (self.gate.lock().unwrap().clone(), Arc::clone(&self.running));
        Box::pin(async move {
            running.fetch_add(1, Ordering::SeqCst);
            let outcome = match gate {
                None => answer,
                Some(gate) => tokio::select! {
                    _ = gate.acquire() => answer,
                    () = cancel.cancelled() => Err(DetectionError::Canceled),
                },
            };
            running.fetch_sub(1, Ordering::SeqCst);
            outcome
        })
    }
}

impl ScriptedDetector {
    fn answers(&self, failure: Failure) {
        self.answers.lock().unwrap().push_back(Err(DetectionError::Theirs(Box::new(failure))));
    }

    fn last(&self) -> DetectionRequest {
        self.asked.lock().unwrap().last().unwrap().clone()
    }

    fn close_the_gate(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.gate.lock().unwrap() = Some(Arc::clone(&gate));
        gate
    }

    async fn until_running(&self, count: usize) {
        while self.running.load(Ordering::SeqCst) != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn plain_files() -> Detection {
    let framework = Decision::new("static-html".to_owned(), "files", Reason::PlainPages);
    let output_directory = Decision::new(OutputDir::parse("").unwrap(), "default", Reason::OwnDirectory);
    let service = PlanService {
        name: ServiceName::only(),
        routes: vec![ServiceRoute::everything()],
        environment: std::collections::BTreeMap::new(),
        origins: std::collections::BTreeMap::new(),
        kind: ServiceKind::Static { output_directory },
        root_directory: Decision::new(RootDir::default(), "default", Reason::TopOfRepository),
        framework,
        toolchain: None,
        dockerfile: None,
        install_command: None,
        install_directory: RootDir::default(),
        build_command: None,
        workspace_packages: None,
        warnings: Warnings::default(),
    };
    let hash = CommitHash::parse(&"a".repeat(40)).unwrap();
    let commit = Commit { hash, message: "Open the shop".into(), author: "Ada".into() };
    Detection { commit, plan: Plan { services: vec![service] }, refusal: None }
}

const ELSEWHERE: &str = "https://git.example.org/ada/shop";

async fn detect(app: &App, who: &Person, body: Value) -> crate::harness::Answer {
    app.post("/api/v1/detections", Some(who), body).await
}

#[tokio::test]
async fn the_commit_and_the_plan_with_its_reasons() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let wanted = json!({
        "repoUrl": ELSEWHERE, "branch": "main", "rootDirectory": "apps/web", "buildCommand": "", "nodeVersion": "22",
        "repoToken": "glpat-x7Qm2Vn8Rt4K", "repoUser": "bot",
    });
    let answer = detect(&app, &ada, wanted).await;
    assert!(!answer.text.contains("glpat"), "{}", answer.text);
    let body = answer.expect(StatusCode::OK);
    assert_eq!(body["commit"], json!({"hash": "a".repeat(40), "message": "Open the shop", "author": "Ada"}));
    let framework = &body["plan"]["services"][0]["framework"];
    assert_eq!(framework["reason"], "an index.html, and nothing to build");
    assert_eq!(framework["because"], json!([{"code": "plain_pages"}]));
    assert_eq!(body["refusal"], Value::Null);
    let asked = app.detector.last();
    assert_eq!(
        (asked.repo_url, asked.branch),
        (RepoUrl::parse(ELSEWHERE).unwrap(), BranchName::parse("main").unwrap())
    );
    assert_eq!(asked.root_directory.unwrap().as_str(), "apps/web");
    assert_eq!((asked.build_command.as_deref(), asked.node_version.as_deref()), (Some(""), Some("22")));
    let Some(SourceToken::Project(token, Some(user))) = asked.token else { panic!("the token that was given") };
    assert_eq!((token.expose(), user.as_str()), ("glpat-x7Qm2Vn8Rt4K", "bot"));
}

/// Crash text goes to standard error, where others read it than may read the secret.
#[tokio::test]
async fn a_panic_with_a_token_in_hand_prints_none() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.detector.panics.store(true, Ordering::SeqCst);
    let (printed, panics) = mpsc::channel();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let _ = printed.send(panic.to_string());
        before(panic);
    }));
    let wanted = json!({"repoUrl": ELSEWHERE, "branch": "main", "repoToken": "glpat-x7Qm2Vn8Rt4K"});
    let answer = detect(&app, &ada, wanted).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.text.contains("asked for"), "{}", answer.text);
    let printed: String = panics.try_iter().filter(|panic| panic.contains("asked for")).collect();
    assert!(printed.contains("token: Some(Project(***") && !printed.contains("glpat"), "{printed}");
}

#[tokio::test]
async fn a_server_application_is_planned_and_the_reason_why_it_is_not_run_is_told() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let refusal = Failure::new(FailureCode::ServerApplication, "this is a server application", "Make it static.");
    app.detector.answers.lock().unwrap().push_back(Ok(Detection { refusal: Some(refusal), ..plain_files() }));
    let body = detect(&app, &ada, json!({"repoUrl": ELSEWHERE, "branch": "main"})).await.expect(StatusCode::OK);
    assert_eq!(body["refusal"]["code"], "server_application");
}

#[tokio::test]
async fn whose_token_opens_the_repository() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let at_github = format!("{}octo-org/shop", app.github.url);
    let ask = async |who: &Person, body: Value| {
        detect(&app, who, body).await.expect(StatusCode::OK);
        app.detector.last()
    };
    let account = ask(&ada, json!({"repoUrl": at_github, "branch": "main"})).await.token;
    assert!(matches!(account, Some(SourceToken::Account(_))), "{account:?}");
    let elsewhere = ask(&ada, json!({"repoUrl": ELSEWHERE, "branch": "main"})).await.token;
    assert!(elsewhere.is_none(), "GitHub's token goes to GitHub only: {elsewhere:?}");

    let shop = json!({"name": "shop", "branch": "main", "repoUrl": ELSEWHERE, "repoToken": "glpat-x7Qm2Vn8Rt4K"});
    let id = app.post("/api/v1/projects", Some(&ada), shop).await.expect(StatusCode::CREATED)["project"]["id"].clone();
    let stored = ask(&ada, json!({"projectId": id})).await;
    assert_eq!((stored.repo_url.as_str(), stored.branch.as_str()), (ELSEWHERE, "main"));
    assert!(matches!(&stored.token, Some(SourceToken::Project(token, None)) if token.expose() == "glpat-x7Qm2Vn8Rt4K"));
    let moved = ask(&ada, json!({"projectId": id, "repoUrl": "https://other.example.org/a/b"})).await;
    assert!(moved.token.is_none(), "a token does not follow to another host");

    let theirs = detect(&app, &bob, json!({"projectId": id})).await;
    assert_eq!(theirs.status, StatusCode::NOT_FOUND, "{}", theirs.text);
}

#[tokio::test]
async fn everything_wrong_is_told_with_its_field() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let bad = json!({"repoUrl": "http://10.0.0.1/a/b", "branch": "..", "rootDirectory": "/etc", "plan": 1});
    let body = detect(&app, &ada, bad).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let fields: Vec<_> =
        body["error"]["fields"].as_array().unwrap().iter().map(|field| field["field"].clone()).collect();
    assert_eq!(fields, ["repoUrl", "branch", "rootDirectory", "plan"]);

    let unavailable = |setting: Option<&str>| {
        let failure = Failure::new(FailureCode::SourceUnavailable, "it is not there", "Look elsewhere.");
        setting.map_or(failure.clone(), |setting| failure.with_setting(setting))
    };
    for (failure, status, code, field) in [
        (unavailable(Some("branch")), 404, "branch_not_found", Some("branch")),
        (unavailable(Some("repoUrl")), 404, "repository_not_found", Some("repoUrl")),
        (unavailable(Some("repoToken")), 403, "repository_access", Some("repoToken")),
        (unavailable(Some("github")), 403, "github_reconnect", None),
        (unavailable(None), 502, "source_unavailable", None),
        (
            Failure::new(FailureCode::SourceTooLarge, "it is not there", "Look elsewhere."),
            422,
            "source_too_large",
            None,
        ),
    ] {
        app.detector.answers(failure);
        let answer = detect(&app, &ada, json!({"repoUrl": ELSEWHERE, "branch": "main"})).await;
        let told = answer.json();
        assert_eq!((answer.status.as_u16(), told["error"]["code"].as_str()), (status, Some(code)));
        assert_eq!(told["error"]["message"], "it is not there. Look elsewhere.");
        assert_eq!(told["error"]["fields"][0]["field"].as_str(), field, "{told}");
    }
    let hidden = Err(DetectionError::Ours("/var/lib/berth is full".into()));
    app.detector.answers.lock().unwrap().push_back(hidden);
    let answer = detect(&app, &ada, json!({"repoUrl": ELSEWHERE, "branch": "main"})).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.text.contains("/var/lib"), "{}", answer.text);
}

#[tokio::test]
async fn two_at_once_one_of_each_user_and_none_for_a_client_that_left() {
    let app = App::start().await;
    let people = [app.member("ada").await, app.member("bob").await, app.member("eve").await];
    let gate = app.detector.close_the_gate();
    let body = || json!({"repoUrl": ELSEWHERE, "branch": "main"});
    let mut asking: Vec<_> = [0, 0, 1, 2].map(|person| Box::pin(detect(&app, &people[person], body()))).into();
    // Everybody asks; two get on, ada's first among them.
    tokio::select! {
        _ = &mut asking[0] => panic!("the gate is closed"),
        () = app.detector.until_running(1) => {}
    }
    tokio::select! {
        _ = futures_util::future::join_all(&mut asking) => panic!("the gate is closed"),
        () = app.detector.until_running(2) => {}
    }
    let rest = tokio::time::timeout(Duration::from_millis(50), futures_util::future::join_all(&mut asking));
    assert!(rest.await.is_err());
    let users = app.detector.asked.lock().unwrap().len();
    assert_eq!(users, 2, "ada's second and eve's wait");
    // Ada's first is given up: its turn is free once it has ended, and her second gets it or eve's does.
    drop(asking.remove(0));
    while app.detector.asked.lock().unwrap().len() < 3 {
        let _ = tokio::time::timeout(Duration::from_millis(10), futures_util::future::join_all(&mut asking)).await;
    }
    assert_eq!(app.detector.running.load(Ordering::SeqCst), 2);
    gate.add_permits(10);
    for answer in futures_util::future::join_all(asking).await {
        answer.expect(StatusCode::OK);
    }
    app.detector.until_running(0).await;
}

#[tokio::test]
async fn sixty_in_fifteen_minutes() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let body = || json!({"repoUrl": ELSEWHERE, "branch": "main"});
    for _ in 0..60 {
        detect(&app, &ada, body()).await.expect(StatusCode::OK);
    }
    let refused = detect(&app, &ada, body()).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.text);
    assert!(refused.headers.contains_key(RETRY_AFTER));
    detect(&app, &bob, body()).await.expect(StatusCode::OK);
    app.clock.advance(Duration::from_secs(15 * 60));
    detect(&app, &ada, body()).await.expect(StatusCode::OK);
}
