//! Server applications: what they are written in and what starts them.
//!
//! Berth does not run them yet. The plan says what it understood, so that nobody has to guess what is missing.

use berth_model::{Decision, Failure, PackageManager, PlanService, Reason, ServiceKind, Toolchain};

use super::catalog::catalog;
use super::command::{Commands, called_scripts};
use super::equipment::Equipment;
use super::folder::Folder;
use super::package_json::PackageJson;
use super::{ProjectSettings, bare, run_script};

mod languages;

/// Frameworks of servers in Node, by the dependency that shows them. The ones that stand on others come first.
const NODE: &[(&str, &str)] = &[
    ("@nestjs/core", "nest"),
    ("@adonisjs/core", "adonis"),
    ("@strapi/strapi", "strapi"),
    ("elysia", "elysia"),
    ("hono", "hono"),
    ("fastify", "fastify"),
    ("koa", "koa"),
    ("@hapi/hapi", "hapi"),
    ("express", "express"),
];

/// The plan of a server application, if the folder holds one.
pub(super) fn service(folder: &Folder<'_>, settings: &ProjectSettings) -> Result<Option<PlanService>, Failure> {
    let service = match dockerfile(folder, None) {
        Some(service) => Some(service),
        None => node(folder, settings)?.or_else(|| languages::service(folder)),
    };
    Ok(service.map(|service| with_procfile(folder, service)))
}

/// An application of Laravel, Symfony, Rails or Django, whose `package.json` only prepares what the server shows.
pub(super) fn with_assets(folder: &Folder<'_>) -> Option<PlanService> {
    let says =
        |file: &str, words: &[&str]| folder.text(file).is_some_and(|text| words.iter().any(|word| text.contains(word)));
    let is_one = says("composer.json", &["\"laravel/framework\"", "\"symfony/framework-bundle\""])
        || folder.has("config/application.rb") && says("Gemfile", &["rails"])
        || folder.has("manage.py") && says("manage.py", &["django"]);
    if !is_one {
        return None;
    }
    let service = dockerfile(folder, None).or_else(|| languages::service(folder))?;
    Some(with_procfile(folder, service))
}

/// A repository's own Dockerfile says how it is built and started; a framework of the catalog keeps its name.
pub(super) fn dockerfile(folder: &Folder<'_>, framework: Option<Decision<String>>) -> Option<PlanService> {
    folder.has("Dockerfile").then(|| {
        let known = framework.filter(|name| catalog().frameworks.iter().any(|entry| entry.name == name.value));
        let there = || Reason::FileFound { file: "Dockerfile".into() };
        let name = known.unwrap_or_else(|| Decision::new("dockerfile".to_owned(), "Dockerfile", there()));
        let mut service = bare(name, ServiceKind::running(None));
        service.dockerfile = Some(Decision::new(folder.path("Dockerfile"), "Dockerfile", Reason::SaysHowBuilt));
        service
    })
}

fn node(folder: &Folder<'_>, settings: &ProjectSettings) -> Result<Option<PlanService>, Failure> {
    if !folder.has("package.json") && !folder.has("package.json5") {
        return Ok(None);
    }
    let equipment = Equipment::node(folder, settings)?;
    let manager = equipment.manager().unwrap_or(PackageManager::Npm);
    let process = || web_process(folder).map(by_procfile);
    let start = start_script(folder, manager).or_else(process).or_else(|| main_file(folder, manager));
    let Some(start) = start else { return Ok(None) };
    let name =
        node_framework(folder).unwrap_or_else(|| Decision::new("node".to_owned(), "package.json", start.why.clone()));
    let mut service = equipment.equip(bare(name, ServiceKind::running(Some(start))));
    service.build_command = folder
        .package
        .script("build")
        .map(|_| Decision::new(run_script(manager, "build"), "package.json", Reason::BuildScript));
    Ok(Some(service))
}

/// The framework by a dependency of the package, or of a package of its workspace.
fn node_framework(folder: &Folder<'_>) -> Option<Decision<String>> {
    let known = |package: &PackageJson| NODE.iter().find(|(dependency, _)| package.depends_on(dependency));
    let decided = |source: &str, (dependency, name): &(&str, &str)| {
        let reason = Reason::DependsOn { file: source.into(), dependency: (*dependency).into() };
        Decision::new((*name).to_owned(), source, reason)
    };
    if let Some(known) = known(&folder.package) {
        return Some(decided("package.json", known));
    }
    if folder.package.workspaces.is_empty() {
        return None;
    }
    let packages = folder.checkout.below(folder.root).map(|(path, _)| path);
    packages.filter(|path| path.ends_with("/package.json") && !path.contains("node_modules/")).find_map(|path| {
        let package = PackageJson::parse(&folder.checkout.text(path)?).ok()?;
        Some(decided(path, known(&package)?))
    })
}

/// Whether nothing but a server can be meant, whatever pages lie beside it.
pub(super) fn is_certain(folder: &Folder<'_>, service: &PlanService) -> bool {
    const LANGUAGES: &[&str] = &["fastapi", "fasthtml", "flask", "django", "rails", "laravel", "symfony", "phoenix"];
    let start = server_script(&folder.package);
    let is_started = start.is_some() && !start_is_for_development(folder);
    is_started
        || web_process(folder).is_some()
        || service.dockerfile.is_none() && LANGUAGES.contains(&service.framework.value.as_str())
}

/// The command that runs the start script.
pub(super) fn start_script(folder: &Folder<'_>, manager: PackageManager) -> Option<Decision<String>> {
    let script = folder.package.script("start")?;
    let run = if manager == PackageManager::Bun {
        "bun run start".to_owned()
    } else {
        format!("{} start", manager.program())
    };
    Some(Decision::new(run, "package.json", Reason::StartScript { script: script.into() }))
}

