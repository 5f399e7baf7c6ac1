//! Addresses of repositories: https (http only where the operator allows the host), no user, no other transport.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{InputCode, InvalidInput};

/// A repository's address. Parsed once; carries no user name, password, query or fragment.
///
/// `http://` parses too: whether a host may be fetched over plain http, or at a private address, is the operator's
/// `BERTH_SOURCE_ALLOW`, asked when a project is saved and again when its source is fetched.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoUrl(Url);

/// What two addresses of one repository have in common: `github.com/owner/name`, lower case, without `.git`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RepoKey(String);

impl RepoUrl {
    /// Parses an address.
    ///
    /// # Errors
    /// Says which part is not allowed.
    pub fn parse(text: &str) -> Result<Self, InvalidInput> {
        let coded = |code, message: &str| Err(InvalidInput::new("repoUrl", message).coded(code));
        let invalid = |message: &str| coded(InputCode::RepoUrlForm, message);
        if text.len() > 2_048 {
            return invalid("the repository's address is longer than 2,048 bytes");
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) || text.contains('\\') {
            return invalid("the repository's address contains a space, control character or backslash");
        }
        // Url::parse forgives what git would not (`https:host`, missing slashes), so the shape is asked for first.
        if !(text.starts_with("https://") || text.starts_with("http://")) {
            return coded(
                InputCode::RepoUrlScheme,
                "the repository's address starts with https:// (ssh, git, file and local paths are not fetched)",
            );
        }
        let Ok(url) = Url::parse(text) else {
            return invalid("the repository's address is not a URL, like https://github.com/owner/name");
        };
        if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
            return coded(
                InputCode::RepoUrlCredentials,
                "the repository's address carries no user or password; give an access token as repoToken, and the user \
                 that goes with it as repoUser",
            );
        }
        if url.query().is_some() || url.fragment().is_some() {
            return invalid("the repository's address has no ? or #");
        }
        let segments: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
        if segments.is_empty() || segments.iter().any(|part| part.starts_with('-')) {
            return invalid("the repository's address names a repository, like https://github.com/owner/name");
        }
        Ok(Self(url))
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The parsed address.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Scheme, host and port: what an access token belongs to.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// What all addresses of this repository have in common.
    #[must_use]
    pub fn key(&self) -> RepoKey {
        let host = self.0.host_str().unwrap_or_default().to_ascii_lowercase();
        let port = self.0.port().map(|port| format!(":{port}")).unwrap_or_default();
        let path = self.0.path().trim_matches('/').to_ascii_lowercase();
        let path = path.strip_suffix(".git").unwrap_or(&path);
        RepoKey(format!("{host}{port}/{path}"))
    }

    /// `owner` and `name` if the repository lives directly under `base` (`https://github.com`).
    #[must_use]
    pub fn owner_and_name_under(&self, base: &Url) -> Option<(String, String)> {
        let same =
            self.0.host_str() == base.host_str() && self.0.port_or_known_default() == base.port_or_known_default();
        if !same {
            return None;
        }
        let rest = self.0.path().strip_prefix(base.path().trim_end_matches('/'))?.strip_prefix('/')?;
        let mut parts = rest.trim_matches('/').split('/');
        let (owner, name) = (parts.next()?, parts.next()?);
        let name = name.strip_suffix(".git").unwrap_or(name);
        (parts.next().is_none() && !owner.is_empty() && !name.is_empty()).then(|| (owner.to_owned(), name.to_owned()))
    }
}

impl RepoKey {
    /// A key as it was stored.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The key as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for RepoUrl {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        Self::parse(&text)
    }
}

impl From<RepoUrl> for String {
    fn from(url: RepoUrl) -> Self {
        url.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_web_addresses() {
        for good in
            ["https://github.com/a/b", "https://github.com/a/b.git", "http://127.0.0.1:3000/a/b.git", "https://x.org/r"]
        {
            assert!(RepoUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "github.com/a/b",
            "git@github.com:a/b",
            "ssh://-oProxyCommand=x/y",
            "ext::sh -c x",
            "file:///etc",
            "/etc",
            "git://h/a",
            "https://u@h/a",
            "https://u:p@h/a",
            "https://h/a\nb",
            "--upload-pack=x",
            "-u",
            "https://h",
            "https://h/",
            "https:h/a",
            "https://h/-x/y",
            "https://h/a?b",
            "https://h/a#b",
            "https://h\\a/b",
        ] {
            assert!(RepoUrl::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn one_repository_has_one_key() {
        let key = |text: &str| RepoUrl::parse(text).unwrap().key();
        assert_eq!(key("https://GitHub.com/Owner/Name.git"), key("https://github.com/owner/name/"));
        assert_ne!(key("https://github.com/owner/name"), key("https://github.com:8443/owner/name"));
    }

    #[test]
    fn an_origin_tells_hosts_ports_and_schemes_apart() {
        let origin = |text: &str| RepoUrl::parse(text).unwrap().origin();
        assert_eq!(origin("https://Git.example.org:443/a/b.git"), "https://git.example.org");
        assert_eq!(origin("http://git.example.org:3000/a/b"), "http://git.example.org:3000");
    }

    #[test]
    fn github_owner_and_name() {
        let base = Url::parse("https://github.com").unwrap();
        let parts = |text: &str| RepoUrl::parse(text).unwrap().owner_and_name_under(&base);
        assert_eq!(parts("https://github.com/a/b.git"), Some(("a".into(), "b".into())));
        assert_eq!(parts("https://github.com/a/b/c"), None);
        assert_eq!(parts("https://gitlab.com/a/b"), None);
        let enterprise = Url::parse("https://git.example.org/github/").unwrap();
        let parts = |text: &str| RepoUrl::parse(text).unwrap().owner_and_name_under(&enterprise);
        assert_eq!(parts("https://git.example.org/github/a/b"), Some(("a".into(), "b".into())));
        assert_eq!(parts("https://git.example.org/githubs/b"), None);
        assert_eq!(parts("https://git.example.org/a/b"), None);
    }
}
