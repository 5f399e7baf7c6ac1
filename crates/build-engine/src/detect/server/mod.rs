//! Server applications: what they are written in and what starts them.
//!
//! - [`languages`], [`python`] and here: what builds and starts them; [`programs`]: which of several;
//! - [`procfile`]: what its owner says of that;
//! - [`listens`] (with [`imports`]), [`complete`]: their port, environment and release command.

use berth_model::{Decision, Failure, FailureCode, PackageManager, Plan, PlanService, Reason, ServiceKind, Toolchain};

use super::catalog::catalog;
use super::command::{Commands, called_scripts};
use super::equipment::Equipment;
use super::folder::Folder;
use super::package_json::PackageJson;
use super::wanted::Wanted;
use super::{bare, run_script};

mod complete;
mod imports;
mod languages;
mod listens;
mod procfile;
mod programs;
mod python;

pub(super) use complete::complete;

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
pub(super) fn service(folder: &Folder<'_>, wanted: &Wanted) -> Result<Option<PlanService>, Failure> {
    let service = node(folder, wanted)?.or_else(|| languages::service(folder));
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
    Some(with_procfile(folder, languages::service(folder)?))
}

/// A server that shows what the build of a site beside it makes.
pub(super) struct BesideSite {
    pub(super) framework: Decision<String>,
    pub(super) start: Decision<String>,
}

/// A server in the package of a site: what starts it is said, and it stands on what is installed to run.
pub(super) fn beside_site(folder: &Folder<'_>, manager: PackageManager) -> Option<BesideSite> {
    let by_script = || {
        server_script(&folder.package).filter(|_| !start_is_for_development(folder))?;
        start_script(folder, manager)
    };
    let start = procfile::server(folder).or_else(by_script)?;
    let (dependency, name) = NODE.iter().find(|(dependency, _)| folder.package.runs_with(dependency))?;
    let reason = Reason::DependsOn { file: "package.json".into(), dependency: (*dependency).into() };
    Some(BesideSite { framework: Decision::new((*name).to_owned(), "package.json", reason), start })
}

/// A repository's own Dockerfile, at `path` in it, says how it is built and started; a framework of the catalog keeps its
/// name.
pub(super) fn by_dockerfile(path: Decision<String>, framework: Option<Decision<String>>) -> PlanService {
    let known = framework.filter(|name| catalog().frameworks.iter().any(|entry| entry.name == name.value));
    let file = path.value.rsplit('/').next().unwrap_or_default().to_owned();
    let name = known.unwrap_or_else(|| {
        Decision::new("dockerfile".to_owned(), file.clone(), Reason::FileFound { file: file.clone() })
    });
    let mut service = bare(name, ServiceKind::running(None));
    service.dockerfile = Some(path);
    service
}

fn node(folder: &Folder<'_>, wanted: &Wanted) -> Result<Option<PlanService>, Failure> {
    if !folder.has("package.json") && !folder.has("package.json5") {
        return Ok(None);
    }
    let equipment = Equipment::node(folder, wanted)?;
    let manager = equipment.manager().unwrap_or(PackageManager::Npm);
    let process = || procfile::command(folder, "web");
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
    const LANGUAGES: &[&str] = &[
        "fastapi",
        "fasthtml",
        "starlette",
        "litestar",
        "quart",
        "sanic",
        "flask",
        "streamlit",
        "django",
        "rails",
        "laravel",
        "symfony",
        "phoenix",
    ];
    let start = server_script(&folder.package);
    let is_started = start.is_some() && !start_is_for_development(folder);
    is_started || has_web_process(folder) || LANGUAGES.contains(&service.framework.value.as_str())
}

