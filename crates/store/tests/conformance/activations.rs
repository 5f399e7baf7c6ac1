//! Deployments going live, back, and away.

use std::time::Duration;

use berth_model::{BranchName, BuildStatus, DeploymentStatus, Environment, EventPayload, Trigger};
use berth_store::{
    ActivationDecision, ActivationReason, ActivationState, Deployment, Filter, NewDeployment, ProjectChange, Route,
    RouteKind, StoreError,
};

use crate::ground::{Ground, host, main_branch};

async fn status(ground: &Ground, deployment: &Deployment) -> DeploymentStatus {
    ground.store.deployment_unscoped(deployment.id).await.unwrap().unwrap().status
}

async fn at_shop(ground: &Ground) -> Route {
    ground.store.route(&host("shop")).await.unwrap().unwrap()
}

pub(crate) async fn a_build_goes_live_at_the_project_host(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let first = ground.publish(&shop).await;
    assert_eq!((first.status, first.released, first.files), (DeploymentStatus::Ready, true, 3));
    assert_eq!(store.build(access, first.build).await.unwrap().status, BuildStatus::Passed);
    let own = store.route(&first.host).await.unwrap().unwrap();
    assert_eq!((own.kind, own.deployment), (RouteKind::Deployment, Some(first.id)));
    assert_eq!(at_shop(&ground).await.deployment, None);

    // Publishing noted the wish already; noting it again is the same wish.
    let [wish] = store.pending_activations().await.unwrap().try_into().unwrap();
    assert_eq!(store.enqueue_activation(first.id, ActivationReason::Build).await.unwrap(), wish.id);
    let decision = store.decide_activation(wish.id).await.unwrap();
    let go = ActivationDecision::Go { deployment: first.clone(), host: host("shop"), previous: None };
    assert_eq!(decision, go);
    assert_eq!(at_shop(&ground).await.deployment, Some(first.id));
    assert_eq!(store.live_deployment(shop.id).await.unwrap(), None);
    let live = store.confirm_activation(wish.id).await.unwrap();
    assert_eq!((live.status, live.activated_at), (DeploymentStatus::Live, Some(ground.clock.now())));
    assert_eq!(store.live_deployment(shop.id).await.unwrap(), Some(live.clone()));
    assert_eq!(store.enqueue_activation(first.id, ActivationReason::Build).await.unwrap(), wish.id);
    assert_eq!(store.confirm_activation(wish.id).await.unwrap(), live);

    let second = ground.go_live(&shop).await;
    assert_eq!(status(&ground, &first).await, DeploymentStatus::Retired);
    assert_eq!(store.live_deployment(shop.id).await.unwrap().unwrap().id, second.id);
    let newest_first = store.deployments_of(access, shop.id, 10, None, &Filter::default()).await.unwrap();
    assert_eq!(newest_first.iter().map(|d| d.id).collect::<Vec<_>>(), [second.id, first.id]);
    let events = ground.events().await;
    let live_at = |deployment: &Deployment, status, host: &str| EventPayload::DeploymentStatus {
        deployment: deployment.id,
        build: deployment.build,
        project: shop.id,
        status,
        host: host.to_owned(),
    };
    assert!(events.contains(&live_at(&first, DeploymentStatus::Ready, &first.host)));
    assert!(events.contains(&live_at(&second, DeploymentStatus::Live, &host("shop"))));
    assert!(events.contains(&live_at(&first, DeploymentStatus::Retired, &first.host)));
    assert!(events.contains(&EventPayload::ActivationFinished { activation: wish.id, live: true }));
}

/// D6: the older build publishes last, and stays aside.
pub(crate) async fn an_older_build_never_wins(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let older = ground.publish(&shop).await;
    let newer = ground.go_live(&shop).await;
    let [wish] = store.pending_activations().await.unwrap().try_into().unwrap();
    assert_eq!(wish.deployment, older.id);
    let ActivationDecision::Refused { reason } = store.decide_activation(wish.id).await.unwrap() else {
        panic!("the older build went live")
    };
    assert!(reason.contains(&newer.build.to_string()), "{reason}");
    assert_eq!(status(&ground, &older).await, DeploymentStatus::Retired);
    assert_eq!(at_shop(&ground).await.deployment, Some(newer.id));
    let ended = store.activation(wish.id).await.unwrap();
    assert_eq!((ended.state, ended.refusal), (ActivationState::Refused, Some(reason)));
    assert!(matches!(store.confirm_activation(wish.id).await, Err(StoreError::Conflict(_))));
}

