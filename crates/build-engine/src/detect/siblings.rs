//! Packages of the same workspace that a site uses: a change in one is a change of the site, and those that have a build
//! of their own are built before it.

use std::collections::{BTreeMap, BTreeSet};

use berth_model::{Decision, PlanService, RootDir};

use super::folder::{Folder, package_json};
use super::package_json::PackageJson;
use super::run_script;

/// The packages of a workspace by their names, each with its directory.
type Packages = BTreeMap<String, (String, PackageJson)>;

/// The build command with the builds that it needs in front of it; `None` if it needs none.
pub(super) fn built_before(folder: &Folder<'_>, service: &PlanService) -> Option<Decision<String>> {
    let manager = service.toolchain.as_ref()?.package_manager.as_ref()?.value;
    let build = service.build_command.as_ref()?;
    let top = service.install_directory.as_str();
    if top == folder.root {
        return None;
    }
    let packages = packages(folder, top);
    let mut order = Vec::new();
    visit(&folder.package, &packages, &mut BTreeSet::new(), &mut order);
    let needed: Vec<_> = order
        .into_iter()
        .filter(|name| packages[*name].0 != folder.root && packages[*name].1.script("build").is_some())
        .collect();
    let (last, others) = needed.split_last()?;
    let first: String = needed
        .iter()
        .map(|name| {
            format!("(cd {} && {}) && ", from(folder.root, top, &packages[*name].0), run_script(manager, "build"))
        })
        .collect();
    let names = if others.is_empty() { (*last).to_owned() } else { format!("{} and {last}", others.join(", ")) };
    let reason = format!("{}; {names} of the workspace, which it uses, built before it", build.reason);
    Some(Decision::new(first + &build.value, build.source.clone(), reason))
}

/// The directories of the packages that a project below the top of its repository depends on, itself or through others.
pub(super) fn depended_on(folder: &Folder<'_>, service: &PlanService) -> Option<Vec<RootDir>> {
    let top = service.install_directory.as_str();
    if folder.root.is_empty() {
        return None;
    }
    if top == folder.root {
        return Some(Vec::new());
    }
    let packages = packages(folder, top);
    let mut used = Vec::new();
    visit(&folder.package, &packages, &mut BTreeSet::new(), &mut used);
    let directories = used.into_iter().map(|name| packages[name].0.as_str()).filter(|path| *path != folder.root);
    Some(directories.filter_map(|path| RootDir::parse(path).ok()).collect())
}

/// Those below the top whose directories can stand in a command as they are.
fn packages(folder: &Folder<'_>, top: &str) -> Packages {
    let is_plain =
        |path: &str| path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.' | b'@'));
    let directories = folder.checkout.below(top).filter_map(|(path, _)| path.strip_suffix("/package.json"));
    let directories = directories.filter(|path| is_plain(path) && !path.contains("node_modules"));
    let named = directories.filter_map(|path| {
        let package = package_json(folder.checkout, path).ok()??;
        Some((package.name.clone()?, (path.to_owned(), package)))
    });
    named.collect()
}

/// Everything that a package depends on within the workspace, each after what it depends on itself.
fn visit<'a>(package: &PackageJson, packages: &'a Packages, seen: &mut BTreeSet<&'a str>, order: &mut Vec<&'a str>) {
    for (name, (_, used)) in packages.iter().filter(|(name, _)| package.depends_on(name)) {
        if seen.insert(name) {
            visit(used, packages, seen, order);
            order.push(name);
        }
    }
}

/// The way from the project's directory to a package, over the top of the workspace.
fn from(root: &str, top: &str, package: &str) -> String {
    let below = |path: &str| path.strip_prefix(top).unwrap_or(path).trim_start_matches('/').to_owned();
    "../".repeat(below(root).split('/').count()) + &below(package)
}
