//! A project's directory in a checkout.

use std::sync::LazyLock;

use berth_model::{Failure, FailureCode, RootDir};
use regex::Regex;

use super::config::without_comments;
use super::package_json::PackageJson;
use crate::Checkout;

const MOST_SCRIPT_BYTES: usize = 512 << 10;

/// The project's directory with its `package.json` (an empty one if there is none).
pub(super) struct Folder<'a> {
    pub(super) checkout: &'a Checkout,
    /// `""`: the top.
    pub(super) root: &'a str,
    pub(super) package: PackageJson,
}

impl<'a> Folder<'a> {
    pub(super) fn open(checkout: &'a Checkout, root: &'a str) -> Result<Self, Failure> {
        if !root.is_empty() && !checkout.has_directory(root) {
            let existing: Vec<String> = projects(checkout);
            let shown = if existing.is_empty() { "none with a project".to_owned() } else { existing.join(", ") };
            return Err(Failure::new(
                FailureCode::BadSettings,
                format!("the root directory {root} does not exist"),
                format!("The commit holds no directory {root}. Directories that look like projects: {shown}."),
            )
            .with_setting("rootDirectory"));
        }
        let package = package_json(checkout, root)?.unwrap_or_default();
        Ok(Self { checkout, root, package })
    }

    /// The path of a file of the project.
    pub(super) fn path(&self, name: &str) -> String {
        join(self.root, name)
    }

    /// The project's directory as commands are told it.
    pub(super) fn directory(&self) -> RootDir {
        RootDir::parse(self.root).unwrap_or_default()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.checkout.has_file(&self.path(name))
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.checkout.text(&self.path(name))
    }

    /// A file of the project, or of the nearest directory above that has it.
    pub(super) fn near(&self, name: &str) -> Option<String> {
        self.upwards().find_map(|directory| self.checkout.text(&join(directory, name)))
    }

    /// The project's directory and those above it, up to the top.
    pub(super) fn upwards(&self) -> impl Iterator<Item = &'a str> {
        let mut next = Some(self.root);
        std::iter::from_fn(move || {
            let this = next?;
            next = (!this.is_empty()).then(|| this.rsplit_once('/').map_or("", |(parent, _)| parent));
            Some(this)
        })
    }

    /// Files whose path is `path`, where a `*` at its end stands for any ending without a `/`.
    pub(super) fn files_like(&self, path: &str) -> Vec<String> {
        let Some(start) = path.strip_suffix('*') else {
            return if self.has(path) { vec![path.to_owned()] } else { Vec::new() };
        };
        let skip = if self.root.is_empty() { 0 } else { self.root.len() + 1 };
        let here = self.checkout.below(self.root).filter_map(|(path, _)| path.get(skip..));
        let here = here.filter(|path| path.strip_prefix(start).is_some_and(|ending| !ending.contains('/')));
        here.map(str::to_owned).collect()
    }

    /// The text of a file in JavaScript or TypeScript, without its comments; nobody writes a configuration of more than
    /// half a megabyte.
    pub(super) fn script_text(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| text.len() <= MOST_SCRIPT_BYTES).map(|text| without_comments(&text))
    }

    /// The first of those files that says what is looked for, outside of comments.
    pub(super) fn file_saying(&self, name: &str, matches: Option<&Regex>) -> Option<String> {
        self.files_like(name).into_iter().find(|file| match matches {
            Some(pattern) if is_script(file) => self.script_text(file).is_some_and(|text| pattern.is_match(&text)),
            Some(pattern) => self.text(file).is_some_and(|text| pattern.is_match(&text)),
            None => true,
        })
    }

    /// Whether there is a directory of this name in the project's.
    pub(super) fn has_directory(&self, name: &str) -> bool {
        self.checkout.has_directory(&self.path(name))
    }

    /// Directories of the checkout that look like projects.
    pub(super) fn projects_below(&self) -> Vec<String> {
        projects(self.checkout)
    }
}

/// `package.json` of a directory; `None` where there is none.
pub(super) fn package_json(checkout: &Checkout, directory: &str) -> Result<Option<PackageJson>, Failure> {
    let (path, relaxed) = (join(directory, "package.json"), join(directory, "package.json5"));
    let is_relaxed = !checkout.has_file(&path);
    let path = if is_relaxed { relaxed } else { path };
    if !checkout.has_file(&path) {
        return Ok(None);
    }
    let broken = |why: String| Failure::new(FailureCode::BadRepository, format!("{path} cannot be read"), why);
    let text = checkout.text(&path).ok_or_else(|| broken("It is not text, or larger than 4 MiB.".to_owned()))?;
    let text = if is_relaxed { as_json(&text) } else { text };
    PackageJson::parse(&text).map(Some).map_err(|error| broken(format!("It is not valid JSON: {error}.")))
}

/// What pnpm allows in a `package.json5`, as far as people use it: comments, and commas behind the last value.
fn as_json(text: &str) -> String {
    static LAST_COMMA: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r",(\s*[}\]])").ok());
    let text = without_comments(text);
    match LAST_COMMA.as_ref() {
        Some(comma) => comma.replace_all(&text, "$1").into_owned(),
        None => text,
    }
}

fn is_script(file: &str) -> bool {
    let ending = file.rsplit('.').next().unwrap_or_default();
    matches!(ending, "js" | "mjs" | "cjs" | "ts" | "mts" | "cts")
}

pub(super) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

fn projects(checkout: &Checkout) -> Vec<String> {
    let mut found: Vec<String> = checkout
        .entries()
        .filter(|(path, _)| !path.contains("node_modules/") && path.matches('/').count() <= 3)
        .filter_map(|(path, _)| path.rsplit_once('/'))
        .filter(|(_, name)| matches!(*name, "package.json" | "index.html"))
        .map(|(directory, _)| directory.to_owned())
        .collect();
    found.dedup();
    found.truncate(10);
    found
}
