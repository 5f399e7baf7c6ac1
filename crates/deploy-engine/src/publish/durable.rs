//! Brings files to the disk, and directories to their place and out of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::{DeployError, parallel};

/// Up to so many files are synced one by one: cheaper than flushing what everybody else has written meanwhile.
const FEW: usize = 64;

/// When this returns, everything below the directory survives a power cut.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    let mut paths = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() { waiting.push(entry.path()) } else { paths.push(entry.path()) }
        }
        paths.push(directory);
    }
    if paths.len() > FEW {
        rustix::fs::syncfs(File::open(directory)?)?;
    } else {
        // At once, so that the file system commits them together.
        parallel::try_map(16, &paths, |path| sync_one(path))?;
    }
    berth_model::step!("release's files synced");
    Ok(())
}

/// Makes a file's content, or a directory's entries, survive a power cut.
fn sync_one(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Renames a synced directory to its final name, durably. A directory of that name is left over from a crash.
pub(super) fn move_into_place(staging: &Path, release: &Path) -> Result<(), DeployError> {
    let place = || -> io::Result<()> {
        let of_project = release.parent().ok_or(io::ErrorKind::InvalidInput)?;
        if release.exists() {
            fs::remove_dir_all(release)?;
            berth_model::step!("leftover release removed");
        }
        loop {
            make_directory(of_project)?;
            match fs::rename(staging, release) {
                // A sweep takes a project's directory away that is empty.
                Err(error) if error.kind() == io::ErrorKind::NotFound && staging.is_dir() => {}
                renamed => break renamed?,
            }
        }
        berth_model::step!("release renamed");
        sync_one(of_project)?;
        berth_model::step!("release's directory synced");
        Ok(())
    };
    place().map_err(DeployError::disk("the release could not be moved into its place"))
}

fn make_directory(of_project: &Path) -> io::Result<()> {
    if of_project.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(of_project)?;
    berth_model::step!("project's directory made");
    if let Some(releases) = of_project.parent() {
        sync_one(releases)?;
        berth_model::step!("project's directory synced");
    }
    Ok(())
}

/// Removes a directory: out of sight at once by a rename into `trash`, then file by file. One that is gone is fine.
pub(crate) fn remove(directory: &Path, trash: &Path) -> io::Result<()> {
    let name: Vec<_> =
        directory.components().rev().take(2).map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    let doomed: PathBuf = trash.join(name.join("-of-"));
    fs::create_dir_all(trash)?;
    if doomed.exists() {
        fs::remove_dir_all(&doomed)?;
        berth_model::step!("older trash removed");
    }
    match fs::rename(directory, &doomed) {
        Ok(()) => {
            berth_model::step!("renamed into the trash");
            fs::remove_dir_all(&doomed)?;
            berth_model::step!("trash removed");
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
