//! Which framework a project uses, how it builds, and whether that leaves files or a server.

use berth_model::{Decision, Failure, FailureCode, PackageManager, PlanService, Reason, ServiceKind};

use super::catalog::{Condition, Framework, catalog};
use super::command::Commands;
use super::equipment::Equipment;
use super::folder::Folder;
use super::hybrid::{self, Place};
use super::wanted::{By, Wanted};
use super::{bare, output, run_script, server, sites, workspace};

/// What is done with a folder, by the first thing that is recognised in it.
pub(super) fn service(folder: &Folder<'_>, wanted: &Wanted) -> Result<PlanService, Failure> {
    let is_detected = wanted.build_command.is_none() && wanted.output_directory.is_none();
    if let Some(server) = server::with_assets(folder).filter(|_| is_detected) {
        return Ok(server);
    }
    let has_script = folder.package.script("build").is_some_and(|script| !only_prepares(folder, script));
    if let Some((framework, name)) = first_match(folder) {
        // `hugo.toml` and its like; what has a dependency for a detector is installed with the project's packages.
        let is_node = framework.detectors.iter().any(|detector| detector.dependency.is_some());
        return if is_node {
            with_framework(folder, wanted, framework, name)
        } else {
            sites::service(folder, wanted, framework, name)
        };
    }
    // A build command says how it is built, and not that it makes files.
    let is_node = folder.has("package.json") || folder.has("package.json5");
    if has_script || wanted.build_command.is_some() && (is_node || wanted.output_directory.is_some()) {
        return without_framework(folder, wanted);
    }
    let server = server::service(folder, wanted)?;
    if wanted.build_command.is_some() {
        return match server {
            Some(server) => Ok(server),
            None => without_framework(folder, wanted),
        };
    }
    // A server often has pages of its own beside it.
    if let Some(server) = server.as_ref().filter(|server| is_detected && server::is_certain(folder, server)) {
        return Ok(server.clone());
    }
    if wanted.output_directory.is_some() || output::plain_directory(folder).is_some() {
        return Ok(plain_files(folder));
    }
    match server {
        Some(server) => Ok(server),
        None if output::only_directory(folder).is_some() => Ok(plain_files(folder)),
        // However little it looks like one, it is the only thing here that could make anything.
        None if folder.package.script("build").is_some() => without_framework(folder, wanted),
        None => Err(nothing(folder)),
    }
}

/// Whether a build script makes nothing that could be published: it checks types, or generates code.
fn only_prepares(folder: &Folder<'_>, script: &str) -> bool {
    const TOOLS: &[&str] = &["eslint", "prettier", "biome", "vitest", "jest", "prisma", "drizzle-kit", "echo", "true"];
    // Whatever prints into a file makes one.
    !script.contains('>')
        && Commands::of(script, &folder.package).all(|words| {
            // `bun run prisma generate` and `npx tsc --noEmit` run others.
            let mut programs = words.iter().take(3).map(String::as_str);
            let checks_types = words.iter().any(|word| word == "--noEmit");
            programs.any(|word| TOOLS.contains(&word) || word == "tsc" && checks_types)
        })
}

/// The files as they are.
pub(super) fn plain_files(folder: &Folder<'_>) -> PlanService {
    let name = Decision::new("static-html".to_owned(), "index.html", Reason::PlainPages);
    bare(name, ServiceKind::Static { output_directory: output::of_plain_files(folder) })
}

/// The first entry that matches, with its name as a decision.
pub(super) fn first_match(folder: &Folder<'_>) -> Option<(&'static Framework, Decision<String>)> {
    // Entries that say `only_if` stand behind all others; the last of them, plain HTML, is not a framework.
    let ranked = |later: bool| catalog().frameworks.iter().filter(move |entry| entry.only_if.is_some() == later);
    ranked(false)
        .chain(ranked(true))
        .filter(|entry| entry.build_command.is_some())
        .filter(|entry| !entry.unless_dependency.iter().any(|name| folder.package.depends_on(name)))
        .find_map(|entry| {
            let shown = entry.detectors.iter().find_map(|detector| holds(folder, detector, None));
            let (source, reason) = shown.or_else(|| sites::also(folder, &entry.name))?;
            sites::may_be(folder, &entry.name, &source)
                .then(|| (entry, Decision::new(entry.name.clone(), source, reason)))
        })
}

