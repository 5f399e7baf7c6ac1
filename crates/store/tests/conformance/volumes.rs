//! Named volumes: they stay for as long as nobody asks, and go whatever happens in between.

use berth_model::{AuditAction, Environment, ServiceVolumeName};
use berth_store::{ActivationReason, PreviewOf, ProjectsTo, RunEnd, StoreError, Volume};

use crate::ground::{Ground, commit};
use crate::previews::{branch, push_to};
use crate::services::{files, runs, volume};

fn names(volumes: &[Volume]) -> Vec<(&str, &str)> {
    volumes.iter().map(|volume| (volume.environment.as_str(), volume.name.as_str())).collect()
}

pub(crate) async fn a_volume_stays_until_somebody_asks(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let (production, preview) = (Environment::Production, Environment::Preview);
    let (data, cache) = (volume("data"), volume("cache"));
    let ensure =
        async |environment, names: &[ServiceVolumeName]| store.ensure_volumes(shop.id, environment, names).await;
    ensure(production, &[]).await.unwrap();
    ensure(production, &[data.clone(), cache.clone()]).await.unwrap();
    let made = store.volumes(access, shop.id).await.unwrap();
    ensure(production, std::slice::from_ref(&data)).await.unwrap();
    assert_eq!(store.volumes(access, shop.id).await.unwrap(), made);
    assert_eq!(ground.changes_of(shop.id).await, 1, "what was there already is no news");
    ensure(preview, std::slice::from_ref(&data)).await.unwrap();
    let all = store.volumes(access, shop.id).await.unwrap();
    assert_eq!(names(&all), [("production", "cache"), ("production", "data"), ("preview", "data")]);

    // Deployments come and go, and so does the one that mounts it: it stays.
    ground.run_live(&shop, vec![runs("api", "sha256:one", &["data"])]).await;
    let mounted = store.remove_volume(access, shop.id, production, &data).await;
    assert!(matches!(mounted, Err(StoreError::Conflict(_))), "{mounted:?}");
    store.remove_volume(access, shop.id, preview, &data).await.unwrap();
    assert_eq!(names(&store.volumes_to_remove().await.unwrap()), [("preview", "data")], "it is another one");
    let without = ground.run_live(&shop, vec![files("web")]).await;
    assert_eq!(store.volumes(access, shop.id).await.unwrap().len(), 2);

    store.remove_volume(access, shop.id, production, &data).await.unwrap();
    let twice = store.remove_volume(access, shop.id, production, &data).await;
    assert!(matches!(twice, Err(StoreError::NotFound)), "{twice:?}");
    assert_eq!(names(&store.volumes(access, shop.id).await.unwrap()), [("production", "cache")]);
    let recorded = ground.recorded(&[AuditAction::VolumeRemoved]).await;
    assert_eq!(recorded, ["volume_removed data preview", "volume_removed data production"]);
    assert_eq!(store.live_deployment(shop.id).await.unwrap().unwrap().id, without.id);
}

/// Killed at any line, Berth finds in the database what is still to be removed; a new volume of the name has to wait.
pub(crate) async fn a_removal_survives_a_crash(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let (production, data) = (Environment::Production, [volume("data")]);
    store.ensure_volumes(shop.id, production, &data).await.unwrap();
    let [listed] = store.volumes(access, shop.id).await.unwrap().try_into().unwrap();
    store.volume_removed(&listed).await.unwrap();
    let still = store.volumes(access, shop.id).await.unwrap();
    assert_eq!(still, std::slice::from_ref(&listed), "nobody asked for it to go");
    store.remove_volume(access, shop.id, production, &data[0]).await.unwrap();

    let after_the_crash = ground.another_process().await;
    let [going] = after_the_crash.volumes_to_remove().await.unwrap().try_into().unwrap();
    assert_eq!(going, listed);
    let early = after_the_crash.ensure_volumes(shop.id, production, &[volume("cache"), data[0].clone()]).await;
    assert!(matches!(early, Err(StoreError::Conflict(_))), "{early:?}");
    assert_eq!(store.volumes(access, shop.id).await.unwrap(), [], "nor was the other one made");
    let mut bell = after_the_crash.signals().subscribe_services();
    after_the_crash.volume_removed(&going).await.unwrap();
    assert!(bell.has_changed().unwrap(), "who waits for it goes on");
    bell.mark_unchanged();
    after_the_crash.volume_removed(&going).await.unwrap();
    assert!(!bell.has_changed().unwrap());
    assert_eq!(store.volumes_to_remove().await.unwrap(), []);
    store.ensure_volumes(shop.id, production, &data).await.unwrap();
    after_the_crash.volume_removed(&going).await.unwrap();
    assert_eq!(store.volumes(access, shop.id).await.unwrap().len(), 1, "a new one, which a late word does not touch");
}

