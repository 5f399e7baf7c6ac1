//! Scripts and programs that are not there, variables that are not set, and site generators that refuse.

use berth_model::FailureCode;

use super::Kind::Reason;
use super::{Row, Seen, Set, Words};

pub(super) const ROWS: &[Row] = &[
    (
        r#"^npm (?:error|ERR!) Missing script: "([^"]+)"|ERR_PNPM_NO_SCRIPT\S*\s+Missing script: (\S+)|^error Command "([^"]+)" not found|^error: Script not found "([^"]+)"|^Usage Error: Couldn't find a script named "([^"]+)""#,
        Reason,
        missing_script,
    ),
    (
        r"^(?:/\S+/)?(?:ba|da|z)?sh: (?:\d+: |line \d+: )?(?:exec: )?([^\s:]+): (?:not found|command not found)$|^command not found: (\S+)$|^Error: spawn (\S+) ENOENT$",
        Reason,
        missing_program,
    ),
    (r"^(?:/\S+/)?(?:ba|da|z)?sh: (?:\d+: |line \d+: )?(\S+): Permission denied$", Reason, |seen| {
        // Writing where it may not is told in the same words, with another exit code.
        if seen.exit_code != 126 {
            return None;
        }
        let file = seen.group(1).trim_start_matches("./");
        Words::of_command(
                format!("{file} is not executable"),
                format!(
                    "The repository keeps it without the right to be run. Set it with `git update-index --chmod=+x {file}` and \
                     commit, or run it by its interpreter: `sh {file}`."
                ),
            )
            .set("buildCommand")
    }),
    (
        r#"^(?:Error: )?(?:❌ )?(?:Missing (?:required )?env(?:ironment)? var(?:iable)?s?|Environment variable not found|Required env(?:ironment)? var(?:iable)?)(?: is)?:? ["'`]?([A-Z][A-Z0-9_]*[A-Z0-9])\b"#,
        Reason,
        |seen| {
            let name = seen.group(1);
            Words::of_command(
                format!("the build wants the variable {name}, which is not set"),
                format!("Add {name} to the project's variables, then rebuild."),
            )
            .set("secrets")
        },
    ),
    (
        r#"^(?:Error: )?(?:.*: )?module "([^"]+)" not found[ ;].*themes|: The (\S+) theme could not be found\."#,
        Reason,
        |seen| {
            Words::of_command(
                format!("the theme {} is not there", seen.value()),
                "A theme that is a git submodule is not fetched, and a gem must be named in the Gemfile. Put the theme's files into \
                 the repository, or load it as a Hugo module or a gem.",
            )
        },
    ),
    (
        r"^ERROR\s+-\s+Config value '(\w+)': (Unrecognised theme name: '[^']+'|The \S+ plugin is not installed)",
        Reason,
        |seen| {
            Words::of_command(
                format!("mkdocs.yml asks for what is not installed: {}", seen.group(2)),
                "Add the package that brings it to requirements.txt.",
            )
        },
    ),
    (r"^Aborted with (\d+) (?:Configuration )?[Ww]arnings? in ['\x22]?strict['\x22]? mode!", Reason, |seen| {
        let plural = if seen.group(1) == "1" { "" } else { "s" };
        let first = seen.lines[..seen.at].iter().find(|line| line.text.starts_with("WARNING"));
        let says =
            first.and_then(|line| line.text.split_once("- ")).map(|(_, text)| format!("The first: {}. ", text.trim()));
        let mut words = Words::of_command(
            format!("MkDocs found {} warning{plural}, and strict mode allows none", seen.group(1)),
            format!("{}Mend it, or build without --strict.", says.unwrap_or_default()),
        )?;
        words.at = first.and_then(|line| line.number);
        words.setting = Some("buildCommand");
        Some(words)
    }),
    (
        r"(?:^|: )Could not find gem '([^']+)'|^Could not find (\S+-\d[\w.]*) in (?:any of the sources|locally installed gems)",
        Reason,
        |seen| {
            Words::of_install(
                format!("there is no gem {}", seen.value()),
                "Check its name and version in the Gemfile, run `bundle install` on your machine and commit Gemfile.lock.",
            )
        },
    ),
    (
        r"^You are trying to install in deployment mode after changing|^The (?:dependencies in your gemfile changed|gemspecs? for)|^Your lockfile (?:does not satisfy|is out of date)|cannot be updated because frozen mode is set",
        Reason,
        |_| {
            Words::new(
                FailureCode::LockfileOutOfStep,
                "Gemfile and Gemfile.lock disagree",
                "The Gemfile was changed without its lockfile. Run `bundle install` on your machine and commit Gemfile.lock with it.",
            )
            .set("installCommand")
        },
    ),
];

fn missing_script(seen: &Seen<'_>) -> Option<Words> {
    let scripts = seen.scripts();
    let there = match scripts.as_slice() {
        [] => "It has no scripts at all".to_owned(),
        scripts => format!("It has: {}", scripts.join(", ")),
    };
    Words::new(
        FailureCode::MissingScript,
        format!("package.json has no script {}", seen.value()),
        format!("{there}. Add the script, or set a command that runs another one."),
    )
    .set("buildCommand")
}

fn missing_program(seen: &Seen<'_>) -> Option<Words> {
    let program = seen.value();
    let title = format!("the command {program} was not found");
    if program.contains('/') {
        let detail = "There is no such file in the repository at this commit, or its first line (#!) names a program that is not there.";
        return Words::of_command(title, detail).set("buildCommand");
    }
    Words::of_command(
        title,
        "It is neither part of the image nor installed by the project. Add the package that brings it to package.json \
         (devDependencies are installed too).",
    )
    .set("buildCommand")
}
