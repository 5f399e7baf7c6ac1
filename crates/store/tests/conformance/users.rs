//! What administrators do with accounts, and who remains.

use std::time::Duration;

use berth_model::{Access, EventPayload, InvitationLifetime, LoginName, Role, UserId};
use berth_secrets::Sealed;
use berth_store::{GithubProfile, NewInvitation, NewSession, ProjectsTo, StoreError, UserChange};

use crate::ground::{Ground, sealed_for};

const DEMOTE: UserChange = UserChange { role: Some(Role::Member), active: None };
const PROMOTE: UserChange = UserChange { role: Some(Role::Admin), active: None };
const DEACTIVATE: UserChange = UserChange { role: None, active: Some(false) };
const REACTIVATE: UserChange = UserChange { role: None, active: Some(true) };

fn session(token: u8) -> NewSession {
    NewSession { token_hash: [token; 32], ttl: Duration::from_secs(3_600), user_agent: None, address: None }
}

async fn second_admin(ground: &Ground, by: Access) -> Access {
    let second = ground.member(90).await;
    ground.store.change_user(by, second.user(), PROMOTE).await.unwrap();
    Access::of(second.user(), Role::Admin)
}

pub(crate) async fn administrators_see_everybody(ground: Ground) {
    let admin = ground.admin().await;
    let member = ground.member(1).await;
    let project = ground.project(member, "shop").await;
    ground.project(member, "blog").await;
    ground.store.delete_project(member, project.id).await.unwrap();
    let users = ground.store.users(10, None).await.unwrap();
    let seen: Vec<_> = users.iter().map(|seen| (seen.user.id, seen.user.role, seen.projects)).collect();
    assert_eq!(seen, [(member.user(), Role::Member, 1), (admin.user(), Role::Admin, 0)]);
    assert_eq!((users[0].user.has_password, users[0].user.github_id), (false, Some(1)));
    assert_eq!((users[1].user.has_password, users[1].user.github_id), (true, None));
    assert_eq!(ground.store.users(1, None).await.unwrap(), users[..1]);
    assert_eq!(ground.store.users(10, Some(member.user())).await.unwrap(), users[1..]);
    assert_eq!(ground.store.user_summary(admin.user()).await.unwrap(), users[1]);
    assert!(matches!(ground.store.user_summary(UserId(4_711)).await, Err(StoreError::NotFound)));
}

/// What was asked as an administrator is refused to somebody who is none any more.
pub(crate) async fn only_who_is_an_administrator_now(ground: Ground) {
    let store = &ground.store;
    let admin = ground.admin().await;
    let former = second_admin(&ground, admin).await;
    store.change_user(admin, former.user(), DEMOTE).await.unwrap();
    let victim = ground.member(1).await.user();
    let new = NewInvitation { token_hash: [1; 32], lifetime: InvitationLifetime::INVITATION, note: None };
    let refusals = [
        store.change_user(former, victim, DEACTIVATE).await.err(),
        store.remove_user(former, victim, ProjectsTo::Nobody).await.err(),
        store.sign_user_out(former, victim).await.err(),
        store.invite(former, Role::Admin, &new).await.err(),
        store.invite_to_set_password(former, admin.user(), &new).await.err(),
        store.revoke_invitation(former, 1.into()).await.err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Some(StoreError::AdminsOnly)), "{refusal:?}");
    }
    assert_eq!(store.invitations(10, None).await.unwrap(), []);
    assert_eq!(store.user(victim).await.unwrap().unwrap().deactivated_at, None);
}

pub(crate) async fn administrators_who_demote_each_other_leave_one(ground: Ground) {
    let first = ground.admin().await;
    for round in 0..10 {
        let second = second_admin(&ground, first).await;
        let (one, other) = (ground.store.clone(), ground.another_process().await);
        let (a, b) = (first, second);
        let (left, right) = tokio::join!(
            tokio::spawn(async move { one.change_user(a, b.user(), DEMOTE).await.map(drop) }),
            tokio::spawn(async move { other.change_user(b, a.user(), DEMOTE).await.map(drop) }),
        );
        let outcomes = [left.unwrap(), right.unwrap()];
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "round {round}: {outcomes:?}");
        assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(StoreError::AdminsOnly))), "{outcomes:?}");
        assert!(ground.store.administrator_exists().await.unwrap());
        if outcomes[1].is_ok() {
            // Whoever is left makes the first one administrator again, for the next round.
            ground.store.change_user(second, first.user(), PROMOTE).await.unwrap();
        }
        ground.store.change_user(first, second.user(), DEMOTE).await.unwrap();
    }
}

