//! One sandbox: files in and out, keeping it as an image, and its end. What runs in it is in `exec`.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::models::ContainerConfig;
use bollard::query_parameters::{
    CommitContainerOptions, ContainerArchiveInfoOptions, DownloadFromContainerOptions, ListContainersOptions,
    RemoveContainerOptions, UploadToContainerOptions,
};
use futures_util::{StreamExt, TryStreamExt};

use crate::error::{in_container, is_status};
use crate::tar_stream::plainly;
use crate::{Engine, LARGEST_FILE, Labels, RuntimeError, TarStream};

/// How long a container may take to be gone (acceptance B3).
const GONE_WITHIN: Duration = Duration::from_secs(15);

/// A container of ours. End it with [`Container::stop_and_remove`]; one that is dropped is removed in the background,
/// and one whose process was killed is found by the next process's sweep.
#[derive(Debug)]
pub struct Container {
    pub(crate) engine: Engine,
    id: String,
    /// Somebody has taken care of its removal.
    is_ended: bool,
}

/// What a path in a container leads to. Links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathStat {
    /// A directory.
    Directory,
    /// A regular file of so many bytes.
    File(u64),
    /// A symbolic link.
    Link,
    /// A device, pipe or socket.
    Other,
}

impl Container {
    pub(crate) fn new(engine: Engine, id: String) -> Self {
        Self { engine, id, is_ended: false }
    }

    /// The daemon's id of it, 64 hex digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Unpacks an uncompressed tar archive into `directory`, which must exist (a [`crate::Sandbox::workdir`] does).
    /// The directory itself becomes root's, 0755.
    ///
    /// # Errors
    /// [`RuntimeError::NoSuchPath`], [`RuntimeError::Gone`], or what Docker said about the archive.
    pub async fn upload(&self, directory: &str, archive: TarStream) -> Result<(), RuntimeError> {
        let options = UploadToContainerOptions { path: directory.to_owned(), ..UploadToContainerOptions::default() };
        let (archive, broken) = plainly(archive);
        let docker = self.engine.docker_for_files().await?;
        let sent = docker.upload_to_container(&self.id, Some(options), bollard::body_try_stream(archive)).await;
        match sent {
            Ok(()) => {
                berth_model::step!("files sent into a container");
                Ok(())
            }
            Err(_) if let Some(error) = broken.take() => Err(RuntimeError::Stream(error)),
            Err(error) if is_status(&error, 404) => Err(self.without(directory).await),
            Err(error) => Err(in_container("unpack files in a container")(error)),
        }
    }

    /// What is at `path`.
    ///
    /// # Errors
    /// [`RuntimeError::NoSuchPath`], [`RuntimeError::Gone`], or what Docker said.
    pub async fn stat(&self, path: &str) -> Result<PathStat, RuntimeError> {
        // as Go's os.FileMode has them
        const DIRECTORY: u32 = 1 << 31;
        const LINK: u32 = 1 << 27;
        const NOT_REGULAR: u32 = DIRECTORY | LINK | (1 << 26) | (1 << 25) | (1 << 24) | (1 << 21) | (1 << 19);
        let options = ContainerArchiveInfoOptions { path: path.to_owned() };
        let docker = self.engine.docker().await?;
        let asked = docker.get_container_archive_info(&self.id, Some(options)).await;
        let found = match asked {
            Ok(found) => found,
            Err(error) if is_status(&error, 404) => return Err(self.without(path).await),
            Err(error) => return Err(in_container("look at a path in a container")(error)),
        };
        Ok(match found.file_mode {
            mode if mode & DIRECTORY != 0 => PathStat::Directory,
            mode if mode & LINK != 0 => PathStat::Link,
            mode if mode & NOT_REGULAR != 0 => PathStat::Other,
            _ => PathStat::File(u64::try_from(found.size).unwrap_or(0)),
        })
    }

    /// What is at `path` as a tar archive whose entries begin with the path's last segment. Read it with suspicion:
    /// it holds whatever the container's programs made, links and devices included.
    ///
    /// # Errors
    /// As [`Container::stat`]; an archive that breaks off is an error of the stream.
    pub async fn download(&self, path: &str) -> Result<TarStream, RuntimeError> {
        self.stat(path).await?;
        let options = DownloadFromContainerOptions { path: path.to_owned() };
        let docker = self.engine.docker_for_files().await?;
        Ok(docker.download_from_container(&self.id, Some(options)).map_err(io::Error::other).boxed())
    }

    /// What a 404 of the daemon's archive routes means: no such path, or no such container.
    async fn without(&self, path: &str) -> RuntimeError {
        match self.engine.is_running(&self.id).await {
            Ok(_) => RuntimeError::NoSuchPath { path: path.to_owned() },
            Err(error) => error,
        }
    }

