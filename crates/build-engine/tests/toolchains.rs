//! What projects install with: each package manager and each tool for real, cold and warm.

mod support;

use berth_model::{BuildLimits, StepName, StepState, ToolName};
use support::world::{Ended, World};

/// Writes a page that says whether the package came in, and where from.
const BUILD: &str = "const fs = require('fs');\nfs.mkdirSync('dist', { recursive: true });\n\
    const found = require.resolve('kleur');\nfs.writeFileSync('dist/index.html', `${typeof require('kleur').green} ${found}`);\n";

fn package(more: &str) -> String {
    format!(
        r#"{{"name":"site","private":true,"scripts":{{"build":"node build.js"}},"dependencies":{{"kleur":"4.1.5"}}{more}}}"#
    )
}

fn state_of_install(ended: &Ended) -> StepState {
    ended.build.steps.iter().find(|step| step.name == StepName::Install).unwrap().state
}

/// Builds twice: what the second finds is only what the first one's packages were kept as.
async fn builds_cold_and_warm(world: &World, name: &str, command: &str, files: &[(&str, &str)]) -> Ended {
    let project = world.project(name, files).await;
    let cold = world.build(&project).await;
    assert!(cold.file("index.html").starts_with("function"), "{name}: {}", cold.log);
    assert!(cold.log.contains(&format!("$ {command}")), "{name}: {}", cold.log);
    let warm = world.build(&project).await;
    assert!(warm.file("index.html").starts_with("function"), "{name}: {}", warm.log);
    assert_eq!(state_of_install(&warm), StepState::Skipped, "{name}: {}", warm.log);
    cold
}

