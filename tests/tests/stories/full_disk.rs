//! C2: the disk that holds Berth's data and its sites runs full in the middle of something. That build fails and says why,
//! visitors notice nothing, and once there is room again the next push goes live without a restart.
//!
//! The disk is a small tmpfs, and a file fills it up to so many bytes. Builds whose sizes decide where they run out of
//! room are of plain files, so that no container's disk plays a part.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use berth_tests::{Database, Delivery, Project, Shop, Site, World, eventually};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;

const MIB: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_runs_full_fails_builds_and_no_site() -> Result<()> {
    let (disk, world, project) = shop_on_a_small_disk(&Database::Sqlite).await?;
    let visitor = Visitor::of(&project.site);

    // The pack is larger than what is left.
    fails_for_want_of_room(&disk, &world, &project, 3 * MIB, &noise(7 * MIB)).await?;
    // The pack is small, its files are not.
    fails_for_want_of_room(&disk, &world, &project, 3 * MIB, &"0".repeat(7 << 20)).await?;
    // The files fit, their compressed forms do not.
    fails_for_want_of_room(&disk, &world, &project, 9 * MIB / 4, &noise(5 * MIB / 4)).await?;

    // Nothing can be written down: a push is acknowledged and built later, or not acknowledged and sent again.
    disk.leave(0)?;
    fill_the_database(&world, &project).await?;
    publish(&project, "Sent to a full disk", "")?;
    let mut told = Delivery::push(&project.repo)?.send(&world.berth).await?;
    ensure!(matches!(told.status, 201 | 503), "{told:?}");
    disk.make_room()?;
    if told.status == 503 {
        told = Delivery::push(&project.repo)?.send(&world.berth).await?;
    }
    world.live(&project, told.expect(201)?["build"]["id"].as_i64().context("a build")?).await?;

    visitor.noticed_nothing().await?;
    world.close().await
}

/// What comes out of a container, and a disk that is full to the last byte while one runs: not even its end can be written
/// down then.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_whose_output_finds_no_room() -> Result<()> {
    let disk = SmallDisk::mount()?;
    let world = disk.world(&Database::Sqlite).await?;
    let project = world.open_shop("shop", &Shop::saying("The first")).await?;
    let visitor = Visitor::of(&project.site);

    disk.leave(3 * MIB)?;
    let large = "writeFileSync('dist/large.bin', Buffer.alloc(7 << 20, 'x'));";
    let failing = world.push(&project, &Shop::saying("Too large").then(large)).await?;
    lacked_room(&world, failing).await?;
    disk.make_room()?;

    let slow = world.push(&project, &Shop::saying("Through thick and thin").slowly(4)).await?;
    eventually("the build runs its command", Duration::from_secs(60), async || {
        Ok(world.log_text(slow).await?.contains("second 1").then_some(()))
    })
    .await?;
    disk.leave(0)?;
    tokio::time::sleep(Duration::from_secs(6)).await;
    disk.make_room()?;
    let status = world.ended(slow).await?;
    ensure!(status == "passed" || world.failure(slow).await?["code"] == "no_space", "it has {status}");
    let next = world.push(&project, &Shop::saying("Afterwards")).await?;
    world.live(&project, next).await?;

    visitor.noticed_nothing().await?;
    world.close().await
}

/// With the database elsewhere the table of hosts is what cannot be written: a rollback is refused and the site stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_hosts_that_cannot_be_written() -> Result<()> {
    let database = Database::postgres();
    let (disk, mut world, project) = shop_on_a_small_disk(&database).await?;
    let visitor = Visitor::of(&project.site);
    let second = fails_for_want_of_room(&disk, &world, &project, 3 * MIB, &noise(7 * MIB)).await?;

    disk.leave(0)?;
    // The line of a rollback is shorter than a page, which the file system gives at a time.
    let mut builds = [second, project.first_build];
    let refused = loop {
        let [from, to] = builds;
        match world.roll_back(from, to).await {
            Ok(_) => builds.reverse(),
            Err(refused) => break refused.to_string(),
        }
    };
    ensure!(refused.contains("table of hosts"), "{refused}");
    let shown = project.site.get("/").await?.body;
    disk.make_room()?;
    let [from, to] = builds;
    world.roll_back(from, to).await?;
    ensure!(project.site.get("/").await?.body != shown, "the rollback did not take");
    let last = push(&world, &project, "The last", "").await?;
    world.live(&project, last).await?;

    // What is on the disk by now is what the next start serves.
    visitor.noticed_nothing().await?;
    world.berth.kill_9()?;
    world.berth.restart().await?;
    world.shows(&project, "The last").await?;
    world.close().await
}

/// With so many bytes left, a page with this beside it fails; with room again, a page alone goes live. Its build.
async fn fails_for_want_of_room(
    disk: &SmallDisk,
    world: &World,
    project: &Project,
    left: u64,
    beside: &str,
) -> Result<i64> {
    disk.leave(left)?;
    let failing = push(world, project, "Too large", beside).await?;
    lacked_room(world, failing).await?;
    let free = disk.free()?;
    // What is told of the build goes into the database on the same disk.
    ensure!(free + MIB > left, "of {left} bytes {free} are left: the build left something behind");
    disk.make_room()?;
    let fits = push(world, project, "It fits again", "").await?;
    world.live(project, fits).await?;
    Ok(fits)
}

