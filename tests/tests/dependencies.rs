//! Dependencies point one way, some things are known to one crate only, and no type prints a secret. `docs/ARCHITECTURE.md`
//! promises it; this keeps the promise, over `cargo metadata` and the sources themselves.

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

/// A code that nothing says is a sentence that was translated for nobody.
/// Nothing gives these any more, but plans that are kept have them, and are shown in every language.
const FOR_OLD_PLANS: &[&str] = &["DockerfileUnused"];

#[test]
fn every_reason_is_given_somewhere() {
    let packages = crates();
    let sources: Vec<String> = packages
        .iter()
        .flat_map(|package| {
            rust_files(package.manifest_path.parent().expect("a manifest lies in a directory").join("src"))
        })
        .filter(|file| !file.ends_with("model/src/reason.rs"))
        .map(|file| std::fs::read_to_string(file).expect("a readable source file"))
        .collect();
    let said: BTreeSet<String> = sources
        .iter()
        .flat_map(|source| shipped_lines(source))
        // Not `StopReason::`.
        .flat_map(|(_, line)| line.match_indices("Reason::").map(move |(at, _)| line.split_at(at)))
        .filter(|(before, _)| !before.ends_with(char::is_alphanumeric))
        .map(|(_, rest)| rest.trim_start_matches("Reason::").chars().take_while(|c| c.is_alphanumeric()).collect())
        .collect();
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/model/src/reason.rs");
    let table = std::fs::read_to_string(table).expect("the table of reasons");
    let (_, table) = table.split_once("\nreasons! {\n").expect("the table begins there");
    let (table, _) = table.split_once("\n}\n").expect("the table ends there");
    let codes =
        table.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| line.starts_with(char::is_uppercase));
    let codes: BTreeSet<String> =
        codes.map(|line| line.chars().take_while(|c| c.is_alphanumeric()).collect()).collect();
    assert!(codes.len() > 100, "{codes:?}");
    let of_before: BTreeSet<String> = FOR_OLD_PLANS.iter().map(|code| (*code).to_owned()).collect();
    let silent: Vec<_> = codes.difference(&said).filter(|code| !of_before.contains(*code)).collect();
    assert!(silent.is_empty(), "nothing gives these reasons; take them out of the table: {silent:?}");
}

/// A type that derives `Debug` prints its fields: into a log, an error, the text of a panic. So a field that is named like a
/// secret is a `SecretString` or a `Sealed`, which print as `***`, or a hash.
#[test]
fn types_that_print_themselves_hold_no_clear_secret() {
    let mut wrong = Vec::new();
    for package in crates() {
        let directory = package.manifest_path.parent().expect("a manifest lies in a directory").join("src");
        for file in rust_files(directory) {
            let source = std::fs::read_to_string(&file).expect("a readable source file");
            let printed = clear_secrets_of(&source).into_iter();
            let known = |(_, owner, field): &(usize, String, String)| PRINTED.contains(&(owner, field));
            wrong.extend(
                printed
                    .filter(|found| !known(found))
                    .map(|(number, owner, field)| format!("{}:{number}: {owner} prints its {field}", file.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "make it a SecretString, or do not derive Debug:\n  {}", wrong.join("\n  "));
}

/// What sounds like a secret in a type that prints itself, and is none.
const PRINTED: &[(&str, &str)] = &[
    // `***` already where the setting is secret.
    ("Entry", "value"),
    // Left out where the setting is secret.
    ("Problem", "value"),
    // The name of the account.
    ("Invitation", "password_of"),
    // The name of the token.
    ("Means", "Token"),
];

/// The fields, and what stands in for them in types without names, that `#[derive(Debug)]` would print in clear: the line, the
/// type and the field. Goes by how rustfmt writes.
fn clear_secrets_of(source: &str) -> Vec<(usize, String, String)> {
    let mut found = Vec::new();
    let (mut prints, mut inside) = (false, None::<(String, String)>);
    let mut derive = String::new();
    for (number, line) in shipped_lines(source) {
        let text = line.trim();
        if let Some((owner, end)) = &inside {
            if line == end {
                inside = None;
            } else if let Some((name, field)) = text.split_once(": ").or_else(|| text.split_once('(')) {
                let name = name.rsplit(' ').next().unwrap_or(name);
                if sounds_secret(name) && is_clear(field) {
                    found.push((number, owner.clone(), name.to_owned()));
                }
            }
        } else if text.starts_with("#[derive(") || !derive.is_empty() {
            derive += text;
            if derive.ends_with(")]") {
                prints |= std::mem::take(&mut derive).contains("Debug");
            }
        } else if let Some(name) = declared(text) {
            if prints && text.ends_with('{') {
                let indentation = &line[..line.len() - line.trim_start().len()];
                inside = Some((name.to_owned(), format!("{indentation}}}")));
            } else if prints && sounds_secret(name) && is_clear(text) {
                found.push((number, name.to_owned(), name.to_owned()));
            }
            prints = false;
        } else if !text.starts_with("#[") {
            prints = false;
        }
    }
    found
}

/// The name of the type that a line begins.
fn declared(line: &str) -> Option<&str> {
    let words = line.split_once("struct ").or_else(|| line.split_once("enum "))?;
    let begins = words.0.is_empty() || words.0.starts_with("pub");
    begins.then(|| words.1.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default())
}

fn sounds_secret(name: &str) -> bool {
    const WORDS: [&str; 7] = ["password", "secret", "token", "verifier", "credential", "authorization", "cookie"];
    let name = name.to_ascii_lowercase();
    let contains = WORDS.iter().any(|word| name.contains(word)) || name == "value";
    contains && !name.ends_with("hash") && !name.ends_with("id")
}

fn is_clear(field: &str) -> bool {
    let words: Vec<&str> = field.split(|c: char| !c.is_alphanumeric()).collect();
    ["String", "str", "u8", "Bytes", "HeaderValue", "Value"].iter().any(|clear| words.contains(clear))
}

#[test]
fn clear_secrets_are_found() {
    let source = "#[derive(\n    Clone,\n    Debug,\n)]\n#[serde(tag = \"a\")]\npub(crate) struct Attempt {\n    /// Doc.\n    \
                  pub verifier: String,\n    pub token: Option<SecretString>,\n    pub token_hash: [u8; 32],\n    at: u64,\n}\n\
                  #[derive(Clone)]\nstruct Quiet {\n    token: String,\n}\n#[derive(Debug)]\nenum Way {\n    Token(&'static str),\n    \
                  Key { secret: Vec<u8> },\n    None,\n}\n#[derive(Debug)]\nstruct Cookie(String);\nimpl Cookie {}\n";
    let found: Vec<_> =
        clear_secrets_of(source).into_iter().map(|(_, owner, field)| format!("{owner}.{field}")).collect();
    assert_eq!(found, ["Attempt.verifier", "Way.Token", "Way.secret", "Cookie.Cookie"]);
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
