//! What the project itself does wrong: its output, files, modules, variables and Dockerfile.

use berth_model::BuildLimits;

use crate::row::{Row, check_all};

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
