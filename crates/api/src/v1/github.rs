//! What the caller's GitHub account offers to connect. The same handlers answer the contract's `/api/repo`.

use axum::Json;
use axum::extract::State;
use berth_github::{Account, GithubError, Repository};
use berth_secrets::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::Params;
use crate::projects::github_token;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrganizationsQuery {
    /// From 1, the default.
    #[serde(default, deserialize_with = "page_or_none")]
    page: Option<u32>,
}

/// Whose repositories, and which page.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RepositoriesQuery {
    /// An organization's login; the caller's own repositories if absent.
    org: Option<String>,
    /// From 1, the default.
    #[serde(default, deserialize_with = "page_or_none")]
    page: Option<u32>,
}

/// Existing clients send `page=` for the first page.
fn page_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
}

/// Accounts whose repositories can be listed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Organizations {
    /// The caller's own account first.
    organizations: Vec<OrganizationBody>,
}

/// A person's or an organization's account at GitHub.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrganizationBody {
    login: String,
    avatar_url: Option<String>,
}

/// A page of repositories, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Repositories {
    repos: Vec<RepositoryBody>,
}

/// A repository at GitHub.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RepositoryBody {
    name: String,
    /// Its default branch.
    branch: Option<String>,
    repo_url: String,
    owner: String,
    updated_at: Option<String>,
}

impl RepositoryBody {
    fn of(repository: Repository) -> Self {
        Self {
            name: repository.name,
            branch: repository.default_branch,
            repo_url: repository.html_url,
            owner: repository.owner.login,
            updated_at: repository.updated_at,
        }
    }
}

/// Accounts at GitHub whose repositories the caller may list.
#[utoipa::path(get, path = "/api/v1/github/organizations", tag = "github", params(OrganizationsQuery), responses(
    (status = 200, body = Organizations), (status = 401, body = ErrorBody),
    (status = 403, description = "GitHub is not connected", body = ErrorBody), (status = 502, body = ErrorBody),
))]
pub(crate) async fn organizations(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<OrganizationsQuery>,
) -> Result<Json<Organizations>, ApiError> {
    let token = github_token(&api, &caller).await?;
    let page = query.page.unwrap_or(1).max(1);
    let mut accounts = api.github.organizations(&token, page).await?;
    if page == 1 {
        accounts.insert(0, api.github.user(&token).await?);
    }
    let body = |account: Account| OrganizationBody { login: account.login, avatar_url: account.avatar_url };
    Ok(Json(Organizations { organizations: accounts.into_iter().map(body).collect() }))
}

/// Repositories at GitHub, 100 a page, newest first.
#[utoipa::path(get, path = "/api/v1/github/repositories", tag = "github", params(RepositoriesQuery), responses(
    (status = 200, body = Repositories), (status = 401, body = ErrorBody),
    (status = 403, description = "GitHub is not connected", body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 502, body = ErrorBody),
))]
pub(crate) async fn repositories(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<RepositoriesQuery>,
) -> Result<Json<Repositories>, ApiError> {
    let token = github_token(&api, &caller).await?;
    let page = query.page.unwrap_or(1).max(1);
    let repositories = match query.org.as_deref().filter(|org| !org.is_empty()) {
        None => api.github.own_repositories(&token, page).await?,
        Some(login) => match api.github.repositories_of(&token, login, page).await {
            // The caller's own login stands in the same list as the organizations', but is none of them.
            Err(GithubError::NotFound) if is_own(&api, &token, login).await? => {
                api.github.own_repositories(&token, page).await?
            }
            repositories => repositories?,
        },
    };
    Ok(Json(Repositories { repos: repositories.into_iter().map(RepositoryBody::of).collect() }))
}

async fn is_own(api: &Api, token: &SecretString, login: &str) -> Result<bool, ApiError> {
    Ok(api.github.user(token).await?.login.eq_ignore_ascii_case(login))
}
