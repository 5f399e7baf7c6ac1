//! Which version of a language, and which package manager.

use super::detected;

#[test]
fn node_by_the_strongest_file() {
    let image = |files: &[(&str, &str)]| {
        let package = r#"{"scripts":{"build":"x"},"engines":{"node":"18"},"volta":{"node":"20.1.0"}}"#;
        let files: Vec<_> = files.iter().copied().chain([("package.json", package)]).collect();
        let image = detected(&files).toolchain.unwrap().image;
        format!("{} by {}", image.value, image.source)
    };
    assert_eq!(image(&[(".nvmrc", "lts/*\n"), (".node-version", "18")]), "node:22-slim by .nvmrc");
    assert_eq!(image(&[(".nvmrc", "v20"), (".node-version", "18")]), "node:20-slim by .nvmrc");
    assert_eq!(
        image(&[(".node-version", "24.1.0\n"), (".tool-versions", "nodejs 18.0.0")]),
        "node:24-slim by .node-version"
    );
    assert_eq!(image(&[(".tool-versions", "ruby 3.3.0\nnodejs 24.0.0\n")]), "node:24-slim by .tool-versions");
    assert_eq!(image(&[("mise.toml", "[tools]\nnode = \"24\"\n")]), "node:24-slim by mise.toml");
    assert_eq!(image(&[]), "node:20-slim by package.json");
}

#[test]
fn engines_of_the_workspace_hold_for_its_packages() {
    let settings = super::ProjectSettings {
        root_directory: Some(super::RootDir::parse("apps/web").unwrap()),
        ..super::ProjectSettings::default()
    };
    let files = [
        ("package.json", r#"{"workspaces":["apps/*"],"engines":{"node":"^20"}}"#),
        ("apps/web/package.json", r#"{"scripts":{"build":"x"}}"#),
    ];
    let service = super::plan(&files, &settings).unwrap().services.remove(0);
    assert_eq!(service.toolchain.unwrap().image.value, "node:20-slim");
}

#[test]
fn versions_of_managers_and_of_hugo() {
    let version = |more: &str, lockfile: &str| {
        let package = format!(r#"{{"scripts":{{"build":"x"}},"dependencies":{{"a":"1"}}{more}}}"#);
        let files = [("package.json", package.as_str()), ("pnpm-lock.yaml", lockfile)];
        detected(&files).toolchain.unwrap().package_manager_version
    };
    let newest = "lockfileVersion: '9.0'\n";
    assert_eq!(version(r#","engines":{"pnpm":"^9"}"#, newest).as_deref(), Some("9"));
    assert_eq!(version(r#","engines":{"pnpm":"<10"}"#, newest).as_deref(), Some("9"));
    assert_eq!(version(r#","engines":{"pnpm":"9.15.4"}"#, newest).as_deref(), Some("9.15.4"));
    assert_eq!(version(r#","volta":{"pnpm":"8.15.1"}"#, newest).as_deref(), Some("8.15.1"));
    let yarn = |volta: &str| {
        let package =
            format!(r#"{{"scripts":{{"build":"x"}},"dependencies":{{"a":"1"}},"volta":{{"yarn":"{volta}"}}}}"#);
        let files = [("package.json", package.as_str()), ("yarn.lock", "# yarn lockfile v1\n")];
        detected(&files).toolchain.unwrap().package_manager_version
    };
    assert_eq!((yarn("1.22.19").as_deref(), yarn("4.1.0")), (Some("1.22.19"), None));
    // What the lockfile or the default asks for is good enough.
    assert_eq!(version(r#","engines":{"pnpm":">=9"}"#, newest), None);
    assert_eq!(version(r#","engines":{"pnpm":">=7 <10"}"#, "lockfileVersion: '6.0'\n"), None);
    let hugo = |text: &str| {
        let tools = detected(&[("hugo.toml", ""), (".hugo-version", text)]).toolchain.unwrap().tools;
        tools[0].value.version.clone()
    };
    assert_eq!(hugo("0.128\n").as_deref(), Some("0.128.0"));
    assert_eq!(hugo("v0.150.1").as_deref(), Some("0.150.1"));
    assert_eq!(hugo("newest"), None);
}

#[test]
fn managers_without_a_lockfile() {
    let manager = |package: &str, file: &str| {
        let manager = detected(&[("package.json", package), (file, "")]).toolchain.unwrap().package_manager.unwrap();
        format!("{:?} by {}", manager.value, manager.source)
    };
    let with = |more: &str| format!(r#"{{"scripts":{{"build":"x"}},"dependencies":{{"a":"1"}}{more}}}"#);
    assert_eq!(manager(&with(r#","engines":{"pnpm":">=9"}"#), "x"), "Pnpm by package.json");
    assert_eq!(manager(&with(r#","volta":{"yarn":"1.22.19"}"#), "x"), "Yarn by package.json");
    assert_eq!(manager(&with(""), "pnpm-workspace.yaml"), "Pnpm by pnpm-workspace.yaml");
    assert_eq!(manager(&with(""), ".yarnrc.yml"), "YarnBerry by .yarnrc.yml");
    assert_eq!(manager(&with(""), "bunfig.toml"), "Bun by bunfig.toml");
    assert_eq!(manager(r#"{"scripts":{"build":"bun build.ts"}}"#, "x"), "Bun by package.json");
    assert_eq!(manager(&with(""), "x"), "Npm by default");
}
