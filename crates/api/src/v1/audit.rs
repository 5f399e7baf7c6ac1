//! The audit log: who changed what, by which means and from where. For administrators, to read only.

use axum::Json;
use axum::extract::State;
use berth_model::{AuditAction, AuditEntry, AuditMeans, AuditProject, AuditUser, ProjectId, Timestamp, UserId};
use berth_store::AuditFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::rows;
use crate::Api;
use crate::auth::Admin;
use crate::error::{ApiError, ErrorBody};
use crate::input::Params;

/// A user, as the log names them.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditUserBody {
    id: i64,
    /// What they are called, or were when they were removed.
    name: String,
}

/// A project, as the log names it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditProjectBody {
    /// It may be gone.
    id: i64,
    /// What it was called then.
    name: String,
}

/// One change.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditEntryBody {
    id: i64,
    at: Timestamp,
    action: AuditAction,
    /// Who did it; `null`: nobody with an account.
    by: Option<AuditUserBody>,
    means: AuditMeans,
    /// What the API token or the deploy hook is called; which git host it was.
    means_name: Option<String>,
    /// Where it came from.
    address: Option<String>,
    project: Option<AuditProjectBody>,
    /// Whom it was done to.
    user: Option<AuditUserBody>,
    /// What it was done to: a key, a name, a number, a branch. Never a value.
    subject: Option<String>,
    /// What exactly: settings, keys of variables, a role, a branch. Never a value of a variable.
    detail: Vec<String>,
}

impl AuditEntryBody {
    fn of(entry: AuditEntry) -> Self {
        let user = |user: AuditUser| AuditUserBody { id: user.id.0, name: user.name };
        Self {
            id: entry.id,
            at: entry.at,
            action: entry.action,
            by: entry.by.map(user),
            means: entry.means,
            means_name: entry.means_name,
            address: entry.address,
            project: entry.project.map(|AuditProject { id, name }| AuditProjectBody { id: id.0, name }),
            user: entry.user.map(user),
            subject: entry.subject,
            detail: entry.detail,
        }
    }
}

/// Which part of the log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// At most 100; 20 if absent.
    limit: Option<u32>,
    /// Only what is older than this id.
    before: Option<i64>,
    /// Only what this user did.
    by: Option<i64>,
    /// Only what was done by these means.
    means: Option<AuditMeans>,
    /// Only what was done to this project.
    project: Option<i64>,
    /// Only what was done then or later.
    from: Option<Timestamp>,
    /// Only what was done before.
    until: Option<Timestamp>,
}

/// The audit log, newest first: every change that somebody made or Berth decided on, and sign-ins that were refused. It
/// cannot be changed; entries go when they are as old as `BERTH_KEEP_AUDIT` says.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditQuery), responses(
    (status = 200, body = Vec<AuditEntryBody>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, description = "For administrators", body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    _: Admin,
    Params(query): Params<AuditQuery>,
) -> Result<Json<Vec<AuditEntryBody>>, ApiError> {
    let filter = AuditFilter {
        by: query.by.map(UserId),
        means: query.means,
        project: query.project.map(ProjectId),
        from: query.from,
        until: query.until,
    };
    let entries = api.store.audit(&filter, rows(query.limit), query.before).await?;
    Ok(Json(entries.into_iter().map(AuditEntryBody::of).collect()))
}
