//! Running services: what their builds keep as images, and what those images do not hold.

mod support;

use std::collections::HashSet;

use berth_build_engine::BuildError;
use berth_model::{BuildLimits, BuiltPart, FailureCode, RunningService, StepName, StepState, VariableKind};
use berth_runtime::{Engine, EngineConfig};
use support::world::World;
use tokio_util::sync::CancellationToken;

const BASE: &str = "node:20-slim";
const SECRET: &str = "s3cret-x7Qm2Vn8Rt4K";

/// What `docker` prints; its errors too.
async fn docker(arguments: &[&str]) -> String {
    String::from_utf8_lossy(&docker_bytes(arguments).await).into_owned()
}

async fn docker_bytes(arguments: &[&str]) -> Vec<u8> {
    let output = tokio::process::Command::new("docker").args(arguments).output().await.unwrap();
    [output.stdout, output.stderr].concat()
}

/// The ids of this instance's images of a kind.
async fn images(world: &World, kind: &str) -> Vec<String> {
    let instance = format!("label=berth.instance={}", world.engine.config().instance);
    let kind = format!("label=berth.kind={kind}");
    let listed = ["image", "ls", "--all", "--no-trunc", "--quiet", "--filter", &instance, "--filter", &kind];
    docker(&listed).await.lines().map(str::to_owned).collect()
}

