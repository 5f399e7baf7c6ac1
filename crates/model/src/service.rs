//! The parts of a project as they are deployed: names, routes, what a running one needs, and where its replicas stand.
//!
//! A *service* is one part of a project. A running service has one or more *replicas*, each a container of the image that
//! its build made. Nothing here knows Docker or a database.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU16;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::status::words;
use crate::{InvalidInput, VariableKey};

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses what a person wrote.
            ///
            /// # Errors
            /// Says what is wrong and what would be right.
            pub fn parse(text: &str) -> Result<Self, InvalidInput> {
                let parse: fn(&str) -> Result<String, InvalidInput> = $parse;
                parse(text).map(Self)
            }

            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidInput;

            fn try_from(text: String) -> Result<Self, InvalidInput> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

text_type! {
    /// A service's name: a DNS label of at most 40 characters, `^[a-z]([a-z0-9-]*[a-z0-9])?$`. Its project's other
    /// services reach it by this name.
    ServiceName, |text| label("name", "a service's name", text)
}

text_type! {
    /// A volume's name, of the same form as a service's. It is the project's: two services that name it share it.
    ServiceVolumeName, |text| label("volumes", "a volume's name", text)
}

text_type! {
    /// What the paths begin with that a service answers: `/`, or `/api` for `/api` and everything below it. It begins
    /// with a slash and does not end with one.
    PathPrefix, path_prefix
}

text_type! {
    /// The path that says whether a service is healthy, asked for with GET: `/health`.
    HealthPath, |text| absolute("health", "the health path", text)
}

text_type! {
    /// Where a volume is mounted: an absolute path inside the container, and not its root.
    MountPath, mount_path
}

impl ServiceName {
    /// What the only service of a project is called that names none.
    pub const ONLY: &str = "web";

    /// The name of the only service of a project that names none.
    #[must_use]
    pub fn only() -> Self {
        Self(Self::ONLY.to_owned())
    }
}

impl PathPrefix {
    /// Everything.
    #[must_use]
    pub fn everything() -> Self {
        Self("/".to_owned())
    }

    /// Whether a path of a request, which begins with a slash, is this or below it.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        self.0 == "/" || path.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

fn label(field: &'static str, what: &str, text: &str) -> Result<String, InvalidInput> {
    let is_label = text.len() <= 40
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.ends_with('-');
    if is_label {
        return Ok(text.to_owned());
    }
    let problem = format!(
        "{what} has at most 40 lower-case letters, digits and hyphens, begins with a letter and does not end with a \
         hyphen; {text:?} is none"
    );
    Err(InvalidInput::new(field, problem))
}

fn absolute(field: &'static str, what: &str, text: &str) -> Result<String, InvalidInput> {
    let problem = if !text.starts_with('/') {
        "begins with a slash"
    } else if text.len() > 1_024 {
        "has at most 1,024 bytes"
    } else if text.bytes().any(|b| !b.is_ascii_graphic() || matches!(b, b'#' | b'"' | b'<' | b'>' | b'\\')) {
        "has no spaces, control characters, quotes, # or backslashes; percent-encode what is not ASCII"
    } else {
        return Ok(text.to_owned());
    };
    Err(InvalidInput::new(field, format!("{what} {problem}; {text:?} is none")))
}

fn path_prefix(text: &str) -> Result<String, InvalidInput> {
    let path = absolute("routes", "a route's path", text)?;
    if path == "/" {
        return Ok(path);
    }
    let path = path.strip_suffix('/').unwrap_or(&path);
    if path.split('/').skip(1).all(|part| !matches!(part, "" | "." | "..") && !part.contains('?')) {
        return Ok(path.to_owned());
    }
    let problem = format!("a route's path has no empty parts, no . or .. and no query; {text:?} is none");
    Err(InvalidInput::new("routes", problem))
}

fn mount_path(text: &str) -> Result<String, InvalidInput> {
    let path = absolute("volumes", "a volume's path", text)?;
    let path = path.trim_end_matches('/');
    let is_plain = !path.is_empty() && path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
    let is_below = |top: &&str| path.strip_prefix(*top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_the_systems = ["/etc", "/bin", "/sbin", "/lib", "/lib64", "/usr"].contains(&path)
        || ["/proc", "/sys", "/dev"].iter().any(is_below);
    if is_plain && !is_the_systems && !path.contains(':') {
        return Ok(path.to_owned());
    }
    let problem =
        format!("a volume is mounted at a directory of the application's own, such as /data; not at {text:?}");
    Err(InvalidInput::new("volumes", problem))
}

/// The part of a project's address that a service answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRoute {
    /// What the paths begin with. Of several that cover a path the longest counts.
    pub path: PathPrefix,
    /// Whether a running service sees the path without the prefix. Files never see it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strip_prefix: bool,
}

impl ServiceRoute {
    /// The whole address.
    #[must_use]
    pub fn everything() -> Self {
        Self { path: PathPrefix::everything(), strip_prefix: false }
    }
}

/// Processors in thousandths; written as a number of cores (`0.5`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schema(value_type = f64)]
pub struct Cpus(u32);

impl Cpus {
    /// Parses a number of cores, from 0.05 to 256.
    ///
    /// # Errors
    /// Names the range.
    pub fn new(cores: f64) -> Result<Self, InvalidInput> {
        if (0.05..=256.0).contains(&cores) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range by the check above")]
            return Ok(Self((cores * 1_000.0).round() as u32));
        }
        Err(InvalidInput::new("cpus", format!("a service has from 0.05 to 256 processors; {cores} is outside")))
    }

