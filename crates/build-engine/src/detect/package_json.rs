//! `package.json`, as far as a plan depends on it. Fields of an unexpected shape are taken as absent: npm forgives
//! them too.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// A parsed `package.json`.
#[derive(Debug, Default)]
pub(super) struct PackageJson {
    pub(super) name: Option<String>,
    scripts: BTreeMap<String, String>,
    dependencies: BTreeMap<String, String>,
    /// Those of them that are not for development alone.
    to_run: BTreeSet<String>,
    /// `pnpm@10.2.0`.
    pub(super) package_manager: Option<String>,
    /// What it wants of Node and of package managers, as ranges.
    engines: BTreeMap<String, String>,
    /// Exact versions for Volta.
    volta: BTreeMap<String, String>,
    /// The file that the package starts with.
    pub(super) main: Option<String>,
    /// What Parcel starts from.
    pub(super) has_source: bool,
    /// Where Parcel leaves its default target.
    pub(super) target_directory: Option<String>,
    /// Files that it gives to others as programs.
    pub(super) programs: Vec<String>,
    /// A directory full of them.
    pub(super) program_directory: Option<String>,
    /// Directories of its workspaces, as globs.
    pub(super) workspaces: Vec<String>,
}

impl PackageJson {
    /// Parses the text.
    ///
    /// # Errors
    /// In words, with the place.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let value: Map<String, Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let object = |key: &str| value.get(key).and_then(Value::as_object);
        let texts = |key: &str| -> BTreeMap<String, String> {
            let pairs = object(key).into_iter().flatten();
            pairs.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect()
        };
        let mut dependencies = texts("optionalDependencies");
        dependencies.extend(texts("devDependencies"));
        dependencies.extend(texts("dependencies"));
        let workspaces = match value.get("workspaces") {
            Some(Value::Object(inner)) => inner.get("packages"),
            other => other,
        };
        let globs = workspaces.and_then(Value::as_array).into_iter().flatten();
        Ok(Self {
            name: value.get("name").and_then(Value::as_str).map(str::to_owned),
            scripts: texts("scripts"),
            dependencies,
            to_run: texts("dependencies").into_keys().collect(),
            package_manager: value.get("packageManager").and_then(Value::as_str).map(str::to_owned),
            engines: texts("engines"),
            volta: texts("volta"),
            main: ["main", "module"].into_iter().find_map(|key| value.get(key)?.as_str().map(str::to_owned)),
            has_source: value.contains_key("source"),
            target_directory: object("targets")
                .and_then(|targets| targets.values().find_map(|target| target.get("distDir")?.as_str()))
                .map(str::to_owned),
            programs: match value.get("bin") {
                Some(Value::String(file)) => vec![file.clone()],
                Some(Value::Object(files)) => files.values().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => Vec::new(),
            },
            program_directory: object("directories").and_then(|places| Some(places.get("bin")?.as_str()?.to_owned())),
            workspaces: globs.filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    }

    pub(super) fn script(&self, name: &str) -> Option<&str> {
        self.scripts.get(name).map(String::as_str).filter(|script| !script.trim().is_empty())
    }

    pub(super) fn scripts_starting_with(&self, start: &str) -> Vec<&str> {
        self.scripts.iter().filter(|(name, _)| name.starts_with(start)).map(|(_, script)| script.as_str()).collect()
    }

    /// Whether any script runs this program.
    pub(super) fn scripts_run(&self, program: &str) -> bool {
        self.scripts.values().any(|script| script.split_whitespace().any(|word| word == program))
    }

    /// The range that `engines` asks of a program.
    pub(super) fn engine(&self, program: &str) -> Option<&str> {
        self.engines.get(program).map(String::as_str)
    }

    /// The version that Volta is told.
    pub(super) fn volta(&self, program: &str) -> Option<&str> {
        self.volta.get(program).map(String::as_str)
    }

    /// The range that is asked of a dependency.
    pub(super) fn dependency(&self, name: &str) -> Option<&str> {
        self.dependencies.get(name).map(String::as_str)
    }

    pub(super) fn depends_on(&self, name: &str) -> bool {
        self.dependencies.contains_key(name)
    }

    /// Whether it depends on something when it runs, and not only when it is built.
    pub(super) fn runs_with(&self, name: &str) -> bool {
        self.to_run.contains(name)
    }

    /// The names of its dependencies, in their order.
    pub(super) fn dependencies(&self) -> impl Iterator<Item = &str> {
        self.dependencies.keys().map(String::as_str)
    }

    pub(super) fn has_dependencies(&self) -> bool {
        !self.dependencies.is_empty()
    }

    /// Whether installing runs something that may look at files which are not part of the dependencies' key: scripts
    /// of its own, or packages that lie in the repository.
    pub(super) fn install_needs_sources(&self) -> Option<String> {
        let script = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"]
            .into_iter()
            .find(|name| self.script(name).is_some_and(|script| !is_harmless(script)));
        if let Some(name) = script {
            return Some(format!("the script `{name}` runs at install"));
        }
        // Its packages make their client from the project's schema while they are installed.
        if self.depends_on("@prisma/client") {
            return Some("@prisma/client reads the schema at install".to_owned());
        }
        let local = |version: &str| version.starts_with("file:") || version.starts_with("link:");
        let (name, _) = self.dependencies.iter().find(|(_, version)| local(version))?;
        Some(format!("the dependency {name} lies in the repository"))
    }
}

/// Scripts that look at no source: hooks for git, patches (which are part of the key), a guard.
fn is_harmless(script: &str) -> bool {
    const HARMLESS: &[&str] =
        &["husky", "husky install", "patch-package", "simple-git-hooks", "lefthook install", "is-ci", "exit 0", "true"];
    let mut parts = script.split(['&', '|', ';']).map(str::trim).filter(|part| !part.is_empty());
    parts.all(|part| HARMLESS.contains(&part) || part.starts_with("npx only-allow ") || part.starts_with("echo "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_shapes_are_taken_as_absent() {
        let package =
            PackageJson::parse(r#"{"scripts":{"build":1},"dependencies":[],"workspaces":{"packages":["a/*",2]}}"#);
        let package = package.unwrap();
        assert!(package.script("build").is_none() && !package.has_dependencies());
        assert_eq!(package.workspaces, ["a/*"]);
        assert!(PackageJson::parse("[]").is_err() && PackageJson::parse("{,}").unwrap_err().contains("line 1"));
    }

    #[test]
    fn install_scripts_that_need_sources() {
        let needs =
            |scripts: &str| PackageJson::parse(&format!("{{\"scripts\":{scripts}}}")).unwrap().install_needs_sources();
        assert!(needs(r#"{"prepare":"husky || true"}"#).is_none());
        assert!(needs(r#"{"postinstall":"patch-package"}"#).is_none());
        assert!(needs(r#"{"postinstall":"node scripts/setup.js"}"#).unwrap().contains("`postinstall`"));
        let local = PackageJson::parse(r#"{"dependencies":{"ui":"file:../ui"}}"#).unwrap();
        assert!(local.install_needs_sources().unwrap().contains("ui"));
    }
}
