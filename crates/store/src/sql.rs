//! One SQL text for both databases: a statement with its values, and a row that is read back.
//!
//! `$1` is a placeholder in SQLite as in PostgreSQL, so only values and rows need a common form. Values are bound,
//! never pasted. A NUL, which PostgreSQL's text cannot hold, is dropped here and nowhere else.

use berth_model::{
    ActivationId, ApiTokenId, BuildId, DeliveryId, DeployHookId, DeploymentId, EventId, InvitationId, PreviewId,
    ProjectId, ReportId, RunId, SessionId, Timestamp, UserId, VariableId, Why,
};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Arguments, Database, Decode, Encode, Postgres, Row as _, Sqlite, Type};

use crate::StoreError;

/// A statement and the values of its placeholders.
pub(crate) struct Sql {
    text: &'static str,
    values: Vec<Value>,
}

/// Begins a statement.
pub(crate) fn sql(text: &'static str) -> Sql {
    Sql { text, values: Vec::new() }
}

impl Sql {
    /// The value of the next placeholder.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The statement as one driver wants it.
    pub(crate) fn prepared<DB>(self) -> Result<sqlx::query::Query<'static, DB, DB::Arguments>, StoreError>
    where
        DB: Database,
        DB::Arguments: sqlx::IntoArguments<DB>,
        Option<i64>: Encode<'static, DB> + Type<DB>,
        Option<bool>: Encode<'static, DB> + Type<DB>,
        Option<String>: Encode<'static, DB> + Type<DB>,
        Option<Vec<u8>>: Encode<'static, DB> + Type<DB>,
    {
        let mut arguments = DB::Arguments::default();
        for value in self.values {
            match value {
                Value::Int(value) => arguments.add(value),
                Value::Bool(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Bytes(value) => arguments.add(value),
            }
            .map_err(StoreError::Refused)?;
        }
        Ok(sqlx::query_with(self.text, arguments))
    }
}

/// A value on its way into the database; `None` is NULL.
pub(crate) enum Value {
    Int(Option<i64>),
    Bool(Option<bool>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! values_from {
    ($($type:ty => |$value:ident| $make:expr),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $make
            }
        }
    )+};
}

values_from! {
    i64 => |value| Self::Int(Some(value)),
    Option<i64> => |value| Self::Int(value),
    Timestamp => |value| Self::Int(Some(value.0)),
    bool => |value| Self::Bool(Some(value)),
    Option<bool> => |value| Self::Bool(value),
    &str => |value| Self::Text(Some(value.replace('\0', ""))),
    Option<&str> => |value| Self::Text(value.map(|text| text.replace('\0', ""))),
    &String => |value| Self::from(value.as_str()),
    &Option<String> => |value| Self::from(value.as_deref()),
    String => |value| Self::from(value.as_str()),
    &[u8; 32] => |value| Self::Bytes(Some(value.to_vec())),
    Option<&[u8; 32]> => |value| Self::Bytes(value.map(|hash| hash.to_vec())),
    Option<Vec<u8>> => |value| Self::Bytes(value),
}

macro_rules! values_from_ids {
    ($($id:ty),+ $(,)?) => {$(
        values_from! {
            $id => |value| Self::Int(Some(value.0)),
            Option<$id> => |value| Self::Int(value.map(|id| id.0)),
        }
        impl FromRow for $id {
            fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
                i64::from_row(row).map(Self)
            }
        }
    )+};
}

values_from_ids!(
    ActivationId,
    ApiTokenId,
    BuildId,
    DeliveryId,
    DeployHookId,
    DeploymentId,
    EventId,
    InvitationId,
    PreviewId,
    ProjectId,
    ReportId,
    RunId,
    SessionId,
    UserId,
    VariableId,
);

/// A row of either database.
pub(crate) enum Row<'r> {
    Sqlite(&'r SqliteRow),
    Postgres(&'r PgRow),
}

impl<'r> From<&'r SqliteRow> for Row<'r> {
    fn from(row: &'r SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

impl<'r> From<&'r PgRow> for Row<'r> {
    fn from(row: &'r PgRow) -> Self {
        Self::Postgres(row)
    }
}

/// What both drivers can read from a column.
pub(crate) trait Column:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Column for T where T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> {}

impl Row<'_> {
    /// The value of a column.
    pub(crate) fn get<T: Column>(&self, column: &'static str) -> Result<T, StoreError> {
        let value = match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        };
        value.map_err(|error| unreadable(column, &error))
    }

    /// A time.
    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.get(column).map(Timestamp)
    }

    /// A time, or NULL.
    pub(crate) fn time_or_none(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp))
    }

    /// Text that is one of our words or names.
    pub(crate) fn parsed<T>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        parse(&self.get::<String>(column)?).ok_or(StoreError::Corrupt(column))
    }

    /// The same, or NULL.
    pub(crate) fn parsed_or_none<T>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| parse(&text).ok_or(StoreError::Corrupt(column))).transpose()
    }

    /// A JSON document of ours.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        self.parsed(column, |text| serde_json::from_str(text).ok())
    }

    /// The same, or NULL.
    pub(crate) fn json_or_none<T: serde::de::DeserializeOwned>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        self.parsed_or_none(column, |text| serde_json::from_str(text).ok())
    }

    /// Why something is so: the sentence of one column and its parts of another, which what was kept before there were
    /// codes has not.
    pub(crate) fn why_or_none(&self, sentence: &'static str, because: &'static str) -> Result<Option<Why>, StoreError> {
        let Some(sentence) = self.get::<Option<String>>(sentence)? else { return Ok(None) };
        let because: Option<String> = self.get(because)?;
        // A later version may have kept codes that this one does not know.
        Ok(Some(Why::kept(sentence, because.and_then(|text| serde_json::from_str(&text).ok()))))
    }

    /// The same where it is always told.
    pub(crate) fn why(&self, sentence: &'static str, because: &'static str) -> Result<Why, StoreError> {
        self.why_or_none(sentence, because)?.ok_or(StoreError::Corrupt(sentence))
    }

    fn first<T: Column>(&self) -> Result<T, StoreError> {
        let value = match self {
            Self::Sqlite(row) => row.try_get(0),
            Self::Postgres(row) => row.try_get(0),
        };
        value.map_err(|error| unreadable("1", &error))
    }
}

fn unreadable(column: &'static str, error: &sqlx::Error) -> StoreError {
    tracing::error!(column, %error, "a stored value cannot be read");
    StoreError::Corrupt(column)
}

/// A document as it is stored.
pub(crate) fn json_text<T: serde::Serialize>(document: &T) -> String {
    serde_json::to_string(document).expect("our documents have text keys and finite numbers")
}

/// What a row becomes.
pub(crate) trait FromRow: Sized {
    /// Reads the row.
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError>;
}

macro_rules! from_first_column {
    ($($type:ty),+) => {$(
        impl FromRow for $type {
            fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
                row.first()
            }
        }
    )+};
}

from_first_column!(i64, bool, String, Option<String>);
