//! Installing: lockfiles, versions that do not go together, packages that need git or a compiler.

use berth_model::FailureCode;

use super::Kind::{Entry, Reason};
use super::{Row, Seen, Set, Words};

pub(super) const ROWS: &[Row] = &[
    (r"^npm (?:error|ERR!) .*can only install packages when your package\.json and", Reason, |seen| {
        let missing = seen.below(r"^npm (?:error|ERR!) (Missing: .+|Invalid: .+)");
        lockfile("package-lock.json", "npm install", missing)
    }),
    // Where very many are missing, the line above is out of sight.
    (r"^npm (?:error|ERR!) (Missing: \S+ from lock file|Invalid: lock file's .+)", Entry, |seen| {
        lockfile("package-lock.json", "npm install", Some(seen.value().to_owned()))
    }),
    (r"ERR_PNPM_OUTDATED_LOCKFILE", Reason, |seen| lockfile("pnpm-lock.yaml", "pnpm install", seen.below(r"^\* (.+)"))),
    (r"ERR_PNPM_NO_LOCKFILE", Reason, |_| {
        lockfile("pnpm-lock.yaml", "pnpm install", Some("pnpm-lock.yaml is absent".to_owned()))
    }),
    (r"^error Your lockfile needs to be updated", Reason, |_| lockfile("yarn.lock", "yarn install", None)),
    (r"YN0028: .*The lockfile would have been (?:modified|created) by this install", Reason, |seen| {
        let changed = seen.above(r"YN0085: │ (.+)");
        lockfile("yarn.lock", "yarn install", changed)
    }),
    (r"^error: lockfile had changes, but lockfile is frozen", Reason, |seen| {
        lockfile("bun.lock", "bun install", seen.below(r"^note: dependencies in package\.json changed.*: (.+)"))
    }),
    (
        r"^npm (?:error|ERR!) code EINTEGRITY|ERR_PNPM_TARBALL_INTEGRITY|^error Integrity check failed for",
        Reason,
        |_| {
            Words::new(
                FailureCode::LockfileOutOfStep,
                "a package is not the one that the lockfile names",
                "What the registry sent has another checksum than the lockfile. Remove the package's entry from the lockfile, \
                 install on your machine, and commit the lockfile; if that changes nothing, the package was replaced.",
            )
            .set("installCommand")
        },
    ),
    (r"^npm (?:error|ERR!) code ERESOLVE", Reason, peers),
    (
        r"^npm (?:error|ERR!) notarget No matching version found for (\S+)\.$|ERR_PNPM_NO_MATCHING_VERSION\S*\s+No matching version found for (\S+)",
        Reason,
        |seen| no_version(seen.value()),
    ),
    (r#"^error Couldn't find any versions for "([^"]+)" that matches "([^"]+)""#, Reason, |seen| {
        no_version(&format!("{}@{}", seen.group(1), seen.group(2)))
    }),
    (r#"^error: No version matching "([^"]+)" found for specifier "([^"]+)""#, Reason, |seen| {
        no_version(&format!("{}@{}", seen.group(2), seen.group(1)))
    }),
    (r"^ERROR: No matching distribution found for (.+)$", Reason, |seen| no_version(seen.value())),
    (
        r#"^npm (?:error|ERR!) syscall spawn git$|^(?:pnpm: .*)?spawn git ENOENT$|^error Couldn't find the binary git$|^error: "git" is not installed"#,
        Reason,
        |_| {
            Words::of_install(
                "a dependency is fetched with git, which the build does not have",
                "Name a version from a registry in package.json, or the archive of a release (its https address that ends in \
                 .tar.gz), instead of a git address.",
            )
        },
    ),
    (
        r"(?:^|: )Permission denied \(publickey|^Host key verification failed\.|^(?:error: )?cannot run ssh|^ssh .*: ssh: not found$",
        Reason,
        |_| {
            Words::new(
                FailureCode::PackageUnavailable,
                "a dependency is fetched over ssh, for which the build has no key",
                "Builds have no ssh keys. Name the dependency by an https address, or publish it to a registry that takes a \
                 token from a secret.",
            )
            .set("secrets")
        },
    ),
    (
        r"gyp ERR! stack Error: (?:Could not find any (Python) installation|not found: (make|gcc|g\+\+|cc))",
        Reason,
        |seen| {
            let package = seen.above(r"^npm (?:error|ERR!) path .*/node_modules/(.+)$");
            let package = package.unwrap_or_else(|| "a package".to_owned());
            Words::of_install(
                format!("{package} is compiled while it is installed, and {} is not there", seen.value()),
                "It has no ready-made build for this version of Node. Choose a version of the package or of Node for which \
                 there is one, or a package in plain JavaScript.",
            )
            .set("nodeVersion")
        },
    ),
];

fn lockfile(lockfile: &str, command: &str, evidence: Option<String>) -> Option<Words> {
    let evidence = evidence.map(|evidence| format!(" ({evidence})")).unwrap_or_default();
    Words::new(
        FailureCode::LockfileOutOfStep,
        format!("package.json and {lockfile} disagree{evidence}"),
        format!(
            "package.json was changed without its lockfile. Run `{command}` on your machine and commit {lockfile} together \
             with package.json."
        ),
    )
    .set("installCommand")
}

fn peers(seen: &Seen<'_>) -> Option<Words> {
    let found = seen.below(r"^npm (?:error|ERR!) Found: (.+)");
    let wanted = seen.below(r"^npm (?:error|ERR!) (?:peer|peerOptional) (.+)$");
    let (title, what) = match (found, wanted) {
        (Some(found), Some(wanted)) => {
            (format!("{found} does not fit: {wanted} is wanted", wanted = wanted.replace('"', "")), String::new())
        }
        _ => ("the versions of packages do not fit together".to_owned(), "npm's lines above say which. ".to_owned()),
    };
    Words::of_install(
        title,
        format!(
            "{what}Change one of the two versions in package.json. To install all the same, set the install command to \
             `npm install --legacy-peer-deps`, or write legacy-peer-deps=true into .npmrc."
        ),
    )
    .set("installCommand")
}

fn no_version(what: &str) -> Option<Words> {
    Words::of_install(
        format!("there is no version {what}"),
        "The registry has the package, but not this version of it: it is mistyped, was removed, or is not published yet.",
    )
}
