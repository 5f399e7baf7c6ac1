//! Production's copy of a preview's release: the same files, by hard links, under another deployment's id, and the same
//! images. The preview may go; what was promoted stays.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use berth_edge::EdgeError;
use berth_edge::index::{self, layout};
use berth_model::{ActivationId, DeploymentId, ShortId};
use berth_store::{Deployment, NewDeployment, StoreError};

use super::durable;
use crate::{DeployEngine, DeployError, blocking, parts};

impl DeployEngine {
    /// Makes the copy that an activation waits for, and publishes it. A crash leaves what publishing leaves, and an
    /// activation that is pending: it is done again, under another id.
    ///
    /// # Errors
    /// The disk's and the database's own, among them an activation that has ended meanwhile.
    pub(crate) async fn publish_copy(
        &self,
        activation: ActivationId,
        source: &Deployment,
        id: DeploymentId,
        short_id: ShortId,
    ) -> Result<(), DeployError> {
        let project = self.store().project_unscoped(source.project).await?.ok_or(StoreError::NotFound)?;
        let from = self.places().release(project.id, source.id);
        let staging = self.staging().join(format!("copy-{id}"));
        let release = self.places().release(project.id, id);
        let (to, made) = (release.clone(), staging.clone());
        let made = blocking(move || {
            link_all(&from, &made, id).map_err(DeployError::disk("the preview's files could not be taken over"))?;
            durable::move_into_place(&made, &to)
        });
        if let Err(error) = made.await {
            self.discard(staging).await;
            return Err(error);
        }
        let host = self.deployment_host(&project.name, &short_id);
        let (files, bytes) = (source.files.unsigned_abs(), source.bytes.unsigned_abs());
        // The store gives it the services of its source. Images are shared: one goes when no deployment has it any more.
        let new = NewDeployment { id, short_id, host, files, bytes, services: None };
        match self.store().publish_copy(activation, new).await {
            Ok(_) => Ok(()),
            // Without an answer the row may be there.
            Err(error) if error.is_unavailable() => Err(error.into()),
            Err(error) => {
                self.discard(release).await;
                Err(error.into())
            }
        }
    }
}

/// Links every file of a release into another directory, writes the index that makes it another deployment's, and
/// brings all of it to the disk.
fn link_all(from: &Path, to: &Path, id: DeploymentId) -> io::Result<()> {
    let mut waiting = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = waiting.pop() {
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(&from)? {
            let (entry, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name())))?;
            if entry.is_dir() {
                waiting.push((entry, to));
            } else {
                // A file system that has no links, or no more of this file.
                fs::hard_link(&entry, &to).or_else(|_| fs::copy(&entry, &to).map(drop))?;
                berth_model::step!("copy's file linked");
            }
        }
    }
    for release in parts::further(to)?.iter().map(PathBuf::as_path).chain([to]) {
        make_anothers(release, id)?;
    }
    durable::sync(to)
}

/// Writes the index of a release anew, as another deployment's.
fn make_anothers(release: &Path, id: DeploymentId) -> io::Result<()> {
    // Removed first: the file is the preview's, too.
    let file = release.join(layout::INDEX_FILE);
    let index = fs::read(&file)?;
    fs::remove_file(&file)?;
    berth_model::step!("copy's index removed");
    let of_copy = index::of_another(index, id.0).map_err(|error| match error {
        EdgeError::Unreadable(error) => error,
        damaged @ EdgeError::Corrupt { .. } => io::Error::other(damaged),
    })?;
    fs::write(&file, of_copy)?;
    berth_model::step!("copy's index written");
    Ok(())
}
