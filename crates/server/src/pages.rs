//! The dashboard, as `build.rs` put it into the binary: its files at their addresses, and its one page at every other address
//! that a browser opens, where its own router decides. Nothing is compressed while somebody waits.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use berth_edge::index::Coding;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::json;

/// A file of the dashboard with what it is compressed to.
struct Asset {
    address: &'static str,
    /// Of its content.
    hash: &'static str,
    whole: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static ASSETS: &[Asset] = &include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The page that every address of the dashboard shows.
const PAGE: &str = "/index.html";

/// Vite names what is below after its content, so it never changes.
const HASHED: &str = "/assets/";

/// The dashboard, and an answer to every address that is nobody's.
pub(crate) fn router() -> Router {
    router_before(|_| {
        (StatusCode::NOT_FOUND, Json(json!({"message": "there is nothing at this address"}))).into_response()
    })
}

/// The dashboard, and what `otherwise` answers at the path of anything else.
pub(crate) fn router_before(otherwise: fn(&str) -> Response) -> Router {
    let fallback = move |request: Request| async move {
        file_or_page(&request).unwrap_or_else(|| otherwise(request.uri().path()))
    };
    Router::new().fallback(fallback)
}

/// A file at its address; the page at any other that a browser opens.
fn file_or_page(request: &Request) -> Option<Response> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let (headers, path) = (request.headers(), request.uri().path());
    let asset_at = |address| ASSETS.iter().find(|asset| asset.address == address);
    if let Some(asset) = asset_at(path) {
        return Some(asset.answer(headers));
    }
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    // At the top there is nothing else, whoever asks.
    let opens_a_page = path == "/" || accepted.any(|accept| accept.contains("text/html"));
    if !opens_a_page || path.starts_with("/api/") || path.starts_with(HASHED) {
        return None;
    }
    let mut response = asset_at(PAGE)?.answer(headers);
    if path.starts_with("/invite/") {
        // The token in this address is told to nobody: not with the page's own requests, nor to where its links lead.
        response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    Some(response)
}

impl Asset {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let available = [self.brotli.map(|_| Coding::Brotli), self.gzip.map(|_| Coding::Gzip)];
        let (bytes, coding) = match berth_edge::coding_among(headers, available.into_iter().flatten()) {
            Coding::Brotli => (self.brotli.unwrap_or(self.whole), Some("br")),
            Coding::Gzip => (self.gzip.unwrap_or(self.whole), Some("gzip")),
            _ => (self.whole, None),
        };
        // Each coding is a representation of its own.
        let etag = format!("\"{}{}\"", self.hash, coding.unwrap_or_default());
        let seen = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let is_current = seen.flat_map(|value| value.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == etag);
        let caching = if self.address.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
        let mut response = if is_current { StatusCode::NOT_MODIFIED.into_response() } else { bytes.into_response() };
        let known = response.headers_mut();
        known.insert(CONTENT_TYPE, value(&berth_edge::mime::content_type(self.address)));
        known.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
        known.insert(VARY, HeaderValue::from_static("accept-encoding"));
        known.insert(ETAG, value(&etag));
        if let Some(coding) = coding {
            known.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::header::{ACCEPT_ENCODING, CONTENT_SECURITY_POLICY};
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(path: &str, headers: &[(http::HeaderName, &str)]) -> Response {
        let mut request = http::Request::get(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let hardened = berth_api::harden(router(), "http://*.berth.test");
        hardened.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn every_address_that_a_browser_opens_is_the_page() {
        for path in ["/", "/projects/shop", "/builds/7", "/login"] {
            let response = ask(path, &[(ACCEPT, "text/html,*/*;q=0.8")]).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
            assert_eq!(response.headers()[CACHE_CONTROL], "no-cache");
            assert!(response.headers().contains_key(CONTENT_SECURITY_POLICY));
        }
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_the_page() {
        for (path, accept) in
            [("/assets/gone.js", "*/*"), ("/assets/gone.js", "text/html"), ("/api/nothing", "text/html"), ("/x", "*/*")]
        {
            assert_eq!(ask(path, &[(ACCEPT, accept)]).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn assets_are_compressed_kept_for_ever_and_known_again() {
        let script = ASSETS.iter().find(|asset| asset.address.ends_with(".js") && asset.brotli.is_some()).unwrap();
        let response = ask(script.address, &[(ACCEPT_ENCODING, "gzip, br")]).await;
        assert_eq!(response.headers()[CONTENT_ENCODING], "br");
        let script = ASSETS.iter().find(|asset| asset.address.starts_with(HASHED)).unwrap();
        let response = ask(script.address, &[]).await;
        assert!(response.headers()[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert!(!response.headers().contains_key(CONTENT_ENCODING));
        let tag = response.headers()[ETAG].to_str().unwrap().to_owned();
        assert_eq!(ask(script.address, &[(IF_NONE_MATCH, &tag)]).await.status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn every_compressed_form_is_of_its_file() {
        use std::io::Read as _;
        for Asset { address, whole, brotli, gzip, .. } in ASSETS {
            let mut plain = Vec::new();
            if let Some(coded) = brotli {
                brotli::Decompressor::new(*coded, 4096).read_to_end(&mut plain).unwrap();
                assert!(plain == *whole, "{address} by brotli");
            }
            if let Some(coded) = gzip {
                plain.clear();
                flate2::read::GzDecoder::new(*coded).read_to_end(&mut plain).unwrap();
                assert!(plain == *whole, "{address} by gzip");
            }
        }
    }

    #[tokio::test]
    async fn while_berth_starts_the_page_is_there_and_the_rest_says_so() {
        let starting = || router_before(|path| (StatusCode::SERVICE_UNAVAILABLE, path.to_owned()).into_response());
        let asked = |path: &str| http::Request::get(path).header(ACCEPT, "text/html").body(Body::empty()).unwrap();
        assert_eq!(starting().oneshot(asked("/projects/shop")).await.unwrap().status(), StatusCode::OK);
        let refused = starting().oneshot(asked("/api/v1/me")).await.unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn the_page_of_a_link_passes_its_address_on_to_nobody() {
        let response = ask("/invite/a-token", &[(ACCEPT, "text/html")]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[REFERRER_POLICY], "no-referrer");
    }

    #[test]
    fn the_page_has_no_inline_script_or_style() {
        let page = ASSETS.iter().find(|asset| asset.address == PAGE).unwrap();
        let page = std::str::from_utf8(page.whole).unwrap();
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick"));
        assert_eq!(page.matches("<script").count(), page.matches("src=\"/").count());
    }
}