/// The command that runs the start script, or the one for production where the other is not.
pub(super) fn start_script(folder: &Folder<'_>, manager: PackageManager) -> Option<Decision<String>> {
    const FOR_PRODUCTION: &[&str] = &["start:prod", "start:production", "start-prod", "prod", "production"];
    const COMPILES: &[&[&str]] = &[&["nest", "start"], &["nodemon"], &["ts-node-dev"], &["tsx", "watch"]];
    let start = folder.package.script("start");
    let is_of_developers = start.is_none_or(|script| {
        start_is_for_development(folder)
            || Commands::of(script, &folder.package)
                .iter()
                .any(|words| COMPILES.iter().any(|program| words.windows(program.len()).any(|part| part == *program)))
    });
    let production = FOR_PRODUCTION.iter().filter(|_| is_of_developers);
    let production = production.filter_map(|name| Some((*name, folder.package.script(name)?))).next();
    let (name, script) = production.or(start.map(|script| ("start", script)))?;
    let run = match (manager, name) {
        (PackageManager::Bun, "start") => "bun run start".to_owned(),
        (manager, "start") => format!("{} start", manager.program()),
        (manager, name) => run_script(manager, name),
    };
    let reason = match name {
        "start" => Reason::StartScript { script: script.into() },
        name => Reason::StartScriptOf { name: name.into(), script: script.into() },
    };
    Some(Decision::new(run, "package.json", reason))
}

/// The file that the package names as its entry.
fn main_file(folder: &Folder<'_>, manager: PackageManager) -> Option<Decision<String>> {
    let program = if manager == PackageManager::Bun { "bun" } else { "node" };
    let named = folder.package.main.as_deref().map(|main| main.trim_start_matches("./"));
    let usual = ["server.js", "index.js", "app.js", "main.js", "index.ts", "server.ts", "app.ts", "main.ts"];
    // Sources of anything lie there: only what stands on a framework for servers is taken for one.
    let below = ["src/server.js", "src/index.js", "src/app.js", "src/main.js", "src/server.ts", "src/index.ts"];
    let is_server = || NODE.iter().any(|(dependency, _)| folder.package.runs_with(dependency));
    let below = below.into_iter().filter(|_| is_server());
    let usual = usual.into_iter().chain(below).filter(|file| program == "bun" || !file.ends_with(".ts"));
    let file = named.into_iter().chain(usual).find(|file| folder.has(file))?;
    Some(Decision::new(format!("{program} {file}"), "package.json", Reason::MainFile { file: file.into() }))
}

/// Whether a Procfile names what answers requests.
pub(super) fn has_web_process(folder: &Folder<'_>) -> bool {
    procfile::command(folder, "web").is_some()
}

/// A Procfile wins over what a language usually does.
fn with_procfile(folder: &Folder<'_>, mut service: PlanService) -> PlanService {
    if let (ServiceKind::Running { start_command, .. }, Some(web)) =
        (&mut service.kind, procfile::command(folder, "web"))
    {
        *start_command = Some(web);
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
        if built.iter().any(|command| command == words) {
            return false;
        }
        if MANAGERS.contains(&program) {
            // A script that is called stands for itself, unless it is another package's.
            return is_elsewhere || words.iter().any(|word| is_place(word));
        }
        let builds = of_build.contains(&(program, file));
        RUNNERS.contains(&program) && !builds && called_scripts(words, package).is_empty()
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

/// Why what a plan names could not be started.
pub(super) fn cannot_start(plan: &Plan) -> Option<Failure> {
    let because = |service: &PlanService| {
        let ServiceKind::Running { start_command, .. } = &service.kind else { return None };
        let what = &service.framework.value;
        let (title, detail) = match (&service.dockerfile, &service.toolchain, start_command) {
            (Some(_), ..) | (None, Some(_), Some(_)) => return None,
            (None, None, _) => (
                format!("no image is known that runs this application ({what})"),
                "Add a Dockerfile that builds and starts it.".to_owned(),
            ),
            (None, Some(_), None) => {
                let hints = service.warnings.sentences().iter().map(|hint| format!(" Note: {hint}."));
                let hints: String = hints.collect();
                (
                    format!("nothing says how this application is started ({what})"),
                    format!(
                        "Add a start script to package.json, a Procfile with a line `web: …`, or `start` in \
                         berth.toml.{hints}"
                    ),
                )
            }
        };
        Some(Failure::new(FailureCode::ServerApplication, title, detail))
    };
    plan.services.iter().find_map(because)
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
