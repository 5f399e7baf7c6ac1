//! One-off commands in the image of a service: asked for, followed, stopped.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use berth_model::{Access, InvalidInput, ProjectId, RunId, RunStatus, ServiceName, Timestamp, UserId};
use berth_store::{LogFrom, LogOf, LogSearch, Run};
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, interval_at};
use utoipa::{IntoParams, ToSchema};

use super::page::Page;
use super::service_logs::ServiceLineBody;
use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::{Form, Id, Params, text};

/// Arguments of a command, its program with them, and the bytes of all together.
const MOST_ARGUMENTS: usize = 256;
const LONGEST_COMMAND: usize = 32 << 10;
/// Lines that are read at once for who follows.
const LINES_AT_ONCE: usize = 500;
/// How often who follows is looked at again, and told that we are there.
const LOOK_AGAIN: Duration = Duration::from_secs(20);
/// For a client to take what it asked for.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);
/// Pieces that wait for a client.
const WAITING: usize = 8;

/// A command, and what became of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunBody {
    id: i64,
    project_id: i64,
    /// In whose image and with whose settings.
    deployment_id: i64,
    service: ServiceName,
    /// The program and its arguments.
    command: Vec<String>,
    status: RunStatus,
    /// 128 and more is a signal; `null`: it has not ended by itself.
    exit_code: Option<i64>,
    /// Why it did not run or was stopped; or that it used too much memory.
    problem: Option<String>,
    /// `null`: the account is gone.
    requested_by: Option<RequesterBody>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    /// When somebody asked for it to stop.
    stop_asked_at: Option<Timestamp>,
}

/// Who asked for a command.
#[derive(Clone, Serialize, ToSchema)]
struct RequesterBody {
    id: i64,
    username: String,
}

/// What a command printed.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunLogBody {
    /// By number.
    lines: Vec<ServiceLineBody>,
    /// Ask again with this `after`.
    next: i64,
    /// Whether nothing will come after these lines: the command is over and they are its last.
    complete: bool,
}

/// A line of a followed log: a line of the command's, or at the end what became of it.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "lives until it is written")]
enum FollowedBody {
    Line(ServiceLineBody),
    End { run: RunBody },
}

/// A command to be carried out.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct RunForm {
    /// The program and its arguments; no shell reads them.
    command: Vec<String>,
    /// In which service's image; the one that answers `/`, or the first that runs, if absent.
    service: Option<String>,
}

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunLogQuery {
    /// Only lines after this one; all if absent.
    after: Option<i64>,
    /// At most 5,000; 1,000 if absent.
    limit: Option<usize>,
    /// Answer with lines as they come, until the command is over: NDJSON, a line each, at last `{"run": …}`. Every 20
    /// seconds there is an empty line.
    follow: Option<bool>,
}

/// Carry out a command once, in the image and with the variables and volumes of a running service that is live. It runs
/// for itself: ending the service does not end it.
#[utoipa::path(post, path = "/api/v1/projects/{id}/runs", tag = "runs", params(("id" = i64, Path)),
    request_body = RunForm, responses(
    (status = 201, body = RunBody), (status = 401, body = ErrorBody),
    (status = 404, description = "No such project, or it has no such service", body = ErrorBody),
    (status = 409, description = "Nothing of it runs, or too many commands do", body = ErrorBody),
    (status = 422, body = ErrorBody),
))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    mut form: Form,
) -> Result<(StatusCode, Json<RunBody>), ApiError> {
    let service = form.optional("service", ServiceName::parse).into_option();
    let command = form.texts("command", command).into_option();
    if command.is_none() && !form.has_problem_with("command") {
        form.needed("command");
    }
    form.check()?;
    let command = command.unwrap_or_default();
    let run = api.store.request_run(caller.access(), ProjectId(id), service.as_ref(), command).await?;
    Ok((StatusCode::CREATED, Json(body(&api, run).await?)))
}

/// A program's name and its arguments.
fn command(words: Vec<String>) -> Result<Vec<String>, InvalidInput> {
    let problem = |problem: String| Err(InvalidInput::new("command", problem));
    if words.first().is_none_or(String::is_empty) {
        return problem("a command begins with the name of a program".to_owned());
    }
    if words.len() > MOST_ARGUMENTS || words.iter().map(String::len).sum::<usize>() > LONGEST_COMMAND {
        return problem(format!(
            "a command has at most {MOST_ARGUMENTS} arguments and {LONGEST_COMMAND} bytes; put longer ones into a file of \
             the repository"
        ));
    }
    words.iter().map(|word| text("command", word, LONGEST_COMMAND)).collect()
}

