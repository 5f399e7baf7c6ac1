//! The description of `/api/v1`, generated from the routes themselves.

use axum::Json;
use axum::extract::State;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, SecurityRequirement};

use crate::{Api, v1};

/// `GET /api/v1/openapi.json`.
pub(crate) async fn document(State(api): State<Api>) -> Json<OpenApi> {
    let mut document = v1::routes().into_openapi();
    document.info = InfoBuilder::new()
        .title("Berth")
        .version(&api.config.version)
        .description(Some(
            "A bearer token is an API token (berth_…, made in the dashboard), or comes from POST /api/v1/sessions and lasts an hour; a browser has the session cookie \
             instead, and must send changes from the dashboard's own origin. Errors are \
             {\"error\": {\"code\", \"message\", \"fields\"?}}; another user's resource is 404.",
        ))
        .build();
    let components = document.components.get_or_insert_default();
    let bearer =
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("berth_… or JWT").build());
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("berth_session")));
    components.add_security_scheme("bearer", bearer);
    components.add_security_scheme("session", cookie);
    let none: [&str; 0] = [];
    document.security = Some(vec![SecurityRequirement::new("bearer", none), SecurityRequirement::new("session", none)]);
    Json(document)
}
