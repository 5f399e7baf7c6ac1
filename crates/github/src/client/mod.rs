//! GitHub's API as far as Berth uses it. Every call is made with a user's own token and a deadline. A repository that was
//! renamed is found where GitHub says that it is, if that is the API's own origin; no token goes anywhere else. What is
//! asked for is in a module a topic; how a call is made and what can go wrong is here.

mod accounts;
mod branches;
mod error;
mod hooks;
mod page;
mod reporting;

use std::time::Duration;

use berth_model::Clock;
use berth_secrets::SecretString;
use http::header::LOCATION;
use http::{Method, StatusCode};
use reqwest::{Client, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

pub use self::accounts::{Account, Owner, Repository, is_github_login};
pub use self::branches::Branch;
pub use self::error::{GithubError, RECONNECT};
use self::error::{forbidden, limited_for, said, unreachable};
pub use self::hooks::Hook;
pub use self::page::Page;
pub use self::reporting::{
    Comment, Commenter, CommitState, CommitStatus, DeploymentState, DeploymentStatus, LONGEST_DESCRIPTION,
    NewDeployment, RepositoryName,
};

/// How long one call may take.
pub const TIMEOUT: Duration = Duration::from_secs(15);
/// Entries on a page of a list: GitHub's maximum.
const PAGE: u32 = 100;
/// The largest answer read: a page of 100 repositories is about half a megabyte.
const LARGEST_ANSWER: usize = 8 << 20;

/// GitHub's API at one address.
#[derive(Clone, Debug)]
pub struct Github {
    http: Client,
    api: Url,
    clock: Clock,
}

impl Github {
    /// The API at `api`.
    #[must_use]
    pub fn new(http: Client, api: Url, clock: Clock) -> Self {
        Self { http, api, clock }
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
        let mut response = self.ask(token, &method, &url, body).await?;
        if let Some(moved) = self.moved_to(&response) {
            response = self.ask(token, &method, moved.as_str(), body).await?;
        }
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::UNAUTHORIZED => Err(GithubError::TokenRefused),
            StatusCode::NOT_FOUND => Err(GithubError::NotFound),
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
                if let Some(seconds) = limited_for(&response, self.clock.now()) =>
            {
                Err(GithubError::RateLimited(seconds))
            }
            StatusCode::FORBIDDEN => Err(forbidden(said(response).await)),
            StatusCode::UNPROCESSABLE_ENTITY => Err(GithubError::Unprocessable(said(response).await)),
            status => Err(GithubError::Unexpected(status)),
        }
    }

    async fn ask(
        &self,
        token: &SecretString,
        method: &Method,
        url: &str,
        body: Option<&Value>,
    ) -> Result<Response, GithubError> {
        let mut request = self
            .http
            .request(method.clone(), url)
            .timeout(TIMEOUT)
            .bearer_auth(token.expose())
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .header("user-agent", "berth");
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.map_err(unreachable)
    }

    /// Where the same request is to be made instead, as after a repository was renamed; `None`: nowhere, or at an address
    /// that our token is not for.
    fn moved_to(&self, response: &Response) -> Option<Url> {
        let moved = [
            StatusCode::MOVED_PERMANENTLY,
            StatusCode::FOUND,
            StatusCode::TEMPORARY_REDIRECT,
            StatusCode::PERMANENT_REDIRECT,
        ];
        if !moved.contains(&response.status()) {
            return None;
        }
        let location = response.headers().get(LOCATION)?.to_str().ok()?;
        let moved = response.url().join(location).ok()?;
        (moved.origin() == self.api.origin()).then_some(moved)
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

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, GithubError> {
    let bytes = bytes_of(response).await?;
    serde_json::from_slice(&bytes).map_err(|error| GithubError::Unreachable(error.into()))
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