/// The commands of a project, newest first.
#[utoipa::path(get, path = "/api/v1/projects/{id}/runs", tag = "runs", params(("id" = i64, Path), Page), responses(
    (status = 200, body = Vec<RunBody>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Params(page): Params<Page>,
) -> Result<Json<Vec<RunBody>>, ApiError> {
    let runs = api.store.runs(caller.access(), ProjectId(id), page.rows(), page.before.map(RunId)).await?;
    Ok(Json(bodies(&api, runs).await?))
}

/// One command.
#[utoipa::path(get, path = "/api/v1/runs/{id}", tag = "runs", params(("id" = i64, Path)), responses(
    (status = 200, body = RunBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<RunBody>, ApiError> {
    let run = api.store.run(caller.access(), RunId(id)).await?;
    Ok(Json(body(&api, run).await?))
}

/// Stop a command: one that waits at once; one that runs is asked to end, and killed if it does not.
#[utoipa::path(post, path = "/api/v1/runs/{id}/stop", tag = "runs", params(("id" = i64, Path)), responses(
    (status = 200, description = "Stopped", body = RunBody), (status = 202, description = "Asked to stop", body = RunBody),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "It is over already", body = ErrorBody),
))]
pub(crate) async fn stop(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<(StatusCode, Json<RunBody>), ApiError> {
    let run = api.store.stop_run(caller.access(), RunId(id)).await?;
    let status = if run.status.is_final() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(body(&api, run).await?)))
}

/// What a command printed after a line; as it comes, with `follow`.
#[utoipa::path(get, path = "/api/v1/runs/{id}/log", tag = "runs", params(("id" = i64, Path), RunLogQuery), responses(
    (status = 200, content((RunLogBody = "application/json"), (FollowedBody = "application/x-ndjson"))),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, description = "Too many follow already", body = ErrorBody),
))]
pub(crate) async fn log(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Params(query): Params<RunLogQuery>,
    parts: Parts,
) -> Result<Response, ApiError> {
    // Asked before the lines are: a command that ends in between is told to be complete the next time.
    let run = api.store.run(caller.access(), RunId(id)).await?;
    let after = query.after.unwrap_or(0);
    if query.follow == Some(true) {
        let turn = api.watching.turn(caller.user.id)?;
        let look = interval_at(Instant::now() + LOOK_AGAIN, LOOK_AGAIN);
        let (access, of) = (caller.access(), of(&run));
        let follower = Follower { api, parts, access, run: run.id, of, after, look, _turn: turn };
        let (pieces, taken) = mpsc::channel(WAITING);
        tokio::spawn(follower.tell(pieces));
        let body =
            stream::unfold(taken, |mut taken| async move { Some((Ok::<_, Infallible>(taken.recv().await?), taken)) });
        // For a proxy in front: a line is wanted when it is there.
        let headers = [(CONTENT_TYPE.as_str(), "application/x-ndjson"), ("x-accel-buffering", "no")];
        return Ok((headers, Body::from_stream(body)).into_response());
    }
    let limit = query.limit.unwrap_or(1_000).clamp(1, 5_000);
    let page = api.service_logs.page(&of(&run), LogSearch::default(), LogFrom::After(after), limit).await?;
    let next = page.lines.last().map_or(after, |line| line.number);
    let complete = run.status.is_final() && page.next.is_none();
    let lines = page.lines.into_iter().map(Into::into).collect();
    Ok(Json(RunLogBody { lines, next, complete }).into_response())
}

fn of(run: &Run) -> LogOf {
    LogOf::Run { project: run.project, run: run.id }
}

async fn body(api: &Api, run: Run) -> Result<RunBody, ApiError> {
    let requester = match run.requested_by {
        Some(user) => requester(api, user).await?,
        None => None,
    };
    Ok(RunBody::of(run, requester))
}

async fn bodies(api: &Api, runs: Vec<Run>) -> Result<Vec<RunBody>, ApiError> {
    let mut known: BTreeMap<i64, Option<RequesterBody>> = BTreeMap::new();
    let mut bodies = Vec::with_capacity(runs.len());
    for run in runs {
        let requester = match run.requested_by {
            None => None,
            Some(user) => match known.get(&user.0) {
                Some(requester) => requester.clone(),
                None => known.entry(user.0).or_insert(requester(api, user).await?).clone(),
            },
        };
        bodies.push(RunBody::of(run, requester));
    }
    Ok(bodies)
}

