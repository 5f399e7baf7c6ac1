//! Previews chosen for production, what keeps them from it, and wishes taken back.

use std::time::Duration;

use berth_model::{BuildStatus, DeploymentStatus, Environment, Trigger, VariableKey, VariableKind, VariableScope};
use berth_secrets::Sealed;
use berth_store::{
    ActivationDecision, ActivationReason, BuildFor, CancelOutcome, NewBuild, NewDeployment, PreviewOf, SealedVariable,
    StoreError,
};

use crate::ground::{Ground, commit, host};
use crate::previews::{branch, push_to};

pub(crate) async fn a_promoted_preview_outlives_itself(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let home = ground.go_live(&shop).await;
    let preview = ground.preview_goes_live(&push_to(&shop, "next", commit('a'))).await;
    let wish = store.request_activation(access, preview.id, ActivationReason::Promote).await.unwrap();
    let ActivationDecision::Copy { deployment, .. } = store.decide_activation(wish).await.unwrap() else {
        panic!("production has no copy of it")
    };
    assert_eq!(deployment, preview);
    // Killed before it was published: asked again, under another id.
    let ActivationDecision::Copy { id, short_id, .. } = store.decide_activation(wish).await.unwrap() else {
        panic!("production has no copy of it")
    };
    let new = NewDeployment { id, short_id, host: host("shop-copy"), files: 3, bytes: 1_000, services: None };
    let copy = store.publish_copy(wish, new).await.unwrap();
    assert_eq!((copy.environment, copy.build), (Environment::Production, preview.build));
    assert_eq!(copy.promoted_from, Some(preview.id));
    let live = ground.decide_and_confirm(wish).await;
    assert_eq!((live.id, live.status), (copy.id, DeploymentStatus::Live));
    assert_eq!(store.route(&host("shop")).await.unwrap().unwrap().deployment, Some(copy.id));
    assert_eq!(store.live_deployment(shop.id).await.unwrap().unwrap().id, copy.id);
    assert_eq!(store.deployment_of_build(access, preview.build).await.unwrap().unwrap().id, preview.id);
    let status = async |id| store.deployment(access, id).await.unwrap().status;
    assert_eq!((status(home.id).await, status(preview.id).await), (DeploymentStatus::Retired, DeploymentStatus::Live));

    // Back, and forward again without another copy; then the preview goes, and production stays.
    let back = store.request_activation(access, home.id, ActivationReason::Rollback).await.unwrap();
    ground.decide_and_confirm(back).await;
    assert_eq!(status(copy.id).await, DeploymentStatus::RolledBack);
    let again = store.request_activation(access, preview.id, ActivationReason::Promote).await.unwrap();
    assert_eq!(ground.decide_and_confirm(again).await.id, copy.id);
    let late = store.request_activation(access, preview.id, ActivationReason::Promote).await.unwrap();
    store.close_preview(shop.id, &PreviewOf::Branch(branch("next")), "the branch is gone").await.unwrap();
    assert_eq!(store.activation(late).await.unwrap().refusal.as_deref(), Some("the preview was removed"));
    assert_eq!(store.live_deployment(shop.id).await.unwrap().unwrap().id, copy.id);
    assert!(store.request_activation(access, preview.id, ActivationReason::Promote).await.is_err());

    // What somebody promoted holds until a newer push.
    let next = ground.go_live(&shop).await;
    assert_eq!(store.live_deployment(shop.id).await.unwrap().unwrap().id, next.id);
}

pub(crate) async fn a_promoted_commit_is_built_for_production(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    ground.go_live(&shop).await;
    let waiting = ground.preview(&push_to(&shop, "next", commit('a'))).await.unwrap();
    let chosen = NewBuild::production(shop.id, Trigger::Promote, branch("next"), Some(commit('a')));
    let chosen = store.enqueue(chosen).await.unwrap();
    let still = store.build(access, waiting.id).await.unwrap().status;
    assert_eq!(still, BuildStatus::Queued, "the two have nothing to do with each other");
    let preview = ground.publish_claimed(&ground.claim().await.unwrap()).await;
    ground.activate_build(preview.id).await;
    let built = ground.publish_claimed(&ground.claim().await.unwrap()).await;
    assert_eq!((built.build, built.environment), (chosen.id, Environment::Production));
    assert_eq!(ground.activate_build(built.id).await.status, DeploymentStatus::Live);
    assert_eq!(store.route(&host("shop")).await.unwrap().unwrap().deployment, Some(built.id));
}

