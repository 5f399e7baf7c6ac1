//! `/api/build`: one build, and building it again.

use axum::Json;
use axum::extract::State;
use berth_model::BuildId;
use berth_store::Build;
use serde_json::{Value, json};

use super::bodies::{BuildBody, BuildOfProject, DeploymentBody, ProjectBody};
use crate::Api;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::input::Id;

/// A build with its deployment and project.
pub(super) async fn with_project(api: &Api, caller: &Caller, build: Build) -> Result<BuildOfProject, ApiError> {
    let access = caller.access();
    let project = api.store.project(access, build.project).await?;
    let deployment = api.store.deployment_of_build(access, build.id).await?;
    let live = api.store.live_deployment(project.id).await?;
    Ok(BuildOfProject {
        deployment: deployment.as_ref().and_then(DeploymentBody::of),
        build: BuildBody::of(build),
        project: ProjectBody::of(&api.config, project, live.as_ref()),
    })
}

/// `GET /api/build/{id}`.
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<Value>, ApiError> {
    let build = api.store.build(caller.access(), BuildId(id)).await?;
    let build = with_project(&api, &caller, build).await?;
    Ok(Json(json!({"message": "Build", "build": build})))
}

/// `POST /api/build/rebuild/{id}`: a new build of the same commit.
pub(crate) async fn rebuild(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<Value>, ApiError> {
    let build = api.store.rebuild(caller.access(), BuildId(id)).await?;
    Ok(Json(json!({"message": "Build queued", "build": BuildBody::of(build)})))
}
