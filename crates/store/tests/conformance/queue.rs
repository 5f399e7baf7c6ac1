//! The queue, what a running build writes down, and its log.

use std::collections::HashSet;
use std::time::Duration;

use berth_model::{
    BuildStatus, Commit, Environment, EventId, EventPayload, Failure, FailureCode, LogLine, LogPhase, LogStream, Plan,
    Reason, Role, Step, StepName, StepState, Trigger, Why,
};
use berth_store::{Admission, BuildEnd, CancelOutcome, LeaseState, LogBatch, NewBuild, StoreError};

use crate::ground::{Ground, LEASE, commit, main_branch, push_of, raw};

fn failed() -> BuildEnd {
    let failure = Failure::new(FailureCode::CommandFailed, "the build failed", "exit code 1").at_line(3);
    BuildEnd { status: BuildStatus::Failed, exit_code: Some(1), failure: Some(failure) }
}

/// D6.
pub(crate) async fn ten_pushes_leave_the_last(ground: Ground) {
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let pushes = (0..10).map(|_| {
        let (store, push) = (ground.store.clone(), push_of(&shop));
        tokio::spawn(async move { store.enqueue(push).await.unwrap().id })
    });
    let mut ids = Vec::new();
    for push in pushes.collect::<Vec<_>>() {
        ids.push(push.await.unwrap());
    }
    let last = ids.into_iter().max().unwrap();
    let builds = ground.store.builds_of(access, shop.id, 100, None).await.unwrap();
    assert_eq!(builds.len(), 10);
    for build in &builds {
        let expected = if build.id == last { BuildStatus::Queued } else { BuildStatus::Superseded };
        assert_eq!(build.status, expected);
        assert_eq!(build.finished_at.is_some(), build.id != last);
    }
    assert_eq!(
        ground.store.newest_build(shop.id, Environment::Production, &main_branch()).await.unwrap().unwrap().id,
        last
    );
    let page = ground.store.builds_of(access, shop.id, 4, Some(builds[3].id)).await.unwrap();
    assert_eq!(page, builds[4..8]);
    assert_eq!(ground.claim().await.unwrap().build.id, last);
    assert!(ground.claim().await.is_none());
}

pub(crate) async fn news_that_several_find_are_queued_once(ground: Ground) {
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let finds = async |newest| {
        let looks = (0..8).map(|_| {
            let (store, push) = (ground.store.clone(), push_of(&shop));
            tokio::spawn(async move { store.enqueue_after(newest, push).await.unwrap() })
        });
        let mut queued = Vec::new();
        for look in looks.collect::<Vec<_>>() {
            queued.extend(look.await.unwrap());
        }
        queued
    };
    let [first] = &finds(None).await[..] else { panic!("one of eight queues the first build") };
    let [second] = &finds(Some(first.id)).await[..] else { panic!("one of eight queues the next") };
    assert!(finds(Some(first.id)).await.is_empty(), "what was seen is old news");
    // Another branch's builds are no news of this one.
    let mut other = push_of(&shop);
    other.branch = berth_model::BranchName::parse("next").unwrap();
    assert!(ground.store.enqueue_after(None, other).await.unwrap().is_some());
    assert!(ground.store.enqueue_after(Some(second.id), push_of(&shop)).await.unwrap().is_some());
}

pub(crate) async fn parallel_claims_never_share_a_build(ground: Ground) {
    let access = ground.member(1).await;
    for n in 0..12 {
        let project = ground.project(access, &format!("p{n}")).await;
        ground.push(&project).await;
    }
    // Two processes, many workers.
    let stores = [ground.store.clone(), ground.another_process().await];
    let claims = (0..16).map(|n| {
        let store = stores[n % 2].clone();
        tokio::spawn(async move { store.claim(LEASE, 100).await.unwrap().map(|claimed| claimed.build.id) })
    });
    let mut got = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        got.extend(claim.await.unwrap());
    }
    assert_eq!(got.len(), 12);
    assert_eq!(got.iter().collect::<HashSet<_>>().len(), 12);
    for build in got {
        assert_eq!(ground.store.build(access, build).await.unwrap().status, BuildStatus::Running);
    }
}

