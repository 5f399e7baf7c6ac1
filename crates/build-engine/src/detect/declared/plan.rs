//! Declared services as a plan: each is detected in its directory, and what is declared wins.

use berth_model::{Decision, Failure, Names, Origin, Plan, PlanService, PlanSetting, Reason, RootDir, ServiceKind};

use super::document::{At, Place};
use super::service::{Health, Kind, Service};
use super::{Declaration, routes};
use crate::Checkout;
use crate::detect::config::normal_path;
use crate::detect::folder::join;
use crate::detect::wanted::{By, Given, Wanted};
use crate::detect::{ProjectSettings, planned};

/// The plan. The project's settings win where one service is declared; of several none is meant by them.
///
/// # Errors
/// In words: of what is declared with its line and column, of what a directory holds as everywhere.
pub(in crate::detect) fn plan(
    checkout: &Checkout,
    settings: &ProjectSettings,
    declaration: &Declaration,
) -> Result<Plan, Failure> {
    let is_only = declaration.services.len() == 1;
    let mut services = Vec::new();
    for declared in &declaration.services {
        let own = if is_only { Some(settings) } else { None };
        let service = declaration.service(checkout, declared, own).map_err(|mut failure| {
            if !is_only && !failure.title.starts_with(&declaration.document_path()) {
                failure.title = format!("the service {}: {}", declared.name, failure.title);
            }
            failure
        })?;
        services.push(service);
    }
    release_once(declaration, &mut services);
    routes::assign(declaration, &mut services)?;
    if !is_only && let Some(unused) = unused(settings, declaration) {
        services[0].warnings.push(unused);
    }
    Ok(Plan { services })
}

/// What a directory itself says is run before the switch is run for one of its services: one that declares a release
/// command, else the first.
fn release_once(declaration: &Declaration, services: &mut [PlanService]) {
    let declares = |at: usize| declaration.services[at].release.is_some();
    let has_one = |service: &PlanService| service.origins.contains_key(&PlanSetting::ReleaseCommand);
    for at in 0..services.len() {
        let root = services[at].root_directory.value.clone();
        let is_of_another = |other: usize| {
            let is_before = other < at && has_one(&services[other]);
            other != at && services[other].root_directory.value == root && (is_before || declares(other))
        };
        if !declares(at) && (0..services.len()).any(is_of_another) {
            if let ServiceKind::Running { run, .. } = &mut services[at].kind {
                run.release_command = None;
            }
            services[at].origins.remove(&PlanSetting::ReleaseCommand);
        }
    }
}

/// Settings that could be meant for any of several services.
fn unused(settings: &ProjectSettings, declaration: &Declaration) -> Option<Reason> {
    let root = settings.root_directory.as_ref().filter(|root| root.as_str() != declaration.directory);
    let set = [
        ("root directory", root.is_some()),
        ("install command", settings.install_command.is_some()),
        ("build command", settings.build_command.is_some()),
        ("output directory", settings.output_directory.is_some()),
        ("Node version", settings.node_version.is_some()),
    ];
    let names: Vec<String> = set.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name.to_owned()).collect();
    (!names.is_empty()).then_some(Reason::SettingsUnused { settings: Names(names) })
}

fn by(place: Place) -> By {
    By::File { line: place.line }
}

fn given<T: Clone>(value: Option<&At<T>>) -> Option<Given<T>> {
    value.map(|at| Given { value: at.value.clone(), by: by(at.place) })
}

impl Declaration {
    fn document_path(&self) -> String {
        join(&self.directory, By::FILE)
    }

    fn service(
        &self,
        checkout: &Checkout,
        declared: &Service,
        settings: Option<&ProjectSettings>,
    ) -> Result<PlanService, Failure> {
        let root = self.root(checkout, declared, settings)?;
        let wanted = self.wanted(checkout, declared, &root.value, settings)?;
        let mut service = planned(checkout, &root.value, &wanted)?;
        service.name = declared.name.clone();
        service.root_directory = root;
        self.hold(declared, &service)?;
        self.fill(declared, &mut service)?;
        Ok(service)
    }

