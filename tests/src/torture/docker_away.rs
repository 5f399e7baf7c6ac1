//! Docker goes away and comes back while something is built.
//!
//! The daemon itself is nobody's to restart: Berth reaches it through a socket of ours, which is cut.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Tally, settled};
use crate::{Database, Project, Shop, World, eventually};

const PATIENCE: Duration = Duration::from_secs(180);

/// A way to Docker that can be cut: every connection ends, and no new one is accepted.
pub struct DockerLine {
    directory: TempDir,
    is_cut: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl DockerLine {
    /// A new one that works.
    ///
    /// # Errors
    /// When there is no place for a socket.
    pub fn new() -> Result<Self> {
        let directory = TempDir::with_prefix("berth-test-docker-")?;
        let listener = UnixListener::bind(directory.path().join("docker.sock"))?;
        let (is_cut, cut) = watch::channel(false);
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, cut.clone()));
            }
        });
        Ok(Self { directory, is_cut, accepting })
    }

    /// What `DOCKER_HOST` says.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.directory.path().join("docker.sock").display())
    }

    /// Cuts it.
    pub fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    /// Mends it.
    pub fn mend(&self) {
        self.is_cut.send_replace(false);
    }
}

impl Drop for DockerLine {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(mut near: UnixStream, mut cut: watch::Receiver<bool>) {
    if *cut.borrow() {
        return;
    }
    let Ok(mut far) = UnixStream::connect(daemon()).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = cut.wait_for(|is_cut| *is_cut) => {}
    }
}

/// Where the daemon itself listens.
fn daemon() -> PathBuf {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").into()
}

/// When the line is cut.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// As soon as there is a container: dependencies are installed in it.
    Install,
    /// The build's command has said something.
    Build,
    /// The build's command is over, and what it made comes out.
    CopyOut,
}

/// Cuts the line during install, build and copy-out, for so long each, `rounds` times. The build fails or passes, is
/// tried twice at most, leaves no container, and the next one passes.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn docker_goes_away(rounds: u32, away: Duration) -> Result<Tally> {
    let line = DockerLine::new()?;
    let world = World::open(&Database::Sqlite, &[("DOCKER_HOST", line.host().as_str())]).await?;
    let project = world.connect("lonely", &Shop::saying("At first"), json!({"outputDirectory": "dist"})).await?;
    world.shows(&project, "At first").await?;
    let (mut tally, mut ends) = (Tally::default(), Vec::new());
    for round in 0..rounds {
        for moment in [Moment::Install, Moment::Build, Moment::CopyOut] {
            let outcome = cut_at(&world, &line, &project, moment, away, round).await;
            line.mend();
            tally.count(match outcome {
                Ok(end) => {
                    ends.push(format!("{moment:?}: {end}"));
                    Ok(())
                }
                Err(error) => Err(error.context(format!("Docker went away at {moment:?}"))),
            });
        }
    }
    tally.note = ends.join(", ");
    if tally.failures.is_empty() {
        world.close().await?;
    }
    Ok(tally)
}

async fn cut_at(
    world: &World,
    line: &DockerLine,
    project: &Project,
    moment: Moment,
    away: Duration,
    round: u32,
) -> Result<String> {
    let text = format!("{moment:?} {round}");
    // A file of some size, so that taking the output out takes its time.
    let shop = Shop::saying(&text).slowly(2).then("writeFileSync('dist/large.bin', Buffer.alloc(192 << 20, 7));");
    let build = world.push(project, &shop).await?;
    let docker = world.berth.docker()?;
    eventually(&format!("{moment:?} has come"), PATIENCE, async || {
        let has_come = match moment {
            Moment::Install => !docker.containers()?.is_empty(),
            Moment::Build => world.log_text(build).await?.contains("second 0"),
            Moment::CopyOut => world.log_text(build).await?.contains("the shop is built"),
        };
        Ok(has_come.then_some(()))
    })
    .await?;
    line.cut();
    tokio::time::sleep(away).await;
    line.mend();
    let end = world.ended(build).await?;
    ensure!(matches!(end.as_str(), "passed" | "failed"), "the build is {end}");
    settled(world).await?;
    let next = format!("After {text}");
    let build = world.push(project, &Shop::saying(&next)).await?;
    let status = world.ended(build).await?;
    ensure!(status == "passed", "the next build {status}: {}", world.failure(build).await?);
    world.shows(project, &next).await.context("the next build is not live")?;
    settled(world).await?;
    Ok(end)
}
