//! The API's JSON, compressed for clients that take it: a list of a thousand projects is megabytes, most of them the same
//! words. The dashboard's own files come compressed (`pages`), sites are the edge's.
//!
//! Left as they are:
//!
//! - answers to anything but `GET` and `HEAD`. What is shown once (a token, the address of a deploy hook, the secret of
//!   a webhook, the link of an invitation) is the answer to the request that makes it. Compressed beside something that a
//!   stranger can choose, its length would tell of it, guess by guess (BREACH). What can be read again holds no secret;
//! - bodies that are not whole yet: lines and events flow as they come;
//! - whatever is coded already, or says of its bytes what another coding would belie: a tag, a part, `no-transform`.

use std::io::{self, Write as _};

use axum::body::{self, Body, HttpBody as _};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use berth_edge::index::Coding;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// A smaller body fits into a packet or two as it is.
const SMALLEST: u64 = 1 << 10;

/// A larger one is compressed elsewhere: the connections of this thread would wait for it.
const AT_ONCE: usize = 32 << 10;

/// The codings of a body that is made while somebody waits for it, the first where several are as welcome.
const CODINGS: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

/// Middleware: compresses what a router answers.
pub(crate) async fn compress(request: Request, next: Next) -> Response {
    // The router takes the body of an answer to `HEAD` away afterwards.
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let coding = berth_edge::coding_among(request.headers(), CODINGS.into_iter());
    let mut response = next.run(request).await;
    let length = response.body().size_hint().exact();
    if !is_read || length.is_none_or(|length| length < SMALLEST) || !is_compressible(response.headers()) {
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    if coding == Coding::Identity {
        return response;
    }
    let (mut head, body) = response.into_parts();
    // A body of a known length is in memory already, and does not break off.
    let Ok(whole) = body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    match coded(Bytes::clone(&whole), coding).await {
        Ok(coded) => {
            head.headers.remove(CONTENT_LENGTH);
            head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
            Response::from_parts(head, Body::from(coded))
        }
        Err(_) => Response::from_parts(head, Body::from(whole)),
    }
}

fn is_compressible(headers: &HeaderMap) -> bool {
    let says = |name: &HeaderName, word: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(word))
    };
    let is_fixed = [CONTENT_ENCODING, CONTENT_RANGE, ETAG].iter().any(|name| headers.contains_key(name));
    says(&CONTENT_TYPE, "application/json") && !says(&CACHE_CONTROL, "no-transform") && !is_fixed
}

/// The body in a coding, made where nobody else waits for it.
async fn coded(whole: Bytes, coding: Coding) -> io::Result<Vec<u8>> {
    if whole.len() <= AT_ONCE {
        return compressed(&whole, coding);
    }
    tokio::task::spawn_blocking(move || compressed(&whole, coding)).await.unwrap_or_else(|died| Err(died.into()))
}

