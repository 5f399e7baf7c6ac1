//! Webhook deliveries.

use std::time::Duration;

use berth_model::{BranchName, BuildStatus, Environment, EventPayload, Reason, Trigger, Why};
use berth_store::{
    Accepted, Admission, Called, FolderOf, NewBuild, NewDelivery, Project, ProjectChange, StoreError, Verdict, Wish,
};

use crate::ground::{Ground, builds, delivery, push_of};

/// A sentence without a code, as deliveries of before had it.
fn alone(sentence: String) -> Why {
    Why::kept(sentence, None)
}

fn wishes(projects: &[&Project]) -> Vec<Wish> {
    projects.iter().map(|project| Wish::Build(push_of(project))).collect()
}

/// W5.
pub(crate) async fn a_hundred_deliveries_make_one_build(ground: Ground) {
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let deliveries = (0..100).map(|_| {
        let (store, shop) = (ground.store.clone(), shop.clone());
        tokio::spawn(async move { store.accept_delivery(delivery("d-1", &shop), wishes(&[&shop])).await.unwrap() })
    });
    let mut accepted = Vec::new();
    for delivered in deliveries.collect::<Vec<_>>() {
        accepted.extend(builds(delivered.await.unwrap()));
    }
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0].len(), 1);
    assert_eq!(ground.store.builds_of(access, shop.id, 10, None).await.unwrap(), accepted[0]);
    let kept = ground.store.deliveries_of(access, shop.id, 1_000, None).await.unwrap();
    let count = |verdict| kept.iter().filter(|delivery| delivery.verdict == verdict).count();
    assert_eq!((count(Verdict::Accepted), count(Verdict::Duplicate)), (1, 99));
}

/// W6: what was not accepted leaves nothing behind that would stop a redelivery.
pub(crate) async fn what_failed_can_be_sent_again(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let rejected = NewDelivery { verdict: Verdict::Rejected, ..delivery("d-1", &shop) };
    store.record_delivery(rejected).await.unwrap();
    let again = builds(store.accept_delivery(delivery("d-1", &shop), wishes(&[&shop])).await.unwrap());
    assert_eq!(again.unwrap().len(), 1);
    let accepted = store.record_delivery(delivery("d-1", &shop)).await;
    assert!(matches!(accepted, Err(StoreError::Conflict(_))));
    let nameless = || NewDelivery { delivery_id: None, ..delivery("", &shop) };
    assert!(builds(store.accept_delivery(nameless(), wishes(&[&shop])).await.unwrap()).is_some());
    assert!(builds(store.accept_delivery(nameless(), wishes(&[&shop])).await.unwrap()).is_some());
}

/// W12.
pub(crate) async fn several_projects_of_one_repository(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.member(1).await, ground.member(2).await);
    let (of_ada, of_bob) = (ground.project(ada, "ada").await, ground.project(bob, "bob").await);
    let waiting = ground.push(&of_ada).await;
    let gone = ground.project(bob, "gone").await;
    store.delete_project(bob, gone.id).await.unwrap();
    let new = NewDelivery { projects: vec![of_ada.id, of_bob.id, gone.id], ..delivery("d-1", &of_ada) };
    let pushes = wishes(&[&of_ada, &of_bob, &gone]);
    let queued = builds(store.accept_delivery(new, pushes).await.unwrap()).unwrap();
    assert_eq!(queued.iter().map(|build| build.project).collect::<Vec<_>>(), [of_ada.id, of_bob.id]);
    assert_eq!(store.build(ada, waiting.id).await.unwrap().status, BuildStatus::Superseded);
    let [kept] = store.deliveries_of(bob, of_bob.id, 10, None).await.unwrap().try_into().unwrap();
    assert_eq!(store.delivery(bob, kept.id).await.unwrap(), kept);
    assert_eq!(store.delivery_body(kept.id).await.unwrap().as_deref(), Some(b"{}".as_slice()));
    // What it led to for somebody else's project is theirs to know.
    assert_eq!(
        (kept.told(), kept.builds),
        (format!("a push to main; bob: build #{}", queued[1].id), vec![queued[1].id])
    );
    assert!(store.delivery(ada, kept.id).await.is_ok());
    let stranger = ground.member(3).await;
    assert!(matches!(store.delivery(stranger, kept.id).await, Err(StoreError::Forbidden)));
}

