//! Images: the base images that others publish, and those that we made of containers.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU16;
use std::time::Duration;

use berth_model::BuildId;
use bollard::errors::Error as DockerError;
use bollard::query_parameters::{CreateImageOptions, RemoveImageOptions};
use futures_util::StreamExt;

use crate::error::{is_status, while_doing};
use crate::labels::{BUILD, KIND};
use crate::uses::Pulled;
use crate::{Engine, Kind, RuntimeError};

/// A registry that has sent nothing after so long is taken for absent: a build waits for it.
const REGISTRY_ANSWERS_WITHIN: Duration = Duration::from_secs(15);
/// A pull that is silent for so long once it is under way is given up.
const PULL_STALLS_AFTER: Duration = Duration::from_secs(60);

/// What an image says about itself, as far as it matters to whoever takes files out of it or builds on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// The directory that its commands start in; empty where it names none.
    pub working_directory: String,
    /// Whether it names a program of its own to start.
    pub starts_something: bool,
    /// The TCP ports that it says its program listens on, in ascending order.
    pub exposed_ports: Vec<NonZeroU16>,
    /// Its environment, as `KEY=value`.
    pub environment: Vec<String>,
    /// Instructions that run in every Dockerfile that builds on it.
    pub on_build: Vec<String>,
    /// Its labels, whoever wrote them.
    pub labels: HashMap<String, String>,
}

impl Engine {
    /// [`Engine::ensure_image`] for an image that Berth chose itself: the network may be tried in it.
    ///
    /// # Errors
    /// [`RuntimeError::MissingImage`] names the image and what to do.
    pub async fn ensure_base_image(&self, image: &str, log: &mut (dyn FnMut(&str) + Send)) -> Result<(), RuntimeError> {
        self.ensure_image(image, log).await?;
        self.uses().turn_of(image).await.used_as_base(image).await;
        self.network().remember_image(image);
        Ok(())
    }

    /// Makes sure that `image` is on this machine; pulls it if it is not, telling `log` how far it is.
    ///
    /// # Errors
    /// [`RuntimeError::MissingImage`] names the image and what to do.
    pub async fn ensure_image(&self, image: &str, log: &mut (dyn FnMut(&str) + Send)) -> Result<(), RuntimeError> {
        if self.image_id(image).await?.is_some() {
            return Ok(());
        }
        // What is here under another name was not brought by us.
        let before: HashSet<String> =
            self.list_images(HashMap::new()).await?.into_iter().map(|image| image.id).collect();
        log(&format!("pulling {image}"));
        let options = CreateImageOptions { from_image: Some(image.to_owned()), ..CreateImageOptions::default() };
        let docker = self.docker_for_files().await?;
        let mut progress = docker.create_image(Some(options), None, None);
        let missing = |reason: String| RuntimeError::MissingImage { image: image.to_owned(), reason };
        let mut patience = REGISTRY_ANSWERS_WITHIN;
        while let Some(step) = tokio::time::timeout(patience, progress.next())
            .await
            .map_err(|_| missing(format!("nothing came for {} seconds", patience.as_secs())))?
        {
            patience = PULL_STALLS_AFTER;
            let step = step.map_err(|error| match while_doing("pull an image")(error) {
                RuntimeError::Refused { reason, .. } => missing(reason),
                other => other,
            })?;
            // One line for each layer that is done; its bars and percentages are for terminals.
            if let (Some(layer), Some(status @ ("Pull complete" | "Already exists"))) =
                (&step.id, step.status.as_deref())
            {
                log(&format!("{layer}: {status}"));
            }
        }
        let id = self.inspect_id(image).await?.ok_or_else(|| missing("the pull ended without it".to_owned()))?;
        if !before.contains(&id) {
            self.uses().turn().await.pulled(image, Pulled { id, is_base: false }).await;
        }
        Ok(())
    }

