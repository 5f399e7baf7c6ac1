//! Links that open an account or set a password, once.

use std::time::Duration;

use berth_model::{Access, EventPayload, InvitationLifetime, InvitationState, LoginName, Note, Role};
use berth_store::{GithubProfile, Invitation, NewInvitation, NewSession, ProjectsTo, StoreError, UserChange};

use crate::ground::{Ground, sealed_for};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn link(token: u8) -> NewInvitation {
    let note = Note::parse("for Grace").unwrap();
    NewInvitation { token_hash: [token; 32], lifetime: InvitationLifetime::INVITATION, note }
}

fn login(text: &str) -> LoginName {
    LoginName::parse(text).unwrap()
}

async fn listed(ground: &Ground, id: &Invitation) -> Invitation {
    let all = ground.store.invitations(100, None).await.unwrap();
    all.into_iter().find(|invitation| invitation.id == id.id).unwrap()
}

/// Half come with a password and half from GitHub, from two processes.
pub(crate) async fn one_of_twenty_opens_an_account(ground: Ground) {
    let admin = ground.admin().await;
    let made = ground.store.invite(admin, Role::Admin, &link(1)).await.unwrap();
    assert_eq!(
        (made.state, made.created_by.as_str(), made.note.as_deref()),
        (InvitationState::Pending, "root", Some("for Grace"))
    );
    let stores = [ground.store.clone(), ground.another_process().await];
    let attempts = (0..20).map(|n: i64| {
        let store = stores[usize::from(n % 4 < 2)].clone();
        tokio::spawn(async move {
            if n % 2 == 0 {
                let name = login(&format!("guest-{n}"));
                return store.accept_invitation(&[1; 32], &name, "hash").await.unwrap();
            }
            let profile = GithubProfile { github_id: 100 + n, login: format!("guest-{n}"), email: None, avatar: None };
            store.sign_in_github(&profile, false, Some(&[1; 32]), sealed_for).await.unwrap()
        })
    });
    let mut guests = Vec::new();
    for attempt in attempts.collect::<Vec<_>>() {
        guests.extend(attempt.await.unwrap());
    }
    let [guest] = guests.as_slice() else { panic!("{guests:?}") };
    assert_eq!(guest.role, Role::Admin);
    assert_eq!(ground.store.users(100, None).await.unwrap().len(), 2, "the administrator and one guest");
    let used = listed(&ground, &made).await;
    assert_eq!((used.state, used.used_by), (InvitationState::Used, Some(guest.username.clone())));
    let events = ground.events().await;
    let invitation = made.id;
    assert!(events.contains(&EventPayload::InvitationUsed { invitation, user: guest.id }));
    let created = EventPayload::UserCreated { user: guest.id, role: Role::Admin, invitation: Some(invitation) };
    assert!(events.contains(&created));
}

pub(crate) async fn a_taken_login_leaves_the_link(ground: Ground) {
    let store = &ground.store;
    let admin = ground.admin().await;
    let made = store.invite(admin, Role::Member, &link(1)).await.unwrap();
    let taken = store.accept_invitation(&[1; 32], &login("root"), "hash").await;
    assert!(matches!(taken, Err(StoreError::NameTaken)), "{taken:?}");
    assert_eq!(listed(&ground, &made).await.state, InvitationState::Pending);
    let guest = store.accept_invitation(&[1; 32], &login("grace"), "hash").await.unwrap().unwrap();
    assert_eq!((guest.role, guest.login_name.as_deref()), (Role::Member, Some("grace")));
    assert_eq!(store.user_by_login("grace").await.unwrap(), Some((guest, "hash".to_owned())));
}

/// Who has an account signs in and leaves the invitation to somebody else.
pub(crate) async fn an_invitation_goes_along_to_github(ground: Ground) {
    let store = &ground.store;
    let admin = ground.admin().await;
    let known = ground.member(7).await;
    let made = store.invite(admin, Role::Member, &link(1)).await.unwrap();
    let profile = |github_id| GithubProfile { github_id, login: "octo".into(), email: None, avatar: None };
    let sign_in = |github_id, token: u8| async move {
        store.sign_in_github(&profile(github_id), false, Some(&[token; 32]), sealed_for).await.unwrap()
    };
    assert_eq!(sign_in(7, 1).await.unwrap().id, known.user());
    assert_eq!(listed(&ground, &made).await.state, InvitationState::Pending);
    assert_eq!(sign_in(8, 9).await, None, "an unknown link");
    assert_ne!(sign_in(8, 1).await.unwrap().id, known.user());
    assert_eq!(sign_in(9, 1).await, None, "a used link");
    assert_eq!(store.github_token(known.user()).await.unwrap(), Some(sealed_for(known.user())));
}

pub(crate) async fn a_dead_link_is_a_dead_link(ground: Ground) {
    let store = &ground.store;
    let admin = ground.admin().await;
    let revoked = store.invite(admin, Role::Member, &link(1)).await.unwrap();
    let late = store.invite(admin, Role::Member, &link(2)).await.unwrap();
    assert!(store.pending_invitation(&[1; 32]).await.unwrap().is_some());
    store.revoke_invitation(admin, revoked.id).await.unwrap();
    store.revoke_invitation(admin, revoked.id).await.unwrap();
    assert!(matches!(store.revoke_invitation(admin, 4_711.into()).await, Err(StoreError::NotFound)));
    ground.clock.advance(7 * DAY - Duration::from_micros(1));
    assert!(store.pending_invitation(&[2; 32]).await.unwrap().is_some(), "until the last moment");
    ground.clock.advance(Duration::from_micros(1));
    store.revoke_invitation(admin, late.id).await.unwrap();
    assert_eq!(listed(&ground, &revoked).await.state, InvitationState::Revoked);
    assert_eq!(listed(&ground, &late).await.state, InvitationState::Expired, "it had run out before");
    for token in [1, 2, 3] {
        assert_eq!(store.pending_invitation(&[token; 32]).await.unwrap(), None);
        assert_eq!(store.accept_invitation(&[token; 32], &login("grace"), "hash").await.unwrap(), None);
        assert_eq!(store.accept_password_link(&[token; 32], "hash").await.unwrap(), None);
    }
    let told = EventPayload::InvitationRevoked { invitation: revoked.id, by: admin.user() };
    assert_eq!(ground.events().await.iter().filter(|event| **event == told).count(), 1);
}

