//! What opens a private repository.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use berth_secrets::SecretString;
use reqwest::header::HeaderValue;

use crate::BuildError;

/// GitHub's own name for whoever holds a token.
const GITHUB_USER: &str = "x-access-token";
/// GitLab asks for it with OAuth tokens and takes any name with other tokens; GitHub, Gitea and Forgejo look at the
/// token only. Bitbucket's tokens and GitLab's deploy tokens have a name of their own, which the project then says.
const COMMON_USER: &str = "oauth2";

/// An access token and the user that goes with it. Sent to the repository's own host only.
#[derive(Clone, Debug)]
pub struct Credentials {
    user: String,
    token: SecretString,
    pub(super) giver: Giver,
}

/// Who gave a token, and so who can give a better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Giver {
    /// The owner's account at GitHub.
    Account,
    /// The project's own setting.
    Project,
}

impl Credentials {
    /// The token of the owner's GitHub account.
    #[must_use]
    pub fn of_account(token: SecretString) -> Self {
        Self { user: GITHUB_USER.to_owned(), token, giver: Giver::Account }
    }

    /// The project's own token; without a user, with the name that most hosts take.
    #[must_use]
    pub fn of_project(user: Option<String>, token: SecretString) -> Self {
        Self { user: user.unwrap_or_else(|| COMMON_USER.to_owned()), token, giver: Giver::Project }
    }

    /// What no log may show.
    #[must_use]
    pub fn token(&self) -> &SecretString {
        &self.token
    }

    /// `Basic …`, marked so that nothing prints it.
    pub(super) fn header(&self) -> Result<HeaderValue, BuildError> {
        let pair = SecretString::from(format!("{}:{}", self.user, self.token.expose()));
        let basic = SecretString::from(format!("Basic {}", STANDARD.encode(pair.expose())));
        let mut header = HeaderValue::from_str(basic.expose()).map_err(BuildError::ours_for_good)?;
        header.set_sensitive(true);
        Ok(header)
    }
}
