//! Errors as clients see them.
//!
//! A handler returns an [`ApiError`]: status, stable code, public message, the fields that are wrong, and a private
//! source that is logged and never leaves the process. Which JSON it becomes is decided once, in [`render`], by the
//! route: `{"message","data"?}` on the routes of the contract, `{"error":{"code","message","fields"?}}` under
//! `/api/v1`. The same place turns the bare refusals of the router (unknown path, wrong method) into JSON.

mod code;

use std::error::Error;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use berth_model::{InputCode, InvalidInput, VariableKey};
use berth_store::StoreError;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::input::Dialect;
pub(crate) use code::{AnyCode, ErrorCode};

/// A field that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// In the spelling of the request.
    pub(crate) field: String,
    /// What is wrong and what would be right.
    pub(crate) message: String,
    /// The same for programs, where it is something that people meet often.
    pub(crate) code: Option<InputCode>,
}

impl FieldProblem {
    /// A problem that only its message tells.
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), code: None }
    }

    /// Names it for programs, too.
    pub(crate) fn coded(mut self, code: InputCode) -> Self {
        self.code = Some(code);
        self
    }
}

/// An answer that is not the one that was hoped for.
#[derive(Debug)]
pub(crate) struct ApiError {
    /// Apart, so that a `Result` with this error is small to hand on.
    problem: Box<Problem>,
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The public part, carried from the handler to [`render`] beside the empty response.
#[derive(Clone, Debug)]
struct Problem {
    code: AnyCode,
    message: String,
    fields: Vec<FieldProblem>,
    keys: Vec<VariableKey>,
    /// A row of another user: 403 in the contract, 404 under `/api/v1`.
    of_another_user: bool,
}

impl Problem {
    fn new(code: impl Into<AnyCode>, message: impl Into<String>) -> Self {
        let (code, message) = (code.into(), message.into());
        Self { code, message, fields: Vec::new(), keys: Vec::new(), of_another_user: false }
    }
}

impl ApiError {
    /// An error with words for the client.
    pub(crate) fn new(status: StatusCode, code: impl Into<AnyCode>, message: impl Into<String>) -> Self {
        Self { problem: Box::new(Problem::new(code, message)), status, headers: Vec::new(), source: None }
    }

    /// 400.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, message)
    }

