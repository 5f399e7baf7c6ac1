//! What the caller's GitHub account offers to connect: accounts, repositories, branches, in pages and by name.
//!
//! A list that fits on one page is searched here, in names as they are now. Only where it does not is GitHub's own search
//! asked, which is slower to follow changes and takes fewer questions.

use axum::Json;
use axum::extract::State;
use berth_github::{Account, Branch, GithubError, Page, Repository};
use berth_secrets::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::Params;
use crate::projects::{github_token, over_github};

/// Bytes of what is searched for; the longest name at GitHub has fewer.
const LONGEST_SEARCH: usize = 250;

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
    /// Only those whose name has this in it.
    q: Option<String>,
}

/// The branches of which repository, and which page.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BranchesQuery {
    /// `owner/name`.
    repo: String,
    /// From 1, the default.
    #[serde(default, deserialize_with = "page_or_none")]
    page: Option<u32>,
    /// Only those whose name has this in it; of more than a hundred, those whose name begins with it.
    q: Option<String>,
}

/// Existing clients send `page=` for the first page.
fn page_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
}

/// Accounts whose repositories can be listed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Organizations {
    /// The caller's own account first.
    pub(crate) organizations: Vec<OrganizationBody>,
    /// `null`: this is the last page.
    next_page: Option<u32>,
}

/// A person's or an organization's account at GitHub.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrganizationBody {
    login: String,
    avatar_url: Option<String>,
}

/// A page of repositories, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Repositories {
    pub(crate) repos: Vec<RepositoryBody>,
    /// `null`: this is the last page.
    next_page: Option<u32>,
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

/// A page of branches, by name.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Branches {
    branches: Vec<BranchBody>,
    /// `null`: this is the last page.
    next_page: Option<u32>,
}

/// A branch at GitHub.
#[derive(Serialize, ToSchema)]
pub(crate) struct BranchBody {
    name: String,
    /// The commit that it is at.
    head: String,
}

impl OrganizationBody {
    fn of(account: Account) -> Self {
        Self { login: account.login, avatar_url: account.avatar_url }
    }
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

/// Accounts at GitHub whose repositories the caller may list, 100 a page.
#[utoipa::path(get, path = "/api/v1/github/organizations", tag = "github", params(OrganizationsQuery), responses(
    (status = 200, body = Organizations), (status = 401, body = ErrorBody),
    (status = 403, description = "GitHub is not connected", body = ErrorBody), (status = 502, body = ErrorBody),
))]
pub(crate) async fn organizations(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<OrganizationsQuery>,
) -> Result<Json<Organizations>, ApiError> {
    caller.for_whole_account()?;
    over_github(&api, &caller, async {
        let token = github_token(&api, &caller).await?;
        let page = query.page.unwrap_or(1).max(1);
        let Page { mut items, next } = api.github.organizations(&token, page).await?;
        if page == 1 {
            items.insert(0, api.github.user(&token).await?);
        }
        let organizations = items.into_iter().map(OrganizationBody::of).collect();
        Ok(Json(Organizations { organizations, next_page: next }))
    })
    .await
}

/// Repositories at GitHub, 100 a page, newest first.
#[utoipa::path(get, path = "/api/v1/github/repositories", tag = "github", params(RepositoriesQuery), responses(
    (status = 200, body = Repositories), (status = 401, body = ErrorBody),
    (status = 403, description = "GitHub is not connected", body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, description = "GitHub takes no more requests for a while", body = ErrorBody),
    (status = 502, body = ErrorBody),
))]
pub(crate) async fn repositories(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<RepositoriesQuery>,
) -> Result<Json<Repositories>, ApiError> {
    caller.for_whole_account()?;
    over_github(&api, &caller, async {
        let token = github_token(&api, &caller).await?;
        let (page, organization) = (query.page.unwrap_or(1).max(1), query.org.as_deref().filter(|org| !org.is_empty()));
        let Page { items, next } = match searched(query.q.as_deref())? {
            None => listed(&api, &token, organization, page).await?,
            Some(wanted) => {
                let first = listed(&api, &token, organization, 1).await?;
                match first.next {
                    None => only(first.items, page, |repository| &repository.name, wanted),
                    Some(_) => {
                        let account = match organization {
                            Some(login) => login.to_owned(),
                            None => api.github.user(&token).await?.login,
                        };
                        api.github.search_repositories(&token, &account, wanted, page).await?
                    }
                }
            }
        };
        Ok(Json(Repositories { repos: items.into_iter().map(RepositoryBody::of).collect(), next_page: next }))
    })
    .await
}

/// Branches of a repository at GitHub, 100 a page, by name.
#[utoipa::path(get, path = "/api/v1/github/branches", tag = "github", params(BranchesQuery), responses(
    (status = 200, body = Branches), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, description = "GitHub is not connected", body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, description = "GitHub takes no more requests for a while", body = ErrorBody),
    (status = 502, body = ErrorBody),
))]
pub(crate) async fn branches(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<BranchesQuery>,
) -> Result<Json<Branches>, ApiError> {
    caller.for_whole_account()?;
    let repository = query.repo.split_once('/').ok_or_else(|| ApiError::bad_request("repo is owner/name"))?;
    over_github(&api, &caller, async {
        let token = github_token(&api, &caller).await?;
        let page = query.page.unwrap_or(1).max(1);
        let Page { items, next } = match searched(query.q.as_deref())? {
            None => api.github.branches(&token, repository, page).await?,
            Some(wanted) => {
                let first = api.github.branches(&token, repository, 1).await?;
                match first.next {
                    None => only(first.items, page, |branch| &branch.name, wanted),
                    Some(_) => api.github.branches_beginning(&token, repository, wanted, page).await?,
                }
            }
        };
        let body = |Branch { name, head }| BranchBody { name, head };
        Ok(Json(Branches { branches: items.into_iter().map(body).collect(), next_page: next }))
    })
    .await
}

/// The caller's own login stands in the same list as the organizations', but is none of them.
async fn listed(
    api: &Api,
    token: &SecretString,
    organization: Option<&str>,
    page: u32,
) -> Result<Page<Repository>, ApiError> {
    let Some(login) = organization else { return Ok(api.github.own_repositories(token, page).await?) };
    match api.github.repositories_of(token, login, page).await {
        Err(GithubError::NotFound) if api.github.user(token).await?.login.eq_ignore_ascii_case(login) => {
            Ok(api.github.own_repositories(token, page).await?)
        }
        repositories => Ok(repositories?),
    }
}

fn searched(q: Option<&str>) -> Result<Option<&str>, ApiError> {
    match q.map(str::trim) {
        Some(q) if q.len() > LONGEST_SEARCH => {
            Err(ApiError::bad_request(format!("q has at most {LONGEST_SEARCH} bytes")))
        }
        q => Ok(q.filter(|q| !q.is_empty())),
    }
}

/// What of a whole list has this in its name, whatever the case; all of it on the first page.
fn only<T>(items: Vec<T>, page: u32, name: impl Fn(&T) -> &String, wanted: &str) -> Page<T> {
    let wanted = wanted.to_lowercase();
    let fits = |item: &T| page == 1 && name(item).to_lowercase().contains(&wanted);
    Page { items: items.into_iter().filter(fits).collect(), next: None }
}
