//! Python: its version, what installs its packages, and what a site of MkDocs needs of them.

use berth_model::{Decision, PackageManager, Reason, Tool, ToolName};

use super::config::{toml_value, yaml_value};
use super::equipment::Equipment;
use super::folder::Folder;
use super::versions::{major_minor, managed, own_file};

/// What a project gets that names no version.
const DEFAULT: (u32, u32) = (3, 12);
/// Versions of which there are images, the preferred one first.
const VERSIONS: [(u32, u32); 6] = [(3, 12), (3, 13), (3, 14), (3, 11), (3, 10), (3, 9)];

/// What applications with several lists of packages call the one that they run with, the likeliest first, and then the
/// one that all others begin with.
const TO_RUN: [&str; 5] = [
    "requirements/prod.txt",
    "requirements/production.txt",
    "requirements-prod.txt",
    "requirements/base.txt",
    "requirements/requirements.txt",
];
/// What lists of packages for a project's documentation are called.
const OF_DOCS: [&str; 3] = ["docs/requirements.txt", "requirements-docs.txt", "requirements/docs.txt"];

/// The image of a version.
pub(super) fn image((major, minor): (u32, u32)) -> String {
    format!("python:{major}.{minor}-slim")
}

/// The image by `.python-version`, `runtime.txt`, `.tool-versions`, the Pipfile or `requires-python`.
fn chosen_image(folder: &Folder<'_>) -> Decision<String> {
    let named = own_file(folder, ".python-version")
        .or_else(|| own_file(folder, "runtime.txt"))
        .or_else(|| managed(folder, &["python"]));
    if let Some(named) = named
        && let Some(version) = major_minor(&named.text)
    {
        return Decision::new(image(version), named.file, named.says());
    }
    let pipfile = folder.text("Pipfile").and_then(|text| toml_value(&text, "requires", "python_version"));
    if let Some(version) = pipfile.as_deref().and_then(major_minor) {
        return Decision::new(image(version), "Pipfile", Reason::PipfileRequires);
    }
    let project = folder.text("pyproject.toml").unwrap_or_default();
    let range = toml_value(&project, "project", "requires-python")
        .or_else(|| toml_value(&project, "tool.poetry.dependencies", "python"));
    if let Some(range) = range
        && let Some(version) = VERSIONS.into_iter().find(|version| admits(&range, *version))
    {
        let asks = Reason::AsksFor { by: "pyproject.toml".into(), what: "Python".into(), version: range };
        return Decision::new(image(version), "pyproject.toml", asks);
    }
    let (major, minor) = DEFAULT;
    let reason = Reason::DefaultVersion { language: "Python".into(), version: format!("{major}.{minor}") };
    Decision::new(image(DEFAULT), "default", reason)
}

/// Whether a range like `>=3.10,<4` or `^3.11` admits a version.
fn admits(range: &str, version: (u32, u32)) -> bool {
    range.split(',').map(str::trim).filter(|part| !part.is_empty()).all(|part| {
        let number = part.trim_start_matches(['>', '<', '=', '~', '^', '!', ' ']);
        let Some(wanted) = major_minor(&format!("{number}.0")) else { return true };
        let operator = part[..part.len() - number.len()].trim();
        match operator {
            ">=" => version >= wanted,
            ">" => version > wanted || version == wanted && number.matches('.').count() > 1,
            "<" => version < wanted,
            "<=" => version <= wanted,
            "!=" => version != wanted || !number.ends_with('*'),
            "^" => version >= wanted && version.0 == wanted.0,
            "~=" if number.matches('.').count() < 2 => version >= wanted && version.0 == wanted.0,
            _ => version == wanted || !number.contains('.') && version.0 == wanted.0,
        }
    })
}

/// Python with the packages that the project names.
pub(super) fn equipment(folder: &Folder<'_>) -> Equipment {
    let mut equipment = Equipment::image(chosen_image(folder));
    let Some((manager, source, command)) = packages(folder) else { return equipment };
    let found = Reason::FileFound { file: source.clone() };
    equipment.toolchain.package_manager = Some(Decision::new(manager, &source, found));
    let installs = Reason::Installs { file: source.clone() };
    equipment.install_command = Some(Decision::new(command, source, installs));
    equipment.install_directory = folder.directory();
    equipment
}

/// What installs the packages, the file that shows it, and the command.
fn packages(folder: &Folder<'_>) -> Option<(PackageManager, String, String)> {
    let project = folder.text("pyproject.toml");
    let has_tool = |name: &str| project.as_ref().is_some_and(|text| text.contains(&format!("[tool.{name}")));
    let found = |manager, source: &str, command: &str| Some((manager, source.to_owned(), command.to_owned()));
    if folder.has("uv.lock") {
        return found(PackageManager::Uv, "uv.lock", "uv sync --locked");
    }
    if folder.has("poetry.lock") {
        return found(PackageManager::Poetry, "poetry.lock", "poetry install --no-interaction --no-root");
    }
    if folder.has("pdm.lock") {
        return found(PackageManager::Pdm, "pdm.lock", "pdm sync --no-self");
    }
    if folder.has("Pipfile.lock") {
        return found(PackageManager::Pipenv, "Pipfile.lock", "pipenv install --deploy");
    }
    if folder.has("Pipfile") {
        return found(PackageManager::Pipenv, "Pipfile", "pipenv install");
    }
    if let Some(file) = requirements(folder) {
        let command = format!("pip install -r {file}");
        return found(PackageManager::Pip, &file, &command);
    }
    match project {
        Some(_) if has_tool("poetry.dependencies") => {
            found(PackageManager::Poetry, "pyproject.toml", "poetry install --no-interaction --no-root")
        }
        Some(text) if names_packages(&text) => {
            let group = docs_group(&text);
            if is_bare(folder, &text) {
                let group = group.map(|name| format!(" --extra {name}")).unwrap_or_default();
                let command = format!("uv pip install --system -r pyproject.toml{group}");
                return found(PackageManager::Uv, "pyproject.toml", &command);
            }
            let what = group.map_or_else(|| ".".to_owned(), |name| format!("'.[{name}]'"));
            found(PackageManager::Pip, "pyproject.toml", &format!("pip install {what}"))
        }
        _ => None,
    }
}

