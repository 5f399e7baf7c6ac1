//! A checkout becomes a plan. Pure: files and settings in, data out; nothing is run, and equal files give equal plans.
//!
//! 1. [`folder`]: the project's directory in the checkout, and its `package.json`;
//! 2. [`framework`]: the first entry of the [`catalog`] that matches, and whether its output is files;
//! 3. [`packages`]: what installs and builds, at which version, where;
//! 4. here: the settings on top, and each decision with its source and reason.
//!
//! What the plan's words mean in a container is `build`'s part.

mod catalog;
mod folder;
mod framework;
mod node_version;
mod output;
mod package_json;
mod packages;
mod sources;

use berth_model::{
    Decision, Failure, FailureCode, OutputDir, PackageManager, Plan, PlanService, RootDir, ServiceKind, Toolchain,
};

use crate::Checkout;
use folder::Folder;
use framework::{Choice, Server};
use node_version::Wishes;
use packages::Packages;

pub(crate) use sources::{Sources, sources};

/// What a project's owner has set; `None` is: detect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectSettings {
    /// The command that installs dependencies.
    pub install_command: Option<String>,
    /// The command that builds; empty: the files are published as they are.
    pub build_command: Option<String>,
    /// Where the files are afterwards, relative to the root directory.
    pub output_directory: Option<OutputDir>,
    /// The project's directory in the repository.
    pub root_directory: Option<RootDir>,
    /// The version of Node.
    pub node_version: Option<String>,
}

/// What will be done with a checkout.
///
/// # Errors
/// A failure in words when the repository cannot be built as it is.
pub fn detect(checkout: &Checkout, settings: &ProjectSettings) -> Result<Plan, Failure> {
    let root = settings.root_directory.clone().unwrap_or_default();
    let folder = Folder::open(checkout, root.as_str())?;
    let mut service = match settings.build_command.as_deref().map(str::trim) {
        Some("") => plain_files(&folder, settings, "settings", "the project is set to publish its files as they are"),
        _ => service(&folder, settings)?,
    };
    service.root_directory = match &settings.root_directory {
        Some(directory) if !directory.is_top() => Decision::new(root, "settings", "the project is set to it"),
        _ => Decision::new(root, "default", "the top of the repository"),
    };
    Ok(Plan { services: vec![service] })
}

/// What will be done with a plain folder: [`detect`] without git.
///
/// # Errors
/// A failure in words; a folder that cannot be read is one too.
pub fn folder(path: &std::path::Path, settings: &ProjectSettings) -> Result<Plan, Failure> {
    let checkout = Checkout::of_folder(path)
        .map_err(|error| Failure::new(FailureCode::BadRepository, "the folder cannot be read", error.to_string()))?;
    detect(&checkout, settings)
}

fn service(folder: &Folder<'_>, settings: &ProjectSettings) -> Result<PlanService, Failure> {
    let mut warnings = Vec::new();
    if folder.has("Dockerfile") && settings.build_command.is_none() {
        warnings.push(
            "the Dockerfile is not used: Berth publishes static output for now and builds what it detects; \
             set a build command to make this explicit"
                .to_owned(),
        );
    }
    let choice = framework::choose(folder, settings)?;
    let Choice { name, build, output, warning } = match choice {
        framework::Outcome::Files => {
            let mut service = plain_files(folder, settings, "index.html", "an index.html, and nothing to build");
            service.warnings = warnings;
            return Ok(service);
        }
        framework::Outcome::Server(server) => return Ok(running(server, warnings)),
        framework::Outcome::Build(choice) => choice,
    };
    warnings.extend(warning);

    let packages = Packages::of(folder)?;
    warnings.extend(packages.warnings.iter().cloned());
    let (nvmrc, node_version_file) = (folder.near(".nvmrc"), folder.near(".node-version"));
    let wishes = Wishes {
        setting: settings.node_version.as_deref(),
        nvmrc: nvmrc.as_deref(),
        node_version_file: node_version_file.as_deref(),
        engines: folder.package.node_engine.as_deref(),
    };
    let (image, warning) = node_version::image(&wishes)?;
    warnings.extend(warning);

    let install_command = match settings.install_command.as_deref().map(str::trim) {
        Some("") => None,
        Some(command) => Some(Decision::new(command.to_owned(), "settings", "the project is set to it")),
        None => packages.install.clone(),
    };
    let build_command = match settings.build_command.as_deref().map(str::trim) {
        Some(command) => Decision::new(command.to_owned(), "settings", "the project is set to it"),
        None => build.command(packages.manager.value),
    };
    let output_directory = match &settings.output_directory {
        Some(directory) => Decision::new(directory.clone(), "settings", "the project is set to it"),
        None => output,
    };
    Ok(PlanService {
        toolchain: Some(Toolchain {
            image,
            package_manager: Some(packages.manager),
            package_manager_version: packages.version,
            tools: Vec::new(),
        }),
        install_command,
        install_directory: packages.directory,
        build_command: Some(build_command),
        warnings,
        ..bare(name, ServiceKind::Static { output_directory })
    })
}

