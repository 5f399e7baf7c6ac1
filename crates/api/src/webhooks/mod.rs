//! What git hosts announce: signed pushes and pull requests become builds and previews.
//!
//! 1. The signature's form is checked, then the whole body collected (at most 25 MiB), then the signature over exactly
//!    these bytes ([`signature`]). Until then nothing is read. `POST /api/webhook` believes the operator's secret and
//!    leaves no trace of what it refuses; a project's [`own`] hook believes the project's.
//! 2. [`github`] and [`gitlab`] read each [`provider`]'s form into one [`announcement`].
//! 3. [`judge`] finds the projects that it concerns and what it leads to; [`filter`] knows what is not built. What is
//!    fetched later is each project's own stored address; an address in a payload is never used.
//! 4. Every signed delivery is kept with its verdict and reason. It and what it leads to are one transaction: sent
//!    again, it is a duplicate; if the transaction failed, it can be sent again.

mod announcement;
mod body;
mod changes;
mod deploy;
mod filter;
mod github;
mod gitlab;
mod judge;
mod own;
mod provider;
mod signature;

pub(crate) use body::{Bodies, Held, LARGEST_FORM};
pub(crate) use deploy::{DEPLOY_HOOK_PATH, call};
pub(crate) use own::{OWN_HOOK_PATH, receive_own};
pub(crate) use provider::Provider;
pub(crate) use signature::sign;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_model::{BuildStatus, DeliveryId, ProjectId, Reason};
use berth_store::{Accepted, Build, LARGEST_KEPT_BODY, Means, NewDelivery, Verdict};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::Api;
use crate::audit;
use crate::auth::{Caller, Sender};
use crate::error::{ApiError, ErrorBody, ErrorCode};
use crate::input::Id;
use crate::legacy::BuildBody;
use judge::{Audience, Fate, Outcome, judge};
use signature::Signature;

/// Where GitHub's deliveries arrive.
pub const WEBHOOK_PATH: &str = "/api/webhook";

/// Whether an address is for git hosts and others that call, and nobody's to look at.
#[must_use]
pub fn is_hook_path(path: &str) -> bool {
    let is_below = |pattern: &str| pattern.split_once('{').is_some_and(|(before, _)| path.starts_with(before));
    path == WEBHOOK_PATH || is_below(OWN_HOOK_PATH) || is_below(DEPLOY_HOOK_PATH)
}

/// A delivery that was signed with a secret of ours.
struct Delivery {
    provider: Provider,
    id: Option<String>,
    event: String,
    /// The JSON.
    payload: Bytes,
    /// The project whose own hook received it.
    hook: Option<ProjectId>,
    replay_of: Option<DeliveryId>,
}

/// Receives a delivery at the installation's hook.
pub(crate) async fn receive(
    State(api): State<Api>,
    sender: Sender,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let unsigned = || {
        // Perhaps somebody changed the hook's secret. What the header says leads to a look, and to nothing else.
        if let Some(hook) = provider::header(&headers, "x-github-hook-id").and_then(|hook| hook.parse().ok()) {
            api.hooks.suspect(hook);
        }
        let message = "the delivery is not signed with this Berth's webhook secret (X-Hub-Signature-256)";
        ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::BadSignature, message)
    };
    let signature = Signature::read(Provider::Github, &headers);
    let (Some(secret), Some(signature)) = (&api.config.webhook_secret, signature) else {
        return Err(unsigned());
    };
    let (body, _held) = api.deliveries.collect(sender.address, &headers, body).await?;
    if !signature.is_of(&body, secret) {
        return Err(unsigned());
    }
    audit::is_of(None, Means::Hook(Provider::Github.as_str()));
    let delivery = Delivery::received(Provider::Github, &headers, body, None).map_err(|reason| unread(&reason))?;
    delivery.settle(&api, Audience::Everybody).await
}

