//! Names that users choose: of projects (their subdomain) and of branches.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Input that cannot become its type: which field, and what would be accepted. Safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidInput {
    /// The field, in the spelling of the API (`name`, `repoUrl`, …).
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
    /// The same for programs, where it is something that people meet often.
    pub code: Option<InputCode>,
}

/// What is wrong with a field, for clients that say it in other words or another language. A code is never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputCode {
    /// Nothing was given.
    Needed,
    /// A project's name: over 63 characters.
    NameTooLong,
    /// A project's name: other characters than lower-case letters, digits and hyphens.
    NameCharacters,
    /// A project's name: a hyphen at its start or end, or two in its third and fourth place.
    NameHyphens,
    /// A project's name that no project may take.
    NameReserved,
    /// A project's name that another project has.
    NameTaken,
    /// Git has no such names of branches.
    BranchForm,
    /// The address of a repository that is not `https://…`.
    RepoUrlScheme,
    /// The address of a repository with a user or a password in it.
    RepoUrlCredentials,
    /// The address of a repository that is none otherwise.
    RepoUrlForm,
    /// A directory that is not inside the repository, or no path at all.
    DirectoryForm,
    /// The name of a variable: letters, digits and `_`, and no digit at its start.
    KeyForm,
    /// The name of a variable that another one has, for the same builds.
    KeyTaken,
    /// A login name with other characters than it may have, or too many.
    LoginForm,
    /// A login name that is somebody's.
    LoginTaken,
    /// A password with fewer than 12 characters, or too many.
    PasswordLength,
    /// No version of Node.
    NodeVersionForm,
}

impl InvalidInput {
    /// An error about `field`.
    #[must_use]
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into(), code: None }
    }

    /// Names it for programs, too.
    #[must_use]
    pub fn coded(mut self, code: InputCode) -> Self {
        self.code = Some(code);
        self
    }
}

/// Labels that no project may take; the operator can add to them.
pub const RESERVED_NAMES: &[&str] = &[
    "admin",
    "api",
    "app",
    "assets",
    "auth",
    "berth",
    "cdn",
    "console",
    "dashboard",
    "demo",
    "deploy",
    "ftp",
    "localhost",
    "mail",
    "ns1",
    "ns2",
    "portal",
    "root",
    "smtp",
    "static",
    "status",
    "system",
    "test",
    "webmail",
    "ws",
    "www",
];

/// A project's name: a DNS label of its own, `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`, without `--` in the third and
/// fourth place (RFC 5891 reserves those for internationalised names), and not reserved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ProjectName(String);

impl ProjectName {
    /// Parses a name that a user chose; `reserved` are the operator's additions to [`RESERVED_NAMES`].
    ///
    /// # Errors
    /// Names the rule that is broken; a reserved name says `reserved`.
    pub fn parse(text: &str, reserved: &[String]) -> Result<Self, InvalidInput> {
        let name = Self::stored(text)?;
        if RESERVED_NAMES.contains(&text) || reserved.iter().any(|r| r == text) {
            return Err(invalid_name(InputCode::NameReserved, format!("the name {text} is reserved; choose another")));
        }
        Ok(name)
    }

