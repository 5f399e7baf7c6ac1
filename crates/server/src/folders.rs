//! Folders for the API: unpacked by the build engine while they come in, published by the deploy engine, put live by the
//! worker like any deployment.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use berth_api::{DeployedFolder, DeployingFolder, FolderArchive, FolderError, FolderPublisher, FolderRequest};
use berth_build_engine::{BuildError, Folder, unpack_folder};
use berth_deploy_engine::{DeployEngine, DeployError};
use berth_model::words::Bytes as Size;
use berth_model::{
    Artifact, BuildLimits, BuildStatus, BuiltService, DeploymentStatus, Failure, FailureCode, LogLine, LogPhase,
    LogStream, UserId,
};
use berth_store::{Act, BuildEnd, Claimed, Deployment, FolderOf, LogBatch, Store, StoreError};
use futures_util::StreamExt;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::health::Disk;

/// Folders that come in at once. Each holds a thread while its sender is slow, and there are not many.
const AT_ONCE: usize = 16;
/// Those of one account, so that nobody's slow ones keep everybody else's out.
const OF_ONE_ACCOUNT: usize = 8;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(20);
/// The disk is looked at again after so many bytes.
const LOOK_EVERY: usize = 64 << 20;
/// For publishing: nobody renews it.
const LEASE: Duration = Duration::from_secs(3_600);
/// How long the activation is waited for. It takes milliseconds, and happens in any case.
const LIVE_WITHIN: Duration = Duration::from_secs(30);

/// The engines as the API asks them.
#[derive(Clone)]
pub(crate) struct EnginePublisher(Arc<Inner>);

struct Inner {
    store: Store,
    deploys: DeployEngine,
    disk: Disk,
    limits: BuildLimits,
    turns: Arc<Semaphore>,
    accounts: Mutex<HashMap<UserId, Arc<Semaphore>>>,
    begun: AtomicU64,
    recovered: watch::Receiver<bool>,
}

/// Held while a folder comes in.
struct Turn {
    _account: OwnedSemaphorePermit,
    _any: OwnedSemaphorePermit,
}

impl EnginePublisher {
    /// `recovered` says when nothing of an earlier run is taken away any more.
    pub(crate) fn new(
        store: Store,
        deploys: DeployEngine,
        disk: Disk,
        limits: BuildLimits,
        recovered: watch::Receiver<bool>,
    ) -> Self {
        let (turns, begun) = (Arc::new(Semaphore::new(AT_ONCE)), AtomicU64::new(0));
        Self(Arc::new(Inner { store, deploys, disk, limits, turns, accounts: Mutex::default(), begun, recovered }))
    }
}

impl FolderPublisher for EnginePublisher {
    fn deploy(&self, wanted: FolderRequest) -> DeployingFolder {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let FolderRequest { access, token, of, spa_fallback, archive } = wanted;
            let folder = inner.take_in(access.user(), archive).await?;
            // From here on whoever asked may go away: what has begun is brought to its end.
            let publishing = async move {
                let staging = folder.directory.clone();
                let claimed = match inner.store.begin_folder(access, token, of.clone(), LEASE).await {
                    Ok(claimed) => claimed,
                    Err(error) => {
                        inner.deploys.discard(staging).await;
                        return Err(error.into());
                    }
                };
                let is_new =
                    matches!(of, FolderOf::Named { .. }) && claimed.project.created_at == claimed.build.created_at;
                inner.publish(claimed, folder, spa_fallback).await.map(|(deployment, log)| DeployedFolder {
                    deployment,
                    is_new,
                    log,
                })
            };
            // For the audit log it stays theirs.
            let publishing = match Act::under_way() {
                Some(act) => tokio::spawn(act.cover(publishing)),
                None => tokio::spawn(publishing),
            };
            publishing.await.unwrap_or_else(|died| Err(FolderError::Ours(died.into())))
        })
    }
}