/// Neither what waits to go live nor a command that runs loses its volume.
pub(crate) async fn a_volume_that_is_needed_soon_stays(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let (production, data) = (Environment::Production, volume("data"));
    let remove = async || store.remove_volume(access, shop.id, production, &data).await;
    store.ensure_volumes(shop.id, production, std::slice::from_ref(&data)).await.unwrap();
    ground.push(&shop).await;
    let with = vec![runs("api", "sha256:one", &["data"])];
    let ready = ground.publish_services(&ground.claim().await.unwrap(), with.clone()).await;
    assert!(matches!(remove().await, Err(StoreError::Conflict(_))), "it is about to go live");
    ground.activate_build(ready.id).await;
    let run = store.request_run(access, shop.id, None, vec!["sleep".to_owned()]).await.unwrap();
    ground.run_live(&shop, vec![runs("api", "sha256:two", &[])]).await;
    assert!(matches!(remove().await, Err(StoreError::Conflict(_))), "a command waits in it");
    store.run_started(run.id).await.unwrap();
    assert!(matches!(remove().await, Err(StoreError::Conflict(_))), "a command runs in it");
    store.run_ended(run.id, RunEnd::Failed { problem: "no image".to_owned() }).await.unwrap();

    // A preview's own is another volume, until the preview is on its way to production.
    ground.preview(&push_to(&shop, "next", commit('a'))).await.unwrap();
    let preview = ground.publish_services(&ground.claim().await.unwrap(), with).await;
    ground.activate_build(preview.id).await;
    let wish = store.request_activation(access, preview.id, ActivationReason::Promote).await.unwrap();
    assert!(matches!(remove().await, Err(StoreError::Conflict(_))), "it is being promoted");
    store.refuse_activation(wish, "not now").await.unwrap();
    remove().await.unwrap();

    // What previews keep is theirs together, and outlives each of them.
    store.ensure_volumes(shop.id, Environment::Preview, std::slice::from_ref(&data)).await.unwrap();
    let remove = async || store.remove_volume(access, shop.id, Environment::Preview, &data).await;
    assert!(matches!(remove().await, Err(StoreError::Conflict(_))), "a preview is live");
    store.close_preview(shop.id, &PreviewOf::Branch(branch("next")), "the branch is gone").await.unwrap();
    assert_eq!(names(&store.volumes(access, shop.id).await.unwrap()), [("preview", "data")]);
    remove().await.unwrap();
}

/// Of one who removes and one who is about to mount exactly one gets what they want.
pub(crate) async fn removing_and_mounting_at_once(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let production = Environment::Production;
    let another = ground.another_process().await;
    for number in 0..10 {
        let name = [volume(&format!("data-{number}"))];
        store.ensure_volumes(shop.id, production, &name).await.unwrap();
        let (removed, removed_too, ensured) = tokio::join!(
            store.remove_volume(access, shop.id, production, &name[0]),
            another.remove_volume(access, shop.id, production, &name[0]),
            another.ensure_volumes(shop.id, production, &name),
        );
        assert!(removed.is_ok() != removed_too.is_ok(), "{removed:?} {removed_too:?}");
        assert!(matches!(ensured, Ok(()) | Err(StoreError::Conflict(_))), "{ensured:?}");
        assert_eq!(store.volumes(access, shop.id).await.unwrap(), [], "whoever came first, it goes");
    }
    assert_eq!(store.volumes_to_remove().await.unwrap().len(), 10);
}

/// A deleted project takes its volumes along, and is forgotten after them; one that is given away keeps them.
pub(crate) async fn volumes_go_with_their_project_and_not_before(ground: Ground) {
    let store = &ground.store;
    let admin = ground.admin().await;
    let (access, heir) = (ground.member(1).await, ground.member(2).await);
    let shop = ground.project(access, "shop").await;
    let kept = ground.project_of(access, "kept", "https://github.com/acme/kept").await;
    let (production, preview, data) = (Environment::Production, Environment::Preview, [volume("data")]);
    for (project, environment) in [(shop.id, production), (shop.id, preview), (kept.id, production)] {
        store.ensure_volumes(project, environment, &data).await.unwrap();
    }
    store.delete_project(access, shop.id).await.unwrap();
    assert!(matches!(store.ensure_volumes(shop.id, production, &data).await, Err(StoreError::NotFound)));
    let [deleted] = store.deleted_projects().await.unwrap().try_into().unwrap();
    let going = store.volumes_to_remove().await.unwrap();
    assert_eq!(names(&going), [("preview", "data"), ("production", "data")]);
    for volume in &going {
        let early = store.forget_project(deleted.id).await;
        assert!(matches!(early, Err(StoreError::Conflict(_))), "{early:?}");
        store.volume_removed(volume).await.unwrap();
    }
    store.forget_project(deleted.id).await.unwrap();
    assert_eq!(store.deleted_projects().await.unwrap(), []);

    store.remove_user(admin, access.user(), ProjectsTo::User(heir.user())).await.unwrap();
    assert_eq!(names(&store.volumes(heir, kept.id).await.unwrap()), [("production", "data")]);
    assert!(matches!(store.volumes(access, kept.id).await, Err(StoreError::Forbidden)));
    store.forget_project(kept.id).await.unwrap();
    assert_eq!(store.volumes(heir, kept.id).await.unwrap().len(), 1, "nobody deleted it");
}
