//! Whole builds: a real git host, a real store, real Docker.

mod support;

use std::time::{Duration, Instant};

use berth_build_engine::{BuildError, BuildLog, LogOwner};
use berth_model::{BuildLimits, FailureCode, LogPhase, ProjectId, RepoUrl, ServiceKind, StepName, StepState};
use berth_secrets::KeyRing;
use support::git_host::Rules;
use support::world::World;
use tokio_util::sync::CancellationToken;

/// Values that shells, dotenv parsers and JSON each trip over.
fn awkward_values() -> Vec<(&'static str, String)> {
    vec![
        ("LINES", "first line\nsecond line\n".to_owned()),
        ("QUOTES", "it's \"quoted\" `thrice`".to_owned()),
        ("DOLLAR", "$HOME ${HOME} $(id) #not a comment".to_owned()),
        ("EQUALS", "a=b=c==".to_owned()),
        ("BACKSLASH", "C:\\new\\table\\".to_owned()),
        ("SPACES", "  around  ".to_owned()),
        ("PEM", format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", "MIIE+/=x".repeat(8))),
        ("LARGE", "0123456789abcdef".repeat(1_280)),
        ("UNICODE", "pässwörter für alle".to_owned()),
    ]
}

/// Prints each variable that a build is given as JSON, so that the test can compare bytes.
const DUMP: &str = r"
const fs = require('fs');
fs.mkdirSync('dist', { recursive: true });
const names = ['LINES', 'QUOTES', 'DOLLAR', 'EQUALS', 'BACKSLASH', 'SPACES', 'PEM', 'LARGE', 'UNICODE'];
const hash = (text) => require('crypto').createHash('sha256').update(text).digest('hex');
const seen = Object.fromEntries(names.map((name) => [name, hash(process.env[name] ?? '')]));
fs.writeFileSync('dist/index.html', JSON.stringify({ seen, dotenv: hash(fs.readFileSync('.env')) }));
for (const name of names) process.stdout.write(`${name} is ${process.env[name]}\n`);
process.stdout.write('pieces: ' + process.env.EQUALS.slice(0, 3));
setTimeout(() => process.stdout.write(process.env.EQUALS.slice(3) + '\n'), 50);
";

#[tokio::test(flavor = "multi_thread")]
async fn plain_files_need_no_container() {
    let world = World::new(BuildLimits::default()).await;
    let files =
        [("index.html", "<h1>hello</h1>"), ("css/site.css", "h1 {}"), (".env", "TOKEN=1"), (".well-known/x", "x")];
    let project = world.project("plain", &files).await;
    let ended = world.build(&project).await;
    let built = ended.built();
    assert_eq!((ended.artifact().files, built.exit_code), (3, None));
    assert_eq!(ended.file("index.html"), "<h1>hello</h1>");
    assert!(!ended.artifact().directory.join(".env").exists());
    assert!(ended.log.contains("Detected static-html") && ended.log.contains("3 files"), "{}", ended.log);
    assert_eq!(ended.build.commit_message.as_deref(), Some("A change"));
    assert_eq!(ended.build.plan.unwrap().services[0].framework.value, "static-html");
    let steps: Vec<_> = ended.build.steps.iter().map(|step| (step.name, step.state)).collect();
    let passed = [StepName::Fetch, StepName::Detect, StepName::Build].map(|name| (name, StepState::Passed));
    assert_eq!(steps, passed);
    world.end().await;
}

/// What polling found, or a pull request announced: the message is known once the commit is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_asks_for_no_build_gets_none() {
    let world = World::new(BuildLimits::default()).await;
    let project = world.project("quiet", &[("index.html", "<h1>hello</h1>")]).await;
    let message = format!("Fix a typo\n\n{}\n\n[CI skip]", "Why, at length. ".repeat(100));
    support::commit(&world.repository("quiet"), &message);
    let ended = world.build(&project).await;
    let Err(BuildError::Skipped(reason)) = &ended.outcome else { panic!("{:?}\n{}", ended.outcome, ended.log) };
    assert_eq!(reason.to_string(), "skipped: the commit's message says [ci skip]");
    assert!(ended.log.ends_with(&format!("{reason}\n")), "{}", ended.log);
    let steps: Vec<_> = ended.build.steps.iter().map(|step| (step.name, step.state)).collect();
    assert_eq!(steps, [(StepName::Fetch, StepState::Passed)]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nothing_starts_is_understood_and_said() {
    let world = World::new(BuildLimits::default()).await;
    let project = world.project("server", &[("Package.swift", "// swift-tools-version: 6.0")]).await;
    let ended = world.build(&project).await;
    let (failure, _) = ended.failure();
    assert_eq!(failure.code, FailureCode::ServerApplication);
    assert_eq!(failure.title, "no image is known that runs this application (swift)");
    let plan = ended.build.plan.as_ref().unwrap();
    assert!(matches!(plan.services[0].kind, ServiceKind::Running { start_command: None, .. }), "{plan:?}");
    let steps: Vec<_> = ended.build.steps.iter().map(|step| (step.name, step.state)).collect();
    assert_eq!(steps, [(StepName::Fetch, StepState::Passed), (StepName::Detect, StepState::Failed)]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_repository_needs_the_owners_token_and_keeps_it() {
    const TOKEN: &str = "gho_16C7e42F292c6912E7710c838347Ae178B4a";
    let rules = Rules { token: Some(TOKEN), ..Rules::default() };
    let mut world = World::with_host(BuildLimits::default(), rules).await;
    let package = r#"{"scripts":{"build":"mkdir dist; env > dist/env; ls -a > dist/files; cat dist/*; cp -r dist/files dist/x"}}"#;
    let stranger = world.project("first", &[("package.json", package)]).await;
    let ended = world.build(&stranger).await;
    assert_eq!(ended.failure().0.code, FailureCode::SourceUnavailable);
    assert!(ended.failure().0.title.contains("private or does not exist"));

    world.sign_in(TOKEN).await;
    let project = world.project("second", &[("package.json", package)]).await;
    let ended = world.build(&project).await;
    for file in ["env", "files"] {
        assert!(!ended.file(file).contains(TOKEN) && !ended.file(file).contains(".git\n"), "{}", ended.file(file));
    }
    assert!(!ended.log.contains(TOKEN));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_repository_at_another_host_needs_the_projects_own_token() {
    const TOKEN: &str = "glpat-x7Qm2Vn8Rt4K";
    let rules = Rules { user: "bot", token: Some(TOKEN), ..Rules::default() };
    let mut world = World::with_other_host(BuildLimits::default(), rules).await;
    // The account's own token is GitHub's: this host never sees it.
    world.sign_in("gho_16C7e42F292c6912E7710c838347Ae178B4a").await;
    let package = r#"{"scripts":{"build":"mkdir dist; cat said; env > dist/env"}}"#;
    let said = format!("the token is {TOKEN}");
    let project = world.project("wiki", &[("package.json", package), ("said", &said)]).await;
    let ended = world.build(&project).await;
    let (failure, _) = ended.failure();
    assert_eq!(failure.setting.as_deref(), Some("repoToken"), "{failure:?}");
    assert!(world.builds.remote_heads(&project).await.is_err());
    let seen = world.host.seen.lock().unwrap().clone();
    assert!(seen.iter().all(|request| !request.headers.contains_key("authorization")));

    let project = world.give(&project, Some(TOKEN), Some("bot")).await;
    let heads = world.builds.remote_heads(&project).await.unwrap();
    let ended = world.build(&project).await;
    assert_eq!(ended.build.commit_hash.as_ref(), heads.get(&project.branch));
    assert!(ended.log.contains("the token is ***") && !ended.log.contains(TOKEN), "{}", ended.log);
    assert!(!ended.file("env").contains(TOKEN));

    // Moved to another address behind Berth's back, the sealed token does not open: nobody gets it.
    let mut elsewhere = project.clone();
    elsewhere.repo_url =
        Some(RepoUrl::parse(&format!("http://localhost:{}/ada/wiki", world.host.address.port())).unwrap());
    let before = world.host.seen.lock().unwrap().len();
    let refused = world.builds.remote_heads(&elsewhere).await;
    assert!(matches!(refused, Err(BuildError::Theirs(failure, _)) if failure.setting.as_deref() == Some("repoToken")));
    assert_eq!(world.host.seen.lock().unwrap().len(), before);

    let project = world.give(&project, None, None).await;
    assert!(world.build(&project).await.failure().0.title.contains("private or does not exist"));
    world.end().await;
}

/// C7: of a lost key, or moved from another project. Only who needs the value fails, and learns which it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_does_not_open_fails_the_build_that_needs_it() {
    let world = World::with_other_host(BuildLimits::default(), Rules::default()).await;
    let project = world.project("shop", &[("index.html", "hello")]).await;
    let lost = KeyRing::new(&[9; 32]);
    for (value, told) in [
        (lost.seal(project.id, "TOKEN", "s3cret"), lost.key_id()),
        (world.keys.seal(ProjectId(999), "TOKEN", "s3cret"), "no key opens it"),
    ] {
        world.put(&project, "TOKEN", value).await;
        let ended = world.build(&project).await;
        let (failure, _) = ended.failure();
        assert_eq!((failure.code, failure.setting.as_deref()), (FailureCode::SecretUnreadable, Some("secrets")));
        assert_eq!(failure.title, "the value of TOKEN cannot be opened");
        assert!(failure.detail.contains(told) && failure.detail.contains("Set it anew"), "{}", failure.detail);
        let other = world.project(&format!("other-{}", ended.build.id), &[("index.html", "hello")]).await;
        world.build(&other).await.built();
    }
    world.set(&project, &[("TOKEN", "set anew")]).await;
    world.build(&project).await.built();

    let sealed = lost.seal_repo_token(project.id, &project.repo_origin().unwrap(), "glpat-x");
    let project = world.give_sealed(&project, sealed).await;
    let ended = world.build(&project).await;
    let (failure, _) = ended.failure();
    assert_eq!(failure.setting.as_deref(), Some("repoToken"));
    assert!(failure.detail.contains(lost.key_id()), "{}", failure.detail);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_attempt_continues_the_log() {
    let world = World::new(BuildLimits::default()).await;
    let project = world.project("again", &[("index.html", "")]).await;
    let ended = world.build(&project).await;
    let owner = LogOwner { user: project.user, project: project.id, build: ended.build.id };
    let log = BuildLog::begin(&world.store, owner, 1 << 20).await.unwrap();
    log.say("again");
    log.close().await.unwrap();
    assert_eq!(world.log(ended.build.id).await, format!("{}again\n", ended.log));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_arrive_whole_and_stay_secret() {
    let world = World::new(BuildLimits::default()).await;
    let package = r#"{"name":"tiny","scripts":{"build":"node build.js"}}"#;
    let project = world.project("tiny", &[("package.json", package), ("build.js", DUMP), (".env", "OLD=1")]).await;
    let values = awkward_values();
    let given: Vec<(&str, &str)> = values.iter().map(|(key, value)| (*key, value.as_str())).collect();
    world.set(&project, &given).await;

    let ended = world.build(&project).await;
    let page: serde_json::Value = serde_json::from_str(&ended.file("index.html")).unwrap();
    for (key, value) in &values {
        assert_eq!(page["seen"][key], sha256(value), "{key} arrives byte for byte");
    }
    for (key, value) in &values {
        for line in value.lines().map(str::trim).filter(|line| line.len() >= 6) {
            assert!(!ended.log.contains(line), "{key} is in the log:\n{}", ended.log);
        }
    }
    assert!(ended.log.contains("pieces: ***"), "masked across pieces:\n{}", ended.log);
    assert!(ended.log.contains("replace the repository's own .env"), "{}", ended.log);
    assert_eq!(ended.built().exit_code, Some(0));
    assert!(!ended.artifact().directory.join(".env").exists());

    let lines = world.store.log_after(world.access, ended.build.id, 0, 1_000).await.unwrap();
    let phase_of = |text: &str| lines.iter().find(|line| line.text.contains(text)).unwrap().phase;
    assert_eq!((phase_of("Fetching"), phase_of("$ npm run build")), (LogPhase::Build, LogPhase::Run));
    world.end().await;
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(text))
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_are_installed_once() {
    let world = World::new(BuildLimits::default()).await;
    // A package in the registry's own shape, without a registry: installing unpacks a tarball of the repository's.
    let files = [
        ("package.json", r#"{"name":"site","scripts":{"build":"node build.js"},"workspaces":["packages/*"]}"#),
        ("package-lock.json", LOCKFILE),
        ("packages/words/package.json", r#"{"name":"words","version":"1.0.0","main":"index.js"}"#),
        ("packages/words/index.js", "module.exports = 'from a package';"),
        (
            "build.js",
            "require('fs').mkdirSync('build');require('fs').writeFileSync('build/index.html', require('words'));",
        ),
    ];
    let project = world.project("site", &files).await;
    let cold = world.build(&project).await;
    assert_eq!(cold.file("index.html"), "from a package");
    assert!(cold.log.contains("$ npm ci"), "{}", cold.log);
    assert!(cold.log.contains("the build left its files in build"), "{}", cold.log);
    assert_eq!(cold.build.plan.as_ref().unwrap().services[0].output_directory().unwrap().value.as_str(), "build");

    world.push("site", &[("packages/words/index.js", "module.exports = 'changed';")]);
    let warm = world.build(&project).await;
    assert_eq!(warm.file("index.html"), "changed");
    assert!(!warm.log.contains("$ npm ci"), "{}", warm.log);
    let install = warm.build.steps.iter().find(|step| step.name == StepName::Install).unwrap();
    assert_eq!(install.state, StepState::Skipped);

    world.push("site", &[(".npmrc", "fund=false\n")]);
    assert!(world.build(&project).await.log.contains("$ npm ci"), "what installing reads is part of the key");
    world.end().await;
}

const LOCKFILE: &str = r#"{"name":"site","lockfileVersion":3,"requires":true,"packages":{
"":{"name":"site","workspaces":["packages/*"]},
"node_modules/words":{"resolved":"packages/words","link":true},
"packages/words":{"version":"1.0.0"}}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn failures_leave_words_and_nothing_else() {
    let world = World::new(BuildLimits { memory: 256 << 20, ..BuildLimits::default() }).await;
    let project = world.project("shop", &[("package.json", "{}")]).await;
    let script = |script: &str| serde_json::json!({ "scripts": { "build": script } }).to_string();

    world.push("shop", &[("package.json", &script("echo working && echo 'Error: no such thing' >&2 && exit 3"))]);
    let ended = world.build(&project).await;
    let (failure, exit_code) = ended.failure();
    assert_eq!((failure.code, exit_code), (FailureCode::CommandFailed, Some(3)));
    assert!(failure.detail.contains("no such thing"), "{failure:?}");
    let line = ended.log.lines().nth(usize::try_from(failure.line.unwrap()).unwrap() - 1).unwrap();
    assert_eq!(line, "Error: no such thing");
    assert_eq!(ended.build.steps.last().unwrap().state, StepState::Failed);

    world.push("shop", &[("package.json", &script("mkdir -p out/a && touch out/index.html"))]);
    let project_with_output = {
        let change = berth_store::ProjectChange {
            output_directory: Some(Some(berth_model::OutputDir::parse("dist").unwrap())),
            ..berth_store::ProjectChange::default()
        };
        world.store.update_project(world.access, project.id, change, "shop.localhost", Vec::new()).await.unwrap()
    };
    let ended = world.build(&project_with_output).await;
    let (failure, _) = ended.failure();
    assert_eq!(failure.title, "the output directory dist does not exist");
    assert!(failure.detail.contains("out has an index.html and looks right"), "{failure:?}");

    for (command, title) in
        [("mkdir dist", "is empty"), ("echo x > dist", "is a file"), ("ln -s /etc dist", "is a symbolic link")]
    {
        world.push("shop", &[("package.json", &script(command))]);
        let ended = world.build(&project).await;
        assert!(ended.failure().0.title.ends_with(title), "{command}: {:?}", ended.failure());
    }

    world.set(&project, &[("API_KEY", "sk_live_51Habcdefgh")]).await;
    world.push("shop", &[("package.json", &script("mkdir dist && echo \"k='$API_KEY'\" > dist/app.js"))]);
    let ended = world.build(&project).await;
    assert_eq!(ended.failure().0.title, "app.js contains the secret API_KEY");

    world.push("shop", &[("package.json", &script("node -e \"const a=[];for(;;)a.push(Buffer.alloc(1e7,1))\""))]);
    let ended = world.build(&project).await;
    assert_eq!(ended.failure().0.code, FailureCode::OutOfMemory, "{:?}\n{}", ended.failure(), ended.log);

    let left: Vec<_> = std::fs::read_dir(world.scratch.path().join("staging")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn canceled_and_overdue_builds_are_gone_at_once() {
    // With time to come to its command on a busy machine; the command itself would take longer than the test waits.
    let world = World::new(BuildLimits::default()).await;
    let package = r#"{"scripts":{"build":"echo begun && sleep 600"}}"#;
    let project = world.project("slow", &[("package.json", package)]).await;
    let cancel = CancellationToken::new();
    let mut lines = world.store.signals().subscribe_logs();
    let stop = cancel.clone();
    tokio::spawn(async move {
        // As soon as the command speaks, which also shows that lines are live.
        while !lines.recv().await.unwrap().lines.iter().any(|line| line.text == "begun") {}
        stop.cancel();
    });
    let began = Instant::now();
    let ended = world.build_until(&project, &cancel).await;
    assert!(matches!(ended.outcome, Err(BuildError::Canceled)), "{:?}", ended.outcome);
    assert!(began.elapsed() < Duration::from_secs(600), "it did not wait for the command to end");
    assert!(ended.log.ends_with("Stopped\n"), "{}", ended.log);
    world.no_containers_left().await;
    world.end().await;

    // Wherever the build is when its time is over.
    let world = World::new(BuildLimits { timeout: Duration::from_secs(15), ..BuildLimits::default() }).await;
    let project = world.project("slow", &[("package.json", package)]).await;
    let ended = world.build(&project).await;
    let (failure, _) = ended.failure();
    assert_eq!(failure.code, FailureCode::TimedOut);
    assert!(failure.title.contains("after 15 seconds (limit: BERTH_BUILD_TIMEOUT)"), "{failure:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_output_is_kept_at_both_ends() {
    let world = World::new(BuildLimits { log: 1 << 20, ..BuildLimits::default() }).await;
    let script = "i=0; while [ $i -lt 200000 ]; do echo \"line $i of very many lines\"; i=$((i+1)); done; mkdir dist; touch dist/x";
    let package = serde_json::json!({ "scripts": { "build": script } }).to_string();
    let project = world.project("loud", &[("package.json", &package)]).await;
    let ended = world.build(&project).await;
    ended.built();
    assert!(ended.log.contains("line 0 of") && ended.log.contains("line 199999 of"));
    assert!(ended.log.contains("limit of 1 MiB") && ended.log.contains("are left out here"));
    assert!(ended.log.len() < 2 << 20, "{}", ended.log.len());
    world.end().await;
}

/// Held by those who fill the disk and measure what is free of it: each would take the others' gigabytes for its own.
static DISK: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fills_the_disk_is_stopped() {
    let _alone = DISK.lock().await;
    let probe = World::new(BuildLimits::default()).await;
    let free = probe.engine.disk_space().await.unwrap().expect("Docker runs here").free_bytes;
    probe.end().await;
    // The floor is laid so close beneath what is free that this build alone goes through it.
    let world = World::new(BuildLimits { free_space_floor: free - (700 << 20), ..BuildLimits::default() }).await;
    let script = "i=0; while [ $i -lt 30 ]; do head -c 100000000 /dev/urandom > filler.$i; i=$((i+1)); done; sleep 60";
    let package = serde_json::json!({ "scripts": { "build": script } }).to_string();
    let project = world.project("filler", &[("package.json", &package)]).await;
    let ended = world.build(&project).await;
    assert_eq!(ended.failure().0.code, FailureCode::NoSpace, "{}", ended.log);
    world.end().await;
}

/// What it writes into its cache is no part of its container, and would outlive it.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fills_the_disk_through_its_cache_is_stopped_and_loses_it() {
    let _alone = DISK.lock().await;
    let probe = World::new(BuildLimits::default()).await;
    let free = probe.engine.disk_space().await.unwrap().expect("Docker runs here").free_bytes;
    probe.end().await;
    let world = World::new(BuildLimits { free_space_floor: free - (1200 << 20), ..BuildLimits::default() }).await;
    let script = "sleep 2; i=0; while [ $i -lt 40 ]; do \
                  head -c 100000000 /dev/urandom > $npm_config_cache/filler.$i; i=$((i+1)); done; sleep 60";
    let package =
        serde_json::json!({ "scripts": { "build": script }, "devDependencies": { "is-number": "7.0.0" } }).to_string();
    let project = world.project("cached", &[("package.json", &package)]).await;
    let ended = world.build(&project).await;
    assert_eq!(ended.failure().0.code, FailureCode::NoSpace, "{}", ended.log);
    // Its room is given back once the container is gone. Half of it other tests may take meanwhile.
    let began = Instant::now();
    while world.engine.disk_space().await.unwrap().unwrap().free_bytes < free - (600 << 20) {
        assert!(began.elapsed().as_secs() < 180, "the cache is still there");
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    world.end().await;
}

/// S3, S8: what a build leaves that is no file, or only says that it is large.
#[tokio::test(flavor = "multi_thread")]
async fn pipes_sockets_and_hollow_files_come_out_of_no_container() {
    let world = World::new(BuildLimits { output_bytes: 64 << 20, ..BuildLimits::default() }).await;
    let script = "mkdir dist && cd dist && echo hi > index.html && mkfifo pipe && ln -s /etc/passwd link && \
                  node -e \"require('net').createServer().listen('socket', () => process.exit())\" && test -S socket && \
                  ! mknod disk b 8 0";
    let package = |script: &str| serde_json::json!({ "scripts": { "build": script } }).to_string();
    let project = world.project("odd", &[("package.json", &package(script))]).await;
    let ended = world.build(&project).await;
    let directory = &ended.artifact().directory;
    let names: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["index.html"], "{}", ended.log);
    assert!(ended.log.contains("note: pipe is a pipe") && ended.log.contains("note: link is a"), "{}", ended.log);

    world.push("odd", &[("package.json", &package("mkdir dist && truncate -s 512M dist/hollow"))]);
    let ended = world.build(&project).await;
    assert_eq!(ended.failure().0.code, FailureCode::OutputTooLarge, "{:?}", ended.failure());
    world.push("odd", &[("package.json", &package("mkdir dist && truncate -s 1T dist/hollow"))]);
    let ended = world.build(&project).await;
    let (failure, exit_code) = ended.failure();
    assert!(exit_code == Some(153) && failure.title.contains("a file larger than 4 GiB"), "{failure:?}");
    world.end().await;
}

/// Nobody is refused a build while there is something that can be had again.
#[tokio::test(flavor = "multi_thread")]
async fn old_caches_make_room_before_a_build_is_refused() {
    let _alone = DISK.lock().await;
    let docker = async |arguments: &[&str]| {
        let ran = tokio::process::Command::new("docker").args(arguments).output().await.unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    };
    let probe = World::new(BuildLimits::default()).await;
    let free = probe.engine.disk_space().await.unwrap().expect("Docker runs here").free_bytes;
    probe.end().await;
    // Between what is left with the cache and without it lie two gigabytes on either side: other tests write and remove too.
    let floor = free - (2 << 30);
    let world = World::new(BuildLimits { free_space_floor: floor, ..BuildLimits::default() }).await;
    let build = serde_json::json!({ "scripts": { "build": "mkdir dist && touch dist/index.html" } }).to_string();
    let project = world.project("roomy", &[("package.json", &build)]).await;
    // A cache that nobody has used for as long as Berth remembers.
    let instance = world.engine.config().instance.to_string();
    let cache = format!("berth-{instance}-tools-1");
    let label = format!("berth.instance={instance}");
    docker(&["volume", "create", "--label", &label, "--label", "berth.kind=cache", &cache]).await;
    let mount = format!("{cache}:/cache");
    docker(&["run", "--rm", "--volume", &mount, "node:20-slim", "fallocate", "--length", "4G", "/cache/old"]).await;
    assert!(world.engine.disk_space().await.unwrap().unwrap().free_bytes < floor, "the disk is full for this Berth");
    world.build(&project).await.built();
    assert_eq!(docker(&["volume", "ls", "--quiet", "--filter", &format!("name={cache}")]).await, "");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_with_too_many_processes_is_told_so() {
    let world = World::new(BuildLimits { pids: 48, ..BuildLimits::default() }).await;
    let script = "i=0; while [ $i -lt 100 ]; do sleep 20 & i=$((i+1)); done; wait";
    let package = serde_json::json!({ "scripts": { "build": script } }).to_string();
    let project = world.project("many", &[("package.json", &package)]).await;
    let ended = world.build(&project).await;
    assert!(ended.failure().0.title.contains("more than 48 processes (limit: BERTH_BUILD_PIDS)"), "{}", ended.log);

    // A bomb whose first process ends well.
    let package = serde_json::json!({ "scripts": { "build": "bomb() { bomb | bomb & }; bomb" } }).to_string();
    world.push("many", &[("package.json", &package)]);
    let ended = world.build(&project).await;
    assert!(ended.failure().0.title.contains("more than 48 processes"), "{:?}\n{}", ended.failure(), ended.log);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute long without optimisation"]
async fn a_gigabyte_of_log_costs_no_memory() {
    let world = World::new(BuildLimits::default()).await;
    let script = "yes 'a line of the length that lines in logs have on average, more or less' | head -c 1073741824; mkdir dist; touch dist/x";
    let package = serde_json::json!({ "scripts": { "build": script } }).to_string();
    let project = world.project("loud", &[("package.json", &package)]).await;
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1_024
    };
    let before = resident();
    let began = Instant::now();
    let ended = world.build(&project).await;
    eprintln!("{} MiB more, {:.1} s", resident() - before, began.elapsed().as_secs_f64());
    ended.built();
    assert!(resident() - before < 64, "{} MiB more", resident() - before);
    world.end().await;
}
