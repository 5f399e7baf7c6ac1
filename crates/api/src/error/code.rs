//! What errors are called, for programs. A code is never renamed: clients decide by it.

use std::fmt;

use berth_model::FailureCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{AnyOfBuilder, Schema};

/// What an error under `/api/v1` is called: a code of the API's own, or that of the failure that it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum AnyCode {
    /// Of the API.
    Error(ErrorCode),
    /// Of a build or a detection.
    Failure(FailureCode),
}

impl From<ErrorCode> for AnyCode {
    fn from(code: ErrorCode) -> Self {
        Self::Error(code)
    }
}

impl From<FailureCode> for AnyCode {
    fn from(code: FailureCode) -> Self {
        Self::Failure(code)
    }
}

impl AnyCode {
    /// Any of both: some failures are called as errors of the API are.
    pub(super) fn schema() -> Schema {
        let of = [Ref::from_schema_name(ErrorCode::name()), Ref::from_schema_name(FailureCode::name())];
        Schema::AnyOf(of.into_iter().fold(AnyOfBuilder::new(), AnyOfBuilder::item).build())
    }
}

impl fmt::Display for AnyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The codes of the API's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorCode {
    // Of the request itself
    BadRequest,
    /// The fields say what is wrong.
    InvalidInputs,
    MethodNotAllowed,
    NotFound,
    TooLarge,
    TooSlow,
    UnsupportedMediaType,
    // Of who asks
    Unauthorized,
    Forbidden,
    ForeignOrigin,
    WrongCredentials,
    WrongSetupToken,
    AlreadySetUp,
    SignInExpired,
    SignInUnfinished,
    SignupClosed,
    AccountDeactivated,
    AdminsOnly,
    NoPassword,
    DeadLink,
    TooManyAttempts,
    TooManyRequests,
    ApiTokenRefused,
    ApiTokenNotEnough,
    ProjectToken,
    // Of what they ask for, as it stands
    Conflict,
    ActivationRefused,
    AlreadyFinished,
    NoHook,
    NoPreview,
    NotAtGithub,
    NotConfirmed,
    NotReplayable,
    PreviewsOff,
    PromotionNeedsRebuild,
    PromotionOfFork,
    TooManyWatchers,
    UnopenedValue,
    // Of folders and deliveries
    BadArchive,
    FolderTooLarge,
    BadSignature,
    DeliveryRejected,
    // Of repositories and GitHub
    Busy,
    TimedOut,
    BranchNotFound,
    RepositoryAccess,
    RepositoryNotFound,
    GithubNoAdmin,
    GithubNotConfigured,
    GithubNotConnected,
    GithubRateLimited,
    GithubReconnect,
    GithubRefused,
    GithubUnavailable,
    // Of Berth
    Internal,
    Unavailable,
}
