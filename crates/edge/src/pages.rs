//! The pages that Berth itself shows on site hosts. They repeat nothing of the request.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::body::EdgeBody;

/// Nobody's host: 404.
pub(crate) fn unknown_host() -> Response<EdgeBody> {
    page(StatusCode::NOT_FOUND, "No site here", "No project is published at this address. Check its spelling.")
}

/// A project's host before its first deployment: 404.
pub(crate) fn nothing_yet() -> Response<EdgeBody> {
    page(
        StatusCode::NOT_FOUND,
        "Nothing is live yet",
        "This project has no successful deployment yet. The page appears here as soon as its first build has passed.",
    )
}

/// A release that cannot be read: 503.
pub(crate) fn unavailable() -> Response<EdgeBody> {
    let mut response = page(
        StatusCode::SERVICE_UNAVAILABLE,
        "Not available",
        "The files of this site cannot be read at the moment. Its owner can build it again.",
    );
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    response
}

/// What a service answers, asked of the files: 503.
pub(crate) fn a_service_answers() -> Response<EdgeBody> {
    page(StatusCode::SERVICE_UNAVAILABLE, "A service answers here", "This address is not made of files.")
}

/// What is wrong with a service.
pub(crate) fn of_service(status: StatusCode, title: &str, detail: &str) -> Response<EdgeBody> {
    // Whoever watches it may repeat what it said at its end.
    page(status, title, &detail.replace('&', "&amp;").replace('<', "&lt;"))
}

/// No file, no rule, no fallback, no `404.html`.
pub(crate) fn not_found() -> Response<EdgeBody> {
    page(StatusCode::NOT_FOUND, "Page not found", "This site has no page at this address.")
}

/// A host or path that is none.
pub(crate) fn bad_request(detail: &str) -> Response<EdgeBody> {
    page(StatusCode::BAD_REQUEST, "Bad request", detail)
}

/// A path over the limit.
pub(crate) fn too_long() -> Response<EdgeBody> {
    page(StatusCode::URI_TOO_LONG, "Address too long", "The path of this address is longer than 8 KiB.")
}

/// Anything but reading.
pub(crate) fn method_not_allowed() -> Response<EdgeBody> {
    page(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", "This site is made of files: it answers GET and HEAD.")
}

/// A protected site, before the visitor has said the password.
pub(crate) fn locked() -> Response<EdgeBody> {
    let mut response = page(StatusCode::UNAUTHORIZED, "Protected", "This site asks for a password.");
    let challenge = HeaderValue::from_static("Basic realm=\"Protected site\", charset=\"UTF-8\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// Too many wrong passwords from one address.
pub(crate) fn too_many_passwords(wait: Duration) -> Response<EdgeBody> {
    let detail = "Too many wrong passwords came from your address. Try again in a few minutes.";
    let mut response = page(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", detail);
    response.headers_mut().insert(header::RETRY_AFTER, wait.as_secs().into());
    response
}

/// More passwords at once than can be looked at.
pub(crate) fn busy() -> Response<EdgeBody> {
    let detail = "Too many visitors open this site at once. Try again in a moment.";
    let mut response = page(StatusCode::SERVICE_UNAVAILABLE, "Not now", detail);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// `If-Match` did not.
pub(crate) fn precondition_failed() -> Response<EdgeBody> {
    page(StatusCode::PRECONDITION_FAILED, "Precondition failed", "The file is not the one that the request named.")
}

/// `title` and `detail` are ours, never the visitor's.
fn page(status: StatusCode, title: &str, detail: &str) -> Response<EdgeBody> {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto 0;padding:0 1.5rem;\
         color-scheme:light dark}}h1{{font-size:1.5rem}}</style>\n<h1>{title}</h1>\n<p>{detail}</p>\n"
    );
    let mut response = Response::new(EdgeBody::from(Bytes::from(html)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    );
    response
}
