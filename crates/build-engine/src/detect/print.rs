//! A plan for people: one decision a line, with where it comes from and why.

use std::fmt::Write as _;

use berth_model::words::Bytes;
use berth_model::{Decision, Origin, Plan, PlanService, PlanSetting, RunSettings, ServiceKind, ServiceRoute, Why};

/// The lines of a plan; each service of several under its name.
pub(super) fn lines(plan: &Plan) -> String {
    let mut text = String::new();
    let are_several = plan.services.len() > 1;
    for (number, service) in plan.services.iter().enumerate() {
        if are_several {
            let gap = if number > 0 { "\n" } else { "" };
            // Writing to a string does not fail.
            let _ = writeln!(text, "{gap}[{}]", service.name);
        }
        of_service(service, are_several, &mut text);
    }
    text
}

fn of_service(service: &PlanService, is_one_of_several: bool, text: &mut String) {
    let mut line = |name: &str, value: &str, source: &str, why: &Why| {
        let _ = writeln!(text, "{name}: {value} ({source}: {why})");
    };
    let mut decision =
        |name: &str, decision: &Decision<String>| line(name, &decision.value, &decision.source, &decision.why);
    decision("framework", &service.framework);
    let root = &service.root_directory;
    if is_one_of_several {
        line("root", &format!("/{}", root.value.as_str()), &root.source, &root.why);
    }
    if let Some(dockerfile) = &service.dockerfile {
        line("dockerfile", &dockerfile.value, &dockerfile.source, &dockerfile.why);
    }
    if let Some(toolchain) = &service.toolchain {
        line("image", &toolchain.image.value, &toolchain.image.source, &toolchain.image.why);
        if let Some(manager) = &toolchain.package_manager {
            let version = toolchain.package_manager_version.as_deref();
            line("packages", &versioned(manager.value.program(), version), &manager.source, &manager.why);
        }
        for tool in &toolchain.tools {
            let name = versioned(&format!("{:?}", tool.value.name), tool.value.version.as_deref());
            line("tool", &name, &tool.source, &tool.why);
        }
    }
    if let Some(command) = &service.install_command {
        let place = format!("{} in /{}", command.value, service.install_directory.as_str());
        line("install", &place, &command.source, &command.why);
    }
    if let Some(command) = &service.build_command {
        line("build", &command.value, &command.source, &command.why);
    }
    match &service.kind {
        ServiceKind::Static { output_directory: output } => {
            line("output", &format!("/{}", output.value.as_str()), &output.source, &output.why);
        }
        ServiceKind::Running { start_command: Some(start), .. } => {
            line("start", &start.value, &start.source, &start.why);
        }
        ServiceKind::Running { start_command: None, .. } => {}
    }
    for (setting, value) in settings(service) {
        if let Some(Origin { source, why }) = service.origins.get(&setting) {
            line(name_of(setting), &value, source, why);
        }
    }
    for warning in service.warnings.sentences() {
        let _ = writeln!(text, "warning: {warning}");
    }
}

/// What has an origin of its own, in words.
fn settings(service: &PlanService) -> Vec<(PlanSetting, String)> {
    let pairs = |pairs: &mut dyn Iterator<Item = (String, String)>| {
        pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    let mut values = Vec::new();
    if let ServiceKind::Running { run, .. } = &service.kind {
        // Taken apart, so that none is forgotten.
        let RunSettings {
            release_command,
            port,
            health_path,
            health_timeout,
            memory,
            cpus,
            replicas,
            volumes,
            protocol,
        } = run;
        let volumes = pairs(&mut volumes.iter().map(|volume| (volume.name.to_string(), volume.path.to_string())));
        values.extend([
            (PlanSetting::ReleaseCommand, release_command.clone()),
            (PlanSetting::Port, port.map(|port| port.to_string())),
            (PlanSetting::Protocol, protocol.map(|protocol| protocol.as_str().to_owned())),
            (PlanSetting::HealthPath, health_path.as_ref().map(ToString::to_string)),
            (PlanSetting::HealthTimeout, health_timeout.map(|seconds| format!("{seconds} s"))),
            (PlanSetting::Memory, memory.map(|bytes| Bytes(bytes).to_string())),
            (PlanSetting::Cpus, cpus.map(|cpus| cpus.cores().to_string())),
            (PlanSetting::Replicas, replicas.map(|replicas| replicas.to_string())),
            (PlanSetting::Volumes, Some(volumes).filter(|volumes| !volumes.is_empty())),
        ]);
    }
    let environment = pairs(&mut service.environment.iter().map(|(key, value)| (key.to_string(), value.clone())));
    values.push((PlanSetting::Environment, Some(environment).filter(|pairs| !pairs.is_empty())));
    values.push((PlanSetting::Routes, Some(routes(&service.routes))));
    values.into_iter().filter_map(|(setting, value)| Some((setting, value?))).collect()
}

fn routes(routes: &[ServiceRoute]) -> String {
    let shown = routes.iter().map(|route| {
        let stripped = if route.strip_prefix { " (stripped)" } else { "" };
        format!("{}{stripped}", route.path)
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    if shown.is_empty() { "none".to_owned() } else { shown }
}

fn name_of(setting: PlanSetting) -> &'static str {
    match setting {
        PlanSetting::Routes => "routes",
        PlanSetting::Environment => "environment",
        PlanSetting::ReleaseCommand => "release",
        PlanSetting::Port => "port",
        PlanSetting::Protocol => "protocol",
        PlanSetting::HealthPath => "health",
        PlanSetting::HealthTimeout => "health timeout",
        PlanSetting::Memory => "memory",
        PlanSetting::Cpus => "cpus",
        PlanSetting::Replicas => "replicas",
        PlanSetting::Volumes => "volumes",
    }
}

fn versioned(name: &str, version: Option<&str>) -> String {
    version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}"))
}
