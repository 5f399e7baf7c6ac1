//! Putting a deployment live on request. The API writes the wish and waits for the worker's answer; it polls nothing.

use std::time::Duration;

use berth_model::DeploymentId;
use berth_store::{ActivationReason, ActivationState};

use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorCode};

/// How long a client waits. A switch of files takes milliseconds; the wish stands whatever the client is told.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same where services start first, until they are healthy. A little less than the minute that proxies wait.
const PATIENCE_WITH_SERVICES: Duration = Duration::from_secs(50);

/// Puts a kept deployment live and returns once the edge answers with it: with production's copy of it, if it is a
/// preview's that was promoted.
pub(crate) async fn activate(
    api: &Api,
    caller: &Caller,
    deployment: DeploymentId,
    reason: ActivationReason,
) -> Result<DeploymentId, ApiError> {
    // Subscribed before asking, so that no answer comes unnoticed.
    let mut events = api.store.signals().subscribe_events();
    let starts_services = api.store.deployment(caller.access(), deployment).await?.services.is_some();
    let patience = if starts_services { PATIENCE_WITH_SERVICES } else { PATIENCE };
    let wish = api.store.request_activation(caller.access(), deployment, reason).await?;
    let answered = async {
        loop {
            let _ = events.borrow_and_update();
            let activation = api.store.activation(wish).await?;
            match activation.state {
                ActivationState::Done => return Ok(activation.deployment),
                ActivationState::Refused => {
                    let why = activation.refusal.unwrap_or_else(|| "the deployment cannot go live".to_owned());
                    return Err(ApiError::conflict(ErrorCode::ActivationRefused, why));
                }
                ActivationState::Pending => {}
            }
            if events.changed().await.is_err() {
                return Err(ApiError::unavailable("Berth is shutting down; the switch happens after its next start"));
            }
        }
    };
    tokio::time::timeout(patience, answered).await.unwrap_or_else(|_| {
        let seconds = patience.as_secs();
        let problem = format!("the switch is requested but not confirmed within {seconds} seconds; look again shortly");
        Err(ApiError::unavailable(problem))
    })
}
