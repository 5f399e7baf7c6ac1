//! What a git host is to be told.

use std::time::Duration;

use berth_model::{EventPayload, ProjectId};
use berth_store::{DueReport, Report, ReportEnd, ReportKind, ReportMark, StoreError};

use crate::ground::{Ground, sealed_for};

fn mark(project: ProjectId, kind: ReportKind, subject: i64) -> ReportMark {
    ReportMark { project, kind, subject, unless_told: false }
}

async fn waiting(ground: &Ground) -> Vec<DueReport> {
    ground.store.waiting_reports(100).await.unwrap()
}

async fn only(ground: &Ground) -> Report {
    let [due] = waiting(ground).await.try_into().unwrap();
    due.report
}

fn told(text: &str) -> ReportEnd {
    ReportEnd::Told(Some(text.to_owned()))
}

/// What happened before Berth reported is no news, and what was marked is not marked again after a restart.
pub(crate) async fn the_log_is_followed_from_its_end(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let newest = *store.signals().subscribe_events().borrow();
    assert_eq!(store.reports_cursor().await.unwrap(), newest);
    ground.push(&shop).await;
    assert_eq!(store.reports_cursor().await.unwrap(), newest, "it moves only with the marks");
    let now = *store.signals().subscribe_events().borrow();
    store.mark_reports(now, &[mark(shop.id, ReportKind::Status, 7)]).await.unwrap();
    assert_eq!(ground.another_process().await.reports_cursor().await.unwrap(), now);
    let [due] = waiting(&ground).await.try_into().unwrap();
    assert_eq!((due.user, due.repo.as_str()), (access.user(), "github.com/acme/shop"));
    assert_eq!((due.report.subject, due.report.due_at), (7, Some(ground.clock.now())));
}

/// A row is done only if nothing happened since its state was read.
pub(crate) async fn what_changes_meanwhile_is_told_again(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let cursor = store.reports_cursor().await.unwrap();
    let marks = [mark(shop.id, ReportKind::Status, 7)];
    store.mark_reports(cursor, &marks).await.unwrap();
    let read = only(&ground).await;
    store.begin_report(read.id).await.unwrap();
    store.mark_reports(cursor, &marks).await.unwrap();
    store.end_report(&read, told("pending")).await.unwrap();
    let again = only(&ground).await;
    assert_eq!((again.told.as_deref(), again.attempts, again.changes), (Some("pending"), 0, 2));
    store.end_report(&again, told("success")).await.unwrap();
    assert_eq!(waiting(&ground).await, []);
    // Progress matters only as long as nothing was told.
    store.mark_reports(cursor, &[ReportMark { unless_told: true, ..marks[0].clone() }]).await.unwrap();
    assert_eq!(waiting(&ground).await, []);
    store.mark_reports(cursor, &marks).await.unwrap();
    assert_eq!(only(&ground).await.told.as_deref(), Some("success"));
    // There is nothing to tell: what was told stays.
    store.end_report(&only(&ground).await, ReportEnd::Told(None)).await.unwrap();
    let [kept] = store.reports_of(access, shop.id, 10).await.unwrap().try_into().unwrap();
    assert_eq!((kept.told.as_deref(), kept.due_at), (Some("success"), None));
}

pub(crate) async fn a_pause_is_kept_and_a_refusal_ends(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let cursor = store.reports_cursor().await.unwrap();
    let marks = [mark(shop.id, ReportKind::Deployment, 7)];
    store.mark_reports(cursor, &marks).await.unwrap();
    let read = only(&ground).await;
    store.begin_report(read.id).await.unwrap();
    store.name_report(read.id, 4_711).await.unwrap();
    let at = ground.clock.now().after(Duration::from_secs(10));
    store.end_report(&read, ReportEnd::Later { at, problem: "away".to_owned() }).await.unwrap();
    store.mark_reports(cursor, &marks).await.unwrap();
    let later = only(&ground).await;
    assert_eq!((later.due_at, later.attempts, later.remote_id), (Some(at), 1, Some(4_711)), "news cut no pause short");
    store.end_report(&later, ReportEnd::Given { problem: "gone".to_owned() }).await.unwrap();
    assert_eq!(waiting(&ground).await, []);
    let [ended] = store.reports_of(access, shop.id, 10).await.unwrap().try_into().unwrap();
    assert_eq!((ended.problem.as_deref(), ended.due_at), (Some("gone"), None));
    let stranger = ground.member(2).await;
    assert!(matches!(store.reports_of(stranger, shop.id, 10).await, Err(StoreError::Forbidden)));
}

/// Reports wait for their owner's token, and nobody else's do.
pub(crate) async fn a_refused_token_holds_its_owners_reports(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.member(1).await, ground.member(2).await);
    let (shop, blog) = (ground.project(ada, "shop").await, ground.project(bob, "blog").await);
    let cursor = store.reports_cursor().await.unwrap();
    let marks = [mark(shop.id, ReportKind::Status, 7), mark(blog.id, ReportKind::Status, 8)];
    store.mark_reports(cursor, &marks).await.unwrap();
    assert!(store.github_refused(ada.user()).await.unwrap());
    assert!(!store.github_refused(ada.user()).await.unwrap(), "it is no news");
    assert_eq!(only(&ground).await.project, blog.id);
    assert!(store.user(ada.user()).await.unwrap().unwrap().github_refused_at.is_some());
    let profile = berth_store::GithubProfile { github_id: 1, login: "ada".to_owned(), email: None, avatar: None };
    store.connect_github(ada.user(), &profile, sealed_for).await.unwrap();
    assert_eq!(waiting(&ground).await.len(), 2);
    let events = ground.events().await;
    let of_ada = |event: &EventPayload| match event {
        EventPayload::GithubRefused { user } | EventPayload::GithubConnected { user } => *user == ada.user(),
        _ => false,
    };
    let told: Vec<_> = events.into_iter().filter(of_ada).collect();
    let refused = EventPayload::GithubRefused { user: ada.user() };
    let connected = EventPayload::GithubConnected { user: ada.user() };
    assert_eq!(told, [connected.clone(), refused, connected]);

    // GitHub's limit is the token's.
    let until = ground.clock.now().after(Duration::from_secs(60));
    store.put_off_reports(bob.user(), until).await.unwrap();
    let due: Vec<_> = waiting(&ground).await.into_iter().map(|due| (due.user, due.report.due_at)).collect();
    assert_eq!(due, [(ada.user(), Some(ground.clock.now())), (bob.user(), Some(until))]);

    store.delete_project(bob, blog.id).await.unwrap();
    store.mark_reports(cursor, &[mark(blog.id, ReportKind::Status, 9)]).await.unwrap();
    assert_eq!(only(&ground).await.project, shop.id);
}

/// A commit is spoken for by the newest of its builds that anything becomes of.
pub(crate) async fn the_newest_build_of_a_commit_speaks(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let live = ground.go_live(&shop).await;
    let first = store.build(access, live.build).await.unwrap();
    assert!(!store.has_later_build_of_commit(&first).await.unwrap());
    assert_eq!(store.published_by(first.id).await.unwrap().map(|published| published.id), Some(live.id));
    assert!(!store.is_promotion(live.id).await.unwrap());
    let host = store.host_of_branch(shop.id, first.environment, &first.branch).await.unwrap();
    assert_eq!(host, Some(crate::ground::host("shop")));
    let second = store.rebuild(access, first.id).await.unwrap();
    assert!(store.has_later_build_of_commit(&first).await.unwrap());
    assert!(!store.has_later_build_of_commit(&second).await.unwrap());
}
