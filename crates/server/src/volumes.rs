//! What is in volumes, for the API: Docker is asked.

use berth_api::{VolumeSize, VolumeSizes};
use berth_model::ProjectId;
use berth_runtime::Engine;
use futures_util::future::BoxFuture;

/// Docker's own answer.
pub(crate) struct EngineVolumes(pub(crate) Engine);

impl VolumeSizes for EngineVolumes {
    fn of_project(&self, project: ProjectId) -> BoxFuture<'static, Vec<VolumeSize>> {
        let engine = self.0.clone();
        Box::pin(async move {
            let volumes = engine.service_volumes(project).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "the sizes of volumes are not known");
                Vec::new()
            });
            let known = volumes.into_iter();
            known.filter_map(|volume| Some((volume.environment, volume.name, volume.bytes?))).collect()
        })
    }
}