/// Waits until no image of a kind is left.
async fn none_left(world: &World, kind: &str) {
    for _ in 0..300 {
        if images(world, kind).await.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("images of the kind {kind} are left: {:?}", images(world, kind).await);
}

/// What a container of the image prints, started as a replica is: by its own command, with variables of its own.
async fn started(running: &RunningService, variables: &[&str]) -> String {
    let mut arguments = vec!["run", "--rm", "--network", "none"];
    for variable in variables {
        arguments.extend(["--env", variable]);
    }
    arguments.push(&running.image);
    docker(&arguments).await
}

/// What a command prints in a container of the image.
async fn within(image: &str, command: &str) -> String {
    docker(&["run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", image, "-c", command]).await
}

/// Fails if the bytes are anywhere in the image: its files of every layer, its configuration, its history.
async fn holds_nowhere(image: &str, wanted: &str) {
    for (what, bytes) in [
        ("configuration", docker_bytes(&["image", "inspect", image]).await),
        ("history", docker_bytes(&["history", "--no-trunc", image]).await),
        ("layers", docker_bytes(&["save", image]).await),
    ] {
        assert!(bytes.len() > 100, "{what}");
        assert!(!bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes()), "{wanted:?} is in the {what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_becomes_an_image_with_its_build_and_without_variables() {
    let world = World::new(BuildLimits::default()).await;
    // As Next.js does for its standalone output, this copies the `.env` that it finds.
    let build = "const fs = require('fs'); fs.mkdirSync('out/standalone', { recursive: true });\
                 fs.copyFileSync('.env', 'out/standalone/.env'); fs.copyFileSync('.env', 'out/standalone/.env.production');\
                 fs.writeFileSync('out/standalone/.env.sample', 'TOKEN=');\
                 fs.writeFileSync('out/built', process.env.TOKEN ? 'with its variables' : 'without');";
    let server = "const fs = require('fs');\
                  console.log('built', fs.readFileSync('out/built', 'utf8'), 'in', process.cwd());\
                  console.log('env', process.env.NODE_ENV, process.env.TOKEN, process.env.PATH.split(':')[0]);\
                  console.log('package', require('greeting'));";
    let package = r#"{"scripts":{"build":"node build.js","start":"node server.js"},
        "dependencies":{"greeting":"file:./greeting"}}"#;
    let files = [
        ("package.json", package),
        ("build.js", build),
        ("server.js", server),
        ("greeting/package.json", r#"{"name":"greeting","version":"1.0.0"}"#),
        ("greeting/index.js", "module.exports = 'is installed';"),
    ];
    let project = world.project("server", &files).await;
    world.set(&project, &[("TOKEN", SECRET)]).await;
    let ended = world.build(&project).await;
    let running = ended.running();
    assert!(running.image.starts_with("sha256:"), "{running:?}");
    assert_eq!(running.start_command.as_deref(), Some("npm start"));
    assert_eq!(ended.built().exit_code, Some(0));
    let steps: Vec<_> = ended.build.steps.iter().map(|step| (step.name, step.state)).collect();
    let all = [StepName::Fetch, StepName::Detect, StepName::Install, StepName::Build];
    assert_eq!(steps, all.map(|name| (name, StepState::Passed)));

    let said = started(running, &["TOKEN=of the replica"]).await;
    assert!(said.contains("built with its variables in /app\n"), "{said}");
    assert!(said.contains("env production of the replica /app/node_modules/.bin\n"), "{said}");
    assert!(said.contains("package is installed\n"), "{said}");
    holds_nowhere(&running.image, SECRET).await;
    let dotenvs = within(&running.image, "find /app -name '.env*'").await;
    assert_eq!(dotenvs, "/app/out/standalone/.env.sample\n");
    let labels = docker(&["image", "inspect", "--format", "{{json .Config.Labels}}", &running.image]).await;
    assert!(labels.contains(r#""berth.kind":"service-image""#), "{labels}");
    assert!(labels.contains(&format!(r#""berth.project":"{}""#, project.id)), "{labels}");
    assert!(labels.contains(r#""berth.owner":"""#) && labels.contains(r#""berth.pull-request":"""#), "{labels}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_repositorys_own_dotenv_stays_in_the_image() {
    let world = World::new(BuildLimits::default()).await;
    let server = "console.log(require('fs').readFileSync('.env', 'utf8'));";
    let package = r#"{"scripts":{"build":"cat .env","start":"node server.js"}}"#;
    let files = [("package.json", package), ("server.js", server), (".env", "OWN=1\n")];
    let project = world.project("dotenv", &files).await;
    world.set(&project, &[("TOKEN", SECRET)]).await;
    let ended = world.build(&project).await;
    assert!(started(ended.running(), &[]).await.contains("\nOWN=1\n"), "{}", ended.log);
    holds_nowhere(&ended.running().image, SECRET).await;

    // Nothing to build, nothing to install: the sources are all there is.
    let files = [("package.json", r#"{"scripts":{"start":"node server.js"}}"#), ("server.js", server), (".env", "A=2")];
    let project = world.project("sources", &files).await;
    world.set(&project, &[("TOKEN", SECRET)]).await;
    let ended = world.build(&project).await;
    assert!(started(ended.running(), &[]).await.contains("\nA=2\n"), "{}", ended.log);
    holds_nowhere(&ended.running().image, SECRET).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dockerfiles_image_is_kept_and_its_stages_are_not() {
    let world = World::new(BuildLimits::default()).await;
    let dockerfile = format!(
        "FROM {BASE} AS build\nARG TOKEN\nRUN echo made > /made && test -n \"$TOKEN\"\n\
         FROM {BASE}\nLABEL berth.kind=cache berth.project=999\nCOPY --from=build /made /srv/made\nWORKDIR /srv\n\
         EXPOSE 9090/udp\nEXPOSE 8081 8080/tcp\nCMD [\"cat\", \"made\"]\n"
    );
    let project = world.project("boxed", &[("Dockerfile", &dockerfile)]).await;
    world.set(&project, &[("TOKEN", SECRET)]).await;
    let ended = world.build(&project).await;
    let running = ended.running();
    assert_eq!(started(running, &[]).await, "made\n");
    assert_eq!(running.start_command, None);
    assert!([8080, 8081].contains(&running.port.get()), "{running:?}\n{}", ended.log);
    assert_eq!(images(&world, "service-image").await.last(), Some(&running.image));
    holds_nowhere(&running.image, SECRET).await;
    assert!(!ended.log.contains("is in the image"), "{}", ended.log);
    let name = docker(&["image", "inspect", "--format", "{{json .RepoTags}}", &running.image]).await;
    let wanted = format!("berth-service-{}:{}-{}-web", world.engine.config().instance, project.id, ended.build.id);
    assert_eq!(name.trim(), format!("[{wanted:?}]"));
    // Each test's first build is build 1.
    let instance = format!("label=berth.instance={}", world.engine.config().instance);
    let stages = ["image", "ls", "--quiet", "--filter", "dangling=true", "--filter", &instance];
    assert_eq!(docker(&stages).await, "", "what only made files is gone");

    // An argument of the last stage is in the image's history: that is told.
    world.push("boxed", &[("Dockerfile", &format!("FROM {BASE}\nARG TOKEN\nRUN true\nCMD [\"true\"]\n"))]);
    let ended = world.build(&project).await;
    assert!(ended.log.contains("warning: the value of TOKEN is in the image"), "{}", ended.log);
    assert!(ended.log.contains("the image says nothing of a port; it is told to listen on 3000"), "{}", ended.log);
    assert_eq!(ended.running().port.get(), 3000);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_starts_nothing_is_refused_and_removed() {
    let world = World::new(BuildLimits::default()).await;
    let files = [("Dockerfile", "FROM scratch\nCOPY hello /hello\n"), ("hello", "hi")];
    let project = world.project("hollow", &files).await;
    let ended = world.build(&project).await;
    let (failure, _) = ended.failure();
    assert_eq!(
        (failure.code, failure.title.as_str()),
        (FailureCode::BadRepository, "the image of Dockerfile has no command")
    );
    assert!(failure.detail.contains("Add a CMD or an ENTRYPOINT"), "{}", failure.detail);
    none_left(&world, "service-image").await;
    none_left(&world, "dockerfile").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_leaves_no_image() {
    let world = World::new(BuildLimits::default()).await;
    let package = r#"{"scripts":{"build":"sleep 60","start":"node server.js"}}"#;
    let project = world.project("stopped", &[("package.json", package), ("server.js", "")]).await;
    let cancel = CancellationToken::new();
    let stop = async {
        while world.containers().await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(world.build_until(&project, &cancel), stop);
    assert!(matches!(ended.outcome, Err(BuildError::Canceled)), "{:?}", ended.outcome);
    none_left(&world, "service-image").await;
    world.end().await;
}

/// Whatever else makes room, an image goes when no deployment has it, and no build can be about to publish it.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_stays_as_long_as_a_deployment_has_it() {
    let world = World::new(BuildLimits::default()).await;
    let dockerfile = format!("FROM {BASE}\nCMD [\"true\"]\n");
    let project = world.project("kept", &[("Dockerfile", &dockerfile)]).await;
    let mut made = Vec::new();
    for _ in 0..2 {
        made.push(world.build(&project).await.running().image.clone());
    }
    assert_ne!(made[0], made[1], "each build has an image of its own");
    let in_use = HashSet::from([made[0].clone()]);
    assert_eq!(world.engine.prune_service_images(&in_use).await.unwrap(), 0, "the second is about to be published");
    world.engine.sweep().await.unwrap();
    world.engine.make_room(u64::MAX).await.unwrap();
    assert_eq!(images(&world, "service-image").await.len(), 2);

    // The next process: nobody publishes what an earlier one built and did not publish.
    let mut config = EngineConfig::new(world.engine.config().instance.clone());
    config.limits = world.engine.config().limits;
    let next = Engine::connect(config);
    next.sweep().await.unwrap();
    let container = docker(&["create", &made[1]]).await;
    assert_eq!(next.prune_service_images(&in_use).await.unwrap(), 0, "a container has it");
    docker(&["rm", container.trim()]).await;
    assert_eq!(next.prune_service_images(&in_use).await.unwrap(), 1);
    assert_eq!(images(&world, "service-image").await, made[..1]);
    next.remove_project(project.id).await.unwrap();
    none_left(&world, "service-image").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_values_of_variables_reach_the_build_too() {
    let world = World::new(BuildLimits::default()).await;
    let package = r#"{"scripts":{"build":"echo greeting: $GREETING","start":"node -e 0"}}"#;
    let project = world.project("plain", &[("package.json", package)]).await;
    world.set_as(&project, VariableKind::Plain, &[("GREETING", "hello-out-there")]).await;
    let ended = world.build(&project).await;
    assert!(ended.log.contains("greeting: hello-out-there"), "{}", ended.log);
    // What can be changed without a build is in no image.
    holds_nowhere(&ended.running().image, "hello-out-there").await;
    world.end().await;
}

/// A frontend that is built, documentation as it is, a backend from its sources, and a worker of a Dockerfile.
const BERTH_TOML: &str = r#"
[services.site]
root = "site"
routes = ["/"]

[services.docs]
root = "docs"
routes = ["/docs"]

[services.api]
root = "api"
start = "node server.js"
routes = ["/api"]
env = { MODE = "fast" }

[services.queue]
root = "queue"
dockerfile = "Dockerfile"
port = false
"#;

#[tokio::test(flavor = "multi_thread")]
async fn several_services_are_built_in_one_build() {
    let world = World::new(BuildLimits::default()).await;
    let queue = format!("FROM {BASE}\nARG MODE\nRUN echo \"the mode is <$MODE>\"\nCMD [\"echo\", \"works\"]\n");
    let site = r#"{"scripts":{"build":"mkdir dist && echo site > dist/index.html && echo built-as-$MODE-"}}"#;
    let api = r#"{"scripts":{"build":"echo built-as-$MODE-"}}"#;
    let files = [
        ("berth.toml", BERTH_TOML),
        ("site/package.json", site),
        ("docs/index.html", "docs"),
        ("api/package.json", api),
        ("api/server.js", "console.log('the api in', process.cwd())"),
        ("queue/Dockerfile", &queue),
    ];
    let project = world.project("several", &files).await;
    world.set(&project, &[("TOKEN", SECRET)]).await;
    let ended = world.build(&project).await;
    let services = &ended.built().services;
    let names: Vec<_> = services.iter().map(|service| service.name.as_str()).collect();
    let planned: Vec<_> =
        ended.build.plan.as_ref().unwrap().services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, planned, "in the order of the plan");
    let of = |name: &str| services.iter().find(|service| service.name.as_str() == name).unwrap();
    for (name, page) in [("site", "site\n"), ("docs", "docs")] {
        let directory = &of(name).files().unwrap().directory;
        assert_eq!(std::fs::read_to_string(directory.join("index.html")).unwrap(), page);
    }
    let running = |name: &str| match &of(name).part {
        BuiltPart::Running(running) => running,
        BuiltPart::Files(files) => panic!("{files:?}"),
    };
    assert_eq!(started(running("api"), &[]).await, "the api in /app/api\n");
    assert_eq!(started(running("queue"), &[]).await, "works\n");
    assert_ne!(running("api").image, running("queue").image);
    let environment: Vec<_> =
        running("api").environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert!(environment.contains(&("MODE", "fast")), "{environment:?}");
    for (line, why) in [
        ("api | built-as-fast-", "what the repository gives reaches the build"),
        ("site | built-as--", "of this service only"),
        ("queue | the mode is <>", "of this service only"),
        ("docs | 1 file,", "each line says of which service it is"),
        ("docs | Detected static-html", "each line says of which service it is"),
    ] {
        assert!(ended.log.lines().any(|said| said.starts_with(line)), "{why}: {}", ended.log);
    }
    let steps: Vec<_> = ended.build.steps.iter().map(|step| step.name).collect();
    assert_eq!(steps, [StepName::Fetch, StepName::Detect, StepName::Install, StepName::Build]);
    for name in ["api", "queue"] {
        holds_nowhere(&running(name).image, SECRET).await;
    }

    // One that fails is named, and nothing of the others stays.
    world.engine.remove_service_images(ended.build.id).await.unwrap();
    world.push("several", &[("queue/Dockerfile", &format!("FROM {BASE}\nRUN exit 3\n"))]);
    let ended = world.build(&project).await;
    let (failure, exit_code) = ended.failure();
    assert!(failure.title.starts_with("queue: ") && exit_code == Some(3), "{failure:?}");
    none_left(&world, "service-image").await;
    none_left(&world, "dockerfile").await;
    world.end().await;
}

/// What the static services leave together is bounded as what one leaves.
#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_for_all_services_together() {
    let world = World::new(BuildLimits { output_bytes: 1_000, ..BuildLimits::default() }).await;
    let page = "x".repeat(600);
    let toml =
        "[services.web]\nroot = \"web\"\nroutes = [\"/\"]\n[services.docs]\nroot = \"docs\"\nroutes = [\"/docs\"]\n";
    let files = [("berth.toml", toml), ("web/index.html", page.as_str()), ("docs/index.html", &page)];
    let project = world.project("large", &files).await;
    let ended = world.build(&project).await;
    let (failure, _) = ended.failure();
    assert_eq!(failure.code, FailureCode::OutputTooLarge);
    assert!(failure.title.starts_with("the output of all services is larger than 1000 bytes"), "{failure:?}");
    world.end().await;
}
