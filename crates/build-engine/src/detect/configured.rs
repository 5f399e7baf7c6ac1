//! Output directories that a framework's own configuration names.

use berth_model::Reason;
use serde_json::Value;

use super::command::Commands;
use super::config::{NamedPath, object_of, own_object, own_path, path_of, text_of, toml_value, yaml_value};
use super::folder::{Folder, join};
use super::output::{Written, written};

/// What the configuration of a framework says, if it says something.
pub(super) fn output(folder: &Folder<'_>, framework: &str, commands: &Commands) -> Option<Written> {
    match framework {
        "vite" => vite(folder, commands),
        "ionic-react" if folder.package.depends_on("react-scripts") => {
            let builds = Reason::BuildsInto { program: "react-scripts".into(), directory: "build".into() };
            written("build", "package.json", builds)
        }
        "ionic-react" => vite(folder, commands),
        "angular" => angular(folder),
        "vitepress" | "vuepress" => documentation(folder, framework, commands),
        "astro" => from_script(folder, &["astro.config.*"], "outDir"),
        "nextjs" => from_script(folder, &["next.config.*"], "distDir"),
        "vue-cli" => from_script(folder, &["vue.config.*"], "outputDir"),
        "gridsome" => from_script(folder, &["gridsome.config.*"], "outputDir"),
        "umi" => from_script(folder, &[".umirc.*", "config/config.*"], "outputPath"),
        "quasar" => from_script(folder, &["quasar.config.*"], "distDir").or_else(|| quasar(commands)),
        "observable-framework" => from_script(folder, &["observablehq.config.*"], "output"),
        "rsbuild" => rsbuild(folder),
        "eleventy" => eleventy(folder),
        "create-react-app" => create_react_app(folder, commands),
        "parcel" => parcel(folder),
        "hexo" => from_lines(folder, &["_config.yml", "_config.yaml"], |text| yaml_value(text, "public_dir")),
        "jekyll" => from_lines(folder, &["_config.yml", "_config.yaml"], |text| yaml_value(text, "destination")),
        "mkdocs" => from_lines(folder, &["mkdocs.yml", "mkdocs.yaml"], |text| yaml_value(text, "site_dir")),
        "mdbook" => mdbook(folder),
        "zola" => from_lines(folder, &["config.toml"], |text| toml_value(text, "", "output_dir")),
        "hugo" => hugo(folder),
        _ => None,
    }
}

fn sets(file: &str, key: &str) -> Reason {
    Reason::FileSets { file: file.into(), key: key.into() }
}

fn names_it(file: &str) -> Reason {
    Reason::FileNamesIt { file: file.into() }
}

/// A key of a configuration in JavaScript, relative to the project's directory.
fn from_script(folder: &Folder<'_>, files: &[&str], key: &str) -> Option<Written> {
    files.iter().flat_map(|file| folder.files_like(file)).find_map(|file| {
        let path = path_of(&folder.script_text(&file)?, key)?;
        written(&path.path, &file, sets(&file, key))
    })
}

fn from_lines(folder: &Folder<'_>, files: &[&str], value: impl Fn(&str) -> Option<String>) -> Option<Written> {
    files.iter().find_map(|file| {
        let directory = value(&folder.text(file)?)?;
        written(&directory, file, names_it(file))
    })
}

/// The directory that Vite takes for its own, relative to the project's: output directories are relative to it.
pub(super) fn vite_root(folder: &Folder<'_>, commands: &Commands) -> String {
    let argument = commands.arguments("vite build").find_map(|arguments| arguments.first());
    if let Some(argument) = argument.filter(|argument| !argument.starts_with('-') && !argument.starts_with('$')) {
        return argument.trim_start_matches("./").trim_end_matches('/').to_owned();
    }
    let text = folder.files_like("vite.config.*").into_iter().next().and_then(|file| folder.script_text(&file));
    let root = text.and_then(|text| own_path(&text, "root"));
    let root = root.map(|root| root.path).filter(|root| {
        super::config::normal_path(root)
            .is_some_and(|root| root.is_empty() || folder.checkout.has_directory(&folder.path(&root)))
    });
    root.unwrap_or_default().trim_start_matches("./").trim_end_matches('/').to_owned()
}

