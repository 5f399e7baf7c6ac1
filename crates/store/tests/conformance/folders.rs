//! Folders: builds that begin at the pipeline's end, and never wait.

use std::time::Duration;

use berth_model::{BuildStatus, Trigger};
use berth_store::{FolderOf, NewApiToken, NewDeployment, NewProject, StoreError, UserChange};

use crate::ground::{Ground, host, new_project};

const LEASE: Duration = Duration::from_secs(60);

fn named(name: &str) -> FolderOf {
    FolderOf::Named { new: Box::new(NewProject { repo_url: None, ..new_project(name) }), host: host(name) }
}

pub(crate) async fn a_folder_runs_beside_builds_and_makes_its_project(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.member(1).await, ground.member(2).await);
    let first = store.begin_folder(ada, None, named("shop"), LEASE).await.unwrap();
    assert_eq!((first.build.status, first.build.trigger), (BuildStatus::Running, Trigger::Folder));
    assert_eq!(store.projects(ada).await.unwrap(), std::slice::from_ref(&first.project));
    let second = store.begin_folder(ada, None, named("shop"), LEASE).await.unwrap();
    assert_eq!(second.project.id, first.project.id, "two at once for one project");
    let theirs = store.begin_folder(bob, None, named("shop"), LEASE).await;
    assert!(matches!(theirs, Err(StoreError::Forbidden)), "{theirs:?}");

    // A build of the same branch waits for neither, and neither counts among its owner's.
    let blog = ground.project(ada, "blog").await;
    store.begin_folder(ada, None, FolderOf::Project(blog.id), LEASE).await.unwrap();
    let pushed = ground.push(&blog).await;
    assert_eq!(store.claim(LEASE, 1).await.unwrap().unwrap().build.id, pushed.id);

    // The one that came in last wins, in whatever order they are published.
    let mut live = Vec::new();
    for claimed in [&second, &first] {
        let (id, short_id) = store.reserve_deployment(&claimed.lease).await.unwrap();
        let new = NewDeployment { id, short_id, host: host(&format!("shop-{id}")), files: 1, bytes: 1, services: None };
        store.publish_deployment(&claimed.lease, new, None).await.unwrap();
        live.push(id);
    }
    ground.activate_build(live[0]).await;
    let late = store.pending_activations().await.unwrap()[0].clone();
    assert!(matches!(store.decide_activation(late.id).await.unwrap(), berth_store::ActivationDecision::Refused { .. }));
    let refused = store.newest_activation_of(live[1]).await.unwrap().unwrap();
    assert!(refused.refusal.is_some_and(|why| why.contains("is newer")));
}

pub(crate) async fn an_interrupted_folder_is_not_begun_again(ground: Ground) {
    let store = &ground.store;
    let ada = ground.member(1).await;
    let begun = store.begin_folder(ada, None, named("shop"), LEASE).await.unwrap();
    store.requeue_interrupted().await.unwrap();
    let ended = store.build(ada, begun.build.id).await.unwrap();
    assert_eq!(ended.status, BuildStatus::Failed);
    assert!(ended.failure.unwrap().detail.contains("Deploy the folder again"));
    assert!(ground.claim().await.is_none());
    let rebuilt = store.rebuild(ada, begun.build.id).await;
    assert!(matches!(rebuilt, Err(StoreError::Conflict(_))), "{rebuilt:?}");
}

pub(crate) async fn who_may_no_longer_begins_no_folder(ground: Ground) {
    let store = &ground.store;
    let (admin, ada) = (ground.admin().await, ground.member(1).await);
    let shop = ground.project(ada, "shop").await;
    let make = async |digit: u8| {
        let end = ground.clock.now().after(Duration::from_secs(60));
        let (name, hint, token_hash) = ("ci".to_owned(), "berth_x".to_owned(), [digit; 32]);
        let new = NewApiToken { name, project: None, hint, token_hash, expires_at: Some(end) };
        store.create_api_token(ada, new).await.unwrap().id
    };
    let begin = async |token| store.begin_folder(ada, token, FolderOf::Project(shop.id), LEASE).await;
    let (revoked, short) = (make(1).await, make(2).await);
    assert!(begin(Some(revoked)).await.is_ok());
    store.revoke_api_token(ada, revoked).await.unwrap();
    assert!(matches!(begin(Some(revoked)).await, Err(StoreError::TokenEnded)));
    assert!(begin(Some(short)).await.is_ok());
    ground.clock.advance(Duration::from_secs(60));
    assert!(matches!(begin(Some(short)).await, Err(StoreError::TokenEnded)));
    let off = UserChange { active: Some(false), role: None };
    store.change_user(admin, ada.user(), off).await.unwrap();
    assert!(matches!(begin(None).await, Err(StoreError::Deactivated)));
    assert_eq!(store.builds_of(ada, shop.id, 10, None).await.unwrap().len(), 2);
}
