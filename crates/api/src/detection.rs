//! A plan before the first build. The API reads what is asked and says whose turn it is; the server, which has the
//! engine, does it.
//!
//! A turn lasts until the work has really ended, also when its client went away or it took too long: what runs at once
//! is bounded, not only what is waited for.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use berth_model::words::Seconds;
use berth_model::{BranchName, Commit, Failure, FailureCode, OutputDir, Plan, RepoUrl, RootDir, UserId};
use berth_secrets::SecretString;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::error::{AnyCode, ApiError, ErrorCode};

/// Detections at once, of everybody.
const AT_ONCE: usize = 2;
/// How long one may take.
const WITHIN: Duration = Duration::from_secs(60);
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is to be planned: the head of a branch, as a project with these settings would be built.
#[derive(Clone, Debug)]
pub struct DetectionRequest {
    /// The repository; the operator's rules for sources were asked.
    pub repo_url: RepoUrl,
    /// Whose head.
    pub branch: BranchName,
    /// What opens the repository, if anything does.
    pub token: Option<SourceToken>,
    /// See `berth_store::NewProject`, of this and what follows.
    pub install_command: Option<String>,
    /// Empty: nothing is built.
    pub build_command: Option<String>,
    /// Where the files are afterwards.
    pub output_directory: Option<OutputDir>,
    /// The project's directory in the repository.
    pub root_directory: Option<RootDir>,
    /// The version of Node.
    pub node_version: Option<String>,
}

/// What opens a repository, by who gave it: so that a refusal says who can give a better one.
#[derive(Clone, Debug)]
pub enum SourceToken {
    /// The user's GitHub account.
    Account(SecretString),
    /// The project, or whoever is about to make it; with the user that goes with it.
    Project(SecretString, Option<String>),
}

/// What a build of the branch's head would do.
#[derive(Clone, Debug)]
pub struct Detection {
    /// The head.
    pub commit: Commit,
    /// Its plan.
    pub plan: Plan,
    /// Why the plan is not carried out, where it is a server application's.
    pub refusal: Option<Failure>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum DetectionError {
    /// The address, the host, the branch, the files or the settings cause it.
    #[error("{}", .0.title)]
    Theirs(Box<Failure>),
    /// It was asked to stop.
    #[error("the detection was stopped")]
    Canceled,
    /// Berth's own fault.
    #[error("{0}")]
    Ours(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a [`Detector`] answers with.
pub type Detecting = Pin<Box<dyn Future<Output = Result<Detection, DetectionError>> + Send>>;

/// Fetches a branch's head and plans it. The server has the one for production; tests of the API answer by themselves.
pub trait Detector: Send + Sync {
    /// Plans; leaves nothing behind. Ends soon after `cancel`.
    fn detect(&self, wanted: DetectionRequest, cancel: CancellationToken) -> Detecting;
}

/// Who may have something planned now: [`AT_ONCE`] of all, one of each user.
pub(crate) struct Detections {
    detector: Arc<dyn Detector>,
    seats: Arc<Semaphore>,
    users: Mutex<HashMap<UserId, Arc<Semaphore>>>,
}

/// Held while a detection runs.
struct Turn {
    _user: OwnedSemaphorePermit,
    _seat: OwnedSemaphorePermit,
}

impl Detections {
    pub(crate) fn new(detector: Arc<dyn Detector>) -> Self {
        Self { detector, seats: Arc::new(Semaphore::new(AT_ONCE)), users: Mutex::default() }
    }

    /// Plans for a user. Dropping this, as when the client goes away, stops the work too; so does `stop`.
    pub(crate) async fn detect(
        &self,
        user: UserId,
        wanted: DetectionRequest,
        stop: &CancellationToken,
    ) -> Result<Detection, ApiError> {
        let turn = tokio::time::timeout(PATIENCE, self.turn(user)).await.map_err(|_| busy())??;
        let cancel = stop.child_token();
        let _stop = cancel.clone().drop_guard();
        let host = wanted.repo_url.url().host_str().unwrap_or_default().to_owned();
        let work = self.detector.detect(wanted, cancel);
        let detecting = tokio::spawn(async move {
            let _turn = turn;
            work.await
        });
        match tokio::time::timeout(WITHIN, detecting).await {
            Ok(ended) => ended.map_err(ApiError::internal)?.map_err(ApiError::from),
            Err(_) => Err(ApiError::new(
                StatusCode::GATEWAY_TIMEOUT,
                ErrorCode::TimedOut,
                format!(
                    "{host} did not give out the branch within {}, so nothing could be detected; deploy without \
                     detection (a build may take longer), or try again",
                    Seconds(WITHIN)
                ),
            )),
        }
    }

    /// The user's own turn comes first, so that nobody waits in both queues twice.
    async fn turn(&self, user: UserId) -> Result<Turn, ApiError> {
        let own = {
            let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
            users.retain(|_, own| Arc::strong_count(own) > 1);
            Arc::clone(users.entry(user).or_insert_with(|| Arc::new(Semaphore::new(1))))
        };
        let _user = own.acquire_owned().await.map_err(ApiError::internal)?;
        let _seat = Arc::clone(&self.seats).acquire_owned().await.map_err(ApiError::internal)?;
        Ok(Turn { _user, _seat })
    }
}

fn busy() -> ApiError {
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Busy,
        format!("Berth is looking at {AT_ONCE} other repositories, or at another one for you; try again in a moment"),
    )
    .with_header(RETRY_AFTER, HeaderValue::from_static("5"))
}

impl From<DetectionError> for ApiError {
    fn from(error: DetectionError) -> Self {
        match error {
            DetectionError::Theirs(failure) => of_failure(&failure),
            DetectionError::Canceled => Self::unavailable("the detection was stopped because Berth is stopping"),
            DetectionError::Ours(source) => Self::internal(source),
        }
    }
}

/// The words are those that a build's owner reads; the setting that they name is the field that is wrong.
fn of_failure(failure: &Failure) -> ApiError {
    let Failure { code, title, detail, setting, .. } = failure;
    let (status, code) = match (code, setting.as_deref()) {
        (FailureCode::SourceUnavailable, Some("branch")) => (StatusCode::NOT_FOUND, ErrorCode::BranchNotFound.into()),
        (FailureCode::SourceUnavailable, Some("repoUrl")) => {
            (StatusCode::NOT_FOUND, ErrorCode::RepositoryNotFound.into())
        }
        (FailureCode::SourceUnavailable, Some("repoToken")) => {
            (StatusCode::FORBIDDEN, ErrorCode::RepositoryAccess.into())
        }
        (FailureCode::SourceUnavailable, Some("github")) => (StatusCode::FORBIDDEN, ErrorCode::GithubReconnect.into()),
        (FailureCode::SourceUnavailable, _) => (StatusCode::BAD_GATEWAY, AnyCode::from(*code)),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, AnyCode::from(*code)),
    };
    let error = ApiError::new(status, code, format!("{title}. {detail}"));
    match setting {
        Some(field) if field != "github" => error.about(field),
        _ => error,
    }
}
