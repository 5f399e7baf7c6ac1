//! The image that a project's commands run in: a base image, with the package manager that the project asks for.
//! Images with one are shared by all projects of this Berth.

use berth_model::{PackageManager, PlanService, Toolchain};
use berth_runtime::{BuildImage, Kind, Labels, RuntimeError, tar_from_bytes};
use sha2::{Digest as _, Sha256};

use super::archive;
use crate::BuildError;
use crate::checkout::Checkout;
use crate::run::Job;

/// An image by its name and by what is in it.
pub(super) struct Image {
    pub(super) name: String,
    pub(super) id: String,
}

/// Makes sure that the image is there.
pub(super) async fn prepare(job: &Job, toolchain: &Toolchain) -> Result<Image, BuildError> {
    let base = &toolchain.image.value;
    let id = match job.engine.image_id(base).await? {
        Some(id) => id,
        None => {
            let mut say = |line: &str| job.log.say(line);
            job.engine.ensure_base_image(base, &mut say).await.map_err(|error| missing(base, error))?;
            job.engine.image_id(base).await?.ok_or_else(|| BuildError::ours("a pulled image is not there"))?
        }
    };
    let Some(package) = package(toolchain, &job.service, &job.checkout) else {
        return Ok(Image { name: base.clone(), id });
    };
    // By force: Node's images bring a Yarn 1, which every other Yarn has to take the place of.
    let dockerfile = format!("FROM {base}\nRUN npm install --global --force --no-audit --no-fund {package}\n");
    let mut hash = Sha256::new();
    hash.update(&id);
    hash.update(&dockerfile);
    let instance = &job.engine.config().instance;
    let name = format!("berth-toolchain-{instance}:{}", &hex::encode(hash.finalize())[..24]);
    if let Some(id) = job.engine.image_id(&name).await? {
        return Ok(Image { name, id });
    }
    job.log.say(&format!("Preparing {base} with {package}"));
    let build = BuildImage {
        tag: name.clone(),
        context: tar_from_bytes(archive::single("Dockerfile", dockerfile.as_bytes()).map_err(BuildError::ours)?),
        dockerfile: "Dockerfile".to_owned(),
        labels: Labels::shared(Kind::Toolchain),
    };
    let id = job.engine.build_image(build, &mut |stream, text| job.log.output(stream, text.as_bytes())).await;
    Ok(Image { name, id: id.map_err(|error| unavailable(&package, error))? })
}

/// What npm installs globally; `None` where the base image has it already.
fn package(toolchain: &Toolchain, service: &PlanService, checkout: &Checkout) -> Option<String> {
    let (name, default) = match toolchain.package_manager.as_ref()?.value {
        PackageManager::Npm => return None,
        PackageManager::Pnpm => ("pnpm", pnpm_for(checkout, service)),
        PackageManager::Yarn => ("yarn", "1.22.22"),
        PackageManager::YarnBerry => ("@yarnpkg/cli-dist", "4"),
        PackageManager::Bun => ("bun", "1"),
        PackageManager::Pip
        | PackageManager::Uv
        | PackageManager::Poetry
        | PackageManager::Pdm
        | PackageManager::Pipenv
        | PackageManager::Bundler => return None,
    };
    let version = toolchain.package_manager_version.as_deref().unwrap_or(default);
    Some(format!("{name}@{version}"))
}

/// The last pnpm that writes the lockfile's own version.
fn pnpm_for(checkout: &Checkout, service: &PlanService) -> &'static str {
    let directory = service.install_directory.as_str();
    let path = if directory.is_empty() { "pnpm-lock.yaml".to_owned() } else { format!("{directory}/pnpm-lock.yaml") };
    let lockfile = checkout.text(&path).unwrap_or_default();
    let version = lockfile.lines().take(5).find_map(|line| line.strip_prefix("lockfileVersion:"));
    match version.map(|version| version.trim().trim_matches(['\'', '"'])) {
        Some(version) if version.starts_with("5.") => "7",
        Some(version) if version.starts_with("6.") => "8",
        _ => "10",
    }
}

fn missing(base: &str, error: RuntimeError) -> BuildError {
    let RuntimeError::MissingImage { .. } = error else { return error.into() };
    berth_model::Failure::new(
        berth_model::FailureCode::BadSettings,
        format!("the image {base} could not be had"),
        format!(
            "The project asks for {base}, which is not on this machine and could not be pulled. Choose another version of \
             Node, or ask the operator to run `docker pull {base}`."
        ),
    )
    .with_setting("nodeVersion")
    .into()
}

fn unavailable(package: &str, error: RuntimeError) -> BuildError {
    if !error.is_theirs() {
        return error.into();
    }
    BuildError::theirs(
        berth_model::FailureCode::InstallFailed,
        format!("{package} could not be installed"),
        "Check the version in packageManager of package.json; the log shows what npm said.",
    )
}
