//! `deployments/<name>`: links to live releases, for people and tools. Berth itself never follows them, so a link that
//! cannot be made is a warning and nothing more.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use berth_model::{DeploymentId, ProjectId};

use crate::places::Places;

/// Points the link of a project at a release, by a rename.
pub(crate) fn point(places: &Places, name: &str, project: ProjectId, deployment: DeploymentId) {
    // The one project name that is the name of a file of ours.
    if name == "routes" {
        return;
    }
    let link = places.root().join(name);
    let target = Places::link_target(project, deployment);
    if fs::read_link(&link).is_ok_and(|current| current == target) {
        return;
    }
    let place = || -> io::Result<()> {
        let new = places.root().join(format!(".link-{name}"));
        remove_file(&new)?;
        symlink(&target, &new)?;
        berth_model::step!("site's link made");
        fs::rename(&new, &link)?;
        berth_model::step!("site's link renamed");
        Ok(())
    };
    if let Err(error) = place() {
        tracing::warn!(name, %error, "the link to the live release could not be made");
    }
}

/// Removes the link of a name if it leads to this project; somebody else's stays.
pub(crate) fn remove(places: &Places, name: &str, project: ProjectId) {
    let link = places.root().join(name);
    let of_project = Path::new(".releases").join(project.to_string());
    let leads_there = fs::read_link(&link).is_ok_and(|target| target.starts_with(&of_project));
    if leads_there && let Err(error) = remove_file(&link) {
        tracing::warn!(name, %error, "the link to a removed release could not be removed");
    }
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_follow_and_stay_out_of_the_way() {
        let directory = tempfile::tempdir().unwrap();
        let places = Places::below(directory.path());
        let read = |name: &str| fs::read_link(directory.path().join(name)).ok();
        point(&places, "shop", ProjectId(1), DeploymentId(2));
        point(&places, "shop", ProjectId(1), DeploymentId(3));
        assert_eq!(read("shop"), Some(".releases/1/3".into()));
        remove(&places, "shop", ProjectId(11));
        assert!(read("shop").is_some());
        remove(&places, "shop", ProjectId(1));
        assert!(read("shop").is_none());
        point(&places, "routes", ProjectId(1), DeploymentId(2));
        assert!(read("routes").is_none());
        // Somebody's real directory is left alone.
        fs::create_dir_all(directory.path().join("mine/x")).unwrap();
        point(&places, "mine", ProjectId(1), DeploymentId(2));
        assert!(directory.path().join("mine/x").is_dir());
    }
}
