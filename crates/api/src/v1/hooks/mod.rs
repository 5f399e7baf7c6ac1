//! The hooks that announce a project's pushes: its [`own`] one, which any git host can be given, and the one that its
//! repository has at [`github`].

mod github;
mod own;

use axum::Json;
use axum::extract::State;
use berth_model::ProjectId;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::Id;
use github::GithubHookBody;
pub(crate) use github::{__path_repair, repair};
use own::{MadeHookBody, OwnHookBody};

/// How a project's pushes are announced.
#[derive(Serialize, ToSchema)]
pub(crate) struct HookBody {
    own: OwnHookBody,
    /// `null`: the repository is not at GitHub.
    github: Option<GithubHookBody>,
}

/// What became of a delivery that Berth sent itself.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestBody {
    /// Whether it arrived and was believed; of GitHub's, whether GitHub took the wish for it.
    pub(super) delivered: bool,
    /// What came back; `null`: nothing did.
    pub(super) status: Option<u16>,
    pub(super) took_ms: u64,
    /// What happened and, if it did not arrive, what to check.
    pub(super) message: String,
}

/// How the project's pushes are announced.
#[utoipa::path(get, path = "/api/v1/projects/{id}/hook", tag = "hooks", params(("id" = i64, Path)), responses(
    (status = 200, body = HookBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<HookBody>, ApiError> {
    let project = api.store.project(caller.access(), ProjectId(id)).await?;
    let (own, github) = (own::read(&api, project.id).await?, github::read(&api, &project).await?);
    Ok(Json(HookBody { own, github }))
}

/// Give the project a hook of its own, or replace its secret. The secret is shown this once.
#[utoipa::path(put, path = "/api/v1/projects/{id}/hook", tag = "hooks", params(("id" = i64, Path)), responses(
    (status = 200, body = MadeHookBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn make(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<MadeHookBody>, ApiError> {
    own::make(&api, &caller, ProjectId(id)).await.map(Json)
}

/// Take the project's own hook away: nothing is believed there from here on.
#[utoipa::path(delete, path = "/api/v1/projects/{id}/hook", tag = "hooks", params(("id" = i64, Path)), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn remove(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<StatusCode, ApiError> {
    api.store.set_hook_secret(caller.access(), ProjectId(id), None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try the project's own hook: Berth sends itself a signed ping at its public address, as a git host would. Without one,
/// GitHub is asked for a ping of the repository's hook. Either appears among the deliveries.
#[utoipa::path(post, path = "/api/v1/projects/{id}/hook/test", tag = "hooks", params(("id" = i64, Path)), responses(
    (status = 200, description = "What happened", body = TestBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "The project has no hook", body = ErrorBody),
))]
pub(crate) async fn test(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<TestBody>, ApiError> {
    let project = api.store.project(caller.access(), ProjectId(id)).await?;
    let has_own = api.store.hook_secret(project.id).await?.is_some();
    let by_github = !has_own && project.webhook_id.is_some();
    let tested = if by_github { github::test(&api, &caller, &project).await } else { own::test(&api, &project).await };
    tested.map(Json)
}
