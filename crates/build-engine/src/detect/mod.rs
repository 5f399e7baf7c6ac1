//! A checkout becomes a plan. Pure: files and settings in, data out; nothing is run, and equal files give equal plans.
//!
//! 1. [`folder`]: the project's directory in the checkout, and its `package.json`;
//! 2. [`framework`]: the first entry of the [`catalog`] that matches; else a build script, plain files, a [`server`];
//! 3. [`hybrid`]: whether a framework that can make either leaves files or a server;
//! 4. [`equipment`]: what installs and builds, at which version, where ([`packages`], [`python`], [`sites`]);
//! 5. [`output`]: where the files are, by the command line, the configuration ([`configured`]) or the framework;
//! 6. [`siblings`]: what of the same workspace it uses, and what is built before;
//! 7. here: what is [`wanted`] on top, and each decision with its source and reason;
//! 8. [`server`]: what runs has a port, an environment and perhaps a release command.
//!
//! Where there is a `berth.toml`, [`declared`] does that for each service that it names; where there is nothing at the
//! top but a frontend and a backend below it, [`pair`] does it for these.
//!
//! What the plan's words mean in a container is `build`'s part.

mod catalog;
mod command;
mod config;
mod configured;
mod declared;
mod equipment;
mod folder;
mod framework;
mod hybrid;
mod maximum;
mod members;
pub(crate) mod node_version;
mod output;
mod package_json;
mod packages;
mod pair;
mod print;
mod python;
mod server;
mod siblings;
mod sites;
mod sources;
mod versions;
mod wanted;
mod workspace;

use std::collections::BTreeMap;

use berth_model::words::Bytes;
use berth_model::{
    Decision, Failure, FailureCode, OutputDir, PackageManager, Plan, PlanService, Reason, RootDir, ServiceKind,
    ServiceMaximum, ServiceName, ServiceRoute, Warnings,
};

use crate::Checkout;
use equipment::Equipment;
use folder::Folder;
use wanted::{By, Given, Wanted};

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
    if let Some(declaration) = declared::find(checkout, settings)? {
        return declared::plan(checkout, settings, &declaration);
    }
    let root = settings.root_directory.clone().unwrap_or_default();
    let mut service = match planned(checkout, &root, &Wanted::of_settings(settings)) {
        Ok(service) if !is_by_build_script_alone(&service) => service,
        found => match pair::plan(checkout, settings) {
            Some(both) => return Ok(both),
            None => found?,
        },
    };
    service.root_directory = match &settings.root_directory {
        Some(directory) if !directory.is_top() => Decision::new(root, "settings", Reason::Set),
        _ => Decision::new(root, "default", Reason::TopOfRepository),
    };
    Ok(Plan { services: vec![service] })
}

/// Whether a build script is all there is to show that files are made: one at the top of a monorepo builds everything.
fn is_by_build_script_alone(service: &PlanService) -> bool {
    let is_static = matches!(service.kind, ServiceKind::Static { .. });
    is_static && service.framework.why.because.contains(&Reason::BuildScriptAlone)
}

/// The plan of what is in a directory.
fn planned(checkout: &Checkout, root: &RootDir, wanted: &Wanted) -> Result<PlanService, Failure> {
    let folder = Folder::open(checkout, root.as_str())?;
    let mut service = service(&folder, wanted)?;
    service.workspace_packages = siblings::depended_on(&folder, &service);
    service.warnings.extend(siblings::warning(&folder, &service));
    if let Some(command) = siblings::built_before(&folder, &service) {
        service.build_command = Some(command);
    }
    override_with(&mut service, wanted);
    server::complete(&folder, &mut service);
    Ok(service)
}

/// A folder on disk and the plan for it, without git: what `berth plan` shows.
#[derive(Debug)]
pub struct PlannedFolder {
    checkout: Checkout,
    /// What will be done with it.
    pub plan: Plan,
    /// Why it is not done, where it cannot be.
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
        let refusal = refusal(&plan, &ServiceMaximum::default());
        Ok(Self { checkout, plan, refusal })
    }

    /// The plan as a Dockerfile, whose image holds the built files or what runs; one for each service of several.
    ///
    /// # Errors
    /// In words, where there is nothing to write out.
    pub fn dockerfile(&self) -> Result<String, Failure> {
        let written = |service: &PlanService| crate::build::written_out(&self.checkout, service);
        if let [only] = self.plan.services.as_slice() {
            return written(only);
        }
        let of_several = |service: &PlanService| match &service.dockerfile {
            Some(own) => Ok(format!("# [{}] {} says how\n", service.name, own.value)),
            None => Ok(format!("# [{}]\n{}", service.name, written(service)?)),
        };
        let files: Result<Vec<String>, Failure> = self.plan.services.iter().map(of_several).collect();
        Ok(files?.join("\n"))
    }

    /// The plan for people: a line for each decision, with where it comes from and why.
    #[must_use]
    pub fn description(&self) -> String {
        print::lines(&self.plan)
    }
}

