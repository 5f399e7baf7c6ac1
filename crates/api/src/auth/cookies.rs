//! The two cookies: the browser's session, and the mark that binds a GitHub sign-in to the browser that began it.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// A cookie of ours. Over https its name carries `__Host-`, which browsers accept only with `Secure`, `Path=/` and no
/// domain: a site under the same domain can then neither set nor read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OurCookie {
    /// A session's token.
    Session,
    /// A pending sign-in with GitHub.
    GithubSignIn,
}

impl OurCookie {
    fn name(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Session, true) => "__Host-berth_session",
            (Self::Session, false) => "berth_session",
            (Self::GithubSignIn, true) => "__Host-berth_github",
            (Self::GithubSignIn, false) => "berth_github",
        }
    }

    /// Every value that the request sends for it; a browser sends one, an injected second one makes two.
    pub(crate) fn read(self, headers: &HeaderMap, https: bool) -> Vec<&str> {
        let name = self.name(https);
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value)
            .collect()
    }

    /// The header that sets it for `seconds`. The value is base64url: nothing to escape.
    pub(crate) fn set(self, value: &str, seconds: u64, https: bool) -> HeaderValue {
        let secure = if https { "; Secure" } else { "" };
        let name = self.name(https);
        let text = format!("{name}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={seconds}{secure}");
        HeaderValue::from_str(&text).expect("a token is base64url")
    }

    /// The header that removes it.
    pub(crate) fn clear(self, https: bool) -> HeaderValue {
        self.set("", 0, https)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a9_the_session_cookie() {
        insta::assert_snapshot!(OurCookie::Session.set("abc", 60, true).to_str().unwrap(),
            @"__Host-berth_session=abc; HttpOnly; SameSite=Lax; Path=/; Max-Age=60; Secure");
        insta::assert_snapshot!(OurCookie::Session.clear(false).to_str().unwrap(),
            @"berth_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    }

    #[test]
    fn reads_every_cookie_of_the_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=b; berth_session=one; xberth_session=no"));
        headers.append(COOKIE, HeaderValue::from_static("berth_session=two"));
        assert_eq!(OurCookie::Session.read(&headers, false), ["one", "two"]);
        assert!(OurCookie::Session.read(&headers, true).is_empty());
    }
}
