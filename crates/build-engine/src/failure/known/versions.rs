//! A package or tool that does not work with this version of Node, or of the package manager.

use std::collections::BTreeMap;

use berth_model::FailureCode;
use regex::Regex;

use super::Kind::Reason;
use super::{Row, Set, Words};
use crate::detect::node_version;

pub(super) const ROWS: &[Row] = &[
    (r"^npm (?:error|ERR!) code EBADENGINE", Reason, |seen| {
        let who = seen.below(r"notsup Not compatible with your version of node/npm: (.+)");
        let who = who.filter(|who| who != "undefined").unwrap_or_else(|| "package.json".to_owned());
        let wanted = engines(&seen.below(r"notsup Required:\s*(\{.+)")?);
        let there = engines(&seen.below(r"notsup Actual:\s*(\{.+)")?);
        // npm does not say which of the two it is.
        let node_fits = wanted.get("node").is_none_or(|range| {
            let major = there.get("node").and_then(|version| version.split('.').next()?.parse().ok());
            major.is_some_and(|major| node_version::admits(range, major))
        });
        let tool = if node_fits && wanted.contains_key("npm") { "npm" } else { "node" };
        mismatch(&who, tool, wanted.get(tool)?, there.get(tool)?)
    }),
    (r"ERR_PNPM_UNSUPPORTED_ENGINE", Reason, |seen| {
        // It writes `Node`, but `pnpm`.
        let tool = seen.below(r"Your (\w+) version is incompatible with")?.to_lowercase();
        let who = seen.below(r#"version is incompatible with "([^"]+)""#)?;
        let who = if who.starts_with('/') { "package.json".to_owned() } else { who };
        let wanted = seen.below(r"^Expected version: (.+)")?;
        mismatch(&who, &tool, &wanted, bare(&seen.below(r"^Got: (.+)")?))
    }),
    (
        r#"^error (\S+): The engine "(\w+)" is incompatible with this module\. Expected version "([^"]+)"\. Got "([^"]+)""#,
        Reason,
        |seen| mismatch(seen.group(1).trim_end_matches('@'), seen.group(2), seen.group(3), seen.group(4)),
    ),
    (r#"^You are using Node\.js ([\d.]+)\. For (Next\.js), Node\.js version "([^"]+)" is required"#, Reason, |seen| {
        mismatch(seen.group(2), "node", seen.group(3), seen.group(1))
    }),
    (r"^Node\.js v([\d.]+) is not supported by (\w+)!", Reason, |seen| {
        let wanted = seen.below(r#"supported version: "([^"]+)""#)?;
        mismatch(seen.group(2), "node", &wanted, seen.group(1))
    }),
    (r"^The Angular CLI requires a minimum Node\.js version of (.+)\.$", Reason, |seen| {
        let there = seen.above(r"^Node\.js version v([\d.]+) detected")?;
        mismatch("the Angular CLI", "node", seen.group(1), &there)
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

/// `tool` is Node or a package manager, by the name that engines of `package.json` has for it.
fn mismatch(who: &str, tool: &str, wanted: &str, there: &str) -> Option<Words> {
    let name = if tool == "node" { "Node" } else { tool };
    let title = format!("{who} needs {name} {wanted}, and the build has {name} {there}");
    if tool == "node" {
        return Words::new(FailureCode::EngineMismatch, title, advice("Choose a version that fits."))
            .set("nodeVersion");
    }
    Words::new(
        FailureCode::EngineMismatch,
        title,
        format!(
            "Choose a version of {tool} that fits, and name it in packageManager of package.json: {tool}@ and the exact \
             version."
        ),
    )
}

fn advice(first: &str) -> String {
    format!("{first} Set the version of Node in .nvmrc, in engines of package.json, or in the project's settings.")
}

/// `{"node":">=99","npm":"11"}` as npm prints it.
fn engines(json: &str) -> BTreeMap<String, String> {
    let pair = Regex::new(r#""(\w+)":"([^"]+)""#).expect("the pattern is well formed");
    pair.captures_iter(json).map(|pair| (pair[1].to_owned(), bare(&pair[2]).to_owned())).collect()
}

fn bare(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}