fn vite(folder: &Folder<'_>, commands: &Commands) -> Option<Written> {
    let root = vite_root(folder, commands);
    let file = folder.files_like("vite.config.*").into_iter().next();
    // Plugins have options of that name as well.
    let named = file.as_ref().and_then(|file| own_path(&own_object(&folder.script_text(file)?, "build")?, "outDir"));
    match (file, named) {
        (Some(file), Some(NamedPath { path, is_absolute })) => {
            let path = if is_absolute { path } else { join(&root, &path) };
            written(&path, &file, sets(&file, "outDir"))
        }
        (file, _) if !root.is_empty() => {
            let source = file.unwrap_or_else(|| "package.json".to_owned());
            written(&join(&root, "dist"), &source, Reason::ViteRoot { directory: root })
        }
        _ => None,
    }
}

fn rsbuild(folder: &Folder<'_>) -> Option<Written> {
    folder.files_like("rsbuild.config.*").into_iter().find_map(|file| {
        let text = folder.script_text(&file)?;
        let root = object_of(&text, "distPath").and_then(|paths| text_of(paths, "root"));
        written(&root.or_else(|| text_of(&text, "distPath"))?, &file, sets(&file, "distPath"))
    })
}

fn eleventy(folder: &Folder<'_>) -> Option<Written> {
    [".eleventy.js", "eleventy.config.*"].iter().flat_map(|file| folder.files_like(file)).find_map(|file| {
        let text = folder.script_text(&file)?;
        let called = text.split_once("setOutputDirectory(").and_then(|(_, rest)| path_of(&format!("x: {rest}"), "x"));
        let directory =
            called.map(|path| path.path).or_else(|| text_of(object_of(&text, "dir").unwrap_or(&text), "output"))?;
        written(&directory, &file, names_it(&file))
    })
}

fn create_react_app(folder: &Folder<'_>, commands: &Commands) -> Option<Written> {
    if let Some(directory) = commands.variable("BUILD_PATH") {
        return written(&directory, "package.json", Reason::CommandSets { variable: "BUILD_PATH".into() });
    }
    [".env.production", ".env"].into_iter().find_map(|file| {
        let text = folder.text(file)?;
        let line = text.lines().find_map(|line| line.trim().strip_prefix("BUILD_PATH="))?;
        written(line.trim_matches(['"', '\'']), file, sets(file, "BUILD_PATH"))
    })
}

fn parcel(folder: &Folder<'_>) -> Option<Written> {
    let directory = folder.package.target_directory.as_deref()?;
    written(directory, "package.json", Reason::TargetNamesIt)
}

fn quasar(commands: &Commands) -> Option<Written> {
    let mode = commands.option("quasar build", &["-m", "--mode"])?;
    (mode == "pwa").then(|| written("dist/pwa", "package.json", Reason::CommandHasMode { mode }))?
}

/// With one renderer it is the directory itself, with several the one of the pages below it.
fn mdbook(folder: &Folder<'_>) -> Option<Written> {
    let text = folder.text("book.toml")?;
    let named = toml_value(&text, "build", "build-dir");
    let mut renderers = text.lines().filter_map(|line| line.trim().strip_prefix("[output.")?.split(['.', ']']).next());
    if renderers.any(|name| name != "html") {
        let directory = join(named.as_deref().unwrap_or("book"), "html");
        return written(&directory, "book.toml", Reason::SeveralRenderers { file: "book.toml".into() });
    }
    written(&named?, "book.toml", names_it("book.toml"))
}

