//! The images that a Dockerfile builds on or copies from, so that none is another owner's.
//!
//! Docker finds a local image by any unambiguous beginning of its id and by any tag, also those of the packages that
//! Berth keeps for others. So a name must look like one: no id, and none that Berth gives.

use std::collections::BTreeMap;

use berth_model::{RepoUrl, SourceAllow};

use super::instructions::{self, Instruction};
use super::refused;
use crate::BuildError;

/// What the names of Berth's own images begin with.
const OURS: &str = "berth-";

/// No image's name is longer, so neither is what one is put together from: a value may be used twice in the next, and
/// that one twice again.
const MOST_EXPANDED: usize = 4 << 10;

/// The images that stages begin with, in their order, without those of the Dockerfile's own stages and `scratch`.
///
/// # Errors
/// Theirs for a name that is an id, one of ours, or not to be understood, and for a registry that sources may not be
/// fetched from either; also in `COPY --from`.
pub(super) fn images(
    instructions: &[Instruction],
    arguments: &BTreeMap<String, String>,
    allow: &SourceAllow,
) -> Result<Vec<String>, BuildError> {
    let mut images = Vec::new();
    // A stage's name stands for it only once it is over: in the stage itself it is an image's.
    let mut stages: Vec<String> = Vec::new();
    let mut current = None;
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
            "FROM" if instruction.begins_stage() => {
                stages.extend(current.take());
                has_stage = true;
                let mut words = instruction.rest.split_whitespace();
                let written = words.next().unwrap_or_default();
                let name = expand(written, &known).ok_or_else(|| unclear(written, instruction.line))?;
                let is_stage = stages.contains(&name.to_ascii_lowercase());
                if !is_stage && name != "scratch" {
                    check(&name, instruction.line, allow)?;
                    images.push(name);
                }
                current = words.nth(1).map(str::to_ascii_lowercase);
            }
            "COPY" => {
                let Some(from) = instruction.flag("from") else { continue };
                let is_stage = stages.contains(&from.to_ascii_lowercase()) || from.parse::<u16>().is_ok();
                if !is_stage {
                    check(from, instruction.line, allow)?;
                }
            }
            _ => {}
        }
    }
    Ok(images)
}

/// Refuses what an image that others made wants to run in this build, if it takes files from further images or from an
/// address, or is no one instruction.
pub(super) fn check_on_build(image: &str, triggers: &[String]) -> Result<(), BuildError> {
    let is_harmless = |trigger: &str| {
        let Ok(parsed) = instructions::parse(trigger) else { return false };
        let [instruction] = &parsed[..] else { return false };
        let bare = instruction.to_string().replace(['"', '\'', '\\'], "").to_ascii_lowercase();
        match instruction.keyword.as_str() {
            "COPY" => !bare.contains("--from"),
            "FROM" => false,
            _ => !instruction.is_on_build,
        }
    };
    match triggers.iter().find(|trigger| !is_harmless(trigger)) {
        None => Ok(()),
        Some(trigger) => Err(refused(
            &format!("the image {image} takes files from elsewhere when something is built on it"),
            &format!(
                "Its ONBUILD instruction is `{trigger}`. Berth cannot tell whose files that would be: use another image."
            ),
        )),
    }
}

fn check(name: &str, line: usize, allow: &SourceAllow) -> Result<(), BuildError> {
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
    let Some(host) = registry_host(name) else { return Ok(()) };
    let address = RepoUrl::parse(&format!("https://{host}/v2")).map_err(|_| unclear(name, line))?;
    allow.check_url(&address).map_err(|why| {
        refused(
            &format!("the Dockerfile may not use the image {name} (line {line})"),
            &format!("Its registry is not fetched from: {}.", why.message),
        )
    })
}

/// The host that an image's name begins with; `None` for those of Docker's own registry.
fn registry_host(name: &str) -> Option<&str> {
    let (host, _) = name.split_once('/')?;
    let is_host = host.contains(['.', ':']) || host.eq_ignore_ascii_case("localhost");
    is_host.then_some(host)
}

fn unclear(written: &str, line: usize) -> BuildError {
    refused(
        &format!("the Dockerfile names an image that cannot be told: `{written}` at line {line}"),
        "Write the image as plain text, or with an ARG that stands before the first FROM and has a default.",
    )
}

