//! A folder is deployed: for people without a repository, and for CI systems that build by themselves.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use berth_model::words::Seconds;
use berth_model::{Failure, FailureCode, ProjectId, ProjectName};
use berth_store::{FolderOf, NewProject, Project, StoreError};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};
use utoipa::{IntoParams, ToSchema};

use super::bodies::DeploymentBody;
use crate::Api;
use crate::auth::{Caller, FolderSender};
use crate::error::{ApiError, ErrorBody, ErrorCode, FieldProblem};
use crate::folder::{FolderArchive, FolderError, FolderRequest};
use crate::input::Params;
use crate::projects::folder_project;

/// For the whole archive. Leftovers that are older are swept.
const WITHIN: Duration = Duration::from_secs(3_600);
/// For its beginning. From there on each second has to bring [`PACE`] on the average: a folder that comes in takes a place.
const BEGINNING: Duration = Duration::from_secs(60);
const PACE: u64 = 1 << 10;

/// How a folder is served.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct FolderQuery {
    /// Whether unknown paths answer with the start page; absent: as the project is set, or the files decide.
    spa_fallback: Option<bool>,
}

/// A folder that was just deployed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeployedFolderBody {
    #[serde(flatten)]
    deployment: DeploymentBody,
    /// The project's address, where visitors get it now.
    site_url: String,
    /// Whether the project was made for it.
    new_project: bool,
    /// What its log says: what was left out, lines of `_redirects` and `_headers` that were not understood, its size.
    log: Vec<String>,
}

/// Deploy a folder: a tar archive (ustar, pax or GNU; plain, gzip or zstd) of regular files and directories, streamed.
/// The project is made if there is none of this name. Answers once visitors get it. Hidden files are left out, except
/// `.well-known`; links, devices and names that lead out of the folder are refused, and then nothing is kept.
#[utoipa::path(post, path = "/api/v1/projects/{id}/deployments", tag = "deployments",
    params(("id" = String, Path, description = "The project's name; its number, if no project has that name"), FolderQuery),
    request_body(content = String, content_type = "application/x-tar", description = "The archive"),
    responses(
    (status = 201, description = "Visitors get it", body = DeployedFolderBody),
    (status = 400, description = "Not the archive of a folder; `message` names the entry", body = ErrorBody),
    (status = 401, body = ErrorBody),
    (status = 403, description = "A token of another project", body = ErrorBody),
    (status = 404, body = ErrorBody),
    (status = 408, description = "Not all of it came in within an hour", body = ErrorBody),
    (status = 409, description = "A later deployment was quicker, or somebody canceled it", body = ErrorBody),
    (status = 413, description = "Larger than BERTH_BUILD_OUTPUT, or too many files", body = ErrorBody),
    (status = 415, description = "Another content type or encoding", body = ErrorBody),
    (status = 422, description = "No name for a project, or a folder that cannot be published: its words", body = ErrorBody),
    (status = 504, description = "Published, and not confirmed live within 30 seconds", body = ErrorBody),
    (status = 503, description = "No room, or too many at once", body = ErrorBody),
))]
pub(crate) async fn deploy(
    State(api): State<Api>,
    FolderSender(caller): FolderSender,
    Path(name): Path<String>,
    Params(query): Params<FolderQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    only_archives(&headers)?;
    let of = project_of(&api, &caller, &name).await?;
    let late = Arc::new(AtomicBool::new(false));
    let archive: FolderArchive = Box::pin(in_time(body, BEGINNING, Arc::clone(&late)));
    let wanted =
        FolderRequest { access: caller.access(), token: caller.token(), of, spa_fallback: query.spa_fallback, archive };
    match api.folders.deploy(wanted).await {
        Ok(deployed) => {
            let project = api.store.project_unscoped(deployed.deployment.project).await?.ok_or(StoreError::NotFound)?;
            let body = DeployedFolderBody {
                site_url: api.config.site_url(&api.config.site_host(project.name.as_str())),
                deployment: DeploymentBody::of(&api.config, deployed.deployment),
                new_project: deployed.is_new,
                log: deployed.log,
            };
            Ok((StatusCode::CREATED, Json(body)).into_response())
        }
        Err(_) if late.load(Ordering::Relaxed) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            ErrorCode::TooSlow,
            format!(
                "the archive came in slower than 1 KiB a second, or not within {}; nothing was kept",
                Seconds(WITHIN)
            ),
        )),
        Err(error) => Err(refusal(error)),
    }
}

