//! What the hosts of a deployment lead to: the files of its release, or, by the path's beginning, files and services. All
//! of it lies with the release, so that a start needs no database.

use std::path::Path;
use std::sync::Arc;

use berth_edge::{Edge, Mount, Mounts, Release, Target};
use berth_model::{DeploymentId, ServicePart, ServiceSpec};

use crate::engine::open;
use crate::{DeployError, parts};

/// Opens a deployment as it is served.
pub(crate) fn open_target(edge: &Edge, release: &Path, deployment: DeploymentId) -> Result<Target, DeployError> {
    let files = open(release, deployment)?;
    let unreadable = "what services the release has cannot be read; rebuild its commit, or deploy its folder again";
    match parts::read(release).map_err(DeployError::disk(unreadable))? {
        None => Ok(Target::Release(files)),
        Some(specs) => {
            let mut mounts = Vec::new();
            for spec in &specs {
                let mount = mount_of(edge, release, deployment, &specs, spec)?;
                mounts.extend(spec.routes.iter().map(|route| (route.path.clone(), mount(route.strip_prefix))));
            }
            Ok(Target::Mounts(Arc::new(Mounts::new(deployment.0, mounts))))
        }
    }
}

/// What answers for a service; with or without the prefix of a route.
fn mount_of(
    edge: &Edge,
    release: &Path,
    deployment: DeploymentId,
    specs: &[ServiceSpec],
    spec: &ServiceSpec,
) -> Result<impl Fn(bool) -> Mount, DeployError> {
    let mount = match &spec.part {
        ServicePart::Static => Mount::Files(open(&parts::directory(release, specs, &spec.name), deployment)?),
        ServicePart::Running(running) => {
            let upstream = edge.upstreams().of(deployment.0, spec.name.as_str());
            upstream.speak(running.settings.protocol.unwrap_or_default());
            Mount::Service { upstream, strip_prefix: false }
        }
    };
    Ok(move |strip| match &mount {
        Mount::Service { upstream, .. } => Mount::Service { upstream: Arc::clone(upstream), strip_prefix: strip },
        files @ Mount::Files(_) => files.clone(),
    })
}

/// The files that answer `/`, if files do: the edge can be asked for them, and what they replace stays reachable.
pub(crate) fn files_at_root(target: &Target) -> Option<&Arc<Release>> {
    match target {
        Target::Release(files) => Some(files),
        Target::Mounts(mounts) => mounts.root(),
        Target::NothingYet | Target::Unavailable => None,
    }
}
