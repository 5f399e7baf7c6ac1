//! The control plane's pages: a sign-in, the projects, a project, a log, users, an invitation. They are files in `web/`, part of the binary.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{StatusCode, header};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const INDEX: &str = include_str!("../../../web/index.html");

/// Address, type and text of each file.
const FILES: &[(&str, &str, &str)] = &[
    ("/", HTML, INDEX),
    ("/app.css", "text/css; charset=utf-8", include_str!("../../../web/app.css")),
    ("/icon.svg", "image/svg+xml", include_str!("../../../web/icon.svg")),
    ("/app.js", SCRIPT, include_str!("../../../web/app.js")),
    ("/api.js", SCRIPT, include_str!("../../../web/api.js")),
    ("/dom.js", SCRIPT, include_str!("../../../web/dom.js")),
    ("/sign-in.js", SCRIPT, include_str!("../../../web/sign-in.js")),
    ("/invite.js", SCRIPT, include_str!("../../../web/invite.js")),
    ("/account.js", SCRIPT, include_str!("../../../web/account.js")),
    ("/tokens.js", SCRIPT, include_str!("../../../web/tokens.js")),
    ("/users.js", SCRIPT, include_str!("../../../web/users.js")),
    ("/plan.js", SCRIPT, include_str!("../../../web/plan.js")),
    ("/projects.js", SCRIPT, include_str!("../../../web/projects.js")),
    ("/new.js", SCRIPT, include_str!("../../../web/new.js")),
    ("/builds.js", SCRIPT, include_str!("../../../web/builds.js")),
    ("/previews.js", SCRIPT, include_str!("../../../web/previews.js")),
    ("/promotion.js", SCRIPT, include_str!("../../../web/promotion.js")),
    ("/settings.js", SCRIPT, include_str!("../../../web/settings.js")),
    ("/variables.js", SCRIPT, include_str!("../../../web/variables.js")),
    ("/hooks.js", SCRIPT, include_str!("../../../web/hooks.js")),
    ("/inbox.js", SCRIPT, include_str!("../../../web/inbox.js")),
    ("/reports.js", SCRIPT, include_str!("../../../web/reports.js")),
    ("/traffic.js", SCRIPT, include_str!("../../../web/traffic.js")),
    ("/project.js", SCRIPT, include_str!("../../../web/project.js")),
    ("/build.js", SCRIPT, include_str!("../../../web/build.js")),
];

/// The pages, and an answer to every address that is nobody's.
pub(crate) fn router() -> Router {
    let mut router = Router::new();
    for (address, kind, text) in FILES {
        // Asked for anew at each visit: another version of Berth has other files under the same addresses.
        let headers = [(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "no-cache")];
        router = router.route(address, get(move || async move { (headers, *text) }));
    }
    // The token in this address is told to nobody: not to the page's own scripts' requests, nor to where its links lead.
    let headers =
        [(header::CONTENT_TYPE, HTML), (header::CACHE_CONTROL, "no-cache"), (header::REFERRER_POLICY, "no-referrer")];
    router = router.route("/invite/{token}", get(move || async move { (headers, INDEX) }));
    berth_api::harden(router.fallback(nothing))
}

async fn nothing() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, axum::Json(serde_json::json!({"message": "there is nothing at this address"})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_that_is_imported_is_served() {
        for (_, _, text) in FILES {
            for line in text.lines().filter(|line| line.starts_with("import ")) {
                let name = line.split('\'').nth(1).unwrap().trim_start_matches('.');
                assert!(FILES.iter().any(|(address, ..)| *address == name), "{name} is not served");
            }
        }
    }

    #[tokio::test]
    async fn the_page_of_a_link_passes_its_address_on_to_nobody() {
        let request = http::Request::get("/invite/a-token").body(axum::body::Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(router(), request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
        assert_eq!(response.headers()[header::CONTENT_TYPE], HTML);
        assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
    }

    #[test]
    fn the_page_has_no_inline_script_or_style() {
        let (_, _, page) = FILES[0];
        assert!(!page.contains("<style") && !page.contains("style=") && !page.contains("onclick"));
        assert_eq!(page.matches("<script").count(), page.matches("<script type=\"module\" src=").count());
    }
}