/// D7.
pub(crate) async fn turns_are_fair_and_limited(ground: Ground) {
    let (busy, calm) = (ground.member(1).await, ground.member(2).await);
    let mut of_busy = Vec::new();
    for n in 0..4 {
        let project = ground.project(busy, &format!("busy{n}")).await;
        of_busy.push(ground.push(&project).await.id);
    }
    let project = ground.project(calm, "calm").await;
    let of_calm = ground.push(&project).await.id;
    let mut order = Vec::new();
    while let Some(claimed) = ground.store.claim(LEASE, 2).await.unwrap() {
        assert_eq!((claimed.build.status, claimed.build.attempts), (BuildStatus::Running, 1));
        assert_eq!(claimed.build.started_at, Some(ground.clock.now()));
        order.push(claimed.build.id);
    }
    // Who has none running comes before who has one; the third of the busy user waits for the limit of two.
    assert_eq!(order, [of_busy[0], of_calm, of_busy[1]]);
    assert!(ground.store.claim(LEASE, 3).await.unwrap().is_some());
}

pub(crate) async fn one_build_of_a_branch_at_a_time(ground: Ground) {
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    ground.push(&shop).await;
    let first = ground.claim().await.unwrap();
    let second = ground.push(&shop).await;
    assert!(ground.claim().await.is_none());
    let ended = ground.store.finish_build(&first.lease, &failed()).await.unwrap();
    assert_eq!(ended, ground.store.build(access, first.build.id).await.unwrap());
    assert_eq!((ended.status, ended.exit_code), (BuildStatus::Failed, Some(1)));
    assert_eq!(ended.failure.unwrap().line, Some(3));
    assert_eq!(ground.claim().await.unwrap().build.id, second.id);
}

pub(crate) async fn an_expired_lease_comes_back_three_times(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let build = ground.push(&shop).await;
    let mut leases = Vec::new();
    for attempt in 1..=3 {
        let claimed = ground.claim().await.unwrap();
        assert_eq!((claimed.build.id, claimed.build.attempts), (build.id, attempt));
        ground.clock.advance(LEASE / 2);
        assert_eq!(store.renew(&claimed.lease, LEASE).await.unwrap(), LeaseState::Held);
        ground.clock.advance(LEASE / 2);
        assert_eq!(store.requeue_expired().await.unwrap(), []);
        ground.clock.advance(LEASE / 2);
        assert_eq!(store.requeue_expired().await.unwrap(), [build.id]);
        leases.push(claimed.lease);
    }
    let given_up = store.build(access, build.id).await.unwrap();
    assert_eq!(given_up.status, BuildStatus::Failed);
    assert_eq!(given_up.failure.unwrap().code, FailureCode::Internal);
    assert!(ground.claim().await.is_none());

    for lease in &leases {
        assert_eq!(store.renew(lease, LEASE).await.unwrap(), LeaseState::Lost);
        assert!(matches!(store.finish_build(lease, &failed()).await, Err(StoreError::LeaseLost)));
        assert!(matches!(store.record_commit(lease, &commit('b')).await, Err(StoreError::LeaseLost)));
        assert!(matches!(store.reserve_deployment(lease).await, Err(StoreError::LeaseLost)));
        assert!(matches!(store.give_back(lease).await, Err(StoreError::LeaseLost)));
    }
}

pub(crate) async fn a_requeued_build_yields_to_a_newer_one(ground: Ground) {
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let old = ground.push(&shop).await;
    ground.claim().await.unwrap();
    let new = ground.push(&shop).await;
    ground.clock.advance(LEASE);
    assert_eq!(ground.store.requeue_expired().await.unwrap(), [old.id]);
    assert_eq!(ground.store.build(access, old.id).await.unwrap().status, BuildStatus::Superseded);
    assert_eq!(ground.claim().await.unwrap().build.id, new.id);
}

