//! Why a build failed, in the words that its owner reads.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// A stable code for clients; the words are in [`Failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The repository, branch or commit could not be fetched.
    SourceUnavailable,
    /// The host's address may not be fetched from.
    SourceForbidden,
    /// The clone is larger than its limit.
    SourceTooLarge,
    /// A setting of the project does not fit the repository (a root directory that does not exist, …).
    BadSettings,
    /// The repository cannot be built as it is (unreadable `package.json`, …).
    BadRepository,
    /// An application of which nothing says how it is run.
    ServerApplication,
    /// Lockfile and `package.json` disagree.
    LockfileOutOfStep,
    /// A script that the build command names is missing.
    MissingScript,
    /// A registry does not give a package: it wants a token, or has no such package.
    PackageUnavailable,
    /// A package or tool does not work with this version of Node.
    EngineMismatch,
    /// Installing dependencies failed otherwise.
    InstallFailed,
    /// The build command ended with a non-zero exit code.
    CommandFailed,
    /// A connection to an address that builds may not reach.
    NetworkRefused,
    /// A host that builds may reach did not answer, or is not known by its name.
    HostUnreachable,
    /// A signal ended the command, and not at a limit of Berth's.
    Killed,
    /// Stopped at the memory limit.
    OutOfMemory,
    /// Stopped at the time limit.
    TimedOut,
    /// The disk or its inodes ran out.
    NoSpace,
    /// The output directory does not exist, is empty, or is not a directory.
    MissingOutput,
    /// The output is larger than its limit.
    OutputTooLarge,
    /// The output holds something that cannot be published.
    BadOutput,
    /// The output contains a secret.
    SecretInOutput,
    /// What is stored of a secret cannot be opened: its key was lost, or it was altered.
    SecretUnreadable,
    /// Somebody canceled the build.
    Canceled,
    /// Berth's own fault, or Docker's: nothing in the repository caused it.
    Internal,
}

impl FailureCode {
    /// Every code.
    pub const ALL: &'static [Self] = &[
        Self::SourceUnavailable,
        Self::SourceForbidden,
        Self::SourceTooLarge,
        Self::BadSettings,
        Self::BadRepository,
        Self::ServerApplication,
        Self::LockfileOutOfStep,
        Self::MissingScript,
        Self::PackageUnavailable,
        Self::EngineMismatch,
        Self::InstallFailed,
        Self::CommandFailed,
        Self::NetworkRefused,
        Self::HostUnreachable,
        Self::Killed,
        Self::OutOfMemory,
        Self::TimedOut,
        Self::NoSpace,
        Self::MissingOutput,
        Self::OutputTooLarge,
        Self::BadOutput,
        Self::SecretInOutput,
        Self::SecretUnreadable,
        Self::Canceled,
        Self::Internal,
    ];

    /// The code as clients and the database see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SourceUnavailable => "source_unavailable",
            Self::SourceForbidden => "source_forbidden",
            Self::SourceTooLarge => "source_too_large",
            Self::BadSettings => "bad_settings",
            Self::BadRepository => "bad_repository",
            Self::ServerApplication => "server_application",
            Self::LockfileOutOfStep => "lockfile_out_of_step",
            Self::MissingScript => "missing_script",
            Self::PackageUnavailable => "package_unavailable",
            Self::EngineMismatch => "engine_mismatch",
            Self::InstallFailed => "install_failed",
            Self::CommandFailed => "command_failed",
            Self::NetworkRefused => "network_refused",
            Self::HostUnreachable => "host_unreachable",
            Self::Killed => "killed",
            Self::OutOfMemory => "out_of_memory",
            Self::TimedOut => "timed_out",
            Self::NoSpace => "no_space",
            Self::MissingOutput => "missing_output",
            Self::OutputTooLarge => "output_too_large",
            Self::BadOutput => "bad_output",
            Self::SecretInOutput => "secret_in_output",
            Self::SecretUnreadable => "secret_unreadable",
            Self::Canceled => "canceled",
            Self::Internal => "internal",
        }
    }
}

/// A failure as it is kept with the build and shown on top of its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// For programs.
    pub code: FailureCode,
    /// One line: what happened.
    pub title: String,
    /// Why, with the value, and what to do.
    pub detail: String,
    /// The log line that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64)]
    pub line: Option<i64>,
    /// The setting that would change it: a field of the project (`outputDirectory`), its `secrets`, its owner's connection
    /// to `github`, or a variable of the operator's (`BERTH_BUILD_MEMORY`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = settings, required = false)]
    pub setting: Option<String>,
}

/// The settings that failures name.
pub const FAILURE_SETTINGS: [&str; 15] = [
    "repoUrl",
    "branch",
    "repoToken",
    "github",
    "rootDirectory",
    "installCommand",
    "buildCommand",
    "outputDirectory",
    "nodeVersion",
    "secrets",
    "BERTH_BUILD_MEMORY",
    "BERTH_BUILD_TIMEOUT",
    "BERTH_BUILD_OUTPUT",
    "BERTH_BUILD_PIDS",
    "BERTH_EGRESS_ALLOW",
];

fn settings() -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(FAILURE_SETTINGS)).build()
}

impl Failure {
    /// A failure without log line and setting; add them with [`Failure::at_line`] and [`Failure::with_setting`].
    #[must_use]
    pub fn new(code: FailureCode, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, title: title.into(), detail: detail.into(), line: None, setting: None }
    }

    /// Points at the log line that shows it.
    #[must_use]
    pub fn at_line(mut self, line: i64) -> Self {
        self.line = Some(line);
        self
    }

    /// Names the setting that would change it.
    #[must_use]
    pub fn with_setting(mut self, setting: impl Into<String>) -> Self {
        let setting = setting.into();
        debug_assert!(FAILURE_SETTINGS.contains(&setting.as_str()), "clients do not know the setting {setting}");
        self.setting = Some(setting);
        self
    }
}
