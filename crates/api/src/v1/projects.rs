//! Projects.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use berth_model::{InputCode, InvalidInput, ProjectId, ProjectName, ProtectionScope};
use berth_store::{Project, ProjectPage, StoreError};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::bodies::{BuildBody, ProjectBody, ProjectSummaryBody};
use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::{Form, Id, Params};
use crate::projects;

/// A new project.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct NewProjectForm {
    /// The label of its host: lower-case letters, digits and hyphens, at most 63.
    name: String,
    /// An https address without a user. One at GitHub needs a connected account or `repoToken`, and gets a webhook from
    /// the account. Absent: there is none, folders are deployed.
    repo_url: Option<String>,
    /// Needed with a repository.
    branch: Option<String>,
    /// Opens a private repository at any host. Kept sealed, for this host only, and never shown again.
    #[schema(write_only)]
    repo_token: Option<String>,
    /// The user that goes with the token; absent: `oauth2`, which GitLab, Gitea, Forgejo and GitHub take.
    repo_user: Option<String>,
    root_directory: Option<String>,
    install_command: Option<String>,
    /// Absent: detected. Empty: nothing is built.
    build_command: Option<String>,
    output_directory: Option<String>,
    node_version: Option<String>,
    spa_fallback: Option<bool>,
    /// Whether pushes to other branches, and pull requests, get a site of their own.
    previews: Option<bool>,
    variables: Option<Vec<super::variables::NewVariableForm>>,
    /// A whole `.env`, whose variables are secrets for all builds; one in `variables` goes before it.
    #[schema(write_only)]
    env: Option<String>,
}

/// Changes; what is absent stays, `null` goes back to detection.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct ProjectChangeForm {
    /// A new name moves the site to another host.
    name: Option<String>,
    /// Another repository, or the first one. The access token does not follow to another host.
    repo_url: Option<String>,
    branch: Option<String>,
    /// Replaces the access token; `null` removes it.
    #[schema(write_only)]
    repo_token: Option<String>,
    /// `null`: `oauth2`.
    repo_user: Option<String>,
    root_directory: Option<String>,
    install_command: Option<String>,
    build_command: Option<String>,
    output_directory: Option<String>,
    node_version: Option<String>,
    spa_fallback: Option<bool>,
    /// Whether other branches and pull requests get sites of their own.
    previews: Option<bool>,
    /// Patterns of paths from the repository's top (`apps/web/**`): a push that changes nothing there is skipped.
    /// `null`: the root directory.
    watch: Option<Vec<String>>,
    /// Seconds, at least 60, between two looks at the branch's head, for a host that announces nothing. `null`: never.
    poll_every: Option<i64>,
    /// What visitors have to know, at once and without a new deployment. `null`: nothing.
    protection: Option<ProtectionForm>,
    /// Added, or replaced where the key is there already.
    variables: Option<Vec<super::variables::NewVariableForm>>,
}

/// A password that visitors are asked for.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct ProtectionForm {
    scope: ProtectionScope,
    /// `null`: any name will do. Absent beside an absent password: as it is.
    user: Option<String>,
    /// At least 8 characters. Only a hash is kept. Absent: the one that it has.
    #[schema(write_only)]
    password: Option<String>,
}

/// A project that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectedBody {
    project: ProjectBody,
    /// Its first build, of the branch's newest commit; `null`: it has no repository.
    build: Option<BuildBody>,
    /// Why pushes are not announced, if they are not.
    note: Option<&'static str>,
}

/// A project whose settings were changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangedBody {
    #[serde(flatten)]
    project: ProjectBody,
    /// Why pushes to its new repository are not announced, if they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    note: Option<&'static str>,
}

/// A name somebody is typing.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NameQuery {
    /// The wanted name.
    name: String,
}

/// Whether a name can be had.
#[derive(Serialize, ToSchema)]
pub(crate) struct NameAnswer {
    available: bool,
    /// The address it would have.
    url: Option<String>,
    /// Why not.
    reason: Option<String>,
    /// The same for programs.
    code: Option<InputCode>,
}

async fn body_of(api: &Api, caller: &Caller, project: Project) -> Result<ProjectBody, ApiError> {
    Ok(ProjectBody::of(api, api.store.project_summary(caller.access(), project).await?))
}

/// Which projects.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProjectsQuery {
    /// At most 500; 100 if absent.
    limit: Option<u32>,
    /// Only what is older than this id.
    before: Option<i64>,
    /// Only those with this in their name or in their repository's address.
    q: Option<String>,
}

/// The caller's projects, newest first. If there are as many as `limit`, there may be more `before` the last one.
#[utoipa::path(get, path = "/api/v1/projects", tag = "projects", params(ProjectsQuery), responses(
    (status = 200, body = Vec<ProjectSummaryBody>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<ProjectsQuery>,
) -> Result<Json<Vec<ProjectSummaryBody>>, ApiError> {
    let page = ProjectPage {
        limit: query.limit.unwrap_or(100).clamp(1, 500),
        before: query.before.map(ProjectId),
        part: query.q,
    };
    let projects = api.store.project_summaries(caller.access(), &page).await?;
    Ok(Json(projects.into_iter().map(|project| ProjectSummaryBody::of(&api, project)).collect()))
}

