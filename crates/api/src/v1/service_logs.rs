//! What services print: read by number, searched by the server.

use axum::Json;
use axum::extract::State;
use berth_model::{DeploymentId, Environment, InvalidInput, LogStream, ProjectId, ServiceName, Timestamp};
use berth_store::{LogFrom, LogOf, LogPage, LogSearch, ServiceLine};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::{IdAndName, Params, text};

/// The longest text that is looked for, in bytes.
const LONGEST_QUERY: usize = 1_000;
/// Lines of a page.
const LINES: usize = 200;
const MOST_LINES: usize = 1_000;

/// A line that a service, a command or Berth itself wrote.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceLineBody {
    /// Counts from 1 within the log, without gaps.
    pub(crate) number: i64,
    at: Timestamp,
    deployment_id: i64,
    /// Which replica wrote it; `null`: a command, or Berth itself.
    replica: Option<u32>,
    /// What Berth itself says is output.
    stream: LogStream,
    /// ANSI colours included.
    text: String,
}

impl From<ServiceLine> for ServiceLineBody {
    fn from(line: ServiceLine) -> Self {
        let ServiceLine { number, at, deployment, replica, stream, text } = line;
        Self { number, at, deployment_id: deployment.0, replica, stream, text }
    }
}

/// A part of a service's log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceLogBody {
    /// By number.
    lines: Vec<ServiceLineBody>,
    /// Ask again with this `before` for older lines; `null`: there are none.
    before: Option<i64>,
    /// Ask again with this `after` for newer lines; `null`: there are none yet, or the newest were asked for.
    after: Option<i64>,
    /// The number of the oldest line that is kept.
    oldest: i64,
    /// The number of the log's last line, whether it was looked for or not; 0: nothing was ever written.
    newest: i64,
}

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ServiceLogQuery {
    /// `production` if absent.
    environment: Option<Environment>,
    /// Only lines that contain this, in upper or lower case.
    query: Option<String>,
    /// Only what was printed there.
    stream: Option<LogStream>,
    /// Only what this replica printed.
    replica: Option<u32>,
    /// Only of this deployment.
    deployment: Option<i64>,
    /// Only lines from this moment on: `2026-11-21T09:30:00Z`.
    since: Option<String>,
    /// Only lines from before this moment.
    until: Option<String>,
    /// The newest lines before this number; the newest of all if neither this nor `after` is given.
    before: Option<i64>,
    /// The oldest lines after this number.
    after: Option<i64>,
    /// At most 1,000; 200 if absent.
    limit: Option<usize>,
}

/// Lines of a service, of all its replicas and deployments: the newest, or those before or after a line, or those that
/// are looked for. A search goes through some megabytes at once and may answer with few lines or none although there
/// are more: `before` or `after` says where to go on.
#[utoipa::path(get, path = "/api/v1/projects/{id}/services/{name}/logs", tag = "services",
    params(("id" = i64, Path), ("name" = String, Path), ServiceLogQuery), responses(
    (status = 200, body = ServiceLogBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 422, body = ErrorBody),
))]
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    IdAndName(id, service): IdAndName<ServiceName>,
    Params(query): Params<ServiceLogQuery>,
) -> Result<Json<ServiceLogBody>, ApiError> {
    let project = api.store.project(caller.access(), ProjectId(id)).await?.id;
    let environment = query.environment.unwrap_or(Environment::Production);
    let (search, from, limit) = query.parsed()?;
    let of = LogOf::Service { project, environment, service };
    let LogPage { lines, next, oldest, newest } = api.service_logs.page(&of, search, from, limit).await?;
    let (before, after) = match from {
        LogFrom::Before(_) => (next, None),
        LogFrom::After(_) => (None, next),
    };
    let lines = lines.into_iter().map(Into::into).collect();
    Ok(Json(ServiceLogBody { lines, before, after, oldest, newest }))
}

impl ServiceLogQuery {
    fn parsed(self) -> Result<(LogSearch, LogFrom, usize), ApiError> {
        let from = match (self.before, self.after) {
            (before, None) => LogFrom::Before(before),
            (None, Some(after)) => LogFrom::After(after),
            (Some(_), Some(_)) => {
                return Err(ApiError::bad_request("lines are asked for before a number, or after one, not both"));
            }
        };
        let query = self.query.map(|query| text("query", &query, LONGEST_QUERY)).transpose()?;
        let search = LogSearch {
            query: query.filter(|query| !query.is_empty()),
            stream: self.stream,
            replica: self.replica,
            deployment: self.deployment.map(DeploymentId),
            since: moment("since", self.since.as_deref())?,
            until: moment("until", self.until.as_deref())?,
        };
        Ok((search, from, self.limit.unwrap_or(LINES).clamp(1, MOST_LINES)))
    }
}

fn moment(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, InvalidInput> {
    let parsed = |text| {
        let wrong = || InvalidInput::new(field, format!("a moment is like 2026-11-21T09:30:00Z; {text:?} is none"));
        Timestamp::parse(text).ok_or_else(wrong)
    };
    text.map(parsed).transpose()
}
