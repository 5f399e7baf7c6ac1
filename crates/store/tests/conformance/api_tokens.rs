//! API tokens: what is kept of them, what they reach, and what ends them.

use std::time::Duration;

use berth_model::{Access, EventPayload, ProjectId};
use berth_store::{NewApiToken, StoreError, UserChange};

use crate::ground::{Ground, host};

fn new(digit: u8, project: Option<ProjectId>) -> NewApiToken {
    let (name, hint) = (format!("token {digit}"), format!("berth_{digit}"));
    NewApiToken { name, project, hint, token_hash: [digit; 32], expires_at: None }
}

pub(crate) async fn a_token_and_its_end(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.member(1).await, ground.member(2).await);
    let made = store.create_api_token(ada, new(1, None)).await.unwrap();
    assert_eq!((made.name.as_str(), made.hint.as_str(), made.last_used_at), ("token 1", "berth_1", None));
    assert!(store.create_api_token(bob, new(1, None)).await.is_err(), "a token is somebody's");
    assert!(store.api_token_by_hash(&[2; 32]).await.unwrap().is_none());

    let used = async || store.api_token_by_hash(&[1; 32]).await.unwrap().unwrap();
    let (first, user) = used().await;
    assert_eq!((first.id, first.last_used_at, user.id), (made.id, None, ada.user()));
    let at = ground.clock.now();
    ground.clock.advance(Duration::from_secs(59));
    assert_eq!(used().await.0.last_used_at, Some(at), "a use is noted");
    assert_eq!(used().await.0.last_used_at, Some(at), "and not more than once a minute");
    ground.clock.advance(Duration::from_secs(1));
    used().await;
    assert_eq!(store.api_tokens(ada).await.unwrap()[0].last_used_at, Some(ground.clock.now()));

    let end = ground.clock.now().after(Duration::from_secs(60));
    let short = NewApiToken { expires_at: Some(end), ..new(3, None) };
    store.create_api_token(ada, short).await.unwrap();
    assert!(!store.api_token_by_hash(&[3; 32]).await.unwrap().unwrap().0.has_expired(ground.clock.now()));
    ground.clock.advance(Duration::from_secs(60));
    assert!(store.api_token_by_hash(&[3; 32]).await.unwrap().unwrap().0.has_expired(ground.clock.now()));
    store.forget_expired().await.unwrap();
    assert_eq!(store.api_tokens(ada).await.unwrap().len(), 2, "its owner sees why nothing works");
    ground.clock.advance(Duration::from_secs(30 * 86_400));
    store.forget_expired().await.unwrap();
    assert_eq!(store.api_tokens(ada).await.unwrap().len(), 1);

    assert!(matches!(store.revoke_api_token(bob, made.id).await, Err(StoreError::Forbidden)));
    store.revoke_api_token(ada, made.id).await.unwrap();
    assert!(store.api_token_by_hash(&[1; 32]).await.unwrap().is_none());
    assert!(matches!(store.revoke_api_token(ada, made.id).await, Err(StoreError::NotFound)));
    let revoked = EventPayload::ApiTokenRevoked { token: made.id, name: "token 1".into(), by: ada.user() };
    assert_eq!(ground.events().await.last(), Some(&revoked));
}

pub(crate) async fn a_token_of_one_project(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.member(1).await, ground.member(2).await);
    let (shop, blog) = (ground.project(ada, "shop").await, ground.project(ada, "blog").await);
    assert!(matches!(store.create_api_token(bob, new(1, Some(shop.id))).await, Err(StoreError::Forbidden)));
    let made = store.create_api_token(ada, new(1, Some(shop.id))).await.unwrap();
    assert_eq!(made.project, Some(shop.id));
    let access = Access::of_token(ada.user(), made.project);
    let live = ground.go_live(&blog).await;
    let seen: Vec<ProjectId> = store.projects(access).await.unwrap().iter().map(|project| project.id).collect();
    assert_eq!(seen, [shop.id]);
    assert!(store.project(access, shop.id).await.is_ok());
    let hidden =
        |outcome: Result<(), StoreError>| assert!(matches!(outcome, Err(StoreError::Forbidden)), "{outcome:?}");
    hidden(store.project(access, blog.id).await.map(drop));
    hidden(store.deployment(access, live.id).await.map(drop));
    hidden(store.build(access, live.build).await.map(drop));
    hidden(store.builds_of(access, blog.id, 10, None).await.map(drop));
    hidden(store.delete_project(access, blog.id).await.map(drop));
    hidden(
        store.create_project(access, crate::ground::new_project("new"), &host("new"), |_| Vec::new()).await.map(drop),
    );
    assert_eq!(store.projects(Access::of_token(ada.user(), None)).await.unwrap().len(), 2);

    store.delete_project(ada, shop.id).await.unwrap();
    assert!(store.api_token_by_hash(&[1; 32]).await.unwrap().is_none(), "it goes with its project");
}

pub(crate) async fn who_is_shut_out_loses_their_tokens(ground: Ground) {
    let store = &ground.store;
    let (admin, ada) = (ground.admin().await, ground.member(1).await);
    store.create_api_token(ada, new(1, None)).await.unwrap();
    let change = |active| UserChange { active: Some(active), role: None };
    store.change_user(admin, ada.user(), change(false)).await.unwrap();
    assert!(store.api_token_by_hash(&[1; 32]).await.unwrap().is_none());
    assert!(matches!(store.create_api_token(ada, new(2, None)).await, Err(StoreError::Deactivated)));
    store.change_user(admin, ada.user(), change(true)).await.unwrap();
    assert!(store.api_tokens(ada).await.unwrap().is_empty(), "they do not come back");
}
