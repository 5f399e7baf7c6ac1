//! What a detection is asked for, read into types.

use berth_model::{BranchName, ProjectId, RepoUrl};
use berth_secrets::SecretString;
use berth_store::{Project, RepoAccess};

use super::hook::github_token;
use super::settings::{read_optional, read_repo_token, read_repo_url, read_repo_user};
use crate::Api;
use crate::auth::Caller;
use crate::detection::{DetectionRequest, SourceToken};
use crate::error::{ApiError, ErrorCode};
use crate::input::{Form, Given};

/// Reads what is to be planned. With a project, its repository, branch and token stand in for what is not given.
///
/// # Errors
/// Every field that is wrong; 404 for a project that is not the caller's.
pub(crate) async fn read_detection(api: &Api, caller: &Caller, form: &mut Form) -> Result<DetectionRequest, ApiError> {
    let project = match form.number("projectId", |id| Ok(ProjectId(id))).into_option() {
        Some(id) => Some(api.store.project(caller.access(), id).await?),
        None => None,
    };
    let repo_url =
        read_or(form, "repoUrl", |given| read_repo_url(api, given), project.as_ref().and_then(|p| p.repo_url.as_ref()));
    let branch = read_or(form, "branch", BranchName::parse, project.as_ref().map(|p| &p.branch));
    let optional = read_optional(form);
    let given = (read_repo_token(form).into_option(), read_repo_user(form).into_option());
    form.check()?;
    let (Some(repo_url), Some(branch)) = (repo_url, branch) else { return Err(form.refusal()) };
    Ok(DetectionRequest {
        token: token_for(api, caller, &repo_url, given, project.as_ref()).await?,
        repo_url,
        branch,
        install_command: optional.install_command.into_option(),
        build_command: optional.build_command.into_option(),
        output_directory: optional.output_directory.into_option(),
        root_directory: optional.root_directory.into_option(),
        node_version: optional.node_version.into_option(),
    })
}

fn read_or<T: Clone>(
    form: &mut Form,
    field: &'static str,
    parse: impl FnOnce(&str) -> Result<T, berth_model::InvalidInput>,
    stored: Option<&T>,
) -> Option<T> {
    match stored {
        None => form.required(field, parse),
        Some(stored) => match form.optional(field, parse) {
            Given::Value(value) => Some(value),
            Given::Absent | Given::Null => Some(stored.clone()),
        },
    }
}

/// What would open the repository once it is a project's: the token that is given, the one that the project has for this
/// host, the caller's own for repositories at GitHub.
async fn token_for(
    api: &Api,
    caller: &Caller,
    repo_url: &RepoUrl,
    given: (Option<SecretString>, Option<String>),
    project: Option<&Project>,
) -> Result<Option<SourceToken>, ApiError> {
    if let (Some(token), user) = given {
        return Ok(Some(SourceToken::Project(token, user)));
    }
    let origin = repo_url.origin();
    let stored = project.filter(|project| project.repo_origin().as_ref() == Some(&origin));
    if let Some((project, RepoAccess { token, user })) = stored.and_then(|p| Some((p, p.repo_access.clone()?))) {
        let token = api.keys.open_repo_token(project.id, &origin, &token).map_err(|_| {
            let message = "the project's access token cannot be opened with the keys of this Berth; enter it anew";
            ApiError::conflict(ErrorCode::RepositoryAccess, message).about("repoToken")
        })?;
        return Ok(Some(SourceToken::Project(token, user)));
    }
    let is_at_github = repo_url.owner_and_name_under(&api.config.github_url).is_some();
    if !is_at_github || !caller.user.github_connected {
        return Ok(None);
    }
    Ok(Some(SourceToken::Account(github_token(api, caller).await?)))
}
