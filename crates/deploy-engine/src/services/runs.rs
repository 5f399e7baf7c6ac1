//! One-off commands in a service's image: those that wait are started, those that run are followed to their end, and
//! those that an earlier process started are found again.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use berth_model::{RunId, RunStatus, UserId};
use berth_runtime::{Command, RuntimeError};
use berth_secrets::Mask;
use berth_store::{LogOf, Run, RunEnd, Store, StoreError};
use futures_util::StreamExt;
use tokio::task::JoinHandle;

use super::STOP_WITHIN;
use super::keeper::{NotLaunched, Service};
use super::rollout::{command_spec, release_key};
use super::supervisor::{Supervisor, services_of};
use crate::DeployError;

/// How many run at once, of everybody and of one: each may take a day.
const AT_ONCE: usize = 64;
const OF_ONE: usize = 16;
/// How long one may take.
const RUN_WITHIN: Duration = Duration::from_secs(24 * 3_600);
/// A look without being told of anything.
const NOW_AND_THEN: Duration = Duration::from_secs(60);
/// After something failed that may pass.
const SOON: Duration = Duration::from_secs(1);

/// Those that are followed, each with whose it is.
type UnderWay = BTreeMap<RunId, (UserId, JoinHandle<()>)>;

impl Supervisor {
    /// Carries out one-off commands, for as long as this is polled.
    pub async fn run_commands(&self) {
        let mut changes = self.tools().store.signals().subscribe_services();
        let mut under_way: UnderWay = BTreeMap::new();
        loop {
            changes.mark_unchanged();
            under_way.retain(|_, (_, task)| !task.is_finished());
            let pause = match self.begin_runs(&mut under_way).await {
                Ok(()) => NOW_AND_THEN,
                Err(error) => {
                    tracing::warn!("one-off commands must wait: {error}");
                    SOON
                }
            };
            tokio::select! {
                _ = changes.changed(), if pause == NOW_AND_THEN => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn begin_runs(&self, under_way: &mut UnderWay) -> Result<(), DeployError> {
        for run in self.tools().store.pending_runs().await? {
            let of_owner = under_way.values().filter(|(owner, _)| *owner == run.owner).count();
            if under_way.len() < AT_ONCE && of_owner < OF_ONE && !under_way.contains_key(&run.id) {
                let (supervisor, id, owner) = (self.clone(), run.id, run.owner);
                under_way.insert(id, (owner, tokio::spawn(async move { supervisor.carry_out(run).await })));
            }
        }
        Ok(())
    }

    /// Removes the containers of commands that nobody waits for any more: their end is recorded.
    ///
    /// # Errors
    /// The database's and Docker's own.
    pub async fn forget_commands(&self) -> Result<(), DeployError> {
        let commands = self.tools().engine.commands().await?;
        if commands.is_empty() {
            return Ok(());
        }
        // Asked for after the containers: what was begun meanwhile is none of those.
        let runs = self.tools().store.pending_runs().await?;
        let runs: HashSet<String> = runs.iter().map(|run| key_of(run.id)).collect();
        let activations = self.tools().store.pending_activations().await?;
        let releases: Vec<String> = activations.iter().map(|wish| release_key(wish.deployment, "")).collect();
        for (key, command) in commands {
            if !runs.contains(&key) && !releases.iter().any(|prefix| key.starts_with(prefix)) {
                command.remove().await?;
            }
        }
        Ok(())
    }

    /// One command from its beginning, or from where an earlier process left it, to its end.
    async fn carry_out(&self, mut run: Run) {
        let (id, store) = (run.id, &self.tools().store);
        let was_begun = run.status != RunStatus::Queued;
        let (end, command) = loop {
            match self.execute(&run, was_begun).await {
                Ok(Some((end, command))) => break (end, Some(command)),
                Ok(None) => return,
                Err(why) if why.may_pass => tracing::debug!(run = %id, "a one-off command must wait: {}", why.problem),
                Err(why) => break (RunEnd::Failed { problem: why.problem }, None),
            }
            tokio::time::sleep(SOON).await;
            match store.run_unscoped(id).await {
                Ok(Some(now)) if !now.status.is_final() => run = now,
                Ok(_) => return,
                // Asked again above, once the database is back.
                Err(_) => {}
            }
        };
        if record(store, id, end).await
            && let Some(command) = command
            && let Err(error) = command.remove().await
        {
            tracing::warn!(run = %id, "the container of a one-off command is left for now: {error}");
        }
    }

    /// `was_begun` by an earlier process. Nothing is ever run twice: what that one begun and left no container of is lost.
    async fn execute(&self, run: &Run, was_begun: bool) -> Result<Option<(RunEnd, Command)>, NotLaunched> {
        let tools = self.tools();
        let Some(service) = self.service_of(run).await? else {
            let problem = "its deployment is gone, and with it what it would run in".to_owned();
            return Err(NotLaunched { problem, may_pass: false });
        };
        let key = key_of(run.id);
        if was_begun && !tools.engine.commands().await?.iter().any(|(known, _)| *known == key) {
            let problem = "Berth was restarted while it began, and whether it did anything is not known; if it may be \
                           run twice, run it again"
                .to_owned();
            return Err(NotLaunched { problem, may_pass: false });
        }
        let (env, mask) = service.environment(tools, None).await?;
        let volumes = service.volumes(tools).await?;
        let spec = command_spec(self, &service, key, run.command.clone(), env, volumes);
        if run.status == RunStatus::Queued {
            match tools.store.run_started(run.id).await {
                Ok(_) => {}
                // Stopped meanwhile, or gone with its project.
                Err(StoreError::Illegal(_) | StoreError::NotFound) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
            berth_model::step!("run started");
        }
        let command = tools.engine.run_command(&spec).await?;
        let end = self.follow(run, &command, mask).await?;
        Ok(Some((end, command)))
    }

    async fn service_of(&self, run: &Run) -> Result<Option<Service>, StoreError> {
        let deployment = self.tools().store.deployment_unscoped(run.deployment).await?;
        let services = deployment.map(services_of).unwrap_or_default();
        Ok(services.into_iter().find(|service| service.spec.name == run.service))
    }

    /// Reads what it prints, until it ends, is stopped, or has taken too long. The log is whole before the end is told.
    async fn follow(&self, run: &Run, command: &Command, mask: Arc<Mask>) -> Result<RunEnd, NotLaunched> {
        let of = LogOf::Run { project: run.project, run: run.id };
        let writer = self.tools().logs.writer(of, run.deployment, None, mask);
        let read = async {
            loop {
                let Ok(since) = writer.resume_from().await else {
                    tokio::time::sleep(SOON).await;
                    continue;
                };
                let mut records = std::pin::pin!(command.output(since));
                let mut broke_off = false;
                while let Some(record) = records.next().await {
                    match record {
                        Ok(record) => writer.line(record.at_ns, record.stream, &record.line).await,
                        Err(error) => broke_off = error.is_transient(),
                    }
                }
                if !broke_off {
                    return;
                }
                tokio::time::sleep(SOON).await;
            }
        };
        let reason_to_stop = async {
            tokio::select! {
                () = self.asked_to_stop(run.id) => None,
                () = tokio::time::sleep(RUN_WITHIN) => Some("it took longer than 24 hours".to_owned()),
            }
        };
        let mut ended = std::pin::pin!(async { tokio::join!(command.wait(), read).0 });
        let end = tokio::select! {
            end = &mut ended => RunEnd::Ended(end.map_err(lost)?),
            why = reason_to_stop => {
                let (stopped, end) = tokio::join!(command.stop(STOP_WITHIN), &mut ended);
                stopped.and(end).map_err(lost)?;
                RunEnd::Stopped { why }
            }
        };
        writer.end().await;
        Ok(end)
    }

    /// Waits until somebody wants it to stop.
    async fn asked_to_stop(&self, id: RunId) {
        let store = &self.tools().store;
        let mut changes = store.signals().subscribe_services();
        loop {
            changes.mark_unchanged();
            // What cannot be read now is read at the next change or a little later.
            if let Ok(run) = store.run_unscoped(id).await
                && run.is_none_or(|run| run.stop_asked_at.is_some())
            {
                return;
            }
            let _ = tokio::time::timeout(NOW_AND_THEN, changes.changed()).await;
        }
    }
}

/// Why the end of one that ran is not known. One that somebody removed is not run again.
fn lost(error: RuntimeError) -> NotLaunched {
    match error {
        RuntimeError::Gone => NotLaunched {
            problem:
                "its container was removed while it ran, and how far it came is not known; if it may be run twice, \
                      run it again"
                    .to_owned(),
            may_pass: false,
        },
        error => error.into(),
    }
}

/// By what Docker knows it.
fn key_of(run: RunId) -> String {
    format!("run-{run}")
}

/// Writes down how it ended; a database that is away is waited for. Whether it is written down, by us or before.
async fn record(store: &Store, id: RunId, end: RunEnd) -> bool {
    loop {
        match store.run_ended(id, end.clone()).await {
            Ok(_) | Err(StoreError::NotFound | StoreError::Illegal(_)) => return true,
            Err(error) if error.is_unavailable() => tokio::time::sleep(SOON).await,
            Err(error) => {
                tracing::error!(run = %id, "the end of a one-off command could not be recorded: {error}");
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_removed_is_not_run_again() {
        let why = lost(RuntimeError::Gone);
        assert!(!why.may_pass && why.problem.contains("was removed"), "{why:?}");
        assert!(lost(RuntimeError::Unreachable { reason: "no route".to_owned() }).may_pass, "it is followed again");
    }
}
