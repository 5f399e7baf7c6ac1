//! What a git host is to be told.

use std::time::Duration;

use berth_model::{EventPayload, ProjectId, RepoUrl};
use berth_secrets::Sealed;
use berth_store::{DueReport, ProjectChange, Report, ReportEnd, ReportKind, ReportMark, StoreError};

use crate::ground::{Ground, host, sealed_for};

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
    // Each step of a build would ask again what was refused; only news does.
    store.mark_reports(cursor, &[ReportMark { unless_told: true, ..marks[0].clone() }]).await.unwrap();
    assert_eq!(waiting(&ground).await, []);
    let stranger = ground.member(2).await;
    assert!(matches!(store.reports_of(stranger, shop.id, 10).await, Err(StoreError::Forbidden)));
}

/// Reports wait for their owner's token, and nobody else's do.
pub(crate) async fn a_refused_token_holds_its_owners_reports(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.member(1).await, ground.member(2).await);
    let shop = ground.project(ada, "shop").await;
    let blog = ground.project_of(bob, "blog", "https://github.com/bob/blog").await;
    let cursor = store.reports_cursor().await.unwrap();
    let marks = [mark(shop.id, ReportKind::Status, 7), mark(blog.id, ReportKind::Status, 8)];
    store.mark_reports(cursor, &marks).await.unwrap();
    let former = Sealed::stored("of before they connected GitHub again".to_owned());
    assert!(!store.github_refused(ada.user(), &former).await.unwrap(), "it says nothing of the token of now");
    assert!(store.github_refused(ada.user(), &sealed_for(ada.user())).await.unwrap());
    assert!(!store.github_refused(ada.user(), &sealed_for(ada.user())).await.unwrap(), "it is no news");
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

/// The host is there again: what waits is not kept waiting for the rest of its pause.
pub(crate) async fn what_is_told_wakes_what_waits(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.member(1).await, ground.member(2).await);
    let shop = ground.project(ada, "shop").await;
    let docs = ground.project_of(ada, "docs", "https://github.com/ada/docs").await;
    let blog = ground.project_of(bob, "blog", "https://github.com/bob/blog").await;
    let cursor = store.reports_cursor().await.unwrap();
    let marks = [&shop, &docs, &blog].map(|project| mark(project.id, ReportKind::Status, 7));
    store.mark_reports(cursor, &marks).await.unwrap();
    let at = ground.clock.now().after(Duration::from_secs(3_600));
    for due in waiting(&ground).await {
        store.end_report(&due.report, ReportEnd::Later { at, problem: "away".to_owned() }).await.unwrap();
    }
    store.mark_reports(cursor, &[mark(shop.id, ReportKind::Status, 8)]).await.unwrap();
    let dues = async || waiting(&ground).await.into_iter().map(|due| (due.report.project, due.report.due_at));
    let news = waiting(&ground).await.remove(0).report;
    assert_eq!(news.subject, 8);
    store.end_report(&news, ReportEnd::Told(None)).await.unwrap();
    assert!(dues().await.all(|(_, due)| due == Some(at)), "nothing was said, and nothing is known of the host");
    store.mark_reports(cursor, &[mark(shop.id, ReportKind::Status, 8)]).await.unwrap();
    store.end_report(&waiting(&ground).await.remove(0).report, told("success")).await.unwrap();
    let now = Some(ground.clock.now());
    assert_eq!(dues().await.collect::<Vec<_>>(), [(shop.id, now), (docs.id, now), (blog.id, Some(at))]);
}

/// A repository with a hundred reports is one among others.
pub(crate) async fn each_repository_has_its_turn(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let docs = ground.project_of(access, "docs", "https://github.com/ada/docs").await;
    let cursor = store.reports_cursor().await.unwrap();
    let mut marks: Vec<_> = (1..=100).map(|subject| mark(shop.id, ReportKind::Status, subject)).collect();
    marks.push(mark(docs.id, ReportKind::Status, 101));
    store.mark_reports(cursor, &marks).await.unwrap();
    let subjects = async || waiting(&ground).await.into_iter().map(|due| due.report.subject).collect::<Vec<_>>();
    assert_eq!(subjects().await, [1, 101]);
    let first = waiting(&ground).await.remove(0).report;
    let at = ground.clock.now().after(Duration::from_secs(10));
    store.end_report(&first, ReportEnd::Later { at, problem: "away".to_owned() }).await.unwrap();
    assert_eq!(subjects().await, [2, 101], "what waits for its next attempt lets others go first");
}

/// What the other repository was told has numbers that mean nothing in this one.
pub(crate) async fn another_repository_was_told_nothing(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let cursor = store.reports_cursor().await.unwrap();
    store.mark_reports(cursor, &[mark(shop.id, ReportKind::Comment, 7)]).await.unwrap();
    let read = only(&ground).await;
    store.name_report(read.id, 4_711).await.unwrap();
    let change = |url: &str| ProjectChange { repo_url: Some(RepoUrl::parse(url).unwrap()), ..Default::default() };
    let same = change("https://github.com/acme/shop.git");
    store.update_project(access, shop.id, same, &host("shop"), Vec::new()).await.unwrap();
    assert_eq!(only(&ground).await.remote_id, Some(4_711));
    let other = change("https://github.com/acme/another");
    store.update_project(access, shop.id, other, &host("shop"), Vec::new()).await.unwrap();
    store.end_report(&read, told("late")).await.unwrap();
    store.mark_reports(cursor, &[mark(shop.id, ReportKind::Comment, 7)]).await.unwrap();
    let anew = only(&ground).await;
    assert_eq!((anew.remote_id, anew.told), (None, None));

    // Nor does a hook follow that was asked for before.
    let former = RepoUrl::parse("https://github.com/acme/shop").unwrap().key();
    store.set_webhook_of_repo(&former, &[shop.id], 77).await.unwrap();
    store.set_webhook_problem(&former, shop.id, "it is lost").await.unwrap();
    let now = store.project(access, shop.id).await.unwrap();
    assert_eq!((now.webhook_id, now.webhook_problem.as_deref()), (None, None));
    store.set_webhook_of_repo(&now.repo_key().unwrap(), &[shop.id], 78).await.unwrap();
    assert_eq!(store.project(access, shop.id).await.unwrap().webhook_id, Some(78));
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
    let site = store.host_of_branch(shop.id, first.environment, &first.branch).await.unwrap();
    assert_eq!(site, Some(host("shop")));
    let second = store.rebuild(access, first.id).await.unwrap();
    assert!(store.has_later_build_of_commit(&first).await.unwrap());
    assert!(!store.has_later_build_of_commit(&second).await.unwrap());
    assert_eq!(store.passed_build_of_commit(&second).await.unwrap().map(|good| good.id), Some(first.id));
    store.request_cancel(access, second.id).await.unwrap();
    assert!(!store.has_later_build_of_commit(&first).await.unwrap(), "nothing became of it");
    assert_eq!(store.passed_build_of_commit(&first).await.unwrap(), None);
}