pub(crate) async fn giving_back_does_not_count(ground: Ground) {
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    ground.push(&shop).await;
    for _ in 0..5 {
        let claimed = ground.claim().await.unwrap();
        assert_eq!(claimed.build.attempts, 1);
        ground.store.give_back(&claimed.lease).await.unwrap();
        let waiting = ground.store.build(access, claimed.build.id).await.unwrap();
        assert_eq!((waiting.status, waiting.attempts, waiting.started_at), (BuildStatus::Queued, 0, None));
    }
}

/// C1: who starts knows that nobody else works, and need not wait for leases; an attempt that was our fault counts.
pub(crate) async fn a_restart_takes_everything_back(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let build = ground.push(&shop).await.id;
    let claimed = ground.claim().await.unwrap();
    store.retry(&claimed.lease).await.unwrap();
    assert!(matches!(store.retry(&claimed.lease).await, Err(StoreError::LeaseLost)));

    let claimed = ground.claim().await.unwrap();
    assert_eq!((claimed.build.id, claimed.build.attempts), (build, 2));
    let restarted = ground.another_process().await;
    assert_eq!(restarted.requeue_interrupted().await.unwrap(), [build]);
    assert_eq!(restarted.requeue_interrupted().await.unwrap(), []);
    assert_eq!(store.renew(&claimed.lease, LEASE).await.unwrap(), LeaseState::Lost);

    let claimed = ground.claim().await.unwrap();
    store.request_cancel(access, build).await.unwrap();
    store.retry(&claimed.lease).await.unwrap();
    assert_eq!(store.build(access, build).await.unwrap().status, BuildStatus::Canceled);
}

pub(crate) async fn cancel_waiting_and_running(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let waiting = ground.push(&shop).await;
    assert_eq!(store.request_cancel(access, waiting.id).await.unwrap(), CancelOutcome::Canceled);
    assert_eq!(
        store.request_cancel(access, waiting.id).await.unwrap(),
        CancelOutcome::AlreadyFinished(BuildStatus::Canceled)
    );

    ground.push(&shop).await;
    let running = ground.claim().await.unwrap();
    let mut cancellations = store.signals().cancellations();
    assert_eq!(store.request_cancel(access, running.build.id).await.unwrap(), CancelOutcome::Requested);
    assert_eq!(cancellations.try_recv().unwrap(), running.build.id);
    assert_eq!(store.renew(&running.lease, LEASE).await.unwrap(), LeaseState::CancelRequested);
    // Its holder dies before it can stop: it does not start again.
    ground.clock.advance(LEASE);
    store.requeue_expired().await.unwrap();
    assert_eq!(store.build(access, running.build.id).await.unwrap().status, BuildStatus::Canceled);

    ground.push(&shop).await;
    let running = ground.claim().await.unwrap();
    store.request_cancel(access, running.build.id).await.unwrap();
    let end = BuildEnd { status: BuildStatus::Canceled, exit_code: None, failure: None };
    store.finish_build(&running.lease, &end).await.unwrap();
    let never = BuildEnd { status: BuildStatus::Superseded, exit_code: None, failure: None };
    ground.push(&shop).await;
    let running = ground.claim().await.unwrap();
    assert!(matches!(store.finish_build(&running.lease, &never).await, Err(StoreError::Illegal(_))));
    assert_eq!(store.build(access, running.build.id).await.unwrap().status, BuildStatus::Running);
}

