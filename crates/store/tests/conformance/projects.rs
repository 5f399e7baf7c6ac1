//! Projects, their hosts and variables, and who may see them.

use berth_model::{
    Access, BranchName, BuildId, BuildStatus, DeploymentId, EventPayload, OutputDir, PollEvery, ProjectId, RepoUrl,
    Trigger, Variable, VariableId, VariableKey, VariableKind, VariableScope,
};
use berth_secrets::{Sealed, SecretsError};
use berth_store::{
    ActivationReason, BuildFor, Filter, NewDeployment, NewProject, ProjectChange, ProjectSecrets, RepoAccess,
    RouteKind, SealedVariable, StoreError, VariableChange,
};

use crate::ground::{Ground, admin_of, host, name, new_project, push_of, repo};

fn variable(key: &str, value: &str) -> SealedVariable {
    let key = VariableKey::parse(key).unwrap();
    SealedVariable {
        key,
        kind: VariableKind::Secret,
        scope: VariableScope::Both,
        value: Sealed::stored(value.to_owned()),
    }
}

pub(crate) async fn a_project_and_its_settings(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let seal = |id: ProjectId| vec![variable("TOKEN", &format!("sealed for {id}"))];
    let made = store.create_project(access, new_project("shop"), &host("shop"), seal).await.unwrap();
    assert_eq!((made.name.as_str(), made.user, made.spa_fallback), ("shop", access.user(), Some(true)));
    assert_eq!(store.project(access, made.id).await.unwrap(), made);
    assert_eq!(store.project_unscoped(made.id).await.unwrap(), Some(made.clone()));
    let sealed = store.variables_for(BuildFor::production(made.id)).await.unwrap();
    assert_eq!(sealed[0].1.as_str(), format!("sealed for {}", made.id));

    let route = store.route(&host("shop")).await.unwrap().unwrap();
    assert_eq!((route.kind, route.project, route.deployment), (RouteKind::Branch, made.id, None));

    let change = ProjectChange {
        build_command: Some(Some(String::new())),
        output_directory: Some(Some(OutputDir::parse("public").unwrap())),
        node_version: Some(Some("22".to_owned())),
        spa_fallback: Some(None),
        ..ProjectChange::default()
    };
    // Re-saving under the same name is not 'taken'.
    let saved = store.update_project(access, made.id, change, &host("shop"), Vec::new()).await.unwrap();
    assert_eq!(store.project(access, made.id).await.unwrap(), saved);
    assert_eq!((saved.build_command.as_deref(), saved.spa_fallback), (Some(""), None));
    assert_eq!(saved.install_command, made.install_command);

    store.set_webhook(made.id, Some(77)).await.unwrap();
    let newer = ground.project(access, "blog").await;
    assert_eq!(store.projects_sharing_webhook(&repo().key()).await.unwrap(), 1);
    let ids = |projects: Vec<berth_store::Project>| projects.iter().map(|project| project.id).collect::<Vec<_>>();
    assert_eq!(ids(store.projects(access).await.unwrap()), [newer.id, made.id]);
    assert_eq!(ids(store.projects_of_repo(&repo().key()).await.unwrap()), [made.id, newer.id]);
    assert_eq!(ids(store.all_projects().await.unwrap()), [made.id, newer.id]);
}

