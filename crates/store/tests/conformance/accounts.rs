//! Accounts, sessions and sign-ins.

use std::time::Duration;

use berth_model::{Access, EventPayload, LoginName, Role};
use berth_store::{GithubProfile, NewSession, OauthAttempt, StoreError};

use crate::ground::{Ground, sealed_for};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn session(token: u8) -> NewSession {
    NewSession {
        token_hash: [token; 32],
        ttl: DAY,
        user_agent: Some("Firefox".to_owned()),
        address: Some("192.0.2.1".to_owned()),
    }
}

pub(crate) async fn the_first_administrator_is_the_only_one(ground: Ground) {
    assert!(!ground.store.administrator_exists().await.unwrap());
    let attempts = (0..8).map(|n| {
        let store = ground.store.clone();
        tokio::spawn(async move { store.create_first_admin(&format!("admin-{n}"), Some("a@b.c"), "hash").await })
    });
    let mut admins = Vec::new();
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(user) => admins.push(user),
            Err(refused) => assert!(matches!(refused, StoreError::Conflict(_)), "{refused:?}"),
        }
    }
    let [admin] = admins.as_slice() else { panic!("{admins:?}") };
    assert_eq!((admin.role, admin.email.as_deref()), (Role::Admin, Some("a@b.c")));
    let login = admin.login_name.clone().unwrap();
    assert_eq!(ground.store.user_by_login(&login).await.unwrap(), Some((admin.clone(), "hash".to_owned())));
    assert_eq!(ground.store.user_by_login("nobody").await.unwrap(), None);
}

/// A13: the number decides; a login that changes hands leads nowhere.
pub(crate) async fn github_matches_its_number_only(ground: Ground) {
    let store = &ground.store;
    let ada = GithubProfile { github_id: 7, login: "ada".into(), email: Some("ada@x.org".into()), avatar: None };
    assert_eq!(store.sign_in_github(&ada, false, None, sealed_for).await.unwrap(), None);
    let first = store.sign_in_github(&ada, true, None, sealed_for).await.unwrap().unwrap();
    assert_eq!((first.role, first.github_connected), (Role::Member, true));
    assert_eq!(store.github_token(first.id).await.unwrap().unwrap(), sealed_for(first.id));

    let renamed = GithubProfile { login: "ada-l".into(), email: None, ..ada.clone() };
    let again = store.sign_in_github(&renamed, false, None, sealed_for).await.unwrap().unwrap();
    assert_eq!((again.id, again.username.as_str(), again.email.as_deref()), (first.id, "ada-l", Some("ada@x.org")));
    let impostor = GithubProfile { github_id: 8, ..ada };
    let other = store.sign_in_github(&impostor, true, None, sealed_for).await.unwrap().unwrap();
    assert_ne!(other.id, first.id);

    let grace = store.register(&LoginName::parse("grace").unwrap(), "hash").await.unwrap();
    let elsewhere = GithubProfile { github_id: 9, login: "ghopper".into(), ..impostor };
    store.connect_github(grace.id, &elsewhere, sealed_for).await.unwrap();
    let over_github = store.sign_in_github(&elsewhere, false, None, sealed_for).await.unwrap().unwrap();
    assert_eq!((over_github.id, over_github.username.as_str()), (grace.id, "grace"), "she has a name here");

    store.forget_github_token(first.id).await.unwrap();
    assert_eq!(store.github_token(first.id).await.unwrap(), None);
    assert!(!store.user(first.id).await.unwrap().unwrap().github_connected);
}

pub(crate) async fn sessions_slide_and_end(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let made = store.create_session(access.user(), &session(1)).await.unwrap();

    assert_eq!((made.user_agent.as_deref(), made.address.as_deref()), (Some("Firefox"), Some("192.0.2.1")));
    let begun = ground.clock.now();
    assert_eq!(store.user(access.user()).await.unwrap().unwrap().last_seen_at, Some(begun));

    ground.clock.advance(Duration::from_secs(59 * 60));
    let (early, user) = store.session_by_token(&[1; 32]).await.unwrap().unwrap();
    assert_eq!((early, user.id), (made.clone(), access.user()));
    ground.clock.advance(Duration::from_secs(60));
    store.session_by_token(&[1; 32]).await.unwrap().unwrap();
    let (slid, user) = store.session(made.id).await.unwrap().unwrap();
    assert_eq!(slid.expires_at, ground.clock.now().after(DAY));
    assert_eq!(user.last_seen_at, Some(ground.clock.now()));

    assert_eq!(store.session_by_token(&[2; 32]).await.unwrap(), None);
    let second = store.create_session(access.user(), &session(2)).await.unwrap();
    assert_eq!(store.sessions_of(access).await.unwrap().len(), 2);
    let other = ground.member(2).await;
    assert!(matches!(store.revoke_session(other, second.id).await, Err(StoreError::Forbidden)));
    store.revoke_session(access, second.id).await.unwrap();
    assert!(matches!(store.revoke_session(access, second.id).await, Err(StoreError::NotFound)));
    assert_eq!(store.session(second.id).await.unwrap(), None);
    assert!(ground.events().await.contains(&EventPayload::SessionRevoked { session: second.id }));

    ground.clock.advance(DAY);
    assert_eq!(store.session_by_token(&[1; 32]).await.unwrap(), None);
    assert_eq!(store.session(made.id).await.unwrap(), None);
    assert_eq!(store.sessions_of(access).await.unwrap(), []);
    store.forget_expired().await.unwrap();
    assert!(matches!(store.revoke_session(access, made.id).await, Err(StoreError::NotFound)));
    assert_eq!(access, Access::of(user.id, user.role));
}

