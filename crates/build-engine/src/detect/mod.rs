//! A checkout becomes a plan. Pure: files and settings in, data out; nothing is run, and equal files give equal plans.
//!
//! 1. [`folder`]: the project's directory in the checkout, and its `package.json`;
//! 2. [`framework`]: the first entry of the [`catalog`] that matches; else a build script, plain files, a [`server`];
//! 3. [`hybrid`]: whether a framework that can make either leaves files or a server;
//! 4. [`equipment`]: what installs and builds, at which version, where ([`packages`], [`python`], [`sites`]);
//! 5. [`output`]: where the files are, by the command line, the configuration ([`configured`]) or the framework;
//! 6. [`siblings`]: what of the same workspace it uses, and what is built before;
//! 7. here: the settings on top, and each decision with its source and reason.
//!
//! What the plan's words mean in a container is `build`'s part.

mod catalog;
mod command;
mod config;
mod configured;
mod equipment;
mod folder;
mod framework;
mod hybrid;
mod members;
pub(crate) mod node_version;
mod output;
mod package_json;
mod packages;
mod print;
mod python;
mod server;
mod siblings;
mod sites;
mod sources;
mod versions;
mod workspace;

use std::collections::BTreeMap;

use berth_model::words::Bytes;
use berth_model::{
    Decision, Failure, FailureCode, OutputDir, PackageManager, Plan, PlanService, Reason, RootDir, ServiceKind,
    ServiceName, ServiceRoute, Warnings,
};

use crate::Checkout;
use folder::Folder;

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

/// Text that is read for one plan, a file as often as it is asked for. What is done with a byte is bounded too, so this
/// bounds the time of a plan, whatever a repository holds.
const MOST_READ: u64 = 256 << 20;

/// What will be done with a checkout.
///
/// # Errors
/// A failure in words when the repository cannot be built as it is.
pub fn detect(checkout: &Checkout, settings: &ProjectSettings) -> Result<Plan, Failure> {
    detect_within(checkout, settings, MOST_READ)
}

fn detect_within(checkout: &Checkout, settings: &ProjectSettings, most_read: u64) -> Result<Plan, Failure> {
    checkout.limit_reading(most_read);
    let planned = plan_of(checkout, settings);
    let is_read_up = checkout.is_read_up();
    checkout.limit_reading(u64::MAX);
    if is_read_up {
        return Err(Failure::new(
            FailureCode::BadRepository,
            "the repository cannot be planned: there is too much to read",
            format!(
                "More than {} of files would have to be looked into to tell what builds it. Set the root directory to the \
                 site's own.",
                Bytes(most_read)
            ),
        )
        .with_setting("rootDirectory"));
    }
    planned
}

fn plan_of(checkout: &Checkout, settings: &ProjectSettings) -> Result<Plan, Failure> {
    let root = settings.root_directory.clone().unwrap_or_default();
    let folder = Folder::open(checkout, root.as_str())?;
    let mut service = service(&folder, settings)?;
    service.workspace_packages = siblings::depended_on(&folder, &service);
    service.warnings.extend(siblings::warning(&folder, &service));
    if let Some(command) = siblings::built_before(&folder, &service) {
        service.build_command = Some(command);
    }
    override_with(&mut service, settings);
    service.root_directory = match &settings.root_directory {
        Some(directory) if !directory.is_top() => Decision::new(root, "settings", Reason::Set),
        _ => Decision::new(root, "default", Reason::TopOfRepository),
    };
    Ok(Plan { services: vec![service] })
}

/// A folder on disk and the plan for it, without git: what `berth plan` shows.
#[derive(Debug)]
pub struct PlannedFolder {
    checkout: Checkout,
    /// What will be done with it.
    pub plan: Plan,
    /// Why it is not done, where the plan is a server application's.
    pub refusal: Option<Failure>,
}

impl PlannedFolder {
    /// Plans a folder as a checkout is planned.
    ///
    /// # Errors
    /// A failure in words; a folder that cannot be read is one too.
    pub fn of(path: &std::path::Path, settings: &ProjectSettings) -> Result<Self, Failure> {
        let checkout = Checkout::of_folder(path).map_err(|error| {
            let title = format!("{} cannot be read", path.display());
            Failure::new(FailureCode::BadRepository, title, format!("The system says: {error}."))
        })?;
        let plan = detect(&checkout, settings)?;
        let refusal = server_application(&checkout, &plan);
        Ok(Self { checkout, plan, refusal })
    }

