//! What is done at start and every hour: leftovers in Docker and on the disk, old previews and releases, expired
//! sessions, history beyond its age. And every minute: containers whose removal failed, room on Docker's disk.

use std::sync::Arc;
use std::time::Duration;

use berth_runtime::NetworkState;
use tokio_util::sync::CancellationToken;

use super::{Worker, previews, removals};

/// While Docker does not answer.
const DOCKER_AGAIN: Duration = Duration::from_secs(10);
/// Between two looks at what cannot wait for an hour.
const MINUTE: Duration = Duration::from_secs(60);
/// Images with installed dependencies that are kept, the most recently used ones.
const DEPENDENCY_IMAGES: usize = 30;
/// Builds of a project that keep their logs however old they are: more than the dashboard lists at once.
const BUILDS_WITH_LOGS: u32 = 20;

pub(super) async fn run(worker: Arc<Worker>, stop: CancellationToken) {
    let work = async {
        prepare_docker(&worker).await;
        let hourly = async {
            loop {
                look_after_docker(&worker).await;
                tokio::time::sleep(worker.every).await;
            }
        };
        let by_the_minute = async {
            let mut pause = MINUTE;
            loop {
                tokio::time::sleep(pause).await;
                pause = if look_soon(&worker).await { MINUTE } else { DOCKER_AGAIN };
            }
        };
        tokio::join!(hourly, by_the_minute);
    };
    // The disk fills while Docker is away, too.
    let also = async {
        loop {
            look_after_store(&worker).await;
            tokio::time::sleep(worker.every).await;
        }
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(work, also) } => {}
        () = stop.cancelled() => {}
    }
}

/// Makes the build network before the first build needs it, and tells the operator what builds can reach.
async fn prepare_docker(worker: &Worker) {
    let mut told = false;
    loop {
        match worker.engine.prepare_network().await {
            Ok(NetworkState::Closed) => tracing::info!("builds run in a network that reaches no private address"),
            Ok(NetworkState::Open) => {
                tracing::warn!("builds can reach this machine and its private networks (BERTH_EGRESS=open)");
            }
            Ok(NetworkState::Unproven { why }) => {
                tracing::info!("the build network is tried out by the first build: {why}")
            }
            Ok(NetworkState::Unenforced { why }) => tracing::error!(
                "no build starts, because builds could reach private networks: {why}. Fix that, or set BERTH_EGRESS=open"
            ),
            Err(error) => {
                if !told {
                    tracing::warn!("builds that need Docker wait for it: {error}");
                }
                told = true;
                tokio::time::sleep(DOCKER_AGAIN).await;
                continue;
            }
        }
        return;
    }
}

// Each chore for itself: one that cannot be done now keeps no other from being done.

async fn look_after_docker(worker: &Worker) {
    told("leftovers in Docker", worker.engine.sweep().await);
    told("caches of removed previews", previews::clear_caches(worker).await);
    told("caches of removed accounts", removals::clear_caches_of_removed(worker).await);
    told("old images of dependencies", worker.engine.prune_dependency_images(DEPENDENCY_IMAGES).await);
    told("images of services that no deployment has", prune_service_images(worker).await);
}

async fn prune_service_images(worker: &Worker) -> anyhow::Result<()> {
    let in_use = worker.store.images_in_use().await?;
    let gone = worker.engine.prune_service_images(&in_use).await?;
    if gone > 0 {
        tracing::info!("{gone} images of services that no deployment has any more were removed");
    }
    Ok(())
}

/// Whether no container is left that was to be gone. Costs next to nothing when there is nothing to do.
async fn look_soon(worker: &Worker) -> bool {
    let orphans = told("containers that were to be gone", worker.engine.remove_orphans().await);
    told("old caches", worker.engine.make_room(worker.disk.wanted()).await);
    orphans.is_some()
}

async fn look_after_store(worker: &Worker) {
    let (store, old) = (&worker.store, worker.store.clock().now().before(worker.history));
    told("expired sessions", store.forget_expired().await);
    told("old events", store.forget_events(old).await);
    told("old entries of the audit log", store.forget_audit(store.clock().now().before(worker.audit)).await);
    told("the logs of old builds", store.forget_logs(old, BUILDS_WITH_LOGS).await);
    told("old previews", previews::prune(worker).await);
    told("leftovers of deployments", worker.deploys.sweep(worker.leftover_after).await);
    let Some(projects) = told("old releases", store.all_projects().await) else { return };
    for project in projects {
        told("old releases", worker.deploys.prune(project.id).await);
    }
}

/// Tells the operator of what could not be removed; it is tried again.
fn told<T, E: Into<anyhow::Error>>(what: &str, done: Result<T, E>) -> Option<T> {
    done.map_err(|error| tracing::warn!("{what} could not be removed: {:#}", error.into())).ok()
}
