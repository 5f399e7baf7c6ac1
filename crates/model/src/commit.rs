//! Commits as git names them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::InvalidInput;

/// The full hash of a commit: 40 lower-case hex digits (SHA-1; git2 reads no SHA-256 repositories).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitHash(String);

impl CommitHash {
    /// Parses 40 hex digits; all zeros, git's "no commit", is refused.
    ///
    /// # Errors
    /// Says what a commit hash looks like.
    pub fn parse(text: &str) -> Result<Self, InvalidInput> {
        let is_hex = text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if is_hex && text.bytes().any(|b| b != b'0') {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidInput::new("commit", "a commit hash is 40 hex digits, not all zero"))
        }
    }

    /// All 40 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, as people quote a commit.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl fmt::Display for CommitHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CommitHash {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        Self::parse(&text)
    }
}

impl From<CommitHash> for String {
    fn from(hash: CommitHash) -> Self {
        hash.0
    }
}

/// Words in a commit's message that ask for no build.
const SKIP: [&str; 3] = ["[skip ci]", "[ci skip]", "[skip deploy]"];

/// The word by which a commit's message asks for no build, in any case.
#[must_use]
pub fn skip_word(message: &str) -> Option<&'static str> {
    let message = message.to_ascii_lowercase();
    SKIP.into_iter().find(|word| message.contains(word))
}

/// What is shown of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Which one.
    pub hash: CommitHash,
    /// Its message, at most 1,000 characters kept.
    pub message: String,
    /// The author's name.
    pub author: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_can_ask_for_no_build() {
        assert_eq!(skip_word("Fix a typo [skip ci]"), Some("[skip ci]"));
        assert_eq!(skip_word("[CI Skip] Fix a typo"), Some("[ci skip]"));
        assert_eq!(skip_word("Fix a typo\n\n[Skip Deploy]"), Some("[skip deploy]"));
        assert_eq!(skip_word("Explain skip ci"), None);
    }
}