/// `POST /api/v1/deliveries/{id}/replay`: does again what a kept delivery asked for, for the caller's own projects.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/replay", tag = "deliveries", params(("id" = i64, Path)), responses(
    (status = 201, description = "Builds were queued"),
    (status = 200, description = "It leads to no build; `message` says to what"),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "Its body was too large to be kept, or it asks for nothing", body = ErrorBody),
))]
pub(crate) async fn replay(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Response, ApiError> {
    let id = DeliveryId(id);
    let kept = api.store.delivery(caller.access(), id).await?;
    let provider = Provider::parse(&kept.provider).filter(|provider| provider.asks(&kept.event));
    let (Some(provider), Some(payload)) = (provider, api.store.delivery_body(id).await?) else {
        return Err(ApiError::conflict(
            ErrorCode::NotReplayable,
            "only a push or a pull request whose body was kept (up to 1 MiB, for 30 days) can be replayed",
        ));
    };
    let audience = match kept.hook {
        Some(project) => Audience::Only(Box::new(api.store.project(caller.access(), project).await?)),
        None => Audience::Of(caller.access()),
    };
    // Without the sender's id it is no duplicate of itself.
    let delivery = Delivery {
        provider,
        id: None,
        event: kept.event,
        payload: payload.into(),
        hook: kept.hook,
        replay_of: Some(id),
    };
    delivery.settle(&api, audience).await
}

impl Delivery {
    /// What came in, once it is believed.
    fn received(provider: Provider, headers: &HeaderMap, body: Bytes, hook: Option<ProjectId>) -> Result<Self, Reason> {
        let payload = payload_of(headers, body)?;
        let (id, event) = (provider.delivery_id(headers), provider.event(headers));
        Ok(Self { provider, id, event, payload, hook, replay_of: None })
    }

    /// Whether it can be replayed one day. Of a flood at a project's own hook only the beginning can: who signs with its
    /// secret may be anybody, and would fill the disk.
    fn keeps_body(&self, api: &Api) -> bool {
        let is_flood = |project| api.throttle.admit_body(project).is_err();
        self.provider.asks(&self.event) && self.payload.len() <= LARGEST_KEPT_BODY && !self.hook.is_some_and(is_flood)
    }

    /// Keeps the delivery with what becomes of it, does that in the same transaction, and answers.
    async fn settle(self, api: &Api, audience: Audience) -> Result<Response, ApiError> {
        let Outcome { reason, repo, projects, fate } =
            judge(api, self.provider, &self.event, &self.payload, audience).await?;
        // A project's own hook tells its owner of whatever is wrong with what it hears.
        let projects = if projects.is_empty() { self.hook.into_iter().collect() } else { projects };
        let verdict = match fate {
            Fate::Wishes(_) => Verdict::Accepted,
            Fate::Ignored => Verdict::Ignored,
            Fate::Rejected(_) => Verdict::Rejected,
        };
        let body = self.keeps_body(api).then(|| self.payload.to_vec());
        let kept = NewDelivery {
            provider: self.provider.as_str(),
            delivery_id: self.id,
            event: self.event,
            verdict,
            reason: reason.clone().into(),
            repo,
            projects,
            hook: self.hook,
            replay_of: self.replay_of,
            body,
        };
        match fate {
            Fate::Wishes(wishes) => Ok(match api.store.accept_delivery(kept, wishes).await? {
                Accepted::Duplicate => answer("duplicate"),
                Accepted::Now { builds, acted } => done(builds, acted),
            }),
            Fate::Ignored => {
                api.store.record_delivery(kept).await?;
                Ok(answer("ignored"))
            }
            Fate::Rejected(status) => {
                api.store.record_delivery(kept).await?;
                Err(ApiError::new(status, ErrorCode::DeliveryRejected, reason.to_string()))
            }
        }
    }
}

/// What a delivery led to: builds that wait now are 201, everything else is told in a word.
fn done(builds: Vec<Build>, acted: bool) -> Response {
    let has = |status| builds.iter().any(|build| build.status == status);
    if has(BuildStatus::Queued) {
        let queued = builds.into_iter().filter(|build| build.status == BuildStatus::Queued);
        let builds: Vec<BuildBody> = queued.map(BuildBody::of).collect();
        let body = json!({"message": "Build queued", "build": builds.first(), "builds": builds});
        return (StatusCode::CREATED, Json(body)).into_response();
    }
    answer(match () {
        () if has(BuildStatus::Held) => "held",
        () if has(BuildStatus::Skipped) => "skipped",
        () if acted => "done",
        () => "ignored",
    })
}

fn answer(message: &str) -> Response {
    Json(json!({"message": message})).into_response()
}

/// The JSON of a delivery: the body itself, or the field `payload` of a form.
fn payload_of(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Reason> {
    let kind = provider::header(headers, CONTENT_TYPE.as_str()).unwrap_or_default().to_ascii_lowercase();
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => Ok(body),
        "application/x-www-form-urlencoded" => url::form_urlencoded::parse(&body)
            .find(|(field, _)| field == "payload")
            .map(|(_, json)| Bytes::from(json.into_owned()))
            .ok_or(Reason::NoPayload),
        _ => Err(Reason::NoDeliveryType),
    }
}

/// What the sender hears of a body without JSON.
fn unread(reason: &Reason) -> ApiError {
    match reason {
        Reason::NoDeliveryType => {
            let code = ErrorCode::UnsupportedMediaType;
            ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, reason.to_string())
        }
        _ => ApiError::bad_request(reason.to_string()),
    }
}