impl Inner {
    /// Unpacks an archive while it comes in; dropped before its end, it leaves nothing.
    async fn take_in(&self, user: UserId, archive: FolderArchive) -> Result<Folder, FolderError> {
        let mut recovered = self.recovered.clone();
        let Ok(Ok(_)) = tokio::time::timeout(PATIENCE, recovered.wait_for(|recovered| *recovered)).await else {
            return Err(FolderError::NotNow("Berth is starting; try again in a moment".to_owned()));
        };
        let Ok(Some(_turn)) = tokio::time::timeout(PATIENCE, self.turn(user)).await else {
            return Err(FolderError::NotNow("too many folders come in already; try again in a moment".to_owned()));
        };
        self.room().await?;
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let target: PathBuf = self.deploys.staging().join(format!("folder-{number}"));
        let disk = self.disk.clone();
        let watched = archive.scan((0, disk), |(since, disk), piece| {
            *since += piece.as_ref().map_or(0, |piece| piece.len());
            let look = (*since >= LOOK_EVERY).then(|| {
                *since = 0;
                disk.clone()
            });
            async move {
                match look {
                    Some(disk) if disk.room().await.is_err() => Some(Err(io::ErrorKind::StorageFull.into())),
                    _ => Some(piece),
                }
            }
        });
        match unpack_folder(Box::pin(watched), target, self.limits.clone()).await {
            Ok(folder) => Ok(folder),
            Err(error) => {
                // A disk that ran full looks like an archive that breaks off.
                self.room().await?;
                Err(match error {
                    BuildError::Theirs(failure, _) => FolderError::Refused(failure),
                    error => FolderError::Ours(error.into()),
                })
            }
        }
    }

    async fn turn(&self, user: UserId) -> Option<Turn> {
        let account = {
            let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            accounts.retain(|_, of| Arc::strong_count(of) > 1);
            Arc::clone(accounts.entry(user).or_insert_with(|| Arc::new(Semaphore::new(OF_ONE_ACCOUNT))))
        };
        let account = account.acquire_owned().await.ok()?;
        let any = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        Some(Turn { _account: account, _any: any })
    }

    async fn room(&self) -> Result<(), FolderError> {
        self.disk
            .room()
            .await
            .map_err(|why| FolderError::NotNow(format!("there is no room for it: {why}; ask the operator")))
    }

    /// Publishes, writes down how that went, and waits until visitors get it.
    async fn publish(
        &self,
        claimed: Claimed,
        folder: Folder,
        spa_fallback: Option<bool>,
    ) -> Result<(Deployment, Vec<String>), FolderError> {
        let Folder { directory, files, bytes, left_out } = folder;
        let plural = if files == 1 { "" } else { "s" };
        let mut log = Log { store: &self.store, claimed: &claimed, lines: Vec::new() };
        log.say(&format!("Received a folder: {files} file{plural}, {}", Size(bytes)));
        if left_out > 0 {
            log.say(&format!("note: {left_out} hidden files and directories were left out"));
        }
        let spa_fallback = spa_fallback.or(claimed.project.spa_fallback);
        let site = vec![BuiltService::site(Artifact { directory, files, bytes, spa_fallback })];
        // Heard from before it can happen.
        let ended = self.store.signals().activated();
        let mut say = |line: &str| log.say(line);
        let published = self.deploys.publish(&claimed.lease, &claimed.project, site, None, &mut say).await;
        let published = match published {
            Ok(deployment) => {
                log.keep().await;
                Ok(deployment)
            }
            Err(error) => Err(self.unpublished(&claimed, error, &mut log).await),
        };
        let live = self.live(published?, ended).await?;
        Ok((live, log.texts()))
    }

    /// Ends the build of a folder that was not published.
    async fn unpublished(&self, claimed: &Claimed, error: DeployError, log: &mut Log<'_>) -> FolderError {
        let (end, told) = match error {
            DeployError::Store(StoreError::Conflict(why)) => {
                let end = BuildEnd { status: BuildStatus::Canceled, exit_code: None, failure: None };
                (end, FolderError::NotLive(why.to_owned()))
            }
            // Gone with its project, or its end is written already.
            DeployError::Store(error @ (StoreError::LeaseLost | StoreError::NotFound)) => return error.into(),
            error => {
                let failure = error.failure().map(of_a_folder);
                let shown = failure.clone().unwrap_or_else(our_failure);
                log.say(&shown.title);
                let end = BuildEnd { status: BuildStatus::Failed, exit_code: None, failure: Some(shown) };
                let told = match (failure, error) {
                    (Some(failure), _) if failure.code == FailureCode::NoSpace => FolderError::NotNow(failure.title),
                    (Some(failure), _) => FolderError::Unpublishable(Box::new(failure)),
                    (None, DeployError::Store(error)) => error.into(),
                    (None, error) => FolderError::Ours(error.into()),
                };
                (end, told)
            }
        };
        log.keep().await;
        if let Err(error) = self.store.finish_build(&claimed.lease, &end).await {
            // The next start finds it interrupted.
            tracing::error!(build = %claimed.build.id, "its end could not be recorded: {:#}", anyhow::Error::from(error));
        }
        told
    }

