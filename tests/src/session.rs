//! A signed-in client of Berth's REST interface.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::{RequestBuilder, StatusCode, header};
use serde_json::Value;
use url::Url;

use crate::{Berth, FakeGithub};

/// What Berth answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body, `null` if it is not JSON.
    pub json: Value,
    /// Its body as it came.
    pub text: String,
}

impl Answer {
    /// Sends a request and reads all of the answer.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn of(request: RequestBuilder) -> Result<Self> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok(Self { status, json: serde_json::from_str(&text).unwrap_or_default(), text })
    }

    /// The body, if the status is the expected one.
    ///
    /// # Errors
    /// Shows the answer when it is not.
    pub fn expect(self, status: u16) -> Result<Value> {
        ensure!(self.status == status, "expected {status}, got {}: {}", self.status, self.text);
        Ok(self.json)
    }

    /// A push that is built: because of this delivery, or because Berth had looked at the branch a moment before.
    ///
    /// # Errors
    /// Shows the answer when it is another one.
    pub fn heard(self) -> Result<()> {
        ensure!(matches!(self.status, 200 | 201), "not heard, but {}: {}", self.status, self.text);
        Ok(())
    }
}

/// A person who signed in, with the bearer token that existing clients use.
#[derive(Clone)]
pub struct Session {
    client: reqwest::Client,
    origin: String,
    /// The bearer JWT.
    pub token: String,
    since: Instant,
}

impl Session {
    /// Signs in over OAuth as a browser does: Berth → GitHub → Berth → dashboard, carrying the cookies along.
    ///
    /// # Errors
    /// Says which hop went wrong.
    pub async fn over_oauth(berth: &Berth, github: &FakeGithub) -> Result<Self> {
        let start = berth.request("GET", "/api/auth/github").send().await?;
        let cookies = cookies_of(&start);
        let authorize = location(&start, "Berth's sign-in").await?;
        ensure!(authorize.as_str().starts_with(&github.url), "sign-in leads to {authorize}, not to GitHub");
        let scopes = authorize.query_pairs().find(|(key, _)| key == "scope").map(|(_, value)| value.into_owned());
        let scopes = scopes.context("no scope asked for")?.replace(' ', ",");
        ensure!(scopes == "read:user,repo,read:org", "asks GitHub for {scopes}");

        let granted = berth.client().get(authorize).send().await?;
        let callback = location(&granted, "GitHub's consent").await?;
        let path = format!("{}?{}", callback.path(), callback.query().unwrap_or_default());
        let done = berth.request("GET", &path).header(header::COOKIE, cookies).send().await?;
        let dashboard = location(&done, "Berth's callback").await?;
        let token = dashboard.query_pairs().find(|(key, _)| key == "token").map(|(_, value)| value.into_owned());
        let token = token.with_context(|| format!("no token in {dashboard}"))?;
        Ok(Self { client: berth.client().clone(), origin: berth.origin(), token, since: Instant::now() })
    }

    /// Whether its token, which is good for an hour, is about to run out.
    #[must_use]
    pub fn is_old(&self) -> bool {
        self.since.elapsed() > Duration::from_secs(45 * 60)
    }

    /// `GET path`.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        Answer::of(self.client.get(self.url(path)).bearer_auth(&self.token)).await
    }

    /// `POST path` with a JSON body.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        Answer::of(self.client.post(self.url(path)).bearer_auth(&self.token).json(body)).await
    }

    /// `PUT path` with a JSON body.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        Answer::of(self.client.put(self.url(path)).bearer_auth(&self.token).json(body)).await
    }

    /// `PATCH path` with a JSON body.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Answer> {
        Answer::of(self.client.patch(self.url(path)).bearer_auth(&self.token).json(body)).await
    }

    /// `DELETE path`.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        Answer::of(self.client.delete(self.url(path)).bearer_auth(&self.token)).await
    }

    /// `GET path` of an answer that goes on.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn stream(&self, path: &str) -> Result<reqwest::Response> {
        // The client's own patience is for all of an answer; this one may go on through a build.
        let request = self.client.get(self.url(path)).bearer_auth(&self.token).timeout(Duration::from_secs(600));
        Ok(request.send().await?.error_for_status()?)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

/// A number in an answer.
///
/// # Errors
/// When it is something else.
pub fn number(value: &Value) -> Result<i64> {
    value.as_i64().with_context(|| format!("{value} is not a number"))
}

fn cookies_of(response: &reqwest::Response) -> String {
    let set = response.headers().get_all(header::SET_COOKIE).iter();
    let pairs = set.filter_map(|value| value.to_str().ok()?.split(';').next().map(str::to_owned));
    pairs.collect::<Vec<_>>().join("; ")
}

async fn location(response: &reqwest::Response, whose: &str) -> Result<Url> {
    let status = response.status();
    let target = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    match target {
        Some(target) if matches!(status, StatusCode::FOUND | StatusCode::SEE_OTHER) => {
            Ok(response.url().join(target)?)
        }
        _ => bail!("{whose} answered {status} where a redirect was expected"),
    }
}