pub(crate) async fn a_build_tells_its_story(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let mut newest = store.signals().subscribe_events();
    newest.mark_unchanged();
    let build = ground.push(&shop).await;
    assert!(newest.has_changed().unwrap());
    let events = store.events_after(EventId(0), 1_000).await.unwrap();
    assert_eq!(Some(*newest.borrow_and_update()), events.last().map(|event| event.id));
    // The wake came before anybody waited, and is kept.
    tokio::time::timeout(Duration::from_secs(5), store.signals().worker_woken()).await.unwrap();

    let claimed = ground.claim().await.unwrap();
    store.record_commit(&claimed.lease, &commit('b')).await.unwrap();
    let step = Step {
        name: StepName::Fetch,
        first_line: 1,
        state: StepState::Running,
        started_at: ground.clock.now(),
        took_ms: None,
    };
    let plan = Plan { services: Vec::new() };
    store.record_plan(&claimed.lease, &plan).await.unwrap();
    store.record_steps(&claimed.lease, std::slice::from_ref(&step)).await.unwrap();
    ground.clock.advance(Duration::from_millis(250));
    store.finish_build(&claimed.lease, &failed()).await.unwrap();

    let told = store.build(access, build.id).await.unwrap();
    // The step that was under way ended with the build.
    let step = Step { state: StepState::Failed, took_ms: Some(250), ..step };
    assert_eq!((told.commit(), told.plan, told.steps), (Some(commit('b')), Some(plan), vec![step]));
    let (build, project) = (build.id, shop.id);
    let status = |status| EventPayload::BuildStatus { build, project, status };
    let progress = EventPayload::BuildProgress { build, project };
    assert_eq!(
        ground.events().await,
        [
            EventPayload::UserCreated { user: access.user(), role: Role::Member, invitation: None },
            EventPayload::GithubConnected { user: access.user() },
            EventPayload::ProjectCreated { project },
            status(BuildStatus::Queued),
            status(BuildStatus::Running),
            progress.clone(),
            progress.clone(),
            progress,
            status(BuildStatus::Failed),
        ]
    );
    let again = store.rebuild(access, build).await.unwrap();
    assert_eq!((again.status, again.commit()), (BuildStatus::Queued, Some(commit('b'))));
}

pub(crate) async fn logs_are_read_by_line(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let build = ground.push(&shop).await.id;
    assert_eq!(store.last_line(build).await.unwrap(), 0);
    let line = |number: i64| LogLine {
        number,
        stream: if number % 3 == 0 { LogStream::Stderr } else { LogStream::Stdout },
        phase: if number < 100 { LogPhase::Build } else { LogPhase::Run },
        text: format!("line {number}\0 – \u{1b}[32mgrün\u{1b}[0m"),
    };
    let kept = |number: i64| LogLine { text: line(number).text.replace('\0', ""), ..line(number) };
    let mut watching = store.signals().subscribe_logs();
    for start in (0..3_000).step_by(100) {
        let lines: Vec<_> = (start + 1..=start + 100).map(line).collect();
        store.append_log(build, &lines).await.unwrap();
        let batch = LogBatch { user: access.user(), project: shop.id, build, lines: lines.into() };
        store.signals().publish_log(batch);
        assert_eq!(watching.try_recv().unwrap().lines.len(), 100);
    }
    store.append_log(build, &[]).await.unwrap();
    assert_eq!(store.last_line(build).await.unwrap(), 3_000);
    let all = store.log_after(access, build, 0, 10_000).await.unwrap();
    assert_eq!(all, (1..=3_000).map(kept).collect::<Vec<_>>());
    assert_eq!(store.log_after(access, build, 150, 7).await.unwrap(), all[150..157]);
    assert_eq!(store.log_after(access, build, 2_999, 7).await.unwrap(), all[2_999..]);
    assert_eq!(store.log_after(access, build, 3_000, 7).await.unwrap(), []);
    let chunks = store.log_chunks(access, build, 2).await.unwrap();
    assert_eq!(chunks.iter().map(|chunk| chunk.lines[0].number).collect::<Vec<_>>(), [2_801, 2_901]);
    assert!(matches!(store.append_log(build, &[line(1)]).await, Err(StoreError::Conflict(_))));

    store.delete_project(access, shop.id).await.unwrap();
    store.forget_project(shop.id).await.unwrap();
    assert!(matches!(store.append_log(build, &[line(3_001)]).await, Err(StoreError::NotFound)));
}

