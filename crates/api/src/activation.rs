//! Putting a deployment live on request. The API writes the wish and waits for the worker's answer; it polls nothing.

use std::time::Duration;

use berth_model::DeploymentId;
use berth_store::{ActivationReason, ActivationState};

use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorCode};

/// How long a client waits. A switch takes milliseconds; the wish stands whatever the client is told.
const PATIENCE: Duration = Duration::from_secs(5);

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
    tokio::time::timeout(PATIENCE, answered).await.unwrap_or_else(|_| {
        Err(ApiError::unavailable("the switch is requested but not confirmed within 5 seconds; look again shortly"))
    })
}