/// Make a project. With a repository, registers a webhook if it is at GitHub, and queues a build of the branch's newest
/// commit; without one it waits for a folder.
#[utoipa::path(post, path = "/api/v1/projects", tag = "projects", request_body = NewProjectForm, responses(
    (status = 201, body = ConnectedBody),
    (status = 401, body = ErrorBody),
    (status = 403, description = "GitHub is not connected, or does not allow a webhook", body = ErrorBody),
    (status = 422, description = "Every field that is wrong, or a name that is taken", body = ErrorBody),
    (status = 502, description = "GitHub does not answer", body = ErrorBody),
))]
pub(crate) async fn create(State(api): State<Api>, caller: Caller, mut form: Form) -> Result<Response, ApiError> {
    let (new, secrets) = projects::read_new(&api, &mut form)?;
    let connected = projects::connect(&api, &caller, new, secrets).await?;
    let body = ConnectedBody {
        project: body_of(&api, &caller, connected.project).await?,
        build: connected.build.map(|build| BuildBody::of(&api.config, build)),
        note: connected.note,
    };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Whether a name can be had. Creating the project decides; this is for people who are typing.
#[utoipa::path(get, path = "/api/v1/projects/name-available", tag = "projects", params(NameQuery), responses(
    (status = 200, body = NameAnswer), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
))]
pub(crate) async fn name_available(
    State(api): State<Api>,
    _: Caller,
    Params(query): Params<NameQuery>,
) -> Result<Json<NameAnswer>, ApiError> {
    let no = |problem: InvalidInput| {
        let InvalidInput { message, code, .. } = problem;
        NameAnswer { available: false, url: None, reason: Some(message), code }
    };
    let name = match ProjectName::parse(&query.name, &api.config.all_reserved_names()) {
        Ok(name) => name,
        Err(problem) => return Ok(Json(no(problem))),
    };
    let host = api.config.site_host(name.as_str());
    Ok(Json(match api.store.route(&host).await? {
        Some(_) => {
            let taken = InvalidInput::new("name", format!("the name {name} is taken; choose another"));
            no(taken.coded(InputCode::NameTaken))
        }
        None => NameAnswer { available: true, url: Some(api.config.site_url(&host)), reason: None, code: None },
    }))
}

/// One project.
#[utoipa::path(get, path = "/api/v1/projects/{id}", tag = "projects", params(("id" = i64, Path)), responses(
    (status = 200, body = ProjectBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<ProjectBody>, ApiError> {
    let project = api.store.project(caller.access(), ProjectId(id)).await?;
    Ok(Json(body_of(&api, &caller, project).await?))
}

/// One project, by its name.
#[utoipa::path(get, path = "/api/v1/projects/named/{name}", tag = "projects", params(("name" = String, Path)), responses(
    (status = 200, body = ProjectBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn read_named(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<ProjectBody>, ApiError> {
    let name = ProjectName::stored(&name).map_err(|_| StoreError::NotFound)?;
    let project = api.store.project_named(caller.access(), &name).await?;
    Ok(Json(body_of(&api, &caller, project).await?))
}

/// Change settings. They hold from the next build on; a new name moves the site at once.
#[utoipa::path(patch, path = "/api/v1/projects/{id}", tag = "projects", params(("id" = i64, Path)),
    request_body = ProjectChangeForm, responses(
    (status = 200, body = ChangedBody), (status = 401, body = ErrorBody),
    (status = 403, description = "Another repository's GitHub does not allow a webhook", body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 422, body = ErrorBody),
    (status = 502, description = "GitHub does not answer", body = ErrorBody),
))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    mut form: Form,
) -> Result<Json<ChangedBody>, ApiError> {
    let project = api.store.project(caller.access(), ProjectId(id)).await?;
    let protection = projects::read_protection(&mut form, &project);
    let (mut change, variables) = projects::read_change(&api, &mut form, &project)?;
    change.protection = match protection.into_change() {
        Some(Some(new)) => Some(Some(new.hash(&api.hashing).await?)),
        Some(None) => Some(None),
        None => None,
    };
    let (project, note) = projects::change(&api, &caller, &project, change, variables).await?;
    Ok(Json(ChangedBody { project: body_of(&api, &caller, project).await?, note }))
}

/// Delete a project with its builds, deployments, files, images and, if it was the repository's last, its webhook.
#[utoipa::path(delete, path = "/api/v1/projects/{id}", tag = "projects", params(("id" = i64, Path)), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<StatusCode, ApiError> {
    projects::remove(&api, &caller, ProjectId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
