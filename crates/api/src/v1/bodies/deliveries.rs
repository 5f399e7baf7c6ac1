//! Deliveries of webhooks.

use berth_model::{Reason, Timestamp, Why};
use berth_store::{Delivery, Outcome, Verdict};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::words;
use crate::webhooks::Provider;

/// A delivery that a webhook received.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryBody {
    id: i64,
    /// Whose form it has.
    #[schema(schema_with = providers)]
    provider: String,
    /// The sender's own id.
    delivery_id: Option<String>,
    /// In the sender's own words.
    event: String,
    /// `accepted`: it led to something.
    #[schema(schema_with = verdicts)]
    verdict: &'static str,
    /// Why, with what became of it for each of the caller's projects.
    reason: String,
    /// The parts of that sentence that are about the delivery itself, for clients that say it in other words. Missing in
    /// old deliveries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    because: Vec<Reason>,
    /// What became of it for each of the caller's projects.
    outcomes: Vec<OutcomeBody>,
    /// The repository that it names.
    repository: Option<String>,
    /// Whether it came to the project's own hook, not to the installation's.
    own_hook: bool,
    /// The caller's builds that it led to.
    builds: Vec<i64>,
    /// Whether it can be done again: a push or a pull request whose body is still kept.
    replayable: bool,
    /// The delivery that this one did again.
    replay_of: Option<i64>,
    received_at: Timestamp,
}

impl DeliveryBody {
    pub(crate) fn of(delivery: Delivery) -> Self {
        let asks = Provider::parse(&delivery.provider).is_some_and(|provider| provider.asks(&delivery.event));
        let reason = delivery.told();
        let outcome = |Outcome { project, what }| OutcomeBody { project: project.to_string(), what };
        Self {
            id: delivery.id.0,
            own_hook: delivery.hook.is_some(),
            builds: delivery.builds.into_iter().map(|build| build.0).collect(),
            replayable: asks && delivery.has_body,
            replay_of: delivery.replay_of.map(|delivery| delivery.0),
            provider: delivery.provider,
            delivery_id: delivery.delivery_id,
            event: delivery.event,
            verdict: delivery.verdict.as_str(),
            reason,
            because: delivery.reason.because,
            outcomes: delivery.outcomes.into_iter().map(outcome).collect(),
            repository: delivery.repo,
            received_at: delivery.received_at,
        }
    }
}

/// What became of a delivery for one project.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutcomeBody {
    /// The project's name.
    project: String,
    #[serde(flatten)]
    what: Why,
}

fn providers() -> Object {
    words(Provider::ALL.map(Provider::as_str).into_iter().chain(["unknown"]))
}

fn verdicts() -> Object {
    words(Verdict::ALL.map(Verdict::as_str))
}
