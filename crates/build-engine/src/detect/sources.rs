//! The files that installing looks at: what the key of a project's dependencies is made of.

use berth_model::{PackageManager, PlanService};

use super::config::normal_path;
use super::folder::join;
use super::package_json::PackageJson;
use crate::Checkout;

/// What the dependencies of a plan are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sources {
    /// These files, sorted; whoever has equal ones can have the same packages.
    Files(Vec<String>),
    /// Installing looks at more than those: why.
    Everything(String),
}

/// The files that installing looks at.
pub(crate) fn sources(checkout: &Checkout, service: &PlanService) -> Sources {
    let manager = service.toolchain.as_ref().and_then(|toolchain| Some(toolchain.package_manager.as_ref()?.value));
    match manager.unwrap_or(PackageManager::Npm) {
        PackageManager::Npm
        | PackageManager::Pnpm
        | PackageManager::Yarn
        | PackageManager::YarnBerry
        | PackageManager::Bun => of_node(checkout, service),
        PackageManager::Pip
        | PackageManager::Uv
        | PackageManager::Poetry
        | PackageManager::Pdm
        | PackageManager::Pipenv => of_python(checkout, service),
        PackageManager::Bundler => of_ruby(checkout, service),
    }
}

fn of_python(checkout: &Checkout, service: &PlanService) -> Sources {
    let command = service.install_command.as_ref().map(|command| command.value.as_str()).unwrap_or_default();
    // `requirements/base.txt`, which a list may include, too.
    let names_directory = |text: &str| text.contains("requirements/");
    let plain_list = checkout.text(&join(service.install_directory.as_str(), "requirements.txt"));
    let has_directory = names_directory(command) || plain_list.is_some_and(|text| names_directory(&text));
    let is_read = |place: &str, name: &str| {
        let is_named = name.contains("requirements") || name.contains("constraints");
        let is_inside = has_directory && place.rsplit('/').next() == Some("requirements");
        name.ends_with(".txt") && (is_named || is_inside)
            || matches!(
                name,
                "pyproject.toml"
                    | "poetry.lock"
                    | "poetry.toml"
                    | "uv.lock"
                    | "uv.toml"
                    | "pdm.lock"
                    | "Pipfile"
                    | "Pipfile.lock"
                    | ".python-version"
                    | "pip.conf"
            )
    };
    let words: Vec<&str> = command.split_whitespace().collect();
    let is_plain = !command.contains(['$', '`', ';', '&', '|']);
    // Anything else may build the project itself, which needs all of it.
    let leaves_the_project = ["-r", "--no-root", "--no-install-project", "--no-self"];
    let leaves_it = words.contains(&"pipenv") || words.iter().any(|word| leaves_the_project.contains(word));
    if !is_plain || !leaves_it {
        return Sources::Everything("it may install the project itself".to_owned());
    }
    let files = named(checkout, service, is_read);
    let own = |line: &str| {
        let line = line.trim();
        line.starts_with(['.', '/'])
            || line.starts_with("-e")
            || line.starts_with("--editable")
            || line.contains("file:")
    };
    for path in files.iter().filter(|path| path.ends_with(".txt")) {
        if checkout.text(path).is_some_and(|text| text.lines().any(own)) {
            return Sources::Everything(format!("{path} names files of the project"));
        }
    }
    // As a list of packages it may name some that lie beside it: uv is told where in a table of its own.
    let project = checkout.text(&join(service.install_directory.as_str(), "pyproject.toml"));
    let names_own = project.is_some_and(|text| text.contains("[tool.uv") || text.contains("file:"));
    if words.contains(&"pyproject.toml") && names_own {
        return Sources::Everything("pyproject.toml may name files of the project".to_owned());
    }
    Sources::Files(files)
}

fn of_ruby(checkout: &Checkout, service: &PlanService) -> Sources {
    let is_read = |_: &str, name: &str| {
        name.starts_with("Gemfile") || name.ends_with(".gemspec") || matches!(name, ".ruby-version" | ".tool-versions")
    };
    let files = named(checkout, service, is_read);
    let own = |path: &String| {
        let text = checkout.text(path).unwrap_or_default();
        let is_own = |line: &str| {
            let line = line.trim_start();
            !line.starts_with('#')
                && ["gemspec", "path:", ":path", "eval_gemfile"].iter().any(|word| line.contains(word))
        };
        path.ends_with("Gemfile") && text.lines().any(is_own)
    };
    match files.iter().find(|path| own(path)) {
        Some(path) => Sources::Everything(format!("{path} names files of the project")),
        None => Sources::Files(files),
    }
}

