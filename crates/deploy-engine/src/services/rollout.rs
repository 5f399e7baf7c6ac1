//! From an activation that waits to its deployment being live: release commands, replicas, health; then the switch. What
//! is live stays so until the new version has shown that it works, and altogether if it does not.

use std::time::Duration;

use berth_model::{ActivationId, DeploymentId};
use berth_runtime::{CommandSpec, EnvVar, shell};
use berth_store::{ActivationDecision, ActivationState, Deployment, StoreError};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::broadcast::{self, error::RecvError};

use super::STOP_WITHIN;
use super::crew::{Happened, Trial, Wanted};
use super::keeper::{Fares, Keeper, NotLaunched, Service};
use super::logs::Tail;
use super::supervisor::{Key, Supervisor, services_of, wanted};
use super::words::{Trouble, of_end, with_lines};
use crate::{Activated, DeployEngine, DeployError};

/// For the log of one that ended to be read to its end.
const LAST_LINES_WITHIN: Duration = Duration::from_secs(3);
/// A release command that takes longer is stopped.
const RELEASE_WITHIN: Duration = Duration::from_secs(30 * 60);

/// Why a version does not go live.
enum Stop {
    /// It will not do: told to its owner.
    Refused(String),
    /// Docker or the database are away; it is tried again.
    Later(DeployError),
}

/// Why a service has not shown that it works, for its owner.
enum Unproven {
    /// It ends again and again.
    Ended(String),
    Otherwise(String),
}

impl From<Unproven> for Stop {
    fn from(unproven: Unproven) -> Self {
        match unproven {
            Unproven::Ended(reason) | Unproven::Otherwise(reason) => Self::Refused(reason),
        }
    }
}

impl<E: Into<DeployError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Later(error.into())
    }
}

impl DeployEngine {
    /// Puts a deployment live whose services run, as an activation that is pending asks: after they have shown that they
    /// work. Takes as long as that takes; dropped, the activation is still pending.
    ///
    /// # Errors
    /// The database's and Docker's own; the activation is still pending then.
    pub async fn roll_out(&self, supervisor: &Supervisor, id: ActivationId) -> Result<Activated, DeployError> {
        let ended = self.try_to_roll_out(supervisor, id).await?;
        // Only now: a crash before would have run them again.
        if let Err(error) = self.forget_release_commands(supervisor, id).await {
            tracing::warn!("the containers of release commands are left until the next start: {error}");
        }
        Ok(ended)
    }

    async fn try_to_roll_out(&self, supervisor: &Supervisor, id: ActivationId) -> Result<Activated, DeployError> {
        // Listened to before it is looked at: no end is missed.
        let mut ends = self.store().signals().activated();
        loop {
            // Looked at first: commands of a version that would not go live are not run.
            let deployment = match self.store().foresee_activation(id).await? {
                ActivationDecision::Go { deployment, .. } => deployment,
                ActivationDecision::Copy { .. } => {
                    if let Some(ended) = self.copy(id).await? {
                        return Ok(ended);
                    }
                    continue;
                }
                ActivationDecision::Refused { .. } => return self.activate(id).await,
            };
            // Until it is live, or refused: from then on the supervisor knows by itself.
            let _rolling = supervisor.roll(deployment.id);
            let started = tokio::select! {
                started = supervisor.start(&deployment) => started,
                withdrawn = self.withdrawn(id, deployment.id, &mut ends) => return withdrawn,
            };
            return match started {
                Ok(()) => self.activate(id).await,
                Err(Stop::Refused(reason)) => self.refuse_because(id, reason).await,
                Err(Stop::Later(error)) => Err(error),
            };
        }
    }

    /// Waits until somebody has ended an activation that is under way: its build was canceled, its preview is closed.
    async fn withdrawn(
        &self,
        id: ActivationId,
        deployment: DeploymentId,
        ends: &mut broadcast::Receiver<DeploymentId>,
    ) -> Result<Activated, DeployError> {
        loop {
            match ends.recv().await {
                Ok(other) if other != deployment => continue,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return std::future::pending().await,
            }
            let activation = self.store().activation(id).await?;
            if activation.state != ActivationState::Pending {
                let reason = activation.refusal.unwrap_or_else(|| "it was withdrawn".to_owned());
                return Ok(Activated::Refused { reason });
            }
        }
    }

