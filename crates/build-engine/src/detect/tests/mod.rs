mod frameworks;
mod hybrids;
mod outputs;
mod pairs;
mod programs;
mod properties;
mod running;
mod servers;
mod sites;
mod versions;

use std::path::Path;

use berth_model::PlanSetting;

use super::*;

/// A folder of files, given as path and text.
pub(super) fn folder_of(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

pub(super) fn plan(files: &[(&str, &str)], settings: &ProjectSettings) -> Result<Plan, Failure> {
    folder(folder_of(files).path(), settings)
}

fn detected(files: &[(&str, &str)]) -> PlanService {
    plan(files, &ProjectSettings::default()).unwrap().services.remove(0)
}

/// Why nothing is made of these files: detection says no, or nothing could be started.
fn refused(files: &[(&str, &str)]) -> Failure {
    plan(files, &ProjectSettings::default()).map_or_else(|failure| failure, |plan| server::cannot_start(&plan).unwrap())
}

fn output_of(service: &PlanService) -> &Decision<OutputDir> {
    service.output_directory().unwrap()
}

/// A plan on a few lines: what was decided, and why.
fn print(outcome: Result<Plan, Failure>) -> String {
    match outcome {
        Ok(plan) => print::lines(&plan),
        Err(failure) => format!("{}: {}\n{}", failure.code.as_str(), failure.title, failure.detail),
    }
}

/// Compares what is printed of a project, and of what is refused in it, with the snapshot of that name.
fn assert_plan(name: &str, files: &[(&str, &str)]) {
    let planned = PlannedFolder::of(folder_of(files).path(), &ProjectSettings::default());
    let text = match planned {
        Ok(PlannedFolder { plan, .. }) => {
            let refusal = server::cannot_start(&plan);
            let refusal = refusal.map(|failure| format!("refused: {}\n", failure.title)).unwrap_or_default();
            print::lines(&plan) + &refusal
        }
        Err(failure) => print(Err(failure)),
    };
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

const VITE: &str = r#"{"scripts":{"build":"tsc -b && vite build"},"devDependencies":{"vite":"^8.0.0"}}"#;

#[test]
fn a_vite_project() {
    let files = [("package.json", VITE), ("package-lock.json", "{}"), ("index.html", ""), (".nvmrc", "20\n")];
    insta::assert_snapshot!(print(plan(&files, &ProjectSettings::default())), @"
    framework: vite (package.json: package.json depends on vite)
    image: node:20-slim (.nvmrc: .nvmrc says 20)
    packages: npm (package-lock.json: there is a package-lock.json)
    install: npm ci in / (package-lock.json: installs exactly what package-lock.json names)
    build: npm run build (package.json: package.json has a build script)
    output: /dist (framework: the usual output of vite)
    ");
}

#[test]
fn settings_override_each_decision() {
    let settings = ProjectSettings {
        install_command: Some("npm ci --ignore-scripts".to_owned()),
        build_command: Some("vite build --mode staging".to_owned()),
        output_directory: Some(OutputDir::parse("./out/").unwrap()),
        root_directory: Some(RootDir::parse("site").unwrap()),
        node_version: Some("20".to_owned()),
    };
    let files = [("site/package.json", VITE), ("site/package-lock.json", "{}"), ("site/Dockerfile", "FROM x")];
    insta::assert_snapshot!(print(plan(&files, &settings)), @"
    framework: vite (package.json: package.json depends on vite)
    image: node:20-slim (settings: the project is set to Node 20)
    packages: npm (package-lock.json: there is a package-lock.json)
    install: npm ci --ignore-scripts in /site (settings: the project is set to it)
    build: vite build --mode staging (settings: the project is set to it)
    output: /out (settings: the project is set to it)
    ");
}

#[test]
fn no_build_publishes_the_files() {
    let settings = ProjectSettings { build_command: Some(" ".to_owned()), ..ProjectSettings::default() };
    let service = plan(&[("package.json", VITE), ("index.html", "")], &settings).unwrap().services.remove(0);
    assert_eq!((service.framework.value.as_str(), service.build_command), ("static-html", None));
    assert!(service.toolchain.is_none());
}

#[test]
fn plain_files_are_found_where_their_start_page_is() {
    let output = |files: &[(&str, &str)]| output_of(&detected(files)).value.as_str().to_owned();
    assert_eq!(output(&[("index.html", ""), ("about.html", "")]), "");
    assert_eq!(output(&[("public/index.html", ""), ("README.md", "")]), "public");
    let lint_only = r#"{"scripts":{"lint":"prettier"},"devDependencies":{"prettier":"3"}}"#;
    assert_eq!(output(&[("index.html", ""), ("package.json", lint_only)]), "");
}

#[test]
fn a_build_script_that_makes_nothing_gives_way_to_what_is_there() {
    let builds = |script: &str, files: &[(&str, &str)]| {
        let package = format!(r#"{{"scripts":{{"build":"{script}"}}}}"#);
        let files: Vec<_> = files.iter().copied().chain([("package.json", package.as_str())]).collect();
        detected(&files).build_command.is_some()
    };
    let page = [("index.html", "")];
    assert!(!builds("echo nothing to do", &page) && !builds("tsc --noEmit && eslint .", &page));
    assert!(builds("echo made > dist/index.html", &page) && builds("node make.js", &page));
    assert!(builds("true", &[]), "there is nothing else");
}

#[test]
fn package_managers_by_field_and_lockfile() {
    let with = |field: &str, lockfiles: &[(&'static str, &'static str)]| {
        let package = format!(r#"{{"packageManager":"{field}","scripts":{{"build":"x"}},"dependencies":{{"a":"1"}}}}"#);
        let mut files = vec![("package.json", package.as_str())];
        files.extend(lockfiles);
        plan(&files, &ProjectSettings::default()).map(|mut plan| plan.services.remove(0))
    };
    let install = |service: &PlanService| service.install_command.as_ref().unwrap().value.clone();
    let pnpm = with("pnpm@10.2.0+sha512.abc", &[("pnpm-lock.yaml", ""), ("package-lock.json", "{}")]).unwrap();
    assert_eq!(install(&pnpm), "pnpm install --frozen-lockfile");
    assert_eq!(pnpm.toolchain.as_ref().unwrap().package_manager_version.as_deref(), Some("10.2.0"));
    assert_eq!(pnpm.warnings.sentences(), ["package-lock.json is not used: packages are installed with pnpm"]);
    let berry = with("yarn@4.5.0", &[("yarn.lock", "__metadata:\n  version: 8\n")]).unwrap();
    assert_eq!(install(&berry), "yarn install --immutable");
    let without_lockfile = with("bun@1.2.3", &[]).unwrap();
    assert_eq!(install(&without_lockfile), "bun install");
    assert!(without_lockfile.warnings.sentences()[0].contains("no lockfile"));
    for bad in ["pnpm", "pnpm@latest", "pnpm@10.0.0;reboot", "cargo@1.0.0", "pnpm@1.2.3 && x", "pnpm@../../x"] {
        assert_eq!(with(bad, &[]).unwrap_err().code, FailureCode::BadRepository, "{bad}");
    }
    let package = ("package.json", r#"{"scripts":{"build":"x"},"dependencies":{"a":"1"}}"#);
    for (lockfile, text, command) in [
        ("bun.lockb", "", "bun install --frozen-lockfile"),
        ("yarn.lock", "# yarn lockfile v1\n", "yarn install --frozen-lockfile"),
        ("yarn.lock", "__metadata:\n", "yarn install --immutable"),
        ("npm-shrinkwrap.json", "{}", "npm ci"),
    ] {
        assert_eq!(install(&detected(&[package, (lockfile, text)])), command);
    }
    assert!(detected(&[("package.json", r#"{"scripts":{"build":"x"}}"#)]).install_command.is_none());
}

#[test]
fn a_workspace_is_installed_at_its_top() {
    let settings =
        ProjectSettings { root_directory: Some(RootDir::parse("apps/web").unwrap()), ..ProjectSettings::default() };
    let files = [
        ("package.json", r#"{"workspaces":["apps/*"],"scripts":{"build":"npm run build --workspaces"}}"#),
        ("package-lock.json", "{}"),
        ("apps/web/package.json", VITE),
        ("apps/web/index.html", ""),
        ("apps/web/src/main.ts", ""),
    ];
    let folder = folder_of(&files);
    let service = super::folder(folder.path(), &settings).unwrap().services.remove(0);
    assert_eq!(service.install_directory.as_str(), "");
    assert_eq!(service.install_command.as_ref().unwrap().value, "npm ci");
}

#[test]
fn a_project_beside_a_workspace_is_installed_on_its_own() {
    let installed = |files: &[(&str, &str)], root: &str| {
        let root_directory = Some(RootDir::parse(root).unwrap());
        let settings = ProjectSettings { root_directory, ..ProjectSettings::default() };
        let files: Vec<_> =
            files.iter().copied().chain([("docs/package.json", VITE), ("packages/ui/package.json", VITE)]).collect();
        plan(&files, &settings).unwrap().services.remove(0).install_directory.as_str().to_owned()
    };
    let npm = [("package.json", r#"{"workspaces":{"packages":["packages/*"]}}"#), ("package-lock.json", "{}")];
    assert_eq!(installed(&npm, "docs"), "docs");
    assert_eq!(installed(&npm, "packages/ui"), "");
    let pnpm = [("pnpm-workspace.yaml", "packages:\n  - '**'\n  - '!docs'\n"), ("package.json", "{}")];
    assert_eq!(installed(&pnpm, "docs"), "docs");
    assert_eq!(installed(&pnpm, "packages/ui"), "");
}

#[test]
fn hybrids_are_static_when_they_say_so() {
    let next = |config: &'static str| {
        let package = r#"{"scripts":{"build":"next build"},"dependencies":{"next":"15"}}"#;
        [("package.json", package), ("next.config.ts", config)]
    };
    let exported = detected(&next("export default { output: 'export' }"));
    assert_eq!(output_of(&exported).value.as_str(), "out");
    assert!(detected(&next("export default {}")).output_directory().is_none());
    let astro = |dependencies: &str| {
        let package = format!(r#"{{"scripts":{{"build":"astro build"}},"dependencies":{dependencies}}}"#);
        detected(&[("package.json", &package)])
    };
    assert_eq!(output_of(&astro(r#"{"astro":"5"}"#)).value.as_str(), "dist");
    assert!(astro(r#"{"astro":"5","@astrojs/node":"9"}"#).output_directory().is_none());
}

#[test]
fn output_directories_from_configuration() {
    let vite = detected(&[
        ("package.json", VITE),
        ("vite.config.ts", "export default {\n  // outDir: 'no'\n  build: { outDir: 'theoutput' } }"),
    ]);
    assert_eq!((output_of(&vite).value.as_str(), output_of(&vite).source.as_str()), ("theoutput", "vite.config.ts"));
    let outside = detected(&[("package.json", VITE), ("vite.config.ts", "build: { outDir: '../out' }")]);
    assert_eq!(output_of(&outside).value.as_str(), "dist");
    let angular = detected(&[
        ("package.json", r#"{"scripts":{"build":"ng build"},"devDependencies":{"@angular/cli":"20"}}"#),
        (
            "angular.json",
            r#"{"projects":{"shop":{"projectType":"application","architect":{"build":{"builder":"@angular/build:application"}}}}}"#,
        ),
    ]);
    assert_eq!(output_of(&angular).value.as_str(), "dist/shop/browser");
    let docs = detected(&[(
        "package.json",
        r#"{"scripts":{"docs:build":"vitepress build guide"},"devDependencies":{"vitepress":"1"}}"#,
    )]);
    assert_eq!(output_of(&docs).value.as_str(), "guide/.vitepress/dist");
    assert_eq!(docs.build_command.unwrap().value, "npm run docs:build");
}

#[test]
fn what_cannot_be_published_is_said_in_words() {
    let titles = [
        refused(&[("Package.swift", "")]),
        refused(&[("requirements.txt", "httpx")]),
        refused(&[("package.json", "{,}")]),
        refused(&[("README.md", ""), ("apps/web/package.json", VITE)]),
    ]
    .map(|failure| format!("{}: {}", failure.code.as_str(), failure.title))
    .join("\n");
    insta::assert_snapshot!(titles, @"
    server_application: no image is known that runs this application (swift)
    server_application: nothing says how this application is started (python)
    bad_repository: package.json cannot be read
    bad_repository: nothing to build or publish was found
    ");
    let settings =
        ProjectSettings { root_directory: Some(RootDir::parse("web").unwrap()), ..ProjectSettings::default() };
    let failure = plan(&[("apps/web/package.json", VITE)], &settings).unwrap_err();
    assert_eq!((failure.code, failure.setting.as_deref()), (FailureCode::BadSettings, Some("rootDirectory")));
    assert!(failure.detail.contains("apps/web"));
}

#[test]
fn a_dockerfile_wins_over_a_static_framework_and_says_so() {
    let files = [("package.json", VITE), ("Dockerfile", "FROM node:20 AS build\nEXPOSE 1\nFROM nginx\nEXPOSE 80")];
    insta::assert_snapshot!(print(plan(&files, &ProjectSettings::default())), @"
    framework: dockerfile (Dockerfile: there is a Dockerfile)
    dockerfile: Dockerfile (Dockerfile: it says how it is built)
    port: 80 (Dockerfile: the Dockerfile exposes it)
    warning: the Dockerfile is built and run; to have the files of vite published instead, set a build command
    ");
    let settings = ProjectSettings { build_command: Some("vite build".to_owned()), ..ProjectSettings::default() };
    let service = plan(&files, &settings).unwrap().services.remove(0);
    assert_eq!((service.framework.value.as_str(), service.dockerfile), ("vite", None));
}

/// However many files ask to be looked into, a plan reads no more than it may.
#[test]
fn reading_for_a_plan_has_an_end() {
    let page = format!("export const ssr = true // {}", "x".repeat(9_000));
    let pages: Vec<String> = (0..40).map(|number| format!("packages/p{number}/package.json")).collect();
    let package = format!(r#"{{"name":"a","description":"{page}"}}"#);
    let top = r#"{"workspaces":["packages/*"],"scripts":{"build":"turbo build"}}"#;
    let files: Vec<_> =
        pages.iter().map(|path| (path.as_str(), package.as_str())).chain([("package.json", top)]).collect();
    let folder = folder_of(&files);
    let checkout = Checkout::of_folder(folder.path()).unwrap();
    let settings = ProjectSettings::default();
    assert!(detect_within(&checkout, &settings, 4 << 20).is_ok());
    let failure = detect_within(&checkout, &settings, 128 << 10).unwrap_err();
    assert_eq!(failure.title, "the repository cannot be planned: there is too much to read");
    assert!(failure.detail.starts_with("More than 128 KiB of files"), "{}", failure.detail);
    assert!(checkout.text("package.json").is_some(), "the build itself may read");
}

/// Where the real applications are at hand, each is detected as its manifest says.
#[test]
fn real_applications() {
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|directory| directory.join("shared/apps"));
    let Some(apps) = above.find(|apps| apps.exists()) else { return };
    let Ok(manifest) = std::fs::read_to_string(apps.join("manifest.json")) else { return };
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    for app in manifest["apps"].as_array().unwrap() {
        let text = |key: &str| app[key].as_str();
        let name = text("directory").unwrap();
        let root = text("root_directory").unwrap_or_default();
        let settings =
            ProjectSettings { root_directory: Some(RootDir::parse(root).unwrap()), ..ProjectSettings::default() };
        let checkout = Checkout::of_folder(&apps.join(name)).unwrap();
        let service = detect(&checkout, &settings).unwrap().services.remove(0);
        assert_eq!(Some(service.framework.value.as_str()), text("framework"), "{name}");
        let manager = service.toolchain.as_ref().and_then(|toolchain| toolchain.package_manager.as_ref());
        if let Some(wanted) = text("package_manager").filter(|wanted| !matches!(*wanted, "none" | "docker")) {
            assert_eq!(manager.unwrap().value.program(), wanted, "{name}");
        }
        match (&service.kind, text("kind").unwrap()) {
            (ServiceKind::Static { output_directory }, "static") => {
                let output = super::folder::join(root, output_directory.value.as_str());
                let wanted = OutputDir::parse(text("output_directory").unwrap()).unwrap();
                assert_eq!(wanted.as_str(), output, "{name}");
            }
            (ServiceKind::Running { start_command, run }, "service" | "dockerfile") => {
                let start = start_command.as_ref().map(|command| command.value.as_str());
                assert_eq!(start, text("start_command"), "{name}");
                assert_eq!(run.port.map(|port| u64::from(port.get())), app["port"].as_u64(), "{name}");
                assert!(server::cannot_start(&plan_of(&checkout, &settings).unwrap()).is_none(), "{name}");
                let build = service.build_command.as_ref().map(|command| command.value.as_str());
                assert_eq!(build, text("build_command"), "{name}");
                assert!(service.origins.contains_key(&PlanSetting::Port), "{name}");
            }
            // A server by what it says of itself; its build is what fails.
            (ServiceKind::Running { .. }, "build-fails") => {}
            (kind, wanted) => panic!("{name} is {wanted}, not {kind:?}"),
        }
    }
}