pub(crate) async fn the_last_administrator_stays(ground: Ground) {
    let store = &ground.store;
    let admin = ground.admin().await;
    let refused = |outcome: Result<(), StoreError>, words: &str| {
        let Err(StoreError::Conflict(why)) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains(words), "{why}");
    };
    for change in [DEMOTE, DEACTIVATE] {
        refused(store.change_user(admin, admin.user(), change).await.map(drop), "last administrator");
    }
    refused(store.remove_user(admin, admin.user(), ProjectsTo::Nobody).await, "last administrator");
    // One who is deactivated does not count.
    let second = second_admin(&ground, admin).await;
    store.change_user(admin, second.user(), DEACTIVATE).await.unwrap();
    refused(store.change_user(admin, admin.user(), DEMOTE).await.map(drop), "last administrator");
    store.change_user(admin, second.user(), REACTIVATE).await.unwrap();
    // With another one, nobody shuts themselves out, but they may step back.
    refused(store.change_user(admin, admin.user(), DEACTIVATE).await.map(drop), "your own account");
    refused(store.remove_user(admin, admin.user(), ProjectsTo::Nobody).await, "your own account");
    store.change_user(admin, admin.user(), DEMOTE).await.unwrap();
    // Two who step back at once: one stays.
    store.change_user(second, admin.user(), PROMOTE).await.unwrap();
    let (one, other) = (store.clone(), ground.another_process().await);
    let (left, right) = tokio::join!(
        tokio::spawn(async move { one.change_user(admin, admin.user(), DEMOTE).await.is_ok() }),
        tokio::spawn(async move { other.change_user(second, second.user(), DEMOTE).await.is_ok() }),
    );
    assert_eq!(usize::from(left.unwrap()) + usize::from(right.unwrap()), 1);
    assert!(store.administrator_exists().await.unwrap());
}

pub(crate) async fn who_is_deactivated_is_out_at_once(ground: Ground) {
    let store = &ground.store;
    let admin = ground.admin().await;
    let member = ground.member(1).await;
    let id = member.user();
    let open = store.create_session(id, &session(1)).await.unwrap();
    let changed = store.change_user(admin, id, DEACTIVATE).await.unwrap();
    assert_eq!(changed.user.deactivated_at, Some(ground.clock.now()));
    assert_eq!(store.session(open.id).await.unwrap(), None);
    assert_eq!(store.session_by_token(&[1; 32]).await.unwrap(), None);
    assert!(matches!(store.create_session(id, &session(2)).await, Err(StoreError::Deactivated)));
    let profile = GithubProfile { github_id: 1, login: "member-1".into(), email: None, avatar: None };
    let refused = store.sign_in_github(&profile, true, None, sealed_for).await;
    assert!(matches!(refused, Err(StoreError::Deactivated)), "{refused:?}");

    // Asked again, it stays as it was and is told once.
    ground.clock.advance(Duration::from_secs(60));
    assert_eq!(
        store.change_user(admin, id, DEACTIVATE).await.unwrap().user.deactivated_at,
        changed.user.deactivated_at
    );
    store.change_user(admin, id, REACTIVATE).await.unwrap();
    store.create_session(id, &session(2)).await.unwrap();
    assert_eq!(store.sign_user_out(admin, id).await.unwrap(), 1);
    assert!(matches!(store.sign_user_out(admin, UserId(4_711)).await, Err(StoreError::NotFound)));

    let by = admin.user();
    let events = ground.events().await;
    let count = |wanted: EventPayload| events.iter().filter(|event| **event == wanted).count();
    assert_eq!(count(EventPayload::UserDeactivated { user: id, by }), 1);
    assert_eq!(count(EventPayload::SessionRevoked { session: open.id }), 1);
    assert_eq!(count(EventPayload::UserReactivated { user: id, by }), 1);
    assert_eq!(count(EventPayload::UserCreated { user: id, role: Role::Member, invitation: None }), 1);
}

/// Whoever signs in, or makes something, while they are shut out, has nothing afterwards.
pub(crate) async fn nobody_gets_in_while_they_are_shut_out(ground: Ground) {
    let admin = ground.admin().await;
    let member = ground.member(1).await;
    let attempts = (1..=20).map(|token| {
        let store = ground.store.clone();
        tokio::spawn(async move { store.create_session(member.user(), &session(token)).await.is_ok() })
    });
    let attempts: Vec<_> = attempts.collect();
    ground.store.change_user(admin, member.user(), DEACTIVATE).await.unwrap();
    for attempt in attempts {
        attempt.await.unwrap();
    }
    assert_eq!(ground.store.sessions_of(member).await.unwrap(), []);
    let new = crate::ground::new_project("late");
    let late = ground.store.create_project(member, new, &crate::ground::host("late"), |_| Vec::new()).await;
    assert!(matches!(late, Err(StoreError::Deactivated)), "{late:?}");
}

