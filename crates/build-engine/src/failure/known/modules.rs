//! Modules that were not found: not installed, or spelled with other capitals than their file.

use berth_model::FailureCode;

use super::Kind::Entry;
use super::{Row, Seen, Words};

pub(super) const ROWS: &[Row] = &[
    // Node, for modules and for packages.
    (r"^Error(?: \[\w+\])?: Cannot find (?:module|package) '([^']+)'", Entry, |seen| missing(seen, seen.group(1))),
    // TypeScript
    (r"error TS2307: Cannot find module '([^']+)'", Entry, |seen| other_capitals(seen, seen.group(1))),
    // webpack, Next.js
    (r"^Module not found: (?:Error: )?Can't resolve '([^']+)'", Entry, |seen| missing(seen, seen.group(1))),
    // Rollup, Vite
    (r#"^(?:\[!\] )?(?:\([\w -]+\) )?(?:\w*Error: )?Could not resolve ["']([^"']+)["'] (?:from|in) "#, Entry, |seen| {
        missing(seen, seen.group(1))
    }),
    (r#"Rollup failed to resolve import "([^"]+)" from "#, Entry, |seen| missing(seen, seen.group(1))),
    // esbuild, Angular
    (r#"^\W*\[ERROR\] Could not resolve "([^"]+)""#, Entry, |seen| missing(seen, seen.group(1))),
    (r"^\W*\[ERROR\] Cannot read file: (\S+)", Entry, |seen| missing(seen, seen.group(1))),
    (r"^ModuleNotFoundError: No module named '([^']+)'", Entry, |seen| {
        Words::of_command(
            format!("the Python module {} was not found", seen.group(1)),
            "It is not among the installed packages: add the package that holds it to requirements.txt.",
        )
    }),
];

fn missing(seen: &Seen<'_>, module: &str) -> Option<Words> {
    if let Some(words) = other_capitals(seen, module) {
        return Some(words);
    }
    let is_file = module.starts_with(['.', '/', '@', '~']) && !is_scoped_package(module);
    if is_file {
        return Words::of_command(
            format!("the file {module} was not found"),
            "It is not in the repository at this commit: it was not committed, is ignored by .gitignore, or is made by a step \
             that did not run.",
        );
    }
    Words::new(
        FailureCode::CommandFailed,
        format!("the package {module} was not found"),
        "It is not among the installed packages: add it to package.json (devDependencies are installed too) and commit the \
         lockfile with it.",
    )
}

fn other_capitals(seen: &Seen<'_>, module: &str) -> Option<Words> {
    let file = with_other_capitals(seen, module)?;
    Words::of_command(
        format!("{module} was not found: the file is called {file}"),
        format!(
            "Capitals count in the names of files here, even if they do not on your machine. Write the name in the import as in \
             {file}, or rename the file with `git mv`."
        ),
    )
}

/// `@scope/name`; `@/components` is an alias of the project's own.
fn is_scoped_package(module: &str) -> bool {
    module.strip_prefix('@').is_some_and(|rest| !rest.starts_with('/') && rest.contains('/'))
}

/// The file of the commit that `module` names if capitals did not count, and no other.
fn with_other_capitals(seen: &Seen<'_>, module: &str) -> Option<String> {
    let checkout = seen.scene.checkout;
    let path = module.strip_prefix(crate::build::SOURCE).unwrap_or(module);
    let path = path.trim_start_matches(['.', '/', '@', '~']);
    if path.is_empty() || is_scoped_package(module) {
        return None;
    }
    let files: Vec<&str> = checkout.below(seen.scene.root).map(|(file, _)| file).collect();
    if files.iter().any(|file| names(file, path)) {
        return None;
    }
    let lower = path.to_lowercase();
    let mut others = files.iter().filter(|file| names(&file.to_lowercase(), &lower));
    let found = others.next()?;
    others.next().is_none().then(|| (*found).to_owned())
}

/// Whether an import of `path` means `file`: as its last parts, with or without an extension, or as a directory's index.
fn names(file: &str, path: &str) -> bool {
    let is_end = |file: &str| file.strip_suffix(path).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    is_end(file) || is_end(stem) || stem.strip_suffix("/index").is_some_and(is_end)
}
