//! Services that run: what should, what people say of it, and whose image is still needed.

use std::collections::BTreeMap;
use std::time::Duration;

use berth_model::{
    Access, AuditAction, DEFAULT_PORT, DeploymentId, Environment, EventId, EventPayload, MountPath, ProjectId,
    RunSettings, RunningService, ServiceName, ServicePart, ServiceRoute, ServiceSpec, ServiceVolume, ServiceVolumeName,
};
use berth_store::{ActivationDecision, ActivationReason, AuditFilter, Claimed, Deployment, NewDeployment, PreviewOf};
use berth_store::{ServiceSetting, StoreError};

use crate::ground::{Ground, commit, host};
use crate::previews::{branch, push_to};

pub(crate) fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).unwrap()
}

pub(crate) fn volume(name: &str) -> ServiceVolumeName {
    ServiceVolumeName::parse(name).unwrap()
}

pub(crate) fn files(name: &str) -> ServiceSpec {
    ServiceSpec { name: service(name), routes: vec![ServiceRoute::everything()], part: ServicePart::Static }
}

/// A service of this image that mounts these volumes, and answers nothing.
pub(crate) fn runs(name: &str, image: &str, volumes: &[&str]) -> ServiceSpec {
    let mounted = |name: &&str| ServiceVolume { name: volume(name), path: MountPath::parse("/data").unwrap() };
    let running = RunningService {
        image: image.to_owned(),
        start_command: Some("node server.js".to_owned()),
        port: DEFAULT_PORT,
        environment: BTreeMap::new(),
        settings: RunSettings { volumes: volumes.iter().map(mounted).collect(), ..RunSettings::default() },
    };
    ServiceSpec { name: service(name), routes: Vec::new(), part: ServicePart::Running(running) }
}

impl Ground {
    pub(crate) async fn publish_services(&self, claimed: &Claimed, services: Vec<ServiceSpec>) -> Deployment {
        let (id, short_id) = self.store.reserve_deployment(&claimed.lease).await.unwrap();
        let host = host(&format!("{}-{short_id}", claimed.project.name));
        let new = NewDeployment { id, short_id, host, files: 3, bytes: 1_000, services: Some(services) };
        self.store.publish_deployment(&claimed.lease, new, Some(0)).await.unwrap()
    }

    /// A build of these services from push to live.
    pub(crate) async fn run_live(&self, project: &berth_store::Project, services: Vec<ServiceSpec>) -> Deployment {
        self.push(project).await;
        let deployment = self.publish_services(&self.claim().await.unwrap(), services).await;
        self.activate_build(deployment.id).await
    }

    /// What was written down of these actions: to what, and what exactly; oldest first.
    pub(crate) async fn recorded(&self, actions: &[AuditAction]) -> Vec<String> {
        let entries = self.store.audit(&AuditFilter::default(), 1_000, None).await.unwrap();
        let those = entries.into_iter().rev().filter(|entry| actions.contains(&entry.action));
        let told = |entry: berth_model::AuditEntry| {
            format!("{} {} {}", entry.action.as_str(), entry.subject.unwrap_or_default(), entry.detail.join(" "))
        };
        those.map(told).collect()
    }

    /// How often a project's services were told to have changed.
    pub(crate) async fn changes_of(&self, project: ProjectId) -> usize {
        let changed = EventPayload::ServicesChanged { project };
        self.events().await.iter().filter(|event| **event == changed).count()
    }
}

fn ids(deployments: &[Deployment]) -> Vec<DeploymentId> {
    deployments.iter().map(|deployment| deployment.id).collect()
}