/// A project without a repository is served and never built, until it gets one.
pub(crate) async fn a_project_without_a_repository(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let bare = |text: &str| NewProject { repo_url: None, ..new_project(text) };
    let made = store.create_project(access, bare("shop"), &host("shop"), |_| Vec::new()).await.unwrap();
    let other = store.create_project(access, bare("other"), &host("other"), |_| Vec::new()).await.unwrap();
    assert_eq!((store.project(access, made.id).await.unwrap().repo_url, made.repo_key()), (None, None));

    let refused =
        |outcome: Result<(), StoreError>| assert!(matches!(outcome, Err(StoreError::Conflict(_))), "{outcome:?}");
    refused(store.enqueue(push_of(&made)).await.map(drop));
    refused(store.enqueue_after(None, push_of(&made)).await.map(drop));
    refused(store.create_deploy_hook(access, made.id, "weekly", None, &[1; 32]).await.map(drop));
    refused(store.set_hook_secret(access, made.id, Some(&Sealed::stored("x".to_owned()))).await);

    let change = async |change| store.update_project(access, made.id, change, &host("shop"), Vec::new()).await;
    let every = Some(Some(PollEvery::seconds(60).unwrap()));
    let branch = Some(BranchName::parse("next").unwrap());
    let renamed = change(ProjectChange { branch, poll_every: every, ..ProjectChange::default() }).await.unwrap();
    assert!(store.polled_projects().await.unwrap().is_empty(), "there is nobody to ask");
    assert!(store.builds_of(access, renamed.id, 10, None).await.unwrap().is_empty(), "nor anything to build");

    let connected = change(ProjectChange { repo_url: Some(repo()), ..ProjectChange::default() }).await.unwrap();
    assert_eq!(connected.repo_url, Some(repo()));
    assert_eq!(store.polled_projects().await.unwrap().len(), 1);
    let first = store.builds_of(access, made.id, 10, None).await.unwrap();
    assert_eq!((first.len(), first[0].trigger, first[0].status), (1, Trigger::Created, BuildStatus::Queued));
    assert_eq!(store.projects_of_repo(&repo().key()).await.unwrap().len(), 1, "{other:?}");
}

/// A token is for one host: it stays while the repository does, and does not follow it elsewhere.
pub(crate) async fn a_repositorys_token_belongs_to_its_host(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let key = |token: &str, user: Option<&str>| RepoAccess {
        token: Sealed::stored(token.to_owned()),
        user: user.map(str::to_owned),
    };
    let seal = |id: ProjectId| ProjectSecrets {
        variables: vec![variable("A", "x")],
        repo_access: Some(key(&format!("sealed for {id}"), Some("bot"))),
    };
    let made = store.create_project(access, new_project("shop"), &host("shop"), seal).await.unwrap();
    let sealed = key(&format!("sealed for {}", made.id), Some("bot"));
    assert_eq!(made.repo_access.as_ref(), Some(&sealed));
    assert_eq!(store.variables(access, made.id).await.unwrap().len(), 1);
    store.set_webhook(made.id, Some(77)).await.unwrap();

    let change = async |change| store.update_project(access, made.id, change, &host("shop"), Vec::new()).await.unwrap();
    let to = |url: &str| ProjectChange { repo_url: Some(RepoUrl::parse(url).unwrap()), ..ProjectChange::default() };
    let same = change(to("https://GitHub.com/Acme/Shop.git")).await;
    assert_eq!((same.repo_access, same.webhook_id), (Some(sealed.clone()), Some(77)), "the same repository");
    let moved = change(to("https://github.com/acme/store")).await;
    assert_eq!((moved.repo_access.clone(), moved.webhook_id), (Some(sealed), None), "another repository of the host");
    assert_eq!(store.projects_of_repo(&moved.repo_key().unwrap()).await.unwrap().len(), 1);
    let plain = change(to("http://github.com/acme/store")).await;
    assert_eq!(plain.repo_access, None, "a token is not sent in the clear");

    let fresh = key("fresh", None);
    let repo_access = Some(Some(fresh.clone()));
    let away = ProjectChange { repo_access, webhook_id: Some(78), ..to("https://git.example.org/acme/shop") };
    let away = change(away).await;
    assert_eq!((away.repo_access.as_ref(), away.webhook_id), (Some(&fresh), Some(78)));
    assert_eq!(store.project(access, made.id).await.unwrap(), away);
    let removed = change(ProjectChange { repo_access: Some(None), ..ProjectChange::default() }).await;
    assert_eq!(store.project(access, made.id).await.unwrap(), removed);
    assert_eq!(removed.repo_access, None);
}

