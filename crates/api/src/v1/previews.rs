//! Previews of a project: branches and pull requests with a site of their own.

use axum::Json;
use axum::extract::State;
use berth_model::{Environment, PreviewId, ProjectId};
use http::StatusCode;

use super::bodies::PreviewBody;
use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::Id;

/// The previews of a project, the one pushed to last first.
#[utoipa::path(get, path = "/api/v1/projects/{id}/previews", tag = "previews", params(("id" = i64, Path)), responses(
    (status = 200, body = Vec<PreviewBody>), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Vec<PreviewBody>>, ApiError> {
    let mut previews = Vec::new();
    for preview in api.store.previews_of(caller.access(), ProjectId(id)).await? {
        let latest = api.store.newest_build(preview.project, Environment::Preview, &preview.branch).await?;
        let live = api.store.live_in_preview(preview.project, &preview.branch).await?;
        previews.push(PreviewBody::of(&api.config, preview, latest, live));
    }
    Ok(Json(previews))
}

/// Remove a preview: its builds stop, and its site goes with every deployment of it. The next push to its branch opens
/// it again.
#[utoipa::path(delete, path = "/api/v1/previews/{id}", tag = "previews", params(("id" = i64, Path)), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn remove(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<StatusCode, ApiError> {
    api.store.remove_preview(caller.access(), PreviewId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
