//! A plan for people: one decision a line, with where it comes from and why.

use std::fmt::Write as _;

use berth_model::{Decision, Plan, PlanService, ServiceKind, Why};

/// The lines of a plan.
pub(super) fn lines(plan: &Plan) -> String {
    let mut text = String::new();
    for service in &plan.services {
        of_service(service, &mut text);
    }
    text
}

fn of_service(service: &PlanService, text: &mut String) {
    let mut line = |name: &str, value: &str, source: &str, why: &Why| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name}: {value} ({source}: {why})");
    };
    let mut decision =
        |name: &str, decision: &Decision<String>| line(name, &decision.value, &decision.source, &decision.why);
    decision("framework", &service.framework);
    if let Some(dockerfile) = &service.dockerfile {
        decision("dockerfile", dockerfile);
    }
    if let Some(toolchain) = &service.toolchain {
        decision("image", &toolchain.image);
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
            line("start", &start.value, &start.source, &start.why)
        }
        ServiceKind::Running { start_command: None, .. } => {}
    }
    for warning in service.warnings.sentences() {
        let _ = writeln!(text, "warning: {warning}");
    }
}

fn versioned(name: &str, version: Option<&str>) -> String {
    version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}"))
}