pub(crate) async fn another_repository_ends_builds_of_the_first(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let (shop, other) = (ground.project(access, "shop").await, ground.project(access, "other").await);
    ground.push(&shop).await;
    let running = ground.claim().await.unwrap();
    let waiting = ground.push(&shop).await;
    let theirs = ground.push(&other).await;
    let mut cancellations = store.signals().cancellations();
    let to = async |url: &str| {
        let change = ProjectChange { repo_url: Some(RepoUrl::parse(url).unwrap()), ..ProjectChange::default() };
        store.update_project(access, shop.id, change, &host("shop"), Vec::new()).await.unwrap();
    };
    let build = async |id: BuildId| store.build(access, id).await.unwrap();
    to("https://github.com/Acme/Shop.git").await;
    assert_eq!(build(waiting.id).await.status, BuildStatus::Queued, "the same repository");
    assert!(!build(running.build.id).await.cancel_requested);

    to("https://github.com/acme/store").await;
    assert_eq!(build(waiting.id).await.status, BuildStatus::Canceled);
    assert!(build(running.build.id).await.cancel_requested);
    assert_eq!(cancellations.try_recv().unwrap(), running.build.id);
    let (id, short_id) = store.reserve_deployment(&running.lease).await.unwrap();
    let late = NewDeployment { id, short_id, host: host("late"), files: 1, bytes: 1, services: None };
    let late = store.publish_deployment(&running.lease, late, Some(0)).await;
    assert!(matches!(late, Err(StoreError::Conflict(_))), "{late:?}");
    assert_eq!(build(theirs.id).await.status, BuildStatus::Queued, "another project's");
}

/// N4, from two processes.
pub(crate) async fn twenty_creations_of_one_name(ground: Ground) {
    let access = ground.member(1).await;
    let stores = [ground.store.clone(), ground.another_process().await];
    let attempts = (0..20).map(|n| {
        let store = stores[n % 2].clone();
        tokio::spawn(async move {
            store.create_project(access, new_project("shop"), &host("shop"), |_| vec![variable("A", "x")]).await
        })
    });
    let mut made = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(_) => made += 1,
            Err(refused) => assert!(matches!(refused, StoreError::NameTaken), "{refused:?}"),
        }
    }
    assert_eq!(made, 1);
    assert_eq!(ground.store.projects(access).await.unwrap().len(), 1);
    let created =
        ground.events().await.into_iter().filter(|event| matches!(event, EventPayload::ProjectCreated { .. }));
    assert_eq!(created.count(), 1);
    // A host can be taken while the name is free: by a deployment, or under another domain.
    let elsewhere = ground.store.create_project(access, new_project("other"), &host("shop"), |_| Vec::new()).await;
    assert!(matches!(elsewhere, Err(StoreError::NameTaken)));
    assert_eq!(ground.store.projects(access).await.unwrap().len(), 1);
}

pub(crate) async fn a_new_name_moves_the_host(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    ground.project(access, "blog").await;
    let live = ground.go_live(&shop).await;
    let rename = |to: &str| ProjectChange { name: Some(name(to)), ..ProjectChange::default() };
    let taken = store.update_project(access, shop.id, rename("blog"), &host("blog"), vec![variable("A", "x")]).await;
    assert!(matches!(taken, Err(StoreError::NameTaken)));
    assert_eq!(store.variables(access, shop.id).await.unwrap(), []);

    store.update_project(access, shop.id, rename("store"), &host("store"), Vec::new()).await.unwrap();
    assert_eq!(store.route(&host("shop")).await.unwrap(), None);
    assert_eq!(store.route(&host("store")).await.unwrap().unwrap().deployment, Some(live.id));
    assert_eq!(store.route(&live.host).await.unwrap().unwrap().deployment, Some(live.id));
}

