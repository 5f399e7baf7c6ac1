//! Deployments, and which of them is live.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_model::{BranchName, DeploymentId, DeploymentStatus, Environment, ProjectId, Trigger, VariableKey};
use berth_store::{ActivationReason, Filter, NewBuild};
use http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::bodies::{BuildBody, DeploymentBody};
use super::page::rows;
use crate::Api;
use crate::activation;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody, ErrorCode};
use crate::input::{Form, Id, Params};

/// Which deployments.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeploymentsQuery {
    /// At most 100; 20 if absent.
    limit: Option<u32>,
    /// Only what is older than this id.
    before: Option<i64>,
    /// Only of this branch.
    branch: Option<String>,
    /// Only for this environment.
    environment: Option<Environment>,
    /// Only those that stand here.
    status: Option<DeploymentStatus>,
}

/// The deployments of a project, newest first.
#[utoipa::path(get, path = "/api/v1/projects/{id}/deployments", tag = "deployments",
    params(("id" = i64, Path), DeploymentsQuery), responses(
    (status = 200, body = Vec<DeploymentBody>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 422, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Params(query): Params<DeploymentsQuery>,
) -> Result<Json<Vec<DeploymentBody>>, ApiError> {
    let branch = query.branch.as_deref().map(BranchName::parse).transpose()?;
    let filter = Filter { branch, environment: query.environment, status: query.status };
    let (limit, before) = (rows(query.limit), query.before.map(DeploymentId));
    let deployments = api.store.deployments_of(caller.access(), ProjectId(id), limit, before, &filter).await?;
    Ok(Json(deployments.into_iter().map(|deployment| DeploymentBody::of(&api.config, deployment)).collect()))
}

/// One deployment.
#[utoipa::path(get, path = "/api/v1/deployments/{id}", tag = "deployments", params(("id" = i64, Path)), responses(
    (status = 200, body = DeploymentBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<DeploymentBody>, ApiError> {
    let deployment = api.store.deployment(caller.access(), DeploymentId(id)).await?;
    Ok(Json(DeploymentBody::of(&api.config, deployment)))
}

/// Put a kept deployment live again, without a build. Answers once visitors get it.
#[utoipa::path(post, path = "/api/v1/deployments/{id}/activate", tag = "deployments", params(("id" = i64, Path)),
    responses(
    (status = 200, body = DeploymentBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "Its files are gone, or it cannot go live", body = ErrorBody),
    (status = 503, description = "Requested, but not confirmed within 5 seconds, or 50 where services start", body = ErrorBody),
))]
pub(crate) async fn activate(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<DeploymentBody>, ApiError> {
    activation::activate(&api, &caller, DeploymentId(id), ActivationReason::Rollback).await?;
    read(State(api), caller, Id(id)).await
}

/// How a deployment becomes production.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct PromotionForm {
    /// Whether to build the commit for production instead, with the variables that production's builds get. The answer
    /// is 202 with the build then.
    rebuild: Option<bool>,
}

/// Put a deployment live in production, without a build. A preview's files go live as they are, as a deployment of
/// production's own that stays when the preview goes. Where production's builds get other variables than the preview's
/// got, the files may be others too: the answer is 409 `promotion_needs_rebuild` (`promotion_of_fork` where a stranger's
/// commit would have to be built with them) and names the `keys`.
#[utoipa::path(post, path = "/api/v1/deployments/{id}/promote", tag = "deployments", params(("id" = i64, Path)),
    request_body = PromotionForm, responses(
    (status = 200, description = "Visitors get it", body = DeploymentBody),
    (status = 202, description = "Its commit is built for production", body = BuildBody),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "It needs a rebuild, its files are gone, or it cannot go live", body = ErrorBody),
    (status = 503, description = "Requested, but not confirmed within 5 seconds, or 50 where services start", body = ErrorBody),
))]
pub(crate) async fn promote(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    mut form: Form,
) -> Result<Response, ApiError> {
    let rebuild = form.flag("rebuild").into_option().unwrap_or_default();
    form.check()?;
    let deployment = api.store.deployment(caller.access(), DeploymentId(id)).await?;
    let build = api.store.build(caller.access(), deployment.build).await?;
    let is_of_fork = build.pull_request.as_ref().is_some_and(|pull_request| pull_request.fork.is_some());
    if rebuild && is_of_fork {
        return Err(ApiError::conflict(
            ErrorCode::PromotionOfFork,
            "a commit from a fork is not built with production's secrets; merge its pull request, and the push builds it",
        ));
    }
    if rebuild {
        let commit = build.commit();
        let new = NewBuild::production(build.project, Trigger::Promote, build.branch, commit);
        let build = api.store.enqueue(new).await?;
        return Ok((StatusCode::ACCEPTED, Json(BuildBody::of(&api.config, build))).into_response());
    }
    if deployment.environment == Environment::Preview {
        let keys = api.store.other_in_production(&build).await?;
        if !keys.is_empty() {
            return Err(gets_other_values(keys, is_of_fork));
        }
    }
    let live = activation::activate(&api, &caller, deployment.id, ActivationReason::Promote).await?;
    Ok(read(State(api), caller, Id(live.0)).await?.into_response())
}

/// Names keys, never values.
fn gets_other_values(keys: Vec<VariableKey>, is_of_fork: bool) -> ApiError {
    let named = keys.iter().map(VariableKey::as_str).collect::<Vec<_>>().join(", ");
    let (code, instead) = if is_of_fork {
        (
            ErrorCode::PromotionOfFork,
            "a fork's commit is not built with them; merge its pull request, and the push builds it",
        )
    } else {
        (ErrorCode::PromotionNeedsRebuild, "build its commit for production (rebuild: true)")
    };
    let message = format!("production's builds get other values of {named} than this preview's build got; {instead}");
    ApiError::conflict(code, message).naming(keys)
}
