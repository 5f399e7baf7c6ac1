//! Images of running services: made by a build, kept for as long as a deployment has them.
//!
//! They belong to a project and to the build that made them, and to nobody else: a deployment outlives the account that
//! built it, and a pull request whose preview was promoted. Which ones are in use the database says; the others go once
//! no build can be about to publish them.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use berth_model::{BuildId, ProjectId, ServiceName, Timestamp};
use bollard::models::ContainerConfig;

use crate::error::while_doing;
use crate::labels::{BUILD, KIND, PROCESS};
use crate::{Container, Engine, Kind, Labels, RuntimeError};

/// An image that is older than a build may take, and by so much, is about to be published no more.
const UNPUBLISHED_FOR: Duration = Duration::from_secs(10 * 60);

/// Names the image of a service of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceImage {
    /// Of which project; the image goes with it.
    pub project: ProjectId,
    /// Made by which build.
    pub build: BuildId,
    /// Of which service.
    pub service: ServiceName,
}

impl ServiceImage {
    /// What the image is labelled with.
    #[must_use]
    pub fn labels(&self) -> Labels {
        let (project, build) = (Some(self.project), Some(self.build));
        Labels { project, build, ..Labels::shared(Kind::ServiceImage) }
    }
}

impl Container {
    /// Keeps the container's files (not its volumes) as the image of a service, which starts `command` in `workdir` with
    /// this environment on top of what its base has. Returns the image's id.
    ///
    /// # Errors
    /// As [`Container::commit`].
    pub async fn keep_as_service(
        &self,
        image: &ServiceImage,
        workdir: &str,
        environment: &BTreeMap<String, String>,
        command: &str,
    ) -> Result<String, RuntimeError> {
        let words = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect());
        let config = ContainerConfig {
            labels: Some(self.engine.write_labels(&image.labels())),
            working_dir: Some(workdir.to_owned()),
            env: Some(environment.iter().map(|(key, value)| format!("{key}={value}")).collect()),
            entrypoint: words(&["/bin/sh", "-c"]),
            cmd: words(&[command]),
            ..ContainerConfig::default()
        };
        self.commit_as(&self.engine.service_image_name(image), config).await
    }
}

impl Engine {
    /// The name of a service's image. What starts it goes by its id: a name can be given to another.
    #[must_use]
    pub fn service_image_name(&self, image: &ServiceImage) -> String {
        let ServiceImage { project, build, service } = image;
        format!("berth-service-{}:{project}-{build}-{service}", self.config().instance)
    }

    /// What made each layer of an image, in the words that are kept with it.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn image_history(&self, image: &str) -> Result<Vec<String>, RuntimeError> {
        let layers =
            self.docker().await?.image_history(image).await.map_err(while_doing("look at an image's history"))?;
        Ok(layers.into_iter().map(|layer| layer.created_by).collect())
    }

    /// Removes the images that a build made for services: it failed, and nobody will ever start them.
    ///
    /// # Errors
    /// What Docker said; what could be removed is.
    pub async fn remove_service_images(&self, build: BuildId) -> Result<(), RuntimeError> {
        let build = build.to_string();
        let mut outcome = Ok(());
        for image in self.images(&[(KIND, Kind::ServiceImage.as_str()), (BUILD, build.as_str())]).await? {
            outcome = self.remove_image_by(&image.id, &image.repo_tags).await.map(drop).and(outcome);
        }
        outcome
    }

    /// Removes the images of services that are not among `in_use` (ids), unless a build of this process may be about to
    /// publish them, or a container still has them. Returns how many went.
    ///
    /// # Errors
    /// What Docker said; what could be removed is.
    pub async fn prune_service_images(&self, in_use: &HashSet<String>) -> Result<usize, RuntimeError> {
        let old = self.config().clock.now().before(self.config().limits.time + UNPUBLISHED_FOR);
        let (mut gone, mut outcome) = (0, Ok(()));
        for image in self.images(&[(KIND, Kind::ServiceImage.as_str())]).await? {
            let is_of_this_process = image.labels.get(PROCESS).is_some_and(|process| process == self.process());
            let is_young = is_of_this_process && Timestamp(image.created.saturating_mul(1_000_000)) > old;
            if in_use.contains(&image.id) || is_young {
                continue;
            }
            match self.remove_image_by(&image.id, &image.repo_tags).await {
                Ok(is_gone) => gone += usize::from(is_gone),
                Err(error) => outcome = Err(error),
            }
        }
        outcome.map(|()| gone)
    }
}
