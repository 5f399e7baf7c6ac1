//! Which framework a project uses, how it builds, and whether that leaves files or a server.

use berth_model::{Decision, Failure, FailureCode, OutputDir, PackageManager};

use super::catalog::{Condition, Framework, Kind, catalog};
use super::folder::Folder;
use super::{ProjectSettings, output, run_program, run_script};

/// What there is to do.
pub(super) enum Outcome {
    /// Publish the files as they are.
    Files,
    /// Build.
    Build(Choice),
    /// Nothing that Berth could publish.
    Server(Server),
}

/// How a project builds.
pub(super) struct Choice {
    pub(super) name: Decision<String>,
    pub(super) build: Build,
    pub(super) output: Decision<OutputDir>,
    pub(super) warning: Option<String>,
}

/// A server application.
pub(super) struct Server {
    pub(super) framework: Decision<String>,
    pub(super) start_command: Option<Decision<String>>,
}

/// The detected build command, before the package manager is known.
pub(super) enum Build {
    /// A script of `package.json`.
    Script { name: String, reason: String },
    /// The framework's own program.
    Program { command: String, framework: String },
}

impl Build {
    pub(super) fn command(&self, manager: PackageManager) -> Decision<String> {
        match self {
            Self::Script { name, reason } => Decision::new(run_script(manager, name), "package.json", reason),
            Self::Program { command, framework } => {
                let reason = format!("package.json has no build script; {framework} builds with it");
                Decision::new(run_program(manager, command), "framework", reason)
            }
        }
    }
}

/// Decides what there is to do.
pub(super) fn choose(folder: &Folder<'_>, settings: &ProjectSettings) -> Result<Outcome, Failure> {
    let script = folder.package.script("build").map(str::to_owned);
    if let Some((framework, source, reason)) = first_match(folder) {
        let is_node = framework.detectors.iter().any(|detector| detector.dependency.is_some());
        let commanded = script.is_some() || settings.build_command.is_some();
        if is_node || folder.has("package.json") && commanded {
            return Ok(with_framework(folder, settings, framework, source, reason));
        }
        return Err(not_node(framework, &source));
    }
    if script.is_some() || settings.build_command.is_some() {
        return Ok(without_framework(folder, settings, script.as_deref()));
    }
    if settings.output_directory.is_some() || output::plain_directory(folder).is_some() {
        return Ok(Outcome::Files);
    }
    server(folder).map(Outcome::Server).ok_or_else(|| nothing(folder))
}

/// The first entry that matches, with the file that shows it and why.
fn first_match(folder: &Folder<'_>) -> Option<(&'static Framework, String, String)> {
    // Entries that say `only_if` stand behind all others; the last of them, plain HTML, is not a framework.
    let ranked = |later: bool| catalog().frameworks.iter().filter(move |entry| entry.only_if.is_some() == later);
    ranked(false)
        .chain(ranked(true))
        .filter(|entry| entry.build_command.is_some())
        .filter(|entry| !entry.unless_dependency.iter().any(|name| folder.package.depends_on(name)))
        .find_map(|entry| {
            let (source, reason) = entry.detectors.iter().find_map(|detector| holds(folder, detector, None))?;
            Some((entry, source, reason))
        })
}

/// Whether a condition holds: the file that shows it, and why.
fn holds(folder: &Folder<'_>, condition: &Condition, command: Option<&str>) -> Option<(String, String)> {
    let package = || "package.json".to_owned();
    if let Some(name) = &condition.dependency {
        return folder.package.depends_on(name).then(|| (package(), format!("package.json depends on {name}")));
    }
    if let Some(name) = &condition.absent_dependency {
        let absent = !folder.package.depends_on(name);
        return absent.then(|| (package(), format!("package.json does not depend on {name}")));
    }
    if let Some(name) = &condition.file {
        let file = folder.file_saying(name, condition.matches.as_ref())?;
        let reason = match &condition.matches {
            Some(pattern) => format!("{file} says {}", plainly(pattern.as_str())),
            None => format!("there is a {file}"),
        };
        return Some((file, reason));
    }
    let script = condition.script.as_ref()?;
    let text = command.or_else(|| folder.package.script(script))?;
    let pattern = condition.matches.as_ref()?;
    pattern.is_match(text).then(|| (package(), format!("the {script} command runs {}", plainly(pattern.as_str()))))
}

