//! Variables of a project. Values go in and never come out.

use axum::Json;
use axum::extract::State;
use berth_model::{ProjectId, VariableId, VariableKind, VariableScope};
use http::StatusCode;
use utoipa::ToSchema;

use super::bodies::VariableBody;
use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::{Form, Id};
use crate::projects;

/// A variable to be set.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct NewVariableForm {
    /// Its name in the environment.
    key: String,
    /// At most 64 KiB, without NUL.
    value: String,
    /// Absent: `secret`, which is masked in logs, refused in releases, and never given to builds of forks.
    kind: Option<VariableKind>,
    /// Which builds get it; absent: `both`. One for its environment goes before one for both.
    scope: Option<VariableScope>,
}

/// Variables to be set.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct VariablesForm {
    variables: Vec<NewVariableForm>,
}

/// The variables of a project, without their values.
#[utoipa::path(get, path = "/api/v1/projects/{id}/variables", tag = "variables", params(("id" = i64, Path)), responses(
    (status = 200, body = Vec<VariableBody>), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Vec<VariableBody>>, ApiError> {
    let variables = api.store.variables(caller.access(), ProjectId(id)).await?;
    Ok(Json(variables.into_iter().map(VariableBody::of).collect()))
}

/// Set variables; one with the same key and scope is replaced. They hold from the next build on.
#[utoipa::path(put, path = "/api/v1/projects/{id}/variables", tag = "variables", params(("id" = i64, Path)),
    request_body = VariablesForm, responses(
    (status = 200, body = Vec<VariableBody>), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 422, body = ErrorBody),
))]
pub(crate) async fn put(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    mut form: Form,
) -> Result<Json<Vec<VariableBody>>, ApiError> {
    let project = ProjectId(id);
    api.store.project(caller.access(), project).await?;
    if !form.has("variables") {
        form.problem("variables", "this field is needed");
    }
    let variables = projects::read_variables(&mut form, "variables");
    form.check()?;
    api.store.put_variables(caller.access(), project, projects::seal(&api, project, variables)).await?;
    list(State(api), caller, Id(id)).await
}

/// Remove a variable.
#[utoipa::path(delete, path = "/api/v1/variables/{id}", tag = "variables", params(("id" = i64, Path)), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<StatusCode, ApiError> {
    api.store.delete_variable(caller.access(), VariableId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
