//! What the API needs to know of the installation. The server reads the environment and fills this in; nothing here
//! reads a variable or a file.

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;

use berth_github::is_github_login;
use berth_model::{BuildLimits, InvalidInput, SourceAllow};
use berth_secrets::SecretString;
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use crate::webhooks::WEBHOOK_PATH;

/// The installation as the API sees it.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Where people reach the control plane (`BERTH_PUBLIC_URL`). Cookies, origins and callbacks follow from it.
    pub public_url: Url,
    /// `http` or `https`: how sites are reached (`BERTH_SITE_SCHEME`).
    pub site_scheme: String,
    /// The domain under which sites live, with its port if it is not the scheme's own (`BASE_DOMAIN`).
    pub base_domain: String,
    /// The host that answers with the control plane; as a label under the domain it is nobody's project.
    pub control_host: String,
    /// Signs bearer tokens, at least 32 bytes (`SECRET`).
    pub jwt_secret: SecretString,
    /// Signs deliveries (`WEBHOOK_SECRET`). Without it none is accepted and no hook is registered.
    pub webhook_secret: Option<SecretString>,
    /// Where GitHub sends deliveries, if not `<public_url>/api/webhook` (`WEBHOOK_CALLBACK`).
    pub webhook_callback: Option<Url>,
    /// The OAuth application. Without it nobody signs in with GitHub, and its repositories are plain git.
    pub github: Option<GithubConfig>,
    /// GitHub's pages (`GITHUB_URL`).
    pub github_url: Url,
    /// GitHub's API (`GITHUB_API_URL`).
    pub github_api_url: Url,
    /// A dashboard of the previous generation, on another origin (`FRONTEND_URL`).
    pub frontend_url: Option<Url>,
    /// Who may open an account (`BERTH_SIGNUP`).
    pub signup: Signup,
    /// SHA-256 of the token that the server printed; redeems the first administrator.
    pub setup_token_hash: Option<[u8; 32]>,
    /// Private or plain-http sources that the operator allows (`BERTH_SOURCE_ALLOW`).
    pub source_allow: SourceAllow,
    /// Project names nobody may take, besides `berth_model::RESERVED_NAMES`.
    pub reserved_names: Vec<String>,
    /// The limits of a build, shown to users.
    pub limits: BuildLimits,
    /// How many builds run at once, of all users and of one.
    pub concurrency: (u32, u32),
    /// How much may be asked for in a minute.
    pub rate_limits: RateLimits,
    /// Berth's own version.
    pub version: String,
}

/// Requests to the API in a minute; `None`: as many as one likes. Hooks are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Of an address, while nobody is signed in (`BERTH_LIMIT_STRANGERS`).
    pub strangers: Option<NonZeroU32>,
    /// Changes of an account, and as many of all its programs (`BERTH_LIMIT_WRITES`).
    pub writes: Option<NonZeroU32>,
}

/// An OAuth application at GitHub.
#[derive(Clone, Debug)]
pub struct GithubConfig {
    /// `CLIENT_ID`.
    pub client_id: String,
    /// `CLIENT_SECRET`.
    pub client_secret: SecretString,
}

/// Who may open an account by signing in with GitHub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Signup {
    /// Nobody: existing accounts only.
    #[default]
    Closed,
    /// Members of one of these GitHub organizations (lower case).
    Organizations(Vec<String>),
    /// Everybody.
    Open,
}

impl Signup {
    /// Parses `closed`, `open` or `org:<login>[,<login>…]`.
    ///
    /// # Errors
    /// Quotes what is none of these.
    pub fn parse(text: &str) -> Result<Self, InvalidInput> {
        match text.trim() {
            "closed" => return Ok(Self::Closed),
            "open" => return Ok(Self::Open),
            _ => {}
        }
        let logins: Vec<String> = text
            .trim()
            .strip_prefix("org:")
            .unwrap_or_default()
            .split(',')
            .map(|login| login.trim().trim_start_matches("org:").to_ascii_lowercase())
            .collect();
        if logins.iter().all(|login| is_github_login(login)) {
            Ok(Self::Organizations(logins))
        } else {
            Err(InvalidInput::new(
                "BERTH_SIGNUP",
                format!("BERTH_SIGNUP is closed, open or org:<login>[,<login>], not `{text}`"),
            ))
        }
    }
}

impl ApiConfig {
    /// The domain of sites without its port: what host names in the route table end in.
    pub(crate) fn site_domain(&self) -> &str {
        match self.base_domain.rsplit_once(':') {
            Some((domain, port)) if port.bytes().all(|b| b.is_ascii_digit()) => domain,
            _ => &self.base_domain,
        }
    }

    /// The full host name of a label under the domain, as the route table stores it.
    pub(crate) fn site_host(&self, label: &str) -> String {
        format!("{label}.{}", self.site_domain())
    }

    /// The address of a host in the route table.
    pub(crate) fn site_url(&self, host: &str) -> String {
        let port = &self.base_domain[self.site_domain().len()..];
        format!("{}://{host}{port}", self.site_scheme)
    }

