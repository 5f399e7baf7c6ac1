//! What the operator lets services have, and a repository that asks for more.

use berth_model::words::Bytes;
use berth_model::{Failure, FailureCode, Plan, PlanService, PlanSetting, ServiceKind, ServiceMaximum};

/// Why a plan is not carried out: it asks for more than a replica may have.
pub(super) fn asks_for_more(plan: &Plan, most: &ServiceMaximum) -> Option<Failure> {
    plan.services.iter().find_map(|service| of_service(service, most))
}

fn of_service(service: &PlanService, most: &ServiceMaximum) -> Option<Failure> {
    let ServiceKind::Running { run, .. } = &service.kind else { return None };
    if let (Some(wanted), Some(most)) = (run.memory, most.memory)
        && wanted > most
    {
        let wanted = format!("{} of memory", Bytes(wanted));
        return Some(refused(service, PlanSetting::Memory, &wanted, &Bytes(most), "BERTH_SERVICE_MEMORY_MAX"));
    }
    if let (Some(wanted), Some(most)) = (run.cpus, most.cpus)
        && wanted > most
    {
        let wanted = format!("{} processors", wanted.cores());
        return Some(refused(service, PlanSetting::Cpus, &wanted, &most.cores(), "BERTH_SERVICE_CPUS_MAX"));
    }
    None
}

fn refused(
    service: &PlanService,
    setting: PlanSetting,
    wanted: &str,
    most: &impl std::fmt::Display,
    variable: &str,
) -> Failure {
    let origin = service.origins.get(&setting).map(|origin| format!("{}: {}. ", origin.source, origin.why));
    let title = format!("the service {} asks for {wanted} and gets {most} at most (limit: {variable})", service.name);
    let detail = format!("{}Ask for less there, or ask the operator for more.", origin.unwrap_or_default());
    Failure::new(FailureCode::BadRepository, title, detail)
}

#[cfg(test)]
mod tests {
    use berth_model::Cpus;

    use super::super::tests::plan;
    use super::super::{ProjectSettings, refusal};
    use super::*;

    fn refused(most: ServiceMaximum) -> Option<Failure> {
        let declared =
            "[services.site]\nroot = \"site\"\n\n[services.api]\nroot = \"api\"\nmemory = \"2 GiB\"\ncpus = 1.5\n";
        let files = [
            ("berth.toml", declared),
            ("site/index.html", "<p>hello</p>"),
            ("api/package.json", r#"{"scripts":{"start":"node server.js"}}"#),
        ];
        refusal(&plan(&files, &ProjectSettings::default()).unwrap(), &most)
    }

    #[test]
    fn more_than_the_operator_gives_is_refused_with_the_line() {
        let memory = refused(ServiceMaximum { memory: Some(1 << 30), cpus: None }).unwrap();
        assert_eq!(
            (memory.title.as_str(), memory.detail.as_str()),
            (
                "the service api asks for 2 GiB of memory and gets 1 GiB at most (limit: BERTH_SERVICE_MEMORY_MAX)",
                "berth.toml: line 6 says so. Ask for less there, or ask the operator for more."
            )
        );
        let cpus = refused(ServiceMaximum { memory: Some(2 << 30), cpus: Some(Cpus::new(1.0).unwrap()) }).unwrap();
        assert_eq!(
            cpus.title,
            "the service api asks for 1.5 processors and gets 1 at most (limit: BERTH_SERVICE_CPUS_MAX)"
        );
    }

    #[test]
    fn as_much_as_the_operator_gives_may_be_asked_for() {
        assert_eq!(refused(ServiceMaximum { memory: Some(2 << 30), cpus: Some(Cpus::new(1.5).unwrap()) }), None);
        assert_eq!(refused(ServiceMaximum::default()), None);
    }
}
