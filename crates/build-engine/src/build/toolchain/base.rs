//! The image of a language: the one that is asked for, or the nearest that can be had.

use berth_model::{Decision, Failure, FailureCode, Reason};
use berth_runtime::RuntimeError;

use super::Image;
use crate::BuildError;
use crate::run::Job;

/// What is tried where nothing of a language is on this machine; the first is what most projects build with.
const KNOWN: &[(&str, &[&str])] = &[
    ("node", &["22-slim", "24-slim", "20-slim", "18-slim"]),
    ("python", &["3.12-slim", "3.13-slim", "3.11-slim"]),
    ("ruby", &["3.3-slim", "3.4-slim", "3.2-slim"]),
];

/// What there is.
pub(super) enum Found {
    /// What was asked for.
    Itself(Image),
    /// The nearest to it.
    Instead(Image),
}

/// The image `wanted` (`node:21-slim`), pulled if need be, or the nearest of its language: of a newer version rather
/// than of an older one, from this machine rather than from a registry.
pub(super) async fn nearest(job: &Job, wanted: &str) -> Result<Found, BuildError> {
    let error = match get(job, wanted).await {
        Ok(image) => return Ok(Found::Itself(image)),
        Err(error) => error,
    };
    let BuildError::Ours { .. } = &error else {
        if let Some(image) = substitute(job, wanted).await? {
            return Ok(Found::Instead(image));
        }
        return Err(error);
    };
    Err(error)
}

async fn substitute(job: &Job, wanted: &str) -> Result<Option<Image>, BuildError> {
    let Some((language, tag)) = wanted.split_once(':') else { return Ok(None) };
    let local = job.engine.local_tags(language).await?;
    for tag in by_nearness(tag, local.iter().map(String::as_str)) {
        if let Ok(image) = get(job, &format!("{language}:{tag}")).await {
            return Ok(Some(image));
        }
    }
    let known = KNOWN.iter().find(|(name, _)| *name == language).map_or(&[][..], |(_, tags)| tags);
    for tag in by_nearness(tag, known.iter().copied()) {
        if let Ok(image) = get(job, &format!("{language}:{tag}")).await {
            return Ok(Some(image));
        }
    }
    Ok(None)
}

async fn get(job: &Job, name: &str) -> Result<Image, BuildError> {
    let mut say = |line: &str| job.log.say(line);
    job.engine.ensure_base_image(name, &mut say).await.map_err(|error| missing(name, error))?;
    let id = job.engine.image_id(name).await?;
    let id = id.ok_or_else(|| BuildError::ours("a pulled image is not there"))?;
    Ok(Image { name: name.to_owned(), id })
}

/// The tags that name a version of the same variant, nearest first; without the one that is asked for.
fn by_nearness<'a>(wanted: &str, tags: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let Some((version, variant)) = parts(wanted) else { return Vec::new() };
    let mut candidates: Vec<(Vec<u32>, &str)> = tags
        .filter(|tag| *tag != wanted)
        .filter_map(|tag| parts(tag).filter(|(_, other)| *other == variant).map(|(version, _)| (version, tag)))
        .collect();
    candidates.sort();
    let older = candidates.iter().filter(|(other, _)| *other < version).rev();
    candidates.iter().filter(|(other, _)| *other >= version).chain(older).map(|(_, tag)| *tag).collect()
}

/// `3.12-slim` as version and variant.
fn parts(tag: &str) -> Option<(Vec<u32>, &str)> {
    let (version, variant) = tag.split_once('-').unwrap_or((tag, ""));
    let version: Option<Vec<u32>> = version.split('.').map(|number| number.parse().ok()).collect();
    Some((version?, variant))
}

/// Puts down in the plan and in the log what stands in for what.
pub(super) fn adapt_plan(job: &mut Job, planned: &Decision<String>, instead: &str) {
    let warning = Reason::ImageReplaced { image: planned.value.clone(), instead: instead.to_owned() };
    job.log.say(&format!("warning: {warning}"));
    if let Some(toolchain) = &mut job.service.toolchain {
        let nearest = Reason::NearestImage { image: planned.value.clone() };
        let why = planned.why.clone().and("; ", nearest);
        toolchain.image = Decision::new(instead.to_owned(), planned.source.clone(), why);
    }
    job.service.warnings.push(warning);
}

fn missing(name: &str, error: RuntimeError) -> BuildError {
    let RuntimeError::MissingImage { reason, .. } = error else { return error.into() };
    let failure = Failure::new(
        FailureCode::BadSettings,
        format!("the image {name} could not be had"),
        format!(
            "{name} is not on this machine and could not be pulled ({reason}), and there is none like it. Choose another \
             version, or ask the operator to run `docker pull {name}`."
        ),
    );
    let is_node = name.starts_with("node:");
    if is_node { failure.with_setting("nodeVersion").into() } else { failure.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_versions_come_before_older_ones() {
        let local = ["20", "20-slim", "22-slim", "24-slim", "18-slim", "22-bookworm-slim", "lts-slim"];
        let nearest = |wanted| by_nearness(wanted, local.into_iter());
        assert_eq!(nearest("21-slim"), ["22-slim", "24-slim", "20-slim", "18-slim"]);
        assert_eq!(nearest("26-slim"), ["24-slim", "22-slim", "20-slim", "18-slim"]);
        assert_eq!(nearest("22-slim")[0], "24-slim");
        assert_eq!(by_nearness("3.9-slim", ["3.12-slim", "3.10-slim", "3.8-slim"].into_iter())[0], "3.10-slim");
        assert!(nearest("slim").is_empty());
    }
}
