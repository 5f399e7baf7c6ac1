//! Which host a request is for.
//!
//! The name comes from the request target (`:authority` in HTTP/2, an absolute-form target) or else from the one `Host`
//! header. It loses its port and a trailing dot and becomes lower case; anything that is not plainly a host is refused.
//! `X-Forwarded-Host` is never read.

use std::borrow::Cow;
use std::net::IpAddr;

use http::{Request, Version, header};

/// Longest `Host` value that is looked at, in bytes: a name has at most 253, a port 6 more.
const MAX_LENGTH: usize = 255;

/// Whom a request is for, before anything is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host<'a> {
    /// A name, in lower case, without port and trailing dot.
    Name(Cow<'a, str>),
    /// An address: never a site.
    Address(IpAddr),
}

/// A request that does not say for which host it is. The text is the answer's; it repeats nothing of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHost {
    /// Neither a `Host` header nor an authority in the target.
    #[error("the request names no host; send one Host header")]
    Missing,
    /// More than one `Host` header.
    #[error("the request has more than one Host header")]
    Repeated,
    /// Over 255 bytes.
    #[error("the Host header is longer than 255 bytes")]
    TooLong,
    /// Not a host name or address with an optional port.
    #[error("the Host header is not a host name")]
    Malformed,
}

/// The host of a request.
///
/// # Errors
/// When it is missing, repeated, too long or malformed.
pub(crate) fn host_of<B>(request: &Request<B>) -> Result<Host<'_>, BadHost> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    let first = headers.next();
    if headers.next().is_some() {
        return Err(BadHost::Repeated);
    }
    // HTTP/1.1 requires the header even where the target carries the authority, which then decides (RFC 9112, 3.2).
    if first.is_none() && request.version() <= Version::HTTP_11 {
        return Err(BadHost::Missing);
    }
    let from_header = first.map(|value| parse(value.as_bytes())).transpose()?;
    let from_target = request.uri().authority().map(|authority| parse(authority.as_str().as_bytes())).transpose()?;
    match (from_target, from_header) {
        (Some(target), Some(header)) if request.version() > Version::HTTP_11 && target != header => {
            Err(BadHost::Malformed)
        }
        (Some(host), _) | (None, Some(host)) => Ok(host),
        (None, None) => Err(BadHost::Missing),
    }
}

/// The one `Host` header as it was sent, where nothing else says whom the request is for and it is no address (which
/// ends in a digit). What else is no host in there is no key of the table either.
pub(crate) fn as_sent<B>(request: &Request<B>) -> Option<&str> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    match (headers.next(), headers.next(), request.uri().authority()) {
        (Some(only), None, None) if !only.as_bytes().last().is_some_and(u8::is_ascii_digit) => only.to_str().ok(),
        _ => None,
    }
}

/// Reads `name`, `name:port`, `192.0.2.1:port` or `[2001:db8::1]:port`.
fn parse(value: &[u8]) -> Result<Host<'_>, BadHost> {
    if value.len() > MAX_LENGTH {
        return Err(BadHost::TooLong);
    }
    let text = std::str::from_utf8(value).map_err(|_| BadHost::Malformed)?;
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(BadHost::Malformed)?;
        let address = address.parse().map_err(|_| BadHost::Malformed)?;
        return match port.strip_prefix(':') {
            _ if port.is_empty() => Ok(Host::Address(IpAddr::V6(address))),
            Some(port) if is_port(port) => Ok(Host::Address(IpAddr::V6(address))),
            _ => Err(BadHost::Malformed),
        };
    }
    let name = match text.split_once(':') {
        Some((name, port)) if is_port(port) => name,
        Some(_) => return Err(BadHost::Malformed),
        None => text,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if let Ok(address) = name.parse() {
        return Ok(Host::Address(IpAddr::V4(address)));
    }
    if !name.split('.').all(is_label) {
        return Err(BadHost::Malformed);
    }
    Ok(Host::Name(if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }))
}

/// An empty port is legal (`name:`).
fn is_port(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_host(value: &[u8]) -> Request<()> {
        let value = http::HeaderValue::from_bytes(value).unwrap();
        Request::builder().uri("/").header(header::HOST, value).body(()).unwrap()
    }

    #[test]
    fn h1_names_lose_case_port_and_trailing_dot() {
        for given in [
            "Name.Example.org:8080",
            "name.example.org.",
            "name.example.org",
            "name.example.org.:80",
            "name.example.org:",
        ] {
            let request = with_host(given.as_bytes());
            assert_eq!(host_of(&request), Ok(Host::Name("name.example.org".into())), "{given}");
        }
    }

    #[test]
    fn h3_addresses_are_no_names() {
        for given in ["127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080", "192.0.2.7."] {
            let request = with_host(given.as_bytes());
            assert!(matches!(host_of(&request), Ok(Host::Address(_))), "{given}");
        }
    }

    #[test]
    fn h4_everything_else_is_refused() {
        let no_header = Request::builder().uri("/").body(()).unwrap();
        assert_eq!(host_of(&no_header), Err(BadHost::Missing));
        let two = Request::builder().uri("/").header("host", "a.org").header("host", "a.org").body(()).unwrap();
        assert_eq!(host_of(&two), Err(BadHost::Repeated));
        assert_eq!(host_of(&with_host(&[b'a'; 8192])), Err(BadHost::TooLong));
        for bad in [
            "",
            ".",
            ":80",
            "a/b",
            "a@b",
            "user@a.org",
            "a.org:80:80",
            "a.org:x",
            "a..org",
            "[::1",
            "[zz]",
            "[::1]x",
            "a b",
            "a%00b",
            "a\\b",
            "a.org:123456",
            "é.org",
        ] {
            assert_eq!(host_of(&with_host(bad.as_bytes())), Err(BadHost::Malformed), "{bad:?}");
        }
        // A NUL never becomes a header value: hyper answers 400 by itself, and so would this.
        assert_eq!(parse(b"a\0b"), Err(BadHost::Malformed));
        assert_eq!(host_of(&with_host(format!("{}.org", "a".repeat(64)).as_bytes())), Err(BadHost::Malformed));
    }

    #[test]
    fn the_target_decides_where_it_names_the_host() {
        let both = Request::builder().uri("http://one.org/x").header("host", "two.org").body(()).unwrap();
        assert_eq!(host_of(&both), Ok(Host::Name("one.org".into())));
        let h2 = |host: Option<&str>| {
            let mut builder = Request::builder().version(Version::HTTP_2).uri("https://one.org/x");
            if let Some(host) = host {
                builder = builder.header("host", host);
            }
            builder.body(()).unwrap()
        };
        assert_eq!(host_of(&h2(None)), Ok(Host::Name("one.org".into())));
        assert_eq!(host_of(&h2(Some("ONE.org"))), Ok(Host::Name("one.org".into())));
        assert_eq!(host_of(&h2(Some("two.org"))), Err(BadHost::Malformed));
        let user = Request::builder().version(Version::HTTP_2).uri("https://me@one.org/x").body(()).unwrap();
        assert_eq!(host_of(&user), Err(BadHost::Malformed));
    }
}