/// The file that the package names as its entry.
fn main_file(folder: &Folder<'_>, manager: PackageManager) -> Option<Decision<String>> {
    let program = if manager == PackageManager::Bun { "bun" } else { "node" };
    let named = folder.package.main.as_deref().map(|main| main.trim_start_matches("./"));
    let usual = ["server.js", "index.js", "app.js", "main.js", "index.ts"];
    let usual = usual.into_iter().filter(|file| program == "bun" || !file.ends_with(".ts"));
    let file = named.into_iter().chain(usual).find(|file| folder.has(file))?;
    Some(Decision::new(format!("{program} {file}"), "package.json", Reason::MainFile { file: file.into() }))
}

/// `web:` of a Procfile.
pub(super) fn web_process(folder: &Folder<'_>) -> Option<String> {
    let procfile = folder.text("Procfile")?;
    procfile.lines().find_map(|line| line.strip_prefix("web:")).map(|command| command.trim().to_owned())
}

fn by_procfile(web: String) -> Decision<String> {
    Decision::new(web, "Procfile", Reason::TheFileNamesIt { file: "Procfile".into() })
}

/// A Procfile wins over what a language usually does.
fn with_procfile(folder: &Folder<'_>, mut service: PlanService) -> PlanService {
    let web = web_process(folder);
    if let (ServiceKind::Running { start_command, .. }, Some(web), None) = (&mut service.kind, web, &service.dockerfile)
    {
        *start_command = Some(by_procfile(web));
    }
    service
}

/// The start script, if it keeps a server running, rather than building once more, showing what was built, or a
/// framework's development server.
pub(super) fn server_script(package: &PackageJson) -> Option<&str> {
    const RUNNERS: &[&str] = &["node", "nodemon", "ts-node", "tsx", "pm2", "bun", "deno", "nest", "fastify", "vinxi"];
    let start = package.script("start")?;
    let started = Commands::of(start, package);
    let built = Commands::of(package.script("build").unwrap_or_default(), package);
    let of_build: Vec<_> = built.iter().filter_map(program_and_file).collect();
    let is_elsewhere = started.iter().any(|words| words[0] == "cd");
    let keeps_running = |words: &[String]| {
        let Some((program, file)) = program_and_file(words) else { return false };
        if built.iter().any(|command| command == words) || of_build.contains(&(program, file)) {
            return false;
        }
        if MANAGERS.contains(&program) {
            // A script that is called stands for itself, unless it is another package's.
            return is_elsewhere || words.iter().any(|word| is_place(word));
        }
        RUNNERS.contains(&program) && called_scripts(words, package).is_empty()
    };
    started.iter().any(keeps_running).then_some(start)
}

const MANAGERS: &[&str] = &["npm", "pnpm", "yarn"];

/// An option of a package manager that makes it work in another package.
fn is_place(word: &str) -> bool {
    const OPTIONS: &[&str] =
        &["-w", "--workspace", "--workspaces", "workspace", "--prefix", "--filter", "-F", "-C", "--dir", "--cwd"];
    OPTIONS.contains(&word.split('=').next().unwrap_or(word))
}

/// What a command runs, without what only runs others, and the first word behind it that is no option.
fn program_and_file(words: &[String]) -> Option<(&str, Option<&str>)> {
    const BEFORE: &[&str] = &["cross-env", "npx", "bunx", "exec", "dlx", "x"];
    const WITH_VALUE: &[&str] = &["-r", "--require", "--import", "--loader", "--env-file"];
    let is_plain = |word: &str| !word.starts_with('-');
    let mut rest = words.iter().map(String::as_str).filter(|word| !word.contains('=') || word.starts_with('-'));
    let first = rest.find(|word| is_plain(word) && !BEFORE.contains(word))?;
    let mut program = first;
    if MANAGERS.contains(&first) && words.iter().any(|word| BEFORE.contains(&word.as_str())) {
        program = rest.find(|word| is_plain(word) && !BEFORE.contains(word))?;
    }
    let mut is_value = false;
    let file = rest.find(|word| {
        let is_file = is_plain(word) && !is_value;
        is_value = WITH_VALUE.contains(word);
        is_file
    });
    Some((program.rsplit('/').next().unwrap_or(program), file))
}

/// Whether `npm start` is what developers work with.
pub(super) fn start_is_for_development(folder: &Folder<'_>) -> bool {
    folder
        .package
        .script("start")
        .is_some_and(|start| start.split_whitespace().any(|word| matches!(word, "dev" | "develop" | "vite")))
}

/// What a server application runs, in the fewest words.
pub(super) fn serves(folder: &Folder<'_>, service: &PlanService, start: Option<&Decision<String>>) -> String {
    let framework = &service.framework;
    let known = catalog().frameworks.iter().find(|entry| entry.name == framework.value);
    if let Some(command) = known.and_then(|entry| entry.start_command.as_ref()) {
        return command.clone();
    }
    match (start, folder.package.script("start")) {
        (Some(start), Some(script)) if start.source == "package.json" => format!("{}: {script}", start.value),
        (Some(start), _) if start.source == "Procfile" => format!("Procfile: {}", start.value),
        (Some(start), _) => start.value.clone(),
        (None, _) if service.dockerfile.is_some() => "Dockerfile".to_owned(),
        (None, _) => format!("{}, by its {}", framework.value, framework.source),
    }
}

/// A running service without packages to install.
fn running(
    name: Decision<String>,
    toolchain: Option<Toolchain>,
    build: Option<Decision<String>>,
    start_command: Option<Decision<String>>,
) -> PlanService {
    let mut service = bare(name, ServiceKind::running(start_command));
    service.toolchain = toolchain;
    service.build_command = build;
    service
}
