//! Folders for the API: unpacked by the build engine while they come in, published by the deploy engine, put live by the
//! worker like any deployment.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use berth_api::{DeployedFolder, DeployingFolder, FolderArchive, FolderError, FolderPublisher, FolderRequest};
use berth_build_engine::{BuildError, Folder, unpack_folder};
use berth_deploy_engine::{DeployEngine, DeployError};
use berth_model::words::Bytes as Size;
use berth_model::{
    Artifact, BuildLimits, BuildStatus, DeploymentStatus, Failure, FailureCode, LogLine, LogPhase, LogStream,
};
use berth_store::{BuildEnd, Claimed, Deployment, FolderOf, LogBatch, Store, StoreError};
use futures_util::StreamExt;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::health::Disk;

/// Folders that come in at once. Each holds a thread while its sender is slow, and there are not many.
const AT_ONCE: usize = 16;
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
    begun: AtomicU64,
}

impl EnginePublisher {
    pub(crate) fn new(store: Store, deploys: DeployEngine, disk: Disk, limits: BuildLimits) -> Self {
        let (turns, begun) = (Arc::new(Semaphore::new(AT_ONCE)), AtomicU64::new(0));
        Self(Arc::new(Inner { store, deploys, disk, limits, turns, begun }))
    }
}

impl FolderPublisher for EnginePublisher {
    fn deploy(&self, wanted: FolderRequest) -> DeployingFolder {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let FolderRequest { access, of, spa_fallback, archive } = wanted;
            let folder = inner.take_in(archive).await?;
            // From here on whoever asked may go away: what has begun is brought to its end.
            let publishing = tokio::spawn(async move {
                let staging = folder.directory.clone();
                let claimed = match inner.store.begin_folder(access, of.clone(), LEASE).await {
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
            });
            publishing.await.unwrap_or_else(|died| Err(FolderError::Ours(died.into())))
        })
    }
}

impl Inner {
    /// Unpacks an archive while it comes in; dropped before its end, it leaves nothing.
    async fn take_in(&self, archive: FolderArchive) -> Result<Folder, FolderError> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(FolderError::NotNow(format!("{AT_ONCE} folders come in already; try again in a moment")));
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
        let mut log = vec![format!("Received a folder: {files} files, {}", Size(bytes))];
        if left_out > 0 {
            log.push(format!("note: {left_out} hidden files and directories were left out"));
        }
        let spa_fallback = spa_fallback.or(claimed.project.spa_fallback);
        let artifact = Artifact { directory, files, bytes, spa_fallback };
        // Heard from before it can happen.
        let ended = self.store.signals().activated();
        let mut say = |line: &str| log.push(line.to_owned());
        let published = self.deploys.publish(&claimed.lease, &claimed.project, artifact, None, &mut say).await;
        let published = match published {
            Ok(deployment) => Ok(deployment),
            Err(error) => Err(self.unpublished(&claimed, error, &mut log).await),
        };
        self.keep(&claimed, &log).await;
        let live = self.live(published?, ended).await?;
        Ok((live, log))
    }

    /// Ends the build of a folder that was not published.
    async fn unpublished(&self, claimed: &Claimed, error: DeployError, log: &mut Vec<String>) -> FolderError {
        let (end, told) = match error {
            DeployError::Store(StoreError::Conflict(why)) => {
                let end = BuildEnd { status: BuildStatus::Canceled, exit_code: None, failure: None };
                (end, FolderError::NotLive(why.to_owned()))
            }
            // Gone with its project, or its end is written already.
            DeployError::Store(error @ (StoreError::LeaseLost | StoreError::NotFound)) => return error.into(),
            error => {
                let failure = error.failure();
                let shown = failure.clone().unwrap_or_else(our_failure);
                log.push(shown.title.clone());
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
        if let Err(error) = self.store.finish_build(&claimed.lease, &end).await {
            // The next start finds it interrupted.
            tracing::error!(build = %claimed.build.id, "its end could not be recorded: {:#}", anyhow::Error::from(error));
        }
        told
    }

    /// Stores what the log says, and tells whoever watches.
    async fn keep(&self, claimed: &Claimed, log: &[String]) {
        let line = |(number, text): (i64, &String)| LogLine {
            number,
            stream: LogStream::Stdout,
            phase: LogPhase::Build,
            text: text.clone(),
        };
        let lines: Arc<[LogLine]> = (1..).zip(log).map(line).collect();
        let (user, project, build) = (claimed.project.user, claimed.project.id, claimed.build.id);
        if let Err(error) = self.store.append_log(build, &lines).await {
            tracing::warn!(%build, "the log of a folder was lost: {error}");
        }
        self.store.signals().publish_log(LogBatch { user, project, build, lines });
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
        tokio::time::timeout(LIVE_WITHIN, waiting).await.unwrap_or_else(|_| {
            Err(FolderError::NotNow("it is published and not confirmed live yet; look again shortly".to_owned()))
        })
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
