//! The audit log: what is in it, with whom, and for how long.

use std::net::IpAddr;
use std::time::Duration;

use berth_model::{
    Access, ApiTokenId, AuditAction, AuditEntry, AuditMeans, SessionId, VariableKey, VariableKind, VariableScope,
};
use berth_secrets::Sealed;
use berth_store::{Act, AuditFilter, Means, ProjectsTo, SealedVariable, Store, StoreError};

use crate::ground::{Ground, host, new_project};

const DAY: Duration = Duration::from_secs(86_400);

fn request_of(access: Access) -> Act {
    let act = Act::from(Some(IpAddr::from([192, 0, 2, 7])));
    act.is_of(Some(access.user()), Means::Session(SessionId(5)));
    act
}

async fn log(store: &Store) -> Vec<AuditEntry> {
    store.audit(&AuditFilter::default(), 100, None).await.unwrap()
}

pub(crate) async fn a_change_is_written_down_with_who_made_it(ground: Ground) {
    let store = &ground.store;
    let ada = ground.member(1).await;
    let before = log(store).await.len();
    let shop = request_of(ada).cover(ground.project(ada, "shop")).await;
    let variable = SealedVariable {
        key: VariableKey::parse("TOKEN").unwrap(),
        kind: VariableKind::Secret,
        scope: VariableScope::Both,
        value: Sealed::stored("v1:what-nobody-reads".to_owned()),
    };
    let program = Act::from(None);
    program.is_of(Some(ada.user()), Means::Token(ApiTokenId(3), "ci".to_owned()));
    program.cover(store.put_variables(ada, shop.id, vec![variable])).await.unwrap();
    ground.push(&shop).await;

    let entries = log(store).await;
    assert_eq!(entries.len(), before + 3);
    let [queued, set, created] = &entries[..3] else { panic!() };
    assert_eq!((created.action, created.means), (AuditAction::ProjectCreated, AuditMeans::Session));
    assert_eq!(created.address.as_deref(), Some("192.0.2.7"));
    assert_eq!(created.by.as_ref().map(|user| user.name.as_str()), Some("member-1"));
    assert_eq!(
        (set.action, set.means, set.means_name.as_deref()),
        (AuditAction::VariablesSet, AuditMeans::Token, Some("ci"))
    );
    assert_eq!(set.detail, ["TOKEN"]);
    assert_eq!((queued.action, queued.means), (AuditAction::BuildQueued, AuditMeans::System), "nobody was said to ask");
    assert_eq!((&queued.by, &queued.address), (&None, &None));
    for entry in &entries[..3] {
        assert_eq!(entry.project.as_ref().map(|project| project.name.as_str()), Some("shop"));
        assert!(!format!("{entry:?}").contains("what-nobody-reads"));
    }
}

pub(crate) async fn what_did_not_happen_is_not_written_down(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.member(1).await, ground.member(2).await);
    let shop = ground.project(ada, "shop").await;
    let before = log(store).await;
    let host = host("shop");
    let taken = store.create_project(bob, new_project("shop"), &host, |_| Vec::new());
    assert!(matches!(request_of(bob).cover(taken).await, Err(StoreError::NameTaken)));
    let theirs = request_of(bob).cover(store.delete_project(bob, shop.id)).await;
    assert!(matches!(theirs, Err(StoreError::Forbidden)));
    assert_eq!(log(store).await, before);
}

pub(crate) async fn entries_outlive_whom_they_name(ground: Ground) {
    let store = &ground.store;
    let (root, ada) = (ground.admin().await, ground.member(1).await);
    let shop = request_of(ada).cover(ground.project(ada, "shop")).await;
    request_of(ada).cover(store.delete_project(ada, shop.id)).await.unwrap();
    store.forget_project(shop.id).await.unwrap();
    request_of(root).cover(store.remove_user(root, ada.user(), ProjectsTo::Nobody)).await.unwrap();

    let entries = log(store).await;
    let [removed, deleted, created] = &entries[..3] else { panic!() };
    assert_eq!(removed.action, AuditAction::UserRemoved);
    assert_eq!(removed.user.as_ref().map(|user| user.name.as_str()), Some("member-1"));
    for (entry, action) in [(created, AuditAction::ProjectCreated), (deleted, AuditAction::ProjectDeleted)] {
        assert_eq!(entry.action, action);
        assert_eq!(entry.by.as_ref().map(|user| user.name.as_str()), Some("member-1"));
        assert_eq!(entry.project.as_ref().map(|project| project.name.as_str()), Some("shop"));
    }
}