/// What is detected; what is wanted only chooses between ways here.
fn service(folder: &Folder<'_>, wanted: &Wanted) -> Result<PlanService, Failure> {
    if let Some(command) = wanted.build_command.as_ref().filter(|command| command.value.trim().is_empty())
        && !wanted.runs
    {
        let mut service = framework::plain_files(folder);
        service.framework.source = command.by.source().to_owned();
        service.framework.why = match command.by {
            By::Settings => Reason::SetToPlainFiles.into(),
            By::File { .. } => command.by.why(),
        };
        return Ok(service);
    }
    let own = || {
        let makes_files = wanted.is_static && wanted.output_directory.is_none();
        let is_meant = folder.has(DOCKERFILE) && wanted.build_command.is_none() && !makes_files;
        is_meant.then(|| Decision::new(folder.path(DOCKERFILE), DOCKERFILE, Reason::SaysHowBuilt))
    };
    let Some(dockerfile) = wanted.dockerfile.as_ref().map(Given::decision).or_else(own) else {
        let service = framework::service(folder, wanted)?;
        return if wanted.runs { running(folder, service, wanted) } else { Ok(service) };
    };
    if let Some(directory) = &wanted.output_directory {
        let mut service = server::by_dockerfile(dockerfile, None);
        service.kind = ServiceKind::Static { output_directory: directory.decision() };
        return Ok(service);
    }
    // It is built whatever lies beside it; that may give it a name.
    let beside = framework::service(folder, wanted).ok();
    let (framework, unused) = match beside {
        Some(service) if matches!(service.kind, ServiceKind::Running { .. }) => (Some(service.framework), None),
        beside => (None, beside.map(|service| service.framework.value)),
    };
    let mut service = server::by_dockerfile(dockerfile, framework);
    if wanted.dockerfile.is_none() {
        service.warnings.extend(unused.map(|framework| Reason::DockerfileRuns { framework }));
    }
    Ok(service)
}

const DOCKERFILE: &str = "Dockerfile";

/// What shall run although it looks like files: with the tools that are found beside them.
fn running(folder: &Folder<'_>, mut service: PlanService, wanted: &Wanted) -> Result<PlanService, Failure> {
    if let ServiceKind::Running { .. } = service.kind {
        return Ok(service);
    }
    if let Some(server) = server::service(folder, wanted)? {
        return Ok(server);
    }
    if service.toolchain.is_none() && folder.has("package.json") {
        service = Equipment::node(folder, wanted)?.equip(service);
    }
    service.kind = ServiceKind::running(None);
    Ok(service)
}

/// What is wanted wins over what is detected.
fn override_with(service: &mut PlanService, wanted: &Wanted) {
    if service.toolchain.is_some() {
        match wanted.install_command.as_ref().map(|command| (command, command.value.trim())) {
            Some((_, "")) => service.install_command = None,
            Some((given, command)) => service.install_command = Some(given.of(command.to_owned())),
            None => {}
        }
        match wanted.build_command.as_ref().map(|command| (command, command.value.trim())) {
            Some((_, "")) => service.build_command = None,
            Some((given, command)) => service.build_command = Some(given.of(command.to_owned())),
            None => {}
        }
    }
    match (&mut service.kind, &wanted.output_directory, &wanted.start_command) {
        (ServiceKind::Static { output_directory }, Some(directory), _) => *output_directory = directory.decision(),
        (ServiceKind::Running { start_command, .. }, _, Some(start)) => *start_command = Some(start.decision()),
        _ => {}
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

/// Why a plan is not carried out: nothing would start what it names, or it asks for more than the operator gives.
pub(crate) fn refusal(plan: &Plan, most: &ServiceMaximum) -> Option<Failure> {
    server::cannot_start(plan).or_else(|| maximum::asks_for_more(plan, most))
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
