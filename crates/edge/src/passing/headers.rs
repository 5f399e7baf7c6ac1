//! What of a message's head is passed on.
//!
//! What is about one connection alone stays there, in both directions (RFC 9110, 7.6.1). What a service is told of its
//! visitor is what the front knows; a visitor's own word about that is taken away, in every spelling that some service
//! may take for it.

use std::net::IpAddr;

use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Version, header};

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
static HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
static FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// What the front knows of who asks.
#[derive(Clone, Copy, Debug)]
pub struct Visitor {
    /// The address, behind trusted proxies.
    pub client: IpAddr,
    /// Whether it came by HTTPS.
    pub is_secure: bool,
    /// The port that it came to, if that is known.
    pub port: Option<u16>,
}

/// Takes away what is about the visitor's connection, and returns whether it is to become a WebSocket. No other protocol
/// is passed on: what one that nobody here reads would carry was decided by nobody.
pub(super) fn leave_connection(headers: &mut HeaderMap, version: Version) -> bool {
    let wants_upgrade = version == Version::HTTP_11 && lists(headers, &header::CONNECTION, "upgrade");
    let is_websocket = wants_upgrade && lists(headers, &header::UPGRADE, "websocket");
    let takes_trailers = lists(headers, &header::TE, "trailers");
    remove_hop_by_hop(headers);
    if is_websocket {
        headers.insert(header::UPGRADE, WEBSOCKET);
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    }
    if takes_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    is_websocket
}

/// Whether an answer to GET is a stream of events (HTML Standard, 9.2), which has no end of its own, and which its reader
/// asks for anew. What a model says to a POST has the same type, and is an answer like others.
pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    if headers.contains_key(header::CONTENT_LENGTH) {
        return false;
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
}

/// Takes away what is about the connection to the service, and returns whether the answer is then whole. A coding for the
/// transfer that nobody here takes off would become a part of the body; of `chunked` a length beside it says nothing.
pub(super) fn leave_service(headers: &mut HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_whole = match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(only), None) if only.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => {
            headers.remove(header::CONTENT_LENGTH);
            true
        }
        _ => false,
    };
    remove_hop_by_hop(headers);
    is_whole
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = items(headers, &header::CONNECTION).filter_map(|item| item.parse().ok()).collect();
        // Where a message ends and whom it is for is no connection's to take away.
        let is_the_messages = |name: &HeaderName| *name == header::HOST || *name == header::CONTENT_LENGTH;
        for name in named.iter().filter(|name| !is_the_messages(name)) {
            headers.remove(name);
        }
        headers.remove(header::CONNECTION);
    }
    for name in [
        &KEEP_ALIVE,
        &PROXY_CONNECTION,
        &HTTP2_SETTINGS,
        &header::PROXY_AUTHENTICATE,
        &header::PROXY_AUTHORIZATION,
        &header::TE,
        &header::TRANSFER_ENCODING,
        &header::UPGRADE,
    ] {
        headers.remove(name);
    }
}

fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim_ascii)
}

fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    items(headers, name).any(|item| item.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted))
}

/// Says who asks, for which host and below which prefix. `authority` is what the request's target names, if it does.
pub(super) fn introduce(headers: &mut HeaderMap, visitor: Visitor, authority: Option<&Authority>, prefix: &str) {
    let claims: Vec<HeaderName> = headers.keys().filter(|name| claims_origin(name.as_str())).cloned().collect();
    for name in &claims {
        headers.remove(name);
    }
    if let Some(authority) = authority
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        headers.insert(header::HOST, host);
    }
    let host = headers.get(header::HOST).cloned();
    let host_text = host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default();
    let proto = if visitor.is_secure { "https" } else { "http" };
    let port = visitor.port.or_else(|| port_of(host_text)).unwrap_or(if visitor.is_secure { 443 } else { 80 });
    // RFC 7239, 6: an address of IPv6 stands in brackets and quotes.
    let node = match visitor.client {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    };
    let forwarded = format!("for={node};host=\"{host_text}\";proto={proto}");
    let mut tell = |name: &HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    let client = visitor.client.to_string();
    tell(&FORWARDED_FOR, &client);
    tell(&REAL_IP, &client);
    tell(&FORWARDED_PROTO, proto);
    tell(&FORWARDED_PORT, &port.to_string());
    tell(&header::FORWARDED, &forwarded);
    if !prefix.is_empty() {
        tell(&FORWARDED_PREFIX, prefix);
    }
    if let Some(host) = host {
        headers.insert(&FORWARDED_HOST, host);
    }
}

