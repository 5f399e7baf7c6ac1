//! Which requests are taken, and what of them is read.

use std::mem::MaybeUninit;

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Uri};

/// Most headers of a request that is taken.
const MOST: usize = 32;

static FETCH_DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");
static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What a header is about.
enum About {
    /// The visitor and the file: what the front and the edge look at of a request for a site that everybody may see.
    Content(HeaderName),
    /// `Connection`.
    Connection,
    /// Where the message ends, or which protocol it speaks.
    Message,
    /// Nothing that anybody here reads.
    Nothing,
}

impl About {
    fn of(name: &str) -> Self {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            4 if is("host") => Self::Content(header::HOST),
            5 if is("range") => Self::Content(header::RANGE),
            6 if is("accept") => Self::Content(header::ACCEPT),
            6 if is("expect") => Self::Message,
            7 if is("referer") => Self::Content(header::REFERER),
            7 if is("trailer") || is("upgrade") => Self::Message,
            8 if is("if-match") => Self::Content(header::IF_MATCH),
            8 if is("if-range") => Self::Content(header::IF_RANGE),
            10 if is("user-agent") => Self::Content(header::USER_AGENT),
            10 if is("connection") => Self::Connection,
            13 if is("if-none-match") => Self::Content(header::IF_NONE_MATCH),
            14 if is("sec-fetch-dest") => Self::Content(FETCH_DESTINATION.clone()),
            14 if is("content-length") => Self::Message,
            15 if is("accept-encoding") => Self::Content(header::ACCEPT_ENCODING),
            15 if is("x-forwarded-for") => Self::Content(FORWARDED_FOR.clone()),
            17 if is("if-modified-since") => Self::Content(header::IF_MODIFIED_SINCE),
            17 if is("transfer-encoding") => Self::Message,
            19 if is("if-unmodified-since") => Self::Content(header::IF_UNMODIFIED_SINCE),
            _ => Self::Nothing,
        }
    }
}

/// The request that these bytes begin with, and how long it is, if it is one that is taken. `headers` is empty, and its
/// memory is used.
pub(super) fn read(bytes: &[u8], mut headers: HeaderMap) -> Option<(usize, Request<()>)> {
    let mut space = [const { MaybeUninit::uninit() }; MOST];
    let mut head = httparse::Request::new(&mut []);
    let Ok(httparse::Status::Complete(length)) = head.parse_with_uninit_headers(bytes, &mut space) else { return None };
    let (Some(method), Some(target), Some(1)) = (head.method, head.path, head.version) else { return None };
    let method = match method {
        "GET" => Method::GET,
        "HEAD" => Method::HEAD,
        _ => return None,
    };
    if !target.starts_with('/') {
        return None;
    }
    for header in head.headers {
        match About::of(header.name) {
            About::Content(name) => {
                headers.append(name, HeaderValue::from_bytes(header.value).ok()?);
            }
            About::Connection if header.value.eq_ignore_ascii_case(b"keep-alive") => {}
            About::Connection | About::Message => return None,
            About::Nothing => {}
        }
    }
    let mut request = Request::new(());
    (*request.method_mut(), *request.uri_mut()) = (method, Uri::try_from(target).ok()?);
    *request.headers_mut() = headers;
    Some((length, request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bytes: &str) -> Option<(usize, Request<()>)> {
        read(bytes.as_bytes(), HeaderMap::new())
    }

    #[test]
    fn what_is_beyond_doubt_is_taken_to_its_end() {
        let browser = "GET /a%20b?c=d HTTP/1.1\r\nHost: shop.example.org\r\nConnection: keep-alive\r\n\
                       Accept-Encoding: gzip\r\nAccept-Encoding: br\r\nCookie: a=b\r\n\r\n";
        let (length, request) = taken(&format!("{browser}GET /next")).unwrap();
        assert_eq!((length, request.method(), request.uri().path()), (browser.len(), &Method::GET, "/a%20b"));
        assert_eq!(request.uri().query(), Some("c=d"));
        assert_eq!(request.headers()[header::HOST], "shop.example.org");
        assert_eq!(request.headers().get_all(header::ACCEPT_ENCODING).iter().count(), 2);
        assert!(!request.headers().contains_key(header::COOKIE), "nobody reads it");
        assert!(taken("\r\nHEAD / HTTP/1.1\nhost:a\n\n").is_some());
    }

    #[test]
    fn everything_else_is_not() {
        let get = |more: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{more}\r\n");
        assert!(taken(&get("")).is_some());
        for header in [
            "Content-Length: 0",
            "content-length: 5",
            "Transfer-Encoding: chunked",
            "TRANSFER-ENCODING: identity",
            "Trailer: X-A",
            "Upgrade: h2c",
            "Expect: 100-continue",
            "Connection: close",
            "Connection: keep-alive, close",
            "Connection: Upgrade, HTTP2-Settings",
            "Connection:",
            "X-A : 1",
            " folded: 1",
            "no colon",
            "X(A): 1",
            "X-A: a\0b",
        ] {
            assert!(taken(&get(&format!("{header}\r\n"))).is_none(), "{header}");
        }
        for line in [
            "POST / HTTP/1.1",
            "OPTIONS / HTTP/1.1",
            "get / HTTP/1.1",
            "GET / HTTP/1.0",
            "GET / HTTP/1.2",
            "GET  / HTTP/1.1",
            "GET http://a/ HTTP/1.1",
            "GET * HTTP/1.1",
            "GET a HTTP/1.1",
            "PRI * HTTP/2.0",
            "GET /",
        ] {
            assert!(taken(&format!("{line}\r\nHost: a\r\n\r\n")).is_none(), "{line}");
        }
        let many: String = (0..MOST).map(|number| format!("X-{number}: 1\r\n")).collect();
        assert!(taken(&get(&many)).is_none());
        let whole = get("");
        assert!((0..whole.len()).all(|end| taken(&whole[..end]).is_none()), "a part is no request");
    }
}
