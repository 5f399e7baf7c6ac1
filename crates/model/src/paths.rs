//! Directories inside a repository, as users name them in settings.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{InputCode, InvalidInput};

macro_rules! repository_path {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses a path relative to the repository; `.`, `./` and the empty string are the top.
            ///
            /// # Errors
            /// Says why the path cannot be used.
            pub fn parse(text: &str) -> Result<Self, InvalidInput> {
                relative_path($field, text).map(Self)
            }

            /// Without leading `./` and trailing `/`; the top is the empty string.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether it is the top itself.
            #[must_use]
            pub fn is_top(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidInput;

            fn try_from(text: String) -> Result<Self, InvalidInput> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(path: $name) -> Self {
                path.0
            }
        }
    };
}

repository_path! {
    /// The directory that a build leaves its files in, relative to the root directory.
    OutputDir, "outputDirectory"
}
repository_path! {
    /// The directory of a project inside its repository (monorepos), relative to the repository's top.
    RootDir, "rootDirectory"
}

fn relative_path(field: &'static str, text: &str) -> Result<String, InvalidInput> {
    let problem = if text.len() > 1_024 {
        Some("is longer than 1,024 bytes".to_owned())
    } else if text.chars().any(char::is_control) {
        Some("contains a control character".to_owned())
    } else if text.contains('\\') {
        Some("contains a backslash; separate directories with /".to_owned())
    } else if text.starts_with('/') {
        Some(format!("is absolute ({text}); name it relative to the repository"))
    } else if text.split('/').any(|part| part == "..") {
        Some(format!("leads outside the repository ({text})"))
    } else if text.split('/').any(|part| part == ".git") {
        Some("names the .git directory".to_owned())
    } else {
        None
    };
    match problem {
        Some(problem) => {
            Err(InvalidInput::new(field, format!("the {} {problem}", spoken(field))).coded(InputCode::DirectoryForm))
        }
        None => Ok(text.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")),
    }
}

fn spoken(field: &str) -> &'static str {
    if field == "rootDirectory" { "root directory" } else { "output directory" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_stay_inside() {
        for (given, kept) in
            [("dist", "dist"), ("./", ""), ("", ""), ("./a//b/", "a/b"), ("a/./b", "a/b"), ("a b", "a b")]
        {
            assert_eq!(OutputDir::parse(given).unwrap().as_str(), kept);
        }
        for bad in ["..", "a/../..", "/etc", "a\0", "a\\b", ".git", "x/.git/y", "a\nb"] {
            assert!(OutputDir::parse(bad).is_err(), "{bad:?}");
        }
        assert!(RootDir::parse("/x").unwrap_err().message.starts_with("the root directory is absolute"));
    }
}
