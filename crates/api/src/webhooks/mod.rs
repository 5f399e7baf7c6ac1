//! `POST /api/webhook`: a signed push becomes builds.
//!
//! 1. The signature's form is checked, then the whole body collected (at most 25 MiB), then the signature over exactly
//!    these bytes. Until then nothing is read, and a refusal leaves no trace in the database.
//! 2. Every signed delivery is kept with its verdict and reason, whatever becomes of it.
//! 3. A push finds its projects by the repository's page. What is fetched is each project's own stored address; an
//!    address in the payload is never used.
//! 4. The delivery and its builds are one transaction: sent again, it is a duplicate; if the transaction failed, it can
//!    be sent again.

mod body;
mod payload;
mod signature;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_model::{BranchName, Commit, DeliveryId, ProjectId, RepoKey, Trigger};
use berth_store::{Accepted, Build, NewBuild, NewDelivery, Project, Verdict};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::Id;
use crate::legacy::BuildBody;
use payload::{About, Asked, Push, Repository};
use signature::Signature;

/// Where deliveries arrive, whichever host they are sent to.
pub const WEBHOOK_PATH: &str = "/api/webhook";
/// Bytes of a delivery that are kept, so that it can be replayed.
const KEPT_BODY: usize = 1 << 20;

/// A delivery that was signed with our secret.
struct Delivery {
    id: Option<String>,
    event: String,
    /// The JSON.
    payload: Bytes,
}

/// What becomes of a delivery: kept with it, and told to the sender.
struct Outcome {
    verdict: Verdict,
    reason: String,
    repo: Option<RepoKey>,
    projects: Vec<ProjectId>,
    builds: Vec<NewBuild>,
    refusal: Option<StatusCode>,
}

/// Receives a delivery.
pub(crate) async fn receive(State(api): State<Api>, headers: HeaderMap, body: Body) -> Result<Response, ApiError> {
    let unsigned = || {
        let message = "the delivery is not signed with this Berth's webhook secret (X-Hub-Signature-256)";
        ApiError::new(StatusCode::UNAUTHORIZED, "bad_signature", message)
    };
    let (Some(secret), Some(signature)) = (&api.config.webhook_secret, Signature::read(&headers)) else {
        return Err(unsigned());
    };
    let body = body::collect(&headers, body).await?;
    if !signature.is_of(&body, secret) {
        return Err(unsigned());
    }
    let delivery = Delivery {
        id: header(&headers, "x-github-delivery"),
        event: header(&headers, "x-github-event").unwrap_or_default(),
        payload: payload_of(&headers, body)?,
    };
    let outcome = match delivery.event.as_str() {
        "push" => judge_push(&api, &delivery.payload, |_| true).await?,
        "ping" => about(&api, &delivery.payload, "ping").await?,
        _ => about(&api, &delivery.payload, "Berth builds on push events only").await?,
    };
    delivery.settle(&api, outcome).await
}