pub(crate) async fn what_is_live_and_runs_should_run(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let site = ground.project_of(access, "site", "https://github.com/acme/site").await;
    let bell = store.signals().subscribe_services();
    ground.go_live(&site).await;
    let only_files = ground.run_live(&shop, vec![files("web"), files("docs")]).await;
    assert_eq!(only_files.services.as_ref().map(Vec::len), Some(2));
    assert_eq!(ids(&store.deployments_to_run().await.unwrap()), [], "files need nobody to keep them running");
    assert!(!bell.has_changed().unwrap(), "and nobody looks");

    let services = vec![files("web"), runs("api", "sha256:one", &["data"])];
    ground.push(&shop).await;
    let first = ground.publish_services(&ground.claim().await.unwrap(), services.clone()).await;
    assert_eq!(ids(&store.deployments_to_run().await.unwrap()), [], "published is not live");
    let mut bell = store.signals().subscribe_services();
    let first = ground.activate_build(first.id).await;
    assert!(bell.has_changed().unwrap());
    bell.mark_unchanged();
    assert_eq!(store.deployments_to_run().await.unwrap(), std::slice::from_ref(&first));
    let again = ground.another_process().await;
    assert_eq!(again.deployment_unscoped(first.id).await.unwrap().unwrap().services, Some(services));
    assert_eq!(first.running().map(|(spec, _)| spec.name.as_str()).collect::<Vec<_>>(), ["api"]);

    // A preview's runs beside it, until the preview goes.
    ground.preview(&push_to(&shop, "next", commit('a'))).await.unwrap();
    let of_next = vec![runs("api", "sha256:next", &[])];
    let preview = ground.publish_services(&ground.claim().await.unwrap(), of_next).await;
    ground.activate_build(preview.id).await;
    assert_eq!(ids(&store.deployments_to_run().await.unwrap()), [first.id, preview.id]);
    bell.mark_unchanged();
    store.close_preview(shop.id, &PreviewOf::Branch(branch("next")), "the branch is gone").await.unwrap();
    assert!(bell.has_changed().unwrap());
    assert_eq!(ids(&store.deployments_to_run().await.unwrap()), [first.id]);

    // A newer one takes its place, a rollback gives it back, and a deleted project has nothing to run.
    let second = ground.run_live(&shop, vec![runs("api", "sha256:two", &[])]).await;
    assert_eq!(ids(&store.deployments_to_run().await.unwrap()), [second.id]);
    let back = store.request_activation(access, first.id, ActivationReason::Rollback).await.unwrap();
    ground.decide_and_confirm(back).await;
    assert_eq!(ids(&store.deployments_to_run().await.unwrap()), [first.id]);
    bell.mark_unchanged();
    store.delete_project(access, shop.id).await.unwrap();
    assert!(bell.has_changed().unwrap());
    assert_eq!(ids(&store.deployments_to_run().await.unwrap()), []);
}

/// A crash after the release commands does not run them again; production's copy of a preview does, for its own data.
pub(crate) async fn release_commands_succeed_once(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    ground.preview(&push_to(&shop, "next", commit('a'))).await.unwrap();
    let services = vec![runs("api", "sha256:one", &["data"])];
    let preview = ground.publish_services(&ground.claim().await.unwrap(), services.clone()).await;
    assert_eq!(preview.release_command_at, None);
    store.release_commands_done(preview.id).await.unwrap();
    let done = store.deployment_unscoped(preview.id).await.unwrap().unwrap().release_command_at;
    assert_eq!(done, Some(ground.clock.now()));
    ground.clock.advance(Duration::from_secs(9));
    store.release_commands_done(preview.id).await.unwrap();
    assert_eq!(store.deployment_unscoped(preview.id).await.unwrap().unwrap().release_command_at, done);
    ground.activate_build(preview.id).await;

    let wish = store.request_activation(access, preview.id, ActivationReason::Promote).await.unwrap();
    let ActivationDecision::Copy { id, short_id, .. } = store.decide_activation(wish).await.unwrap() else {
        panic!("production has no copy of it")
    };
    let new = NewDeployment { id, short_id, host: host("shop-copy"), files: 3, bytes: 1_000, services: None };
    let copy = store.publish_copy(wish, new).await.unwrap();
    assert_eq!((copy.services, copy.release_command_at), (Some(services), None));
    ground.decide_and_confirm(wish).await;
    assert_eq!(ids(&store.deployments_to_run().await.unwrap()), [preview.id, copy.id]);
}

