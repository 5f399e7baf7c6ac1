//! The inbox: deliveries that a project's webhooks received, and what became of them. What was asked for is done again
//! by `webhooks::replay`.

use axum::Json;
use axum::extract::State;
use berth_model::{DeliveryId, ProjectId};

use super::bodies::DeliveryBody;
use super::page::Page;
use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::{Id, Params};

/// The deliveries that concerned a project, newest first: those of its repository's hook, and of its own.
#[utoipa::path(get, path = "/api/v1/projects/{id}/deliveries", tag = "deliveries", params(("id" = i64, Path), Page),
    responses((status = 200, body = Vec<DeliveryBody>), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Params(page): Params<Page>,
) -> Result<Json<Vec<DeliveryBody>>, ApiError> {
    let before = page.before.map(DeliveryId);
    let deliveries = api.store.deliveries_of(caller.access(), ProjectId(id), page.rows(), before).await?;
    Ok(Json(deliveries.into_iter().map(DeliveryBody::of).collect()))
}

/// One delivery.
#[utoipa::path(get, path = "/api/v1/deliveries/{id}", tag = "deliveries", params(("id" = i64, Path)), responses(
    (status = 200, body = DeliveryBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<DeliveryBody>, ApiError> {
    Ok(Json(DeliveryBody::of(api.store.delivery(caller.access(), DeliveryId(id)).await?)))
}
