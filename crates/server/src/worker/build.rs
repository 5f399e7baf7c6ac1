//! One build from claim to end, with whose fault an end is told apart.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use berth_build_engine::{BuildError, BuildRun, Built};
use berth_deploy_engine::DeployError;
use berth_model::{BuildStatus, Failure, FailureCode, Reason, StepName};
use berth_store::{BuildEnd, Claimed, Deployment, StoreError};
use tokio_util::sync::CancellationToken;

use super::{SOON, Worker};

/// Starts of a build that fails through our fault.
const ATTEMPTS: i64 = 2;
/// For the pipeline to stop what it does, before it is dropped.
const STOP_WITHIN: Duration = Duration::from_secs(15);
/// For Docker to come back before a build is tried once more.
const DOCKER_BACK_WITHIN: Duration = Duration::from_secs(60);
/// For the database to come back before an end is left to the next start.
const RECORD_WITHIN: Duration = Duration::from_secs(600);

/// Why a build is to stop. The first reason counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopReason {
    /// Somebody wants it to.
    Asked,
    /// It is not ours any more.
    LeaseLost,
    /// Berth stops; the build is given back.
    Shutdown,
}

/// Stops a build, and remembers why.
#[derive(Clone, Debug, Default)]
pub(super) struct Stopper {
    token: CancellationToken,
    reason: Arc<OnceLock<StopReason>>,
}

impl Stopper {
    pub(super) fn stop(&self, reason: StopReason) {
        // Only the first reason is kept.
        let _ = self.reason.set(reason);
        self.token.cancel();
    }

    fn reason(&self) -> Option<StopReason> {
        self.reason.get().copied()
    }
}

/// How the pipeline ended.
enum Ending {
    /// Its deployment is ready, the build has passed, its activation waits.
    Published(Deployment),
    /// The owner's to mend: final.
    Theirs(Failure, Option<i64>),
    /// The commit asks for no build; why, for people.
    Skipped(Reason),
    /// Somebody stopped it.
    Stopped,
    /// It is somebody else's, or gone with its project.
    Lost,
    /// Ours, or Docker's, or the database's.
    Ours { error: anyhow::Error, retryable: bool },
}

/// Builds and publishes, then records how it ended.
pub(super) async fn carry_out(worker: Arc<Worker>, claimed: Claimed, stopper: Stopper) {
    let ending = tokio::select! {
        ending = pipeline(&worker, &claimed, &stopper) => ending,
        () = overdue(&stopper) => Ending::Stopped,
    };
    let id = claimed.build.id;
    let recorded = match (ending, stopper.reason()) {
        (Ending::Published(deployment), _) => {
            tracing::info!(build = %id, deployment = %deployment.id, "passed");
            return;
        }
        (Ending::Lost, _) | (_, Some(StopReason::LeaseLost)) => {
            tracing::warn!(build = %id, "no longer ours, left alone");
            return;
        }
        (Ending::Theirs(failure, exit_code), _) => {
            tracing::info!(build = %id, code = failure.code.as_str(), "failed: {}", failure.title);
            finish(&worker, &claimed, BuildStatus::Failed, exit_code, Some(failure)).await
        }
        (Ending::Skipped(reason), _) => {
            tracing::info!(build = %id, "{reason}");
            record(|| worker.store.skip_build(&claimed.lease, reason.clone())).await
        }
        (Ending::Stopped | Ending::Ours { .. }, Some(StopReason::Shutdown)) => give_back(&worker, &claimed).await,
        (Ending::Stopped | Ending::Ours { .. }, Some(StopReason::Asked)) => {
            tracing::info!(build = %id, "canceled");
            finish(&worker, &claimed, BuildStatus::Canceled, None, None).await
        }
        (Ending::Ours { error, retryable: true }, None)
            if claimed.build.attempts < ATTEMPTS && !is_full_disk(&error) =>
        {
            tracing::warn!(build = %id, "tried once more: {error:#}");
            retry(&worker, &claimed, &stopper).await
        }
        (Ending::Ours { error, .. }, None) => {
            tracing::error!(build = %id, "failed through no fault of the repository: {error:#}");
            let failure = if is_full_disk(&error) { full_disk() } else { our_failure() };
            finish(&worker, &claimed, BuildStatus::Failed, None, Some(failure)).await
        }
        // The pipeline says that it was stopped, and nobody did: as if it had failed.
        (Ending::Stopped, None) => finish(&worker, &claimed, BuildStatus::Failed, None, Some(our_failure())).await,
    };
    match recorded {
        Ok(()) => {}
        Err(StoreError::LeaseLost | StoreError::NotFound) => tracing::warn!(build = %id, "ended after its lease"),
        Err(error) => {
            tracing::error!(build = %id, "its end could not be recorded: {:#}", anyhow::Error::from(error));
        }
    }
}

/// A stopped pipeline has a while to remove its container; one that hangs is dropped, which removes it too.
async fn overdue(stopper: &Stopper) {
    stopper.token.cancelled().await;
    tokio::time::sleep(STOP_WITHIN).await;
}

