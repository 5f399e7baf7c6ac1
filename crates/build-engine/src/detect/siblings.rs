//! Packages of the same workspace that a site uses: a change in one is a change of the site, and those that have a build
//! of their own are built before it.

use std::collections::{BTreeMap, BTreeSet};

use berth_model::{Decision, Names, PlanService, Reason, RootDir};

use super::folder::{Folder, package_json};
use super::package_json::PackageJson;
use super::run_script;

/// The packages of a workspace by their names, each with its directory.
type Packages = BTreeMap<String, (String, PackageJson)>;

/// A workspace with more packages, or more in their `package.json`, is not looked through: all are held at once.
const MOST_PACKAGES: usize = 2_000;
const MOST_BYTES: u64 = 8 << 20;

/// The build command with the builds that it needs in front of it; `None` if it needs none.
pub(super) fn built_before(folder: &Folder<'_>, service: &PlanService) -> Option<Decision<String>> {
    let manager = service.toolchain.as_ref()?.package_manager.as_ref()?.value;
    let build = service.build_command.as_ref()?;
    let top = service.install_directory.as_str();
    if top == folder.root {
        return None;
    }
    let packages = packages(folder, top)?;
    let needed: Vec<_> = used_by(&folder.package, &packages)
        .into_iter()
        .filter(|name| packages[*name].0 != folder.root && packages[*name].1.script("build").is_some())
        .collect();
    if needed.is_empty() {
        return None;
    }
    let first: String = needed
        .iter()
        .map(|name| {
            format!("(cd {} && {}) && ", from(folder.root, top, &packages[*name].0), run_script(manager, "build"))
        })
        .collect();
    let packages = Names(needed.into_iter().map(str::to_owned).collect());
    let why = build.why.clone().and("; ", Reason::BuiltBefore { packages });
    Some(Decision::new(first + &build.value, build.source.clone(), why))
}

/// The directories of the packages that a project below the top of its repository depends on, itself or through others;
/// `None` where any change may be one of the project.
pub(super) fn depended_on(folder: &Folder<'_>, service: &PlanService) -> Option<Vec<RootDir>> {
    let top = service.install_directory.as_str();
    if folder.root.is_empty() {
        return None;
    }
    if top == folder.root {
        return Some(Vec::new());
    }
    let packages = packages(folder, top)?;
    let used = used_by(&folder.package, &packages).into_iter();
    let directories = used.map(|name| packages[name].0.as_str()).filter(|path| *path != folder.root);
    Some(directories.filter_map(|path| RootDir::parse(path).ok()).collect())
}

/// What is said in the plan of a workspace that is too large to be looked through.
pub(super) fn warning(folder: &Folder<'_>, service: &PlanService) -> Option<Reason> {
    let top = service.install_directory.as_str();
    let is_too_large = top != folder.root && manifests(folder, top).is_none();
    is_too_large.then_some(Reason::WorkspaceTooLarge { packages: MOST_PACKAGES as u32 })
}

/// Those below the top whose directories can stand in a command as they are; `None` if they are too many.
fn packages(folder: &Folder<'_>, top: &str) -> Option<Packages> {
    let named = manifests(folder, top)?.into_iter().filter_map(|path| {
        let package = package_json(folder.checkout, path).ok()??;
        Some((package.name.clone()?, (path.to_owned(), package)))
    });
    Some(named.collect())
}

/// The directories below the top that have a `package.json`.
fn manifests<'a>(folder: &Folder<'a>, top: &str) -> Option<Vec<&'a str>> {
    let is_plain =
        |path: &str| path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.' | b'@'));
    let files = folder.checkout.below(top);
    let files = files.filter_map(|(path, entry)| Some((path.strip_suffix("/package.json")?, entry.size)));
    let mut bytes = 0;
    let mut found = Vec::new();
    for (path, size) in files.filter(|(path, _)| is_plain(path) && !path.contains("node_modules")) {
        bytes += size;
        if bytes > MOST_BYTES || found.len() == MOST_PACKAGES {
            return None;
        }
        found.push(path);
    }
    Some(found)
}

/// Everything that a package depends on within the workspace, each after what it depends on itself. A loop and no
/// recursion: a chain may be as long as there are packages.
fn used_by<'a>(package: &'a PackageJson, packages: &'a Packages) -> Vec<&'a str> {
    let within = |package: &'a PackageJson| {
        package.dependencies().filter_map(|name| packages.get_key_value(name)).map(|(name, _)| name.as_str())
    };
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    let mut open = vec![(None, within(package))];
    while let Some((name, left)) = open.last_mut() {
        match left.find(|next| seen.insert(*next)) {
            Some(next) => open.push((Some(next), within(&packages[next].1))),
            None => {
                order.extend(*name);
                open.pop();
            }
        }
    }
    order
}

/// The way from the project's directory to a package, over the top of the workspace.
fn from(root: &str, top: &str, package: &str) -> String {
    let below = |path: &str| path.strip_prefix(top).unwrap_or(path).trim_start_matches('/').to_owned();
    "../".repeat(below(root).split('/').count()) + &below(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_chain_of_packages_takes_no_stack() {
        const LENGTH: usize = 100_000;
        let package = |number: usize| {
            let text = format!(r#"{{"name":"p{number:06}","dependencies":{{"p{:06}":"*"}}}}"#, number + 1);
            PackageJson::parse(&text).unwrap()
        };
        let packages: Packages =
            (0..LENGTH).map(|number| (format!("p{number:06}"), (format!("a/{number}"), package(number)))).collect();
        let order = used_by(&packages["p000000"].1, &packages);
        assert_eq!((order.len(), order[0], order[LENGTH - 2]), (LENGTH - 1, "p099999", "p000001"));
    }

    #[test]
    fn packages_in_a_circle_come_once() {
        let parsed = |text: &str| PackageJson::parse(text).unwrap();
        let packages: Packages = [
            ("a", r#"{"dependencies":{"b":"*","c":"*"}}"#),
            ("b", r#"{"dependencies":{"a":"*","c":"*"}}"#),
            ("c", r#"{"dependencies":{"left":"*"}}"#),
        ]
        .map(|(name, text)| (name.to_owned(), (name.to_owned(), parsed(text))))
        .into();
        assert_eq!(used_by(&parsed(r#"{"dependencies":{"b":"*"}}"#), &packages), ["c", "a", "b"]);
    }
}
