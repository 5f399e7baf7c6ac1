//! Where a server listens: what starts it may say so, else its source, else what is usual.
//!
//! `PORT` tells every service where to listen, but many applications have a number of their own instead. One that asks for
//! `PORT` gets the number that it would take without; of one that does not ask, the number is what counts.

use std::num::NonZeroU16;
use std::sync::LazyLock;

use berth_model::{Origin, PlanService, Reason, ServiceKind};
use regex::Regex;

use super::imports::imported;
use super::programs;
use crate::detect::command::Commands;
use crate::detect::config::without_comments;
use crate::detect::folder::{Folder, join};
use crate::detect::package_json::PackageJson;
use crate::detect::python;

/// Where Rocket listens.
pub(super) const ROCKET: &str = "8000";

/// As much is read of a source; a server begins early.
const MOST_BYTES: usize = 256 << 10;
/// Ports of databases and mail servers, which configurations name beside the server's own.
const OF_OTHERS: &[u16] = &[25, 465, 587, 1025, 1433, 2525, 3306, 5432, 5672, 6379, 9092, 9200, 11211, 27017];

/// How the sources of a language say where they listen.
struct Language {
    /// What its files end in.
    endings: &'static [&'static str],
    /// They ask for `PORT`.
    asks: Regex,
    /// What they take without it.
    otherwise: Regex,
    /// A number of their own.
    own: Regex,
    /// An address that nothing outside reaches.
    local: Regex,
}

