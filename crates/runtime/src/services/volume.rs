//! Volumes of services: data that survives deployments, and goes only when somebody says so.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use berth_model::{Environment, ProjectId, ServiceVolumeName};
use bollard::models::{Volume, VolumeCreateRequest};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::while_doing;
use crate::labels::{ENVIRONMENT, KIND, PROJECT, VOLUME};
use crate::written::below;
use crate::{Engine, Kind, Labels, RuntimeError, VolumeName};

/// For so long a measurement is good enough: every file of every volume is looked at for one.
const MEASURED_FOR: Duration = Duration::from_secs(60);

/// A volume as it is in Docker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptVolume {
    /// Whose.
    pub project: ProjectId,
    /// Previews have their own.
    pub environment: Environment,
    /// As the project calls it.
    pub name: ServiceVolumeName,
    /// What it held when that was measured last, at most a minute ago; `None` where nobody can see it.
    pub bytes: Option<u64>,
}

/// What volumes held, and when that was measured.
#[derive(Default)]
pub(crate) struct Sizes(Mutex<Option<(Instant, HashMap<String, u64>)>>);

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

    /// All volumes of services, with their sizes.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn service_volumes(&self) -> Result<Vec<KeptVolume>, RuntimeError> {
        let listed = self.volumes(&[(KIND, Kind::ServiceVolume.as_str())]).await?;
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        // One at a time: whoever comes meanwhile gets what is found out for the first.
        let mut sizes = self.volume_sizes().0.lock().await;
        let measured = match sizes.take() {
            Some((at, known)) if at.elapsed() < MEASURED_FOR => (at, known),
            _ => (Instant::now(), self.measure(&listed).await?),
        };
        let known = &sizes.insert(measured).1;
        let read = |labels: &HashMap<String, String>, in_docker: &str| {
            Some(KeptVolume {
                project: ProjectId(labels.get(PROJECT)?.parse().ok()?),
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
        let is_gone = self.remove_idle_volume(&self.service_volume_name(project, environment, name)).await?;
        if is_gone {
            berth_model::step!("service volume removed");
        }
        Ok(is_gone)
    }

    fn service_volume_name(&self, project: ProjectId, environment: Environment, name: &ServiceVolumeName) -> String {
        format!("berth-{}-v{project}-{}-{name}", self.config().instance, environment.as_str())
    }

    /// What volumes hold, by their names; nothing where Berth cannot see the daemon's directory.
    async fn measure(&self, volumes: &[Volume]) -> Result<HashMap<String, u64>, RuntimeError> {
        if self.is_remote() {
            return Ok(HashMap::new());
        }
        let places: Vec<_> = volumes.iter().map(|volume| (volume.name.clone(), volume.mountpoint.clone())).collect();
        let measuring = tokio::task::spawn_blocking(move || {
            let seen = places.into_iter().filter(|(_, place)| Path::new(place).is_dir());
            seen.map(|(name, place)| (name, below(place.into()).bytes)).collect()
        });
        measuring.await.map_err(|_| RuntimeError::Gone)
    }
}