pub(crate) async fn the_log_is_narrowed_and_paged(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.member(1).await, ground.member(2).await);
    let shop = request_of(ada).cover(ground.project(ada, "shop")).await;
    ground.clock.advance(DAY);
    let later = ground.clock.now();
    request_of(bob).cover(ground.project(bob, "blog")).await;
    ground.push(&shop).await;
    let names = |filter: AuditFilter| async move {
        let entries = store.audit(&filter, 100, None).await.unwrap();
        entries.into_iter().filter_map(|entry| Some((entry.action, entry.project?.name))).collect::<Vec<_>>()
    };
    let of = |action: AuditAction, name: &str| (action, name.to_owned());
    let (created, queued) = (AuditAction::ProjectCreated, AuditAction::BuildQueued);
    assert_eq!(names(AuditFilter { by: Some(ada.user()), ..AuditFilter::default() }).await, [of(created, "shop")]);
    let of_shop = AuditFilter { project: Some(shop.id), ..AuditFilter::default() };
    assert_eq!(names(of_shop).await, [of(queued, "shop"), of(created, "shop")]);
    let by_itself = AuditFilter { means: Some(AuditMeans::System), from: Some(later), ..AuditFilter::default() };
    assert_eq!(names(by_itself).await, [of(queued, "shop")]);
    assert_eq!(names(AuditFilter { until: Some(later), ..AuditFilter::default() }).await, [of(created, "shop")]);

    let all = log(store).await;
    let mut paged = store.audit(&AuditFilter::default(), 2, None).await.unwrap();
    while let Some(last) = paged.last().map(|entry| entry.id) {
        let more = store.audit(&AuditFilter::default(), 2, Some(last)).await.unwrap();
        if more.is_empty() {
            break;
        }
        paged.extend(more);
    }
    assert_eq!(paged, all);
}

pub(crate) async fn refused_sign_ins_and_old_entries(ground: Ground) {
    let store = &ground.store;
    let ada = ground.member(1).await;
    for account in [Some(ada.user()), None] {
        Act::from(None).cover(store.record_refused_sign_in(account)).await.unwrap();
    }
    let entries = log(store).await;
    let [unknown, known] = &entries[..2] else { panic!() };
    assert_eq!((known.action, known.means), (AuditAction::SessionRefused, AuditMeans::SignIn));
    assert_eq!((&known.by, known.user.as_ref().map(|user| user.id)), (&None, Some(ada.user())));
    assert_eq!(unknown.user, None);

    ground.clock.advance(DAY);
    // More than are forgotten together.
    for _ in 0..110 {
        store.record_rotation().await.unwrap();
    }
    store.forget_audit(ground.clock.now()).await.unwrap();
    let left = log(store).await;
    assert!(left.iter().all(|entry| entry.action == AuditAction::SecretsRotated), "a day old is too old");
    assert_eq!(store.audit(&AuditFilter::default(), 200, None).await.unwrap().len(), 110);
    ground.clock.advance(DAY);
    store.forget_audit(ground.clock.now()).await.unwrap();
    assert_eq!(log(store).await, []);
}

/// A flood of guesses, from one address and from very many: few entries, and none is lost without being counted.
pub(crate) async fn guesses_are_written_down_or_counted(ground: Ground) {
    let store = &ground.store;
    let ada = ground.member(1).await;
    let before = log(store).await.len();
    let guess = async |address: [u8; 4], account| {
        Act::from(Some(IpAddr::from(address))).cover(store.record_refused_sign_in(account)).await.unwrap();
    };
    for _ in 0..30 {
        guess([192, 0, 2, 1], Some(ada.user())).await;
    }
    guess([192, 0, 2, 2], Some(ada.user())).await;
    let entries = log(store).await;
    assert_eq!(entries.len(), before + 10 + 1 + 1, "ten of the guesser's, one that counts, and one of somebody else's");
    let of_others = &entries[0];
    assert_eq!(of_others.address.as_deref(), Some("192.0.2.2"));
    let counted = |entries: &[AuditEntry]| {
        let counts = entries.iter().filter(|entry| !entry.detail.is_empty());
        counts.map(|entry| (entry.address.clone(), entry.detail.clone())).collect::<Vec<_>>()
    };
    assert_eq!(counted(&entries), [(None, vec!["further: 20".to_owned()])]);

    for number in 0..100 {
        guess([198, 51, 100, number], None).await;
    }
    let entries = log(store).await;
    assert_eq!(entries.len(), before + 50 + 1, "of all together");
    assert_eq!(counted(&entries), [(None, vec!["further: 81".to_owned()])]);

    // Guesses at an account are seen though the others have used up what there is for all, and not without end.
    let eve = ground.member(2).await;
    for number in 0..20 {
        guess([203, 0, 113, number], Some(eve.user())).await;
    }
    let entries = log(store).await;
    let of_eve = entries.iter().filter(|entry| entry.user.as_ref().is_some_and(|user| user.id == eve.user()));
    assert_eq!(of_eve.filter(|entry| entry.action == AuditAction::SessionRefused).count(), 5);
    assert_eq!(counted(&entries), [(None, vec!["further: 96".to_owned()])]);

    // What else happens is written down as ever, and the next hour begins anew.
    store.record_rotation().await.unwrap();
    ground.clock.advance(Duration::from_secs(3_600));
    guess([192, 0, 2, 1], Some(ada.user())).await;
    let entries = log(store).await;
    let newest: Vec<AuditAction> = entries[..2].iter().map(|entry| entry.action).collect();
    assert_eq!(newest, [AuditAction::SessionRefused, AuditAction::SecretsRotated]);
    assert_eq!((entries[0].user.as_ref().map(|user| user.id), &entries[0].detail), (Some(ada.user()), &Vec::new()));

    // Who has one IPv6 address has the whole network.
    ground.clock.advance(Duration::from_secs(3_600));
    let before = log(store).await.len();
    for number in 0..20 {
        let address = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, number]);
        Act::from(Some(address)).cover(store.record_refused_sign_in(None)).await.unwrap();
    }
    let entries = log(store).await;
    assert_eq!(entries.len(), before + 10 + 1);
    assert_eq!(counted(&entries[..1]), [(None, vec!["further: 10".to_owned()])]);
}
