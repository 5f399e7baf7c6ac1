//! Variables of a project. Values go in and never come out.

use axum::Json;
use axum::extract::State;
use berth_model::{InputCode, InvalidInput, ProjectId, Variable, VariableId, VariableKey, VariableKind, VariableScope};
use berth_secrets::Sealed;
use berth_store::{StoreError, VariableChange};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies::VariableBody;
use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::{Form, Id};
use crate::projects::{self, Import, ImportedLine, RefusedLine};

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
        form.needed("variables");
    }
    let variables = projects::read_variables(&mut form, "variables");
    form.check()?;
    api.store.put_variables(caller.access(), project, projects::seal(&api, project, variables)).await?;
    list(State(api), caller, Id(id)).await
}

/// What is to change of a variable; what is absent stays, and so does its value.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct VariableChangeForm {
    /// Another name.
    key: Option<String>,
    /// A secret that becomes plain is masked and kept from forks no longer.
    kind: Option<VariableKind>,
    /// Which builds get it.
    scope: Option<VariableScope>,
}

/// Rename a variable, or change its kind or scope. Nobody has to know its value. It holds from the next build on.
#[utoipa::path(patch, path = "/api/v1/variables/{id}", tag = "variables", params(("id" = i64, Path)),
    request_body = VariableChangeForm, responses(
    (status = 200, body = VariableBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 422, description = "A field is wrong, or another variable has that name and scope", body = ErrorBody),
))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    mut form: Form,
) -> Result<Json<VariableBody>, ApiError> {
    let change = VariableChange {
        key: form.optional("key", VariableKey::parse).into_option(),
        kind: form.optional("kind", projects::kind_of_variable).into_option(),
        scope: form.optional("scope", projects::scope_of_variable).into_option(),
    };
    form.check()?;
    let reseal = |before: &Variable, key: &VariableKey, value: &Sealed| {
        let value = api.keys.open(before.project_id, before.key.as_str(), value)?;
        Ok(api.keys.seal(before.project_id, key.as_str(), value.expose()))
    };
    match api.store.change_variable(caller.access(), VariableId(id), change, reseal).await {
        Ok(variable) => Ok(Json(VariableBody::of(variable))),
        Err(StoreError::NameTaken) => {
            let message = "another variable has this name and scope; change that one, or remove it first";
            form.coded_problem("key", InputCode::KeyTaken, message);
            Err(form.refusal())
        }
        Err(error) => Err(error.into()),
    }
}

/// A `.env` that is to be taken over.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct ImportForm {
    /// The whole file.
    #[schema(write_only)]
    text: String,
    /// Of all its variables; absent: `secret`.
    kind: Option<VariableKind>,
    /// Of all its variables; absent: `both`.
    scope: Option<VariableScope>,
    /// Whether only to say what would happen.
    dry_run: Option<bool>,
}

/// A `.env` that is looked at before there is a project.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct EnvFileForm {
    /// The whole file.
    #[schema(write_only)]
    text: String,
}

/// What a `.env` sets, line by line, without values.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportBody {
    /// Whether it was set: all of it.
    set: bool,
    variables: Vec<ImportedBody>,
    /// Lines that cannot be taken; while there are any, nothing is set.
    refused: Vec<RefusedBody>,
}

/// A line that sets a variable.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportedBody {
    /// From 1.
    line: usize,
    key: String,
    /// Whether it takes the place of one with the same key and scope.
    replaces: bool,
    /// What may not be meant: a `#` that cuts the value off.
    note: Option<&'static str>,
}

/// A line that cannot be taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefusedBody {
    /// From 1.
    line: usize,
    /// The name that it gives, if it gives one.
    key: Option<String>,
    reason: String,
}

impl ImportBody {
    fn of(import: &Import, there: &[Variable], set: bool) -> Self {
        let variable = |line: &ImportedLine| ImportedBody {
            line: line.number,
            key: line.variable.key.to_string(),
            replaces: line.replaces(there),
            note: line.note,
        };
        let refused =
            |line: &RefusedLine| RefusedBody { line: line.number, key: line.key.clone(), reason: line.reason.clone() };
        Self {
            set,
            variables: import.lines.iter().map(variable).collect(),
            refused: import.refused.iter().map(refused).collect(),
        }
    }
}

