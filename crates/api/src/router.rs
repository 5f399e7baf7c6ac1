//! The table of contents: every address that the API answers.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{MethodRouter, any, delete, get, post, put};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION,
    CONTENT_TYPE,
};
use http::{HeaderValue, Method, StatusCode};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::ApiConfig;
use crate::{Api, audit, auth, error, headers, health, legacy, limits, observer, openapi, v1, webhooks};

/// A route outside `/api/v1`: method, address, handler.
type Entry = (Method, &'static str, MethodRouter<Api>);

/// What existing clients, GitHub and operators' tools ask for.
fn contract() -> Vec<Entry> {
    vec![
        (Method::GET, "/health", get(health::alive)),
        (Method::GET, "/health/ready", get(health::ready)),
        (Method::GET, "/metrics", get(observer::metrics)),
        (Method::GET, "/api", get(health::welcome)),
        (Method::GET, "/api/v1/openapi.json", get(openapi::document)),
        (Method::POST, webhooks::WEBHOOK_PATH, post(webhooks::receive)),
        (Method::POST, webhooks::OWN_HOOK_PATH, post(webhooks::receive_own)),
        (Method::POST, webhooks::DEPLOY_HOOK_PATH, post(webhooks::call)),
        (Method::GET, "/api/auth/github", get(auth::leave_for_github)),
        (Method::GET, "/api/auth/github/callback", get(auth::callback)),
        (Method::GET, "/api/repo/orgs", get(legacy::organizations)),
        (Method::GET, "/api/repo/repos", get(legacy::repositories)),
        (Method::POST, "/api/project", post(legacy::connect)),
        (Method::GET, "/api/project/projects", get(legacy::list)),
        (Method::PUT, "/api/project/projects/{id}", put(legacy::change)),
        (Method::DELETE, "/api/project/projects/{id}", delete(legacy::remove)),
        (Method::DELETE, "/api/project/secret/{id}", delete(legacy::delete_secret)),
        (Method::POST, "/api/build/rebuild/{id}", post(legacy::rebuild)),
        (Method::GET, "/api/build/{id}", get(legacy::read_build)),
        (Method::PUT, "/api/deploy/rollback", put(legacy::roll_back)),
        (Method::GET, "/api/deploy/deployments/{id}", get(legacy::read_deployment)),
        (Method::GET, "/api/deploy/{id}", get(legacy::read_deployment)),
    ]
}

/// Everything, with what holds for every answer around it.
pub(crate) fn build(api: &Api) -> Router {
    let mut router = Router::from(v1::routes());
    for (_, address, handler) in contract() {
        router = router.route(address, handler);
    }
    let router = router
        // Below /api nothing else is anybody's: not a page's, not a site's.
        .route("/api/{*rest}", any(|| async { StatusCode::NOT_FOUND }))
        .layer(DefaultBodyLimit::max(webhooks::LARGEST_FORM))
        .merge(api.realtime.routes())
        .layer(CatchPanicLayer::custom(error::after_panic))
        .layer(from_fn_with_state(api.clone(), limits::admit))
        .layer(from_fn(audit::attribute))
        .layer(from_fn(error::render))
        // Refusals of the layers above are for the moment, too.
        .layer(map_response(headers::never_stored))
        .layer(cors(&api.config))
        .layer(map_response(nothing_for_strangers));
    headers::harden(router.with_state(api.clone()), &api.config.all_sites())
}

/// A dashboard on another origin may ask with a bearer token, never with a cookie.
fn cors(config: &ApiConfig) -> CorsLayer {
    let origins = config.foreign_frontend_origin().and_then(|origin| HeaderValue::from_str(&origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE])
}

/// Another origin is told nothing, not even which methods there are.
async fn nothing_for_strangers(mut response: Response) -> Response {
    if !response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        for name in [ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_HEADERS] {
            response.headers_mut().remove(name);
        }
    }
    response
}

/// Method and address of every route, for lists and tests. Parameters are in braces.
pub(crate) fn table() -> Vec<(Method, String)> {
    let described = v1::routes().into_openapi().paths.paths.into_iter().flat_map(|(address, item)| {
        let operations = [
            (Method::GET, item.get.is_some()),
            (Method::POST, item.post.is_some()),
            (Method::PUT, item.put.is_some()),
            (Method::PATCH, item.patch.is_some()),
            (Method::DELETE, item.delete.is_some()),
        ];
        operations.into_iter().filter(|(_, answers)| *answers).map(move |(method, _)| (method, address.clone()))
    });
    contract().into_iter().map(|(method, address, _)| (method, address.to_owned())).chain(described).collect()
}
