//! The hook that announces pushes: one per repository at GitHub, shared and counted by its projects.
//! What becomes of it afterwards is [`berth_github::HookKeeper`]'s, which also gives turns at a repository.

use std::time::Duration;

use berth_github::{GithubError, TIMEOUT};
use berth_model::words::Seconds;
use berth_model::{RepoUrl, UserId};
use berth_secrets::SecretString;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use tokio::sync::OwnedMutexGuard;

use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorCode};

const NO_ADMIN: &str =
    "pushes are not announced: your GitHub account may not add a webhook to the repository, which needs admin access";

/// What is to be done about a repository's hook.
pub(crate) enum HookPlan {
    /// It is plain git, or there is no OAuth application: nobody announces pushes.
    None,
    /// It should have one and gets none, for this reason.
    Unannounced(&'static str),
    /// Register it with this token, and have deliveries signed with this secret. A project that opens the repository
    /// with a token of its own can do without.
    Register {
        user: UserId,
        token: SecretString,
        secret: SecretString,
        owner: String,
        name: String,
        can_do_without: bool,
    },
}

/// What became of a plan. The repository is held until this is dropped: by then the row names the hook.
pub(crate) struct Registered {
    pub(crate) hook: Option<i64>,
    /// Why pushes are not announced, if they should be and are not.
    pub(crate) note: Option<&'static str>,
    _turn: Option<OwnedMutexGuard<()>>,
}

/// The caller's GitHub token.
///
/// # Errors
/// 403 that says where to connect GitHub, if there is none, or GitHub refused it: it is not asked again with that one.
pub(crate) async fn github_token(api: &Api, caller: &Caller) -> Result<SecretString, ApiError> {
    if caller.user.github_refused_at.is_some() {
        return Err(GithubError::TokenRefused.into());
    }
    let sealed = api.store.github_token(caller.user.id).await?.ok_or_else(|| {
        ApiError::forbidden(ErrorCode::GithubNotConnected, "connect your GitHub account first, at /api/auth/github")
    })?;
    api.keys.open_for_user(caller.user.id, "github", &sealed).map_err(|_| {
        let message = "your access to GitHub cannot be opened with the keys of this Berth; connect GitHub again";
        ApiError::forbidden(ErrorCode::GithubReconnect, message)
    })
}

/// Does something with the caller's token. If GitHub no longer accepts it, that is noted: nothing is asked of GitHub with
/// it again, and the reports of its owner wait, until they have connected GitHub once more.
///
/// # Errors
/// What `work` came to.
pub(crate) async fn over_github<T>(
    api: &Api,
    caller: &Caller,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    let token = api.store.github_token(caller.user.id).await?;
    let done = work.await;
    if let Some(token) = token
        && done.as_ref().is_err_and(|error| error.code() == ErrorCode::GithubReconnect.into())
    {
        api.store.github_refused(caller.user.id, &token).await?;
    }
    done
}

/// Decides before anything is written, so that a missing GitHub account is told first. Who brings a token for the
/// repository needs no account; its pushes are not announced then.
pub(crate) async fn plan(api: &Api, caller: &Caller, repo: &RepoUrl, has_token: bool) -> Result<HookPlan, ApiError> {
    let (Some(_), Some((owner, name))) = (&api.config.github, repo.owner_and_name_under(&api.config.github_url)) else {
        return Ok(HookPlan::None);
    };
    if has_token && !caller.user.github_connected {
        return Ok(HookPlan::Unannounced("pushes are not announced: no GitHub account is connected"));
    }
    if has_token && caller.user.github_refused_at.is_some() {
        return Ok(HookPlan::Unannounced(
            "pushes are not announced: GitHub no longer accepts the token it gave for your account",
        ));
    }
    let token = github_token(api, caller).await?;
    Ok(match api.config.webhook_secret.clone() {
        Some(secret) => {
            HookPlan::Register { user: caller.user.id, token, secret, owner, name, can_do_without: has_token }
        }
        None => HookPlan::Unannounced("pushes are not announced: the operator has set no WEBHOOK_SECRET"),
    })
}

/// Registers the hook, or joins the one that another project of the repository has.
pub(crate) async fn register(api: &Api, plan: &HookPlan, repo: &RepoUrl) -> Result<Registered, ApiError> {
    let (user, token, secret, repository, can_do_without) = match plan {
        HookPlan::None => return Ok(Registered { hook: None, note: None, _turn: None }),
        HookPlan::Unannounced(why) => return Ok(Registered { hook: None, note: Some(why), _turn: None }),
        HookPlan::Register { user, token, secret, owner, name, can_do_without } => {
            (*user, token, secret, (owner.as_str(), name.as_str()), *can_do_without)
        }
    };
    let repo = repo.key();
    let turn = api.hooks.hold(&repo).await;
    let sharing = api.store.projects_of_repo(&repo).await?;
    let of_user = sharing.iter().any(|other| other.user == user && other.webhook_id.is_some());
    let hook = match sharing.iter().find_map(|other| other.webhook_id) {
        // What it announces is for those who may see the repository.
        Some(shared) if of_user => shared,
        Some(shared) => match api.github.repository(token, repository).await {
            Ok(_) => shared,
            Err(GithubError::NotFound | GithubError::Forbidden(_)) if can_do_without => {
                return Ok(Registered { hook: None, note: Some(NO_ADMIN), _turn: None });
            }
            Err(error) => return Err(not_created(error, repository)),
        },
        None => match api.github.ensure_hook(token, repository, &api.config.webhook_url(), secret).await {
            Ok(hook) => hook,
            Err(GithubError::NotFound | GithubError::Forbidden(_)) if can_do_without => {
                return Ok(Registered { hook: None, note: Some(NO_ADMIN), _turn: None });
            }
            Err(error) => return Err(not_created(error, repository)),
        },
    };
    Ok(Registered { hook: Some(hook), note: None, _turn: Some(turn) })
}

fn not_created(error: GithubError, (owner, name): (&str, &str)) -> ApiError {
    match error {
        GithubError::NotFound | GithubError::Forbidden(_) => ApiError::forbidden(
            ErrorCode::GithubNoAdmin,
            format!(
                "GitHub does not let you add a webhook to {owner}/{name}: it needs admin access to the repository, and \
                 an organization may have to approve this application"
            ),
        ),
        other => other.into(),
    }
}

/// Removes a repository's hook when its last project is gone. The project's owner comes first: who may remove it in Berth
/// need not be anybody at GitHub. Nothing of it keeps a project from being deleted.
pub(crate) async fn release(api: &Api, caller: &Caller, owner: UserId, repo: &RepoUrl, hook: Option<i64>) {
    let Some(hook) = hook else { return };
    if let Err(error) = api.hooks.release(&[owner, caller.user.id], repo, hook).await {
        tracing::warn!(hook, "the webhook stays at GitHub: {error}");
    }
}

impl From<GithubError> for ApiError {
    fn from(error: GithubError) -> Self {
        match error {
            GithubError::TokenRefused => Self::forbidden(ErrorCode::GithubReconnect, berth_github::RECONNECT),
            GithubError::NotFound => Self::not_found("thing at GitHub, or your account may not see it"),
            GithubError::Forbidden(why) => Self::forbidden(ErrorCode::GithubRefused, format!("GitHub refused: {why}")),
            GithubError::Unprocessable(why) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::GithubRefused, format!("GitHub refused: {why}"))
            }
            GithubError::RateLimited(seconds) => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                ErrorCode::GithubRateLimited,
                format!(
                    "GitHub takes no more requests for your account; try again in {}",
                    Seconds(Duration::from_secs(seconds))
                ),
            )
            .with_header(RETRY_AFTER, HeaderValue::from(seconds)),
            GithubError::Silent => Self::new(
                StatusCode::BAD_GATEWAY,
                ErrorCode::GithubUnavailable,
                format!("GitHub did not answer within {}; try again in a minute", Seconds(TIMEOUT)),
            ),
            GithubError::Unexpected(status) => Self::new(
                StatusCode::BAD_GATEWAY,
                ErrorCode::GithubUnavailable,
                format!("GitHub has a problem (it answered {}); try again in a minute", status.as_u16()),
            ),
            GithubError::Unreachable(_) => Self::new(
                StatusCode::BAD_GATEWAY,
                ErrorCode::GithubUnavailable,
                "GitHub cannot be reached, or what answers is not GitHub; try again in a minute",
            )
            .caused_by(error),
        }
    }
}
