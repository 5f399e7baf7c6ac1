//! Where a build leaves its files.

use std::sync::LazyLock;

use berth_model::{Decision, OutputDir};
use regex::Regex;
use serde_json::Value;

use super::catalog::Framework;
use super::folder::{Folder, join};

/// A directory from the catalog or a configuration file.
pub(super) fn decided(directory: &str, source: &str, reason: &str) -> Decision<OutputDir> {
    // A path that leads outside says nothing about where the files are.
    Decision::new(OutputDir::parse(directory).unwrap_or_default(), source, reason)
}

/// Where a framework leaves its files, as far as its configuration shows.
pub(super) fn of_framework(folder: &Folder<'_>, framework: &Framework) -> Decision<OutputDir> {
    let usual = |directory: &str| decided(directory, "framework", &format!("the usual output of {}", framework.name));
    let configured = match framework.name.as_str() {
        "vite" => vite(folder),
        "angular" => angular(folder),
        "vitepress" | "vuepress" => documentation(folder, &framework.name),
        "ionic-react" if folder.package.depends_on("react-scripts") => {
            Some(decided("build", "package.json", "react-scripts builds into build"))
        }
        _ => None,
    };
    configured.unwrap_or_else(|| usual(&framework.output_directory))
}

/// A build that is not known may leave its files anywhere; `dist` is what most do.
pub(super) fn guessed() -> Decision<OutputDir> {
    decided("dist", "default", "most builds leave their files in dist")
}

/// The directory of a plain site: `public` or `dist` with a start page come before the project's own directory.
pub(super) fn plain_directory(folder: &Folder<'_>) -> Option<&'static str> {
    ["public", "dist", ""].into_iter().find(|directory| folder.has(&join(directory, "index.html")))
}

/// The same as a decision; without any start page it is the project's own directory.
pub(super) fn of_plain_files(folder: &Folder<'_>) -> Decision<OutputDir> {
    match plain_directory(folder) {
        Some("") => decided("", "index.html", "the index.html is here"),
        Some(directory) => decided(directory, &format!("{directory}/index.html"), "the index.html is there"),
        None => decided("", "default", "the project's own directory"),
    }
}

fn vite(folder: &Folder<'_>) -> Option<Decision<OutputDir>> {
    static OUT_DIR: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"(?m)^[^/\n]*\boutDir\s*:\s*['"`]([^'"`$]+)['"`]"#).ok());
    let file = folder.files_like("vite.config.*").into_iter().next()?;
    let text = folder.text(&file)?;
    let directory = OUT_DIR.as_ref()?.captures(&text)?.get(1)?.as_str().to_owned();
    let directory = OutputDir::parse(&directory).ok().filter(|directory| !directory.is_top())?;
    let reason = format!("{file} sets outDir");
    Some(Decision::new(directory, file, reason))
}

/// `dist/<project>/browser`, unless `angular.json` says otherwise or is of a version before 17.
fn angular(folder: &Folder<'_>) -> Option<Decision<OutputDir>> {
    let workspace: Value = serde_json::from_str(&folder.text("angular.json")?).ok()?;
    let projects = workspace.get("projects")?.as_object()?;
    let default = workspace.get("defaultProject").and_then(Value::as_str);
    let application = |project: &Value| project.get("projectType").and_then(Value::as_str) == Some("application");
    let (name, project) = default
        .and_then(|name| projects.get_key_value(name))
        .or_else(|| projects.iter().find(|(_, project)| application(project)))
        .or_else(|| projects.iter().next())?;
    let build = project.get("architect").or_else(|| project.get("targets"))?.get("build")?;
    let builder = build.get("builder").and_then(Value::as_str).unwrap_or_default();
    let path = build.get("options").and_then(|options| options.get("outputPath"));
    let (base, browser) = match path {
        Some(Value::String(base)) => (base.as_str(), "browser"),
        Some(Value::Object(path)) => (
            path.get("base").and_then(Value::as_str).unwrap_or_default(),
            path.get("browser").and_then(Value::as_str).unwrap_or("browser"),
        ),
        _ => ("", "browser"),
    };
    let base = if base.is_empty() { format!("dist/{name}") } else { base.to_owned() };
    // Only the newer builder makes a directory of its own for the browser's files.
    let directory = if builder.ends_with(":application") { join(&base, browser) } else { base };
    Some(decided(
        directory.trim_end_matches('/'),
        "angular.json",
        &format!("the project {name} of angular.json builds there"),
    ))
}

/// VitePress and VuePress build below the folder of their pages, which is an argument of the command.
fn documentation(folder: &Folder<'_>, name: &str) -> Option<Decision<OutputDir>> {
    let program = format!("{name} build");
    let scripts = ["build", "docs:build"].into_iter().filter_map(|script| folder.package.script(script));
    let argument = scripts.filter_map(|text| text.split_once(&program)).find_map(|(_, rest)| {
        let word = rest.split_whitespace().next()?;
        (!word.starts_with(['-', '&', '|', ';'])).then(|| word.to_owned())
    });
    let pages = argument.unwrap_or_else(|| {
        let in_docs = folder.checkout.has_directory(&folder.path(&format!("docs/.{name}")));
        if in_docs { "docs".to_owned() } else { String::new() }
    });
    let directory = join(pages.trim_start_matches("./").trim_end_matches('/'), &format!(".{name}/dist"));
    let reason = format!("{name} builds below the folder of its pages");
    Some(decided(&directory, "package.json", &reason))
}
