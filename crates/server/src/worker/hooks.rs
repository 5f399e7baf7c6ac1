//! Hooks at GitHub are looked after: at start, hourly, and when a delivery of theirs is signed with another secret.

use std::time::Duration;

use berth_github::HookKeeper;
use tokio_util::sync::CancellationToken;

use super::SOON;

pub(super) async fn run(keeper: HookKeeper, every: Duration, stop: CancellationToken) {
    let hourly = async {
        loop {
            if let Err(error) = keeper.mend_all().await {
                tracing::warn!("webhooks at GitHub could not be looked after: {error}");
            }
            tokio::time::sleep(every).await;
        }
    };
    let suspected = async {
        loop {
            if let Err(error) = keeper.follow_suspicions().await {
                tracing::warn!("webhooks at GitHub could not be looked after: {error}");
                tokio::time::sleep(SOON).await;
            }
        }
    };
    tokio::select! {
        () = hourly => {}
        () = suspected => {}
        () = stop.cancelled() => {}
    }
}
