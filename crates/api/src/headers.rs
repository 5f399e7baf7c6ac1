//! Headers of every answer of the control plane.

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use http::HeaderValue;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// The dashboard's scripts, styles and connections are its own, none of them inline; pictures of people come from GitHub.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data: https:; object-src 'none'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
];

/// Puts the security headers of the control plane on every answer of a router. A project's page shows its site in a
/// small frame, so what `sites` says (`https://*.example.org`) may be framed, and nothing else.
pub fn harden(router: Router, sites: &str) -> Router {
    let policy =
        HeaderValue::try_from(format!("{POLICY}; frame-src {sites}")).unwrap_or(HeaderValue::from_static(POLICY));
    router.layer(map_response(move |mut response: Response| {
        let policy = policy.clone();
        async move {
            let headers = response.headers_mut();
            headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
            for (name, value) in HEADERS {
                headers.entry(name).or_insert(value);
            }
            response
        }
    }))
}

/// Answers of the API are for the moment and for whoever asked.
pub(crate) async fn never_stored(mut response: Response) -> Response {
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
