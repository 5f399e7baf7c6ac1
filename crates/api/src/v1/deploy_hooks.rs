//! Deploy hooks of a project: addresses that queue a build. Where they are called is `webhooks`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_model::{BranchName, DeployHookId, InvalidInput, ProjectId};
use berth_secrets::{token, token_hash};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies::DeployHookBody;
use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::{Form, Id, text};
use crate::webhooks::DEPLOY_HOOK_PATH;

/// Bytes of a name.
const LONGEST_NAME: usize = 100;

/// A deploy hook that is to be made.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct NewDeployHookForm {
    /// What its owner calls it.
    name: String,
    /// What it builds; absent: the branch that goes live. Another one needs `previews`.
    branch: Option<String>,
}

/// A deploy hook that was just made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewDeployHookBody {
    #[serde(flatten)]
    hook: DeployHookBody,
    /// Where it is called, with POST. Shown this once: whoever knows it can call it.
    url: String,
}

/// The deploy hooks of a project, oldest first, without their addresses.
#[utoipa::path(get, path = "/api/v1/projects/{id}/deploy-hooks", tag = "deploy_hooks", params(("id" = i64, Path)), responses(
    (status = 200, body = Vec<DeployHookBody>), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Vec<DeployHookBody>>, ApiError> {
    let hooks = api.store.deploy_hooks(caller.access(), ProjectId(id)).await?;
    Ok(Json(hooks.into_iter().map(DeployHookBody::of).collect()))
}

/// Make a deploy hook. Its address is shown this once.
#[utoipa::path(post, path = "/api/v1/projects/{id}/deploy-hooks", tag = "deploy_hooks", params(("id" = i64, Path)),
    request_body = NewDeployHookForm, responses(
    (status = 201, body = NewDeployHookBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "The project has 20 already", body = ErrorBody), (status = 422, body = ErrorBody),
))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    mut form: Form,
) -> Result<Response, ApiError> {
    let name = form.required("name", name);
    let branch = form.optional("branch", branch).into_option();
    form.check()?;
    let Some(name) = name else { return Err(form.refusal()) };
    let (token, project) = (token(), ProjectId(id));
    let hash = token_hash(token.expose());
    let hook = api.store.create_deploy_hook(caller.access(), project, &name, branch.as_ref(), &hash).await?;
    let url = api.config.hook_url(&DEPLOY_HOOK_PATH.replace("{token}", token.expose()));
    Ok((StatusCode::CREATED, Json(NewDeployHookBody { hook: DeployHookBody::of(hook), url })).into_response())
}

/// Delete a deploy hook: its address leads nowhere from here on.
#[utoipa::path(delete, path = "/api/v1/deploy-hooks/{id}", tag = "deploy_hooks", params(("id" = i64, Path)), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<StatusCode, ApiError> {
    api.store.delete_deploy_hook(caller.access(), DeployHookId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Strangers' pull requests are built by approving them, not by whoever knows an address.
fn branch(given: &str) -> Result<BranchName, InvalidInput> {
    let branch = BranchName::parse(given)?;
    if branch.is_of_pull_request() {
        let message = "branches with a name like pull/7 have no preview: pull requests from forks have it";
        return Err(InvalidInput::new("branch", message));
    }
    Ok(branch)
}

fn name(given: &str) -> Result<String, InvalidInput> {
    let name = text("name", given.trim(), LONGEST_NAME)?;
    if name.is_empty() { Err(InvalidInput::new("name", "a deploy hook has a name")) } else { Ok(name) }
}
