//! Request bodies, read once into types. All that is wrong is reported together, field by field.
//!
//! Nothing is ever assigned to a row by its name in a request. A field that nobody asks for is a mistake under
//! `/api/v1`, which is told with the field that was probably meant; the routes of the contract ignore it.

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Json, Path, Query, Request};
use berth_model::{InputCode, InvalidInput};
use berth_secrets::SecretString;
use http::request::Parts;
use http::{StatusCode, Uri};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{ApiError, ErrorCode, FieldProblem};
use crate::webhooks::Held;
use crate::{Api, ClientAddress};

/// More values than any form has; a `.env` is one text.
const MOST_VALUES: usize = 10_000;

/// Whose words a request speaks, by its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The previous generation's: liberal.
    Contract,
    /// `/api/v1`: exact.
    V1,
}

impl Dialect {
    /// The dialect of an address.
    pub(crate) fn of(address: &Uri) -> Self {
        if address.path().starts_with("/api/v1/") { Self::V1 } else { Self::Contract }
    }
}

/// A JSON object whose fields are taken one by one.
pub(crate) struct Form {
    dialect: Dialect,
    fields: Map<String, Value>,
    /// The fields that somebody asked for: all that the request may have.
    known: Vec<&'static str>,
    problems: Vec<FieldProblem>,
    /// Its share of what all forms may have together.
    _held: Held,
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

impl<S> FromRequest<S> for Form
where
    S: Send + Sync,
    Api: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let dialect = Dialect::of(request.uri());
        let (parts, body) = request.into_parts();
        let sender = parts.extensions.get::<ClientAddress>().map(|ClientAddress(address)| *address);
        let (body, held) = Api::from_ref(state).forms.collect(sender, &parts.headers, body).await?;
        if has_many_values(&body) {
            return Err(ApiError::bad_request("the body has more than 10,000 values"));
        }
        let request = Request::from_parts(parts, body.into());
        match Json::<Value>::from_request(request, state).await.map_err(body_problem)? {
            Json(Value::Object(fields)) => Ok(Self { _held: held, ..Self::of(dialect, fields) }),
            Json(_) => Err(ApiError::bad_request("the body is not a JSON object")),
        }
    }
}

/// Whether a JSON text has more values than any form: each takes some dozen times the memory of its text.
fn has_many_values(json: &[u8]) -> bool {
    let (mut values, mut quoted, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b',' | b'[' | b'{' if !quoted => values += 1,
            _ => {}
        }
    }
    values > MOST_VALUES
}

fn body_problem(rejection: JsonRejection) -> ApiError {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorCode::UnsupportedMediaType,
            "send JSON with content-type application/json",
        ),
        _ => ApiError::bad_request("the body is not valid JSON, or nested too deeply"),
    }
}

impl Form {
    fn of(dialect: Dialect, fields: Map<String, Value>) -> Self {
        Self { dialect, fields, known: Vec::new(), problems: Vec::new(), _held: Held::default() }
    }