/// W17.
pub(crate) async fn every_delivery_is_kept(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    for (verdict, size, keeps_body) in [
        (Verdict::Ignored, 1 << 20, true),
        (Verdict::Ignored, (1 << 20) + 1, false),
        (Verdict::Rejected, 10, false),
        (Verdict::Duplicate, 10, true),
    ] {
        let body = Some(vec![b'x'; size]);
        let new = NewDelivery { verdict, reason: alone(format!("{size} bytes")), body, ..delivery("d-1", &shop) };
        let id = store.record_delivery(new).await.unwrap();
        let kept = store.delivery(access, id).await.unwrap();
        assert_eq!((kept.verdict, kept.told(), kept.event.as_str()), (verdict, format!("{size} bytes"), "push"));
        let body = store.delivery_body(id).await.unwrap();
        assert_eq!((body.is_some(), kept.has_body), (keeps_body, keeps_body), "{verdict:?} of {size} bytes");
    }
    let unknown = NewDelivery { repo: None, projects: Vec::new(), verdict: Verdict::Ignored, ..delivery("d-1", &shop) };
    store.record_delivery(unknown).await.unwrap();
    store.accept_delivery(delivery("d-3", &shop), wishes(&[&shop])).await.unwrap();
    assert_eq!(store.deliveries_of(access, shop.id, 10, None).await.unwrap().len(), 5);

    ground.clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    store.forget_expired().await.unwrap();
    let [accepted] = store.deliveries_of(access, shop.id, 10, None).await.unwrap().try_into().unwrap();
    assert!(!accepted.has_body && store.delivery_body(accepted.id).await.unwrap().is_none());
    let late = store.accept_delivery(delivery("d-3", &shop), wishes(&[&shop])).await.unwrap();
    assert!(builds(late).is_none(), "a replayed delivery is a duplicate for ever");
}

/// Each wish is told, and one that nothing came of leaves the delivery free to be sent again.
pub(crate) async fn what_each_wish_came_to(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let (shop, docs) = (ground.project(access, "shop").await, ground.project(access, "docs").await);
    let unchanged = || Reason::SkippedBelow { directory: "apps/docs".into() };
    let skipped = Admission::Skipped { reason: unchanged().into() };
    let both = vec![Wish::Build(push_of(&shop)), Wish::Build(NewBuild { admission: skipped, ..push_of(&docs) })];
    let new = || NewDelivery { projects: vec![shop.id, docs.id], ..delivery("d-1", &shop) };
    let Accepted::Now { builds, acted: true } = store.accept_delivery(new(), both).await.unwrap() else { panic!() };
    let [one, two] = builds.as_slice() else { panic!("{builds:?}") };
    assert_eq!((one.status, two.status), (BuildStatus::Queued, BuildStatus::Skipped));
    let [kept] = store.deliveries_of(access, docs.id, 10, None).await.unwrap().try_into().unwrap();
    let told =
        format!("a push to main; shop: build #{}; docs: build #{} skipped: no change under apps/docs", one.id, two.id);
    assert_eq!((kept.told(), kept.verdict), (told, Verdict::Accepted));
    assert_eq!(kept.reason.because, [Reason::Push { branch: "main".into() }]);
    assert_eq!(kept.outcomes[0].what.because, [Reason::Build { build: one.id.0 }]);
    assert_eq!(kept.outcomes[1].project, docs.name);
    assert_eq!(kept.outcomes[1].what.because, [Reason::Build { build: two.id.0 }, unchanged()]);
    assert_eq!(kept.builds, [one.id, two.id]);
    assert_eq!((one.delivery, two.delivery), (Some(kept.id), Some(kept.id)));
    let heard =
        ground.events().await.into_iter().filter(|event| matches!(event, EventPayload::DeliveryReceived { .. }));
    assert_eq!(heard.count(), 2, "each project's owner hears of it");

    let nothing = || vec![Wish::Nothing { project: shop.id, why: Reason::PreviewsOff }];
    for _ in 0..2 {
        let accepted = store.accept_delivery(delivery("d-2", &shop), nothing()).await.unwrap();
        assert!(matches!(accepted, Accepted::Now { acted: false, .. }), "{accepted:?}");
    }
    let kept = store.deliveries_of(access, shop.id, 10, None).await.unwrap();
    assert_eq!(kept[0].told(), "a push to main; shop: previews are off");
    assert_eq!(
        kept.iter().map(|kept| kept.verdict).collect::<Vec<_>>(),
        [Verdict::Ignored, Verdict::Ignored, Verdict::Accepted]
    );
    let older = store.deliveries_of(access, shop.id, 10, Some(kept[1].id)).await.unwrap();
    assert_eq!(older, kept[2..]);
}

