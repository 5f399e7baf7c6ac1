//! State changes, written in the transaction that makes them and read by id: by sockets, and for what GitHub is told. Who
//! made them is in the audit log ([`crate::AuditEntry`]).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ActivationId, ApiTokenId, BuildId, BuildStatus, DeliveryId, DeploymentId, DeploymentStatus, EventId, InvitationId,
    PreviewId, ProjectId, Role, SessionId, Timestamp, UserId,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// Somebody let a held build of a stranger's commit run.
    BuildApproved {
        /// Which.
        build: BuildId,
        /// Of which project.
        project: ProjectId,
        /// Who did it.
        by: UserId,
    },
    /// A branch or a pull request got a site of its own.
    PreviewOpened {
        /// Which.
        preview: PreviewId,
        /// Of which project.
        project: ProjectId,
    },
    /// What is known of a preview's pull request changed.
    PreviewUpdated {
        /// Which.
        preview: PreviewId,
        /// Of which project.
        project: ProjectId,
    },
    /// A preview and its site are gone.
    PreviewRemoved {
        /// Which.
        preview: PreviewId,
        /// Of which project.
        project: ProjectId,
    },
    /// A webhook delivery that concerns a project came in.
    DeliveryReceived {
        /// Which.
        delivery: DeliveryId,
        /// Which project.
        project: ProjectId,
    },
    /// Somebody connected an account at GitHub, anew perhaps.
    GithubConnected {
        /// Who.
        user: UserId,
    },
    /// GitHub no longer accepts the token of somebody's account.
    GithubRefused {
        /// Whose.
        user: UserId,
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
    /// A service, a one-off command or a volume of a project changed: how many replicas there shall be, or where they stand.
    ServicesChanged {
        /// Of which project.
        project: ProjectId,
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
    /// Somebody made an API token.
    ApiTokenCreated {
        /// Which.
        token: ApiTokenId,
        /// What they call it.
        name: String,
        /// The one project that it is for, if it is for one.
        project: Option<ProjectId>,
    },
    /// An API token is good for nothing any more.
    ApiTokenRevoked {
        /// Which.
        token: ApiTokenId,
        /// What it was called.
        name: String,
        /// Who did it: its owner, or the administrator who shut them out.
        by: UserId,
    },
    /// Somebody opened an account.
    UserCreated {
        /// Who.
        user: UserId,
        /// As what.
        role: Role,
        /// By which invitation, if by one.
        invitation: Option<InvitationId>,
    },
    /// A user became an administrator, or no longer is one.
    UserRoleChanged {
        /// Whose role.
        user: UserId,
        /// The new one.
        role: Role,
        /// The administrator who did it.
        by: UserId,
    },
    /// A user may no longer sign in.
    UserDeactivated {
        /// Who.
        user: UserId,
        /// The administrator who did it.
        by: UserId,
    },
    /// A user may sign in again.
    UserReactivated {
        /// Who.
        user: UserId,
        /// The administrator who did it.
        by: UserId,
    },
    /// An account is gone; its name is kept for what it did.
    UserRemoved {
        /// Whose.
        user: UserId,
        /// The administrator who did it.
        by: UserId,
    },
    /// A password was changed.
    UserPasswordChanged {
        /// Whose.
        user: UserId,
        /// By which link of an administrator's, if not by the user.
        invitation: Option<InvitationId>,
    },
    /// A project got another owner.
    ProjectTransferred {
        /// Which.
        project: ProjectId,
        /// Whose it was.
        from: UserId,
        /// Whose it is.
        to: UserId,
        /// The administrator who did it.
        by: UserId,
    },
    /// An administrator made a link.
    InvitationCreated {
        /// Which.
        invitation: InvitationId,
        /// What it makes of whoever uses it.
        role: Role,
        /// Whose password it sets, if it does not open an account.
        password_of: Option<UserId>,
        /// The administrator.
        by: UserId,
    },
    /// A link was used.
    InvitationUsed {
        /// Which.
        invitation: InvitationId,
        /// By whom.
        user: UserId,
    },
    /// A link was withdrawn.
    InvitationRevoked {
        /// Which.
        invitation: InvitationId,
        /// The administrator who did it.
        by: UserId,
    },
}
