//! `/api/deploy`: one deployment, and going back to one.

use axum::Json;
use axum::extract::State;
use berth_model::{DeploymentId, DeploymentStatus, Environment};
use berth_store::ActivationReason;
use serde::Deserialize;
use serde_json::{Value, json};

use super::bodies::{BuildBody, DeploymentBody, DeploymentOfBuild};
use super::builds::with_project;
use crate::Api;
use crate::activation;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::input::{Id, Params};

/// `GET /api/deploy/{id}`.
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<Value>, ApiError> {
    let deployment = api.store.deployment(caller.access(), DeploymentId(id)).await?;
    let body = DeploymentBody::of(&deployment).ok_or_else(|| ApiError::not_found("deployment"))?;
    let build = api.store.build(caller.access(), deployment.build).await?;
    let build = with_project(&api, &caller, build).await?;
    let deployment = DeploymentOfBuild { deployment: body, build };
    Ok(Json(json!({"message": "Deployment", "deployment": deployment})))
}

/// From which deployment to which.
#[derive(Deserialize)]
pub(crate) struct RollBack {
    latest: i64,
    prev: i64,
}

/// `PUT /api/deploy/rollback?latest=&prev=`: puts `prev` live again, at once if its files are kept, else by building
/// its commit again.
pub(crate) async fn roll_back(
    State(api): State<Api>,
    caller: Caller,
    Params(RollBack { latest, prev }): Params<RollBack>,
) -> Result<Json<Value>, ApiError> {
    let access = caller.access();
    let latest = api.store.deployment(access, DeploymentId(latest)).await?;
    let previous = api.store.deployment(access, DeploymentId(prev)).await?;
    if latest.project != previous.project {
        return Err(ApiError::bad_request("latest and prev are deployments of different projects"));
    }
    // To these clients a rollback is the site's. A preview is chosen for it by promoting it.
    for (name, deployment) in [("latest", &latest), ("prev", &previous)] {
        if deployment.environment != Environment::Production {
            return Err(ApiError::bad_request(format!(
                "{name} is a preview's deployment; only the site's are gone back to"
            )));
        }
    }
    if previous.status == DeploymentStatus::Live {
        return Err(ApiError::bad_request("prev is live already"));
    }
    let (message, build) = if previous.released {
        activation::activate(&api, &caller, previous.id, ActivationReason::Rollback).await?;
        ("Rolled back", api.store.build(access, previous.build).await?)
    } else {
        ("The files are gone; the commit is built again", api.store.rebuild(access, previous.build).await?)
    };
    Ok(Json(json!({"message": message, "build": BuildBody::of(build)})))
}
