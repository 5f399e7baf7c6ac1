//! Where a message ends, as far as hyper would believe what nobody else need believe.
//!
//! Of `Transfer-Encoding` hyper looks at the last coding alone, so that `gzip, chunked`, `chunked, chunked` or a line
//! `identity` before one `chunked` is a body in chunks to it. A proxy in front may see that differently, and then one of
//! the two takes a part of the body for the next request. RFC 9112, 6.1: a coding that is not understood is 501, and
//! chunks are made once. Everything else that is odd about a message's end hyper refuses itself.

use berth_edge::EdgeBody;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

/// Whether a request says of its body what only hyper understands.
pub(super) fn is_doubtful(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => false,
        (Some(coding), None) => !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => true,
    }
}

/// Nothing after it on its connection is anybody's request. It is counted nowhere, as what hyper refuses itself.
pub(super) fn refusal() -> Response<EdgeBody> {
    let told = Bytes::from_static(b"The transfer coding of this request is not \"chunked\" alone.\n");
    let mut response = Response::new(EdgeBody::from(told));
    *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
