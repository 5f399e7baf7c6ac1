//! Deployments, and which of them is live.

use axum::Json;
use axum::extract::State;
use berth_model::{DeploymentId, ProjectId};
use berth_store::ActivationReason;

use super::bodies::DeploymentBody;
use super::page::Limit;
use crate::Api;
use crate::activation;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::{Id, Params};

/// The deployments of a project, newest first.
#[utoipa::path(get, path = "/api/v1/projects/{id}/deployments", tag = "deployments", params(("id" = i64, Path), Limit),
    responses((status = 200, body = Vec<DeploymentBody>), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Params(page): Params<Limit>,
) -> Result<Json<Vec<DeploymentBody>>, ApiError> {
    let deployments = api.store.deployments_of(caller.access(), ProjectId(id), page.rows()).await?;
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
    (status = 503, description = "Requested, but not confirmed within 5 seconds", body = ErrorBody),
))]
pub(crate) async fn activate(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<DeploymentBody>, ApiError> {
    activation::activate(&api, &caller, DeploymentId(id), ActivationReason::Rollback).await?;
    read(State(api), caller, Id(id)).await
}
