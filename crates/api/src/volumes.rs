//! How much is in volumes, which the API is asked but cannot see: the server, which knows Docker, tells.

use berth_model::{Environment, ProjectId, ServiceVolumeName};
use futures_util::future::BoxFuture;

/// A volume and its bytes.
pub type VolumeSize = (Environment, ServiceVolumeName, u64);

/// Whoever knows the volumes themselves.
pub trait VolumeSizes: Send + Sync + 'static {
    /// What is in a project's volumes, as of a moment ago; those are left out whose size is not known now.
    fn of_project(&self, project: ProjectId) -> BoxFuture<'static, Vec<VolumeSize>>;
}