/// What the database's file has room for within itself is used up once the API says that it cannot write.
async fn fill_the_database(world: &World, project: &Project) -> Result<()> {
    let path = format!("/api/v1/projects/{}/variables", project.id);
    for number in 0..150 {
        let large = json!({"variables": [{"key": format!("LARGE_{number}"), "value": noise(60_000)}]});
        let answer = world.ada.put(&path, &large).await?;
        if answer.status == 503 {
            return Ok(());
        }
        answer.expect(200)?;
    }
    bail!("a full disk takes everything")
}

async fn lacked_room(world: &World, build: i64) -> Result<()> {
    let status = world.ended(build).await?;
    let failure = world.failure(build).await?;
    ensure!(
        status == "failed" && failure["code"] == "no_space",
        "{status} {failure}: {}",
        world.log_text(build).await?
    );
    Ok(())
}

async fn shop_on_a_small_disk(database: &Database) -> Result<(SmallDisk, World, Project)> {
    let disk = SmallDisk::mount()?;
    let world = disk.world(database).await?;
    let repo = world.github.repo("shop")?;
    repo.publish("The first", &[("index.html", "<h1>The first</h1>")])?;
    let project = world.connect_repo("shop", repo, json!({"buildCommand": ""})).await?;
    world.live(&project, project.first_build).await?;
    Ok((disk, world, project))
}

async fn push(world: &World, project: &Project, page: &str, beside: &str) -> Result<i64> {
    publish(project, page, beside)?;
    let answer = Delivery::push(&project.repo)?.send(&world.berth).await?.expect(201)?;
    answer["build"]["id"].as_i64().with_context(|| format!("no build in {answer}"))
}

fn publish(project: &Project, page: &str, beside: &str) -> Result<String> {
    let page = format!("<h1>{page}</h1>");
    project.repo.publish("A change", &[("index.html", page.as_str()), ("beside.txt", beside)])
}

/// Text that half as many bytes hold at best.
fn noise(length: u64) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text = String::new();
    while (text.len() as u64) < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text += &format!("{state:016x}");
    }
    text
}

/// Somebody who asks for the site all the time.
struct Visitor {
    leaves: Arc<AtomicBool>,
    visits: JoinHandle<Result<u32>>,
}

impl Visitor {
    fn of(site: &Site) -> Self {
        let (site, leaves) = (site.clone(), Arc::new(AtomicBool::new(false)));
        let leaving = Arc::clone(&leaves);
        let visits = tokio::spawn(async move {
            let mut pages = 0;
            while !leaving.load(Ordering::Relaxed) {
                let page = site.get("/").await?;
                ensure!(page.status == 200, "a visitor got {}", page.status);
                pages += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(pages)
        });
        Self { leaves, visits }
    }

    async fn noticed_nothing(self) -> Result<()> {
        self.leaves.store(true, Ordering::Relaxed);
        ensure!(self.visits.await?? > 10, "nobody visited");
        Ok(())
    }
}

/// A file system of 32 MiB, which goes with this. No build starts with less than a twentieth of it free.
struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    fn mount() -> Result<Self> {
        let directory = TempDir::with_prefix("berth-small-disk-")?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=32m,mode=0700", "tmpfs"])
            .arg(directory.path())
            .output()
            .context("`mount` is missing")?;
        ensure!(
            mounted.status.success(),
            "a small disk could not be mounted, which takes root: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Ok(Self { directory })
    }

    /// A Berth whose data and deployments are on it.
    async fn world(&self, database: &Database) -> Result<World> {
        let at = |name: &str| self.directory.path().join(name).display().to_string();
        World::open(database, &[("BERTH_DATA_DIR", &at("data")), ("BERTH_DEPLOYMENTS_DIR", &at("deployments"))]).await
    }

    /// Fills it until so many bytes are free.
    fn leave(&self, bytes: u64) -> Result<()> {
        let filler = File::options().create(true).append(true).open(self.filler())?;
        // Berth may take some of what was free meanwhile.
        for _ in 0..10 {
            let (length, free) = (filler.metadata()?.len(), self.free()?);
            let more = free.checked_sub(bytes).context("it is fuller than that already")?;
            if more == 0 || rustix::fs::fallocate(&filler, rustix::fs::FallocateFlags::empty(), length, more).is_ok() {
                return Ok(());
            }
        }
        bail!("it cannot be filled")
    }

    fn make_room(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.filler())?)
    }

    fn free(&self) -> Result<u64> {
        let stat = rustix::fs::statvfs(self.directory.path())?;
        Ok(stat.f_bavail * stat.f_frsize)
    }

    fn filler(&self) -> PathBuf {
        Path::join(self.directory.path(), "filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Berth is gone by now, or about to be killed.
        let unmounted = Command::new("umount").arg("--lazy").arg(self.directory.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} could not be unmounted", self.directory.path().display());
        }
    }
}
