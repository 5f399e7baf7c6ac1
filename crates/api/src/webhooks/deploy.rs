//! Deploy hooks: whoever knows the address queues a build of its branch's newest commit. What is sent along is not read.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use berth_secrets::token_hash;
use berth_store::{Called, Means};
use http::StatusCode;
use http::header::RETRY_AFTER;
use serde_json::json;

use super::judge::hosts;
use crate::Api;
use crate::audit;
use crate::error::{ApiError, ErrorCode};
use crate::legacy::BuildBody;

/// Where deploy hooks are called.
pub(crate) const DEPLOY_HOOK_PATH: &str = "/api/deploy-hooks/{token}";

/// Calls a deploy hook.
pub(crate) async fn call(State(api): State<Api>, Path(token): Path<String>) -> Result<Response, ApiError> {
    let Some((hook, project)) = api.store.deploy_hook_of(&token_hash(&token)).await? else {
        return Err(ApiError::not_found("deploy hook; it may have been deleted"));
    };
    api.throttle.admit_call(hook.id).map_err(|wait| {
        let message =
            "this deploy hook is called too often; a build is queued at most 60 times in a quarter of an hour";
        let seconds = wait.as_secs().max(1);
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, message)
            .with_header(RETRY_AFTER, seconds.into())
    })?;
    audit::is_of(None, Means::DeployHook(hook.id, hook.name.clone()));
    let branch = hook.branch.as_ref().unwrap_or(&project.branch);
    Ok(match api.store.call_deploy_hook(hook.id, hosts(&api, &project, branch)).await? {
        Called::Queued(build) => told(StatusCode::CREATED, "Build queued", BuildBody::of(build)),
        Called::Waits(build) => told(StatusCode::OK, "A build waits already", BuildBody::of(build)),
        Called::Refused(why) => return Err(ApiError::conflict(ErrorCode::NoPreview, why.sentence)),
        Called::NoPreviews => {
            let message = format!("{branch} is not the branch that goes live, and the project has no previews");
            return Err(ApiError::conflict(ErrorCode::PreviewsOff, message));
        }
    })
}

fn told(status: StatusCode, message: &str, build: BuildBody) -> Response {
    (status, Json(json!({"message": message, "build": build}))).into_response()
}