    /// Its directory: the owner's setting, the declared one, or that of the file.
    fn root(
        &self,
        checkout: &Checkout,
        declared: &Service,
        settings: Option<&ProjectSettings>,
    ) -> Result<Decision<RootDir>, Failure> {
        let set = settings.and_then(|settings| settings.root_directory.as_ref());
        if let Some(root) = set.filter(|root| root.as_str() != self.directory) {
            return Ok(Decision::new(root.clone(), "settings", Reason::Set));
        }
        let Some(root) = &declared.root else {
            let root = self.document.parsed(declared.place, RootDir::parse(&self.directory))?.value;
            return Ok(match set {
                Some(_) => Decision::new(root, "settings", Reason::Set),
                None => Decision::new(root, "default", Reason::TopOfRepository),
            });
        };
        let path = join(&self.directory, root.value.as_str());
        let path = path.trim_end_matches('/');
        if !path.is_empty() && !checkout.has_directory(path) {
            let what = format!("there is no directory {path}");
            return Err(self.document.wrong(
                root.place,
                &what,
                "A root is a directory that holds files of the commit.",
            ));
        }
        let directory = self.document.parsed(root.place, RootDir::parse(path))?.value;
        Ok(Given { value: directory, by: by(root.place) }.decision())
    }

    fn wanted(
        &self,
        checkout: &Checkout,
        declared: &Service,
        root: &RootDir,
        settings: Option<&ProjectSettings>,
    ) -> Result<Wanted, Failure> {
        let is_static = declared.kind.as_ref().is_some_and(|kind| kind.value == Kind::Static);
        let is_running = declared.kind.as_ref().is_some_and(|kind| kind.value == Kind::Running);
        let runs = is_running || declared.start.is_some();
        match (&declared.runs_by, &declared.output) {
            (Some(key), _) if is_static => return Err(self.only_runs(declared, key)),
            (_, Some(output)) if runs => {
                let what = format!("{} runs, and `output` is where files are that are published", declared.name);
                return Err(self.document.wrong(output.place, &what, "Leave it out, or make it a service of its own."));
            }
            _ => {}
        }
        let dockerfile = match &declared.dockerfile {
            None => None,
            Some(named) => {
                let path = normal_path(&join(root.as_str(), &named.value)).filter(|path| checkout.has_file(path));
                let path = path.ok_or_else(|| {
                    let what = format!("there is no file {}", join(root.as_str(), &named.value));
                    self.document.wrong(named.place, &what, "The path of a Dockerfile begins at the service's root.")
                })?;
                Some(Given { value: path, by: by(named.place) })
            }
        };
        let own = settings.map(Wanted::of_settings).unwrap_or_default();
        Ok(Wanted {
            install_command: own.install_command.or_else(|| given(declared.install.as_ref())),
            build_command: own.build_command.or_else(|| given(declared.build.as_ref())),
            output_directory: own.output_directory.or_else(|| given(declared.output.as_ref())).filter(|_| !runs),
            node_version: own.node_version.or_else(|| given(declared.node.as_ref())),
            dockerfile,
            start_command: given(declared.start.as_ref()),
            runs,
            is_static,
        })
    }

    fn only_runs(&self, declared: &Service, key: &At<String>) -> Failure {
        let what = format!("`{}` is for running services, and {} is static", key.value, declared.name);
        self.document.wrong(key.place, &what, "Leave it out, or write `type = \"running\"` and `start`.")
    }

