//! The configuration: every variable with its meaning, default and parser in one table, from which both [`Config`] and
//! the list that `berth config` prints are made.
//!
//! All problems are found before any is reported. What is left out and must be secret ([`Config::secret`],
//! [`Config::encryption_key`], [`Config::webhook_secret`]) is generated into the data directory later, not here:
//! reading the configuration writes nothing.

mod given;
mod listing;
mod reading;
mod values;

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use berth_api::Signup;
use berth_model::{BuildLimits, Cpus, ServiceMaximum, SourceAllow};
use berth_runtime::Egress;
use berth_secrets::SecretString;
use ipnet::{IpNet, Ipv4Net};
use url::Url;

use given::Given;
pub use given::Source;
pub use listing::Listing;
use reading::{Reading, is_known};
use values::optional;

/// The domain that sites are names under, and the port they are reached at if it is not their scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseDomain {
    /// Lower case, without a trailing dot.
    pub name: String,
    /// As written in `BASE_DOMAIN`.
    pub port: Option<u16>,
}

impl fmt::Display for BaseDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// What is wrong with one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which variable.
    pub variable: String,
    /// Its text; `None` for secrets.
    pub value: Option<String>,
    /// What would be right.
    pub right: String,
}

impl Problem {
    fn new(variable: &str, value: Option<String>, right: impl Into<String>) -> Self {
        Self { variable: variable.to_owned(), value, right: right.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}: {}", self.variable, self.right),
            None => write!(f, "{}: {}", self.variable, self.right),
        }
    }
}

/// Everything that is wrong with the configuration, together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigProblems(pub Vec<Problem>);

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "the configuration has a problem\n  {only}"),
            problems => {
                write!(f, "the configuration has {} problems", problems.len())?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

/// How a variable's value is treated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Printed; empty means not set.
    Plain,
    /// Never printed; empty means not set.
    Secret,
    /// Never printed, and empty is a mistake: anybody could sign or decrypt with an empty key.
    Key,
}

/// A variable as the table has it.
struct Setting {
    name: &'static str,
    description: &'static [&'static str],
    shown: Shown,
    /// The default in words, where it is not a fixed text: none or one.
    default_words: &'static [&'static str],
}