async fn requester(api: &Api, user: UserId) -> Result<Option<RequesterBody>, ApiError> {
    Ok(api.store.user(user).await?.map(|user| RequesterBody { id: user.id.0, username: user.username }))
}

impl RunBody {
    fn of(run: Run, requested_by: Option<RequesterBody>) -> Self {
        Self {
            id: run.id.0,
            project_id: run.project.0,
            deployment_id: run.deployment.0,
            service: run.service,
            command: run.command,
            status: run.status,
            exit_code: run.exit_code,
            problem: run.problem,
            requested_by,
            created_at: run.created_at,
            started_at: run.started_at,
            finished_at: run.finished_at,
            stop_asked_at: run.stop_asked_at,
        }
    }
}

/// Somebody who follows a command.
struct Follower {
    api: Api,
    /// What they asked with.
    parts: Parts,
    access: Access,
    run: RunId,
    of: LogOf,
    /// The last line that they were told.
    after: i64,
    look: Interval,
    _turn: Arc<()>,
}

/// What comes after what they were told.
enum Next {
    /// More of what is there.
    More,
    /// What is still to be written.
    Later,
    /// Nothing.
    Over,
}

impl Follower {
    /// Tells them until the command is over, or they leave, may not stay, or take nothing any more.
    async fn tell(mut self, pieces: mpsc::Sender<Bytes>) {
        let stop = self.api.stop.clone();
        // Before the first look: what comes after it is told of.
        let mut written = self.api.service_logs.subscribe();
        let mut changes = self.api.store.signals().subscribe_services();
        loop {
            let Some((piece, next)) = self.piece().await else { return };
            if !piece.is_empty() && pieces.send_timeout(piece, TAKEN_WITHIN).await.is_err() {
                return;
            }
            match next {
                Next::More => continue,
                Next::Over => return,
                Next::Later => {}
            }
            loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = pieces.closed() => return,
                    _ = self.look.tick() => {
                        if !self.may_stay().await || pieces.send_timeout("\n".into(), TAKEN_WITHIN).await.is_err() {
                            return;
                        }
                        break;
                    }
                    changed = changes.changed() => match changed {
                        Ok(()) => break,
                        Err(_) => return,
                    },
                    batch = written.recv() => match batch {
                        Ok(batch) if batch.of != self.of => {}
                        Ok(_) | Err(RecvError::Lagged(_)) => break,
                        Err(RecvError::Closed) => return,
                    },
                }
            }
        }
    }

    /// Some of what there is to tell; `None` if it is not theirs any more. A database that is away is waited for.
    async fn piece(&mut self) -> Option<(Bytes, Next)> {
        // Asked before the lines are read: what was written before the end is told before it.
        let run = match self.api.store.run(self.access, self.run).await {
            Ok(run) => run,
            Err(error) => return error.is_unavailable().then(|| (Bytes::new(), Next::Later)),
        };
        let from = LogFrom::After(self.after);
        let read = self.api.service_logs.page(&self.of, LogSearch::default(), from, LINES_AT_ONCE).await;
        let page = read.inspect_err(|error| tracing::error!(%error, run = %self.run, "a log")).ok()?;
        let mut text = String::new();
        for line in page.lines {
            self.after = line.number;
            text += &json(&FollowedBody::Line(line.into()));
        }
        let next = match page.next {
            Some(_) => Next::More,
            None if run.status.is_final() => {
                text += &json(&FollowedBody::End { run: body(&self.api, run).await.ok()? });
                Next::Over
            }
            None => Next::Later,
        };
        Some((text.into(), next))
    }

    /// Whether they may still ask. A database that is away sends nobody away.
    async fn may_stay(&mut self) -> bool {
        match Caller::from_request_parts(&mut self.parts, &self.api).await {
            Ok(caller) => {
                self.access = caller.access();
                true
            }
            Err(refused) => refused.status().is_server_error(),
        }
    }
}

fn json(line: &FollowedBody) -> String {
    // Our own structs, with text keys: this cannot fail.
    serde_json::to_string(line).unwrap_or_default() + "\n"
}