    /// Removes the containers of the release commands of an activation that has ended, those that an earlier process
    /// began included.
    async fn forget_release_commands(&self, supervisor: &Supervisor, id: ActivationId) -> Result<(), DeployError> {
        let deployment = match self.store().activation(id).await {
            Ok(activation) => activation.deployment,
            // Gone with its project, and they with it.
            Err(StoreError::NotFound) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let of_deployment = release_key(deployment, "");
        for (key, command) in supervisor.tools().engine.commands().await? {
            if key.starts_with(&of_deployment) {
                command.remove().await?;
            }
        }
        Ok(())
    }
}

impl Supervisor {
    /// Starts everything of a deployment, and waits until all of it is healthy.
    async fn start(&self, deployment: &Deployment) -> Result<(), Stop> {
        let services = services_of(deployment.clone());
        if deployment.release_command_at.is_none() {
            for service in &services {
                if let Some(command) = &service.running.settings.release_command {
                    self.release(service, command).await?;
                }
            }
            self.tools().store.release_commands_done(deployment.id).await?;
            berth_model::step!("release commands done");
        }
        let settings = self.settings_of(deployment).await?;
        let stock = self.take_stock().await?;
        for service in &services {
            let key = (deployment.id, service.spec.name.clone());
            self.want(&key, service, wanted(service, &settings), false, Some(&stock));
        }
        self.all_proven(&services).await
    }

    /// Waits until all services are healthy. One that ends may have needed another that was not there yet: once all others
    /// are healthy, it is given another chance.
    async fn all_proven(&self, services: &[Service]) -> Result<(), Stop> {
        let mut waiting: FuturesUnordered<_> =
            services.iter().map(async |service| (service, self.proven(service).await)).collect();
        let mut ended = Vec::new();
        while let Some((service, proven)) = waiting.next().await {
            match proven {
                Ok(()) => {}
                Err(Unproven::Ended(reason)) => ended.push((service, reason)),
                Err(otherwise) => return Err(otherwise.into()),
            }
        }
        if let Some((_, reason)) = ended.first()
            && ended.len() == services.len()
        {
            return Err(Stop::Refused(reason.clone()));
        }
        for (service, _) in &ended {
            self.give_another_chance(service).await;
        }
        let waiting = ended.into_iter().map(|(service, _)| self.proven(service));
        futures_util::future::try_join_all(waiting).await?;
        Ok(())
    }

    async fn give_another_chance(&self, service: &Service) {
        /// Longer than it takes to be told, and shorter than to use up that chance as well.
        const TOLD_WITHIN: Duration = Duration::from_secs(2);
        let key: Key = (service.deployment.id, service.spec.name.clone());
        let kept = self.keepers().get(&key).map(|keeper| (keeper.tell.clone(), keeper.fares.clone()));
        let Some((tell, mut fares)) = kept else { return };
        if tell.send(Happened::AnotherChance).await.is_ok() {
            let is_told = fares.wait_for(|fares| !matches!(fares.trial, Trial::Failed(..)));
            let _ = tokio::time::timeout(TOLD_WITHIN, is_told).await;
        }
    }

    /// Waits until a service is healthy, all of it that is wanted: also if somebody wants more or less of it meanwhile.
    async fn proven(&self, service: &Service) -> Result<(), Unproven> {
        let key: Key = (service.deployment.id, service.spec.name.clone());
        let kept = self.keepers().get(&key).map(|keeper| {
            let Keeper { fares, wish, tail, .. } = keeper;
            (fares.clone(), wish.subscribe(), tail.clone())
        });
        let gone = || Unproven::Otherwise(format!("The service {} was given up while it started.", key.1));
        let (mut fares, wish, tail) = kept.ok_or_else(gone)?;
        let is_judged = |fares: &Fares| {
            fares.wanted == *wish.borrow() && fares.wanted != Wanted::NOTHING && fares.trial != Trial::Pending
        };
        let judged = fares.wait_for(is_judged).await.map(|fares| fares.trial.clone());
        match judged.map_err(|_| gone())? {
            Trial::Failed(number, trouble) => {
                let lines = tail.settled(LAST_LINES_WITHIN).await;
                let refusal = refusal(service, number, &trouble, &lines);
                Err(if matches!(trouble, Trouble::Ended(_)) {
                    Unproven::Ended(refusal)
                } else {
                    Unproven::Otherwise(refusal)
                })
            }
            Trial::Passed | Trial::Pending => Ok(()),
        }
    }

