//! The top of a workspace: which of its packages are sites.

use berth_model::{Reason, ServiceKind};

use super::command::Commands;
use super::folder::{Folder, join};
use super::framework::first_match;
use super::output;
use super::wanted::Wanted;

/// A workspace is looked through for at most this many sites.
const MOST_SITES: usize = 10;

/// Where the top's build leaves the files of the only site below it, else a hint at the sites.
pub(super) fn output(folder: &Folder<'_>, commands: &Commands) -> Option<output::Chosen> {
    let is_top = !folder.package.workspaces.is_empty()
        || ["pnpm-workspace.yaml", "turbo.json", "nx.json", "lerna.json"].iter().any(|file| folder.has(file));
    if !is_top {
        return None;
    }
    let sites = sites(folder);
    let named = built_package(commands);
    if let Some((path, directory)) = sites.iter().find(|(path, _)| named.as_deref() == path.rsplit('/').next()) {
        let builds = Reason::CommandBuilds { package: path.clone() };
        return Some((output::decided(&join(path, directory), "package.json", builds), None));
    }
    match sites.as_slice() {
        [] => None,
        [(path, directory)] => {
            let only = Reason::OnlySite { package: path.clone() };
            Some((output::decided(&join(path, directory), "workspace", only), None))
        }
        _ => {
            let names: Vec<&str> = sites.iter().map(|(path, _)| path.as_str()).collect();
            let hint = Reason::TopOfWorkspace { sites: names.join(", ") };
            Some((output::most(), Some(hint)))
        }
    }
}

/// The package that a command is told to build, without its scope: `npm run build -w web`, `turbo build --filter=web`.
fn built_package(commands: &Commands) -> Option<String> {
    const OPTIONS: &[&str] = &["-w", "--workspace", "--filter", "-F"];
    let by_option = ["npm", "pnpm", "turbo"].into_iter().find_map(|program| commands.option(program, OPTIONS));
    let named = by_option.or_else(|| commands.arguments("yarn workspace").find_map(|words| words.first()).cloned())?;
    named.trim_end_matches(['/', '.']).rsplit('/').next().map(str::to_owned)
}

/// Packages of the workspace with a framework that leaves files, and where it leaves them.
fn sites(folder: &Folder<'_>) -> Vec<(String, String)> {
    let skip = if folder.root.is_empty() { 0 } else { folder.root.len() + 1 };
    let packages = folder.checkout.below(folder.root).filter_map(|(path, _)| {
        let directory = path.strip_suffix("/package.json")?;
        (!directory.contains("node_modules") && directory.len() > skip).then(|| directory.to_owned())
    });
    let site = |path: String| {
        let package = Folder::open(folder.checkout, &path).ok()?;
        first_match(&package)?;
        let service = super::framework::service(&package, &Wanted::default()).ok()?;
        match service.kind {
            ServiceKind::Static { output_directory } => {
                Some((path[skip..].to_owned(), output_directory.value.as_str().to_owned()))
            }
            ServiceKind::Running { .. } => None,
        }
    };
    packages.filter_map(site).take(MOST_SITES).collect()
}
