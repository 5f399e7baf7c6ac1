//! Compilers, linters and tests that found something wrong in the project's own files.

use super::Kind::{Entry, PassesOn, Reason};
use super::{Row, Seen, Words};

pub(super) const ROWS: &[Row] = &[
    (r"^(\S.*?)[(:](\d+)[,:](\d+)\)?(?::| -) error (TS\d+): (.+)$", Entry, |seen| {
        type_error(seen.group(1), seen.group(2), &format!("{}: {}", seen.group(4), seen.group(5)))
    }),
    (r"^Type error: (.+)$", Reason, |seen| {
        let place = seen.above(r"^(\./\S+:\d+:\d+)$")?;
        let mut parts = place.trim_start_matches("./").split(':');
        type_error(parts.next()?, parts.next()?, seen.group(1))
    }),
    (r"^\W*\[ERROR\] (TS-?\d+: .+?)(?: \[plugin [\w-]+\])?$", Entry, |seen| {
        let place = seen.below(r"^\s+(\S+:\d+):\d+:$")?;
        let (file, line) = place.split_once(':')?;
        type_error(file, line, seen.group(1))
    }),
    (r"^\W*\[ERROR\] (.+)$", Entry, |seen| {
        let place = seen.below(r"^\s+(\S+:\d+):\d+:$");
        let place = place.map(|place| format!(" in {place}")).unwrap_or_default();
        let detail = format!("{}. Fix it; the log shows all that was found.", seen.group(1).trim_end_matches('.'));
        Words::of_command(format!("the bundler found an error{place}"), detail)
    }),
    // Without errors ESLint ends well, unless it counts warnings, and then it says so (below).
    (r"^✖ \d+ problems? \(([1-9]\d*) errors?, \d+ warnings?\)", Reason, eslint),
    (r"^\d+:\d+\s+Error: (.+?)\s{2,}(\S+)$", Entry, |seen| {
        Words::of_command(
            "ESLint found errors",
            format!(
                "The first: {} ({}). Fix it, turn the rule off in ESLint's configuration, or leave linting out of the build.",
                seen.group(1),
                seen.group(2)
            ),
        )
    }),
    (r"^ESLint found too many warnings \(maximum: (\d+)\)", Reason, |seen| {
        Words::of_command(
            format!("ESLint found more warnings than --max-warnings={} allows", seen.group(1)),
            "Fix the warnings, or leave linting out of the build command.",
        )
    }),
    (
        r"^\s*Test Files\s+(\d+) failed|^Tests:\s+(\d+) failed|^(?:#|ℹ) fail ([1-9]\d*)$|^\s+(\d+) failing$",
        Reason,
        |seen| {
            let (count, is_files) = (seen.value(), seen.groups.get(1).is_some());
            let what = if is_files { "test file" } else { "test" };
            let plural = if count == "1" { "" } else { "s" };
            Words::of_command(
                format!("{count} {what}{plural} failed"),
                "The build command runs the project's tests. Make them pass, or take them out of the build command.",
            )
        },
    ),
    (r#"^(?:(\S+) \(\d+:\d+\): )?"(\w+)" is not exported by "([^"]+)", imported by "([^"]+)""#, Reason, |seen| {
        Words::of_command(
            format!("{} does not export {}", seen.group(3), seen.group(2)),
            format!("{} imports it from there: one of the two has another name.", seen.group(4)),
        )
    }),
    (r"^\[?(?:vite|commonjs|plugin)[\w:-]*\]? (.+ \(\d+:\d+\)): (.+)$", Reason, |seen| {
        Words::of_command(format!("{} cannot be read", seen.group(1)), format!("Vite says: {}", seen.group(2)))
    }),
    (r"^error during build:$", PassesOn, |seen| {
        let next = seen.next_line()?;
        let mut words =
            Words::of_command("Vite could not build the project", format!("It says: {}", next.text.trim()))?;
        words.at = next.number;
        Some(words)
    }),
];

fn type_error(file: &str, line: &str, says: &str) -> Option<Words> {
    Words::of_command(
        format!("TypeScript found an error in {file}, line {line}"),
        format!("{}. Fix it; the log shows all errors that were found.", says.trim_end_matches('.')),
    )
}

fn eslint(seen: &Seen<'_>) -> Option<Words> {
    let count = seen.group(1);
    let plural = if count == "1" { "" } else { "s" };
    let is_first = |text: &str| {
        let mut words = text.split_whitespace();
        words.next().is_some_and(|place| place.contains(':') && !place.starts_with('/'))
            && words.next() == Some("error")
    };
    let first = seen.lines[..seen.at].iter().find(|line| is_first(&line.text));
    let says = first.map(|line| format!("The first: {}. ", line.text.split_whitespace().collect::<Vec<_>>().join(" ")));
    let mut words = Words::of_command(
        format!("ESLint found {count} error{plural}"),
        format!(
            "{}Fix it, turn the rule off in ESLint's configuration, or leave linting out of the build command.",
            says.unwrap_or_default()
        ),
    )?;
    words.at = first.and_then(|line| line.number);
    Some(words)
}