/// What reconciliation compares with a branch's head.
pub(crate) async fn what_somebody_builds_again_is_not_the_head(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let following = async |digit: char| {
        let build = store.newest_build_following(shop.id, &main_branch(), &commit(digit).hash).await.unwrap();
        build.map(|build| build.id)
    };
    let run = async |commit: Option<Commit>| {
        let build = store.enqueue(NewBuild { commit, ..push_of(&shop) }).await.unwrap();
        let claimed = ground.claim().await.unwrap();
        assert_eq!(claimed.build.id, build.id);
        store.finish_build(&claimed.lease, &failed()).await.unwrap();
        build.id
    };
    assert_eq!(following('a').await, None);
    let good = run(Some(commit('a'))).await;
    let bad = run(Some(commit('b'))).await;
    assert_eq!(following('b').await, Some(bad));
    let back = store.rebuild(access, good).await.unwrap();
    assert_eq!(following('b').await, Some(bad), "going back leaves the head known");
    assert_eq!(following('a').await, Some(back.id), "the branch was moved back, too");
    store.request_cancel(access, back.id).await.unwrap();
    assert_eq!(following('c').await, Some(bad), "the newest that followed the branch, of whichever commit");
    let again = store.rebuild(access, bad).await.unwrap();
    assert_eq!(following('b').await, Some(again.id));
    store.request_cancel(access, again.id).await.unwrap();

    let waiting = store.enqueue(NewBuild { commit: None, ..push_of(&shop) }).await.unwrap();
    assert_eq!(following('b').await, Some(waiting.id), "it takes the head when it starts");
    store.request_cancel(access, waiting.id).await.unwrap();
    let failed = run(None).await;
    assert_eq!(following('b').await, Some(again.id), "what ended without a commit covers none");

    let chosen = NewBuild { trigger: Trigger::Promote, commit: Some(commit('a')), ..push_of(&shop) };
    let chosen = store.enqueue(chosen).await.unwrap();
    assert_eq!(following('b').await, Some(again.id), "choosing another commit leaves the head known");
    let runs = async || store.newest_build_that_runs(shop.id, &main_branch()).await.unwrap().unwrap().id;
    assert_eq!(runs().await, chosen.id);
    store.request_cancel(access, chosen.id).await.unwrap();
    let admission = Admission::Skipped { reason: Reason::SkippedBelow { directory: "apps/web".into() }.into() };
    store.enqueue(NewBuild { admission, ..push_of(&shop) }).await.unwrap();
    assert_eq!(runs().await, failed, "neither a canceled nor a skipped build ran");
}

/// A commit whose message is known once it is fetched, and says [skip ci].
pub(crate) async fn a_build_can_end_as_skipped(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let pushed = ground.push(&shop).await;
    let claimed = ground.claim().await.unwrap();
    let asked = || Reason::SkippedByMessage { word: "[skip ci]".into() };
    store.skip_build(&claimed.lease, asked()).await.unwrap();
    let skipped = store.build(access, pushed.id).await.unwrap();
    assert_eq!(skipped.status, BuildStatus::Skipped);
    let why = skipped.reason.unwrap();
    assert_eq!((why.to_string(), why.because), (asked().to_string(), vec![asked()]));
    assert!(skipped.finished_at.is_some() && skipped.failure.is_none());
    let again = store.skip_build(&claimed.lease, asked()).await;
    assert!(matches!(again, Err(StoreError::LeaseLost)));
    // What was kept before there were codes, and what a later version kept.
    for update in
        ["UPDATE build SET because = NULL", r#"UPDATE build SET because = '[{"code": "of_tomorrow", "values": {}}]'"#]
    {
        raw(store.backend(), &ground.url, update).await;
        let alone = store.build(access, pushed.id).await.unwrap().reason;
        assert_eq!(alone, Some(Why::kept(asked().to_string(), None)), "{update}");
    }
}

pub(crate) async fn builds_are_counted_by_status(ground: Ground) {
    let access = ground.member(1).await;
    let (shop, gone) = (ground.project(access, "shop").await, ground.project(access, "gone").await);
    ground.go_live(&shop).await;
    ground.push(&shop).await;
    ground.claim().await.unwrap();
    ground.push(&shop).await;
    ground.store.delete_project(access, gone.id).await.unwrap();
    let overview = ground.store.overview().await.unwrap();
    assert_eq!(overview.projects, [(shop.id, "shop".to_owned())]);
    let expected = [(BuildStatus::Passed, 1), (BuildStatus::Queued, 1), (BuildStatus::Running, 1)];
    assert_eq!(overview.builds, expected);
}
