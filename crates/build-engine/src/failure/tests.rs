//! Outputs as the tools printed them, for the tools that the whole-build tests (`tests/failures`) do not run, and
//! for each kind of pattern an output that only mentions it.

use berth_model::InstanceId;

use super::*;

/// A project whose files a failure may be explained by.
struct Project {
    directory: tempfile::TempDir,
    limits: BuildLimits,
    sandbox: EngineConfig,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { directory, limits: BuildLimits::default(), sandbox: EngineConfig::new(InstanceId::random()) }
    }

    fn failure(&self, command: Command, exit_code: i64, oom_killed: bool, output: &str) -> Failure {
        let checkout = Checkout::of_folder(self.directory.path()).unwrap();
        let excerpt = excerpt(output);
        let (limits, sandbox) = (&self.limits, &self.sandbox);
        let scene = Scene { excerpt: &excerpt, limits, checkout: &checkout, root: "", sandbox };
        of_command(command, ExecEnd { exit_code, oom_killed }, &scene)
    }
}

fn excerpt(output: &str) -> Excerpt {
    let mut excerpt = Excerpt::default();
    for (number, line) in (1..).zip(output.lines()) {
        excerpt.add(Some(number), line.to_owned());
    }
    excerpt
}

fn failure(exit_code: i64, output: &str) -> Failure {
    Project::new(&[("package.json", r#"{"scripts":{"dev":"vite","lint":"eslint ."}}"#), ("src/Header.js", "")]).failure(
        Command::Build,
        exit_code,
        false,
        output,
    )
}

const NEXT_FONT: &str = "getaddrinfo ENOTFOUND fonts.googleapis.com\n\nRetrying 3/3...\n\
[Error: getaddrinfo ENOTFOUND fonts.googleapis.com] {\n  errno: -3008,\n  code: 'ENOTFOUND',\n  syscall: 'getaddrinfo',\n  hostname: 'fonts.googleapis.com'\n}\n\
Failed to compile.\n\napp/layout.tsx\n`next/font` error:\nFailed to fetch `Geist` from Google Fonts.\n\napp/layout.tsx\n`next/font` error:\nFailed to fetch `Geist Mono` from Google Fonts.\n\n\n> Build failed because of webpack errors";

/// What happened, how it ended, what it printed.
const OUTPUTS: &[(&str, i64, &str)] = &[
    ("next/font", 1, NEXT_FONT),
    (
        "a heap that is full",
        134,
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n----- Native stack trace -----\n\n 1: 0xb78db3 node::OOMErrorHandler [node]\nAborted",
    ),
    ("fork", 2, "sh: 1: Cannot fork"),
    ("tar", 2, "tar: dist/a: Wrote only 4096 of 10240 bytes\ntar: out/a.tar: No space left on device"),
    (
        "npm without space",
        228,
        "npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write\nnpm error code ENOSPC\nnpm error syscall write",
    ),
    ("file watchers", 1, "Error: ENOSPC: System limit for number of file watchers reached, watch '/app/src'"),
    (
        "yarn 1 and a signal",
        1,
        "$ node build.js\nerror Command failed with signal \"SIGKILL\".\ninfo Visit https://yarnpkg.com/en/docs/cli/run for documentation about this command.",
    ),
    (
        "yarn 1 and a token",
        1,
        "[1/4] Resolving packages...\nerror Error: https://npm.example.org/@acme%2fui: authentication required\n    at params.callback [as _callback] (/y1/node_modules/yarn/lib/cli.js:66680:18)",
    ),
    (
        "yarn 4 and a token",
        1,
        "➤ YN0000: ┌ Resolution step\n➤ YN0035: │ @acme/ui@npm:1.0.0: The remote server failed to provide the requested resource\n➤ YN0035: │   Response Code: 403 (Forbidden)\n➤ YN0035: │   Request Method: GET\n➤ YN0035: │   Request URL: https://npm.example.org/@acme%2fui\n➤ YN0000: └ Completed in 0s 293ms\n➤ YN0000: · Failed with errors in 0s 477ms",
    ),
    (
        "pnpm and a variable",
        1,
        " WARN  Issue while reading \"/app/.npmrc\". Failed to replace env in config: ${NPM_TOKEN}\n ERR_PNPM_FETCH_404  GET https://npm.example.org/@acme%2Fui: Not Found - 404\n\nThis error happened while installing a direct dependency of /app",
    ),
    (
        "Angular's CLI",
        3,
        "Node.js version v20.20.2 detected.\nThe Angular CLI requires a minimum Node.js version of v22.22.3 or v24.15.0 or v26.0.0.\n\nPlease update your Node.js version",
    ),
    ("Next's Node", 1, "You are using Node.js 18.20.8. For Next.js, Node.js version \">=20.9.0\" is required."),
    (
        "Astro's Node",
        1,
        "Node.js v20.20.2 is not supported by Astro!\nPlease upgrade Node.js to a supported version: \">=22.12.0\"\n\nnull CI Environment Detected!",
    ),
    (
        "fetch",
        1,
        "TypeError: fetch failed\n    at node:internal/deps/undici/undici:14976:13 {\n  [cause]: Error: connect ETIMEDOUT 198.51.100.7:443\n      at TCPConnectWrap.afterConnect {\n    errno: -110,\n  }\n}\n\nNode.js v20.20.2",
    ),
    (
        "both addresses",
        1,
        "AggregateError [ETIMEDOUT]: \n    at internalConnectMultiple (node:net:1122:18) {\n  [errors]: [\n    Error: connect ETIMEDOUT 198.51.100.7:443\n        at x,\n    Error: connect ENETUNREACH 2001:db8::7:443 - Local (:::0)\n  ]\n}",
    ),
    (
        "a private address",
        1,
        "Error: connect EHOSTUNREACH 10.1.2.3:5432\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16) {",
    ),
    ("a private address that answers", 1, "Error: connect ECONNREFUSED 10.1.2.3:5432"),
    ("no name server", 1, "[cause]: Error: getaddrinfo EAI_AGAIN api.example.org"),
    (
        "curl, a name that does not answer",
        7,
        "curl: (7) Failed to connect to db.example.org port 5432 after 3 ms: Couldn't connect to server",
    ),
    (
        "curl, a name that refuses",
        7,
        "curl: (7) Failed to connect to db.example.org port 5432 after 3 ms: Connection refused",
    ),
    (
        "npm without a token",
        1,
        "npm error code ENEEDAUTH\nnpm error need auth This command requires you to be logged in to https://npm.example.org/\nnpm error need auth You need to authorize this machine using `npm adduser`",
    ),
    (
        "npm and a basic login",
        1,
        "npm error code E401\nnpm error Unable to authenticate, need: Basic realm=\"packages\"\nnpm error A complete log of this run can be found in: /x",
    ),
    (
        "npm and a password",
        1,
        "npm ERR! code E401\nnpm ERR! Incorrect or missing password.\nnpm ERR! If you were trying to login, change your password, create an\nnpm ERR! authentication token or enable two-factor authentication",
    ),
    (
        "npm's own version",
        1,
        "npm error code EBADENGINE\nnpm error engine Unsupported engine\nnpm error engine Not compatible with your version of node/npm: site@undefined\nnpm error notsup Not compatible with your version of node/npm: site@1.0.0\nnpm error notsup Required: {\"node\":\">=20\",\"npm\":\"^9.0.0\"}\nnpm error notsup Actual:   {\"node\":\"v22.1.0\",\"npm\":\"10.9.2\"}",
    ),
    (
        "pnpm's own version",
        1,
        " ERR_PNPM_UNSUPPORTED_ENGINE  Unsupported environment (bad pnpm and/or Node.js version)\n\nYour pnpm version is incompatible with \"/app\".\n\nExpected version: ^9\nGot: 10.2.0",
    ),
    (
        "yarn's own version",
        1,
        "error site@1.0.0: The engine \"yarn\" is incompatible with this module. Expected version \">=4\". Got \"1.22.22\"\nerror Commands cannot complete.",
    ),
    ("curl", 6, "curl: (6) Could not resolve host: assets.example.invalid"),
    (
        "python",
        1,
        "requests.exceptions.ConnectionError: HTTPConnectionPool(host='10.1.2.3', port=80): Max retries exceeded with url: / (Caused by ConnectTimeoutError(<urllib3>, 'Connection to 10.1.2.3 timed out.'))",
    ),
    (
        "webpack",
        1,
        "ERROR in ./src/main.js 1:0-21\nModule not found: Error: Can't resolve './header.js' in '/app/src'\nDid you mean './Header.js'?\n\nERROR in ./src/main.js 1:22-39\nModule not found: Error: Can't resolve 'left-pad' in '/app/src'\nresolve 'left-pad' in '/app/src'\n  Parsed request is a module\n\nwebpack 5.112.2 compiled with 2 errors in 670 ms",
    ),
    (
        "Vite",
        1,
        "\u{1b}[31merror during build:\n\u{1b}[31mCould not resolve \"./footer.js\" from \"src/main.js\"\u{1b}[31m\nfile: /app/src/main.js\n    at getRollupError (file:///app/x.js:355:41)",
    ),
    (
        "Vite, a package",
        1,
        "error during build:\n[vite]: Rollup failed to resolve import \"left-pad\" from \"/app/src/main.js\".\nThis is most likely unintended because it can break your application at runtime.\nIf you do want to externalize this module explicitly add it to\n`build.rollupOptions.external`\n    at viteLog (file:///x.js:1:1)",
    ),
    (
        "Rollup, an export",
        1,
        "error during build:\nsrc/main.js (1:8): \"nope\" is not exported by \"src/Header.js\", imported by \"src/main.js\".\nfile: /app/src/main.js:1:8",
    ),
    (
        "Vite, syntax",
        1,
        "error during build:\n[vite:build-html] src/main.js (1:6): Unexpected token `=`. Expected yield, an identifier, [ or {\nfile: /app/src/main.js:1:6",
    ),
    ("Vite, a plugin", 1, "error during build:\nThe plugin has no configuration\n    at x"),
    (
        "esbuild",
        1,
        "▲ [WARNING] Use \"src/Header.js\" instead of \"src/header.js\" [different-path-case]\n\n✘ [ERROR] Cannot read file: /app/src/header.js\n\n    src/main.js:1:7:\n      1 │ import \"./header.js\"\n        ╵        ~~~~~~~~~~~~~\n\n1 warning and 1 error",
    ),
    (
        "Angular, types",
        1,
        "✘ [ERROR] TS2322: Type 'string' is not assignable to type 'number'. [plugin angular-compiler]\n\n    src/main.ts:3:6:\n      3 │ const a: number = 'x';\n",
    ),
    (
        "Next, types",
        1,
        "Failed to compile.\n\n./app/page.tsx:3:10\nType error: Type 'string' is not assignable to type 'number'.\n\n\u{1b}[0m \u{1b}[90m 1 |\u{1b}[39m\nNext.js build worker exited with code: 1 and signal: null",
    ),
    (
        "tsc in colours",
        2,
        "\u{1b}[96msrc/a.ts\u{1b}[0m:\u{1b}[93m1\u{1b}[0m:\u{1b}[93m7\u{1b}[0m - \u{1b}[91merror\u{1b}[0m\u{1b}[90m TS2322: \u{1b}[0mType 'string' is not assignable to type 'number'.\n\n\u{1b}[96msrc/b.ts\u{1b}[0m:1:14 - error TS2307: Cannot find module './nope'.\n\nFound 2 errors in 2 files.",
    ),
    (
        "Next, lint",
        1,
        "Failed to compile.\n\n./app/page.tsx\n3:10  Error: 'x' is assigned a value but never used.  @typescript-eslint/no-unused-vars\n\ninfo  - Need to disable some ESLint rules?",
    ),
    (
        "ESLint",
        1,
        "\n/app/src/main.js\n  1:1  error  'foo' is not defined  no-undef\n\n✖ 1 problem (1 error, 0 warnings)\n",
    ),
    (
        "ESLint, warnings",
        1,
        "\n/app/src/main.js\n  1:1  warning  'foo' is unused  no-unused-vars\n\n✖ 3 problems (0 errors, 3 warnings)\n\nESLint found too many warnings (maximum: 0).",
    ),
    (
        "Vitest",
        1,
        "stderr | src/a.test.js > x\nError: ENOSPC: no space left on device, write\n\n FAIL  src/a.test.js > x\nAssertionError: expected 1 to be 2\n\n Test Files  1 failed (1)\n      Tests  1 failed (1)\n   Duration  667ms",
    ),
    (
        "a variable",
        1,
        "throw new Error('x')\n      ^\n\nError: Missing required environment variable: API_URL\n    at file:///app/b.mjs:1:32",
    ),
    (
        "Hugo",
        255,
        "Error: module \"ananke\" not found; either add it as a Hugo Module or store it in \"/app/themes\".: module does not exist\nTotal in 9 ms",
    ),
    (
        "Jekyll",
        1,
        "/usr/share/jekyll/theme.rb:86:in `rescue in gemspec': The minima-nope theme could not be found. (Jekyll::Errors::MissingDependencyException)\n\tfrom /usr/share/jekyll/theme.rb:83:in `gemspec'",
    ),
    (
        "MkDocs, strict",
        1,
        "INFO     -  Cleaning site directory\n\u{1b}[33mWARNING  -  \u{1b}[0mDocumentation file 'index.md' contains a link to 'nope.md' which is not found in the documentation files.\n\nAborted with 1 warnings in strict mode!",
    ),
    (
        "MkDocs, a plugin",
        1,
        "ERROR    -  Config value 'plugins': The \"nope\" plugin is not installed\nAborted with 1 Configuration Errors!",
    ),
    (
        "git over ssh",
        128,
        "npm error code 128\nnpm error An unknown git error occurred\nnpm error command git ls-remote ssh://git@git.example.org/acme/ui.git\nnpm error ssh -oStrictHostKeyChecking=accept-new: 1: ssh: not found\nnpm error fatal: Could not read from remote repository.\nnpm error\nnpm error Please make sure you have the correct access rights\nnpm error and the repository exists.",
    ),
    (
        "git over ssh, with ssh",
        128,
        "npm error git@git.example.org: Permission denied (publickey).\nnpm error fatal: Could not read from remote repository.",
    ),
    (
        "no git",
        1,
        "[1/4] Resolving packages...\nerror Couldn't find the binary git\ninfo Visit https://yarnpkg.com/en/docs/cli/install for documentation about this command.",
    ),
    (
        "no Python",
        1,
        "npm error code 1\nnpm error path /app/node_modules/native\nnpm error command failed\nnpm error command sh -c node-gyp rebuild\nnpm error gyp ERR! find Python You need to install the latest version of Python.\nnpm error gyp ERR! configure error\nnpm error gyp ERR! stack Error: Could not find any Python installation to use\nnpm error gyp ERR! not ok",
    ),
    (
        "pip",
        1,
        "ERROR: Could not find a version that satisfies the requirement requests==99.0 (from versions: 0.2.0)\nERROR: No matching distribution found for requests==99.0",
    ),
    (
        "a Python module",
        1,
        "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\nModuleNotFoundError: No module named 'yaml2'",
    ),
    (
        "Bundler",
        16,
        "You are trying to install in deployment mode after changing\nyour Gemfile. Run `bundle install` elsewhere and add the\nupdated Gemfile.lock to version control.\n\nThe dependencies in your gemfile changed\n\nYou have added to the Gemfile:\n* rake (= 99.0)",
    ),
    (
        "a Dockerfile's reason",
        127,
        "Step 3/4 : RUN vite build\n/bin/sh: 1: vite: not found\nRemoving intermediate container 3fcb923ff436",
    ),
];

#[test]
fn failures_are_recognised_by_their_lines() {
    let mut table = String::new();
    for (what, exit_code, output) in OUTPUTS {
        let Failure { code, title, line, setting, .. } = failure(*exit_code, output);
        let (line, setting) = (line.unwrap_or_default(), setting.unwrap_or_default());
        table += &format!("{what}: {} at {line}: {title} [{setting}]\n", code.as_str());
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_reason_that_is_only_mentioned_is_none() {
    let stack = "    at somewhere (file.js:1:1)\n".repeat(10);
    let unrelated = "page written\n".repeat(60);
    let mentions = [
        // Long before the end: it went on from there.
        format!("Error: ENOSPC: no space left on device, write\n{unrelated}\nwork went wrong"),
        format!("sh: 1: optional-tool: not found\n{unrelated}"),
        format!("npm error code E401\nnpm error 401 Unauthorized - GET https://npm.example.org/x - no\n{unrelated}"),
        // Followed by an error of another kind.
        format!(
            "[cause]: Error: getaddrinfo ENOTFOUND telemetry.example.org\n{stack}\nRangeError: Invalid array length\n{stack}"
        ),
        format!("Error: Cannot find module 'optional'\n{stack}\nTypeError: x is not a function\n{stack}"),
        // Within other words.
        "ok 1 - says \"ENOSPC: no space left on device\" when the disk is full\nnot so well".to_owned(),
        "the docs explain `npm ci` can only install packages when your package.json and so on".to_owned(),
        "✓ tells 'connect ECONNREFUSED 10.0.0.1:80' from others\nwent wrong".to_owned(),
        "warn: telemetry: Error: connect ECONNREFUSED 10.0.0.1:80\nwent wrong".to_owned(),
        "checking: Cannot find module 'x' is handled\nwent wrong".to_owned(),
        "page about \"JavaScript heap out of memory\" written\nwent wrong".to_owned(),
        "✓ Missing script: \"build\" is reported\nwent wrong".to_owned(),
        "✓ heap: FATAL ERROR: is shown\nwent wrong".to_owned(),
        "Found 0 errors. error TS2322 is documented\nwent wrong".to_owned(),
        "✖ 0 problem s\nTest Files  3 passed (3)\nwent wrong".to_owned(),
        "\n/app/src/main.js\n  1:1  warning  'foo' is unused  no-unused-vars\n\n✖ 3 problems (0 errors, 3 warnings)\n\nwent wrong"
            .to_owned(),
        "Error: connect EACCES /var/run/docker.sock\nwent wrong".to_owned(),
        "Failed to fetch `Geist` from somewhere else\nwent wrong".to_owned(),
        "The theme could not be found in the cache, using defaults\nwent wrong".to_owned(),
        "killed: SIGKILL was sent to the dev server\nwent wrong".to_owned(),
    ];
    for output in mentions {
        let failure = failure(1, &output);
        assert_eq!(failure.title, "exit code 1: the build command failed", "{output}\n{failure:?}");
        assert_eq!((failure.code, failure.setting.as_deref()), (FailureCode::CommandFailed, Some("buildCommand")));
    }
    // Exit state first: the words of another failure do not hide a signal.
    let killed = failure(137, "Error: ENOSPC is what we test\nsh: 1: x: not found\nKilled");
    assert_eq!(
        (killed.code, killed.title.as_str()),
        (FailureCode::Killed, "exit code 137: the build command was killed (SIGKILL)")
    );
}

#[test]
fn the_exit_state_speaks_first() {
    let project = Project::new(&[]);
    let stopped = project.failure(Command::Build, 137, true, "sh: 1: vite: not found");
    assert_eq!(
        stopped.title,
        "exit code 137: the build was stopped because it used more than 2 GiB of memory (limit: BERTH_BUILD_MEMORY)"
    );
    let parent = project.failure(Command::Build, 1, true, "error Command failed with signal \"SIGKILL\".");
    assert_eq!(
        (parent.code, parent.title.as_str()),
        (
            FailureCode::OutOfMemory,
            "exit code 1: a process was stopped because the build used more than 2 GiB of memory (limit: BERTH_BUILD_MEMORY)"
        )
    );
    for (exit_code, says) in [
        (132, "crashed (SIGILL"),
        (134, "gave up (SIGABRT)"),
        (137, "was killed (SIGKILL)"),
        (139, "crashed (SIGSEGV: a segmentation fault)"),
        (143, "was told to stop (SIGTERM)"),
    ] {
        let failure = project.failure(Command::Install, exit_code, false, "working");
        assert!(
            failure.title.starts_with(&format!("exit code {exit_code}: installing dependencies {says}")),
            "{failure:?}"
        );
        assert_eq!((failure.code, failure.line), (FailureCode::Killed, Some(1)));
    }
    let killed = project.failure(Command::Build, 137, false, "working");
    assert!(
        killed.detail.contains("Docker reported no process that reached the limit of 2 GiB of memory"),
        "{killed:?}"
    );
    let builder = "Step 3/4 : RUN exit 9\n ---> Running in 3fcb923ff436\nRemoving intermediate container 3fcb923ff436";
    let step = project.failure(Command::Step, 9, false, builder);
    assert_eq!(step.title, "exit code 9: the step `RUN exit 9` of the Dockerfile failed");
    assert_eq!((step.detail.as_str(), step.line), ("It printed nothing that says why.", Some(1)));
    let step = project.failure(Command::Step, 137, false, "Killed");
    assert_eq!(step.title, "exit code 137: a step of the Dockerfile was killed (SIGKILL)");
    assert!(step.detail.contains("used more than 2 GiB of memory (limit: BERTH_BUILD_MEMORY)"), "{step:?}");
    let overdue = timed_out(Duration::from_secs(900), &excerpt("> vite\nready on port 5173\n"));
    assert_eq!(overdue.title, "the build was stopped after 15 minutes (limit: BERTH_BUILD_TIMEOUT)");
    assert!(overdue.detail.starts_with("The last that it printed: ready on port 5173. A command that"), "{overdue:?}");
    assert_eq!(overdue.line, Some(2));
    let full = no_space(Short::Space { left: 900 << 20, floor: 1 << 30, written: 3 << 30 });
    assert_eq!(full.title, "the build was stopped because the disk has 900 MiB left (limit: 1 GiB)");
    assert!(full.detail.starts_with("This build wrote 3 GiB, until"), "{full:?}");
}

#[test]
fn what_is_not_known_gets_its_own_words() {
    let plain = failure(2, "compiling\nparse error: unexpected end\nmore\n");
    assert_eq!((plain.title.as_str(), plain.line), ("exit code 2: the build command failed", Some(2)));
    assert_eq!(plain.detail, "Its output says: parse error: unexpected end");
    let install = Project::new(&[]).failure(
        Command::Install,
        1,
        false,
        "npm error code EODD\nnpm error something odd\nnpm error A complete log of this run can be found in: /x",
    );
    assert_eq!((install.code, install.line), (FailureCode::InstallFailed, Some(2)));
    assert_eq!(failure(3, "").detail, "It printed nothing that says why.");
    let silent = failure(1, "\n> shop@1.0.0 build\n> node build.js\n");
    assert_eq!(
        (silent.detail.as_str(), silent.line),
        ("It printed nothing that says why.", None),
        "a started script is no reason"
    );
    let telling = failure(1, "\n> shop@1.0.0 build\n> node build.js\nno input files\n");
    assert_eq!((telling.detail.as_str(), telling.line), ("Its output says: no input files", Some(4)));
}

#[test]
fn capitals_are_compared_with_the_files_of_the_commit() {
    let project = Project::new(&[
        ("src/components/Header.tsx", ""),
        ("src/Menu/index.ts", ""),
        ("a/Same.js", ""),
        ("b/same.js", ""),
    ]);
    let title = |module: &str| {
        let output = format!("Error: Cannot find module '{module}'\nRequire stack:\n- /app/src/main.js");
        project.failure(Command::Build, 1, false, &output).title
    };
    assert!(title("./components/header").ends_with("was not found: the file is called src/components/Header.tsx"));
    assert!(title("@/components/header").ends_with("the file is called src/components/Header.tsx"));
    assert!(title("/app/src/menu").ends_with("the file is called src/Menu/index.ts"));
    assert_eq!(
        title("./components/Header"),
        "exit code 1: the file ./components/Header was not found",
        "spelled as it is"
    );
    assert_eq!(title("./SAME.js"), "exit code 1: the file ./SAME.js was not found", "two of them are none");
    assert_eq!(title("left-pad"), "exit code 1: the package left-pad was not found");
    assert_eq!(title("@acme/header"), "exit code 1: the package @acme/header was not found");
}

#[test]
fn a_name_may_have_a_private_address() {
    let of_python = |reason: &str| {
        failure(
            1,
            &format!(
                "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='git.example.org', port=443): Max retries exceeded with url: / (Caused by NewConnectionError('<x>: Failed to establish a new connection: {reason}'))"
            ),
        )
    };
    let no_route = of_python("[Errno 113] No route to host");
    assert_eq!(no_route.title, "exit code 1: git.example.org:443 could not be reached");
    assert!(no_route.detail.starts_with("If the address of git.example.org is private, builds may not connect to it"));
    assert!(no_route.detail.contains("BERTH_EGRESS_ALLOW"), "{no_route:?}");
    let overdue = of_python("[Errno 110] Connection timed out");
    assert_eq!(overdue.title, "exit code 1: git.example.org:443 did not answer in time");
    assert!(overdue.detail.starts_with("If the address of"), "{overdue:?}");
    // An answer, even to refuse, shows that the way was free.
    let refused = of_python("[Errno 111] Connection refused");
    assert_eq!(refused.title, "exit code 1: git.example.org:443 refused the connection");
    assert!(refused.detail.starts_with("Berth lets builds connect to it"), "{refused:?}");
    let public = failure(1, "Error: connect EHOSTUNREACH 198.51.100.7:443");
    assert!(public.detail.starts_with("Berth lets builds connect to it"), "{public:?}");
    let private = failure(1, "dial tcp 10.1.2.3:443: connect: no route to host");
    assert!(private.title.ends_with("builds may not connect to 10.1.2.3:443"), "{private:?}");

    let mut open = Project::new(&[]);
    open.sandbox.egress = berth_runtime::Egress::Open;
    let curl = "curl: (7) Failed to connect to db.example.org port 5432 after 3 ms: No route to host";
    let unreached = open.failure(Command::Build, 7, false, curl);
    assert!(unreached.detail.starts_with("Berth lets builds connect to it"), "{unreached:?}");
}

#[test]
fn modules_are_told_by_what_they_name() {
    let project = Project::new(&[
        ("package.json", r#"{"dependencies":{"react-dom":"17.0.2"},"devDependencies":{"@acme/ui":"1.0.0"}}"#),
        (
            "tsconfig.json",
            "{ // of the editor\n \"compilerOptions\": { \"lib\": [\"dom\"], \"paths\": { \"#shared/*\": [\"./shared/*\"], \"lib-of-ours/*\": [\"./ours/*\"] } } }",
        ),
        ("src/components/Menu.tsx", ""),
    ]);
    let told = |module: &str| {
        let output = format!("Module not found: Error: Can't resolve '{module}' in '/app/src'");
        let failure = project.failure(Command::Build, 1, false, &output);
        (failure.title.trim_start_matches("exit code 1: ").to_owned(), failure.detail)
    };
    for module in ["crypto", "stream", "buffer", "fs/promises", "node:path"] {
        let (title, detail) = told(module);
        assert_eq!(title, format!("{module} is a module of Node's own, which browsers do not have"));
        assert!(detail.contains("resolve.fallback"), "{detail}");
    }
    for module in [
        "@components/Button",
        "@/lib/prices",
        "src/components/Button",
        "components/Button",
        "#shared/a",
        "lib-of-ours/a",
    ] {
        let (title, detail) = told(module);
        assert_eq!(title, format!("the file {module} was not found"));
        assert!(detail.contains("aliases in their own configuration"), "{detail}");
    }
    assert_eq!(
        told("@components/menu").0,
        "@components/menu was not found: the file is called src/components/Menu.tsx"
    );
    for module in ["react-dom/client", "/app/node_modules/react-dom/client"] {
        let (title, detail) = told(module);
        assert_eq!(title, "react-dom/client was not found: this version of react-dom has no client");
        assert!(detail.starts_with("Choose a version of react-dom that has it"), "{detail}");
    }
    assert_eq!(
        told("@acme/ui/dist/x.css").0,
        "@acme/ui/dist/x.css was not found: this version of @acme/ui has no dist/x.css"
    );
    for (module, package) in [
        ("lodash/merge", "lodash"),
        ("@acme/icons/menu/open", "@acme/icons"),
        ("~bootstrap/scss/bootstrap", "bootstrap"),
        ("process/browser", "process"),
        ("buffer/", "buffer"),
        ("components", "components"),
    ] {
        let (title, detail) = told(module);
        assert_eq!(title, format!("the package {package} was not found"), "{module}");
        assert!(detail.contains("add it to package.json"), "{detail}");
    }
    let (title, detail) = told("react-dom");
    assert_eq!(title, "the package react-dom was not found");
    assert!(detail.starts_with("package.json names it"), "{detail}");
}

#[test]
fn a_package_manager_of_another_version_is_named_in_package_json() {
    let of_pnpm = |tool: &str, wanted: &str, got: &str| {
        failure(
            1,
            &format!(
                " ERR_PNPM_UNSUPPORTED_ENGINE  Unsupported environment (bad pnpm and/or Node.js version)\n\nYour {tool} version is incompatible with \"/app\".\n\nExpected version: {wanted}\nGot: {got}"
            ),
        )
    };
    let pnpm = of_pnpm("pnpm", "^9", "10.2.0");
    assert_eq!((pnpm.code, pnpm.setting.as_deref()), (FailureCode::EngineMismatch, None));
    assert!(pnpm.detail.contains("name it in packageManager of package.json: pnpm@"), "{pnpm:?}");
    let node = of_pnpm("Node", ">=99", "v20.20.2");
    assert_eq!(node.title, "exit code 1: package.json needs Node >=99, and the build has Node 20.20.2");
    assert_eq!(node.setting.as_deref(), Some("nodeVersion"));
}

#[test]
fn a_machine_at_its_limits_explains_an_empty_place() {
    let project = Project::new(&[]);
    let checkout = Checkout::of_folder(project.directory.path()).unwrap();
    let silent = |output: &str| {
        let (excerpt, limits, sandbox) = (excerpt(output), &project.limits, &project.sandbox);
        of_silent_command(&Scene { excerpt: &excerpt, limits, checkout: &checkout, root: "", sandbox })
    };
    let forked = silent("sh: 1: Cannot fork\n").unwrap();
    assert_eq!(forked.title, "the build started more than 512 processes (limit: BERTH_BUILD_PIDS)");
    assert_eq!(silent("sh: 1: vite: not found\ndone\n"), None, "a command that ended well did without it");
}
