//! A project's own hook, for git hosts that have no account in common with Berth: any of them that signs like GitHub,
//! Gitea, Forgejo or GitLab, with a secret that only the project and its host know.
//!
//! What it does not believe is kept, without its body and few at a time: whoever sets it up learns what to check.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use berth_model::ProjectId;
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
use crate::error::{ApiError, ErrorCode};
use crate::input::Id;

/// Where deliveries to a project's own hook arrive.
pub(crate) const OWN_HOOK_PATH: &str = "/api/hooks/{id}";

/// Receives a delivery at a project's own hook.
pub(crate) async fn receive_own(
    State(api): State<Api>,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let project = ProjectId(id);
    let secret = secret_of(&api, project).await?;
    let provider = Provider::of(&headers);
    let signature = provider.and_then(|provider| Signature::read(provider, &headers));
    let (Some(provider), Some(signature)) = (provider, signature) else {
        return refuse(&api, project, secret.is_some(), provider, &headers, unsigned(provider)).await;
    };
    let (body, _held) = api.deliveries.collect(&headers, body).await?;
    // Where there is no hook, a secret that nobody knows takes the same way to the same answer.
    let expected = secret.clone().unwrap_or_else(token);
    if !signature.is_of(&body, &expected) {
        return refuse(&api, project, secret.is_some(), Some(provider), &headers, wrong(provider, &headers)).await;
    }
    audit::is_of(None, Means::Hook(provider.as_str()));
    let Some(connected) = api.store.project_unscoped(project).await? else { return Err(refusal()) };
    let delivery = match Delivery::received(provider, &headers, body, Some(project)) {
        Ok(delivery) => delivery,
        Err(error) => {
            keep_refused(&api, project, Some(provider), &headers, error.message()).await?;
            return Err(error);
        }
    };
    delivery.settle(&api, Audience::Only(Box::new(connected))).await
}

async fn secret_of(api: &Api, project: ProjectId) -> Result<Option<SecretString>, ApiError> {
    let sealed = api.store.hook_secret(project).await?;
    let open = sealed.map(|sealed| api.keys.open_hook_secret(project, &sealed));
    open.transpose().map_err(ApiError::internal)
}

/// The same answer whether the project has no hook, is nobody's, or the secret is another one.
async fn refuse(
    api: &Api,
    project: ProjectId,
    has_hook: bool,
    provider: Option<Provider>,
    headers: &HeaderMap,
    reason: &str,
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
    reason: &str,
) -> Result<(), ApiError> {
    let refused = NewDelivery {
        provider: provider.map_or("unknown", Provider::as_str),
        delivery_id: None,
        event: provider.map(|provider| provider.event(headers)).unwrap_or_default(),
        verdict: Verdict::Rejected,
        reason: reason.to_owned(),
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

fn unsigned(provider: Option<Provider>) -> &'static str {
    match provider {
        None => "no header tells who sent it; add the hook as one of GitHub's, Gitea's, Forgejo's or GitLab's form",
        Some(Provider::Github) => "it is not signed (X-Hub-Signature-256); enter the hook's secret where it was added",
        Some(Provider::Gitea | Provider::Forgejo) => {
            "it is not signed (X-Gitea-Signature); enter the hook's secret where it was added"
        }
        Some(Provider::Gitlab) => "it has no token (X-Gitlab-Token); enter the hook's secret where it was added",
    }
}

fn wrong(provider: Provider, headers: &HeaderMap) -> &'static str {
    let is_form = header(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("form"));
    match provider {
        // They sign what is inside the form.
        Provider::Gitea | Provider::Forgejo if is_form => {
            "the signature is not this body's; choose the content type application/json where the hook was added"
        }
        _ => {
            "it is signed with another secret; enter the one that was shown when this hook was made, or make a new one"
        }
    }
}
