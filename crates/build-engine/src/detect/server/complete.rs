//! What else a server needs to run: its release command, its environment and its port, each with where it comes from.

use std::num::NonZeroU16;

use berth_model::{Decision, Origin, PlanService, PlanSetting, Reason, ServiceKind, VariableKey, Why};

use super::{listens, procfile};
use crate::build::{exposed_ports, port_variable, started_command};
use crate::detect::folder::Folder;
use crate::detect::hybrid;

/// Fills in what the repository says, and what applications of its kind need.
pub(in crate::detect) fn complete(folder: &Folder<'_>, service: &mut PlanService) {
    if !matches!(service.kind, ServiceKind::Running { .. }) {
        return;
    }
    if let Some(release) = procfile::command(folder, "release") {
        release_with(service, release);
    }
    service.warnings.extend(procfile::unused(folder));
    environment(folder, service);
    let found = match &service.dockerfile {
        Some(dockerfile) => of_image(folder, service, &dockerfile.value),
        None => listens::port(folder, service),
    };
    if let Some((port, origin)) = found {
        listen_on(service, port, origin);
    }
    if service.dockerfile.is_none() {
        service.warnings.extend(listens::unreachable(folder, service));
    }
}

/// Sets what is run before the switch.
pub(in crate::detect) fn release_with(service: &mut PlanService, release: Decision<String>) {
    if let ServiceKind::Running { run, .. } = &mut service.kind {
        run.release_command = Some(release.value);
        let origin = Origin { source: release.source, why: release.why };
        service.origins.insert(PlanSetting::ReleaseCommand, origin);
    }
}

/// Sets where it listens.
pub(in crate::detect) fn listen_on(service: &mut PlanService, port: NonZeroU16, origin: Origin) {
    if let ServiceKind::Running { run, .. } = &mut service.kind {
        run.port = Some(port);
        service.origins.insert(PlanSetting::Port, origin);
    }
}

/// What a Dockerfile says of its port: it exposes one, sets `PORT`, or starts what listens somewhere. One that says nothing
/// may build on an image that does.
fn of_image(folder: &Folder<'_>, service: &PlanService, dockerfile: &str) -> Option<(NonZeroU16, Origin)> {
    let text = folder.checkout.text(dockerfile)?;
    let file = dockerfile.rsplit('/').next().unwrap_or(dockerfile);
    let ports = exposed_ports(&text);
    if let Some(first) = ports.first() {
        let reason = match ports.len() {
            1 => Reason::Exposes { file: file.into() },
            _ => Reason::ExposesSeveral { file: file.into() },
        };
        return Some((*first, Origin::new(file, reason)));
    }
    if let Some(port) = port_variable(&text) {
        return Some((port, Origin::new(file, Reason::FileSets { file: file.into(), key: "PORT".into() })));
    }
    listens::said(folder, service, &started_command(&text)?, file)
}

/// What applications of a kind are told so that they can be reached and read.
fn environment(folder: &Folder<'_>, service: &mut PlanService) {
    let framework = service.framework.value.clone();
    let serves_built = service.dockerfile.is_none()
        && matches!(&service.kind, ServiceKind::Running { start_command: Some(start), .. } if start.source == "framework");
    let mut told = Told { service, why: None };
    let everywhere = || Reason::ListensEverywhere { framework: framework.clone() };
    match framework.as_str() {
        "nextjs" => told.tell("HOSTNAME", "0.0.0.0", everywhere()),
        "sveltekit" => {
            let reason = || Reason::LearnsAddress { framework: framework.clone() };
            told.tell("PROTOCOL_HEADER", "x-forwarded-proto", reason());
            told.tell("HOST_HEADER", "x-forwarded-host", reason());
            if serves_built && hybrid::svelte_adapter_asks_for_host(folder) {
                // The one host that it knows whose servers are plain Node (`adapters.js` of @sveltejs/adapter-auto).
                told.tell("GCP_BUILDPACKS", "1", Reason::AdapterChoosesNode { adapter: "adapter-auto".into() });
            }
        }
        "fastify" if folder.package.scripts_run("fastify") => told.tell("FASTIFY_ADDRESS", "0.0.0.0", everywhere()),
        "rails" => {
            let reason = || Reason::RunsInProduction { framework: framework.clone() };
            for (key, value) in
                [("RAILS_ENV", "production"), ("RAILS_LOG_TO_STDOUT", "1"), ("RAILS_SERVE_STATIC_FILES", "1")]
            {
                told.tell(key, value, reason());
            }
        }
        "rack" | "ruby" => {
            told.tell("APP_ENV", "production", Reason::RunsInProduction { framework: framework.clone() })
        }
        "phoenix" => {
            let reason = || Reason::RunsInProduction { framework: framework.clone() };
            told.tell("MIX_ENV", "prod", reason());
            told.tell("PHX_SERVER", "true", reason());
        }
        _ => {}
    }
    let is_python = told.service.toolchain.as_ref().is_some_and(|tools| tools.image.value.starts_with("python:"));
    if is_python {
        told.tell("PYTHONUNBUFFERED", "1", Reason::PrintsAtOnce { language: "Python".into() });
    }
    if framework == "rust" && folder.text("Cargo.toml").is_some_and(|text| text.contains("rocket")) {
        let reason = || Reason::ListensEverywhere { framework: "Rocket".into() };
        told.tell("ROCKET_ADDRESS", "0.0.0.0", reason());
        told.tell("ROCKET_PORT", listens::ROCKET, reason());
    }
}

/// A service, and why its environment is as it is.
struct Told<'a> {
    service: &'a mut PlanService,
    why: Option<Why>,
}

impl Told<'_> {
    fn tell(&mut self, key: &str, value: &str, reason: Reason) {
        let Ok(key) = VariableKey::parse(key) else { return };
        self.service.environment.insert(key, value.to_owned());
        let why = match self.why.take() {
            None => Why::from(reason),
            Some(why) if why.because.contains(&reason) => why,
            Some(why) => why.and("; ", reason),
        };
        self.service
            .origins
            .insert(PlanSetting::Environment, Origin { source: "framework".to_owned(), why: why.clone() });
        self.why = Some(why);
    }
}