/// The text with its variables replaced; `None` if it holds what only a shell could be sure of, or becomes too long.
fn expand(text: &str, known: &BTreeMap<String, String>) -> Option<String> {
    let quotes = ['"', '\''];
    let text = quotes.iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(text);
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if expanded.len() > MOST_EXPANDED {
            return None;
        }
        // What a name that is none, or one that the daemon may have its own value for, becomes cannot be told.
        let may_stand =
            |name: &str| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !is_of_a_proxy(name);
        let value = |name: &str| known.get(name).filter(|value| !value.is_empty()).cloned();
        if let Some(braced) = rest.strip_prefix('{') {
            let (inner, after) = braced.split_once('}')?;
            rest = after;
            let name_ends = inner.find(|c: char| !is_name(c)).unwrap_or(inner.len());
            let (name, operator) = inner.split_at(name_ends);
            if !may_stand(name) {
                return None;
            }
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
            if !may_stand(name) {
                return None;
            }
            expanded.push_str(&value(name).unwrap_or_default());
            rest = after;
        }
    }
    expanded.push_str(rest);
    (expanded.len() <= MOST_EXPANDED && !expanded.contains(['\\', '"', '\'', '`', '$'])).then_some(expanded)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The arguments that every Dockerfile has without declaring them.
fn is_of_a_proxy(name: &str) -> bool {
    const KINDS: [&str; 5] = ["HTTP", "HTTPS", "FTP", "NO", "ALL"];
    let name = name.to_ascii_uppercase();
    name.strip_suffix("_PROXY").is_some_and(|kind| KINDS.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::super::instructions::parse;
    use super::*;

    fn images_of(text: &str, arguments: &[(&str, &str)]) -> Result<Vec<String>, BuildError> {
        let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        images(&parse(text).unwrap(), &arguments, &SourceAllow::parse("10.1.2.3").unwrap())
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
            ("FROM node AS a3f\nCOPY --from=a3f /a /b", None),
            ("FROM node AS x\nFROM node AS a3f\nCOPY --from=A3F /a /b\nFROM node", None),
            ("FROM node\nONBUILD FROM node AS a3f\nFROM node\nCOPY --from=a3f /a /b", None),
            ("FROM node\nCOPY --from=99999999999999999999 /a /b", None),
            ("FROM 10.0.0.5:5000/x", None),
            ("FROM 127.0.0.1:5000/x:1", None),
            ("FROM 127.1:5000/x", None),
            ("FROM 0x7f000001:80/x", None),
            ("FROM localhost/x", None),
            ("FROM localhost:5000/x", None),
            ("FROM a.localhost:5000/x", None),
            ("FROM 169.254.169.254/x", None),
            ("ARG A=10.0.0.5\nFROM $A/x", None),
            ("ARG A\nFROM $A/x", Some("10.0.0.5:5000")),
            ("FROM node\nCOPY --from=10.0.0.5:5000/x /a /b", None),
            ("ARG HTTP_PROXY=node\nFROM $HTTP_PROXY", None),
            ("FROM node:20${no_proxy}", None),
            ("ARG A=${all_proxy:-node}\nFROM $A", None),
            ("FROM node$1a", None),
            ("FROM node${1a}", None),
            ("FROM node$", None),
            ("FROM node${}", None),
        ] {
            let arguments: Vec<_> = arguments.map(|value| ("A", value)).into_iter().collect();
            assert!(images_of(text, &arguments).is_err(), "{text}");
        }
        assert_eq!(images_of("FROM 10.1.2.3:5000/x", &[]).unwrap(), ["10.1.2.3:5000/x"], "the operator allows it");
    }

    #[test]
    fn values_that_grow_with_each_line_are_refused() {
        let mut text = format!("ARG A0={}\n", "a".repeat(16));
        for line in 1..=60 {
            text += &format!("ARG A{line}=$A{0}${{A{0}}}\n", line - 1);
        }
        let error = images_of(&(text + "FROM node\n"), &[]).unwrap_err().to_string();
        assert!(error.contains("an image that cannot be told"), "{error}");
        let long = "a".repeat(MOST_EXPANDED);
        assert!(images_of(&format!("ARG A={long}\nFROM node"), &[]).is_ok());
        assert!(images_of("ARG A\nARG B=$A$A\nFROM node", &[("A", &long)]).is_err());
    }

    #[test]
    fn images_of_others_bring_no_files_of_others() {
        for trigger in [
            "COPY --from=a b c",
            "COPY --FROM=a b c",
            "copy --chown=1 --from=0 b c",
            "COPY --fr\\om=a b c",
            "COPY --\"from\"=a b c",
            "COPY --chown=\"1 --from=a\" b c",
            "# escape=`\nCOPY --fr`\nom=a b c",
            "COPY --fr\\\nom=a b c",
            "RUN x\nCOPY --from=a b c",
            "RUN --mount=type=bind,source=/,target=/host x",
            "ADD http://127.0.0.1:1/x /x",
            "ADD $X /x",
            "FROM node",
            "",
        ] {
            assert!(check_on_build("x", &[trigger.to_owned()]).is_err(), "{trigger}");
        }
        for trigger in ["RUN npm ci", "COPY . /app", "COPY --chown=node:node . .", "ADD . /app", "WORKDIR /app"] {
            assert!(check_on_build("x", &[trigger.to_owned()]).is_ok(), "{trigger}");
        }
    }
}
