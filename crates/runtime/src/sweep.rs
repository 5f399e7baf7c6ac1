//! Removing what earlier processes of this instance left behind, and what belongs to a project that is gone.
//!
//! Whatever this process made it also removes itself; the sweep only takes over what failed. Volumes hold caches and
//! go with their project, their owner, or the pull request whose own they are; or for want of `room`.
//!
//! Replicas and commands outlive the process that started them, on purpose: the next one takes them over, and no sweep
//! touches them. Their networks go with the last of them, or here, if a process was killed in between. Volumes of services
//! go with nothing but the whole instance.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use berth_model::{ProjectId, UserId};
use bollard::models::{ContainerSummary, ImageSummary, Volume};
use bollard::query_parameters::{
    ListContainersOptions, ListImagesOptions, ListVolumesOptions, PruneImagesOptions, RemoveVolumeOptions,
};

use crate::error::{is_status, while_doing};
use crate::labels::{self, KIND, OWNER, PROCESS, PROJECT, PULL_REQUEST};
use crate::{Engine, Kind, RuntimeError};

/// Untagged images that are older than a build may take, and by so much, are in the making no more.
const UNTAGGED_FOR: Duration = Duration::from_secs(10 * 60);

/// What is not removed although its labels match.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spare {
    Nothing,
    ServiceVolumes,
}

fn is_of_kind(labels: &HashMap<String, String>, kind: Kind) -> bool {
    labels.get(KIND).is_some_and(|found| found == kind.as_str())
}

/// Whether a container is meant to go on without the process that made it.
fn outlives_us(labels: &HashMap<String, String>) -> bool {
    is_of_kind(labels, Kind::Replica) || is_of_kind(labels, Kind::Run)
}

impl Engine {
    /// Removes containers, images and idle networks that earlier processes of this instance left, and containers of this
    /// process whose removal failed before. Even a build that runs again needs nothing of what an earlier process, which is
    /// dead, made.
    ///
    /// # Errors
    /// What Docker said; what could be removed is.
    pub async fn sweep(&self) -> Result<(), RuntimeError> {
        let is_stale =
            |found: &HashMap<String, String>| found.get(PROCESS).is_none_or(|process| process != self.process());
        let mut outcome = Ok(());
        for container in self.containers(&[]).await? {
            let Some(id) = container.id else { continue };
            let is_orphan = self.orphans().containers.contains(&id);
            let labels = container.labels.unwrap_or_default();
            if is_orphan || (is_stale(&labels) && !outlives_us(&labels)) {
                outcome = self.remove_container(&id).await.and(outcome);
            }
        }
        outcome = self.remove_idle_service_networks().await.and(outcome);
        // Steps of image builds that earlier processes ran.
        let (ours, all) = (self.process_mark(), self.instance_mark());
        outcome = self.remove_steps(|mark| mark.starts_with(&all) && !mark.starts_with(&ours)).await.and(outcome);

        for image in self.images(&[(KIND, Kind::Dockerfile.as_str())]).await? {
            if is_stale(&image.labels) {
                outcome = self.remove_image_by(&image.id, &image.repo_tags).await.and(outcome);
            }
        }
        let mut untagged = labels::filter(&self.config().instance, &[]);
        untagged.insert("dangling".to_owned(), vec!["true".to_owned()]);
        let age = self.config().limits.time + UNTAGGED_FOR;
        untagged.insert("until".to_owned(), vec![format!("{}s", age.as_secs())]);
        let options = PruneImagesOptions { filters: Some(untagged) };
        let pruned = self.docker_for_files().await?.prune_images(Some(options)).await;
        pruned.map(drop).map_err(while_doing("remove untagged images")).and(outcome)
    }

    /// Removes what this process could not remove before: containers, and steps of image builds that were given up. Asks
    /// Docker nothing if there is nothing of the kind.
    ///
    /// # Errors
    /// What Docker said; the rest is tried again next time.
    pub async fn remove_orphans(&self) -> Result<(), RuntimeError> {
        let (containers, marks) = {
            let orphans = self.orphans();
            (orphans.containers.clone(), orphans.marks.clone())
        };
        let mut outcome = Ok(());
        for container in containers {
            outcome = self.remove_container(&container).await.and(outcome);
        }
        if !marks.is_empty() {
            self.remove_steps(|mark| marks.contains(mark)).await?;
            self.orphans().marks.retain(|mark| !marks.contains(mark));
        }
        outcome
    }

    /// Removes everything that carries the project's label: containers, images, volumes with caches, networks. Not its
    /// services' volumes: those go one by one, by [`Engine::remove_service_volume`].
    ///
    /// # Errors
    /// What Docker said; what could be removed is.
    pub async fn remove_project(&self, project: ProjectId) -> Result<(), RuntimeError> {
        let project = project.to_string();
        let also = [(PROJECT, project.as_str())];
        let outcome = self.remove_labelled(&also, Spare::ServiceVolumes).await;
        self.remove_service_networks(&also).await.and(outcome)
    }

    /// Removes everything that carries the label of a project's pull request.
    ///
    /// # Errors
    /// What Docker said; what could be removed is.
    pub async fn remove_pull_request(&self, project: ProjectId, number: i64) -> Result<(), RuntimeError> {
        let (project, number) = (project.to_string(), number.to_string());
        self.remove_labelled(&[(PROJECT, project.as_str()), (PULL_REQUEST, number.as_str())], Spare::ServiceVolumes)
            .await
    }

