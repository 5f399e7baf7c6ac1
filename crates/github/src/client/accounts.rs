//! Who somebody is, and which organizations and repositories they have.

use berth_secrets::SecretString;
use serde::Deserialize;

use super::{Github, GithubError, Page, repository_path};

/// Pages asked for when a whole list is needed.
const MOST_PAGES: u32 = 10;

/// A person or an organization.
#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    /// Never changes, unlike the login.
    pub id: i64,
    /// What they are called at the moment.
    pub login: String,
    /// Their public e-mail address.
    pub email: Option<String>,
    /// The address of their picture.
    pub avatar_url: Option<String>,
}

/// A repository in a list.
#[derive(Clone, Debug, Deserialize)]
pub struct Repository {
    /// Its name, without its owner's.
    pub name: String,
    /// The branch that it opens with.
    pub default_branch: Option<String>,
    /// The address of its page.
    pub html_url: String,
    /// Whose it is.
    pub owner: Owner,
    /// When it last changed, as GitHub writes it.
    pub updated_at: Option<String>,
}

/// Who a repository belongs to.
#[derive(Clone, Debug, Deserialize)]
pub struct Owner {
    /// Their login.
    pub login: String,
}

/// GitHub's rule for logins of users and organizations. Also what keeps a login from changing the path of a request.
#[must_use]
pub fn is_github_login(text: &str) -> bool {
    !text.is_empty() && text.len() <= 39 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

impl Github {
    /// Whose token it is.
    pub async fn user(&self, token: &SecretString) -> Result<Account, GithubError> {
        self.get(token, "user").await
    }

    /// A page of the organizations that the user belongs to.
    pub async fn organizations(&self, token: &SecretString, page: u32) -> Result<Page<Account>, GithubError> {
        self.page(token, "user/orgs?", page).await
    }

    /// Whether the user belongs to one of these organizations (lower-case logins).
    pub async fn belongs_to(&self, token: &SecretString, logins: &[String]) -> Result<bool, GithubError> {
        for page in 1..=MOST_PAGES {
            let organizations = self.organizations(token, page).await?;
            if organizations.items.iter().any(|found| logins.contains(&found.login.to_ascii_lowercase())) {
                return Ok(true);
            }
            if organizations.next.is_none() {
                break;
            }
        }
        Ok(false)
    }

    /// A page of the user's own repositories, newest first.
    pub async fn own_repositories(&self, token: &SecretString, page: u32) -> Result<Page<Repository>, GithubError> {
        self.page(token, "user/repos?affiliation=owner&sort=created&direction=desc&", page).await
    }

    /// A repository, if the user may see it.
    pub async fn repository(
        &self,
        token: &SecretString,
        (owner, name): (&str, &str),
    ) -> Result<Repository, GithubError> {
        self.get(token, &repository_path(owner, name)?).await
    }

    /// A page of an organization's repositories, newest first.
    pub async fn repositories_of(
        &self,
        token: &SecretString,
        organization: &str,
        page: u32,
    ) -> Result<Page<Repository>, GithubError> {
        if !is_github_login(organization) {
            return Err(GithubError::NotFound);
        }
        self.page(token, &format!("orgs/{organization}/repos?sort=created&direction=desc&"), page).await
    }

    /// A page of an account's repositories whose names have these words, the last changed first; the private ones that
    /// the user may see are among them. GitHub's index follows changes within a minute or so, and takes 30 searches in
    /// a minute.
    pub async fn search_repositories(
        &self,
        token: &SecretString,
        account: &str,
        words: &str,
        page: u32,
    ) -> Result<Page<Repository>, GithubError> {
        if !is_github_login(account) {
            return Err(GithubError::NotFound);
        }
        // What no name has could be read as one of the search's own words.
        let is_of_names = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let words: Vec<_> = words.split(|c| !is_of_names(c)).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Ok(Page::default());
        }
        let words = words.join("+");
        let path = format!("search/repositories?q={words}+in:name+fork:true+user:{account}&sort=updated&order=desc&");
        self.search(token, &path, page).await
    }
}
