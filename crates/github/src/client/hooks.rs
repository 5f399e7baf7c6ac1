//! The hook of a repository that announces pushes and pull requests.

use berth_secrets::SecretString;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Github, GithubError, PAGE, read, repository_path};

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

impl Github {
    /// Registers the hook that announces pushes, and returns its id. One that already leads here is taken over: its
    /// secret becomes ours.
    pub async fn ensure_hook(
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
    pub async fn delete_hook(
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
}