/// `POST /api/v1/deliveries/{id}/replay`: does again what a kept delivery asked for, for the caller's own projects.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/replay", tag = "projects", params(("id" = i64, Path)), responses(
    (status = 201, description = "Builds were queued"), (status = 200, description = "It asks for nothing"),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "Its body was too large to be kept, or it is no push", body = ErrorBody),
))]
pub(crate) async fn replay(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Response, ApiError> {
    let (kept, body) = api.store.delivery(caller.access(), DeliveryId(id)).await?;
    let Some(body) = body.filter(|_| kept.event == "push") else {
        return Err(ApiError::conflict(
            "not_replayable",
            "only a push whose body was kept (up to 1 MiB) can be replayed",
        ));
    };
    let outcome = judge_push(&api, &body, |project| project.user == caller.user.id).await?;
    // Without the sender's id it is no duplicate of itself.
    let delivery = Delivery { id: None, event: kept.event, payload: body.into() };
    delivery.settle(&api, outcome).await
}

/// Decides what a push leads to. Reads, writes nothing.
async fn judge_push(api: &Api, payload: &[u8], concerns: impl Fn(&Project) -> bool) -> Result<Outcome, ApiError> {
    let push: Push = match serde_json::from_slice(payload) {
        Ok(push) => push,
        Err(error) => {
            let reason = format!("not the JSON of a push: line {}, column {}", error.line(), error.column());
            return Ok(Outcome::rejected(StatusCode::BAD_REQUEST, reason, None));
        }
    };
    let (repo, mut projects) = projects_of(api, push.repository()).await?;
    projects.retain(concerns);
    if projects.is_empty() {
        let reason = "no project is connected to this repository".to_owned();
        return Ok(Outcome::rejected(StatusCode::NOT_FOUND, reason, repo));
    }
    let (branch, commit) = match push.asked() {
        Ok(Asked::Build(branch, commit)) => (branch, commit),
        Ok(Asked::Nothing(why)) => return Ok(Outcome::ignored(why, repo, &projects)),
        Err(problem) => return Ok(Outcome::rejected(StatusCode::BAD_REQUEST, problem, repo)),
    };
    let watching: Vec<&Project> = projects.iter().filter(|project| project.branch == branch).collect();
    if watching.is_empty() {
        return Ok(Outcome::ignored("no project watches this branch", repo, &projects));
    }
    let roots: Vec<_> = watching.iter().map(|project| project.root_directory.as_ref()).collect();
    let builds = watching
        .iter()
        .zip(push.touched(&roots))
        .filter(|(_, touched)| *touched)
        .map(|(project, _)| new_build(project.id, &branch, &commit))
        .collect();
    Ok(Outcome {
        verdict: Verdict::Accepted,
        reason: format!("a push to {branch}"),
        repo,
        projects: ids(&projects),
        builds,
        refusal: None,
    })
}

/// An event that asks for nothing: which repository it is about is kept all the same.
async fn about(api: &Api, payload: &[u8], reason: &str) -> Result<Outcome, ApiError> {
    Ok(match serde_json::from_slice::<About>(payload) {
        Ok(About { repository: Some(repository) }) => {
            let (repo, projects) = projects_of(api, &repository).await?;
            Outcome::ignored(reason, repo, &projects)
        }
        Ok(About { repository: None }) => Outcome::ignored(reason, None, &[]),
        Err(error) => {
            let reason = format!("not the JSON of an event: line {}, column {}", error.line(), error.column());
            Outcome::rejected(StatusCode::BAD_REQUEST, reason, None)
        }
    })
}

async fn projects_of(api: &Api, repository: &Repository) -> Result<(Option<RepoKey>, Vec<Project>), ApiError> {
    let keys = repository.keys(&api.config.github_url);
    for key in &keys {
        let projects = api.store.projects_of_repo(key).await?;
        if !projects.is_empty() {
            return Ok((Some(key.clone()), projects));
        }
    }
    Ok((keys.into_iter().next(), Vec::new()))
}

fn ids(projects: &[Project]) -> Vec<ProjectId> {
    projects.iter().map(|project| project.id).collect()
}

fn new_build(project: ProjectId, branch: &BranchName, commit: &Commit) -> NewBuild {
    NewBuild::production(project, Trigger::Push, branch.clone(), Some(commit.clone()))
}

impl Outcome {
    fn ignored(reason: &str, repo: Option<RepoKey>, projects: &[Project]) -> Self {
        let (verdict, projects) = (Verdict::Ignored, ids(projects));
        Self { verdict, reason: reason.to_owned(), repo, projects, builds: Vec::new(), refusal: None }
    }

    fn rejected(status: StatusCode, reason: String, repo: Option<RepoKey>) -> Self {
        let (projects, builds) = (Vec::new(), Vec::new());
        Self { verdict: Verdict::Rejected, reason, repo, projects, builds, refusal: Some(status) }
    }
}

impl Delivery {
    /// Keeps the delivery with what becomes of it, queues its builds in the same transaction, and answers.
    async fn settle(self, api: &Api, outcome: Outcome) -> Result<Response, ApiError> {
        let kept = NewDelivery {
            provider: "github",
            delivery_id: self.id,
            event: self.event,
            verdict: outcome.verdict,
            reason: outcome.reason.clone(),
            repo: outcome.repo,
            projects: outcome.projects,
            body: (self.payload.len() <= KEPT_BODY).then(|| self.payload.to_vec()),
        };
        if outcome.verdict == Verdict::Accepted {
            return Ok(match api.store.accept_push(kept, outcome.builds).await? {
                Accepted::Duplicate => answer(StatusCode::OK, "duplicate"),
                Accepted::Builds(builds) if builds.is_empty() => answer(StatusCode::OK, "ignored"),
                Accepted::Builds(builds) => queued(builds),
            });
        }
        api.store.record_delivery(kept).await?;
        match outcome.refusal {
            Some(status) => Err(ApiError::new(status, "delivery_rejected", outcome.reason)),
            None => Ok(answer(StatusCode::OK, "ignored")),
        }
    }
}

fn queued(builds: Vec<Build>) -> Response {
    let builds: Vec<BuildBody> = builds.into_iter().map(BuildBody::of).collect();
    let body = json!({"message": "Build queued", "build": builds.first(), "builds": builds});
    (StatusCode::CREATED, Json(body)).into_response()
}

fn answer(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

/// The JSON of a delivery: the body itself, or the field `payload` of a form.
fn payload_of(headers: &HeaderMap, body: Bytes) -> Result<Bytes, ApiError> {
    let kind = header(headers, CONTENT_TYPE.as_str()).unwrap_or_default().to_ascii_lowercase();
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => Ok(body),
        "application/x-www-form-urlencoded" => url::form_urlencoded::parse(&body)
            .find(|(field, _)| field == "payload")
            .map(|(_, json)| Bytes::from(json.into_owned()))
            .ok_or_else(|| ApiError::bad_request("the form has no field payload")),
        _ => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "a delivery is application/json or application/x-www-form-urlencoded",
        )),
    }
}

/// A header of a stranger, short enough to be kept.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.chars().take(100).collect())
}