pub(crate) async fn variables_are_replaced_by_key(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    store.put_variables(access, shop.id, vec![variable("B", "1"), variable("A", "2")]).await.unwrap();
    let plain = SealedVariable { kind: VariableKind::Plain, ..variable("B", "3") };
    store.put_variables(access, shop.id, vec![plain]).await.unwrap();
    let all = store.variables_for(BuildFor::production(shop.id)).await.unwrap();
    let told: Vec<_> =
        all.iter().map(|(variable, value)| (variable.key.as_str(), variable.kind, value.as_str())).collect();
    assert_eq!(told, [("A", VariableKind::Secret, "2"), ("B", VariableKind::Plain, "3")]);
    let gone = store.delete_variable(access, all[0].0.id).await.unwrap();
    assert_eq!(gone.key.as_str(), "A");
    assert_eq!(store.variables(access, shop.id).await.unwrap().len(), 1);
}

/// What is chosen comes as it is there, sealed anew for where it comes to; all of it, or nothing.
pub(crate) async fn variables_are_copied_between_projects(ground: Ground) {
    let store = &ground.store;
    let (access, other) = (ground.member(1).await, ground.member(2).await);
    let (shop, blog) = (ground.project(access, "shop").await, ground.project(access, "blog").await);
    let theirs = ground.project(other, "theirs").await;
    let preview = SealedVariable { scope: VariableScope::Preview, ..variable("A", "a for previews") };
    let plain = SealedVariable { kind: VariableKind::Plain, ..variable("B", "b") };
    store.put_variables(access, shop.id, vec![variable("A", "a"), preview, plain, variable("C", "c")]).await.unwrap();
    store.put_variables(access, blog.id, vec![variable("A", "old"), variable("D", "d")]).await.unwrap();
    store.put_variables(other, theirs.id, vec![variable("E", "e")]).await.unwrap();
    let there = store.variables(access, shop.id).await.unwrap();
    let wanted: Vec<_> = there.iter().filter(|known| known.key.as_str() != "C").map(|known| known.id).collect();
    let reseal = |before: &Variable, value: &Sealed| {
        assert_eq!(before.project_id, shop.id);
        assert!(wanted.contains(&before.id), "nobody asked for {}", before.key);
        Ok(Sealed::stored(format!("{} anew", value.as_str())))
    };
    let refuse = |_: &Variable, _: &Sealed| Err(SecretsError::DoesNotOpen);
    let held = async || {
        let held = store.variables(access, blog.id).await.unwrap();
        held.iter().map(|v| format!("{} {} {}", v.key, v.kind.as_str(), v.scope.as_str())).collect::<Vec<_>>()
    };
    let before = held().await;

    let damaged = store.copy_variables(access, shop.id, blog.id, &wanted, refuse).await.unwrap_err();
    assert!(damaged.to_string().starts_with("the value of A and B cannot be opened"), "{damaged}");
    let elsewhere = store.variables(access, blog.id).await.unwrap()[1].id;
    let nothing = store.copy_variables(access, shop.id, blog.id, &[wanted[0], elsewhere], reseal).await;
    assert!(matches!(nothing, Err(StoreError::NotFound)), "{nothing:?}");
    for (who, from, to) in [(access, theirs.id, blog.id), (other, shop.id, theirs.id), (access, shop.id, theirs.id)] {
        let forbidden = store.copy_variables(who, from, to, &[], reseal).await;
        assert!(matches!(forbidden, Err(StoreError::Forbidden)), "{forbidden:?}");
    }
    assert_eq!(held().await, before, "nothing was copied");

    store.copy_variables(access, shop.id, blog.id, &wanted, reseal).await.unwrap();
    assert_eq!(held().await, ["A secret both", "A secret preview", "B plain both", "D secret both"]);
    let given = store.variables_for(BuildFor::production(blog.id)).await.unwrap();
    let given: Vec<_> = given.iter().map(|(variable, value)| (variable.key.as_str(), value.as_str())).collect();
    assert_eq!(given, [("A", "a anew"), ("B", "b anew"), ("D", "d")]);
    assert_eq!(store.variables(access, shop.id).await.unwrap(), there, "they stay where they were");
}

