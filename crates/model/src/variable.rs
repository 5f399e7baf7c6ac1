//! Variables of a project, before they are sealed. The value's own type lives in `secrets`.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Environment, InputCode, InvalidInput, ProjectId, Timestamp, VariableId};

/// A variable's name in the environment: `^[A-Za-z_][A-Za-z0-9_]*$`, at most 256 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VariableKey(String);

impl VariableKey {
    /// Parses a name.
    ///
    /// # Errors
    /// Says what a name looks like.
    pub fn parse(text: &str) -> Result<Self, InvalidInput> {
        let mut bytes = text.bytes();
        let starts = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if starts && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') && text.len() <= 256 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidInput::new(
                "secrets",
                "a variable's key is made of letters, digits and _, does not start with a digit, and has at most 256 characters",
            )
            .coded(InputCode::KeyForm))
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VariableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for VariableKey {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        Self::parse(&text)
    }
}

impl From<VariableKey> for String {
    fn from(key: VariableKey) -> Self {
        key.0
    }
}

/// How a variable is treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VariableKind {
    /// Sealed, write-only, masked in logs, refused in releases.
    #[default]
    Secret,
    /// Sealed too, but may appear in logs and releases.
    Plain,
}

impl VariableKind {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Plain => "plain",
        }
    }

    /// Reads what [`VariableKind::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "secret" => Some(Self::Secret),
            "plain" => Some(Self::Plain),
            _ => None,
        }
    }
}

/// Which builds get a variable. One for its own environment goes before one for both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VariableScope {
    /// All.
    #[default]
    Both,
    /// Those of the project's own branch.
    Production,
    /// Those of other branches and of pull requests.
    Preview,
}

impl VariableScope {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Production => "production",
            Self::Preview => "preview",
        }
    }

    /// Reads what [`VariableScope::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Both, Self::Production, Self::Preview].into_iter().find(|scope| scope.as_str() == text)
    }

    /// Whether builds of an environment get it.
    #[must_use]
    pub fn covers(self, environment: Environment) -> bool {
        match self {
            Self::Both => true,
            Self::Production => environment == Environment::Production,
            Self::Preview => environment == Environment::Preview,
        }
    }
}

/// What may be shown of a variable: never its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// Its row.
    pub id: VariableId,
    /// Whose it is.
    pub project_id: ProjectId,
    /// Its name in the environment.
    pub key: VariableKey,
    /// Secret or plain.
    pub kind: VariableKind,
    /// Which builds get it.
    pub scope: VariableScope,
    /// When it was first set.
    pub created_at: Timestamp,
    /// When its value, name, kind or scope last changed.
    pub updated_at: Timestamp,
}
