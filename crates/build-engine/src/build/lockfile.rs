//! Which version of a package manager wrote a lockfile: another one would refuse it or write it anew.

use berth_model::{PackageManager, PlanService};

use crate::Checkout;
use crate::run::Job;

/// The newest line of versions that reads the project's lockfile as it is; `None` where any does.
pub(super) fn wanted_version(
    checkout: &Checkout,
    service: &PlanService,
    manager: PackageManager,
) -> Option<&'static str> {
    match manager {
        PackageManager::Pnpm => pnpm(&text(checkout, service, "pnpm-lock.yaml")?),
        PackageManager::YarnBerry => berry(&text(checkout, service, "yarn.lock")?),
        _ => None,
    }
}

/// Whether Yarn's packages stay zipped in its cache (Plug'n'Play) instead of in `node_modules`.
pub(super) fn is_plug_and_play(job: &Job) -> bool {
    let settings = text(&job.checkout, &job.service, ".yarnrc.yml").unwrap_or_default();
    let linker = settings.lines().find_map(|line| line.strip_prefix("nodeLinker:"));
    linker.is_none_or(|linker| linker.trim().trim_matches(['"', '\'']) == "pnp")
}

fn text(checkout: &Checkout, service: &PlanService, name: &str) -> Option<String> {
    let directory = service.install_directory.as_str();
    let path = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
    checkout.text(&path)
}

/// The major version of pnpm that wrote a lockfile which newer ones refuse.
pub(crate) fn pnpm(lockfile: &str) -> Option<&'static str> {
    let version = lockfile.lines().take(5).find_map(|line| line.strip_prefix("lockfileVersion:"))?;
    match version.trim().trim_matches(['\'', '"']) {
        version if version.starts_with("5.") => Some("7"),
        version if version.starts_with("6.") => Some("8"),
        _ => None,
    }
}

fn berry(lockfile: &str) -> Option<&'static str> {
    let metadata = lockfile.lines().skip_while(|line| !line.starts_with("__metadata:"));
    let version = metadata.take(4).find_map(|line| line.trim().strip_prefix("version:"))?;
    match version.trim().parse().ok()? {
        0..=5 => Some("2"),
        6..=7 => Some("3"),
        8 => Some("4.12.0"),
        9 => Some("4.14.1"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_follow_from_lockfiles() {
        assert_eq!(pnpm("lockfileVersion: '9.0'\n"), None);
        assert_eq!(pnpm("lockfileVersion: '6.0'\n"), Some("8"));
        assert_eq!(pnpm("lockfileVersion: 5.4\n"), Some("7"));
        assert_eq!(berry("# x\n\n__metadata:\n  version: 8\n  cacheKey: 10\n"), Some("4.12.0"));
        assert_eq!(berry("__metadata:\n  version: 10\n"), None);
        assert_eq!(berry("__metadata:\n  version: 6\n"), Some("3"));
        assert_eq!(berry("__metadata:\n  version: 4\n"), Some("2"));
    }
}
