//! What installs a project's packages: which manager, at which version, in which directory, with which command.

use berth_model::{Decision, Failure, FailureCode, PackageManager, Reason, RootDir};

use super::catalog::{ManagerEntry, catalog};
use super::folder::{Folder, join, package_json};
use super::members;
use super::node_version::admits;
use super::package_json::PackageJson;
use crate::build::pnpm_of_lockfile;

/// The package manager and what follows from it.
pub(super) struct Packages {
    pub(super) manager: Decision<PackageManager>,
    /// The exact version that `packageManager` names, or what `engines` and Volta ask for.
    pub(super) version: Option<String>,
    /// Where it installs: the project's directory, or its workspace's.
    pub(super) directory: RootDir,
    /// `None` if there is nothing to install.
    pub(super) install: Option<Decision<String>>,
    pub(super) warnings: Vec<Reason>,
}

impl Packages {
    pub(super) fn of(folder: &Folder<'_>) -> Result<Self, Failure> {
        let directory = install_directory(folder)?;
        let top = package_json(folder.checkout, directory)?.unwrap_or_default();
        let lockfiles: Vec<(&ManagerEntry, &str)> = catalog()
            .package_managers
            .iter()
            .flat_map(|entry| entry.lockfiles().map(move |lockfile| (entry, lockfile)))
            .filter(|(_, lockfile)| folder.checkout.has_file(&join(directory, lockfile)))
            .collect();
        let named = folder.package.package_manager.as_deref().or(top.package_manager.as_deref());
        let named = named.map(named_manager).transpose()?;

        let is_berry = || {
            let lockfile = folder.checkout.text(&join(directory, "yarn.lock"));
            lockfile.is_some_and(|text| text.lines().any(|line| line.starts_with("__metadata:")))
        };
        let by_lockfile = lockfiles.first().map(|(entry, lockfile)| {
            Decision::new(manager(&entry.name, is_berry()), *lockfile, Reason::FileFound { file: (*lockfile).into() })
        });
        let (manager, version) = match named {
            Some((manager, version)) => {
                let reason = Reason::PackageManagerIs { manager: manager.program().into(), version: version.clone() };
                (Decision::new(manager, "package.json", reason), Some(version))
            }
            None => {
                let manager = by_lockfile.unwrap_or_else(|| without_lockfile(folder, directory));
                let version = asked_version(folder, &top, directory, manager.value);
                (manager, version)
            }
        };
        let lockfile = lockfiles.iter().find(|(entry, _)| entry.name == manager.value.program());
        let mut warnings = Vec::new();
        for (_, other) in lockfiles.iter().filter(|(entry, _)| entry.name != manager.value.program()) {
            let manager = manager.value.program().into();
            warnings.push(Reason::LockfileUnused { file: (*other).into(), manager });
        }
        let installs = folder.package.has_dependencies()
            || top.has_dependencies()
            || !top.workspaces.is_empty()
            || folder.checkout.has_file(&join(directory, "pnpm-workspace.yaml"))
            || top.install_needs_sources().is_some();
        let install = installs.then(|| match lockfile {
            Some((entry, lockfile)) => {
                let command = if manager.value == PackageManager::YarnBerry {
                    "yarn install --immutable".to_owned()
                } else {
                    entry.install.clone()
                };
                Decision::new(command, *lockfile, Reason::InstallsExactly { file: (*lockfile).into() })
            }
            None => {
                warnings.push(Reason::VersionsCanChange);
                let command = format!("{} install", manager.value.program());
                Decision::new(command, "default", Reason::NoLockfile)
            }
        });
        let directory = RootDir::parse(directory).unwrap_or_default();
        Ok(Self { manager, version, directory, install, warnings })
    }
}

/// The version of a package manager that Volta is told, or, of pnpm, that `engines` admits: it refuses to work as
/// another one.
fn asked_version(folder: &Folder<'_>, top: &PackageJson, directory: &str, manager: PackageManager) -> Option<String> {
    let packages = [&folder.package, top];
    // Yarn 1 and the later ones are two programs.
    let exact = |text: &&str| {
        is_exact(text)
            && match manager {
                PackageManager::Yarn => text.starts_with("1."),
                PackageManager::YarnBerry => !text.starts_with("1."),
                _ => true,
            }
    };
    if let Some(version) = packages.iter().find_map(|package| package.volta(manager.program())).filter(exact) {
        return Some(version.to_owned());
    }
    if manager != PackageManager::Pnpm {
        return None;
    }
    let range = packages.iter().find_map(|package| package.engine("pnpm"))?.trim();
    if is_exact(range) {
        return Some(range.to_owned());
    }
    let lockfile = folder.checkout.text(&join(directory, "pnpm-lock.yaml")).unwrap_or_default();
    let written_by = pnpm_of_lockfile(&lockfile).and_then(|major| major.parse().ok());
    if admits(range, written_by.unwrap_or(10)) {
        return None;
    }
    [10, 9, 8, 7, 11, 12].into_iter().find(|major| admits(range, *major)).map(|major| major.to_string())
}

