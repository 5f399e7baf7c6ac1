//! The hook that announces pushes: one per repository at GitHub, shared and counted by its projects.

use berth_model::RepoUrl;
use berth_secrets::SecretString;
use berth_store::Project;

use crate::Api;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::github::GithubError;

/// What is to be done about a repository's hook.
pub(crate) enum HookPlan {
    /// It is plain git, or there is no OAuth application: nobody announces pushes.
    None,
    /// There is no secret to sign with.
    NoSecret,
    /// Register it with this token.
    Register { token: SecretString, owner: String, name: String },
}

/// The caller's GitHub token.
///
/// # Errors
/// 403 that says where to connect GitHub, if there is none.
pub(crate) async fn github_token(api: &Api, caller: &Caller) -> Result<SecretString, ApiError> {
    let sealed = api.store.github_token(caller.user.id).await?.ok_or_else(|| {
        ApiError::forbidden("github_not_connected", "connect your GitHub account first, at /api/auth/github")
    })?;
    api.keys.open_for_user(caller.user.id, "github", &sealed).map_err(ApiError::internal)
}

/// Decides before anything is written, so that a missing GitHub account is told first.
pub(crate) async fn plan(api: &Api, caller: &Caller, repo: &RepoUrl) -> Result<HookPlan, ApiError> {
    let (Some(_), Some((owner, name))) = (&api.config.github, repo.owner_and_name_under(&api.config.github_url)) else {
        return Ok(HookPlan::None);
    };
    let token = github_token(api, caller).await?;
    Ok(match api.config.webhook_secret {
        Some(_) => HookPlan::Register { token, owner, name },
        None => HookPlan::NoSecret,
    })
}

/// Registers the hook, or joins the one that another project of the repository has. Returns why pushes are not
/// announced, if they should be and are not.
pub(crate) async fn register(api: &Api, plan: &HookPlan, project: &Project) -> Result<Option<&'static str>, ApiError> {
    let (token, owner, name) = match plan {
        HookPlan::None => return Ok(None),
        HookPlan::NoSecret => {
            return Ok(Some("pushes are not announced: the operator has set no WEBHOOK_SECRET"));
        }
        HookPlan::Register { token, owner, name } => (token, owner, name),
    };
    let sharing = api.store.projects_of_repo(&project.repo_url.key()).await?;
    let hook = match sharing.iter().find_map(|other| other.webhook_id) {
        Some(shared) => shared,
        None => create(api, token, owner, name).await?,
    };
    api.store.set_webhook(project.id, Some(hook)).await?;
    Ok(None)
}

async fn create(api: &Api, token: &SecretString, owner: &str, name: &str) -> Result<i64, ApiError> {
    let secret = api.config.webhook_secret.as_ref().ok_or_else(|| ApiError::internal("the plan asked for a secret"))?;
    let created = api.github.ensure_hook(token, (owner, name), &api.config.webhook_url(), secret).await;
    created.map_err(|error| match error {
        GithubError::NotFound | GithubError::Forbidden(_) => ApiError::forbidden(
            "github_no_admin",
            format!(
                "GitHub does not let you add a webhook to {owner}/{name}: it needs admin access to the repository, and \
                 an organization may have to approve this application"
            ),
        ),
        other => other.into(),
    })
}

/// Removes the hook when its last project is gone. GitHub being away keeps nobody from deleting a project: a hook that
/// stays is answered 404 and does nothing.
pub(crate) async fn release(api: &Api, caller: &Caller, project: &Project) {
    let Some(hook) = project.webhook_id else { return };
    let Some((owner, name)) = project.repo_url.owner_and_name_under(&api.config.github_url) else { return };
    let result = async {
        if api.store.projects_sharing_webhook(&project.repo_url.key()).await? > 0 {
            return Ok(());
        }
        let token = github_token(api, caller).await?;
        api.github.delete_hook(&token, (&owner, &name), hook).await.map_err(ApiError::from)
    };
    if let Err(error) = result.await {
        tracing::warn!(project = %project.id, hook, reason = error.message(), "the webhook stays at GitHub");
    }
}

impl From<GithubError> for ApiError {
    fn from(error: GithubError) -> Self {
        use http::StatusCode;
        match error {
            GithubError::TokenRefused => Self::forbidden(
                "github_reconnect",
                "GitHub no longer accepts the token it gave for your account; connect GitHub again at /api/auth/github",
            ),
            GithubError::NotFound => Self::not_found("thing at GitHub, or your account may not see it"),
            GithubError::Forbidden(why) => Self::forbidden("github_refused", format!("GitHub refused: {why}")),
            GithubError::Unprocessable(why) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "github_refused", format!("GitHub refused: {why}"))
            }
            GithubError::Unreachable(_) | GithubError::Unexpected(_) => Self::new(
                StatusCode::BAD_GATEWAY,
                "github_unavailable",
                "GitHub does not answer as it should; try again in a minute",
            )
            .caused_by(error),
        }
    }
}
