//! The part of GitHub's API that Berth uses: who somebody is, which repositories they have, and the hook that
//! announces pushes. Every call is made with a user's own token and a deadline, and follows no redirect to another host.

use std::time::Duration;

use berth_model::{Clock, Timestamp};
use berth_secrets::SecretString;
use http::{Method, StatusCode};
use reqwest::{Client, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use crate::config::is_github_login;

/// How long one call may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(15);
/// How long a limit of requests holds that GitHub names no end of.
const LIMITED_FOR: u64 = 60;
/// Entries on a page of a list: GitHub's maximum.
pub(crate) const PAGE: u32 = 100;
/// Pages asked for when a whole list is needed.
const MOST_PAGES: u32 = 10;
/// The largest answer read: a page of 100 repositories is about half a megabyte.
const LARGEST_ANSWER: usize = 8 << 20;

/// Why GitHub did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GithubError {
    /// The stored token is not (any longer) good.
    #[error("GitHub does not accept the stored token")]
    TokenRefused,
    /// No such thing, or not for this user: GitHub does not say which.
    #[error("GitHub answers 404")]
    NotFound,
    /// Not for this user.
    #[error("GitHub answers 403: {0}")]
    Forbidden(String),
    /// Too many requests with this token; after so many seconds there may be more.
    #[error("GitHub's limit of requests is reached for {0} seconds")]
    RateLimited(u64),
    /// GitHub cannot do that with what it was given.
    #[error("GitHub answers 422: {0}")]
    Unprocessable(String),
    /// No answer in time.
    #[error("GitHub does not answer within {} seconds", TIMEOUT.as_secs())]
    Silent,
    /// No connection, or an answer that is not GitHub's.
    #[error("GitHub cannot be asked")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something else.
    #[error("GitHub answers {0}")]
    Unexpected(StatusCode),
}

/// A person or an organization.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Account {
    /// Never changes, unlike the login.
    pub(crate) id: i64,
    pub(crate) login: String,
    pub(crate) email: Option<String>,
    pub(crate) avatar_url: Option<String>,
}

/// A repository in a list.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Repository {
    pub(crate) name: String,
    pub(crate) default_branch: Option<String>,
    pub(crate) html_url: String,
    pub(crate) owner: Owner,
    pub(crate) updated_at: Option<String>,
}

/// Who a repository belongs to.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Owner {
    pub(crate) login: String,
}

#[derive(Deserialize)]
struct Hook {
    id: i64,
    #[serde(default)]
    config: HookConfig,
}

#[derive(Default, Deserialize)]
struct HookConfig {
    url: Option<String>,
}

/// GitHub's API at one address.
#[derive(Clone, Debug)]
pub(crate) struct Github {
    http: Client,
    api: Url,
    clock: Clock,
}

impl Github {
    /// The API at `api`.
    pub(crate) fn new(http: Client, api: Url, clock: Clock) -> Self {
        Self { http, api, clock }
    }

    /// Whose token it is.
    pub(crate) async fn user(&self, token: &SecretString) -> Result<Account, GithubError> {
        self.get(token, "user").await
    }

    /// A page of the organizations that the user belongs to.
    pub(crate) async fn organizations(&self, token: &SecretString, page: u32) -> Result<Vec<Account>, GithubError> {
        self.get(token, &format!("user/orgs?per_page={PAGE}&page={page}")).await
    }

    /// Whether the user belongs to one of these organizations (lower-case logins).
    pub(crate) async fn belongs_to(&self, token: &SecretString, logins: &[String]) -> Result<bool, GithubError> {
        for page in 1..=MOST_PAGES {
            let organizations = self.organizations(token, page).await?;
            if organizations.iter().any(|found| logins.contains(&found.login.to_ascii_lowercase())) {
                return Ok(true);
            }
            if organizations.len() < PAGE as usize {
                break;
            }
        }
        Ok(false)
    }

    /// A page of the user's own repositories, newest first.
    pub(crate) async fn own_repositories(
        &self,
        token: &SecretString,
        page: u32,
    ) -> Result<Vec<Repository>, GithubError> {
        let order = "affiliation=owner&sort=created&direction=desc";
        self.get(token, &format!("user/repos?{order}&per_page={PAGE}&page={page}")).await
    }

    /// A page of an organization's repositories, newest first.
    pub(crate) async fn repositories_of(
        &self,
        token: &SecretString,
        organization: &str,
        page: u32,
    ) -> Result<Vec<Repository>, GithubError> {
        if !is_github_login(organization) {
            return Err(GithubError::NotFound);
        }
        let order = "sort=created&direction=desc";
        self.get(token, &format!("orgs/{organization}/repos?{order}&per_page={PAGE}&page={page}")).await
    }

