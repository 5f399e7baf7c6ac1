//! Which program of a repository in Go or Rust is the server, where it has several: the one that is called like one, else
//! the one whose source listens, else the first.

use std::sync::LazyLock;

use regex::Regex;

use crate::detect::config::toml_value;
use crate::detect::folder::{Folder, join};

/// What servers are called, the likeliest first.
const NAMES: &[&str] = &["server", "api", "web", "app", "http", "httpd", "backend", "service", "serve"];
/// So many sources are looked into.
const MOST_SOURCES: usize = 100;
/// Directories whose programs are what the repository is for only where there are no others.
const ASIDE: &[&str] = &["vendor", "testdata", "examples", "example", "tests", "test", "benches", "tools", "scripts"];

/// What sources say that listen.
static LISTENS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let go = r"ListenAndServe|net\.Listen\(|\bgin\.|\becho\.New|\bfiber\.New|\bchi\.New|http\.Server\{";
    let rust =
        r"\baxum\b|\bactix_web\b|\bwarp::|\brocket\b|TcpListener|\bhyper\b|\bpoem\b|\bsalvo\b|\btide\b|\btonic\b";
    Regex::new(&format!("{go}|{rust}")).ok()
});
static MAIN_OF_GO: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?m)^package main\b").ok());

/// A program that can be built.
struct Program {
    /// What it is called by whoever wrote it.
    name: String,
    /// Where its source is, below the project's directory.
    source: String,
    /// In Rust, the package that it belongs to.
    package: String,
}

/// The one that serves.
fn serving(folder: &Folder<'_>, programs: Vec<Program>) -> Option<Program> {
    let rank = |program: &Program| {
        let by_name = NAMES.iter().position(|name| {
            let called = program.name.to_ascii_lowercase();
            called == *name || called.ends_with(&format!("-{name}")) || called.ends_with(&format!("_{name}"))
        });
        let listens = || folder.text(&program.source).is_some_and(|text| matches(&LISTENS, &text));
        let is_aside = program.source.split('/').any(|part| ASIDE.contains(&part));
        (is_aside, by_name.unwrap_or(NAMES.len()), !listens())
    };
    programs.into_iter().min_by_key(rank)
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Sources of programs by what their paths end in, from the project's directory.
fn sources<'a>(folder: &Folder<'a>, is_one: impl Fn(&str) -> bool) -> impl Iterator<Item = &'a str> {
    let skip = if folder.root.is_empty() { 0 } else { folder.root.len() + 1 };
    let paths = folder.checkout.below(folder.root).filter_map(move |(path, _)| path.get(skip..));
    paths.filter(move |path| is_one(path)).take(MOST_SOURCES)
}

/// A program of Go.
#[derive(Default)]
pub(super) struct OfGo {
    /// Its directory, below the project's; `""` is that one.
    pub(super) place: String,
    /// The source that its `main` is in.
    pub(super) source: Option<String>,
}

/// The Go program that is the server.
pub(super) fn of_go(folder: &Folder<'_>) -> OfGo {
    let is_main = |path: &str| {
        // What is built for some purpose only is another's tool.
        let text = folder.text(path).filter(|text| !text.contains("//go:build "));
        !path.ends_with("_test.go") && text.is_some_and(|text| matches(&MAIN_OF_GO, &text))
    };
    if folder.has("main.go") {
        return OfGo { place: String::new(), source: Some("main.go".to_owned()) };
    }
    let here = |path: &str| path.ends_with(".go") && !path.contains('/');
    if let Some(source) = sources(folder, here).find(|path| is_main(path)) {
        return OfGo { place: String::new(), source: Some(source.to_owned()) };
    }
    let is_one = |path: &str| {
        let (place, file) = path.rsplit_once('/').unwrap_or_default();
        // `main.go` anywhere, and a file of any name in `cmd/…`.
        file == "main.go" || place.split('/').any(|part| part == "cmd") && file.ends_with(".go")
    };
    let programs = sources(folder, is_one).filter(|path| path.ends_with("/main.go") || is_main(path)).map(|source| {
        let place = source.rsplit_once('/').map_or("", |(place, _)| place);
        let name = place.rsplit('/').next().unwrap_or_default().to_owned();
        Program { name, source: source.to_owned(), package: String::new() }
    });
    let Some(program) = serving(folder, programs.collect()) else { return OfGo::default() };
    let place = program.source.rsplit_once('/').map_or("", |(place, _)| place).to_owned();
    OfGo { place, source: Some(program.source) }
}

/// A program of Rust.
pub(super) struct OfRust {
    /// The member of the workspace that it belongs to; none where the project is one package.
    pub(super) package: Option<String>,
    pub(super) name: String,
    /// Where its source is, below the project's directory.
    pub(super) source: String,
}

/// The Rust program that is the server.
pub(super) fn of_rust(folder: &Folder<'_>) -> Option<OfRust> {
    let manifest = folder.text("Cargo.toml")?;
    if let Some(package) = toml_value(&manifest, "package", "name") {
        let program = serving(folder, of_package(folder, "", &manifest, &package))?;
        return Some(OfRust { package: None, name: program.name, source: program.source });
    }
    let manifests = sources(folder, |path| path.ends_with("/Cargo.toml")).filter_map(|path| {
        let text = folder.text(path)?;
        let package = toml_value(&text, "package", "name")?;
        Some((path.trim_end_matches("/Cargo.toml").to_owned(), text, package))
    });
    let programs = manifests.flat_map(|(place, text, package)| of_package(folder, &place, &text, &package));
    let program = serving(folder, programs.collect())?;
    Some(OfRust { package: Some(program.package), name: program.name, source: program.source })
}

/// The programs of a package in `place`: the one that it says is started, else its own, else those that it names, else
/// the files of `src/bin`.
fn of_package(folder: &Folder<'_>, place: &str, manifest: &str, package: &str) -> Vec<Program> {
    let program = |name: String, source: String| Program { name, source, package: package.to_owned() };
    let main = join(place, "src/main.rs");
    let others = join(place, "src/bin/");
    if let Some(name) = toml_value(manifest, "package", "default-run") {
        let file = format!("{others}{name}.rs");
        let source = if folder.has(&file) { file } else { main };
        return vec![program(name, source)];
    }
    let path = toml_value(manifest, "bin", "path").map(|path| join(place, &path));
    if folder.has(&main) && path.as_ref() != Some(&main) {
        return vec![program(package.to_owned(), main)];
    }
    if let Some(name) = toml_value(manifest, "bin", "name") {
        let source = path.unwrap_or_else(|| format!("{others}{name}.rs"));
        return vec![program(name, source)];
    }
    let files = sources(folder, |path| path.starts_with(&others) && path.ends_with(".rs"));
    let programs = files.filter_map(|source| {
        let name = source.strip_prefix(&others)?;
        let name = name.strip_suffix("/main.rs").or_else(|| name.strip_suffix(".rs"))?;
        (!name.contains('/')).then(|| program(name.to_owned(), source.to_owned()))
    });
    programs.collect()
}
