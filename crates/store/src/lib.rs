//! All SQL of Berth, for SQLite and PostgreSQL: users, projects, the build queue with its leases, deployments with
//! their services, commands and volumes, routes, deliveries and the event log.
//!
//! [`Store`] is the whole surface; each noun has a module that adds its queries to it. One SQL text serves both
//! databases (`sql.rs`), every change runs in a transaction that nobody writes beside (`database.rs`), and the event
//! that tells of it is part of that transaction (`store.rs`).
//!
//! [`ServiceLogs`] keeps what services print in files beside the database.
//!
//! What is deliberately not here: no HTTP, no container, no file but the database's own and these; no secret in the clear
//! (values arrive as [`berth_secrets::Sealed`], tokens and passwords as hashes); no transaction that outlives a call.
//! No other crate names sqlx.

mod activations;
mod api_tokens;
mod audit;
mod backup;
mod builds;
mod database;
mod deleted_projects;
mod deliveries;
mod deploy_hooks;
mod deployments;
mod error;
mod events;
mod folders;
mod found;
mod history;
mod invitations;
mod lists;
mod logs;
mod oauth;
mod overview;
mod own_hooks;
mod owned;
mod previews;
mod projects;
mod promotions;
mod queue;
mod repo_hooks;
mod reports;
mod resealing;
mod routes;
mod runs;
mod seats;
mod service_logs;
mod services;
mod sessions;
mod settings;
mod signals;
mod sql;
mod store;
mod stuck;
#[cfg(feature = "testing")]
pub mod testing;
mod users;
mod variables;
mod volumes;

pub use activations::{Activation, ActivationDecision, ActivationReason, ActivationState};
pub use api_tokens::{ApiToken, NewApiToken};
pub use audit::{Act, AuditFilter, Means};
pub use backup::copy_database;
pub use builds::{Build, BuildEnd, Published};
pub use database::Backend;
pub use deleted_projects::DeletedProject;
pub use deliveries::{Accepted, Delivery, LARGEST_KEPT_BODY, NewDelivery, Outcome, Verdict, Wish};
pub use deploy_hooks::{Called, DeployHook};
pub use deployments::{Deployment, NewDeployment};
pub use error::{Source, StoreError};
pub use folders::FolderOf;
pub use found::FoundDatabase;
pub use invitations::{Invitation, NewInvitation};
pub use lists::{Filter, ProjectPage, ProjectSummary, RecentBuild};
pub use logs::LogChunk;
pub use oauth::OauthAttempt;
pub use overview::{BuildCounts, Overview};
pub use previews::{Followed, Preview, PreviewOf, PreviewPush};
pub use projects::{NewProject, Project, ProjectChange, ProjectSecrets, RepoAccess};
pub use queue::{Admission, CancelOutcome, Claimed, Lease, LeaseState, NewBuild};
pub use reports::{DueReport, PreviewSubject, Report, ReportEnd, ReportKind, ReportMark};
pub use resealing::{SealedColumn, SealedRow};
pub use routes::{Route, RouteKind};
pub use runs::{Run, RunEnd};
pub use service_logs::{LogFrom, LogOf, LogPage, LogSearch, LogWriter, ServiceLine, ServiceLogBatch, ServiceLogs};
pub use services::ServiceSetting;
pub use sessions::{NewSession, Session};
pub use signals::{LogBatch, Signals};
pub use store::Store;
pub use stuck::{StuckSecret, StuckSecrets};
pub use users::{GithubProfile, ProjectsTo, User, UserChange, UserSummary};
pub use variables::{BuildFor, SealedVariable, VariableChange};
pub use volumes::Volume;