/// A stranger who knows a hook's address fills no disk.
pub(crate) async fn a_few_refused_deliveries_are_kept(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let refused = |reason: String| NewDelivery { reason: alone(reason), delivery_id: None, ..delivery("", &shop) };
    for attempt in 0..50 {
        store.refuse_delivery(shop.id, refused(format!("attempt {attempt}"))).await.unwrap();
        if attempt % 2 == 1 {
            ground.clock.advance(Duration::from_secs(10));
        }
    }
    let kept = store.deliveries_of(access, shop.id, 100, None).await.unwrap();
    assert_eq!(kept.len(), 20, "the newest of one every ten seconds");
    assert_eq!((kept[0].told().as_str(), kept[0].verdict, kept[0].has_body), ("attempt 48", Verdict::Rejected, false));
    assert_eq!(kept[0].hook, Some(shop.id));
}

/// Each hook knows its own deliveries: another project's host may number them alike.
pub(crate) async fn hooks_do_not_share_what_they_have_seen(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let (shop, docs) = (ground.project(access, "shop").await, ground.project(access, "docs").await);
    for project in [&shop, &docs] {
        let new = NewDelivery { hook: Some(project.id), ..delivery("d-1", project) };
        assert!(builds(store.accept_delivery(new.clone(), wishes(&[project])).await.unwrap()).is_some());
        assert!(builds(store.accept_delivery(new, wishes(&[project])).await.unwrap()).is_none());
    }
    let secret = ground.store.hook_secret(shop.id).await.unwrap();
    assert!(secret.is_none());
    let sealed = crate::ground::sealed_for(access.user());
    store.set_hook_secret(access, shop.id, Some(&sealed)).await.unwrap();
    assert_eq!(store.hook_secret(shop.id).await.unwrap(), Some(sealed));
    let stranger = ground.member(2).await;
    assert!(matches!(store.set_hook_secret(stranger, shop.id, None).await, Err(StoreError::Forbidden)));
    store.set_hook_secret(access, shop.id, None).await.unwrap();
    assert!(store.hook_secret(shop.id).await.unwrap().is_none());
}

/// A push that is told twice is one build, unless somebody does its delivery again.
pub(crate) async fn two_hooks_of_a_push_make_one_build(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let accept = async |new: NewDelivery| builds(store.accept_delivery(new, wishes(&[&shop])).await.unwrap()).unwrap();
    assert_eq!(accept(delivery("d-1", &shop)).await.len(), 1);
    let own = || NewDelivery { hook: Some(shop.id), ..delivery("d-1", &shop) };
    assert!(accept(own()).await.is_empty());
    let kept = store.deliveries_of(access, shop.id, 10, None).await.unwrap();
    assert_eq!(kept[0].verdict, Verdict::Ignored);
    assert_eq!(kept[0].told(), "a push to main; shop: main has a build of this commit");
    let again = NewDelivery { delivery_id: None, replay_of: Some(kept[0].id), ..own() };
    assert_eq!(accept(again).await.len(), 1);
    // The same after a look at the branch that came first, but not after a build that failed.
    let found = NewBuild { trigger: Trigger::Poll, ..push_of(&shop) };
    let found = store.enqueue(found).await.unwrap();
    assert!(accept(NewDelivery { delivery_id: None, ..own() }).await.is_empty());
    store.request_cancel(access, found.id).await.unwrap();
    assert_eq!(accept(NewDelivery { delivery_id: None, ..own() }).await.len(), 1);
    // A folder that was deployed meanwhile is not the branch's newest push.
    ground.claim().await.unwrap();
    store.begin_folder(access, None, FolderOf::Project(shop.id), Duration::from_secs(30)).await.unwrap();
    assert!(accept(NewDelivery { delivery_id: None, ..delivery("d-1", &shop) }).await.is_empty());
}