/// Set all variables of a `.env`, or none if a line of it cannot be taken. With `dryRun` nothing is set either way, and
/// the answer says what would be.
#[utoipa::path(post, path = "/api/v1/projects/{id}/variables/import", tag = "variables", params(("id" = i64, Path)),
    request_body = ImportForm, responses(
    (status = 200, body = ImportBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 422, description = "Lines that cannot be taken, each as a problem of `text`", body = ErrorBody),
))]
pub(crate) async fn import(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    mut form: Form,
) -> Result<Json<ImportBody>, ApiError> {
    let project = ProjectId(id);
    let there = api.store.variables(caller.access(), project).await?;
    let kind = form.optional("kind", projects::kind_of_variable).into_option().unwrap_or_default();
    let scope = form.optional("scope", projects::scope_of_variable).into_option().unwrap_or_default();
    let is_dry = form.flag("dryRun").into_option().unwrap_or_default();
    let import = projects::read_import(&mut form, "text", kind, scope);
    form.check()?;
    let body = ImportBody::of(&import, &there, !is_dry);
    if is_dry {
        return Ok(Json(body));
    }
    if !import.refused.is_empty() {
        return Err(ApiError::invalid(import.problems("text")));
    }
    let sealed = projects::seal(&api, project, import.into_variables());
    api.store.put_variables(caller.access(), project, sealed).await?;
    Ok(Json(body))
}

/// Which variables are to be copied.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct CopyForm {
    /// The project that has them: another one of yours.
    from: i64,
    /// Their ids, as that project's list tells them.
    variables: Vec<i64>,
}

/// Copy variables of another project, with their values, kinds and scopes; one with the same key and scope is replaced.
/// Nobody has to know the values, and nobody is told them.
#[utoipa::path(post, path = "/api/v1/projects/{id}/variables/copy", tag = "variables", params(("id" = i64, Path)),
    request_body = CopyForm, responses(
    (status = 200, description = "The variables that the project has now", body = Vec<VariableBody>),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "Values of these keys cannot be opened; nothing was copied", body = ErrorBody),
    (status = 422, body = ErrorBody),
))]
pub(crate) async fn copy(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    mut form: Form,
) -> Result<Json<Vec<VariableBody>>, ApiError> {
    let project = ProjectId(id);
    api.store.project(caller.access(), project).await?;
    let from = form.number("from", |from| match ProjectId(from) {
        from if from == project => Err(InvalidInput::new("from", "this is the project itself; name another one")),
        from => Ok(from),
    });
    let from = from.into_option();
    if from.is_none() && !form.has_problem_with("from") {
        form.needed("from");
    }
    let wanted: Vec<VariableId> = form.numbers("variables").into_iter().map(VariableId).collect();
    if wanted.len() > projects::MOST_VARIABLES {
        form.problem("variables", format!("at most {} variables at once", projects::MOST_VARIABLES));
    }
    form.check()?;
    let Some(from) = from else { return Err(form.refusal()) };
    let reseal = |variable: &Variable, value: &Sealed| {
        let value = api.keys.open(from, variable.key.as_str(), value)?;
        Ok(api.keys.seal(project, variable.key.as_str(), value.expose()))
    };
    match api.store.copy_variables(caller.access(), from, project, &wanted, reseal).await {
        Ok(()) => list(State(api), caller, Id(id)).await,
        Err(StoreError::NotFound | StoreError::Forbidden) => {
            Err(ApiError::not_found("project, or no such variable in it; read its list again"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Look at a `.env` before there is a project: what it would set, and which lines cannot be taken. Nothing is kept.
#[utoipa::path(post, path = "/api/v1/variables/preview", tag = "variables", request_body = EnvFileForm, responses(
    (status = 200, body = ImportBody), (status = 401, body = ErrorBody), (status = 422, body = ErrorBody),
))]
pub(crate) async fn preview(_: Caller, mut form: Form) -> Result<Json<ImportBody>, ApiError> {
    let import = projects::read_import(&mut form, "text", VariableKind::default(), VariableScope::default());
    form.check()?;
    Ok(Json(ImportBody::of(&import, &[], false)))
}

/// Remove a variable.
#[utoipa::path(delete, path = "/api/v1/variables/{id}", tag = "variables", params(("id" = i64, Path)), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<StatusCode, ApiError> {
    api.store.delete_variable(caller.access(), VariableId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