    /// As a number of cores.
    #[must_use]
    pub fn cores(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }
}

impl TryFrom<f64> for Cpus {
    type Error = InvalidInput;

    fn try_from(cores: f64) -> Result<Self, InvalidInput> {
        Self::new(cores)
    }
}

impl From<Cpus> for f64 {
    fn from(cpus: Cpus) -> Self {
        cpus.cores()
    }
}

/// A named volume in a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceVolume {
    /// Which volume of the project.
    pub name: ServiceVolumeName,
    /// Where it is mounted.
    pub path: MountPath,
}

/// What `berth.toml`, a Dockerfile or the framework says of how a service runs; what is absent is the operator's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunSettings {
    /// Run once for each deployment in the new image, before the switch: migrations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub release_command: Option<String>,
    /// Where it listens; it is told by `PORT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u16, required = false)]
    pub port: Option<NonZeroU16>,
    /// What it speaks there: `http1`, or `h2c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub protocol: Option<ServiceProtocol>,
    /// What says whether it is healthy; without it, that it accepts connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub health_path: Option<HealthPath>,
    /// Seconds that it may take to become healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u32, required = false)]
    pub health_timeout: Option<u32>,
    /// Memory of one replica, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    pub memory: Option<u64>,
    /// Processors of one replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    pub cpus: Option<Cpus>,
    /// How many run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u32, required = false)]
    pub replicas: Option<u32>,
    /// What survives deployments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub volumes: Vec<ServiceVolume>,
}

/// The most replicas of one service.
pub const MOST_REPLICAS: u32 = 20;
/// Where a service listens that says nothing else.
pub const DEFAULT_PORT: NonZeroU16 = NonZeroU16::new(3000).unwrap();
/// How long a service may take to become healthy that says nothing else.
pub const DEFAULT_HEALTH_TIMEOUT: Duration = Duration::from_secs(120);

/// One part of a deployment, as it is served: kept with the deployment and never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// Its name.
    pub name: ServiceName,
    /// What it answers; a service without routes is reached by its siblings only.
    pub routes: Vec<ServiceRoute>,
    /// What it is.
    #[serde(flatten)]
    pub part: ServicePart,
}

/// Files or processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ServicePart {
    /// Files in the deployment's release.
    Static,
    /// Replicas of an image.
    Running(RunningService),
}

/// What starts a replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningService {
    /// The image, by its id at the daemon (`sha256:…`): a deployment always starts what was built for it.
    pub image: String,
    /// Run by the image's shell; `None` is what the image itself starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_command: Option<String>,
    /// Where it listens.
    pub port: NonZeroU16,
    /// Plain values that the repository gives; a variable of the project with the same key wins.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<VariableKey, String>,
    /// What else was asked for. Its `port` says what was asked for, not what is.
    #[serde(default)]
    pub settings: RunSettings,
}

impl ServiceSpec {
    /// What runs, if this is not files.
    #[must_use]
    pub fn running(&self) -> Option<&RunningService> {
        match &self.part {
            ServicePart::Running(running) => Some(running),
            ServicePart::Static => None,
        }
    }

    /// Where its replicas listen. Files do not, and neither does a worker: what has no routes and was given no port.
    #[must_use]
    pub fn port(&self) -> Option<NonZeroU16> {
        let running = self.running()?;
        let listens = !self.routes.is_empty() || running.settings.port.is_some();
        listens.then_some(running.port)
    }
}

impl RunningService {
    /// How long it may take to become healthy.
    #[must_use]
    pub fn health_timeout(&self) -> Duration {
        self.settings.health_timeout.map_or(DEFAULT_HEALTH_TIMEOUT, |seconds| Duration::from_secs(seconds.into()))
    }
}

words! {
    /// What a running service speaks where it listens.
    ServiceProtocol {
        /// HTTP/1.1.
        Http1 = "http1",
        /// HTTP/2 without TLS, from the first byte: gRPC, for example.
        H2c = "h2c",
    }
}

#[allow(clippy::derivable_impls, reason = "`words!` marks no variant")]
impl Default for ServiceProtocol {
    fn default() -> Self {
        Self::Http1
    }
}