/// The configuration of Hugo is a file, or files in a directory.
fn hugo(folder: &Folder<'_>) -> Option<Written> {
    ["", "config/_default/"].iter().flat_map(|place| ["hugo", "config"].map(|name| format!("{place}{name}"))).find_map(
        |name| {
            let toml = |file: &str| toml_value(&folder.text(file)?, "", "publishDir");
            let yaml = |file: &str| yaml_value(&folder.text(file)?, "publishDir");
            let json = |file: &str| {
                let config: Value = serde_json::from_str(&folder.text(file)?).ok()?;
                config.get("publishDir")?.as_str().map(str::to_owned)
            };
            let files = ["toml", "yaml", "yml", "json"].map(|ending| format!("{name}.{ending}"));
            files.iter().find_map(|file| {
                let directory = if file.ends_with(".toml") {
                    toml(file)
                } else if file.ends_with(".json") {
                    json(file)
                } else {
                    yaml(file)
                };
                written(&directory?, file, sets(file, "publishDir"))
            })
        },
    )
}

/// `dist/<project>/browser`, unless `angular.json` says otherwise or is of a version before 17.
fn angular(folder: &Folder<'_>) -> Option<Written> {
    let (name, build) = angular_build(folder)?;
    let builder = build.get("builder").or_else(|| build.get("executor")).and_then(Value::as_str).unwrap_or_default();
    let (base, browser) = match build.get("options").and_then(|options| options.get("outputPath")) {
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
    written(&directory, "angular.json", Reason::AngularProject { name })
}

/// The project of `angular.json` that is built, with its build target.
pub(super) fn angular_build(folder: &Folder<'_>) -> Option<(String, Value)> {
    let workspace: Value = serde_json::from_str(&folder.text("angular.json")?).ok()?;
    let projects = workspace.get("projects")?.as_object()?;
    let default = workspace.get("defaultProject").and_then(Value::as_str);
    let application = |project: &Value| project.get("projectType").and_then(Value::as_str) == Some("application");
    let (name, project) = default
        .and_then(|name| projects.get_key_value(name))
        .or_else(|| projects.iter().find(|(_, project)| application(project)))
        .or_else(|| projects.iter().next())?;
    let build = project.get("architect").or_else(|| project.get("targets"))?.get("build")?;
    Some((name.clone(), build.clone()))
}

/// VitePress and VuePress build below the folder of their pages, which is an argument of the command.
fn documentation(folder: &Folder<'_>, name: &str, commands: &Commands) -> Option<Written> {
    let argument = ["", "-vite", "-webpack"].into_iter().find_map(|bundler| {
        let program = format!("{name}{bundler} build");
        commands.arguments(&program).find_map(|arguments| arguments.first()).cloned()
    });
    let argument = argument.filter(|word| !word.starts_with('-'));
    let pages = argument.unwrap_or_else(|| {
        let place = ["docs", "src", "doc", "documentation"]
            .into_iter()
            .find(|place| folder.checkout.has_directory(&folder.path(&format!("{place}/.{name}"))));
        let here = folder.checkout.has_directory(&folder.path(&format!(".{name}")));
        place.filter(|_| !here).unwrap_or_default().to_owned()
    });
    let pages = pages.trim_start_matches("./").trim_matches('/').to_owned();
    let key = if name == "vitepress" { "outDir" } else { "dest" };
    let config = join(&pages, &format!(".{name}/config.*"));
    let configured = folder.files_like(&config).into_iter().find_map(|file| {
        let path = path_of(&folder.script_text(&file)?, key)?;
        let beside_config = join(&pages, &format!(".{name}"));
        let from = match (path.is_absolute, name) {
            (true, _) => beside_config,
            (false, "vitepress") => pages.clone(),
            (false, _) => String::new(),
        };
        written(&join(&from, &path.path), &file, sets(&file, key))
    });
    configured.or_else(|| {
        let directory = join(&pages, &format!(".{name}/dist"));
        written(&directory, "framework", Reason::BelowPages { program: name.into() })
    })
}
