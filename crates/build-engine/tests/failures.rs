//! Every failure that a build can end with, made for real: real tools in real containers. Each row says how to cause
//! one and what its owner reads; `docs/FAILURES.md` is the same list for people.
//!
//! `BERTH_WRITE_FAILURE_LOGS=1` writes each log with its failure to `docs/failures/`.

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use berth_model::{BuildLimits, Failure, FailureCode, OutputDir};
use berth_store::{Project, ProjectChange};
use support::world::{Ended, World};

/// How to cause a failure, and what is said of it.
#[derive(Default)]
struct Row {
    /// The name of its log in `docs/failures/`.
    name: &'static str,
    files: Vec<(&'static str, String)>,
    install: Option<&'static str>,
    build: Option<&'static str>,
    output: Option<&'static str>,
    node: Option<&'static str>,
    code: &'static str,
    exit_code: Option<i64>,
    /// `*` stands for anything.
    title: &'static str,
    /// What the line that is pointed at begins with.
    line: &'static str,
    /// What to do, or a part of it.
    detail: &'static str,
    setting: Option<&'static str>,
}

impl Row {
    /// A project whose build command is this script.
    fn script(name: &'static str, script: &str) -> Self {
        let package = serde_json::json!({ "name": "site", "scripts": { "build": script } });
        Self { name, files: vec![("package.json", package.to_string())], ..Self::default() }
    }

    /// A project that runs `build.mjs`.
    fn program(name: &'static str, program: &str) -> Self {
        let mut row = Self::script(name, "node build.mjs");
        row.files.push(("build.mjs", program.to_owned()));
        row
    }

    fn with(mut self, path: &'static str, text: &str) -> Self {
        self.files.retain(|(other, _)| *other != path);
        self.files.push((path, text.to_owned()));
        self
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut ends = first.len() == pattern.len() && rest.is_empty();
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        ends = part.is_empty() || rest.is_empty();
    }
    ends
}

async fn project(world: &World, row: &Row) -> Project {
    let files: Vec<(&str, &str)> = row.files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let project = world.project(row.name, &files).await;
    let change = ProjectChange {
        install_command: row.install.map(|command| Some(command.to_owned())),
        build_command: row.build.map(|command| Some(command.to_owned())),
        output_directory: row.output.map(|directory| Some(OutputDir::parse(directory).unwrap())),
        node_version: row.node.map(|version| Some(version.to_owned())),
        ..ProjectChange::default()
    };
    let host = format!("{}.localhost", row.name);
    world.store.update_project(world.access, project.id, change, &host, Vec::new()).await.unwrap()
}

/// What is not as the row says; nothing if all is.
async fn check(world: &World, row: &Row) -> Vec<String> {
    let project = project(world, row).await;
    let ended = world.build(&project).await;
    let (failure, exit_code) = ended.failure();
    write_log(row, failure, &ended);
    let line = failure.line.and_then(|line| ended.log.lines().nth(usize::try_from(line).unwrap() - 1));
    let ends_with = format!("failed: {}\n{}\n", failure.title, failure.detail);
    let expected = [
        ("code", failure.code.as_str() == row.code),
        ("title", matches(row.title, &failure.title)),
        ("exit code", exit_code == row.exit_code),
        ("exit code first", exit_code.is_none_or(|code| failure.title.starts_with(&format!("exit code {code}: ")))),
        ("detail", failure.detail.contains(row.detail)),
        ("setting", failure.setting.as_deref() == row.setting),
        ("line", line.unwrap_or_default().contains(row.line) && line.is_none() == row.line.is_empty()),
        ("end of the log", ended.log.ends_with(&ends_with)),
    ];
    let wrong: Vec<&str> = expected.iter().filter(|(_, holds)| !holds).map(|(what, _)| *what).collect();
    if wrong.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "{}: {} at {line:?}, exit code {exit_code:?}: {failure:#?}\n{}",
        row.name,
        wrong.join(", "),
        ended.log
    )]
}

