//! Deliveries that a project's webhook received, and what became of them.

use axum::Json;
use axum::extract::State;
use berth_model::ProjectId;

use super::bodies::DeliveryBody;
use super::page::Limit;
use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::{Id, Params};

/// The deliveries that concerned a project, newest first.
#[utoipa::path(get, path = "/api/v1/projects/{id}/deliveries", tag = "projects", params(("id" = i64, Path), Limit),
    responses((status = 200, body = Vec<DeliveryBody>), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Params(page): Params<Limit>,
) -> Result<Json<Vec<DeliveryBody>>, ApiError> {
    let deliveries = api.store.deliveries_of(caller.access(), ProjectId(id), page.rows()).await?;
    Ok(Json(deliveries.into_iter().map(DeliveryBody::of).collect()))
}
