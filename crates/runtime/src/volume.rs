//! Named volumes: caches that outlive containers. A container can mount only what [`Engine::ensure_volume`] returned.

use bollard::models::VolumeCreateRequest;

use crate::error::while_doing;
use crate::{Engine, Labels, RuntimeError};

/// A volume of this instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeName(String);

impl VolumeName {
    /// The name as Docker knows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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
        let name = VolumeName(format!("berth-{}-{purpose}", self.config().instance));
        let mut turn = self.uses().turn().await;
        turn.used(&name.0).await;
        if turn.knows_volume(&name.0) {
            return Ok(name);
        }
        let request = VolumeCreateRequest {
            name: Some(name.0.clone()),
            labels: Some(self.write_labels(labels)),
            ..VolumeCreateRequest::default()
        };
        // The daemon answers with the existing volume if there is one.
        self.docker().await?.create_volume(request).await.map_err(while_doing("create a volume"))?;
        berth_model::step!("volume made");
        turn.found_volume(&name.0);
        Ok(name)
    }
}