/// D9: what the rolled-back push leaves behind does not undo the rollback; the next push does.
pub(crate) async fn a_rollback_holds_until_a_newer_build(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let good = ground.go_live(&shop).await;
    let slow = ground.publish(&shop).await;
    let bad = ground.go_live(&shop).await;

    let back = store.request_activation(access, good.id, ActivationReason::Rollback).await.unwrap();
    let ActivationDecision::Go { previous, .. } = store.decide_activation(back).await.unwrap() else {
        panic!("a rollback always goes")
    };
    assert_eq!(previous, Some(bad.id));
    store.confirm_activation(back).await.unwrap();
    assert_eq!(status(&ground, &bad).await, DeploymentStatus::RolledBack);
    assert_eq!(store.activation(back).await.unwrap().requested_by, Some(access.user()));

    let [wish] = store.pending_activations().await.unwrap().try_into().unwrap();
    assert_eq!(wish.deployment, slow.id);
    let ActivationDecision::Refused { reason } = store.decide_activation(wish.id).await.unwrap() else {
        panic!("the rollback did not hold")
    };
    assert!(reason.contains("rolled back"), "{reason}");
    assert_eq!(at_shop(&ground).await.deployment, Some(good.id));

    let next = ground.go_live(&shop).await;
    assert_eq!(at_shop(&ground).await.deployment, Some(next.id));
    assert_eq!(status(&ground, &good).await, DeploymentStatus::Retired);

    // Going forward again is a choice like any other.
    let forward = store.request_activation(access, bad.id, ActivationReason::Promote).await.unwrap();
    assert!(matches!(store.decide_activation(forward).await.unwrap(), ActivationDecision::Go { .. }));
    assert_eq!(store.confirm_activation(forward).await.unwrap().id, bad.id);
}

/// C1: killed between decision and confirmation.
pub(crate) async fn an_interrupted_activation_is_decided_again(ground: Ground) {
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let first = ground.go_live(&shop).await;
    let second = ground.publish(&shop).await;
    let [wish] = ground.store.pending_activations().await.unwrap().try_into().unwrap();
    let decided = ground.store.decide_activation(wish.id).await.unwrap();

    let restarted = ground.another_process().await;
    let [same] = restarted.pending_activations().await.unwrap().try_into().unwrap();
    assert_eq!(same, wish);
    assert_eq!(restarted.decide_activation(wish.id).await.unwrap(), decided);
    restarted.confirm_activation(wish.id).await.unwrap();
    assert_eq!(status(&ground, &second).await, DeploymentStatus::Live);
    assert_eq!(status(&ground, &first).await, DeploymentStatus::Retired);
}

pub(crate) async fn a_refused_activation_puts_the_host_back(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let first = ground.go_live(&shop).await;
    let second = ground.publish(&shop).await;
    let [wish] = store.pending_activations().await.unwrap().try_into().unwrap();
    store.decide_activation(wish.id).await.unwrap();
    store.refuse_activation(wish.id, "the edge did not answer with it").await.unwrap();
    assert_eq!(at_shop(&ground).await.deployment, Some(first.id));
    assert_eq!(status(&ground, &second).await, DeploymentStatus::Failed);
    assert_eq!(status(&ground, &first).await, DeploymentStatus::Live);
    assert!(ground.events().await.contains(&EventPayload::ActivationFinished { activation: wish.id, live: false }));
    let failed = store.request_activation(access, second.id, ActivationReason::Promote).await;
    assert!(matches!(failed, Err(StoreError::Conflict(_))));
    let problem = async |deployment: &Deployment| store.deployment(access, deployment.id).await.unwrap().problem;
    let why = Some("the edge did not answer with it".to_owned());
    assert_eq!((problem(&second).await, problem(&first).await), (why.clone(), None));
    let build = store.build(access, second.build).await.unwrap();
    assert_eq!(build.published.and_then(|published| published.problem), why, "and so it is told with its build");

    // A rollback that fails harms nothing.
    let third = ground.go_live(&shop).await;
    let back = store.request_activation(access, first.id, ActivationReason::Rollback).await.unwrap();
    store.decide_activation(back).await.unwrap();
    store.refuse_activation(back, "the edge did not answer with it").await.unwrap();
    store.refuse_activation(back, "once more").await.unwrap();
    assert_eq!(at_shop(&ground).await.deployment, Some(third.id));
    assert_eq!(status(&ground, &first).await, DeploymentStatus::Retired);
    assert_eq!(problem(&first).await, why);
    let again = store.request_activation(access, first.id, ActivationReason::Rollback).await.unwrap();
    assert_eq!(problem(&first).await, None, "it is tried again");
    store.decide_activation(again).await.unwrap();
    store.confirm_activation(again).await.unwrap();
    assert_eq!((problem(&first).await, status(&ground, &first).await), (None, DeploymentStatus::Live));
}

