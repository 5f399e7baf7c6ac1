//! One-off commands in a service's image: what somebody runs by hand, and what is run once for each deployment.
//!
//! A command has a key, and its container a name that is made of it: it is run once, however often Berth is killed
//! meanwhile. Whoever asks for it again gets the same command, running or over, until it is removed.

use std::time::Duration;

use berth_model::{Cpus, DeploymentId, Environment, MountPath, ProjectId, ReplicaEnd, ServiceName};
use bollard::query_parameters::WaitContainerOptions;
use futures_util::{Stream, StreamExt};

use super::replica::{Place, Wanted};
use crate::labels::{COMMAND, DEPLOYMENT, ENVIRONMENT, KIND, SERVICE};
use crate::{Engine, EnvVar, Kind, Labels, LogRecord, RuntimeError, VolumeName};

/// Between two attempts to reach the daemon.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A command to run.
#[derive(Clone, Debug)]
pub struct CommandSpec {
    /// What it is found by again: letters, digits and `-`.
    pub key: String,
    /// Whose.
    pub project: ProjectId,
    /// Beside the replicas of which deployment.
    pub deployment: DeploymentId,
    /// In the image of which of its services.
    pub service: ServiceName,
    /// Where the deployment belongs.
    pub environment: Environment,
    /// The image's id.
    pub image: String,
    /// Program and arguments; [`crate::shell`] makes them of a command line. The image's entry point does not run.
    pub command: Vec<String>,
    /// Set on top of the image's environment.
    pub env: Vec<EnvVar>,
    /// Bytes of memory; there is no swap beyond it.
    pub memory: u64,
    /// Processors.
    pub cpus: Cpus,
    /// Processes and threads.
    pub pids: u32,
    /// Volumes of [`Engine::ensure_service_volume`], and where they appear.
    pub volumes: Vec<(VolumeName, MountPath)>,
}

/// A command that was started. Dropping it changes nothing.
#[derive(Clone, Debug)]
pub struct Command {
    engine: Engine,
    container: String,
}

impl Engine {
    /// Runs a command beside the replicas of its deployment: with their limits, their network and their volumes, and no
    /// published port. One with this key that exists is returned, running or over; it is not run again.
    ///
    /// # Errors
    /// As [`Engine::start_replica`].
    pub async fn run_command(&self, spec: &CommandSpec) -> Result<Command, RuntimeError> {
        let mut labels = self.write_labels(&Labels { project: Some(spec.project), ..Labels::shared(Kind::Run) });
        labels.extend([
            (DEPLOYMENT.to_owned(), spec.deployment.to_string()),
            (SERVICE.to_owned(), spec.service.to_string()),
            (ENVIRONMENT.to_owned(), spec.environment.as_str().to_owned()),
            (COMMAND.to_owned(), spec.key.clone()),
        ]);
        let wanted = Wanted {
            name: self.command_name(&spec.key),
            labels,
            id: Place {
                project: spec.project,
                deployment: spec.deployment,
                hostname: format!("{}-{}", spec.deployment, spec.service),
                alias: None,
            },
            image: &spec.image,
            command: Some(spec.command.clone()),
            env: &spec.env,
            port: None,
            memory: spec.memory,
            cpus: spec.cpus,
            pids: spec.pids,
            volumes: &spec.volumes,
            runs_once: true,
        };
        Ok(Command { engine: self.clone(), container: self.start_or_take_over(&wanted).await? })
    }

    /// The commands that were not removed yet, running or over, by their keys.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn commands(&self) -> Result<Vec<(String, Command)>, RuntimeError> {
        let listed = self.containers(&[(KIND, Kind::Run.as_str())]).await?;
        let found = listed.into_iter().filter_map(|found| {
            let key = found.labels?.remove(COMMAND)?;
            // Labels alone are nobody's word: see `replica_name`.
            let name = format!("/{}", self.command_name(&key));
            let is_named = found.names.is_some_and(|names| names.contains(&name));
            Some((key, Command { engine: self.clone(), container: found.id.filter(|_| is_named)? }))
        });
        Ok(found.collect())
    }

    fn command_name(&self, key: &str) -> String {
        format!("berth-{}-c-{key}", self.config().instance)
    }
}

impl Command {
    /// The daemon's id of its container.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.container
    }

    /// What it prints, as [`Engine::replica_log`].
    pub fn output(
        &self,
        since: Option<i64>,
    ) -> impl Stream<Item = Result<LogRecord, RuntimeError>> + Send + 'static + use<> {
        self.engine.replica_log(&self.container, since)
    }

    /// Waits for its end, also while the daemon is away.
    ///
    /// # Errors
    /// [`RuntimeError::Gone`] if somebody removed it, or what Docker said.
    pub async fn wait(&self) -> Result<ReplicaEnd, RuntimeError> {
        loop {
            match self.wait_once().await {
                Ok(Some(end)) => return Ok(self.engine.end_of_container(&self.container, end.exit_code).await),
                // The connection ended, and the command did not.
                Ok(None) => {}
                Err(RuntimeError::Unreachable { reason }) => {
                    tracing::debug!(reason, "waiting for a command's end, again");
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    async fn wait_once(&self) -> Result<Option<ReplicaEnd>, RuntimeError> {
        let options = WaitContainerOptions { condition: "not-running".to_owned() };
        let mut waiting = std::pin::pin!(self.engine.docker().await?.wait_container(&self.container, Some(options)));
        // Whatever it says, the container's own state is what counts.
        let _ = waiting.next().await;
        self.engine.look_at_end(&self.container).await
    }

    /// Tells it to end, and kills it after `grace`. Ended already is fine. It is still there until it is removed.
    ///
    /// # Errors
    /// What Docker said.
    pub async fn stop(&self, grace: Duration) -> Result<(), RuntimeError> {
        self.engine.stop_container(&self.container, grace).await
    }

    /// Removes it with its output, and kills it if it runs: who waits for it is told that it is gone.
    ///
    /// # Errors
    /// [`RuntimeError::NotRemoved`], or what Docker said.
    pub async fn remove(&self) -> Result<(), RuntimeError> {
        self.engine.stop_replica(&self.container, Duration::ZERO).await
    }
}