pub(crate) async fn canceling_takes_the_wish_back(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let first = ground.go_live(&shop).await;
    let second = ground.publish(&shop).await;
    let [wish] = store.pending_activations().await.unwrap().try_into().unwrap();
    store.decide_activation(wish.id).await.unwrap();
    assert_eq!(store.request_cancel(access, second.build).await.unwrap(), CancelOutcome::Canceled);
    assert!(matches!(store.confirm_activation(wish.id).await, Err(StoreError::Conflict(_))));
    assert_eq!(store.route(&host("shop")).await.unwrap().unwrap().deployment, Some(first.id));
    assert_eq!(store.deployment(access, second.id).await.unwrap().status, DeploymentStatus::Retired);
    let again = store.request_cancel(access, second.build).await.unwrap();
    assert_eq!(again, CancelOutcome::AlreadyFinished(BuildStatus::Passed));
}

pub(crate) async fn variables_go_where_they_belong(ground: Ground) {
    use VariableKind::{Plain, Secret};
    use VariableScope::{Both, Preview, Production};
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let variable = |key: &str, kind, scope, value: &str| SealedVariable {
        key: VariableKey::parse(key).unwrap(),
        kind,
        scope,
        value: Sealed::stored(value.to_owned()),
    };
    let all = vec![
        variable("API", Secret, Both, "both"),
        variable("API", Plain, Preview, "preview"),
        variable("MODE", Plain, Both, "both"),
        variable("MODE", Secret, Production, "production"),
        variable("PAY", Secret, Production, "production"),
        variable("LOOK", Plain, Both, "both"),
        variable("HIDE", Plain, Both, "both"),
        variable("HIDE", Secret, Preview, "preview"),
    ];
    store.put_variables(access, shop.id, all).await.unwrap();
    let given = async |environment, is_of_fork| {
        let build = BuildFor { project: shop.id, environment, is_of_fork };
        let given = store.variables_for(build).await.unwrap();
        given.iter().map(|(v, value)| format!("{}={}", v.key, value.as_str())).collect::<Vec<_>>()
    };
    let production = given(Environment::Production, false).await;
    assert_eq!(production, ["API=both", "HIDE=both", "LOOK=both", "MODE=production", "PAY=production"]);
    let preview = given(Environment::Preview, false).await;
    assert_eq!(preview, ["API=preview", "HIDE=preview", "LOOK=both", "MODE=both"]);
    assert_eq!(given(Environment::Preview, true).await, ["API=preview", "LOOK=both", "MODE=both"]);

    let built = ground.preview(&push_to(&shop, "next", commit('a'))).await.unwrap();
    let others = async || {
        let keys = store.other_in_production(&built).await.unwrap();
        keys.iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(others().await, ["API", "HIDE", "MODE", "PAY"]);
    ground.clock.advance(Duration::from_secs(1));
    for variable in store.variables(access, shop.id).await.unwrap() {
        if variable.scope != Both {
            store.delete_variable(access, variable.id).await.unwrap();
        }
    }
    // What production alone had makes no difference any more; what the preview was built with is still in it.
    assert_eq!(others().await, ["API", "HIDE"]);
    ground.clock.advance(Duration::from_secs(1));
    let built = ground.preview(&push_to(&shop, "next", commit('b'))).await.unwrap();
    let others = async || {
        let keys = store.other_in_production(&built).await.unwrap();
        keys.iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(others().await, [""; 0], "built since, it never had them");
    ground.clock.advance(Duration::from_secs(1));
    store.put_variables(access, shop.id, vec![variable("LOOK", Plain, Both, "changed since")]).await.unwrap();
    assert_eq!(others().await, ["LOOK"]);
}
