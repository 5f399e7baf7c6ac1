//! Volumes of services: data that survives deployments, and goes only when somebody says so.

use std::collections::HashMap;

use berth_model::{Environment, ProjectId, ServiceVolumeName};
use bollard::models::VolumeCreateRequest;

use crate::error::while_doing;
use crate::labels::{ENVIRONMENT, KIND, PROJECT, VOLUME};
use crate::{Engine, Kind, Labels, RuntimeError, VolumeName};

/// A volume as it is in Docker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptVolume {
    /// Whose.
    pub project: ProjectId,
    /// Previews have their own.
    pub environment: Environment,
    /// As the project calls it.
    pub name: ServiceVolumeName,
    /// What it held when that was measured last; `None` where it was not yet.
    pub bytes: Option<u64>,
}

impl Engine {
    /// A volume of a project, made if it does not exist.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn ensure_service_volume(
        &self,
        project: ProjectId,
        environment: Environment,
        name: &ServiceVolumeName,
    ) -> Result<VolumeName, RuntimeError> {
        let mut labels = self.write_labels(&Labels { project: Some(project), ..Labels::shared(Kind::ServiceVolume) });
        labels.insert(ENVIRONMENT.to_owned(), environment.as_str().to_owned());
        labels.insert(VOLUME.to_owned(), name.to_string());
        let in_docker = self.service_volume_name(project, environment, name);
        let request = VolumeCreateRequest {
            name: Some(in_docker.clone()),
            labels: Some(labels.clone()),
            ..VolumeCreateRequest::default()
        };
        // The daemon answers with the existing volume if there is one.
        self.docker().await?.create_volume(request).await.map_err(while_doing("create a volume"))?;
        berth_model::step!("service volume made");
        Ok(VolumeName::new(in_docker, labels))
    }

    /// The volumes of a project's services, with their sizes.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn service_volumes(&self, project: ProjectId) -> Result<Vec<KeptVolume>, RuntimeError> {
        let of = project.to_string();
        let listed = self.volumes(&[(KIND, Kind::ServiceVolume.as_str()), (PROJECT, of.as_str())]).await?;
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.sizes_of(project, &listed).await;
        let read = |labels: &HashMap<String, String>, in_docker: &str| {
            Some(KeptVolume {
                project,
                environment: Environment::parse(labels.get(ENVIRONMENT)?)?,
                name: ServiceVolumeName::parse(labels.get(VOLUME)?).ok()?,
                bytes: known.get(in_docker).copied(),
            })
        };
        Ok(listed.iter().filter_map(|volume| read(&volume.labels, &volume.name)).collect())
    }

    /// Removes a volume and what is in it; `false` if a container still uses it. Gone already is `true`.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn remove_service_volume(
        &self,
        project: ProjectId,
        environment: Environment,
        name: &ServiceVolumeName,
    ) -> Result<bool, RuntimeError> {
        let in_docker = self.service_volume_name(project, environment, name);
        let is_gone = self.remove_idle_volume(&in_docker).await?;
        if is_gone {
            self.volume_sizes().forget(&in_docker);
            berth_model::step!("service volume removed");
        }
        Ok(is_gone)
    }

    fn service_volume_name(&self, project: ProjectId, environment: Environment, name: &ServiceVolumeName) -> String {
        format!("berth-{}-v{project}-{}-{name}", self.config().instance, environment.as_str())
    }
}