/// Z1, Z2: one scoped call of each kind, asked by the owner, by somebody else (an administrator at that) and for nothing.
pub(crate) async fn others_are_forbidden_and_nothing_is_not_found(ground: Ground) {
    let store = &ground.store;
    let owner = ground.member(1).await;
    let other = admin_of(ground.member(2).await);
    let shop = ground.project(owner, "shop").await;
    store.put_variables(owner, shop.id, vec![variable("A", "x")]).await.unwrap();
    let variable_id = store.variables(owner, shop.id).await.unwrap()[0].id;
    let live = ground.go_live(&shop).await;

    macro_rules! scoped {
        ($($call:ident($id:expr, $nothing:expr $(, $more:expr)*);)+) => {$(
            let forbidden = store.$call(other, $id $(, $more)*).await;
            assert!(matches!(forbidden, Err(StoreError::Forbidden)), "{}: {forbidden:?}", stringify!($call));
            let nothing = store.$call(owner, $nothing $(, $more)*).await;
            assert!(matches!(nothing, Err(StoreError::NotFound)), "{}: {nothing:?}", stringify!($call));
            store.$call(owner, $id $(, $more)*).await.unwrap_or_else(|e| panic!("{}: {e:?}", stringify!($call)));
        )+};
    }
    scoped! {
        project(shop.id, ProjectId(99));
        variables(shop.id, ProjectId(99));
        put_variables(shop.id, ProjectId(99), Vec::new());
        builds_of(shop.id, ProjectId(99), 10, None);
        build(live.build, BuildId(99));
        rebuild(live.build, BuildId(99));
        request_cancel(live.build, BuildId(99));
        log_after(live.build, BuildId(99), 0, 10);
        log_chunks(live.build, BuildId(99), 10);
        deployment(live.id, DeploymentId(99));
        deployments_of(shop.id, ProjectId(99), 10, None, &Filter::default());
        deployment_of_build(live.build, BuildId(99));
        request_activation(live.id, DeploymentId(99), ActivationReason::Rollback);
        deliveries_of(shop.id, ProjectId(99), 10, None);
        update_project(shop.id, ProjectId(99), ProjectChange::default(), &host("shop"), Vec::new());
        delete_variable(variable_id, VariableId(99));
        delete_project(shop.id, ProjectId(99));
    }
    assert_eq!(store.projects(other).await.unwrap(), []);
}

/// N5: somebody else may take the name at once; nothing of the old project is found any more.
pub(crate) async fn a_deleted_project_is_gone_and_its_name_free(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let live = ground.go_live(&shop).await;
    let waiting = ground.push(&shop).await;
    store.delete_project(access, shop.id).await.unwrap();

    assert!(matches!(store.project(access, shop.id).await, Err(StoreError::NotFound)));
    assert!(matches!(store.build(access, live.build).await, Err(StoreError::NotFound)));
    assert!(matches!(store.deployment(access, live.id).await, Err(StoreError::NotFound)));
    assert!(matches!(store.delete_project(access, shop.id).await, Err(StoreError::NotFound)));
    assert_eq!(store.routes().await.unwrap(), []);
    assert_eq!(store.projects_of_repo(&repo().key()).await.unwrap(), []);
    assert_eq!(store.build_unscoped(waiting.id).await.unwrap().unwrap().status, BuildStatus::Canceled);
    assert!(ground.events().await.contains(&EventPayload::ProjectDeleted { project: shop.id }));

    let heir = ground.member(2).await;
    let reborn = ground.project(heir, "shop").await;
    assert_eq!(store.route(&host("shop")).await.unwrap().unwrap().deployment, None);

    let [left] = store.deleted_projects().await.unwrap().try_into().unwrap();
    assert_eq!((left.id, left.user, left.name), (shop.id, access.user(), name("shop")));
    store.forget_project(shop.id).await.unwrap();
    store.forget_project(shop.id).await.unwrap();
    store.forget_project(reborn.id).await.unwrap();
    assert_eq!(store.deleted_projects().await.unwrap(), []);
    assert_eq!(store.build_unscoped(waiting.id).await.unwrap(), None);
    assert_eq!(store.projects(heir).await.unwrap(), [reborn]);
    assert_eq!(Access::of(access.user(), berth_model::Role::Member), access);
}