    /// Runs the release command of a service to its end, or follows the one that an earlier process began.
    async fn release(&self, service: &Service, command: &str) -> Result<(), Stop> {
        let name = &service.spec.name;
        let key = release_key(service.deployment.id, name.as_str());
        let prepared = async {
            Ok::<_, NotLaunched>((service.environment(self.tools(), None).await?, service.volumes(self.tools()).await?))
        };
        let ((env, mask), volumes) = prepared.await.map_err(|why| not_started(name.as_str(), command, why))?;
        let spec = command_spec(self, service, key, shell(command), env, volumes);
        let writer = self.tools().logs.writer(service.log(), service.deployment.id, None, mask.clone());
        // One that was begun before is not begun again, and what it said is not written down twice.
        let was_begun = self.tools().engine.commands().await?.iter().any(|(known, _)| *known == spec.key);
        let written_until = if was_begun { writer.resume_from().await? } else { None };
        if !was_begun {
            writer.say(&format!("release command: {}", mask.apply(command.to_owned()))).await;
        }
        let started = self.tools().engine.run_command(&spec).await;
        let running = started.map_err(|why| not_started(name.as_str(), command, why.into()))?;
        berth_model::step!("release command started");
        let tail = Tail::new();
        let read = async {
            let mut records = std::pin::pin!(running.output(None));
            while let Some(Ok(record)) = records.next().await {
                tail.push(&mask, &record.line);
                if written_until.is_none_or(|until| until < record.at_ns) {
                    writer.line(record.at_ns, record.stream, &record.line).await;
                }
            }
        };
        let waited = tokio::time::timeout(RELEASE_WITHIN, async { tokio::join!(running.wait(), read).0 }).await;
        let said = mask.apply(command.to_owned());
        let lines = || tail.settled(Duration::ZERO);
        match waited {
            Ok(Ok(end)) if end.exit_code == 0 => {
                writer.say("release command: done").await;
                Ok(())
            }
            Ok(Ok(end)) => {
                let what = format!(
                    "The release command of the service {name} failed: {}. Nothing was switched.\nIt was: {said}",
                    of_end(end)
                );
                writer.say(&format!("release command: {end}")).await;
                Err(Stop::Refused(with_lines(what, &lines().await)))
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => {
                running.stop(STOP_WITHIN).await?;
                let what = format!(
                    "The release command of the service {name} was stopped after {}. Nothing was switched.\nIt was: {said}",
                    berth_model::words::Seconds(RELEASE_WITHIN)
                );
                Err(Stop::Refused(with_lines(what, &lines().await)))
            }
        }
    }
}

/// By what Docker knows the release command of a service of a deployment.
pub(super) fn release_key(deployment: DeploymentId, service: &str) -> String {
    format!("release-{deployment}-{service}")
}

pub(super) fn command_spec(
    supervisor: &Supervisor,
    service: &Service,
    key: String,
    command: Vec<String>,
    env: Vec<EnvVar>,
    volumes: Vec<(berth_runtime::VolumeName, berth_model::MountPath)>,
) -> CommandSpec {
    let (memory, cpus, pids) = service.limits(&supervisor.tools().config);
    CommandSpec {
        key,
        project: service.deployment.project,
        deployment: service.deployment.id,
        service: service.spec.name.clone(),
        environment: service.deployment.environment,
        image: service.running.image.clone(),
        command,
        env,
        memory,
        cpus,
        pids,
        volumes,
    }
}

fn not_started(service: &str, command: &str, why: NotLaunched) -> Stop {
    match why.may_pass {
        true => Stop::Later(DeployError::Away(why.problem)),
        false => Stop::Refused(format!(
            "The release command of the service {service} could not be started: {}. Nothing was switched.\nIt was: {command}",
            why.problem
        )),
    }
}

/// Why a version did not go live, for its owner.
fn refusal(service: &Service, number: u32, trouble: &Trouble, lines: &[String]) -> String {
    let name = &service.spec.name;
    let which = if number == 1 { String::new() } else { format!(" (replica {number})") };
    let what = match trouble {
        Trouble::Ended(_) => format!("The service {name}{which} does not stay up: {}.", trouble.for_owner()),
        Trouble::NotStarted(_) => {
            return format!(
                "The service {name}{which} could not be started: {}. What was live stays live.",
                trouble.for_owner()
            );
        }
        Trouble::Silent(problem) => format!(
            "The service {name}{which} was not healthy within {}: {problem}. It has to listen on 0.0.0.0 at the port that \
             PORT names ({}).",
            berth_model::words::Seconds(service.running.health_timeout()),
            service.running.port
        ),
    };
    with_lines(format!("{what} What was live stays live."), lines)
}
