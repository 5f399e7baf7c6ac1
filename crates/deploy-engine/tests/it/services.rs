//! Deployments of several services: where their files and their list lie, and what is copied with them.

use std::num::NonZeroU16;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use berth_deploy_engine::{Activated, DeployError};
use berth_edge::Release;
use berth_model::{
    Artifact, BuiltPart, BuiltService, PathPrefix, RunSettings, RunningService, ServiceName, ServicePart, ServiceRoute,
    ServiceSpec,
};
use berth_store::{Deployment, Project};

use crate::world::World;

const IMAGE: &str = "sha256:7d1e1a7b1e0c5a4d3f2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a0f9e8d7c6b";

fn service(name: &str, route: &str, part: BuiltPart) -> BuiltService {
    let route = ServiceRoute { path: PathPrefix::parse(route).unwrap(), strip_prefix: false };
    BuiltService { name: ServiceName::parse(name).unwrap(), routes: vec![route], part }
}

fn running() -> BuiltPart {
    BuiltPart::Running(RunningService {
        image: IMAGE.to_owned(),
        start_command: Some("node server.js".to_owned()),
        port: NonZeroU16::new(3000).unwrap(),
        environment: [("MODE".to_owned().try_into().unwrap(), "fast".to_owned())].into(),
        settings: RunSettings::default(),
    })
}

fn files(artifact: Artifact) -> BuiltPart {
    BuiltPart::Files(artifact)
}

async fn try_publish(
    world: &mut World,
    project: &Project,
    services: Vec<BuiltService>,
) -> Result<Deployment, DeployError> {
    let claimed = world.claim(project).await;
    world.log.clear();
    let log = &mut world.log;
    let mut tell = |line: &str| log.push(line.to_owned());
    world.engine.publish(&claimed.lease, &claimed.project, services, Some(0), &mut tell).await
}

fn listed(world: &World, deployment: &Deployment) -> Vec<ServiceSpec> {
    let list = world.release(deployment).join(".berth/services.json");
    serde_json::from_slice(&std::fs::read(list).unwrap()).unwrap()
}

fn part(world: &World, deployment: &Deployment, name: &str) -> PathBuf {
    world.release(deployment).join(".berth/services").join(name)
}

/// A frontend at the top, a backend below `/api`, documentation below `/docs`.
fn three(world: &World) -> Vec<BuiltService> {
    let home = world.artifact(&[("index.html", "home"), ("services/index.html", "a page of that name")]);
    let docs = world.artifact(&[("index.html", "docs"), ("guide.html", &"how to ".repeat(500))]);
    vec![service("api", "/api", running()), service("docs", "/docs", files(docs)), service("web", "/", files(home))]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_static_service_is_a_release_and_the_list_lies_with_them() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let services = three(&world);
    let deployment = try_publish(&mut world, &shop, services).await.unwrap();
    assert_eq!((deployment.files, deployment.bytes), (4, 4 + 19 + 4 + 3_500));
    assert_eq!(world.get(&deployment.host, "/").await.text, "home");
    assert_eq!(world.get(&deployment.host, "/services/").await.text, "a page of that name");

    let specs = listed(&world, &deployment);
    assert_eq!(deployment.services.as_ref(), Some(&specs), "the database and the disk say the same");
    assert_eq!(specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>(), ["api", "docs", "web"]);
    assert_eq!(specs[0].running().map(|running| running.image.as_str()), Some(IMAGE));
    assert_eq!((&specs[1].part, specs[1].routes[0].path.as_str()), (&ServicePart::Static, "/docs"));
    let docs = Release::open(&part(&world, &deployment, "docs")).unwrap();
    assert_eq!((docs.deployment(), docs.index().len()), (deployment.id.0, 2));
    let home = Release::open(&world.release(&deployment)).unwrap();
    assert_eq!(home.index().published(), docs.index().published(), "one date for all of it");
    for hidden in ["/.berth/services.json", "/services.json", "/.berth/services/docs/index.html"] {
        assert_eq!(world.get(&deployment.host, hidden).await.status, 404, "{hidden}");
    }
    assert!(world.log.iter().any(|line| line.starts_with("docs | Published 2 files")), "{:?}", world.log);
    assert_eq!(std::fs::read_dir(world.engine.staging()).unwrap().count(), 0);

    // What has not changed is not kept twice, whichever service has it.
    let services = three(&world);
    let again = try_publish(&mut world, &shop, services).await.unwrap();
    for file in ["guide.html", "index.html"] {
        let inode = |deployment| std::fs::metadata(part(&world, deployment, "docs").join(file)).unwrap().ino();
        assert_eq!(inode(&again), inode(&deployment), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_answers_everything_has_a_release_without_files() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let deployment = try_publish(&mut world, &shop, vec![service("web", "/", running())]).await.unwrap();
    assert_eq!((deployment.files, deployment.bytes), (0, 0));
    let release = Release::open(&world.release(&deployment)).unwrap();
    assert_eq!((release.deployment(), release.index().len()), (deployment.id.0, 0));
    assert_eq!(listed(&world, &deployment)[0].name, ServiceName::only());
    assert_eq!(std::fs::read_dir(world.engine.staging()).unwrap().count(), 0);

    // The files below a prefix of such a project lie in it.
    let docs = world.artifact(&[("index.html", "docs")]);
    let services = vec![service("web", "/", running()), service("docs", "/docs", files(docs))];
    let mixed = try_publish(&mut world, &shop, services).await.unwrap();
    assert_eq!(mixed.files, 1);
    assert!(part(&world, &mixed, "docs").join("index.html").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_static_service_has_no_list() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let deployment = world.publish(&shop, &[("index.html", "one")]).await;
    assert_eq!(deployment.services, None);
    let own = std::fs::read_dir(world.release(&deployment).join(".berth")).unwrap();
    assert_eq!(own.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>(), ["index"]);
    // One of another name, or of another place, has.
    let docs = world.artifact(&[("index.html", "docs")]);
    let named = try_publish(&mut world, &shop, vec![service("docs", "/docs", files(docs))]).await.unwrap();
    assert_eq!(named.services.map(|services| services.len()), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_files_is_named_and_nothing_stays() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let services = three(&world);
    let docs = services[1].files().unwrap().directory.clone();
    std::fs::remove_file(docs.join("index.html")).unwrap();
    std::fs::rename(docs.join("guide.html"), docs.join(".hidden")).unwrap();
    let error = try_publish(&mut world, &shop, services).await.unwrap_err();
    assert_eq!(error.failure().unwrap().title, "docs: there is nothing to publish");
    assert_eq!(world.releases(&shop), 0);
    assert_eq!(std::fs::read_dir(world.engine.staging()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_takes_all_services_along() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    let services = three(&world);
    let preview = world.preview_of(&shop, "next", services).await;
    let Activated::Live(copy) = world.promote(&preview).await else { panic!("it was refused") };
    assert_eq!((copy.promoted_from, &copy.services), (Some(preview.id), &preview.services));
    assert_eq!(listed(&world, &copy), listed(&world, &preview));
    let docs = Release::open(&part(&world, &copy, "docs")).unwrap();
    assert_eq!(docs.deployment(), copy.id.0);
    assert_eq!(Release::open(&part(&world, &preview, "docs")).unwrap().deployment(), preview.id.0);
    let inode = |deployment| std::fs::metadata(part(&world, deployment, "docs").join("guide.html")).unwrap().ino();
    assert_eq!(inode(&copy), inode(&preview), "nothing is copied");
    assert!(world.store.images_in_use().await.unwrap().contains(IMAGE));
}
