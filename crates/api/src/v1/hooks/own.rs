//! A project's own hook: its address, its secret, and whether it can be reached.

use std::time::Duration;

use berth_model::words::Seconds;
use berth_model::{ProjectId, RepoUrl};
use berth_secrets::token;
use berth_store::Project;
use http::StatusCode;
use http::header::{CONTENT_TYPE, USER_AGENT};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::TestBody;
use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorCode};
use crate::webhooks::{OWN_HOOK_PATH, sign};

/// What git hosts wait for, or less.
const TEST_WITHIN: Duration = Duration::from_secs(10);

/// A project's own hook.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnHookBody {
    /// Where a git host sends its deliveries.
    url: String,
    /// Whether there is a secret that they can be signed with; without one nothing is believed.
    enabled: bool,
}

/// A hook that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeHookBody {
    /// Where a git host sends its deliveries.
    url: String,
    /// What it signs them with; at GitLab, the secret token. Shown this once.
    secret: String,
}

fn url_of(api: &Api, project: ProjectId) -> String {
    api.config.hook_url(&OWN_HOOK_PATH.replace("{id}", &project.to_string()))
}

/// The hook as it stands.
pub(super) async fn read(api: &Api, project: ProjectId) -> Result<OwnHookBody, ApiError> {
    let enabled = api.store.hook_secret(project).await?.is_some();
    Ok(OwnHookBody { url: url_of(api, project), enabled })
}

/// Makes the hook, or another secret for it.
pub(super) async fn make(api: &Api, caller: &Caller, project: ProjectId) -> Result<MadeHookBody, ApiError> {
    let secret = token();
    let sealed = api.keys.seal_hook_secret(project, secret.expose());
    api.store.set_hook_secret(caller.access(), project, Some(&sealed)).await?;
    Ok(MadeHookBody { url: url_of(api, project), secret: secret.expose().to_owned() })
}

/// Sends a signed ping to the address that a git host would use.
pub(super) async fn test(api: &Api, project: &Project) -> Result<TestBody, ApiError> {
    let Some(sealed) = api.store.hook_secret(project.id).await? else {
        return Err(ApiError::conflict(ErrorCode::NoHook, "the project has no hook of its own yet; make one first"));
    };
    let secret = api.keys.open_hook_secret(project.id, &sealed).map_err(|_| {
        let message = "the hook's secret cannot be opened with the keys of this Berth; make a new one";
        ApiError::conflict(ErrorCode::Conflict, message)
    })?;
    let body = ping(project.source()?).to_string();
    let signature = sign(body.as_bytes(), &secret).unwrap_or_default();
    let url = url_of(api, project.id);
    let request = api
        .http
        .post(&url)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, "Berth")
        .header("x-github-event", "ping")
        .header("x-github-delivery", token().expose())
        .header("x-hub-signature-256", signature)
        .timeout(TEST_WITHIN)
        .body(body);
    let started = api.store.clock().now();
    let answer = request.send().await;
    let took_ms = u64::try_from(api.store.clock().now().since(started).as_millis()).unwrap_or(u64::MAX);
    let (status, message) = match answer {
        Ok(answer) => (Some(answer.status()), what_came_back(answer.status(), &url)),
        Err(error) if error.is_timeout() => {
            (None, format!("{url} did not answer within {}; {CHECK}", Seconds(TEST_WITHIN)))
        }
        Err(_) => (None, format!("{url} cannot be reached from this machine; {CHECK}")),
    };
    let delivered = status == Some(StatusCode::OK);
    Ok(TestBody { delivered, status: status.map(|status| status.as_u16()), took_ms, message })
}

const CHECK: &str = "ask the operator whether BERTH_PUBLIC_URL is where people reach this Berth";

fn what_came_back(status: StatusCode, url: &str) -> String {
    if status == StatusCode::OK {
        return "the delivery arrived at the public address, and its signature was believed".to_owned();
    }
    if status.is_redirection() {
        return format!("{url} redirects elsewhere, which git hosts do not follow; {CHECK}");
    }
    format!("{url} answered {}, so something in front of Berth may have answered; {CHECK}", status.as_u16())
}

/// What GitHub sends when a hook is made, as far as it is read.
fn ping(address: &RepoUrl) -> serde_json::Value {
    let key = address.key();
    let full_name = key.as_str().split_once('/').map_or("", |(_, path)| path);
    json!({"zen": "A test delivery of Berth's.", "repository": {"full_name": full_name}})
}