/// Whether a header says where a request comes from. Some services (CGI, WSGI) see an underscore as a hyphen. `Proxy`
/// is no such word, and becomes the variable that names a proxy to libraries of some of them.
fn claims_origin(name: &str) -> bool {
    let mut bytes = name.bytes().map(|byte| if byte == b'_' { b'-' } else { byte });
    let is = |other: &str| name.len() == other.len() && bytes.clone().eq(other.bytes());
    if is("forwarded") || is("x-real-ip") || is("proxy") {
        return true;
    }
    "x-forwarded-".bytes().all(|byte| bytes.next() == Some(byte))
}

fn port_of(host: &str) -> Option<u16> {
    host.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
}

/// HTTP/2 may carry the crumbs of a cookie one by one; before it there is one header (RFC 9113, 8.2.3).
pub(super) fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    fn text(headers: &HeaderMap) -> String {
        let line = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        let mut lines: Vec<String> = headers.iter().map(line).collect();
        lines.sort();
        lines.join("\n")
    }

    const VISITOR: Visitor = Visitor { client: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), is_secure: false, port: None };

    #[test]
    fn what_is_about_the_connection_stays_there() {
        let mut headers = map(&[
            ("connection", "close, X-Own"),
            ("connection", "host, content-length, keep-alive"),
            ("x-own", "1"),
            ("host", "shop.example.org"),
            ("content-length", "3"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic x"),
            ("te", "trailers;q=0.5, gzip"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABkAAQAAP__"),
            ("trailer", "x-sum"),
            ("authorization", "Bearer own"),
        ]);
        assert!(!leave_connection(&mut headers, Version::HTTP_11));
        let left = "authorization: Bearer own\ncontent-length: 3\nhost: shop.example.org\nte: trailers\ntrailer: x-sum";
        assert_eq!(text(&headers), left);
    }

    #[test]
    fn only_websockets_are_upgraded_and_only_over_http_1_1() {
        let asked = |upgrade: &str, version| {
            let mut headers = map(&[("connection", "keep-alive, Upgrade"), ("upgrade", upgrade)]);
            let is_websocket = leave_connection(&mut headers, version);
            (is_websocket, text(&headers))
        };
        let passed = (true, "connection: upgrade\nupgrade: websocket".to_owned());
        assert_eq!(asked("WebSocket", Version::HTTP_11), passed);
        for (upgrade, version) in [
            ("h2c", Version::HTTP_11),
            ("websocket", Version::HTTP_10),
            ("websocket", Version::HTTP_2),
            ("websocket2", Version::HTTP_11),
        ] {
            assert_eq!(asked(upgrade, version), (false, String::new()), "{upgrade}");
        }
        let mut without = map(&[("upgrade", "websocket")]);
        assert!(!leave_connection(&mut without, Version::HTTP_11));
    }

    #[test]
    fn a_visitors_word_about_itself_is_not_passed_on() {
        let mut headers = map(&[
            ("host", "shop.example.org:8080"),
            ("forwarded", "for=10.0.0.1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-for", "10.0.0.2"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-anything", "1"),
            ("x_forwarded_for", "10.0.0.1"),
            ("x-forwarded_host", "evil.example"),
            ("x-real-ip", "10.0.0.1"),
            ("x_real-ip", "10.0.0.1"),
            ("proxy", "http://evil.example"),
            ("x-forward", "stays"),
        ]);
        introduce(&mut headers, VISITOR, None, "");
        let told = "forwarded: for=192.0.2.7;host=\"shop.example.org:8080\";proto=http\nhost: shop.example.org:8080\n\
                    x-forward: stays\nx-forwarded-for: 192.0.2.7\nx-forwarded-host: shop.example.org:8080\n\
                    x-forwarded-port: 8080\nx-forwarded-proto: http\nx-real-ip: 192.0.2.7";
        assert_eq!(text(&headers), told);
    }

    #[test]
    fn what_the_target_names_is_the_host_and_a_prefix_is_told() {
        let mut headers = map(&[("host", "other.example")]);
        let visitor = Visitor { client: "2001:db8::7".parse().unwrap(), is_secure: true, port: None };
        introduce(&mut headers, visitor, Some(&"shop.example.org".parse().unwrap()), "/api");
        let told = "forwarded: for=\"[2001:db8::7]\";host=\"shop.example.org\";proto=https\nhost: shop.example.org\n\
                    x-forwarded-for: 2001:db8::7\nx-forwarded-host: shop.example.org\nx-forwarded-port: 443\n\
                    x-forwarded-prefix: /api\nx-forwarded-proto: https\nx-real-ip: 2001:db8::7";
        assert_eq!(text(&headers), told);
    }

    #[test]
    fn crumbs_become_one_cookie() {
        let mut headers = map(&[("cookie", "a=1"), ("cookie", "b=2; c=3")]);
        join_cookies(&mut headers);
        assert_eq!(text(&headers), "cookie: a=1; b=2; c=3");
        join_cookies(&mut headers);
        assert_eq!(text(&headers), "cookie: a=1; b=2; c=3");
    }
}