/// The files that are read by their directory and name, where the install runs and below.
fn named(checkout: &Checkout, service: &PlanService, is_read: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let below = checkout.below(service.install_directory.as_str()).map(|(path, _)| path);
    let files = below.filter(|path| {
        let (place, name) = path.rsplit_once('/').unwrap_or(("", path));
        is_read(place, name) && !path.contains("node_modules/")
    });
    files.map(str::to_owned).collect()
}

fn of_node(checkout: &Checkout, service: &PlanService) -> Sources {
    let directory = service.install_directory.as_str();
    let packages: Vec<String> = checkout
        .below(directory)
        .map(|(path, _)| path)
        .filter(|path| path.rsplit('/').next() == Some("package.json") && !path.contains("node_modules/"))
        .map(str::to_owned)
        .collect();
    let mut programs = Vec::new();
    for path in &packages {
        let Some(package) = checkout.text(path).and_then(|text| PackageJson::parse(&text).ok()) else { continue };
        if let Some(why) = package.install_needs_sources() {
            return Sources::Everything(why);
        }
        // What a package of the workspace gives the others to run is linked only if it is there.
        if let Some(place) = path.strip_suffix("/package.json").filter(|place| *place != directory) {
            let named = package.programs.iter().filter_map(|file| normal_path(&format!("{place}/{file}")));
            programs.extend(named.filter(|path| checkout.has_file(path)));
            let directory = package.program_directory.and_then(|name| normal_path(&format!("{place}/{name}")));
            let below = directory.iter().flat_map(|directory| checkout.below(directory));
            programs.extend(below.map(|(path, _)| path.to_owned()));
        }
    }
    if !packages.contains(&join(directory, "package.json")) {
        return Sources::Everything("there is no package.json where it runs".to_owned());
    }
    // A command that the owner wrote may do anything.
    if let Some(command) =
        service.install_command.as_ref().filter(|command| matches!(command.source.as_str(), "settings" | "berth.toml"))
        && !is_plain_install(&command.value)
    {
        return Sources::Everything("the install command is the project's own".to_owned());
    }
    const FILES: &[&str] = &[
        "package-lock.json",
        "npm-shrinkwrap.json",
        "pnpm-lock.yaml",
        "yarn.lock",
        "bun.lock",
        "bun.lockb",
        ".npmrc",
        ".yarnrc",
        ".yarnrc.yml",
        ".pnpmfile.cjs",
        "pnpm-workspace.yaml",
        "bunfig.toml",
        ".nvmrc",
        ".node-version",
    ];
    const DIRECTORIES: &[&str] = &[".yarn", "patches"];
    let mut files = packages;
    files.extend(programs);
    files.extend(FILES.iter().map(|file| join(directory, file)).filter(|path| checkout.has_file(path)));
    for name in DIRECTORIES {
        files.extend(checkout.below(&join(directory, name)).map(|(path, _)| path.to_owned()));
    }
    files.sort();
    files.dedup();
    Sources::Files(files)
}

/// `npm ci`, `pnpm install --frozen-lockfile`, … with options, and nothing else in the command.
fn is_plain_install(command: &str) -> bool {
    let mut words = command.split_whitespace();
    let program = words.next().is_some_and(|word| matches!(word, "npm" | "pnpm" | "yarn" | "bun"));
    let verb = words.next().is_none_or(|word| matches!(word, "ci" | "i" | "install"));
    program && verb && words.all(|word| word.starts_with("--") && !word.contains(['$', '`', ';', '&', '|']))
}

#[cfg(test)]
mod tests {
    use berth_model::{Decision, Reason, Toolchain};

    use super::*;
    use crate::detect::{ProjectSettings, detect};