#[tokio::test(flavor = "multi_thread")]
async fn yarn_installs_into_node_modules_and_without_them() {
    let world = World::new(BuildLimits::default()).await;
    let classic = [("package.json", package("")), ("yarn.lock", YARN_1.to_owned()), ("build.js", BUILD.to_owned())];
    builds_cold_and_warm(&world, "classic", "yarn install --frozen-lockfile", &borrowed(&classic)).await;

    let mut berry = vec![
        ("package.json", package("")),
        ("yarn.lock", BERRY.to_owned()),
        ("build.js", BUILD.to_owned()),
        (".yarnrc.yml", "nodeLinker: node-modules\n".to_owned()),
    ];
    let built = builds_cold_and_warm(&world, "modules", "yarn install --immutable", &borrowed(&berry)).await;
    assert!(built.file("index.html").contains("/app/node_modules/"), "{}", built.file("index.html"));

    berry.pop();
    berry[0].1 = package(r#","packageManager":"yarn@4.5.3""#);
    let built = builds_cold_and_warm(&world, "zipped", "yarn install --immutable", &borrowed(&berry)).await;
    assert!(built.file("index.html").contains("/app/.yarn/cache/kleur"), "{}", built.file("index.html"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pnpm_and_bun_install_what_their_lockfiles_name() {
    let world = World::new(BuildLimits::default()).await;
    let pnpm = [("package.json", package("")), ("pnpm-lock.yaml", PNPM.to_owned()), ("build.js", BUILD.to_owned())];
    builds_cold_and_warm(&world, "strict", "pnpm install --frozen-lockfile", &borrowed(&pnpm)).await;
    let bun = [("package.json", package("")), ("bun.lock", BUN.to_owned()), ("build.js", BUILD.to_owned())];
    builds_cold_and_warm(&world, "quick", "bun install --frozen-lockfile", &borrowed(&bun)).await;
    world.end().await;
}

fn borrowed<'a>(files: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    files.iter().map(|(path, text)| (*path, text.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_image_stands_in_for_one_that_cannot_be_had() {
    let world = World::new(BuildLimits::default()).await;
    let package = r#"{"scripts":{"build":"mkdir dist && node --version > dist/index.html"}}"#;
    let project = world.project("early", &[("package.json", package), (".nvmrc", "21\n")]).await;
    let ended = world.build(&project).await;
    assert!(ended.file("index.html").starts_with('v'));
    let service = &ended.build.plan.as_ref().unwrap().services[0];
    let image = &service.toolchain.as_ref().unwrap().image;
    assert_eq!((image.value.as_str(), image.source.as_str()), ("node:22-slim", ".nvmrc"));
    assert!(image.why.sentence.contains("node:21-slim could not be had"), "{image:?}");
    let warning = "node:21-slim could not be had: node:22-slim is used instead";
    assert!(service.warnings.sentences().iter().any(|told| told.starts_with(warning)), "{:?}", service.warnings);
    assert!(ended.log.contains(&format!("warning: {warning}")), "{}", ended.log);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_is_a_repository_brings_git() {
    let world = World::new(BuildLimits::default()).await;
    // A bare repository among the project's own files: no other host is needed.
    let words = world.scratch.path().join("words");
    support::write(
        &words,
        &[("package.json", r#"{"name":"words","version":"1.0.0"}"#), ("index.js", "module.exports = 'hi';")],
    );
    support::commit(&words, "Words");
    let repository = world.repository("gitty");
    std::fs::create_dir_all(&repository).unwrap();
    support::git(&words, &["clone", "-q", "--bare", ".", repository.join("words.git").to_str().unwrap()]);
    support::write(
        &repository.join("words.git"),
        &[("refs/heads/keep", &support::git(&words, &["rev-parse", "HEAD"]))],
    );
    let package = r#"{"scripts":{"build":"mkdir dist && node -p 'require(`words`)' > dist/index.html"},
        "dependencies":{"words":"git+file:///app/words.git"}}"#;
    let project = world.project("gitty", &[("package.json", package)]).await;
    let change = berth_store::ProjectChange {
        // A command of the project's own sees all of its files.
        install_command: Some(Some("npm install && true".to_owned())),
        ..berth_store::ProjectChange::default()
    };
    let project =
        world.store.update_project(world.access, project.id, change, "gitty.localhost", Vec::new()).await.unwrap();
    let ended = world.build(&project).await;
    assert_eq!(ended.file("index.html"), "hi\n");
    assert!(ended.log.contains("installing once more with it"), "{}", ended.log);
    let tools =
        |ended: &Ended| ended.build.plan.as_ref().unwrap().services[0].toolchain.as_ref().unwrap().tools.clone();
    assert_eq!(tools(&ended)[0].value.name, ToolName::Git);
    // The next build begins with it.
    let ended = world.build(&project).await;
    assert!(!ended.log.contains("once more"), "{}", ended.log);
    assert_eq!(tools(&ended)[0].value.name, ToolName::Git);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_come_from_package_registries() {
    let world = World::new(BuildLimits::default()).await;
    let hugo = [
        ("hugo.toml", "baseURL = 'https://example.org/'\n"),
        // Only the extended edition compiles this.
        ("assets/site.scss", "h1 { b { color: red } }\n"),
        ("layouts/index.html", "{{ $css := resources.Get `site.scss` | css.Sass }}<h1>{{ $css.Content }}</h1>\n"),
    ];
    let project = world.project("written", &hugo).await;
    let ended = world.build(&project).await;
    assert!(ended.file("index.html").contains("h1 b"), "{}", ended.log);

    let mkdocs = [("mkdocs.yml", "site_name: Books\ntheme:\n  name: material\n"), ("docs/index.md", "# Hello\n")];
    let project = world.project("books", &mkdocs).await;
    let ended = world.build(&project).await;
    assert!(ended.file("index.html").contains("Hello"), "{}", ended.log);

    world.push("books", &[("requirements.txt", "mkdocs==1.6.1\n"), ("mkdocs.yml", "site_name: Books\n")]);
    let cold = world.build(&project).await;
    assert!(cold.log.contains("$ pip install -r requirements.txt"), "{}", cold.log);
    world.push("books", &[("docs/index.md", "# Changed\n")]);
    let warm = world.build(&project).await;
    assert!(warm.file("index.html").contains("Changed"), "{}", warm.log);
    assert_eq!(state_of_install(&warm), StepState::Skipped, "{}", warm.log);

    let zola = [
        ("config.toml", "base_url = 'https://example.org'\n"),
        ("content/_index.md", ""),
        ("templates/index.html", ""),
    ];
    let project = world.project("rusty", &zola).await;
    let ended = world.build(&project).await;
    assert!(ended.failure().0.title.contains("Zola"), "{:?}", ended.failure());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the image ruby:3.3-slim: scripts/ensure-base-images ruby:3.3-slim"]
async fn a_bundle_of_gems_is_kept() {
    let world = World::new(BuildLimits::default()).await;
    let files = [
        ("_config.yml", "title: Gems\n"),
        ("index.md", "---\n---\n# Hello\n"),
        ("Gemfile", "source 'https://gems.example.org'\ngem 'jekyll'\n"),
    ];
    let project = world.project("gems", &files).await;
    let ended = world.build(&project).await;
    assert!(ended.file("index.html").contains("Hello"), "{}", ended.log);
    let warm = world.build(&project).await;
    assert_eq!(state_of_install(&warm), StepState::Skipped, "{}", warm.log);

    let project = world.project("alone", &files[..2]).await;
    assert!(world.build(&project).await.file("index.html").contains("Hello"));
    world.end().await;
}

const YARN_1: &str = r##"# THIS IS AN AUTOGENERATED FILE. DO NOT EDIT THIS FILE DIRECTLY.
# yarn lockfile v1


kleur@4.1.5:
  version "4.1.5"
  integrity sha512-o+NO+8WrRiQEE4/7nwRJhN1HWpVmJm511pBHUxPLtp0BUISzlBplORYSmTclCnJvQq2tKu/sgl3xVpkc7ZWuQQ==
"##;

const BERRY: &str = r##"# This file is generated by running "yarn install" inside your project.
# Manual changes might be lost - proceed with caution!

__metadata:
  version: 8
  cacheKey: 10c0

"kleur@npm:4.1.5":
  version: 4.1.5
  resolution: "kleur@npm:4.1.5"
  checksum: 10c0/e9de6cb49657b6fa70ba2d1448fd3d691a5c4370d8f7bbf1c2f64c24d461270f2117e1b0afe8cb3114f13bbd8e51de158c2a224953960331904e636a5e4c0f2a
  languageName: node
  linkType: hard

"site@workspace:.":
  version: 0.0.0-use.local
  resolution: "site@workspace:."
  dependencies:
    kleur: "npm:4.1.5"
  languageName: unknown
  linkType: soft
"##;

const PNPM: &str = r##"lockfileVersion: '9.0'

settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false

importers:

  .:
    dependencies:
      kleur:
        specifier: 4.1.5
        version: 4.1.5

packages:

  kleur@4.1.5:
    resolution: {integrity: sha512-o+NO+8WrRiQEE4/7nwRJhN1HWpVmJm511pBHUxPLtp0BUISzlBplORYSmTclCnJvQq2tKu/sgl3xVpkc7ZWuQQ==}
    engines: {node: '>=6'}

snapshots:

  kleur@4.1.5: {}
"##;

const BUN: &str = r##"{
  "lockfileVersion": 2,
  "configVersion": 1,
  "workspaces": {
    "": {
      "name": "site",
      "dependencies": {
        "kleur": "4.1.5",
      },
    },
  },
  "packages": {
    "kleur": ["kleur@4.1.5", "", {}, "sha512-o+NO+8WrRiQEE4/7nwRJhN1HWpVmJm511pBHUxPLtp0BUISzlBplORYSmTclCnJvQq2tKu/sgl3xVpkc7ZWuQQ=="],
  }
}
"##;
