//! What is known of frameworks and package managers, as data: `frameworks.json`, compiled in.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

/// The whole of `frameworks.json`.
#[derive(Deserialize)]
pub(super) struct Catalog {
    /// In the order in which their lockfiles win.
    pub(super) package_managers: Vec<ManagerEntry>,
    /// Ordered: the first match wins.
    pub(super) frameworks: Vec<Framework>,
}

/// A package manager by its lockfile.
#[derive(Deserialize)]
pub(super) struct ManagerEntry {
    pub(super) name: String,
    pub(super) lockfile: Option<String>,
    #[serde(default)]
    also: Vec<String>,
    pub(super) install: String,
}

impl ManagerEntry {
    /// The names that its lockfile can have.
    pub(super) fn lockfiles(&self) -> impl Iterator<Item = &str> {
        self.lockfile.iter().chain(&self.also).map(String::as_str)
    }
}

/// A framework: how it is recognised and how it builds.
#[derive(Deserialize)]
pub(super) struct Framework {
    pub(super) name: String,
    /// Any one is enough.
    pub(super) detectors: Vec<Condition>,
    pub(super) build_command: Option<String>,
    pub(super) output_directory: String,
    pub(super) kind: Kind,
    /// Of a hybrid: what makes its output static. Any one is enough.
    #[serde(default)]
    pub(super) static_when: Vec<Condition>,
    pub(super) start_command: Option<String>,
    #[serde(default)]
    pub(super) unless_dependency: Vec<String>,
    /// In words; an entry that has it comes after all that do not.
    pub(super) only_if: Option<String>,
}

/// Whether a framework makes files or a server.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Static,
    Hybrid,
}

/// Something that a repository has or does not have.
#[derive(Deserialize)]
pub(super) struct Condition {
    pub(super) dependency: Option<String>,
    pub(super) absent_dependency: Option<String>,
    /// A file name in the root directory; `*` stands for its ending.
    pub(super) file: Option<String>,
    /// A script of `package.json`.
    pub(super) script: Option<String>,
    /// What the file or script says.
    #[serde(default, deserialize_with = "pattern")]
    pub(super) matches: Option<Regex>,
    /// Where the files are when this holds.
    pub(super) output_directory: Option<String>,
}

fn pattern<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Regex>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| Regex::new(&text).map_err(serde::de::Error::custom)).transpose()
}

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    serde_json::from_str(include_str!("frameworks.json")).expect("the compiled-in frameworks.json is well formed")
});

/// The catalog.
pub(super) fn catalog() -> &'static Catalog {
    &CATALOG
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_is_well_formed() {
        let catalog = catalog();
        assert!(catalog.frameworks.len() > 30);
        for framework in &catalog.frameworks {
            assert!(!framework.detectors.is_empty(), "{}", framework.name);
            for condition in framework.detectors.iter().chain(&framework.static_when) {
                let asks = [&condition.dependency, &condition.absent_dependency, &condition.file, &condition.script];
                assert_eq!(asks.iter().filter(|asked| asked.is_some()).count(), 1, "{}", framework.name);
            }
        }
        assert_eq!(catalog.package_managers.last().unwrap().install, "npm install");
    }
}