    /// The id of a local image, or `None`. An image of ours that is asked for counts as used: for as long as a build may
    /// take, it does not go to make room.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn image_id(&self, tag: &str) -> Result<Option<String>, RuntimeError> {
        self.uses().turn_of(tag).await.used(tag).await;
        self.inspect_id(tag).await
    }

    pub(crate) async fn inspect_id(&self, tag: &str) -> Result<Option<String>, RuntimeError> {
        match self.docker().await?.inspect_image(tag).await {
            Ok(image) => Ok(image.id),
            Err(error) if is_status(&error, 404) => Ok(None),
            Err(error) => Err(while_doing("describe an image")(error)),
        }
    }

    /// What a local image says about itself.
    ///
    /// # Errors
    /// What Docker said, also when there is no such image.
    pub async fn image_facts(&self, tag: &str) -> Result<ImageFacts, RuntimeError> {
        let inspected = self.docker().await?.inspect_image(tag).await.map_err(while_doing("describe an image"))?;
        let config = inspected.config.unwrap_or_default();
        let words = |words: Option<Vec<String>>| words.is_some_and(|words| !words.is_empty());
        let mut exposed_ports: Vec<NonZeroU16> =
            config.exposed_ports.unwrap_or_default().iter().filter_map(|port| tcp_port(port)).collect();
        exposed_ports.sort_unstable();
        Ok(ImageFacts {
            starts_something: words(config.entrypoint) || words(config.cmd),
            exposed_ports,
            environment: config.env.unwrap_or_default(),
            working_directory: config.working_dir.unwrap_or_default(),
            on_build: config.on_build.unwrap_or_default(),
            labels: config.labels.unwrap_or_default(),
        })
    }

    /// The tags that a repository (`node`) has on this machine, without its name: `22-slim`.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn local_tags(&self, repository: &str) -> Result<Vec<String>, RuntimeError> {
        let filters = HashMap::from([("reference".to_owned(), vec![repository.to_owned()])]);
        let names = self.list_images(filters).await?.into_iter().flat_map(|image| image.repo_tags);
        Ok(names
            .filter_map(|name| name.strip_prefix(repository)?.strip_prefix(':').map(str::to_owned))
            .filter(|tag| tag != "<none>")
            .collect())
    }

    /// Removes every image that the build of a repository's own Dockerfile made, finished or not. `false` if some stay
    /// because containers still use them.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn remove_dockerfile_images(&self, build: BuildId) -> Result<bool, RuntimeError> {
        let build = build.to_string();
        let of_build = [(KIND, Kind::Dockerfile.as_str()), (BUILD, build.as_str())];
        // Stages build on each other: an image goes once none is made from it any more.
        let mut before = usize::MAX;
        loop {
            let images = self.images(&of_build).await?;
            if images.is_empty() || images.len() >= before {
                return Ok(images.is_empty());
            }
            before = images.len();
            for image in images {
                self.remove_image_by(&image.id, &image.repo_tags).await?;
            }
        }
    }

    /// Removes a tag, and the image with its last tag. `false` if a container still uses it; gone already is `true`.
    ///
    /// # Errors
    /// What Docker said otherwise.
    pub async fn remove_image(&self, tag: &str) -> Result<bool, RuntimeError> {
        let options = RemoveImageOptions { force: false, ..RemoveImageOptions::default() };
        match self.docker_for_files().await?.remove_image(tag, Some(options), None).await {
            Ok(_) => {
                berth_model::step!("image removed");
                Ok(true)
            }
            Err(error) if is_status(&error, 404) || is_being_removed(&error) => Ok(true),
            Err(error) if is_status(&error, 409) => Ok(false),
            Err(error) => Err(while_doing("remove an image")(error)),
        }
    }

    /// Removes an image by each of its tags, or by its id if it has none; whether it is gone.
    pub(crate) async fn remove_image_by(&self, id: &str, tags: &[String]) -> Result<bool, RuntimeError> {
        let tags: Vec<&str> = tags.iter().map(String::as_str).filter(|tag| !tag.contains("<none>")).collect();
        if tags.is_empty() {
            return self.remove_image(id).await;
        }
        let mut is_gone = true;
        for tag in tags {
            is_gone &= self.remove_image(tag).await?;
        }
        Ok(is_gone)
    }
}

/// Two who remove the last tags of an image at the same time: the later one finds it gone halfway, and the daemon has no
/// other word for that (moby, `image/store.go`).
fn is_being_removed(error: &DockerError) -> bool {
    matches!(error, DockerError::DockerResponseServerError { message, .. } if message.contains("unrecognized image ID"))
}

/// A port as the daemon writes it: `3000/tcp`, or `3000`.
fn tcp_port(text: &str) -> Option<NonZeroU16> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    port.parse().ok().filter(|_| protocol == "tcp")
}