/// Builds, publishes, and closes the log of both.
async fn pipeline(worker: &Worker, claimed: &Claimed, stopper: &Stopper) -> Ending {
    let mut run = match worker.builds.begin(claimed.clone()).await {
        Ok(run) => run,
        Err(error) => return failed(error),
    };
    let ending = match run.run(&stopper.token).await {
        Ok(built) => publish(worker, claimed, stopper, &mut run, built).await,
        Err(error) => failed(error),
    };
    // What it says of a build that has ended is for its reader; what it could not store is no reason to build again.
    if let Err(error) = run.close().await {
        tracing::warn!(build = %claimed.build.id, "the end of its log was lost: {error}");
    }
    ending
}

async fn publish(worker: &Worker, claimed: &Claimed, stopper: &Stopper, run: &mut BuildRun, built: Built) -> Ending {
    let exit_code = built.exit_code;
    run.begin_step(StepName::Publish);
    let mut say = |line: &str| run.log().say(line);
    let published = worker.deploys.publish(&claimed.lease, &claimed.project, built.services, exit_code, &mut say).await;
    // Without an answer of the database the deployment may be there; else nobody will start what was kept.
    if published.as_ref().is_err_and(|error| !error.is_unavailable()) {
        run.remove_images().await;
    }
    match published {
        Ok(deployment) => Ending::Published(deployment),
        Err(DeployError::Store(StoreError::LeaseLost | StoreError::NotFound)) => Ending::Lost,
        // Asked for while it was being published.
        Err(DeployError::Store(StoreError::Conflict(_))) => {
            stopper.stop(StopReason::Asked);
            Ending::Stopped
        }
        Err(error) => match error.failure() {
            Some(failure) => {
                run.log().say(&failure.title);
                Ending::Theirs(failure, exit_code)
            }
            None => Ending::Ours { retryable: error.is_unavailable(), error: error.into() },
        },
    }
}

fn failed(error: BuildError) -> Ending {
    match error {
        BuildError::Theirs(failure, exit_code) => Ending::Theirs(*failure, exit_code),
        BuildError::Skipped(reason) => Ending::Skipped(reason),
        BuildError::Canceled => Ending::Stopped,
        BuildError::LeaseLost => Ending::Lost,
        BuildError::Ours { source, retryable } => Ending::Ours { error: anyhow::Error::from_boxed(source), retryable },
    }
}

async fn finish(
    worker: &Worker,
    claimed: &Claimed,
    status: BuildStatus,
    exit_code: Option<i64>,
    failure: Option<Failure>,
) -> Result<(), StoreError> {
    let end = BuildEnd { status, exit_code, failure };
    record(|| worker.store.finish_build(&claimed.lease, &end)).await
}

async fn give_back(worker: &Worker, claimed: &Claimed) -> Result<(), StoreError> {
    tracing::info!(build = %claimed.build.id, "given back to the queue");
    // Whoever stops Berth does not wait for a database that is away: the next start takes the build back.
    worker.store.give_back(&claimed.lease).await
}

/// Queues a build again once what was missing may be back. It keeps its lease while it waits.
async fn retry(worker: &Worker, claimed: &Claimed, stopper: &Stopper) -> Result<(), StoreError> {
    let docker_is_back = async {
        tokio::time::sleep(SOON).await;
        while worker.engine.ping().await.is_err() {
            tokio::time::sleep(SOON).await;
        }
    };
    tokio::select! {
        _ = tokio::time::timeout(DOCKER_BACK_WITHIN, docker_is_back) => {}
        () = stopper.token.cancelled() => {}
    }
    match stopper.reason() {
        Some(StopReason::LeaseLost) => Ok(()),
        Some(StopReason::Shutdown) => give_back(worker, claimed).await,
        // The store cancels instead, if that was asked for.
        Some(StopReason::Asked) | None => record(|| worker.store.retry(&claimed.lease)).await,
    }
}

/// Writes down an end; a database that is away is waited for, because the build has no other.
async fn record<T, F>(write: impl Fn() -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let started = tokio::time::Instant::now();
    loop {
        match write().await {
            Err(error) if error.is_unavailable() && started.elapsed() < RECORD_WITHIN => {
                tokio::time::sleep(SOON).await;
            }
            written => return written.map(drop),
        }
    }
}

/// Whether the disk ran full somewhere below. Some libraries keep only the system's words of what happened.
fn is_full_disk(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.to_string().contains("No space left on device"))
}

fn full_disk() -> Failure {
    Failure::new(
        FailureCode::NoSpace,
        "the disk of this Berth is full",
        "There is no room for this build, and what was live stays live. Ask the operator for more disk, then rebuild.",
    )
}

fn our_failure() -> Failure {
    Failure::new(
        FailureCode::Internal,
        "Berth could not carry this build out",
        "Nothing in the repository is known to cause this, and what was live stays live. Rebuild it; if it happens \
         again, ask the operator, whose log says more.",
    )
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn c2_a_full_disk_is_told_from_other_faults() {
        let full = || io::Error::from_raw_os_error(28);
        assert!(is_full_disk(&anyhow::Error::from(full()).context("a file could not be written")));
        assert!(is_full_disk(&anyhow::Error::from_boxed(Box::new(full()))));
        assert!(!is_full_disk(&anyhow::Error::from(io::Error::from(io::ErrorKind::PermissionDenied))));
    }

    #[test]
    fn the_first_reason_to_stop_counts() {
        let stopper = Stopper::default();
        assert_eq!(stopper.reason(), None);
        stopper.stop(StopReason::Asked);
        stopper.stop(StopReason::Shutdown);
        assert_eq!(stopper.reason(), Some(StopReason::Asked));
    }
}
