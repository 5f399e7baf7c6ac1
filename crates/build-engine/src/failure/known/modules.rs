//! Modules that were not found: packages that are not installed, files that are not there or are spelled with other
//! capitals, and modules of Node's own in code for browsers.

use std::sync::LazyLock;

use regex::Regex;

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

/// What an import names.
enum Meant<'a> {
    /// A file by its path.
    File,
    /// A file of the project by a name that its tools are set up to understand: `@/a`, `@components/a`, `src/a`.
    Alias,
    /// A module that Node brings.
    OfNode,
    Package {
        name: &'a str,
        /// What follows the name.
        part: Option<&'a str>,
    },
}

fn missing(seen: &Seen<'_>, module: &str) -> Option<Words> {
    if let Some(words) = other_capitals(seen, module) {
        return Some(words);
    }
    match meant(seen, module) {
        Meant::File => Words::of_command(
            format!("the file {module} was not found"),
            "It is not in the repository at this commit: it was not committed, is ignored by .gitignore, or is made by a step \
             that did not run.",
        ),
        Meant::Alias => Words::of_command(
            format!("the file {module} was not found"),
            "It names a file of the project. Either the file is not in the repository at this commit, or the tool that builds \
             does not know this name for it: most tools want to be told of aliases in their own configuration, besides \
             paths and baseUrl of tsconfig.json.",
        ),
        Meant::OfNode => Words::of_command(
            format!("{module} is a module of Node's own, which browsers do not have"),
            "Code for the browser imports it, often by way of a package that was written for servers. Use a package that is \
             made for browsers, or tell the bundler what to take instead (webpack: resolve.fallback).",
        ),
        Meant::Package { name, part: Some(part) } if is_there(seen, module, name) => Words::of_command(
            format!("{name}/{part} was not found: this version of {name} has no {part}"),
            format!(
                "Choose a version of {name} that has it and commit package.json with its lockfile, or change the import."
            ),
        ),
        Meant::Package { name, .. } if is_there(seen, module, name) => Words::of_command(
            format!("the package {name} was not found"),
            "package.json names it, but it is not installed, or cannot be imported by its name alone. Check that the lockfile \
             has it, and that the install command leaves nothing out.",
        ),
        Meant::Package { name, .. } => Words::of_command(
            format!("the package {name} was not found"),
            "It is not among the installed packages: add it to package.json (devDependencies are installed too) and commit \
             the lockfile with it.",
        ),
    }
}

fn meant<'a>(seen: &Seen<'_>, module: &'a str) -> Meant<'a> {
    if let Some(inside) = below_node_modules(module) {
        return package(inside);
    }
    if module.starts_with(['.', '/']) {
        return Meant::File;
    }
    if ["@/", "~/", "#"].iter().any(|start| module.starts_with(start)) || is_path_of_tsconfig(seen, module) {
        return Meant::Alias;
    }
    // As style sheets write packages.
    let meant = package(module.trim_start_matches('~'));
    let Meant::Package { name, part } = meant else { return meant };
    if is_in_package_json(seen, name) {
        return meant;
    }
    if is_of_node(module) {
        return Meant::OfNode;
    }
    let first = match name.split_once('/') {
        Some((scope, _)) => Some(scope.trim_start_matches('@')),
        None => part.map(|_| name),
    };
    let is_directory = |first: &str| {
        let places = [first.to_owned(), format!("src/{first}"), format!("app/{first}")];
        places.iter().any(|place| seen.scene.checkout.has_directory(&seen.in_project(place)))
    };
    if first.is_some_and(is_directory) { Meant::Alias } else { meant }
}

/// The first segment is a package's name, the first two are if it has a scope.
fn package(module: &str) -> Meant<'_> {
    let segments = if module.starts_with('@') { 2 } else { 1 };
    match module.match_indices('/').nth(segments - 1) {
        Some((at, _)) => {
            Meant::Package { name: &module[..at], part: Some(&module[at + 1..]).filter(|part| !part.is_empty()) }
        }
        None => Meant::Package { name: module, part: None },
    }
}

/// The part of a path that lies in an installed package.
fn below_node_modules(module: &str) -> Option<&str> {
    let (_, inside) = module.rsplit_once("/node_modules/")?;
    (!inside.starts_with('.')).then_some(inside)
}

fn is_there(seen: &Seen<'_>, module: &str, package: &str) -> bool {
    below_node_modules(module).is_some() || is_in_package_json(seen, package)
}

/// Whether the project, or the workspace that it is of, asks for a package.
fn is_in_package_json(seen: &Seen<'_>, package: &str) -> bool {
    [seen.in_project("package.json"), "package.json".to_owned()].iter().any(|path| {
        let text = seen.scene.checkout.text(path);
        let json = text.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok()).unwrap_or_default();
        let kinds = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
        kinds.iter().any(|kind| json[kind].get(package).is_some())
    })
}

/// Whether `paths` in a `tsconfig.json` or `jsconfig.json` has a name for it. The files may hold comments, so they are
/// searched, not parsed.
fn is_path_of_tsconfig(seen: &Seen<'_>, module: &str) -> bool {
    static PATHS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#""paths"\s*:\s*\{([^}]*)\}"#).expect("the pattern is well formed"));
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#""([^"]+)"\s*:\s*\["#).expect("the pattern is well formed"));
    let directory = seen.in_project("");
    let is_config = |path: &str| {
        let name = path.strip_prefix(&directory).unwrap_or(path);
        !name.contains('/') && (name.starts_with("tsconfig") || name.starts_with("jsconfig")) && name.ends_with(".json")
    };
    let fits = |name: &str| match name.split_once('*') {
        Some((start, end)) => !start.is_empty() && module.starts_with(start) && module[start.len()..].ends_with(end),
        None => name == module,
    };
    let mut configs = seen.scene.checkout.entries().map(|(path, _)| path).filter(|path| is_config(path));
    configs.any(|path| {
        let text = seen.scene.checkout.text(path).unwrap_or_default();
        PATHS.captures_iter(&text).any(|paths| NAME.captures_iter(&paths[1]).any(|name| fits(&name[1])))
    })
}

/// The modules of Node that code may import without `node:`.
const OF_NODE: &str = "assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns \
    domain events fs http http2 https inspector module net os path perf_hooks process punycode querystring \
    readline repl stream string_decoder sys timers tls tty url util v8 vm wasi worker_threads zlib";

fn is_of_node(module: &str) -> bool {
    if module.starts_with("node:") {
        return true;
    }
    let (name, part) = module.split_once('/').unwrap_or((module, ""));
    // `process/browser` is of a package.
    OF_NODE.split(' ').any(|known| known == name)
        && matches!(part, "" | "promises" | "web" | "consumers" | "strict" | "posix" | "win32" | "types")
        && !module.ends_with('/')
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

/// The file of the commit that `module` names if capitals did not count, and no other.
fn with_other_capitals(seen: &Seen<'_>, module: &str) -> Option<String> {
    let checkout = seen.scene.checkout;
    let path = module.strip_prefix(crate::build::SOURCE).unwrap_or(module);
    let path = path.trim_start_matches(['.', '/', '@', '~']);
    if path.is_empty() || !matches!(meant(seen, module), Meant::File | Meant::Alias) {
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
