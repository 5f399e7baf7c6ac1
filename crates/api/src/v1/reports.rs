//! What GitHub was and is to be told of a project.

use axum::Json;
use axum::extract::State;
use berth_model::{ProjectId, Timestamp};
use berth_store::{Report, ReportKind};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::bodies::words;
use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::Id;

/// Reports that are shown: enough to see what keeps them.
const SHOWN: u32 = 50;

/// What GitHub is told of one thing.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportBody {
    id: i64,
    /// `status` (of a build's commit), `deployment` (of a build), `promotion` (of a preview to production) or `comment`
    /// (on a pull request).
    #[schema(schema_with = kinds)]
    kind: &'static str,
    /// The build, the build, the deployment, the pull request's number.
    subject: i64,
    /// What GitHub was told last.
    told: Option<String>,
    /// How often that was tried since GitHub last took something.
    attempts: i64,
    /// Why GitHub was not told.
    problem: Option<String>,
    /// When it is told next; `null`: there is nothing to tell.
    due_at: Option<Timestamp>,
    updated_at: Timestamp,
}

fn kinds() -> Object {
    words(ReportKind::ALL.map(ReportKind::as_str))
}

impl ReportBody {
    fn of(report: Report) -> Self {
        Self {
            id: report.id.0,
            kind: report.kind.as_str(),
            subject: report.subject,
            told: report.told,
            attempts: report.attempts,
            problem: report.problem,
            due_at: report.due_at,
            updated_at: report.updated_at,
        }
    }
}

/// What GitHub was and is to be told of a project: the last 50, the one that was last looked at first.
#[utoipa::path(get, path = "/api/v1/projects/{id}/reports", tag = "reports", params(("id" = i64, Path)), responses(
    (status = 200, body = Vec<ReportBody>), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Vec<ReportBody>>, ApiError> {
    let reports = api.store.reports_of(caller.access(), ProjectId(id), SHOWN).await?;
    Ok(Json(reports.into_iter().map(ReportBody::of).collect()))
}