static LANGUAGES: LazyLock<[Language; 4]> = LazyLock::new(|| {
    let pattern = |text: &str| Regex::new(text).expect("the patterns below are well formed");
    [
        Language {
            endings: &["js", "mjs", "cjs", "ts", "mts", "cts"],
            asks: pattern(
                r#"\bPORT\b[^\n]{0,80}=\s*process\.env|\benv(?:\.PORT\b|\[['"]PORT['"]\]|\.get\(['"]PORT['"]\)|.*\bPORT\b)"#,
            ),
            otherwise: pattern(r#"\bPORT\b['"\]\)]*\s*(?:\|\||\?\?|,|:|=)\s*\(?\s*['"]?(\d{2,5})\b"#),
            own: pattern(
                r"(?i)\.listen\(\s*(\d{2,5})\b|\b(?:(?:server|http|app|api|web|listen)_?)?port\s*[:=]\s*(\d{2,5})\b",
            ),
            local: pattern(
                r#"(?:\.listen\([^;()]{0,200}?|Hapi\.server\(\{[^}]{0,200}?host\s*:\s*)['"](127\.0\.0\.1|localhost|::1)['"]"#,
            ),
        },
        Language {
            endings: &["py"],
            asks: pattern(r#"(?:environ|getenv|config)[^\n]{0,40}['"]PORT['"]"#),
            otherwise: pattern(r#"['"]PORT['"][\]\)]*\s*(?:,|or)\s*['"]?(\d{2,5})\b"#),
            own: pattern(
                r#"(?i)(?:serve|server|run_simple|run|bind)\s*\(\s*\(?\s*['"](?:[\d.]*|localhost)['"]\s*,\s*(\d{2,5})\b|\.listen\(\s*(\d{2,5})\b|\bport\s*=\s*(\d{2,5})\b"#,
            ),
            local: pattern(
                r#"\bhost\s*=\s*['"](127\.0\.0\.1|localhost)['"]|(?:[Ss]erver?|run_simple|bind)\s*\(\s*\(?\s*['"](127\.0\.0\.1|localhost)['"]\s*,"#,
            ),
        },
        Language {
            endings: &["go"],
            asks: pattern(r#"env\w*\(\s*"PORT"|\.Run\(\s*\)"#),
            otherwise: pattern(r#"(?i)port\w*\s*:?=\s*":?(\d{2,5})""#),
            own: pattern(r#""(?:0\.0\.0\.0|\[::\])?:(\d{2,5})""#),
            local: pattern(r#""(127\.0\.0\.1|localhost):\d{2,5}""#),
        },
        Language {
            endings: &["rs"],
            asks: pattern(r#"(?:var|env!?)\(\s*"PORT"|env\s*=\s*"PORT""#),
            otherwise: pattern(r#"(?s)"PORT".{0,120}?\b(\d{4,5})\b"#),
            own: pattern(
                r#""(?:0\.0\.0\.0|127\.0\.0\.1|localhost|\[::\]):(\d{2,5})"|\[(?:\d+,\s*){3}\d+\],\s*(\d{2,5})|\("[\d.]+",\s*(\d{2,5})\)"#,
            ),
            local: pattern(r#""(127\.0\.0\.1|localhost)(?::\d{2,5}"|",\s*\d{2,5}\))|(\[127, 0, 0, 1\])"#),
        },
    ]
});

/// A number on a command line: `3000`, `:3000`, `0.0.0.0:3000`, `${PORT:-3000}`.
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?:[\w.\[\]]*:)?(?:(\d{2,5})|\$\{PORT:-(\d{2,5})\})$").ok());

/// Where a service listens that is not built by a Dockerfile.
pub(super) fn port(folder: &Folder<'_>, service: &PlanService) -> Option<(NonZeroU16, Origin)> {
    let start = match &service.kind {
        ServiceKind::Running { start_command: Some(start), .. } => start,
        _ => return None,
    };
    said(folder, service, &start.value, &start.source).or_else(|| {
        let framework = service.framework.value.clone();
        Some((usual(folder, service), Origin::new("default", Reason::UsualPort { framework })))
    })
}

/// Where a command line of `source`, or the source of what it starts, says that it listens.
pub(super) fn said(
    folder: &Folder<'_>,
    service: &PlanService,
    start: &str,
    source: &str,
) -> Option<(NonZeroU16, Origin)> {
    let entry = Entry::of(folder, start);
    let by_command = by_command(&entry.commands).map(|port| (port, Origin::new(source, Reason::StartNamesPort)));
    by_command.or_else(|| by_source(folder, service, &entry))
}

/// An address in the source that nothing outside of the container reaches.
pub(super) fn unreachable(folder: &Folder<'_>, service: &PlanService) -> Option<Reason> {
    let ServiceKind::Running { start_command: Some(start), .. } = &service.kind else { return None };
    let entry = Entry::of(folder, &start.value);
    if entry.commands.iter().flatten().any(|word| word.contains("0.0.0.0")) {
        return None;
    }
    let (file, text) = entry.source(folder, service)?;
    let language = language(&file)?;
    let found = language.local.captures(&text).and_then(|found| found.iter().skip(1).flatten().next());
    let address = match found {
        Some(found) => found.as_str().to_owned(),
        None if fastify_listens_locally(service, &text) => "localhost".to_owned(),
        None => return None,
    };
    Some(Reason::ListensLocally { file, address })
}

/// Fastify alone takes `localhost` where no host is named.
fn fastify_listens_locally(service: &PlanService, text: &str) -> bool {
    let options = text.split(".listen(").nth(1).and_then(|rest| rest.trim_start().strip_prefix('{')?.split('}').next());
    service.framework.value == "fastify" && options.is_some_and(|options| !options.contains("host"))
}

/// What is started: the commands, and the package whose script they are.
struct Entry {
    commands: Commands,
    /// The directory of that package, from the project's.
    place: String,
}

impl Entry {
    fn of(folder: &Folder<'_>, start: &str) -> Self {
        let commands = Commands::of(start, &folder.package);
        let here = Self { commands, place: String::new() };
        // `npm start -w api`: what that package starts.
        let Some(directory) = here.elsewhere(folder) else { return here };
        let package = folder.text(&format!("{directory}/package.json"));
        let Some(package) = package.and_then(|text| PackageJson::parse(&text).ok()) else { return here };
        let Some(script) = package.script("start") else { return here };
        Self { commands: Commands::of(script, &package), place: directory }
    }

    /// The directory of the package that a command works in.
    fn elsewhere(&self, folder: &Folder<'_>) -> Option<String> {
        const OPTIONS: &[&str] =
            &["-w", "--workspace", "--filter", "-F", "--prefix", "-C", "--dir", "--cwd", "workspace", "cd"];
        let named = self.commands.iter().find_map(|words| {
            words.iter().enumerate().find_map(|(at, word)| match word.split_once('=') {
                Some((option, value)) if OPTIONS.contains(&option) => Some(value.to_owned()),
                None if OPTIONS.contains(&word.as_str()) => words.get(at + 1).cloned(),
                _ => None,
            })
        })?;
        let directory = named.trim_start_matches("./").trim_end_matches('/');
        if folder.has(&format!("{directory}/package.json")) {
            return Some(directory.to_owned());
        }
        // By its name.
        let skip = if folder.root.is_empty() { 0 } else { folder.root.len() + 1 };
        let packages = folder.checkout.below(folder.root).filter_map(|(path, _)| path.get(skip..));
        let mut packages =
            packages.filter(|path| path.ends_with("/package.json") && !path.contains("node_modules/")).take(100);
        packages.find_map(|path| {
            let package = PackageJson::parse(&folder.text(path)?).ok()?;
            let is_meant = package.name.as_deref() == Some(named.as_str());
            is_meant.then(|| path.trim_end_matches("/package.json").to_owned())
        })
    }

    /// The source of what is started, without its comments where that is JavaScript.
    fn source(&self, folder: &Folder<'_>, service: &PlanService) -> Option<(String, String)> {
        let named = self.commands.iter().flatten().filter(|word| language(word).is_some());
        let named = named.map(|word| word.trim_start_matches("./").to_owned());
        // `node dist/main.js` runs what `src/main.ts` is compiled to.
        let compiled = self.commands.iter().flatten().filter_map(|word| {
            let (place, name) = word.trim_start_matches("./").rsplit_once('/')?;
            if place.starts_with('.') {
                return None;
            }
            let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
            Some(["src/", ""].map(|place| format!("{place}{stem}.ts")))
        });
        let module = self.commands.iter().flatten().filter_map(|word| {
            let (module, _) = word.split_once(':')?;
            Some(format!("{}.py", module.replace('.', "/")))
        });
        let usual = match service.framework.value.as_str() {
            "nest" => Some("src/main.ts".to_owned()),
            // What is started, by its image too, is compiled from one of these.
            "go" | "dockerfile" if folder.has("go.mod") || folder.has("main.go") => programs::of_go(folder).source,
            "rust" | "dockerfile" if folder.has("Cargo.toml") => {
                programs::of_rust(folder).map(|program| program.source)
            }
            _ => None,
        };
        let here = |path: &str| join(&self.place, path);
        let candidates: Vec<String> =
            named.chain(module).chain(compiled.flatten()).chain(main_package(folder, service)).chain(usual).collect();
        let file = candidates.iter().map(|path| here(path)).find(|path| folder.has(path))?;
        let text = read(folder, &file)?;
        Some((file, text))
    }
}

/// A source, without its comments where it is JavaScript.
pub(super) fn read(folder: &Folder<'_>, file: &str) -> Option<String> {
    let text = folder.text(file).filter(|text| text.len() <= MOST_BYTES)?;
    Some(if is_script(file) { without_comments(&text) } else { text })
}

/// Whether a file is JavaScript or TypeScript.
pub(super) fn is_script(file: &str) -> bool {
    LANGUAGES[0].endings.iter().any(|ending| file.ends_with(&format!(".{ending}")))
}

/// The directory that a build command of Go names.
fn main_package(folder: &Folder<'_>, service: &PlanService) -> Option<String> {
    let build = service.build_command.as_ref()?;
    let commands = Commands::of(&build.value, &folder.package);
    let place =
        commands.arguments("go build").flatten().find_map(|word| word.strip_prefix("./"))?.trim_end_matches('/');
    Some(if place.is_empty() { "main.go".to_owned() } else { format!("{place}/main.go") })
}

fn language(file: &str) -> Option<&'static Language> {
    let (_, ending) = file.rsplit_once('.')?;
    LANGUAGES.iter().find(|language| language.endings.contains(&ending))
}

/// A port that is written out on a command line.
fn by_command(commands: &Commands) -> Option<NonZeroU16> {
    const OPTIONS: &[&str] = &["-p", "--port", "-b", "--bind", "--listen", "-l", "--server.port", "--http-port", "-S"];
    let number = |word: &str| {
        let found = NUMBER.as_ref()?.captures(word)?;
        found.iter().skip(1).flatten().next()?.as_str().parse().ok()
    };
    commands.variable("PORT").as_deref().and_then(number).or_else(|| {
        commands.iter().find_map(|words| {
            words.iter().enumerate().find_map(|(at, word)| {
                if OPTIONS.contains(&word.as_str()) {
                    return words.get(at + 1).and_then(|value| number(value));
                }
                if let Some((name, value)) = word.split_once('=')
                    && OPTIONS.contains(&name)
                {
                    return number(value);
                }
                // `manage.py runserver 0.0.0.0:8000`
                word.contains("0.0.0.0:").then(|| number(word))?
            })
        })
    })
}

fn by_source(folder: &Folder<'_>, service: &PlanService, entry: &Entry) -> Option<(NonZeroU16, Origin)> {
    // What a framework made asks for `PORT`, whatever is in the project's own files.
    let (file, text) = entry.source(folder, service)?;
    let language = language(&file)?;
    let takes = |file: String, port| (port, Origin::new(file.clone(), Reason::SourceTakesPort { file }));
    if language.asks.is_match(&text) {
        return first_number(&language.otherwise, &text).map(|port| takes(file, port));
    }
    let listens = |file: String, port| (port, Origin::new(file.clone(), Reason::SourceListens { file }));
    if let Some(port) = own_number(language, &text) {
        return Some(listens(file, port));
    }
    let sources = imported(folder, &file, &text);
    if let Some((file, text)) = sources.iter().find(|(_, text)| language.asks.is_match(text)) {
        return first_number(&language.otherwise, text).map(|port| takes(file.clone(), port));
    }
    sources.into_iter().find_map(|(file, text)| {
        let port = own_number(language, &text)?;
        Some(listens(file, port))
    })
}

/// The first number that a pattern finds, by whichever of its groups.
fn first_number(pattern: &Regex, text: &str) -> Option<NonZeroU16> {
    pattern.captures(text)?.iter().skip(1).flatten().next()?.as_str().parse().ok()
}

/// A number of the server's own. What others listen at is often there, too.
fn own_number(language: &Language, text: &str) -> Option<NonZeroU16> {
    let numbers = |group: usize| {
        let found = language.own.captures_iter(text).filter_map(move |found| found.get(group)?.as_str().parse().ok());
        found.filter(|port: &NonZeroU16| !OF_OTHERS.contains(&port.get()))
    };
    // The groups stand in the order in which they are to be believed.
    (1..language.own.captures_len()).find_map(|group| numbers(group).next())
}

/// Where applications of a kind listen that say nothing else.
fn usual(folder: &Folder<'_>, service: &PlanService) -> NonZeroU16 {
    let image = service.toolchain.as_ref().map_or("", |toolchain| toolchain.image.value.as_str());
    let is = |name: &str| image.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'));
    let is_rocket = || folder.text("Cargo.toml").is_some_and(|text| text.contains("rocket"));
    let port = match service.framework.value.as_str() {
        "rack" => 9292,
        "phoenix" | "elixir" => 4000,
        "strapi" => 1337,
        "adonis" => 3333,
        "ruby" => 4567,
        "gleam" => 8000,
        "rust" if is_rocket() => 8000,
        // By its own server: what serves it otherwise is told.
        "flask" => 5000,
        "python" if python::named_packages(folder).contains("aiohttp") => 8080,
        _ if is("python") || is("php") || is("denoland/deno") => 8000,
        _ if ["golang", "rust", "eclipse-temurin", "maven", "gradle"].into_iter().any(is) => 8080,
        _ => return berth_model::DEFAULT_PORT,
    };
    NonZeroU16::new(port).unwrap_or(berth_model::DEFAULT_PORT)
}
