//! Builds and their logs.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_model::{BranchName, BuildId, BuildStatus, Environment, ProjectId, Trigger};
use berth_store::{CancelOutcome, Filter, NewBuild};
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::bodies::{BuildBody, BuildSummaryBody, LogBody};
use super::page::rows;
use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody, ErrorCode};
use crate::input::{Id, Params};

/// A part of a log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// Only lines after this one; all if absent.
    after: Option<i64>,
    /// At most 5,000; 1,000 if absent.
    limit: Option<usize>,
}

/// Which builds.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BuildsQuery {
    /// At most 100; 20 if absent.
    limit: Option<u32>,
    /// Only what is older than this id.
    before: Option<i64>,
    /// Only of this branch.
    branch: Option<String>,
    /// Only for this environment.
    environment: Option<Environment>,
    /// Only those that stand here.
    status: Option<BuildStatus>,
}

/// The builds of a project, newest first, without their plans.
#[utoipa::path(get, path = "/api/v1/projects/{id}/builds", tag = "builds", params(("id" = i64, Path), BuildsQuery),
    responses((status = 200, body = Vec<BuildSummaryBody>), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Params(query): Params<BuildsQuery>,
) -> Result<Json<Vec<BuildSummaryBody>>, ApiError> {
    let branch = query.branch.as_deref().map(BranchName::parse).transpose()?;
    let filter = Filter { branch, environment: query.environment, status: query.status };
    let before = query.before.map(BuildId);
    let builds = api.store.builds_like(caller.access(), ProjectId(id), rows(query.limit), before, &filter).await?;
    Ok(Json(builds.into_iter().map(|build| BuildSummaryBody::of(&api.config, build)).collect()))
}

/// Build the newest commit of the project's branch.
#[utoipa::path(post, path = "/api/v1/projects/{id}/builds", tag = "builds", params(("id" = i64, Path)), responses(
    (status = 201, body = BuildBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn create(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Response, ApiError> {
    let project = api.store.project(caller.access(), ProjectId(id)).await?;
    let new = NewBuild::production(project.id, Trigger::Rebuild, project.branch, None);
    let build = api.store.enqueue(new).await?;
    Ok((StatusCode::CREATED, Json(BuildBody::of(&api.config, build))).into_response())
}

/// One build: its plan, its steps, and why it failed.
#[utoipa::path(get, path = "/api/v1/builds/{id}", tag = "builds", params(("id" = i64, Path)), responses(
    (status = 200, body = BuildBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<BuildBody>, ApiError> {
    Ok(Json(BuildBody::of(&api.config, api.store.build(caller.access(), BuildId(id)).await?)))
}

/// The log of a build after a line: how a client catches up, whatever its socket missed.
#[utoipa::path(get, path = "/api/v1/builds/{id}/log", tag = "builds", params(("id" = i64, Path), LogQuery), responses(
    (status = 200, body = LogBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn log(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Params(query): Params<LogQuery>,
) -> Result<Json<LogBody>, ApiError> {
    let id = BuildId(id);
    // Asked before the lines are: a build that ends in between is told to be complete the next time.
    let ended = api.store.build(caller.access(), id).await?.status.is_final();
    let after = query.after.unwrap_or(0);
    let lines = api.store.log_after(caller.access(), id, after, query.limit.unwrap_or(1_000).clamp(1, 5_000)).await?;
    let next = lines.last().map_or(after, |line| line.number);
    let complete = ended && next >= api.store.last_line(id).await?;
    Ok(Json(LogBody { lines, next, complete }))
}

/// Let a held build run: one of a commit from somebody's fork, which nobody has looked at yet.
#[utoipa::path(post, path = "/api/v1/builds/{id}/approve", tag = "builds", params(("id" = i64, Path)), responses(
    (status = 200, body = BuildBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "It does not wait for an approval", body = ErrorBody),
))]
pub(crate) async fn approve(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<BuildBody>, ApiError> {
    Ok(Json(BuildBody::of(&api.config, api.store.approve_build(caller.access(), BuildId(id)).await?)))
}

/// Stop a build. One that waits or is held is canceled at once, and one that passed a moment ago does not go live; one
/// that runs is asked to stop, and its container goes.
#[utoipa::path(post, path = "/api/v1/builds/{id}/cancel", tag = "builds", params(("id" = i64, Path)), responses(
    (status = 200, description = "Canceled", body = BuildBody),
    (status = 202, description = "Asked to stop", body = BuildBody),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "It has ended already", body = ErrorBody),
))]
pub(crate) async fn cancel(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Response, ApiError> {
    let status = match api.store.request_cancel(caller.access(), BuildId(id)).await? {
        CancelOutcome::Canceled => StatusCode::OK,
        CancelOutcome::Requested => StatusCode::ACCEPTED,
        CancelOutcome::AlreadyFinished(status) => {
            return Err(ApiError::conflict(
                ErrorCode::AlreadyFinished,
                format!("the build has ended: {}", status.as_str()),
            ));
        }
    };
    let build = api.store.build(caller.access(), BuildId(id)).await?;
    Ok((status, Json(BuildBody::of(&api.config, build))).into_response())
}

/// Build the same commit again, with today's settings. A stranger's commit that nobody has approved is held again.
#[utoipa::path(post, path = "/api/v1/builds/{id}/rebuild", tag = "builds", params(("id" = i64, Path)), responses(
    (status = 201, body = BuildBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "Its preview was removed, or the branch has none", body = ErrorBody),
))]
pub(crate) async fn rebuild(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Response, ApiError> {
    let build = api.store.rebuild(caller.access(), BuildId(id)).await?;
    Ok((StatusCode::CREATED, Json(BuildBody::of(&api.config, build))).into_response())
}