/// `1.2.3` and nothing else.
fn is_exact(version: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.len() <= 9 && part.bytes().all(|byte| byte.is_ascii_digit());
    version.split('.').count() == 3 && version.split('.').all(is_number)
}

/// The package manager of a project that has no lockfile and no `packageManager`.
fn without_lockfile(folder: &Folder<'_>, directory: &str) -> Decision<PackageManager> {
    let asked = ["pnpm", "yarn", "bun"].into_iter().find_map(|name| {
        let package = &folder.package;
        let (key, version) = package
            .engine(name)
            .map(|version| ("engines", version))
            .or_else(|| package.volta(name).map(|version| ("volta", version)))?;
        let berry = !version.trim_start_matches(['^', '~', '>', '=', ' ', 'v']).starts_with("1.");
        let reason = Reason::AsksFor { by: key.into(), what: name.into(), version: version.into() };
        Some(Decision::new(manager(name, berry), "package.json", reason))
    });
    if let Some(asked) = asked {
        return asked;
    }
    let has = |name: &str| folder.checkout.has_file(&join(directory, name));
    for (file, manager) in [
        ("pnpm-workspace.yaml", PackageManager::Pnpm),
        (".yarnrc.yml", PackageManager::YarnBerry),
        ("bunfig.toml", PackageManager::Bun),
    ] {
        if has(file) {
            return Decision::new(manager, file, Reason::FileFound { file: file.into() });
        }
    }
    if folder.package.scripts_run("bun") {
        return Decision::new(PackageManager::Bun, "package.json", Reason::ScriptsRun { program: "bun".into() });
    }
    Decision::new(PackageManager::Npm, "default", Reason::NoLockfile)
}

/// The project's directory where it has a lockfile or is the top of a workspace; else the nearest above it whose
/// workspace it is part of; else its own.
fn install_directory<'a>(folder: &Folder<'a>) -> Result<&'a str, Failure> {
    for directory in folder.upwards() {
        let has = |name: &str| folder.checkout.has_file(&join(directory, name));
        let locked = catalog().package_managers.iter().flat_map(ManagerEntry::lockfiles).any(has);
        if locked && directory == folder.root {
            return Ok(directory);
        }
        let package = package_json(folder.checkout, directory)?;
        let is_top =
            has("pnpm-workspace.yaml") || package.as_ref().is_some_and(|package| !package.workspaces.is_empty());
        if is_top && directory == folder.root
            || members::has_member(folder.checkout, directory, package.as_ref(), folder.root)
        {
            return Ok(directory);
        }
    }
    Ok(folder.root)
}

/// `pnpm@10.2.0+sha512.…` as manager and version. The version ends up in an image's name and build, so nothing but a
/// version may come through.
fn named_manager(text: &str) -> Result<(PackageManager, String), Failure> {
    let parsed = text.split_once('@').and_then(|(name, version)| {
        let version = version.split('+').next().unwrap_or_default();
        let numbers = version.split('-').next().unwrap_or_default();
        let is_version = numbers.split('.').count() == 3
            && numbers.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
            && version.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
            && version.len() <= 64;
        let berry = !numbers.starts_with("0.") && !numbers.starts_with("1.");
        let known = matches!(name, "npm" | "pnpm" | "yarn" | "bun");
        (is_version && known).then(|| (manager(name, berry), version.to_owned()))
    });
    parsed.ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        Failure::new(
            FailureCode::BadRepository,
            format!("packageManager in package.json is `{shown}`"),
            "It names npm, pnpm, yarn or bun with an exact version, like pnpm@10.2.0.",
        )
    })
}

fn manager(name: &str, berry: bool) -> PackageManager {
    match name {
        "pnpm" => PackageManager::Pnpm,
        "yarn" if berry => PackageManager::YarnBerry,
        "yarn" => PackageManager::Yarn,
        "bun" => PackageManager::Bun,
        _ => PackageManager::Npm,
    }
}