pub(crate) async fn who_is_removed_leaves_a_name(ground: Ground) {
    let store = &ground.store;
    let admin = ground.admin().await;
    let login = LoginName::parse("grace").unwrap();
    let grace = store.register(&login, "hash").await.unwrap();
    let profile = GithubProfile { github_id: 5, login: "grace-h".into(), email: Some("g@x.org".into()), avatar: None };
    store.connect_github(grace.id, &profile, sealed_for).await.unwrap();
    let open = store.create_session(grace.id, &session(1)).await.unwrap();
    store.remove_user(admin, grace.id, ProjectsTo::Nobody).await.unwrap();
    assert_eq!(store.session(open.id).await.unwrap(), None);
    assert_eq!(store.user(grace.id).await.unwrap(), None);
    assert_eq!(store.user_by_login("grace").await.unwrap(), None);
    assert_eq!(store.github_token(grace.id).await.unwrap(), None);
    assert_eq!(store.password_hash(grace.id).await.unwrap(), None);
    assert!(store.users(10, None).await.unwrap().iter().all(|seen| seen.user.id != grace.id));
    let again = store.remove_user(admin, grace.id, ProjectsTo::Nobody).await;
    assert!(matches!(again, Err(StoreError::NotFound)), "{again:?}");
    let back = store.change_user(admin, grace.id, REACTIVATE).await;
    assert!(matches!(back, Err(StoreError::NotFound)), "{back:?}");
    let told = EventPayload::UserRemoved { user: grace.id, by: admin.user() };
    assert!(ground.events().await.contains(&told));

    let address = LoginName::parse("joan@example.org").unwrap();
    let joan = store.register(&address, "hash").await.unwrap();
    let access = Access::of(joan.id, Role::Admin);
    store.change_user(admin, joan.id, PROMOTE).await.unwrap();
    let invited = NewInvitation { token_hash: [8; 32], lifetime: InvitationLifetime::INVITATION, note: None };
    store.invite(access, Role::Member, &invited).await.unwrap();
    store.remove_user(admin, joan.id, ProjectsTo::Nobody).await.unwrap();
    let by = store.invitations(1, None).await.unwrap().remove(0).created_by;
    assert_eq!(by, "joan", "her address is gone");

    // Name and number are free: who comes back is somebody new.
    let anew = store.register(&login, "another").await.unwrap();
    assert_ne!(anew.id, grace.id);
    let anew = store.sign_in_github(&profile, true, None, sealed_for).await.unwrap().unwrap();
    assert_ne!(anew.id, grace.id);
}

pub(crate) async fn projects_go_to_somebody_or_nobody_goes(ground: Ground) {
    let store = &ground.store;
    let admin = ground.admin().await;
    let (leaving, heir, gone) = (ground.member(1).await, ground.member(2).await, ground.member(3).await);
    store.change_user(admin, gone.user(), DEACTIVATE).await.unwrap();
    let project = ground.project(leaving, "shop").await;
    let live = ground.go_live(&project).await;
    store.set_hook_secret(leaving, project.id, Some(&Sealed::stored("sealed".to_owned()))).await.unwrap();
    store.create_deploy_hook(leaving, project.id, "nightly", None, &[1; 32]).await.unwrap();
    let ways = [ProjectsTo::Nobody, ProjectsTo::User(gone.user()), ProjectsTo::User(leaving.user())];
    for way in ways.into_iter().chain([ProjectsTo::User(UserId(4_711))]) {
        let refused = store.remove_user(admin, leaving.user(), way).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{way:?}: {refused:?}");
    }
    assert_eq!(store.projects(leaving).await.unwrap().len(), 1, "nothing has changed");
    store.remove_user(admin, leaving.user(), ProjectsTo::User(heir.user())).await.unwrap();
    assert_eq!(store.projects(leaving).await.unwrap(), []);
    let theirs = store.project(heir, project.id).await.unwrap();
    assert_eq!(theirs.name, project.name);
    assert_eq!(store.hook_secret(project.id).await.unwrap(), None, "who left knows it");
    assert_eq!(store.deploy_hook_of(&[1; 32]).await.unwrap(), None);
    assert_eq!(store.live_deployment(project.id).await.unwrap().unwrap().id, live.id, "visitors notice nothing");
    ground.go_live(&theirs).await;
    let (from, to) = (leaving.user(), heir.user());
    let told = EventPayload::ProjectTransferred { project: project.id, from, to, by: admin.user() };
    assert!(ground.events().await.contains(&told));
}
