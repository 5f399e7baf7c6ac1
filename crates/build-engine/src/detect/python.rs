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
        Some(text) if text.contains("[project]") => {
            let groups = ["docs", "doc", "documentation"];
            let group =
                groups.into_iter().find(|name| toml_value(&text, "project.optional-dependencies", name).is_some());
            let has_packages = toml_value(&text, "project", "dependencies").is_some_and(|list| list != "[]");
            if group.is_none() && !has_packages {
                return None;
            }
            let what = group.map_or_else(|| ".".to_owned(), |name| format!("'.[{name}]'"));
            found(PackageManager::Pip, "pyproject.toml", &format!("pip install {what}"))
        }
        _ => None,
    }
}

fn requirements(folder: &Folder<'_>) -> Option<String> {
    let files = ["requirements.txt", "docs/requirements.txt", "requirements-docs.txt", "requirements/docs.txt"];
    let files: Vec<&str> = files.into_iter().filter(|file| folder.has(file)).collect();
    // The one for the documentation, where there are several.
    let says_mkdocs = |file: &&&str| folder.text(file).is_some_and(|text| text.contains("mkdocs"));
    let chosen = if folder.has("mkdocs.yml") { files.iter().find(says_mkdocs) } else { None };
    chosen.or(files.first()).map(|file| (*file).to_owned())
}

/// Everything that names packages, in lower case: enough to see whether one is among them.
pub(super) fn named_packages(folder: &Folder<'_>) -> String {
    let files = [
        "requirements.txt",
        "pyproject.toml",
        "Pipfile",
        "setup.py",
        "docs/requirements.txt",
        "requirements-docs.txt",
        "requirements/docs.txt",
    ];
    files.iter().filter_map(|file| folder.text(file)).collect::<Vec<_>>().join("\n").to_lowercase()
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