    /// Whose words it speaks.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

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
                    self.needed(field);
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
        self.known.push(field);
        match self.fields.get(field) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(Value::String(text)) => match parse(text) {
                Ok(value) => Given::Value(value),
                Err(problem) => {
                    // The type's own name for the field may differ from this request's.
                    self.problems.push(FieldProblem { field: field.into(), ..problem.into() });
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
        self.known.push(field);
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

    /// A whole number that may be absent or null.
    pub(crate) fn number<T>(
        &mut self,
        field: &'static str,
        parse: impl FnOnce(i64) -> Result<T, InvalidInput>,
    ) -> Given<T> {
        self.known.push(field);
        match self.fields.get(field) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(value) => match value.as_i64().map(parse) {
                Some(Ok(value)) => Given::Value(value),
                Some(Err(problem)) => {
                    self.problems.push(FieldProblem { field: field.into(), ..problem.into() });
                    Given::Absent
                }
                None => {
                    self.problem(field, "this field is a whole number");
                    Given::Absent
                }
            },
        }
    }

    /// A list of whole numbers that must be there.
    pub(crate) fn numbers(&mut self, field: &'static str) -> Vec<i64> {
        self.known.push(field);
        let numbers: Option<Vec<i64>> = match self.fields.get(field) {
            Some(Value::Array(items)) => items.iter().map(Value::as_i64).collect(),
            _ => None,
        };
        numbers.unwrap_or_else(|| {
            self.problem(field, "this field is a list of whole numbers");
            Vec::new()
        })
    }

    /// A list of texts that may be absent or null.
    pub(crate) fn texts<T>(
        &mut self,
        field: &'static str,
        parse: impl FnOnce(Vec<String>) -> Result<T, InvalidInput>,
    ) -> Given<T> {
        self.known.push(field);
        let texts: Option<Vec<String>> = match self.fields.get(field) {
            None => return Given::Absent,
            Some(Value::Null) => return Given::Null,
            Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            Some(_) => None,
        };
        match texts.map(parse) {
            Some(Ok(value)) => return Given::Value(value),
            Some(Err(problem)) => self.problem(field, problem.message),
            None => self.problem(field, "this field is a list of texts"),
        }
        Given::Absent
    }

    /// A list of objects; absent and null are empty.
    pub(crate) fn list(&mut self, field: &'static str) -> Vec<Map<String, Value>> {
        self.known.push(field);
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

    /// An object that may be absent or null.
    pub(crate) fn object(&mut self, field: &'static str) -> Given<Map<String, Value>> {
        self.known.push(field);
        match self.fields.remove(field) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(Value::Object(object)) => Given::Value(object),
            Some(_) => {
                self.problem(field, "this field is an object");
                Given::Absent
            }
        }
    }

    /// A secret that must be there; it is never part of a message.
    pub(crate) fn secret(&mut self, field: &'static str) -> Option<SecretString> {
        self.known.push(field);
        match self.fields.remove(field) {
            Some(Value::String(text)) if !text.is_empty() => Some(SecretString::from(text)),
            None | Some(Value::Null) => {
                self.needed(field);
                None
            }
            Some(_) => {
                self.problem(field, "this field is text, and not empty");
                None
            }
        }
    }

    /// Whether the request names the field at all.
    pub(crate) fn has(&mut self, field: &'static str) -> bool {
        self.known.push(field);
        self.fields.contains_key(field)
    }

    /// Reports a field.
    pub(crate) fn problem(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.problems.push(FieldProblem::new(field, message));
    }

    /// Reports a field, for programs too.
    pub(crate) fn coded_problem(&mut self, field: &'static str, code: InputCode, message: impl Into<String>) {
        self.problems.push(FieldProblem::new(field, message).coded(code));
    }

    /// Reports a field that is not there and must be.
    pub(crate) fn needed(&mut self, field: &'static str) {
        self.coded_problem(field, InputCode::Needed, "this field is needed");
    }

    /// Whether the field was reported as wrong.
    pub(crate) fn has_problem_with(&self, field: &str) -> bool {
        self.problems.iter().any(|problem| problem.field == field)
    }

    /// Everything that is wrong, or nothing. By now every field that the request may have was asked for.
    pub(crate) fn check(&mut self) -> Result<(), ApiError> {
        if self.dialect == Dialect::V1 {
            let unknown = self.fields.keys().filter(|field| !self.known.contains(&field.as_str()));
            let problem = |field: &String| FieldProblem::new(field, unknown_field(field, &self.known));
            let problems: Vec<_> = unknown.take(MOST_UNKNOWN).map(problem).collect();
            self.problems.extend(problems);
        }
        if self.problems.is_empty() { Ok(()) } else { Err(self.refusal()) }
    }

    /// The 422 with everything that is wrong.
    pub(crate) fn refusal(&mut self) -> ApiError {
        ApiError::invalid(std::mem::take(&mut self.problems))
    }
}

/// Unknown fields that are told at once.
const MOST_UNKNOWN: usize = 20;

/// Words of the previous generation and of other platforms for fields of ours.
const OTHER_WORDS: [(&str, &str); 8] = [
    ("secrets", "variables"),
    ("env", "variables"),
    ("environment", "variables"),
    ("repository", "repoUrl"),
    ("repo", "repoUrl"),
    ("token", "repoToken"),
    ("spa", "spaFallback"),
    ("node", "nodeVersion"),
];

/// Words for a field that is none, with the one that was probably meant.
pub(crate) fn unknown_field(field: &str, known: &[&str]) -> String {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-'], "");
    // Somebody else's word of any length is not worth comparing.
    let given = plain(&field.chars().take(64).collect::<String>());
    let other_word = OTHER_WORDS.iter().find(|(word, ours)| *word == given && known.contains(ours));
    let nearest = known.iter().map(|name| (distance(&given, &plain(name)), *name)).min();
    let meant = match (other_word, nearest) {
        (Some((_, ours)), _) => Some(*ours),
        (None, Some((distance, name))) if distance * 2 <= name.len() => Some(name),
        _ => None,
    };
    match meant {
        Some(name) => format!("there is no such field; did you mean {name}?"),
        None => {
            let mut names = known.to_vec();
            names.sort_unstable();
            names.dedup();
            format!("there is no such field; there are {}", names.join(", "))
        }
    }
}

/// How many characters must be added, removed or replaced to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
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

/// An id and a name in the path. What cannot be a name names nothing.
pub(crate) struct IdAndName<T>(pub(crate) i64, pub(crate) T);

impl<S: Send + Sync, T: TryFrom<String>> FromRequestParts<S> for IdAndName<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<(i64, String)>::from_request_parts(parts, state).await.ok();
        let named = path.and_then(|Path((id, name))| Some(Self(id, T::try_from(name).ok()?)));
        named.ok_or_else(|| ApiError::not_found("resource"))
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
    fn values_are_counted_and_what_is_quoted_is_none() {
        assert!(!has_many_values(format!(r#"{{"env": "A=\\\"{}"}}"#, ",[{".repeat(9_000)).as_bytes()));
        assert!(!has_many_values(format!("[{}0]", "0,".repeat(9_998)).as_bytes()));
        for many in ["0,", "[", "{\"a\":", "\"\\\\\",", "\",\","] {
            assert!(has_many_values(many.repeat(10_001).as_bytes()), "{many}");
        }
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let json = serde_json::json!({"a": 1, "b": "x", "c": null, "flag": "yes", "n": 1.5, "m": 7});
        let Value::Object(fields) = json else { panic!() };
        let mut form = Form::of(Dialect::Contract, fields);
        let no = |_: &str| Err::<(), _>(InvalidInput::new("b", "not this"));
        assert_eq!(form.required("a", |t| Ok(t.len())), None);
        assert_eq!(form.required("b", no), None);
        assert_eq!(form.optional("c", |t| Ok(t.len())), Given::Null);
        assert_eq!(form.required("d", |t| Ok(t.len())), None);
        assert_eq!(form.flag("flag"), Given::Absent);
        assert_eq!(form.number("n", Ok), Given::Absent);
        assert_eq!(form.number("m", Ok), Given::Value(7));
        assert_eq!(form.number("m", |_| Err::<(), _>(InvalidInput::new("m", "not 7"))), Given::Absent);
        let messages: Vec<_> = form.problems.iter().map(|p| format!("{}: {}", p.field, p.message)).collect();
        assert_eq!(
            messages,
            [
                "a: this field is text",
                "b: not this",
                "d: this field is needed",
                "flag: this field is true or false",
                "n: this field is a whole number",
                "m: not 7",
            ]
        );
        assert!(form.check().is_err());
    }

    #[test]
    fn a_field_that_is_none_is_told_under_v1_only() {
        let fields = || serde_json::json!({"name": "x", "Branch": "y"}).as_object().unwrap().clone();
        for (dialect, is_fine) in [(Dialect::Contract, true), (Dialect::V1, false)] {
            let mut form = Form::of(dialect, fields());
            let _ = (form.optional("name", |t| Ok(t.len())), form.optional("branch", |t| Ok(t.len())));
            assert_eq!(form.check().is_ok(), is_fine, "{dialect:?}");
        }
    }

    #[test]
    fn the_nearest_known_field_is_named() {
        let known = ["name", "branch", "repoUrl", "repoToken", "variables", "outputDirectory", "name"];
        for (field, meant) in [
            ("secrets", "variables"),
            ("repo_url", "repoUrl"),
            ("repourl", "repoUrl"),
            ("outputDir", "outputDirectory"),
            ("brnach", "branch"),
            ("env", "variables"),
            ("varaibles", "variables"),
        ] {
            assert_eq!(unknown_field(field, &known), format!("there is no such field; did you mean {meant}?"));
        }
        assert_eq!(
            unknown_field("id", &known),
            "there is no such field; there are branch, name, outputDirectory, repoToken, repoUrl, variables"
        );
        assert_eq!(unknown_field("secrets", &["login"]), "there is no such field; there are login");
    }
}