pub(crate) async fn all_other_sessions_end_at_once(ground: Ground) {
    let store = &ground.store;
    let (access, other) = (ground.member(1).await, ground.member(2).await);
    let mut made = Vec::new();
    for token in 1..=3 {
        made.push(store.create_session(access.user(), &session(token)).await.unwrap().id);
    }
    let theirs = store.create_session(other.user(), &session(4)).await.unwrap();
    assert_eq!(store.revoke_other_sessions(access, made[1]).await.unwrap(), 2);
    let left: Vec<_> = store.sessions_of(access).await.unwrap().into_iter().map(|session| session.id).collect();
    assert_eq!(left, [made[1]]);
    assert!(store.session(theirs.id).await.unwrap().is_some());
    let events = ground.events().await;
    for (session, ended) in made.into_iter().zip([true, false, true]) {
        assert_eq!(events.contains(&EventPayload::SessionRevoked { session }), ended);
    }
}

pub(crate) async fn the_session_unused_for_longest_makes_room(ground: Ground) {
    let store = &ground.store;
    let (access, other) = (ground.member(1).await, ground.member(2).await);
    store.create_session(other.user(), &session(250)).await.unwrap();
    let mut made = Vec::new();
    for token in 0..100 {
        made.push(store.create_session(access.user(), &session(token)).await.unwrap().id);
    }
    assert_eq!(store.sessions_of(access).await.unwrap().len(), 100);
    ground.clock.advance(Duration::from_secs(60 * 60));
    store.session_by_token(&[0; 32]).await.unwrap().unwrap();
    let newest = store.create_session(access.user(), &session(100)).await.unwrap().id;
    let kept: Vec<_> = store.sessions_of(access).await.unwrap().into_iter().map(|session| session.id).collect();
    assert_eq!((kept.len(), kept[0], kept[1], kept[99]), (100, newest, made[0], made[2]));
    assert!(ground.events().await.contains(&EventPayload::SessionRevoked { session: made[1] }));
    assert_eq!(store.sessions_of(other).await.unwrap().len(), 1);
}

pub(crate) async fn a_changed_password_ends_other_sessions(ground: Ground) {
    let store = &ground.store;
    let login = LoginName::parse("ada").unwrap();
    let ada = store.register(&login, "old").await.unwrap();
    assert_eq!((ada.role, ada.has_password, ada.username.as_str()), (Role::Member, true, "ada"));
    assert!(matches!(store.register(&login, "x").await, Err(StoreError::NameTaken)));
    let here = store.create_session(ada.id, &session(1)).await.unwrap().id;
    let elsewhere = store.create_session(ada.id, &session(2)).await.unwrap().id;
    store.change_password(ada.id, here, "old", "new").await.unwrap();
    let late = store.change_password(ada.id, here, "old", "newer").await;
    assert!(matches!(late, Err(StoreError::Conflict(_))), "{late:?}");
    assert_eq!(store.password_hash(ada.id).await.unwrap().as_deref(), Some("new"));
    assert!(store.session(here).await.unwrap().is_some());
    assert!(store.session(elsewhere).await.unwrap().is_none());
    let told = EventPayload::UserPasswordChanged { user: ada.id, invitation: None };
    assert!(ground.events().await.contains(&told));
}

/// A6: a state that was used, or is too old, leads nowhere.
pub(crate) async fn a_sign_in_is_finished_once(ground: Ground) {
    let store = &ground.store;
    let attempt = |state: u8, minutes: u64| OauthAttempt {
        state_hash: [state; 32],
        browser_hash: [9; 32],
        verifier: "verifier".into(),
        redirect: "/".to_owned(),
        invitation_hash: (state == 1).then_some([4; 32]),
        expires_at: ground.clock.now().after(Duration::from_secs(minutes * 60)),
    };
    store.begin_oauth(&attempt(1, 10)).await.unwrap();
    store.begin_oauth(&attempt(2, 1)).await.unwrap();
    let expected = attempt(1, 10);
    let takes = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.take_oauth(&[1; 32]).await.unwrap() })
    });
    let mut taken = Vec::new();
    for take in takes.collect::<Vec<_>>() {
        taken.extend(take.await.unwrap());
    }
    assert_eq!(taken, [expected]);
    ground.clock.advance(Duration::from_secs(60));
    assert_eq!(store.take_oauth(&[2; 32]).await.unwrap(), None);
    assert_eq!(store.take_oauth(&[3; 32]).await.unwrap(), None);
}
