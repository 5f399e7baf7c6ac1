//! State changes, written in the transaction that makes them and read by id: by sockets, and later by outbox and audit.

use serde::{Deserialize, Serialize};

use crate::{
    ActivationId, BuildId, BuildStatus, DeploymentId, DeploymentStatus, EventId, ProjectId, SessionId, Timestamp,
    UserId,
};

/// One state change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Increases; readers remember the last one they saw.
    pub id: EventId,
    /// Whose room hears it.
    pub user: UserId,
    /// The project it concerns, if any.
    pub project: Option<ProjectId>,
    /// What happened.
    pub payload: EventPayload,
    /// When.
    pub created_at: Timestamp,
}

/// What happened. Stored as JSON with its `kind`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventPayload {
    /// A project was connected.
    ProjectCreated {
        /// Which.
        project: ProjectId,
    },
    /// Its settings or variables changed.
    ProjectUpdated {
        /// Which.
        project: ProjectId,
    },
    /// It is no longer reachable; its files go next.
    ProjectDeleted {
        /// Which.
        project: ProjectId,
    },
    /// A build changed its status.
    BuildStatus {
        /// Which.
        build: BuildId,
        /// Of which project.
        project: ProjectId,
        /// The new status.
        status: BuildStatus,
    },
    /// A build's plan or steps changed.
    BuildProgress {
        /// Which.
        build: BuildId,
        /// Of which project.
        project: ProjectId,
    },
    /// A deployment changed its status.
    DeploymentStatus {
        /// Which.
        deployment: DeploymentId,
        /// Of which build.
        build: BuildId,
        /// Of which project.
        project: ProjectId,
        /// The new status.
        status: DeploymentStatus,
        /// The full host name that answers with it: the project's when it went live, else its own. Scheme and port
        /// are the operator's configuration, so the address is made where it is shown.
        host: String,
    },
    /// An activation that was asked for ended.
    ActivationFinished {
        /// Which.
        activation: ActivationId,
        /// Whether the deployment is live now.
        live: bool,
    },
    /// A session ended: its sockets are to be closed.
    SessionRevoked {
        /// Which.
        session: SessionId,
    },
}
