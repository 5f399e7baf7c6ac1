//! What a container has written: to its own layer, and to the volumes that it shares with later ones.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use berth_model::BuildId;
use bollard::models::{ContainerInspectResponse, VolumeCreateRequest};
use bollard::query_parameters::InspectContainerOptions;

use crate::error::{in_container, while_doing};
use crate::labels::BUILD;
use crate::{Container, Engine, RuntimeError};

/// For so long it is tried to empty a volume whose container is on its way out.
const EMPTIED_WITHIN: Duration = Duration::from_secs(60);

/// Files and the room they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Bytes on disk.
    pub bytes: u64,
    /// Files, directories and links: inodes.
    pub files: u64,
}

impl Amount {
    /// What came since.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self { bytes: self.bytes.saturating_sub(before.bytes), files: self.files.saturating_sub(before.files) }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { bytes: self.bytes + other.bytes, files: self.files + other.files }
    }
}

/// What a container has on disk. Where Berth cannot see the daemon's directory, only the bytes of the layer are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// All of it is the container's own.
    pub layer: Amount,
    /// In its volumes; others wrote to them before.
    pub volumes: Amount,
}

impl Container {
    /// Measures it; every file of the layer and of the volumes is looked at.
    ///
    /// # Errors
    /// [`RuntimeError::Gone`], or what Docker said.
    pub async fn written(&self) -> Result<Written, RuntimeError> {
        self.engine.written_by(self.id()).await
    }

    /// How much longer the files of its own layer are than the room they take: what copying them would cost besides.
    /// Nothing where Berth cannot see the daemon's directory.
    pub(crate) async fn written_hollow(&self) -> Result<u64, RuntimeError> {
        let docker = self.engine.docker().await?;
        let found = docker.inspect_container(self.id(), None::<InspectContainerOptions>).await;
        let layer = found.map_err(in_container("measure a container"))?.graph_driver;
        let layer = layer.and_then(|driver| driver.data.get("UpperDir").map(PathBuf::from));
        let Some(layer) = layer.filter(|_| !self.engine.is_remote()) else { return Ok(0) };
        let counting = tokio::task::spawn_blocking(move || {
            let mut hollow = 0_u64;
            each_below(layer, |metadata| {
                let takes = metadata.blocks() * 512;
                hollow =
                    hollow.saturating_add(if metadata.is_file() { metadata.len().saturating_sub(takes) } else { 0 });
            });
            hollow
        });
        counting.await.map_err(|_| RuntimeError::Gone)
    }

    /// Empties its volumes once it is gone, in the background. One that another container uses stays as it is.
    pub async fn empty_volumes_at_its_end(&self) {
        let Ok(found) = self.engine.inspect_size(self.id()).await else { return };
        for volume in found.mounts.into_iter().flatten().filter_map(|mount| mount.name) {
            let engine = self.engine.clone();
            tokio::spawn(async move {
                let emptied = tokio::time::timeout(EMPTIED_WITHIN, engine.empty_volume(&volume)).await;
                match emptied {
                    Ok(Ok(())) => tracing::info!(volume, "a cache that filled the disk was emptied"),
                    Ok(Err(error)) => tracing::warn!(volume, %error, "a cache that filled the disk stays"),
                    Err(_) => tracing::warn!(volume, "a cache that filled the disk is in use and stays"),
                }
            });
        }
    }
}

impl Engine {
    /// What the steps of a Dockerfile's build that run now have written. They are found by the labels that stand behind
    /// each `FROM`; a Dockerfile that writes over them hides its steps from this.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn written_by_steps(&self, build: BuildId) -> Result<Amount, RuntimeError> {
        let mut written = Amount::default();
        for step in self.containers(&[(BUILD, build.to_string().as_str())]).await? {
            let Some(id) = step.id else { continue };
            // One that has ended meanwhile is a layer now.
            let Written { layer, volumes } = self.written_by(&id).await.unwrap_or_default();
            written = written.and(layer).and(volumes);
        }
        Ok(written)
    }

    async fn written_by(&self, container: &str) -> Result<Written, RuntimeError> {
        let found = self.inspect_size(container).await?;
        let bytes = found.size_rw.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        let layer = found.graph_driver.and_then(|driver| driver.data.get("UpperDir").map(PathBuf::from));
        let mounts = found.mounts.into_iter().flatten();
        let volumes = mounts.filter(|mount| mount.typ.as_deref() == Some("volume")).filter_map(|mount| mount.source);
        let volumes: Vec<PathBuf> = volumes.map(PathBuf::from).collect();
        let is_remote = self.is_remote();
        let counting = tokio::task::spawn_blocking(move || {
            if is_remote {
                return Written { layer: Amount { bytes, files: 0 }, volumes: Amount::default() };
            }
            let files = layer.map(below).unwrap_or_default().files;
            let volumes = volumes.into_iter().map(below).fold(Amount::default(), Amount::and);
            Written { layer: Amount { bytes, files }, volumes }
        });
        counting.await.map_err(|_| RuntimeError::Gone)
    }

    async fn inspect_size(&self, container: &str) -> Result<ContainerInspectResponse, RuntimeError> {
        let docker = self.docker_for_files().await?;
        let inspected = docker.inspect_container(container, Some(InspectContainerOptions { size: true })).await;
        inspected.map_err(in_container("measure a container"))
    }

    /// Removes a volume and makes it again, as soon as no container uses it.
    async fn empty_volume(&self, name: &str) -> Result<(), RuntimeError> {
        let docker = self.docker_for_files().await?;
        let found = docker.inspect_volume(name).await.map_err(while_doing("look at a volume"))?;
        let labels: HashMap<String, String> = found.labels;
        // Nobody may mount it between its end and its beginning: Docker would make one without our labels.
        let _leaving = loop {
            let leaving = self.uses().turn_of(name).await.let_go(name);
            if self.remove_idle_volume(name).await? {
                break leaving;
            }
            drop(leaving);
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        let name = Some(name.to_owned());
        let request = VolumeCreateRequest { name, labels: Some(labels), ..VolumeCreateRequest::default() };
        docker.create_volume(request).await.map(drop).map_err(while_doing("create a volume"))
    }
}

/// What lies below a directory, as far as it can be seen; links are not followed.
pub(crate) fn below(directory: PathBuf) -> Amount {
    let mut amount = Amount::default();
    each_below(directory, |metadata| amount = amount.and(Amount { bytes: metadata.blocks() * 512, files: 1 }));
    amount
}

fn each_below(directory: PathBuf, mut look: impl FnMut(&Metadata)) {
    let mut waiting = vec![directory];
    while let Some(directory) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            look(&metadata);
            if metadata.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_by_the_room_they_take() {
        let directory = std::env::temp_dir().join(format!("berth-written-{}", std::process::id()));
        std::fs::create_dir_all(directory.join("a/b")).unwrap();
        std::fs::write(directory.join("a/b/c"), vec![1; 1 << 20]).unwrap();
        // Takes no room, whatever it says.
        std::fs::File::create(directory.join("a/sparse")).unwrap().set_len(1 << 40).unwrap();
        std::os::unix::fs::symlink("/", directory.join("a/link")).unwrap();
        let before = below(directory.clone());
        assert_eq!(before.files, 5);
        assert!(before.bytes >= 1 << 20 && before.bytes < 2 << 20, "{before:?}");
        std::fs::write(directory.join("d"), vec![1; 1 << 20]).unwrap();
        let grown = below(directory.clone()).since(before);
        assert!(grown.files == 1 && grown.bytes >= 1 << 20, "{grown:?}");
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