    /// What installing with another language's manager looks at.
    fn sources_with(manager: PackageManager, command: &str, files: &[(&str, &str)]) -> Sources {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            std::fs::write(folder.path().join(path), text).unwrap();
        }
        let checkout = Checkout::of_folder(folder.path()).unwrap();
        let settings = ProjectSettings { build_command: Some("x".to_owned()), ..ProjectSettings::default() };
        let empty = tempfile::tempdir().unwrap();
        let mut service = crate::detect::folder(empty.path(), &settings).unwrap().services.remove(0);
        service.install_command = Some(Decision::new(command.to_owned(), "x", Reason::Set));
        service.toolchain = Some(Toolchain {
            image: Decision::new("x".to_owned(), "x", Reason::Set),
            package_manager: Some(Decision::new(manager, "x", Reason::Set)),
            package_manager_version: None,
            tools: Vec::new(),
        });
        sources(&checkout, &service)
    }

    #[test]
    fn other_languages_look_at_their_own_files() {
        let files = |names: &[&str]| Sources::Files(names.iter().map(|name| (*name).to_owned()).collect());
        let python =
            [("requirements.txt", "mkdocs==1.6.1\n"), ("constraints.txt", ""), ("mkdocs.yml", ""), ("notes.txt", "")];
        let install = "pip install -r requirements.txt";
        assert_eq!(
            sources_with(PackageManager::Pip, install, &python),
            files(&["constraints.txt", "requirements.txt"])
        );
        for (command, requirements) in [("pip install .", ""), (install, "-e .\n"), (install, "./vendored\n")] {
            let found = sources_with(PackageManager::Pip, command, &[("requirements.txt", requirements)]);
            assert!(matches!(found, Sources::Everything(_)), "{command} {requirements}");
        }
        let ruby = [("Gemfile", "gem 'jekyll'\n# path: x"), ("Gemfile.lock", ""), ("_config.yml", "")];
        assert_eq!(sources_with(PackageManager::Bundler, "bundle install", &ruby), files(&["Gemfile", "Gemfile.lock"]));
        let own = sources_with(PackageManager::Bundler, "bundle install", &[("Gemfile", "gemspec\n")]);
        assert!(matches!(own, Sources::Everything(_)));
    }

    fn sources_of(files: &[(&str, &str)], install: Option<&str>) -> Sources {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let checkout = Checkout::of_folder(folder.path()).unwrap();
        let settings = ProjectSettings {
            install_command: install.map(str::to_owned),
            build_command: Some("x".to_owned()),
            ..ProjectSettings::default()
        };
        sources(&checkout, &detect(&checkout, &settings).unwrap().services[0])
    }

    #[test]
    fn lists_of_packages_may_lie_in_a_directory() {
        let files = |names: &[&str]| Sources::Files(names.iter().map(|name| (*name).to_owned()).collect());
        let (base, main) = (("requirements/base.txt", "httpx\n"), ("main.py", ""));
        let listed = [base, main, ("requirements/prod.txt", "-r base.txt\n"), ("data/notes.txt", "")];
        assert_eq!(sources_of(&listed, None), files(&["requirements/base.txt", "requirements/prod.txt"]));
        let included = [base, main, ("requirements.txt", "-r requirements/base.txt\n")];
        assert_eq!(sources_of(&included, None), files(&["requirements.txt", "requirements/base.txt"]));
        let project = "[project]\nname = \"x\"\ndependencies = [\"httpx\"]\n";
        assert_eq!(sources_of(&[main, ("pyproject.toml", project)], None), files(&["pyproject.toml"]));
        let own = format!("{project}[tool.uv.sources]\nhttpx = {{ path = \"vendor/httpx\" }}\n");
        let own = sources_of(&[main, ("pyproject.toml", own.as_str())], None);
        assert!(matches!(own, Sources::Everything(why) if why.contains("pyproject.toml")));
    }

    #[test]
    fn installing_looks_at_these_files_only() {
        let files = [
            ("package.json", r#"{"scripts":{"build":"x"},"dependencies":{"a":"1"},"workspaces":["packages/*"]}"#),
            ("package-lock.json", "{}"),
            (".npmrc", ""),
            (".yarn/releases/yarn.cjs", ""),
            ("patches/a.patch", ""),
            ("packages/ui/package.json", "{}"),
            ("packages/ui/index.js", ""),
            ("src/index.js", ""),
        ];
        let wanted = [
            ".npmrc",
            ".yarn/releases/yarn.cjs",
            "package-lock.json",
            "package.json",
            "packages/ui/package.json",
            "patches/a.patch",
        ];
        assert_eq!(sources_of(&files, None), Sources::Files(wanted.map(str::to_owned).to_vec()));
        assert!(matches!(sources_of(&files, Some("npm ci --legacy-peer-deps")), Sources::Files(_)));
        assert!(matches!(sources_of(&files, Some("npm ci && node setup.js")), Sources::Everything(_)));
        let without = sources_of(&[("build.sh", "")], Some("npm ci"));
        assert!(matches!(without, Sources::Everything(why) if why.contains("no package.json")));
        let programs = [
            files[0],
            ("packages/a/package.json", r#"{"bin":"./cli.js"}"#),
            ("packages/a/cli.js", ""),
            ("packages/b/package.json", r#"{"bin":{"b":"bin/b.js","c":"dist/c.js"}}"#),
            ("packages/b/bin/b.js", ""),
            ("packages/b/lib.js", ""),
        ];
        let wanted = [
            "package.json",
            "packages/a/cli.js",
            "packages/a/package.json",
            "packages/b/bin/b.js",
            "packages/b/package.json",
        ];
        assert_eq!(sources_of(&programs, None), Sources::Files(wanted.map(str::to_owned).to_vec()));
        let setup = r#"{"scripts":{"build":"x","postinstall":"node setup.js"},"dependencies":{"a":"1"}}"#;
        assert!(
            matches!(sources_of(&[("package.json", setup)], None), Sources::Everything(why) if why.contains("postinstall"))
        );
    }
}