    /// Whether it became what is declared.
    fn hold(&self, declared: &Service, service: &PlanService) -> Result<(), Failure> {
        let framework = &service.framework.value;
        match (&service.kind, &declared.kind, &declared.runs_by) {
            (ServiceKind::Static { .. }, _, Some(key)) => Err(self.only_runs(declared, key)),
            (ServiceKind::Running { .. }, Some(kind), _) if kind.value == Kind::Static => {
                let what = format!("{} is static, but {framework} makes a server of it", declared.name);
                Err(self.document.wrong(kind.place, &what, "Name the directory of its files: `output = \"dist\"`."))
            }
            (ServiceKind::Running { start_command: None, .. }, ..) if service.dockerfile.is_none() => {
                let what = format!("nothing says how {} is started", declared.name);
                Err(self.document.wrong(declared.place, &what, "Add `start = \"…\"` to it, or a Dockerfile."))
            }
            (ServiceKind::Running { .. }, ..) if service.dockerfile.is_none() && service.toolchain.is_none() => {
                let what = format!("no image is known that {} could run in", declared.name);
                let right =
                    "Add a Dockerfile that builds it, and name it if it is not `Dockerfile`: `dockerfile = \"…\"`.";
                Err(self.document.wrong(declared.place, &what, right))
            }
            _ => Ok(()),
        }
    }

    /// What is declared of how it runs.
    fn fill(&self, declared: &Service, service: &mut PlanService) -> Result<(), Failure> {
        let mut origins = Vec::new();
        let mut note = |setting: PlanSetting, place: Place| {
            origins.push((setting, Origin { source: By::FILE.to_owned(), why: by(place).why() }));
        };
        if let Some(env) = declared.env.as_ref().filter(|env| !env.value.is_empty()) {
            service.environment.extend(env.value.clone());
            note(PlanSetting::Environment, env.place);
        }
        let listens_nowhere = declared.port.as_ref().filter(|port| port.value.is_none());
        if let ServiceKind::Running { run, .. } = &mut service.kind {
            if let Some(release) = &declared.release {
                run.release_command = Some(release.value.clone());
                note(PlanSetting::ReleaseCommand, release.place);
            }
            if let Some(port) = &declared.port {
                run.port = port.value;
                note(PlanSetting::Port, port.place);
            }
            if let Some(protocol) = &declared.protocol {
                run.protocol = Some(protocol.value);
                note(PlanSetting::Protocol, protocol.place);
            }
            if let Some(Health { path, timeout }) = declared.health.as_ref().map(|health| &health.value) {
                if let Some(path) = path {
                    run.health_path = Some(path.value.clone());
                    note(PlanSetting::HealthPath, path.place);
                }
                if let Some(timeout) = timeout {
                    run.health_timeout = Some(timeout.value);
                    note(PlanSetting::HealthTimeout, timeout.place);
                }
            }
            if let Some(memory) = &declared.memory {
                run.memory = Some(memory.value);
                note(PlanSetting::Memory, memory.place);
            }
            if let Some(cpus) = &declared.cpus {
                run.cpus = Some(cpus.value);
                note(PlanSetting::Cpus, cpus.place);
            }
            if let Some(replicas) = &declared.replicas {
                run.replicas = Some(replicas.value);
                note(PlanSetting::Replicas, replicas.place);
            }
            if let Some(volumes) = declared.volumes.as_ref().filter(|volumes| !volumes.value.is_empty()) {
                run.volumes.clone_from(&volumes.value);
                note(PlanSetting::Volumes, volumes.place);
            }
        }
        service.origins.extend(origins);
        let Some(nowhere) = listens_nowhere else { return Ok(()) };
        service.origins.remove(&PlanSetting::Port);
        let answers = declared.routes.as_ref().is_some_and(|routes| !routes.value.is_empty());
        let is_asked = declared.health.as_ref().is_some_and(|health| health.value.path.is_some());
        if answers || is_asked {
            let what = format!("{} listens nowhere, so it can answer nothing", declared.name);
            let right = "Give it a port, or leave its routes and its health path out.";
            return Err(self.document.wrong(nowhere.place, &what, right));
        }
        Ok(())
    }
}
