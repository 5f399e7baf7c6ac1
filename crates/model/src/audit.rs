//! The audit log's words: who changed what, by which means and from where.
//!
//! An entry never holds a value: of a variable its key is written down, of a project which settings changed. What follows
//! from a change by itself (the build that was queued runs, passes and goes live) is in the project's history, not here.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::status::words;
use crate::{ProjectId, Timestamp, UserId};

words! {
    /// What was done.
    AuditAction {
        /// The first administrator was made.
        SetUp = "set_up",
        /// Somebody signed in.
        SessionOpened = "session_opened",
        /// Somebody tried to sign in and could not.
        SessionRefused = "session_refused",
        /// A session was ended, or its holder signed out.
        SessionEnded = "session_ended",
        /// All other sessions of somebody were ended.
        SessionsEnded = "sessions_ended",
        /// An account was opened.
        UserCreated = "user_created",
        /// A user's role, or whether they may sign in, was changed.
        UserChanged = "user_changed",
        /// A user was signed out everywhere.
        UserSignedOut = "user_signed_out",
        /// An account was removed.
        UserRemoved = "user_removed",
        /// A password was set.
        PasswordChanged = "password_changed",
        /// A link that sets a password was made.
        PasswordLinkCreated = "password_link_created",
        /// A link that opens an account was made.
        InvitationCreated = "invitation_created",
        /// A link was withdrawn.
        InvitationRevoked = "invitation_revoked",
        /// An account at GitHub was connected.
        GithubConnected = "github_connected",
        /// An account at GitHub was disconnected.
        GithubDisconnected = "github_disconnected",
        /// An API token was made.
        TokenCreated = "token_created",
        /// An API token was revoked.
        TokenRevoked = "token_revoked",
        /// A project was connected.
        ProjectCreated = "project_created",
        /// A project's settings were changed.
        ProjectChanged = "project_changed",
        /// A project got another owner.
        ProjectTransferred = "project_transferred",
        /// A project was deleted.
        ProjectDeleted = "project_deleted",
        /// Variables were added or replaced.
        VariablesSet = "variables_set",
        /// A variable was renamed, or where it is used was changed.
        VariableChanged = "variable_changed",
        /// A variable was removed.
        VariableDeleted = "variable_deleted",
        /// A project's own hook got a secret.
        HookSecretSet = "hook_secret_set",
        /// A project's own hook was taken away.
        HookRemoved = "hook_removed",
        /// The hook at GitHub was set right.
        HookRepaired = "hook_repaired",
        /// A deploy hook was made.
        DeployHookCreated = "deploy_hook_created",
        /// A deploy hook was removed.
        DeployHookDeleted = "deploy_hook_deleted",
        /// A build was queued.
        BuildQueued = "build_queued",
        /// A held build was let run.
        BuildApproved = "build_approved",
        /// A build was canceled.
        BuildCanceled = "build_canceled",
        /// A folder was deployed.
        FolderDeployed = "folder_deployed",
        /// An earlier deployment was put live again.
        DeploymentRolledBack = "deployment_rolled_back",
        /// A deployment was made production's.
        DeploymentPromoted = "deployment_promoted",
        /// A preview was removed.
        PreviewRemoved = "preview_removed",
        /// How many replicas of a service there shall be was changed.
        ServiceScaled = "service_scaled",
        /// A service was restarted.
        ServiceRestarted = "service_restarted",
        /// A volume was removed, with what is in it.
        VolumeRemoved = "volume_removed",
        /// A command was asked for in a service's image.
        RunRequested = "run_requested",
        /// A command was stopped.
        RunStopped = "run_stopped",
        /// What is sealed was sealed with another key.
        SecretsRotated = "secrets_rotated",
    }
}

words! {
    /// By which means somebody did it.
    AuditMeans {
        /// Signed in, in a browser or with its bearer token.
        Session = "session",
        /// By an API token.
        Token = "token",
        /// By a delivery of a git host.
        Hook = "hook",
        /// By calling a deploy hook's address.
        DeployHook = "deploy_hook",
        /// By a link of an administrator's, or the setup token.
        Link = "link",
        /// By signing in or up: with a password, or with GitHub.
        SignIn = "sign_in",
        /// Berth itself, or its operator at the command line.
        System = "system",
    }
}

/// A user as the log names them: by what they are called now, or were when they were removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditUser {
    /// The row, which stays when the account is removed.
    pub id: UserId,
    /// What they are called.
    pub name: String,
}

/// A project as the log names it: by the name it had then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditProject {
    /// Its number, which may be nobody's any more.
    pub id: ProjectId,
    /// What it was called.
    pub name: String,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Increases in the order of the changes.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub action: AuditAction,
    /// Who did it, if it was somebody with an account.
    pub by: Option<AuditUser>,
    /// By which means.
    pub means: AuditMeans,
    /// What the means are called: the token, the deploy hook, the git host.
    pub means_name: Option<String>,
    /// The address that it came from, if it came from one.
    pub address: Option<String>,
    /// The project that was changed.
    pub project: Option<AuditProject>,
    /// The user whom it was done to.
    pub user: Option<AuditUser>,
    /// What it was done to otherwise: a name, never a value.
    pub subject: Option<String>,
    /// What exactly: names of settings, keys of variables.
    pub detail: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_json_are_those_of_sql() {
        for action in AuditAction::ALL {
            assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
            assert_eq!(AuditAction::parse(action.as_str()), Some(*action));
        }
        for means in AuditMeans::ALL {
            assert_eq!(serde_json::to_value(means).unwrap(), means.as_str());
        }
    }
}