/// A deploy hook builds its branch's newest commit, once at a time.
pub(crate) async fn deploy_hooks_queue_one_build(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let hosts = || ["shop-git-next.example.org".to_owned(), "shop-git-next-1.example.org".to_owned()];
    let hook = store.create_deploy_hook(access, shop.id, "nightly", None, &[1; 32]).await.unwrap();
    let next = BranchName::parse("next").unwrap();
    let other = store.create_deploy_hook(access, shop.id, "next", Some(&next), &[2; 32]).await.unwrap();
    assert_eq!(store.deploy_hooks(access, shop.id).await.unwrap(), [hook.clone(), other.clone()]);
    let Called::Queued(build) = store.call_deploy_hook(hook.id, hosts()).await.unwrap() else { panic!() };
    assert_eq!((build.trigger, build.branch.as_str(), &build.commit_hash), (Trigger::DeployHook, "main", &None));
    let Called::Waits(same) = store.call_deploy_hook(hook.id, hosts()).await.unwrap() else { panic!() };
    assert_eq!(same.id, build.id);
    ground.claim().await.unwrap();
    let Called::Queued(next) = store.call_deploy_hook(hook.id, hosts()).await.unwrap() else { panic!() };
    assert!(next.id > build.id, "one that runs may have looked already");
    let previews = async |on: bool| {
        let change = ProjectChange { previews: Some(on), ..ProjectChange::default() };
        store.update_project(access, shop.id, change, &crate::ground::host("shop"), Vec::new()).await.unwrap();
    };
    previews(false).await;
    assert!(matches!(store.call_deploy_hook(other.id, hosts()).await.unwrap(), Called::NoPreviews));
    previews(true).await;
    let pull = BranchName::parse("pull/7").unwrap();
    let of_pull = store.create_deploy_hook(access, shop.id, "pull", Some(&pull), &[4; 32]).await.unwrap();
    let count = store.builds_of(access, shop.id, 100, None).await.unwrap().len();
    assert!(matches!(store.call_deploy_hook(of_pull.id, hosts()).await.unwrap(), Called::Refused(_)));
    assert_eq!(store.builds_of(access, shop.id, 100, None).await.unwrap().len(), count, "nothing was added");
    let Called::Queued(preview) = store.call_deploy_hook(other.id, hosts()).await.unwrap() else { panic!() };
    assert_eq!((preview.environment, preview.branch.as_str()), (Environment::Preview, "next"));

    let (found, project) = store.deploy_hook_of(&[1; 32]).await.unwrap().unwrap();
    assert_eq!((found.id, project.id), (hook.id, shop.id));
    assert!(found.last_used_at.is_some() && store.deploy_hook_of(&[3; 32]).await.unwrap().is_none());
    let stranger = ground.member(2).await;
    assert!(matches!(store.delete_deploy_hook(stranger, hook.id).await, Err(StoreError::Forbidden)));
    store.delete_deploy_hook(access, hook.id).await.unwrap();
    assert!(store.deploy_hook_of(&[1; 32]).await.unwrap().is_none());
    store.delete_project(access, shop.id).await.unwrap();
    assert!(store.deploy_hook_of(&[2; 32]).await.unwrap().is_none(), "gone with its project");
}
