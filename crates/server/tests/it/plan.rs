//! `berth plan`: what it prints for folders, and that the Dockerfile it writes builds.

use std::path::Path;
use std::process::{Command, Output};

use crate::cli::{berth, said};

/// A folder of files, given as path and text.
fn folder_of(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn plan(folder: &Path, options: &[&str]) -> Output {
    let folder = folder.display().to_string();
    berth(&[&["plan", &folder], options].concat(), &[]).output().unwrap()
}

const VITE: &str = r#"{"scripts":{"build":"vite build"},"devDependencies":{"vite":"^7.0.0"}}"#;

#[test]
fn a_plan_is_printed_with_its_reasons() {
    let folder =
        folder_of(&[("package.json", VITE), ("package-lock.json", "{}"), ("index.html", ""), (".nvmrc", "22")]);
    let output = plan(folder.path(), &[]);
    assert!(output.status.success());
    insta::assert_snapshot!(said(&output), @"
    framework: vite (package.json: package.json depends on vite)
    image: node:22-slim (.nvmrc: .nvmrc says 22)
    packages: npm (package-lock.json: there is a package-lock.json)
    install: npm ci in / (package-lock.json: installs exactly what package-lock.json names)
    build: npm run build (package.json: package.json has a build script)
    output: /dist (framework: the usual output of vite)
    ");
}

#[test]
fn a_server_is_planned_and_one_that_nothing_starts_is_said() {
    let folder = folder_of(&[("requirements.txt", "fastapi\n"), ("main.py", "import fastapi\n")]);
    let output = plan(folder.path(), &[]);
    assert!(output.status.success(), "it is understood, which is what was asked");
    let text = said(&output);
    assert!(text.contains("start: uvicorn main:app"), "{text}");
    assert!(!text.contains("no image is known"), "{text}");

    let folder = folder_of(&[("Package.swift", "")]);
    let output = plan(folder.path(), &[]);
    assert!(output.status.success(), "it is understood, which is what was asked");
    let text = said(&output);
    assert!(text.contains("no image is known that runs this application (swift)"), "{text}");
}

#[test]
fn json_is_what_the_api_has() {
    let folder = folder_of(&[("apps/web/package.json", VITE), ("README.md", "")]);
    let output = plan(folder.path(), &["--json", "--root", "apps/web"]);
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let service = &plan["services"][0];
    assert_eq!(service["kind"], "static");
    assert_eq!(service["rootDirectory"]["value"], "apps/web");
    assert_eq!(service["rootDirectory"]["source"], "settings");
    assert_eq!(service["outputDirectory"]["value"], "dist");
    assert_eq!(service["toolchain"]["packageManager"]["value"], "npm");
}

#[test]
fn what_cannot_be_planned_is_said_in_words() {
    let folder = folder_of(&[("file", ""), ("empty/README.md", ""), ("own/Dockerfile", "FROM scratch")]);
    let refused = |path: &str, options: &[&str]| {
        let output = plan(&folder.path().join(path), options);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{path}");
        said(&output)
    };
    assert!(refused("missing", &[]).contains("/missing does not exist"));
    assert!(refused("file", &[]).contains("/file is a file"));
    assert!(refused("empty", &[]).contains("nothing to build or publish was found"));
    assert!(refused("empty", &["--root", "../file"]).contains("--root"));
    assert!(refused("empty", &["--root", "elsewhere"]).contains("the root directory elsewhere does not exist"));
    assert!(refused("own", &["--dockerfile"]).contains("Dockerfile"));
}

/// A tag that goes with its image.
struct Image(String);

impl Drop for Image {
    fn drop(&mut self) {
        let _ = docker(&["rmi", "--force", &self.0]);
    }
}

fn docker(arguments: &[&str]) -> Output {
    Command::new("docker").args(arguments).env("DOCKER_BUILDKIT", "0").output().unwrap()
}

/// A workspace, so that manifests, an install at the top and a build below it are all there, without any registry.
#[test]
fn the_dockerfile_builds_to_the_files_alone() {
    let folder = folder_of(&[
        ("package.json", r#"{"private":true,"workspaces":["site","words"]}"#),
        ("words/package.json", r#"{"name":"words","version":"1.0.0","main":"index.js"}"#),
        ("words/index.js", "module.exports = 'moored'"),
        (
            "site/package.json",
            r#"{"name":"site","scripts":{"build":"node build.js"},"dependencies":{"words":"1.0.0"}}"#,
        ),
        (
            "site/build.js",
            "const fs = require('fs'); fs.mkdirSync('dist'); fs.writeFileSync('dist/index.html', require('words'));",
        ),
    ]);
    let written = plan(folder.path(), &["--dockerfile", "--root", "site"]);
    let dockerfile = said(&written);
    assert!(written.status.success(), "{dockerfile}");
    std::fs::write(folder.path().join("Dockerfile"), &dockerfile).unwrap();
    let image = Image(format!("berth-plan-test-{}", std::process::id()));
    let built = docker(&["build", "--force-rm", "--tag", &image.0, &folder.path().display().to_string()]);
    assert!(built.status.success(), "{dockerfile}\n{}", said(&built));

    // An image of files has no command; a name is needed all the same.
    let container = docker(&["create", &image.0, "none"]);
    let container = String::from_utf8(container.stdout).unwrap().trim().to_owned();
    let copied = tempfile::tempdir().unwrap();
    let target = copied.path().join("index.html").display().to_string();
    let taken = docker(&["cp", &format!("{container}:/index.html"), &target]);
    let sources = docker(&["cp", &format!("{container}:/app"), &copied.path().join("app").display().to_string()]);
    docker(&["rm", "--force", &container]);
    assert!(taken.status.success(), "{}", said(&taken));
    assert_eq!(std::fs::read_to_string(target).unwrap(), "moored");
    assert!(!sources.status.success(), "the image holds nothing but the output");
}
