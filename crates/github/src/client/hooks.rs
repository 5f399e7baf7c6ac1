//! The hook of a repository that announces pushes and pull requests.

use berth_secrets::SecretString;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::reporting::RepositoryName;
use super::{Github, GithubError, PAGE, read, repository_path};

/// What a hook of ours announces.
const EVENTS: [&str; 2] = ["push", "pull_request"];

/// A hook as GitHub keeps it.
#[derive(Clone, Debug, Deserialize)]
pub struct Hook {
    /// Its number.
    pub id: i64,
    #[serde(default)]
    active: bool,
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    config: HookConfig,
    #[serde(default)]
    last_response: Option<LastResponse>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct HookConfig {
    url: Option<String>,
    content_type: Option<String>,
}

/// How we answered its last delivery.
#[derive(Clone, Debug, Deserialize)]
struct LastResponse {
    code: Option<i64>,
}

impl Hook {
    /// What keeps it from announcing pushes and pull requests at `url` so that we believe it; `None`: nothing.
    #[must_use]
    pub fn fault(&self, url: &str) -> Option<&'static str> {
        let has = |event: &str| self.events.iter().any(|listed| listed == event || listed == "*");
        if !self.active {
            Some("it is switched off")
        } else if self.config.url.as_deref() != Some(url) {
            Some("it leads to another address")
        } else if self.config.content_type.as_deref() != Some("json") {
            Some("it sends forms instead of JSON")
        } else if !EVENTS.into_iter().all(has) {
            Some("it does not announce pushes and pull requests")
        } else if self.last_response.as_ref().and_then(|last| last.code) == Some(401) {
            Some("its deliveries are signed with another secret")
        } else {
            None
        }
    }
}

impl Github {
    /// Registers the hook that announces pushes, and returns its id. One that already leads here is taken over: its
    /// secret becomes ours.
    pub async fn ensure_hook(
        &self,
        token: &SecretString,
        (owner, name): RepositoryName<'_>,
        url: &str,
        secret: &SecretString,
    ) -> Result<i64, GithubError> {
        let hooks = format!("{}/hooks", repository_path(owner, name)?);
        let mut body = wanted(url, secret);
        body["name"] = json!("web");
        match self.send(token, Method::POST, &hooks, Some(&body)).await {
            Ok(response) => Ok(read::<Hook>(response).await?.id),
            Err(GithubError::Unprocessable(why)) => {
                let listed: Vec<Hook> = self.get(token, &format!("{hooks}?per_page={PAGE}")).await?;
                let ours = listed.into_iter().find(|hook| hook.config.url.as_deref() == Some(url));
                let ours = ours.ok_or(GithubError::Unprocessable(why))?;
                self.update_hook(token, (owner, name), ours.id, url, secret).await?;
                Ok(ours.id)
            }
            Err(other) => Err(other),
        }
    }

    /// A hook as it stands.
    pub async fn hook(
        &self,
        token: &SecretString,
        (owner, name): RepositoryName<'_>,
        hook: i64,
    ) -> Result<Hook, GithubError> {
        self.get(token, &format!("{}/hooks/{hook}", repository_path(owner, name)?)).await
    }

    /// Makes a hook what it should be, its secret too.
    pub async fn update_hook(
        &self,
        token: &SecretString,
        (owner, name): RepositoryName<'_>,
        hook: i64,
        url: &str,
        secret: &SecretString,
    ) -> Result<(), GithubError> {
        let path = format!("{}/hooks/{hook}", repository_path(owner, name)?);
        self.send(token, Method::PATCH, &path, Some(&wanted(url, secret))).await.map(drop)
    }

    /// Has GitHub deliver a ping.
    pub async fn ping_hook(
        &self,
        token: &SecretString,
        (owner, name): RepositoryName<'_>,
        hook: i64,
    ) -> Result<(), GithubError> {
        let path = format!("{}/hooks/{hook}/pings", repository_path(owner, name)?);
        self.send(token, Method::POST, &path, None).await.map(drop)
    }

    /// Removes a hook. That it is gone already and that this user may not remove it are the same to GitHub: 404.
    pub async fn delete_hook(
        &self,
        token: &SecretString,
        (owner, name): RepositoryName<'_>,
        hook: i64,
    ) -> Result<(), GithubError> {
        let path = format!("{}/hooks/{hook}", repository_path(owner, name)?);
        self.send(token, Method::DELETE, &path, None).await.map(drop)
    }
}

/// The hook as we want it. GitHub replaces the whole of `config`, so that the secret is always part of it.
fn wanted(url: &str, secret: &SecretString) -> Value {
    json!({
        "active": true,
        "events": EVENTS,
        "config": {"url": url, "content_type": "json", "insecure_ssl": "0", "secret": secret.expose()},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_hook() {
        let url = "https://berth.test/api/webhook";
        let good = json!({"id": 1, "active": true, "events": ["push", "pull_request"],
            "config": {"url": url, "content_type": "json"}, "last_response": {"code": 201}});
        let fault = |path: &str, value: Value| {
            let mut hook = good.clone();
            *hook.pointer_mut(path).unwrap() = value;
            serde_json::from_value::<Hook>(hook).unwrap().fault(url)
        };
        assert_eq!(fault("/id", json!(1)), None);
        assert_eq!(fault("/events", json!(["*"])), None);
        assert_eq!(fault("/last_response", json!(null)), None);
        assert_eq!(fault("/last_response/code", json!(502)), None);
        assert_eq!(fault("/active", json!(false)), Some("it is switched off"));
        assert_eq!(fault("/events", json!(["push"])), Some("it does not announce pushes and pull requests"));
        assert_eq!(fault("/config/url", json!("https://x.test")), Some("it leads to another address"));
        assert_eq!(fault("/config/content_type", json!("form")), Some("it sends forms instead of JSON"));
        let signed = Some("its deliveries are signed with another secret");
        assert_eq!(fault("/last_response/code", json!(401)), signed);
    }
}
