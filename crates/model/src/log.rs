//! Build logs: numbered lines.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    /// Standard output, and what Berth itself says.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Which half of a build wrote a line; the legacy events keep them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogPhase {
    /// Source, toolchain and dependencies (`build_logs`, `build_errors`).
    Build,
    /// The build command in its container, and publishing (`run_logs`, `run_error`).
    Run,
}

/// One line: no line break, secrets masked, at most 16 KiB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// Counts from 1 within a build, without gaps.
    pub number: i64,
    /// Standard output or error.
    pub stream: LogStream,
    /// The half of the build it belongs to.
    pub phase: LogPhase,
    /// The text, ANSI colours included; never a NUL.
    pub text: String,
}