    /// Waits for the activation that publishing asked for.
    async fn live(
        &self,
        published: Deployment,
        mut ended: Receiver<berth_model::DeploymentId>,
    ) -> Result<Deployment, FolderError> {
        let waiting = async {
            loop {
                match ended.recv().await {
                    Ok(id) if id != published.id => continue,
                    // It may have been among what was missed.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Err(FolderError::NotNow("Berth is shutting down".to_owned())),
                }
                let Some(deployment) = self.store.deployment_unscoped(published.id).await? else {
                    return Err(StoreError::NotFound.into());
                };
                match deployment.status {
                    DeploymentStatus::Ready => {}
                    DeploymentStatus::Live => return Ok(deployment),
                    DeploymentStatus::Retired | DeploymentStatus::RolledBack | DeploymentStatus::Failed => {
                        let activation = self.store.newest_activation_of(published.id).await?;
                        return match activation.and_then(|activation| activation.refusal) {
                            Some(why) => Err(FolderError::NotLive(why)),
                            // It was live, and the next one was quick.
                            None => Ok(deployment),
                        };
                    }
                }
            }
        };
        tokio::time::timeout(LIVE_WITHIN, waiting).await.unwrap_or_else(|_| Err(FolderError::Unconfirmed))
    }
}

/// What the log of a folder says.
struct Log<'a> {
    store: &'a Store,
    claimed: &'a Claimed,
    lines: Vec<LogLine>,
}

impl Log<'_> {
    /// Tells whoever watches, before they hear of the build's end.
    fn say(&mut self, text: &str) {
        let number = i64::try_from(self.lines.len()).unwrap_or(i64::MAX).saturating_add(1);
        let line = LogLine { number, stream: LogStream::Stdout, phase: LogPhase::Build, text: text.to_owned() };
        self.lines.push(line.clone());
        let (user, project, build) = (self.claimed.project.user, self.claimed.project.id, self.claimed.build.id);
        self.store.signals().publish_log(LogBatch { user, project, build, lines: [line].into() });
    }

    async fn keep(&self) {
        let build = self.claimed.build.id;
        if let Err(error) = self.store.append_log(build, &self.lines).await {
            tracing::warn!(%build, "the log of a folder was lost: {error}");
        }
    }

    fn texts(self) -> Vec<String> {
        self.lines.into_iter().map(|line| line.text).collect()
    }
}

/// A failure of a build's output in the words of somebody who sent a folder.
fn of_a_folder(failure: Failure) -> Failure {
    match failure.code {
        FailureCode::MissingOutput => Failure::new(
            failure.code,
            "there is nothing to publish",
            "The folder holds no file that a visitor could open; hidden files are left out. Check that it is the right one.",
        ),
        _ => failure,
    }
}

fn our_failure() -> Failure {
    Failure::new(
        FailureCode::Internal,
        "Berth could not publish this folder",
        "Nothing in the folder is known to cause this, and what was live stays live. Deploy it again; if it happens again, \
         ask the operator, whose log says more.",
    )
}

#[cfg(test)]
mod tests {
    use berth_deploy_engine::DeployConfig;
    use berth_edge::{Edge, EdgeConfig};
    use berth_model::{Access, Clock, ProjectId, Role};
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn nothing_comes_in_before_an_earlier_run_is_cleared_away() {
        let scratch = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", scratch.path().join("berth.db").display());
        let store = Store::open(&url, Clock::System).await.unwrap();
        let deployments = scratch.path().to_owned();
        let config = DeployConfig { deployments, base_domain: "localhost".to_owned(), retention: 1 };
        let deploys = DeployEngine::new(config, store.clone(), Edge::new(EdgeConfig::default()));
        let (recovering, recovered) = watch::channel(false);
        let disk = Disk::new(Vec::new(), 0);
        let publisher = EnginePublisher::new(store, deploys, disk, BuildLimits::default(), recovered);
        let wanted = FolderRequest {
            access: Access::of(UserId(1), Role::Member),
            token: None,
            of: FolderOf::Project(ProjectId(1)),
            spa_fallback: None,
            archive: Box::pin(stream::empty()),
        };
        let deploying = tokio::spawn(publisher.deploy(wanted));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!deploying.is_finished());
        recovering.send_replace(true);
        let refused = deploying.await.unwrap();
        assert!(matches!(refused, Err(FolderError::Refused(_))), "an empty archive is none: {refused:?}");
    }
}