/// A pattern of the catalog as people would write what it matches.
fn plainly(pattern: &str) -> String {
    pattern.replace("(?i)", "").replace("(?m)^", "").replace("\\s*", " ").replace("['\\\"]", "'")
}

fn with_framework(
    folder: &Folder<'_>,
    settings: &ProjectSettings,
    framework: &'static Framework,
    source: String,
    reason: String,
) -> Outcome {
    let command = settings.build_command.as_deref();
    let name = Decision::new(framework.name.clone(), source, reason);
    let is_static = framework.static_when.iter().find_map(|condition| {
        let (source, reason) = holds(folder, condition, command)?;
        Some((condition.output_directory.as_deref(), source, reason))
    });
    let mut warning = None;
    let output = match (framework.kind, is_static) {
        (Kind::Hybrid, Some((Some(directory), source, reason))) => output::decided(directory, &source, &reason),
        (Kind::Hybrid, None) if settings.output_directory.is_none() => {
            let start = start_script(folder).filter(|_| folder.package.script("start").is_some_and(is_server));
            let usual = framework.start_command.as_ref().map(|command| {
                Decision::new(command.clone(), "framework", format!("{} serves what it built with it", framework.name))
            });
            if start.is_some() || usual.is_some() {
                return Outcome::Server(Server { framework: name, start_command: start.or(usual) });
            }
            warning = Some(format!(
                "{} can make a server or files; its files are published, and what needs the server will not work",
                framework.name
            ));
            output::of_framework(folder, framework)
        }
        _ => output::of_framework(folder, framework),
    };
    Outcome::Build(Choice { name, build: build_of(folder, framework), output, warning })
}

/// The `build` script, else a script that runs the framework's build, else the framework's program.
fn build_of(folder: &Folder<'_>, framework: &Framework) -> Build {
    if folder.package.script("build").is_some() {
        return Build::Script { name: "build".to_owned(), reason: "package.json has a build script".to_owned() };
    }
    let command = framework.build_command.clone().unwrap_or_default();
    let program: Vec<&str> = command.split_whitespace().take(2).collect();
    let program = program.join(" ");
    let named = ["docs:build", "build:docs", "generate", "build:prod", "build-storybook", "export"];
    let script = named.into_iter().find(|name| folder.package.script(name).is_some_and(|text| text.contains(&program)));
    match script {
        Some(name) => Build::Script { name: name.to_owned(), reason: format!("the script {name} runs {program}") },
        None => Build::Program { command, framework: framework.name.clone() },
    }
}

/// A build script (or a command from the settings) without a framework that is known.
fn without_framework(folder: &Folder<'_>, settings: &ProjectSettings, script: Option<&str>) -> Outcome {
    let serves = folder.package.script("start").is_some_and(is_server);
    if serves && settings.output_directory.is_none() && settings.build_command.is_none() {
        let framework = Decision::new("node".to_owned(), "package.json", "package.json has a start script");
        return Outcome::Server(Server { framework, start_command: start_script(folder) });
    }
    let (source, reason) = match script {
        Some(_) => ("package.json", "package.json has a build script, and no framework that is known"),
        None => ("settings", "the project is set to a build command, and there is no framework that is known"),
    };
    Outcome::Build(Choice {
        name: Decision::new("node".to_owned(), source, reason),
        build: Build::Script { name: "build".to_owned(), reason: "package.json has a build script".to_owned() },
        output: output::guessed(),
        warning: None,
    })
}