    /// Registers the hook that announces pushes, and returns its id. One that already leads here is taken over: its
    /// secret becomes ours.
    pub(crate) async fn ensure_hook(
        &self,
        token: &SecretString,
        (owner, name): (&str, &str),
        url: &str,
        secret: &SecretString,
    ) -> Result<i64, GithubError> {
        let hooks = format!("{}/hooks", repository_path(owner, name)?);
        let config = json!({"url": url, "content_type": "json", "insecure_ssl": "0", "secret": secret.expose()});
        let body = json!({"name": "web", "active": true, "events": ["push", "pull_request"], "config": config});
        match self.send(token, Method::POST, &hooks, Some(&body)).await {
            Ok(response) => Ok(read::<Hook>(response).await?.id),
            Err(GithubError::Unprocessable(why)) => {
                let listed: Vec<Hook> = self.get(token, &format!("{hooks}?per_page={PAGE}")).await?;
                let ours = listed.into_iter().find(|hook| hook.config.url.as_deref() == Some(url));
                let ours = ours.ok_or(GithubError::Unprocessable(why))?;
                let body = json!({"active": true, "events": ["push", "pull_request"], "config": config});
                self.send(token, Method::PATCH, &format!("{hooks}/{}", ours.id), Some(&body)).await?;
                Ok(ours.id)
            }
            Err(other) => Err(other),
        }
    }

    /// Removes a hook. One that is gone already is as good.
    pub(crate) async fn delete_hook(
        &self,
        token: &SecretString,
        (owner, name): (&str, &str),
        hook: i64,
    ) -> Result<(), GithubError> {
        let path = format!("{}/hooks/{hook}", repository_path(owner, name)?);
        match self.send(token, Method::DELETE, &path, None).await {
            Ok(_) | Err(GithubError::NotFound) => Ok(()),
            Err(other) => Err(other),
        }
    }

    async fn get<T: DeserializeOwned>(&self, token: &SecretString, path: &str) -> Result<T, GithubError> {
        read(self.send(token, Method::GET, path, None).await?).await
    }

    async fn send(
        &self,
        token: &SecretString,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response, GithubError> {
        let url = format!("{}/{path}", self.api.as_str().trim_end_matches('/'));
        let mut request = self
            .http
            .request(method, url)
            .timeout(TIMEOUT)
            .bearer_auth(token.expose())
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .header("user-agent", "berth");
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(unreachable)?;
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::UNAUTHORIZED => Err(GithubError::TokenRefused),
            StatusCode::NOT_FOUND => Err(GithubError::NotFound),
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
                if let Some(seconds) = limited_for(&response, self.clock.now()) =>
            {
                Err(GithubError::RateLimited(seconds))
            }
            StatusCode::FORBIDDEN => Err(GithubError::Forbidden(said(response).await)),
            StatusCode::UNPROCESSABLE_ENTITY => Err(GithubError::Unprocessable(said(response).await)),
            status => Err(GithubError::Unexpected(status)),
        }
    }
}

/// `repos/<owner>/<name>`, of names that cannot lead elsewhere.
fn repository_path(owner: &str, name: &str) -> Result<String, GithubError> {
    let fits = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let leads_up = |part: &str| part.bytes().all(|b| b == b'.');
    if fits(owner) && fits(name) && !leads_up(owner) && !leads_up(name) {
        Ok(format!("repos/{owner}/{name}"))
    } else {
        Err(GithubError::NotFound)
    }
}

/// The address can carry nothing secret, but it says nothing to the reader either.
fn unreachable(error: reqwest::Error) -> GithubError {
    if error.is_timeout() { GithubError::Silent } else { GithubError::Unreachable(error.without_url().into()) }
}

/// For how many seconds GitHub takes no more requests, if that is why it refuses: the hourly limit ends at a time that
/// it names, the limit against bursts after a while that it names.
fn limited_for(response: &Response, now: Timestamp) -> Option<u64> {
    let number = |name: &str| response.headers().get(name)?.to_str().ok()?.parse::<u64>().ok();
    if let Some(seconds) = number("retry-after") {
        return Some(seconds.clamp(1, 3_600));
    }
    if number("x-ratelimit-remaining") == Some(0) {
        let until = number("x-ratelimit-reset").and_then(|until| i64::try_from(until).ok());
        let left = until.and_then(|until| u64::try_from(until - now.unix_seconds()).ok());
        return Some(left.unwrap_or(LIMITED_FOR).clamp(1, 3_600));
    }
    (response.status() == StatusCode::TOO_MANY_REQUESTS).then_some(LIMITED_FOR)
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, GithubError> {
    let bytes = bytes_of(response).await?;
    serde_json::from_slice(&bytes).map_err(|error| GithubError::Unreachable(error.into()))
}

/// The message of a refusal, for our own user; GitHub puts nothing secret there.
async fn said(response: Response) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let bytes = bytes_of(response).await.unwrap_or_default();
    let refusal = serde_json::from_slice::<Refusal>(&bytes);
    refusal.map(|refusal| refusal.message.chars().take(200).collect()).unwrap_or_default()
}

async fn bytes_of(mut response: Response) -> Result<Vec<u8>, GithubError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if bytes.len() + chunk.len() > LARGEST_ANSWER {
            return Err(GithubError::Unreachable("the answer is larger than 8 MiB".into()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_lead_elsewhere() {
        assert_eq!(repository_path("ada", "shop.js").unwrap(), "repos/ada/shop.js");
        for (owner, name) in [("..", "user"), ("a", ".."), ("a/b", "c"), ("a", "b?c"), ("a%2f", "b")] {
            assert!(repository_path(owner, name).is_err(), "{owner}/{name}");
        }
    }
}
