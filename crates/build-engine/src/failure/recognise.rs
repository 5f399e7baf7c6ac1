//! Failures by what was printed: the line that shows one, what it means, and what to do.

use std::sync::LazyLock;

use berth_model::words::Bytes;
use berth_model::{BuildLimits, Failure, FailureCode};
use regex::Regex;

use crate::log::Excerpt;

/// A failure that is known by a line.
struct Known {
    pattern: Regex,
    code: FailureCode,
    /// `{1}` stands for the pattern's first group.
    title: &'static str,
    detail: &'static str,
    setting: Option<&'static str>,
}

/// In the order in which they are looked for: what explains most comes first.
const KNOWN: &[(&str, FailureCode, &str, &str, Option<&str>)] = &[
    (
        r"npm ci.*can only install packages when your package\.json and (?:package-lock\.json|npm-shrinkwrap\.json).* are in sync|ERR_PNPM_OUTDATED_LOCKFILE|Your lockfile needs to be updated|The lockfile would have been modified by this install|lockfile had changes, but lockfile is frozen",
        FailureCode::LockfileOutOfStep,
        "the lockfile and package.json disagree",
        "package.json was changed without its lockfile. Run the install on your machine and commit the lockfile with it.",
        Some("installCommand"),
    ),
    (
        r#"npm (?:ERR!|error) Missing script: "([^"]+)"|ERR_PNPM_NO_SCRIPT\S*\s+Missing script: (\S+)|error Command "([^"]+)" not found|error: Script not found "([^"]+)"|Couldn't find a script named "([^"]+)""#,
        FailureCode::MissingScript,
        "package.json has no script {1}",
        "The command runs a script that is not there. Add it to package.json, or set another build command.",
        Some("buildCommand"),
    ),
    (
        r"JavaScript heap out of memory|FATAL ERROR: .*Allocation failed",
        FailureCode::OutOfMemory,
        "Node ran out of memory",
        "Node's heap was full. Set NODE_OPTIONS=--max-old-space-size to a number of MiB below the limit of {memory} (BERTH_BUILD_MEMORY), or give the build less to hold at once.",
        Some("BERTH_BUILD_MEMORY"),
    ),
    (
        r"(?:can't|[Cc]annot) fork|fork: (?:retry: )?Resource temporarily unavailable|spawn \S+ EAGAIN|pthread_create: Resource temporarily unavailable",
        FailureCode::CommandFailed,
        "the build started more than {pids} processes (limit: BERTH_BUILD_PIDS)",
        "Let it work with fewer workers at once, look for a script that starts itself, or ask the operator for more.",
        Some("BERTH_BUILD_PIDS"),
    ),
    (
        r"ENOSPC|No space left on device",
        FailureCode::NoSpace,
        "the build ran out of disk space",
        "No space was left where it wrote. If the build should not write so much, look for what it writes; else ask the operator for more disk.",
        None,
    ),
    (
        r"npm (?:ERR!|error) code EBADENGINE|ERR_PNPM_UNSUPPORTED_ENGINE|The engine .node. is incompatible with this module|requires a Node\.js version|You are using Node\.js [\d.]+\. .* requires",
        FailureCode::InstallFailed,
        "a package does not work with this version of Node",
        "Set the version of Node in .nvmrc, in engines of package.json, or in the project's settings.",
        Some("nodeVersion"),
    ),
    (
        r"npm (?:ERR!|error) code (?:E401|E403|ENEEDAUTH)|ERR_PNPM_FETCH_40[13]|YN0041|Request failed .40[13] ",
        FailureCode::InstallFailed,
        "a package could not be downloaded without signing in",
        "The registry refused access. For a private package put a token into a secret (NPM_TOKEN) and name it in .npmrc: //registry.example.org/:_authToken=${NPM_TOKEN}.",
        Some("secrets"),
    ),
    (
        r"npm (?:ERR!|error) code E404|ERR_PNPM_FETCH_404|npm (?:ERR!|error) 404 .*is not in this registry",
        FailureCode::InstallFailed,
        "a package does not exist in the registry",
        "The name or version is wrong, or the package is private: then it needs a token (a secret such as NPM_TOKEN, named in .npmrc).",
        None,
    ),
    (
        r"ENETUNREACH|EHOSTUNREACH|connect ECONNREFUSED|connect ETIMEDOUT|getaddrinfo (?:ENOTFOUND|EAI_AGAIN)",
        FailureCode::CommandFailed,
        "the build could not reach a host",
        "Builds reach the public internet, but not this machine and not private networks. If it is a server of yours, ask the operator to allow its network (BERTH_EGRESS_ALLOW).",
        Some("BERTH_EGRESS_ALLOW"),
    ),
    (
        r"sh: (?:\d+: |line \d+: )?(\S+): (?:not found|command not found)",
        FailureCode::CommandFailed,
        "the command {1} was not found",
        "It is neither part of the image nor installed by the project. Add it to package.json's dependencies (devDependencies are installed too).",
        Some("buildCommand"),
    ),
    (
        r"Cannot find module '([^']+)'|Cannot find package '([^']+)'|Module not found: Error: Can't resolve '([^']+)'",
        FailureCode::CommandFailed,
        "the module {1} was not found",
        "It is not among the installed dependencies, or a path is spelled differently: file names here are case-sensitive.",
        None,
    ),
];

