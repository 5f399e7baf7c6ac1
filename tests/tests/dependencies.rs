//! Dependencies point one way, and some things are known to one crate only. `docs/ARCHITECTURE.md` promises it; this
//! keeps the promise, over `cargo metadata` and the sources themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Which of our crates each crate may use. A new crate must be entered here before it compiles into anything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("secrets", &["model"]),
    ("store", &["model", "secrets"]),
    ("runtime", &["model"]),
    ("edge", &["model", "secrets"]),
    ("build-engine", &["model", "secrets", "store", "runtime"]),
    ("deploy-engine", &["model", "secrets", "store", "runtime", "edge"]),
    ("github", &["model", "secrets", "store"]),
    ("api", &["model", "secrets", "store", "github"]),
    ("server", &["model", "secrets", "store", "runtime", "edge", "build-engine", "deploy-engine", "github", "api"]),
];

/// Who may name a library that stands for a part of the outside world.
const NAMED_ONLY_BY: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("bollard", &["runtime"]),
    ("git2", &["build-engine"]),
    ("axum", &["api", "server"]),
    ("axum-extra", &["api", "server"]),
    ("socketioxide", &["api", "server"]),
    ("jsonwebtoken", &["api"]),
    ("reqwest", &["github", "api", "build-engine", "server"]),
    ("oauth2", &["api"]),
    ("aes-gcm", &["secrets"]),
    ("argon2", &["secrets"]),
    ("clap", &["server"]),
    ("anyhow", &["server"]),
    ("utoipa", &["model", "api"]),
];

/// Texts that may stand in the sources (outside of tests) of some crates only.
const WRITTEN_ONLY_BY: &[(&str, &[&str], &str)] = &[
    ("env::var", &["server"], "only the server reads the environment; take the value as a parameter"),
    ("SystemTime::now", &["model"], "time is an input; ask the Clock"),
    ("Utc::now", &[], "time is an input; ask the Clock"),
];

#[test]
fn our_crates_depend_in_one_direction() {
    let allowed: BTreeMap<_, BTreeSet<_>> =
        MAY_USE.iter().map(|(name, uses)| (*name, uses.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for package in crates() {
        let name = short(&package.name);
        let Some(allowed) = allowed.get(name) else {
            wrong.push(format!("{name}: a new crate; say in MAY_USE what it may use"));
            continue;
        };
        for used in shipped_dependencies(&package).filter_map(|used| used.strip_prefix("berth-").map(str::to_owned)) {
            if !allowed.contains(used.as_str()) {
                wrong.push(format!("{name} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "dependencies against the design:\n  {}", wrong.join("\n  "));
}

#[test]
fn the_outside_world_is_named_by_one_crate_each() {
    let mut wrong = Vec::new();
    for package in crates() {
        let name = short(&package.name);
        for used in shipped_dependencies(&package) {
            if NAMED_ONLY_BY.iter().any(|(library, users)| *library == used && !users.contains(&name)) {
                wrong.push(format!("{name} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "libraries named where they should not be:\n  {}", wrong.join("\n  "));
}

#[test]
fn environment_and_time_are_inputs() {
    let mut wrong = Vec::new();
    for package in crates() {
        let name = short(&package.name);
        let sources = rust_files(package.manifest_path.parent().expect("a manifest lies in a directory").join("src"));
        assert!(!sources.is_empty(), "{name} has no sources where they are looked for");
        for file in sources {
            let source = std::fs::read_to_string(&file).expect("a readable source file");
            for (text, writers, rule) in WRITTEN_ONLY_BY {
                for (number, line) in shipped_lines(&source).filter(|(_, line)| line.contains(text)) {
                    if !writers.contains(&name) {
                        wrong.push(format!("{}:{number}: {}\n    {rule}", file.display(), line.trim()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "read where it should be given:\n  {}", wrong.join("\n  "));
}

/// The members under `crates/`.
fn crates() -> Vec<Package> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("cargo metadata answers");
    let found: Vec<_> =
        metadata.packages.into_iter().filter(|package| package.manifest_path.as_str().contains("/crates/")).collect();
    assert!(found.len() >= MAY_USE.len(), "only {} crates found", found.len());
    found
}

fn short(package: &str) -> &str {
    package.strip_prefix("berth-").unwrap_or(package)
}

/// What ends up in the binary: normal and build dependencies. Tests may use what they like.
fn shipped_dependencies(package: &Package) -> impl Iterator<Item = String> + '_ {
    package.dependencies.iter().filter(|used| used.kind != DependencyKind::Development).map(|used| used.name.clone())
}

/// The lines of a file without comments and without its test module, which by our habit comes last.
fn shipped_lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source
        .lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}

fn rust_files(directory: impl Into<PathBuf>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![directory.into()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("a readable directory") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}