macro_rules! settings {
    ($(
        $(#[doc = $doc:literal])+
        $field:ident: $type:ty = $shown:ident $name:literal, $parse:expr, $default:expr $(, $words:literal)?;
    )+) => {
        /// The configuration of one Berth. Each field names its variable.
        #[derive(Clone, Debug)]
        pub struct Config {
            $(
                $(#[doc = $doc])+
                #[doc = ""]
                #[doc = concat!("Variable: `", $name, "`.")]
                pub $field: $type,
            )+
            /// What is odd but no reason to refuse, such as variables that look misspelt.
            pub warnings: Vec<String>,
        }

        const SETTINGS: &[Setting] = &[$(Setting {
            name: $name,
            description: &[$($doc),+],
            shown: Shown::$shown,
            default_words: &[$($words)?],
        }),+];

        /// Reads every variable, in the table's order: a default may be made of the texts of earlier ones.
        fn read(given: Given) -> (Listing, Result<Config, ConfigProblems>) {
            let mut reading = Reading::of(given);
            let mut settings = SETTINGS.iter();
            $(
                let $field: Option<$type> = settings.next().and_then(|setting| {
                    settings!(@take $shown, reading, setting, $default, $parse)
                });
            )+
            let warnings = reading.warnings();
            let (listing, mut problems) = reading.end();
            let config = match ($($field,)+) {
                ($(Some($field),)+) => Some(Config { $($field,)+ warnings }),
                _ => None,
            };
            problems.extend(config.iter().flat_map(Config::contradictions));
            let config = config.filter(|_| problems.is_empty()).ok_or(ConfigProblems(problems));
            (listing, config)
        }
    };
    (@take Key, $reading:ident, $setting:ident, $default:expr, $parse:expr) => {
        $reading.take_key($setting, $parse)
    };
    (@take $other:ident, $reading:ident, $setting:ident, $default:expr, $parse:expr) => {
        $reading.take($setting, $default, $parse)
    };
}

settings! {
    /// A file of NAME=value lines. What the environment sets wins over it.
    config_file: Option<PathBuf> = Plain "BERTH_CONFIG", |text| optional(text, values::directory), |_| String::new();
    /// Where Berth listens, for sites and the control plane alike.
    listen: SocketAddr = Plain "BERTH_LISTEN", values::socket_address, |_| "127.0.0.1:8080".into();
    /// Where Prometheus may read what is counted (/metrics), besides the administrators at the control host. It asks for
    /// no account: an address that only your monitoring reaches, like 127.0.0.1:9464.
    metrics_listen: Option<SocketAddr> = Plain "BERTH_METRICS_LISTEN",
        |text| optional(text, values::socket_address), |_| String::new();
    /// The domain that sites are names under, with its port if visitors have to type one.
    base_domain: BaseDomain = Plain "BASE_DOMAIN", values::base_domain, default_domain,
        "localhost and the port of BERTH_LISTEN";
    /// Where people reach the control plane. Its host answers with the dashboard and the API, never with a site.
    public_url: Url = Plain "BERTH_PUBLIC_URL", values::origin, |read| format!("http://{}", read.text("BASE_DOMAIN")),
        "http:// and BASE_DOMAIN";
    /// http or https: how visitors reach sites.
    site_scheme: String = Plain "BERTH_SITE_SCHEME", values::scheme,
        |read| read.text("BERTH_PUBLIC_URL").split(':').next().unwrap_or("http").into(), "the scheme of BERTH_PUBLIC_URL";
    /// Networks of reverse proxies in front of Berth, whose X-Forwarded-For is believed.
    trusted_proxies: Vec<IpNet> = Plain "BERTH_TRUSTED_PROXIES", values::networks, |_| String::new();
    /// Keys and the SQLite database. Berth creates it for itself alone (mode 0700).
    data_dir: PathBuf = Plain "BERTH_DATA_DIR", values::directory, |_| "./data".into();
    /// The releases of all sites.
    deployments_dir: PathBuf = Plain "BERTH_DEPLOYMENTS_DIR", values::directory, |_| "./deployments".into();
    /// The database: sqlite:///path/to/file or postgres://user:password@host/name.
    database_url: SecretString = Secret "DATABASE_URL", values::database_url,
        |read| format!("sqlite://{}", read.directory("BERTH_DATA_DIR").join("berth.db").display()),
        "berth.db in BERTH_DATA_DIR";
    /// Signs bearer tokens: at least 32 bytes. Generated into the data directory when left out.
    secret: Option<SecretString> = Key "SECRET", values::signing_secret, |_| String::new(),
        "generated";
    /// Seals secrets and tokens in the database: 64 hexadecimal digits. Generated into the data directory when left
    /// out. Whoever loses it loses every stored secret, so keep a copy.
    encryption_key: Option<SecretString> = Key "ENCRYPTION_KEY", values::encryption_key,
        |_| String::new(), "generated";
    /// Encryption keys from before ENCRYPTION_KEY, newest first, separated by commas. They only open: what they sealed is
    /// sealed anew at start, and then they can go.
    encryption_key_previous: Vec<SecretString> = Secret "ENCRYPTION_KEY_PREVIOUS", values::encryption_keys,
        |_| String::new();
    /// Signs webhook deliveries. Generated into the data directory when left out.
    webhook_secret: Option<SecretString> = Key "WEBHOOK_SECRET", values::webhook_secret,
        |_| String::new(), "generated";
    /// The client id of the GitHub OAuth application that people sign in with.
    client_id: Option<String> = Plain "CLIENT_ID", |text| optional(text, values::text), |_| String::new();
    /// That application's client secret.
    client_secret: Option<SecretString> = Secret "CLIENT_SECRET", |text| optional(text, values::secret), |_| String::new();
    /// GitHub's pages; another address for GitHub Enterprise.
    github_url: Url = Plain "GITHUB_URL", values::web_address, |_| "https://github.com".into();
    /// GitHub's API; https://<host>/api/v3 for GitHub Enterprise.
    github_api_url: Url = Plain "GITHUB_API_URL", values::web_address,
        |read| match read.text("GITHUB_URL").trim_end_matches('/') {
            "https://github.com" => "https://api.github.com".into(),
            enterprise => format!("{enterprise}/api/v3"),
        }, "https://api.github.com, or /api/v3 under GITHUB_URL";
    /// Where GitHub sends deliveries, if it reaches Berth at another address than people do.
    webhook_callback: Option<Url> = Plain "WEBHOOK_CALLBACK", |text| optional(text, values::web_address), |_| String::new(),
        "/api/webhook under BERTH_PUBLIC_URL";
    /// A dashboard on another origin, which may call the API and to which signing in leads back.
    frontend_url: Option<Url> = Plain "FRONTEND_URL", |text| optional(text, values::web_address), |_| String::new();
    /// Who may open an account: closed, open, or org:<login>[,<login>…] for members of GitHub organizations.
    signup: Signup = Plain "BERTH_SIGNUP", values::signup, |_| "closed".into();
    /// Names that no project may take, besides the built-in ones.
    reserved_names: Vec<String> = Plain "BERTH_RESERVED_NAMES", values::names, |_| String::new();
    /// Hosts and networks that sources may be fetched from although they are private or plain http.
    source_allow: SourceAllow = Plain "BERTH_SOURCE_ALLOW", values::source_allow, |_| String::new();
    /// Where Docker listens: unix:///path or tcp://host:port. Left out, the usual local socket.
    docker_host: Option<String> = Plain "DOCKER_HOST", |text| optional(text, values::docker_host), |_| String::new(),
        "the local socket";
    /// closed keeps builds away from the host, private networks and metadata services; open lets them.
    egress: Egress = Plain "BERTH_EGRESS", values::egress, |_| "closed".into();
    /// Private networks that builds may reach all the same, such as a package registry on the LAN.
    egress_allow: Vec<Ipv4Net> = Plain "BERTH_EGRESS_ALLOW", values::ipv4_networks, |_| String::new();
    /// How long a build may take: seconds, or 15m, or 2h.
    build_timeout: Duration = Plain "BERTH_BUILD_TIMEOUT", values::duration, |_| "15m".into();
    /// The memory of a build, without swap.
    build_memory: u64 = Plain "BERTH_BUILD_MEMORY", values::memory, |_| "2g".into();
    /// The processors of a build.
    build_cpus: f64 = Plain "BERTH_BUILD_CPUS", values::cores, |_| "2".into();
    /// The processes and threads of a build.
    build_pids: u32 = Plain "BERTH_BUILD_PIDS", values::count, |_| "512".into();
    /// How much of a build's log is kept; of a longer one, head and tail.
    build_log: u64 = Plain "BERTH_BUILD_LOG", values::size, |_| "10m".into();
    /// How large a build's output may be.
    build_output: u64 = Plain "BERTH_BUILD_OUTPUT", values::size, |_| "1g".into();
    /// How many builds run at once.
    build_concurrency: u32 = Plain "BERTH_BUILD_CONCURRENCY", values::count, |_| half_the_cores().to_string(),
        "half the cores, at least 1";
    /// How many builds of one user run at once.
    build_concurrency_per_user: u32 = Plain "BERTH_BUILD_CONCURRENCY_PER_USER", values::count,
        |read| read.text("BERTH_BUILD_CONCURRENCY").into(), "BERTH_BUILD_CONCURRENCY";
    /// The memory of one replica of a service, without swap, where its repository says nothing.
    service_memory: u64 = Plain "BERTH_SERVICE_MEMORY", values::memory, |_| "512m".into();
    /// The processors of one replica of a service, where its repository says nothing.
    service_cpus: Cpus = Plain "BERTH_SERVICE_CPUS", values::cpus, |_| "1".into();
    /// The most memory that one replica of a service gets, whatever its repository or BERTH_SERVICE_MEMORY says.
    service_memory_max: Option<u64> = Plain "BERTH_SERVICE_MEMORY_MAX", |text| optional(text, values::memory),
        |_| String::new(), "what the machine has";
    /// The most processors that one replica of a service gets, whatever its repository or BERTH_SERVICE_CPUS says.
    service_cpus_max: Option<Cpus> = Plain "BERTH_SERVICE_CPUS_MAX", |text| optional(text, values::cpus),
        |_| String::new(), "what the machine has";
    /// The processes and threads of one replica of a service.
    service_pids: u32 = Plain "BERTH_SERVICE_PIDS", values::count, |_| "512".into();
    /// How much is kept of what one service prints; the oldest goes first.
    service_log: u64 = Plain "BERTH_SERVICE_LOG", values::size, |_| "10m".into();
    /// How long WebSockets and event streams to a version that was replaced stay open, and how long requests may take to
    /// end where somebody wants a replica to go: seconds, or 2m.
    drain_timeout: Duration = Plain "BERTH_DRAIN_TIMEOUT", values::duration, |_| "30s".into();
    /// How long requests that are under way to a version that was replaced may take to end: seconds, or 5m, or 1h. The
    /// last two versions have it.
    drain_requests: Duration = Plain "BERTH_DRAIN_REQUESTS", values::duration, |_| "1h".into();
    /// How often branches are compared with their builds, for pushes that nobody told of, and leftovers are swept.
    reconcile_every: Duration = Plain "BERTH_RECONCILE_EVERY", values::duration, |_| "1h".into();
    /// How many previews of a project there are at once, and how many of forks; beyond that, those go that were pushed to
    /// longest ago.
    previews_per_project: u32 = Plain "BERTH_PREVIEWS_PER_PROJECT", values::count, |_| "20".into();
    /// How long a preview stays that nobody pushes to: days like 30d, or seconds, m, h.
    preview_max_age: Duration = Plain "BERTH_PREVIEW_MAX_AGE", values::age, |_| "30d".into();
    /// How long events and the logs of builds are kept: days like 90d, or seconds, m, h. The newest 20 builds of a
    /// project and those whose release is kept never lose their logs.
    keep_history: Duration = Plain "BERTH_KEEP_HISTORY", values::long_duration, |_| "90d".into();
    /// How long the audit log is kept: days like 365d, or seconds, m, h.
    keep_audit: Duration = Plain "BERTH_KEEP_AUDIT", values::long_duration, |_| "365d".into();
    /// How many requests a minute the API takes of an address while nobody is signed in; 0: no limit. Hooks are not counted.
    limit_strangers: Option<NonZeroU32> = Plain "BERTH_LIMIT_STRANGERS", values::rate, |_| "300".into();
    /// How many changes a minute an account may make, and its API tokens together; 0: no limit.
    limit_writes: Option<NonZeroU32> = Plain "BERTH_LIMIT_WRITES", values::rate, |_| "300".into();
    /// What is logged: error, warn, info, debug or trace, or a filter like info,berth_store=debug.
    log: String = Plain "BERTH_LOG", values::log_filter, |_| "info".into();
    /// human or json.
    log_format: LogFormat = Plain "BERTH_LOG_FORMAT", values::log_format, |_| "human".into();
}

impl Config {
    /// Reads the process's environment and the file that `BERTH_CONFIG` names.
    ///
    /// # Errors
    /// Everything that is wrong, together.
    pub fn from_env() -> Result<Self, ConfigProblems> {
        read(Given::from_environment()).1
    }

    /// Reads exactly these variables instead of the environment's.
    ///
    /// # Errors
    /// Everything that is wrong, together.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ConfigProblems> {
        read(Given::from_pairs(pairs.into_iter().map(|(name, value)| (name.into(), value.into())))).1
    }

    /// The limits of one build.
    #[must_use]
    pub fn build_limits(&self) -> BuildLimits {
        BuildLimits {
            timeout: self.build_timeout,
            memory: self.build_memory,
            cpus: self.build_cpus,
            pids: self.build_pids,
            log: self.build_log,
            output_bytes: self.build_output,
            ..BuildLimits::default()
        }
    }

    /// The most that a replica gets.
    #[must_use]
    pub fn service_maximum(&self) -> ServiceMaximum {
        ServiceMaximum { memory: self.service_memory_max, cpus: self.service_cpus_max }
    }

    /// What no single variable shows.
    fn contradictions(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.client_id.is_some() != self.client_secret.is_some() {
            let missing = if self.client_id.is_some() { "CLIENT_SECRET" } else { "CLIENT_ID" };
            let right = "CLIENT_ID and CLIENT_SECRET belong together: set both, or neither";
            found.push(Problem::new(missing, None, right));
        }
        let control = self.public_url.host_str().unwrap_or_default();
        let below = control.strip_suffix(&self.base_domain.name).and_then(|rest| rest.strip_suffix('.'));
        if below.is_some_and(|label| label.contains('.')) {
            let right =
                format!("it must be {0}, one label under it, or no name under it at all", self.base_domain.name);
            found.push(Problem::new("BERTH_PUBLIC_URL", Some(self.public_url.to_string()), right));
        }
        if let Some(metrics) = self.metrics_listen.filter(|metrics| metrics.port() != 0 && *metrics == self.listen) {
            let right = "visitors come to that address (BERTH_LISTEN); choose another port";
            found.push(Problem::new("BERTH_METRICS_LISTEN", Some(metrics.to_string()), right));
        }
        if self.data_dir == self.deployments_dir {
            let right = "BERTH_DATA_DIR and BERTH_DEPLOYMENTS_DIR must be two directories";
            found.push(Problem::new("BERTH_DEPLOYMENTS_DIR", Some(self.deployments_dir.display().to_string()), right));
        }
        found
    }
}

/// Every variable with its current value, default, source and meaning; and the problems there are.
#[must_use]
pub fn listing_from_env() -> (Listing, Option<ConfigProblems>) {
    let (listing, config) = read(Given::from_environment());
    (listing, config.err())
}

/// A port that is chosen by the system has no name beforehand.
fn default_domain(read: &Reading) -> String {
    match read.text("BERTH_LISTEN").rsplit_once(':') {
        Some((_, port)) if port != "0" => format!("localhost:{port}"),
        _ => "localhost".to_owned(),
    }
}

fn half_the_cores() -> usize {
    (std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
        let error = Config::from_pairs(pairs.iter().copied()).map(|_| ()).unwrap_err();
        error.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn nothing_set_is_a_configuration() {
        let config = Config::from_pairs::<&str, &str>([]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.public_url.as_str(), "http://localhost:8080/");
        assert_eq!(config.site_scheme, "http");
        assert_eq!(config.build_limits(), BuildLimits::default());
        assert!(config.build_concurrency >= 1);
        assert!(config.secret.is_none() && config.warnings.is_empty());
        assert!(config.database_url.expose().ends_with("/data/berth.db"));
    }

    #[test]
    fn the_domain_has_the_port_that_berth_listens_on() {
        let domain = |listen| Config::from_pairs([("BERTH_LISTEN", listen)]).unwrap().base_domain.to_string();
        assert_eq!(domain("0.0.0.0:9000"), "localhost:9000");
        assert_eq!(domain("127.0.0.1:0"), "localhost");
    }

    #[test]
    fn defaults_follow_other_variables() {
        let config = Config::from_pairs([
            ("BASE_DOMAIN", "Sites.example.org"),
            ("BERTH_PUBLIC_URL", "https://panel.example.org"),
            ("GITHUB_URL", "https://github.example.org/"),
        ])
        .unwrap();
        assert_eq!(config.site_scheme, "https");
        assert_eq!(config.github_api_url.as_str(), "https://github.example.org/api/v3");
    }

    #[test]
    fn all_problems_are_reported_together_and_secrets_never() {
        let found = problems(&[
            ("BERTH_LISTEN", "8080"),
            ("BASE_DOMAIN", "127.0.0.1"),
            ("SECRET", "short"),
            ("ENCRYPTION_KEY", "0123"),
            ("WEBHOOK_SECRET", ""),
            ("DATABASE_URL", "mysql://root:hunter2@db/berth"),
            ("BERTH_SIGNUP", "everyone"),
            ("BERTH_BUILD_TIMEOUT", "soon"),
        ]);
        insta::assert_snapshot!(found.join("\n"), @r"
        BERTH_LISTEN=8080: an address and a port is needed, like 127.0.0.1:8080 or [::]:80
        BASE_DOMAIN=127.0.0.1: sites are names under this domain, and an address has none; use localhost or a domain of your own
        DATABASE_URL: sqlite:///path/to/file or postgres://user:password@host/name is needed
        SECRET: at least 32 bytes are needed, these are 5; make one with `openssl rand -hex 32`, or leave the variable out and Berth makes one
        ENCRYPTION_KEY: exactly 64 hexadecimal digits are needed; make them with `openssl rand -hex 32`, or leave the variable out and Berth makes them
        WEBHOOK_SECRET: it is set, but empty, and anybody could sign with that; make one with `openssl rand -hex 32`, or leave the variable out and Berth makes one
        BERTH_SIGNUP=everyone: closed, open or org:<login>[,<login>…]
        BERTH_BUILD_TIMEOUT=soon: a time is needed, at most a week: seconds like 900, or 15m, or 2h
        ");
        assert!(found.iter().all(|problem| !problem.contains("short") && !problem.contains("hunter2")));
    }

    #[test]
    fn empty_means_not_set_except_for_keys() {
        assert!(Config::from_pairs([("BERTH_LISTEN", ""), ("CLIENT_ID", ""), ("DATABASE_URL", "")]).is_ok());
        for key in ["SECRET", "ENCRYPTION_KEY", "WEBHOOK_SECRET"] {
            assert_eq!(problems(&[(key, "")]).len(), 1, "{key}");
        }
    }

    #[test]
    fn contradictions() {
        assert!(problems(&[("CLIENT_ID", "abc")])[0].starts_with("CLIENT_SECRET:"));
        let nested = [("BASE_DOMAIN", "example.org"), ("BERTH_PUBLIC_URL", "https://a.b.example.org")];
        assert!(problems(&nested)[0].starts_with("BERTH_PUBLIC_URL="));
        assert_eq!(problems(&[("BERTH_DATA_DIR", "x"), ("BERTH_DEPLOYMENTS_DIR", "./x")]).len(), 1);
        let both = [("BERTH_LISTEN", "127.0.0.1:9000"), ("BERTH_METRICS_LISTEN", "127.0.0.1:9000")];
        assert!(problems(&both)[0].starts_with("BERTH_METRICS_LISTEN=127.0.0.1:9000"));
    }

    #[test]
    fn a_misspelt_variable_is_a_warning() {
        let config = Config::from_pairs([("BERTH_BUILD_MEMROY", "1g")]).unwrap();
        assert_eq!(
            config.warnings,
            ["BERTH_BUILD_MEMROY is not a variable of Berth; did you mean BERTH_BUILD_MEMORY?"]
        );
        let of_clients = [("BERTH_URL", "https://berth.example.org"), ("BERTH_TOKEN", "berth_0")];
        assert_eq!(Config::from_pairs(of_clients).unwrap().warnings, Vec::<String>::new());
    }

    #[test]
    fn the_listing_names_every_variable_and_no_secret() {
        let key = "ab".repeat(32);
        let pairs = [("ENCRYPTION_KEY", key.as_str()), ("DATABASE_URL", "postgres://b:hunter2@db/b")];
        let (listing, config) = read(Given::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))));
        assert!(config.is_ok());
        let text = listing.to_string();
        assert!(SETTINGS.iter().all(|setting| text.contains(setting.name)));
        assert!(!text.contains(&key) && !text.contains("hunter2") && text.contains("***"));
    }
}