/// Whether a start script keeps a server running, rather than a framework's development server.
fn is_server(start: &str) -> bool {
    const RUNNERS: &[&str] =
        &["node", "nodemon", "ts-node", "tsx", "pm2", "bun", "deno", "npm", "pnpm", "yarn", "nest", "fastify", "vinxi"];
    let words = start.split(['&', ';', '|']).flat_map(|part| {
        // Variables in front of a command are not the command.
        part.split_whitespace().find(|word| !word.contains('=') && *word != "cross-env")
    });
    words.into_iter().any(|word| RUNNERS.contains(&word))
}

/// The command that runs the start script.
fn start_script(folder: &Folder<'_>) -> Option<Decision<String>> {
    let script = folder.package.script("start")?;
    Some(Decision::new("npm start".to_owned(), "package.json", format!("the start script is {script}")))
}

/// What shows that this is a server.
fn server(folder: &Folder<'_>) -> Option<Server> {
    if let Some(start) = start_script(folder) {
        let framework = Decision::new("node".to_owned(), "package.json", "package.json has a start script");
        return Some(Server { framework, start_command: Some(start) });
    }
    const LANGUAGES: &[(&str, &str)] = &[
        ("requirements.txt", "python"),
        ("pyproject.toml", "python"),
        ("manage.py", "python"),
        ("go.mod", "go"),
        ("Cargo.toml", "rust"),
        ("composer.json", "php"),
        ("Gemfile", "ruby"),
        ("pom.xml", "java"),
        ("build.gradle", "java"),
        ("mix.exs", "elixir"),
        ("deno.json", "deno"),
        ("Dockerfile", "dockerfile"),
        ("Procfile", "process"),
    ];
    let (file, language) = LANGUAGES.iter().find(|(file, _)| folder.has(file))?;
    let framework = Decision::new((*language).to_owned(), *file, format!("there is a {file}"));
    let procfile = folder.text("Procfile").unwrap_or_default();
    let web = procfile.lines().find_map(|line| line.strip_prefix("web:"));
    let start_command = web.map(|line| Decision::new(line.trim().to_owned(), "Procfile", "the Procfile names it"));
    Some(Server { framework, start_command })
}

/// What a server application runs, in the fewest words.
pub(super) fn serves(folder: &Folder<'_>, framework: &Decision<String>, start: Option<&Decision<String>>) -> String {
    let known = catalog().frameworks.iter().find(|entry| entry.name == framework.value);
    if let Some(command) = known.and_then(|entry| entry.start_command.as_ref()) {
        return command.clone();
    }
    match (start, folder.package.script("start")) {
        (Some(start), Some(script)) if start.source == "package.json" => format!("{}: {script}", start.value),
        (Some(start), _) if start.source == "Procfile" => format!("Procfile: {}", start.value),
        (Some(start), _) => start.value.clone(),
        (None, _) if framework.value == "dockerfile" => "Dockerfile".to_owned(),
        (None, _) => format!("{}, by its {}", framework.value, framework.source),
    }
}

fn not_node(framework: &Framework, source: &str) -> Failure {
    Failure::new(
        FailureCode::BadRepository,
        format!("{} sites are not built yet", framework.name),
        format!(
            "{source} shows a {} site; Berth builds Node projects and publishes plain files for now. Commit the built \
             files, set the build command to nothing and the output directory to {}.",
            framework.name, framework.output_directory
        ),
    )
    .with_setting("buildCommand")
}

fn nothing(folder: &Folder<'_>) -> Failure {
    let place =
        if folder.root.is_empty() { "at the top of the repository".to_owned() } else { format!("in {}", folder.root) };
    let elsewhere: Vec<String> = folder.projects_below().into_iter().filter(|path| path != folder.root).collect();
    let hint = if elsewhere.is_empty() {
        "Set a build command and an output directory, or add an index.html.".to_owned()
    } else {
        format!("Directories that look like projects: {}. Set the root directory to one of them.", elsewhere.join(", "))
    };
    Failure::new(
        FailureCode::BadRepository,
        "nothing to build or publish was found",
        format!("There is no index.html and no package.json with a build script {place}. {hint}"),
    )
    .with_setting("rootDirectory")
}
