//! Where a build leaves its files: the command line says it, else the configuration, else it is the framework's usual
//! place.

use berth_model::{Decision, OutputDir, Reason};

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

/// Where a project says that its files are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// In the root directory.
    Inside(Decision<OutputDir>),
    /// Outside of it, as the path is written: nothing can be published from there.
    Outside(String),
}

/// A directory, with a warning where the build writes to another one.
pub(super) type Chosen = (Decision<OutputDir>, Option<Reason>);

/// A directory that is known: from the catalog, or found in the checkout.
pub(super) fn decided(directory: &str, source: &str, reason: Reason) -> Decision<OutputDir> {
    let directory = normal_path(directory).unwrap_or_default();
    Decision::new(OutputDir::parse(&directory).unwrap_or_default(), source, reason)
}

/// The same where a person wrote the path: `None` if it cannot be the place of the files.
pub(super) fn written(directory: &str, source: &str, reason: Reason) -> Option<Written> {
    if directory.contains('$') {
        return None;
    }
    let Some(inside) = normal_path(directory) else { return Some(Written::Outside(directory.to_owned())) };
    let inside = OutputDir::parse(&inside).ok().filter(|inside| !inside.is_top())?;
    Some(Written::Inside(Decision::new(inside, source, reason)))
}

impl Written {
    /// The directory to publish; `usual` is where the files are if nothing else is said.
    fn or_usual(this: Option<Self>, folder: &Folder<'_>, usual: impl FnOnce() -> Decision<OutputDir>) -> Chosen {
        match this {
            Some(Self::Inside(decision)) => (decision, None),
            Some(Self::Outside(path)) => (usual(), Some(outside(folder, &path))),
            None => (usual(), None),
        }
    }
}

/// What to do about a build that writes outside the root directory.
fn outside(folder: &Folder<'_>, path: &str) -> Reason {
    let target = normal_path(&folder.path(path)).filter(|target| !target.is_empty());
    // The nearest directory that holds both; what is above the project alone would publish its sources.
    let shared = target.as_ref().map(|target| {
        let both = target.split('/').zip(folder.root.split('/')).take_while(|(a, b)| a == b);
        both.map(|(part, _)| part).collect::<Vec<_>>().join("/")
    });
    match (target, shared) {
        (Some(target), Some(shared)) if target != shared => {
            let output = target[shared.len()..].trim_start_matches('/').to_owned();
            Reason::WritesOutside { path: path.into(), root: shared, output }
        }
        _ => Reason::WritesAbove { path: path.into() },
    }
}

/// Where a framework leaves its files, as far as its command and its configuration show.
pub(super) fn of_framework(folder: &Folder<'_>, framework: &Framework, commands: &Commands) -> Chosen {
    let name = framework.name.as_str();
    let named = by_option(folder, name, commands).or_else(|| configured::output(folder, name, commands));
    Written::or_usual(named, folder, || usual(folder, framework))
}

/// Where a framework leaves its files if nothing else is said.
fn usual(folder: &Folder<'_>, framework: &Framework) -> Decision<OutputDir> {
    let of_mode = framework.static_when.iter().find_map(|condition| condition.output_directory.as_deref());
    let directory = of_mode.unwrap_or(&framework.output_directory).to_owned();
    let project = || configured::angular_build(folder).map(|(name, _)| name).unwrap_or_default();
    let directory = match directory.contains("{project}") {
        true => directory.replace("{project}", &project()),
        false => directory,
    };
    decided(&directory, "framework", Reason::UsualOutput { framework: framework.name.clone() })
}

fn by_option(folder: &Folder<'_>, name: &str, commands: &Commands) -> Option<Written> {
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
        written(&join(&from, &directory), "package.json", Reason::CommandNames { directory })
    })
}

/// A build that is not known may leave its files anywhere; `dist` is what most do.
pub(super) fn guessed(folder: &Folder<'_>, commands: &Commands) -> Chosen {
    const BUNDLERS: &[(&str, &[&str])] =
        &[("webpack", &["--output-path", "-o"]), ("rollup", &["--dir", "-d"]), ("tsup", &["--out-dir", "-d"])];
    if let Some(decided) = beside_assets(folder, commands) {
        return (decided, None);
    }
    let named = BUNDLERS.iter().find_map(|(program, options)| {
        let directory = commands.option(program, options)?;
        written(&directory, "package.json", Reason::CommandNames { directory: directory.clone() })
    });
    let configured = || {
        let file = folder.files_like("webpack.config.*").into_iter().next().filter(|_| commands.run("webpack"))?;
        let path = path_of(&folder.script_text(&file)?, "path")?;
        written(&path.path, &file, Reason::FileSets { file: file.clone(), key: "path".into() })
    };
    Written::or_usual(named.or_else(configured), folder, most)
}

/// Where most builds leave their files.
pub(super) fn most() -> Decision<OutputDir> {
    decided("dist", "default", Reason::MostOutputs { directory: "dist".into() })
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
    (makes_assets && makes_no_more).then(|| decided(&directory, file, Reason::BesideAssets))
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
        Some((directory, "Staticfile")) => {
            decided(&directory, "Staticfile", Reason::TheFileNamesIt { file: "Staticfile".into() })
        }
        Some((directory, _)) if directory.is_empty() => decided("", "index.html", Reason::StartPageHere),
        Some((directory, _)) => decided(&directory, &format!("{directory}/index.html"), Reason::StartPageThere),
        None => match only_directory(folder) {
            Some(place) => decided(&place, &format!("{place}/index.html"), Reason::OnlyStartPageThere),
            None => decided("", "default", Reason::OwnDirectory),
        },
    }
}

/// Where a mode of the framework writes, unless the command line or the configuration names another place.
pub(super) fn of_place(folder: &Folder<'_>, framework: &Framework, commands: &Commands, place: &Place) -> Chosen {
    let named = by_option(folder, &framework.name, commands)
        .or_else(|| written(&place.directory, &place.source, place.reason.clone()));
    Written::or_usual(named, folder, || usual(folder, framework))
}
