//! The hook that a project's repository has at GitHub, as its owner sees it.

use axum::Json;
use axum::extract::State;
use berth_github::{GithubError, HookState};
use berth_model::ProjectId;
use berth_store::Project;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::super::bodies::words;
use super::TestBody;
use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody, ErrorCode};
use crate::input::Id;
use crate::projects::{github_token, over_github};

/// A repository's hook at GitHub, which its projects share.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GithubHookBody {
    /// GitHub's number for it.
    hook_id: Option<i64>,
    /// `ok`, `lost` (GitHub has no such hook), `altered` (somebody changed it), `refused` (GitHub does not let us look, or
    /// does not answer) or `unannounced` (there never was one).
    #[schema(schema_with = states)]
    state: &'static str,
    /// What is wrong, if something is.
    problem: Option<String>,
}

fn states() -> Object {
    words(HookState::WORDS)
}

impl GithubHookBody {
    fn of(project: &Project, state: &HookState) -> Self {
        Self { hook_id: project.webhook_id, state: state.as_str(), problem: state.problem().map(str::to_owned) }
    }
}

/// How it stands at this moment; `None`: the repository is not at GitHub.
pub(super) async fn read(api: &Api, project: &Project) -> Result<Option<GithubHookBody>, ApiError> {
    if api.config.github.is_none() {
        return Ok(None);
    }
    let state = api.hooks.look(project).await?;
    Ok(state.map(|state| GithubHookBody::of(project, &state)))
}

/// Has GitHub deliver a ping. It comes in a moment later, so that nothing is known of it yet.
pub(super) async fn test(api: &Api, caller: &Caller, project: &Project) -> Result<TestBody, ApiError> {
    let repository = project.repository_under(&api.config.github_url);
    let (Some(hook), Some((owner, name))) = (project.webhook_id, repository) else {
        return Err(ApiError::conflict(ErrorCode::NoHook, "no webhook is registered at GitHub for this project"));
    };
    let started = api.store.clock().now();
    let ping = async {
        let token = github_token(api, caller).await?;
        api.github.ping_hook(&token, (&owner, &name), hook).await.map_err(ApiError::from)
    };
    over_github(api, caller, ping).await?;
    let took_ms = u64::try_from(api.store.clock().now().since(started).as_millis()).unwrap_or(u64::MAX);
    let message = "GitHub was asked for a ping; it appears among the deliveries when it arrives".to_owned();
    Ok(TestBody { delivered: true, status: None, took_ms, message })
}

/// Make the hook at GitHub what it should be, registering it anew if it is gone. Berth does so by itself every hour.
#[utoipa::path(post, path = "/api/v1/projects/{id}/hook/repair", tag = "hooks", params(("id" = i64, Path)), responses(
    (status = 200, description = "How it stands now", body = GithubHookBody), (status = 401, body = ErrorBody),
    (status = 403, description = "GitHub is not connected, or has to be connected again", body = ErrorBody),
    (status = 404, body = ErrorBody),
    (status = 409, description = "The repository is not at GitHub", body = ErrorBody),
))]
pub(crate) async fn repair(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<GithubHookBody>, ApiError> {
    let project = api.store.project(caller.access(), ProjectId(id)).await?;
    if api.config.github.is_none() || project.repository_under(&api.config.github_url).is_none() {
        let message = "the repository is not at GitHub; a hook of the project's own announces its pushes";
        return Err(ApiError::conflict(ErrorCode::NotAtGithub, message));
    }
    github_token(&api, &caller).await?;
    let state = api.hooks.mend(&project).await?;
    api.store.record_repaired_hook(project.id).await?;
    if state != HookState::Ok {
        let user = api.store.user(caller.user.id).await?;
        if user.is_some_and(|user| user.github_refused_at.is_some()) {
            return Err(GithubError::TokenRefused.into());
        }
    }
    let project = api.store.project(caller.access(), project.id).await?;
    Ok(Json(GithubHookBody::of(&project, &state)))
}
