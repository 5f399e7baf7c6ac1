//! The words of Berth as types: ids, names, statuses and their legal transitions, events, plans, the clock.
//!
//! Nothing here does IO: no file, no socket, no database, no Docker. Input from users is parsed once into one of
//! these types ([`ProjectName`], [`BranchName`], [`RepoUrl`], [`OutputDir`], …); everything behind takes only the type.

mod access;
mod account;
mod artifact;
mod audit;
mod clock;
mod commit;
mod event;
mod failure;
mod ids;
mod limits;
mod log;
mod names;
mod networks;
mod own_variable;
mod path_pattern;
mod paths;
mod plan;
mod protection;
mod pull_request;
mod reason;
mod replicas;
mod repo_url;
mod service;
mod source_allow;
mod status;
pub mod steps;
mod traffic;
mod variable;
mod watch;
pub mod words;

pub use access::{Access, Role};
pub use account::{InvitationLifetime, InvitationState, LoginName, Note};
pub use artifact::{Artifact, BuiltPart, BuiltService};
pub use audit::{AuditAction, AuditEntry, AuditMeans, AuditProject, AuditUser};
pub use clock::{Clock, Timestamp};
pub use commit::{Commit, CommitHash, skip_word};
pub use event::{Event, EventPayload};
pub use failure::{FAILURE_SETTINGS, Failure, FailureCode};
pub use ids::{
    ActivationId, ApiTokenId, BuildId, DeliveryId, DeployHookId, DeploymentId, EventId, InstanceId, InvitationId,
    PreviewId, ProjectId, ReportId, RunId, SessionId, ShortId, UserId, VariableId,
};
pub use limits::{BuildLimits, ServiceMaximum};
pub use log::{LogLine, LogPhase, LogStream};
pub use names::{BranchName, InputCode, InvalidInput, ProjectName, RESERVED_NAMES, host_label, preview_labels};
pub use networks::{PRIVATE_NETWORKS, is_private};
pub use own_variable::OwnVariable;
pub use paths::{OutputDir, RootDir};
pub use plan::{
    Decision, Origin, PackageManager, Plan, PlanService, PlanSetting, ServiceKind, Step, StepName, StepState, Tool,
    ToolName, Toolchain, Warnings,
};
pub use protection::{Lock, Protection};
pub use pull_request::{Fork, PullRequest, PullRequestAction};
pub use reason::{Names, Reason, Why};
pub use replicas::{ReplicaId, ReplicaReport, ReplicaUsage, Replicas};
pub use repo_url::{RepoKey, RepoUrl};
pub use service::{
    Cpus, DEFAULT_HEALTH_TIMEOUT, DEFAULT_PORT, HealthPath, MOST_REPLICAS, MountPath, PathPrefix, ReplicaEnd,
    RunSettings, RunningService, ServiceName, ServicePart, ServiceProtocol, ServiceRoute, ServiceSpec, ServiceState,
    ServiceVolume, ServiceVolumeName,
};
pub use source_allow::SourceAllow;
pub use status::{BuildStatus, DeploymentStatus, Environment, IllegalTransition, ProtectionScope, RunStatus, Trigger};
pub use traffic::{AccessEvent, AccessLine, Latency, StatusClasses, Traffic, TrafficMinute};
pub use variable::{Variable, VariableKey, VariableKind, VariableScope};
pub use watch::{PollEvery, WatchPatterns};