static PATTERNS: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let compiled = KNOWN.iter().map(|&(pattern, code, title, detail, setting)| {
        let pattern = Regex::new(pattern).expect("the patterns above are well formed");
        Known { pattern, code, title, detail, setting }
    });
    compiled.collect()
});

/// The first known failure that the output shows.
pub(super) fn by_output(exit_code: i64, excerpt: &Excerpt, limits: &BuildLimits) -> Option<Failure> {
    for known in PATTERNS.iter() {
        for (number, line) in excerpt.lines() {
            let Some(found) = known.pattern.captures(&line) else { continue };
            let group = found.iter().skip(1).flatten().next().map_or("", |group| group.as_str());
            let title = known.title.replace("{1}", group).replace("{pids}", &limits.pids.to_string());
            let detail = known.detail.replace("{memory}", &Bytes(limits.memory).to_string());
            let title = if exit_code == 0 { title } else { format!("exit code {exit_code}: {title}") };
            let mut failure = Failure::new(known.code, title, detail);
            failure.line = number;
            failure.setting = known.setting.map(str::to_owned);
            return Some(failure);
        }
    }
    None
}

/// A kill without the daemon's word for its reason.
pub(super) fn is_out_of_memory(excerpt: &Excerpt) -> bool {
    excerpt.lines().any(|(_, line)| line.contains("out of memory") || line.contains("Out of memory"))
}

/// The line that most likely says why: the first that begins like an error, else the last that says anything.
pub(super) fn telling_line(excerpt: &Excerpt) -> (Option<i64>, Option<String>) {
    static ERROR: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r"(?i)^\W*(?:\S*error\b|failed\b|fatal\b)|error TS\d+|: error ";
        Regex::new(pattern).expect("the pattern above is well formed")
    });
    let says = |line: &String| {
        // Package managers begin with the script that they start, and npm ends every failure with where its own log is.
        let is_announced = line.starts_with("> ") || line.starts_with("$ ");
        !is_announced
            && !line.trim().is_empty()
            && !line.contains("A complete log of this run")
            && !line.contains("/_logs/")
    };
    let first = excerpt.lines().find(|(_, line)| says(line) && ERROR.is_match(line));
    let telling = first.or_else(|| excerpt.lines().rev().find(|(_, line)| says(line)));
    match telling {
        Some((number, line)) => {
            let mut line = line.trim().to_owned();
            line.truncate(line.floor_char_boundary(300));
            (number, Some(line))
        }
        None => (None, None),
    }
}
