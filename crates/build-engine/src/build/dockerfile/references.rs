//! The images that a Dockerfile builds on or copies from, so that none is another owner's.
//!
//! Docker finds a local image by any unambiguous beginning of its id and by any tag, also those of the packages that
//! Berth keeps for others. So a name must look like one: no id, and none that Berth gives.

use std::collections::BTreeMap;

use super::instructions::Instruction;
use super::refused;
use crate::BuildError;

/// What the names of Berth's own images begin with.
const OURS: &str = "berth-";

/// The images that stages begin with, in their order, without those of the Dockerfile's own stages and `scratch`.
///
/// # Errors
/// Theirs for a name that is an id, one of ours, or not to be understood; also in `COPY --from`.
pub(super) fn images(
    instructions: &[Instruction],
    arguments: &BTreeMap<String, String>,
) -> Result<Vec<String>, BuildError> {
    let mut images = Vec::new();
    let mut stages: Vec<String> = Vec::new();
    // Only what stands before the first stage can be used in `FROM`.
    let mut known = BTreeMap::new();
    let mut has_stage = false;
    for instruction in instructions {
        match instruction.keyword.as_str() {
            "ARG" if !has_stage => {
                for (name, default) in instruction.declared() {
                    let default = expand(default.unwrap_or_default(), &known);
                    let value = arguments.get(name).cloned().or(default);
                    known.insert(name.to_owned(), value.ok_or_else(|| unclear(&instruction.rest, instruction.line))?);
                }
            }
            "FROM" => {
                has_stage = true;
                let mut words = instruction.rest.split_whitespace();
                let written = words.next().unwrap_or_default();
                let name = expand(written, &known).ok_or_else(|| unclear(written, instruction.line))?;
                let is_stage = stages.contains(&name.to_ascii_lowercase());
                if !is_stage && name != "scratch" {
                    check(&name, instruction.line)?;
                    images.push(name);
                }
                let called = words.nth(1).unwrap_or_default();
                stages.push(called.to_ascii_lowercase());
            }
            "COPY" => {
                let Some(from) = instruction.flag("from") else { continue };
                let is_stage = stages.contains(&from.to_ascii_lowercase()) || from.parse::<usize>().is_ok();
                if !is_stage {
                    check(from, instruction.line)?;
                }
            }
            _ => {}
        }
    }
    Ok(images)
}

/// Refuses what an image that others made wants to run in this build, if it takes files from further images.
pub(super) fn check_on_build(image: &str, triggers: &[String]) -> Result<(), BuildError> {
    let Some(trigger) = triggers.iter().find(|trigger| trigger.to_ascii_lowercase().contains("--from")) else {
        return Ok(());
    };
    Err(refused(
        &format!("the image {image} copies from further images when something is built on it"),
        &format!(
            "Its ONBUILD instruction is `{trigger}`. Berth cannot tell whose files that would be: use another image."
        ),
    ))
}

fn check(name: &str, line: usize) -> Result<(), BuildError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '/' | '@' | '-');
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(unclear(name, line));
    }
    let is_id = name.starts_with("sha256:") || name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let last = name.rsplit('/').next().unwrap_or(name);
    if is_id || last.to_ascii_lowercase().starts_with(OURS) {
        return Err(refused(
            &format!("the Dockerfile may not use the image {name} (line {line})"),
            "An image is named by its repository and tag. Ids of local images, and names that begin with berth-, may lead \
             to files of others.",
        ));
    }
    Ok(())
}

fn unclear(written: &str, line: usize) -> BuildError {
    refused(
        &format!("the Dockerfile names an image that cannot be told: `{written}` at line {line}"),
        "Write the image as plain text, or with an ARG that stands before the first FROM and has a default.",
    )
}

/// The text with its variables replaced; `None` if it holds what only a shell could be sure of.
fn expand(text: &str, known: &BTreeMap<String, String>) -> Option<String> {
    let quotes = ['"', '\''];
    let text = quotes.iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(text);
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let value = |name: &str| known.get(name).filter(|value| !value.is_empty()).cloned();
        if let Some(braced) = rest.strip_prefix('{') {
            let (inner, after) = braced.split_once('}')?;
            rest = after;
            let name_ends = inner.find(|c: char| !is_name(c)).unwrap_or(inner.len());
            let (name, operator) = inner.split_at(name_ends);
            expanded.push_str(&match operator {
                "" => value(name).unwrap_or_default(),
                _ if let Some(default) = operator.strip_prefix(":-") => {
                    value(name).or_else(|| expand(default, known))?
                }
                _ if let Some(instead) = operator.strip_prefix(":+") => match value(name) {
                    Some(_) => expand(instead, known)?,
                    None => String::new(),
                },
                _ => return None,
            });
        } else {
            let name_ends = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(name_ends);
            expanded.push_str(&value(name).unwrap_or_default());
            rest = after;
        }
    }
    expanded.push_str(rest);
    (!expanded.contains(['\\', '"', '\'', '`', '$'])).then_some(expanded)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::super::instructions::parse;
    use super::*;

    fn images_of(text: &str, arguments: &[(&str, &str)]) -> Result<Vec<String>, BuildError> {
        let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        images(&parse(text).unwrap(), &arguments)
    }

    #[test]
    fn images_are_what_the_builder_would_take() {
        let text = "ARG NODE=20\nARG BASE=\"node:${NODE}-alpine\"\nFROM --platform=linux/amd64 $BASE AS Build\n\
                    FROM build AS again\nCOPY --from=0 a b\nCOPY --from=BUILD a b\nFROM nginx:${TAG:-alpine}\n\
                    COPY --from=again /a /b\nCOPY --from=busybox:1 /a /b\nFROM scratch\n";
        assert_eq!(images_of(text, &[]).unwrap(), ["node:20-alpine", "nginx:alpine"]);
        assert_eq!(images_of(text, &[("NODE", "22")]).unwrap()[0], "node:22-alpine");
        let digest = format!("FROM registry.example.org:5000/a/b@sha256:{}", "a".repeat(64));
        assert_eq!(images_of(&digest, &[]).unwrap().len(), 1);
    }

    #[test]
    fn ids_and_images_of_ours_are_refused_however_they_are_written() {
        for (text, arguments) in [
            ("FROM berth-dependencies-1234:abcd", None),
            ("FROM localhost/library/Berth-toolchain-1:2", None),
            ("FROM deadbeef", None),
            ("FROM 12", None),
            ("FROM sha256:0000", None),
            ("ARG A=berth\nFROM $A-dependencies-1:2", None),
            ("ARG A\nFROM ${A}", Some("berth-dependencies-1:2")),
            ("FR\\\nOM be\\\nrth-x", None),
            ("FROM \"berth-x\"", None),
            ("FROM bert\\h-x", None),
            ("FROM ${A:-berth-x}", None),
            ("FROM node\nCOPY --from=berth-x:1 /a /b", None),
            ("FROM node\nCOPY --from=\"berth-x\" /a /b", None),
            ("FROM node\nCOPY --from=abc /a /b\nFROM x AS abc", None),
            ("FROM node\nONBUILD COPY --from=berth-x:1 /a /b", None),
        ] {
            let arguments: Vec<_> = arguments.map(|value| ("A", value)).into_iter().collect();
            assert!(images_of(text, &arguments).is_err(), "{text}");
        }
        assert!(check_on_build("x", &["COPY --FROM=a b c".to_owned()]).is_err());
        assert!(check_on_build("x", &["RUN npm ci".to_owned()]).is_ok());
    }
}
