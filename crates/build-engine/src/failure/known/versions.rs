//! A package or tool that does not work with this version of Node.

use berth_model::FailureCode;
use regex::Regex;

use super::Kind::Reason;
use super::{Row, Set, Words};

pub(super) const ROWS: &[Row] = &[
    (r"^npm (?:error|ERR!) code EBADENGINE", Reason, |seen| {
        let who = seen.below(r"notsup Not compatible with your version of node/npm: (.+)");
        let wanted = engines(&seen.below(r"notsup Required:\s*(\{.+)")?);
        let there = engines(&seen.below(r"notsup Actual:\s*(\{.+)")?);
        mismatch(&who.filter(|who| who != "undefined").unwrap_or_else(|| "package.json".to_owned()), &wanted, &there)
    }),
    (r"ERR_PNPM_UNSUPPORTED_ENGINE", Reason, |seen| {
        let tool = seen.below(r"Your (\w+) version is incompatible with")?;
        let who = seen.below(r#"version is incompatible with "([^"]+)""#)?;
        let who = if who.starts_with('/') { "package.json".to_owned() } else { who };
        let wanted = seen.below(r"^Expected version: (.+)")?;
        mismatch(&who, &format!("{tool} {wanted}"), &format!("{tool} {}", bare(&seen.below(r"^Got: (.+)")?)))
    }),
    (
        r#"^error (\S+): The engine "(\w+)" is incompatible with this module\. Expected version "([^"]+)"\. Got "([^"]+)""#,
        Reason,
        |seen| {
            let tool = named(seen.group(2));
            let (wanted, there) = (format!("{tool} {}", seen.group(3)), format!("{tool} {}", seen.group(4)));
            mismatch(seen.group(1).trim_end_matches('@'), &wanted, &there)
        },
    ),
    (r#"^You are using Node\.js ([\d.]+)\. For (Next\.js), Node\.js version "([^"]+)" is required"#, Reason, |seen| {
        mismatch(seen.group(2), &format!("Node {}", seen.group(3)), &format!("Node {}", seen.group(1)))
    }),
    (r"^Node\.js v([\d.]+) is not supported by (\w+)!", Reason, |seen| {
        let wanted = seen.below(r#"supported version: "([^"]+)""#)?;
        mismatch(seen.group(2), &format!("Node {wanted}"), &format!("Node {}", seen.group(1)))
    }),
    (r"^The Angular CLI requires a minimum Node\.js version of (.+)\.$", Reason, |seen| {
        let there = seen.above(r"^Node\.js version v([\d.]+) detected")?;
        mismatch("the Angular CLI", &format!("Node {}", seen.group(1)), &format!("Node {there}"))
    }),
    // A module of Node's own without something that exists elsewhere: only another version can have it.
    (r"^SyntaxError: The requested module '(node:[\w/]+)' does not provide an export named '(\w+)'", Reason, |seen| {
        let there = seen.below(r"^Node\.js v([\d.]+)$")?;
        Words::new(
            FailureCode::EngineMismatch,
            format!("Node {there} has no {} in {}", seen.group(2), seen.group(1)),
            advice("A program of the build expects a newer version of Node, or misspells the name."),
        )
        .set("nodeVersion")
    }),
];

fn mismatch(who: &str, wanted: &str, there: &str) -> Option<Words> {
    Words::new(
        FailureCode::EngineMismatch,
        format!("{who} needs {wanted}, and the build has {there}"),
        advice("Choose a version that fits."),
    )
    .set("nodeVersion")
}

fn advice(first: &str) -> String {
    format!("{first} Set the version of Node in .nvmrc, in engines of package.json, or in the project's settings.")
}

/// `{"node":">=99","npm":"11"}` as npm prints it, as words.
fn engines(json: &str) -> String {
    let pair = Regex::new(r#""(\w+)":"([^"]+)""#).expect("the pattern is well formed");
    let pairs = pair.captures_iter(json).map(|pair| format!("{} {}", named(&pair[1]), bare(&pair[2])));
    pairs.collect::<Vec<_>>().join(", ")
}

fn named(engine: &str) -> &str {
    if engine == "node" { "Node" } else { engine }
}

fn bare(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}