/// A service with nothing to build, of which its root directory is not known yet.
fn bare(framework: Decision<String>, kind: ServiceKind) -> PlanService {
    PlanService {
        name: "web".to_owned(),
        kind,
        root_directory: Decision::new(RootDir::default(), "", ""),
        framework,
        toolchain: None,
        dockerfile: None,
        install_command: None,
        install_directory: RootDir::default(),
        build_command: None,
        warnings: Vec::new(),
    }
}

fn running(server: Server, warnings: Vec<String>) -> PlanService {
    let Server { framework, start_command } = server;
    PlanService { warnings, ..bare(framework, ServiceKind::Running { start_command }) }
}

fn plain_files(folder: &Folder<'_>, settings: &ProjectSettings, source: &str, reason: &str) -> PlanService {
    let output_directory = match &settings.output_directory {
        Some(directory) => Decision::new(directory.clone(), "settings", "the project is set to it"),
        None => output::of_plain_files(folder),
    };
    let framework = Decision::new("static-html".to_owned(), source, reason);
    bare(framework, ServiceKind::Static { output_directory })
}

/// Why a plan is not carried out: a server application is understood, but not run yet.
pub(crate) fn server_application(checkout: &Checkout, plan: &Plan) -> Option<Failure> {
    let (service, start) = plan.services.iter().find_map(|service| match &service.kind {
        ServiceKind::Running { start_command } => Some((service, start_command.as_ref())),
        ServiceKind::Static { .. } => None,
    })?;
    let root = service.root_directory.value.as_str();
    let folder = Folder::open(checkout, root).ok()?;
    let elsewhere = folder.projects_below().into_iter().find(|path| *path != root);
    let hint = match elsewhere {
        Some(path) => format!(" If the site is in a directory of its own, set the root directory (there is {path})."),
        None => String::new(),
    };
    let what = framework::serves(&folder, &service.framework, start);
    let failure = Failure::new(
        FailureCode::ServerApplication,
        format!("this is a server application ({what}); Berth publishes static output for now"),
        format!(
            "Change the project so that its build leaves static files, and set the build command and output directory \
             if they are unusual.{hint}"
        ),
    );
    Some(failure.with_setting("outputDirectory"))
}

/// The command line that runs a script of `package.json`.
fn run_script(manager: PackageManager, script: &str) -> String {
    format!("{} run {script}", manager.program())
}

/// The command line that runs a program of the dependencies.
fn run_program(manager: PackageManager, command: &str) -> String {
    match manager {
        PackageManager::Npm => format!("npx --no-install {command}"),
        PackageManager::Pnpm => format!("pnpm exec {command}"),
        PackageManager::Bun => format!("bunx {command}"),
        PackageManager::Bundler => format!("bundle exec {command}"),
        PackageManager::Pip => command.to_owned(),
        other => format!("{} run {command}", other.program()),
    }
}

#[cfg(test)]
mod tests;