async fn check_all(limits: BuildLimits, rows: Vec<Row>) {
    let world = World::new(limits).await;
    let mut wrong = Vec::new();
    for row in &rows {
        wrong.extend(check(&world, row).await);
    }
    world.end().await;
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// Keeps the log as a document, without what differs from run to run.
fn write_log(row: &Row, failure: &Failure, ended: &Ended) {
    if std::env::var_os("BERTH_WRITE_FAILURE_LOGS").is_none() {
        return;
    }
    let lines: Vec<&str> = ended.log.lines().collect();
    let shown = if lines.len() <= 60 {
        lines.join("\n")
    } else {
        let left_out = lines.len() - 55;
        format!(
            "{}\n… ({left_out} lines are left out here)\n{}",
            lines[..30].join("\n"),
            lines[lines.len() - 25..].join("\n")
        )
    };
    let log = of_any_run(&shown);
    let line = failure.line.map_or_else(|| "none".to_owned(), |line| line.to_string());
    let setting = failure.setting.as_deref().unwrap_or("none");
    let text = format!(
        "code: {}\ntitle: {}\ndetail: {}\nline: {line}\nsetting: {setting}\n\n{log}\n",
        failure.code.as_str(),
        failure.title,
        failure.detail,
    );
    std::fs::create_dir_all(docs().join("failures")).unwrap();
    std::fs::write(docs().join(format!("failures/{}.txt", row.name)), text).unwrap();
}

/// The git host's port and the hash of the commit are of this run only.
fn of_any_run(log: &str) -> String {
    let mut text = String::new();
    for line in log.lines() {
        let line = match (line.strip_prefix("Fetching "), line.strip_prefix("Commit ")) {
            (Some(_), _) => "Fetching the head of main from https://git.example.org/ada/site".to_owned(),
            (_, Some(rest)) => format!("Commit 1a2b3c4{}", &rest[rest.find(' ').unwrap_or(0)..]),
            _ => line.trim_end().to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// Starts a registry that answers everything with one status, then runs a client against it and ends as it ends.
const REGISTRY: &str = r"
const [status, ...command] = process.argv.slice(2);
const words = { 401: 'authentication required', 403: 'forbidden', 404: 'Not found' }[status];
require('http').createServer((request, response) => {
  response.writeHead(+status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: words }));
}).listen(4873, '127.0.0.1', () => {
  const client = require('child_process').spawn(command[0], command.slice(1), { stdio: 'inherit' });
  client.on('close', (code) => process.exit(code));
});
";

/// A manager's lockfile of a project without dependencies, for a `package.json` with one.
fn outdated(manager: &str) -> (&'static str, &'static str) {
    match manager {
        "npm" => (
            "package-lock.json",
            r#"{"name":"site","lockfileVersion":3,"requires":true,"packages":{"":{"name":"site"}}}"#,
        ),
        "pnpm" => (
            "pnpm-lock.yaml",
            "lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n  excludeLinksFromLockfile: false\n\nimporters:\n\n  .: {}\n",
        ),
        "yarn" => {
            ("yarn.lock", "# THIS IS AN AUTOGENERATED FILE. DO NOT EDIT THIS FILE DIRECTLY.\n# yarn lockfile v1\n\n\n")
        }
        "berry" => (
            "yarn.lock",
            "__metadata:\n  version: 10\n  cacheKey: 10c0\n\n\"site@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"site@workspace:.\"\n  languageName: unknown\n  linkType: soft\n",
        ),
        "bun" => (
            "bun.lock",
            "{\n  \"lockfileVersion\": 1,\n  \"workspaces\": {\n    \"\": {\n      \"name\": \"site\"\n    }\n  },\n  \"packages\": {}\n}\n",
        ),
        other => panic!("no such manager: {other}"),
    }
}

/// `package.json` with one dependency more than the lockfile.
fn out_of_step(
    name: &'static str,
    manager: &str,
    title: &'static str,
    line: &'static str,
    detail: &'static str,
) -> Row {
    let (path, lockfile) = outdated(manager);
    let package = r#"{"name":"site","dependencies":{"is-number":"7.0.0"},"scripts":{"build":"true"}}"#;
    Row {
        name,
        code: "lockfile_out_of_step",
        exit_code: Some(1),
        title,
        line,
        detail,
        setting: Some("installCommand"),
        ..Row::default()
    }
    .with("package.json", package)
    .with(path, lockfile)
}

fn missing_script(name: &'static str, manager: &str, build: &'static str, line: &'static str) -> Row {
    let (path, lockfile) = outdated(manager);
    Row {
        name,
        build: Some(build),
        code: "missing_script",
        exit_code: Some(1),
        title: "exit code 1: package.json has no script nope",
        line,
        detail: "It has: build, dev. Add the script",
        setting: Some("buildCommand"),
        ..Row::default()
    }
    .with("package.json", r#"{"name":"site","scripts":{"dev":"true","build":"vite build"}}"#)
    .with(path, lockfile)
}

fn missing_program(
    name: &'static str,
    manager: &str,
    build: &'static str,
    exit_code: i64,
    title: &'static str,
    line: &'static str,
) -> Row {
    let row = missing_script(name, manager, build, line);
    Row {
        code: "command_failed",
        exit_code: Some(exit_code),
        title,
        detail: "neither part of the image nor installed by the project",
        ..row
    }
}

/// A package of a scope whose registry is [`REGISTRY`].
fn private(name: &'static str, manager: &str, install: &'static str, title: &'static str, line: &'static str) -> Row {
    let (path, lockfile) = outdated(manager);
    let row = Row {
        name,
        install: Some(install),
        code: "package_unavailable",
        exit_code: Some(1),
        title,
        line,
        detail: "add it to the project as a secret (NPM_TOKEN)",
        setting: Some("secrets"),
        ..Row::default()
    }
    .with("package.json", r#"{"name":"site","dependencies":{"@acme/ui":"1.0.0"},"scripts":{"build":"true"}}"#)
    .with("registry.js", REGISTRY)
    .with(".npmrc", "@acme:registry=http://127.0.0.1:4873/\nfetch-retries=0\n")
    .with(
        ".yarnrc.yml",
        "unsafeHttpWhitelist: [\"127.0.0.1\"]\nnpmScopes:\n  acme:\n    npmRegistryServer: \"http://127.0.0.1:4873\"\n",
    );
    match manager {
        "npm" => row,
        "berry" => row.with(path, lockfile),
        _ => row.with(path, lockfile).with(".yarnrc.yml", ""),
    }
}

fn engines(name: &'static str, manager: &str, install: &'static str, title: &'static str, line: &'static str) -> Row {
    let (path, lockfile) = outdated(manager);
    Row {
        name,
        install: Some(install),
        node: Some("20"),
        code: "engine_mismatch",
        exit_code: Some(1),
        title,
        line,
        detail: "Set the version of Node in .nvmrc",
        setting: Some("nodeVersion"),
        ..Row::default()
    }
    .with("package.json", r#"{"name":"site","engines":{"node":">=99"},"scripts":{"build":"true"}}"#)
    .with(".npmrc", "engine-strict=true\n")
    .with(path, lockfile)
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_fails_in_words() {
    let rows = vec![
        out_of_step(
            "lockfile-npm",
            "npm",
            "exit code 1: package.json and package-lock.json disagree (Missing: is-number@7.0.0 from lock file)",
            "npm error Missing: is-number@7.0.0 from lock file",
            "Run `npm install` on your machine and commit package-lock.json",
        ),
        missing_script("script-npm", "npm", "npm run nope", "npm error Missing script: \"nope\""),
        missing_program(
            "program-npm",
            "npm",
            "npm run build",
            127,
            "exit code 127: the command vite was not found",
            "sh: 1: vite: not found",
        ),
        private(
            "private-npm-401",
            "npm",
            "node registry.js 401 npm install",
            "exit code 1: @acme/ui is private: 127.0.0.1:4873 wants a token (401)",
            "npm error code E401",
        ),
        private(
            "private-npm-403",
            "npm",
            "node registry.js 403 npm install",
            "exit code 1: 127.0.0.1:4873 refused @acme/ui (403)",
            "npm error code E403",
        ),
        private(
            "private-npm-404",
            "npm",
            "node registry.js 404 npm install",
            "exit code 1: @acme/ui is not at 127.0.0.1:4873, or is private (404)",
            "npm error code E404",
        ),
        engines(
            "engine-npm",
            "npm",
            "npm install",
            "exit code 1: package.json needs Node >=99, and the build has Node 2*",
            "npm error code EBADENGINE",
        ),
        Row {
            name: "peers-npm",
            code: "install_failed",
            exit_code: Some(1),
            title: "exit code 1: react@18.3.1 does not fit: react@17.0.2 from react-dom@17.0.2 is wanted",
            line: "npm error code ERESOLVE",
            detail: "legacy-peer-deps=true",
            setting: Some("installCommand"),
            ..Row::default()
        }
        .with(
            "package.json",
            r#"{"name":"site","dependencies":{"react":"18.3.1","react-dom":"17.0.2"},"scripts":{"build":"true"}}"#,
        ),
        Row {
            name: "version-npm",
            code: "install_failed",
            exit_code: Some(1),
            title: "exit code 1: there is no version is-number@99.0.0",
            line: "No matching version found for is-number@99.0.0",
            detail: "mistyped, was removed, or is not published yet",
            ..Row::default()
        }
        .with("package.json", r#"{"name":"site","dependencies":{"is-number":"99.0.0"},"scripts":{"build":"true"}}"#),
    ];
    check_all(BuildLimits::default(), rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pnpm_fails_in_words() {
    let rows = vec![
        out_of_step(
            "lockfile-pnpm",
            "pnpm",
            "exit code 1: package.json and pnpm-lock.yaml disagree (1 dependencies were added: is-number@7.0.0)",
            "ERR_PNPM_OUTDATED_LOCKFILE",
            "Run `pnpm install` on your machine and commit pnpm-lock.yaml",
        ),
        missing_script("script-pnpm", "pnpm", "pnpm run nope", "ERR_PNPM_NO_SCRIPT"),
        missing_program(
            "program-pnpm",
            "pnpm",
            "pnpm run build",
            1,
            "exit code 1: the command vite was not found",
            "sh: 1: vite: not found",
        ),
        private(
            "private-pnpm",
            "pnpm",
            "node registry.js 401 pnpm install --no-frozen-lockfile",
            "exit code 1: @acme/ui is private: 127.0.0.1:4873 wants a token (401)",
            "ERR_PNPM_FETCH_401",
        ),
        engines(
            "engine-pnpm",
            "pnpm",
            "pnpm install",
            "exit code 1: package.json needs Node >=99, and the build has Node 2*",
            "ERR_PNPM_UNSUPPORTED_ENGINE",
        ),
    ];
    check_all(BuildLimits::default(), rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn yarn_fails_in_words() {
    let rows = vec![
        out_of_step(
            "lockfile-yarn",
            "yarn",
            "exit code 1: package.json and yarn.lock disagree",
            "error Your lockfile needs to be updated",
            "Run `yarn install` on your machine and commit yarn.lock",
        ),
        missing_script("script-yarn", "yarn", "yarn run nope", "error Command \"nope\" not found."),
        missing_program(
            "program-yarn",
            "yarn",
            "yarn run build",
            127,
            "exit code 127: the command vite was not found",
            "sh: 1: vite: not found",
        ),
        private(
            "private-yarn",
            "yarn",
            "node registry.js 401 yarn install",
            "exit code 1: @acme/ui is private: 127.0.0.1:4873 wants a token (401)",
            "error Error: http://127.0.0.1:4873/@acme%2fui: authentication required",
        ),
        engines(
            "engine-yarn",
            "yarn",
            "yarn install",
            "exit code 1: site needs Node >=99, and the build has Node 2*",
            "The engine \"node\" is incompatible with this module",
        ),
        Row {
            name: "killed-yarn",
            code: "killed",
            exit_code: Some(1),
            title: "exit code 1: a program of the build was killed (SIGKILL)",
            line: "error Command failed with signal \"SIGKILL\".",
            detail: "It had not reached its limit of 2 GiB of memory",
            ..missing_script("", "yarn", "yarn run build", "")
        }
        .with("package.json", r#"{"name":"site","scripts":{"build":"kill -9 $$"}}"#),
    ]
    .into_iter()
    .map(|row| if row.name == "killed-yarn" { Row { setting: None, ..row } } else { row });
    check_all(BuildLimits::default(), rows.collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn yarn_4_fails_in_words() {
    let rows = vec![
        out_of_step(
            "lockfile-yarn4",
            "berry",
            "exit code 1: package.json and yarn.lock disagree (+ is-number@npm:7.0.0)",
            "The lockfile would have been modified by this install",
            "Run `yarn install` on your machine and commit yarn.lock",
        ),
        missing_script("script-yarn4", "berry", "yarn run nope", "Usage Error: Couldn't find a script named \"nope\"."),
        missing_program(
            "program-yarn4",
            "berry",
            "yarn run build",
            127,
            "exit code 127: the command vite was not found",
            "command not found: vite",
        ),
        private(
            "private-yarn4",
            "berry",
            "node registry.js 401 yarn install --no-immutable",
            "exit code 1: @acme/ui is private: the registry wants a token (401)",
            "YN0041: │ @acme/ui@npm:1.0.0: Invalid authentication",
        ),
    ];
    check_all(BuildLimits::default(), rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bun_fails_in_words() {
    let rows = vec![
        out_of_step(
            "lockfile-bun",
            "bun",
            "exit code 1: package.json and bun.lock disagree*",
            "error: lockfile had changes, but lockfile is frozen",
            "Run `bun install` on your machine and commit bun.lock",
        ),
        missing_script("script-bun", "bun", "bun run nope", "error: Script not found \"nope\""),
        missing_program(
            "program-bun",
            "bun",
            "bun run build",
            127,
            "exit code 127: the command vite was not found",
            "vite: command not found",
        ),
        private(
            "private-bun",
            "bun",
            "node registry.js 401 bun install",
            "exit code 1: @acme/ui is private: 127.0.0.1:4873 wants a token (401)",
            "error: GET http://127.0.0.1:4873/@acme%2fui - 401",
        ),
    ];
    check_all(BuildLimits::default(), rows).await;
}

fn killed(
    name: &'static str,
    script: &str,
    exit_code: i64,
    title: &'static str,
    line: &'static str,
    detail: &'static str,
) -> Row {
    Row { code: "killed", exit_code: Some(exit_code), title, line, detail, ..Row::script(name, script) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_machine_ends_is_told_so() {
    let hog = "const hog = []; for (;;) hog.push(Buffer.alloc(16 << 20, 1));";
    let memory = |row: Row, exit_code, title| Row {
        code: "out_of_memory",
        exit_code: Some(exit_code),
        title,
        setting: Some("BERTH_BUILD_MEMORY"),
        ..row
    };
    let rows = vec![
        Row {
            detail: "ask the operator for more than 256 MiB",
            ..memory(
                Row::program("memory-container", hog),
                137,
                "exit code 137: the build was stopped because it used more than 256 MiB of memory (limit: BERTH_BUILD_MEMORY)",
            )
        },
        // As a bundler whose worker is killed: its parent ends with a code of its own.
        Row {
            line: "the worker ended: SIGKILL",
            detail: "fewer workers",
            ..memory(
                Row::program(
                    "memory-child",
                    "import { spawnSync } from 'node:child_process';\n\
                     const worker = spawnSync('node', ['hog.mjs']);\n\
                     console.error('the worker ended:', worker.signal);\nprocess.exit(1);",
                )
                .with("hog.mjs", hog),
                1,
                "exit code 1: a process was stopped because the build used more than 256 MiB of memory (limit: BERTH_BUILD_MEMORY)",
            )
        },
        Row {
            line: "FATAL ERROR:",
            detail: "--max-old-space-size=192 (MiB)",
            ..memory(
                Row::script("memory-node-heap", "node --max-old-space-size=40 build.mjs")
                    .with("build.mjs", "const a = []; for (;;) a.push(Array(1e5).fill({}));"),
                134,
                "exit code 134: Node's heap was full",
            )
        },
        killed(
            "killed-137",
            "echo working; kill -9 $$",
            137,
            "exit code 137: the build command was killed (SIGKILL)",
            "working",
            "It had not reached its limit of 256 MiB of memory",
        ),
        killed(
            "killed-143",
            "echo working; kill -15 $$",
            143,
            "exit code 143: the build command was told to stop (SIGTERM)",
            "working",
            "limits its own time",
        ),
        killed(
            "crashed-139",
            "echo working; kill -11 $$",
            139,
            "exit code 139: the build command crashed (SIGSEGV: a segmentation fault)",
            "working",
            "made for another system or version of Node",
        ),
        killed(
            "aborted-134",
            "echo working; kill -6 $$",
            134,
            "exit code 134: the build command gave up (SIGABRT)",
            "working",
            "printed before says more",
        ),
        Row {
            code: "no_space",
            exit_code: Some(1),
            title: "exit code 1: no space was left where the build wrote",
            line: "Error: ENOSPC: no space left on device, write",
            detail: "/dev/shm holds 64 MiB only",
            ..Row::program(
                "space",
                "import { writeFileSync } from 'node:fs';\nwriteFileSync('/dev/shm/page', Buffer.alloc(80e6));",
            )
        },
        Row {
            code: "command_failed",
            exit_code: Some(2),
            title: "exit code 2: the build started more than 96 processes (limit: BERTH_BUILD_PIDS)",
            line: "Cannot fork",
            detail: "fewer workers",
            setting: Some("BERTH_BUILD_PIDS"),
            ..Row::script("processes", "i=0; while [ $i -lt 200 ]; do sleep 2 & i=$((i+1)); done; wait")
        },
    ];
    check_all(BuildLimits { memory: 256 << 20, pids: 96, ..BuildLimits::default() }, rows).await;
}

fn files_left(name: &'static str, script: &str, title: &'static str, detail: &'static str) -> Row {
    Row {
        code: "missing_output",
        title,
        detail,
        setting: Some("outputDirectory"),
        output: Some("dist"),
        ..Row::script(name, script)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_project_does_wrong_is_told_so() {
    let failed = |row: Row, exit_code, title, line, detail| Row {
        code: "command_failed",
        exit_code: Some(exit_code),
        title,
        line,
        detail,
        ..row
    };
    let rows = vec![
        files_left(
            "output-missing",
            "mkdir -p out/a && touch out/index.html",
            "the output directory dist does not exist",
            "There are: out. out has an index.html and looks right",
        ),
        files_left(
            "output-several",
            "mkdir out build && touch out/index.html build/index.html",
            "the output directory dist does not exist",
            "build and out have an index.html",
        )
        .with("public/index.html", "a source, and no candidate"),
        files_left(
            "output-empty",
            "mkdir dist",
            "the output directory dist is empty",
            "does the build command build the site?",
        ),
        files_left(
            "output-file",
            "echo x > dist",
            "the output directory dist is a file",
            "Set the output directory to the directory",
        ),
        files_left(
            "output-link",
            "ln -s /etc dist",
            "the output directory dist is a symbolic link",
            "Set the output directory to the directory",
        ),
        Row {
            setting: Some("buildCommand"),
            ..failed(
                Row::script("not-executable", "./build.sh").with("build.sh", "echo hello"),
                126,
                "exit code 126: build.sh is not executable",
                "sh: 1: ./build.sh: Permission denied",
                "git update-index --chmod=+x build.sh",
            )
        },
        failed(
            Row::program("module-capitals", "import './src/header.js';").with("src/Header.js", ""),
            1,
            "exit code 1: /app/src/header.js was not found: the file is called src/Header.js",
            "Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/app/src/header.js'",
            "Capitals count in the names of files",
        ),
        failed(
            Row::program("module-file", "import './src/header.js';"),
            1,
            "exit code 1: the file /app/src/header.js was not found",
            "Cannot find module '/app/src/header.js'",
            "is ignored by .gitignore",
        ),
        failed(
            Row::program("module-package", "import 'left-pad';"),
            1,
            "exit code 1: the package left-pad was not found",
            "Cannot find package 'left-pad'",
            "add it to package.json",
        ),
        Row {
            setting: Some("secrets"),
            ..failed(
                Row::program(
                    "variable",
                    "if (!process.env.API_URL) throw new Error('Missing environment variable: API_URL');",
                ),
                1,
                "exit code 1: the build wants the variable API_URL, which is not set",
                "Error: Missing environment variable: API_URL",
                "Add API_URL to the project's variables",
            )
        },
        Row {
            code: "engine_mismatch",
            setting: Some("nodeVersion"),
            ..failed(
                Row::program("engine-export", "import { fromTheFuture } from 'node:util';\nfromTheFuture();"),
                1,
                "exit code 1: Node 2* has no fromTheFuture in node:util",
                "SyntaxError: The requested module 'node:util' does not provide an export",
                "expects a newer version of Node",
            )
        },
        Row {
            output: Some("out"),
            ..failed(
                Row { name: "dockerfile", ..Row::default() }
                    .with("Dockerfile", "FROM node:22-slim\nRUN mkdir out && exit 9\n"),
                9,
                "exit code 9: the step `RUN mkdir out && exit 9` of the Dockerfile failed",
                "RUN mkdir out && exit 9",
                "",
            )
        },
        // Not known, and so no advice: what it printed, and nothing that earlier output mentions.
        Row {
            setting: Some("buildCommand"),
            ..failed(
                Row::program(
                    "unknown",
                    "console.log('ok: tells \"ENOSPC: no space left on device\" from \"connect ECONNREFUSED 10.0.0.1:80\"');\n\
                     throw new RangeError('7 is too many');",
                ),
                1,
                "exit code 1: the build command failed",
                "RangeError: 7 is too many",
                "Its output says: RangeError: 7 is too many",
            )
        },
    ];
    check_all(BuildLimits::default(), rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_are_not_reached_are_told_apart() {
    let world = World::new(BuildLimits::default()).await;
    world.engine.prepare_network().await.unwrap();
    let network = format!("berth-build-{}", world.engine.config().instance);
    let format = "{{range .IPAM.Config}}{{.Gateway}}{{end}}";
    let arguments = ["network", "inspect", "--format", format, &network];
    let output = tokio::process::Command::new("docker").args(arguments).output().await.unwrap();
    let gateway = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    // A server on this machine, which outside of a build answers.
    let listener = tokio::net::TcpListener::bind((gateway.as_str(), 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    assert!(tokio::net::TcpStream::connect((gateway.as_str(), port)).await.is_ok());

    let mut refused = Row {
        code: "network_refused",
        exit_code: Some(1),
        title: "exit code *: builds may not connect to *",
        line: "connect EHOSTUNREACH",
        detail: "ask the operator to allow its network: BERTH_EGRESS_ALLOW=",
        setting: Some("BERTH_EGRESS_ALLOW"),
        ..Row::program("network-refused", &format!("await fetch('http://{gateway}:{port}/prices.json');"))
    };
    let began = std::time::Instant::now();
    let mut wrong = check(&world, &refused).await;
    assert!(began.elapsed() < Duration::from_secs(60), "refused at once, not after a connection's patience");
    refused.name = "network-refused-curl";
    let refused = Row { exit_code: Some(7), line: "curl: (7) Failed to connect to", ..refused };
    check(
        &world,
        &refused.with(
            "package.json",
            &serde_json::json!({ "scripts": { "build": format!("curl -sS http://{gateway}:{port}/") } }).to_string(),
        ),
    )
    .await;

    let rows = [
        Row {
            code: "host_unreachable",
            exit_code: Some(1),
            title: "exit code 1: the host assets.example.invalid was not found",
            line: "getaddrinfo ENOTFOUND assets.example.invalid",
            detail: "names that only your own network knows",
            ..Row::program("network-name", "await fetch('http://assets.example.invalid/prices.json');")
        },
        Row {
            code: "command_failed",
            exit_code: Some(1),
            title: "exit code 1: nothing answers at 127.0.0.1:5432 within the build",
            line: "connect ECONNREFUSED 127.0.0.1:5432",
            detail: "A build is alone in its container",
            setting: Some("buildCommand"),
            ..Row::program("network-loopback", "await fetch('http://127.0.0.1:5432/');")
        },
    ];
    for row in &rows {
        wrong.extend(check(&world, row).await);
    }
    world.end().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_never_ends_is_told_so() {
    let rows = vec![Row {
        code: "timed_out",
        title: "the build was stopped after 40 seconds (limit: BERTH_BUILD_TIMEOUT)",
        line: "ready on port 5173",
        detail: "The last that it printed: ready on port 5173. A command that waits for input or keeps watching files never ends",
        setting: Some("BERTH_BUILD_TIMEOUT"),
        ..Row::script("time", "echo ready on port 5173; sleep 600")
    }];
    check_all(BuildLimits { timeout: Duration::from_secs(40), ..BuildLimits::default() }, rows).await;
}

/// With the compilers themselves, and with git, which take a while to install.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test-all"]
async fn compilers_fail_in_words() {
    let failed = |name, build, dependencies: &str, exit_code, title, line, detail| {
        Row {
            code: "command_failed",
            build: Some(build),
            exit_code: Some(exit_code),
            title,
            line,
            detail,
            name,
            ..Row::default()
        }
        .with(
            "package.json",
            &format!(
                r#"{{"name":"site","type":"module","devDependencies":{dependencies},"scripts":{{"build":"true"}}}}"#
            ),
        )
        .with("index.html", "<script type=module src=/src/main.js></script>")
        .with("src/Header.js", "export const header = 1;")
    };
    let rows = vec![
        failed(
            "typescript",
            "tsc",
            r#"{"typescript":"5.9.3"}"#,
            2,
            "exit code 2: TypeScript found an error in src/a.ts, line 1",
            "src/a.ts(1,7): error TS2322",
            "TS2322: Type 'string' is not assignable to type 'number'",
        )
        .with("tsconfig.json", r#"{"compilerOptions":{"strict":true,"noEmit":true},"include":["src"]}"#)
        .with("src/a.ts", "const a: number = 'x'; console.log(a);")
        .with("src/b.ts", "export const b: number = 'y';"),
        failed(
            "vite-capitals",
            "vite build",
            r#"{"vite":"7.1.12"}"#,
            1,
            "exit code 1: ./header.js was not found: the file is called src/Header.js",
            "Could not resolve \"./header.js\" from \"src/main.js\"",
            "Capitals count",
        )
        .with("src/main.js", "import './header.js';"),
        failed(
            "webpack",
            "webpack --mode production --entry ./src/main.js",
            r#"{"webpack":"5.102.1","webpack-cli":"6.0.1"}"#,
            1,
            "exit code 1: the package left-pad was not found",
            "Module not found: Error: Can't resolve 'left-pad'",
            "add it to package.json",
        )
        .with("src/main.js", "import 'left-pad';"),
        failed(
            "eslint",
            "eslint .",
            r#"{"eslint":"9.39.1"}"#,
            1,
            "exit code 1: ESLint found 1 error",
            "error  'foo' is not defined",
            "leave linting out of the build command",
        )
        .with("eslint.config.js", "export default [{ rules: { 'no-undef': 'error' } }];")
        .with("src/main.js", "foo();"),
        // Git is installed for it, which takes a while; a key is not.
        Row {
            name: "git-npm",
            code: "package_unavailable",
            exit_code: Some(128),
            title: "exit code 128: a dependency is fetched over ssh, for which the build has no key",
            line: "ssh: not found",
            detail: "Name the dependency by an https address",
            setting: Some("secrets"),
            ..Row::default()
        }
        .with(
            "package.json",
            r#"{"name":"site","dependencies":{"ui":"git+ssh://git@127.0.0.1/acme/ui.git"},"scripts":{"build":"true"}}"#,
        ),
    ];
    check_all(BuildLimits::default(), rows).await;
}

#[test]
fn the_document_tells_every_failure() {
    let document = std::fs::read_to_string(docs().join("FAILURES.md")).unwrap();
    for code in FailureCode::ALL {
        assert!(document.contains(&format!("`{}`", code.as_str())), "{} is not in docs/FAILURES.md", code.as_str());
    }
    let mut logs = 0;
    for log in std::fs::read_dir(docs().join("failures")).unwrap() {
        let log = log.unwrap();
        let name = log.file_name().into_string().unwrap();
        assert!(document.contains(&format!("(failures/{name})")), "docs/FAILURES.md does not lead to {name}");
        let text = std::fs::read_to_string(log.path()).unwrap();
        let code = text.lines().find_map(|line| line.strip_prefix("code: ")).unwrap();
        assert!(FailureCode::ALL.iter().any(|known| known.as_str() == code), "{name} tells of {code}");
        logs += 1;
    }
    assert_eq!(document.matches("(failures/").count(), logs, "each log is there, and linked once");
}

#[test]
fn a_star_stands_for_anything() {
    for (pattern, text) in [("a", "a"), ("a*", "a"), ("a*c", "abc"), ("*b*", "abc"), ("a * c", "a b c")] {
        assert!(matches(pattern, text), "{pattern} is {text}");
    }
    for (pattern, text) in [("a", "ab"), ("a*d", "abc"), ("b*", "abc"), ("", "a")] {
        assert!(!matches(pattern, text), "{pattern} is not {text}");
    }
}
