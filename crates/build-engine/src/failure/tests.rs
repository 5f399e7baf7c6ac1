use super::*;

fn failure(command: Command, exit_code: i64, oom_killed: bool, output: &str) -> Failure {
    let mut excerpt = Excerpt::default();
    for (number, line) in (1..).zip(output.lines()) {
        excerpt.add(Some(number), line.to_owned());
    }
    of_command(command, exit_code, oom_killed, &excerpt, &BuildLimits::default())
}

/// As the tools really print them.
const OUTPUTS: &[(i64, &str)] = &[
    (
        1,
        "npm error code EUSAGE\nnpm error\nnpm error `npm ci` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync. Please update your lock file with `npm install` before continuing.\nnpm error\nnpm error Missing: left-pad@1.3.0 from lock file",
    ),
    (
        1,
        " ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with \"frozen-lockfile\" because pnpm-lock.yaml is not up to date",
    ),
    (1, "npm error Missing script: \"build\"\nnpm error\nnpm error To see a list of scripts, run:"),
    (1, "error Command \"bild\" not found."),
    (127, "sh: 1: vite: not found"),
    (134, "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"),
    (2, "sh: 1: Cannot fork"),
    (1, "Error: ENOSPC: no space left on device, write"),
    (1, "npm error code E401\nnpm error Incorrect or missing password."),
    (1, "npm error code E404\nnpm error 404 Not Found - GET https://r.example/x - Not found"),
    (1, "npm error code EBADENGINE\nnpm error engine Unsupported engine"),
    (1, "Error: getaddrinfo ENOTFOUND db.internal"),
    (1, "Error: Cannot find module './Header'\nRequire stack:"),
];

#[test]
fn failures_are_recognised_by_their_lines() {
    let mut table = String::new();
    for (exit_code, output) in OUTPUTS {
        let failure = failure(Command::Build, *exit_code, false, output);
        let line = failure.line.unwrap();
        table += &format!(
            "{} at {line}: {} [{}]\n",
            failure.code.as_str(),
            failure.title,
            failure.setting.unwrap_or_default()
        );
    }
    insta::assert_snapshot!(table, @"
    lockfile_out_of_step at 3: exit code 1: the lockfile and package.json disagree [installCommand]
    lockfile_out_of_step at 1: exit code 1: the lockfile and package.json disagree [installCommand]
    missing_script at 1: exit code 1: package.json has no script build [buildCommand]
    missing_script at 1: exit code 1: package.json has no script bild [buildCommand]
    command_failed at 1: exit code 127: the command vite was not found [buildCommand]
    out_of_memory at 1: exit code 134: Node ran out of memory [BERTH_BUILD_MEMORY]
    command_failed at 1: exit code 2: the build started more than 512 processes (limit: BERTH_BUILD_PIDS) [BERTH_BUILD_PIDS]
    no_space at 1: exit code 1: the build ran out of disk space []
    install_failed at 1: exit code 1: a package could not be downloaded without signing in [secrets]
    install_failed at 1: exit code 1: a package does not exist in the registry []
    install_failed at 1: exit code 1: a package does not work with this version of Node [nodeVersion]
    command_failed at 1: exit code 1: the build could not reach a host [BERTH_EGRESS_ALLOW]
    command_failed at 1: exit code 1: the module ./Header was not found []
    ");
}

#[test]
fn the_exit_state_speaks_first() {
    let failure_of = |exit_code, oom, output| failure(Command::Build, exit_code, oom, output);
    assert_eq!(
        failure_of(137, true, "").title,
        "exit code 137: the build was stopped because it used more than 2 GiB of memory (limit: BERTH_BUILD_MEMORY)"
    );
    let killed = failure_of(137, false, "working");
    assert_eq!(
        (killed.code, killed.title.as_str()),
        (FailureCode::CommandFailed, "exit code 137: the build command was killed")
    );
    let plain = failure_of(2, false, "> tsc\n\nsrc/a.ts(1,7): error TS2322: Type 'string' is not assignable\nmore\n");
    assert_eq!((plain.line, plain.code), (Some(3), FailureCode::CommandFailed));
    assert!(plain.detail.contains("TS2322"));
    let install = failure(
        Command::Install,
        1,
        false,
        "npm error something odd\nnpm error A complete log of this run can be found in: /x",
    );
    assert_eq!((install.code, install.line), (FailureCode::InstallFailed, Some(1)));
    assert!(failure_of(3, false, "").detail.contains("nothing"));
    assert!(timed_out(Duration::from_secs(900)).title.contains("15 minutes"));
}

#[test]
fn the_script_that_was_started_is_no_reason() {
    let silent = failure(Command::Build, 1, false, "\n> shop@1.0.0 build\n> node build.js\n");
    assert_eq!((silent.detail.as_str(), silent.line), ("It printed nothing that says why.", None));
    let telling = failure(Command::Build, 1, false, "\n> shop@1.0.0 build\n> node build.js\nno input files\n");
    assert_eq!((telling.detail.as_str(), telling.line), ("Its output says: no input files", Some(4)));
}