    /// The pull requests that images or volumes are kept for.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn pull_requests(&self) -> Result<BTreeSet<(ProjectId, i64)>, RuntimeError> {
        let of = |labels: &HashMap<String, String>| {
            let number = |label: &str| labels.get(label)?.parse().ok();
            Some((ProjectId(number(PROJECT)?), number(PULL_REQUEST)?))
        };
        let mut found: BTreeSet<_> = self.images(&[]).await?.iter().filter_map(|image| of(&image.labels)).collect();
        let volumes = self.volumes(&[]).await?;
        found.extend(volumes.iter().filter_map(|volume| of(&volume.labels)));
        Ok(found)
    }

    /// The users whose packages and caches are kept.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn owners(&self) -> Result<BTreeSet<UserId>, RuntimeError> {
        let of = |labels: &HashMap<String, String>| labels.get(OWNER)?.parse().ok().map(UserId);
        let mut found: BTreeSet<_> = self.images(&[]).await?.iter().filter_map(|image| of(&image.labels)).collect();
        found.extend(self.volumes(&[]).await?.iter().filter_map(|volume| of(&volume.labels)));
        Ok(found)
    }

    /// Removes the images and volumes of a user who is gone. What a container uses stays: a project that somebody else
    /// has now may be building.
    ///
    /// # Errors
    /// What Docker said; what could be removed is.
    pub async fn remove_owner(&self, owner: UserId) -> Result<(), RuntimeError> {
        let owner = owner.to_string();
        let also = [(OWNER, owner.as_str())];
        let mut outcome = Ok(());
        for image in self.images(&also).await? {
            outcome = self.remove_image_by(&image.id, &image.repo_tags).await.map(drop).and(outcome);
        }
        for volume in self.volumes(&also).await? {
            let leaving = self.uses().turn_of(&volume.name).await.let_go(&volume.name);
            match self.remove_idle_volume(&volume.name).await {
                Ok(true) => leaving.has_left().await,
                Ok(false) => {}
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }

    /// Removes everything that this instance has in Docker, what services keep in their volumes included, and its packet
    /// filter's rules: for taking Berth off a machine.
    ///
    /// # Errors
    /// What Docker said; what could be removed is.
    pub async fn remove_instance(&self) -> Result<(), RuntimeError> {
        let outcome = self.remove_labelled(&[], Spare::Nothing).await;
        let outcome = self.remove_service_networks(&[]).await.and(outcome);
        self.remove_service_rules().await;
        let outcome = self.remove_steps(|mark| mark.starts_with(&self.instance_mark())).await.and(outcome);
        self.remove_network().await.and(outcome)
    }

    async fn remove_labelled(&self, also: &[(&str, &str)], spare: Spare) -> Result<(), RuntimeError> {
        let mut outcome = Ok(());
        for container in self.containers(also).await? {
            if let Some(id) = container.id {
                outcome = self.remove_container(&id).await.and(outcome);
            }
        }
        for image in self.images(also).await? {
            outcome = self.remove_image_by(&image.id, &image.repo_tags).await.and(outcome);
        }
        let docker = self.docker_for_files().await?;
        for volume in self.volumes(also).await? {
            if spare == Spare::ServiceVolumes && is_of_kind(&volume.labels, Kind::ServiceVolume) {
                continue;
            }
            let leaving = self.uses().turn_of(&volume.name).await.let_go(&volume.name);
            let removed = docker.remove_volume(&volume.name, Some(RemoveVolumeOptions { force: true })).await;
            if let Err(error) = removed
                && !is_status(&error, 404)
            {
                outcome = outcome.and(Err(while_doing("remove a volume")(error)));
            } else {
                leaving.has_left().await;
            }
        }
        outcome
    }

    pub(crate) async fn volumes(&self, also: &[(&str, &str)]) -> Result<Vec<Volume>, RuntimeError> {
        let filters = Some(labels::filter(&self.config().instance, also));
        let listed = self.docker().await?.list_volumes(Some(ListVolumesOptions { filters })).await;
        Ok(listed.map_err(while_doing("list volumes"))?.volumes.unwrap_or_default())
    }

    pub(crate) async fn containers(&self, also: &[(&str, &str)]) -> Result<Vec<ContainerSummary>, RuntimeError> {
        let filters = Some(labels::filter(&self.config().instance, also));
        let options = ListContainersOptions { all: true, filters, ..ListContainersOptions::default() };
        self.docker().await?.list_containers(Some(options)).await.map_err(while_doing("list containers"))
    }

    pub(crate) async fn images(&self, also: &[(&str, &str)]) -> Result<Vec<ImageSummary>, RuntimeError> {
        self.list_images(labels::filter(&self.config().instance, also)).await
    }

    pub(crate) async fn list_images(
        &self,
        filters: HashMap<String, Vec<String>>,
    ) -> Result<Vec<ImageSummary>, RuntimeError> {
        let options = ListImagesOptions { filters: Some(filters), ..ListImagesOptions::default() };
        self.docker().await?.list_images(Some(options)).await.map_err(while_doing("list images"))
    }
}
