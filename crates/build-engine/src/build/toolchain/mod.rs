//! The image that a project's commands run in: a base image, with the package manager and the tools that the plan
//! names. One with anything of ours on it is made once and shared by all projects of this Berth.
//!
//! - [`base`]: the image of the language, or the nearest that can be had;
//! - [`recipe`]: what goes on top, as a Dockerfile;
//! - [`wants`]: what an install that failed was missing, so that it can be brought.

mod base;
mod recipe;
mod wants;

use std::collections::HashMap;

use berth_model::{Failure, PlanService};
use berth_runtime::{BuildImage, Kind, Labels, RuntimeError, tar_from_bytes};
use sha2::{Digest as _, Sha256};

use super::archive;
use crate::run::Job;
use crate::{BuildError, Checkout};
use recipe::Recipe;

pub(super) use wants::{INSTALL, named_in_lockfiles, shown_by};

/// An image by its name and by what is in it.
pub(super) struct Image {
    pub(super) name: String,
    pub(super) id: String,
}

/// Makes sure that the image is there. Where another base image stands in for the planned one, the plan says so
/// afterwards.
pub(super) async fn prepare(job: &mut Job) -> Result<Image, BuildError> {
    let planned = job.service.toolchain.as_ref().map(|toolchain| toolchain.image.clone());
    let planned = planned.ok_or_else(|| BuildError::ours_for_good("a build without a toolchain"))?;
    let base = match base::nearest(job, &planned.value).await? {
        base::Found::Itself(image) => image,
        base::Found::Instead(image) => {
            base::adapt_plan(job, &planned, &image.name);
            image
        }
    };
    let recipe = Recipe::of(&job.checkout, &job.service)?;
    if recipe.is_empty() {
        return Ok(base);
    }
    let mut stages = Vec::new();
    for wanted in recipe.bases() {
        let (base::Found::Itself(image) | base::Found::Instead(image)) = base::nearest(job, wanted).await?;
        stages.push(image);
    }
    let names: Vec<&str> = stages.iter().map(|image| image.name.as_str()).collect();
    let dockerfile = recipe.dockerfile(&base.name, &names);
    let mut hash = Sha256::new();
    for image in stages.iter().chain([&base]) {
        hash.update(&image.id);
    }
    hash.update(&dockerfile);
    let instance = &job.engine.config().instance;
    let name = format!("berth-toolchain-{instance}:{}", &hex::encode(hash.finalize())[..24]);
    if let Some(id) = job.engine.image_id(&name).await? {
        return Ok(Image { name, id });
    }
    job.log.say(&format!("Preparing {} with {}, once for all projects", base.name, recipe.words()));
    job.log.begin_excerpt();
    let labels = Labels::shared(Kind::Toolchain);
    let label = job.engine.label_instruction(&labels);
    // In each stage, or the sweep would not know what is left of those that only make a file.
    let dockerfile: String = dockerfile
        .lines()
        .map(|line| if line.starts_with("FROM ") { format!("{line}\n{label}\n") } else { format!("{line}\n") })
        .collect();
    let build = BuildImage {
        tag: name.clone(),
        context: tar_from_bytes(archive::single("Dockerfile", dockerfile.as_bytes()).map_err(BuildError::ours)?),
        dockerfile: "Dockerfile".to_owned(),
        arguments: HashMap::new(),
        labels,
    };
    let id = job.engine.build_image(build, &mut |stream, text| job.log.output(stream, text.as_bytes())).await;
    Ok(Image { name, id: id.map_err(|error| unavailable(&recipe.words(), error))? })
}

/// The toolchain as the first lines of a Dockerfile, in a stage of this name.
pub(super) fn written_out(checkout: &Checkout, service: &PlanService, stage: &str) -> Result<String, Failure> {
    let recipe = Recipe::of(checkout, service)?;
    let image = service.toolchain.as_ref().map_or("scratch", |toolchain| toolchain.image.value.as_str());
    let stages: Vec<&str> = recipe.bases().collect();
    Ok(recipe.dockerfile(&format!("{image} AS {stage}"), &stages))
}

fn unavailable(what: &str, error: RuntimeError) -> BuildError {
    if !error.is_theirs() {
        return error.into();
    }
    BuildError::theirs(
        berth_model::FailureCode::InstallFailed,
        format!("{what} could not be installed"),
        "Check the version that the project asks for; the log shows what the installation said.",
    )
}