pub(crate) async fn another_branch_does_not_go_live(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let of_main = ground.publish(&shop).await;
    let branch = Some(BranchName::parse("next").unwrap());
    let change = ProjectChange { branch, ..ProjectChange::default() };
    store.update_project(access, shop.id, change, &host("shop"), Vec::new()).await.unwrap();
    let [wish] = store.pending_activations().await.unwrap().try_into().unwrap();
    assert!(matches!(store.decide_activation(wish.id).await.unwrap(), ActivationDecision::Refused { .. }));
    let newest = async |branch: &BranchName| {
        store.newest_build(shop.id, Environment::Production, branch).await.unwrap().unwrap()
    };
    let of_next = newest(&BranchName::parse("next").unwrap()).await;
    let head = (of_next.status, of_next.trigger, of_next.commit_hash);
    assert_eq!(head, (BuildStatus::Queued, Trigger::Rebuild, None), "its head is built at once");
    // A person may still choose it.
    let chosen = store.request_activation(access, of_main.id, ActivationReason::Rollback).await.unwrap();
    assert!(matches!(store.decide_activation(chosen).await.unwrap(), ActivationDecision::Go { .. }));
    assert_eq!(store.confirm_activation(chosen).await.unwrap().status, DeploymentStatus::Live);
    // Back again, where the head was built already: the site is the other branch's until it is built once more.
    let back = || ProjectChange { branch: Some(main_branch()), ..ProjectChange::default() };
    store.update_project(access, shop.id, back(), &host("shop"), Vec::new()).await.unwrap();
    let again = newest(&main_branch()).await;
    assert!(again.id > of_next.id && again.status == BuildStatus::Queued, "{again:?}");
    store.update_project(access, shop.id, back(), &host("shop"), Vec::new()).await.unwrap();
    assert_eq!(newest(&main_branch()).await.id, again.id, "saved again, it is no other branch");
}

/// D8: deleting during a build and during an activation; nothing reappears.
pub(crate) async fn deleting_ends_builds_and_activations(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let ready = ground.publish(&shop).await;
    let [wish] = store.pending_activations().await.unwrap().try_into().unwrap();
    store.decide_activation(wish.id).await.unwrap();
    ground.push(&shop).await;
    let running = ground.claim().await.unwrap();
    let (id, short_id) = store.reserve_deployment(&running.lease).await.unwrap();

    store.delete_project(access, shop.id).await.unwrap();
    assert_eq!(store.deleted_projects().await.unwrap(), [], "a build still runs");
    assert!(matches!(store.confirm_activation(wish.id).await, Err(StoreError::Conflict(_) | StoreError::NotFound)));
    assert_eq!(store.pending_activations().await.unwrap(), []);
    let new = NewDeployment { id, short_id, host: host("late"), files: 1, bytes: 1, services: None };
    assert!(store.publish_deployment(&running.lease, new, None).await.is_err());
    assert_eq!(store.routes().await.unwrap(), []);
    assert!(store.build_unscoped(running.build.id).await.unwrap().unwrap().cancel_requested);
    ground.clock.advance(Duration::from_secs(3_600));
    store.requeue_expired().await.unwrap();
    assert_eq!(store.deleted_projects().await.unwrap().len(), 1);
    store.forget_project(shop.id).await.unwrap();
    assert_eq!(store.deployment_unscoped(ready.id).await.unwrap(), None);
}

pub(crate) async fn pruning_spares_live_recent_and_wanted(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let mut all = Vec::new();
    for _ in 0..6 {
        all.push(ground.go_live(&shop).await);
    }
    let prunable = async |keep| {
        let found = store.releases_to_prune(shop.id, keep).await.unwrap();
        found.into_iter().map(|deployment| deployment.id).collect::<Vec<_>>()
    };
    assert_eq!(prunable(2).await, [], "their pages may still be open");
    ground.clock.advance(Duration::from_secs(601));
    assert_eq!(prunable(2).await, [all[2].id, all[1].id, all[0].id]);
    assert_eq!(prunable(5).await, []);

    let wish = store.request_activation(access, all[1].id, ActivationReason::Rollback).await.unwrap();
    assert_eq!(prunable(2).await, [all[2].id, all[0].id]);
    assert!(matches!(store.release_pruned(all[1].id).await, Err(StoreError::Conflict(_))));
    store.refuse_activation(wish, "not now").await.unwrap();

    store.release_pruned(all[0].id).await.unwrap();
    assert!(matches!(store.release_pruned(all[5].id).await, Err(StoreError::Conflict(_))));
    assert_eq!(store.route(&all[0].host).await.unwrap(), None);
    let kept = store.deployment(access, all[0].id).await.unwrap();
    assert!(!kept.released);
    let gone = store.request_activation(access, all[0].id, ActivationReason::Rollback).await;
    assert!(matches!(gone, Err(StoreError::Conflict(_))));
    assert_eq!(store.released_deployments().await.unwrap().len(), 5);
    assert_eq!(store.deployment_of_build(access, all[0].build).await.unwrap(), Some(kept));
}