    /// The plan as a Dockerfile, whose image holds the built files.
    ///
    /// # Errors
    /// In words, where there is nothing to write out.
    pub fn dockerfile(&self) -> Result<String, Failure> {
        let files: Result<Vec<String>, Failure> =
            self.plan.services.iter().map(|service| crate::build::written_out(&self.checkout, service)).collect();
        Ok(files?.join("\n"))
    }

    /// The plan for people: a line for each decision, with where it comes from and why.
    #[must_use]
    pub fn description(&self) -> String {
        print::lines(&self.plan)
    }
}

/// What is detected; settings only choose between ways here.
fn service(folder: &Folder<'_>, settings: &ProjectSettings) -> Result<PlanService, Failure> {
    if settings.build_command.as_deref().is_some_and(|command| command.trim().is_empty()) {
        let mut service = framework::plain_files(folder);
        service.framework.source = "settings".to_owned();
        service.framework.why = Reason::SetToPlainFiles.into();
        return Ok(service);
    }
    let has_dockerfile = folder.has("Dockerfile") && settings.build_command.is_none();
    if has_dockerfile
        && let Some(directory) = &settings.output_directory
        && let Some(mut service) = server::dockerfile(folder, None)
    {
        let output_directory = set_to(directory.clone());
        service.kind = ServiceKind::Static { output_directory };
        return Ok(service);
    }
    let mut service = framework::service(folder, settings)?;
    if !has_dockerfile || service.dockerfile.is_some() {
        return Ok(service);
    }
    if let ServiceKind::Running { .. } = service.kind {
        return Ok(server::dockerfile(folder, Some(service.framework.clone())).unwrap_or(service));
    }
    service.warnings.push_first(Reason::DockerfileUnused);
    Ok(service)
}

fn set_to<T>(value: T) -> Decision<T> {
    Decision::new(value, "settings", Reason::Set)
}

/// The project's settings win over what is detected.
fn override_with(service: &mut PlanService, settings: &ProjectSettings) {
    if service.toolchain.is_some() {
        match settings.install_command.as_deref().map(str::trim) {
            Some("") => service.install_command = None,
            Some(command) => service.install_command = Some(set_to(command.to_owned())),
            None => {}
        }
        if let Some(command) = settings.build_command.as_deref().map(str::trim) {
            service.build_command = Some(set_to(command.to_owned()));
        }
    }
    if let (ServiceKind::Static { output_directory }, Some(directory)) = (&mut service.kind, &settings.output_directory)
    {
        *output_directory = set_to(directory.clone());
    }
}

/// A service with nothing to build, of which its root directory is not known yet.
fn bare(framework: Decision<String>, kind: ServiceKind) -> PlanService {
    PlanService {
        name: ServiceName::only(),
        kind,
        routes: vec![ServiceRoute::everything()],
        environment: BTreeMap::new(),
        origins: BTreeMap::new(),
        root_directory: Decision::new(RootDir::default(), "default", Reason::TopOfRepository),
        framework,
        toolchain: None,
        dockerfile: None,
        install_command: None,
        install_directory: RootDir::default(),
        build_command: None,
        workspace_packages: None,
        warnings: Warnings::default(),
    }
}

/// Why a plan is not carried out: a server application is understood, but not run yet.
pub(crate) fn server_application(checkout: &Checkout, plan: &Plan) -> Option<Failure> {
    let (service, start) = plan.services.iter().find_map(|service| match &service.kind {
        ServiceKind::Running { start_command, .. } => Some((service, start_command.as_ref())),
        ServiceKind::Static { .. } => None,
    })?;
    let root = service.root_directory.value.as_str();
    let folder = Folder::open(checkout, root).ok()?;
    let elsewhere = folder.projects_below().into_iter().find(|path| *path != root);
    let hint = match elsewhere {
        Some(path) => format!(" If the site is in a directory of its own, set the root directory (there is {path})."),
        None => String::new(),
    };
    let what = server::serves(&folder, service, start);
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

/// The plan of a folder.
#[cfg(test)]
fn folder(path: &std::path::Path, settings: &ProjectSettings) -> Result<Plan, Failure> {
    PlannedFolder::of(path, settings).map(|folder| folder.plan)
}

#[cfg(test)]
mod tests;
