//! Volumes of a project: what is in them survives its deployments.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use berth_model::{DeploymentStatus, Environment, ProjectId, ServiceName, ServiceVolumeName, Timestamp};
use berth_store::Filter;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::services::EnvironmentQuery;
use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::{Id, IdAndName, Params};

/// Live deployments that are looked at.
const DEPLOYMENTS: u32 = 100;

/// A named volume.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VolumeBody {
    name: ServiceVolumeName,
    /// Production's, or all previews' together.
    environment: Environment,
    /// What is in it, as of ten minutes ago at most; `null`: not known yet.
    bytes: Option<u64>,
    /// The services of what is live that mount it.
    services: Vec<ServiceName>,
    created_at: Timestamp,
}

/// The volumes of a project, with what is in them.
#[utoipa::path(get, path = "/api/v1/projects/{id}/volumes", tag = "volumes", params(("id" = i64, Path)), responses(
    (status = 200, body = Vec<VolumeBody>), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Vec<VolumeBody>>, ApiError> {
    let project = ProjectId(id);
    let volumes = api.store.volumes(caller.access(), project).await?;
    if volumes.is_empty() {
        return Ok(Json(Vec::new()));
    }
    let is_live = Filter { status: Some(DeploymentStatus::Live), ..Filter::<DeploymentStatus>::default() };
    let live = api.store.deployments_of(caller.access(), project, DEPLOYMENTS, None, &is_live).await?;
    let sizes = api.volume_sizes.of_project(project).await;
    let sizes: BTreeMap<_, _> =
        sizes.into_iter().map(|(environment, name, bytes)| ((environment.as_str(), name), bytes)).collect();
    let body = |volume: berth_store::Volume| {
        let of_environment = live.iter().filter(|deployment| deployment.environment == volume.environment);
        let running = of_environment.flat_map(|deployment| deployment.running());
        let mounting =
            running.filter(|(_, running)| running.settings.volumes.iter().any(|mounted| mounted.name == volume.name));
        let mut services: Vec<ServiceName> = mounting.map(|(spec, _)| spec.name.clone()).collect();
        services.sort();
        services.dedup();
        let bytes = sizes.get(&(volume.environment.as_str(), volume.name.clone())).copied();
        VolumeBody {
            name: volume.name,
            environment: volume.environment,
            bytes,
            services,
            created_at: volume.created_at,
        }
    };
    Ok(Json(volumes.into_iter().map(body).collect()))
}

/// Remove a volume with all that is in it, which nothing brings back. Not while a service of what is live mounts it.
#[utoipa::path(delete, path = "/api/v1/projects/{id}/volumes/{name}", tag = "volumes",
    params(("id" = i64, Path), ("name" = String, Path), EnvironmentQuery), responses(
    (status = 204), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "Something mounts it", body = ErrorBody),
))]
pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    IdAndName(id, name): IdAndName<ServiceVolumeName>,
    Params(query): Params<EnvironmentQuery>,
) -> Result<StatusCode, ApiError> {
    api.store.remove_volume(caller.access(), ProjectId(id), query.environment(), &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
