use std::collections::BTreeSet;

use berth_model::ProjectName;
use berth_store::ProjectChange;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn sites_come_back_without_the_database() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    world.project("empty").await;
    let one = world.deploy(&shop, &[("index.html", "one")]).await;
    world.restart();
    assert_eq!(world.get("shop.example.org", "/").await.text, "one");
    assert_eq!(world.get(&one.host, "/").await.text, "one");
    assert!(world.get("empty.example.org", "/").await.text.contains("Nothing is live yet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_release_is_503_and_the_others_are_fine() {
    let mut world = World::new().await;
    let (shop, blog, wiki) = (world.project("shop").await, world.project("blog").await, world.project("wiki").await);
    let lost = world.deploy(&shop, &[("index.html", "shop")]).await;
    let damaged = world.deploy(&blog, &[("index.html", "blog")]).await;
    world.deploy(&wiki, &[("index.html", "wiki")]).await;
    std::fs::remove_dir_all(world.release(&lost)).unwrap();
    std::fs::write(world.release(&damaged).join(".berth/index"), "damaged").unwrap();
    world.restart();
    world.engine.reconcile().await.unwrap();
    assert_eq!(world.get("shop.example.org", "/").await.status, 503);
    assert_eq!(world.get("blog.example.org", "/").await.status, 503);
    assert_eq!(world.get("wiki.example.org", "/").await.text, "wiki");
    // The next build brings the site back.
    world.deploy(&shop, &[("index.html", "again")]).await;
    assert_eq!(world.get("shop.example.org", "/").await.text, "again");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_table_the_database_brings_them_back() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    world.deploy(&shop, &[("index.html", "one")]).await;
    for damage in [None, Some("damaged"), Some("")] {
        let table = world.deployments().join("routes");
        match damage {
            Some(text) => std::fs::write(&table, text).unwrap(),
            None => std::fs::remove_file(&table).unwrap(),
        }
        world.restart();
        assert_eq!(world.get("shop.example.org", "/").await.status, 404);
        world.engine.reconcile().await.unwrap();
        assert_eq!(world.get("shop.example.org", "/").await.text, "one");
        world.restart();
        assert_eq!(world.get("shop.example.org", "/").await.text, "one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_project_moves_with_its_link() {
    let mut world = World::new().await;
    let shop = world.project("shop").await;
    world.deploy(&shop, &[("index.html", "one"), ("app-DxB4kQ2a.js", "first")]).await;
    let name = ProjectName::stored("store").unwrap();
    let host = world.engine.project_host(&name);
    let change = ProjectChange { name: Some(name), ..ProjectChange::default() };
    world.store.update_project(world.access, shop.id, change, &host, Vec::new()).await.unwrap();
    world.engine.reconcile().await.unwrap();
    assert_eq!(world.get("shop.example.org", "/").await.status, 404);
    assert_eq!(world.get("store.example.org", "/").await.text, "one");
    assert!(std::fs::symlink_metadata(world.deployments().join("shop")).is_err());
    assert_eq!(std::fs::read_to_string(world.deployments().join("store/index.html")).unwrap(), "one");
    // Under its new name, too, it keeps what pages of the release before still ask for.
    world.deploy(&shop, &[("index.html", "two")]).await;
    assert_eq!(world.get("store.example.org", "/").await.text, "two");
    assert_eq!(world.get("store.example.org", "/app-DxB4kQ2a.js").await.text, "first");
}

/// As the worker follows events: the projects that they name, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_one_project_follow_without_the_others() {
    let mut world = World::new().await;
    let (shop, blog) = (world.project("shop").await, world.project("blog").await);
    world.deploy(&shop, &[("index.html", "the shop")]).await;
    world.deploy(&blog, &[("index.html", "the blog")]).await;
    for (project, name) in [(&shop, "store"), (&blog, "diary")] {
        let name = ProjectName::stored(name).unwrap();
        let host = world.engine.project_host(&name);
        let change = ProjectChange { name: Some(name), ..ProjectChange::default() };
        world.store.update_project(world.access, project.id, change, &host, Vec::new()).await.unwrap();
    }
    world.engine.reconcile_projects(&BTreeSet::from([shop.id])).await.unwrap();
    for _ in 0..2 {
        assert_eq!(world.get("store.example.org", "/").await.text, "the shop");
        assert_eq!(world.get("shop.example.org", "/").await.status, 404);
        assert_eq!(world.get("blog.example.org", "/").await.text, "the blog");
        assert_eq!(world.get("diary.example.org", "/").await.status, 404);
        world.restart();
    }
    // A deleted project has no host; its name may be another's at once.
    world.store.delete_project(world.access, shop.id).await.unwrap();
    let name = ProjectName::stored("store").unwrap();
    let host = world.engine.project_host(&name);
    let change = ProjectChange { name: Some(name), ..ProjectChange::default() };
    world.store.update_project(world.access, blog.id, change, &host, Vec::new()).await.unwrap();
    for project in [blog.id, shop.id] {
        world.engine.reconcile_projects(&BTreeSet::from([project])).await.unwrap();
        assert_eq!(world.get("store.example.org", "/").await.text, "the blog");
    }
    world.engine.remove_project(shop.id, &shop.name).await.unwrap();
    assert_eq!(world.get("store.example.org", "/").await.text, "the blog");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_another_deployment_is_not_served() {
    let mut world = World::new().await;
    let (shop, blog) = (world.project("shop").await, world.project("blog").await);
    let one = world.deploy(&shop, &[("index.html", "shop")]).await;
    let two = world.deploy(&blog, &[("index.html", "blog")]).await;
    std::fs::remove_dir_all(world.release(&one)).unwrap();
    std::fs::rename(world.release(&two), world.release(&one)).unwrap();
    world.restart();
    assert_eq!(world.get("shop.example.org", "/").await.status, 503);
}