words! {
    /// Where a replica, or a service as a whole, stands.
    ServiceState {
        /// Started, and not healthy yet.
        Starting = "starting",
        /// Healthy.
        Healthy = "healthy",
        /// Was healthy, and no longer answers as it should.
        Unhealthy = "unhealthy",
        /// Ended by itself; it is started again after a while.
        Restarting = "restarting",
        /// Ended by itself again and again; it is still tried from time to time.
        CrashLoop = "crash_loop",
        /// It gets no further request, and ends when it has answered those it has.
        Draining = "draining",
        /// Nobody wants it to run.
        Stopped = "stopped",
    }
}

impl ServiceState {
    /// The state of a service by those of its replicas: the best of them, for it answers as long as one does.
    #[must_use]
    pub fn of_all(replicas: impl IntoIterator<Item = Self>) -> Self {
        let rank = |state: &Self| match state {
            Self::Healthy => 6,
            Self::Unhealthy => 5,
            Self::Starting => 4,
            Self::Restarting => 3,
            Self::CrashLoop => 2,
            Self::Draining => 1,
            Self::Stopped => 0,
        };
        replicas.into_iter().max_by_key(rank).unwrap_or(Self::Stopped)
    }

    /// Whether time alone will hardly mend it.
    #[must_use]
    pub fn needs_somebody(self) -> bool {
        matches!(self, Self::CrashLoop | Self::Unhealthy)
    }
}

/// How a replica ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaEnd {
    /// Its exit code; 128 and more is a signal.
    pub exit_code: i64,
    /// The limit in bytes, if it used more memory than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    pub out_of_memory: Option<u64>,
}

impl fmt::Display for ReplicaEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.out_of_memory {
            Some(limit) => write!(f, "out of memory: it used more than its {}", crate::words::Bytes(limit)),
            None => write!(f, "exit code {}", self.exit_code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels() {
        for good in ["web", "a", "api-2", &"a".repeat(40)] {
            assert_eq!(ServiceName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "2web", "Web", "a_b", "a-", "-a", "a.b", "é", &"a".repeat(41)] {
            assert!(ServiceName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn prefixes_cover_whole_segments() {
        let api = PathPrefix::parse("/api/").unwrap();
        assert_eq!(api.as_str(), "/api");
        for (path, covered) in [("/api", true), ("/api/", true), ("/api/x", true), ("/apis", false), ("/", false)] {
            assert_eq!(api.covers(path), covered, "{path}");
        }
        assert!(PathPrefix::everything().covers("/anything"));
        assert_eq!(PathPrefix::parse("/").unwrap(), PathPrefix::everything());
        for bad in ["", "api", "//", "/a//b", "/a/../b", "/.", "/a?b", "/a b", "/a//"] {
            assert!(PathPrefix::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn volumes_are_mounted_at_the_applications_own_directories() {
        assert_eq!(MountPath::parse("/data/").unwrap().as_str(), "/data");
        for good in ["/etc/app", "/usr/share/nginx/html", "/devices", "/system"] {
            assert_eq!(MountPath::parse(good).unwrap().as_str(), good);
        }
        for bad in
            ["/", "data", "/etc", "/proc/", "/proc/self", "/sys/fs/cgroup", "/dev/shm", "/a/../etc", "/a:b", "//"]
        {
            assert!(MountPath::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_service_is_as_well_as_its_best_replica() {
        use ServiceState::{CrashLoop, Healthy, Starting, Stopped};
        assert_eq!(ServiceState::of_all([CrashLoop, Healthy]), Healthy);
        assert_eq!(ServiceState::of_all([Starting, CrashLoop]), Starting);
        assert_eq!(ServiceState::of_all([]), Stopped);
    }

    #[test]
    fn protocols_are_written_as_they_are_called() {
        for protocol in ServiceProtocol::ALL {
            assert_eq!(serde_json::to_value(protocol).unwrap(), protocol.as_str());
        }
    }

    #[test]
    fn ends_are_said_in_words() {
        let end = ReplicaEnd { exit_code: 137, out_of_memory: Some(512 << 20) };
        assert_eq!(end.to_string(), "out of memory: it used more than its 512 MiB");
        assert_eq!(ReplicaEnd { exit_code: 1, out_of_memory: None }.to_string(), "exit code 1");
    }

    #[test]
    fn a_kept_spec_reads_as_it_was_written() {
        let spec = ServiceSpec {
            name: ServiceName::only(),
            routes: vec![ServiceRoute::everything()],
            part: ServicePart::Running(RunningService {
                image: "sha256:0".to_owned(),
                start_command: Some("npm start".to_owned()),
                port: DEFAULT_PORT,
                environment: BTreeMap::new(),
                settings: RunSettings { cpus: Some(Cpus::new(0.5).unwrap()), ..RunSettings::default() },
            }),
        };
        let written = serde_json::to_value(&spec).unwrap();
        assert_eq!(written["kind"], "running");
        assert_eq!(written["settings"]["cpus"], 0.5);
        assert_eq!(serde_json::from_value::<ServiceSpec>(written).unwrap(), spec);
    }
}
