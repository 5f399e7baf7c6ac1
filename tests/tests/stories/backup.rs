//! The backup and the restore of `docs/OPERATIONS.md`, command by command, of a Berth that runs.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, Delivery, Project, Shop, World};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_backed_up_and_restored() -> Result<()> {
    let mut world = World::open(&Database::Sqlite, &[]).await?;
    let project = shop_with_a_secret(&world).await?;
    let (backup, new) = (world.berth.directory().join("backup"), world.berth.directory().join("new"));
    world.berth.run(&["backup", text(&backup)?])?;
    let again = world.berth.run(&["backup", text(&backup)?]);
    ensure!(again.is_err_and(|error| error.to_string().contains("is not empty")), "a backup was overwritten");

    lose_everything(&mut world)?;
    copy(&backup.join("data"), &new.join("data"))?;
    copy(&backup.join("deployments"), &new.join("deployments"))?;
    world.berth.set("BERTH_DATA_DIR", text(&new.join("data"))?);
    world.berth.set("BERTH_DEPLOYMENTS_DIR", text(&new.join("deployments"))?);
    world.berth.restart().await?;
    is_as_it_was(&world, &project).await?;
    world.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_backed_up_and_restored() -> Result<()> {
    let database = Database::postgres();
    let mut world = World::open(&database, &[]).await?;
    let project = shop_with_a_secret(&world).await?;
    let (backup, new) = (world.berth.directory().join("backup"), world.berth.directory().join("new"));
    let restored = database.restored_copy()?;
    let said = world.berth.run(&["backup", text(&backup)?])?;
    ensure!(said.contains("pg_dump"), "nobody was told that PostgreSQL is not in the backup: {said}");

    // A new machine, on which Berth was started too early: it has an id of its own by now.
    lose_everything(&mut world)?;
    std::fs::create_dir_all(&new)?;
    world.berth.set("BERTH_DATA_DIR", text(&new.join("data"))?);
    world.berth.set("BERTH_DEPLOYMENTS_DIR", text(&new.join("deployments"))?);
    world.berth.set("DATABASE_URL", &format!("sqlite://{}", new.join("early.db").display()));
    world.berth.restart().await?;
    world.berth.terminate().await?;

    world.berth.set("DATABASE_URL", &restored);
    copy(&backup.join("deployments"), &new.join("deployments"))?;
    for key in ["secret", "encryption-key", "webhook-secret"] {
        if backup.join("data").join(key).exists() {
            std::fs::copy(backup.join("data").join(key), new.join("data").join(key))?;
        }
    }
    world.berth.launch()?;
    let refused = world.berth.ready().await.err().context("it started with what does not belong together")?;
    ensure!(world.berth.log()?.contains("berth adopt"), "the refusal does not say how to go on: {refused:#}");
    world.berth.run(&["adopt"])?;
    world.berth.restart().await?;
    is_as_it_was(&world, &project).await?;
    world.close().await
}

/// Builds fail unless their secret is there as it was set.
const CHECK: &str = "if (process.env.SHOP_SECRET !== 'open sesame, says the shop') process.exit(7)";

async fn shop_with_a_secret(world: &World) -> Result<Project> {
    let secrets = json!([{"key": "SHOP_SECRET", "value": "open sesame, says the shop"}]);
    let settings = json!({"outputDirectory": "dist", "secrets": secrets});
    let project = world.connect("keeper", &Shop::saying("Version 1.").then(CHECK), settings).await?;
    world.shows(&project, "Version 1.").await?;
    // Then it stands in the table of hosts, too, which is copied.
    world.live(&project, project.first_build).await?;
    Ok(project)
}

fn lose_everything(world: &mut World) -> Result<()> {
    world.berth.kill_9()?;
    std::fs::remove_dir_all(world.berth.data())?;
    Ok(std::fs::remove_dir_all(world.berth.deployments())?)
}

/// The site is live, who was signed in still is, and a push is built with the secret.
async fn is_as_it_was(world: &World, project: &Project) -> Result<()> {
    let page = project.site.get("/").await?;
    ensure!(page.status == 200 && page.body.contains("Version 1."), "{page:?}");
    ensure!(world.ada.get("/api/v1/projects").await?.status == 200, "nobody is signed in any more");
    // Berth, which looks at its start, may have found the push before.
    Shop::saying("After the restore").then(CHECK).publish(&project.repo)?;
    Delivery::push(&project.repo)?.send(&world.berth).await?.heard()?;
    world.shows(project, "After the restore").await
}

/// `cp --archive`.
fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    let status = Command::new("cp").arg("--archive").arg(from.join(".")).arg(to).status()?;
    ensure!(status.success(), "cp ended with {status}");
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}
