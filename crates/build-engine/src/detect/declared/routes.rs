//! Which of several services answers where, if they do not all say.

use berth_model::{Failure, Origin, PathPrefix, PlanService, PlanSetting, Reason, ServiceKind, ServiceRoute};

use super::Declaration;
use super::document::{At, Place};
use crate::detect::wanted::By;

/// Gives each service its routes: the declared ones; else the whole address to the only one, to the only static one, or to
/// the first that runs. Who gets none is reached by its siblings alone, and is told so.
pub(super) fn assign(declaration: &Declaration, services: &mut [PlanService]) -> Result<(), Failure> {
    let declared = &declaration.services;
    no_two_the_same(declaration)?;
    let is_only = services.len() == 1;
    let routes = declared.iter().flat_map(|service| &service.routes).flat_map(|routes| &routes.value);
    let has_top = routes.into_iter().any(|route| route.value.path == PathPrefix::everything());
    let silent: Vec<usize> = (0..declared.len()).filter(|at| declared[*at].routes.is_none()).collect();
    let is_static = |at: &&usize| matches!(services[**at].kind, ServiceKind::Static { .. });
    let listens = |at: &&usize| declared[**at].port.as_ref().is_none_or(|port| port.value.is_some());
    let files: Vec<usize> = silent.iter().filter(is_static).copied().collect();
    let default = match files.as_slice() {
        _ if has_top => None,
        [] => silent.iter().find(|at| listens(at)).copied(),
        [first, ..] => Some(*first),
    };
    if let Some(lost) = files.iter().find(|at| Some(**at) != default) {
        let service = &declared[*lost];
        let what = format!("nothing could reach {}: it is static and has no routes", service.name);
        let right = format!("Say where its files are answered: `routes = [\"/{}\"]`.", service.name);
        return Err(declaration.document.wrong(service.place, &what, &right));
    }
    for (at, (service, declared)) in services.iter_mut().zip(declared).enumerate() {
        match &declared.routes {
            Some(routes) if routes.value.is_empty() && matches!(service.kind, ServiceKind::Static { .. }) => {
                let what = format!("nothing could reach {}: it is static and has no routes", declared.name);
                return Err(declaration.document.wrong(routes.place, &what, "Name at least one path."));
            }
            Some(routes) => {
                service.routes = routes.value.iter().map(|route| route.value.clone()).collect();
                let why = By::File { line: routes.place.line }.why();
                service.origins.insert(PlanSetting::Routes, Origin { source: By::FILE.to_owned(), why });
            }
            None if Some(at) == default => {
                service.routes = vec![ServiceRoute::everything()];
                let reason = if is_only { Reason::OnlyService } else { Reason::DefaultRoute };
                service.origins.insert(PlanSetting::Routes, Origin::new("default", reason));
            }
            None => {
                service.routes = Vec::new();
                let is_worker = declared.port.as_ref().is_some_and(|port| port.value.is_none());
                let name = declared.name.to_string();
                service.warnings.extend((!is_worker).then_some(Reason::Internal { name }));
            }
        }
    }
    Ok(())
}

fn no_two_the_same(declaration: &Declaration) -> Result<(), Failure> {
    let mut seen: Vec<(&str, &At<ServiceRoute>)> = Vec::new();
    for service in &declaration.services {
        for route in service.routes.iter().flat_map(|routes| &routes.value) {
            if let Some((name, first)) = seen.iter().find(|(_, first)| first.value.path == route.value.path) {
                let Place { line, column } = first.place;
                let what = format!("{} is a route of {name} already (line {line}, column {column})", route.value.path);
                return Err(declaration.document.wrong(route.place, &what, "Each path is answered by one service."));
            }
            seen.push((service.name.as_str(), route));
        }
    }
    Ok(())
}
