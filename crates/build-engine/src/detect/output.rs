//! Where a build leaves its files: the command line says it, else the configuration, else it is the framework's usual
//! place.

use berth_model::{Decision, OutputDir};

use super::catalog::Framework;
use super::command::Commands;
use super::config::{normal_path, path_of};
use super::configured;
use super::folder::{Folder, join};
use super::hybrid::Place;

/// Programs whose command line can name the output directory: the framework, its program, the options.
const OPTIONS: &[(&str, &str, &[&str])] = &[
    ("angular", "ng build", &["--output-path"]),
    ("astro", "astro build", &["--outDir"]),
    ("docusaurus", "docusaurus build", &["--out-dir"]),
    ("eleventy", "eleventy", &["--output"]),
    ("ember", "ember build", &["--output-path", "-o"]),
    ("ember", "ember b", &["--output-path", "-o"]),
    ("expo-web", "expo export", &["--output-dir"]),
    ("hugo", "hugo", &["--destination", "-d"]),
    ("jekyll", "jekyll build", &["--destination", "-d"]),
    ("mdbook", "mdbook build", &["--dest-dir", "-d"]),
    ("mkdocs", "mkdocs build", &["--site-dir", "-d"]),
    ("nextjs", "next export", &["--outdir", "-o"]),
    ("parcel", "parcel build", &["--dist-dir", "--out-dir", "-d"]),
    ("preact-cli", "preact build", &["--dest"]),
    ("rsbuild", "rsbuild build", &["--dist-path"]),
    ("storybook", "storybook build", &["--output-dir", "-o"]),
    ("storybook", "build-storybook", &["--output-dir", "-o"]),
    ("vitepress", "vitepress build", &["--outDir"]),
    ("vue-cli", "vue-cli-service build", &["--dest"]),
    ("vuepress", "vuepress build", &["--dest", "-d"]),
    ("zola", "zola build", &["--output-dir", "-o"]),
];

/// A directory from the catalog or a configuration file.
pub(super) fn decided(directory: &str, source: &str, reason: &str) -> Decision<OutputDir> {
    // A path that leads outside says nothing about where the files are.
    let directory = normal_path(directory).unwrap_or_default();
    Decision::new(OutputDir::parse(&directory).unwrap_or_default(), source, reason)
}

/// The same where a person wrote the path: `None` if it cannot be the place of the files.
pub(super) fn written(directory: &str, source: &str, reason: &str) -> Option<Decision<OutputDir>> {
    let directory = OutputDir::parse(&normal_path(directory)?).ok().filter(|directory| !directory.is_top())?;
    (!directory.as_str().contains('$')).then(|| Decision::new(directory, source, reason))
}

/// Where a framework leaves its files, as far as its command and its configuration show.
pub(super) fn of_framework(folder: &Folder<'_>, framework: &Framework, commands: &Commands) -> Decision<OutputDir> {
    let name = framework.name.as_str();
    by_option(folder, name, commands)
        .or_else(|| configured::output(folder, name, commands))
        .unwrap_or_else(|| decided(&framework.output_directory, "framework", &format!("the usual output of {name}")))
}

fn by_option(folder: &Folder<'_>, name: &str, commands: &Commands) -> Option<Decision<OutputDir>> {
    let uses_vite = || folder.package.depends_on("vite");
    let vite = ("vite", "vite build", ["--outDir"].as_slice());
    let options = OPTIONS.iter().filter(|(framework, ..)| *framework == name);
    let options = options.chain((name == "vite" || name == "ionic-react" && uses_vite()).then_some(&vite));
    options.into_iter().find_map(|(_, program, options)| {
        let directory = commands.option(program, options)?;
        let from = match name {
            "vite" => configured::vite_root(folder, commands),
            _ => String::new(),
        };
        written(&join(&from, &directory), "package.json", &format!("the build command names {directory}"))
    })
}