    /// 401: nobody is signed in, or the token is not (any longer) good.
    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            ErrorCode::Unauthorized,
            "sign in first: no valid session or bearer token was sent",
        )
    }

    /// 403 with a reason.
    pub(crate) fn forbidden(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 404 of one kind of thing.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, format!("there is no such {what}"))
    }

    /// 409.
    pub(crate) fn conflict(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 422 with every field that is wrong.
    pub(crate) fn invalid(fields: Vec<FieldProblem>) -> Self {
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidInputs, "Invalid inputs");
        error.problem.fields = fields;
        error
    }

    /// 500: our own fault. The cause is logged, not shown.
    pub(crate) fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut error = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::Internal,
            "something went wrong inside Berth; its log has the details",
        );
        error.source = Some(source.into());
        error
    }

    /// 503: try again shortly.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message)
            .with_header(RETRY_AFTER, HeaderValue::from_static("2"))
    }

    /// Keeps the cause for the log.
    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Names the field of the request that the error is about.
    pub(crate) fn about(mut self, field: &str) -> Self {
        let message = self.problem.message.clone();
        self.problem.fields.push(FieldProblem::new(field, message));
        self
    }

    /// Names the variables that it is about.
    pub(crate) fn naming(mut self, keys: Vec<VariableKey>) -> Self {
        self.problem.keys = keys;
        self
    }

    /// Adds a header to the answer.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Leads a browser to a page of the dashboard, which says what the code means in its reader's language.
    pub(crate) fn on_page(self, path: &str) -> Response {
        self.log();
        let location = HeaderValue::try_from(format!("{path}?problem={}", self.problem.code));
        let mut response = StatusCode::FOUND.into_response();
        response.headers_mut().insert(LOCATION, location.unwrap_or(HeaderValue::from_static("/")));
        response
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn code(&self) -> AnyCode {
        self.problem.code
    }

    /// The words for the client, for answers that are not HTTP (a refused socket).
    pub(crate) fn message(&self) -> &str {
        &self.problem.message
    }

    /// Logs what only the operator may see.
    fn log(&self) {
        if let Some(source) = &self.source {
            let mut causes = source.to_string();
            let mut next = source.source();
            while let Some(cause) = next {
                causes = format!("{causes}: {cause}");
                next = cause.source();
            }
            tracing::error!(code = %self.problem.code, error = causes, "a request failed");
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let mut response = self.status.into_response();
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response.extensions_mut().insert(*self.problem);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            return Self::unavailable("the database does not answer; try again in a few seconds").caused_by(error);
        }
        match error {
            StoreError::NotFound => Self::not_found("resource"),
            StoreError::Forbidden => {
                let mut hidden = Self::forbidden(ErrorCode::Forbidden, "this belongs to another user");
                hidden.problem.of_another_user = true;
                hidden
            }
            StoreError::AdminsOnly => Self::forbidden(ErrorCode::AdminsOnly, error.to_string()),
            StoreError::Deactivated => Self::forbidden(ErrorCode::AccountDeactivated, error.to_string()),
            StoreError::TokenEnded => {
                Self::new(StatusCode::UNAUTHORIZED, ErrorCode::ApiTokenRefused, error.to_string())
            }
            StoreError::NameTaken => Self::invalid(vec![
                FieldProblem::new("name", "this name is taken; choose another").coded(InputCode::NameTaken),
            ]),
            StoreError::Conflict(why) => Self::conflict(ErrorCode::Conflict, why),
            StoreError::Illegal(why) => Self::conflict(ErrorCode::Conflict, why.to_string()),
            StoreError::Unopened(ref keys) => {
                let keys = keys.clone();
                Self::conflict(ErrorCode::UnopenedValue, error.to_string()).naming(keys).caused_by(error)
            }
            other => Self::internal(other),
        }
    }
}

impl From<InvalidInput> for FieldProblem {
    fn from(problem: InvalidInput) -> Self {
        Self { field: problem.field.into(), message: problem.message, code: problem.code }
    }
}

impl From<InvalidInput> for ApiError {
    fn from(problem: InvalidInput) -> Self {
        Self::invalid(vec![problem.into()])
    }
}

/// `{"message", "data"?}`: errors on the routes of the contract.
#[derive(Serialize)]
struct LegacyBody<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    data: Vec<LegacyProblem<'a>>,
}

/// A field as the contract tells it.
#[derive(Serialize)]
struct LegacyProblem<'a> {
    field: &'a str,
    message: &'a str,
}

/// Errors under `/api/v1`.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// What went wrong.
    error: ErrorDetail,
}

/// What went wrong: for programs, for people, and field by field.
#[derive(Serialize, ToSchema)]
struct ErrorDetail {
    /// Stable; programs decide by it.
    #[schema(schema_with = AnyCode::schema)]
    code: AnyCode,
    /// For people.
    message: String,
    /// Each field that is wrong (422).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldProblem>,
    /// The variables that it is about (`promotion_needs_rebuild`, `promotion_of_fork`, `unopened_value`): their keys, never
    /// their values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    keys: Vec<VariableKey>,
}

