//! A frontend and a backend in folders of their own, with nothing above them that says how they belong together: two
//! services, the backend below `/api`.
//!
//! This is tried where a repository would otherwise be refused or has no more than a build script at its top, which in a
//! monorepo builds everything; and where its owner has set nothing: whoever means something else says so in `berth.toml`,
//! or by setting the root directory.

use std::sync::LazyLock;

use berth_model::{
    Decision, Origin, PathPrefix, Plan, PlanService, PlanSetting, Reason, RootDir, ServiceKind, ServiceName,
    ServiceRoute,
};
use regex::Regex;

use super::folder::join;
use super::wanted::Wanted;
use super::{ProjectSettings, planned, server};
use crate::Checkout;

/// Where both are: at the top, or where monorepos keep what is deployed.
const PLACES: &[&str] = &["", "apps", "packages"];
/// What their folders are called, the likeliest first.
const FRONTENDS: &[&str] = &["frontend", "client", "web", "ui", "webapp", "site"];
const BACKENDS: &[&str] = &["backend", "server", "api"];
/// What a frontend asks its backend for begins with this.
const API: &str = "/api";

/// So many sources of a backend are looked into, of so many bytes each.
const MOST_SOURCES: usize = 200;
const MOST_BYTES: u64 = 256 << 10;
const SOURCES: &[&str] = &["js", "mjs", "cjs", "ts", "mts", "cts", "py", "go", "rs", "rb", "php", "java", "kt", "cs"];
/// Directories of sources that are not the backend's own.
const ASIDE: &[&str] = &["node_modules", "test", "tests", "__tests__", "vendor"];

/// A path that begins with it, as sources write paths.
static NAMES_API: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("[\"'`]/?api[/\"'`]").ok());

/// The plan of both, if they are there and can be made something of.
pub(super) fn plan(checkout: &Checkout, settings: &ProjectSettings) -> Option<Plan> {
    let set = ProjectSettings { root_directory: None, ..settings.clone() };
    let is_at_top = settings.root_directory.as_ref().is_none_or(RootDir::is_top);
    if !is_at_top || set != ProjectSettings::default() {
        return None;
    }
    PLACES.iter().find_map(|place| {
        let of = |names: &'static [&'static str]| {
            let mut paths = names.iter().map(|name| (*name, join(place, name)));
            paths.find(|(_, path)| checkout.has_directory(path))
        };
        let (frontend, backend) = (of(FRONTENDS)?, of(BACKENDS)?);
        let mut shown = service(checkout, frontend.0, &frontend.1)?;
        let mut asked = service(checkout, backend.0, &backend.1)?;
        if !matches!(asked.kind, ServiceKind::Running { .. }) {
            return None;
        }
        shown.routes = vec![ServiceRoute::everything()];
        shown.origins.insert(PlanSetting::Routes, Origin::new("default", Reason::DefaultRoute));
        let (route, origin) = route_of_backend(checkout, backend.0, &backend.1)?;
        asked.routes = vec![route];
        asked.origins.insert(PlanSetting::Routes, origin);
        let plan = Plan { services: vec![shown, asked] };
        server::cannot_start(&plan).is_none().then_some(plan)
    })
}

fn service(checkout: &Checkout, name: &str, path: &str) -> Option<PlanService> {
    let root = RootDir::parse(path).ok()?;
    let mut service = planned(checkout, &root, &Wanted::default()).ok()?;
    service.name = ServiceName::parse(name).ok()?;
    service.root_directory = Decision::new(root, path, Reason::FileFound { file: name.to_owned() });
    Some(service)
}

/// A backend that names the prefix in its sources sees it; one that does not is asked without it.
fn route_of_backend(checkout: &Checkout, name: &str, path: &str) -> Option<(ServiceRoute, Origin)> {
    let is_source = |path: &str| {
        let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
        SOURCES.contains(&ending) && !path.split('/').any(|part| ASIDE.contains(&part))
    };
    let files = checkout.below(path).filter(|(path, entry)| is_source(path) && entry.size <= MOST_BYTES);
    let naming = files.take(MOST_SOURCES).map(|(path, _)| path).find(|path| {
        let names = |text: String| NAMES_API.as_ref().is_some_and(|pattern| pattern.is_match(&text));
        checkout.text(path).is_some_and(names)
    });
    let route = ServiceRoute { path: PathPrefix::parse(API).ok()?, strip_prefix: naming.is_none() };
    let origin = match naming {
        Some(file) => Origin::new(file, Reason::FileNames { file: file.to_owned(), name: API.to_owned() }),
        None => Origin::new("default", Reason::FileFound { file: name.to_owned() }),
    };
    Some((route, origin))
}