pub(crate) async fn a_service_is_scaled_and_restarted(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let (api, production) = (service("api"), Environment::Production);
    assert!(matches!(store.scale_service(access, shop.id, production, &api, Some(2)).await, Err(StoreError::NotFound)));
    ground.run_live(&shop, vec![files("web"), runs("api", "sha256:one", &[])]).await;
    assert_eq!(store.service_settings_of(shop.id, production).await.unwrap(), []);

    let mut bell = store.signals().subscribe_services();
    let scaled = store.scale_service(access, shop.id, production, &api, Some(3)).await.unwrap();
    let expected = ServiceSetting { environment: production, service: api.clone(), replicas: Some(3), generation: 0 };
    assert_eq!(scaled, expected);
    assert!(bell.has_changed().unwrap());
    bell.mark_unchanged();
    let restarted = store.restart_service(access, shop.id, production, &api).await.unwrap();
    assert_eq!((restarted.replicas, restarted.generation), (Some(3), 1), "a restart leaves their number");
    assert!(bell.has_changed().unwrap());
    let none = store.scale_service(access, shop.id, production, &api, Some(0)).await.unwrap();
    assert_eq!((none.replicas, none.generation), (Some(0), 1));
    let planned = store.scale_service(access, shop.id, production, &api, None).await.unwrap();
    assert_eq!((planned.replicas, planned.generation), (None, 1), "as its deployments say");
    let none = store.scale_service(access, shop.id, production, &api, Some(0)).await.unwrap();
    assert_eq!(ground.changes_of(shop.id).await, 5);
    let recorded = ground.recorded(&[AuditAction::ServiceScaled, AuditAction::ServiceRestarted]).await;
    assert_eq!(
        recorded,
        [
            "service_scaled api production replicas: 3",
            "service_restarted api production",
            "service_scaled api production replicas: 0",
            "service_scaled api production replicas: as planned",
            "service_scaled api production replicas: 0"
        ]
    );

    bell.mark_unchanged();
    let seen = store.events_after(EventId(0), 1_000).await.unwrap().last().unwrap().id;
    for _ in 0..3 {
        store.replicas_changed(shop.id).await.unwrap();
        assert_eq!(ground.changes_of(shop.id).await, 1, "the newest says it all");
    }
    let told = store.events_after(seen, 10).await.unwrap();
    assert_eq!(told.len(), 1, "who looks at them is told: {told:?}");
    assert!(!bell.has_changed().unwrap(), "who keeps them running is not: it said so itself");
    let refused = store.scale_service(access, shop.id, production, &api, Some(21)).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    let refused = store.restart_service(access, shop.id, production, &service("web")).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "files do not run");
    let refused = store.restart_service(access, shop.id, production, &service("worker")).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
    let refused = store.restart_service(access, shop.id, Environment::Preview, &api).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "no preview is live");
    assert_eq!(ground.changes_of(shop.id).await, 1, "what was refused is told to nobody");

    // It holds for the next deployment; another environment has its own; a transfer leaves it, a deletion takes it.
    ground.run_live(&shop, vec![runs("api", "sha256:two", &[])]).await;
    assert_eq!(store.service_settings_of(shop.id, production).await.unwrap(), [none]);
    assert_eq!(store.service_settings_of(shop.id, Environment::Preview).await.unwrap(), []);
    store.delete_project(access, shop.id).await.unwrap();
    store.replicas_changed(shop.id).await.unwrap();
    store.forget_project(shop.id).await.unwrap();
    assert_eq!(store.service_settings_of(shop.id, production).await.unwrap(), []);
}

