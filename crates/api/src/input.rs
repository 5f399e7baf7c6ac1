//! Request bodies, read once into types. All that is wrong is reported together, field by field.
//!
//! A field that nobody asks for is ignored: nothing is ever assigned to a row by its name in a request.

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Json, Path, Query, Request};
use berth_model::InvalidInput;
use berth_secrets::SecretString;
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{ApiError, FieldProblem};

/// A JSON object whose fields are taken one by one.
pub(crate) struct Form {
    fields: Map<String, Value>,
    problems: Vec<FieldProblem>,
}

/// What a request says about an optional field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Given<T> {
    /// Nothing, or something that was reported as wrong.
    Absent,
    /// `null`: back to the default.
    Null,
    /// A value.
    Value(T),
}

impl<T> Given<T> {
    /// Absent and null are the same where nothing was before.
    pub(crate) fn into_option(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// As a change: `None` leaves the field, `Some(None)` clears it.
    pub(crate) fn into_change(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::<Value>::from_request(request, state).await.map_err(body_problem)? {
            Json(Value::Object(fields)) => Ok(Self { fields, problems: Vec::new() }),
            Json(_) => Err(ApiError::bad_request("the body is not a JSON object")),
        }
    }
}

fn body_problem(rejection: JsonRejection) -> ApiError {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send JSON with content-type application/json",
        ),
        JsonRejection::BytesRejection(_) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is larger than 1 MiB")
        }
        _ => ApiError::bad_request("the body is not valid JSON, or nested too deeply"),
    }
}

impl Form {
    /// A field that must be there.
    pub(crate) fn required<T>(
        &mut self,
        field: &'static str,
        parse: impl FnOnce(&str) -> Result<T, InvalidInput>,
    ) -> Option<T> {
        match self.optional(field, parse) {
            Given::Value(value) => Some(value),
            Given::Absent | Given::Null => {
                if !self.has_problem_with(field) {
                    self.problem(field, "this field is needed");
                }
                None
            }
        }
    }

    /// A field that may be absent or null.
    pub(crate) fn optional<T>(
        &mut self,
        field: &'static str,
        parse: impl FnOnce(&str) -> Result<T, InvalidInput>,
    ) -> Given<T> {
        match self.fields.get(field) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(Value::String(text)) => match parse(text) {
                Ok(value) => Given::Value(value),
                Err(problem) => {
                    // The type's own name for the field may differ from this request's.
                    self.problems.push(FieldProblem { field: field.into(), message: problem.message });
                    Given::Absent
                }
            },
            Some(_) => {
                self.problem(field, "this field is text");
                Given::Absent
            }
        }
    }

    /// A yes or no that may be absent or null.
    pub(crate) fn flag(&mut self, field: &'static str) -> Given<bool> {
        match self.fields.get(field) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(Value::Bool(flag)) => Given::Value(*flag),
            Some(_) => {
                self.problem(field, "this field is true or false");
                Given::Absent
            }
        }
    }

    /// A list of objects; absent and null are empty.
    pub(crate) fn list(&mut self, field: &'static str) -> Vec<Map<String, Value>> {
        let objects: Option<Vec<_>> = match self.fields.remove(field) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::Array(items)) => items
                .into_iter()
                .map(|item| match item {
                    Value::Object(object) => Some(object),
                    _ => None,
                })
                .collect(),
            Some(_) => None,
        };
        objects.unwrap_or_else(|| {
            self.problem(field, "this field is a list of objects");
            Vec::new()
        })
    }

    /// A secret that must be there; it is never part of a message.
    pub(crate) fn secret(&mut self, field: &'static str) -> Option<SecretString> {
        match self.fields.remove(field) {
            Some(Value::String(text)) if !text.is_empty() => Some(SecretString::from(text)),
            None | Some(Value::Null) => {
                self.problem(field, "this field is needed");
                None
            }
            Some(_) => {
                self.problem(field, "this field is text, and not empty");
                None
            }
        }
    }

    /// Whether the request names the field at all.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Reports a field.
    pub(crate) fn problem(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.problems.push(FieldProblem { field: field.into(), message: message.into() });
    }

    fn has_problem_with(&self, field: &str) -> bool {
        self.problems.iter().any(|problem| problem.field == field)
    }

    /// Everything that is wrong, or nothing.
    pub(crate) fn check(&mut self) -> Result<(), ApiError> {
        if self.problems.is_empty() { Ok(()) } else { Err(self.refusal()) }
    }

    /// The 422 with everything that is wrong.
    pub(crate) fn refusal(&mut self) -> ApiError {
        ApiError::invalid(std::mem::take(&mut self.problems))
    }
}

/// An id in the path. What is not a number names nothing.
pub(crate) struct Id(pub(crate) i64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<i64>::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(ApiError::not_found("resource")),
        }
    }
}

/// The query, or a 400 with our own words.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(_) => Err(ApiError::bad_request("a parameter in the address is missing or not of its kind")),
        }
    }
}

/// Free text of a setting: no NUL (no database and no process takes it), at most `limit` bytes.
pub(crate) fn text(field: &'static str, text: &str, limit: usize) -> Result<String, InvalidInput> {
    if text.contains('\0') {
        Err(InvalidInput::new(field, "this field contains a NUL character"))
    } else if text.len() > limit {
        Err(InvalidInput::new(field, format!("this field has at most {limit} bytes")))
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let Value::Object(fields) = serde_json::json!({"a": 1, "b": "x", "c": null, "flag": "yes"}) else { panic!() };
        let mut form = Form { fields, problems: Vec::new() };
        let no = |_: &str| Err::<(), _>(InvalidInput::new("b", "not this"));
        assert_eq!(form.required("a", |t| Ok(t.len())), None);
        assert_eq!(form.required("b", no), None);
        assert_eq!(form.optional("c", |t| Ok(t.len())), Given::Null);
        assert_eq!(form.required("d", |t| Ok(t.len())), None);
        assert_eq!(form.flag("flag"), Given::Absent);
        let messages: Vec<_> = form.problems.iter().map(|p| format!("{}: {}", p.field, p.message)).collect();
        assert_eq!(
            messages,
            ["a: this field is text", "b: not this", "d: this field is needed", "flag: this field is true or false"]
        );
        assert!(form.check().is_err());
    }
}
