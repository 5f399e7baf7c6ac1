//! What a release holds besides the files of its own: the list of its deployment's services, and the files of further
//! static ones.
//!
//! Both lie in Berth's own directory within the release, which visitors never see, so that a site may have files of any
//! other name. The release itself is that of the static service which answers everything; where a process does, it
//! holds no file. A deployment of one such static service has no list at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use berth_edge::index::layout;
use berth_model::{PathPrefix, ServiceName, ServicePart, ServiceSpec};

/// The list, below the release.
const LIST: &str = "services.json";
/// The directory of further releases, below the release.
const PARTS: &str = "services";

/// The services of the deployment whose release lies here; `None` if it is one static service that answers everything.
pub(crate) fn read(release: &Path) -> io::Result<Option<Vec<ServiceSpec>>> {
    match fs::read(own(release).join(LIST)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the list into a release that is being made.
pub(crate) fn write(release: &Path, services: &[ServiceSpec]) -> io::Result<()> {
    fs::write(own(release).join(LIST), serde_json::to_vec(services)?)
}

/// Whether a list says no more than that there is none.
pub(crate) fn is_plain(services: &[ServiceSpec]) -> bool {
    let [only] = services else { return false };
    let answers_everything = matches!(&only.routes[..], [route] if route.path == PathPrefix::everything());
    only.part == ServicePart::Static && answers_everything && only.name == ServiceName::only()
}

/// The service whose files are the release itself.
pub(crate) fn root(services: &[ServiceSpec]) -> Option<&ServiceName> {
    let everything = PathPrefix::everything();
    let is_root = |service: &&ServiceSpec| {
        service.part == ServicePart::Static && service.routes.iter().any(|route| route.path == everything)
    };
    services.iter().find(is_root).map(|service| &service.name)
}

/// Where the release of a static service lies.
pub(crate) fn directory(release: &Path, services: &[ServiceSpec], service: &ServiceName) -> PathBuf {
    if root(services) == Some(service) { release.to_owned() } else { own(release).join(PARTS).join(service.as_str()) }
}

/// The further releases that lie in one.
pub(crate) fn further(release: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(own(release).join(PARTS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}

fn own(release: &Path) -> PathBuf {
    release.join(layout::OWN_DIRECTORY)
}