/// A build that is not known may leave its files anywhere; `dist` is what most do.
pub(super) fn guessed(folder: &Folder<'_>, commands: &Commands) -> Decision<OutputDir> {
    const BUNDLERS: &[(&str, &[&str])] =
        &[("webpack", &["--output-path", "-o"]), ("rollup", &["--dir", "-d"]), ("tsup", &["--out-dir", "-d"])];
    if let Some(decided) = beside_assets(folder, commands) {
        return decided;
    }
    let named = BUNDLERS.iter().find_map(|(program, options)| {
        let directory = commands.option(program, options)?;
        written(&directory, "package.json", &format!("the build command names {directory}"))
    });
    let configured = || {
        let file = folder.files_like("webpack.config.*").into_iter().next().filter(|_| commands.run("webpack"))?;
        let path = path_of(&folder.script_text(&file)?, "path")?;
        written(&path.path, &file, &format!("{file} sets path"))
    };
    let usual = || decided("dist", "default", "most builds leave their files in dist");
    named.or_else(configured).unwrap_or_else(usual)
}

/// Tools that make styles and scripts, but no page: the files are where the pages are.
fn beside_assets(folder: &Folder<'_>, commands: &Commands) -> Option<Decision<OutputDir>> {
    const ASSETS: &[&str] =
        &["esbuild", "tailwindcss", "sass", "lessc", "postcss", "tsc", "terser", "uglifyjs", "rollup"];
    const OTHERS: &[&str] = &["rm", "rimraf", "mkdir", "cp", "echo", "eslint", "prettier"];
    let (directory, file) = plain_directory(folder).filter(|(directory, _)| directory != "dist")?;
    let programs: Vec<&str> = commands.programs().collect();
    let makes_assets = programs.iter().any(|program| ASSETS.contains(program));
    let makes_no_more = programs.iter().all(|program| ASSETS.contains(program) || OTHERS.contains(program));
    let reason = "the build makes styles and scripts for the pages that are there";
    (makes_assets && makes_no_more).then(|| decided(&directory, file, reason))
}

/// The directory of a plain site, with the file that shows it: what a `Staticfile` names, else `public` or `dist` with
/// a start page, else the project's own directory with one.
pub(super) fn plain_directory(folder: &Folder<'_>) -> Option<(String, &'static str)> {
    let staticfile = folder.text("Staticfile").and_then(|text| super::config::yaml_value(&text, "root"));
    if let Some(directory) = staticfile.and_then(|directory| normal_path(&directory))
        && folder.checkout.has_directory(&folder.path(&directory))
    {
        return Some((directory, "Staticfile"));
    }
    let start_page = |directory: &&str| folder.has(&join(directory, "index.html"));
    let directory = ["public", "dist", ""].into_iter().find(start_page)?;
    Some((directory.to_owned(), "index.html"))
}

/// A directory that a plain site is often in, if exactly one of them has a start page.
pub(super) fn only_directory(folder: &Folder<'_>) -> Option<String> {
    const PLACES: &[&str] =
        &["docs", "site", "www", "web", "html", "src", "static", "htdocs", "public_html", "website"];
    let mut found = PLACES.iter().filter(|place| folder.has(&join(place, "index.html")));
    let first = found.next()?;
    found.next().is_none().then(|| (*first).to_owned())
}

/// The same as a decision; without any start page it is the project's own directory.
pub(super) fn of_plain_files(folder: &Folder<'_>) -> Decision<OutputDir> {
    match plain_directory(folder) {
        Some((directory, "Staticfile")) => decided(&directory, "Staticfile", "the Staticfile names it"),
        Some((directory, _)) if directory.is_empty() => decided("", "index.html", "the index.html is here"),
        Some((directory, _)) => decided(&directory, &format!("{directory}/index.html"), "the index.html is there"),
        None => match only_directory(folder) {
            Some(place) => decided(&place, &format!("{place}/index.html"), "the only index.html is there"),
            None => decided("", "default", "the project's own directory"),
        },
    }
}

/// Where a mode of the framework writes, unless the command line or the configuration names another place.
pub(super) fn of_place(
    folder: &Folder<'_>,
    framework: &Framework,
    commands: &Commands,
    place: &Place,
) -> Decision<OutputDir> {
    let elsewhere = by_option(folder, &framework.name, commands);
    elsewhere.unwrap_or_else(|| decided(&place.directory, &place.source, &place.reason))
}
