//! What is told of each state, word for word.

use std::fmt::Write;

use berth_model::{
    BranchName, BuildId, BuildStatus, Commit, CommitHash, DeploymentStatus as Stage, Environment, Failure, FailureCode,
    InstanceId, ProjectId, ProjectName, ReportId, Timestamp, Trigger, Why,
};
use berth_store::{Build, Report, ReportKind};

use super::facts::{Facts, Published};
use super::message::Message;
use super::{comment, deployment, pause, short, status};

const NOON: Timestamp = Timestamp(1_795_262_400_000_000);

fn facts(status: BuildStatus) -> Facts {
    let commit = Commit {
        hash: CommitHash::parse(&"a".repeat(40)).unwrap(),
        message: "Sell hats".to_owned(),
        author: "Ada".to_owned(),
    };
    Facts {
        project: ProjectName::parse("shop", &[]).unwrap(),
        build: Build {
            id: BuildId(7),
            project: ProjectId(1),
            status,
            trigger: Trigger::Push,
            environment: Environment::Preview,
            branch: BranchName::parse("feat/hats").unwrap(),
            commit_hash: Some(commit.hash),
            commit_message: Some(commit.message),
            commit_author: Some(commit.author),
            reason: None,
            pull_request: None,
            delivery: None,
            exit_code: None,
            failure: None,
            plan: None,
            steps: Vec::new(),
            attempts: 1,
            cancel_requested: false,
            published: None,
            created_at: NOON,
            started_at: None,
            finished_at: None,
        },
        deployment: None,
        site: Some("https://shop-git-feat-hats.example.org".to_owned()),
        page: "https://berth.example.org/builds/7".to_owned(),
    }
}

fn failed(code: FailureCode) -> Facts {
    let mut facts = facts(BuildStatus::Failed);
    facts.build.failure = Some(Failure::new(code, "`npm run build` ended with exit code 1", "…"));
    facts
}

fn passed(stage: Stage, was_live: bool) -> Facts {
    let published = Published {
        status: stage,
        activated_at: was_live.then_some(NOON),
        url: "https://shop-0123456789.example.org".to_owned(),
    };
    Facts { deployment: Some(published), ..facts(BuildStatus::Passed) }
}

fn because(status: BuildStatus, reason: &str) -> Facts {
    let mut facts = facts(status);
    facts.build.reason = Some(Why::kept(reason.to_owned(), None));
    facts
}

/// Every state that a build with its deployment can be found in.
fn every_state() -> Vec<(&'static str, Facts)> {
    vec![
        ("held", because(BuildStatus::Held, "a pull request from mallory/shop: approve it to build it")),
        ("queued", facts(BuildStatus::Queued)),
        ("running", facts(BuildStatus::Running)),
        ("failed", failed(FailureCode::CommandFailed)),
        ("failed by us", failed(FailureCode::Internal)),
        ("canceled", facts(BuildStatus::Canceled)),
        ("superseded", facts(BuildStatus::Superseded)),
        ("skipped", because(BuildStatus::Skipped, "no change under apps/web")),
        ("ready", passed(Stage::Ready, false)),
        ("live", passed(Stage::Live, true)),
        ("retired", passed(Stage::Retired, true)),
        ("overtaken", passed(Stage::Retired, false)),
        ("rolled back", passed(Stage::RolledBack, true)),
        ("not put live", passed(Stage::Failed, false)),
        ("removed", Facts { site: None, ..passed(Stage::Retired, true) }),
    ]
}

#[test]
fn a_commit_is_told_of() {
    let mut told = String::new();
    for (name, facts) in every_state() {
        for before in [None, Some("pending: Queued")] {
            let status = status::status(&facts, before);
            let line = status.map(|status| {
                assert_eq!(status.context, "berth/shop");
                Message::Status { commit: String::new(), status }.summary()
            });
            let _ = writeln!(
                told,
                "{name}{}: {}",
                if before.is_some() { ", again" } else { "" },
                line.as_deref().unwrap_or("-")
            );
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_deployment_is_told_of() {
    let mut told = String::new();
    for (name, facts) in every_state() {
        for is_known in [false, true] {
            let status = deployment::of_build(&facts, is_known);
            let new = crate::client::NewDeployment {
                commit: String::new(),
                environment: String::new(),
                production: false,
                transient: true,
                mark: String::new(),
            };
            let line = status.map(|status| Message::Deployment { new, status }.summary());
            let _ =
                writeln!(told, "{name}{}: {}", if is_known { ", known" } else { "" }, line.as_deref().unwrap_or("-"));
        }
    }
    insta::assert_snapshot!(told);
    let shop = ProjectName::parse("shop", &[]).unwrap();
    assert_eq!(deployment::environment(Environment::Production, &shop), "production – shop");
    assert_eq!(deployment::environment(Environment::Preview, &shop), "preview – shop");
}

#[test]
fn a_pull_request_has_one_table() {
    let instance = InstanceId::parse("0123456789ab").unwrap();
    assert_eq!(comment::comment(&instance, &[]), None);
    let mut hostile = failed(FailureCode::CommandFailed);
    let title = "cannot find `x` | @everyone <img src=x> [free hats](https://evil.example)\n| a | row |";
    hostile.build.failure = Some(Failure::new(FailureCode::CommandFailed, title, ""));
    let mut projects: Vec<Facts> = every_state().into_iter().map(|(_, facts)| facts).collect();
    projects.push(hostile);
    let text = comment::comment(&instance, &projects).unwrap();
    assert!(text.starts_with(&comment::mark(&instance)));
    insta::assert_snapshot!(text);
}

#[test]
fn a_good_commit_stays_good() {
    let told = |facts: &Facts| {
        let status = status::status(facts, None).unwrap();
        Message::Status { commit: String::new(), status }
    };
    let live = told(&passed(Stage::Live, true));
    assert!(live.says_no_more_than(&live.summary()));
    assert!(told(&passed(Stage::Retired, true)).says_no_more_than(&live.summary()), "its site moved on");
    assert!(!told(&facts(BuildStatus::Running)).says_no_more_than(&live.summary()));
    assert!(!live.says_no_more_than(&told(&facts(BuildStatus::Running)).summary()));
}

#[test]
fn descriptions_fit() {
    assert_eq!(short("one\nline"), "one line");
    let long = short(&"ü".repeat(200));
    assert_eq!((long.chars().count(), long.chars().last()), (140, Some('…')));
    assert_eq!(short(&"ü".repeat(140)).chars().last(), Some('ü'));
}

#[test]
fn pauses_grow_to_an_hour() {
    let report = |attempts| Report {
        id: ReportId(3),
        project: ProjectId(1),
        kind: ReportKind::Status,
        subject: 7,
        remote_id: None,
        told: None,
        changes: 1,
        attempts,
        problem: None,
        due_at: None,
        updated_at: NOON,
    };
    for (attempts, seconds) in [(0, 10), (1, 20), (2, 40), (5, 320), (9, 3_600), (60, 3_600)] {
        for moment in 0..50 {
            let pause = pause(&report(attempts), Timestamp(NOON.0 + moment * 1_234_567)).as_secs_f64();
            let around = f64::from(seconds);
            assert!((around * 0.799..around * 1.201).contains(&pause), "{attempts}: {pause}");
        }
    }
    let pauses: std::collections::HashSet<_> =
        (0..50).map(|moment| pause(&report(0), Timestamp(NOON.0 + moment * 1_234_567))).collect();
    assert!(pauses.len() > 10, "they differ");
}