pub(crate) async fn a_password_link_sets_one_password(ground: Ground) {
    let store = &ground.store;
    let admin = ground.admin().await;
    let grace = store.register(&login("grace"), "forgotten").await.unwrap();
    let new = NewSession { token_hash: [1; 32], ttl: DAY, user_agent: None, address: None };
    let open = store.create_session(grace.id, &new).await.unwrap();
    let first = store.invite_to_set_password(admin, grace.id, &link(1)).await.unwrap();
    let second = store.invite_to_set_password(admin, grace.id, &link(2)).await.unwrap();
    assert_eq!(second.password_of.as_deref(), Some("grace"));
    assert_eq!(listed(&ground, &first).await.state, InvitationState::Revoked, "the newer one is the one");
    assert_eq!(store.accept_password_link(&[1; 32], "x").await.unwrap(), None);
    assert_eq!(store.accept_invitation(&[2; 32], &login("eve"), "x").await.unwrap(), None, "it opens no account");
    let profile = GithubProfile { github_id: 8, login: "eve".into(), email: None, avatar: None };
    assert_eq!(store.sign_in_github(&profile, false, Some(&[2; 32]), sealed_for).await.unwrap(), None);
    assert!(store.session(open.id).await.unwrap().is_some(), "until the link is used nothing changes");
    assert_eq!(store.accept_password_link(&[2; 32], "fresh").await.unwrap().unwrap().id, grace.id);
    assert_eq!(store.password_hash(grace.id).await.unwrap().as_deref(), Some("fresh"));
    assert_eq!(store.session(open.id).await.unwrap(), None);
    assert_eq!(store.accept_password_link(&[2; 32], "again").await.unwrap(), None);
    let told = EventPayload::UserPasswordChanged { user: grace.id, invitation: Some(second.id) };
    assert!(ground.events().await.contains(&told));

    let here = store.create_session(grace.id, &NewSession { token_hash: [9; 32], ..new }).await.unwrap();
    let open = store.invite_to_set_password(admin, grace.id, &link(6)).await.unwrap();
    store.change_password(grace.id, here.id, "fresh", "her own").await.unwrap();
    assert_eq!(listed(&ground, &open).await.state, InvitationState::Revoked, "she has set one herself");
    assert_eq!(store.accept_password_link(&[6; 32], "x").await.unwrap(), None);

    let over_github = ground.member(1).await;
    let refused = store.invite_to_set_password(admin, over_github.user(), &link(3)).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    let deactivate = UserChange { active: Some(false), role: None };
    store.invite_to_set_password(admin, grace.id, &link(4)).await.unwrap();
    store.change_user(admin, grace.id, deactivate).await.unwrap();
    assert_eq!(store.accept_password_link(&[4; 32], "x").await.unwrap(), None);
    let refused = store.invite_to_set_password(admin, grace.id, &link(5)).await;
    assert!(matches!(refused, Err(StoreError::Deactivated)), "{refused:?}");
}

/// An administrator who is demoted or removed has left no way back in.
pub(crate) async fn links_end_with_who_made_them(ground: Ground) {
    let store = &ground.store;
    let admin = ground.admin().await;
    let promote = UserChange { role: Some(Role::Admin), active: None };
    let demote = UserChange { role: Some(Role::Member), active: None };
    for (github_id, token, removed) in [(1, 1, false), (2, 2, true)] {
        let member = ground.member(github_id).await;
        store.change_user(admin, member.user(), promote).await.unwrap();
        let former = Access::of(member.user(), Role::Admin);
        store.invite(former, Role::Admin, &link(token)).await.unwrap();
        if removed {
            store.remove_user(admin, member.user(), ProjectsTo::Nobody).await.unwrap();
        } else {
            store.change_user(admin, member.user(), demote).await.unwrap();
        }
        assert_eq!(store.pending_invitation(&[token; 32]).await.unwrap(), None);
    }
    let states: Vec<_> =
        store.invitations(10, None).await.unwrap().into_iter().map(|i| (i.created_by, i.state)).collect();
    let revoked = |name: &str| (name.to_owned(), InvitationState::Revoked);
    assert_eq!(states, [revoked("member-2"), revoked("member-1")], "newest first, with the names of the makers");
}

pub(crate) async fn old_links_are_forgotten(ground: Ground) {
    let store = &ground.store;
    let admin = ground.admin().await;
    store.invite(admin, Role::Member, &link(1)).await.unwrap();
    store.accept_invitation(&[1; 32], &login("grace"), "hash").await.unwrap().unwrap();
    ground.clock.advance(60 * DAY);
    store.invite(admin, Role::Member, &link(2)).await.unwrap();
    ground.clock.advance(30 * DAY);
    store.forget_expired().await.unwrap();
    let left: Vec<_> = store.invitations(10, None).await.unwrap().into_iter().map(|i| i.state).collect();
    assert_eq!(left, [InvitationState::Expired]);
}