/// PostgreSQL cannot hold a NUL in text; both drop it.
pub(crate) async fn a_nul_is_dropped(ground: Ground) {
    let access = ground.member(1).await;
    let mut new = new_project("shop");
    new.build_command = Some("npm\0 run build".to_owned());
    let made = ground.store.create_project(access, new, &host("shop"), |_| Vec::new()).await.unwrap();
    assert_eq!(made.build_command.as_deref(), Some("npm run build"));
}

/// Its name, its kind and its scope change; what it holds is sealed anew for its name, and nobody has to know it.
pub(crate) async fn a_variable_changes_and_keeps_its_value(ground: Ground) {
    let store = &ground.store;
    let (access, other) = (ground.member(1).await, ground.member(2).await);
    let shop = ground.project(access, "shop").await;
    store.put_variables(access, shop.id, vec![variable("A", "sealed for A"), variable("B", "b")]).await.unwrap();
    let listed = store.variables(access, shop.id).await.unwrap();
    let (a, b) = (&listed[0], &listed[1]);
    assert_eq!(a.updated_at, a.created_at);
    let reseal = |before: &Variable, key: &VariableKey, value: &Sealed| {
        assert_eq!((before.key.as_str(), value.as_str()), ("A", "sealed for A"));
        Ok(Sealed::stored(format!("sealed for {key}")))
    };
    let never = |_: &Variable, _: &VariableKey, _: &Sealed| panic!("its name stays");
    let key = |text| Some(VariableKey::parse(text).unwrap());

    ground.clock.advance(std::time::Duration::from_secs(60));
    let scoped = VariableChange { scope: Some(VariableScope::Preview), ..VariableChange::default() };
    let changed = store.change_variable(access, a.id, scoped, never).await.unwrap();
    assert_eq!((changed.scope, changed.created_at), (VariableScope::Preview, a.created_at));
    assert!(changed.updated_at > a.updated_at);
    let unchanged = store.change_variable(access, a.id, VariableChange::default(), never).await.unwrap();
    assert_eq!(unchanged, changed);

    let taken = VariableChange { key: key("B"), scope: Some(VariableScope::Both), kind: None };
    assert!(matches!(store.change_variable(access, a.id, taken, reseal).await, Err(StoreError::NameTaken)));
    let renamed = VariableChange { key: key("C"), kind: Some(VariableKind::Plain), scope: Some(VariableScope::Both) };
    let renamed = store.change_variable(access, a.id, renamed, reseal).await.unwrap();
    assert_eq!((renamed.key.as_str(), renamed.kind), ("C", VariableKind::Plain));
    let given = store.variables_for(BuildFor::production(shop.id)).await.unwrap();
    let given: Vec<_> = given.iter().map(|(variable, value)| (variable.key.as_str(), value.as_str())).collect();
    assert_eq!(given, [("B", "b"), ("C", "sealed for C")]);

    let damaged = VariableChange { key: key("D"), ..VariableChange::default() };
    let refuse = |_: &Variable, _: &VariableKey, _: &Sealed| Err(SecretsError::DoesNotOpen);
    let refused = store.change_variable(access, b.id, damaged.clone(), refuse).await;
    assert!(matches!(refused, Err(StoreError::Unopened(_))), "{refused:?}");
    assert_eq!(store.variables(access, shop.id).await.unwrap()[0].key.as_str(), "B", "and nothing changed");
    let theirs = store.change_variable(other, b.id, damaged.clone(), refuse).await;
    assert!(matches!(theirs, Err(StoreError::Forbidden)));
    let nothing = store.change_variable(access, VariableId(99), damaged, refuse).await;
    assert!(matches!(nothing, Err(StoreError::NotFound)));
}