    /// Keeps the container's files (not its volumes) as the image `tag` (`name:tag`), and returns the image's id.
    /// Of the environment the image has only what its base had.
    ///
    /// # Errors
    /// [`RuntimeError::Hollow`], [`RuntimeError::Gone`], or what Docker said.
    pub async fn commit(&self, tag: &str, labels: &Labels) -> Result<String, RuntimeError> {
        let config = ContainerConfig { labels: Some(self.engine.write_labels(labels)), ..ContainerConfig::default() };
        self.commit_as(tag, config).await
    }

    /// [`Container::commit`] with what the image says of itself.
    pub(crate) async fn commit_as(&self, tag: &str, config: ContainerConfig) -> Result<String, RuntimeError> {
        let docker = self.engine.docker_for_files().await?;
        // Nothing in it changes between the look and the copy.
        self.pause(&docker).await?;
        let kept = match self.written_hollow().await {
            Ok(hollow) if hollow > LARGEST_FILE => Err(RuntimeError::Hollow { bytes: hollow }),
            Ok(_) => self.commit_paused(&docker, tag, config).await,
            Err(error) => Err(error),
        };
        docker.unpause_container(&self.id).await.map_err(in_container("go on with a container"))?;
        kept
    }

    /// On a busy machine the kernel may not stop all processes in the time that runc gives it; the next time it does.
    async fn pause(&self, docker: &Docker) -> Result<(), RuntimeError> {
        let mut tries = 4;
        loop {
            tries -= 1;
            match docker.pause_container(&self.id).await {
                Err(error) if tries > 0 && error.to_string().contains("unable to freeze") => {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                paused => return paused.map_err(in_container("pause a container")),
            }
        }
    }

    async fn commit_paused(&self, docker: &Docker, tag: &str, config: ContainerConfig) -> Result<String, RuntimeError> {
        let (repo, tag) = tag.rsplit_once(':').unwrap_or((tag, "latest"));
        let options = CommitContainerOptions {
            container: Some(self.id.clone()),
            repo: Some(repo.to_owned()),
            tag: Some(tag.to_owned()),
            pause: true,
            ..CommitContainerOptions::default()
        };
        let committed = docker.commit_container(options, config).await;
        let image = committed.map_err(in_container("keep a container as an image"))?.id;
        berth_model::step!("container kept as an image");
        Ok(image)
    }

    /// Kills whatever runs in it and removes it with its anonymous volumes; returns once the daemon no longer lists it.
    ///
    /// # Errors
    /// [`RuntimeError::NotRemoved`] after 15 seconds; the sweep tries again later.
    pub async fn stop_and_remove(mut self) -> Result<(), RuntimeError> {
        self.is_ended = true;
        let (engine, id) = (self.engine.clone(), self.id.clone());
        // In a task of its own: a caller who gives up does not leave it half removed.
        let removed = tokio::spawn(async move { engine.remove_container(&id).await }).await;
        removed.unwrap_or(Err(RuntimeError::Gone))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.is_ended {
            return;
        }
        let (engine, id) = (self.engine.clone(), std::mem::take(&mut self.id));
        // Noted first: if the removal never gets to run, the sweep knows of it.
        engine.orphans().containers.insert(id.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = engine.remove_container(&id).await {
                    tracing::warn!(container = id, %error, "a dropped container could not be removed");
                }
            });
        }
    }
}

impl Engine {
    /// Removes by force until the daemon's own list agrees.
    pub(crate) async fn remove_container(&self, id: &str) -> Result<(), RuntimeError> {
        let started = Instant::now();
        self.orphans().containers.insert(id.to_owned());
        let until_gone = async {
            loop {
                match self.remove_once(id).await {
                    Ok(true) => return,
                    Ok(false) => {}
                    Err(error) => tracing::debug!(container = id, %error, "removing a container, again"),
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(GONE_WITHIN, until_gone).await {
            Ok(()) => {
                berth_model::step!("container removed");
                self.orphans().containers.remove(id);
                tracing::debug!(container = id, took = ?started.elapsed(), "container removed");
                Ok(())
            }
            Err(_) => Err(RuntimeError::NotRemoved { id: id.chars().take(12).collect() }),
        }
    }

    /// Asks for the removal; whether the daemon's list is without the container afterwards.
    async fn remove_once(&self, id: &str) -> Result<bool, RuntimeError> {
        let docker = self.docker().await?;
        let options = RemoveContainerOptions { force: true, v: true, link: false };
        match docker.remove_container(id, Some(options)).await {
            Ok(()) => {}
            // 404: gone already; 409: somebody else's removal is under way
            Err(error) if is_status(&error, 404) || is_status(&error, 409) => {}
            Err(error) => return Err(in_container("remove a container")(error)),
        }
        let filters = Some(HashMap::from([("id".to_owned(), vec![id.to_owned()])]));
        let options = ListContainersOptions { all: true, filters, ..ListContainersOptions::default() };
        let listed = docker.list_containers(Some(options)).await;
        Ok(listed.map_err(crate::error::while_doing("list containers"))?.is_empty())
    }
}
