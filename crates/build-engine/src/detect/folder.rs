//! A project's directory in a checkout.

use berth_model::{Failure, FailureCode};
use regex::Regex;

use super::package_json::PackageJson;
use crate::Checkout;

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

    /// Files directly in the project's directory whose name is `name`, where a `*` at its end stands for any ending.
    pub(super) fn files_like(&self, name: &str) -> Vec<String> {
        let Some(start) = name.strip_suffix('*') else {
            return if self.has(name) { vec![name.to_owned()] } else { Vec::new() };
        };
        let skip = if self.root.is_empty() { 0 } else { self.root.len() + 1 };
        let here = self.checkout.below(self.root).filter_map(|(path, _)| path.get(skip..));
        here.filter(|rest| !rest.contains('/') && rest.starts_with(start)).map(str::to_owned).collect()
    }

    /// The first of those files that says what is looked for.
    pub(super) fn file_saying(&self, name: &str, matches: Option<&Regex>) -> Option<String> {
        self.files_like(name).into_iter().find(|file| match matches {
            Some(pattern) => self.text(file).is_some_and(|text| pattern.is_match(&text)),
            None => true,
        })
    }

    /// Directories of the checkout that look like projects.
    pub(super) fn projects_below(&self) -> Vec<String> {
        projects(self.checkout)
    }
}

/// `package.json` of a directory; `None` where there is none.
pub(super) fn package_json(checkout: &Checkout, directory: &str) -> Result<Option<PackageJson>, Failure> {
    let path = join(directory, "package.json");
    if !checkout.has_file(&path) {
        return Ok(None);
    }
    let broken = |why: String| Failure::new(FailureCode::BadRepository, format!("{path} cannot be read"), why);
    let text = checkout.text(&path).ok_or_else(|| broken("It is not text, or larger than 4 MiB.".to_owned()))?;
    PackageJson::parse(&text).map(Some).map_err(|error| broken(format!("It is not valid JSON: {error}.")))
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