/// Quickly rather than small: what follows the first tenth of the length costs more than it saves.
fn compressed(whole: &[u8], coding: Coding) -> io::Result<Vec<u8>> {
    match coding {
        Coding::Identity => Ok(whole.to_vec()),
        Coding::Zstd => zstd::bulk::compress(whole, 3),
        Coding::Brotli => {
            let params = brotli::enc::BrotliEncoderParams { quality: 4, size_hint: whole.len(), ..Default::default() };
            let mut coded = Vec::with_capacity(whole.len() / 8);
            brotli::BrotliCompress(&mut &whole[..], &mut coded, &params)?;
            Ok(coded)
        }
        Coding::Gzip => {
            let mut coder =
                flate2::write::GzEncoder::new(Vec::with_capacity(whole.len() / 8), flate2::Compression::new(5));
            coder.write_all(whole)?;
            coder.finish()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::routing::get;
    use axum::{Json, Router};
    use futures_util::stream;
    use http::header::ACCEPT_ENCODING;
    use tower::ServiceExt as _;

    use super::*;

    /// The same words again and again.
    fn many(items: usize) -> serde_json::Value {
        (0..items).map(|id| serde_json::json!({"id": id, "name": "a project with a name"})).collect()
    }

    fn router() -> Router {
        let large = || async { Json(many(1_000)) };
        let with = |name, value| move || async move { ([(name, value)], Json(many(1_000))) };
        let flowing = || async {
            let lines = stream::iter((0..1_000).map(|_| Ok::<_, std::convert::Infallible>("[1, 2, 3]\n")));
            ([(CONTENT_TYPE, "application/json")], Body::from_stream(lines))
        };
        Router::new()
            .route("/large", get(large).post(large))
            .route("/small", get(|| async { Json(many(3)) }))
            .route("/text", get(|| async { "x".repeat(10_000) }))
            .route("/flowing", get(flowing))
            .route("/tagged", get(with(ETAG, "\"a\"")))
            .route("/coded", get(with(CONTENT_ENCODING, "br")))
            .route("/kept", get(with(CACHE_CONTROL, "no-transform")))
            .route("/broken", get(|| async { (StatusCode::CONFLICT, Json(many(1_000))).into_response() }))
            .layer(axum::middleware::from_fn(compress))
    }

    async fn ask(method: Method, path: &str, accepted: Option<&str>) -> (HeaderMap, Bytes) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(accepted) = accepted {
            request = request.header(ACCEPT_ENCODING, accepted);
        }
        let response = router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        (head.headers, body::to_bytes(body, usize::MAX).await.unwrap())
    }

    fn opened(coding: &str, coded: &[u8]) -> Vec<u8> {
        let mut whole = Vec::new();
        match coding {
            "zstd" => return zstd::stream::decode_all(coded).unwrap(),
            "br" => brotli::Decompressor::new(coded, 4096).read_to_end(&mut whole).unwrap(),
            "gzip" => flate2::read::GzDecoder::new(coded).read_to_end(&mut whole).unwrap(),
            other => panic!("{other}"),
        };
        whole
    }

    #[tokio::test]
    async fn json_comes_in_the_coding_that_the_client_likes_best() {
        let whole = serde_json::to_vec(&many(1_000)).unwrap();
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", "zstd"),
            ("gzip, br", "br"),
            ("gzip", "gzip"),
            ("br;q=0.5, gzip", "gzip"),
            ("zstd;q=0, br;q=0, *", "gzip"),
        ] {
            let (headers, body) = ask(Method::GET, "/large", Some(accepted)).await;
            assert_eq!(headers[CONTENT_ENCODING], coding, "{accepted}");
            assert_eq!(headers[VARY], "accept-encoding");
            assert_eq!(headers[CONTENT_LENGTH], body.len().to_string());
            assert!(body.len() * 5 < whole.len(), "{} of {}", body.len(), whole.len());
            assert_eq!(opened(coding, &body), whole, "{accepted}");
        }
        let (headers, _) = ask(Method::GET, "/broken", Some("br")).await;
        assert_eq!(headers[CONTENT_ENCODING], "br", "a refusal with much to say");
    }

    #[tokio::test]
    async fn who_takes_no_coding_gets_none() {
        for accepted in [None, Some(""), Some("identity"), Some("br;q=0, gzip;q=0"), Some("*;q=0"), Some("deflate")] {
            let (headers, body) = ask(Method::GET, "/large", accepted).await;
            assert!(!headers.contains_key(CONTENT_ENCODING), "{accepted:?}");
            assert_eq!(headers[VARY], "accept-encoding", "a cache has to ask again for others");
            assert_eq!(body, serde_json::to_vec(&many(1_000)).unwrap());
        }
    }

    #[tokio::test]
    async fn head_tells_what_get_would() {
        for accepted in [Some("br"), None] {
            let (of_get, _) = ask(Method::GET, "/large", accepted).await;
            let (of_head, body) = ask(Method::HEAD, "/large", accepted).await;
            assert!(body.is_empty());
            for name in [CONTENT_ENCODING, CONTENT_TYPE, CONTENT_LENGTH, VARY] {
                assert_eq!(of_head.get(&name), of_get.get(&name), "{accepted:?} {name}");
            }
            assert!(of_head.contains_key(CONTENT_LENGTH), "{accepted:?}");
        }
    }

    #[tokio::test]
    async fn what_is_left_as_it_is() {
        for path in ["/small", "/text", "/flowing", "/tagged", "/kept"] {
            let (headers, _) = ask(Method::GET, path, Some("br")).await;
            assert!(!headers.contains_key(CONTENT_ENCODING) && !headers.contains_key(VARY), "{path}: {headers:?}");
        }
        let (headers, body) = ask(Method::GET, "/coded", Some("br")).await;
        assert_eq!((&headers[CONTENT_ENCODING], body[0]), (&HeaderValue::from_static("br"), b'['), "not once more");
        let (headers, _) = ask(Method::POST, "/large", Some("br")).await;
        assert!(!headers.contains_key(CONTENT_ENCODING), "what is shown once is the answer to a POST");
    }
}
