//! The files that installing looks at: what the key of a project's dependencies is made of.

use berth_model::PlanService;

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
    let directory = service.install_directory.as_str();
    let packages: Vec<String> = checkout
        .below(directory)
        .map(|(path, _)| path)
        .filter(|path| path.rsplit('/').next() == Some("package.json") && !path.contains("node_modules/"))
        .map(str::to_owned)
        .collect();
    for path in &packages {
        let package = checkout.text(path).and_then(|text| PackageJson::parse(&text).ok());
        if let Some(why) = package.and_then(|package| package.install_needs_sources()) {
            return Sources::Everything(why);
        }
    }
    if !packages.contains(&join(directory, "package.json")) {
        return Sources::Everything("there is no package.json where it runs".to_owned());
    }
    // A command that the owner wrote may do anything.
    if let Some(command) = service.install_command.as_ref().filter(|command| command.source == "settings")
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
    use super::*;
    use crate::detect::{ProjectSettings, detect};

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
        let setup = r#"{"scripts":{"build":"x","postinstall":"node setup.js"},"dependencies":{"a":"1"}}"#;
        assert!(
            matches!(sources_of(&[("package.json", setup)], None), Sources::Everything(why) if why.contains("postinstall"))
        );
    }
}
