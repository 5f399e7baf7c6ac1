//! A project's own hook, for git hosts that have no account in common with Berth: any of them that signs like GitHub,
//! Gitea, Forgejo or GitLab, with a secret that only the project and its host know.
//!
//! What it does not believe is kept, without its body and few at a time: whoever sets it up learns what to check.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use berth_model::{ProjectId, Reason, Why};
use berth_secrets::{SecretString, token};
use berth_store::{Means, NewDelivery, Verdict};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use super::Delivery;
use super::judge::Audience;
use super::provider::{Provider, header};
use super::signature::Signature;
use crate::Api;
use crate::audit;
use crate::auth::Sender;
use crate::error::{ApiError, ErrorCode};
use crate::input::Id;

/// Where deliveries to a project's own hook arrive.
pub(crate) const OWN_HOOK_PATH: &str = "/api/hooks/{id}";

/// Receives a delivery at a project's own hook.
pub(crate) async fn receive_own(
    State(api): State<Api>,
    Id(id): Id,
    sender: Sender,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let project = ProjectId(id);
    let hook = OwnHook::of(&api, project).await?;
    let provider = Provider::of(&headers);
    let signature = provider.and_then(|provider| Signature::read(provider, &headers));
    let (Some(provider), Some(signature)) = (provider, signature) else {
        return refuse(&api, project, hook.exists(), provider, &headers, unsigned(provider)).await;
    };
    let (body, _held) = api.deliveries.collect(sender.address, &headers, body).await?;
    // Where there is none that can be read, a secret that nobody knows takes the same way to the same answer.
    let exists = hook.exists();
    let expected = if let OwnHook::Open(secret) = hook { secret } else { token() };
    if !signature.is_of(&body, &expected) {
        return refuse(&api, project, exists, Some(provider), &headers, wrong(provider, &headers)).await;
    }
    audit::is_of(None, Means::Hook(provider.as_str()));
    let Some(connected) = api.store.project_unscoped(project).await? else { return Err(refusal()) };
    let delivery = match Delivery::received(provider, &headers, body, Some(project)) {
        Ok(delivery) => delivery,
        Err(reason) => {
            keep_refused(&api, project, Some(provider), &headers, reason.clone()).await?;
            return Err(super::unread(&reason));
        }
    };
    delivery.settle(&api, Audience::Only(Box::new(connected))).await
}

/// Whether a project has a hook, and what its deliveries are signed with.
enum OwnHook {
    None,
    /// There is a secret, and it opens with no key that is here: nothing is believed until another one is made.
    Stuck,
    Open(SecretString),
}

impl OwnHook {
    async fn of(api: &Api, project: ProjectId) -> Result<Self, ApiError> {
        let Some(sealed) = api.store.hook_secret(project).await? else { return Ok(Self::None) };
        Ok(api.keys.open_hook_secret(project, &sealed).map_or(Self::Stuck, Self::Open))
    }

    fn exists(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// The same answer whether the project has no hook, is nobody's, or the secret is another one.
async fn refuse(
    api: &Api,
    project: ProjectId,
    has_hook: bool,
    provider: Option<Provider>,
    headers: &HeaderMap,
    reason: Reason,
) -> Result<Response, ApiError> {
    if has_hook {
        keep_refused(api, project, provider, headers, reason).await?;
    }
    Err(refusal())
}

async fn keep_refused(
    api: &Api,
    project: ProjectId,
    provider: Option<Provider>,
    headers: &HeaderMap,
    reason: Reason,
) -> Result<(), ApiError> {
    let refused = NewDelivery {
        provider: provider.map_or("unknown", Provider::as_str),
        delivery_id: None,
        event: provider.map(|provider| provider.event(headers)).unwrap_or_default(),
        verdict: Verdict::Rejected,
        reason: Why::from(reason),
        repo: None,
        projects: vec![project],
        hook: Some(project),
        replay_of: None,
        body: None,
    };
    Ok(api.store.refuse_delivery(project, refused).await?)
}

fn refusal() -> ApiError {
    let message = "there is no such hook, or the delivery is not signed with its secret";
    ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::BadSignature, message)
}

fn unsigned(provider: Option<Provider>) -> Reason {
    match provider {
        None => Reason::UnknownSender,
        Some(Provider::Github) => Reason::NotSigned { header: "X-Hub-Signature-256".into() },
        Some(Provider::Gitea | Provider::Forgejo) => Reason::NotSigned { header: "X-Gitea-Signature".into() },
        Some(Provider::Gitlab) => Reason::NoToken { header: "X-Gitlab-Token".into() },
    }
}

fn wrong(provider: Provider, headers: &HeaderMap) -> Reason {
    let is_form = header(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("form"));
    match provider {
        // They sign what is inside the form.
        Provider::Gitea | Provider::Forgejo if is_form => Reason::SignedOtherwise,
        _ => Reason::OtherSecret,
    }
}
