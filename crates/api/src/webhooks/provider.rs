//! Whose form a delivery has, as its headers tell. Nothing here is believed before the signature was checked.

use http::HeaderMap;

/// A kind of git host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// GitHub, and whatever signs and speaks like it.
    Github,
    Gitea,
    Forgejo,
    Gitlab,
}

impl Provider {
    /// The most particular one: Forgejo sends Gitea's headers too, and both send GitHub's.
    pub(crate) const ALL: [Self; 4] = [Self::Forgejo, Self::Gitea, Self::Github, Self::Gitlab];

    /// Whose headers these are.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| headers.contains_key(provider.event_header()))
    }

    /// As stored and shown.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::Gitlab => "gitlab",
        }
    }

    /// Reads what [`Provider::as_str`] wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == text)
    }

    /// What the delivery is about, in the sender's own words.
    pub(crate) fn event(self, headers: &HeaderMap) -> String {
        header(headers, self.event_header()).unwrap_or_default()
    }

    /// The sender's own id of the delivery; the same one when it is sent again.
    pub(crate) fn delivery_id(self, headers: &HeaderMap) -> Option<String> {
        let names: &[&str] = match self {
            Self::Github => &["x-github-delivery"],
            Self::Gitea => &["x-gitea-delivery"],
            Self::Forgejo => &["x-forgejo-delivery", "x-gitea-delivery"],
            Self::Gitlab => &["idempotency-key", "x-gitlab-event-uuid"],
        };
        names.iter().find_map(|name| header(headers, name))
    }

    /// Whether an event of this name can lead to something.
    pub(crate) fn asks(self, event: &str) -> bool {
        match self {
            Self::Github | Self::Gitea | Self::Forgejo => matches!(event, "push" | "pull_request" | "delete"),
            Self::Gitlab => matches!(event, "Push Hook" | "Merge Request Hook"),
        }
    }

    fn event_header(self) -> &'static str {
        match self {
            Self::Github => "x-github-event",
            Self::Gitea => "x-gitea-event",
            Self::Forgejo => "x-forgejo-event",
            Self::Gitlab => "x-gitlab-event",
        }
    }
}

/// A header of a stranger, short enough to be kept.
pub(super) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.chars().take(100).collect())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(given: &[(&'static str, &'static str)]) -> HeaderMap {
        given.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_most_particular_host_is_recognised() {
        let of_github = [("x-github-event", "push"), ("x-github-delivery", "g")];
        let of_gitea = [of_github.as_slice(), &[("x-gitea-event", "push"), ("x-gitea-delivery", "t")]].concat();
        let of_forgejo = [of_gitea.as_slice(), &[("x-forgejo-event", "push")]].concat();
        let of_gitlab = [("x-gitlab-event", "Push Hook"), ("x-gitlab-event-uuid", "l")];
        for (sent, provider, id) in [
            (of_github.as_slice(), Provider::Github, "g"),
            (&of_gitea, Provider::Gitea, "t"),
            (&of_forgejo, Provider::Forgejo, "t"),
            (&of_gitlab, Provider::Gitlab, "l"),
        ] {
            let headers = headers(sent);
            assert_eq!(Provider::of(&headers), Some(provider));
            assert_eq!(provider.delivery_id(&headers).as_deref(), Some(id));
            assert_eq!(Provider::parse(provider.as_str()), Some(provider));
        }
        assert_eq!(Provider::of(&headers(&[("content-type", "application/json")])), None);
    }

    #[test]
    fn a_delivery_that_gitlab_sends_again_keeps_its_key() {
        let headers =
            headers(&[("x-gitlab-event", "Push Hook"), ("idempotency-key", "k"), ("x-gitlab-event-uuid", "u")]);
        assert_eq!(Provider::Gitlab.delivery_id(&headers).as_deref(), Some("k"));
    }
}
