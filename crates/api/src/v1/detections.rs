//! What would be built, before there is a project.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_model::{Failure, Plan};
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies::CommitBody;
use crate::Api;
use crate::auth::{Caller, too_many};
use crate::detection::Detection;
use crate::error::{ApiError, ErrorBody};
use crate::input::Form;
use crate::projects;

/// What is to be planned: a repository, or a project with other settings.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct DetectionForm {
    /// An https address without a user; needed unless `projectId` is there. One at GitHub is opened with the caller's
    /// account.
    repo_url: Option<String>,
    /// Needed unless `projectId` is there.
    branch: Option<String>,
    /// Opens a private repository; used for this once and not kept.
    #[schema(write_only)]
    repo_token: Option<String>,
    /// The user that goes with the token.
    repo_user: Option<String>,
    /// One of the caller's: its repository, branch and access token stand in for what is not given. Its other settings
    /// do not.
    project_id: Option<i64>,
    root_directory: Option<String>,
    install_command: Option<String>,
    /// Absent: detected. Empty: nothing is built.
    build_command: Option<String>,
    output_directory: Option<String>,
    node_version: Option<String>,
}

/// What a build of the branch's newest commit would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct DetectionBody {
    commit: CommitBody,
    /// What was decided, each with its source and reason, as in a build.
    plan: Plan,
    /// Why the plan is not carried out: server applications are not run yet.
    refusal: Option<Failure>,
}

/// Look at the newest commit of a branch and say how it would be built. Nothing is kept, and no code of the repository
/// runs.
#[utoipa::path(post, path = "/api/v1/detections", tag = "detections", request_body = DetectionForm, responses(
    (status = 200, body = DetectionBody),
    (status = 401, body = ErrorBody),
    (status = 403, description = "The repository wants a token, or GitHub has to be connected again", body = ErrorBody),
    (status = 404, description = "No such repository or branch", body = ErrorBody),
    (status = 422, description = "A field is wrong, or the repository cannot be built as it is", body = ErrorBody),
    (status = 429, description = "Too many at once, or in fifteen minutes", body = ErrorBody),
    (status = 502, description = "The git host does not answer", body = ErrorBody),
    (status = 504, description = "It took longer than a minute", body = ErrorBody),
))]
pub(crate) async fn create(State(api): State<Api>, caller: Caller, mut form: Form) -> Result<Response, ApiError> {
    caller.for_whole_account()?;
    let wanted = projects::read_detection(&api, &caller, &mut form).await?;
    api.throttle.admit_detection(caller.user.id).map_err(too_many)?;
    let Detection { commit, plan, refusal } = api.detections.detect(caller.user.id, wanted, &api.stop).await?;
    Ok(Json(DetectionBody { commit: CommitBody::of(commit), plan, refusal }).into_response())
}