/// Ten people at once: none of their restarts is lost.
pub(crate) async fn restarts_that_meet_are_all_counted(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    ground.run_live(&shop, vec![runs("api", "sha256:one", &[])]).await;
    let another = ground.another_process().await;
    let mut restarts = tokio::task::JoinSet::new();
    for number in 0..10 {
        let store = if number % 2 == 0 { store.clone() } else { another.clone() };
        restarts.spawn(async move {
            let api = service("api");
            store.restart_service(access, shop.id, Environment::Production, &api).await.unwrap().generation
        });
    }
    let mut generations = restarts.join_all().await;
    generations.sort_unstable();
    assert_eq!(generations, (1..=10).collect::<Vec<_>>());
}

pub(crate) async fn images_stay_while_something_may_start_from_them(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let in_use = async || {
        let mut images: Vec<_> = store.images_in_use().await.unwrap().into_iter().collect();
        images.sort_unstable();
        images
    };
    let first = ground.run_live(&shop, vec![files("web"), runs("api", "sha256:one", &[])]).await;
    let worker = runs("worker", "sha256:two-worker", &[]);
    ground.run_live(&shop, vec![runs("api", "sha256:two", &[]), worker.clone()]).await;
    ground.run_live(&shop, vec![runs("api", "sha256:three", &[]), worker]).await;
    assert_eq!(in_use().await, ["sha256:one", "sha256:three", "sha256:two", "sha256:two-worker"]);
    store.release_pruned(first.id).await.unwrap();
    assert_eq!(in_use().await, ["sha256:three", "sha256:two", "sha256:two-worker"]);
    store.delete_project(access, shop.id).await.unwrap();
    assert_eq!(in_use().await, [""; 0]);
}

pub(crate) async fn services_are_their_owners(ground: Ground) {
    let store = &ground.store;
    let (owner, other) = (ground.member(1).await, ground.member(2).await);
    let shop = ground.project(owner, "shop").await;
    let site = ground.project_of(owner, "site", "https://github.com/acme/site").await;
    ground.run_live(&shop, vec![runs("api", "sha256:one", &["data"])]).await;
    store.ensure_volumes(shop.id, Environment::Production, &[volume("data"), volume("old")]).await.unwrap();
    let run = store.request_run(owner, shop.id, None, vec!["true".to_owned()]).await.unwrap();
    let (api, old, production) = (service("api"), volume("old"), Environment::Production);
    // A token of another of the owner's projects is as much a stranger.
    for stranger in [other, crate::ground::admin_of(other), Access::of_token(owner.user(), Some(site.id))] {
        macro_rules! forbidden {
            ($($call:expr;)+) => {$(
                let refused = $call.await.map(drop);
                assert!(matches!(refused, Err(StoreError::Forbidden)), "{}: {refused:?}", stringify!($call));
            )+};
        }
        forbidden! {
            store.scale_service(stranger, shop.id, production, &api, Some(2));
            store.restart_service(stranger, shop.id, production, &api);
            store.volumes(stranger, shop.id);
            store.remove_volume(stranger, shop.id, production, &old);
            store.request_run(stranger, shop.id, None, vec!["true".to_owned()]);
            store.runs(stranger, shop.id, 10, None);
            store.run(stranger, run.id);
            store.stop_run(stranger, run.id);
        }
    }
    assert_eq!(store.service_settings_of(shop.id, production).await.unwrap(), []);
    assert_eq!(store.run(owner, run.id).await.unwrap(), run);
    assert_eq!(store.volumes(owner, shop.id).await.unwrap().len(), 2);
    let nothing = ProjectId(99);
    assert!(matches!(store.volumes(owner, nothing).await, Err(StoreError::NotFound)));
    assert!(matches!(store.runs(owner, nothing, 10, None).await, Err(StoreError::NotFound)));
    assert!(matches!(store.scale_service(owner, nothing, production, &api, Some(2)).await, Err(StoreError::NotFound)));
    assert!(matches!(store.stop_run(owner, berth_model::RunId(99)).await, Err(StoreError::NotFound)));
}