    /// The addresses that sites can have, as a browser's policy names them.
    pub(crate) fn all_sites(&self) -> String {
        format!("{}://*.{}", self.site_scheme, self.base_domain)
    }

    /// The origin that browsers name when the dashboard calls.
    pub(crate) fn public_origin(&self) -> String {
        self.public_url.origin().ascii_serialization()
    }

    /// A dashboard elsewhere; `None` when it is our own.
    pub(crate) fn foreign_frontend(&self) -> Option<&Url> {
        self.frontend_url.as_ref().filter(|url| url.origin() != self.public_url.origin())
    }

    /// The origin that browsers name when a dashboard elsewhere calls.
    pub(crate) fn foreign_frontend_origin(&self) -> Option<String> {
        self.foreign_frontend().map(|url| url.origin().ascii_serialization())
    }

    /// Whether cookies may be marked `Secure`.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// An address below the control plane's own, whatever path it is mounted at.
    pub(crate) fn public(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }

    /// Where GitHub is told to send deliveries.
    pub(crate) fn webhook_url(&self) -> String {
        self.webhook_callback.as_ref().map_or_else(|| self.public(WEBHOOK_PATH), Url::to_string)
    }

    /// The address of another hook: at the host that deliveries are sent to, if that is this Berth under another name
    /// and not something that passes GitHub's on.
    pub(crate) fn hook_url(&self, path: &str) -> String {
        let callback = self.webhook_callback.as_ref().map(Url::as_str);
        match callback.and_then(|callback| callback.strip_suffix(WEBHOOK_PATH)) {
            Some(prefix) => format!("{prefix}{path}"),
            None => self.public(path),
        }
    }

    /// The names nobody may take: the operator's, and the labels of the control plane and of the webhook's host.
    pub(crate) fn all_reserved_names(&self) -> Vec<String> {
        let control = self.control_host.split(':').next();
        let webhook = self.webhook_callback.as_ref().and_then(Url::host_str);
        let label = |host: &str| {
            let rest = host.trim_end_matches('.').strip_suffix(self.site_domain())?;
            rest.strip_suffix('.').map(str::to_owned)
        };
        let labels = [control, webhook].into_iter().flatten().filter_map(label);
        self.reserved_names.iter().cloned().chain(labels).collect()
    }
}

/// A question that the server answers for the API: whether one of its parts works. `Err` says in words what does not.
pub type HealthCheck = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// The parts that the API cannot ask itself. The database it asks through the store.
#[derive(Clone)]
pub struct HealthChecks {
    /// Whether Docker answers and builds can start.
    pub docker: HealthCheck,
    /// Whether the disks have room.
    pub disk: HealthCheck,
    /// The whole machine, for administrators.
    pub machine: Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Machine> + Send>> + Send + Sync>,
}

/// The machine as the server finds it. A part that cannot be found out is absent.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// The version that Docker says it has.
    pub docker_version: Option<String>,
    /// What builds can reach; `Err` says in words why none starts.
    pub network: Option<Result<BuildNetwork, String>>,
    /// The disks that Berth writes to.
    pub disks: Vec<DiskSpace>,
    /// Bytes of memory that this process has.
    pub memory: Option<u64>,
}

/// What builds can reach of the operator's own networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BuildNetwork {
    /// Nothing: a build has tried.
    Closed,
    /// Nothing, as far as the rules go; the first build tries.
    Unproven,
    /// Whatever this machine reaches: the operator wants it so.
    Open,
}

/// One disk.
#[derive(Clone, Debug)]
pub struct DiskSpace {
    /// The variable that names the directory on it.
    pub variable: &'static str,
    /// Bytes that can still be written.
    pub free: u64,
    /// Bytes that it has.
    pub total: u64,
    /// Bytes below which no build starts.
    pub floor: u64,
}

impl HealthChecks {
    /// The same, with somebody who looks at the whole machine.
    #[must_use]
    pub fn looking_at<M, F>(mut self, machine: M) -> Self
    where
        M: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Machine> + Send + 'static,
    {
        self.machine = Arc::new(move || Box::pin(machine()));
        self
    }

    /// Checks made of two async functions.
    pub fn new<D, F, E, G>(docker: D, disk: E) -> Self
    where
        D: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
        E: Fn() -> G + Send + Sync + 'static,
        G: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self {
            docker: Arc::new(move || Box::pin(docker())),
            disk: Arc::new(move || Box::pin(disk())),
            machine: Arc::new(|| Box::pin(async { Machine::default() })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signup_rules() {
        assert_eq!(Signup::parse("closed"), Ok(Signup::Closed));
        assert_eq!(Signup::parse("open"), Ok(Signup::Open));
        let organizations = Signup::Organizations(vec!["acme".into(), "other".into()]);
        assert_eq!(Signup::parse("org:Acme, other"), Ok(organizations));
        for bad in ["", "org:", "org:a/b", "everyone", "org:a,,b"] {
            assert!(Signup::parse(bad).is_err(), "{bad:?}");
        }
    }
}
