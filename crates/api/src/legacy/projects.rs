//! `/api/project`: projects and their secrets.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_model::{ProjectId, VariableId};
use berth_store::Project;
use http::StatusCode;
use serde_json::{Value, json};

use super::bodies::{BuildBody, DeploymentBody, ListedBuild, ListedProject, LogBody, ProjectBody, SecretBody};
use crate::Api;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::input::{Form, Id};
use crate::projects;

/// Builds of a project in the list, for production: the contract knows nothing else, and its clients take the newest for
/// the site's. Older ones and those of previews are under `/api/v1`.
const BUILDS: u32 = 10;
/// Pieces of log of a build in the list, the last ones: a piece is what was written within a quarter of a second. The
/// contract has no way to the rest; `/api/v1/builds/{id}/log` has.
const LOG_PIECES: u32 = 40;

/// `POST /api/project`.
pub(crate) async fn connect(State(api): State<Api>, caller: Caller, mut form: Form) -> Result<Response, ApiError> {
    let (new, secrets) = projects::read_new(&api, &mut form)?;
    let connected = projects::connect(&api, &caller, new, secrets).await?;
    let message = match connected.note {
        Some(note) => format!("Project created; {note}"),
        None => "Project created".to_owned(),
    };
    let body = json!({
        "message": message,
        "project": ProjectBody::of(&api.config, connected.project, None),
        "initialBuildId": connected.build.map(|build| build.id),
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// `GET /api/project/projects`: newest build first.
pub(crate) async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<Value>, ApiError> {
    let mut listed = Vec::new();
    for project in api.store.projects(caller.access()).await? {
        listed.push(listed_project(&api, &caller, project).await?);
    }
    Ok(Json(json!({"message": "Projects", "projects": listed})))
}

async fn listed_project(api: &Api, caller: &Caller, project: Project) -> Result<ListedProject, ApiError> {
    let access = caller.access();
    let secrets = api.store.variables(access, project.id).await?;
    let live = api.store.live_deployment(project.id).await?;
    let mut builds = Vec::new();
    for build in api.store.builds_for_production(access, project.id, BUILDS).await? {
        let logs = api.store.log_chunks(access, build.id, LOG_PIECES).await?;
        builds.push(ListedBuild {
            deployment: api.store.deployment_of_build(access, build.id).await?.as_ref().and_then(DeploymentBody::of),
            build: BuildBody::of(build),
            logs: logs.into_iter().map(LogBody::of).collect(),
        });
    }
    Ok(ListedProject {
        project: ProjectBody::of(&api.config, project, live.as_ref()),
        secrets: secrets.into_iter().map(SecretBody::of).collect(),
        builds,
    })
}

/// `PUT /api/project/projects/{id}`: what is absent stays as it is.
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    mut form: Form,
) -> Result<Json<Value>, ApiError> {
    let project = api.store.project(caller.access(), ProjectId(id)).await?;
    for field in ["name", "branch"] {
        if !form.has(field) {
            form.problem(field, "this field is needed");
        }
    }
    let (change, variables) = projects::read_change(&api, &mut form, &project)?;
    // The repository is not among what these routes change, so that there is no note.
    let (project, _) = projects::change(&api, &caller, &project, change, variables).await?;
    let live = api.store.live_deployment(project.id).await?;
    let project = ProjectBody::of(&api.config, project, live.as_ref());
    Ok(Json(json!({"message": "Project updated", "project": project})))
}

/// `DELETE /api/project/projects/{id}`.
pub(crate) async fn remove(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<Value>, ApiError> {
    projects::remove(&api, &caller, ProjectId(id)).await?;
    Ok(Json(json!({"message": "Project deleted"})))
}

/// `DELETE /api/project/secret/{id}`.
pub(crate) async fn delete_secret(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<Value>, ApiError> {
    api.store.delete_variable(caller.access(), VariableId(id)).await?;
    Ok(Json(json!({"message": "Secret deleted"})))
}