/// Whether a condition holds: the file that shows it, and why.
fn holds(folder: &Folder<'_>, condition: &Condition, command: Option<&str>) -> Option<(String, Reason)> {
    let package = || "package.json".to_owned();
    if let Some(name) = &condition.dependency {
        let depends = || (package(), Reason::DependsOn { file: package(), dependency: name.clone() });
        return folder.package.depends_on(name).then(depends);
    }
    if let Some(name) = &condition.absent_dependency {
        let depends_not = || (package(), Reason::DependsNotOn { file: package(), dependency: name.clone() });
        return (!folder.package.depends_on(name)).then(depends_not);
    }
    if let Some(name) = &condition.file {
        let file = folder.file_saying(name, condition.matches.as_ref())?;
        let reason = match &condition.matches {
            Some(pattern) => Reason::FileSays { file: file.clone(), text: plainly(pattern.as_str()) },
            None => Reason::FileFound { file: file.clone() },
        };
        return Some((file, reason));
    }
    let script = condition.script.as_ref()?;
    let text = command.or_else(|| folder.package.script(script))?;
    let pattern = condition.matches.as_ref()?;
    let runs = || Reason::CommandRuns { script: script.clone(), program: plainly(pattern.as_str()) };
    pattern.is_match(text).then(|| (package(), runs()))
}

/// A pattern of the catalog as people would write what it matches.
fn plainly(pattern: &str) -> String {
    pattern.replace("(?i)", "").replace("(?m)^", "").replace("\\s*", " ").replace("['\\\"]", "'")
}

fn with_framework(
    folder: &Folder<'_>,
    wanted: &Wanted,
    framework: &'static Framework,
    mut name: Decision<String>,
) -> Result<PlanService, Failure> {
    let equipment = Equipment::node(folder, wanted)?;
    let manager = equipment.manager().unwrap_or(PackageManager::Npm);
    let build = build_command(folder, framework, manager);
    let line = wanted.build_line().unwrap_or(&build.value);
    let commands = Commands::of(line, &folder.package);
    let by_catalog = framework.static_when.iter().find_map(|condition| {
        let (source, reason) = holds(folder, condition, wanted.build_line())?;
        Some(Place { directory: condition.output_directory.clone()?, source, reason })
    });
    let mut warnings = Vec::new();
    let is_detected = wanted.output_directory.is_none();
    let beside = server::beside_site(folder, manager).filter(|_| is_detected);
    let kind = match (hybrid::outcome(folder, framework, &commands, by_catalog), beside) {
        (hybrid::Outcome::Server { start, hint }, _) if is_detected => {
            let script = server::start_script(folder, manager).filter(|_| !server::start_is_for_development(folder));
            let start = hybrid::start_command(framework, script, start);
            // What runs needs no other way.
            warnings.extend(hint.filter(|_| start.is_none()));
            ServiceKind::running(start)
        }
        (_, Some(server)) => {
            name = server.framework;
            ServiceKind::running(Some(server.start))
        }
        (hybrid::Outcome::Files(Some(place)), None) => {
            let (output_directory, warning) = output::of_place(folder, framework, &commands, &place);
            warnings.extend(warning.filter(|_| is_detected));
            ServiceKind::Static { output_directory }
        }
        _ => {
            let start = server::server_script(&folder.package);
            if let Some(start) = start.filter(|_| !server::start_is_for_development(folder)) {
                warnings.push(Reason::StartRunsServer { script: start.into() });
            }
            let (output_directory, warning) = output::of_framework(folder, framework, &commands);
            warnings.extend(warning.filter(|_| is_detected));
            ServiceKind::Static { output_directory }
        }
    };
    let mut service = equipment.equip(bare(name, kind));
    service.build_command = Some(build);
    service.warnings.extend(warnings);
    Ok(service)
}