    /// Parses a name without asking whether it is reserved: names already taken stay valid when the list grows.
    ///
    /// # Errors
    /// Names the rule that is broken.
    pub fn stored(text: &str) -> Result<Self, InvalidInput> {
        let (code, problem) = if text.is_empty() {
            (InputCode::Needed, "a name is needed")
        } else if text.len() > 63 {
            (InputCode::NameTooLong, "a name has at most 63 characters")
        } else if !text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
            (InputCode::NameCharacters, "a name is made of lower-case letters a-z, digits and hyphens")
        } else if text.starts_with('-') || text.ends_with('-') {
            (InputCode::NameHyphens, "a name starts and ends with a letter or digit")
        } else if text.get(2..4) == Some("--") {
            let problem = "a name has no -- in the third and fourth place (reserved for internationalised names)";
            (InputCode::NameHyphens, problem)
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(invalid_name(code, problem))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn invalid_name(code: InputCode, message: impl Into<String>) -> InvalidInput {
    InvalidInput::new("name", message).coded(code)
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes one DNS label of parts joined by `-`. Over 63 characters it is cut and ends in 8 hex digits of a hash of the
/// whole, so that two long names stay apart.
#[must_use]
pub fn host_label(parts: &[&str]) -> String {
    let whole = as_label(parts);
    if whole.len() <= 63 { whole } else { cut_with(&whole, hash(&whole)) }
}

/// The labels of a branch's preview: the one that people expect, and the one that it gets where that is taken, because
/// `feat/a` and `feat-a` make the same: it ends in 8 hex digits of a hash of the branch's exact name.
#[must_use]
pub fn preview_labels(project: &ProjectName, branch: &BranchName) -> [String; 2] {
    let parts = [project.as_str(), "git", branch.as_str()];
    [host_label(&parts), cut_with(&as_label(&parts), hash(branch.as_str()))]
}

/// Parts joined by `-`, with nothing in them that a label cannot hold.
fn as_label(parts: &[&str]) -> String {
    let whole: String =
        parts.join("-").to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    whole.trim_matches('-').to_owned()
}

/// At most 63 characters that end in a hash.
fn cut_with(label: &str, hash: u32) -> String {
    format!("{}-{hash:08x}", label[..label.len().min(54)].trim_end_matches('-'))
}

/// FNV-1a.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, b| (hash ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

/// A branch, by the rules of `git check-ref-format --branch`, and never something that reads as an option.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct BranchName(String);

impl BranchName {
    /// Parses a branch's short name (`main`, `feature/login`).
    ///
    /// # Errors
    /// Names the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, InvalidInput> {
        const FORBIDDEN: &[char] = &[' ', '~', '^', ':', '?', '*', '[', '\\', '\u{7f}'];
        let problem = if text.is_empty() {
            Some("a branch is needed")
        } else if text.len() > 244 {
            Some("a branch name has at most 244 bytes")
        } else if text.starts_with('-') {
            Some("a branch name does not start with a hyphen")
        } else if text.chars().any(|c| c.is_control() || FORBIDDEN.contains(&c)) {
            Some("a branch name has no spaces, control characters or any of ~ ^ : ? * [ \\")
        } else if text.contains("..") || text.contains("@{") || text == "@" || text.ends_with('.') {
            Some("a branch name has no '..' or '@{', is not '@' and does not end in a dot")
        } else if text.split('/').any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock")) {
            Some("the parts of a branch name are not empty, do not start with a dot and do not end in .lock")
        } else {
            None
        };
        match problem {
            Some(problem) => {
                let code = if text.is_empty() { InputCode::Needed } else { InputCode::BranchForm };
                Err(InvalidInput::new("branch", problem).coded(code))
            }
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The short name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands for the branch of a pull request from a fork. No branch of the repository's own is taken for it: see
    /// [`BranchName::is_of_pull_request`].
    #[must_use]
    pub fn of_pull_request(number: i64) -> Self {
        Self(format!("pull/{number}"))
    }

    /// Whether it stands for a pull request from a fork: `pull/7`.
    #[must_use]
    pub fn is_of_pull_request(&self) -> bool {
        self.0.strip_prefix("pull/").is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! deserialize_by {
    ($name:ident, $parse:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                ($parse)(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
deserialize_by!(ProjectName, ProjectName::stored);
deserialize_by!(BranchName, BranchName::parse);

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<ProjectName, InvalidInput> {
        ProjectName::parse(text, &["control".to_owned()])
    }

    #[test]
    fn names_are_labels() {
        for good in ["a", "shop", "shop-2", "0", &"a".repeat(63)] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "..", "%2e%2e", "a/b", "a\0b", "a b", "é", "xn--a", "ab--c"] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert!(name(&"a".repeat(64)).unwrap_err().message.contains("63"));
        for reserved in [
            "admin",
            "api",
            "auth",
            "control",
            "demo",
            "deploy",
            "localhost",
            "mail",
            "portal",
            "root",
            "static",
            "system",
            "test",
            "ws",
            "www",
        ] {
            assert!(name(reserved).unwrap_err().message.contains("reserved"), "{reserved}");
        }
        for (bad, code) in [
            ("", InputCode::Needed),
            (&*"a".repeat(64), InputCode::NameTooLong),
            ("Shop", InputCode::NameCharacters),
            ("shop-", InputCode::NameHyphens),
            ("ab--c", InputCode::NameHyphens),
            ("www", InputCode::NameReserved),
        ] {
            assert_eq!(name(bad).unwrap_err().code, Some(code), "{bad:?}");
        }
        assert!(ProjectName::stored("www").is_ok());
    }

    #[test]
    fn long_labels_are_cut_and_stay_apart() {
        let one = host_label(&["shop", &"x".repeat(70), "one"]);
        let two = host_label(&["shop", &"x".repeat(70), "two"]);
        assert!(one.len() <= 63 && two.len() <= 63);
        assert_ne!(one, two);
        assert_eq!(host_label(&["shop", "git", "feature/Login_2"]), "shop-git-feature-login-2");
    }

    #[test]
    fn branches_of_one_label_have_another_each() {
        let shop = name("shop").unwrap();
        let labels = |branch: &str| preview_labels(&shop, &BranchName::parse(branch).unwrap());
        let [slash, slash_hashed] = labels("feat/a");
        let [hyphen, hyphen_hashed] = labels("feat-a");
        assert_eq!([&slash, &hyphen], ["shop-git-feat-a", "shop-git-feat-a"]);
        assert_eq!(slash_hashed, "shop-git-feat-a-c93c31b1");
        assert_ne!(slash_hashed, hyphen_hashed);
        for long in labels(&"x".repeat(200)).iter().chain(&labels("日本")) {
            assert!(long.len() <= 63 && ProjectName::stored(long).is_ok(), "{long}");
        }
        assert!(BranchName::of_pull_request(7).is_of_pull_request());
        for own in ["pull/7a", "pull/seven", "pulls/7", "main"] {
            assert!(!BranchName::parse(own).unwrap().is_of_pull_request(), "{own}");
        }
    }

    #[test]
    fn branches_follow_git() {
        for good in ["main", "feature/login", "release-1.2", "übung", "a@b"] {
            assert!(BranchName::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["", "-u", "a b", "a..b", "a~1", "a:b", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "@", "a@{1}", "a\n"]
        {
            assert!(BranchName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
