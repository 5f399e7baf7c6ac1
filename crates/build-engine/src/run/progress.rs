//! How far a build is, told to the store while the build goes on: a transaction that is synced to disk takes longer
//! than many a step.

use std::sync::Arc;
use std::time::Duration;

use berth_model::{Commit, Plan, Step, StepName, StepState};
use berth_store::{Lease, Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::BuildError;
use crate::log::BuildLog;

/// How often, and how far apart, the store is tried while it is away: a database may restart during a build.
const TRIES: usize = 120;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

enum Record {
    Commit(Commit),
    Plan(Plan),
    Steps(Vec<Step>),
    /// Answered when everything before it is stored.
    Mark(oneshot::Sender<Result<(), StoreError>>),
}

/// Writes down what happens, in order, on a task of its own.
#[derive(Debug)]
pub(super) struct Progress {
    store: Store,
    log: Arc<BuildLog>,
    steps: Vec<Step>,
    records: mpsc::UnboundedSender<Record>,
    task: JoinHandle<()>,
    lost: CancellationToken,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Record")
    }
}

impl Progress {
    pub(super) fn begin(store: Store, lease: Lease, log: Arc<BuildLog>) -> Self {
        // A build makes a dozen records.
        let (records, received) = mpsc::unbounded_channel();
        let lost = CancellationToken::new();
        let task = tokio::spawn(write(store.clone(), lease, received, lost.clone()));
        Self { store, log, steps: Vec::new(), records, task, lost }
    }

    /// Canceled when the build turns out to be somebody else's.
    pub(super) fn lease_lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    pub(super) fn commit(&self, commit: Commit) {
        self.record(Record::Commit(commit));
    }

    pub(super) fn plan(&self, plan: Plan) {
        self.record(Record::Plan(plan));
    }

    /// Begins a step; one that was still running has passed.
    pub(super) fn begin_step(&mut self, name: StepName) {
        self.close_step(StepState::Passed);
        let started_at = self.store.clock().now();
        let first_line = self.log.next_line();
        self.steps.push(Step { name, first_line, state: StepState::Running, started_at, took_ms: None });
        self.record(Record::Steps(self.steps.clone()));
    }

    /// Ends the step that runs, if one does.
    pub(super) fn end_step(&mut self, state: StepState) {
        if self.close_step(state) {
            self.record(Record::Steps(self.steps.clone()));
        }
    }

    fn close_step(&mut self, state: StepState) -> bool {
        let now = self.store.clock().now();
        match self.steps.last_mut().filter(|step| step.state == StepState::Running) {
            Some(step) => {
                step.state = state;
                step.took_ms = u64::try_from(now.since(step.started_at).as_millis()).ok();
                true
            }
            None => false,
        }
    }

    fn record(&self, record: Record) {
        // The task ends early only when the lease is lost, and then nothing may be recorded.
        let _ = self.records.send(record);
    }

    /// Waits until everything so far is stored.
    pub(super) async fn flush(&self) -> Result<(), BuildError> {
        let (answer, answered) = oneshot::channel();
        self.record(Record::Mark(answer));
        match answered.await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(BuildError::LeaseLost),
        }
    }

    /// Ends the task once everything is stored.
    pub(super) async fn close(self) -> Result<(), BuildError> {
        let Self { records, task, .. } = self;
        let (answer, answered) = oneshot::channel();
        let _ = records.send(Record::Mark(answer));
        drop(records);
        let _ = task.await;
        match answered.await {
            // After the build's end its lease is gone; a step that ends later is not worth an error.
            Ok(Err(StoreError::LeaseLost)) | Err(_) => Ok(()),
            Ok(outcome) => Ok(outcome?),
        }
    }
}

async fn write(store: Store, lease: Lease, mut received: mpsc::UnboundedReceiver<Record>, lost: CancellationToken) {
    let mut outcome = Ok(());
    while let Some(mut record) = received.recv().await {
        // Only the newest of several lists of steps matters.
        while matches!(record, Record::Steps(_))
            && let Ok(next) = received.try_recv()
        {
            if !matches!(next, Record::Steps(_)) {
                outcome = store_it(&store, &lease, &record).await.and(outcome);
            }
            record = next;
        }
        let stored = store_it(&store, &lease, &record).await;
        outcome = stored.and(outcome);
        let is_lost = matches!(outcome, Err(StoreError::LeaseLost));
        if let Record::Mark(answer) = record {
            let _ = answer.send(std::mem::replace(&mut outcome, Ok(())));
        }
        if is_lost {
            lost.cancel();
            return;
        }
    }
}

async fn store_it(store: &Store, lease: &Lease, record: &Record) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        let stored = match record {
            Record::Commit(commit) => store.record_commit(lease, commit).await,
            Record::Plan(plan) => store.record_plan(lease, plan).await,
            Record::Steps(steps) => store.record_steps(lease, steps).await,
            Record::Mark(_) => Ok(()),
        };
        tries += 1;
        match stored {
            Err(error) if error.is_unavailable() && tries < TRIES => tokio::time::sleep(BETWEEN_TRIES).await,
            outcome => return outcome,
        }
    }
}
