//! Named volumes: caches that outlive containers. A container can mount only what [`Engine::ensure_volume`] returned.
//!
//! An operator may remove one at any time. Docker makes it again with the next container that mounts it, so whoever mounts
//! it says its labels, too: one without them would be found by no sweep.

use std::collections::HashMap;

use bollard::models::VolumeCreateRequest;

use crate::error::while_doing;
use crate::{Engine, Labels, RuntimeError};

/// A volume of this instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeName {
    name: String,
    /// What it is made with, and made again.
    pub(crate) labels: HashMap<String, String>,
}

impl VolumeName {
    pub(crate) fn new(name: String, labels: HashMap<String, String>) -> Self {
        Self { name, labels }
    }

    /// The name as Docker knows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

/// Where a volume appears in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMount {
    /// Which.
    pub volume: VolumeName,
    /// The absolute path inside the container.
    pub path: String,
}

impl Engine {
    /// The volume for `purpose` (`npm-7`, say: letters, digits, `-`), made if it does not exist. It counts as used: for as
    /// long as a build may take, it does not go to make room.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn ensure_volume(&self, purpose: &str, labels: &Labels) -> Result<VolumeName, RuntimeError> {
        let name = format!("berth-{}-{purpose}", self.config().instance);
        let volume = VolumeName { name, labels: self.write_labels(labels) };
        let mut turn = self.uses().turn_of(&volume.name).await;
        turn.used(&volume.name).await;
        if turn.knows_volume(&volume.name) {
            return Ok(volume);
        }
        // Used just now, it does not go meanwhile.
        drop(turn);
        let request = VolumeCreateRequest {
            name: Some(volume.name.clone()),
            labels: Some(volume.labels.clone()),
            ..VolumeCreateRequest::default()
        };
        // The daemon answers with the existing volume if there is one.
        self.docker().await?.create_volume(request).await.map_err(while_doing("create a volume"))?;
        berth_model::step!("volume made");
        self.uses().turn().await.found_volume(&volume.name);
        Ok(volume)
    }
}