/// Middleware: gives every refusal its JSON body, in the shape of its route.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let is_v1 = Dialect::of(request.uri()) == Dialect::V1;
    let is_socket = request.uri().path().starts_with("/socket.io");
    let mut response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_socket {
        return response;
    }
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_json(response.headers()) => return response,
        None => bare_problem(status),
    };
    let status = if problem.of_another_user && is_v1 { StatusCode::NOT_FOUND } else { status };
    let mut rendered = if is_v1 {
        let (code, message) = match problem.of_another_user {
            true => (ErrorCode::NotFound.into(), "there is no such resource".to_owned()),
            false => (problem.code, problem.message),
        };
        let Problem { fields, keys, .. } = problem;
        axum::Json(ErrorBody { error: ErrorDetail { code, message, fields, keys } }).into_response()
    } else {
        let told = problem.fields.iter().map(|FieldProblem { field, message, .. }| LegacyProblem { field, message });
        axum::Json(LegacyBody { message: &problem.message, data: told.collect() }).into_response()
    };
    *rendered.status_mut() = status;
    for (name, value) in response.headers() {
        if name != CONTENT_TYPE && name != http::header::CONTENT_LENGTH {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    rendered
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

/// Words for what the router itself refuses.
fn bare_problem(status: StatusCode) -> Problem {
    let (code, message) = match status {
        StatusCode::NOT_FOUND => (ErrorCode::NotFound, "there is nothing at this address"),
        StatusCode::METHOD_NOT_ALLOWED => (ErrorCode::MethodNotAllowed, "this address does not answer that method"),
        StatusCode::PAYLOAD_TOO_LARGE => (ErrorCode::TooLarge, "the body is larger than 1 MiB"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            (ErrorCode::UnsupportedMediaType, "send JSON with content-type application/json")
        }
        _ if status.is_server_error() => {
            (ErrorCode::Internal, "something went wrong inside Berth; its log has the details")
        }
        _ => (ErrorCode::BadRequest, "the request cannot be understood"),
    };
    Problem::new(code, message)
}

/// What a panic becomes: a 500 that tells nothing. The panic itself is on standard error already.
pub(crate) fn after_panic(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    async fn ask(path: &str) -> (StatusCode, HeaderMap, String) {
        let unavailable = || StoreError::Unavailable("SELECT secret FROM \"/var/lib/berth.db\"".into());
        let panics = || async {
            if true {
                panic!("at /root/secret.rs")
            }
        };
        let app = Router::new()
            .route("/api/v1/gone", get(move || async move { Err::<(), _>(ApiError::from(unavailable())) }))
            .route("/api/broken", get(|| async { Err::<(), _>(ApiError::from(StoreError::Corrupt("plan"))) }))
            .route("/api/theirs", get(|| async { Err::<(), _>(ApiError::from(StoreError::Forbidden)) }))
            .route("/api/v1/theirs", get(|| async { Err::<(), _>(ApiError::from(StoreError::Forbidden)) }))
            .route("/api/panics", get(panics))
            .layer(CatchPanicLayer::custom(after_panic))
            .layer(from_fn(render));
        let request = Request::get(path).body(Body::empty()).unwrap();
        let (parts, body) = app.oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn causes_stay_inside() {
        let (status, headers, body) = ask("/api/v1/gone").await;
        assert_eq!((status.as_u16(), headers[RETRY_AFTER].as_bytes()), (503, &b"2"[..]));
        insta::assert_snapshot!(body, @r#"{"error":{"code":"unavailable","message":"the database does not answer; try again in a few seconds"}}"#);
        let (status, _, body) = ask("/api/broken").await;
        assert_eq!(status.as_u16(), 500);
        insta::assert_snapshot!(body, @r#"{"message":"something went wrong inside Berth; its log has the details"}"#);
        let (status, _, body) = ask("/api/panics").await;
        assert_eq!(status.as_u16(), 500);
        insta::assert_snapshot!(body, @r#"{"message":"something went wrong inside Berth; its log has the details"}"#);
    }

    #[tokio::test]
    async fn what_is_anothers_is_403_in_the_contract_and_404_in_ours() {
        assert_eq!(ask("/api/theirs").await.0, StatusCode::FORBIDDEN);
        let (status, _, body) = ask("/api/v1/theirs").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        insta::assert_snapshot!(body, @r#"{"error":{"code":"not_found","message":"there is no such resource"}}"#);
    }
}
