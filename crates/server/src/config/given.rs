//! What was given: the environment, over the file that `BERTH_CONFIG` names.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;

use super::Problem;

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The environment.
    Environment,
    /// The file that `BERTH_CONFIG` names.
    File,
    /// Nobody set it.
    Default,
}

impl Source {
    /// As `berth config` prints it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::File => "file",
            Self::Default => "default",
        }
    }
}

/// The texts of variables by name, each with its source.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    values: BTreeMap<String, (String, Source)>,
    pub(super) problems: Vec<Problem>,
}

impl Given {
    /// The process's environment and the file it names.
    pub(super) fn from_environment() -> Self {
        let mut given = Self::default();
        let mut pairs = Vec::new();
        for (name, value) in env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => pairs.push((name, value)),
                Err(_) if super::is_known(&name) => {
                    given.problems.push(Problem::new(&name, None, "it is not UTF-8 text"))
                }
                Err(_) => {}
            }
        }
        given.add_pairs(pairs);
        given
    }

    /// Exactly these variables, and the file they name.
    pub(super) fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut given = Self::default();
        given.add_pairs(pairs);
        given
    }

    fn add_pairs(&mut self, pairs: impl IntoIterator<Item = (String, String)>) {
        self.values.extend(pairs.into_iter().map(|(name, value)| (name, (value, Source::Environment))));
        let Some(file) = self.get("BERTH_CONFIG").map(|(path, _)| path.to_owned()).filter(|path| !path.is_empty())
        else {
            return;
        };
        match std::fs::read_to_string(Path::new(&file)) {
            Ok(text) => self.add_file(&file, &text),
            Err(error) => {
                let right = format!("the file could not be read ({error}); name a readable file, or leave it out");
                self.problems.push(Problem::new("BERTH_CONFIG", Some(file), right));
            }
        }
    }

    fn add_file(&mut self, file: &str, text: &str) {
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match assignment(line) {
                Some((name, value)) => {
                    self.values.entry(name.to_owned()).or_insert_with(|| (value.to_owned(), Source::File));
                }
                // The line itself is not quoted: it may hold a secret.
                None => self.problems.push(Problem::new(
                    "BERTH_CONFIG",
                    Some(file.to_owned()),
                    format!("line {} is not of the form NAME=value", index + 1),
                )),
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<(&str, Source)> {
        self.values.get(name).map(|(value, source)| (value.as_str(), *source))
    }

    /// What looks like one of ours: everything in the file, and `BERTH_…` in the environment.
    pub(super) fn names_of_ours(&self) -> impl Iterator<Item = &str> {
        let ours =
            |(name, (_, source)): &(&String, &(String, Source))| *source == Source::File || name.starts_with("BERTH_");
        self.values.iter().filter(ours).map(|(name, _)| name.as_str())
    }
}

/// `NAME=value`, as env files have it: `export` is allowed, and one pair of quotes around the value is not part of it.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let name_fits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let unquoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    name_fits.then_some((name, unquoted.unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_wins_over_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("berth.env");
        std::fs::write(&file, "# comment\nexport BASE_DOMAIN = \"a.org\"\nBERTH_LOG='debug'\n\nno assignment\n")
            .unwrap();
        let given = Given::from_pairs([
            ("BERTH_CONFIG".to_owned(), file.display().to_string()),
            ("BASE_DOMAIN".to_owned(), "b.org".to_owned()),
        ]);
        assert_eq!(given.get("BASE_DOMAIN"), Some(("b.org", Source::Environment)));
        assert_eq!(given.get("BERTH_LOG"), Some(("debug", Source::File)));
        assert_eq!(given.problems.len(), 1);
        assert!(given.problems[0].to_string().contains("line 5"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_problem() {
        let given = Given::from_pairs([("BERTH_CONFIG".to_owned(), "/nonexistent/berth.env".to_owned())]);
        assert!(given.problems[0].to_string().contains("BERTH_CONFIG=/nonexistent/berth.env"));
    }
}
