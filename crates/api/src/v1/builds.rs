//! Builds and their logs.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_model::{Access, BranchName, BuildId, BuildStatus, Environment, ProjectId, Trigger};
use berth_store::{Build, CancelOutcome, Filter, NewBuild, StoreError};
use bytes::Bytes;
use futures_util::stream;
use http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

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
    /// At most 20,000; 1,000 if absent.
    limit: Option<usize>,
    /// `text`: the whole log from there on as a file, as with `Accept: text/plain`.
    #[param(inline)]
    format: Option<LogFormat>,
}

/// How a log is sent.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum LogFormat {
    Json,
    Text,
}

/// Lines that are read at once for a file.
const LINES_AT_ONCE: usize = 5_000;

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

/// The log of a build after a line: how a client catches up, whatever its socket missed. As text it is a file to keep,
/// whose lines are as they were printed, colours included.
#[utoipa::path(get, path = "/api/v1/builds/{id}/log", tag = "builds", params(("id" = i64, Path), LogQuery), responses(
    (status = 200, body = LogBody), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn log(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Params(query): Params<LogQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    // Asked before the lines are: a build that ends in between is told to be complete the next time.
    let build = api.store.build(caller.access(), BuildId(id)).await?;
    let after = query.after.unwrap_or(0);
    let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if query.format == Some(LogFormat::Text) || (query.format.is_none() && accepted.starts_with("text/plain")) {
        return file(api, caller.access(), &build, after).await;
    }
    let limit = query.limit.unwrap_or(1_000).clamp(1, 20_000);
    let lines = api.store.log_after(caller.access(), build.id, after, limit).await?;
    let next = lines.last().map_or(after, |line| line.number);
    let complete = build.status.is_final() && next >= api.store.last_line(build.id).await?;
    Ok(Json(LogBody { lines, next, complete }).into_response())
}

/// A log as a file, a part at a time: it never lies in memory as a whole. A database that goes away breaks it off.
async fn file(api: Api, access: Access, build: &Build, after: i64) -> Result<Response, ApiError> {
    let project = api.store.project(access, build.project).await?;
    let name = format!("attachment; filename=\"{}-build-{}.log\"", project.name, build.id);
    let id = build.id;
    let parts = stream::try_unfold(after, move |after| {
        let store = api.store.clone();
        async move {
            let lines = store.log_after(access, id, after, LINES_AT_ONCE).await?;
            let Some(last) = lines.last() else { return Ok::<_, StoreError>(None) };
            let (next, mut text) = (last.number, String::new());
            for line in &lines {
                text.push_str(&line.text);
                text.push('\n');
            }
            Ok(Some((Bytes::from(text), next)))
        }
    });
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(parts)).into_response())
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
