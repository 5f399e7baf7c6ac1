//! What is forgotten because of its age.

use std::time::Duration;

use berth_model::{BuildId, BuildStatus, EventId, LogLine, LogPhase, LogStream};
use berth_store::BuildEnd;

use crate::ground::Ground;

const DAY: Duration = Duration::from_secs(86_400);

pub(crate) async fn old_events_go_and_the_newest_stays(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    for number in 0..600 {
        ground.project(access, &format!("shop-{number}")).await;
    }
    let newest = *store.signals().subscribe_events().borrow();
    store.forget_events(ground.clock.now().before(DAY)).await.unwrap();
    assert_eq!(ground.events().await.len(), 602, "nothing is a day old: one account, one GitHub, 600 projects");
    ground.clock.advance(DAY);
    store.forget_events(ground.clock.now().before(DAY)).await.unwrap();
    let left = store.events_after(EventId(0), 1_000).await.unwrap();
    assert_eq!(left.iter().map(|event| event.id).collect::<Vec<_>>(), [newest]);
    // Numbers go on where they were.
    ground.project(access, "next").await;
    let next = store.events_after(newest, 10).await.unwrap();
    assert!(next.len() == 1 && next[0].id > newest);
}

pub(crate) async fn old_logs_go_and_wanted_ones_stay(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let (shop, other) = (ground.project(access, "shop").await, ground.project(access, "other").await);
    let released = ground.go_live(&shop).await.build;
    write(&ground, released).await;
    let mut failed = Vec::new();
    for project in [&shop, &shop, &shop, &other] {
        ground.push(project).await;
        let claimed = ground.claim().await.unwrap();
        write(&ground, claimed.build.id).await;
        let end = BuildEnd { status: BuildStatus::Failed, exit_code: Some(1), failure: None };
        store.finish_build(&claimed.lease, &end).await.unwrap();
        failed.push(claimed.build.id);
    }
    ground.clock.advance(DAY);
    ground.push(&shop).await;
    let running = ground.claim().await.unwrap().build.id;
    write(&ground, running).await;
    store.forget_logs(ground.clock.now().before(DAY), 2).await.unwrap();
    let mut kept = Vec::new();
    for build in [&[released], &failed[..], &[running]].concat() {
        kept.push(store.last_line(build).await.unwrap() == 1);
    }
    // Of shop's five: the released one, the newest two. The other project's only one is its newest.
    assert_eq!(kept, [true, false, false, true, true, true]);
    assert!(store.build(access, failed[0]).await.is_ok(), "the build itself stays");
}

async fn write(ground: &Ground, build: BuildId) {
    let line = LogLine { number: 1, stream: LogStream::Stdout, phase: LogPhase::Build, text: "built".to_owned() };
    ground.store.append_log(build, &[line]).await.unwrap();
}
