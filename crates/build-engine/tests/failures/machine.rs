//! What the machine ends: memory, signals, disk, processes, time.

use std::time::Duration;

use berth_model::BuildLimits;

use crate::row::{Row, check_all};

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
            setting: Some("secrets"),
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
            "Docker reported no process that reached the limit of 256 MiB of memory",
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
            ..Row::script("processes", "i=0; while [ $i -lt 200 ]; do sleep 20 & i=$((i+1)); done; wait")
        },
    ];
    check_all(BuildLimits { memory: 256 << 20, pids: 96, ..BuildLimits::default() }, rows).await;
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
