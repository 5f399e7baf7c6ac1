//! Commits that nobody has looked at yet, in real containers: a stranger's sees no secret, and none leaves anything that
//! production gets.

mod support;

use berth_model::{BuildLimits, VariableKey, VariableKind, VariableScope};
use berth_store::{ProjectChange, SealedVariable};
use support::world::World;
use support::{commit, git, write};

const PACKAGE: &str = r#"{"scripts":{"build":"node build.js"},"dependencies":{}}"#;
const LOCK: &str = r#"{"name":"shop","lockfileVersion":3,"packages":{"":{}}}"#;
/// Publishes which variables it has and what it finds in its cache, and leaves something there.
const BUILD: &str = r"
const fs = require('fs');
const cache = 'node_modules/.cache';
const found = fs.existsSync(`${cache}/poison`) ? ['poison'] : [];
fs.mkdirSync(cache, { recursive: true });
fs.writeFileSync(`${cache}/poison`, 'x');
const written = fs.readFileSync('.env', 'utf8').split('\\n').map((line) => line.split('=')[0]);
fs.mkdirSync('dist');
fs.writeFileSync('dist/seen.json', JSON.stringify({ mode: process.env.MODE, keys: Object.keys(process.env), written, found }));
fs.writeFileSync('dist/index.html', 'built');
";

fn pull_request(world: &World, name: &str, number: i64, files: &[(&str, &str)]) -> String {
    let repository = world.repository(name);
    git(&repository, &["checkout", "-q", "--detach"]);
    write(&repository, files);
    let hash = commit(&repository, "A stranger's");
    git(&repository, &["update-ref", &format!("refs/pull/{number}/head"), &hash]);
    git(&repository, &["checkout", "-q", "main"]);
    hash
}

async fn docker(arguments: &[&str]) -> String {
    let ran = tokio::process::Command::new("docker").args(arguments).output().await.unwrap();
    String::from_utf8(ran.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_build_sees_no_secret_and_poisons_no_cache() {
    const SECRET: &str = "sk_live_0123456789abcdef";
    let world = World::new(BuildLimits::default()).await;
    let files = [("package.json", PACKAGE), ("package-lock.json", LOCK), ("build.js", BUILD)];
    let project = world.project("shop", &files).await;
    let install = ProjectChange { install_command: Some(Some("npm install".to_owned())), ..ProjectChange::default() };
    world.store.update_project(world.access, project.id, install, "shop.localhost", Vec::new()).await.unwrap();
    world.set(&project, &[("API_SECRET", SECRET)]).await;
    world.set_as(&project, VariableKind::Plain, &[("MODE", "public")]).await;
    let hash = pull_request(&world, "shop", 7, &[("README.md", "hello from a stranger")]);

    let strangers = world.build_of_fork(&project, 7, &hash).await;
    let seen = strangers.file("seen.json");
    assert!(seen.contains("\"mode\":\"public\"") && seen.contains("\"written\":[\"MODE\""), "{seen}");
    for secret in [SECRET, "API_SECRET"] {
        assert!(!seen.contains(secret) && !strangers.log.contains(secret), "{seen}\n{}", strangers.log);
    }
    assert!(strangers.log.contains("Built from a fork, mallory/shop, without secrets"), "{}", strangers.log);

    // The project's own build installs for itself, and finds nothing of the stranger's; another pull request neither.
    let own = world.build(&project).await;
    assert!(!own.log.contains("unchanged since they were last installed"), "{}", own.log);
    let seen = own.file("seen.json");
    assert!(seen.contains("\"found\":[]") && seen.contains("API_SECRET"), "{seen}");
    let other = pull_request(&world, "shop", 8, &[("README.md", "hello from another")]);
    let other = world.build_of_fork(&project, 8, &other).await;
    assert!(!other.log.contains("unchanged since they were last installed"), "{}", other.log);
    assert!(other.file("seen.json").contains("\"found\":[]"), "{}", other.file("seen.json"));
    // Its own caches it keeps, until it is closed; they are there from the build after the one that installed.
    world.build_of_fork(&project, 7, &hash).await;
    let again = world.build_of_fork(&project, 7, &hash).await;
    assert!(again.log.contains("unchanged since they were last installed"), "{}", again.log);
    assert!(again.file("seen.json").contains("\"found\":[\"poison\"]"), "{}", again.file("seen.json"));

    let kept = world.engine.pull_requests().await.unwrap();
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), [(project.id, 7), (project.id, 8)]);
    world.no_containers_left().await;
    world.engine.remove_pull_request(project.id, 7).await.unwrap();
    // Packages are downloaded into a cache of the pull request's own, too.
    let instance = format!("label=berth.instance={}", world.engine.config().instance);
    let volumes = docker(&["volume", "ls", "-q", "--filter", &instance]).await;
    assert!(!volumes.contains("-pull-7") && volumes.contains("packages-1-pull-8"), "{volumes}");
    assert_eq!(world.engine.pull_requests().await.unwrap().into_iter().collect::<Vec<_>>(), [(project.id, 8)]);
    let own = world.build(&project).await;
    assert!(own.log.contains("unchanged since they were last installed"), "{}", own.log);
    assert!(own.file("seen.json").contains("\"found\":[]"), "{}", own.file("seen.json"));
    world.end().await;
}

/// A branch's build can leave what it likes in the caches of tools, and what it installs with a variable of its own
/// environment stays in the image of its packages.
#[tokio::test(flavor = "multi_thread")]
async fn production_starts_from_nothing_that_previews_left() {
    let world = World::new(BuildLimits::default()).await;
    let files = [("package.json", PACKAGE), ("package-lock.json", LOCK), ("build.js", BUILD)];
    let project = world.project("shop", &files).await;
    let install = ProjectChange { install_command: Some(Some("npm install".to_owned())), ..ProjectChange::default() };
    world.store.update_project(world.access, project.id, install, "shop.localhost", Vec::new()).await.unwrap();
    world.set_as(&project, VariableKind::Plain, &[("MODE", "public")]).await;
    let reused = "unchanged since they were last installed";
    for _ in 0..3 {
        world.build_of_preview(&project).await;
    }
    let production = world.build(&project).await;
    assert!(production.log.contains(reused), "the same variables, the same packages: {}", production.log);
    assert!(production.file("seen.json").contains("\"found\":[]"), "{}", production.file("seen.json"));

    let only_here = SealedVariable {
        key: VariableKey::parse("NPM_TOKEN").unwrap(),
        kind: VariableKind::Secret,
        scope: VariableScope::Production,
        value: world.keys.seal(project.id, "NPM_TOKEN", "npm_0123456789"),
    };
    world.store.put_variables(world.access, project.id, vec![only_here]).await.unwrap();
    let production = world.build(&project).await;
    assert!(!production.log.contains(reused), "it installs with the token: {}", production.log);
    let production = world.build(&project).await;
    assert!(production.log.contains(reused), "{}", production.log);
    let preview = world.build_of_preview(&project).await;
    assert!(preview.file("seen.json").contains("\"found\":[\"poison\"]"), "{}", preview.file("seen.json"));
    world.end().await;
}