/// A project of the caller's by name, else by number; else one that is to be made.
async fn project_of(api: &Api, caller: &Caller, given: &str) -> Result<FolderOf, ApiError> {
    let named = match ProjectName::stored(given) {
        Ok(name) => api.store.project_named(caller.access(), &name).await,
        Err(_) => Err(StoreError::NotFound),
    };
    match (named, given.parse().ok().filter(|_| given.bytes().all(|byte| byte.is_ascii_digit()))) {
        (Ok(Project { id, .. }), _) => return Ok(FolderOf::Project(id)),
        (Err(StoreError::NotFound), Some(number)) => {
            let numbered = api.store.project(caller.access(), ProjectId(number)).await?;
            return Ok(FolderOf::Project(numbered.id));
        }
        (Err(StoreError::NotFound), None) => {}
        (Err(StoreError::Forbidden), Some(number))
            if api.store.project(caller.access(), ProjectId(number)).await.is_ok() =>
        {
            return Ok(FolderOf::Project(ProjectId(number)));
        }
        // Of one's own token this may be told; of somebody else's project, that the name is taken.
        (Err(StoreError::Forbidden), _) => {
            caller.for_whole_account()?;
            return Err(StoreError::NameTaken.into());
        }
        (Err(error), _) => return Err(error.into()),
    }
    caller.for_whole_account()?;
    let name = ProjectName::parse(given, &api.config.all_reserved_names())
        .map_err(|problem| ApiError::invalid(vec![FieldProblem { field: "name".into(), ..problem.into() }]))?;
    let host = api.config.site_host(name.as_str());
    let new: NewProject = folder_project(name)?;
    Ok(FolderOf::Named { new: Box::new(new), host })
}

/// The body, as long as it comes in fast enough; `late` is set if it did not.
fn in_time(body: Body, beginning: Duration, late: Arc<AtomicBool>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let begun = Instant::now();
    stream::unfold(Some((body.into_data_stream(), 0, late)), move |state| async move {
        let (mut body, came, late) = state?;
        let until = begun + (beginning + Duration::from_secs(came / PACE)).min(WITHIN);
        match timeout_at(until, body.next()).await {
            // What is there already is no proof of pace.
            Ok(_) if Instant::now() > until => {}
            Ok(Some(Ok(piece))) => {
                let came = came.saturating_add(piece.len() as u64);
                return Some((Ok(piece), Some((body, came, late))));
            }
            Ok(Some(Err(error))) => return Some((Err(io::Error::other(error)), None)),
            Ok(None) => return None,
            Err(_) => {}
        }
        late.store(true, Ordering::Relaxed);
        Some((Err(io::ErrorKind::TimedOut.into()), None))
    })
}

/// Refuses what says of itself that it is no tar archive. What is compressed is seen by its first bytes.
fn only_archives(headers: &HeaderMap) -> Result<(), ApiError> {
    const TYPES: [&str; 7] = [
        "application/x-tar",
        "application/tar",
        "application/octet-stream",
        "application/gzip",
        "application/x-gzip",
        "application/zstd",
        "application/x-gtar",
    ];
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let kind = text(CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let coding = text(CONTENT_ENCODING).trim().to_ascii_lowercase();
    if !kind.is_empty() && !TYPES.contains(&kind.as_str()) {
        return Err(unsupported("send a tar archive with content-type application/x-tar"));
    }
    match coding.as_str() {
        "" | "identity" | "gzip" | "x-gzip" | "zstd" => Ok(()),
        _ => Err(unsupported("an archive is sent as it is, or compressed by gzip or zstd")),
    }
}

fn unsupported(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::UnsupportedMediaType, message)
}

fn words(failure: &Failure) -> String {
    format!("{}. {}", failure.title, failure.detail)
}

fn refusal(error: FolderError) -> ApiError {
    match error {
        FolderError::Refused(failure) if failure.code == FailureCode::OutputTooLarge => {
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::FolderTooLarge, words(&failure))
        }
        FolderError::Refused(failure) => ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::BadArchive, words(&failure)),
        FolderError::Unpublishable(failure) => {
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, failure.code, words(&failure))
        }
        FolderError::NotLive(why) => ApiError::conflict(ErrorCode::ActivationRefused, why),
        error @ FolderError::Unconfirmed => {
            ApiError::new(StatusCode::GATEWAY_TIMEOUT, ErrorCode::NotConfirmed, error.to_string())
        }
        FolderError::NotNow(why) => ApiError::unavailable(why),
        FolderError::Store(error) => error.into(),
        FolderError::Ours(error) => ApiError::internal(error),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test]
    async fn an_archive_that_trickles_is_given_up() {
        let beginning = Duration::from_millis(200);
        let trickle = stream::repeat(()).then(|()| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, Infallible>(Bytes::from_static(b"x"))
        });
        let late = Arc::new(AtomicBool::new(false));
        let came: Vec<_> = in_time(Body::from_stream(trickle), beginning, Arc::clone(&late)).collect().await;
        assert!(late.load(Ordering::Relaxed) && came.last().is_some_and(Result::is_err));
        let late = Arc::new(AtomicBool::new(false));
        let whole = Body::from_stream(stream::iter([Ok::<_, Infallible>(Bytes::from(vec![0; 9_000]))]));
        let came: Vec<_> = in_time(whole, beginning, Arc::clone(&late)).collect().await;
        assert!(came.len() == 1 && came[0].is_ok() && !late.load(Ordering::Relaxed));
    }
}
