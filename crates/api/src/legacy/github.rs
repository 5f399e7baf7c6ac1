//! What GitHub offers to connect, without what a later client asks for.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::Api;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::input::Params;
use crate::v1;

/// Accounts whose repositories can be listed.
#[derive(Serialize)]
pub(crate) struct Organizations {
    organizations: Vec<v1::OrganizationBody>,
}

/// A page of repositories.
#[derive(Serialize)]
pub(crate) struct Repositories {
    repos: Vec<v1::RepositoryBody>,
}

pub(crate) async fn organizations(
    api: State<Api>,
    caller: Caller,
    query: Params<v1::OrganizationsQuery>,
) -> Result<Json<Organizations>, ApiError> {
    let Json(page) = v1::organizations(api, caller, query).await?;
    Ok(Json(Organizations { organizations: page.organizations }))
}

pub(crate) async fn repositories(
    api: State<Api>,
    caller: Caller,
    query: Params<v1::RepositoriesQuery>,
) -> Result<Json<Repositories>, ApiError> {
    let Json(page) = v1::repositories(api, caller, query).await?;
    Ok(Json(Repositories { repos: page.repos }))
}