/// The `build` script; a script that runs the framework, where `build` is for something else; the framework's program.
fn build_command(folder: &Folder<'_>, framework: &Framework, manager: PackageManager) -> Decision<String> {
    const NAMED: &[&str] =
        &["docs:build", "build:docs", "docs-build", "generate", "build:prod", "build-storybook", "export"];
    let usual = framework.build_command.as_deref().unwrap_or_default();
    let program = usual.split_whitespace().next().unwrap_or_default();
    let runs = |name: &str| {
        let commands = Commands::of(folder.package.script(name).unwrap_or_default(), &folder.package);
        commands.run(program) || programs_beside(&framework.name).iter().any(|program| commands.run(program))
    };
    let by_script = |name: &str, reason: Reason| Decision::new(run_script(manager, name), "package.json", reason);
    if framework.name == "nuxt"
        && hybrid::is_client_only_nuxt(folder)
        && !folder.package.script("build").is_some_and(|text| text.contains("generate"))
    {
        let reason = Reason::RendersInBrowser;
        return if runs("generate") {
            by_script("generate", reason)
        } else {
            Decision::new(super::run_program(manager, "nuxt generate"), "framework", reason)
        };
    }
    let has_script = folder.package.script("build").is_some();
    if has_script && runs("build") {
        return by_script("build", Reason::BuildScript);
    }
    if let Some(name) = NAMED.iter().find(|name| runs(name)) {
        return by_script(name, Reason::ScriptRuns { script: (*name).into(), program: program.into() });
    }
    if has_script {
        return by_script("build", Reason::BuildScript);
    }
    let command = match framework.name.as_str() {
        "parcel" if !folder.package.has_source => {
            let entry = ["index.html", "src/index.html", "public/index.html"].into_iter().find(|file| folder.has(file));
            entry.map_or_else(|| usual.to_owned(), |entry| format!("{usual} {entry}"))
        }
        "vitepress" if !folder.has_directory("docs") => "vitepress build".to_owned(),
        "vuepress" => {
            match ["docs", "src"].into_iter().find(|place| folder.has_directory(&format!("{place}/.vuepress"))) {
                Some(place) => format!("{usual} {place}"),
                None => usual.to_owned(),
            }
        }
        _ => usual.to_owned(),
    };
    let reason = Reason::NoBuildScript { framework: framework.name.clone() };
    Decision::new(super::run_program(manager, &command), "framework", reason)
}

/// Other programs that build a framework's projects.
fn programs_beside(framework: &str) -> &'static [&'static str] {
    match framework {
        "nuxt" => &["nuxi"],
        "storybook" => &["build-storybook"],
        "vuepress" => &["vuepress-vite", "vuepress-webpack"],
        _ => &[],
    }
}

/// A build script (or a command from the settings) without a framework that is known.
fn without_framework(folder: &Folder<'_>, wanted: &Wanted) -> Result<PlanService, Failure> {
    let serves = server::server_script(&folder.package).is_some() || server::has_web_process(folder);
    if serves
        && wanted.output_directory.is_none()
        && wanted.build_command.is_none()
        && let Some(server) = server::service(folder, wanted)?
    {
        return Ok(server);
    }
    let equipment = Equipment::node(folder, wanted)?;
    let manager = equipment.manager().unwrap_or(PackageManager::Npm);
    let name = match (folder.package.script("build"), &wanted.build_command) {
        (None, Some(command)) => Decision::new(
            "node".to_owned(),
            command.by.source(),
            match command.by {
                By::Settings => Reason::SetToCommand.into(),
                By::File { .. } => command.by.why(),
            },
        ),
        _ => Decision::new("node".to_owned(), "package.json", Reason::BuildScriptAlone),
    };
    let build = Decision::new(run_script(manager, "build"), "package.json", Reason::BuildScript);
    let line = wanted.build_line().unwrap_or(&build.value);
    let commands = Commands::of(line, &folder.package);
    let (output_directory, hint) =
        workspace::output(folder, &commands).unwrap_or_else(|| output::guessed(folder, &commands));
    let mut service = equipment.equip(bare(name, ServiceKind::Static { output_directory }));
    service.build_command = Some(build);
    service.warnings.extend(hint.filter(|_| wanted.output_directory.is_none()));
    Ok(service)
}

fn nothing(folder: &Folder<'_>) -> Failure {
    let place =
        if folder.root.is_empty() { "at the top of the repository".to_owned() } else { format!("in {}", folder.root) };
    let elsewhere: Vec<String> = folder.projects_below().into_iter().filter(|path| path != folder.root).collect();
    let hint = if elsewhere.is_empty() {
        "Set a build command and an output directory, or add an index.html.".to_owned()
    } else {
        let all = if elsewhere.len() > 1 { ", or name several as services in berth.toml" } else { "" };
        let names = elsewhere.join(", ");
        format!("Directories that look like projects: {names}. Set the root directory to one of them{all}.")
    };
    Failure::new(
        FailureCode::BadRepository,
        "nothing to build or publish was found",
        format!("There is no index.html and no package.json with a build script {place}. {hint}"),
    )
    .with_setting("rootDirectory")
}
