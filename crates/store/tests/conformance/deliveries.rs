//! Webhook deliveries.

use std::time::Duration;

use berth_model::BuildStatus;
use berth_store::{NewDelivery, StoreError, Verdict};

use crate::ground::{Ground, builds, delivery, push_of};

/// W5.
pub(crate) async fn a_hundred_deliveries_make_one_build(ground: Ground) {
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let deliveries = (0..100).map(|_| {
        let (store, shop) = (ground.store.clone(), shop.clone());
        tokio::spawn(async move { store.accept_push(delivery("d-1", &shop), vec![push_of(&shop)]).await.unwrap() })
    });
    let mut accepted = Vec::new();
    for delivered in deliveries.collect::<Vec<_>>() {
        accepted.extend(builds(delivered.await.unwrap()));
    }
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0].len(), 1);
    assert_eq!(ground.store.builds_of(access, shop.id, 10, None).await.unwrap(), accepted[0]);
    let kept = ground.store.deliveries_of(access, shop.id, 1_000).await.unwrap();
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
    let again = builds(store.accept_push(delivery("d-1", &shop), vec![push_of(&shop)]).await.unwrap());
    assert_eq!(again.unwrap().len(), 1);
    let accepted = store.record_delivery(delivery("d-1", &shop)).await;
    assert!(matches!(accepted, Err(StoreError::Conflict(_))));
    let nameless = || NewDelivery { delivery_id: None, ..delivery("", &shop) };
    assert!(builds(store.accept_push(nameless(), vec![push_of(&shop)]).await.unwrap()).is_some());
    assert!(builds(store.accept_push(nameless(), vec![push_of(&shop)]).await.unwrap()).is_some());
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
    let pushes = vec![push_of(&of_ada), push_of(&of_bob), push_of(&gone)];
    let queued = builds(store.accept_push(new, pushes).await.unwrap()).unwrap();
    assert_eq!(queued.iter().map(|build| build.project).collect::<Vec<_>>(), [of_ada.id, of_bob.id]);
    assert_eq!(store.build(ada, waiting.id).await.unwrap().status, BuildStatus::Superseded);
    let [kept] = store.deliveries_of(bob, of_bob.id, 10).await.unwrap().try_into().unwrap();
    let (same, body) = store.delivery(bob, kept.id).await.unwrap();
    assert_eq!((same, body.as_deref()), (kept.clone(), Some(b"{}".as_slice())));
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
        let new = NewDelivery { verdict, reason: format!("{size} bytes"), body, ..delivery("d-1", &shop) };
        let id = store.record_delivery(new).await.unwrap();
        let (kept, body) = store.delivery(access, id).await.unwrap();
        assert_eq!((kept.verdict, kept.reason, kept.event.as_str()), (verdict, format!("{size} bytes"), "push"));
        assert_eq!(body.is_some(), keeps_body, "{verdict:?} of {size} bytes");
    }
    let unknown = NewDelivery { repo: None, projects: Vec::new(), verdict: Verdict::Ignored, ..delivery("d-2", &shop) };
    store.record_delivery(unknown).await.unwrap();
    store.accept_push(delivery("d-3", &shop), Vec::new()).await.unwrap();
    assert_eq!(store.deliveries_of(access, shop.id, 10).await.unwrap().len(), 5);

    ground.clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    store.forget_expired().await.unwrap();
    let [accepted] = store.deliveries_of(access, shop.id, 10).await.unwrap().try_into().unwrap();
    assert_eq!(store.delivery(access, accepted.id).await.unwrap(), (accepted.clone(), None));
    let late = store.accept_push(delivery("d-3", &shop), vec![push_of(&shop)]).await.unwrap();
    assert!(builds(late).is_none(), "a replayed delivery is a duplicate for ever");
}
