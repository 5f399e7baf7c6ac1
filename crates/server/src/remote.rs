//! A Berth that runs somewhere, as programs with an API token talk to it: `berth deploy` and `berth run` are such programs.

use std::env;
use std::time::Duration;

use berth_secrets::SecretString;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::Value;
use url::Url;

/// For a connection to stand.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// Without a byte of the answer. Publishing many files takes a while.
const SILENCE: Duration = Duration::from_secs(600);

/// A Berth, and what lets us in.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    http: reqwest::Client,
    server: Url,
}

impl Remote {
    /// The Berth at `server`. No redirect is followed: the token is for that host.
    pub(crate) fn new(server: &Url, token: &SecretString) -> Result<Self, String> {
        // The first provider wins; there is no other in this process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| "BERTH_TOKEN holds characters that no token has; copy it anew")?;
        bearer.set_sensitive(true);
        let http = reqwest::Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(SILENCE)
            .user_agent(concat!("berth/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("connections cannot be made on this machine: {error}"))?;
        let mut server = server.clone();
        server.set_query(None);
        server.set_fragment(None);
        Ok(Self { http, server })
    }

    /// The one that an argument or the environment names, with the environment's token.
    pub(crate) fn of_environment(url: Option<&str>) -> Result<Self, String> {
        let given = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
        let url = url
            .map(str::to_owned)
            .or_else(|| given("BERTH_URL"))
            .ok_or("where is your Berth? Set BERTH_URL, or give --url, like https://berth.example.org")?;
        let parsed =
            Url::parse(url.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url =
            parsed.ok_or_else(|| format!("{url} (BERTH_URL) is not an address like https://berth.example.org"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("BERTH_URL carries no user or password; set BERTH_TOKEN to an API token".to_owned());
        }
        let token = given("BERTH_TOKEN")
            .ok_or("who are you? Set BERTH_TOKEN to an API token; they are made on the dashboard's account page")?;
        Self::new(&url, &SecretString::from(token.trim().to_owned()))
    }

    /// What sends requests, with the token.
    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Where it is, for people.
    pub(crate) fn server(&self) -> &str {
        self.server.as_str().trim_end_matches('/')
    }

    /// An address of its API.
    pub(crate) fn address(&self, parts: &[&str]) -> Url {
        let mut address = self.server.clone();
        if let Ok(mut path) = address.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]).extend(parts);
        }
        address
    }

    /// Why there was no answer, for people.
    pub(crate) fn unreached(&self, error: &reqwest::Error) -> String {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let server = self.server();
        match (error.is_connect(), error.is_timeout()) {
            (true, _) => format!("{server} cannot be reached: {cause}; check BERTH_URL"),
            (_, true) => format!("{server} did not answer in time"),
            _ => format!("the connection to {server} broke off: {cause}"),
        }
    }
}

/// What went wrong, in Berth's words.
pub(crate) fn said(body: &Value) -> Option<String> {
    let error = &body["error"];
    let fields = error["fields"].as_array().into_iter().flatten().filter_map(|field| field["message"].as_str());
    let fields: Vec<&str> = fields.collect();
    if !fields.is_empty() {
        return Some(fields.join("; "));
    }
    error["message"].as_str().or(body["message"].as_str()).map(str::to_owned)
}
