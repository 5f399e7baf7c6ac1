//! The shapes of answers under `/api/v1`: camelCase, ids as numbers, times in RFC 3339, absent things as `null`. Here are
//! those that stand alone; the others by what they are about.

mod builds;
mod deliveries;
mod deployments;
mod projects;

use std::time::Duration;

use berth_model::{Event, EventPayload, Role, Timestamp, Variable, VariableKind, VariableScope};
use berth_store::{DeployHook, User};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{Object, ObjectBuilder};

pub(super) use builds::{BuildBody, BuildSummaryBody, CommitBody, LogBody};
pub(super) use deliveries::DeliveryBody;
pub(super) use deployments::{DeploymentBody, PreviewBody};
pub(super) use projects::{ProjectBody, ProjectSummaryBody};

/// A person with an account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserBody {
    id: i64,
    role: Role,
    username: String,
    /// What they sign in with, if they have a password.
    login: Option<String>,
    email: Option<String>,
    /// The address of a picture.
    avatar: Option<String>,
    /// Whether repositories at GitHub can be connected.
    github_connected: bool,
    /// Whether GitHub no longer accepts the token that it gave: GitHub has to be connected again.
    github_refused: bool,
    /// Whether they can sign in with a password.
    has_password: bool,
    created_at: Timestamp,
}

impl UserBody {
    pub(crate) fn of(user: &User) -> Self {
        Self {
            id: user.id.0,
            role: user.role,
            username: user.username.clone(),
            login: user.login_name.clone(),
            email: user.email.clone(),
            avatar: user.avatar.clone(),
            github_connected: user.github_connected,
            github_refused: user.github_refused_at.is_some(),
            has_password: user.has_password,
            created_at: user.created_at,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What may be shown of a variable: never its value.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariableBody {
    id: i64,
    key: String,
    kind: VariableKind,
    /// Which builds get it.
    scope: VariableScope,
    created_at: Timestamp,
    /// When its value, name, kind or scope last changed.
    updated_at: Timestamp,
}

impl VariableBody {
    pub(crate) fn of(variable: Variable) -> Self {
        Self {
            id: variable.id.0,
            key: variable.key.to_string(),
            kind: variable.kind,
            scope: variable.scope,
            created_at: variable.created_at,
            updated_at: variable.updated_at,
        }
    }
}

/// An address that queues a build for whoever knows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeployHookBody {
    id: i64,
    name: String,
    /// What it builds; `null`: the branch that goes live.
    branch: Option<String>,
    created_at: Timestamp,
    /// When it was last called.
    last_used_at: Option<Timestamp>,
}

impl DeployHookBody {
    pub(crate) fn of(hook: DeployHook) -> Self {
        Self {
            id: hook.id.0,
            name: hook.name,
            branch: hook.branch.map(|branch| branch.to_string()),
            created_at: hook.created_at,
            last_used_at: hook.last_used_at,
        }
    }
}

/// A string that is one of these.
pub(super) fn words(words: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}

/// A state change, as the socket event `event` carries it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventBody<'a> {
    /// Increases.
    id: i64,
    project_id: Option<i64>,
    payload: &'a EventPayload,
    created_at: Timestamp,
}

impl<'a> EventBody<'a> {
    pub(crate) fn of(event: &'a Event) -> Self {
        Self {
            id: event.id.0,
            project_id: event.project.map(|project| project.0),
            payload: &event.payload,
            created_at: event.created_at,
        }
    }
}