/// Whether the table `[project]` of a `pyproject.toml` names packages.
fn names_packages(project: &str) -> bool {
    let names_some = || toml_value(project, "project", "dependencies").is_some_and(|list| list != "[]");
    project.contains("[project]") && (docs_group(project).is_some() || names_some())
}

/// The group of packages that its documentation is made with.
fn docs_group(project: &str) -> Option<&'static str> {
    let groups = ["docs", "doc", "documentation"];
    groups.into_iter().find(|name| toml_value(project, "project.optional-dependencies", name).is_some())
}

/// Whether a project only names packages, and nothing says that it is one itself. `pip install .` would make one of it
/// all the same, which fails where it has several directories beside each other ("Multiple top-level packages
/// discovered in a flat-layout"). Documentation may import what it is about, so there it is installed.
fn is_bare(folder: &Folder<'_>, project: &str) -> bool {
    const OF_A_PACKAGE: &[&str] =
        &["[build-system]", "[project.scripts]", "[project.gui-scripts]", "[project.entry-points", "[tool.setuptools"];
    let says_how = OF_A_PACKAGE.iter().any(|table| project.contains(table))
        || folder.has("setup.py")
        || folder.text("setup.cfg").is_some_and(|text| text.contains("[options"));
    // What lies in `src` is found without being told, and imported by its name only where it is installed.
    !says_how && !folder.has_directory("src") && !has_mkdocs(folder)
}

/// Whether it is a site of MkDocs.
fn has_mkdocs(folder: &Folder<'_>) -> bool {
    folder.has("mkdocs.yml") || folder.has("mkdocs.yaml")
}

/// The first list of packages: the plain one, one that the application runs with, or the documentation's.
fn requirements(folder: &Folder<'_>) -> Option<String> {
    let to_run = lists_to_run(folder);
    let files = ["requirements.txt"].into_iter().chain(OF_DOCS).filter(|file| folder.has(file));
    let files: Vec<&str> = to_run.into_iter().chain(files).collect();
    // The one for the documentation, where there are several.
    let says_mkdocs = |file: &&&str| folder.text(file).is_some_and(|text| text.contains("mkdocs"));
    let chosen = if folder.has("mkdocs.yml") { files.iter().find(says_mkdocs) } else { None };
    chosen.or(files.first()).map(|file| (*file).to_owned())
}

/// The lists of [`TO_RUN`] that are there, where no other file says what an application runs with.
pub(super) fn lists_to_run(folder: &Folder<'_>) -> Vec<&'static str> {
    const OTHERS: [&str; 6] = ["requirements.txt", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "Pipfile"];
    let in_project = |text: String| names_packages(&text) || text.contains("[tool.poetry.dependencies");
    let is_said = OTHERS.into_iter().any(|file| folder.has(file))
        || folder.text("pyproject.toml").is_some_and(in_project)
        || has_mkdocs(folder);
    if is_said {
        return Vec::new();
    }
    TO_RUN.into_iter().filter(|file| folder.has(file)).collect()
}

/// Everything that names packages, in lower case: enough to see whether one is among them.
pub(super) fn named_packages(folder: &Folder<'_>) -> String {
    let files = ["requirements.txt", "pyproject.toml", "Pipfile", "setup.py"].into_iter().chain(OF_DOCS);
    let files = files.chain(lists_to_run(folder));
    files.filter_map(|file| folder.text(file)).collect::<Vec<_>>().join("\n").to_lowercase()
}

/// Themes that are there in a site of MkDocs without packages.
pub(super) const THEMES: &[&str] = &["mkdocs", "readthedocs", "material"];

/// Whether a file of the project names MkDocs.
pub(super) fn names_mkdocs(folder: &Folder<'_>) -> bool {
    named_packages(folder).contains("mkdocs")
}

/// The theme of a site of MkDocs: `theme: x`, or `name: x` below it.
pub(super) fn theme(folder: &Folder<'_>) -> Option<String> {
    let text = folder.text("mkdocs.yml").or_else(|| folder.text("mkdocs.yaml"))?;
    if let Some(theme) = yaml_value(&text, "theme") {
        return Some(theme);
    }
    let below = text.lines().skip_while(|line| !line.starts_with("theme:")).skip(1);
    let below = below.take_while(|line| line.starts_with([' ', '#']) || line.trim().is_empty());
    yaml_value(&below.map(str::trim).collect::<Vec<_>>().join("\n"), "name").filter(|name| name != "null")
}

/// MkDocs, from the project's requirements, or brought along.
pub(super) fn for_mkdocs(folder: &Folder<'_>) -> Equipment {
    if names_mkdocs(folder) {
        return equipment(folder);
    }
    let tool = Tool { name: ToolName::Mkdocs, version: None };
    equipment(folder).with_tool(Decision::new(tool, "default", Reason::NoFileNames { name: "mkdocs".into() }))
}
