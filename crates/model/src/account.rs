//! What people choose or are given around their accounts: login names, notes, and the state of an invitation.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{InputCode, InvalidInput};

/// What somebody signs in with beside a password: letters, digits and `. _ - + @`, so that an e-mail address will do.
/// Kept in lower case; no two look alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoginName(String);

impl LoginName {
    /// Parses what somebody chose; spaces around it are dropped.
    ///
    /// # Errors
    /// Names the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, InvalidInput> {
        let name = text.trim().to_ascii_lowercase();
        let problem = if name.is_empty() {
            "a login name is needed"
        } else if name.len() > 254 {
            "a login name has at most 254 characters"
        } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+@".contains(&b)) {
            "a login name is made of letters a-z, digits and . _ - + @ (an e-mail address will do)"
        } else {
            return Ok(Self(name));
        };
        let code = if name.is_empty() { InputCode::Needed } else { InputCode::LoginForm };
        Err(InvalidInput::new("login", problem).coded(code))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A line that an administrator writes for administrators, such as whom an invitation is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note(String);

impl Note {
    /// Parses a line of at most 200 characters; `None` if there is nothing in it.
    ///
    /// # Errors
    /// Names the rule that is broken.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidInput> {
        let line = text.trim();
        if line.chars().count() > 200 {
            Err(InvalidInput::new("note", "a note has at most 200 characters"))
        } else if line.chars().any(char::is_control) {
            Err(InvalidInput::new("note", "a note is one line without control characters"))
        } else {
            Ok((!line.is_empty()).then(|| Self(line.to_owned())))
        }
    }

    /// The line as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long an invitation stands: 1 hour to 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvitationLifetime(Duration);

const HOUR: Duration = Duration::from_secs(60 * 60);

impl InvitationLifetime {
    /// A week: for somebody who is to open an account.
    pub const INVITATION: Self = Self(Duration::from_secs(7 * 24 * 60 * 60));
    /// A day: for somebody who waits to sign in again.
    pub const PASSWORD_LINK: Self = Self(Duration::from_secs(24 * 60 * 60));

    /// Parses a number of hours.
    ///
    /// # Errors
    /// When it is not from 1 to 720.
    pub fn hours(hours: i64) -> Result<Self, InvalidInput> {
        match u32::try_from(hours) {
            Ok(hours @ 1..=720) => Ok(Self(HOUR * hours)),
            _ => Err(InvalidInput::new("expiresInHours", "a link stands for 1 to 720 hours (30 days)")),
        }
    }

    /// As a duration.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }
}

/// What has become of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    /// It can be used.
    Pending,
    /// Somebody used it.
    Used,
    /// Nobody used it in time.
    Expired,
    /// An administrator withdrew it.
    Revoked,
}

impl InvitationState {
    /// As shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Reads what [`InvitationState::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Used, Self::Expired, Self::Revoked].into_iter().find(|state| state.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_names() {
        for (given, kept) in [("ada", "ada"), (" Ada@Example.org ", "ada@example.org"), ("a.b_c-d+e", "a.b_c-d+e")] {
            assert_eq!(LoginName::parse(given).unwrap().as_str(), kept);
        }
        let long = "a".repeat(255);
        for bad in ["", "  ", "a b", "' OR 1=1--", "ada\0", "ädä", "аda", "a\u{202e}b", "a/b", "a\"b", long.as_str()]
        {
            assert!(LoginName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn notes_are_one_line() {
        assert_eq!(Note::parse(" for Grace, ☕'; -- ").unwrap().unwrap().as_str(), "for Grace, ☕'; --");
        assert_eq!(Note::parse("  "), Ok(None));
        assert!(Note::parse(&"é".repeat(200)).is_ok());
        for bad in ["a\nb", "a\0b", &"é".repeat(201)] {
            assert!(Note::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lifetimes_are_bounded() {
        assert_eq!(InvitationLifetime::hours(168), Ok(InvitationLifetime::INVITATION));
        assert_eq!(InvitationLifetime::hours(720).unwrap().duration(), HOUR * 720);
        for bad in [0, -1, 721, i64::MAX, i64::MIN] {
            assert!(InvitationLifetime::hours(bad).is_err(), "{bad}");
        }
    }
}
