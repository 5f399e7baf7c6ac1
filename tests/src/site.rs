//! A visitor of a site: asks the loopback address under the site's host name.

use anyhow::Result;
use reqwest::header;

use crate::Berth;

/// A host name as visitors type it.
#[derive(Clone)]
pub struct Site {
    client: reqwest::Client,
    origin: String,
    /// The host with its port.
    pub host: String,
}

/// What a visitor got.
#[derive(Clone, Debug)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// The content type, if any.
    pub content_type: Option<String>,
    /// The body.
    pub body: String,
}

impl Site {
    /// The site of the project `name`.
    #[must_use]
    pub fn of(berth: &Berth, name: &str) -> Self {
        Self::at(berth, &format!("{name}.{}", berth.domain()))
    }

    /// The site at a full host name.
    #[must_use]
    pub fn at(berth: &Berth, host: &str) -> Self {
        Self { client: berth.client().clone(), origin: berth.origin(), host: host.to_owned() }
    }

    /// `GET path` as a browser's navigation does.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn get(&self, path: &str) -> Result<Page> {
        let response = self
            .client
            .get(format!("{}{path}", self.origin))
            .header(header::HOST, &self.host)
            .header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .send()
            .await?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        Ok(Page { status, content_type, body: response.text().await? })
    }
}
